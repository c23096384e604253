//! Means with intervals, and comparisons that state difference, interval, effect size and p-value.
//!
//! Where activations come from several meta-learning runs (outer seeds), a comparison is one of the
//! method, not of one pair of curves: see [`Comparison::clustered`].

use crate::support::draws::{self, DrawnFor};
use ldnn_core::rng::Draws;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// A sample's mean with its 95 % confidence interval (Student).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Size of the sample.
    pub n: usize,
    /// Mean.
    pub mean: f64,
    /// Standard deviation, with n - 1.
    pub sd: f64,
    /// Half the width of the interval; infinite for a single value.
    pub half_width: f64,
}

/// A difference of two means.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Pairs, or the size of the smaller sample.
    pub n: usize,
    /// First minus second.
    pub difference: f64,
    /// Half the width of its 95 % interval.
    pub half_width: f64,
    /// Effect size: the difference in standard deviations (of the differences if paired: Cohen's
    /// d_z; else Hedges' g).
    pub effect: f64,
    /// Two-sided p-value of no difference.
    pub p: f64,
    /// Whether values were compared pair by pair.
    pub paired: bool,
}

/// The values of both sides of a comparison within one outer seed.
pub type Pair = (Vec<f64>, Vec<f64>);

/// The mean; 0 for an empty sample.
#[must_use]
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The variance, with n - 1; 0 for fewer than two values.
#[must_use]
pub fn variance(values: &[f64]) -> f64 {
    let m = mean(values);
    let sum: f64 = values.iter().map(|v| (v - m).powi(2)).sum();

    if values.len() < 2 {
        0.0
    } else {
        sum / (values.len() - 1) as f64
    }
}

/// The quantile `q` in 0..=1 of sorted values, interpolated linearly (NumPy's default).
#[must_use]
pub fn quantile(sorted: &[f64], q: f64) -> f64 {
    let at = q * sorted.len().saturating_sub(1) as f64;
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    match (sorted.get(low), sorted.get(high)) {
        (Some(a), Some(b)) => a + (b - a) * (at - at.floor()),
        _ => f64::NAN,
    }
}

/// The two-sided 95 % point of Student's t.
fn t_point(freedom: f64) -> f64 {
    student(freedom).map_or(f64::INFINITY, |t| t.inverse_cdf(0.975))
}

fn student(freedom: f64) -> Option<StudentsT> {
    StudentsT::new(0.0, 1.0, freedom).ok()
}

fn two_sided_p(t: f64, freedom: f64) -> f64 {
    if t.is_nan() {
        return 1.0;
    }

    if t.is_infinite() {
        return 0.0;
    }
    student(freedom).map_or(1.0, |d| 2.0 * d.cdf(-t.abs()))
}

impl Summary {
    /// Of a sample.
    #[must_use]
    pub fn of(values: &[f64]) -> Summary {
        let (n, sd) = (values.len(), variance(values).sqrt());
        let half_width = if n < 2 {
            f64::INFINITY
        } else {
            t_point((n - 1) as f64) * sd / (n as f64).sqrt()
        };

        Summary {
            n,
            mean: mean(values),
            sd,
            half_width,
        }
    }
}

impl Comparison {
    /// Pair by pair: `a[i]` and `b[i]` belong together.
    #[must_use]
    pub fn paired(a: &[f64], b: &[f64]) -> Comparison {
        let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
        let s = Summary::of(&differences);

        // Equal differences of a few pairs have no spread but that of rounding: they prove nothing.
        let size = a.iter().chain(b).fold(0.0f64, |most, x| most.max(x.abs()));
        let has_spread = s.sd > 1e-9 * size;
        let t = s.mean / (s.sd / (s.n as f64).sqrt());

        Comparison {
            n: s.n,
            difference: s.mean,
            half_width: s.half_width,
            effect: if has_spread { s.mean / s.sd } else { f64::NAN },
            p: if has_spread {
                two_sided_p(t, s.n.saturating_sub(1) as f64)
            } else {
                1.0
            },
            paired: true,
        }
    }

    /// Of independent samples, whose variances may differ (Welch).
    #[must_use]
    pub fn independent(a: &[f64], b: &[f64]) -> Comparison {
        let (na, nb) = (a.len() as f64, b.len() as f64);
        let (va, vb) = (variance(a) / na, variance(b) / nb);
        let freedom = (va + vb).powi(2) / (va.powi(2) / (na - 1.0) + vb.powi(2) / (nb - 1.0));
        let (difference, error) = (mean(a) - mean(b), (va + vb).sqrt());

        Comparison {
            n: a.len().min(b.len()),
            difference,
            half_width: t_point(freedom) * error,
            effect: hedges(a, b),
            p: two_sided_p(difference / error, freedom),
            paired: false,
        }
    }

