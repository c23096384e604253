//! Axes: from data to the drawing, with round tick values.

use super::svg::{Anchor, Drawing};

/// A rectangle of a drawing with a data range on each side.
#[derive(Clone, Copy, Debug)]
pub struct Axes {
    /// Left, top, right, bottom in the drawing.
    frame: (f64, f64, f64, f64),
    x: (f64, f64),
    y: (f64, f64),
}

/// The range of some values, widened by a twentieth on each side; (0, 1) if there is no finite one.
#[must_use]
pub fn range_of(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values
        .filter(|v| v.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low > high {
        return (0.0, 1.0);
    }
    let margin = if high > low { (high - low) / 20.0 } else { low.abs().max(1.0) / 20.0 };
    (low - margin, high + margin)
}

/// About `count` round values within a range.
#[must_use]
pub fn ticks((low, high): (f64, f64), count: usize) -> Vec<f64> {
    let raw = (high - low) / count as f64;
    if !raw.is_finite() || raw <= 0.0 {
        return vec![];
    }
    let power = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= raw * 0.999).unwrap_or(raw);
    let first = (low / step).ceil() as i64;
    let last = (high / step).floor() as i64;
    (first..=last).map(|i| i as f64 * step).collect()
}

/// A tick's value with no more digits than it needs.
fn label(value: f64, step: f64) -> String {
    let digits = (-step.log10().floor()).max(0.0) as usize;
    format!("{value:.digits$}").replace('-', "\u{2212}")
}

impl Axes {
    /// Draws frame, ticks and labels. Without an x label the x axis has no ticks (groups stand there).
    #[must_use]
    pub fn draw(
        drawing: &mut Drawing,
        frame: (f64, f64, f64, f64),
        (x, x_label): ((f64, f64), Option<&str>),
        (y, y_label): ((f64, f64), &str),
    ) -> Axes {
        let axes = Axes { frame, x, y };
        let (left, top, right, bottom) = frame;
        let y_ticks = ticks(y, 6);
        for &value in &y_ticks {
            let at = axes.y(value);
            drawing.line((left, at), (right, at), "#e4e4e4", 0.8);
            drawing.text(left - 6.0, at + 3.5, 10.0, Anchor::End, &label(value, step_of(&y_ticks)));
        }
        if let Some(x_label) = x_label {
            let x_ticks = ticks(x, 6);
            for &value in &x_ticks {
                let at = axes.x(value);
                drawing.line((at, bottom), (at, bottom + 4.0), "#444", 0.8);
                drawing.text(at, bottom + 16.0, 10.0, Anchor::Middle, &label(value, step_of(&x_ticks)));
            }
            drawing.text((left + right) / 2.0, bottom + 34.0, 12.0, Anchor::Middle, x_label);
        }
        drawing.turned_text(left - 42.0, (top + bottom) / 2.0, 12.0, Anchor::Middle, -90.0, y_label);
        drawing.line((left, bottom), (right, bottom), "#444", 1.0);
        drawing.line((left, top), (left, bottom), "#444", 1.0);
        axes
    }

    /// The drawing's coordinate of a value on the x axis.
    #[must_use]
    pub fn x(&self, value: f64) -> f64 {
        let (left, _, right, _) = self.frame;
        left + (right - left) * (value - self.x.0) / (self.x.1 - self.x.0)
    }

    /// The drawing's coordinate of a value on the y axis.
    #[must_use]
    pub fn y(&self, value: f64) -> f64 {
        let (_, top, _, bottom) = self.frame;
        bottom - (bottom - top) * (value - self.y.0) / (self.y.1 - self.y.0)
    }

    /// A point.
    #[must_use]
    pub fn at(&self, x: f64, y: f64) -> (f64, f64) {
        (self.x(x), self.y(y))
    }
}

fn step_of(ticks: &[f64]) -> f64 {
    match ticks {
        [a, b, ..] => b - a,
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(ticks((0.0, 10.0), 5), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(ticks((57.3, 66.1), 5).first(), Some(&58.0));
        assert_eq!(ticks((1.0, 1.0), 5), [0.0; 0]);
        assert_eq!(label(0.25, 0.05), "0.25");
    }
}
