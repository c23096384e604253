//! The library behind the `ldnn` program.

pub mod activations;
pub mod data;
pub mod simd;
pub mod task;
pub mod train;
