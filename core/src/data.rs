//! Data sets, and the rows of them that are taken together.

use crate::error::{Error, check};
use crate::shape::Shape;

/// What the outputs are compared with; it decides the loss.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a, T> {
    /// A class label per row: mean softmax cross-entropy in nats.
    Classes(&'a [u16]),
    /// Values per row (rows x outputs): squared error, averaged over rows and outputs.
    Values(&'a [T]),
}

/// A data set: inputs (rows x inputs, row-major) and targets.
#[derive(Clone, Copy, Debug)]
pub struct Data<'a, T> {
    /// Inputs, row by row.
    pub x: &'a [T],
    /// Targets, row by row.
    pub target: Target<'a, T>,
}

/// The rows of a data set that are taken together.
#[derive(Clone, Copy, Debug)]
pub enum BatchRows<'a> {
    /// `start..start + len`
    Range {
        /// The first row.
        start: usize,
        /// Number of rows.
        len: usize,
    },
    /// These rows, in this order.
    Picked(&'a [u32]),
}

impl BatchRows<'_> {
    /// Number of rows.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self {
            BatchRows::Range { len, .. } => *len,
            BatchRows::Picked(rows) => rows.len(),
        }
    }

    /// Whether there is no row.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The data row at position `i` of the batch.
    pub(crate) fn at(&self, i: usize) -> usize {
        match self {
            BatchRows::Range { start, .. } => start.saturating_add(i),
            BatchRows::Picked(rows) => rows.get(i).copied().unwrap_or_default() as usize,
        }
    }
}

/// Noise on hidden units during training: uniform in `[-amplitude, amplitude]`, one draw per unit
/// and call, shared by the rows of the batch; added to the outputs of the hidden units of the
/// network and of the sub-networks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noise<T> {
    /// The largest absolute value.
    pub amplitude: T,
    /// Seed of the draws.
    pub seed: u64,
    /// Which call: the same step gives the same noise.
    pub step: u64,
}

/// A batch: some rows of a data set, and the noise with which a network learns them.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a, T> {
    /// The data.
    pub data: Data<'a, T>,
    /// Which rows of it.
    pub rows: BatchRows<'a>,
    /// Noise on the hidden units, if any, in gradients and Hessian-vector products; evaluations
    /// have none.
    pub noise: Option<Noise<T>>,
}

impl<'a, T> Batch<'a, T> {
    /// All rows of `data` for a network with `inputs` inputs.
    #[must_use]
    pub const fn all(data: Data<'a, T>, inputs: usize) -> Self {
        let len = match data.x.len().checked_div(inputs) {
            Some(rows) => rows,
            None => 0,
        };
        Batch::range(data, 0, len)
    }

    /// The `len` rows from row `start` on.
    #[must_use]
    pub const fn range(data: Data<'a, T>, start: usize, len: usize) -> Self {
        Batch {
            data,
            rows: BatchRows::Range { start, len },
            noise: None,
        }
    }

    /// The given rows, in their order.
    #[must_use]
    pub const fn picked(data: Data<'a, T>, rows: &'a [u32]) -> Self {
        Batch {
            data,
            rows: BatchRows::Picked(rows),
            noise: None,
        }
    }

    /// The same rows with noise, or without.
    #[must_use]
    pub fn with_noise(self, noise: Option<Noise<T>>) -> Self {
        Batch { noise, ..self }
    }
}

/// The result of an evaluation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluation<T> {
    /// The mean loss.
    pub loss: T,
    /// Rows whose largest output is the label; 0 for regression.
    pub correct: usize,
}

/// Rows, labels and lengths of a batch against the shape.
pub(crate) fn check_batch<T>(shape: &Shape, batch: &Batch<'_, T>) -> Result<(), Error> {
    let inputs = shape.inputs();
    let count = batch.data.x.len().checked_div(inputs).unwrap_or_default();
    check("x", count.saturating_mul(inputs), batch.data.x.len())?;

    if batch.rows.is_empty() {
        return Err(Error::Empty("the number of rows in a batch"));
    }

    let last = match batch.rows {
        BatchRows::Range { start, len } => start.saturating_add(len.saturating_sub(1)),
        BatchRows::Picked(rows) => rows.iter().copied().max().unwrap_or_default() as usize,
    };
    if last >= count {
        return Err(Error::Row {
            row: u32::try_from(last).unwrap_or(u32::MAX),
            rows: count,
        });
    }

    match batch.data.target {
        Target::Values(values) => Ok(check(
            "target",
            count.saturating_mul(shape.outputs()),
            values.len(),
        )?),
        Target::Classes(labels) => {
            check("target", count, labels.len())?;
            check_labels(shape.outputs(), batch.rows, labels)
        }
    }
}

fn check_labels(classes: usize, rows: BatchRows<'_>, labels: &[u16]) -> Result<(), Error> {
    for i in 0..rows.len() {
        let row = rows.at(i);
        let label = labels.get(row).copied().unwrap_or_default();
        if usize::from(label) >= classes {
            return Err(Error::Label {
                row,
                label,
                classes,
            });
        }
    }

    Ok(())
}
