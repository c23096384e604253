//! NumPy's legacy random numbers (`numpy.random.seed`, `rand`, `randn`, `permutation`), number for
//! number.
//!
//! The Mersenne twister gives 32 bits per draw; doubles take 27 and 26 of two draws; normals come in
//! pairs from Marsaglia's polar method, the second kept for the next call; integers are masked and
//! rejected until they fit.

use ldnn_core::Real;
use rand_mt::Mt;

/// The state behind `numpy.random`.
pub struct NumpyRandom {
    twister: Mt,
    kept: Option<f64>,
}

impl NumpyRandom {
    /// `numpy.random.seed(seed)`
    pub fn seed(seed: u32) -> Self {
        NumpyRandom {
            twister: Mt::new(seed),
            kept: None,
        }
    }

    /// `numpy.random.rand()`: uniform in [0, 1).
    pub fn rand(&mut self) -> f64 {
        let (a, b) = (self.twister.next_u32() >> 5, self.twister.next_u32() >> 6);
        (f64::from(a) * 67_108_864.0 + f64::from(b)) / 9_007_199_254_740_992.0
    }

    /// `numpy.random.randn()`: standard normal.
    pub fn randn(&mut self) -> f64 {
        if let Some(x) = self.kept.take() {
            return x;
        }

        loop {
            let (a, b) = (2.0 * self.rand() - 1.0, 2.0 * self.rand() - 1.0);
            let r = a * a + b * b;
            if r < 1.0 && r != 0.0 {
                // The core's logarithm: the same bits on every machine.
                let factor = Real::sqrt(-2.0 * Real::ln(r) / r);
                self.kept = Some(factor * a);
                return factor * b;
            }
        }
    }

    /// `numpy.random.randint(0, n)` for `n >= 1`.
    pub fn below(&mut self, n: u32) -> u32 {
        let largest = n.saturating_sub(1);
        let mask = u32::MAX.checked_shr(largest.leading_zeros()).unwrap_or(0);

        loop {
            if largest == 0 {
                return 0;
            }

            let value = self.twister.next_u32() & mask;
            if value <= largest {
                return value;
            }
        }
    }

    /// `numpy.random.permutation(n)`
    pub fn permutation(&mut self, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        for i in (1..n).rev() {
            let j = self.below(i as u32 + 1) as usize;
            order.swap(i, j);
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    /// Printed by NumPy 2.4.6 after `numpy.random.seed(42)`.
    #[test]
    fn the_numbers_are_those_of_numpy() {
        let mut random = NumpyRandom::seed(42);

        let uniform = [
            0.374_540_118_847_362_5,
            0.950_714_306_409_916_2,
            0.731_993_941_811_405_1,
        ];

        assert_eq!([random.rand(), random.rand(), random.rand()], uniform);

        let normal = [-1.111_880_12, 0.318_902_18, 0.279_041_29];
        // Eight printed digits.
        for expected in normal {
            assert_abs_diff_eq!(random.randn(), expected, epsilon = 1e-8);
        }

        assert_eq!(random.below(61), 23);
        assert_eq!(random.permutation(10), [7, 9, 0, 8, 6, 3, 1, 4, 5, 2]);
        assert_eq!(random.below(5), 3);
    }
}
