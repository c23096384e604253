//! Learned activations as files, and as parts of networks.
//!
//! `activations.json` holds the sub-networks themselves. `activations.txt` holds samples: one line
//! a type, as many numbers as samples, on `linspace(-5, 5)`; the paper's authors write this form
//! too.

use super::names::{is_learned, start_of};
use anyhow::{Context, Result, bail, ensure};
use ldnn_core::table::{self, TableForm, Tabulation};
use ldnn_core::{Activation, Base, Shape};
use serde::{Deserialize, Serialize};

/// Samples in `activations.txt` span `[-SAMPLE_RANGE, SAMPLE_RANGE]`.
pub const SAMPLE_RANGE: f64 = 5.0;
/// Samples of a type in an `activations.txt` that we write.
pub const SAMPLES: usize = 100;
/// Knots of the tables that networks with learned activations are trained and run with; also the
/// default of `table_knots`, the tables with which activations are learned. Tables of a device have
/// their own.
pub const TABLE_KNOTS: usize = 257;
/// Those tables span `[-TABLE_RANGE, TABLE_RANGE]`.
pub const TABLE_RANGE: f32 = 10.0;

/// One learned type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "form", deny_unknown_fields)]
pub enum LearnedType {
    /// `base(z) + 0.2 (v . tanh(u z + c) + d)`
    Subnet {
        /// Name of the base function.
        base: String,
        /// Hidden weights.
        u: Vec<f32>,
        /// Hidden biases.
        c: Vec<f32>,
        /// Output weights.
        v: Vec<f32>,
        /// Output bias.
        d: f32,
    },
    /// Samples on equal steps over `[-range, range]`, joined by cubic Hermite pieces.
    Samples {
        /// Half the span.
        range: f32,
        /// The samples.
        y: Vec<f32>,
    },
}

/// A set of learned types.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearnedActivations {
    /// Version of this form of file.
    pub version: u32,
    /// Where the types come from, for people.
    pub provenance: String,
    /// 1 if all hidden layers share the types; else each hidden layer has types of its own, and
    /// this is their number.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub layers: usize,
    /// The types, in order; those of the first layer first.
    pub types: Vec<LearnedType>,
}

fn one() -> usize {
    1
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks with a reference"
)]
fn is_one(n: &usize) -> bool {
    *n == 1
}

/// Other names of base functions.
const ALIASES: [(&str, Base); 2] = [("sin", Base::Sine), ("silu", Base::Swish)];

/// The base function called `name`.
///
/// # Errors
/// If there is none; the message lists them.
pub fn base_named(name: &str) -> Result<Base> {
    let found = Base::ALL
        .into_iter()
        .find(|b| b.name() == name || ALIASES.contains(&(name, *b)));
    found.with_context(|| {
        format!(
            "there is no base function '{name}'; there are {}",
            base_names().join(", ")
        )
    })
}

pub(super) fn base_names() -> Vec<&'static str> {
    Base::ALL.iter().map(|b| b.name()).collect()
}

impl LearnedType {
    /// The type made of `phi = [u | c | v | d]`.
    #[must_use]
    pub fn from_phi(base: Base, phi: &[f32]) -> LearnedType {
        let units = (phi.len() - 1) / 3;
        let part = |i: usize| phi[i * units..(i + 1) * units].to_vec();

        LearnedType::Subnet {
            base: base.name().into(),
            u: part(0),
            c: part(1),
            v: part(2),
            d: phi[3 * units],
        }
    }

    /// The activation of a type evaluated directly, and its parameters.
    ///
    /// # Errors
    /// If the lengths of the parts or the name of the base make no type.
    pub fn direct(&self) -> Result<(Activation, Vec<f32>)> {
        match self {
            LearnedType::Subnet { base, u, c, v, d } => {
                ensure!(
                    u.len() == c.len() && u.len() == v.len() && !u.is_empty(),
                    "u, c and v must be equally long"
                );

                let phi = [u, c, v, &[*d][..]].concat();
                ensure!(
                    phi.iter().all(|p| p.is_finite()),
                    "an activation parameter is not a finite number"
                );

                Ok((
                    Activation::Learned {
                        base: base_named(base)?,
                        units: u.len(),
                    },
                    phi,
                ))
            }
            LearnedType::Samples { range, y } => {
                ensure!(
                    y.len() >= 2 && *range > 0.0,
                    "samples need at least 2 numbers and a positive range"
                );
                ensure!(
                    y.iter().all(|p| p.is_finite()),
                    "an activation sample is not a finite number"
                );

                Ok((
                    Activation::Table(TableForm::fixed(y.len(), *range)),
                    hermite(y),
                ))
            }
        }
    }

