//! Learned activations against classical ones: values on test rows, network by network or fold by
//! fold, and what they say.

use crate::model::names::is_any_learned;
use crate::report::stats::{Comparison, Summary};
use crate::train::Metric;

/// Values of each arm.
#[derive(Clone, Debug)]
pub(super) struct Scores {
    /// `relu`, `mix`, ...
    pub activations: Vec<String>,
    /// What is compared.
    pub metric: Metric,
    /// The best mean on the validation rows, of each activation.
    pub validation: Vec<f64>,
    /// On the test rows, with what they are paired by: the seed of the network, or the fold.
    /// Diverged trainings have none.
    pub values: Vec<Vec<(u64, f64)>>,
    /// What intervals are wider by than if the values were independent; see [`spread_of_folds`].
    pub wider: f64,
    /// What a value stands for.
    pub each: &'static str,
}

/// The activations that classifications are usually best with, the first that is there.
const USUAL: [&str; 2] = ["swish", "relu"];
/// The share of its errors that another one must avoid to be clearly better.
const CLEARLY: f64 = 0.25;

/// By how much an interval over folds is wider than Student's. Training parts of different folds
/// overlap, so their values are not independent, and the plain interval is too narrow; Nadeau and
/// Bengio (Inference for the generalization error, 2003) replace the factor 1 / K of the variance
/// by 1 / K + n_test / n_train, which is 1 / (K - 1) for K equal folds.
pub(super) fn spread_of_folds(count: usize) -> f64 {
    let k = count as f64;
    (1.0 + k / (k - 1.0)).sqrt()
}

impl Scores {
    pub fn new(activations: Vec<String>, metric: Metric) -> Scores {
        Scores {
            values: vec![vec![]; activations.len()],
            validation: vec![],
            activations,
            metric,
            wider: 1.0,
            each: "networks",
        }
    }

    /// The activations in the order in which a model would have them: those that were best on the
    /// held-out rows first. The accuracy of a few rows is a matter of luck, so a classification
    /// stays with the activation that is usually best unless another is clearly better.
    pub fn ranked(&self) -> Vec<usize> {
        let mut all: Vec<usize> = (0..self.activations.len()).collect();
        let value = |i: usize| Some(self.validation[i]);
        all.sort_by(|&a, &b| self.metric.order(value(a), value(b)));

        if let Some(usual) = self.stays_with(&all) {
            all[..=usual].rotate_right(1);
        }

        all
    }

    /// Whether the first of [`Scores::ranked`] is so although another was better.
    fn stays_with_usual(&self) -> bool {
        let first = self.ranked().into_iter().next();
        let is_better = |i: usize| {
            first.is_some_and(|first| {
                self.metric
                    .better(self.validation[i], self.validation[first])
            })
        };

        (0..self.activations.len()).any(is_better)
    }

    /// The place, among all in the order of their values, of the activation that a classification
    /// stays with although others were a little better.
    fn stays_with(&self, all: &[usize]) -> Option<usize> {
        let place = |name: &&str| all.iter().position(|&i| self.activations[i] == **name);
        let usual = USUAL.iter().find_map(place)?;
        let error = |place: usize| 100.0 - self.validation[all[place]];
        let is_close = error(0) >= (1.0 - CLEARLY) * error(usual);

        (self.metric == Metric::Accuracy && usual > 0 && is_close).then_some(usual)
    }

