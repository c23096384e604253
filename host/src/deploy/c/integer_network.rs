//! A network of integers: its weights and tables, `NAME_quantise` and `NAME_predict`.

use super::layers::{activations, place};
use crate::deploy::deployed::{IntegerFile, ShapeFile};
use crate::deploy::text::{filled, float, lines};
use anyhow::Result;
use std::fmt::Write;

/// The numbers, inputs as integers, and the outputs of the network from them.
pub fn predict(name: &str, shape: &ShapeFile, file: &IntegerFile) -> Result<String> {
    let of = shape.shape()?;
    let mut text = String::new();

    let mut array = |kind: &str, what: &str, count: usize, numbers: String| {
        write!(
            text,
            "static const {kind} {name}_{what}[{count}] = {{\n{numbers}\n}};\n\n"
        )
    };

    array(
        "int8_t",
        "weights",
        file.weights.len(),
        lines(&file.weights),
    )?;

    array("int32_t", "biases", file.biases.len(), lines(&file.biases))?;

    array(
        "int32_t",
        "factors",
        file.factors.len(),
        lines(&file.factors),
    )?;

    for (t, table) in file.tables.iter().enumerate() {
        array("int8_t", &format!("table{}", t + 1), 256, lines(table))?;
    }

    text += &filled(SCALED, &[("NAME", name)]);

    let offset = float(file.input.1 as f32 + 128.5);
    let (inputs, per) = (of.inputs().to_string(), float(1.0 / file.input.0));

    text += &filled(
        QUANTISE,
        &[
            ("INPUTS", &inputs),
            ("PER", &per),
            ("OFFSET", &offset),
            ("NAME", name),
        ],
    );

    let half = of.predict_len() / 2;
    write!(
        text,
        "void {name}_predict(const int8_t *x, int16_t *out, int8_t *work)\n{{\n    int32_t j;\n"
    )?;

    if of.hidden_layers() == 0 {
        text += "    (void)work;\n";
    }

    let (mut weights, mut biases) = (0, 0);

    for l in 0..of.layers() {
        let (inputs, outputs, last) = (of.width(l), of.width(l + 1), l == of.hidden_layers());
        let from = place(l, half, "x");

        let to = if last {
            "out".into()
        } else {
            place(l + 1, half, "")
        };

        let (kind, limit) = if last {
            ("int16_t", 32767)
        } else {
            ("int8_t", 127)
        };

        let at = biases;

        write!(
            text,
            "    for (j = 0; j < {outputs}; ++j) {{\n        const int32_t sum = {name}_sum({from}, {name}_weights + {weights} + j * {inputs}, \
             {name}_biases[{at} + j], {inputs});\n        {to}[j] = ({kind}){name}_scaled(sum, {name}_factors[{at} + j], {}, {limit});\n    }}\n",
            file.shifts[l]
        )?;

        text += &activations(&of, l, &to, |t, at| {
            format!("{name}_table{}[{at} + 128]", t + 1)
        })?;
        weights += inputs * outputs;
        biases += outputs;
    }

    text += "}\n";
    Ok(text)
}

const SCALED: &str = "\
static int32_t NAME_sum(const int8_t *x, const int8_t *w, int32_t sum, int32_t inputs)
{
    int32_t i;
    for (i = 0; i < inputs; ++i) {
        sum += (int32_t)w[i] * (int32_t)x[i];
    }
    return sum;
}

static int32_t NAME_scaled(int32_t sum, int32_t factor, int32_t shift, int32_t limit)
{
    const int64_t v = (int64_t)sum * (int64_t)factor + ((int64_t)1 << (shift - 1));
    const int64_t z = v >= 0 ? v >> shift : ~(~v >> shift);
    return z > limit ? limit : z < -1 - limit ? -1 - limit : (int32_t)z;
}

";

const QUANTISE: &str = "\
void NAME_quantise(const float *x, int8_t *q)
{
    int32_t i;
    for (i = 0; i < INPUTS; ++i) {
        const float position = x[i] * PERf + OFFSETf;
        const int32_t u = !(position > 0.0f) ? 0 : position >= 255.0f ? 255 : (int32_t)position;
        q[i] = (int8_t)(u - 128);
    }
}

";
