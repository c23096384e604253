//! Which tables: all sizes worth looking at, their errors, and the one within the budget.

use super::budget::{Budget, FormChoice, I8_ENTRIES, check_knots};
use super::table::{Beyond, DeployedActivation, is_computed};
use super::table_errors::{ExactPoints, errors_at};
use crate::model::Function;
use crate::model::calibrated::CalibratedNetwork;
use anyhow::{Context, Result, bail};
use ldnn_core::Activation;
use ldnn_core::table::compact::Form;
use rayon::prelude::*;

/// Points per range at which the error that is reported is searched for.
const DENSE: usize = 1 << 16;
/// Points per range while sizes are tried.
const SPARSE: usize = 1 << 12;
/// Tables of 16-bit integers have `2^k + 1` entries with these `k`.
const I16_EXPONENTS: std::ops::RangeInclusive<u32> = 2..=9;
/// The most knots that are considered for a table of real numbers.
const MOST_KNOTS: u32 = 1025;

/// A form of tables that can be built: what a [`FormChoice`] stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CandidateForm {
    /// Real numbers.
    Compact(Form),
    /// 16-bit integers.
    I16,
    /// 8-bit integers.
    I8,
    /// What was trained.
    Trained,
}

impl CandidateForm {
    /// The form that the choice names, if it names one.
    fn named(choice: FormChoice) -> Option<CandidateForm> {
        match choice {
            FormChoice::Auto => None,
            FormChoice::Hermite => Some(CandidateForm::Compact(Form::Hermite)),
            FormChoice::Linear => Some(CandidateForm::Compact(Form::Linear)),
            FormChoice::Pairs => Some(CandidateForm::Compact(Form::Pairs)),
            FormChoice::I16 => Some(CandidateForm::I16),
            FormChoice::I8 => Some(CandidateForm::I8),
            FormChoice::Trained => Some(CandidateForm::Trained),
        }
    }

    /// The forms to consider.
    fn all_of(choice: FormChoice, beyond: Beyond) -> Vec<CandidateForm> {
        if let Some(form) = CandidateForm::named(choice) {
            return vec![form];
        }

        let mut all = vec![
            CandidateForm::Compact(Form::Linear),
            CandidateForm::Compact(Form::Pairs),
            CandidateForm::I16,
            CandidateForm::I8,
        ];

        // A cubic has no flat end.
        if beyond != Beyond::Clamp {
            all.insert(0, CandidateForm::Compact(Form::Hermite));
        }

        all
    }

    /// The name that the user gives it.
    pub fn name(self) -> &'static str {
        match self {
            CandidateForm::Compact(Form::Hermite) => "hermite",
            CandidateForm::Compact(Form::Linear) => "linear",
            CandidateForm::Compact(Form::Pairs) => "pairs",
            CandidateForm::I16 => "i16",
            CandidateForm::I8 => "i8",
            CandidateForm::Trained => "as trained",
        }
    }

    /// All sizes that are tried, in ascending order; beyond 128 in steps of about a fiftieth.
    fn sizes(self) -> Vec<u32> {
        match self {
            CandidateForm::Compact(_) => {
                let larger = |&n: &u32| Some(n + 1 + n / 64).filter(|&n| n <= MOST_KNOTS);
                std::iter::successors(Some(3), larger).collect()
            }
            CandidateForm::I16 => I16_EXPONENTS.map(|k| (1 << k) + 1).collect(),
            CandidateForm::I8 => vec![I8_ENTRIES],
            CandidateForm::Trained => vec![],
        }
    }

    /// The few sizes that a report shows.
    fn shown_sizes(self) -> Vec<u32> {
        match self {
            CandidateForm::Compact(_) | CandidateForm::I16 => {
                (3..=9).map(|k| (1 << k) + 1).collect()
            }
            CandidateForm::I8 => vec![I8_ENTRIES],
            CandidateForm::Trained => vec![],
        }
    }
}

