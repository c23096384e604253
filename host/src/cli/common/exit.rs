//! Which exit code an error has.

use crate::run::Incomplete;
use crate::support::stop::{STOPPED, Stopped};

/// The exit code of an error in the work: 2 where the request turned out to be wrong, 75
/// (EX_TEMPFAIL) where the same command goes on later, else 1.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    if error.is::<Refused>() {
        2
    } else if error.is::<Stopped>() || Incomplete::of(error).is_some() {
        STOPPED
    } else {
        1
    }
}

/// The user's data or request are wrong, though it only showed on the way: exit code 2.
#[derive(Debug)]
pub struct Refused(anyhow::Error);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:#}", self.0)
    }
}

impl std::error::Error for Refused {}

/// Marks an error as the user's.
pub fn refused(error: anyhow::Error) -> anyhow::Error {
    anyhow::Error::new(Refused(error))
}
