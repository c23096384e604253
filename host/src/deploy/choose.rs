//! Which tables: all sizes worth looking at, their errors, and the one within the budget.

use super::table::{Beyond, DeployedActivation, is_computed};
use crate::data::task::Examples;
use crate::model::Function;
use crate::model::calibrated::CalibratedNetwork;
use anyhow::{Context, Result, bail, ensure};
use ldnn_core::Activation;
use ldnn_core::deploy::{Activate, AnyActivation, Pipeline};
use ldnn_core::table::compact::Form;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Whether tables of this form can have so many entries.
///
/// # Errors
/// If not; the message says how many they have.
pub fn check_knots(form: FormChoice, knots: u32) -> Result<()> {
    let is_power = knots > 2 && (knots - 1).is_power_of_two() && knots <= 1 << 15;

    ensure!(
        form != FormChoice::I16 || is_power,
        "`knots` {knots}: a table of integers has 2^k + 1 entries: 3, 5, 9, 17, ..., 513, ..."
    );
    ensure!(
        form != FormChoice::I8 || knots == DIRECT,
        "`knots` {knots}: a table of 8-bit integers has {DIRECT} entries, one for every input"
    );

    Ok(())
}

/// Which forms of tables to consider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum FormChoice {
    /// Whichever is smallest
    #[default]
    Auto,
    /// One cubic per cell, f32
    Hermite,
    /// One line per cell, f32
    Linear,
    /// One line per cell as intercept and slope, f32: the fastest
    Pairs,
    /// One line per cell, 16-bit integers
    I16,
    /// The value for every 8-bit integer: 256 bytes, the fastest where numbers are integers
    I8,
}

/// What decides the size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "by", content = "limit")]
pub enum Budget {
    /// So many knots per table.
    Knots(u32),
    /// The smallest tables whose error is not larger.
    MaxError(f64),
    /// The best tables whose entries need no more bytes altogether.
    Bytes(usize),
}

impl Default for Budget {
    fn default() -> Self {
        Budget::MaxError(1e-3)
    }
}

/// The flags of a [`Budget`]: at most one of them.
#[derive(clap::Args)]
#[group(id = "size", multiple = false)]
struct BudgetFlags {
    /// So many knots per table
    #[arg(long, value_name = "N")]
    knots: Option<u32>,

    /// The smallest tables with no larger error than this, within their ranges
    #[arg(long, value_name = "E")]
    max_error: Option<f64>,

    /// The best tables within so many bytes altogether
    #[arg(long, value_name = "N")]
    bytes: Option<usize>,
}

impl clap::Args for Budget {
    fn augment_args(command: clap::Command) -> clap::Command {
        BudgetFlags::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        BudgetFlags::augment_args_for_update(command)
    }
}

impl clap::FromArgMatches for Budget {
    fn from_arg_matches(matches: &clap::ArgMatches) -> Result<Budget, clap::Error> {
        let flags = BudgetFlags::from_arg_matches(matches)?;

        // The largest error has a default, so it is there beside each of the others.
        let budget = flags
            .knots
            .map(Budget::Knots)
            .or(flags.bytes.map(Budget::Bytes))
            .or(flags.max_error.map(Budget::MaxError));

        Ok(budget.unwrap_or_default())
    }

