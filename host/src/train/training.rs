//! Training one network with given activations.

use super::optimizer::{OptimizerKind, OptimizerMemory};
use super::trainee::Trainee;
use crate::data::task::{Examples, Task};
use crate::model::choice::Choice;
use crate::model::{LossAndAccuracy, Network};
use crate::support::memory::{MOST, MOST_TIMES, check_size};
use crate::support::stop;
use anyhow::{Result, ensure};
use ldnn_core::Optimizer;
use ldnn_core::schedule::{Decay, Schedule};
use ldnn_core::train::Joint;
use serde::{Deserialize, Serialize};

/// How a network is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Widths of the hidden layers
    #[arg(long, value_name = "N,...", value_delimiter = ',')]
    pub hidden: Vec<usize>,

    /// Optimizer of the weights
    #[arg(long, value_name = "NAME")]
    pub optimizer: OptimizerKind,

    /// Learning rate [default: 0.01, less for more than 100 inputs]
    #[arg(long, value_name = "X", hide_default_value = true)]
    pub lr: f64,

    /// Momentum of sgd [default: 0.8]
    #[arg(long, value_name = "X")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub momentum: Option<f64>,

    /// Decay of the mean square of rmsprop [default: 0.8]
    #[arg(long, value_name = "X")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decay: Option<f64>,

    /// Decay of the mean gradient of adam and adamw [default: 0.9]
    #[arg(long, value_name = "X")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beta1: Option<f64>,

    /// Decay of the weights with adamw, per unit of learning rate [default: 0.01]
    #[arg(long, value_name = "X")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,

    /// How the learning rate falls over the training
    #[arg(long, value_name = "NAME")]
    #[serde(default)]
    pub lr_decay: LrDecay,

    /// Epochs in which the learning rate rises to its full value
    #[arg(long, value_name = "N")]
    #[serde(default)]
    pub warmup: usize,

    /// Tables that learn beside the weights (learning:tanh+sine)
    #[command(flatten)]
    #[serde(default)]
    pub tables: LearningTables,

    /// Rows per training step
    #[arg(long, value_name = "ROWS")]
    pub batch: usize,

    /// Passes over the training rows
    #[arg(long, value_name = "N")]
    pub epochs: usize,

    /// Take the rows in file order in every epoch
    #[arg(long = "no-shuffle", action = clap::ArgAction::SetFalse)]
    pub shuffle: bool,

    /// Epochs between two points of the curve
    #[arg(long, value_name = "N")]
    pub every: usize,
}

/// Activations that learn beside the weights: their form and how fast they learn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct LearningTables {
    /// Knots of an activation that learns beside the weights (learning:tanh+sine), on [-10, 10]
    #[arg(long, value_name = "N")]
    pub table_knots: usize,

    /// Learning rate of these activations, as a share of the weights'
    #[arg(long, value_name = "X")]
    pub table_rate: f64,

    /// Penalty on their mean squared second derivative, in units of the loss
    #[arg(long, value_name = "X")]
    pub table_smoothing: f64,
}

impl Default for LearningTables {
    /// Chosen on smooth regressions; see `docs/training.md`.
    fn default() -> Self {
        LearningTables {
            table_knots: 33,
            table_rate: 0.1,
            table_smoothing: 0.0,
        }
    }
}

impl LearningTables {
    fn check(&self) -> Result<()> {
        ensure!(
            (2..=MOST_KNOTS).contains(&self.table_knots),
            "`table_knots` {}: use 2 to {MOST_KNOTS}, e.g. 33",
            self.table_knots
        );

        ensure!(
            self.table_rate.is_finite() && self.table_rate > 0.0,
            "`table_rate` {}: must be a positive number, e.g. 0.1; a name without learning: keeps activations as they are",
            self.table_rate
        );

        ensure!(
            self.table_smoothing.is_finite() && self.table_smoothing >= 0.0,
            "`table_smoothing` {}: must be 0 or more, e.g. 0.001",
            self.table_smoothing
        );

        Ok(())
    }
}

/// So many knots lie closer than any data tell apart.
const MOST_KNOTS: usize = 4097;

/// How the learning rate falls over a training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LrDecay {
    /// It does not.
    #[default]
    Constant,
    /// In equal steps to 0.
    Linear,
    /// Along half a period of a cosine to 0.
    Cosine,
}

impl From<LrDecay> for Decay {
    fn from(decay: LrDecay) -> Decay {
        match decay {
            LrDecay::Constant => Decay::Constant,
            LrDecay::Linear => Decay::Linear,
            LrDecay::Cosine => Decay::Cosine,
        }
    }
}

impl Default for TrainConfig {
    /// The network and the training of the paper's comparisons.
    fn default() -> Self {
        TrainConfig {
            hidden: vec![100],
            optimizer: OptimizerKind::Sgd,
            lr: 0.01,
            momentum: None,
            decay: None,
            beta1: None,
            weight_decay: None,
            lr_decay: LrDecay::Constant,
            warmup: 0,
            tables: LearningTables::default(),
            batch: 200,
            epochs: 100,
            shuffle: true,
            every: 5,
        }
    }
}

