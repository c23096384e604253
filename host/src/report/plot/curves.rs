//! Curves with bands: a mean over seeds and its 95 % interval.

use super::axes::{Axes, PlotAxis, log_range_of, range_of};
use super::colour;
use super::svg::{Anchor, Drawing};

/// A named curve with an interval at each point.
#[derive(Clone, Debug)]
pub struct Band {
    /// Its name.
    pub name: String,
    /// Where.
    pub x: Vec<f64>,
    /// The mean.
    pub mean: Vec<f64>,
    /// Half the width of the interval; not drawn where it is not finite.
    pub half_width: Vec<f64>,
}

impl Band {
    /// A curve without a band.
    #[must_use]
    pub fn line(name: impl Into<String>, x: Vec<f64>, y: Vec<f64>) -> Band {
        Band {
            name: name.into(),
            half_width: vec![0.0; x.len()],
            x,
            mean: y,
        }
    }
}

/// How values are spread along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// Equal steps.
    Linear,
    /// Equal factors; values that are not positive are left out.
    Log,
    /// Equal factors on both sides of 0, equal steps within a thousandth of it.
    Asinh,
}

/// What stands around curves.
#[derive(Clone, Copy, Debug)]
pub struct Labels<'a> {
    /// Above.
    pub title: &'a str,
    /// Below, with the unit.
    pub x: &'a str,
    /// At the left, with the unit.
    pub y: &'a str,
}

/// Curves over one pair of linear axes, each with its band.
#[must_use]
pub fn curves(title: &str, x: &str, y: &str, bands: &[Band]) -> Drawing {
    scaled_curves(
        Labels { title, x, y },
        (Spread::Linear, Spread::Linear),
        bands,
    )
}

/// Curves over one pair of axes, spread as asked; each with its band.
#[must_use]
pub fn scaled_curves(labels: Labels, spreads: (Spread, Spread), bands: &[Band]) -> Drawing {
    drawn(labels, spreads, bands).0
}

/// The same with a dot at every point, and rings at some places; `mark` says what a ring means.
#[must_use]
pub fn marked_curves(
    labels: Labels,
    spreads: (Spread, Spread),
    bands: &[Band],
    (places, mark): (&[(f64, f64)], &str),
) -> Drawing {
    let (mut drawing, axes) = drawn(labels, spreads, bands);
    let is_shown = |(v, spread): (f64, Spread)| v.is_finite() && (spread != Spread::Log || v > 0.0);
    let shown = |x: f64, y: f64| is_shown((x, spreads.0)) && is_shown((y, spreads.1));

    for (i, band) in bands.iter().enumerate() {
        for (&x, &y) in band
            .x
            .iter()
            .zip(&band.mean)
            .filter(|(x, y)| shown(**x, **y))
        {
            let at = axes.at(x, y);
            drawing.dot(at.0, at.1, 3.0, colour::group(i));
        }
    }

    for &(x, y) in places.iter().filter(|(x, y)| shown(*x, *y)) {
        let at = axes.at(x, y);
        drawing.ring(at.0, at.1, 6.5, "#222222");
    }

    let at = 60.0 + 20.0 * bands.len() as f64;
    drawing.ring(622.0, at, 6.5, "#222222");
    drawing.text(638.0, at + 4.0, 11.0, Anchor::Start, mark);
    drawing
}

/// The drawing, and its axes.
fn drawn(
    labels: Labels,
    (x_spread, y_spread): (Spread, Spread),
    bands: &[Band],
) -> (Drawing, Axes) {
    // DejaVu's letters are at most two thirds as wide as high.
    let longest = bands
        .iter()
        .map(|b| b.name.chars().count())
        .max()
        .unwrap_or(0) as f64;

    let mut drawing = Drawing::new(650.0 + 7.5 * longest.max(6.0), 400.0);
    drawing.text(330.0, 22.0, 13.0, Anchor::Middle, labels.title);

    let xs = bands.iter().flat_map(|b| b.x.iter().copied());

    let x = match x_spread {
        Spread::Linear => PlotAxis::linear(range_of(xs), labels.x),
        Spread::Log => PlotAxis::log(log_range_of(xs), labels.x),
        Spread::Asinh => PlotAxis::asinh(range_of(xs), 1e-3, labels.x),
    };

    let edges = |b: &Band| -> Vec<f64> {
        let finite = b
            .mean
            .iter()
            .zip(&b.half_width)
            .map(|(m, h)| (*m, if h.is_finite() { *h } else { 0.0 }));
        finite.flat_map(|(m, h)| [m - h, m, m + h]).collect()
    };

    let y = match y_spread {
        Spread::Linear => PlotAxis::linear(range_of(bands.iter().flat_map(edges)), labels.y),
        Spread::Asinh => PlotAxis::asinh(range_of(bands.iter().flat_map(edges)), 1e-3, labels.y),
        Spread::Log => PlotAxis::log(
            log_range_of(bands.iter().flat_map(|b| b.mean.clone())),
            labels.y,
        ),
    };

    let axes = Axes::draw(&mut drawing, (70.0, 40.0, 600.0, 345.0), x, y);
    let shown = |v: f64, spread: Spread| v.is_finite() && (spread != Spread::Log || v > 0.0);

    for (i, band) in bands.iter().enumerate() {
        let colour = colour::group(i);
        let points: Vec<(f64, f64, f64)> = (0..band.x.len())
            .map(|i| (band.x[i], band.mean[i], band.half_width[i]))
            .collect();
        let points: Vec<_> = points
            .into_iter()
            .filter(|p| shown(p.0, x_spread) && shown(p.1, y_spread))
            .collect();

        let edge = |sign: f64| -> Vec<(f64, f64)> {
            let width = |h: f64| if h.is_finite() { h } else { 0.0 };
            points
                .iter()
                .map(|&(x, m, h)| axes.within(x, m + sign * width(h)))
                .collect()
        };

        let mut outline = edge(-1.0);
        outline.extend(edge(1.0).into_iter().rev());

        if points.iter().any(|p| p.2 > 0.0 && p.2.is_finite()) {
            drawing.area(&outline, colour, 0.2);
        }

        drawing.polyline(&edge(0.0), colour, 1.8);

        let at = 60.0 + 20.0 * i as f64;
        drawing.line((612.0, at), (632.0, at), colour, 3.0);
        drawing.text(638.0, at + 4.0, 11.0, Anchor::Start, &band.name);
    }

    (drawing, axes)
}
