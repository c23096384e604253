//! How the learning rate changes over a training.
//!
//! ```
//! use ldnn_core::schedule::{Decay, Schedule};
//!
//! let schedule = Schedule { decay: Decay::Linear, warmup: 2, steps: 6 };
//! let factors: [f32; 7] = core::array::from_fn(|t| schedule.factor(t));
//! assert_eq!(factors, [0.5, 1.0, 1.0, 0.75, 0.5, 0.25, 0.0]);
//! ```
#![allow(
    clippy::arithmetic_side_effects,
    reason = "floats do not overflow; differences of counts saturate"
)]

use crate::math::Real;

/// How the learning rate falls after the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Decay {
    /// It stays.
    #[default]
    Constant,
    /// In equal steps to 0.
    Linear,
    /// Along half a period of a cosine to 0: slowly, fast, slowly (Loshchilov and Hutter 2017).
    Cosine,
}

/// The learning rate over a training, as a factor of the optimizer's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// How it falls after the warm-up.
    pub decay: Decay,
    /// Steps in which it rises to its full value, 0 for none.
    pub warmup: usize,
    /// Steps of the whole training, the warm-up included. From there on a falling rate is 0.
    pub steps: usize,
}

impl Schedule {
    /// The learning rate stays.
    pub const CONSTANT: Schedule = Schedule {
        decay: Decay::Constant,
        warmup: 0,
        steps: 0,
    };

    /// The factor at step `t`, counted from 0; for [`Optimizer::scaled`](crate::Optimizer::scaled).
    ///
    /// In the warm-up `(t + 1) / warmup`. After it, with `x = (t - warmup) / (steps - warmup)`: 1,
    /// `1 - x` or `(1 + cos(pi x)) / 2`.
    #[must_use]
    pub fn factor<T: Real>(&self, t: usize) -> T {
        if t < self.warmup {
            return ratio(t.saturating_add(1), self.warmup);
        }

        if self.decay == Decay::Constant {
            return T::ONE;
        }

        let (at, len) = (
            t.saturating_sub(self.warmup),
            self.steps.saturating_sub(self.warmup),
        );

        if at >= len {
            return T::ZERO;
        }

        match self.decay {
            Decay::Constant => T::ONE,
            Decay::Linear => ratio(len.saturating_sub(at), len),
            Decay::Cosine => {
                let angle = T::from_f64(core::f64::consts::PI) * ratio(at, len);
                T::from_f64(0.5) * (T::ONE + angle.cos())
            }
        }
    }
}

fn ratio<T: Real>(part: usize, whole: usize) -> T {
    T::from_usize(part) / T::from_usize(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(decay: Decay, warmup: usize, steps: usize) -> Schedule {
        Schedule {
            decay,
            warmup,
            steps,
        }
    }

    #[test]
    fn it_rises_to_1_stays_or_falls_and_is_0_after_the_end() {
        for decay in [Decay::Constant, Decay::Linear, Decay::Cosine] {
            let schedule = schedule(decay, 4, 20);
            let factors: [f64; 24] = core::array::from_fn(|t| schedule.factor(t));

            assert_eq!(factors[..5], [0.25, 0.5, 0.75, 1.0, 1.0], "{decay:?}");
            assert!(factors[4..20].windows(2).all(|two| two[1] <= two[0]));
            assert!(factors[..20].iter().all(|&factor| factor > 0.0));

            let after = if decay == Decay::Constant { 1.0 } else { 0.0 };
            assert_eq!(factors[20..], [after; 4]);
        }
    }

    #[test]
    fn a_cosine_is_at_half_in_the_middle() {
        let half: f64 = schedule(Decay::Cosine, 0, 100).factor(50);
        assert!((half - 0.5).abs() < 1e-15);
        assert!(schedule(Decay::Cosine, 0, 100).factor::<f32>(10) > 0.97);
    }

    #[test]
    fn no_counts_are_too_large_or_too_small() {
        let ends = [0, 1, 7, usize::MAX];
        for (warmup, steps, t) in ends
            .iter()
            .flat_map(|&a| ends.iter().flat_map(move |&b| ends.map(|c| (a, b, c))))
        {
            for decay in [Decay::Constant, Decay::Linear, Decay::Cosine] {
                let factor: f32 = schedule(decay, warmup, steps).factor(t);
                assert!(
                    (0.0..=1.0).contains(&factor),
                    "{warmup} {steps} {t}: {factor}"
                );
            }
        }
    }
}
