//! Scratch memory, measured and bound once.

use crate::error::{SizeError, check_at_least};
use crate::shape::Shape;

/// A pass through a network. It decides how long the workspace is; each is long enough for those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// Values alone: outputs, losses, and activations of hidden layers.
    Forward,
    /// Forward and back: gradients, and with them training.
    Backward,
    /// The same with tangents: Hessian-vector products, and the derivatives of hidden activations.
    SecondOrder,
}

/// Scratch memory for a [`Network`](crate::network::Network); what it holds between two calls means nothing.
///
/// Its length is [`Shape::workspace_len`] numbers. A workspace may serve several networks, as long as it is large
/// enough for each.
#[derive(Debug)]
pub struct Workspace<'a, T> {
    memory: &'a mut [T],
}

impl<'a, T> Workspace<'a, T> {
    /// Binds memory for networks of `shape` over at most `rows` rows.
    ///
    /// # Errors
    /// If there is less memory than [`Shape::workspace_len`].
    pub fn new(shape: &Shape, rows: usize, pass: Pass, memory: &'a mut [T]) -> Result<Self, SizeError> {
        check_at_least("workspace", shape.workspace_len(rows, pass), memory.len())?;
        Ok(Workspace { memory })
    }

    /// The memory, if there is enough of it for this call: `shape` and `rows` may be others than it was made for.
    pub(crate) fn memory(&mut self, shape: &Shape, rows: usize, pass: Pass) -> Result<&mut [T], SizeError> {
        check_at_least("workspace", shape.workspace_len(rows, pass), self.memory.len())?;
        Ok(self.memory)
    }
}
