//! Axes: from data to the drawing, linear or logarithmic, with round tick values.

use super::svg::{Anchor, Drawing};

/// A rectangle of a drawing with a data range on each side.
#[derive(Clone, Copy, Debug)]
pub struct Axes {
    frame: Frame,
    x: AxisScale,
    y: AxisScale,
}

/// Left, top, right, bottom in the drawing.
pub type Frame = (f64, f64, f64, f64);

/// The values along one side, and how they are spread.
#[derive(Clone, Copy, Debug)]
pub struct AxisScale {
    low: f64,
    high: f64,
    steps: Steps,
}

/// How values are spread along a side.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Steps {
    /// Equal steps.
    Equal,
    /// Equal factors.
    Log,
    /// Equal factors on both sides of 0, and equal steps below this value: `asinh(v / this)`.
    Asinh(f64),
}

/// One side of a pair of axes: its values and what stands beside them. Without a label it has no
/// ticks.
#[derive(Clone, Copy, Debug)]
pub struct PlotAxis<'a> {
    scale: AxisScale,
    label: Option<&'a str>,
}

impl<'a> PlotAxis<'a> {
    /// Equal steps.
    #[must_use]
    pub fn linear((low, high): (f64, f64), label: &'a str) -> PlotAxis<'a> {
        PlotAxis {
            scale: AxisScale {
                low,
                high,
                steps: Steps::Equal,
            },
            label: Some(label),
        }
    }

    /// Equal factors; the range must be positive.
    #[must_use]
    pub fn log((low, high): (f64, f64), label: &'a str) -> PlotAxis<'a> {
        let low = low.max(f64::MIN_POSITIVE);
        PlotAxis {
            scale: AxisScale {
                low,
                high: high.max(low * 1.0001),
                steps: Steps::Log,
            },
            label: Some(label),
        }
    }

    /// Equal factors on both sides of 0, and equal steps where absolute values are below `linear`.
    #[must_use]
    pub fn asinh((low, high): (f64, f64), linear: f64, label: &'a str) -> PlotAxis<'a> {
        PlotAxis {
            scale: AxisScale {
                low,
                high,
                steps: Steps::Asinh(linear),
            },
            label: Some(label),
        }
    }

    /// Equal steps, without ticks: groups stand there.
    #[must_use]
    pub fn bare((low, high): (f64, f64)) -> PlotAxis<'a> {
        PlotAxis {
            scale: AxisScale {
                low,
                high,
                steps: Steps::Equal,
            },
            label: None,
        }
    }
}

impl AxisScale {
    /// 0 at the low end, 1 at the high one.
    fn share(&self, value: f64) -> f64 {
        let between =
            |f: &dyn Fn(f64) -> f64| (f(value) - f(self.low)) / (f(self.high) - f(self.low));

        match self.steps {
            Steps::Equal => between(&|v| v),
            Steps::Log => between(&|v| v.max(f64::MIN_POSITIVE).ln()),
            Steps::Asinh(linear) => between(&|v| (v / linear).asinh()),
        }
    }

    /// Values with their labels.
    fn ticks(&self) -> Vec<(f64, String)> {
        match self.steps {
            Steps::Equal => {
                let values = ticks((self.low, self.high), 6);
                let step = step_of(&values);
                values.into_iter().map(|v| (v, label(v, step))).collect()
            }
            Steps::Log => self.log_ticks(),
            Steps::Asinh(linear) => {
                let first = linear.log10().ceil() as i32 + 1;
                let both = (first..first + 8).flat_map(|p| [(p, 1.0, ""), (p, -1.0, "\u{2212}")]);
                let far = both
                    .map(|(p, sign, minus)| (sign * 10f64.powi(p), format!("{minus}{}", power(p))));
                let inside = |t: &(f64, String)| (self.low..=self.high).contains(&t.0);

                std::iter::once((0.0, "0".into()))
                    .chain(far)
                    .filter(inside)
                    .collect()
            }
        }
    }

    fn log_ticks(&self) -> Vec<(f64, String)> {
        let (low, high) = (self.low.log10(), self.high.log10());
        let decades = high - low;
        if decades < 1.5 {
            // Within a decade or so powers alone would be too few.
            let all = (low.floor() as i32..=high.floor() as i32)
                .flat_map(|p| [1.0, 2.0, 5.0].map(|m| m * 10f64.powi(p)));
            return all
                .filter(|v| (self.low..=self.high).contains(v))
                .map(|v| (v, plain(v)))
                .collect();
        }

        let every = (decades / 7.0).ceil().max(1.0) as i32;
        let powers = low.ceil() as i32..=high.floor() as i32;
        powers
            .filter(|p| p.rem_euclid(every) == 0)
            .map(|p| (10f64.powi(p), power(p)))
            .collect()
    }
}

/// A value as people write it.
fn plain(value: f64) -> String {
    if (1e-3..1e5).contains(&value) {
        format!("{}", (value * 1e6).round() / 1e6)
    } else {
        format!("{value:.0e}")
    }
}

/// `10` with a raised exponent, in the digits that fonts have for it.
fn power(p: i32) -> String {
    let digit = |c: char| match c {
        '-' => '\u{207b}',
        '1' => '\u{b9}',
        '2' => '\u{b2}',
        '3' => '\u{b3}',
        other => char::from_u32(0x2070 + other.to_digit(10).unwrap_or(0)).unwrap_or(other),
    };

    match p {
        0 => "1".into(),
        1 => "10".into(),
        _ => format!("10{}", p.to_string().chars().map(digit).collect::<String>()),
    }
}

/// The range of some values, widened by a twentieth on each side; (0, 1) if there is no finite one.
#[must_use]
pub fn range_of(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = extremes(values);
    if low > high {
        return (0.0, 1.0);
    }

    let margin = if high > low {
        (high - low) / 20.0
    } else {
        low.abs().max(1.0) / 20.0
    };

    (low - margin, high + margin)
}

/// The range of the positive ones of some values, widened by a factor on each side.
#[must_use]
pub fn log_range_of(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = extremes(values.filter(|v| *v > 0.0));
    if low > high {
        return (0.1, 1.0);
    }

    let factor = (high / low).powf(0.05).max(1.05);
    (low / factor, high * factor)
}

fn extremes(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let finite = values.filter(|v| v.is_finite());
    finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
        (low.min(v), high.max(v))
    })
}

