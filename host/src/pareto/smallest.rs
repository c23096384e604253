//! The smallest network whose error on held-out training rows is small enough.

use super::error::{ErrorUnit, MaxError};
use super::picture::short_name;
use super::report::{neurons, rounded};
use super::sweep::{MOST, SizedArm, Sweep};
use crate::data::task::Task;
use crate::fit::{self, BEST, FitConfig, Fitted, LEARNED};
use crate::model::names::is_any_learned;
use crate::report::{ReportTable, Section, short};
use anyhow::{Context, Result, bail};

/// What is asked for.
pub struct Limits<'a> {
    /// Neurons of the hidden layer that are tried, in any order.
    pub widths: &'a [usize],
    /// The largest error on held-out rows.
    pub max_error: MaxError,
}

/// Tries widths upwards, and trains the model of fewest bytes of flash whose held-out error is within
/// the limit; a wider network is not tried if its weights alone take more bytes than one that is
/// found. The report says what was tried, and what `ldnn train` says of the width that was taken.
///
/// # Errors
/// If no network is good enough (the message names the best one), a setting is impossible, a file
/// cannot be written, or the user stops it.
pub fn smallest(sweep: &Sweep, limits: &Limits) -> Result<Fitted> {
    let unit = ErrorUnit::of(&sweep.parts.purpose);
    let most = unit.limit(limits.max_error)?;
    let mut tried = Tried::default();

    for width in ascending(limits.widths) {
        let least = least_bytes(width, sweep.task);
        if tried
            .smallest(most)
            .is_some_and(|found| bytes(found) <= least)
        {
            tried.left_out.push(width);
            continue;
        }

        let reaches = |c: &SizedArm| c.held_out <= most && is_wanted(sweep.fit, c);
        let found = sweep.candidates(width, 1, reaches, &mut tried.notes)?;
        tried
            .all
            .extend(found.into_iter().filter(|c| is_wanted(sweep.fit, c)));
    }

    let Some(found) = tried.smallest(most) else {
        return Err(tried.unreached(&unit, limits, sweep.fit));
    };

    let fit = FitConfig {
        keep: found.chosen.activation.clone(),
        ..sweep.fit_of(found.width)
    };
    let folder = sweep.folder_of(found.width)?;
    let why = "with which the smallest network is good enough";
    let fitted = fit::run_kept(&fit, sweep.parts, &folder, sweep.output, why)?;

    let metrics = fitted.model.evaluate_set(&sweep.task.test)?;
    let test = unit.of_metrics(&metrics);

    let mut section = Section::new(fitted.section.title.clone());
    section.text.push(taken(found, &unit, limits.max_error));
    section
        .text
        .push(on_test_rows(test, most, &unit, limits.max_error));
    section.text.extend(tried.faster(found, most));
    section.text.extend(tried.left_out());
    section.text.extend(tried.notes.iter().cloned());
    section.tabulate(sweep.folder, "tried", tried.table(&unit, most))?;
    section.absorb(fitted.section, &format!("width-{}", found.width));
    section.save(sweep.folder)?;

    Ok(Fitted {
        model: fitted.model,
        section,
    })
}

/// A share of the instructions that is fewer whatever the estimate's error.
const CLEARLY: f64 = 0.75;

/// What was tried so far.
#[derive(Default)]
struct Tried {
    all: Vec<SizedArm>,
    /// Widths that cannot be smaller than what was found.
    left_out: Vec<usize>,
    notes: Vec<String>,
}

/// Each width once, the smallest first.
fn ascending(widths: &[usize]) -> Vec<usize> {
    let mut all = widths.to_vec();
    all.sort_unstable();
    all.dedup();
    all
}

/// Wider networks to try if the widest was the best, as the end of a sentence.
fn or_wider(widths: &[usize], best: usize) -> String {
    if widths.iter().any(|&width| width > best) {
        return "; wider networks were no better".into();
    }

    let wider = (2 * best).min(MOST);
    if wider <= best {
        return String::new();
    }

    let more = widths.iter().copied().chain([wider]);
    let more: Vec<String> = more.map(|w| w.to_string()).collect();
    format!(", or try wider networks with `widths` {}", more.join(","))
}

/// Whether the model may have these activations.
fn is_wanted(fit: &FitConfig, candidate: &SizedArm) -> bool {
    match fit.keep.as_str() {
        BEST => true,
        LEARNED => is_any_learned(candidate.name()),
        name => candidate.name() == name,
    }
}

