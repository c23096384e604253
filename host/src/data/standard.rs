//! How a column is brought to mean 0 and standard deviation 1.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// How a column is standardised, `(x - mean) / sd`, in the arithmetic of the device.
///
/// A model and all of its exports compute `((x - offset) as f32 - mean) factor` in single
/// precision, where `mean` is that of the readings less the offset and `factor` is `1 / sd`, both
/// rounded. The offset is 0 unless the readings are so large for their spread that single precision
/// does not tell them apart (Unix time is an example).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standard {
    /// Mean over the training rows.
    pub mean: f64,
    /// Standard deviation over the training rows; 1 for a constant column.
    pub sd: f64,
    /// What is subtracted from a reading before it is rounded to single precision.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub offset: f64,
}

fn is_zero(x: &f64) -> bool {
    *x == 0.0
}

/// The largest size of a number in a table, half of which single precision still holds with room
/// for a difference.
const LARGEST: f64 = 1e38;
/// The smallest standard deviation of a column that varies.
const SMALLEST_SD: f64 = 1e-36;
/// An input gets an offset where its size is so many standard deviations: rounding to single
/// precision loses up to 2^-12 of one there.
const INPUT_RATIO: f64 = 4096.0;
/// A target gets an offset from here on: rounding loses up to 2^-9 of a standard deviation.
const TARGET_RATIO: f64 = 65536.0;

impl Standard {
    /// Nothing is done to a column.
    pub const PLAIN: Standard = Standard::new(0.0, 1.0);

    /// Without an offset.
    #[must_use]
    pub const fn new(mean: f64, sd: f64) -> Standard {
        Standard {
            mean,
            sd,
            offset: 0.0,
        }
    }

    /// Of the values of an input.
    #[must_use]
    pub fn of(values: impl Iterator<Item = f64> + Clone) -> Standard {
        Standard::with_offset_from(values, INPUT_RATIO)
    }

    /// Of the values of a target.
    #[must_use]
    pub fn of_target(values: impl Iterator<Item = f64> + Clone) -> Standard {
        Standard::with_offset_from(values, TARGET_RATIO)
    }

    /// Of a mean and a deviation that another program has measured, with an offset where one of its
    /// own rows would have got one.
    #[must_use]
    pub fn of_moments(mean: f64, sd: f64, is_target: bool) -> Standard {
        let ratio = if is_target { TARGET_RATIO } else { INPUT_RATIO };
        let offset = match mean.abs() > ratio * sd {
            true => round_offset(mean, sd),
            false => 0.0,
        };

        Standard { mean, sd, offset }
    }

    fn with_offset_from(values: impl Iterator<Item = f64> + Clone, ratio: f64) -> Standard {
        let Some(first) = values.clone().next() else {
            return Standard::PLAIN;
        };
        if values.clone().all(|x| x == first) {
            return Standard::new(first, 1.0);
        }

        // Differences from the first value are exact where the spread is small beside the values.
        let n = values.clone().count() as f64;
        let shift = values.clone().map(|x| x - first).sum::<f64>() / n;
        let squares = values
            .clone()
            .map(|x| (x - first - shift).powi(2))
            .sum::<f64>();
        let (mean, sd) = (first + shift, (squares / n).sqrt());

        let largest = values.fold(0.0f64, |a, x| a.max(x.abs()));
        let offset = if largest > ratio * sd {
            round_offset(mean, sd)
        } else {
            0.0
        };

        Standard { mean, sd, offset }
    }

    /// Whether single precision holds it.
    ///
    /// # Errors
    /// If not; `name` is the column, `remedy` what else can be done about it.
    pub fn check(&self, name: &str, largest: f64, remedy: &str) -> Result<()> {
        ensure!(
            largest <= LARGEST,
            "column '{name}' holds a number of the size {largest:e}; models compute in single precision, which ends at about 3e38: give the \
             column in a larger unit{remedy}"
        );

        ensure!(
            self.sd > 0.0,
            "column '{name}' varies, but by so little that its spread is 0 in double precision; give the column in a smaller \
             unit{remedy}"
        );

        ensure!(
            self.sd >= SMALLEST_SD,
            "column '{name}' spreads by {:e} only; models compute in single precision, which ends at about 1e-38: give \
             the column in a smaller unit{remedy}",
            self.sd
        );

        Ok(())
    }

    /// Whether it can be a scale of a model: what single precision makes of it is finite and
    /// positive.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let ([mean, factor], [sd, out]) = (self.input_pair(), self.output_pair());
        let finite =
            self.offset.is_finite() && [mean, factor, sd, out].iter().all(|x| x.is_finite());
        finite && self.mean.is_finite() && factor > 0.0 && sd > 0.0
    }

    /// Mean and factor of a reading less the offset, in single precision.
    #[must_use]
    pub fn input_pair(&self) -> [f32; 2] {
        [(self.mean - self.offset) as f32, (1.0 / self.sd) as f32]
    }

    /// Standard deviation and mean of a value less the offset, in single precision.
    #[must_use]
    pub fn output_pair(&self) -> [f32; 2] {
        [self.sd as f32, (self.mean - self.offset) as f32]
    }

    /// A reading as a device takes it.
    #[must_use]
    pub fn reading(&self, x: f64) -> f32 {
        (x - self.offset) as f32
    }

    /// A reading as the network takes it, to the bit of the device.
    #[must_use]
    pub fn input(&self, x: f64) -> f32 {
        let [mean, factor] = self.input_pair();
        (self.reading(x) - mean) * factor
    }

    /// Standardised, in double precision.
    #[must_use]
    pub fn apply(&self, x: f64) -> f64 {
        (x - self.mean) / self.sd
    }

    /// And back.
    #[must_use]
    pub fn undo(&self, y: f64) -> f64 {
        y * self.sd + self.mean
    }
}

/// The roundest number near `mean`, by preference one that single precision holds.
fn round_offset(mean: f64, sd: f64) -> f64 {
    let digits = 0..17usize;

    let rounded = || {
        digits
            .clone()
            .filter_map(|n| format!("{mean:.n$e}").parse::<f64>().ok())
    };

    let near = |offset: &f64| (mean - offset).abs() <= 64.0 * sd;
    let single = |x: f64| f64::from(x as f32);
    let best = rounded().find(|x| near(x) && single(*x) == *x);

    best.or(Some(single(mean)).filter(near))
        .or_else(|| rounded().find(near))
        .unwrap_or(mean)
}
