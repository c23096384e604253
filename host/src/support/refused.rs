//! Requests that only turn out to be wrong in the work, such as a size that nothing has.

use std::fmt;

/// The user's data or request are wrong, though it only showed on the way.
#[derive(Debug)]
pub struct Refused(anyhow::Error);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.0)
    }
}

impl std::error::Error for Refused {}

/// Marks an error as the user's: the program ends as it does for a wrong flag.
#[must_use]
pub fn refused(error: anyhow::Error) -> anyhow::Error {
    anyhow::Error::new(Refused(error))
}
