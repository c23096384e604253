//! Training one network with given activations.

use super::optimizer::{OptimizerKind, OptimizerMemory};
use super::trainee::Trainee;
use crate::data::task::{Examples, Task};
use crate::model::activations::Choice;
use crate::model::{LossAndAccuracy, Network};
use crate::support::memory::{MOST, MOST_TIMES, check_size};
use crate::support::stop;
use anyhow::{Result, ensure};
use ldnn_core::Optimizer;
use ldnn_core::schedule::{Decay, Schedule};
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

    /// How long ago the loss was best, or the accuracy if that is less long ago; the first of
    /// equally good ones counts. Accuracy alone moves in steps of a row and rests on plateaus; the
    /// loss alone gets worse while rows are still being won.
    #[must_use]
    pub fn epochs_since_best(&self) -> usize {
        let since = |values: &[f64], better: fn(f64, f64) -> bool| {
            let best = (0..values.len()).reduce(|best, i| {
                if better(values[i], values[best]) {
                    i
                } else {
                    best
                }
            });

            best.zip(self.epoch.last())
                .map_or(0, |(best, last)| last - self.epoch[best])
        };

        let loss = since(&self.evaluation_loss, |a, b| a < b);

        if self.accuracy.is_empty() {
            loss
        } else {
            loss.min(since(&self.accuracy, |a, b| a > b))
        }
    }
}

impl TrainConfig {
    /// The optimizer itself, in single precision.
    #[must_use]
    pub fn core_optimizer(&self) -> Optimizer<f32> {
        self.optimizer.optimizer(self.lr, self.memory(), 0.0)
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
    train_patiently(config, None, choice, task, train, evaluation, seed)
}

/// As [`train_network`], but it ends early when neither loss nor accuracy on `evaluation` has been
/// better than before for `patience` epochs.
///
/// # Errors
/// As [`train`].
pub fn train_patiently(
    config: &TrainConfig,
    patience: Option<usize>,
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
            if patience.is_some_and(|patience| curve.epochs_since_best() >= patience) {
                break;
            }
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
    let shape = choice.shape(&config.widths(task))?;
    let optimizer = config.core_optimizer();
    let mut trainee = Trainee::new(shape, optimizer, config.batch, train.rows(), seed)?;
    trainee.params[shape.theta_len()..].copy_from_slice(choice.phi());
    trainee.schedule = config.lr_schedule(trainee.batches());

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
    fn the_best_epoch_is_the_first_of_equally_good_ones() {
        let curve = |accuracy: &[f64], loss: &[f64]| Curve {
            epoch: (1..=loss.len()).map(|i| 5 * i).collect(),
            train_loss: loss.to_vec(),
            evaluation_loss: loss.to_vec(),
            accuracy: accuracy.to_vec(),
        };

        assert_eq!(
            curve(&[10.0, 50.0, 50.0, 40.0], &[1.0, 3.0, 2.0, 2.0]).epochs_since_best(),
            10
        );
        assert_eq!(
            curve(&[50.0, 50.0, 50.0, 40.0], &[4.0, 3.0, 2.0, 2.5]).epochs_since_best(),
            5
        );
        assert_eq!(curve(&[], &[4.0, 1.0, 2.0, 2.0]).epochs_since_best(), 10);
        assert_eq!(curve(&[], &[4.0, 3.0]).epochs_since_best(), 0);
        assert_eq!(Curve::default().epochs_since_best(), 0);
    }

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

    #[test]
    fn a_training_ends_when_the_loss_has_not_improved_for_long_enough() {
        let task = Task::new(
            &Dataset::vanderpol(&VanDerPolConfig {
                orbits: 4,
                test_orbits: 1,
                ..Default::default()
            })
            .unwrap(),
        );

        let config = TrainConfig {
            hidden: vec![10],
            // Large enough to jump about.
            lr: 0.4,
            batch: 20,
            epochs: 400,
            every: 2,
            ..TrainConfig::default()
        };

        let choice = Choice::named("tanh", None, false).unwrap();

        let curve_with = |patience| {
            train_patiently(
                &config,
                patience,
                &choice,
                &task,
                &task.train,
                &task.test,
                1,
            )
            .unwrap()
            .0
            .curve
        };

        let (whole, short) = (curve_with(None), curve_with(Some(20)));

        assert!(
            short.epoch.len() < whole.epoch.len(),
            "never stopped: {:?}",
            short.epoch
        );

        assert_eq!(short.epochs_since_best(), 20);

        assert_eq!(
            short.evaluation_loss[..],
            whole.evaluation_loss[..short.evaluation_loss.len()],
            "the epochs before are the same"
        );
    }
}
