//! How the entries of a compact table lie, and where its knots are.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

/// How a compact table stores its cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Value and slope at every knot: a cubic per cell.
    Hermite,
    /// The value at every knot: one line per cell.
    Linear,
    /// Intercept and slope of every cell: the same lines in fewer instructions and twice the
    /// memory.
    Pairs,
}

impl Form {
    /// Number of entries with so many knots.
    #[must_use]
    pub const fn entries(self, knots: u32) -> usize {
        match self {
            Form::Hermite => (knots as usize).saturating_mul(2),
            Form::Linear => knots as usize,
            Form::Pairs => (knots.saturating_sub(1) as usize).saturating_mul(2),
        }
    }
}

/// Whether a table holds all of its function or the right half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symmetry {
    /// All of it.
    None,
    /// `f(-z) = -f(z)`; the knots begin at 0.
    Odd,
    /// `f(-z) = f(z)`; the knots begin at 0.
    Even,
}

/// Where the knots lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Knots {
    /// The first one.
    pub low: f32,
    /// The last one.
    pub high: f32,
    /// How many, at least 2.
    pub count: u32,
}

/// The largest number of knots: positions are exact to a 128th of a cell and better.
pub const MAX_KNOTS: u32 = 1 << 16;

impl Knots {
    /// Whether they make a table: 2 to [`MAX_KNOTS`], `low < high`, and width, inverse spacing and
    /// offset finite.
    #[must_use]
    pub const fn is_valid(&self) -> bool {
        let (per, offset, width) = (self.per_spacing(), self.offset(), self.high - self.low);
        let finite = per.is_finite() && offset.is_finite() && width.is_finite();
        self.count >= 2 && self.count <= MAX_KNOTS && width > 0.0 && finite
    }

    /// Knot `i`.
    #[must_use]
    pub const fn at(&self, i: u32) -> f32 {
        let part = i as f64 / self.cells() as f64;
        (self.low as f64 * (1.0 - part) + self.high as f64 * part) as f32
    }

    /// Number of cells between them.
    #[must_use]
    pub const fn cells(&self) -> u32 {
        self.count.saturating_sub(1)
    }

    /// Distance of two of them.
    #[must_use]
    pub const fn spacing(&self) -> f64 {
        (self.high as f64 - self.low as f64) / self.cells() as f64
    }

    /// The factor from pre-activations to positions.
    #[must_use]
    pub const fn per_spacing(&self) -> f32 {
        (1.0 / self.spacing()) as f32
    }

    /// The position of the pre-activation 0.
    #[must_use]
    pub const fn offset(&self) -> f32 {
        (-(self.low as f64) / self.spacing()) as f32
    }
}
