//! How the hot kernels are compiled.
//!
//! The kernels of this crate are plain loops. A host that wants them compiled for a wider
//! instruction set than its target's passes a [`Vector`] whose [`run`](Vector::run) calls the given
//! closure inside a function with those target features (crates like `pulp` do this safely). The
//! kernels are inlined into the closure; the walk around them is compiled once. The bits of the
//! results do not depend on it.

/// Runs kernels, compiled in some way of its own.
pub trait Vector: Copy {
    /// Calls `kernel`, which is inlined into the call.
    fn run<R>(self, kernel: impl FnOnce() -> R) -> R;
}

/// Compiled for the target as it is; what a microcontroller wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Plain;

impl Vector for Plain {
    #[inline(always)]
    fn run<R>(self, kernel: impl FnOnce() -> R) -> R {
        kernel()
    }
}
