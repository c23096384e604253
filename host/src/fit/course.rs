//! One division of the rows, from learning activations to a model: rate and number of epochs are chosen on validation rows
//! for each kind of activations, and the model has the kind that was best there.
//!
//! Trainings that choose end early when they have not been better for a while. The networks that are compared, and the model,
//! are trained anew on all training rows, for the number of epochs that was chosen: in small tables the validation rows
//! are too many to be lost.

use super::compare::Scores;
use super::config::{Activate, BEST, FitConfig, LEARNED};
use super::model::{KeptRows, Trained};
use crate::activations::{Activations, is_learned};
use crate::data::Dataset;
use crate::data::tabular::{Purpose, Standard};
use crate::export::Ranges;
use crate::folder::RunFolder;
use crate::meta;
use crate::model::Model;
use crate::progress::{Output, Progress};
use crate::task::{Set, SetTarget, Task};
use crate::train::{Training, train_network};
use crate::validate::{Chosen, Entrant, ValidateConfig, ensembles, entrants, metric_of, select_on};
use anyhow::{Context, Result, ensure};
use ldnn_core::rng::{Draws, Stream};

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
    /// The training rows that decide when to stop, by their places among these.
    pub validation: Vec<u32>,
}

impl Parts {
    /// The training rows to learn from, and those that decide.
    ///
    /// # Errors
    /// If one of the two would be empty.
    pub fn rest_and_validation(&self, task: &Task) -> Result<(Set, Set)> {
        let rows = task.train.rows() as u32;
        let rest: Vec<u32> = (0..rows).filter(|i| self.validation.binary_search(i).is_err()).collect();
        ensure!(
            !rest.is_empty() && !self.validation.is_empty(),
            "{rows} training rows cannot be divided into rows to learn from and rows that decide when to stop; give more rows"
        );
        Ok((task.train.pick(&rest), task.train.pick(&self.validation)))
    }
}

/// What came of one division.
pub(super) struct Course {
    /// The task.
    pub task: Task,
    /// What was chosen for each kind of activations.
    pub chosen: Vec<Chosen>,
    /// The values on the test rows, network by network; empty if nothing was compared.
    pub scores: Scores,
    /// The model.
    pub model: Trained,
}

/// Goes all the way in `folder`; what is there already is not done again. `compare`: with an ensemble of every kind.
///
/// # Errors
/// If a setting is impossible, a file cannot be written, or the user stops it.
pub(super) fn course(
    config: &FitConfig,
    parts: &Parts,
    folder: &RunFolder,
    output: Output,
    compare: bool,
) -> Result<Course> {
    let task = Task::new(&parts.data);
    config.check(&task)?;
    let (rest, validation) = parts.rest_and_validation(&task)?;
    let learned = learned(config, &task, folder, output)?;
    let all: Vec<_> = learned.iter().map(|l| (config.seed, l.clone())).collect();
    let mut kinds = config.classical.clone();
    kinds.extend(learned.is_some().then(|| "mix".to_string()));
    let who = entrants(&kinds, &all, false)?;
    let chosen = select_on(&config.select(task.train.rows()), &task, (&rest, &validation), &who, folder, output)?;
    let metric = metric_of(&task);
    let mut scores = Scores::new(kinds.clone(), metric);
    scores.validation = chosen.iter().map(|c| c.validation).collect();
    if compare {
        let train = config.train(task.train.rows());
        let runs = config.runs;
        let (activations, seed) = (kinds, config.seed);
        let validate = ValidateConfig { activations, runs, seed, exact: false, keep_networks: false, train };
        let (_, trainings) = ensembles(&validate, &task, &all, Some(&chosen), folder, "trainings", output)?;
        let own = |e: &Entrant| {
            let of = trainings.iter().filter(|t| t.activation == e.choice.name && !t.diverged);
            of.filter_map(|t: &Training| Some((t.seed, metric.of(&t.curve).last().copied()?))).collect()
        };
        scores.values = who.iter().map(own).collect();
    }
    let best = match config.keep.as_str() {
        BEST => scores.best(),
        LEARNED => scores.kinds.iter().position(|kind| is_learned(kind)),
        name => scores.kinds.iter().position(|kind| kind == name),
    };
    let best = best.context("there is nothing to choose from")?;
    let model = model(config, parts, &task, (&who[best], &chosen[best]), learned)?;
    Ok(Course { task, chosen, scores, model })
}

fn learned(config: &FitConfig, task: &Task, folder: &RunFolder, output: Output) -> Result<Option<Activations>> {
    Ok(match &config.activate {
        Activate::Classical => None,
        Activate::Given(activations) => Some(activations.clone()),
        Activate::Learn => {
            let meta = config.meta(task);
            let inside = folder.inside("learn", &meta)?;
            let progress = Progress::new(output, "learning activations", meta.steps);
            Some(meta::run(&meta, task, &inside, &progress)?)
        }
    })
}

/// Trains the network of the model on all training rows.
fn model(
    config: &FitConfig,
    parts: &Parts,
    task: &Task,
    (who, chosen): (&Entrant, &Chosen),
    learned: Option<Activations>,
) -> Result<Trained> {
    let rows = task.train.rows();
    let one = chosen.apply(&config.train(rows));
    let (training, network) = train_network(&one, &who.choice, task, &task.train, &task.test, config.seed)?;
    ensure!(
        !training.diverged,
        "the network of the model diverged at rate {} on all training rows; give smaller --rates",
        one.rate
    );
    let provenance = format!(
        "ldnn {}: {} on {}, {rows} rows, hidden widths {:?}, rate {}, {} epochs, seed {}",
        env!("CARGO_PKG_VERSION"),
        who.kind,
        task.name,
        config.hidden,
        one.rate,
        one.epochs,
        config.seed
    );
    let ranges = Ranges::observe(&network, &task.train)?;
    Ok(Trained {
        version: Trained::VERSION,
        provenance: provenance.clone(),
        features: parts.features.clone(),
        inputs: parts.inputs.clone(),
        purpose: parts.purpose.clone(),
        learned: learned.filter(|_| is_learned(&who.kind)),
        network: Model::of(&network, provenance),
        activation: who.kind.clone(),
        ranges: Some(ranges),
        rows: (config.with_rows > 0).then(|| some(&task.test, config.seed, config.with_rows)),
    })
}

/// Some rows of a set, drawn by the seed.
fn some(set: &Set, seed: u64, most: usize) -> KeptRows {
    let mut order = vec![0; set.rows()];
    Draws::new(seed, Stream::User, 4, 0).permutation(&mut order);
    order.truncate(most);
    let picked = set.pick(&order);
    match picked.target {
        SetTarget::Classes(classes) => KeptRows { x: picked.x, classes, values: vec![] },
        SetTarget::Values(values) => KeptRows { x: picked.x, classes: vec![], values },
    }
}
