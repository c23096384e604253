//! Long work as a list of jobs: in parallel, with journals to resume from, and results that do not
//! depend on the order or the machine in which jobs finish.

use crate::run::journal::{self, Journal, JournalLine};
use crate::run::{Incomplete, ListProgress, RunFolder, RunMode};
use crate::support::atomic::write_atomically_with;
use crate::support::progress::{Output, Progress};
use crate::support::stop::{self, Stopped};
use anyhow::{Result, bail};
use rayon::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// How the jobs of a list are done.
pub struct JobLoop<'a, J, R> {
    /// The journal is `name.jsonl`, and progress has this title.
    pub name: &'a str,
    /// A key that no other job of the list has.
    pub key: &'a (dyn Fn(&J) -> String + Sync),
    /// The key of the job that gave a result.
    pub key_of: &'a (dyn Fn(&R) -> String + Sync),
    /// Whether other work waits for the results: then a shard wants them too.
    pub needed: bool,
    /// Does one job.
    pub work: &'a (dyn Fn(&J) -> Result<R> + Sync),
    /// What progress shows beside a finished job.
    pub message: &'a (dyn Fn(&R) -> String + Sync),
}

/// Results that were found, by key, with where they are from.
type Known<R> = HashMap<String, (JournalLine<R>, PathBuf)>;

impl<J: Sync, R: Serialize + DeserializeOwned + Clone + Send + Sync> JobLoop<'_, J, R> {
    /// Does every job of this process that is not yet done, on as many threads as rayon has. The
    /// journal gets one line for each job as it finishes. The results, and in the end the lines,
    /// are in the order of the list.
    ///
    /// # Errors
    /// If a job fails, the journal cannot be written, two journals contradict each other, or the
    /// user stops it;
    /// [`Incomplete`] if jobs of other shards are missing, and to a shard whose work is done and whose results nobody
    /// waits for.
    pub fn run(&self, jobs: &[J], folder: &RunFolder, output: Output) -> Result<Vec<R>> {
        let (own, others) = folder.journals(
            self.name,
            self.needed || !matches!(folder.mode(), RunMode::Shard(_)),
        );
        let mut known = Known::new();

        for path in others {
            let found = journal::read(&path)?;
            if !found.damaged.is_empty() {
                journal::tell(&path, &found.damaged, "they count as not done");
            }
            self.learn(&mut known, found.lines, &path)?;
        }

        let mut journal = None;

        if let Some(path) = &own {
            let (opened, lines) = Journal::open(path)?;
            self.learn(&mut known, lines, path)?;
            journal = Some(opened);
        }

        let mut results: Vec<Option<R>> = jobs
            .iter()
            .map(|job| known.remove(&(self.key)(job)).map(|(line, _)| line.value))
            .collect();

        if let Some(journal) = journal {
            self.do_missing(jobs, &mut results, &journal, folder, output)?;
        }

        self.finish(results, folder)
    }

    /// Takes lines of a journal over; the same result twice must be the same bytes.
    fn learn(&self, known: &mut Known<R>, lines: Vec<JournalLine<R>>, path: &Path) -> Result<()> {
        for line in lines {
            match known.entry((self.key_of)(&line.value)) {
                Entry::Vacant(place) => {
                    place.insert((line, path.into()));
                }
                Entry::Occupied(place) if place.get().0.sum == line.sum => {}
                Entry::Occupied(place) => bail!(
                    "'{}' and '{}' hold different results of '{}'; were they made by different versions of this program? \
                     Delete one of the two files, and what is missing then is computed again",
                    place.get().1.display(),
                    path.display(),
                    place.key()
                ),
            }
        }

        Ok(())
    }

    fn do_missing(
        &self,
        jobs: &[J],
        results: &mut [Option<R>],
        journal: &Journal,
        folder: &RunFolder,
        output: Output,
    ) -> Result<()> {
        let (list, mode) = (folder.list(self.name), folder.mode());
        let own = (0..jobs.len()).filter(|&k| mode.does(&list, k)).count();
        let open: Vec<usize> = (0..jobs.len())
            .filter(|&k| results[k].is_none() && mode.does(&list, k))
            .collect();
        let progress = Progress::new(output, self.name, own);

        progress.skip(own - open.len());

        // A journal that cannot be written makes all further work useless; a job that fails does
        // not.
        let broken = AtomicBool::new(false);

        let done = open.par_iter().with_max_len(1).map(|&k| {
            if stop::requested() || broken.load(Ordering::Relaxed) {
                return (k, None);
            }

            let result = (self.work)(&jobs[k]).and_then(|result| {
                journal
                    .append(&result)
                    .inspect_err(|_| broken.store(true, Ordering::Relaxed))?;
                folder.job_done();
                progress.advance(|| (self.message)(&result));
                Ok(result)
            });

            (k, Some(result))
        });

        let done: Vec<(usize, Option<Result<R>>)> = done.collect();
        drop(progress);

        for (k, result) in done {
            match result {
                Some(Err(error)) if error.is::<Stopped>() => {}
                Some(result) => results[k] = Some(result?),
                None => {}
            }
        }

        if stop::requested() {
            Err(Stopped.into())
        } else {
            Ok(())
        }
    }

    /// The results, if they are all there and wanted; written in the order of the jobs where
    /// results are written.
    fn finish(&self, results: Vec<Option<R>>, folder: &RunFolder) -> Result<Vec<R>> {
        if let (RunMode::Shard(_), false) = (folder.mode(), self.needed) {
            // Its own jobs are done; it has not looked for those of others.
            return Err(Incomplete::default().into());
        }

        let missing: Vec<usize> = (0..results.len())
            .filter(|&k| results[k].is_none())
            .collect();
        let incomplete = Incomplete {
            missing: missing.len(),
            blocked: self.needed && !missing.is_empty(),
        };

        folder.count(ListProgress {
            list: folder.list(self.name),
            total: results.len(),
            missing,
        });

        let results: Vec<R> = results.into_iter().flatten().collect();

        if incomplete.missing > 0 || !(self.needed || folder.mode().has_results()) {
            return Err(incomplete.into());
        }

        if folder.mode().has_results() {
            let path = folder.file(&format!("{}.jsonl", self.name));
            write_atomically_with(&path, true, |file| {
                results
                    .iter()
                    .try_for_each(|r| Ok(file.write_all(&journal::line(r)?)?))
            })?;
        }

        Ok(results)
    }
}
