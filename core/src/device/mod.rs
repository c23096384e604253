//! What runs on a microcontroller.
//!
//! The root of the crate hands on its public modules.

pub mod deploy;
#[cfg(feature = "image")]
pub mod image;
pub mod online;
pub mod quantised;
mod rates;
mod scaling;
pub mod table;
