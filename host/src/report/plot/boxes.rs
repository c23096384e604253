//! Box and whiskers of several groups at several places (paper, Fig. 4).

use super::axes::{Axes, PlotAxis, range_of};
use super::colour;
use super::svg::{Anchor, Drawing};
use super::violin::NamedSample;
use crate::report::stats::quantile;

/// At each place (a network size, say) a box per group: quartiles and median; whiskers to the last
/// value within one and a half box lengths (Tukey); circles for the values beyond.
#[must_use]
pub fn boxes(
    title: &str,
    x_label: &str,
    y_label: &str,
    places: &[(String, Vec<NamedSample>)],
) -> Drawing {
    let groups = places.iter().map(|(_, g)| g.len()).max().unwrap_or(0);
    let names: Vec<&str> = places
        .first()
        .map_or(vec![], |(_, g)| g.iter().map(|g| g.name.as_str()).collect());
    let slot = 16.0 * groups as f64 + 16.0;
    let right = 70.0 + slot * places.len() as f64;
    let longest = names.iter().map(|n| n.chars().count()).max().unwrap_or(0) as f64;
    let mut drawing = Drawing::new(right + 50.0 + 7.5 * longest.max(6.0), 400.0);

    drawing.text(right / 2.0 + 35.0, 22.0, 13.0, Anchor::Middle, title);

    let values = places
        .iter()
        .flat_map(|(_, g)| g.iter().flat_map(|g| g.values.iter().copied()));
    let y = PlotAxis::linear(range_of(values), y_label);

    let axes = Axes::draw(
        &mut drawing,
        (70.0, 40.0, right, 345.0),
        PlotAxis::bare((0.0, places.len() as f64)),
        y,
    );

    for (p, (place, groups)) in places.iter().enumerate() {
        let left = axes.x(p as f64);
        drawing.text(left + slot / 2.0, 361.0, 10.0, Anchor::Middle, place);

        for (g, group) in groups.iter().enumerate() {
            draw_box(
                &mut drawing,
                &axes,
                left + 16.0 + 16.0 * g as f64,
                &group.values,
                colour::group(g),
            );
        }
    }

    drawing.text(right / 2.0 + 35.0, 382.0, 12.0, Anchor::Middle, x_label);

    for (g, name) in names.iter().enumerate() {
        let at = 60.0 + 20.0 * g as f64;
        drawing.rect(right + 12.0, at - 5.0, 16.0, 10.0, colour::group(g));
        drawing.text(right + 34.0, at + 4.0, 11.0, Anchor::Start, name);
    }

    drawing
}

fn draw_box(drawing: &mut Drawing, axes: &Axes, at: f64, values: &[f64], colour: &str) {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);

    let [q1, q2, q3] = [0.25, 0.5, 0.75].map(|q| quantile(&sorted, q));
    let reach = 1.5 * (q3 - q1);

    let inside = || {
        sorted
            .iter()
            .copied()
            .filter(|v| (q1 - reach..=q3 + reach).contains(v))
    };

    let (Some(low), Some(high)) = (inside().next(), inside().next_back()) else {
        return;
    };
    drawing.line((at, axes.y(low)), (at, axes.y(q1)), colour, 1.2);
    drawing.line((at, axes.y(q3)), (at, axes.y(high)), colour, 1.2);

    for end in [low, high] {
        drawing.line(
            (at - 3.0, axes.y(end)),
            (at + 3.0, axes.y(end)),
            colour,
            1.2,
        );
    }

    drawing.rect(
        at - 5.5,
        axes.y(q3),
        11.0,
        (axes.y(q1) - axes.y(q3)).max(1.0),
        colour,
    );

    drawing.line((at - 5.5, axes.y(q2)), (at + 5.5, axes.y(q2)), "white", 1.6);

    for v in sorted
        .iter()
        .copied()
        .filter(|v| !(q1 - reach..=q3 + reach).contains(v))
    {
        drawing.ring(at, axes.y(v), 2.2, colour);
    }
}
