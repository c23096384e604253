//! `NAME_run`: from raw readings to the answer in one call.

use crate::deploy::deployed::{Deployed, OutputFile, WeightFile};
use crate::deploy::text::{comment, filled, float, lines};
use anyhow::Result;
use ldnn_core::Shape;
use std::fmt::Write;

/// What `NAME_run` takes and gives, the offsets, and its declaration.
pub fn declared(model: &Deployed, of: &Shape) -> Result<String> {
    let (name, upper) = (&model.name, model.name.to_uppercase());
    let mut text = String::new();
    let mut listed = vec![];

    let numbered = |names: &[String]| {
        names
            .iter()
            .enumerate()
            .map(|(i, n)| format!("  {i}: {n}"))
            .collect::<Vec<_>>()
    };

    if !model.features.is_empty() {
        listed.push(format!("The inputs of {name}_run, in order:"));
        listed.extend(numbered(&model.features));
    }

    if !model.names.is_empty() {
        listed.push(
            if model.outputs == OutputFile::Classes {
                "The classes:"
            } else {
                "The values:"
            }
            .into(),
        );

        listed.extend(numbered(&model.names));
    }

    if !listed.is_empty() {
        write!(text, "/*\n{} */\n\n", comment(" *", &listed))?;
    }

    let offsets = |what: &str, offsets: &[f64]| -> String {
        let all = offsets.iter().enumerate().filter(|(_, x)| **x != 0.0);
        all.map(|(i, x)| format!("#define {upper}_{what}_OFFSET_{i} {x:?}\n"))
            .collect()
    };

    let (from, to) = (
        offsets("INPUT", &model.offsets),
        offsets("OUTPUT", model.outputs.offsets()),
    );
    if !from.is_empty() {
        text += &filled(INPUT_OFFSETS, &[("NAME", &upper)]);
        writeln!(text, "{from}")?;
    }

    if !to.is_empty() {
        text += &filled(OUTPUT_OFFSETS, &[("NAME", &upper)]);
        writeln!(text, "{to}")?;
    }

    writeln!(
        text,
        "/* Bytes of stack that {name}_run takes for its numbers; nothing is static, so it may be interrupted by itself. \
         */\n#define {upper}_RUN_STACK {}\n",
        run_stack(model, of)
    )?;

    let gives = match &model.outputs {
        OutputFile::Plain => "Returns 0; out gets the outputs of the network.",
        OutputFile::Classes => {
            "Returns the number of the class; out gets the probability of each class."
        }
        OutputFile::Values { .. } => {
            "Returns 0; out gets the values, in the units of the table that was learned from."
        }
    };

    text += &filled(
        RUN_DECLARED,
        &[("GIVES", gives), ("UPPER", &upper), ("NAME", name)],
    );

    Ok(text)
}

/// Bytes of the arrays of `NAME_run`.
fn run_stack(model: &Deployed, of: &Shape) -> usize {
    let (inputs, outputs) = (of.inputs(), of.outputs());
    let work = of.predict_len().max(1);

    let scaled = if model.standard.is_empty() {
        0
    } else {
        4 * inputs
    };

    match &model.weights {
        WeightFile::Integers(_) => scaled + inputs + work + 2 * outputs + 4 * outputs,
        _ => scaled + 4 * work + 4 * outputs,
    }
}

/// The answer from the outputs, and `NAME_run`.
pub fn defined(model: &Deployed, of: &Shape) -> Result<String> {
    let (name, upper) = (&model.name, model.name.to_uppercase());
    let outputs = of.outputs().to_string();
    let mut text = filled(FINITE, &[("NAME", name)]);

    match &model.outputs {
        OutputFile::Plain => {
            text += &filled(ANSWER_PLAIN, &[("NAME", name), ("OUTPUTS", &outputs)]);
        }
        OutputFile::Classes => {
            text += &filled(EXP, &[("NAME", name)]);
            text += &filled(ANSWER_CLASSES, &[("NAME", name), ("OUTPUTS", &outputs)]);
        }
        OutputFile::Values { pairs, .. } => {
            let numbers = lines(
                pairs
                    .iter()
                    .flat_map(|&(sd, mean)| [sd, mean])
                    .map(|x| float(x) + "f"),
            );

            write!(
                text,
                "/* Standard deviation and mean of every value. */\nstatic const float {name}_pairs_of_outputs[{}] = \
                 {{\n{numbers}\n}};\n\n",
                2 * pairs.len()
            )?;

            text += &filled(ANSWER_VALUES, &[("NAME", name), ("OUTPUTS", &outputs)]);
        }
    }

    write!(
        text,
        "int {name}_run(const float raw[{upper}_INPUTS], float out[{upper}_OUTPUTS])\n{{\n"
    )?;

    let x = if model.standard.is_empty() {
        "raw"
    } else {
        "x"
    };

    if x == "x" {
        writeln!(text, "    float x[{upper}_INPUTS];")?;
    }

    let integers = matches!(model.weights, WeightFile::Integers(_));
    let (number, result) = if integers {
        ("int8_t", "int16_t")
    } else {
        ("float", "float")
    };

    writeln!(
        text,
        "    float y[{upper}_OUTPUTS];\n    {number} work[{upper}_WORK];"
    )?;

    if integers {
        writeln!(
            text,
            "    int8_t q[{upper}_INPUTS];\n    {result} integers[{upper}_OUTPUTS];"
        )?;
    }

    text += "    int32_t i;\n    int answer;\n";

    if x == "x" {
        writeln!(text, "    {name}_standardise(raw, x);")?;
    }

    writeln!(
        text,
        "    for (i = 0; i < {upper}_INPUTS; ++i) {{\n        if (!{name}_is_finite({x}[i])) {{\n            return \
         -1;\n        }}\n    }}"
    )?;

    if integers {
        writeln!(
            text,
            "    {name}_quantise({x}, q);\n    {name}_predict(q, integers, work);\n    for (i = 0; i < {upper}_OUTPUTS; \
             ++i) {{\n        y[i] = (float)integers[i] * {upper}_OUTPUT_STEP;\n    }}"
        )?;
    } else {
        writeln!(text, "    {name}_predict({x}, y, work);")?;
    }

    text += &filled(RUN_END, &[("UPPER", &upper), ("NAME", name)]);
    Ok(text)
}

