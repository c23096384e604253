//! The way from a task to a model: learn activations, choose rate and epochs on validation rows for them and for classical
//! ones, compare on the test rows, keep the one that was best on the validation rows.

use super::model::Trained;
use crate::activations::{Activations, is_learned};
use crate::data::Dataset;
use crate::data::tabular::{Purpose, Standard};
use crate::folder::RunFolder;
use crate::meta::{self, MetaConfig};
use crate::model::Model;
use crate::progress::{Output, Progress};
use crate::report::{Section, Table};
use crate::stats::{Comparison, Summary};
use crate::task::{Set, SetTarget, Task};
use crate::train::{Optimiser, TrainConfig, Training, train_network};
use crate::validate::{
    Chosen, Metric, SelectConfig, ValidateConfig, ensembles, entrants, metric_of, select, values_of,
};
use anyhow::{Context, Result, ensure};
use ldnn_core::rng::{Draws, Stream};
use serde::{Deserialize, Serialize};

/// Where activations come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activate {
    /// They are learned on this task.
    Learn,
    /// They were learned elsewhere.
    Given(Activations),
    /// Classical ones only.
    Classical,
}

/// The settings of `ldnn train`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FitConfig {
    /// Where activations come from.
    pub activate: Activate,
    /// Classical activations to compare with.
    pub classical: Vec<String>,
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// Outer steps of meta-learning.
    pub steps: usize,
    /// Networks of each kind.
    pub runs: usize,
    /// The longest training, in passes over the rows.
    pub epochs: usize,
    /// Learning rates that are tried.
    pub rates: Vec<f64>,
    /// Seed of every draw.
    pub seed: u64,
}

impl Default for FitConfig {
    fn default() -> Self {
        FitConfig {
            activate: Activate::Learn,
            classical: vec!["relu".into(), "tanh".into()],
            hidden: vec![50],
            steps: 100,
            runs: 5,
            epochs: 150,
            rates: vec![0.02, 0.05, 0.1],
            seed: 1,
        }
    }
}

/// A data set with what the table said about it.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Standardised rows.
    pub data: Dataset,
    /// What is predicted.
    pub purpose: Purpose,
    /// The names of the inputs.
    pub features: Vec<String>,
    /// Their standardisation.
    pub inputs: Vec<Standard>,
}

/// What came out.
pub struct Fitted {
    /// The model.
    pub model: Trained,
    /// The report.
    pub section: Section,
}

impl FitConfig {
    /// Rows a training step: a tenth of them, 10 to 200.
    fn batch(rows: usize) -> usize {
        (rows / 10).clamp(10, 200).min(rows)
    }

    fn train(&self, rows: usize) -> TrainConfig {
        TrainConfig {
            hidden: self.hidden.clone(),
            optimiser: Optimiser::Sgd,
            rate: 0.05,
            momentum: 0.8,
            batch: Self::batch(rows),
            epochs: self.epochs,
            shuffle: true,
            every: self.epochs.max(1),
        }
    }

    fn meta(&self, rows: usize) -> MetaConfig {
        let held_out = (rows / 4).max(1);
        MetaConfig {
            hidden: self.hidden.clone(),
            steps: self.steps,
            seed: self.seed,
            batch: Self::batch(rows),
            held_out,
            held_out_batch: held_out.min(200),
            ..MetaConfig::default()
        }
    }

    /// Whether training is possible.
    ///
    /// # Errors
    /// The first thing that is wrong, with what to do instead.
    pub fn check(&self, task: &Task) -> Result<()> {
        let rows = task.train.rows();
        ensure!(rows >= 20, "there are {rows} rows to learn from; at least 20 are needed");
        ensure!((2..=1000).contains(&self.runs), "--runs {}: use 2 to 1000, for an interval", self.runs);
        ensure!(!self.rates.is_empty(), "--rates: give at least one");
        self.train(rows).check()?;
        if matches!(self.activate, Activate::Learn) {
            self.meta(rows).check(task)?;
        }
        ensure!(
            !(self.classical.is_empty() && matches!(self.activate, Activate::Classical)),
            "there is nothing to train: give --compare relu,tanh or learn activations"
        );
        for name in &self.classical {
            ensure!(!is_learned(name), "--compare {name}: name base functions, such as relu and tanh");
            crate::activations::base_named(name).context("--compare")?;
        }
        Ok(())
    }
}

