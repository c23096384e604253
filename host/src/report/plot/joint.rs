//! Joint densities of two quantities with their marginals (paper, Fig. 6).

use super::axes::{Axes, PlotAxis, range_of};
use super::colour;
use super::svg::{Anchor, Drawing};
use super::violin::silverman;

/// A named cloud of points.
#[derive(Clone, Debug)]
pub struct Cloud {
    /// Its name.
    pub name: String,
    /// The points.
    pub points: Vec<(f64, f64)>,
}

const GRID: usize = 60;
/// Contours enclose these shares of a cloud's mass.
const SHARES: [f64; 3] = [0.3, 0.6, 0.9];

/// A density on a grid over a rectangle.
struct Field {
    x: (f64, f64),
    y: (f64, f64),
    values: Vec<f64>,
}

/// The clouds' points, contours of their kernel densities, and kernel densities of each quantity
/// beside the axes.
#[must_use]
pub fn joint(title: &str, x_label: &str, y_label: &str, clouds: &[Cloud]) -> Drawing {
    let longest = clouds
        .iter()
        .map(|c| c.name.chars().count())
        .max()
        .unwrap_or(0) as f64;

    let mut drawing = Drawing::new(600.0 + 7.5 * longest.max(6.0), 520.0);
    drawing.text(300.0, 20.0, 13.0, Anchor::Middle, title);

    let x = range_of(clouds.iter().flat_map(|c| c.points.iter().map(|p| p.0)));
    let y = range_of(clouds.iter().flat_map(|c| c.points.iter().map(|p| p.1)));

    // Densities reach a little beyond their points.
    let wider = |(low, high): (f64, f64)| (low - 0.08 * (high - low), high + 0.08 * (high - low));
    let (x, y) = (wider(x), wider(y));
    let (left, top, right, bottom) = (70.0, 110.0, 470.0, 470.0);

    let axes = Axes::draw(
        &mut drawing,
        (left, top, right, bottom),
        PlotAxis::linear(x, x_label),
        PlotAxis::linear(y, y_label),
    );

    for (i, cloud) in clouds.iter().enumerate() {
        let colour = colour::group(i);

        for &(px, py) in &cloud.points {
            drawing.dot(axes.x(px), axes.y(py), 1.6, colour);
        }

        if let Some(field) = Field::of(&cloud.points, x, y) {
            for level in field.levels() {
                for (a, b) in field.contour(level) {
                    drawing.line(axes.at(a.0, a.1), axes.at(b.0, b.1), colour, 1.1);
                }
            }
        }

        let at = 130.0 + 20.0 * i as f64;
        drawing.rect(556.0, at - 5.0, 16.0, 10.0, colour);
        drawing.text(578.0, at + 4.0, 11.0, Anchor::Start, &cloud.name);
    }

    let column = |f: fn(&(f64, f64)) -> f64| -> Vec<Vec<f64>> {
        clouds
            .iter()
            .map(|c| c.points.iter().map(f).collect())
            .collect()
    };

    let above = marginals(&column(|p| p.0), x);
    let beside = marginals(&column(|p| p.1), y);
    for (i, (above, beside)) in above.iter().zip(&beside).enumerate() {
        let colour = colour::group(i);
        let mut outline: Vec<_> = above
            .iter()
            .map(|&(v, d)| (axes.x(v), top - 6.0 - 60.0 * d))
            .collect();

        outline.extend([(right, top - 6.0), (left, top - 6.0)]);
        drawing.area(&outline, colour, 0.35);

        let mut outline: Vec<_> = beside
            .iter()
            .map(|&(v, d)| (right + 6.0 + 60.0 * d, axes.y(v)))
            .collect();

        outline.extend([(right + 6.0, top), (right + 6.0, bottom)]);
        drawing.area(&outline, colour, 0.35);
    }

    drawing
}

/// A kernel density of each sample over `range`, all divided by the highest value of all.
fn marginals(samples: &[Vec<f64>], range: (f64, f64)) -> Vec<Vec<(f64, f64)>> {
    let at = |i: usize| range.0 + (range.1 - range.0) * i as f64 / GRID as f64;

    let density = |sample: &Vec<f64>| -> Vec<(f64, f64)> {
        let h = silverman(sample);

        let sum = |v: f64| {
            sample
                .iter()
                .map(|s| (-0.5 * ((v - s) / h).powi(2)).exp())
                .sum::<f64>()
        };

        (0..=GRID)
            .map(|i| {
                (
                    at(i),
                    if h > 0.0 {
                        sum(at(i)) / (h * sample.len() as f64)
                    } else {
                        0.0
                    },
                )
            })
            .collect()
    };

    let mut all: Vec<_> = samples.iter().map(density).collect();
    let peak = all
        .iter()
        .flatten()
        .map(|p| p.1)
        .fold(f64::MIN_POSITIVE, f64::max);

    all.iter_mut().flatten().for_each(|p| p.1 /= peak);
    all
}

