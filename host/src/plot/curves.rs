//! Curves with bands: a mean over seeds and its 95 % interval.

use super::axes::{Axes, range_of};
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

/// Curves over one pair of axes, each with its band.
#[must_use]
pub fn curves(title: &str, x_label: &str, y_label: &str, bands: &[Band]) -> Drawing {
    // DejaVu's letters are at most two thirds as wide as high.
    let longest = bands.iter().map(|b| b.name.chars().count()).max().unwrap_or(0) as f64;
    let mut drawing = Drawing::new(650.0 + 7.5 * longest.max(6.0), 400.0);
    drawing.text(330.0, 22.0, 13.0, Anchor::Middle, title);
    let x = range_of(bands.iter().flat_map(|b| b.x.iter().copied()));
    let y = range_of(bands.iter().flat_map(|b| {
        let edges = b.mean.iter().zip(&b.half_width).flat_map(|(m, h)| [*m, m - h, m + h]);
        edges.filter(|v| v.is_finite())
    }));
    let axes = Axes::draw(&mut drawing, (70.0, 40.0, 600.0, 345.0), (x, Some(x_label)), (y, y_label));
    for (i, band) in bands.iter().enumerate() {
        let colour = colour::group(i);
        let edge = |sign: f64| -> Vec<(f64, f64)> {
            let points = band.x.iter().zip(&band.mean).zip(&band.half_width);
            let at = |((&x, &m), &h): ((&f64, &f64), &f64)| axes.at(x, m + sign * if h.is_finite() { h } else { 0.0 });
            points.map(at).collect()
        };
        let mut outline = edge(-1.0);
        outline.extend(edge(1.0).into_iter().rev());
        drawing.area(&outline, colour, 0.2);
        drawing.polyline(&edge(0.0), colour, 1.8);
        let at = 60.0 + 20.0 * i as f64;
        drawing.line((612.0, at), (632.0, at), colour, 3.0);
        drawing.text(638.0, at + 4.0, 11.0, Anchor::Start, &band.name);
    }
    drawing
}
