//! How many instructions an answer takes on a Cortex-M4F, without building anything: what the code of
//! an export does is counted, and each kind of work has a price.
//!
//! The prices are fitted to executed instructions of exported networks, counted in QEMU
//! (`tests/firmware.sh answers`, `tests/golden/answer-costs.txt`): least squares of the relative
//! errors. `tests/tests/costs.rs` makes the fit again, compares it with the prices here, and states
//! the errors, also on networks that are not fitted. `docs/devices.md` has the figures.

use super::deployed::{Deployed, OutputFile, ShapeFile, WeightFile};
use super::table::TableFile;
use anyhow::{Context, Result};

/// Neurons that the kernel computes at a time.
const NEURONS: usize = 5;
/// Inputs that it takes at a time.
const INPUTS: usize = 8;

/// Instructions of each kind of work with weights of single precision. Kinds go together, so a price
/// can be negative: it is what remains beside the others.
const FLOAT_PRICES: [f64; 14] = [
    1.19,   // the call
    234.91, // once, if five hidden neurons are computed at a time anywhere
    -1.71,  // an input
    102.92, // eight inputs of five hidden neurons
    14.43,  // an input of five hidden neurons, beyond those
    185.6,  // five hidden neurons, with their activations
    9.43,   // an input of a hidden neuron beyond those
    7.05,   // a hidden neuron beyond those
    -14.86, // an activation that is computed
    0.3,    // an instruction of a look-up, as it takes them by itself
    88.53,  // a type of activations
    2.96,   // a product of the outputs
    -47.14, // an output that is a value
    49.41,  // an output that is a class
];

/// The same with integers of 8 bits.
const INTEGER_PRICES: [f64; 6] = [
    1396.9, // the call, with the checks of the network
    24.65,  // an input
    3.33,   // a product
    55.87,  // a hidden neuron
    -47.35, // an output that is a value
    284.01, // an output that is a class
];

/// Instructions of one look-up by itself: `docs/devices.md`, "One look-up", the generic build.
const CUBIC: f64 = 33.0;
const LINEAR: f64 = 18.8;
const PAIRS: f64 = 12.8;
const I16: f64 = 31.0;
const I8: f64 = 13.2;
/// What a table of half a function, or one beside a base function, takes more.
const FOLDED: f64 = 10.0;

/// What the code of an export does for one answer, kind by kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Work {
    counts: Vec<f64>,
    prices: &'static [f64],
}

impl Work {
    /// Of an export of a network.
    ///
    /// # Errors
    /// If it holds activations alone, or its parts do not fit.
    pub fn of(model: &Deployed) -> Result<Work> {
        let shape = model.shape.as_ref().context("it has no network")?;
        let outputs = *shape.widths.last().context("it has no outputs")? as f64;
        let (values, classes) = match model.outputs {
            OutputFile::Classes => (0.0, outputs),
            OutputFile::Plain | OutputFile::Values { .. } => (outputs, 0.0),
        };

        let (layers, prices): (Vec<f64>, &[f64]) = match model.weights {
            WeightFile::Integers(_) => (of_integers(shape), &INTEGER_PRICES),
            _ => (of_floats(model)?, &FLOAT_PRICES),
        };

        let inputs = shape.widths[0] as f64;
        let start = match model.weights {
            WeightFile::Integers(_) => vec![1.0, inputs],
            _ => vec![1.0, f64::from(u8::from(has_fives(shape))), inputs],
        };

        Ok(Work {
            counts: [&start[..], &layers, &[values, classes]].concat(),
            prices,
        })
    }

    /// How much there is of each kind.
    #[must_use]
    pub fn counts(&self) -> &[f64] {
        &self.counts
    }

    /// The instructions of each kind.
    #[must_use]
    pub const fn prices(&self) -> &'static [f64] {
        self.prices
    }

    /// Instructions in all: of one answer from raw inputs, by the Rust of an export in the default
    /// build for `thumbv7em-none-eabihf`.
    #[must_use]
    pub fn instructions(&self) -> f64 {
        let each = self.counts.iter().zip(self.prices);
        each.map(|(count, price)| count * price)
            .sum::<f64>()
            .max(0.0)
    }
}

/// Whether five hidden neurons are computed at a time anywhere; a smaller network is code without
/// loops.
fn has_fives(shape: &ShapeFile) -> bool {
    let hidden = shape.widths.iter().skip(1).take(shape.layers.len());
    hidden.into_iter().any(|&width| width >= NEURONS)
}

/// Products, sums and activations with weights of single precision.
fn of_floats(model: &Deployed) -> Result<Vec<f64>> {
    let file = model.shape.as_ref().context("it has no network")?;
    let shape = file.shape()?;
    let [mut eights, mut rest, mut blocks, mut single, mut beyond] = [0; 5];

    for pair in file.widths.windows(2).take(file.layers.len()) {
        let (inputs, neurons) = (pair[0], pair[1]);
        let (fives, others) = (neurons / NEURONS, neurons % NEURONS);
        eights += fives * (inputs / INPUTS);
        rest += fives * (inputs % INPUTS);
        blocks += fives;
        single += others * inputs;
        beyond += others;
    }

    let (mut computed, mut look_ups, mut types) = (0.0, 0.0, 0.0);

    for (l, &(first, count)) in file.layers.iter().enumerate() {
        for i in 0..count {
            let (start, end) = shape.block(l, i);
            let neurons = (end - start) as f64;
            let table = model
                .activations
                .get(first + i)
                .context("a type is missing")?;

            types += 1.0;
            match look_up(table) {
                None => computed += neurons,
                Some(instructions) => look_ups += neurons * instructions,
            }
        }
    }

    let last = file
        .widths
        .windows(2)
        .last()
        .map_or(0, |pair| pair[0] * pair[1]);
    let layers = [eights, rest, blocks, single, beyond].map(|count| count as f64);
    Ok([&layers[..], &[computed, look_ups, types, last as f64]].concat())
}

/// Products and hidden neurons of a network of integers, whose activations are all tables of one kind.
fn of_integers(file: &ShapeFile) -> Vec<f64> {
    let pairs = file.widths.windows(2);
    let products: usize = pairs.map(|pair| pair[0] * pair[1]).sum();
    let hidden = file.widths.iter().skip(1).take(file.layers.len());
    let neurons: usize = hidden.sum();

    vec![products as f64, neurons as f64]
}

/// Instructions of a look-up by itself; none for what is computed.
fn look_up(table: &TableFile) -> Option<f64> {
    match table {
        TableFile::Base { .. } => None,
        TableFile::Compact {
            form,
            symmetry,
            base,
            ..
        } => {
            let plain = match form.as_str() {
                "pairs" => PAIRS,
                "linear" => LINEAR,
                _ => CUBIC,
            };
            let is_whole = symmetry == "none" && base == "zero";
            Some(if is_whole { plain } else { plain + FOLDED })
        }
        TableFile::Integer { .. } => Some(I16),
        TableFile::Direct { .. } => Some(I8),
    }
}
