//! Ensembles of networks, each of them probed once it is trained.

use super::config::ValidateConfig;
use super::ensemble::{Arm, Job, SeededActivations};
use super::select::Hyperparameters;
use crate::data::task::Task;
use crate::model::Network;
use crate::run::RunFolder;
use crate::run::jobs::JobLoop;
use crate::support::progress::Output;
use crate::train::{Training, train_network};
use anyhow::Result;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A training, and what the probe measured in its network; nothing if it diverged.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Probed<S> {
    /// The training.
    pub training: Training,
    /// What the probe measured.
    #[serde(rename = "seen")]
    pub value: Option<S>,
}

/// Trains the ensembles and measures each network with `probe`; the journal is `name.jsonl`. The
/// results are in the order of the arms, and within one in that of the seeds.
///
/// # Errors
/// If a setting is impossible, a probe fails, a file cannot be written, or the user stops it.
pub fn train_and_probe<S: Serialize + DeserializeOwned + Clone + Send + Sync>(
    config: &ValidateConfig,
    task: &Task,
    learned: &[SeededActivations],
    chosen: Option<&[Hyperparameters]>,
    (folder, name, output): (&RunFolder, &str, Output),
    probe: impl Fn(&Network, &Training) -> Result<S> + Sync,
) -> Result<(Vec<Arm>, Vec<Probed<S>>)> {
    let arms = config.arms(task, learned)?;
    let jobs = config.jobs(&arms, chosen)?;

    let work = |job: &Job| {
        let (training, network) = train_network(
            &job.config,
            job.choice,
            task,
            &task.train,
            &task.test,
            job.seed,
        )?;

        let value = if training.diverged {
            None
        } else {
            Some(probe(&network, &training)?)
        };

        Ok(Probed { training, value })
    };

    let message = |l: &Probed<S>| l.training.activation.clone();
    let (key, key_of) = (
        |job: &Job| job.key(),
        |done: &Probed<S>| done.training.key(),
    );

    let work = JobLoop::<Job, Probed<S>> {
        name,
        key: &key,
        key_of: &key_of,
        needed: false,
        work: &work,
        message: &message,
    };

    let mut all = work.run(&jobs, folder, output)?;
    let place = |l: &Probed<S>| {
        arms.iter()
            .position(|e| e.choice.name == l.training.activation)
    };

    all.sort_by_key(place);
    Ok((arms, all))
}

/// A quantity of each network, by arm.
pub fn of_each<S>(
    arms: &[Arm],
    all: &[Probed<S>],
    f: impl Fn(&Probed<S>) -> Option<f64>,
) -> Vec<Vec<f64>> {
    let own = |e: &Arm, l: &&Probed<S>| l.training.activation == e.choice.name;
    arms.iter()
        .map(|e| all.iter().filter(|l| own(e, l)).filter_map(&f).collect())
        .collect()
}