/// The curve of one training, a number for each recorded epoch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Epochs finished.
    pub epoch: Vec<usize>,
    /// Mean training loss over the epoch.
    pub train_loss: Vec<f64>,
    /// Loss on the rows that the training is evaluated on: validation rows while settings are
    /// chosen, test rows afterwards.
    #[serde(rename = "test_loss")]
    pub evaluation_loss: Vec<f64>,
    /// Accuracy on the same rows, in percent; empty for regression.
    pub accuracy: Vec<f64>,
}

/// A finished training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// Name of its activations.
    pub activation: String,
    /// Seed of its initial weights and its shuffling.
    pub seed: u64,
    /// Step size.
    pub lr: f64,
    /// Whether the loss stopped being a finite number; the curve ends there.
    pub diverged: bool,
    /// The curve of its losses and accuracies.
    pub curve: Curve,
}

impl Curve {
    /// Adds a point.
    fn add(&mut self, epoch: usize, train_loss: f64, score: LossAndAccuracy) {
        self.epoch.push(epoch);
        self.train_loss.push(train_loss);
        self.evaluation_loss.push(score.loss);
        self.accuracy.extend(score.accuracy);
    }
}

impl TrainConfig {
    /// The optimizer itself, in single precision.
    #[must_use]
    pub fn core_optimizer(&self) -> Optimizer<f32> {
        self.optimizer.optimizer(self.lr, self.memory(), 0.0)
    }

    /// How weights and activations learn together, in single precision. Nothing pulls a table to 0
    /// as weights are pulled: 0 is no neutral function.
    #[must_use]
    pub fn joint(&self) -> Joint<f32> {
        let at_rest = OptimizerMemory {
            weight_decay: Some(0.0),
            ..self.memory()
        };

        Joint {
            weights: self.core_optimizer(),
            activations: self
                .optimizer
                .optimizer(self.lr * self.tables.table_rate, at_rest, 0.0),
            smoothing: self.tables.table_smoothing as f32,
        }
    }

    fn memory(&self) -> OptimizerMemory {
        OptimizerMemory {
            momentum: self.momentum,
            decay: self.decay,
            beta1: self.beta1,
            weight_decay: self.weight_decay,
        }
    }

    /// The learning rate over a training of so many steps per epoch.
    #[must_use]
    pub fn lr_schedule(&self, batches: usize) -> Schedule {
        Schedule {
            decay: self.lr_decay.into(),
            warmup: self.warmup.saturating_mul(batches),
            steps: self.epochs.saturating_mul(batches),
        }
    }

    /// The same with the number that its optimizer has, and no other's.
    ///
    /// # Errors
    /// If the number of another optimizer was set, or one is not in [0, 1).
    pub fn settled(self) -> Result<TrainConfig> {
        let OptimizerMemory {
            momentum,
            decay,
            beta1,
            weight_decay,
        } = self.memory().settled(self.optimizer, "")?;

        Ok(TrainConfig {
            momentum,
            decay,
            beta1,
            weight_decay,
            ..self
        })
    }

    /// Widths from the inputs to the outputs of `task`.
    #[must_use]
    pub fn widths(&self, task: &Task) -> Vec<usize> {
        [&[task.inputs], &self.hidden[..], &[task.outputs]].concat()
    }

    /// # Errors
    /// With field, value and remedy, for settings that no training can have.
    pub fn check(&self) -> Result<()> {
        ensure!(self.batch > 0, "`batch` 0: a step needs at least 1 row");
        ensure!(self.epochs > 0, "`epochs` 0: train for at least 1 epoch");
        ensure!(self.every > 0, "`every` 0: record at least every epoch (1)");
        ensure!(
            !self.hidden.is_empty() && !self.hidden.contains(&0),
            "`hidden`: every width must be at least 1"
        );

        ensure!(
            self.lr.is_finite() && self.lr > 0.0,
            "`lr` {}: must be a positive number, e.g. 0.01",
            self.lr
        );

        self.memory().settled(self.optimizer, "")?;
        self.tables.check()?;

        ensure!(
            self.warmup < self.epochs,
            "`warmup` {}: must be less than the {} epochs of the training",
            self.warmup,
            self.epochs
        );

        for (setting, value) in [
            ("`batch`", self.batch),
            ("`epochs`", self.epochs),
            ("`every`", self.every),
        ] {
            check_size(setting, value, MOST_TIMES)?;
        }

        for &width in &self.hidden {
            check_size("`hidden`", width, MOST)?;
        }

        Ok(())
    }
}

/// Trains one network; `seed` decides its initial weights and the order of the rows. It is
/// evaluated on `evaluation`.
///
/// # Errors
/// If task, widths and activations do not fit together, or the user stops it. A diverging training
/// is no error.
pub fn train(
    config: &TrainConfig,
    choice: &Choice,
    task: &Task,
    train: &Examples,
    evaluation: &Examples,
    seed: u64,
) -> Result<Training> {
    Ok(train_network(config, choice, task, train, evaluation, seed)?.0)
}

