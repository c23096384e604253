//! One of several processes that share the jobs of a run: which jobs are its own.

use anyhow::{Context, Result, bail, ensure};
use std::fmt;
use std::str::FromStr;

/// Shard `index` of `count`, from 0: of every list of jobs it does those whose number is `index`
/// modulo `count`, counted from a start that depends on the list's name, so that many short lists
/// do not all begin with shard 0.
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
        ensure!(
            (1..=MOST).contains(&count),
            "`shard` {index}/{count}: there can be 1 to {MOST} shards"
        );

        ensure!(
            index < count,
            "`shard` {index}/{count}: shards are numbered from 0 to {}",
            count - 1
        );

        Ok(Shard { count, index })
    }

    /// The shard that a text names: `3/16`, or `auto` or `auto/16` with the rest from the queue's variables
    /// in the environment.
    ///
    /// # Errors
    /// If it is neither, or the variables are not there, or are those of two queues.
    pub fn parse(text: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Shard> {
        let (index, count) = text
            .split_once('/')
            .map_or((text, None), |(i, n)| (i, Some(n)));
        let whole =
            || format!("`shard` {text}: write i/n (for example 3/16, from 0), auto or auto/n");
        let count = count.map(usize::from_str).transpose().with_context(whole)?;

        match (index, count) {
            ("auto", count) => auto(count, variable),
            (index, Some(count)) => Shard::new(index.parse().with_context(whole)?, count),
            (_, None) => bail!(whole()),
        }
    }

    /// Whether job number `k` of the list called `list` is this shard's.
    #[must_use]
    pub fn owns(self, list: &str, k: usize) -> bool {
        self.owner(list, k) == self.index
    }

    /// The index of the shard (of as many) that job `k` belongs to.
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

/// The variables in which a queue numbers its tasks.
struct QueueVariables {
    /// Has the task's number.
    id: &'static str,
    /// Has the number of the first task; where it has none, that number is `from`.
    first: Option<&'static str>,
    from: usize,
    /// Has the number of the last task.
    last: Option<&'static str>,
    /// Has how many tasks there are.
    total: Option<&'static str>,
}

impl QueueVariables {
    /// The task's number, from 0, as a shell computes it.
    fn index(&self) -> String {
        match self.from {
            0 => format!("${}", self.id),
            from => format!("$(({} - {from}))", self.id),
        }
    }
}

const QUEUES: [QueueVariables; 4] = [
    QueueVariables {
        id: "SLURM_ARRAY_TASK_ID",
        first: Some("SLURM_ARRAY_TASK_MIN"),
        from: 0,
        last: Some("SLURM_ARRAY_TASK_MAX"),
        total: Some("SLURM_ARRAY_TASK_COUNT"),
    },
    QueueVariables {
        id: "JOB_COMPLETION_INDEX",
        first: None,
        from: 0,
        last: None,
        total: Some("JOB_COMPLETIONS"),
    },
    QueueVariables {
        id: "HQ_TASK_ID",
        first: None,
        from: 0,
        last: None,
        total: None,
    },
    QueueVariables {
        id: "PARALLEL_SEQ",
        first: None,
        from: 1,
        last: None,
        total: None,
    },
];

/// A queue's variable as a number; none if it is not set.
fn number(name: &str, variable: &impl Fn(&str) -> Option<String>) -> Result<Option<usize>> {
    let Some(text) = variable(name).filter(|t| !t.is_empty()) else {
        return Ok(None);
    };
    text.parse()
        .map(Some)
        .with_context(|| format!("`shard` auto: {name}={text} is not a number"))
}

/// Refuses a process that two queues have numbered, such as one of GNU parallel in a task of Slurm's
/// array: either number alone gives several processes the same shard.
fn check_one_queue(variable: &impl Fn(&str) -> Option<String>) -> Result<()> {
    let is_set = |queue: &&QueueVariables| variable(queue.id).is_some_and(|text| !text.is_empty());
    let mut set = QUEUES.iter().filter(is_set);

    if let (Some(one), Some(other)) = (set.next(), set.next()) {
        let said = |id: &str| format!("{id}={}", variable(id).unwrap_or_default());
        bail!(
            "`shard` auto: both {} and {} number this process; write `shard` i/n, for example `shard` {}/n or `shard` {}/n, \
             or a number made of both",
            said(one.id),
            said(other.id),
            one.index(),
            other.index()
        );
    }

    Ok(())
}

fn auto(count: Option<usize>, variable: impl Fn(&str) -> Option<String>) -> Result<Shard> {
    check_one_queue(&variable)?;

    for queue in &QUEUES {
        let id = queue.id;
        let Some(task) = number(id, &variable)? else {
            continue;
        };
        let read = |name: Option<&str>| name.map_or(Ok(None), |name| number(name, &variable));

        // With a count of our own, tasks are numbered from the queue's first number by custom; a
        // part of an array that is sent again has another minimum and another count, which must not
        // matter.
        let (first, count) = match count {
            Some(count) => (queue.from, count),
            None => {
                let (first, total) = (read(queue.first)?.unwrap_or(queue.from), read(queue.total)?);
                let total = total.with_context(|| {
                    format!(
                        "`shard` auto: {id}={task} says which task this is, but nothing says of how many; write auto/n"
                    )
                })?;

                if let Some(last) = read(queue.last)? {
                    check_whole_array(first, last, total)?;
                }

                (first, total)
            }
        };

        let index = task.checked_sub(first).filter(|i| *i < count).with_context(|| {
            format!(
                "`shard` auto: task {id}={task} is none of {count} tasks numbered from {first}; if a part of an array \
                 was sent again, write `shard` auto/n with the n of the first time; if its steps are not 1, write \
                 `shard` i/n with this task's i, from 0"
            )
        })?;

        return Shard::new(index, count);
    }

    bail!(
        "`shard` auto: no queue has numbered this process ({} are not set); write `shard` i/n",
        QUEUES.map(|q| q.id).join(", ")
    )
}

/// Refuses an array with gaps between its tasks' numbers: they do not tell the shares of the work.
/// It may be a part of a larger array, whose shares are others, or one whose steps are not 1.
fn check_whole_array(first: usize, last: usize, count: usize) -> Result<()> {
    let is_whole = last.checked_sub(first).and_then(|d| d.checked_add(1)) == Some(count);
    let step = last.saturating_sub(first) / count.saturating_sub(1).max(1);

    ensure!(
        is_whole,
        "`shard` auto: the array has {count} tasks, but their numbers go from {first} to {last}, so they do not tell the \
         shares of the work. If tasks of a larger array were sent again, write `shard` auto/n, with n shards numbered \
         from 0 in that array; if the steps of this one are not 1, write `shard` i/n, for example \
         `shard` $(((SLURM_ARRAY_TASK_ID - {first}) / {step}))/{count}"
    );

    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str, set: &[(&str, &str)]) -> Result<Shard> {
        Shard::parse(text, |name| {
            set.iter()
                .find(|(n, _)| *n == name)
                .map(|(_, v)| (*v).to_string())
        })
    }

    #[test]
    fn shards_are_understood_as_numbers_and_from_every_queue() {
        let shard = |index, count| Shard { count, index };
        assert_eq!(with("3/16", &[]).unwrap(), shard(3, 16));

        let slurm = [
            ("SLURM_ARRAY_TASK_ID", "7"),
            ("SLURM_ARRAY_TASK_MIN", "5"),
            ("SLURM_ARRAY_TASK_COUNT", "4"),
        ];

        assert_eq!(with("auto", &slurm).unwrap(), shard(2, 4));
        // A part of an array, sent again.
        assert_eq!(with("auto/16", &slurm).unwrap(), shard(7, 16));

        let kubernetes = [("JOB_COMPLETION_INDEX", "0"), ("JOB_COMPLETIONS", "3")];
        assert_eq!(with("auto", &kubernetes).unwrap(), shard(0, 3));
        assert_eq!(
            with("auto/9", &[("PARALLEL_SEQ", "9")]).unwrap(),
            shard(8, 9)
        );
    }

    #[test]
    fn what_is_no_shard_is_refused_with_a_remedy() {
        let message = |text, set: &[(&str, &str)]| format!("{:#}", with(text, set).unwrap_err());
        assert!(message("16/16", &[]).contains("0 to 15"));
        assert!(message("x/4", &[]).contains("3/16"));
        assert!(message("3", &[]).contains("i/n"));
        assert!(message("1/0", &[]).contains("1 to"));
        assert!(message("auto", &[]).contains("`shard` i/n"));
        assert!(message("auto", &[("PARALLEL_SEQ", "2")]).contains("auto/n"));
        assert!(message("auto/2", &[("PARALLEL_SEQ", "0")]).contains("numbered from 1"));
        assert!(message("auto", &[("SLURM_ARRAY_TASK_ID", "x")]).contains("not a number"));

        let gap = [
            ("SLURM_ARRAY_TASK_ID", "7"),
            ("SLURM_ARRAY_TASK_MIN", "3"),
            ("SLURM_ARRAY_TASK_COUNT", "2"),
        ];

        assert!(message("auto", &gap).contains("auto/n"));
    }

    #[test]
    fn a_process_that_two_queues_have_numbered_is_refused() {
        let both = [("SLURM_ARRAY_TASK_ID", "1"), ("PARALLEL_SEQ", "2")];

        for text in ["auto", "auto/3"] {
            let message = format!("{:#}", with(text, &both).unwrap_err());
            for part in [
                "SLURM_ARRAY_TASK_ID=1 and PARALLEL_SEQ=2",
                "`shard` i/n",
                "`shard` $SLURM_ARRAY_TASK_ID/n",
                "`shard` $((PARALLEL_SEQ - 1))/n",
            ] {
                assert!(message.contains(part), "{message}");
            }
        }

        // What is said is not asked of the queues, and a variable without a value is none.
        assert!(with("1/3", &both).is_ok());
        assert!(with("auto/3", &[both[0], ("PARALLEL_SEQ", "")]).is_ok());
    }

    #[test]
    fn an_array_with_gaps_between_its_numbers_is_refused_because_they_tell_no_shares() {
        let slurm = |text, id: &str, first: &str, last: &str, count: &str| {
            let set = [
                ("SLURM_ARRAY_TASK_ID", id),
                ("SLURM_ARRAY_TASK_MIN", first),
                ("SLURM_ARRAY_TASK_MAX", last),
                ("SLURM_ARRAY_TASK_COUNT", count),
            ];
            with(text, &set).map_err(|e| format!("{e:#}"))
        };

        // --array=0-10:2, every task of it; one with the numbers 1,5 of an earlier array; one that cannot be.
        for id in ["0", "2", "4", "6", "8", "10"] {
            let message = slurm("auto", id, "0", "10", "6").unwrap_err();
            assert!(
                message.contains("6 tasks, but their numbers go from 0 to 10"),
                "{message}"
            );
            assert!(
                message.contains("`shard` i/n") && message.contains("`shard` auto/n"),
                "{message}"
            );
        }

        assert!(slurm("auto", "5", "1", "5", "2").is_err());
        assert!(slurm("auto", "5", "5", "1", "2").is_err());
        assert!(slurm("auto", "5", "0", &usize::MAX.to_string(), "0").is_err());

        assert_eq!(
            slurm("auto", "7", "5", "8", "4").unwrap(),
            Shard { count: 4, index: 2 }
        );

        assert_eq!(
            slurm("auto", "16", "1", "16", "16").unwrap(),
            Shard {
                count: 16,
                index: 15
            }
        );

        // What was asked for says how many shares there are.
        assert_eq!(
            slurm("auto/6", "5", "1", "5", "2").unwrap(),
            Shard { count: 6, index: 5 }
        );
    }

    #[test]
    fn every_job_has_one_owner_and_shares_differ_by_one_at_most() {
        for count in 1..9 {
            for (list, jobs) in [("a", 0), ("fig3/equal/trainings", 1), ("b", 17), ("c", 100)] {
                let shares: Vec<usize> = (0..count)
                    .map(|i| {
                        (0..jobs)
                            .filter(|&k| Shard::new(i, count).unwrap().owns(list, k))
                            .count()
                    })
                    .collect();

                assert_eq!(shares.iter().sum::<usize>(), jobs);
                assert!(
                    shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1,
                    "{shares:?}"
                );
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