/// Bytes of the weights and scales of a network of single precision: no tables, as with relu.
fn least_bytes(width: usize, task: &Task) -> usize {
    let (inputs, outputs) = (task.inputs, task.outputs);
    let scaled_outputs = if task.is_classification() { 0 } else { outputs };
    let weights = (inputs + 1) * width + (width + 1) * outputs;

    4 * weights + 8 * (inputs + scaled_outputs)
}

fn bytes(candidate: &SizedArm) -> usize {
    candidate
        .sizes
        .as_ref()
        .map_or(usize::MAX, |sizes| sizes.f32.flash)
}

fn instructions(candidate: &SizedArm) -> f64 {
    let sizes = candidate.sizes.as_ref();
    sizes.map_or(f64::INFINITY, |sizes| sizes.f32.instructions)
}

fn taken(found: &SizedArm, unit: &ErrorUnit, asked: MaxError) -> String {
    format!(
        "The smallest network with an error of at most {asked} on held-out training rows has {} with {}: {} there, {} bytes \
         of flash, about {} instructions an answer on a Cortex-M4F.",
        neurons(found.width),
        short_name(found.name()),
        unit.words(found.held_out),
        bytes(found),
        rounded(instructions(found))
    )
}

fn on_test_rows(test: f64, most: f64, unit: &ErrorUnit, asked: MaxError) -> String {
    let found = format!("On the test rows the model has {}", unit.words(test));

    if test <= most {
        format!("{found}.")
    } else {
        let advice = match most > 0.0 {
            true => "; ask for a smaller `max_error` to be on the safe side",
            false => "",
        };
        format!(
            "{found}: more than the {asked} that was asked for. Held-out rows chose the network, and other rows differ{advice}."
        )
    }
}

impl Tried {
    /// The one of fewest bytes within the limit; of equal ones the better.
    fn smallest(&self, most: f64) -> Option<&SizedArm> {
        let within = self
            .all
            .iter()
            .filter(|c| c.held_out <= most && c.sizes.is_some());
        within.min_by(|a, b| {
            bytes(a)
                .cmp(&bytes(b))
                .then(a.held_out.total_cmp(&b.held_out))
        })
    }

    /// Another network within the limit that needs clearly fewer instructions, in a sentence, if there
    /// is one.
    fn faster(&self, found: &SizedArm, most: f64) -> Option<String> {
        let own = instructions(found);
        let within = self
            .all
            .iter()
            .filter(|c| c.held_out <= most && c.sizes.is_some());
        let fastest = within.min_by(|a, b| instructions(a).total_cmp(&instructions(b)))?;

        (instructions(fastest) < CLEARLY * own).then(|| {
            format!(
                "{} with {} are good enough, too: {} bytes, but about {} instructions (`keep` {}, `widths` {}).",
                neurons(fastest.width),
                short_name(fastest.name()),
                bytes(fastest),
                rounded(instructions(fastest)),
                fastest.name(),
                fastest.width
            )
        })
    }

    fn left_out(&self) -> Option<String> {
        let names: Vec<String> = self.left_out.iter().map(ToString::to_string).collect();
        (!names.is_empty()).then(|| {
            format!(
                "Not tried: {} neurons, whose weights alone take more bytes.",
                names.join(", ")
            )
        })
    }

    /// What to type instead, if nothing is good enough.
    fn unreached(&self, unit: &ErrorUnit, limits: &Limits, fit: &FitConfig) -> anyhow::Error {
        match self.advice(unit, limits, fit) {
            Ok(advice) => anyhow::anyhow!(advice),
            Err(error) => error,
        }
    }

    fn advice(&self, unit: &ErrorUnit, limits: &Limits, fit: &FitConfig) -> Result<String> {
        let asked = limits.max_error;
        let best = self
            .all
            .iter()
            .min_by(|a, b| a.held_out.total_cmp(&b.held_out));
        let best = best.with_context(|| {
            format!(
                "`keep` {}: no network with these activations could be trained",
                fit.keep
            )
        })?;

        if self.smallest(f64::INFINITY).is_some() {
            bail!(
                "`max_error` {asked}: networks that reach it diverge on all training rows; give a smaller `lr`, such as 0.001"
            );
        }

        Ok(format!(
            "`max_error` {asked}: no network reaches it on held-out training rows. The best is {} with {}: {}. Allow that with \
             `max_error` {} (and `replace`){}",
            neurons(best.width),
            short_name(best.name()),
            unit.words(best.held_out),
            unit.allowing(best.held_out),
            or_wider(&ascending(limits.widths), best.width)
        ))
    }

