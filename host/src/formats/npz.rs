//! Bundles as NumPy archives: every tensor an array of its name; the JSON text of [`About`] as the
//! array `ldnn` of its bytes.
//!
//! In Python: `a = numpy.load(FILE)`, then `json.loads(bytes(a["ldnn"].astype("u1")))`. Arrays are
//! of 64 bits; single precision is contained in double precision, so nothing is lost.

use super::about::About;
use super::bundle::{Bundle, Numbers, Tensor};
use super::safetensors::ENTRY;
use crate::data::npz::{self, NpyArray, NpyValues};
use anyhow::{Context, Result, bail, ensure};

/// The bytes of an archive.
///
/// # Errors
/// None: a bundle that we made has a form as an archive.
pub fn to_bytes(bundle: &Bundle) -> Result<Vec<u8>> {
    let mut arrays = vec![];

    if let Some(about) = &bundle.about {
        arrays.push((
            ENTRY,
            NpyArray::labels(about.text()?.bytes().map(i64::from).collect()),
        ));
    }

    arrays.extend(
        bundle
            .tensors
            .iter()
            .map(|(name, tensor)| (name.as_str(), array(tensor))),
    );

    Ok(npz::write(&arrays))
}

fn array(tensor: &Tensor) -> NpyArray {
    let values = match &tensor.numbers {
        Numbers::F32(v) => NpyValues::F64(v.iter().map(|&x| x.into()).collect()),
        Numbers::F64(v) => NpyValues::F64(v.clone()),
        Numbers::I64(v) => NpyValues::I64(v.clone()),
    };

    NpyArray {
        shape: tensor.shape.clone(),
        values,
    }
}

/// Reads the bytes of an archive.
///
/// # Errors
/// If they are no archive, or the entry `ldnn` is malformed.
pub fn from_bytes(bytes: &[u8]) -> Result<Bundle> {
    let mut bundle = Bundle::default();

    for (name, array) in npz::parse(bytes)? {
        if name == ENTRY {
            bundle.about = Some(About::parse(&text(&array)?)?);
            continue;
        }

        let numbers = match array.values {
            NpyValues::F64(v) => Numbers::F64(v),
            NpyValues::I64(v) => Numbers::I64(v),
            NpyValues::Text(_) => bail!("the array '{name}' holds text; weights are numbers"),
        };

        ensure!(!bundle.has(&name), "there are two arrays '{name}'");

        bundle.put(
            name,
            Tensor {
                shape: array.shape,
                numbers,
            },
        );
    }

    Ok(bundle)
}

fn text(array: &NpyArray) -> Result<String> {
    let NpyValues::I64(codes) = &array.values else {
        bail!("the array '{ENTRY}' holds no text")
    };
    let bytes = codes
        .iter()
        .map(|&c| u8::try_from(c))
        .collect::<Result<Vec<_>, _>>();
    let bytes = bytes.with_context(|| format!("the array '{ENTRY}' holds no bytes"))?;

    String::from_utf8(bytes).with_context(|| format!("the array '{ENTRY}' holds no text"))
}