    /// Trainings within outer seeds: `pairs` holds, for each outer seed, the values of both sides.
    /// The outer seeds are a random effect: in this balanced design the mixed model's test is
    /// Student's on the means of the outer seeds, so the interval carries their variation, and n is
    /// their number. A side that is the same for every outer seed (activations that are not
    /// learned) has no such means; its trainings stand against the means of the other side (Welch),
    /// so its own variation counts too. A single outer seed is compared over its trainings. The
    /// effect size is Hedges' g over all trainings.
    #[must_use]
    pub fn clustered(pairs: &[Pair]) -> Comparison {
        let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().map(|(a, b)| (mean(a), mean(b))).unzip();

        let over = match pairs {
            [(a, b)] if a.len() == b.len() => Comparison::paired(a, b),
            // A diverged training has left a gap: there are no pairs any more.
            [(a, b)] => Comparison::independent(a, b),
            // Fewer than two values have no variation of their own: a bound, say.
            [(first, _), ..] if first.len() > 1 && pairs.iter().all(|p| p.0 == *first) => {
                Comparison::independent(first, &b)
            }
            [(_, second), ..] if second.len() > 1 && pairs.iter().all(|p| p.1 == *second) => {
                Comparison::independent(&a, second)
            }
            _ => Comparison::paired(&a, &b),
        };

        let all =
            |side: fn(&Pair) -> &[f64]| pairs.iter().flat_map(side).copied().collect::<Vec<_>>();
        Comparison {
            effect: hedges(&all(|p| &p.0), &all(|p| &p.1)),
            ..over
        }
    }

    /// The interval of the difference lies above `bound`.
    #[must_use]
    pub fn is_above(&self, bound: f64) -> bool {
        self.difference - self.half_width > bound
    }
}

/// Hedges' g: the difference of the means in pooled standard deviations, with the small-sample
/// factor `1 - 3 / (4 f - 1)` for f degrees of freedom.
#[must_use]
pub fn hedges(a: &[f64], b: &[f64]) -> f64 {
    let (na, nb) = (a.len() as f64, b.len() as f64);
    let freedom = na + nb - 2.0;
    let pooled = (((na - 1.0) * variance(a) + (nb - 1.0) * variance(b)) / freedom).sqrt();
    (1.0 - 3.0 / (4.0 * freedom - 1.0)) * (mean(a) - mean(b)) / pooled
}

/// Mann and Whitney's U of `a` (pairs in which `a` is larger, ties as halves) and its two-sided
/// p-value by the normal approximation, with the corrections for ties and continuity.
///
/// The test of statrs (0.19.1) is not used: it is behind the feature `std`, which locks nalgebra
/// and four versions of glam beside it, and it takes p as `1 - cdf(z)`, so that of p-values below
/// 1e-16 nothing is left.
#[must_use]
pub fn mann_whitney(a: &[f64], b: &[f64]) -> (f64, f64) {
    let (na, nb) = (a.len() as f64, b.len() as f64);

    let wins = |x: &f64| {
        b.iter()
            .map(|y| {
                if x > y {
                    1.0
                } else {
                    0.5 * f64::from(u8::from(x == y))
                }
            })
            .sum::<f64>()
    };

    let u: f64 = a.iter().map(wins).sum();
    let mut sorted: Vec<f64> = a.iter().chain(b).copied().collect();
    sorted.sort_by(f64::total_cmp);

    let ties: f64 = sorted
        .chunk_by(|x, y| x == y)
        .map(|t| (t.len() as f64).powi(3) - t.len() as f64)
        .sum();
    let n = na + nb;
    let sd = (na * nb / 12.0 * (n + 1.0 - ties / (n * (n - 1.0)))).sqrt();
    let z = ((u - na * nb / 2.0).abs() - 0.5).max(0.0) / sd;

    (
        u,
        if sd > 0.0 {
            Normal::standard().cdf(-z) * 2.0
        } else {
            1.0
        }
        .min(1.0),
    )
}

/// The 95 % percentile interval of the mean over clusters (outer seeds), from `draws` resamples of
/// clusters and of the values within each. With few clusters it is too narrow;
/// [`Comparison::clustered`] is not.
#[must_use]
pub fn bootstrap(clusters: &[Vec<f64>], draws: usize, seed: u64) -> (f64, f64) {
    let pick = |draws: &Draws, i: &mut u32, n: usize| {
        *i += 1;
        draws.below(*i, n.max(1) as u32) as usize
    };

    let one = |round: usize| {
        let (random, mut i) = (draws::draws(DrawnFor::Bootstrap, seed, round as u64), 0);
        let cluster = |i: &mut u32| {
            let of = &clusters[pick(&random, i, clusters.len())];
            (0..of.len())
                .map(|_| of[pick(&random, i, of.len())])
                .sum::<f64>()
                / of.len().max(1) as f64
        };

        (0..clusters.len()).map(|_| cluster(&mut i)).sum::<f64>() / clusters.len() as f64
    };

    if clusters.iter().all(Vec::is_empty) {
        return (f64::NAN, f64::NAN);
    }

    let mut means: Vec<f64> = (0..draws).map(one).collect();
    means.sort_by(f64::total_cmp);
    (quantile(&means, 0.025), quantile(&means, 0.975))
}

