//! Counter-based random numbers: every draw is a pure function of (seed, stream, step, index).
//!
//! There is no hidden state, so draws can be replayed in any order: the reverse sweep of the
//! meta-learning asks for the noise of step 57 again instead of storing it, and a parallel run
//! draws what a serial one draws. The generator is Philox4x32 with ten rounds (Salmon, Moraes,
//! Dror, Shaw: *Parallel random numbers: as easy as 1, 2, 3*, SC11), checked against its published
//! known answers.
//!
//! ```
//! use ldnn_core::rng::{Draws, Stream};
//! let draws = Draws::new(42, Stream::User, 0, 7);
//! // Whoever asks, and in which order: draw 3 of step 7 is what it is.
//! let later: f32 = draws.uniform(3);
//! assert_eq!(later, Draws::new(42, Stream::User, 0, 7).uniform(3));
//! assert!(draws.below(0, 10) < 10);
//! ```

use crate::math::Real;

/// What a sequence of draws is for. Different purposes never share numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Stream {
    /// Initial weights and biases of a network.
    Weights = 1,
    /// Initial parameters of the activation sub-networks.
    Activations = 2,
    /// The order of the training rows in an epoch.
    Shuffle = 3,
    /// Noise added to hidden units.
    HiddenNoise = 4,
    /// Noise added to the hidden units of sub-networks.
    SubnetNoise = 5,
    /// Rows of a held-out batch.
    HeldOut = 6,
    /// Everything outside this crate.
    User = 7,
}

/// A sequence of draws, addressed by index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draws {
    key: [u32; 2],
    stream: u32,
    step: [u32; 2],
}

impl Draws {
    /// The draws of `stream`, part `part` (a layer, a type: at most 2^24 of them), at `step`.
    #[must_use]
    pub const fn new(seed: u64, stream: Stream, part: u32, step: u64) -> Self {
        let stream = (stream as u32) | (part << 8);
        Draws {
            key: halves(seed),
            stream,
            step: halves(step),
        }
    }

    /// 64 uniform bits.
    #[must_use]
    pub fn bits(&self, index: u32) -> u64 {
        let [a, b, c, d] = philox(
            [index >> 1, self.stream, self.step[0], self.step[1]],
            self.key,
        );

        if index & 1 == 0 {
            join(a, b)
        } else {
            join(c, d)
        }
    }

    /// Uniform in [0, 1).
    #[must_use]
    pub fn uniform<T: Real>(&self, index: u32) -> T {
        T::from_bits(self.bits(index))
    }

    /// Uniform in [-1, 1).
    #[must_use]
    #[allow(clippy::arithmetic_side_effects, reason = "floats")]
    pub fn symmetric<T: Real>(&self, index: u32) -> T {
        let u: T = self.uniform(index);
        u + u - T::ONE
    }

    /// Uniform in 0..n by multiplication; 0 if n is 0. The bias is below n / 2^64.
    #[must_use]
    #[allow(
        clippy::arithmetic_side_effects,
        reason = "a product of 64 and 32 bits fits into 128"
    )]
    pub fn below(&self, index: u32, n: u32) -> u32 {
        ((u128::from(self.bits(index)) * u128::from(n)) >> 64) as u32
    }

    /// Fills `order` with a random permutation of 0..len (Fisher and Yates).
    pub fn permutation(&self, order: &mut [u32]) {
        for (i, o) in order.iter_mut().enumerate() {
            *o = i as u32;
        }

        for i in (1..order.len()).rev() {
            let j = self.below(i as u32, (i as u32).saturating_add(1)) as usize;
            // Not `swap`, whose check of `i` the compiler leaves in.
            if let Some((last, before)) = order.get_mut(..=i).and_then(|part| part.split_last_mut())
                && let Some(other) = before.get_mut(j)
            {
                core::mem::swap(last, other);
            }
        }
    }
}

const fn halves(x: u64) -> [u32; 2] {
    [x as u32, (x >> 32) as u32]
}

const fn join(low: u32, high: u32) -> u64 {
    (low as u64) | ((high as u64) << 32)
}

fn philox(mut c: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let p = u64::from(c[0]) * 0xD251_1F53;
        let q = u64::from(c[2]) * 0xCD9E_8D57;

        c = [
            (q >> 32) as u32 ^ c[1] ^ key[0],
            q as u32,
            (p >> 32) as u32 ^ c[3] ^ key[1],
            p as u32,
        ];

        key = [
            key[0].wrapping_add(0x9E37_79B9),
            key[1].wrapping_add(0xBB67_AE85),
        ];
    }

    c
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known answers of the Random123 distribution, Philox4x32 with ten rounds.
    #[test]
    fn philox_gives_its_published_answers() {
        assert_eq!(
            philox([0; 4], [0; 2]),
            [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]
        );
        assert_eq!(
            philox([!0; 4], [!0; 2]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );

        let pi = [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344];
        assert_eq!(
            philox(pi, [0xa409_3822, 0x299f_31d0]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn a_permutation_holds_every_index_once() {
        let mut order = [0; 101];
        Draws::new(5, Stream::Shuffle, 0, 3).permutation(&mut order);
        let mut seen = [0; 101];
        order.iter().for_each(|&i| seen[i as usize] += 1);
        assert_eq!(seen, [1; 101]);
        assert_ne!(order[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }

    #[test]
    fn streams_parts_steps_and_seeds_do_not_share_numbers() {
        let first = Draws::new(1, Stream::Weights, 0, 0).bits(0);
        for other in [
            Draws::new(2, Stream::Weights, 0, 0),
            Draws::new(1, Stream::HiddenNoise, 0, 0),
            Draws::new(1, Stream::Weights, 1, 0),
            Draws::new(1, Stream::Weights, 0, 1),
        ] {
            assert_ne!(first, other.bits(0));
        }
    }

    #[test]
    fn uniform_draws_have_the_mean_and_variance_of_a_uniform_distribution() {
        let draws = Draws::new(7, Stream::User, 0, 0);
        let n = 20_000;
        let (mut sum, mut square) = (0.0, 0.0);

        for i in 0..n {
            let u: f64 = draws.symmetric(i);
            sum += u;
            square += u * u;
        }

        // Five standard errors: 5 sqrt(1/3/n), 5 sqrt(4/45/n).
        assert!((sum / f64::from(n)).abs() < 0.021);
        assert!((square / f64::from(n) - 1.0 / 3.0).abs() < 0.011);
    }
}
