#![no_std]
#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

mod activation;
mod batch;
pub mod deploy;
mod error;
mod fixed;
mod hidden;
#[cfg(feature = "image")]
pub mod image;
mod init;
mod layer;
pub mod math;
pub mod meta;
pub mod network;
pub mod online;
pub mod optimise;
mod planes;
pub mod quantised;
pub mod rng;
pub mod shape;
pub mod table;
mod tile;
mod vector;

pub use activation::{Base, Kind, SUBNET_SCALE};
pub use error::{Error, SizeError};
pub use fixed::Fixed;
pub use math::Real;
pub use shape::{Shape, ShapeError};
pub use vector::{Plain, Vector};
