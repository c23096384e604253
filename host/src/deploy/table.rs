//! Tables that own their entries: made from a function, written to files, given to the core.

use crate::model::Function;
use anyhow::{Context, Result, bail, ensure};
use ldnn_core::deploy::AnyActivation;
use ldnn_core::table::compact::{self, Compact, Form, Knots, Symmetry};
use ldnn_core::table::integer::{Scale, Scaled8, Scaled16, Table8, Table16};
use ldnn_core::{Activation, Base};
use serde::{Deserialize, Serialize};

/// What a table does beyond its ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Beyond {
    /// It goes on along its last line.
    #[default]
    Linear,
    /// It stays at its last value.
    Clamp,
}

/// An activation as it is deployed.
#[derive(Clone, Debug, PartialEq)]
pub enum DeployedActivation {
    /// A base function, directly.
    Base(Base),
    /// A table of real numbers.
    Compact {
        /// How it stores its cells.
        form: Form,
        /// Where its knots lie.
        knots: Knots,
        /// Whether it is half of its function.
        symmetry: Symmetry,
        /// What is added to it.
        base: Base,
        /// The numbers.
        entries: Vec<f32>,
    },
    /// A table of 16-bit integers.
    Integer {
        /// What inputs stand for.
        input: Scale,
        /// What outputs stand for.
        output: Scale,
        /// The numbers.
        entries: Vec<i16>,
    },
    /// A direct table of 8-bit integers.
    Direct {
        /// What inputs stand for.
        input: Scale,
        /// What outputs stand for.
        output: Scale,
        /// The value for every input, -128 first.
        entries: Box<[i8; 256]>,
    },
}

/// What the C of a base function does that a device computes as it is, with the bits of the core: no
/// more than a comparison and a sum. The others become tables, and have none.
#[must_use]
pub const fn c_body(base: Base) -> Option<&'static str> {
    match base {
        Base::Zero => Some("(void)z;\n    return 0.0f;"),
        Base::Identity => Some("return z;"),
        Base::Relu => Some("return z > 0.0f ? z : 0.0f;"),
        Base::Tanh
        | Base::Sigmoid
        | Base::Sine
        | Base::Elu
        | Base::Swish
        | Base::Gelu
        | Base::Softplus
        | Base::Snake => None,
    }
}

/// Whether a device computes a base function as it is; see [`c_body`].
#[must_use]
pub const fn is_computed(base: Base) -> bool {
    c_body(base).is_some()
}

impl DeployedActivation {
    /// A table of real numbers between `low` and `high`.
    ///
    /// # Errors
    /// If range and number of knots make no table.
    pub fn compact(
        f: &Function,
        form: Form,
        (low, high): (f32, f32),
        count: u32,
        beyond: Beyond,
    ) -> Result<DeployedActivation> {
        let symmetry = if beyond == Beyond::Linear {
            symmetry(f, low.abs().max(high))?
        } else {
            Symmetry::None
        };

        let knots = match (symmetry, beyond) {
            (Symmetry::None, Beyond::Linear) => Knots { low, high, count },
            (Symmetry::None, Beyond::Clamp) => flat_ends(Knots { low, high, count }),
            _ => Knots {
                low: 0.0,
                high: low.abs().max(high),
                count,
            },
        };

        ensure!(
            knots.is_valid(),
            "{count} knots from {low} to {high} make no table"
        );

        let base = f.outside_device_table();
        ensure!(
            beyond == Beyond::Linear || (form != Form::Hermite && base == Base::Zero),
            "a cubic table, or one with relu outside it, cannot stay constant beyond its ends; use another `form` or `beyond` linear"
        );

        let place = |z: f32| {
            if beyond == Beyond::Clamp {
                z.clamp(low, high)
            } else {
                z
            }
        };

        let z: Vec<f64> = (0..knots.count)
            .map(|i| f64::from(place(knots.at(i))))
            .collect();
        let sampled = f.inside_device_table(&z)?;
        let at = |z: f32| {
            let i = ((f64::from(z) - f64::from(knots.low)) / knots.spacing()).round() as usize;
            sampled[i.min(sampled.len() - 1)]
        };

        let mut entries = vec![0.0; form.entries(knots.count)];
        compact::fill(form, knots, at, &mut entries)?;

        Ok(DeployedActivation::Compact {
            form,
            knots,
            symmetry,
            base,
            entries,
        })
    }

