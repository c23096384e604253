//! Bundles as safetensors files: a JSON header and raw little-endian numbers, nothing that runs.

use super::about::About;
use super::bundle::{Bundle, Numbers, Tensor};
use anyhow::{Context, Result, bail, ensure};
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use std::collections::HashMap;

/// The entry of the metadata that holds the JSON text of [`About`].
pub const ENTRY: &str = "ldnn";

/// No longer header is read.
const MAX_HEADER: u64 = 1 << 24;

/// The bytes of a file.
///
/// # Errors
/// None: shapes and lengths of a bundle that we made agree.
pub fn to_bytes(bundle: &Bundle) -> Result<Vec<u8>> {
    let raw = bundle
        .tensors
        .iter()
        .map(|(name, tensor)| (name, &tensor.shape, raw(&tensor.numbers)));
    let raw: Vec<_> = raw.collect();

    let views = raw.iter().map(|(name, shape, (dtype, bytes))| {
        Ok((
            name.as_str(),
            TensorView::new(*dtype, (*shape).clone(), bytes)?,
        ))
    });

    let views = views.collect::<Result<Vec<_>>>()?;
    // One entry only: the order of several would differ from run to run.
    let about = bundle.about.as_ref().map(About::text).transpose()?;

    Ok(serialize(
        views,
        about.map(|text| HashMap::from([(ENTRY.to_string(), text)])),
    )?)
}

fn raw(numbers: &Numbers) -> (Dtype, Vec<u8>) {
    match numbers {
        Numbers::F32(v) => (Dtype::F32, v.iter().flat_map(|x| x.to_le_bytes()).collect()),
        Numbers::F64(v) => (Dtype::F64, v.iter().flat_map(|x| x.to_le_bytes()).collect()),
        Numbers::I64(v) => (Dtype::I64, v.iter().flat_map(|x| x.to_le_bytes()).collect()),
    }
}

/// Reads the bytes of a file from anywhere.
///
/// # Errors
/// If they are no safetensors file, or hold numbers of a type that no weights have.
pub fn from_bytes(bytes: &[u8]) -> Result<Bundle> {
    refuse_pickle(bytes)?;

    let header = bytes.first_chunk::<8>().map(|b| u64::from_le_bytes(*b));
    let header = header.context("it is too short for a safetensors file")?;

    ensure!(
        header <= MAX_HEADER,
        "it is no safetensors file, or one for something else: its first 8 bytes claim a header of {header} bytes, and at most \
         {MAX_HEADER} are read"
    );

    let file = SafeTensors::deserialize(bytes).context("it is no sound safetensors file")?;
    let mut bundle = Bundle::default();

    for (name, view) in file.tensors() {
        let numbers = numbers(&name, view.dtype(), view.data())?;
        bundle.put(
            name,
            Tensor {
                shape: view.shape().to_vec(),
                numbers,
            },
        );
    }

    let (_, metadata) = SafeTensors::read_metadata(bytes)?;
    let entry = metadata.metadata().as_ref().and_then(|m| m.get(ENTRY));
    bundle.about = entry.map(|text| About::parse(text)).transpose()?;

    Ok(bundle)
}

/// Files of `torch.save` run programs when they are opened.
fn refuse_pickle(bytes: &[u8]) -> Result<()> {
    let pickle =
        bytes.starts_with(b"PK\x03\x04") || (bytes.len() > 1 && bytes[0] == 0x80 && bytes[1] < 6);

    ensure!(
        !pickle || bytes.get(8) == Some(&b'{'),
        "it is a pickle or a ZIP archive, as torch.save writes; such files can run programs and are not read. In Python: \
         safetensors.torch.save_file(model.state_dict(), \"model.safetensors\")"
    );

    Ok(())
}

/// A number of half precision, exactly.
fn half(bits: u16) -> f32 {
    let (sign, exponent, fraction) = (bits >> 15, bits >> 10 & 31, f32::from(bits & 1023));
    let size = match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        e => (1024.0 + fraction) * 2f32.powi(i32::from(e) - 25),
    };
    if sign == 1 { -size } else { size }
}

fn numbers(name: &str, dtype: Dtype, data: &[u8]) -> Result<Numbers> {
    fn read<const N: usize, T>(data: &[u8], f: impl Fn([u8; N]) -> T) -> Vec<T> {
        data.as_chunks::<N>().0.iter().map(|b| f(*b)).collect()
    }

    Ok(match dtype {
        Dtype::F32 => Numbers::F32(read(data, f32::from_le_bytes)),
        Dtype::F64 => Numbers::F64(read(data, f64::from_le_bytes)),
        Dtype::F16 => Numbers::F32(read(data, |b| half(u16::from_le_bytes(b)))),
        Dtype::BF16 => Numbers::F32(read(data, |b| {
            f32::from_bits(u32::from(u16::from_le_bytes(b)) << 16)
        })),
        Dtype::I64 => Numbers::I64(read(data, i64::from_le_bytes)),
        other => bail!(
            "tensor '{name}' has elements of type {other:?}; F32, F64, F16, BF16 and I64 are read"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_is_widened_exactly() {
        let known = [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_95),
            (0x7bff, 65504.0),
            (0x0001, 5.960_464_5e-8),
        ];

        assert!(known.iter().all(|&(bits, x)| half(bits) == x));
        assert!(half(0x8000) == 0.0 && half(0x8000).is_sign_negative());
        assert!(half(0xfc00) == f32::NEG_INFINITY && half(0x7e00).is_nan());
    }
}