    fn update_from_arg_matches(&mut self, matches: &clap::ArgMatches) -> Result<(), clap::Error> {
        *self = Budget::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Tables for all types, with their errors against the exact functions.
#[derive(Clone, Debug)]
pub struct TableCandidate {
    /// The form.
    pub form: FormChoice,
    /// Number of knots.
    pub knots: u32,
    /// One per type.
    pub tables: Vec<DeployedActivation>,
    /// Bytes of all entries.
    pub bytes: usize,
    /// Largest error within the range, over all types.
    pub max_error: f64,
    /// Root of the mean squared error, over the range and all types.
    pub rms_error: f64,
}

/// Points at which the error of a table of real numbers is looked for, a range.
const DENSE: usize = 1 << 16;
/// The same while looking for the right size.
const SPARSE: usize = 1 << 12;
/// Sizes of tables of integers: 2^k + 1 entries.
const INTEGERS: std::ops::RangeInclusive<u32> = 2..=9;
/// The size of a table of 8-bit integers.
pub const DIRECT: u32 = 256;
/// The most knots that are considered.
const MOST_KNOTS: u32 = 1025;

/// Exact values at points of a range.
struct Truth {
    z: Vec<f32>,
    y: Vec<f64>,
}

/// Finds tables for the types of a source.
pub struct Chooser<'a> {
    source: &'a CalibratedNetwork,
    /// One per type.
    pub ranges: Vec<(f32, f32)>,
    beyond: Beyond,
    sparse: Vec<Truth>,
}

impl<'a> Chooser<'a> {
    /// Over these ranges.
    ///
    /// # Errors
    /// None that checked functions have.
    pub fn new(
        source: &'a CalibratedNetwork,
        ranges: Vec<(f32, f32)>,
        beyond: Beyond,
    ) -> Result<Chooser<'a>> {
        let truths = source
            .functions
            .iter()
            .zip(&ranges)
            .map(|(f, &range)| truth(f, range, SPARSE));

        Ok(Chooser {
            source,
            sparse: truths.collect::<Result<_>>()?,
            ranges,
            beyond,
        })
    }

    /// The tables of one form and size; errors at the points of `truths`.
    fn build(&self, form: FormChoice, knots: u32, truths: &[Truth]) -> Result<TableCandidate> {
        let tables = self
            .source
            .functions
            .iter()
            .zip(&self.ranges)
            .map(|(f, &range)| match (f.activation(), form) {
                (Activation::Base(base), _) if is_computed(base) => {
                    Ok(DeployedActivation::Base(base))
                }
                (_, FormChoice::I16) => DeployedActivation::integer(f, range, (knots - 1).ilog2()),
                (_, FormChoice::I8) => DeployedActivation::direct(f, range),
                (_, FormChoice::Hermite) => {
                    DeployedActivation::compact(f, Form::Hermite, range, knots, self.beyond)
                }
                (_, FormChoice::Linear) => {
                    DeployedActivation::compact(f, Form::Linear, range, knots, self.beyond)
                }
                (_, FormChoice::Pairs | FormChoice::Auto) => {
                    DeployedActivation::compact(f, Form::Pairs, range, knots, self.beyond)
                }
            });

        let tables = tables.collect::<Result<Vec<_>>>()?;
        let (mut max, mut squares, mut count) = (0.0f64, 0.0, 0);

        for (table, truth) in tables.iter().zip(truths) {
            let mut y = truth.z.clone();
            table.activation()?.apply(&mut y);

            for (a, b) in y.iter().zip(&truth.y) {
                let e = (f64::from(*a) - b).abs();
                max = max.max(e);
                squares += e * e;
            }

            count += y.len();
        }

        let bytes = tables.iter().map(DeployedActivation::bytes).sum();
        let rms_error = (squares / count.max(1) as f64).sqrt();

        Ok(TableCandidate {
            form,
            knots,
            tables,
            bytes,
            max_error: max,
            rms_error,
        })
    }

    /// The same with the error searched for as densely as it is reported: at 2^16 points a range.
    ///
    /// # Errors
    /// As [`Self::choose`].
    pub fn measured(&self, candidate: &TableCandidate) -> Result<TableCandidate> {
        let truths = self
            .source
            .functions
            .iter()
            .zip(&self.ranges)
            .map(|(f, &range)| truth(f, range, DENSE));

        self.build(
            candidate.form,
            candidate.knots,
            &truths.collect::<Result<Vec<_>>>()?,
        )
    }