    /// The type as a table of [`TABLE_KNOTS`] knots.
    ///
    /// # Errors
    /// As [`LearnedType::direct`].
    pub fn tabulated(&self) -> Result<(Activation, Vec<f32>)> {
        let (activation, phi) = self.direct()?;
        let Activation::Learned { base, .. } = activation else {
            return Ok((activation, phi));
        };
        let from = Shape::try_new(&[1, 1, 1], &[activation])?;
        let to = table::tabulated(&from, TABLE_KNOTS, TABLE_RANGE)?;
        let mut tables = vec![0.0; to.phi_len()];
        let tabulation = Tabulation {
            from: &from,
            to: &to,
        };
        let mut work = vec![0.0; tabulation.work_len()];

        tabulation.build(&phi, &mut tables, &mut work)?;
        tables.truncate(2 * TABLE_KNOTS);

        Ok((
            Activation::Table(TableForm {
                base: base.outside_table(),
                ..TableForm::fixed(TABLE_KNOTS, TABLE_RANGE)
            }),
            tables,
        ))
    }

    /// The function at `z`.
    ///
    /// # Errors
    /// As [`LearnedType::direct`].
    pub fn evaluate(&self, z: &[f64]) -> Result<Vec<f64>> {
        let (activation, phi) = self.direct()?;
        let phi: Vec<f64> = phi.iter().map(|&p| f64::from(p)).collect();
        let mut out = vec![0.0; z.len()];
        activation.eval(&phi, z, &mut out)?;
        Ok(out)
    }
}

/// Values and scaled slopes: central differences inside, one-sided at the ends.
fn hermite(y: &[f32]) -> Vec<f32> {
    let last = y.len() - 1;
    let slope = |i: usize| match i {
        0 => y[1] - y[0],
        i if i == last => y[last] - y[last - 1],
        i => (y[i + 1] - y[i - 1]) / 2.0,
    };
    (0..=last).flat_map(|i| [y[i], slope(i)]).collect()
}

impl LearnedActivations {
    /// The version of the files that we write.
    pub const VERSION: u32 = 1;

    /// Splits `phi` of a network whose types have these bases and equally large sub-networks;
    /// equally many types are in each of `layers` layers (1 if they are shared).
    #[must_use]
    pub fn from_phi(
        bases: &[Base],
        phi: &[f32],
        layers: usize,
        provenance: String,
    ) -> LearnedActivations {
        let types = phi
            .chunks(phi.len() / bases.len())
            .zip(bases)
            .map(|(p, &base)| LearnedType::from_phi(base, p))
            .collect();

        LearnedActivations {
            version: Self::VERSION,
            provenance,
            layers,
            types,
        }
    }

    /// Those that a name of learned types stands for (`mix`: all); `None` if it is no such name.
    ///
    /// # Errors
    /// If there is no such type.
    pub fn chosen(&self, name: &str) -> Result<Option<LearnedActivations>> {
        let types = types_named(name, Some(self))?;
        Ok(types.map(|types| LearnedActivations {
            types: types.into_iter().cloned().collect(),
            ..self.clone()
        }))
    }

    /// How many types a hidden layer mixes.
    #[must_use]
    pub fn types_in_a_layer(&self) -> usize {
        self.types.len() / self.layers.max(1)
    }

    /// Reads `activations.json`.
    ///
    /// # Errors
    /// If the text is malformed.
    pub fn from_json(text: &str) -> Result<LearnedActivations> {
        serde_json::from_str::<LearnedActivations>(text)?.checked()
    }

