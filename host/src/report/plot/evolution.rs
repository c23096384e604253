//! How activations changed while they were learned: one panel per type, time as colour (paper, Fig.
//! 3a-b).

use super::axes::{Axes, PlotAxis, range_of};
use super::colour::rainbow;
use super::svg::{Anchor, Drawing};
use serde::{Deserialize, Serialize};

/// The activations at one time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Outer steps done.
    pub step: usize,
    /// Samples of each type, at the same inputs.
    pub samples: Vec<Vec<f64>>,
}

const PANEL: f64 = 300.0;

/// One panel per type, its curves from violet (first) to red (last); `z` are the inputs that the
/// samples are taken at.
#[must_use]
pub fn evolution(title: &str, z: &[f64], snapshots: &[Snapshot]) -> Drawing {
    let types = snapshots.first().map_or(0, |s| s.samples.len());
    let width = 40.0 + (PANEL + 30.0) * types as f64 + 90.0;
    let mut drawing = Drawing::new(width, 380.0);
    drawing.text(width / 2.0, 22.0, 13.0, Anchor::Middle, title);

    let last = snapshots.last().map_or(1, |s| s.step).max(1);

    let y = range_of(
        snapshots
            .iter()
            .flat_map(|s| s.samples.iter().flatten().copied()),
    );

    let ends = (
        z.first().copied().unwrap_or(0.0),
        z.last().copied().unwrap_or(1.0),
    );

    for t in 0..types {
        let left = 65.0 + (PANEL + 30.0) * t as f64;
        let frame = (left, 55.0, left + PANEL - 20.0, 330.0);
        let x = PlotAxis::linear(ends, "input");
        let name = if t == 0 { "activation" } else { "" };
        let axes = Axes::draw(&mut drawing, frame, x, PlotAxis::linear(y, name));

        drawing.text(
            left + PANEL / 2.0 - 10.0,
            46.0,
            12.0,
            Anchor::Middle,
            &format!("type {}", t + 1),
        );

        for snapshot in snapshots {
            let points: Vec<_> = z
                .iter()
                .zip(&snapshot.samples[t])
                .map(|(&z, &s)| axes.at(z, s))
                .collect();

            let thickness = if snapshot.step == last { 2.4 } else { 1.0 };

            drawing.polyline(
                &points,
                &rainbow(snapshot.step as f64 / last as f64),
                thickness,
            );
        }
    }

    colour_bar(&mut drawing, width - 70.0, last);
    drawing
}

fn colour_bar(drawing: &mut Drawing, left: f64, last: usize) {
    const STEPS: usize = 100;

    let (top, bottom) = (55.0, 330.0);
    let height = (bottom - top) / STEPS as f64;

    for i in 0..STEPS {
        let colour = rainbow((i as f64 + 0.5) / STEPS as f64);
        drawing.rect(
            left,
            bottom - height * (i + 1) as f64,
            14.0,
            height + 0.3,
            &colour,
        );
    }

    for (at, text) in [(bottom, "0".to_string()), (top, last.to_string())] {
        drawing.text(left + 18.0, at + 4.0, 10.0, Anchor::Start, &text);
    }

    drawing.turned_text(
        left + 34.0,
        (top + bottom) / 2.0,
        11.0,
        Anchor::Middle,
        -90.0,
        "outer step",
    );
}
