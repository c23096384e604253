//! The source, put together from its parts.

use super::activations::{activation, lookups};
use super::around::around;
use super::comment::head;
use super::{float_network, integer_network, run};
use crate::deploy::deployed::{Deployed, WeightFile};
use anyhow::Result;
use std::fmt::Write;

/// The source.
///
/// # Errors
/// If the model is malformed.
pub fn source(model: &Deployed) -> Result<String> {
    let name = &model.name;
    let mut text = head(model);
    write!(text, "#include \"{name}.h\"\n\n")?;

    let owned = model.owned()?;
    text += &lookups(name, &owned);

    for (t, table) in owned.iter().enumerate() {
        text += &activation(name, t + 1, table)?;
    }

    text += &around(model)?;

    match (&model.shape, &model.weights) {
        (Some(shape), WeightFile::Floats { theta }) => {
            text += &float_network::predict(name, shape, theta)?
        }
        (Some(shape), WeightFile::Integers(file)) => {
            text += &integer_network::predict(name, shape, file)?
        }
        _ => {}
    }

    if let Some(shape) = &model.shape {
        text.push('\n');
        text += &run::defined(model, &shape.shape()?)?;
    }

    Ok(text)
}
