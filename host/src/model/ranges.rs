//! What occurs in a network on its training rows: a few numbers, from which no row can be read
//! back.

use crate::data::task::Examples;
use crate::support::draws::{DrawnFor, draws};
use anyhow::{Result, ensure};
use ldnn_core::Shape;
use serde::{Deserialize, Serialize};

/// The ranges that an export needs: of inputs, of pre-activations, and of outputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ranges {
    /// One per input, as the network takes it.
    pub inputs: Vec<InputRange>,
    /// Of each type the pre-activations at [`SHARES`].
    pub types: Vec<Vec<f32>>,
    /// The largest size of an output.
    pub largest_output: f32,
}

/// How an input is spread.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputRange {
    /// Nothing is smaller; rounded down.
    pub low: f32,
    /// Nothing is larger; rounded up.
    pub high: f32,
    /// The mean.
    pub mean: f32,
    /// The standard deviation.
    pub sd: f32,
}

/// The shares of the pre-activations that lie below the numbers of [`Ranges::types`].
pub const SHARES: [f64; 13] = [
    0.0, 5e-4, 5e-3, 0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975, 0.995, 0.9995, 1.0,
];
/// Numbers are rounded to this part of their range, so that none is a number of a row.
const STEPS: f64 = 512.0;
/// Points that a distribution is drawn with again; every share is a whole number of them.
const POINTS: usize = 2001;

impl Ranges {
    /// Of sorted pre-activations.
    pub(super) fn of(seen: &[Vec<f32>], rows: &Examples, largest_output: f32) -> Ranges {
        Ranges {
            inputs: input_ranges(rows),
            types: seen.iter().map(|z| quantiles(z)).collect(),
            largest_output,
        }
    }

    /// Whether they are those of such a network.
    ///
    /// # Errors
    /// If not; the message says why.
    pub fn check(&self, shape: &Shape) -> Result<()> {
        ensure!(
            self.inputs.len() == shape.inputs(),
            "there must be {} inputs",
            shape.inputs()
        );

        ensure!(
            self.types.len() == shape.types(),
            "there must be {} types",
            shape.types()
        );

        let sound = |i: &InputRange| {
            let finite = [i.low, i.high, i.mean, i.sd].iter().all(|x| x.is_finite());
            finite && i.low <= i.high && i.sd >= 0.0
        };

        ensure!(
            self.inputs.iter().all(sound),
            "the range of an input is not finite, or empty"
        );

        let ascending = |z: &Vec<f32>| {
            z.len() == SHARES.len() && z.iter().all(|z| z.is_finite()) && z.is_sorted()
        };

        ensure!(
            self.types.iter().all(ascending),
            "a type must have {} ascending numbers",
            SHARES.len()
        );

        ensure!(
            self.largest_output.is_finite() && self.largest_output >= 0.0,
            "the largest output is not finite"
        );

        Ok(())
    }

    /// Those of a network with some of the types.
    #[must_use]
    pub fn of_types(&self, types: &[usize]) -> Ranges {
        let own = types.iter().filter_map(|&t| self.types.get(t)).cloned();
        Ranges {
            types: own.collect(),
            ..self.clone()
        }
    }

    /// Sorted pre-activations of each type, distributed as these say.
    pub(super) fn spread(&self) -> Vec<Vec<f32>> {
        let at = |z: &[f32], i: usize| {
            let share = i as f64 / (POINTS - 1) as f64;
            let cell = SHARES
                .partition_point(|&s| s < share)
                .clamp(1, SHARES.len() - 1);
            let (low, high) = (f64::from(z[cell - 1]), f64::from(z[cell]));
            let t = (share - SHARES[cell - 1]) / (SHARES[cell] - SHARES[cell - 1]);

            (low + t * (high - low)) as f32
        };

        self.types
            .iter()
            .map(|z| (0..POINTS).map(|i| at(z, i)).collect())
            .collect()
    }

    /// The smallest and the largest of all inputs, with 0 between.
    pub(super) fn of_inputs(&self) -> (f32, f32) {
        self.inputs
            .iter()
            .fold((0.0, 0.0), |(a, b), i| (i.low.min(a), i.high.max(b)))
    }

    /// The mean of every input.
    pub(super) fn means(&self) -> Vec<f32> {
        self.inputs
            .iter()
            .map(|i| i.mean.clamp(i.low, i.high))
            .collect()
    }

    /// Whether every input of a row, as the network takes it, lies within its range.
    #[must_use]
    pub fn hold(&self, row: &[f32]) -> bool {
        let mut inputs = row.iter().zip(&self.inputs);
        inputs.all(|(x, input)| (input.low..=input.high).contains(x))
    }

    /// Rows that are the means but for one input, which is at the lower or the upper end of its
    /// range: both ends of the first input, then of the second; `most` rows at most.
    #[must_use]
    pub fn ends(&self, most: usize) -> Vec<f32> {
        let means = self.means();
        let mut x = Vec::with_capacity(most.min(2 * self.inputs.len()) * means.len());
        let ends = self.inputs.iter().map(|input| [input.low, input.high]);

        for (i, end) in ends.flatten().enumerate().take(most) {
            let start = x.len();
            x.extend(&means);
            x[start + i / 2] = end;
        }

        x
    }

