//! Widths and activations, each trained with settings of its own, and what each takes on a device.

use super::error::ErrorUnit;
use crate::data::split::Split;
use crate::data::task::Task;
use crate::deploy::{OnDevice, on_device};
use crate::fit::{FitConfig, SelectedArms};
use crate::run::RunFolder;
use crate::run::jobs::JobLoop;
use crate::support::progress::Output;
use crate::support::stop;
use crate::train::{Hyperparameters, metric_of};
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

/// The widths that are tried, unless others are named.
pub const WIDTHS: [usize; 5] = [4, 8, 16, 32, 64];
/// The widest.
pub(super) const MOST: usize = 4096;

/// Whether networks can have these widths.
///
/// # Errors
/// If there is none, or one is impossible.
pub fn check_widths(widths: &[usize]) -> Result<()> {
    ensure!(
        !widths.is_empty(),
        "`widths` is empty; give some, such as 4,8,16"
    );

    for width in widths {
        ensure!(
            (1..=MOST).contains(width),
            "`widths` {width}: use 1 to {MOST} neurons, such as 4,8,16"
        );
    }

    Ok(())
}

/// A width with activations.
#[derive(Clone, Debug)]
pub struct SizedArm {
    /// Neurons of the hidden layer.
    pub width: usize,
    /// The settings that were chosen for it.
    pub chosen: Hyperparameters,
    /// On the held-out rows, with these settings, in percent; see [`ErrorUnit`].
    pub held_out: f64,
    /// What it takes and how good it is on the test rows; none if it was not trained, or diverged.
    pub sizes: Option<Sizes>,
}

/// What the first network of a candidate takes on a device, and how good its networks are.
#[derive(Clone, Debug, PartialEq)]
pub struct Sizes {
    /// With weights of single precision.
    pub f32: Size,
    /// With weights of 8 bits.
    pub int8: Size,
    /// On the test rows in percent, network by network.
    pub test: Vec<f64>,
    /// The same as integers compute.
    pub test_int8: Vec<f64>,
}

/// What an export takes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Size {
    /// Bytes of flash of its numbers.
    pub flash: usize,
    /// Instructions of an answer, estimated.
    pub instructions: f64,
}

/// A trained network in the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct NetworkResult {
    activation: String,
    seed: u64,
    /// None if it diverged.
    network: Option<MeasuredNetwork>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct MeasuredNetwork {
    f32: Size,
    int8: Size,
    test: f64,
    test_int8: f64,
}

/// Networks of one width after another.
pub struct Sweep<'a> {
    /// The settings of `ldnn train`, but for the width.
    pub fit: &'a FitConfig,
    /// The rows, as they were divided.
    pub parts: &'a Split,
    /// The rows, as networks take them.
    pub task: &'a Task,
    /// Where what is finished is kept, in a folder for each width.
    pub folder: &'a RunFolder,
    /// Progress.
    pub output: Output,
}

impl Sweep<'_> {
    /// The settings of a width.
    #[must_use]
    pub fn fit_of(&self, width: usize) -> FitConfig {
        FitConfig {
            hidden: vec![width],
            ..self.fit.clone()
        }
    }

    /// Its folder.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn folder_of(&self, width: usize) -> Result<RunFolder> {
        self.folder
            .inside(&format!("width-{width}"), &self.fit_of(width))
    }

    /// The candidates of a width: settings are chosen for each kind of activations, and of those
    /// that are `wanted` so many networks are trained on all training rows. What did not go as
    /// wanted goes to `notes`.
    ///
    /// # Errors
    /// If a setting is impossible, every training diverges, a file cannot be written, or the user
    /// stops it.
    pub fn candidates(
        &self,
        width: usize,
        networks: usize,
        wanted: impl Fn(&SizedArm) -> bool,
        notes: &mut Vec<String>,
    ) -> Result<Vec<SizedArm>> {
        let fit = self.fit_of(width);
        let folder = self.folder_of(width)?;
        let rows = (self.parts, self.task);
        let arms = SelectedArms::select(&fit, rows, &folder, self.output)
            .with_context(|| format!("{width} neurons"))?;

        let own = arms
            .notes()
            .iter()
            .map(|note| format!("{width} neurons: {note}"));
        notes.extend(own);

        let metric = metric_of(self.task);
        let candidate = |chosen: &Hyperparameters| SizedArm {
            width,
            held_out: ErrorUnit::of_metric(metric, chosen.validation),
            chosen: chosen.clone(),
            sizes: None,
        };

        let mut all: Vec<SizedArm> = arms.chosen().iter().map(candidate).collect();
        let jobs: Vec<(usize, u64)> = (0..all.len())
            .filter(|&arm| wanted(&all[arm]))
            .flat_map(|arm| (0..networks as u64).map(move |n| (arm, fit.seed + n)))
            .collect();

        for done in self.measure(&arms, &jobs, &folder)? {
            let own = all
                .iter_mut()
                .find(|c| c.chosen.activation == done.activation);
            match (own, done.network) {
                (Some(own), Some(network)) => own.add(network),
                _ => notes.push(format!(
                    "{width} neurons: a network with {} diverged; it is left out.",
                    done.activation
                )),
            }
        }

        Ok(all)
    }

    /// Trains networks of arms, and looks at what they are on a device.
    fn measure(
        &self,
        arms: &SelectedArms,
        jobs: &[(usize, u64)],
        folder: &RunFolder,
    ) -> Result<Vec<NetworkResult>> {
        if jobs.is_empty() {
            return Ok(vec![]);
        }

        let key = |activation: &str, seed: u64| format!("{activation}, seed {seed}");

        JobLoop::<(usize, u64), NetworkResult> {
            name: "networks",
            key: &|&(arm, seed)| key(&arms.chosen()[arm].activation, seed),
            key_of: &|done| key(&done.activation, done.seed),
            needed: true,
            work: &|&(arm, seed)| self.measured(arms, arm, seed),
            message: &|done| match done.network {
                None => format!("{} diverged", done.activation),
                Some(network) => format!("{} {} bytes", done.activation, network.f32.flash),
            },
        }
        .run(jobs, folder, self.output)
    }

    fn measured(&self, arms: &SelectedArms, arm: usize, seed: u64) -> Result<NetworkResult> {
        stop::check()?;
        let test = &self.task.test;
        let size = |device: &OnDevice| Size {
            flash: device.flash.total(),
            instructions: device.instructions,
        };

        let network = match arms.model(arm, seed)? {
            None => None,
            Some(model) => {
                let unit = ErrorUnit::of(&model.purpose);
                let [f32, int8] = on_device(&model, test)?;
                Some(MeasuredNetwork {
                    f32: size(&f32),
                    int8: size(&int8),
                    test: unit.of_metrics(&model.evaluate_set(test)?),
                    test_int8: ErrorUnit::of_score(int8.score),
                })
            }
        };

        Ok(NetworkResult {
            activation: arms.chosen()[arm].activation.clone(),
            seed,
            network,
        })
    }
}

impl SizedArm {
    /// Its activations, as people call them.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.chosen.activation
    }

    /// Adds a network; the first one says what the candidate takes.
    fn add(&mut self, network: MeasuredNetwork) {
        let MeasuredNetwork {
            f32,
            int8,
            test,
            test_int8,
        } = network;

        let sizes = self.sizes.get_or_insert(Sizes {
            f32,
            int8,
            test: vec![],
            test_int8: vec![],
        });
        sizes.test.push(test);
        sizes.test_int8.push(test_int8);
    }
}
