//! Which vector instructions the core's kernels are compiled for.
//!
//! The kernels are plain loops; here the same loops are compiled once for the plain target, once
//! for AVX2 and once for AVX-512, and the best that the processor has is taken. The results are the
//! same bits at every level, because the kernels fix their order of operations and never fuse a
//! multiplication with an addition.

use ldnn_core::Vector;
use std::sync::OnceLock;

/// A set of vector instructions that this processor has.
#[derive(Clone, Copy, Debug)]
pub struct Level(Instructions);

#[derive(Clone, Copy, Debug)]
enum Instructions {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2(pulp::x86::V3),
    #[cfg(target_arch = "x86_64")]
    Avx512(pulp::x86::V4),
}

impl Level {
    /// What the compilation target has by itself.
    pub const PORTABLE: Level = Level(Instructions::Portable);

    /// Every level that this processor has, the plain one first.
    #[must_use]
    pub fn available() -> Vec<Level> {
        let mut levels = vec![Level::PORTABLE];
        #[cfg(target_arch = "x86_64")]
        {
            levels.extend(pulp::x86::V3::try_new().map(|v| Level(Instructions::Avx2(v))));
            levels.extend(pulp::x86::V4::try_new().map(|v| Level(Instructions::Avx512(v))));
        }

        levels
    }

    /// The best level, or the one that the environment variable `LDNN_SIMD` names (`portable`,
    /// `avx2`, `avx512`).
    #[must_use]
    pub fn best() -> Level {
        static BEST: OnceLock<Level> = OnceLock::new();

        *BEST.get_or_init(|| {
            let available = Level::available();
            let wanted = std::env::var("LDNN_SIMD").ok();
            let named = available
                .iter()
                .copied()
                .find(|l| wanted.as_deref() == Some(l.name()));

            named
                .or(available.last().copied())
                .unwrap_or(Level::PORTABLE)
        })
    }

    /// The name users write.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            Instructions::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512(_) => "avx512",
        }
    }
}

impl Vector for Level {
    #[inline(always)]
    fn run<R>(self, kernel: impl FnOnce() -> R) -> R {
        match self.0 {
            Instructions::Portable => kernel(),
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2(v3) => pulp::Simd::vectorize(v3, kernel),
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512(v4) => pulp::Simd::vectorize(v4, kernel),
        }
    }
}
