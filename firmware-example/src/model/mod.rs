//! What `ldnn export` wrote, from `activations.json` (the two types of `ldnn reproduce`, learned from a sine).
//!
//! `tests/firmware.sh` at the root of the project has the commands and checks that they still give these files.

pub mod floats;
pub mod floats_golden;
pub mod integers;
pub mod integers_golden;
pub mod subnets;

/// The network of integers as an image, as it would come over the air.
pub static IMAGE: [u8; 6587] = *include_bytes!("integers.ldnn");
