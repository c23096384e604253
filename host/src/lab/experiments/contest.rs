//! The mix against the others, in any quantity.

use crate::report::stats::{Pair, Summary, bootstrap, mean};
use crate::report::{Claim, Measure, ReportTable, short};
use crate::train::{Arm, Metric, by_kind, pairs};

/// Resamples of a bootstrap.
const DRAWS: usize = 1000;

/// Values of every arm, and which way is better.
#[derive(Clone, Debug)]
pub struct Contest {
    /// The condition, e.g. "at 100 epochs".
    pub condition: String,
    /// The unit of a difference.
    pub unit: String,
    /// Whether more is better (or, for quantities that are neither good nor bad, what the claim
    /// says of the mix).
    pub more: bool,
    /// Who takes part.
    pub arms: Vec<Arm>,
    /// The values of each, by training.
    pub values: Vec<Vec<f64>>,
}

impl Contest {
    /// Of accuracies or losses.
    #[must_use]
    pub fn of(metric: Metric, condition: &str, arms: &[Arm], values: Vec<Vec<f64>>) -> Contest {
        let (unit, more) = match metric {
            Metric::Accuracy => ("points", true),
            Metric::Loss => ("in loss", false),
        };

        Contest {
            condition: condition.into(),
            unit: unit.into(),
            more,
            arms: arms.to_vec(),
            values,
        }
    }

    fn oriented(&self, pairs: Vec<Pair>) -> Vec<Pair> {
        if self.more {
            pairs
        } else {
            pairs.into_iter().map(|(a, b)| (b, a)).collect()
        }
    }

    /// The mix over `kind`.
    #[must_use]
    pub fn over(&self, kind: &str) -> Measure {
        Measure::of(
            &self.condition,
            &self.unit,
            &self.oriented(pairs(&self.arms, &self.values, "mix", kind)),
        )
    }

    /// The mix over the better of its own types, outer seed by outer seed. Which type has which
    /// number is chance; the better one is chosen by these very values, which favours the type.
    #[must_use]
    pub fn over_better_type(&self) -> Measure {
        let mix = |e: &&Arm| e.kind == "mix";
        let seeds: Vec<Option<u64>> = self.arms.iter().filter(mix).map(|e| e.outer_seed).collect();

        let best = |seed: Option<u64>| {
            let own = |i: &usize| {
                self.arms[*i].outer_seed == seed && self.arms[*i].kind.starts_with("type")
            };
            let better = |a: usize, b: usize| {
                let (ma, mb) = (mean(&self.values[a]), mean(&self.values[b]));
                if (mb > ma) == self.more { b } else { a }
            };
            let best = (0..self.arms.len()).filter(own).reduce(better)?;

            let mix = self
                .arms
                .iter()
                .position(|e| e.kind == "mix" && e.outer_seed == seed)?;

            Some((self.values[mix].clone(), self.values[best].clone()))
        };

        let found = seeds.into_iter().filter_map(best).collect();
        Measure::of(&self.condition, &self.unit, &self.oriented(found))
    }

    /// The values of the mix, outer seed by outer seed.
    pub fn mixes(&self) -> impl Iterator<Item = (Option<u64>, &Vec<f64>)> {
        let of = self
            .arms
            .iter()
            .zip(&self.values)
            .filter(|(e, _)| e.kind == "mix");
        of.map(|(e, values)| (e.outer_seed, values))
    }

    /// The kinds that are not learned, in order.
    #[must_use]
    pub fn classical(&self) -> Vec<String> {
        let kinds = self
            .arms
            .iter()
            .filter(|e| e.outer_seed.is_none() && e.kind != "mix");

        kinds
            .filter(|e| !e.kind.starts_with("type"))
            .map(|e| e.kind.clone())
            .collect()
    }

    /// Values by kind: n, mean, interval, standard deviation.
    pub fn rows(&self, table: &mut ReportTable) {
        for (kind, values) in by_kind(&self.arms, &self.values) {
            let outer: Vec<f64> = self.means_by_outer_seed(&kind);
            let (low, high) = bootstrap(&self.clusters(&kind), DRAWS, 1);
            let (all, over) = (Summary::of(&values), Summary::of(&outer));

            // Classical activations have no outer seeds: their interval is over trainings.
            let half = if outer.len() > 1 {
                over.half_width
            } else {
                all.half_width
            };

            let resampled = format!("[{}, {}]", short(low), short(high));

            let cells = [
                all.n.to_string(),
                short(all.mean),
                short(half),
                resampled,
                short(all.sd),
            ];

            table.row([self.condition.clone(), kind].into_iter().chain(cells));
        }
    }

    /// The head that belongs to [`Contest::rows`].
    #[must_use]
    pub fn table(caption: &str) -> ReportTable {
        ReportTable::new(
            caption,
            &[
                "condition",
                "activation",
                "n",
                "mean",
                "± (95 %, Student)",
                "95 % bootstrap",
                "sd",
            ],
        )
    }

    /// The values of a kind, outer seed by outer seed.
    fn clusters(&self, kind: &str) -> Vec<Vec<f64>> {
        let of = self
            .arms
            .iter()
            .zip(&self.values)
            .filter(|(e, _)| e.kind == kind);
        of.map(|(_, v)| v.clone()).collect()
    }

    fn means_by_outer_seed(&self, kind: &str) -> Vec<f64> {
        self.clusters(kind).iter().map(|v| mean(v)).collect()
    }
}

/// The claims about the mix, each with a measure for every contest: over each classical activation,
/// and over the better of its types. `verb` is what the mix does to them, e.g. "beats".
#[must_use]
pub fn claims(start: &str, verb: &str, contests: &[Contest]) -> Vec<Claim> {
    let Some(first) = contests
        .first()
        .filter(|c| c.arms.iter().any(|e| e.kind == "mix"))
    else {
        return vec![];
    };

    let against = |kind: &String| {
        Claim::new(
            format!("{start}the mix {verb} {kind}"),
            contests.iter().map(|c| c.over(kind)).collect(),
        )
    };

    let mut claims: Vec<Claim> = first.classical().iter().map(against).collect();
    let types = |c: &Contest| c.arms.iter().any(|e| e.kind.starts_with("type"));
    if types(first) {
        let measures = contests.iter().map(Contest::over_better_type).collect();
        claims.push(Claim::new(
            format!("{start}the mix {verb} the better of its own types"),
            measures,
        ));
    }

    claims
}
