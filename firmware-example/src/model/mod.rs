//! What `ldnn export` wrote, from `activations.json` (the two types of `ldnn reproduce`, learned
//! from a sine).
//!
//! Generated modules end in `.in`, so that nobody takes them for something to edit.
//! `tests/firmware.sh` at the root of the project has the commands and checks that they still give
//! these files.

#[rustfmt::skip]
#[path = "floats.in"]
pub mod floats;
#[rustfmt::skip]
#[path = "floats_golden.in"]
pub mod floats_golden;
#[rustfmt::skip]
#[path = "integers.in"]
pub mod integers;
#[rustfmt::skip]
#[path = "integers_golden.in"]
pub mod integers_golden;
pub mod subnets;

/// The network of integers as an image, as it would come over the air.
pub static IMAGE: [u8; IMAGE_LEN] = *include_bytes!("integers.ldnn");

/// Its length.
pub const IMAGE_LEN: usize = include_bytes!("integers.ldnn").len();
