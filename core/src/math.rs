//! Elementary functions and the scalar type.
//!
//! Everything in this crate is generic over [`Real`]: `f32` to run, `f64` to verify. The elementary
//! functions come from the `libm` crate at a pinned version, never from the platform's C library,
//! so that a desktop and a microcontroller compute the same bits. libm states an error below 1 ULP
//! for these functions. `exp` and `tanh` of `f32`, which every training step needs by the thousand,
//! are our own, because libm's do not become vector instructions; their errors are below
//! [`EXP_ULP`] and [`TANH_ULP`] (`tests/tests/functions.rs`).
//!
//! # The `micromath` feature
//!
//! replaces `tanh`, `exp`, `exp_m1`, `ln`, `sin` and `cos` of `f32` by small approximations for
//! parts without a floating-point unit. Their errors are stated in `MICROMATH_ERRORS` (there with
//! the feature) and checked by `core/tests/micromath.rs`. Results with it differ from results
//! without it; `f64` is never affected.
//!
//! ```
//! use ldnn_core::Real;
//! // The same bits on every machine.
//! assert_eq!(Real::tanh(0.5f32).to_bits(), 0x3eec_9a9f);
//! assert_eq!(f32::from_f64(0.1).to_f64(), f64::from(0.1f32));
//! ```

use core::fmt::Debug;
use core::ops::{Add, AddAssign, Div, Mul, Neg, Sub, SubAssign};

/// The largest error of `exp` of `f32` in units in the last place, without the `micromath` feature.
pub const EXP_ULP: f64 = 1.0;
/// The largest error of `tanh` of `f32` in units in the last place, without the `micromath`
/// feature.
pub const TANH_ULP: f64 = 1.4;

/// A floating-point scalar: `f32` or `f64`.
///
/// Operations are single IEEE 754 roundings; nothing here fuses a multiplication with an addition.
pub trait Real:
    Copy
    + Debug
    + Default
    + PartialOrd
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + 'static
{
    /// 0
    const ZERO: Self;
    /// 1
    const ONE: Self;
    /// The nearest value to `x`.
    fn from_f64(x: f64) -> Self;
    /// The value as `f64`, exact.
    fn to_f64(self) -> f64;
    /// The nearest value to `n`.
    fn from_usize(n: usize) -> Self;
    /// Rounds a number of magnitude below 2^22 to a whole one, halves to the even one, in two
    /// additions.
    fn round_small(self) -> Self;
    /// The index that is a whole number in 0..2^22; 0 or any smaller number for every other value.
    fn to_small_index(self) -> u32;
    /// Uniform in [0, 1) from the upper bits of `bits`: 24 of them for `f32`, 53 for `f64`.
    fn from_bits(bits: u64) -> Self;
    /// Hyperbolic tangent.
    fn tanh(self) -> Self;
    /// Exponential function.
    fn exp(self) -> Self;
    /// exp(x) - 1 without cancellation near 0.
    fn exp_m1(self) -> Self;
    /// Natural logarithm.
    fn ln(self) -> Self;
    /// Sine of an angle in radians.
    fn sin(self) -> Self;
    /// Cosine of an angle in radians.
    fn cos(self) -> Self;
    /// Square root, correctly rounded.
    fn sqrt(self) -> Self;
    /// False for infinities and NaN.
    fn is_finite(self) -> bool;

    /// The larger of the two; `other` if `self` is NaN.
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        if self > other { self } else { other }
    }

    /// The smaller of the two; `other` if `self` is NaN.
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        if self < other { self } else { other }
    }
}

macro_rules! common {
    ($shift:expr, $unit:expr, $round:expr) => {
        const ZERO: Self = 0.0;
        const ONE: Self = 1.0;
        #[inline(always)]
        fn from_f64(x: f64) -> Self {
            x as Self
        }
        #[inline(always)]
        fn to_f64(self) -> f64 {
            self as f64
        }
        #[inline(always)]
        fn from_usize(n: usize) -> Self {
            n as Self
        }
        #[inline(always)]
        fn round_small(self) -> Self {
            (self + $round) - $round
        }
        #[inline(always)]
        fn to_small_index(self) -> u32 {
            ((self + $round).to_bits() & 0x3f_ffff) as u32
        }
        #[inline(always)]
        fn from_bits(bits: u64) -> Self {
            (bits >> $shift) as Self * $unit
        }
        #[inline(always)]
        fn is_finite(self) -> bool {
            self - self == 0.0
        }
    };
}

impl Real for f64 {
    common!(11, 1.0 / (1u64 << 53) as f64, 1.5 * (1u64 << 52) as f64);

    #[inline]
    fn tanh(self) -> f64 {
        libm::tanh(self)
    }

    #[inline]
    fn exp(self) -> f64 {
        libm::exp(self)
    }

    #[inline]
    fn exp_m1(self) -> f64 {
        libm::expm1(self)
    }

    #[inline]
    fn ln(self) -> f64 {
        libm::log(self)
    }

    #[inline]
    fn sin(self) -> f64 {
        libm::sin(self)
    }

    #[inline]
    fn cos(self) -> f64 {
        libm::cos(self)
    }

    #[inline(always)]
    fn sqrt(self) -> f64 {
        root::of_f64(self)
    }
}

impl Real for f32 {
    common!(40, 1.0 / (1u64 << 24) as f32, 1.5 * (1u64 << 23) as f32);

    #[inline]
    fn tanh(self) -> f32 {
        single::tanh(self)
    }

    #[inline]
    fn exp(self) -> f32 {
        single::exp(self)
    }

    #[inline]
    fn exp_m1(self) -> f32 {
        single::exp_m1(self)
    }

