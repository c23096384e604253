//! The laboratory: looking at trained networks, experiments with many of them, studies of one's
//! own, and the paper.

pub mod analysis;
pub mod estimate;
pub mod experiments;
pub mod inspect;
pub mod queue;
pub mod reproduce;
pub mod study;
