//! The paper's claims, each beside what was measured and a verdict that may go against it.

use crate::validate::table;
use serde::Serialize;
use std::fmt;

/// A claim and what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct Claim {
    /// In words.
    pub claim: String,
    /// The figures.
    pub measured: String,
    /// The judgement.
    pub verdict: Verdict,
}

/// What the measurement says of a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The whole interval is on the claimed side.
    Reproduced,
    /// On some conditions.
    Partly(String),
    /// It is not.
    NotReproduced,
    /// The run was too small.
    NotJudged(String),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Reproduced => f.write_str("reproduced"),
            Verdict::Partly(when) => write!(f, "reproduced {when}"),
            Verdict::NotReproduced => f.write_str("not reproduced"),
            Verdict::NotJudged(why) => write!(f, "not judged: {why}"),
        }
    }
}

/// A difference with its interval, in points of accuracy.
#[must_use]
pub fn points(difference: f64, half_width: f64) -> String {
    if half_width.is_finite() { format!("{difference:+.1} ± {half_width:.1}") } else { format!("{difference:+.1}") }
}

/// All claims as a table.
#[must_use]
pub fn claim_table(claims: &[Claim]) -> String {
    let mut table = table(&["claim", "measured (points of test accuracy, 95 % interval)", "verdict"]);
    for c in claims {
        table.add_row([c.claim.clone(), c.measured.clone(), c.verdict.to_string()]);
    }
    table.to_string()
}
