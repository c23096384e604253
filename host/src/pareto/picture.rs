//! Errors against what they cost, one curve for each kind of activations.

use super::error::ErrorUnit;
use super::sweep::{Size, SizedArm, Sizes};
use crate::model::names::{is_learning, start_of};
use crate::report::plot::{Band, Drawing, Labels, Spread, marked_curves};
use crate::report::stats::Summary;

/// What errors are drawn against.
#[derive(Clone, Copy)]
pub(super) struct Price {
    /// For the axis.
    pub label: &'static str,
    /// Of a size.
    pub of: fn(&Size) -> f64,
}

/// Bytes of flash.
pub(super) const FLASH: Price = Price {
    label: "bytes of flash (weights and tables, f32)",
    of: |size| size.flash as f64,
};

/// Instructions of an answer.
pub(super) const INSTRUCTIONS: Price = Price {
    label: "instructions an answer on a Cortex-M4F (estimated)",
    of: |size| size.instructions,
};

/// Test errors against a price, with the front of held-out errors marked: `on_front` has a flag for
/// each candidate.
pub(super) fn draw(
    title: &str,
    unit: &ErrorUnit,
    price: Price,
    all: &[(&SizedArm, bool)],
) -> Drawing {
    let mut bands: Vec<Band> = vec![];
    let mut rings = vec![];

    for &(candidate, on_front) in all {
        let Some(sizes) = &candidate.sizes else {
            continue;
        };

        let name = short_name(candidate.name());
        let place = bands.iter().position(|band| band.name == name);
        let place = place.unwrap_or_else(|| {
            bands.push(Band::line(name, vec![], vec![]));
            bands.len() - 1
        });

        let (x, test) = ((price.of)(&sizes.f32), of_networks(sizes));
        let band = &mut bands[place];
        band.x.push(x);
        band.mean.push(test.mean);
        band.half_width.push(test.half_width);

        if on_front {
            rings.push((x, test.mean));
        }
    }

    let labels = Labels {
        title,
        x: price.label,
        y: unit.label(),
    };
    let mark = (&rings[..], "on the front");
    marked_curves(labels, (Spread::Log, Spread::Log), &bands, mark)
}

/// The test errors of a candidate's networks.
pub(super) fn of_networks(sizes: &Sizes) -> Summary {
    Summary::of(&sizes.test)
}

/// As a legend and a table have it.
pub(super) fn short_name(activation: &str) -> String {
    match is_learning(activation) {
        true => format!("learned ({})", start_of(activation)),
        false => activation.into(),
    }
}
