//! The participation ratio: how many dimensions the activity of a hidden layer really uses.

use super::spectrum::eigenvalues;
use anyhow::{Result, ensure};
use faer::Mat;

/// `R = (tr C)^2 / tr C^2` of the covariance C of some activity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Participation {
    /// R: 1 if all neurons move together, N if all N move independently and equally.
    pub ratio: f64,
    /// `R / N`
    pub normalised: f64,
}

/// The centred covariance of `activity` (rows x neurons, row-major).
///
/// # Errors
/// If there are fewer than two rows.
pub fn covariance(activity: &[f64], neurons: usize) -> Result<Mat<f64>> {
    let rows = activity.len() / neurons.max(1);
    ensure!(
        rows >= 2,
        "a covariance needs at least 2 rows; there are {rows}"
    );

    let mut mean = vec![0.0; neurons];

    for row in activity.chunks(neurons) {
        mean.iter_mut()
            .zip(row)
            .for_each(|(m, a)| *m += a / rows as f64);
    }

    let centred = Mat::from_fn(rows, neurons, |r, j| activity[r * neurons + j] - mean[j]);
    let mut c = Mat::<f64>::zeros(neurons, neurons);
    let share = 1.0 / (rows - 1) as f64;
    let (transposed, seq) = (centred.transpose(), faer::Par::Seq);

    faer::linalg::matmul::matmul(
        c.as_mut(),
        faer::Accum::Replace,
        transposed,
        &centred,
        share,
        seq,
    );

    Ok(c)
}

/// By traces, without eigenvalues.
///
/// # Errors
/// If there are fewer than two rows, or the activity does not vary at all.
pub fn participation(activity: &[f64], neurons: usize) -> Result<Participation> {
    let c = covariance(activity, neurons)?;
    let trace: f64 = (0..neurons).map(|j| c[(j, j)]).sum();
    let of_square: f64 = (0..neurons)
        .flat_map(|i| (0..neurons).map(move |j| (i, j)))
        .map(|at| c[at] * c[at])
        .sum();

    of_sums(trace, of_square, neurons)
}

/// By eigenvalues: `(sum l)^2 / sum l^2`. The same number; a check.
///
/// # Errors
/// As [`participation`].
pub fn participation_by_eigenvalues(activity: &[f64], neurons: usize) -> Result<Participation> {
    let values = eigenvalues(&covariance(activity, neurons)?)?;
    of_sums(
        values.iter().sum(),
        values.iter().map(|v| v * v).sum(),
        neurons,
    )
}

fn of_sums(trace: f64, of_square: f64, neurons: usize) -> Result<Participation> {
    ensure!(
        of_square > 0.0,
        "the activity is the same in every row, so it has no participation ratio"
    );

    let ratio = trace * trace / of_square;
    Ok(Participation {
        ratio,
        normalised: ratio / neurons as f64,
    })
}
