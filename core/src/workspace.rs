//! Scratch memory, measured and bound once.

use crate::error::{SizeError, check_at_least};
use crate::shape::{Pass, Shape};

/// Scratch memory for a [`Network`](crate::network::Network); what it holds between two calls means
/// nothing.
///
/// Its length is [`Shape::workspace_len`] numbers. A workspace may serve several networks, as long
/// as it is large enough for each.
#[derive(Debug)]
pub struct Workspace<'a, T> {
    memory: &'a mut [T],
}

impl<'a, T> Workspace<'a, T> {
    /// Binds memory for networks of `shape` over at most `rows` rows.
    ///
    /// # Errors
    /// If there is less memory than [`Shape::workspace_len`].
    pub fn new(
        shape: &Shape,
        rows: usize,
        pass: Pass,
        memory: &'a mut [T],
    ) -> Result<Self, SizeError> {
        check_at_least("workspace", shape.workspace_len(rows, pass), memory.len())?;
        Ok(Workspace { memory })
    }

    /// The memory, if there is enough of it for this call: `shape` and `rows` may be others than it
    /// was made for.
    pub(crate) fn memory(
        &mut self,
        shape: &Shape,
        rows: usize,
        pass: Pass,
    ) -> Result<&mut [T], SizeError> {
        check_at_least(
            "workspace",
            shape.workspace_len(rows, pass),
            self.memory.len(),
        )?;

        Ok(self.memory)
    }
}