    fn forms(&self, form: FormChoice) -> Vec<FormChoice> {
        let all = [
            FormChoice::Hermite,
            FormChoice::Linear,
            FormChoice::Pairs,
            FormChoice::I16,
            FormChoice::I8,
        ];

        match form {
            // A cubic has no flat end.
            FormChoice::Auto if self.beyond == Beyond::Clamp => all[1..].to_vec(),
            FormChoice::Auto => all.to_vec(),
            one => vec![one],
        }
    }

    /// A ladder of sizes of every form.
    ///
    /// # Errors
    /// As [`Self::choose`].
    pub fn ladder(&self, form: FormChoice) -> Result<Vec<TableCandidate>> {
        let ladder = |form| {
            if form == FormChoice::I8 {
                sizes(form)
            } else {
                (3..=9).map(|k| (1 << k) + 1).collect()
            }
        };

        let sizes = self
            .forms(form)
            .into_iter()
            .flat_map(|form| ladder(form).into_iter().map(move |knots| (form, knots)));

        sizes
            .map(|(form, knots)| self.build(form, knots, &self.sparse))
            .collect()
    }

    /// The one within the budget.
    ///
    /// # Errors
    /// If there is none; the message says what would do.
    pub fn choose(&self, form: FormChoice, budget: Budget) -> Result<TableCandidate> {
        match budget {
            Budget::Knots(knots) => {
                let form = if form == FormChoice::Auto {
                    FormChoice::Hermite
                } else {
                    form
                };

                check_knots(form, knots)?;
                self.build(form, knots, &self.sparse)
            }
            Budget::MaxError(most) => {
                let found = self
                    .forms(form)
                    .into_par_iter()
                    .map(|form| self.smallest(form, most));
                let found: Vec<Option<TableCandidate>> = found.collect::<Result<_>>()?;

                if let Some(best) = found.into_iter().flatten().min_by_key(|c| c.bytes) {
                    return Ok(best);
                }

                let best = self
                    .forms(form)
                    .into_par_iter()
                    .map(|form| self.best(form, usize::MAX));
                let best: Vec<Option<TableCandidate>> = best.collect::<Result<_>>()?;

                let least = best
                    .iter()
                    .flatten()
                    .map(|c| c.max_error)
                    .fold(f64::INFINITY, f64::min);

                bail!(
                    "`max_error` {most}: the best of these tables has an error of {least:.1e}; allow a larger error, or a \
                     narrower range with `percentile` or `range`"
                )
            }
            Budget::Bytes(most) => {
                let found = self
                    .forms(form)
                    .into_par_iter()
                    .map(|form| self.best(form, most));
                let found: Vec<Option<TableCandidate>> = found.collect::<Result<_>>()?;
                let best = found
                    .into_iter()
                    .flatten()
                    .min_by(|a, b| a.max_error.total_cmp(&b.max_error));

                best.with_context(|| {
                    format!("`bytes` {most}: no table of this form is so small; allow more")
                })
            }
        }
    }

    /// The smallest of a form with an error of at most `most`, which the dense search confirms.
    fn smallest(&self, form: FormChoice, most: f64) -> Result<Option<TableCandidate>> {
        for knots in sizes(form) {
            let candidate = self.build(form, knots, &self.sparse)?;
            if candidate.max_error <= most {
                let measured = self.measured(&candidate)?;
                if measured.max_error <= most {
                    return Ok(Some(measured));
                }
            }
        }

        Ok(None)
    }

    /// The best of a form within `most` bytes.
    fn best(&self, form: FormChoice, most: usize) -> Result<Option<TableCandidate>> {
        let mut best: Option<TableCandidate> = None;

        for knots in sizes(form) {
            let candidate = self.build(form, knots, &self.sparse)?;
            if candidate.bytes > most {
                break;
            }

            if best
                .as_ref()
                .is_none_or(|b| candidate.max_error < b.max_error)
            {
                best = Some(candidate);
            }
        }

        Ok(best)
    }
}

