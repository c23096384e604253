//! What `ldnn export` wrote, from `activations.json` (the two types of `ldnn reproduce`, learned from a sine).
//!
//! `tests/firmware.sh` at the root of the project has the commands and checks that they still give these files.

#[rustfmt::skip]
pub mod floats;
#[rustfmt::skip]
pub mod floats_golden;
#[rustfmt::skip]
pub mod integers;
#[rustfmt::skip]
pub mod integers_golden;
pub mod subnets;

/// The network of integers as an image, as it would come over the air.
pub static IMAGE: [u8; IMAGE_LEN] = *include_bytes!("integers.ldnn");

/// Its length.
pub const IMAGE_LEN: usize = include_bytes!("integers.ldnn").len();