    /// Rows of inputs as the network takes them, drawn by a seed: each input about normal with its
    /// own mean and deviation, within its range, independent of the others.
    pub fn draw(&self, rows: usize, seed: u64) -> Vec<f32> {
        let draws = draws(DrawnFor::RowsInRange, seed, 0);
        let mut index = 0;
        let mut uniform = || {
            index += 1;
            draws.uniform::<f64>(index)
        };
        let mut x = Vec::with_capacity(rows * self.inputs.len());

        for _ in 0..rows {
            for input in &self.inputs {
                // Twelve uniform numbers have variance 1, and need no function of a library.
                let normal = (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
                let value = f64::from(input.mean) + f64::from(input.sd) * normal;
                x.push((value as f32).clamp(input.low, input.high));
            }
        }

        x
    }
}

pub(super) fn input_ranges(rows: &Examples) -> Vec<InputRange> {
    let width = rows.x.len() / rows.rows().max(1);

    let input = |j: usize| {
        InputRange::of(
            rows.x
                .iter()
                .skip(j)
                .step_by(width.max(1))
                .map(|&x| f64::from(x)),
        )
    };

    (0..width).map(input).collect()
}

impl InputRange {
    fn of(x: impl Iterator<Item = f64> + Clone) -> InputRange {
        let n = x.clone().count().max(1) as f64;

        let (low, high) = x
            .clone()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| {
                (a.min(x), b.max(x))
            });

        let mean = x.clone().sum::<f64>() / n;
        let sd = (x.map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();

        // A constant input has no range to be rounded to.
        let step = if high > low { (high - low) / 64.0 } else { 1.0 };

        let (low, high) = if high > low {
            ((low / step).floor() * step, (high / step).ceil() * step)
        } else {
            (low, high)
        };

        InputRange {
            low: low as f32,
            high: high as f32,
            mean: mean as f32,
            sd: sd as f32,
        }
    }
}

/// At [`SHARES`] of sorted numbers; the ends are rounded outwards.
fn quantiles(z: &[f32]) -> Vec<f32> {
    let (Some(&first), Some(&last)) = (z.first(), z.last()) else {
        return vec![0.0; SHARES.len()];
    };
    let step = (f64::from(last) - f64::from(first)) / STEPS;
    let at = |share: f64| f64::from(z[(share * (z.len() - 1) as f64).round() as usize]);

    let round = |share: f64| {
        if step == 0.0 {
            return first;
        }

        let place = at(share) / step;

        let rounded = if share == 0.0 {
            place.floor()
        } else {
            place.round()
        };

        ((if share == 1.0 { place.ceil() } else { rounded }) * step) as f32
    };

    SHARES.iter().map(|&share| round(share)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::task::ExampleTargets;

    #[test]
    fn a_distribution_comes_back_from_its_shares() {
        let z: Vec<f32> = (0..=10_000).map(|i| i as f32 / 1000.0 - 5.0).collect();
        let rows = Examples::new(
            vec![0.5, -1.0, 1.0, 1.0],
            ExampleTargets::Classes(vec![0; 2]),
            2,
        );
        let ranges = Ranges::of(&[z], &rows, 1.0);
        let again = &ranges.spread()[0];

        for share in [0.0, 5e-4, 0.025, 0.3, 0.5, 0.77, 0.9995, 1.0] {
            let found = again[(share * 2000.0_f64).round() as usize];
            assert!(
                (f64::from(found) - (10.0 * share - 5.0)).abs() < 0.02,
                "{share}: {found}"
            );
        }

        assert!(ranges.inputs[0].low <= 0.5 && ranges.inputs[0].high >= 1.0);
    }

    #[test]
    fn the_ends_of_the_inputs_are_reached_one_at_a_time() {
        let input = |low, high| InputRange {
            low,
            high,
            mean: 0.5,
            sd: 1.0,
        };

        let ranges = Ranges {
            inputs: vec![input(-1.0, 2.0), input(0.0, 4.0)],
            types: vec![],
            largest_output: 0.0,
        };

        let ends = [-1.0, 0.5, 2.0, 0.5, 0.5, 0.0, 0.5, 4.0];
        assert_eq!(ranges.ends(9), ends);
        assert_eq!(ranges.ends(3), ends[..6]);
        assert!(ends.chunks(2).all(|row| ranges.hold(row)));
        assert!(!ranges.hold(&[2.1, 0.5]) && !ranges.hold(&[f32::NAN, 0.5]));
    }

    #[test]
    fn drawn_rows_lie_within_the_ranges_and_follow_the_seed() {
        let input = InputRange {
            low: -1.5,
            high: 2.0,
            mean: 0.25,
            sd: 1.0,
        };

        let constant = InputRange {
            low: 3.0,
            high: 3.0,
            mean: 3.0,
            sd: 0.0,
        };

        let ranges = Ranges {
            inputs: vec![input, constant],
            types: vec![],
            largest_output: 0.0,
        };

        let x = ranges.draw(1000, 5);
        assert_eq!(x, ranges.draw(1000, 5));
        assert_ne!(x, ranges.draw(1000, 6));
        assert!(
            x.chunks(2)
                .all(|r| (-1.5..=2.0).contains(&r[0]) && r[1] == 3.0)
        );

        let mean = x.iter().step_by(2).sum::<f32>() / 1000.0;
        assert!((mean - 0.25).abs() < 0.1, "{mean}");
    }
}