/// Sizes of a form in ascending order; beyond 128 in steps of about a fiftieth.
fn sizes(form: FormChoice) -> Vec<u32> {
    match form {
        FormChoice::I16 => return INTEGERS.map(|k| (1 << k) + 1).collect(),
        FormChoice::I8 => return vec![DIRECT],
        _ => {}
    }

    std::iter::successors(Some(3u32), |&n| {
        Some(n + 1 + n / 64).filter(|&n| n <= MOST_KNOTS)
    })
    .collect()
}

fn truth(f: &Function, (low, high): (f32, f32), points: usize) -> Result<Truth> {
    let step = (f64::from(high) - f64::from(low)) / (points - 1) as f64;
    let z: Vec<f32> = (0..points)
        .map(|i| (f64::from(low) + step * i as f64) as f32)
        .collect();
    let wide: Vec<f64> = z.iter().map(|&z| z.into()).collect();
    let mut y = Vec::with_capacity(points);

    for chunk in wide.chunks(1024) {
        y.extend(f.values(chunk)?);
    }

    Ok(Truth { z, y })
}

/// The network of `source` with tables in place of its functions, on all rows.
///
/// # Errors
/// If a table is malformed.
pub fn outputs(
    source: &CalibratedNetwork,
    tables: &[DeployedActivation],
    set: &Examples,
) -> Result<Vec<f32>> {
    let activations = tables
        .iter()
        .map(DeployedActivation::activation)
        .collect::<Result<Vec<AnyActivation>>>()?;
    let shape = &source.shape;
    let mut all = vec![0.0; set.rows() * shape.outputs()];
    let mut work = vec![0.0; shape.predict_len()];

    for (x, out) in set
        .x
        .chunks_exact(shape.inputs())
        .zip(all.chunks_exact_mut(shape.outputs()))
    {
        Pipeline::unscaled(shape, &source.theta, &activations).predict(x, out, &mut work)?;
    }

    Ok(all)
}

/// Largest error, and root of the mean squared one, of the tables of integers over every input that
/// they have: what rounding the inputs costs is left out. `None` if there are no such tables.
///
/// # Errors
/// If a table is malformed.
pub fn every_input(
    source: &CalibratedNetwork,
    tables: &[DeployedActivation],
) -> Result<Option<(f64, f64)>> {
    let (mut max, mut squares, mut count) = (0.0f64, 0.0, 0);

    for (f, table) in source.functions.iter().zip(tables) {
        let Some((scale, first, last)) = table.inputs() else {
            continue;
        };
        let mut z: Vec<f32> = (first..=last).map(|q| scale.real(q)).collect();
        let exact = f.values(&z.iter().map(|&z| z.into()).collect::<Vec<_>>())?;

        table.activation()?.apply(&mut z);

        for (y, exact) in z.iter().zip(exact) {
            let error = (f64::from(*y) - exact).abs();
            max = max.max(error);
            squares += error * error;
        }

        count += z.len();
    }

    Ok((count > 0).then(|| (max, (squares / count as f64).sqrt())))
}

/// The largest error of the tables at the pre-activations that these rows cause, within their
/// ranges or not.
///
/// # Errors
/// If a table is malformed.
pub fn largest_error_on(
    source: &CalibratedNetwork,
    tables: &[DeployedActivation],
    set: &Examples,
) -> Result<f64> {
    let activations = tables
        .iter()
        .map(DeployedActivation::activation)
        .collect::<Result<Vec<AnyActivation>>>()?;
    let mut seen: Vec<Vec<f64>> = vec![vec![]; tables.len()];

    source.walk(set, |t, z| seen[t].extend(z))?;

    let mut largest = 0.0f64;

    for ((f, z), activation) in source.functions.iter().zip(&seen).zip(activations) {
        for z in z.chunks(1024) {
            let mut y: Vec<f32> = z.iter().map(|&z| z as f32).collect();
            activation.apply(&mut y);
            largest = f.values(z)?.iter().zip(&y).fold(largest, |a, (exact, &y)| {
                a.max((exact - f64::from(y)).abs())
            });
        }
    }

    Ok(largest)
}
