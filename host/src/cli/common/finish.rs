//! What has become of the work in a run folder.

use crate::report::status;
use crate::run::{Incomplete, RunFolder, RunMode};
use crate::support::notice::notice;
use crate::support::stop::Stopped;
use anyhow::Result;

/// What has become of the work, in words: a shard that has nothing left to do has done its work,
/// whatever others have.
pub fn finish(result: Result<String>, folder: &RunFolder) -> Result<String> {
    if folder.mode() == RunMode::Gather {
        for sentence in status::divisions(folder) {
            notice!("note: {sentence}");
        }
    }

    let Err(error) = result else {
        folder.ended("done");

        return if folder.mode() == RunMode::Status {
            Ok(status::describe(folder, None))
        } else {
            result
        };
    };

    let incomplete = Incomplete::of(&error);
    folder.ended(&match incomplete {
        Some(Incomplete { blocked: false, .. }) => "done".into(),
        Some(_) => "waits".into(),
        None if error.is::<Stopped>() => "stopped".into(),
        None => format!("{error:#}"),
    });

    if folder.mode() == RunMode::Status && incomplete.is_some() {
        return Ok(status::describe(folder, incomplete));
    }

    let run = folder.path().display();

    match (folder.mode(), incomplete) {
        (RunMode::Shard(shard), Some(Incomplete { blocked: false, .. })) => Ok(format!(
            "shard {shard}: done; when all shards are (`ldnn status {run}`), `ldnn merge {run}` writes the results"
        )),
        (RunMode::Shard(shard), Some(_)) => Err(error.context(format!(
            "shard {shard}: done as far as it can be now; start it again when the other shards have done as much"
        ))),
        (RunMode::Gather, Some(_)) => Err(error.context(status::lacking(folder)).context("not all jobs are done")),
        _ => Err(error),
    }
}