    /// Why a model would have the activations that come first, as the end of a sentence.
    pub fn why_first(&self) -> &'static str {
        if self.stays_with_usual() {
            "since none of the others made a quarter fewer errors on held-out training rows"
        } else {
            "which were best on held-out training rows"
        }
    }

    /// Mean, deviation and interval of an activation.
    pub fn summary(&self, activation: usize) -> Summary {
        let values: Vec<f64> = self.values[activation].iter().map(|(_, v)| *v).collect();
        let s = Summary::of(&values);
        Summary {
            half_width: s.half_width * self.wider,
            ..s
        }
    }

    /// One activation minus another, pair by pair.
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
        match self.metric {
            Metric::Accuracy => format!("{x:.2}"),
            Metric::Loss if x.abs() < 0.01 && x != 0.0 => format!("{x:.2e}"),
            Metric::Loss => format!("{x:.4}"),
        }
    }

    /// Whether the learned activations were worth it, in a sentence, for a model with the
    /// activations `of_model`. They stand against the classical ones that a model would have without
    /// them: the best ones on the test rows would have the luck of a choice on their side.
    pub fn verdict(&self, of_model: &str) -> Option<String> {
        let is_learned = |i: &usize| is_any_learned(&self.activations[*i]);
        let (learned, classical): (Vec<usize>, Vec<usize>) =
            (0..self.activations.len()).partition(is_learned);
        let order = self.ranked();
        let first_of = |some: &[usize]| order.iter().copied().find(|i| some.contains(i));
        let mix = first_of(&learned)?;
        let rival = first_of(&classical)?;
        let difference = self.difference(mix, rival);
        let open = "Whether the learned activations were worth it cannot be said";

        if difference.n < 2 {
            return Some(format!(
                "{open}: too few of their {} and of {}'s came to an end.",
                self.each, self.activations[rival]
            ));
        }

        let found = self.measured(&difference, rival);
        let (gain, width) = (self.gain(&difference), difference.half_width);

        // On a few test rows all differences can be equal by accident. Their interval has no width
        // then, and proves nothing, whether they are zero or not.
        let rounding = 1e-9 * self.summary(rival).mean.abs();
        if width <= rounding {
            return Some(self.all_alike(&difference, rival, gain.abs() <= rounding));
        }

        // Where the user, or the size of the network, has chosen, the rows have not.
        let is_first = order
            .first()
            .is_some_and(|&i| self.activations[i] == of_model);
        let why = match (is_first, self.stays_with_usual()) {
            (true, false) => " because only held-out training rows choose",
            (true, true) => {
                " because none of the others made a quarter fewer errors on held-out training rows"
            }
            (false, _) => "",
        };

        Some(if gain > width && !is_any_learned(of_model) {
            format!(
                "On the test rows the learned activations did better: {found}. The model has others{why}."
            )
        } else if gain > width {
            format!("The learned activations were worth it: {found}.")
        } else if gain < -width && is_any_learned(of_model) {
            format!(
                "On the test rows the learned activations did worse: {found}. The model has them{why}."
            )
        } else if gain < -width {
            format!("The learned activations were not worth it: {found}.")
        } else if self.each == "folds" {
            format!("{open}: {found}; more rows would tell.")
        } else {
            format!("{open}: {found}; more `runs` would tell.")
        })
    }

    /// What is known where every network, or fold, differs from `rival` by the same: what happened
    /// on these rows, and no more.
    fn all_alike(&self, difference: &Comparison, rival: usize, is_nothing: bool) -> String {
        let (gain, each) = (self.gain(difference), self.each);
        let name = &self.activations[rival];
        let size = self.number(gain.abs());

        let what = match (is_nothing, self.metric) {
            (true, _) => "made no difference".to_string(),
            (_, Metric::Accuracy) if gain > 0.0 => {
                format!("were better by {size} points of accuracy")
            }
            (_, Metric::Accuracy) => format!("were worse by {size} points of accuracy"),
            (_, Metric::Loss) if gain > 0.0 => format!("were better by {size} of the loss"),
            (_, Metric::Loss) => format!("were worse by {size} of the loss"),
        };

        format!(
            "On these rows the learned activations {what}, against {name}, in all {} {each} alike. Whether they would be \
             worth it on others cannot be said: where all differ by the same, there is no interval.",
            difference.n
        )
    }

    /// By how much the first of two is better; negative if it is worse.
    fn gain(&self, difference: &Comparison) -> f64 {
        match self.metric {
            Metric::Accuracy => difference.difference,
            Metric::Loss => -difference.difference,
        }
    }

    /// The difference from `rival`, its interval and what it rests on.
    fn measured(&self, difference: &Comparison, rival: usize) -> String {
        let (gain, width) = (self.gain(difference), difference.half_width);
        let name = &self.activations[rival];

        let rows = match self.each {
            "folds" => "",
            _ => ", on these rows",
        };
        let basis = format!("95 %, {} {} each{rows}", difference.n, self.each);

        match self.metric {
            Metric::Accuracy => {
                format!("{gain:+.2} ± {width:.2} points of accuracy over {name} ({basis})")
            }
            Metric::Loss => format!(
                "a loss {} by {} ± {} than that of {name} ({basis})",
                if gain < 0.0 { "larger" } else { "smaller" },
                self.number(gain.abs()),
                self.number(width)
            ),
        }
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

        let verdict = s.verdict("mix").unwrap();
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
                .verdict("relu")
                .unwrap()
                .contains("were not worth it: -10")
        );

        assert!(
            scores(&[(1, 70.0), (2, 70.6), (3, 70.0)], &relu)
                .verdict("mix")
                .unwrap()
                .contains("did worse: -10")
        );

        let open = scores(&[(1, 79.0), (2, 82.0), (3, 80.0)], &relu)
            .verdict("mix")
            .unwrap();

        assert!(
            open.contains("cannot be said: +0.10 ±") && open.contains("more `runs`"),
            "{open}"
        );

        assert!(
            scores(&[(1, 70.0)], &[(2, 70.0)])
                .verdict("mix")
                .unwrap()
                .contains("too few")
        );
    }

    #[test]
    fn a_verdict_says_when_scores_are_equal_and_when_the_model_has_other_activations() {
        let relu = [(1, 80.0), (2, 80.5), (3, 80.2)];
        let verdict = |mix, of_model| scores(mix, &relu).verdict(of_model).unwrap();

        let unknown = "Whether they would be worth it on others cannot be said";
        for (mix, what) in [
            (
                relu,
                "made no difference, against relu, in all 3 networks alike.",
            ),
            (
                [(1, 90.0), (2, 90.5), (3, 90.2)],
                "were better by 10.00 points of accuracy, against relu, in all 3 networks alike.",
            ),
            (
                [(1, 79.0), (2, 79.5), (3, 79.2)],
                "were worse by 1.00 points of accuracy, against relu, in all 3 networks alike.",
            ),
        ] {
            let alike = scores(&mix, &relu).verdict("mix").unwrap();
            assert!(alike.contains(what) && alike.contains(unknown), "{alike}");
        }

        let better = [(1, 90.0), (2, 90.6), (3, 90.0)];
        let because = "because only held-out training rows choose";
        let other = verdict(&better, "relu");
        assert!(other.contains("did better: +9.97"), "{other}");
        assert!(!other.contains(because), "{other}");

        let mut of_rows = scores(&better, &relu);
        of_rows.validation = vec![90.0, 60.0, 80.0];
        let other = of_rows.verdict("relu").unwrap();
        assert!(other.contains("did better: +9.97"), "{other}");
        assert!(other.contains(because), "{other}");
        assert!(verdict(&better, "mix").contains("were worth it"));
    }

    #[test]
    fn a_classification_stays_with_the_usual_activation_unless_another_is_clearly_better() {
        let mut s = scores(&[], &[]);
        let first = |s: &mut Scores, validation: [f64; 3]| {
            s.validation = validation.to_vec();
            s.activations[s.ranked()[0]].clone()
        };

        // 10 % of errors against 8 % and 7 %.
        assert_eq!(first(&mut s, [90.0, 92.0, 80.0]), "relu");
        assert!(s.why_first().contains("a quarter fewer"));
        assert_eq!(first(&mut s, [90.0, 80.0, 93.0]), "mix");
        assert!(s.why_first().contains("were best"));
        assert_eq!(first(&mut s, [100.0, 100.0, 100.0]), "relu");
        assert!(s.why_first().contains("were best"));
        s.activations.swap(0, 1);
        assert_eq!(first(&mut s, [100.0, 100.0, 100.0]), "relu");
        s.activations.swap(0, 1);

        s.metric = Metric::Loss;
        assert_eq!(first(&mut s, [0.10, 0.08, 0.09]), "tanh");

        s.activations[0] = "sine".into();
        s.metric = Metric::Accuracy;
        assert_eq!(first(&mut s, [90.0, 92.0, 80.0]), "tanh");
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