    /// The same, if every type is sound.
    ///
    /// # Errors
    /// If one is not, or there are none; the message says which.
    pub fn checked(self) -> Result<LearnedActivations> {
        ensure!(
            self.version == Self::VERSION,
            "version {} is not known; this program reads {}",
            self.version,
            Self::VERSION
        );

        ensure!(!self.types.is_empty(), "there is no activation type in it");

        ensure!(
            self.layers > 0 && self.types.len().is_multiple_of(self.layers),
            "{} types cannot be dealt out to {} layers",
            self.types.len(),
            self.layers
        );

        for (i, t) in self.types.iter().enumerate() {
            t.direct().with_context(|| format!("type {}", i + 1))?;
        }

        Ok(self)
    }

    /// Reads samples: a line for each type.
    ///
    /// # Errors
    /// If the text is malformed; the message names the line.
    pub fn from_text(text: &str) -> Result<LearnedActivations> {
        let mut types = Vec::new();

        for (i, line) in text
            .lines()
            .enumerate()
            .filter(|(_, l)| !l.trim().is_empty())
        {
            let y = line
                .split_whitespace()
                .map(str::parse)
                .collect::<Result<Vec<f32>, _>>();
            let y = y.with_context(|| {
                format!(
                    "line {}: every line must hold numbers separated by blanks",
                    i + 1
                )
            })?;

            ensure!(
                y.len() >= 4,
                "line {}: {} samples are there, and at least 4 on linspace(-5, 5) are needed; {SAMPLES} are usual",
                i + 1,
                y.len()
            );

            if let Some(at) = y.iter().position(|v| !v.is_finite()) {
                bail!(
                    "line {}: sample {} is {}; every sample must be finite",
                    i + 1,
                    at + 1,
                    y[at]
                );
            }

            types.push(LearnedType::Samples {
                range: SAMPLE_RANGE as f32,
                y,
            });
        }

        ensure!(!types.is_empty(), "there is no line of samples in it");

        Ok(LearnedActivations {
            version: Self::VERSION,
            provenance: "samples from a text file".into(),
            layers: 1,
            types,
        })
    }
}

/// `n` equal steps over `[-range, range]`.
#[must_use]
pub fn grid(n: usize, range: f64) -> Vec<f64> {
    (0..n)
        .map(|i| range * (2.0 * i as f64 / (n - 1) as f64 - 1.0))
        .collect()
}

/// The learned types that a name stands for; `None` if it is no name of learned types.
pub(super) fn types_named<'a>(
    name: &str,
    learned: Option<&'a LearnedActivations>,
) -> Result<Option<Vec<&'a LearnedType>>> {
    if !is_learned(name) {
        return Ok(None);
    }

    let name = start_of(name);
    let number = name.strip_prefix("type").map(str::parse::<usize>);
    let learned = learned.with_context(|| {
        format!("'{name}' needs learned activations; give them with `activations` FILE")
    })?;
    let in_layer = learned.types_in_a_layer();

    match number {
        Some(Ok(n)) if n == 0 || n > in_layer => {
            bail!("there is no '{name}': the file holds type1 to type{in_layer}")
        }
        Some(Ok(n)) => Ok(Some(
            learned.types.iter().skip(n - 1).step_by(in_layer).collect(),
        )),
        _ => Ok(Some(learned.types.iter().collect())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    fn sine() -> LearnedType {
        LearnedType::Subnet {
            base: "sine".into(),
            u: vec![1.0, -0.5],
            c: vec![0.0, 0.3],
            v: vec![2.0, 1.0],
            d: 0.5,
        }
    }

    #[test]
    fn a_learned_type_evaluates_its_formula() {
        let z: f64 = 0.7;
        let expected = z.sin() + 0.2 * (2.0 * z.tanh() + (0.3f32 as f64 - 0.5 * z).tanh() + 0.5);
        assert_abs_diff_eq!(sine().evaluate(&[z]).unwrap()[0], expected, epsilon = 1e-15);
    }

    #[test]
    fn a_malformed_line_of_samples_is_named() {
        let error = LearnedActivations::from_text("1 2 x\n").unwrap_err();
        assert!(format!("{error:#}").contains("line 1"));
    }
}
