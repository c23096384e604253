//! A study: learning, then training, then the results.

use super::plan::StudyPlan;
use super::results;
use super::settings::{StudyConfig, TaskCache};
use super::worker::Worker;
use crate::run::{Incomplete, RunFolder, RunMode};
use crate::support::progress::Output;
use anyhow::{Result, ensure};

/// Which stage of a study to work at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Stage {
    /// The meta-learning runs
    Learn,
    /// Of reproduce: the trainings by which learning rates and epochs are chosen
    Select,
    /// The trainings
    Train,
    /// All of them
    All,
}

/// Does the jobs of `study` that are this process's, at one stage or at both, and writes the
/// results where all are wanted.
///
/// # Errors
/// If a setting is impossible, a file cannot be written, or the user stops it; [`Incomplete`] to a
/// shard, and where jobs are missing.
pub fn run(
    study: &StudyConfig,
    tasks: &TaskCache,
    folder: &RunFolder,
    stage: Stage,
    output: Output,
) -> Result<String> {
    ensure!(
        stage != Stage::Select,
        "`stage` select: only studies of reproduce have it; here are learn and train"
    );

    let plan = StudyPlan::new(study, tasks)?;
    let mode = folder.mode();
    // Who only gathers has nothing to show.
    let output = if matches!(mode, RunMode::Gather | RunMode::Status) {
        Output::Quiet
    } else {
        output
    };

    let at_work = Worker::new(&plan, tasks, folder, output);
    let mut blocked = 0;

    if stage != Stage::Train {
        at_work.learn()?;
    }

    if stage != Stage::Learn && mode != RunMode::Gather && mode != RunMode::Status {
        blocked = at_work.train()?;
    }

    if mode == RunMode::Whole && stage == Stage::Learn {
        return Ok(
            "the activations are learned; the same command without `stage` learn goes on".into(),
        );
    }

    if let RunMode::Shard(_) = mode {
        return Err(Incomplete {
            missing: blocked,
            blocked: blocked > 0,
        }
        .into());
    }

    results::write(&plan, tasks, folder, &at_work)
}
