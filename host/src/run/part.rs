//! What a process does of a run, and what it leaves to others.

use super::Shard;
use anyhow::Result;

/// Which jobs of a run this process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunMode {
    /// All that nobody has done, then the results.
    Whole,
    /// Its own, into a folder of its own; no results.
    Shard(Shard),
    /// None: the results, from what others have done.
    Gather,
    /// None, and no results: it says how far others are.
    Status,
}

impl RunMode {
    /// Whether results are wanted: tables, pictures, reports.
    #[must_use]
    pub fn has_results(self) -> bool {
        matches!(self, RunMode::Whole | RunMode::Gather)
    }

    /// Whether job `k` of `list` is to be done here, if nobody has done it.
    #[must_use]
    pub fn does(self, list: &str, k: usize) -> bool {
        match self {
            RunMode::Whole => true,
            RunMode::Shard(shard) => shard.owns(list, k),
            RunMode::Gather | RunMode::Status => false,
        }
    }
}

/// How far a list of jobs is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListProgress {
    /// Its name: the journal's, with its folder.
    pub list: String,
    /// How many jobs it has.
    pub total: usize,
    /// The numbers of those that nobody has done.
    pub missing: Vec<usize>,
}

/// Jobs are left for other shards, or for a later time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("{missing} jobs are missing{}", if *.blocked { ", and others wait for them" } else { "" })]
pub struct Incomplete {
    /// How many are missing.
    pub missing: usize,
    /// Whether work that cannot be listed yet waits for them: then every shard has to come again.
    pub blocked: bool,
}

impl Incomplete {
    /// Both.
    #[must_use]
    pub fn and(self, other: Incomplete) -> Incomplete {
        Incomplete {
            missing: self.missing + other.missing,
            blocked: self.blocked || other.blocked,
        }
    }

    /// The same, where other work waits for it.
    #[must_use]
    pub fn blocking(self) -> Incomplete {
        Incomplete {
            blocked: true,
            ..self
        }
    }

    /// The error, if it is one of this kind.
    #[must_use]
    pub fn of(error: &anyhow::Error) -> Option<Incomplete> {
        error.downcast_ref::<Incomplete>().copied()
    }
}

/// Every one of `results`, the later ones too when an earlier one is incomplete: so that a shard
/// does all that it can. What is missing is added up; any other error ends it.
///
/// # Errors
/// The first error that is not [`Incomplete`], or all of those together.
pub fn all<T>(results: impl IntoIterator<Item = Result<T>>) -> Result<Vec<T>> {
    let (mut values, mut incomplete) = (Vec::new(), None::<Incomplete>);

    for result in results {
        match result {
            Ok(value) => values.push(value),
            Err(error) => {
                let own = Incomplete::of(&error).ok_or(error)?;
                incomplete = Some(incomplete.map_or(own, |before| before.and(own)));
            }
        }
    }

    match incomplete {
        Some(incomplete) => Err(incomplete.into()),
        None => Ok(values),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_goes_on_after_what_is_incomplete_and_stops_at_any_other_error() {
        let missing = |missing, blocked| Err(Incomplete { missing, blocked }.into());
        let mut seen = 0;
        let mut count = |r: Result<u8>| {
            seen += 1;
            r
        };
        let results = [missing(3, false), Ok(1), missing(4, true)].map(&mut count);
        let error = all(results).unwrap_err();

        assert_eq!(
            Incomplete::of(&error),
            Some(Incomplete {
                missing: 7,
                blocked: true
            })
        );

        assert_eq!(seen, 3);
        assert_eq!(all([Ok(1), Ok(2)]).unwrap(), [1, 2]);

        let error = all([missing(1, false), Err(anyhow::anyhow!("no disk")), Ok(1)]).unwrap_err();
        assert_eq!(error.to_string(), "no disk");
    }
}