    /// A table that learned beside the weights, with the numbers that it learned.
    ///
    /// # Errors
    /// If the function is none, or has a kink that a device cannot add.
    pub fn as_trained(f: &Function) -> Result<DeployedActivation> {
        let Activation::Table(form) = f.activation() else {
            bail!(
                "`form` trained: an activation of this network did not learn as a table; use another `form`"
            );
        };

        ensure!(
            form.base == f.outside_device_table(),
            "`form` trained: a device cannot add {} to a table; use another `form`",
            form.base.name()
        );

        Ok(DeployedActivation::Compact {
            form: Form::Hermite,
            knots: Knots {
                low: -form.range,
                high: form.range,
                count: form.knots as u32,
            },
            symmetry: Symmetry::None,
            base: form.base,
            entries: f.parameters()[..2 * form.knots]
                .iter()
                .map(|&p| p as f32)
                .collect(),
        })
    }

    /// A table of `2^k + 1` integers between `low` and `high`, constant beyond.
    ///
    /// # Errors
    /// If there is no such table.
    pub fn integer(f: &Function, (low, high): (f32, f32), k: u32) -> Result<DeployedActivation> {
        let input = spanning(low, high, 16)?;
        let spread = 1i32 << (16 - k);

        // The last knot is one input beyond the last i16.
        let z: Vec<f64> = (0..=1 << k)
            .map(|i| f64::from(input.real(i * spread - 32768)))
            .collect();
        let (output, entries) = rounded(&f.values(&z)?, 16);

        Ok(DeployedActivation::Integer {
            input,
            output,
            entries: entries.into_iter().map(|q| q as i16).collect(),
        })
    }

    /// A table of the value for every 8-bit integer between `low` and `high`, constant beyond.
    ///
    /// # Errors
    /// If there is no such table.
    pub fn direct(f: &Function, (low, high): (f32, f32)) -> Result<DeployedActivation> {
        let input = spanning(low, high, 8)?;
        let z: Vec<f64> = (-128..128).map(|q| f64::from(input.real(q))).collect();
        let (output, entries) = rounded(&f.values(&z)?, 8);
        let mut all = Box::new([0; 256]);

        all.iter_mut()
            .zip(entries)
            .for_each(|(to, q)| *to = q as i8);

        Ok(DeployedActivation::Direct {
            input,
            output,
            entries: all,
        })
    }

    /// The scale, first and last of the inputs, if those are integers.
    #[must_use]
    pub fn inputs(&self) -> Option<(Scale, i32, i32)> {
        match self {
            DeployedActivation::Base(_) | DeployedActivation::Compact { .. } => None,
            DeployedActivation::Integer { input, .. } => Some((*input, -32768, 32767)),
            DeployedActivation::Direct { input, .. } => Some((*input, -128, 127)),
        }
    }

