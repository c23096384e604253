#![no_std]
#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]
// Nothing here may panic. Tests may; and where an index or a sum is beyond doubt, the place says
// why.
#![cfg_attr(
    not(test),
    deny(
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::todo,
        clippy::unimplemented,
        clippy::exit,
        clippy::arithmetic_side_effects
    )
)]

#[cfg(feature = "std")]
extern crate std;

mod activation;
mod batch;
pub mod deploy;
mod error;
mod finite;
mod fixed;
mod hidden;
#[cfg(feature = "image")]
pub mod image;
mod init;
mod layer;
pub mod loss;
pub mod math;
pub mod meta;
pub mod network;
pub mod online;
pub mod optimizer;
mod planes;
pub mod quantised;
pub mod rng;
pub mod schedule;
pub mod shape;
pub mod table;
mod tile;
pub mod train;
mod vector;
mod walk;
mod workspace;

pub use activation::{Activation, Base, Derivatives, SUBNET_SCALE};
pub use error::{Error, SizeError};
pub use fixed::Fixed;
pub use math::Real;
pub use optimizer::Optimizer;
pub use shape::{Shape, ShapeError};
pub use vector::{Plain, Vector};