/// Tables for all types, with their errors against the exact functions.
#[derive(Clone, Debug)]
pub(super) struct TableCandidate {
    /// The form.
    pub form: CandidateForm,
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

/// Finds tables for the types of a network.
pub(super) struct Chooser<'a> {
    /// The network.
    pub calibrated: &'a CalibratedNetwork,
    functions: &'a [Function],
    /// One per type.
    pub ranges: Vec<(f32, f32)>,
    beyond: Beyond,
    sparse: Vec<ExactPoints>,
    dense: Vec<ExactPoints>,
}

impl<'a> Chooser<'a> {
    /// Over these ranges.
    ///
    /// # Errors
    /// None that checked functions have.
    pub fn new(
        calibrated: &'a CalibratedNetwork,
        ranges: Vec<(f32, f32)>,
        beyond: Beyond,
    ) -> Result<Chooser<'a>> {
        let functions = &calibrated.functions;

        let exact = |points: usize| {
            functions
                .iter()
                .zip(&ranges)
                .map(|(function, &range)| ExactPoints::new(function, range, points))
                .collect::<Result<Vec<_>>>()
        };

        Ok(Chooser {
            calibrated,
            functions,
            sparse: exact(SPARSE)?,
            dense: exact(DENSE)?,
            ranges,
            beyond,
        })
    }

    /// The tables within the budget, with the errors at 2^16 points per range.
    ///
    /// # Errors
    /// If there are none; the message says what would do.
    pub fn choose(&self, choice: FormChoice, budget: Budget) -> Result<TableCandidate> {
        if choice == FormChoice::Trained {
            return self.measured(self.trained()?);
        }

        match budget {
            Budget::Knots(knots) => {
                check_knots(choice, knots)?;

                // With as many knots, cubics have the smallest error.
                let cubics = CandidateForm::Compact(Form::Hermite);
                let form = CandidateForm::named(choice).unwrap_or(cubics);
                self.measured(self.candidate(form, knots)?)
            }
            Budget::MaxError(most) => self.smallest(choice, most),
            Budget::Bytes(most) => {
                let best = self.best(choice, most)?.with_context(|| {
                    format!("`bytes` {most}: no table of this form is so small; allow more")
                })?;

                self.measured(best)
            }
        }
    }

    /// A ladder of sizes of every form, for a report; errors at 2^12 points per range.
    ///
    /// # Errors
    /// If a table cannot be made.
    pub fn ladder(&self, choice: FormChoice) -> Result<Vec<TableCandidate>> {
        let mut ladder = vec![];
        let choice = match choice {
            FormChoice::Trained => FormChoice::Auto,
            other => other,
        };

        for form in CandidateForm::all_of(choice, self.beyond) {
            for knots in form.shown_sizes() {
                ladder.push(self.candidate(form, knots)?);
            }
        }

        Ok(ladder)
    }

    /// The tables of fewest bytes with an error of at most `most`.
    fn smallest(&self, choice: FormChoice, most: f64) -> Result<TableCandidate> {
        let found: Vec<Option<TableCandidate>> = CandidateForm::all_of(choice, self.beyond)
            .into_par_iter()
            .map(|form| self.smallest_of(form, most))
            .collect::<Result<_>>()?;

        if let Some(smallest) = found.into_iter().flatten().min_by_key(|c| c.bytes) {
            return Ok(smallest);
        }

        let least = self
            .best(choice, usize::MAX)?
            .map_or(f64::INFINITY, |best| best.max_error);

        bail!(
            "`max_error` {most}: the best of these tables has an error of {least:.1e}; allow a larger error, or a \
             narrower range with `percentile` or `range`"
        )
    }

    /// The tables with the smallest error within `most` bytes; errors at 2^12 points per range.
    fn best(&self, choice: FormChoice, most: usize) -> Result<Option<TableCandidate>> {
        let found: Vec<Option<TableCandidate>> = CandidateForm::all_of(choice, self.beyond)
            .into_par_iter()
            .map(|form| self.best_of(form, most))
            .collect::<Result<_>>()?;

        Ok(found
            .into_iter()
            .flatten()
            .min_by(|a, b| a.max_error.total_cmp(&b.max_error)))
    }

    fn smallest_of(&self, form: CandidateForm, most: f64) -> Result<Option<TableCandidate>> {
        for knots in form.sizes() {
            let candidate = self.candidate(form, knots)?;

            // Few points tell cheaply that a table is too coarse; many confirm that it is not.
            if candidate.max_error <= most {
                let measured = self.measured(candidate)?;
                if measured.max_error <= most {
                    return Ok(Some(measured));
                }
            }
        }

        Ok(None)
    }

    fn best_of(&self, form: CandidateForm, most: usize) -> Result<Option<TableCandidate>> {
        let mut best: Option<TableCandidate> = None;

        for knots in form.sizes() {
            let candidate = self.candidate(form, knots)?;
            if candidate.bytes > most {
                break;
            }

            let is_better = |best: &TableCandidate| candidate.max_error < best.max_error;
            if best.as_ref().is_none_or(is_better) {
                best = Some(candidate);
            }
        }

        Ok(best)
    }

    /// The tables that learned, as they are; base functions that a device computes beside them.
    fn trained(&self) -> Result<TableCandidate> {
        let table = |function: &Function| match function.activation() {
            Activation::Base(base) if is_computed(base) => Ok(DeployedActivation::Base(base)),
            _ => DeployedActivation::as_trained(function),
        };
        let tables = self
            .functions
            .iter()
            .map(table)
            .collect::<Result<Vec<_>>>()?;

        self.with_errors(CandidateForm::Trained, largest_count(&tables), tables)
    }

    /// The tables of one form and size; errors at 2^12 points per range.
    fn candidate(&self, form: CandidateForm, knots: u32) -> Result<TableCandidate> {
        let tables: Vec<DeployedActivation> = self
            .functions
            .iter()
            .zip(&self.ranges)
            .map(|(function, &range)| self.table(form, knots, function, range))
            .collect::<Result<_>>()?;

        self.with_errors(form, knots, tables)
    }

    fn with_errors(
        &self,
        form: CandidateForm,
        knots: u32,
        tables: Vec<DeployedActivation>,
    ) -> Result<TableCandidate> {
        let (max_error, rms_error) = errors_at(&tables, &self.sparse)?;

        Ok(TableCandidate {
            form,
            knots,
            bytes: tables.iter().map(DeployedActivation::bytes).sum(),
            tables,
            max_error,
            rms_error,
        })
    }

    fn table(
        &self,
        form: CandidateForm,
        knots: u32,
        function: &Function,
        range: (f32, f32),
    ) -> Result<DeployedActivation> {
        if let Activation::Base(base) = function.activation()
            && is_computed(base)
        {
            return Ok(DeployedActivation::Base(base));
        }

        match form {
            CandidateForm::Compact(form) => {
                DeployedActivation::compact(function, form, range, knots, self.beyond)
            }
            CandidateForm::I16 => DeployedActivation::integer(function, range, (knots - 1).ilog2()),
            CandidateForm::I8 => DeployedActivation::direct(function, range),
            CandidateForm::Trained => DeployedActivation::as_trained(function),
        }
    }

    /// The same tables with the errors at 2^16 points per range.
    fn measured(&self, candidate: TableCandidate) -> Result<TableCandidate> {
        let (max_error, rms_error) = errors_at(&candidate.tables, &self.dense)?;

        Ok(TableCandidate {
            max_error,
            rms_error,
            ..candidate
        })
    }
}

/// The most knots of any of them.
fn largest_count(tables: &[DeployedActivation]) -> u32 {
    let counts = tables.iter().map(|table| match table {
        DeployedActivation::Compact { knots, .. } => knots.count,
        _ => 0,
    });
    counts.max().unwrap_or(0)
}
