//! Learned activations against classical ones: values on test rows, network by network or fold by
//! fold, and what they say.

use crate::model::activations::is_learned;
use crate::report::stats::{Comparison, Summary};
use crate::train::Metric;

/// Values of each kind of activations.
#[derive(Clone, Debug)]
pub(super) struct Scores {
    /// `relu`, `mix`, ...
    pub kinds: Vec<String>,
    /// What is compared.
    pub metric: Metric,
    /// The best mean on the validation rows, of each kind.
    pub validation: Vec<f64>,
    /// On the test rows, with what they are paired by: the seed of the network, or the fold.
    /// Diverged trainings have none.
    pub values: Vec<Vec<(u64, f64)>>,
    /// What intervals are wider by than if the values were independent; see [`spread_of_folds`].
    pub wider: f64,
    /// What a value stands for.
    pub each: &'static str,
}

/// By how much an interval over folds is wider than Student's. Training parts of different folds
/// overlap, so their values are not independent, and the plain interval is too narrow; Nadeau and
/// Bengio (Inference for the generalization error, 2003) replace the factor 1 / K of the variance
/// by 1 / K + n_test / n_train, which is 1 / (K - 1) for K equal folds.
pub(super) fn spread_of_folds(count: usize) -> f64 {
    let k = count as f64;
    (1.0 + k / (k - 1.0)).sqrt()
}

impl Scores {
    pub fn new(kinds: Vec<String>, metric: Metric) -> Scores {
        Scores {
            values: vec![vec![]; kinds.len()],
            validation: vec![],
            kinds,
            metric,
            wider: 1.0,
            each: "networks",
        }
    }

    /// The kinds, those that were best on the validation rows first.
    pub fn ranked(&self) -> Vec<usize> {
        let mut all: Vec<usize> = (0..self.kinds.len()).collect();
        let value = |i: usize| Some(self.validation[i]);
        all.sort_by(|&a, &b| self.metric.order(value(a), value(b)));
        all
    }

    fn best_of(&self, some: &[usize]) -> Option<usize> {
        let better =
            |a: usize, b: usize| self.metric.better(self.validation[b], self.validation[a]);
        some.iter()
            .copied()
            .reduce(|a, b| if better(a, b) { b } else { a })
    }

    /// Mean, deviation and interval of a kind.
    pub fn summary(&self, kind: usize) -> Summary {
        let values: Vec<f64> = self.values[kind].iter().map(|(_, v)| *v).collect();
        let s = Summary::of(&values);
        Summary {
            half_width: s.half_width * self.wider,
            ..s
        }
    }

    /// One kind minus another, pair by pair.
    pub fn difference(&self, a: usize, b: usize) -> Comparison {
        let other = |key: u64| {
            self.values[b]
                .iter()
                .find(|(k, _)| *k == key)
                .map(|(_, v)| *v)
        };

        let (a, b): (Vec<f64>, Vec<f64>) = self.values[a]
            .iter()
            .filter_map(|(key, v)| Some((*v, other(*key)?)))
            .unzip();
        let c = Comparison::paired(&a, &b);

        Comparison {
            half_width: c.half_width * self.wider,
            ..c
        }
    }

    /// A value with the digits that it deserves.
    pub fn number(&self, x: f64) -> String {
        if self.metric == Metric::Accuracy {
            format!("{x:.2}")
        } else {
            format!("{x:.5}")
        }
    }

