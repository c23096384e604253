//! Means with intervals, and comparisons that state difference, interval, effect size and p-value.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

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
    /// Effect size: the difference in standard deviations (of the differences if paired: Cohen's d_z; else Hedges' g).
    pub effect: f64,
    /// Two-sided p-value of no difference.
    pub p: f64,
    /// Whether values were compared pair by pair.
    pub paired: bool,
}

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
    if values.len() < 2 { 0.0 } else { sum / (values.len() - 1) as f64 }
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
        let half_width = if n < 2 { f64::INFINITY } else { t_point((n - 1) as f64) * sd / (n as f64).sqrt() };
        Summary { n, mean: mean(values), sd, half_width }
    }
}

impl Comparison {
    /// Pair by pair: `a[i]` and `b[i]` belong together.
    #[must_use]
    pub fn paired(a: &[f64], b: &[f64]) -> Comparison {
        let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
        let s = Summary::of(&differences);
        let t = s.mean / (s.sd / (s.n as f64).sqrt());
        let p = two_sided_p(t, s.n.saturating_sub(1) as f64);
        Comparison { n: s.n, difference: s.mean, half_width: s.half_width, effect: s.mean / s.sd, p, paired: true }
    }

    /// Of independent samples, whose variances may differ (Welch).
    #[must_use]
    pub fn independent(a: &[f64], b: &[f64]) -> Comparison {
        let (na, nb) = (a.len() as f64, b.len() as f64);
        let (va, vb) = (variance(a) / na, variance(b) / nb);
        let freedom = (va + vb).powi(2) / (va.powi(2) / (na - 1.0) + vb.powi(2) / (nb - 1.0));
        let (difference, error) = (mean(a) - mean(b), (va + vb).sqrt());
        let pooled = (((na - 1.0) * va * na + (nb - 1.0) * vb * nb) / (na + nb - 2.0)).sqrt();
        let hedges = 1.0 - 3.0 / (4.0 * (na + nb - 2.0) - 1.0);
        Comparison {
            n: a.len().min(b.len()),
            difference,
            half_width: t_point(freedom) * error,
            effect: hedges * difference / pooled,
            p: two_sided_p(difference / error, freedom),
            paired: false,
        }
    }

    /// The interval of the difference lies above `bound`.
    #[must_use]
    pub fn is_above(&self, bound: f64) -> bool {
        self.difference - self.half_width > bound
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    // Expected values: scipy.stats.t.interval, ttest_rel, ttest_ind(equal_var=False) on the same numbers.
    const A: [f64; 5] = [1.0, 2.5, 3.0, 4.5, 5.0];
    const B: [f64; 5] = [0.5, 2.0, 1.5, 4.0, 3.0];

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-6 * b.abs().max(1.0)
    }

    #[test]
    fn a_summary_is_that_of_scipy() {
        let s = Summary::of(&A);
        assert!(
            near(s.mean, 3.2) && near(s.sd, 1.604_680_653_588_11) && near(s.half_width, 1.992_474_196_174),
            "{s:?}"
        );
        assert!(Summary::of(&[3.0]).half_width.is_infinite());
    }

    #[test]
    fn a_paired_comparison_is_that_of_scipy() {
        let c = Comparison::paired(&A, &B);
        assert!(near(c.difference, 1.0) && near(c.p, 0.034_109_423_167_336), "{c:?}");
    }

    #[test]
    fn an_independent_comparison_is_that_of_scipy() {
        let c = Comparison::independent(&A, &B);
        assert!(near(c.p, 0.318_405_615_348), "{c:?}");
    }

    #[test]
    fn quantiles_are_those_of_numpy_and_holm_never_decreases() {
        assert!(near(quantile(&A, 0.25), 2.5) && near(quantile(&A, 0.1), 1.6));
        assert_eq!(holm(&[0.01, 0.04, 0.03]), [0.03, 0.06, 0.06]);
    }
}