/// Does all of it in `folder`; what is there already is not done again.
///
/// # Errors
/// If a setting is impossible, a file cannot be written, or the user stops it.
pub fn run(config: &FitConfig, parts: &Parts, folder: &RunFolder, output: Output) -> Result<Fitted> {
    let task = Task::new(&parts.data);
    config.check(&task)?;
    let rows = task.train.rows();
    let learned = match &config.activate {
        Activate::Classical => None,
        Activate::Given(activations) => Some(activations.clone()),
        Activate::Learn => {
            let meta = config.meta(rows);
            let inside = folder.inside("learn", &meta)?;
            let progress = Progress::new(output, "learning activations", meta.steps);
            let learned = meta::run(&meta, &task, &inside, &progress)?;
            Some(learned)
        }
    };
    let mut kinds = config.classical.clone();
    kinds.extend(learned.is_some().then(|| "mix".to_string()));
    let all: Vec<_> = learned.iter().map(|l| (config.seed, l.clone())).collect();
    let train = config.train(rows);
    let choice = SelectConfig {
        rates: config.rates.clone(),
        runs: 2,
        epochs: config.epochs,
        rate_times_epochs: 10.0,
        validation_rows: (rows / 5).max(1),
        seed: config.seed,
        train: train.clone(),
    };
    let who = entrants(&kinds, &all, false)?;
    let chosen = select(&choice, &task, &who, folder, output)?;
    let validate = ValidateConfig {
        activations: kinds,
        runs: config.runs,
        seed: config.seed,
        exact: false,
        keep_networks: false,
        train: train.clone(),
    };
    let (who, trainings) = ensembles(&validate, &task, &all, Some(&chosen), folder, "trainings", output)?;
    let metric = metric_of(&task);
    let end = |t: &Training| metric.of(&t.curve).last().copied();
    let values = values_of(&who, &trainings, end);

    let best = (0..who.len())
        .reduce(|a, b| if metric.better(chosen[b].validation, chosen[a].validation) { b } else { a })
        .context("there is nothing to choose from")?;
    let one = chosen[best].apply(&train);
    let (_, network) = train_network(&one, &who[best].choice, &task, &task.train, &task.test, config.seed)?;
    let name = who[best].kind.clone();
    let provenance = format!(
        "ldnn {}: {name} on {}, {rows} rows, hidden widths {:?}, rate {}, {} epochs, seed {}",
        env!("CARGO_PKG_VERSION"),
        task.name,
        config.hidden,
        one.rate,
        one.epochs,
        config.seed
    );
    let (seen, kept) = (some(&task.train, config.seed, SEEN), some(&task.test, config.seed, KEPT));
    let (kept_classes, kept_values) = match kept.target {
        SetTarget::Classes(classes) => (classes, vec![]),
        SetTarget::Values(values) => (vec![], values),
    };
    let model = Trained {
        seen: seen.x,
        kept: kept.x,
        kept_classes,
        kept_values,
        version: Trained::VERSION,
        provenance: provenance.clone(),
        features: parts.features.clone(),
        inputs: parts.inputs.clone(),
        purpose: parts.purpose.clone(),
        learned: learned.filter(|_| is_learned(&name)),
        network: Model::of(&network, provenance),
        activation: name,
    };
    let mut section = Section::new(format!("A network for {}", task.name));
    section.text.push(describe(parts, &task));
    let names: Vec<String> = who.iter().map(|e| e.kind.clone()).collect();
    section.text.extend(verdict(&names, &values, metric));
    section.text.push(format!(
        "The model has {} activations, which were best on the validation rows.",
        if is_learned(&model.activation) { "the learned" } else { model.activation.as_str() }
    ));
    section.tabulate(folder, "compared", compared(&names, &values, &chosen, metric))?;
    section.save(folder)?;
    Ok(Fitted { model, section })
}

/// Training rows that a model keeps, at most.
const SEEN: usize = 300;
/// Test rows that a model keeps, at most.
const KEPT: usize = 200;

/// Some rows of a set, drawn by the seed.
fn some(set: &Set, seed: u64, most: usize) -> Set {
    let mut order = vec![0; set.rows()];
    Draws::new(seed, Stream::User, 4, 0).permutation(&mut order);
    order.truncate(most);
    set.pick(&order)
}

fn describe(parts: &Parts, task: &Task) -> String {
    let what = match &parts.purpose {
        Purpose::Classification { column, classes } => format!("'{column}', one of {} classes", classes.len()),
        Purpose::Regression { columns, .. } => format!("{} (regression)", columns.join(", ")),
    };
    let (rows, test) = (task.train.rows(), task.test.rows());
    format!("{rows} rows to learn from, {test} to test; {} inputs; to be predicted: {what}.", parts.features.len())
}

/// One sentence: whether the learned activations were worth it.
fn verdict(names: &[String], values: &[Vec<f64>], metric: Metric) -> Option<String> {
    let mix = names.iter().position(|n| is_learned(n))?;
    let mean = |i: usize| Summary::of(&values[i]).mean;
    let others = (0..names.len()).filter(|&i| i != mix && !values[i].is_empty());
    let rival = others.reduce(|a, b| if metric.better(mean(b), mean(a)) { b } else { a })?;
    let n = values[mix].len().min(values[rival].len());
    let c = Comparison::paired(&values[mix][..n], &values[rival][..n]);
    let (unit, digits) = if metric == Metric::Accuracy { (" points of accuracy", 2) } else { (" in the loss", 5) };
    let gain = if metric == Metric::Accuracy { c.difference } else { -c.difference };
    let found = format!("{gain:+.digits$} ± {:.digits$}{unit} over {} (n = {n})", c.half_width, names[rival]);
    Some(if gain > c.half_width {
        format!("The learned activations were worth it: {found}.")
    } else if gain < -c.half_width {
        format!("The learned activations were not worth it: {found}.")
    } else {
        format!(
            "Whether the learned activations were worth it cannot be said at this n: {found}; more --runs would tell."
        )
    })
}

fn compared(names: &[String], values: &[Vec<f64>], chosen: &[Chosen], metric: Metric) -> Table {
    let caption = format!("{} on the test rows, rate and epochs chosen on validation rows", metric.label());
    let mut table =
        Table::new(caption, &["activations", "rate", "epochs", "validation", "n", "mean", "± (95 %)", "sd"]);
    for ((name, values), c) in names.iter().zip(values).zip(chosen) {
        let s = Summary::of(values);
        let number = |x: f64| if metric == Metric::Accuracy { format!("{x:.2}") } else { format!("{x:.5}") };
        table.row([
            if is_learned(name) { "learned".into() } else { name.clone() },
            c.rate.to_string(),
            c.epochs.to_string(),
            number(c.validation),
            s.n.to_string(),
            number(s.mean),
            number(s.half_width),
            number(s.sd),
        ]);
    }
    table
}
