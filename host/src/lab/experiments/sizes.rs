//! Fig. 4: the metric against the size of the network.

use super::comparison::{ArmComparison, claims};
use crate::data::task::Task;
use crate::lab::estimate::Cost;
use crate::report::stats::mean;
use crate::report::{Section, plot};
use crate::run::{RunFolder, all};
use crate::support::memory::{MOST, check_size};
use crate::support::progress::Output;
use crate::train::{
    Hyperparameters, SeededActivations, TrainConfig, Training, ValidateConfig, by_activation,
    csv_of, ensembles, metric_of, values_of,
};
use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// Which sizes are trained how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct SizesConfig {
    /// Widths of the hidden layers; their number is that of --hidden
    #[arg(long, value_name = "N,...", value_delimiter = ',')]
    pub widths: Vec<usize>,

    /// The ensembles; the widths of their hidden layers are replaced, their number stays.
    #[arg(skip)]
    pub ensemble: ValidateConfig,
}

impl Default for SizesConfig {
    fn default() -> Self {
        SizesConfig {
            widths: vec![10, 25, 50, 100, 200, 400],
            ensemble: ValidateConfig::default(),
        }
    }
}

impl SizesConfig {
    /// # Errors
    /// With field, value and remedy, for settings that make no networks.
    pub fn check(&self, task: &Task, learned: &[SeededActivations]) -> Result<()> {
        ensure!(
            !self.widths.is_empty(),
            "`widths`: give at least one width, e.g. 10,25,50,100,200,400"
        );
        ensure!(
            !self.widths.contains(&0),
            "`widths` 0: every width must be at least 1"
        );

        for &width in &self.widths {
            check_size("`widths`", width, MOST)?;
        }

        self.widths
            .iter()
            .try_for_each(|&w| self.at(w).arms(task, learned).map(|_| ()))
    }

    /// What it costs with so many networks per width.
    #[must_use]
    pub fn cost(&self, networks: usize, task: &Task) -> Cost {
        self.widths
            .iter()
            .map(|&w| Cost::trainings(networks, &self.at(w).train, task))
            .sum()
    }

    fn at(&self, width: usize) -> ValidateConfig {
        let hidden = vec![width; self.ensemble.train.hidden.len()];
        ValidateConfig {
            train: TrainConfig {
                hidden,
                ..self.ensemble.train.clone()
            },
            ..self.ensemble.clone()
        }
    }
}

/// Trains an ensemble a width, at the same learning rate and number of epochs for all or as
/// `chosen`.
///
/// # Errors
/// If a setting is impossible, a file cannot be written, or the user stops it.
pub fn run(
    config: &SizesConfig,
    task: &Task,
    learned: &[SeededActivations],
    chosen: Option<&[Hyperparameters]>,
    folder: &RunFolder,
    output: Output,
) -> Result<Section> {
    let metric = metric_of(task);
    let end = |t: &Training| metric.of(&t.curve).last().copied();
    let mut section = Section::new(format!("{} against network size", metric.label()));
    let (mut comparisons, mut csv) = (Vec::new(), String::new());

    let at = |&width: &usize| {
        let name = format!("width-{width}");

        ensembles(
            &config.at(width),
            task,
            learned,
            chosen,
            folder,
            &name,
            output,
        )
    };

    for (&width, (arms, trainings)) in config.widths.iter().zip(all(config.widths.iter().map(at))?)
    {
        for (i, line) in csv_of(&trainings).lines().enumerate() {
            match (i, csv.is_empty()) {
                (0, true) => csv += &format!("width,{line}\n"),
                (0, false) => {}
                _ => csv += &format!("{width},{line}\n"),
            }
        }

        comparisons.push(ArmComparison::of(
            metric,
            &width.to_string(),
            &arms,
            values_of(&arms, &trainings, end),
        ));
    }

    folder.write("trainings.csv", csv)?;

    let places: Vec<(String, Vec<plot::NamedSample>)> = comparisons
        .iter()
        .map(|c| (c.condition.clone(), groups(c)))
        .collect();

    let how = if chosen.is_some() {
        "each at its best learning rate and epoch"
    } else {
        "at equal training"
    };

    let boxes = plot::boxes(how, "neurons in a hidden layer", metric.label(), &places);
    let caption = format!(
        "{} against the width of the hidden layers, {how}; boxes are quartiles",
        metric.label()
    );

    section.draw(folder, "sizes", &boxes, &caption)?;

    let mut table = ArmComparison::table(&format!("{} by width ({how})", metric.label()));
    comparisons.iter().for_each(|c| c.rows(&mut table));
    section.tabulate(folder, "sizes", table)?;
    section.text.extend(ahead(&comparisons));

    let start = if chosen.is_some() {
        "Over all sizes, each at its best, "
    } else {
        "Over all sizes, at equal training, "
    };

    section.claims = claims(start, "beats", &[over_sizes(&comparisons)]);
    section.save(folder)?;
    Ok(section)
}

fn groups(comparison: &ArmComparison) -> Vec<plot::NamedSample> {
    let activations = by_activation(&comparison.arms, &comparison.values);
    activations
        .into_iter()
        .map(|(name, values)| plot::NamedSample { name, values })
        .collect()
}

/// The comparison of means over all widths: one value per seed.
fn over_sizes(comparisons: &[ArmComparison]) -> ArmComparison {
    let first = &comparisons[0];

    let value = |e: usize, i: usize| {
        let at: Option<Vec<f64>> = comparisons
            .iter()
            .map(|c| c.values[e].get(i).copied())
            .collect();
        at.map(|values| mean(&values))
    };

    let values = (0..first.arms.len()).map(|e| {
        (0..first.values[e].len())
            .filter_map(|i| value(e, i))
            .collect()
    });

    ArmComparison {
        condition: String::new(),
        values: values.collect(),
        ..first.clone()
    }
}

/// At which sizes the whole interval is on the mix's side.
fn ahead(comparisons: &[ArmComparison]) -> Option<String> {
    let first = comparisons.first()?;
    first.arms.iter().find(|e| e.activation == "mix")?;

    let clear = |m: &crate::report::Measure| m.comparison.is_above(0.0);
    let mut parts = Vec::new();

    for activation in first.classical() {
        let n = comparisons
            .iter()
            .filter(|c| clear(&c.over(&activation)))
            .count();
        parts.push(format!("{activation} at {n}"));
    }

    let n = comparisons
        .iter()
        .filter(|c| clear(&c.over_better_type()))
        .count();

    parts.push(format!("the better of its types at {n}"));

    Some(format!(
        "Of {} sizes, taken one by one and without correction for their number, the mix's interval lies above {}.",
        comparisons.len(),
        parts.join(", ")
    ))
}
