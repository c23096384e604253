//! Networks with learned activations on a Cortex-M. What the programs in `src/bin` do is here,
//! without a heap and without hardware, so that the host can do the same and compare every bit.

#![no_std]
#![deny(missing_docs)]

pub mod bits;
#[cfg(target_arch = "arm")]
pub mod board;
pub mod drift;
pub mod infer;
pub mod learn;
#[allow(missing_docs, reason = "generated")]
pub mod model;
pub mod update;

/// A hash over the bits of numbers: FNV-1a.
#[must_use]
pub fn hash(numbers: &[f32]) -> u32 {
    let bytes = numbers.iter().flat_map(|x| x.to_le_bytes());
    bytes.fold(0x811c_9dc5, |h, b| {
        (h ^ u32::from(b)).wrapping_mul(0x0100_0193)
    })
}