    /// As the core takes it.
    ///
    /// # Errors
    /// If its parts do not fit each other.
    pub fn activation(&self) -> Result<AnyActivation<'_>> {
        Ok(match self {
            DeployedActivation::Base(base) => AnyActivation::Base(*base),
            DeployedActivation::Compact {
                form,
                knots,
                symmetry,
                base,
                entries,
            } => AnyActivation::Compact(Compact::new(*form, *knots, *symmetry, *base, entries)?),
            DeployedActivation::Integer {
                input,
                output,
                entries,
            } => AnyActivation::Integer(Scaled16::new(Table16::new(entries)?, *input, *output)?),
            DeployedActivation::Direct {
                input,
                output,
                entries,
            } => AnyActivation::Direct(Scaled8::new(Table8(entries), *input, *output)?),
        })
    }

    /// The memory of its entries in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            DeployedActivation::Base(_) => 0,
            DeployedActivation::Compact { entries, .. } => 4 * entries.len(),
            DeployedActivation::Integer { entries, .. } => 2 * entries.len(),
            DeployedActivation::Direct { entries, .. } => entries.len(),
        }
    }

    /// What it is, in a few words.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            DeployedActivation::Base(base) => base.name().into(),
            DeployedActivation::Compact {
                form,
                knots,
                symmetry,
                base,
                ..
            } => {
                let form = form_name(*form);

                let half = match symmetry {
                    Symmetry::None => "",
                    Symmetry::Odd => ", odd: the right half",
                    Symmetry::Even => ", even: the right half",
                };

                let plus = if *base == Base::Zero {
                    String::new()
                } else {
                    format!(", plus {}", base.name())
                };

                format!(
                    "{form}, {} knots on [{}, {}]{half}{plus}",
                    knots.count, knots.low, knots.high
                )
            }
            DeployedActivation::Integer { input, entries, .. } => {
                format!(
                    "i16, {} entries on [{}, {}]",
                    entries.len(),
                    input.real(-32768),
                    input.real(32767)
                )
            }
            DeployedActivation::Direct { input, .. } => {
                format!(
                    "i8, 256 entries on [{}, {}]",
                    input.real(-128),
                    input.real(127)
                )
            }
        }
    }
}

fn spanning(low: f32, high: f32, bits: u32) -> Result<Scale> {
    Scale::spanning(low, high, bits)
        .with_context(|| format!("{bits}-bit integers cannot span {low} to {high}"))
}

/// Values as `bits`-bit integers that span them and 0.
fn rounded(y: &[f64], bits: u32) -> (Scale, Vec<i32>) {
    let (least, most) = y
        .iter()
        .fold((0.0f64, 0.0f64), |(a, b), &y| (a.min(y), b.max(y)));
    let output =
        Scale::spanning(least as f32, most as f32, bits).unwrap_or(Scale { step: 1.0, zero: 0 });
    let half = 1 << (bits - 1);

    (
        output,
        y.iter()
            .map(|&y| output.integer(y as f32, -half, half - 1))
            .collect(),
    )
}

/// A cell more at each end.
fn flat_ends(knots: Knots) -> Knots {
    let h = knots.spacing();
    let (low, high) = (
        (f64::from(knots.low) - h) as f32,
        (f64::from(knots.high) + h) as f32,
    );

    Knots {
        low,
        high,
        count: knots.count.saturating_add(2),
    }
}

/// Whether a function is odd or even, to a millionth of its size.
fn symmetry(f: &Function, range: f32) -> Result<Symmetry> {
    if f.outside_device_table() != Base::Zero {
        return Ok(Symmetry::None);
    }

    let z: Vec<f64> = (0..=256)
        .map(|i| f64::from(range) * f64::from(i) / 256.0)
        .collect();
    let mirrored: Vec<f64> = z.iter().map(|z| -z).collect();
    let (right, left) = (f.values(&z)?, f.values(&mirrored)?);
    let size = right
        .iter()
        .chain(&left)
        .fold(0.0f64, |a, y| a.max(y.abs()));

    let is = |sign: f64| {
        right
            .iter()
            .zip(&left)
            .all(|(r, l)| (r - sign * l).abs() <= 1e-6 * size)
    };

    Ok(if is(-1.0) {
        Symmetry::Odd
    } else if is(1.0) {
        Symmetry::Even
    } else {
        Symmetry::None
    })
}

/// The name of a form in files and flags.
#[must_use]
pub const fn form_name(form: Form) -> &'static str {
    match form {
        Form::Hermite => "hermite",
        Form::Linear => "linear",
        Form::Pairs => "pairs",
    }
}