const INPUT_OFFSETS: &str = "\
/*
 * Readings of these inputs are too large for their spread: a float does not tell them apart. Subtract the offset in
 * integers or in double before the reading becomes a float: raw[i] = (float)(reading - NAME_INPUT_OFFSET_i).
 */
";

const OUTPUT_OFFSETS: &str = "\
/*
 * Values of these outputs are too large for their spread: a float does not tell them apart. Add the offset in integers
 * or in double: value = (double)out[i] + NAME_OUTPUT_OFFSET_i.
 */
";

const RUN_DECLARED: &str = "\
/*
 * From raw inputs, as they stand in the table, to the answer.
 * GIVES
 * Returns a negative number, and leaves out as it was, if an input is NaN or infinite, or so large that nothing finite
 * comes out. No heap, no library.
 */
int NAME_run(const float raw[UPPER_INPUTS], float out[UPPER_OUTPUTS]);

";

const FINITE: &str = "\
#ifdef __FAST_MATH__
#error \"compile without -ffast-math: it takes NaN and infinity for impossible, and changes bits\"
#endif

static int NAME_is_finite(float x)
{
    return x - x == 0.0f;
}

";

const EXP: &str = "\
/* 2^k for a whole k within -126 and 127. */
static float NAME_power_of_two(float k)
{
    union {
        uint32_t bits;
        float value;
    } u;
    u.bits = (uint32_t)((int32_t)k + 127) << 23;
    return u.value;
}

/* exp(x) = 2^k exp(r) with a polynomial for exp(r); the bits of ldnn_core::Real::exp. */
static float NAME_exp(float x)
{
    const float round = 12582912.0f;
    float near = x > 89.0f ? 89.0f : x;
    float k, r, p, half;
    near = near < -104.0f ? -104.0f : near;
    k = (near * 1.442695f + round) - round;
    r = (near - k * 0.6933594f) - k * -0.00021219444f;
    p = 0.49999994f + r * (0.1666652f + r * (0.041668393f + r * (0.008368781f + r * 0.0013814467f)));
    half = (k * 0.5f + round) - round;
    return ((1.0f + (r + r * r * p)) * NAME_power_of_two(half)) * NAME_power_of_two(k - half);
}

";

const ANSWER_PLAIN: &str = "\
static int NAME_answer(const float *y)
{
    int32_t i;
    for (i = 0; i < OUTPUTS; ++i) {
        if (!NAME_is_finite(y[i])) {
            return -1;
        }
    }
    return 0;
}

";

const ANSWER_CLASSES: &str = "\
/* Logits become probabilities; the class is the first of the largest. */
static int NAME_answer(float *y)
{
    float top = y[0], sum = 0.0f;
    int32_t i, best = 0;
    for (i = 0; i < OUTPUTS; ++i) {
        if (!NAME_is_finite(y[i])) {
            return -1;
        }
        if (y[i] > top) {
            top = y[i];
            best = i;
        }
    }
    for (i = 0; i < OUTPUTS; ++i) {
        y[i] = NAME_exp(y[i] - top);
        sum += y[i];
    }
    for (i = 0; i < OUTPUTS; ++i) {
        y[i] = y[i] / sum;
    }
    return (int)best;
}

";

const ANSWER_VALUES: &str = "\
static int NAME_answer(float *y)
{
    int32_t i;
    for (i = 0; i < OUTPUTS; ++i) {
        y[i] = y[i] * NAME_pairs_of_outputs[2 * i] + NAME_pairs_of_outputs[2 * i + 1];
        if (!NAME_is_finite(y[i])) {
            return -1;
        }
    }
    return 0;
}

";

const RUN_END: &str = "    \
    answer = NAME_answer(y);
    if (answer < 0) {
        return answer;
    }
    for (i = 0; i < UPPER_OUTPUTS; ++i) {
        out[i] = y[i];
    }
    return answer;
}
";
