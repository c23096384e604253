//! A model as the bytes that `ldnn_core::image` reads; `docs/format.md` is the specification.

use super::deployed::{Deployed, OutputFile, ShapeFile, WeightFile};
use super::table::DeployedActivation;
use anyhow::{Context, Result};
use ldnn_core::Base;
use ldnn_core::image::{HEADER, Image, MAGIC, VERSION, checksum};
use ldnn_core::table::compact::{Form, Symmetry};
use serde::Serialize;

#[derive(Serialize)]
enum ActivationRecord {
    Base(u8),
    Compact {
        form: u8,
        symmetry: u8,
        base: u8,
        low: f32,
        high: f32,
        count: u32,
        entries: Bytes,
    },
    Integer {
        input: (f32, i32),
        output: (f32, i32),
        entries: Bytes,
    },
    Direct {
        input: (f32, i32),
        output: (f32, i32),
        entries: Bytes,
    },
}

/// In postcard a sequence of bytes is what a slice of bytes is: their number, then themselves.
type Bytes = Vec<u8>;

/// The image.
///
/// # Errors
/// If the model is malformed.
pub fn bytes(model: &Deployed) -> Result<Vec<u8>> {
    let mut body = postcard::to_allocvec(&model.provenance)?;
    let mut put = |part: postcard::Result<Vec<u8>>| part.map(|bytes| body.extend(bytes));
    let records = model.owned()?.iter().map(record).collect::<Vec<_>>();
    let scaling = scaling_bytes(model)?;

    match (&model.shape, &model.weights) {
        (Some(shape), WeightFile::Floats { theta }) => {
            put(postcard::to_allocvec(&1u8))?;
            put(shape_bytes(shape))?;
            put(Ok(scaling))?;
            put(postcard::to_allocvec(&records))?;
            put(postcard::to_allocvec(&little(theta, |x| x.to_le_bytes())))?;
        }
        (Some(shape), WeightFile::Integers(file)) => {
            put(postcard::to_allocvec(&2u8))?;
            put(shape_bytes(shape))?;
            put(Ok(scaling))?;
            put(postcard::to_allocvec(&(file.input, file.output)))?;
            put(postcard::to_allocvec(&little(&file.weights, |x| {
                x.to_le_bytes()
            })))?;
            put(postcard::to_allocvec(&little(&file.biases, |x| {
                x.to_le_bytes()
            })))?;
            put(postcard::to_allocvec(&little(&file.factors, |x| {
                x.to_le_bytes()
            })))?;
            put(postcard::to_allocvec(&little(&file.tables.concat(), |x| {
                x.to_le_bytes()
            })))?;
            put(postcard::to_allocvec(&file.shifts))?;
        }
        _ => {
            put(postcard::to_allocvec(&0u8))?;
            put(postcard::to_allocvec(&records))?;
        }
    }

    let mut image = Vec::with_capacity(HEADER + body.len());
    image.extend(MAGIC);
    image.extend(VERSION.to_le_bytes());
    image.extend([0; 2]);

    image.extend(
        u32::try_from(body.len())
            .context("the model is too large for an image")?
            .to_le_bytes(),
    );

    image.extend(checksum(&body).to_le_bytes());
    image.extend(body);
    Image::read(&image)
        .map_err(anyhow::Error::from)
        .context("the model makes no image")?;

    Ok(image)
}

/// Pairs and offsets of the inputs, what the outputs mean, and theirs.
fn scaling_bytes(model: &Deployed) -> postcard::Result<Vec<u8>> {
    let meaning: u8 = match &model.outputs {
        OutputFile::Plain => 0,
        OutputFile::Classes => 1,
        OutputFile::Values { .. } => 2,
    };

    let pairs = |pairs: &[[f32; 2]]| little(pairs.as_flattened(), |x| x.to_le_bytes());
    let offsets = |offsets: &[f64]| little(offsets, |x| x.to_le_bytes());
    let (inputs, outputs) = (pairs(&model.input_pairs()), pairs(&model.outputs.pairs()));
    let (from, to) = (offsets(&model.offsets), offsets(model.outputs.offsets()));

    // Several values in a tuple stand one after another, as if each were written alone.
    postcard::to_allocvec(&(inputs, from, meaning, outputs, to))
}

fn shape_bytes(shape: &ShapeFile) -> postcard::Result<Vec<u8>> {
    postcard::to_allocvec(&(&shape.widths, &shape.layers))
}

fn record(table: &DeployedActivation) -> ActivationRecord {
    match table {
        DeployedActivation::Base(base) => ActivationRecord::Base(code(*base)),
        DeployedActivation::Compact {
            form,
            knots,
            symmetry,
            base,
            entries,
        } => ActivationRecord::Compact {
            form: match form {
                Form::Hermite => 0,
                Form::Linear => 1,
                Form::Pairs => 2,
            },
            symmetry: match symmetry {
                Symmetry::None => 0,
                Symmetry::Odd => 1,
                Symmetry::Even => 2,
            },
            base: code(*base),
            low: knots.low,
            high: knots.high,
            count: knots.count,
            entries: little(entries, |x| x.to_le_bytes()),
        },
        DeployedActivation::Integer {
            input,
            output,
            entries,
        } => ActivationRecord::Integer {
            input: (input.step, input.zero),
            output: (output.step, output.zero),
            entries: little(entries, |x| x.to_le_bytes()),
        },
        DeployedActivation::Direct {
            input,
            output,
            entries,
        } => ActivationRecord::Direct {
            input: (input.step, input.zero),
            output: (output.step, output.zero),
            entries: little(&entries[..], |x| x.to_le_bytes()),
        },
    }
}

/// The place of a base function in [`Base::ALL`], which is the order of the format.
fn code(base: Base) -> u8 {
    base as u8
}

fn little<T: Copy, const N: usize>(numbers: &[T], bytes: impl Fn(T) -> [u8; N]) -> Bytes {
    numbers.iter().flat_map(|&x| bytes(x)).collect()
}
