//! Long work in pieces: in parallel, with a journal to go on from, and results that do not depend on who was first.

use crate::folder::{Journal, RunFolder, json_lines};
use crate::progress::{Output, Progress};
use crate::stop::{self, Stopped};
use anyhow::Result;
use rayon::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How pieces of one kind are done.
pub struct Work<'a, J, R> {
    /// The journal is `name.jsonl`, and progress has this title.
    pub name: &'a str,
    /// Whether an earlier result is the one of this piece.
    pub same: &'a (dyn Fn(&J, &R) -> bool + Sync),
    /// Does a piece.
    pub work: &'a (dyn Fn(&J) -> Result<R> + Sync),
    /// What progress shows beside a finished piece.
    pub message: &'a (dyn Fn(&R) -> String + Sync),
}

impl<J: Sync, R: Serialize + DeserializeOwned + Clone + Send + Sync> Work<'_, J, R> {
    /// Does every piece, on as many threads as rayon has; the journal gets a line for each as it finishes, and those that
    /// it holds already are not done again. The results, and in the end the lines, are in the order of the pieces.
    ///
    /// # Errors
    /// If a piece fails, the journal cannot be written, or the user stops it.
    pub fn run(&self, jobs: &[J], folder: &RunFolder, output: Output) -> Result<Vec<R>> {
        let file = format!("{}.jsonl", self.name);
        let (journal, done) = Journal::open::<R>(&folder.file(&file))?;
        let progress = Progress::new(output, self.name, jobs.len());
        let results = jobs.par_iter().with_max_len(1).map(|job| {
            if let Some(found) = done.iter().find(|d| (self.same)(job, d)) {
                progress.skip(1);
                return Ok(found.clone());
            }
            stop::check()?;
            let result = (self.work)(job)?;
            journal.append(&result)?;
            progress.advance(|| (self.message)(&result));
            Ok(result)
        });
        let results: Vec<Result<R>> = results.collect();
        if stop::requested() {
            return Err(Stopped.into());
        }
        let results = results.into_iter().collect::<Result<Vec<_>>>()?;
        folder.write(&file, json_lines(&results)?)?;
        Ok(results)
    }
}