/// Holm's adjustment of several p-values, in their order.
#[must_use]
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let (mut adjusted, mut largest) = (vec![0.0; p.len()], 0f64);

    for (rank, &i) in order.iter().enumerate() {
        largest = largest.max(((p.len() - rank) as f64 * p[i]).min(1.0));
        adjusted[i] = largest;
    }

    adjusted
}

/// Benjamini and Hochberg's adjustment of several p-values, in their order: of all differences
/// called significant, the expected share of false ones is bounded. Where most effects are real it
/// loses far less than Holm's.
#[must_use]
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[b].total_cmp(&p[a]));

    let (mut adjusted, mut smallest) = (vec![0.0; p.len()], 1f64);
    for (i, &at) in order.iter().enumerate() {
        let rank = p.len() - i;
        smallest = smallest.min(p.len() as f64 / rank as f64 * p[at]);
        adjusted[at] = smallest;
    }

    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;
    use ldnn_core::rng::Stream;

    // Expected values: scipy.stats.t.interval, ttest_rel, ttest_ind(equal_var=False) on the same
    // numbers.
    const A: [f64; 5] = [1.0, 2.5, 3.0, 4.5, 5.0];
    const B: [f64; 5] = [0.5, 2.0, 1.5, 4.0, 3.0];

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-6 * b.abs().max(1.0)
    }

    #[test]
    fn equal_differences_of_a_few_pairs_prove_nothing() {
        // Each pair differs by one of 38 rows, but for rounding.
        let b = [94.736_842, 97.368_421, 92.105_263];
        let a = b.map(|b| b + 100.0 / 38.0);
        let c = Comparison::paired(&a, &b);

        assert_abs_diff_eq!(c.difference, 100.0 / 38.0, epsilon = 1e-9);
        assert_eq!(c.p, 1.0);
        assert!(!c.effect.is_finite());
    }

    #[test]
    fn a_summary_is_that_of_scipy() {
        let s = Summary::of(&A);
        assert!(
            near(s.mean, 3.2)
                && near(s.sd, 1.604_680_653_588_11)
                && near(s.half_width, 1.992_474_196_174),
            "{s:?}"
        );

        assert!(Summary::of(&[3.0]).half_width.is_infinite());
    }

    #[test]
    fn a_paired_comparison_is_that_of_scipy() {
        let c = Comparison::paired(&A, &B);
        assert!(
            near(c.difference, 1.0) && near(c.p, 0.034_109_423_167_336),
            "{c:?}"
        );
    }

    #[test]
    fn an_independent_comparison_is_that_of_scipy() {
        let c = Comparison::independent(&A, &B);
        assert!(near(c.p, 0.318_405_615_348), "{c:?}");
    }

    const C: [f64; 6] = [0.5, 2.0, 1.5, 4.0, 3.0, 2.5];

    #[test]
    fn an_independent_comparison_has_the_interval_of_welch_and_the_effect_of_hedges() {
        let c = Comparison::independent(&A, &C);
        assert!(near(c.p, 0.310_360_713_665_118), "{c:?}");
        assert!(
            near(c.difference + c.half_width, 2.991_006_609_910_182_6),
            "{c:?}"
        );

        // numpy: difference / pooled sd * (1 - 3 / (4 * 9 - 1)); the exact factor with gamma
        // functions gives 0.61952.
        assert!(near(c.effect, 0.619_793_593_363_832_3), "{c:?}");
    }

    #[test]
    fn ranks_are_compared_as_scipy_does() {
        // scipy.stats.mannwhitneyu(method="asymptotic")
        let (u, p) = mann_whitney(&A, &C);

        assert!(u == 21.0 && near(p, 0.313_092_754_132_985_76), "{u} {p}");

        let (u, p) = mann_whitney(
            &[1.0, 2.0, 2.0, 3.0, 5.0, 5.0, 7.0],
            &[2.0, 2.0, 4.0, 6.0, 8.0, 9.0],
        );

        assert!(u == 14.0 && near(p, 0.345_717_594_633_857_76), "{u} {p}");
        assert_eq!(mann_whitney(&[1.0; 3], &[1.0; 4]).1, 1.0);
        assert_eq!(mann_whitney(&[], &[1.0]).1, 1.0);

        // Far in the tail: erfc(z / sqrt(2)) for z = (400 * 400 / 2 - 0.5) / sd, which 1 - cdf
        // would round to 0.
        let far: Vec<f64> = (0..400).map(f64::from).collect();
        let (_, p) = mann_whitney(&far, &far.iter().map(|x| x + 1000.0).collect::<Vec<_>>());
        assert_abs_diff_eq!(p / 2.445_433_067_647_707_8e-132, 1.0, epsilon = 1e-9);
    }

    /// Normal numbers, from sums of twelve uniform ones.
    fn normal(seed: u64, n: u32) -> Vec<f64> {
        let draws = Draws::new(seed, Stream::User, 7, 0);
        let one = |i: u32| {
            (0..12)
                .map(|k| 0.5 * f64::from(draws.symmetric::<f32>(12 * i + k)))
                .sum::<f64>()
        };
        (0..n).map(one).collect()
    }

    /// How many of 400 intervals hold the truth, 0.
    fn covered(
        interval: impl Fn(&[Vec<f64>], u64) -> (f64, f64),
        clusters: usize,
        spread: f64,
    ) -> usize {
        let holds = |round: u64| {
            let centres = normal(round, clusters as u32);
            let cluster = |c: usize| {
                let own = normal(1_000_000 + 1000 * round + c as u64, 10);
                own.iter()
                    .map(|v| v + spread * centres[c])
                    .collect::<Vec<_>>()
            };

            let (low, high) = interval(&(0..clusters).map(cluster).collect::<Vec<_>>(), round);
            low <= 0.0 && 0.0 <= high
        };

        (0..400).filter(|&round| holds(round)).count()
    }

    #[test]
    fn a_bound_is_no_sample() {
        let pairs: Vec<Pair> = A.iter().map(|a| (vec![0.9], vec![*a])).collect();
        let c = Comparison::clustered(&pairs);
        assert!(
            near(c.difference, 0.9 - 3.2) && near(c.half_width, Summary::of(&A).half_width),
            "{c:?}"
        );
    }

    #[test]
    fn intervals_hold_the_truth_about_as_often_as_they_say() {
        // Binomial, 400 draws of 95 %: 380 +- 4.4; five times that, and what the percentile
        // bootstrap loses.
        let many = covered(|c, round| bootstrap(c, 300, round), 25, 1.0);

        assert!(
            (352..=397).contains(&many),
            "bootstrap over 25 clusters: {many} of 400"
        );

        let student = |clusters: &[Vec<f64>], _: u64| {
            // The other side: learned as well (its own outer seeds), and not learned (the same few
            // trainings for all).
            let other = |(i, c): (usize, &Vec<f64>)| (c.clone(), vec![1e-9 * i as f64; c.len()]);
            let c =
                Comparison::clustered(&clusters.iter().enumerate().map(other).collect::<Vec<_>>());
            (c.difference - c.half_width, c.difference + c.half_width)
        };

        let against_fixed = |clusters: &[Vec<f64>], round: u64| {
            let fixed = normal(7_000_000 + round, 4);
            let pairs: Vec<_> = clusters
                .iter()
                .map(|c| (c.clone(), fixed.clone()))
                .collect();
            let c = Comparison::clustered(&pairs);

            (c.difference - c.half_width, c.difference + c.half_width)
        };

        for clusters in [3, 5] {
            let few = covered(student, clusters, 1.0);
            assert!(
                (358..=398).contains(&few),
                "Student over {clusters} clusters: {few} of 400"
            );

            let few = covered(against_fixed, clusters, 1.0);
            assert!(
                (358..=398).contains(&few),
                "Welch, {clusters} clusters against four trainings: {few} of 400"
            );
        }

        let few = covered(|c, round| bootstrap(c, 300, round), 3, 1.0);
        assert!(
            few < 352,
            "the bootstrap over 3 clusters is no longer too narrow: {few} of 400"
        );
    }

    #[test]
    fn quantiles_are_those_of_numpy_and_holm_never_decreases() {
        assert!(near(quantile(&A, 0.25), 2.5) && near(quantile(&A, 0.1), 1.6));
        assert_eq!(holm(&[0.01, 0.04, 0.03]), [0.03, 0.06, 0.06]);
    }

    #[test]
    fn false_discoveries_are_corrected_for_as_scipy_does() {
        // scipy.stats.false_discovery_control
        let adjusted = benjamini_hochberg(&[0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.5]);
        let expected = [0.007, 0.028, 0.0588, 0.0588, 0.0588, 0.07, 0.5];
        assert!(
            adjusted.iter().zip(expected).all(|(a, e)| near(*a, e)),
            "{adjusted:?}"
        );
    }
}
