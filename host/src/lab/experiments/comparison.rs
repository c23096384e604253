//! The mix against the others, in any quantity.

use crate::report::stats::{Pair, Summary, bootstrap, mean};
use crate::report::{Claim, Measure, ReportTable, short};
use crate::train::{Arm, Metric, by_activation, pairs};

/// Resamples of a bootstrap.
const DRAWS: usize = 1000;

/// Values of every arm, and which way is better.
#[derive(Clone, Debug)]
pub struct ArmComparison {
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

impl ArmComparison {
    /// Of accuracies or losses.
    #[must_use]
    pub fn of(
        metric: Metric,
        condition: &str,
        arms: &[Arm],
        values: Vec<Vec<f64>>,
    ) -> ArmComparison {
        let (unit, more) = match metric {
            Metric::Accuracy => ("points", true),
            Metric::Loss => ("in loss", false),
        };

        ArmComparison {
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

    /// The mix over `activation`.
    #[must_use]
    pub fn over(&self, activation: &str) -> Measure {
        Measure::of(
            &self.condition,
            &self.unit,
            &self.oriented(pairs(&self.arms, &self.values, "mix", activation)),
        )
    }

    /// The mix over the better of its own types, outer seed by outer seed. Which type has which
    /// number is chance; the better one is chosen by these very values, which favours the type.
    #[must_use]
    pub fn over_better_type(&self) -> Measure {
        let mix = |e: &&Arm| e.activation == "mix";
        let seeds: Vec<Option<u64>> = self.arms.iter().filter(mix).map(|e| e.outer_seed).collect();

        let best = |seed: Option<u64>| {
            let own = |i: &usize| {
                self.arms[*i].outer_seed == seed && self.arms[*i].activation.starts_with("type")
            };
            let better = |a: usize, b: usize| {
                let (ma, mb) = (mean(&self.values[a]), mean(&self.values[b]));
                if (mb > ma) == self.more { b } else { a }
            };
            let best = (0..self.arms.len()).filter(own).reduce(better)?;

            let mix = self
                .arms
                .iter()
                .position(|e| e.activation == "mix" && e.outer_seed == seed)?;

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
            .filter(|(e, _)| e.activation == "mix");
        of.map(|(e, values)| (e.outer_seed, values))
    }

    /// The activations that are not learned, in order.
    #[must_use]
    pub fn classical(&self) -> Vec<String> {
        let activations = self
            .arms
            .iter()
            .filter(|e| e.outer_seed.is_none() && e.activation != "mix");

        activations
            .filter(|e| !e.activation.starts_with("type"))
            .map(|e| e.activation.clone())
            .collect()
    }

    /// Values by activation: n, mean, interval, standard deviation.
    pub fn rows(&self, table: &mut ReportTable) {
        for (activation, values) in by_activation(&self.arms, &self.values) {
            let outer: Vec<f64> = self.means_by_outer_seed(&activation);
            let (low, high) = bootstrap(&self.clusters(&activation), DRAWS, 1);
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

            table.row(
                [self.condition.clone(), activation]
                    .into_iter()
                    .chain(cells),
            );
        }
    }

    /// The head that belongs to [`ArmComparison::rows`].
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

    /// The values of an activation, outer seed by outer seed.
    fn clusters(&self, activation: &str) -> Vec<Vec<f64>> {
        let of = self
            .arms
            .iter()
            .zip(&self.values)
            .filter(|(e, _)| e.activation == activation);
        of.map(|(_, v)| v.clone()).collect()
    }

    fn means_by_outer_seed(&self, activation: &str) -> Vec<f64> {
        self.clusters(activation).iter().map(|v| mean(v)).collect()
    }
}

/// The claims about the mix, each with a measure for every comparison: over each classical activation,
/// and over the better of its types. `verb` is what the mix does to them, e.g. "beats".
#[must_use]
pub fn claims(start: &str, verb: &str, comparisons: &[ArmComparison]) -> Vec<Claim> {
    let Some(first) = comparisons
        .first()
        .filter(|c| c.arms.iter().any(|e| e.activation == "mix"))
    else {
        return vec![];
    };

    let against = |activation: &String| {
        Claim::new(
            format!("{start}the mix {verb} {activation}"),
            comparisons.iter().map(|c| c.over(activation)).collect(),
        )
    };

    let mut claims: Vec<Claim> = first.classical().iter().map(against).collect();
    let types = |c: &ArmComparison| c.arms.iter().any(|e| e.activation.starts_with("type"));
    if types(first) {
        let measures = comparisons
            .iter()
            .map(ArmComparison::over_better_type)
            .collect();
        claims.push(Claim::new(
            format!("{start}the mix {verb} the better of its own types"),
            measures,
        ));
    }

    claims
}
