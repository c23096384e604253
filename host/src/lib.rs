//! The library behind the `ldnn` program.

pub mod data;
pub mod plot;
pub mod simd;
pub mod stats;
