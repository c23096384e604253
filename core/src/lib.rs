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

// The modules are layers, from the ground up: each one uses only those that stand before it here.
// `tests/tests/layers.rs` checks that.

// The vocabulary: errors, the scalar type, random numbers.
mod error;
pub mod math;
pub mod rng;

mod finite;

// Planes, matrix products, affine maps, losses over a batch, and how all of them are compiled.
mod kernel;

pub mod loss;

// What an activation is, and how it is evaluated.
mod activation;

// The sizes of a network, the data that it sees, and how it starts.
pub mod shape;

mod data;
mod init;
mod workspace;

// What can be asked of a network.
mod walk;

pub mod network;

mod hidden;

// How a network learns, and how its activations do.
pub mod optimizer;
pub mod schedule;

pub mod train;

pub mod meta;

// A network that owns its memory.
mod fixed;

// What runs on a microcontroller.
mod device;

// From sub-networks to tables and back.
pub mod table;

pub use activation::{Activation, Base, Derivatives, SUBNET_SCALE};
#[cfg(feature = "image")]
pub use device::image;
pub use device::{deploy, online, quantised};
pub use error::{Error, SizeError};
pub use fixed::Fixed;
pub use kernel::vector::{Plain, Vector};
pub use math::Real;
pub use optimizer::Optimizer;
pub use shape::{Shape, ShapeError};