/// As [`train`], with the network as it is at the end.
///
/// # Errors
/// As [`train`].
pub fn train_network(
    config: &TrainConfig,
    choice: &Choice,
    task: &Task,
    train: &Examples,
    evaluation: &Examples,
    seed: u64,
) -> Result<(Training, Network)> {
    config.check()?;

    let mut trainee = untrained(config, choice, task, train, seed)?;
    let mut curve = Curve::default();
    let mut diverged = false;

    for epoch in 1..=config.epochs {
        stop::check()?;

        if config.shuffle {
            trainee.shuffle(seed, epoch as u64);
        }

        let train_loss = train_epoch(&mut trainee, train, epoch)?;
        diverged = !train_loss.is_finite();

        if diverged {
            break;
        }

        if epoch % config.every == 0 || epoch == config.epochs {
            curve.add(epoch, train_loss, trainee.evaluate(evaluation)?);
        }
    }

    let training = Training {
        activation: choice.name.clone(),
        seed,
        lr: config.lr,
        diverged,
        curve,
    };

    Ok((
        training,
        Network {
            shape: trainee.shape,
            params: trainee.params,
        },
    ))
}

/// A network with these activations before its first step.
fn untrained(
    config: &TrainConfig,
    choice: &Choice,
    task: &Task,
    train: &Examples,
    seed: u64,
) -> Result<Trainee> {
    let start = choice.at_start(config.tables.table_knots)?;
    let shape = start.shape(&config.widths(task))?;
    let optimizer = config.core_optimizer();
    let mut trainee = Trainee::new(shape, optimizer, config.batch, train.rows(), seed)?;
    trainee.params[shape.theta_len()..].copy_from_slice(start.phi());
    trainee.schedule = config.lr_schedule(trainee.batches());

    if choice.learns() {
        trainee.learn_activations(config.joint())?;
    }

    Ok(trainee)
}

/// One pass over the rows; the mean of the batches' losses, which is NaN if the training diverges.
fn train_epoch(trainee: &mut Trainee, train: &Examples, epoch: usize) -> Result<f64> {
    let first = (epoch - 1) * trainee.batches();
    let mut total = 0.0;

    for i in 0..trainee.batches() {
        let rows = trainee.batch(i);
        let count = rows.len() as f64;
        let Some(loss) = trainee.step(train, rows, None, first + i)? else {
            return Ok(f64::NAN);
        };

        total += f64::from(loss) * count;
    }

    Ok(total / train.rows() as f64)
}

/// A training explodes when its loss is so many times that of a network that answers 0.
pub const EXPLOSION: f64 = 10.0;

/// How much smaller steps of gradient descent are for many inputs. The curvature of the loss grows
/// with the number of standardised inputs: with several hundred, as in images, the learning rate
/// for tens of them diverges.
#[must_use]
pub fn lr_scale(inputs: usize) -> f64 {
    (100.0 / inputs as f64).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Dataset, VanDerPolConfig};

    #[test]
    fn the_learning_rate_rises_and_falls_over_the_epochs() {
        let config = TrainConfig {
            epochs: 4,
            warmup: 1,
            lr_decay: LrDecay::Linear,
            ..TrainConfig::default()
        };
        let schedule = config.lr_schedule(5);

        assert_eq!(schedule.factor::<f64>(0), 0.2);
        assert_eq!(schedule.factor::<f64>(5), 1.0);
        assert_eq!(schedule.factor::<f64>(20), 0.0);
        assert_eq!(
            TrainConfig::default().lr_schedule(5).factor::<f32>(499),
            1.0
        );

        config.check().unwrap();
        assert!(
            TrainConfig {
                warmup: 4,
                ..config
            }
            .check()
            .is_err()
        );
    }

    /// The same rows in the same order: they differ by the last steps' lengths alone.
    #[test]
    fn a_falling_rate_and_a_weight_decay_are_those_that_are_asked_for() {
        let task = Task::new(&Dataset::vanderpol(&VanDerPolConfig::default()).unwrap());
        let choice = Choice::named("tanh", None, false).unwrap();
        let trained = |change: fn(&mut TrainConfig)| {
            let mut config = TrainConfig {
                hidden: vec![10],
                optimizer: OptimizerKind::Adamw,
                epochs: 3,
                ..TrainConfig::default()
            };
            change(&mut config);
            let result = train_network(&config, &choice, &task, &task.train, &task.test, 7);
            result.unwrap().1.params
        };

        let size = |params: &[f32]| params.iter().map(|p| p.abs()).sum::<f32>();
        let plain = trained(|config| config.weight_decay = Some(0.0));
        let adam = trained(|config| config.optimizer = OptimizerKind::Adam);
        let decayed = trained(|config| config.weight_decay = Some(1.0));
        let falling = trained(|config| {
            config.weight_decay = Some(0.0);
            config.lr_decay = LrDecay::Cosine;
        });

        assert_eq!(plain, adam, "without a decay of weights it is Adam");
        assert!(size(&decayed) < size(&plain));
        assert_ne!(falling, plain);
    }
}
