//! One division of the rows, from learning activations to a model: learning rate, weight decay and
//! number of epochs are chosen on held-out rows for each arm, and the model has the activations of
//! the arm that was best there.
//!
//! The networks that are compared, and the model, are trained anew on all training rows: in small
//! tables the held-out rows are too many to be lost.

use super::compare::Scores;
use super::config::{ActivationSource, BEST, FitConfig, LEARNED};
use super::grid::SettingsGrid;
use crate::data::split::Split;
use crate::data::task::{ExampleTargets, Examples, Task};
use crate::meta;
use crate::model::activations::LearnedActivations;
use crate::model::names::{is_any_learned, is_learned, is_learning};
use crate::model::{Model, Network, NetworkFile, Ranges, TestRows};
use crate::run::RunFolder;
use crate::support::draws::{DrawnFor, draws};
use crate::support::progress::{Output, Progress};
use crate::train::{
    Arm, EXPLOSION, Hyperparameters, TrainConfig, Training, ValidateConfig, arms, ensembles,
    metric_of, train_network,
};
use anyhow::{Result, bail};

/// What came of one division.
pub(super) struct PipelineOutcome {
    /// The task.
    pub task: Task,
    /// What was chosen for each arm that could be trained.
    pub chosen: Vec<Hyperparameters>,
    /// The values on the test rows, network by network; empty if nothing was compared.
    pub scores: Scores,
    /// The model.
    pub model: Model,
    /// What did not go as wanted, a sentence each.
    pub notes: Vec<String>,
}

/// Does every step in `folder`; what is there already is not done again. `compare`: with an
/// ensemble of every arm. An arm whose activations cannot be learned or trained is left out
/// while others remain.
///
/// # Errors
/// If a setting is impossible, nothing at all can be trained, a file cannot be written, or the user
/// stops it.
pub(super) fn run_pipeline(
    config: &FitConfig,
    parts: &Split,
    folder: &RunFolder,
    output: Output,
    compare: bool,
) -> Result<PipelineOutcome> {
    let task = &Task::new(&parts.data);
    config.check(task)?;

    let mut pipeline = FitPipeline::new(config, (parts, task), folder, output);
    let arms = pipeline.select()?;
    pipeline.note_longest(&arms.chosen);
    let mut scores = Scores::new(arms.activations(), metric_of(task));
    scores.validation = arms.chosen.iter().map(|c| c.validation).collect();

    if compare {
        scores.values = pipeline.compare(&arms)?;
    }

    let model = pipeline.model(&arms, &scores)?;

    let FitPipeline { notes, .. } = pipeline;

    Ok(PipelineOutcome {
        task: task.clone(),
        chosen: arms.chosen,
        scores,
        model,
        notes,
    })
}

/// Nothing could be trained on these rows.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "every training diverged, at every learning rate ({lrs}) and at smaller ones; {}",
    self.remedy()
)]
pub(super) struct AllDiverged {
    /// The learning rates that were asked for.
    lrs: String,
    /// Whether they are beyond what any training takes.
    is_large: bool,
    /// Whether every weight decay is.
    is_decayed: bool,
}

impl AllDiverged {
    fn of(config: &FitConfig, inputs: usize) -> AllDiverged {
        let lrs = config.lrs(inputs);
        let decays = &config.weight_decay;
        let least = decays.iter().copied().fold(f64::INFINITY, f64::min);
        let words: Vec<String> = lrs.iter().map(|lr| format!("{lr:?}")).collect();
        AllDiverged {
            lrs: words.join(", "),
            is_large: lrs.iter().all(|&lr| lr > LARGE_LR),
            is_decayed: !decays.is_empty() && least > LARGE_DECAY,
        }
    }

    fn remedy(&self) -> &str {
        if self.is_decayed {
            "give a smaller `weight_decay`, such as 0.3"
        } else if self.is_large {
            "give a smaller `lr`, such as 0.01"
        } else {
            "bring the inputs to a common scale, or leave out those with extreme values with `ignore`"
        }
    }
}