    fn table(&self, unit: &ErrorUnit, most: f64) -> ReportTable {
        let caption = format!("{} of the networks that were tried", unit.label());
        let head = [
            "neurons",
            "activations",
            "learning rate",
            "weight decay",
            "epochs",
            "held out",
            "small enough",
            "bytes",
            "instructions",
        ];
        let mut table = ReportTable::new(caption, &head);

        for c in &self.all {
            let sizes = c.sizes.as_ref();
            table.row([
                c.width.to_string(),
                short_name(c.name()),
                c.chosen.lr.to_string(),
                c.chosen
                    .weight_decay
                    .map_or(String::new(), |d| d.to_string()),
                c.chosen.epochs.to_string(),
                short(c.held_out),
                if c.held_out <= most { "yes" } else { "" }.into(),
                sizes.map_or(String::new(), |s| s.f32.flash.to_string()),
                sizes.map_or(String::new(), |s| rounded(s.f32.instructions)),
            ]);
        }

        table
    }
}

#[cfg(test)]
mod tests {
    use super::super::sweep::{Size, Sizes};
    use super::*;
    use crate::train::Hyperparameters;

    fn candidate(width: usize, name: &str, held_out: f64, flash: Option<usize>) -> SizedArm {
        let size = |flash| Size {
            flash,
            instructions: 100.0,
        };

        SizedArm {
            width,
            held_out,
            chosen: Hyperparameters {
                activation: name.into(),
                lr: 0.01,
                weight_decay: None,
                epochs: 10,
                validation: 0.0,
            },
            sizes: flash.map(|flash| Sizes {
                f32: size(flash),
                int8: size(flash / 4),
                test: vec![held_out],
                test_int8: vec![held_out],
            }),
        }
    }

    /// With tables a narrow network may take more bytes than a wider one without.
    #[test]
    fn fewest_bytes_count_not_fewest_neurons() {
        let tried = Tried {
            all: vec![
                candidate(4, "learning:tanh+sine", 1.0, Some(600)),
                candidate(8, "relu", 1.5, Some(200)),
                candidate(8, "tanh", 1.2, Some(200)),
                candidate(4, "relu", 3.0, None),
            ],
            ..Tried::default()
        };

        let name = |most: f64| tried.smallest(most).map(|c| c.name().to_string());
        assert_eq!(name(2.0).as_deref(), Some("tanh"));
        assert_eq!(name(1.1).as_deref(), Some("learning:tanh+sine"));
        assert_eq!(name(0.5), None);
    }

    #[test]
    fn a_faster_network_that_is_good_enough_is_named() {
        let mut tried = Tried {
            all: vec![
                candidate(4, "learning:tanh+sine", 1.0, Some(600)),
                candidate(32, "relu", 1.0, Some(500)),
                candidate(4, "tanh", 9.0, None),
            ],
            ..Tried::default()
        };
        let found = tried.all[1].clone();
        assert_eq!(tried.faster(&found, 2.0), None);

        if let Some(sizes) = &mut tried.all[0].sizes {
            sizes.f32.instructions = 40.0;
        }
        assert_eq!(
            tried.faster(&found, 2.0).as_deref(),
            Some(
                "4 neurons with learned (tanh+sine) are good enough, too: 600 bytes, but about 40 instructions (`keep` \
                 learning:tanh+sine, `widths` 4)."
            )
        );
    }

    #[test]
    fn an_error_that_nothing_reaches_names_the_best_and_what_to_type() {
        let tried = Tried {
            all: vec![
                candidate(4, "relu", 3.0, None),
                candidate(8, "tanh", 2.14, None),
            ],
            ..Tried::default()
        };
        let limits = Limits {
            widths: &[8, 4],
            max_error: MaxError::Units(0.1),
        };
        let unit = ErrorUnit::Target("y".into(), 10.0);

        let error = tried.unreached(&unit, &limits, &FitConfig::default());
        assert_eq!(
            error.to_string(),
            "`max_error` 0.1: no network reaches it on held-out training rows. The best is 8 neurons with tanh: an RMSE of 0.214 \
             (2.14 % of the deviation). Allow that with `max_error` 0.22 (and `replace`), or try wider networks with `widths` 4,8,16"
        );

        let limits = Limits {
            widths: &[8, 16],
            ..limits
        };
        let error = tried.unreached(&unit, &limits, &FitConfig::default());
        let end = "(and `replace`); wider networks were no better";
        assert!(error.to_string().ends_with(end), "{error}");
    }

    #[test]
    fn a_test_error_above_the_limit_is_said() {
        let unit = ErrorUnit::WrongRows;
        let asked = MaxError::Units(5.0);
        assert_eq!(
            on_test_rows(4.0, 5.0, &unit, asked),
            "On the test rows the model has 4.00 % of rows wrong."
        );
        assert!(
            on_test_rows(6.0, 5.0, &unit, asked).contains("more than the 5 that was asked for")
        );
    }
}