/// About `count` round values within a range.
#[must_use]
pub fn ticks((low, high): (f64, f64), count: usize) -> Vec<f64> {
    let raw = (high - low) / count as f64;
    if !raw.is_finite() || raw <= 0.0 {
        return vec![];
    }

    let power = 10f64.powf(raw.log10().floor());

    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|m| m * power)
        .find(|s| *s >= raw * 0.999)
        .unwrap_or(raw);

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
    /// Draws frame, ticks and labels.
    #[must_use]
    pub fn draw(drawing: &mut Drawing, frame: Frame, x: PlotAxis, y: PlotAxis) -> Axes {
        let axes = Axes {
            frame,
            x: x.scale,
            y: y.scale,
        };

        let (left, top, right, bottom) = frame;

        if let Some(y_label) = y.label {
            for (value, text) in y.scale.ticks() {
                let at = axes.y(value);
                drawing.line((left, at), (right, at), "#e4e4e4", 0.8);
                drawing.text(left - 6.0, at + 3.5, 10.0, Anchor::End, &text);
            }

            drawing.turned_text(
                left - 44.0,
                (top + bottom) / 2.0,
                12.0,
                Anchor::Middle,
                -90.0,
                y_label,
            );
        }

        if let Some(x_label) = x.label {
            for (value, text) in x.scale.ticks() {
                let at = axes.x(value);
                drawing.line((at, bottom), (at, bottom + 4.0), "#444", 0.8);
                drawing.text(at, bottom + 16.0, 10.0, Anchor::Middle, &text);
            }

            drawing.text(
                (left + right) / 2.0,
                bottom + 34.0,
                12.0,
                Anchor::Middle,
                x_label,
            );
        }

        drawing.line((left, bottom), (right, bottom), "#444", 1.0);
        drawing.line((left, top), (left, bottom), "#444", 1.0);
        axes
    }

    /// The drawing's coordinate of a value on the x axis.
    #[must_use]
    pub fn x(&self, value: f64) -> f64 {
        let (left, _, right, _) = self.frame;
        left + (right - left) * self.x.share(value)
    }

    /// The drawing's coordinate of a value on the y axis.
    #[must_use]
    pub fn y(&self, value: f64) -> f64 {
        let (_, top, _, bottom) = self.frame;
        bottom - (bottom - top) * self.y.share(value)
    }

    /// A point.
    #[must_use]
    pub fn at(&self, x: f64, y: f64) -> (f64, f64) {
        (self.x(x), self.y(y))
    }

    /// A point, held within the frame: for curves that leave it.
    #[must_use]
    pub fn within(&self, x: f64, y: f64) -> (f64, f64) {
        let (left, top, right, bottom) = self.frame;
        let (x, y) = self.at(x, y);
        (x.clamp(left, right), y.clamp(top, bottom))
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

    #[test]
    fn logarithmic_ticks_are_powers_or_round_values() {
        let texts = |low, high| {
            PlotAxis::log((low, high), "")
                .scale
                .ticks()
                .into_iter()
                .map(|t| t.1)
                .collect::<Vec<_>>()
        };

        assert_eq!(texts(0.5, 2000.0), ["1", "10", "10²", "10³"]);
        assert_eq!(texts(9.0, 60.0), ["10", "20", "50"]);
        assert_eq!(texts(1e-7, 1e-2)[0], "10⁻⁷");

        let both = PlotAxis::asinh((-0.2, 30.0), 1e-3, "").scale;
        let texts: Vec<_> = both.ticks().into_iter().map(|t| t.1).collect();

        assert_eq!(
            texts,
            [
                "0",
                "10⁻²",
                "\u{2212}10⁻²",
                "10⁻¹",
                "\u{2212}10⁻¹",
                "1",
                "10"
            ]
        );

        assert!((both.share(-0.2), both.share(30.0)) == (0.0, 1.0) && both.share(0.0) > 0.2);
    }
}