impl Field {
    /// A Gaussian kernel density whose kernel has the cloud's covariance, scaled by Scott's rule;
    /// nothing for clouds that are too small or lie on a line.
    fn of(points: &[(f64, f64)], x: (f64, f64), y: (f64, f64)) -> Option<Field> {
        let kernel = Kernel::of(points)?;
        let at = |(low, high): (f64, f64), i: usize| low + (high - low) * i as f64 / GRID as f64;
        let values = (0..(GRID + 1) * (GRID + 1))
            .map(|i| kernel.density(points, at(x, i % (GRID + 1)), at(y, i / (GRID + 1))));

        Some(Field {
            x,
            y,
            values: values.collect(),
        })
    }

    /// The densities whose contours enclose [`SHARES`] of the mass.
    fn levels(&self) -> Vec<f64> {
        let mut sorted = self.values.clone();
        sorted.sort_by(|a, b| b.total_cmp(a));

        let total: f64 = sorted.iter().sum();

        let level = |share: f64| {
            let mut sum = 0.0;
            sorted.iter().copied().find(|v| {
                sum += v;
                sum >= share * total
            })
        };

        SHARES.iter().filter_map(|&s| level(s)).collect()
    }

    /// Segments of the line where the density is `level` (marching squares).
    fn contour(&self, level: f64) -> Vec<((f64, f64), (f64, f64))> {
        let at = |i: usize, j: usize| self.values[j * (GRID + 1) + i];
        let place = |i: f64, j: f64| {
            let along = |(low, high): (f64, f64), i: f64| low + (high - low) * i / GRID as f64;
            (along(self.x, i), along(self.y, j))
        };
        let mut segments = Vec::new();

        for j in 0..GRID {
            for i in 0..GRID {
                let corners = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)];
                let mut crossings = Vec::new();

                for e in 0..4 {
                    let ((ai, aj), (bi, bj)) = (corners[e], corners[(e + 1) % 4]);
                    let (a, b) = (at(ai, aj), at(bi, bj));
                    if (a < level) != (b < level) {
                        let t = (level - a) / (b - a);
                        let mid = |a: usize, b: usize| a as f64 + t * (b as f64 - a as f64);
                        crossings.push(place(mid(ai, bi), mid(aj, bj)));
                    }
                }

                segments.extend(crossings.chunks_exact(2).map(|c| (c[0], c[1])));
            }
        }

        segments
    }
}

/// A Gaussian kernel by its inverse covariance.
struct Kernel {
    inverse: [f64; 3],
    scale: f64,
}

impl Kernel {
    fn of(points: &[(f64, f64)]) -> Option<Kernel> {
        let n = points.len() as f64;

        if points.len() < 3 {
            return None;
        }

        let mean = |f: fn(&(f64, f64)) -> f64| points.iter().map(f).sum::<f64>() / n;
        let (mx, my) = (mean(|p| p.0), mean(|p| p.1));
        let sum = |f: &dyn Fn(f64, f64) -> f64| {
            points.iter().map(|p| f(p.0 - mx, p.1 - my)).sum::<f64>() / (n - 1.0)
        };

        // Scott's factor n^(-1/6), squared.
        let factor = n.powf(-1.0 / 3.0);

        let (xx, xy, yy) = (
            factor * sum(&|x, _| x * x),
            factor * sum(&|x, y| x * y),
            factor * sum(&|_, y| y * y),
        );

        let determinant = xx * yy - xy * xy;
        (determinant > 1e-12 * xx * yy && determinant > 0.0).then(|| Kernel {
            inverse: [yy / determinant, -xy / determinant, xx / determinant],
            scale: 1.0 / (n * std::f64::consts::TAU * determinant.sqrt()),
        })
    }

    fn density(&self, points: &[(f64, f64)], x: f64, y: f64) -> f64 {
        let [a, b, c] = self.inverse;
        let one = |p: &(f64, f64)| {
            let (dx, dy) = (x - p.0, y - p.1);
            (-0.5 * (a * dx * dx + 2.0 * b * dx * dy + c * dy * dy)).exp()
        };
        self.scale * points.iter().map(one).sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    const POINTS: [(f64, f64); 6] = [
        (0.2, 1.0),
        (0.5, -0.5),
        (0.9, 0.3),
        (1.4, 0.8),
        (2.0, 1.7),
        (0.1, 0.0),
    ];

    #[test]
    fn the_kernel_density_is_that_of_scipy() {
        // scipy.stats.gaussian_kde of the same points at (0.5, 0.5)
        let density = Kernel::of(&POINTS).unwrap().density(&POINTS, 0.5, 0.5);
        assert_abs_diff_eq!(density, 0.177_968_75, epsilon = 1e-7);
        assert!(
            Kernel::of(&[(0.0, 0.0), (1.0, 1.0), (2.0, 2.0)]).is_none(),
            "a line has no density"
        );
    }

    #[test]
    fn contours_enclose_the_share_of_the_mass_that_they_stand_for() {
        let field = Field::of(&POINTS, (-3.0, 5.0), (-3.0, 4.0)).unwrap();
        let total: f64 = field.values.iter().sum();

        for (level, share) in field.levels().into_iter().zip(SHARES) {
            let inside: f64 = field.values.iter().filter(|v| **v >= level).sum();
            assert_abs_diff_eq!(inside / total, share, epsilon = 0.02);
            assert!(!field.contour(level).is_empty());
        }
    }
}
