//! A network of floats: its weights, and `NAME_predict`.

use super::layers::{activations, place};
use crate::deploy::deployed::ShapeFile;
use crate::deploy::text::{filled, float, lines};
use anyhow::Result;
use std::fmt::Write;

/// The weights, and the outputs of the network from its inputs.
pub fn predict(name: &str, shape: &ShapeFile, theta: &[f32]) -> Result<String> {
    let of = shape.shape()?;
    let mut text = String::new();
    let numbers = lines(theta.iter().map(|&w| float(w) + "f"));
    writeln!(
        text,
        "/* Of each layer outputs x inputs, then the biases. */"
    )?;

    write!(
        text,
        "static const float {name}_theta[{}] = {{\n{numbers}\n}};\n\n",
        theta.len()
    )?;

    text += &filled(AFFINE, &[("NAME", name)]);

    let half = of.predict_len() / 2;
    write!(
        text,
        "void {name}_predict(const float *x, float *out, float *work)\n{{\n"
    )?;

    if of.hidden_layers() == 0 {
        text += "    (void)work;\n";
    } else {
        text += "    int32_t j;\n";
    }

    for l in 0..of.layers() {
        let (from, to) = (
            place(l, half, "x"),
            if l == of.hidden_layers() {
                "out".into()
            } else {
                place(l + 1, half, "")
            },
        );

        let (weights, biases) = (of.weights_at(l), of.biases_at(l));
        let (inputs, outputs) = (of.width(l), of.width(l + 1));
        writeln!(
            text,
            "    {name}_affine({from}, {name}_theta + {weights}, {name}_theta + {biases}, {to}, {inputs}, {outputs});"
        )?;
        text += &activations(&of, l, &to, |t, at| format!("{name}_type{}({at})", t + 1))?;
    }

    text += "}\n";
    Ok(text)
}

const AFFINE: &str = "\
static void NAME_affine(const float *x, const float *w, const float *b, float *z, int32_t inputs, int32_t outputs)
{
    int32_t i, j;
    for (j = 0; j < outputs; ++j) {
        float sum = b[j];
        for (i = 0; i < inputs; ++i) {
            sum += w[j * inputs + i] * x[i];
        }
        z[j] = sum;
    }
}

";
