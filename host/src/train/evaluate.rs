//! How good a network is on rows.

use crate::data::task::{ExampleTargets, Examples};
use crate::model::LossAndAccuracy;
use crate::support::simd::Level;
use anyhow::Result;
use ldnn_core::Shape;
use ldnn_core::network::{Batch, Network, Pass, Workspace};

/// Rows that are evaluated at a time.
pub const EVALUATION_ROWS: usize = 200;

/// Evaluates a network on every row of `set`, without noise. `work`: a workspace for
/// predictions over [`EVALUATION_ROWS`] rows.
///
/// # Errors
/// If network and set do not fit together.
pub fn evaluate_network(
    shape: &Shape,
    params: &[f32],
    set: &Examples,
    work: &mut [f32],
) -> Result<LossAndAccuracy> {
    let network = Network::new(shape, params)?.with_vector(Level::best());
    let mut workspace = Workspace::new(shape, EVALUATION_ROWS, Pass::Forward, work)?;

    let (mut loss, mut correct, mut start) = (0.0, 0, 0);
    while start < set.rows() {
        let len = EVALUATION_ROWS.min(set.rows() - start);
        let score = network.evaluate(&Batch::range(set.data(), start, len), &mut workspace)?;
        loss += f64::from(score.loss) * len as f64;
        correct += score.correct;
        start += len;
    }

    let classes = matches!(set.target, ExampleTargets::Classes(_));
    let rows = set.rows() as f64;
    Ok(LossAndAccuracy {
        loss: loss / rows,
        accuracy: classes.then(|| 100.0 * correct as f64 / rows),
    })
}