/// A [`DeployedActivation`] in a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind", deny_unknown_fields)]
pub enum TableFile {
    /// A base function.
    Base {
        /// Its name.
        name: String,
    },
    /// A table of real numbers.
    Compact {
        /// `hermite`, `linear` or `pairs`.
        form: String,
        /// `none`, `odd` or `even`.
        symmetry: String,
        /// The base's name.
        base: String,
        /// First knot.
        low: f32,
        /// Last knot.
        high: f32,
        /// Number of knots.
        knots: u32,
        /// The numbers.
        entries: Vec<f32>,
    },
    /// A table of 16-bit integers.
    Integer {
        /// Step and zero of the inputs.
        input: (f32, i32),
        /// Step and zero of the outputs.
        output: (f32, i32),
        /// The numbers.
        entries: Vec<i16>,
    },
    /// A direct table of 8-bit integers.
    Direct {
        /// Step and zero of the inputs.
        input: (f32, i32),
        /// Step and zero of the outputs.
        output: (f32, i32),
        /// The 256 numbers.
        entries: Vec<i8>,
    },
}

impl From<&DeployedActivation> for TableFile {
    fn from(owned: &DeployedActivation) -> TableFile {
        match owned {
            DeployedActivation::Base(base) => TableFile::Base {
                name: base.name().into(),
            },
            DeployedActivation::Compact {
                form,
                knots,
                symmetry,
                base,
                entries,
            } => TableFile::Compact {
                form: form_name(*form).into(),
                symmetry: format!("{symmetry:?}").to_lowercase(),
                base: base.name().into(),
                low: knots.low,
                high: knots.high,
                knots: knots.count,
                entries: entries.clone(),
            },
            DeployedActivation::Integer {
                input,
                output,
                entries,
            } => TableFile::Integer {
                input: (input.step, input.zero),
                output: (output.step, output.zero),
                entries: entries.clone(),
            },
            DeployedActivation::Direct {
                input,
                output,
                entries,
            } => TableFile::Direct {
                input: (input.step, input.zero),
                output: (output.step, output.zero),
                entries: entries.to_vec(),
            },
        }
    }
}

impl TableFile {
    /// The activation in it.
    ///
    /// # Errors
    /// If a name is not known or the parts do not fit; the message says which.
    pub fn owned(&self) -> Result<DeployedActivation> {
        let base = crate::model::activations::base_named;
        let scale = |&(step, zero): &(f32, i32)| Scale { step, zero };

        let owned = match self {
            TableFile::Base { name } => DeployedActivation::Base(base(name)?),
            TableFile::Compact {
                form,
                symmetry,
                base: name,
                low,
                high,
                knots,
                entries,
            } => DeployedActivation::Compact {
                form: form_named(form)?,
                symmetry: match symmetry.as_str() {
                    "none" => Symmetry::None,
                    "odd" => Symmetry::Odd,
                    "even" => Symmetry::Even,
                    other => bail!("symmetry '{other}': there are none, odd and even"),
                },
                base: base(name)?,
                knots: Knots {
                    low: *low,
                    high: *high,
                    count: *knots,
                },
                entries: entries.clone(),
            },
            TableFile::Integer {
                input,
                output,
                entries,
            } => DeployedActivation::Integer {
                input: scale(input),
                output: scale(output),
                entries: entries.clone(),
            },
            TableFile::Direct {
                input,
                output,
                entries,
            } => {
                let entries = entries[..]
                    .try_into()
                    .ok()
                    .context("a table of 8-bit integers must have 256 entries")?;

                DeployedActivation::Direct {
                    input: scale(input),
                    output: scale(output),
                    entries: Box::new(entries),
                }
            }
        };

        owned.activation()?;
        Ok(owned)
    }
}

fn form_named(name: &str) -> Result<Form> {
    let all = [Form::Hermite, Form::Linear, Form::Pairs];
    let found = all.into_iter().find(|&form| form_name(form) == name);
    found.with_context(|| format!("form '{name}': there are hermite, linear and pairs"))
}
