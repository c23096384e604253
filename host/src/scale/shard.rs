//! One of several processes that share the pieces of a run: which pieces are its own.

use anyhow::{Context, Result, bail, ensure};
use std::fmt;
use std::str::FromStr;

/// Shard `index` of `count`, from 0: of every list of pieces it does those whose number is `index` modulo `count`, counted
/// from a start that depends on the list's name, so that many short lists do not all begin with shard 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shard {
    /// How many there are.
    pub count: usize,
    /// Which one it is, from 0.
    pub index: usize,
}

/// The most shards of one run; more than any queue takes in one array.
const MOST: usize = 1_000_000;

impl Shard {
    /// # Errors
    /// If there is no such shard.
    pub fn new(index: usize, count: usize) -> Result<Shard> {
        ensure!((1..=MOST).contains(&count), "--shard {index}/{count}: there can be 1 to {MOST} shards");
        ensure!(index < count, "--shard {index}/{count}: shards are numbered from 0 to {}", count - 1);
        Ok(Shard { count, index })
    }

    /// What `--shard` says: `3/16`, or `auto` or `auto/16` with the rest from the queue's variables in the environment.
    ///
    /// # Errors
    /// If it is neither, or the variables are not there.
    pub fn parse(text: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Shard> {
        let (index, count) = text.split_once('/').map_or((text, None), |(i, n)| (i, Some(n)));
        let whole = || format!("--shard {text}: write i/n (for example 3/16, from 0), auto or auto/n");
        let count = count.map(usize::from_str).transpose().with_context(whole)?;
        match (index, count) {
            ("auto", count) => auto(count, variable),
            (index, Some(count)) => Shard::new(index.parse().with_context(whole)?, count),
            (_, None) => bail!(whole()),
        }
    }

    /// Whether piece number `k` of the list called `list` is this shard's.
    #[must_use]
    pub fn owns(self, list: &str, k: usize) -> bool {
        self.owner(list, k) == self.index
    }

    /// The index of the shard (of as many) that piece `k` belongs to.
    #[must_use]
    pub fn owner(self, list: &str, k: usize) -> usize {
        (start(list) as usize % self.count + k) % self.count
    }

    /// The name of its folder.
    #[must_use]
    pub fn folder(self) -> String {
        format!("{}-of-{}", self.index, self.count)
    }

    /// The shard whose folder has this name.
    #[must_use]
    pub fn of_folder(name: &str) -> Option<Shard> {
        let (index, count) = name.split_once("-of-")?;
        let found = Shard::new(index.parse().ok()?, count.parse().ok()?).ok()?;
        (found.folder() == name).then_some(found)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

/// A number that any name has once and for all.
fn start(list: &str) -> u32 {
    crc32fast::hash(list.as_bytes())
}

/// The variables in which queues number their tasks: of the number, of the first number, of how many there are.
const QUEUES: [(&str, Option<&str>, usize, Option<&str>); 4] = [
    ("SLURM_ARRAY_TASK_ID", Some("SLURM_ARRAY_TASK_MIN"), 0, Some("SLURM_ARRAY_TASK_COUNT")),
    ("JOB_COMPLETION_INDEX", None, 0, Some("JOB_COMPLETIONS")),
    ("HQ_TASK_ID", None, 0, None),
    ("PARALLEL_SEQ", None, 1, None),
];

fn auto(count: Option<usize>, variable: impl Fn(&str) -> Option<String>) -> Result<Shard> {
    let number = |name: &str| -> Result<Option<usize>> {
        let text = variable(name).filter(|t| !t.is_empty());
        let parsed = |t: String| t.parse().with_context(|| format!("--shard auto: {name}={t} is no number"));
        text.map(parsed).transpose()
    };
    for (id, first, from, total) in QUEUES {
        let Some(at) = number(id)? else { continue };
        // With a count of our own, tasks are numbered from the queue's first number by custom; a part of an array that is
        // sent again has another minimum and another count, which must not matter.
        let least = match (count, first) {
            (None, Some(first)) => number(first)?.unwrap_or(from),
            _ => from,
        };
        let total = total.map(number).transpose()?.flatten();
        let count = count.or(total).with_context(|| {
            format!("--shard auto: {id}={at} says which task this is, but nothing says of how many; write auto/n")
        })?;
        let index = at.checked_sub(least).filter(|i| *i < count).with_context(|| {
            format!(
                "--shard auto: task {id}={at} is none of {count} tasks numbered from {least}; if a part of an array was sent \
                 again, or its steps are not 1, write --shard auto/n with the n of the first time"
            )
        })?;
        return Shard::new(index, count);
    }
    bail!(
        "--shard auto: no queue has numbered this process ({} are not set); write --shard i/n",
        QUEUES.map(|q| q.0).join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str, set: &[(&str, &str)]) -> Result<Shard> {
        Shard::parse(text, |name| set.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_string()))
    }

    #[test]
    fn shards_are_understood_as_numbers_and_from_every_queue() {
        let shard = |index, count| Shard { count, index };
        assert_eq!(with("3/16", &[]).unwrap(), shard(3, 16));
        let slurm = [("SLURM_ARRAY_TASK_ID", "7"), ("SLURM_ARRAY_TASK_MIN", "5"), ("SLURM_ARRAY_TASK_COUNT", "4")];
        assert_eq!(with("auto", &slurm).unwrap(), shard(2, 4));
        // A part of an array, sent again.
        assert_eq!(with("auto/16", &slurm).unwrap(), shard(7, 16));
        let kubernetes = [("JOB_COMPLETION_INDEX", "0"), ("JOB_COMPLETIONS", "3")];
        assert_eq!(with("auto", &kubernetes).unwrap(), shard(0, 3));
        assert_eq!(with("auto/9", &[("PARALLEL_SEQ", "9")]).unwrap(), shard(8, 9));
    }

    #[test]
    fn what_is_no_shard_is_refused_with_a_remedy() {
        let message = |text, set: &[(&str, &str)]| format!("{:#}", with(text, set).unwrap_err());
        assert!(message("16/16", &[]).contains("0 to 15"));
        assert!(message("x/4", &[]).contains("3/16"));
        assert!(message("3", &[]).contains("i/n"));
        assert!(message("1/0", &[]).contains("1 to"));
        assert!(message("auto", &[]).contains("--shard i/n"));
        assert!(message("auto", &[("PARALLEL_SEQ", "2")]).contains("auto/n"));
        assert!(message("auto/2", &[("PARALLEL_SEQ", "0")]).contains("numbered from 1"));
        assert!(message("auto", &[("SLURM_ARRAY_TASK_ID", "x")]).contains("no number"));
        let gap = [("SLURM_ARRAY_TASK_ID", "7"), ("SLURM_ARRAY_TASK_MIN", "3"), ("SLURM_ARRAY_TASK_COUNT", "2")];
        assert!(message("auto", &gap).contains("auto/n"));
    }

    #[test]
    fn every_piece_has_one_owner_and_shares_differ_by_one_at_most() {
        for count in 1..9 {
            for (list, pieces) in [("a", 0), ("fig3/equal/trainings", 1), ("b", 17), ("c", 100)] {
                let shares: Vec<usize> = (0..count)
                    .map(|i| (0..pieces).filter(|&k| Shard::new(i, count).unwrap().owns(list, k)).count())
                    .collect();
                assert_eq!(shares.iter().sum::<usize>(), pieces);
                assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1, "{shares:?}");
            }
        }
    }

    #[test]
    fn the_folder_of_a_shard_names_it() {
        let shard = Shard::new(3, 16).unwrap();
        assert_eq!(Shard::of_folder(&shard.folder()), Some(shard));
        for name in ["3-of-3", "03-of-16", "x", "3-of-", ".lock"] {
            assert_eq!(Shard::of_folder(name), None, "{name}");
        }
    }
}