    #[inline]
    fn ln(self) -> f32 {
        single::ln(self)
    }

    #[inline]
    fn sin(self) -> f32 {
        single::sin(self)
    }

    #[inline]
    fn cos(self) -> f32 {
        single::cos(self)
    }

    #[inline(always)]
    fn sqrt(self) -> f32 {
        root::of_f32(self)
    }
}

/// Square roots, correctly rounded everywhere. On x86-64 libm has them as assembly in the encoding
/// of SSE, which the compiler can neither vectorise nor encode anew: between instructions of AVX it
/// stalls the processor, and a step of Adam took 35 times as long. The standard library's root is
/// one that the compiler knows.
#[cfg(feature = "std")]
mod root {
    #[inline(always)]
    pub fn of_f32(x: f32) -> f32 {
        f32::sqrt(x)
    }

    #[inline(always)]
    pub fn of_f64(x: f64) -> f64 {
        f64::sqrt(x)
    }
}

#[cfg(not(feature = "std"))]
mod root {
    pub use libm::{sqrt as of_f64, sqrtf as of_f32};
}

#[cfg(not(feature = "micromath"))]
mod single {
    pub use libm::{cosf as cos, expm1f as exp_m1, logf as ln, sinf as sin};

    /// Adding and subtracting it rounds to a whole number.
    const ROUND: f32 = 1.5 * (1u32 << 23) as f32;

    /// 2^k for a whole k in -126..=127.
    #[inline(always)]
    fn power_of_two(k: f32) -> f32 {
        f32::from_bits(
            (k + ROUND)
                .to_bits()
                .wrapping_sub(ROUND.to_bits())
                .wrapping_add(127)
                << 23,
        )
    }

    /// `x = k ln 2 + r`, then `2^k (1 + r + r^2 p(r))` with a minimax polynomial of degree 4,
    /// without a branch, so that a loop of it becomes vector instructions. `ln 2` is in two parts,
    /// of which the first has no rounding in `k ln 2`; `2^k` is in two factors, of which the second
    /// rounds denormal results once.
    #[inline(always)]
    pub fn exp(x: f32) -> f32 {
        const LN_2_HIGH: f32 = 0.693_359_4;
        const LN_2_LOW: f32 = -2.121_944_4e-4;

        const P: [f32; 5] = [
            0.499_999_94,
            0.166_665_2,
            0.041_668_393,
            0.008_368_781,
            0.001_381_446_7,
        ];

        let near = if x > 89.0 { 89.0 } else { x };
        let near = if near < -104.0 { -104.0 } else { near };
        let k = (near * core::f32::consts::LOG2_E + ROUND) - ROUND;
        let r = (near - k * LN_2_HIGH) - k * LN_2_LOW;
        let p = P[0] + r * (P[1] + r * (P[2] + r * (P[3] + r * P[4])));
        let half = (k * 0.5 + ROUND) - ROUND;

        ((1.0 + (r + r * r * p)) * power_of_two(half)) * power_of_two(k - half)
    }

    /// Below 5/8 an odd minimax polynomial, above `1 - 2 / (exp(2 |x|) + 1)` with the sign of x;
    /// both are computed, so that a loop of it becomes vector instructions.
    #[inline(always)]
    pub fn tanh(x: f32) -> f32 {
        const P: [f32; 5] = [
            -0.333_332_72,
            0.133_311_52,
            -0.053_714_108,
            0.020_551_72,
            -0.005_603_915_5,
        ];

        let (a, z) = (x.abs(), x * x);
        let small = a + a * (z * (P[0] + z * (P[1] + z * (P[2] + z * (P[3] + z * P[4])))));
        let large = 1.0 - 2.0 / (exp(a + a) + 1.0);
        let size = if a < 0.625 { small } else { large };

        size.copysign(x)
    }
}

/// Function, range of the argument, and the largest error there with the `micromath` feature:
/// relative for `exp`, absolute for the others.
#[cfg(feature = "micromath")]
pub const MICROMATH_ERRORS: [(&str, (f32, f32), f32); 6] = [
    ("tanh", (-10.0, 10.0), 4e-4),
    ("exp", (-20.0, 20.0), 2.5e-3),
    ("exp_m1", (-10.0, 0.0), 1.3e-3),
    ("ln", (1e-3, 1e3), 0.12),
    ("sin", (-10.0, 10.0), 1.2e-3),
    ("cos", (-10.0, 10.0), 1.2e-3),
];

#[cfg(feature = "micromath")]
mod single {
    use micromath::F32Ext;

    /// Beyond this the result is 0 or infinite in single precision; micromath's own exponent
    /// arithmetic wraps there.
    const EXP_RANGE: f32 = 87.0;

    pub fn exp(x: f32) -> f32 {
        F32Ext::exp(x.clamp(-EXP_RANGE, EXP_RANGE))
    }

    pub fn exp_m1(x: f32) -> f32 {
        exp(x) - 1.0
    }

    pub fn ln(x: f32) -> f32 {
        F32Ext::ln(x)
    }

    pub fn sin(x: f32) -> f32 {
        F32Ext::sin(x)
    }

    pub fn cos(x: f32) -> f32 {
        F32Ext::cos(x)
    }

    /// 1 - 2 / (exp(2x) + 1), odd by construction, exactly +-1 beyond 9.
    pub fn tanh(x: f32) -> f32 {
        let a = if x < 0.0 { -x } else { x };
        let t = if a > 9.0 {
            1.0
        } else {
            1.0 - 2.0 / (exp(2.0 * a) + 1.0)
        };
        if x < 0.0 { -t } else { t }
    }
}