/// Standardised rows are learned at learning rates far below this.
const LARGE_LR: f64 = 1.0;
/// And with weight decays far below this.
const LARGE_DECAY: f64 = 100.0;

/// The arms that could be trained, each with what was chosen for it.
pub(super) struct Arms {
    pub(super) arms: Vec<Arm>,
    pub(super) chosen: Vec<Hyperparameters>,
    /// The learned activations, if there are any.
    learned: Option<LearnedActivations>,
}

impl Arms {
    fn activations(&self) -> Vec<String> {
        self.arms.iter().map(|e| e.activation.clone()).collect()
    }
}

/// What every step of one division needs, and what it has to say.
pub(super) struct FitPipeline<'a> {
    config: &'a FitConfig,
    parts: &'a Split,
    task: &'a Task,
    folder: &'a RunFolder,
    output: Output,
    pub(super) notes: Vec<String>,
}

impl<'a> FitPipeline<'a> {
    /// Of these rows, as they were divided and as networks take them.
    pub(super) fn new(
        config: &'a FitConfig,
        (parts, task): (&'a Split, &'a Task),
        folder: &'a RunFolder,
        output: Output,
    ) -> FitPipeline<'a> {
        FitPipeline {
            config,
            parts,
            task,
            folder,
            output,
            notes: vec![],
        }
    }

    /// The activations that were learned before the weights, if there are to be any and they can be
    /// learned.
    fn learn(&mut self) -> Result<Option<LearnedActivations>> {
        let meta = match &self.config.activate {
            ActivationSource::Learn | ActivationSource::Classical => return Ok(None),
            ActivationSource::Given(activations) => return Ok(Some(activations.clone())),
            ActivationSource::Meta => self.config.meta(self.task),
        };

        let folder = self.folder.inside("learn", &meta)?;
        let progress = Progress::new(self.output, "learning activations", meta.steps);
        match meta::run(&meta, self.task, &folder, &progress) {
            Ok(learned) => Ok(Some(learned)),
            Err(error) if error.is::<meta::Unlearnable>() && self.config.has_other_arms() => {
                self.notes
                    .push(format!("No activations could be learned: {error}."));
                Ok(None)
            }
            Err(error) if error.is::<meta::Unlearnable>() => bail!(
                "no activations could be learned: {error}; bring inputs and targets to a common scale (the logarithm of a \
                 target with a long tail), or let the program fall back on others with `keep` {BEST} and `compare` relu"
            ),
            Err(error) => Err(error),
        }
    }

    /// Learns activations, and chooses the settings of each arm.
    pub(super) fn select(&mut self) -> Result<Arms> {
        let learned = self.learn()?;
        let mut activations = self.config.compare.clone();
        let learnable = |name: &String| is_learning(name) && !is_learned(name) || learned.is_some();
        activations.extend(self.config.learned().into_iter().filter(learnable));

        let mut all = arms(&activations, &self.seeded(&learned), false)?;
        self.leave_out_misfits(&mut all);
        let divisions = self.parts.rest_and_validation(self.task)?;

        let selected = SettingsGrid {
            config: self.config,
            task: self.task,
            divisions: &divisions,
            arms: &all,
            folder: self.folder,
            output: self.output,
        }
        .search()?;

        let mut arms = Arms {
            arms: vec![],
            chosen: vec![],
            learned,
        };

        for (arm, found) in all.into_iter().zip(selected) {
            let what = "trainings that choose its settings";
            self.note_diverged(&arm.activation, found.diverged, found.trainings, what);

            if let Some(chosen) = found.chosen {
                arms.arms.push(arm);
                arms.chosen.push(chosen);
            }
        }

        if arms.arms.is_empty() {
            return Err(AllDiverged::of(self.config, self.task.inputs).into());
        }

        Ok(arms)
    }

    /// Says for which arms longer trainings than were tried might be better.
    fn note_longest(&mut self, chosen: &[Hyperparameters]) {
        let lengths = self.config.lengths(self.task);
        let [shortest, .., longest] = lengths[..] else {
            return;
        };

        let at_the_edge = chosen.iter().filter(|c| c.epochs == longest);
        let name = |c: &'_ Hyperparameters| match is_any_learned(&c.activation) {
            true => "the learned activations".to_string(),
            false => c.activation.clone(),
        };
        let names: Vec<String> = at_the_edge.map(name).collect();

        if !names.is_empty() {
            self.notes.push(format!(
                "The longest training that was tried was best for {}: `epochs` {shortest},{longest},{} tries a longer one.",
                names.join(", "),
                longest.saturating_mul(5)
            ));
        }
    }

    /// Leaves out arms that the layers have no room for, if others remain.
    fn leave_out_misfits(&mut self, arms: &mut Vec<Arm>) {
        let widths = self.config.train(1).widths(self.task);
        let misfit = |arm: &Arm| arm.choice.shape(&widths).err();

        if arms.iter().all(|arm| misfit(arm).is_some()) {
            return;
        }

        arms.retain(|arm| {
            let Some(error) = misfit(arm) else {
                return true;
            };

            self.notes.push(format!(
                "{} was left out: {error:#} (`hidden` {:?}).",
                arm.activation, self.config.hidden
            ));
            false
        });
    }

    /// Trains networks of every arm; the values on the test rows, with the seeds of the networks.
    fn compare(&mut self, arms: &Arms) -> Result<Vec<Vec<(u64, f64)>>> {
        let validate = ValidateConfig {
            compare: arms.activations(),
            runs: self.config.runs,
            seed: self.config.seed,
            exact: false,
            keep_networks: false,
            train: self.config.train(self.task.train.rows()),
        };

        let (learned, chosen) = (self.seeded(&arms.learned), Some(&arms.chosen[..]));
        let (folder, output) = (self.folder, self.output);

        let (_, trainings) = ensembles(
            &validate,
            self.task,
            &learned,
            chosen,
            folder,
            "trainings",
            output,
        )?;

        let metric = metric_of(self.task);
        let mut values = vec![];

        for arm in &arms.arms {
            let own = trainings.iter().filter(|t| t.activation == arm.choice.name);
            let (diverged, ended): (Vec<&Training>, Vec<&Training>) = own.partition(|t| t.diverged);
            let all = diverged.len() + ended.len();
            self.note_diverged(&arm.activation, diverged.len(), all, "compared networks");
            let value = |t: &Training| Some((t.seed, metric.of(&t.curve).last().copied()?));
            values.push(ended.into_iter().filter_map(value).collect());
        }

        Ok(values)
    }

    /// Trains the network of the model on all training rows: with the activations that are wanted
    /// or, where those are the best and diverge here, with the next best.
    fn model(&mut self, arms: &Arms, scores: &Scores) -> Result<Model> {
        let keep = &self.config.keep;
        let wanted: Vec<usize> = match keep.as_str() {
            BEST => scores.ranked(),
            LEARNED => scores
                .ranked()
                .into_iter()
                .filter(|&arm| is_any_learned(&scores.activations[arm]))
                .collect(),
            name => scores
                .activations
                .iter()
                .position(|activation| activation == name)
                .into_iter()
                .collect(),
        };

        for place in wanted {
            let (arm, chosen) = (&arms.arms[place], &arms.chosen[place]);
            let Some((train, model)) = self.model_of(arms, place, self.config.seed)? else {
                self.note_diverged(&arm.activation, 1, 1, "networks for the model");
                continue;
            };

            if train.lr < chosen.lr {
                self.notes.push(format!(
                    "On all training rows the network of the model diverged at learning rate {}; \
                     it was trained at {}.",
                    chosen.lr, train.lr
                ));
            }

            return Ok(model);
        }

        if keep == BEST {
            return Err(AllDiverged::of(self.config, self.task.inputs).into());
        }

        bail!("`keep` {keep}: its networks diverge at every learning rate; use `keep` {BEST}")
    }

    /// The model of an arm, with a network of this seed, and how that was trained; none if it
    /// diverges.
    pub(super) fn model_of(
        &self,
        arms: &Arms,
        place: usize,
        seed: u64,
    ) -> Result<Option<(TrainConfig, Model)>> {
        let (arm, chosen) = (&arms.arms[place], &arms.chosen[place]);
        let Some((train, network)) = self.network(arm, chosen, seed)? else {
            return Ok(None);
        };

        // Tables that learned on are in the network itself.
        let stayed = is_learned(&arm.activation) && !is_learning(&arm.activation);
        let learned = arms.learned.clone().filter(|_| stayed);
        let model = self.trained(&arm.activation, (&train, seed), &network, learned)?;

        Ok(Some((train, model)))
    }

    /// A network trained on all training rows at the learning rate that was chosen, or at the first
    /// of its halves at which it learns anything.
    fn network(
        &self,
        arm: &Arm,
        chosen: &Hyperparameters,
        seed: u64,
    ) -> Result<Option<(TrainConfig, Network)>> {
        let task = self.task;
        let limit = EXPLOSION * task.train.loss_of_zeros(task.outputs);

        for halvings in 0..=MOST_HALVINGS {
            let train = TrainConfig {
                lr: chosen.lr * 0.5f64.powi(halvings),
                ..chosen.apply(&self.config.train(task.train.rows()))
            };
            let (training, network) =
                train_network(&train, &arm.choice, task, &task.train, &task.test, seed)?;
            let last = training.curve.train_loss.last();

            if !training.diverged && last.is_some_and(|&loss| loss <= limit) {
                return Ok(Some((train, network)));
            }
        }

        Ok(None)
    }

    /// The model around its network.
    fn trained(
        &self,
        activation: &str,
        (train, seed): (&TrainConfig, u64),
        network: &Network,
        learned: Option<LearnedActivations>,
    ) -> Result<Model> {
        let (config, task, parts) = (self.config, self.task, self.parts);

        let provenance = format!(
            "ldnn {}: {activation} on {}, {} rows, hidden widths {:?}, learning rate {}{}, {} epochs, seed {}",
            env!("CARGO_PKG_VERSION"),
            task.name,
            task.train.rows(),
            config.hidden,
            train.lr,
            train
                .weight_decay
                .map_or(String::new(), |decay| format!(", weight decay {decay}")),
            train.epochs,
            seed
        );

        let ranges = Ranges::observe(network, &task.train)?;

        Ok(Model {
            version: Model::VERSION,
            provenance: provenance.clone(),
            features: parts.features.clone(),
            inputs: parts.inputs.clone(),
            purpose: parts.purpose.clone(),
            learned,
            network: NetworkFile::of(network, provenance),
            activation: activation.into(),
            ranges: Some(ranges),
            rows: (config.with_rows > 0).then(|| some(&task.test, config.seed, config.with_rows)),
        })
    }

    /// The learned activations with the seed that they were learned with.
    fn seeded(&self, learned: &Option<LearnedActivations>) -> Vec<(u64, LearnedActivations)> {
        learned
            .iter()
            .map(|l| (self.config.seed, l.clone()))
            .collect()
    }

    /// Says how many trainings diverged, if any did.
    fn note_diverged(&mut self, activation: &str, diverged: usize, all: usize, what: &str) {
        let activation = if is_any_learned(activation) {
            "the learned activations"
        } else {
            activation
        };

        if diverged > 0 {
            self.notes.push(format!(
                "With {activation}, {diverged} of {all} {what} diverged; they are left out."
            ));
        }
    }
}

/// How often the network of a model is trained anew, each time with half the learning rate.
const MOST_HALVINGS: i32 = 6;

/// Some rows of a set, drawn by the seed.
fn some(set: &Examples, seed: u64, most: usize) -> TestRows {
    let mut order = vec![0; set.rows()];
    draws(DrawnFor::KeptRows, seed, 0).permutation(&mut order);
    order.truncate(most);

    let picked = set.pick(&order);
    match picked.target {
        ExampleTargets::Classes(classes) => TestRows {
            x: picked.x,
            classes,
            values: vec![],
        },
        ExampleTargets::Values(values) => TestRows {
            x: picked.x,
            classes: vec![],
            values,
        },
    }
}