    /// One sentence: whether the learned activations were worth it. They stand against the
    /// classical ones that were best on the validation rows: the best ones on the test rows would
    /// have the luck of a choice on their side.
    pub fn verdict(&self) -> Option<String> {
        let mix = self.kinds.iter().position(|n| is_learned(n))?;
        let classical: Vec<usize> = (0..self.kinds.len()).filter(|&i| i != mix).collect();
        let rival = self.best_of(&classical)?;
        let c = self.difference(mix, rival);

        let gain = if self.metric == Metric::Loss {
            -c.difference
        } else {
            c.difference
        };

        let width = c.half_width;
        let name = &self.kinds[rival];

        if c.n < 2 {
            return Some(format!(
                "Whether the learned activations were worth it cannot be said: too few of their {} and of {name}'s came to an end.",
                self.each
            ));
        }

        let each = if self.each == "folds" {
            ""
        } else {
            ", on these rows"
        };

        let basis = format!("95 %, {} {} each{each}", c.n, self.each);

        let found = match self.metric {
            Metric::Accuracy => {
                format!("{gain:+.2} ± {width:.2} points of accuracy over {name} ({basis})")
            }
            Metric::Loss => format!(
                "a loss {} by {} ± {} than that of {name} ({basis})",
                if gain < 0.0 { "larger" } else { "smaller" },
                self.number(gain.abs()),
                self.number(width)
            ),
        };

        Some(if gain > width {
            format!("The learned activations were worth it: {found}.")
        } else if gain < -width {
            format!("The learned activations were not worth it: {found}.")
        } else {
            let more = if self.each == "folds" {
                "more rows"
            } else {
                "more --runs"
            };
            format!(
                "Whether the learned activations were worth it cannot be said: {found}; {more} would tell."
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    fn scores(mix: &[(u64, f64)], relu: &[(u64, f64)]) -> Scores {
        let mut s = Scores::new(
            vec!["relu".into(), "tanh".into(), "mix".into()],
            Metric::Accuracy,
        );

        // Tanh is better on the test rows, but was not on the validation rows.
        s.validation = vec![70.0, 60.0, 80.0];

        s.values = vec![
            relu.to_vec(),
            vec![(1, 99.0), (2, 99.5), (3, 99.0)],
            mix.to_vec(),
        ];

        s
    }

    #[test]
    fn values_are_paired_by_seed_even_if_a_training_is_missing() {
        let s = scores(&[(1, 80.0), (2, 83.0), (3, 81.5)], &[(1, 70.0), (3, 71.0)]);
        let c = s.difference(2, 0);

        // Differences 10 and 10.5: mean 10.25, sd 0.35355, t(1) = 12.7062, half-width 12.7062 *
        // 0.35355 / sqrt(2).
        assert_eq!((c.n, c.difference), (2, 10.25));

        assert_abs_diff_eq!(c.half_width, 3.176_551, epsilon = 1e-5);

        let verdict = s.verdict().unwrap();
        assert_eq!(
            verdict,
            "The learned activations were worth it: +10.25 ± 3.18 points of accuracy over relu (95 %, 2 networks each, on these rows)."
        );
    }

    #[test]
    fn a_verdict_may_be_that_it_was_not_worth_it_or_that_nothing_can_be_said() {
        let relu = [(1, 80.0), (2, 80.5), (3, 80.2)];

        assert!(
            scores(&[(1, 70.0), (2, 70.6), (3, 70.0)], &relu)
                .verdict()
                .unwrap()
                .contains("were not worth it: -10")
        );

        let open = scores(&[(1, 79.0), (2, 82.0), (3, 80.0)], &relu)
            .verdict()
            .unwrap();

        assert!(
            open.contains("cannot be said: +0.10 ±") && open.contains("more --runs"),
            "{open}"
        );

        assert!(
            scores(&[(1, 70.0)], &[(2, 70.0)])
                .verdict()
                .unwrap()
                .contains("too few")
        );
    }

    #[test]
    fn an_interval_over_folds_is_that_of_nadeau_and_bengio() {
        let mut s = scores(&[(1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0), (5, 5.0)], &[]);
        s.wider = spread_of_folds(5);

        // t(4) = 2.776445, variance 2.5: 2.776445 * sqrt(2.5 * (1 / 5 + 1 / 4)).
        assert_abs_diff_eq!(
            s.summary(2).half_width,
            2.776_445 * (2.5f64 * 0.45).sqrt(),
            epsilon = 1e-5
        );
    }
}
