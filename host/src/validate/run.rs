//! `ldnn validate`: an ensemble a choice of activations, in a run folder.

use super::ensemble::{Ensemble, Job, train_all};
use super::results::{Group, Metric, group, group_table, pair_table};
use crate::activations::{Activations, Choice};
use crate::folder::RunFolder;
use crate::plot;
use crate::progress::Output;
use crate::task::Task;
use crate::train::{TrainConfig, Training};
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

/// What is trained how often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidateConfig {
    /// Base names, `type1`, `type2`, ..., `mix`.
    pub activations: Vec<String>,
    /// Networks for each.
    pub runs: usize,
    /// Seed of the first network; the next have the next seeds, the same for every choice of activations.
    pub seed: u64,
    /// Whether learned activations are evaluated directly instead of by tables.
    pub exact: bool,
    /// How they are trained.
    pub train: TrainConfig,
}

impl ValidateConfig {
    /// The activations by name.
    ///
    /// # Errors
    /// With flag, value and remedy, if a setting is impossible.
    pub fn choices(&self, task: &Task, learned: Option<&Activations>) -> Result<Vec<Choice>> {
        ensure!(self.runs > 0, "--runs 0: train at least 1 network of each kind");
        ensure!(!self.activations.is_empty(), "--compare: name at least one activation, e.g. relu");
        let twice = self.activations.iter().enumerate().find(|(i, name)| self.activations[..*i].contains(name));
        ensure!(twice.is_none(), "--compare: '{}' is named twice", twice.map_or("", |(_, name)| name));
        self.train.check()?;
        let named = |name: &String| Choice::named(name, learned, self.exact).context("--compare");
        let choices = self.activations.iter().map(named).collect::<Result<Vec<_>>>()?;
        for choice in &choices {
            choice.shape(&self.train.widths(task)).with_context(|| format!("--hidden {:?}", self.train.hidden))?;
        }
        Ok(choices)
    }
}

/// Trains the ensembles, writes results and pictures into `folder`, and returns the report.
///
/// # Errors
/// If a setting is impossible, a file cannot be written, or the user stops it.
pub fn run(
    config: &ValidateConfig,
    task: &Task,
    learned: Option<&Activations>,
    folder: &RunFolder,
    output: Output,
) -> Result<String> {
    let trainings = ensembles(config, task, learned, folder, output)?;
    let metric = if task.is_classification() { Metric::Accuracy } else { Metric::Loss };
    let groups = group(&trainings);
    folder.write("trainings.csv", csv_of(&trainings))?;
    draw(&task.name, &groups, metric, folder)?;
    let mut report = group_table(&groups, metric).to_string();
    if let Some(pairs) = pair_table(&groups, "mix", metric) {
        report += &format!("\n\npaired by seed, at the last epoch:\n{pairs}");
    }
    folder.write("report.txt", format!("{report}\n"))?;
    Ok(report)
}

/// The trainings alone.
///
/// # Errors
/// As [`run`].
pub fn ensembles(
    config: &ValidateConfig,
    task: &Task,
    learned: Option<&Activations>,
    folder: &RunFolder,
    output: Output,
) -> Result<Vec<Training>> {
    let choices = config.choices(task, learned)?;
    let seeds = config.seed..config.seed + config.runs as u64;
    let jobs: Vec<Job> = seeds
        .flat_map(|seed| choices.iter().map(move |choice| Job { choice, config: config.train.clone(), seed }))
        .collect();
    let ensemble = Ensemble { task, train: &task.train, judge: &task.test };
    let mut trainings = train_all(ensemble, &jobs, folder, "trainings", output)?;
    let place = |name: &str| choices.iter().position(|c| c.name == name);
    trainings.sort_by_key(|t| place(&t.activation));
    Ok(trainings)
}

/// Violins at the last epoch, and curves.
///
/// # Errors
/// If a file cannot be written.
pub fn draw(title: &str, groups: &[Group], metric: Metric, folder: &RunFolder) -> Result<()> {
    let samples: Vec<plot::Group> =
        groups.iter().map(|g| plot::Group { name: g.name.clone(), values: g.last(metric) }).collect();
    plot::save(folder, "violins", &plot::violins(title, metric.label(), &samples))?;
    let bands: Vec<plot::Band> = groups.iter().map(|g| g.band(metric)).collect();
    plot::save(folder, "curves", &plot::curves(title, "epoch", metric.label(), &bands))
}

/// One line a recorded epoch of every training.
#[must_use]
pub fn csv_of(trainings: &[Training]) -> String {
    let mut csv = String::from("activation,seed,rate,diverged,epoch,train_loss,test_loss,test_accuracy\n");
    for t in trainings {
        let c = &t.curve;
        for (i, epoch) in c.epoch.iter().enumerate() {
            let accuracy = c.accuracy.get(i).map_or(String::new(), f64::to_string);
            let (train, test) = (c.train_loss[i], c.test_loss[i]);
            let Training { activation, seed, rate, diverged, .. } = t;
            csv += &format!("{activation},{seed},{rate},{diverged},{epoch},{train},{test},{accuracy}\n");
        }
    }
    csv
}
