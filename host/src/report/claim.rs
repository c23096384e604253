//! Claims, each beside what was measured and a verdict that may go against it.

use crate::report::stats::{Comparison, Pair, benjamini_hochberg, mean};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A claim and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// In words.
    pub claim: String,
    /// The figures, one for each condition that it was measured under.
    pub measures: Vec<Measure>,
    /// The judgement; made for all claims of a report together, by [`judge`].
    pub verdict: Verdict,
}

/// One measured difference, in the sense of the claim: positive speaks for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// The condition, e.g. "at 100 epochs"; empty if there is only one.
    pub condition: String,
    /// The unit of the difference.
    pub unit: String,
    /// Outer seeds (meta-learning runs); 1 if nothing in it was learned.
    pub outer_seeds: usize,
    /// Trainings on each side, over all outer seeds.
    pub trainings: usize,
    /// Mean of the side that the claim says is larger, and of the other.
    pub means: (f64, f64),
    /// The mean difference, half its 95 % interval, effect size, p-value.
    pub comparison: Comparison,
    /// The p-value, corrected for all measures of the report.
    pub adjusted_p: f64,
}

/// What the measurement says of a claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The interval is on the claimed side, and the corrected p-value below 0.05.
    Reproduced,
    /// Under some of the conditions.
    Partly(String),
    /// The interval is on the other side.
    NotReproduced,
    /// The interval holds 0, or significance does not survive the correction.
    Undecided,
    /// The run was too small.
    NotJudged(String),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Reproduced => f.write_str("reproduced"),
            Verdict::Partly(when) => write!(f, "partly reproduced: {when}"),
            Verdict::NotReproduced => f.write_str("not reproduced"),
            Verdict::Undecided => f.write_str("undecided at this n"),
            Verdict::NotJudged(why) => write!(f, "not judged: {why}"),
        }
    }
}

impl Claim {
    /// A claim whose verdict is still to be found.
    #[must_use]
    pub fn new(claim: impl Into<String>, measures: Vec<Measure>) -> Claim {
        Claim {
            claim: claim.into(),
            measures,
            verdict: Verdict::Undecided,
        }
    }

    /// What was measured, in words, a line per condition.
    #[must_use]
    pub fn measured(&self) -> Vec<String> {
        self.measures.iter().map(ToString::to_string).collect()
    }
}

impl Measure {
    /// `pairs`: for each outer seed the values of the side that the claim says is larger, and those
    /// of the other, training by training.
    #[must_use]
    pub fn of(condition: impl Into<String>, unit: &str, pairs: &[Pair]) -> Measure {
        let first = mean(&pairs.iter().map(|p| mean(&p.0)).collect::<Vec<_>>());
        let second = mean(&pairs.iter().map(|p| mean(&p.1)).collect::<Vec<_>>());
        let comparison = Comparison::clustered(pairs);

        Measure {
            condition: condition.into(),
            unit: unit.into(),
            outer_seeds: pairs.len(),
            trainings: pairs.iter().map(|p| p.0.len()).sum(),
            means: (first, second),
            adjusted_p: comparison.p,
            comparison,
        }
    }

