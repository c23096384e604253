//! Violins: the density of a sample, with a box of its quartiles and its median.

use super::axes::{Axes, PlotAxis, range_of};
use super::colour;
use super::svg::{Anchor, Drawing};
use crate::report::stats::{quantile, variance};

/// A named sample.
#[derive(Clone, Debug)]
pub struct NamedSample {
    /// What stands below the violin.
    pub name: String,
    /// The sample.
    pub values: Vec<f64>,
}

const STEPS: usize = 80;

/// One violin per group, cut at the sample's extremes.
#[must_use]
pub fn violins(title: &str, y_label: &str, groups: &[NamedSample]) -> Drawing {
    let colours: Vec<usize> = (0..groups.len()).collect();
    draw(title, y_label, groups, &colours).0
}

/// The same where groups that stand beside each other are of one kind. `kinds`: the name of each
/// kind and how many groups it has; its violins have one colour, and its name stands above them.
#[must_use]
pub fn grouped_violins(
    title: &str,
    y_label: &str,
    groups: &[NamedSample],
    kinds: &[(&str, usize)],
) -> Drawing {
    let colours = kinds.iter().enumerate();
    let colours: Vec<usize> = colours
        .flat_map(|(kind, &(_, count))| std::iter::repeat_n(kind, count))
        .collect();
    let (mut drawing, axes) = draw(title, y_label, groups, &colours);
    let mut first = 0;

    for &(name, count) in kinds {
        let middle = first as f64 + count as f64 / 2.0;
        drawing.text(axes.x(middle), TOP - 6.0, 12.0, Anchor::Middle, name);
        first += count;

        if first < groups.len() && count > 0 {
            let x = axes.x(first as f64);
            drawing.line((x, TOP), (x, BOTTOM), "#bbb", 1.0);
        }
    }

    drawing
}

/// Where the frame begins and ends.
const TOP: f64 = 40.0;
const BOTTOM: f64 = 350.0;

/// The violins, each in the colour of its number, and the axes that they stand in.
fn draw(title: &str, y_label: &str, groups: &[NamedSample], colours: &[usize]) -> (Drawing, Axes) {
    let width = 110.0 + 78.0 * groups.len() as f64;
    let has_starts = groups.iter().any(|g| g.name.contains(':'));
    let below = if has_starts { 398.0 } else { 384.0 };
    let mut drawing = Drawing::new(width, below + 16.0);
    let y = range_of(groups.iter().flat_map(|g| g.values.iter().copied()));
    let frame = (70.0, TOP, width - 20.0, BOTTOM);

    let axes = Axes::draw(
        &mut drawing,
        frame,
        PlotAxis::bare((0.0, groups.len() as f64)),
        PlotAxis::linear(y, y_label),
    );

    drawing.text(width / 2.0, 22.0, 13.0, Anchor::Middle, title);

    for (i, group) in groups.iter().enumerate() {
        let mut sorted: Vec<f64> = group
            .values
            .iter()
            .copied()
            .filter(|v| v.is_finite())
            .collect();

        sorted.sort_by(f64::total_cmp);

        let centre = i as f64 + 0.5;
        let at = axes.x(centre);
        // The name of a start would reach into its neighbour's.
        let (first, second) = match group.name.split_once(':') {
            Some((first, second)) => (format!("{first}:"), second),
            None => (group.name.clone(), ""),
        };
        drawing.text(at, 368.0, 11.0, Anchor::Middle, &first);
        if !second.is_empty() {
            drawing.text(at, 382.0, 11.0, Anchor::Middle, second);
        }

        drawing.text(
            at,
            below,
            9.0,
            Anchor::Middle,
            &format!("n = {}", sorted.len()),
        );

        let colour = colours.get(i).copied().unwrap_or(i);
        violin(&mut drawing, &axes, centre, &sorted, colour::group(colour));
    }

    (drawing, axes)
}

fn violin(drawing: &mut Drawing, axes: &Axes, centre: f64, sorted: &[f64], colour: &str) {
    let (Some(&low), Some(&high)) = (sorted.first(), sorted.last()) else {
        return;
    };
    if high > low {
        let density = density(sorted, low, high);
        let peak = density.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        let value = |i: usize| low + (high - low) * i as f64 / STEPS as f64;

        let side = |sign: f64| {
            let half = density.iter().map(move |d| sign * 0.4 * d / peak);
            half.enumerate()
                .map(|(i, w)| axes.at(centre + w, value(i)))
                .collect::<Vec<_>>()
        };

        let mut outline = side(-1.0);
        outline.extend(side(1.0).into_iter().rev());
        drawing.area(&outline, colour, 0.45);
        outline.extend(outline.first().copied());
        drawing.polyline(&outline, colour, 1.2);
    }

    let at = axes.x(centre);

    let (q1, q2, q3) = (
        quantile(sorted, 0.25),
        quantile(sorted, 0.5),
        quantile(sorted, 0.75),
    );

    drawing.line((at, axes.y(low)), (at, axes.y(high)), "#222", 1.0);
    drawing.line((at, axes.y(q1)), (at, axes.y(q3)), "#222", 6.0);
    drawing.dot(at, axes.y(q2), 2.6, "white");
}

/// A Gaussian kernel density at equal steps from `low` to `high`, with Silverman's bandwidth.
fn density(sorted: &[f64], low: f64, high: f64) -> Vec<f64> {
    let bandwidth = silverman(sorted);

    (0..=STEPS)
        .map(|i| low + (high - low) * i as f64 / STEPS as f64)
        .map(|at| {
            sorted
                .iter()
                .map(|v| (-0.5 * ((at - v) / bandwidth).powi(2)).exp())
                .sum()
        })
        .collect()
}

/// Silverman's bandwidth for a sample: `0.9 min(sd, IQR / 1.34) n^(-1/5)`.
pub(super) fn silverman(sample: &[f64]) -> f64 {
    let mut sorted = sample.to_vec();
    sorted.sort_by(f64::total_cmp);

    let spread = quantile(&sorted, 0.75) - quantile(&sorted, 0.25);
    let sd = variance(&sorted).sqrt();

    let scale = if spread > 0.0 {
        sd.min(spread / 1.34)
    } else {
        sd
    };

    0.9 * scale * (sorted.len() as f64).powf(-0.2)
}
