//! The header: what a program that uses the model sees of it.

use super::comment::head;
use super::run;
use crate::deploy::deployed::{Deployed, WeightFile};
use crate::deploy::text::float;
use anyhow::Result;
use std::fmt::Write;

/// The header.
///
/// # Errors
/// If the model is malformed.
pub fn header(model: &Deployed) -> Result<String> {
    let name = &model.name;
    let upper = name.to_uppercase();
    let mut text = head(model);
    write!(
        text,
        "#ifndef {upper}_H\n#define {upper}_H\n\n#include <stdint.h>\n\n"
    )?;
    text += "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";

    if let Some(shape) = &model.shape {
        let of = shape.shape()?;
        writeln!(text, "#define {upper}_INPUTS {}", of.inputs())?;
        writeln!(text, "#define {upper}_OUTPUTS {}", of.outputs())?;

        writeln!(
            text,
            "/* Elements of scratch of {name}_predict. */\n#define {upper}_WORK {}\n",
            of.predict_len().max(1)
        )?;

        text += &run::declared(model, &of)?;
    }

    if !model.standard.is_empty() {
        text += "/* Raw inputs as the network takes them; x and to may be the same. */\n";
        writeln!(
            text,
            "void {name}_standardise(const float *x, float *to);\n"
        )?;
    }

    if !model.classes().is_empty() {
        writeln!(
            text,
            "/* The names of the classes. */\nextern const char *const {name}_classes[{}];\n",
            model.classes().len()
        )?;
    }

    for t in 1..=model.activations.len() {
        writeln!(
            text,
            "/* Activation type {t}. */\nfloat {name}_type{t}(float z);\n"
        )?;
    }

    match &model.weights {
        WeightFile::None => {}
        WeightFile::Floats { .. } => {
            text += "/* The outputs of the network alone for one sample. */\n";
            writeln!(
                text,
                "void {name}_predict(const float *x, float *out, float *work);\n"
            )?;
        }
        WeightFile::Integers(file) => {
            text += "/* Inputs as integers: (q - zero) * step stands for x. */\n";

            writeln!(
                text,
                "#define {upper}_INPUT_STEP {}f\n#define {upper}_INPUT_ZERO ({})",
                float(file.input.0),
                file.input.1
            )?;

            writeln!(text, "void {name}_quantise(const float *x, int8_t *q);\n")?;
            text += "/* The outputs of the network alone for one sample; y * step stands for an output. */\n";

            writeln!(
                text,
                "#define {upper}_OUTPUT_STEP {}f",
                float(file.output.0)
            )?;

            writeln!(
                text,
                "void {name}_predict(const int8_t *x, int16_t *out, int8_t *work);\n"
            )?;
        }
    }

    write!(text, "#ifdef __cplusplus\n}}\n#endif\n\n#endif\n")?;
    Ok(text)
}