    /// The interval, if there is one.
    fn side(&self) -> Side {
        let c = &self.comparison;
        match () {
            () if !c.half_width.is_finite() || !c.difference.is_finite() => Side::Neither,
            () if self.adjusted_p >= LEVEL => Side::Neither,
            () if c.difference - c.half_width > 0.0 => Side::For,
            () if c.difference + c.half_width < 0.0 => Side::Against,
            () => Side::Neither,
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = &self.comparison;
        // What the rounding of two equal means leaves is no difference.
        let rounding = 1e-12 * (self.means.0.abs() + self.means.1.abs());

        let difference = if c.difference.abs() <= rounding {
            0.0
        } else {
            c.difference
        };

        let sign = if difference >= 0.0 { "+" } else { "" };
        let [a, b, difference] = [self.means.0, self.means.1, difference].map(short);

        if !self.condition.is_empty() {
            write!(f, "{}: ", self.condition)?;
        }

        write!(f, "{sign}{difference}")?;

        if c.half_width.is_finite() {
            write!(f, " ± {}", short(c.half_width))?;
        }

        write!(f, " {} ({a} against {b}", self.unit)?;

        match self.outer_seeds {
            0 | 1 => write!(f, ", n = {}", self.trainings)?,
            seeds => write!(f, ", n = {} over {seeds} outer seeds", self.trainings)?,
        }

        if c.effect.is_finite() {
            write!(f, ", g = {:.1}", c.effect)?;
        }

        if c.half_width.is_finite() {
            write!(f, ", p = {}", p_value(self.adjusted_p))?;
        }

        f.write_str(")")
    }
}

/// Significance is judged at this level, after the correction.
const LEVEL: f64 = 0.05;

enum Side {
    For,
    Against,
    Neither,
}

/// Corrects the p-values of all measures of all claims (Benjamini and Hochberg), and finds the
/// verdicts that are still open.
pub fn judge(claims: &mut [Claim]) {
    let p: Vec<f64> = claims
        .iter()
        .flat_map(|c| c.measures.iter().map(|m| m.comparison.p))
        .collect();
    let mut adjusted = benjamini_hochberg(&p).into_iter();

    for claim in claims {
        for (measure, p) in claim.measures.iter_mut().zip(&mut adjusted) {
            measure.adjusted_p = p;
        }

        if !matches!(claim.verdict, Verdict::NotJudged(_)) {
            claim.verdict = verdict(&claim.measures);
        }
    }
}

fn verdict(measures: &[Measure]) -> Verdict {
    if measures.is_empty() {
        return Verdict::NotJudged("nothing was measured".into());
    }

    let (mut held, mut against) = (vec![], 0);

    for m in measures {
        match m.side() {
            Side::For => held.push(m.condition.as_str()),
            Side::Against => against += 1,
            Side::Neither => {}
        }
    }

    match (held.len(), against) {
        (n, _) if n == measures.len() => Verdict::Reproduced,
        (0, 0) => Verdict::Undecided,
        (0, _) => Verdict::NotReproduced,
        (_, 0) => Verdict::Partly(format!("{}; elsewhere undecided", held.join(", "))),
        _ => Verdict::Partly(format!(
            "{}; elsewhere the other way round or undecided",
            held.join(", ")
        )),
    }
}

/// Three significant digits or so.
#[must_use]
pub fn short(value: f64) -> String {
    match value.abs() {
        v if v == 0.0 || !v.is_finite() => format!("{value}"),
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 1.0 => format!("{value:.2}"),
        v if v >= 1e-3 => format!("{value:.*}", (2.0 - v.log10().floor()) as usize),
        _ => format!("{value:.2e}"),
    }
}

/// Four digits, or a power.
#[must_use]
pub fn p_value(p: f64) -> String {
    if p < 1e-4 {
        format!("{p:.0e}")
    } else {
        format!("{p:.4}")
    }
}

/// An effect size for a table; differences without spread have none.
#[must_use]
pub fn effect_size(effect: f64) -> String {
    if effect.is_finite() {
        format!("{effect:.2}")
    } else {
        "-".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three outer seeds with a difference of about `by`.
    fn measure(condition: &str, by: f64) -> Measure {
        let pair = |o: f64| (vec![10.0 + by + o, 10.1 + by], vec![10.0, 10.1]);
        Measure::of(condition, "points", &[pair(0.01), pair(-0.02), pair(0.03)])
    }

    fn verdicts(cases: &[&[f64]]) -> Vec<Verdict> {
        let claim = |by: &&[f64]| {
            Claim::new(
                "it is so",
                by.iter().map(|&b| measure(&format!("by {b}"), b)).collect(),
            )
        };

        let mut claims: Vec<_> = cases.iter().map(claim).collect();
        judge(&mut claims);
        claims.into_iter().map(|c| c.verdict).collect()
    }

    #[test]
    fn verdicts_follow_the_intervals() {
        let found = verdicts(&[
            &[5.0],
            &[-5.0],
            &[0.0],
            &[5.0, 0.0],
            &[5.0, -5.0],
            &[0.0, -5.0],
            &[],
        ]);

        assert_eq!(
            found[..3],
            [
                Verdict::Reproduced,
                Verdict::NotReproduced,
                Verdict::Undecided
            ]
        );

        assert_eq!(
            found[3],
            Verdict::Partly("by 5; elsewhere undecided".into())
        );
        assert!(matches!(&found[4], Verdict::Partly(text) if text.contains("other way")));
        assert_eq!(found[5], Verdict::NotReproduced);
        assert!(matches!(found[6], Verdict::NotJudged(_)));
    }

    #[test]
    fn a_measure_says_everything_that_a_reader_needs() {
        let text = measure("at 100 epochs", 5.0).to_string();

        for part in [
            "at 100 epochs: +5.00 ± ",
            "points",
            "15.1 against 10.1",
            "n = 6 over 3 outer seeds",
            "g = ",
            "p = ",
        ] {
            assert!(text.contains(part), "'{part}' is not in: {text}");
        }
    }

    #[test]
    fn equal_means_differ_by_nothing() {
        let pair = |o: f64| (vec![0.1 + o, 0.2], vec![0.2 + o, 0.1]);
        let mut measure = Measure::of("", "points", &[pair(0.3), pair(0.7)]);
        measure.comparison.difference = -1.42e-15;
        let text = measure.to_string();
        assert!(text.starts_with("+0 "), "{text}");
    }

    #[test]
    fn numbers_have_three_digits_or_so() {
        let texts = [0.0, 1234.4, 67.12, 3.2461, 0.123456, 0.0012345, 1.2345e-5].map(short);
        assert_eq!(
            texts,
            ["0", "1234", "67.1", "3.25", "0.123", "0.00123", "1.23e-5"]
        );
    }
}
