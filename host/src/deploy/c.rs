//! A model as C99: one header, one source, no library, the bits of the core.

use super::deployed::{Deployed, IntegerFile, OutputFile, ShapeFile, WeightFile};
use super::table::Owned;
use super::text::{comment, float, lines};
use anyhow::Result;
use ldnn_core::table::compact::{Form, Symmetry};
use ldnn_core::table::integer::Scale;
use ldnn_core::{Base, Shape};
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

        text += &run_declared(model, &of)?;
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

/// The source.
///
/// # Errors
/// If the model is malformed.
pub fn source(model: &Deployed) -> Result<String> {
    let name = &model.name;
    let mut text = head(model);
    write!(text, "#include \"{name}.h\"\n\n")?;

    let owned = model.owned()?;
    text += &helpers(name, &owned);

    for (t, table) in owned.iter().enumerate() {
        text += &activation(name, t + 1, table)?;
    }

    text += &around(model)?;

    match (&model.shape, &model.weights) {
        (Some(shape), WeightFile::Floats { theta }) => text += &floats(name, shape, theta)?,
        (Some(shape), WeightFile::Integers(file)) => text += &integers(name, shape, file)?,
        _ => {}
    }

    if let Some(shape) = &model.shape {
        text.push('\n');
        text += &run_defined(model, &shape.shape()?)?;
    }

    Ok(text)
}

/// What `NAME_run` takes and gives, the offsets, and its declaration.
fn run_declared(model: &Deployed, of: &Shape) -> Result<String> {
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
        listed.push("The inputs of NAME_run, in order:".replace("NAME", name));
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
        text += &INPUT_OFFSETS.replace("NAME", &upper);
        writeln!(text, "{from}")?;
    }

    if !to.is_empty() {
        text += &OUTPUT_OFFSETS.replace("NAME", &upper);
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

    text += &RUN_DECLARED
        .replace("GIVES", gives)
        .replace("UPPER", &upper)
        .replace("NAME", name);

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
fn run_defined(model: &Deployed, of: &Shape) -> Result<String> {
    let (name, upper) = (&model.name, model.name.to_uppercase());
    let outputs = of.outputs().to_string();
    let mut text = FINITE.replace("NAME", name);

    match &model.outputs {
        OutputFile::Plain => {
            text += &ANSWER_PLAIN
                .replace("NAME", name)
                .replace("OUTPUTS", &outputs)
        }
        OutputFile::Classes => {
            text += &EXP.replace("NAME", name);
            text += &ANSWER_CLASSES
                .replace("NAME", name)
                .replace("OUTPUTS", &outputs);
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

            text += &ANSWER_VALUES
                .replace("NAME", name)
                .replace("OUTPUTS", &outputs);
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

    text += &RUN_END.replace("UPPER", &upper).replace("NAME", name);
    Ok(text)
}

fn head(model: &Deployed) -> String {
    let mut lines = vec![model.provenance.clone()];
    lines.extend(model.measured.0.iter().cloned());
    lines.push(
        "Same bits as the host: compile without -ffast-math, and with -ffp-contract=off where that is not the default."
            .into(),
    );
    format!("/*\n{} */\n", comment(" *", &lines))
}

/// The functions that the tables in use need.
fn helpers(name: &str, owned: &[Owned]) -> String {
    let has = |form: Form| {
        owned
            .iter()
            .any(|t| matches!(t, Owned::Compact { form: f, .. } if *f == form))
    };

    let mut text = String::new();

    if has(Form::Linear) || has(Form::Pairs) {
        text += &CELL.replace("NAME", name);
    }

    for (form, code) in [
        (Form::Hermite, HERMITE),
        (Form::Linear, LINEAR),
        (Form::Pairs, PAIRS),
    ] {
        if has(form) {
            text += &code.replace("NAME", name);
        }
    }

    if owned.iter().any(|t| matches!(t, Owned::Integer { .. })) {
        text += &INTEGER.replace("NAME", name);
    }

    if owned.iter().any(|t| matches!(t, Owned::Direct { .. })) {
        text += &DIRECT.replace("NAME", name);
    }

    text
}

/// What comes before the network and after it: standardisation, names of classes.
fn around(model: &Deployed) -> Result<String> {
    let (name, mut text) = (&model.name, String::new());
    let count = model.standard.len();
    if count > 0 {
        let pairs = lines(
            model
                .standard
                .iter()
                .flat_map(|&(mean, factor)| [mean, factor])
                .map(|x| float(x) + "f"),
        );

        write!(
            text,
            "/* Mean and factor of every input. */\nstatic const float {name}_pairs_of_inputs[{}] = {{\n{pairs}\n}};\n\n",
            2 * count
        )?;

        text += &STANDARDISE
            .replace("NAME", name)
            .replace("COUNT", &count.to_string());
    }

    if !model.classes().is_empty() {
        let quoted: Vec<String> = model
            .classes()
            .iter()
            .map(|c| format!("    {},", quoted(c)))
            .collect();

        write!(
            text,
            "const char *const {name}_classes[{}] = {{\n{}\n}};\n\n",
            quoted.len(),
            quoted.join("\n")
        )?;
    }

    Ok(text)
}

/// A string of C: what is not plain is written in octal, which never takes a following digit in.
fn quoted(text: &str) -> String {
    let byte = |b: u8| match b {
        b'"' | b'\\' | b'?' => format!("\\{:03o}", b),
        b' '..=b'~' => char::from(b).to_string(),
        _ => format!("\\{b:03o}"),
    };
    format!("\"{}\"", text.bytes().map(byte).collect::<String>())
}

fn activation(name: &str, t: usize, table: &Owned) -> Result<String> {
    let mut text = String::new();
    let function = format!("float {name}_type{t}(float z)\n{{\n");

    match table {
        Owned::Base(base) => {
            let value = match base {
                Base::Zero => "(void)z;\n    return 0.0f;",
                Base::Identity => "return z;",
                Base::Relu => "return z > 0.0f ? z : 0.0f;",
                other => anyhow::bail!("{} must be a table in C", other.name()),
            };
            write!(text, "{function}    {value}\n}}\n\n")?;
        }
        Owned::Compact {
            form,
            knots,
            symmetry,
            base,
            entries,
        } => {
            writeln!(text, "/* {} */", table.describe())?;

            let numbers = lines(entries.iter().map(|&e| float(e) + "f"));

            write!(
                text,
                "static const float {name}_table{t}[{}] = {{\n{numbers}\n}};\n\n",
                entries.len()
            )?;

            let (call, size) = match form {
                Form::Hermite => ("hermite", knots.count),
                Form::Linear => ("linear", knots.cells() - 1),
                Form::Pairs => ("pairs", knots.cells() - 1),
            };

            let (per, offset) = (float(knots.per_spacing()), float(knots.offset()));
            let lookup =
                |z: &str| format!("{name}_{call}({name}_table{t}, {size}, {per}f, {offset}f, {z})");
            text += &function;

            match (symmetry, base) {
                (Symmetry::None, Base::Relu) => {
                    writeln!(text, "    return {} + (z > 0.0f ? z : 0.0f);", lookup("z"))?;
                }
                (Symmetry::None, _) => writeln!(text, "    return {};", lookup("z"))?,
                (Symmetry::Odd, _) => {
                    writeln!(
                        text,
                        "    const float y = {};",
                        lookup("z <= 0.0f ? 0.0f - z : z")
                    )?;

                    writeln!(text, "    return z < 0.0f ? -y : y;")?;
                }
                (Symmetry::Even, _) => {
                    writeln!(text, "    return {};", lookup("z <= 0.0f ? 0.0f - z : z"))?
                }
            }

            text += "}\n\n";
        }
        Owned::Integer {
            input,
            output,
            entries,
        } => {
            writeln!(text, "/* {} */", table.describe())?;

            let numbers = lines(entries);

            write!(
                text,
                "static const int16_t {name}_table{t}[{}] = {{\n{numbers}\n}};\n\n",
                entries.len()
            )?;

            let shift = 16 - (entries.len() - 1).ilog2();
            text += &function;

            let place = between(input, 32768);
            writeln!(
                text,
                "    const int32_t y = {name}_integer({name}_table{t}, {shift}, {place}, z);"
            )?;
            text += &returned(output)?;
        }
        Owned::Direct {
            input,
            output,
            entries,
        } => {
            writeln!(text, "/* {} */", table.describe())?;

            write!(
                text,
                "static const int8_t {name}_table{t}[256] = {{\n{}\n}};\n\n",
                lines(&entries[..])
            )?;

            text += &function;

            writeln!(
                text,
                "    const int32_t y = {name}_direct({name}_table{t}, {}, z);",
                between(input, 128)
            )?;

            text += &returned(output)?;
        }
    }

    Ok(text)
}

/// Factor and offset from real numbers to integers, counted from the first, which is `-half`.
fn between(input: &Scale, half: i32) -> String {
    let offset = (f64::from(input.zero) + f64::from(half) + 0.5) as f32;
    format!("{}f, {}f", float(1.0 / input.step), float(offset))
}

/// The real number that `y` stands for.
fn returned(output: &Scale) -> Result<String, std::fmt::Error> {
    Ok(format!(
        "    return (float)(y - ({})) * {}f;\n}}\n\n",
        output.zero,
        float(output.step)
    ))
}

fn floats(name: &str, shape: &ShapeFile, theta: &[f32]) -> Result<String> {
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

    text += &AFFINE.replace("NAME", name);

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

/// Where the activity of layer `l` lies: two halves of the scratch in turn.
fn place(l: usize, half: usize, x: &str) -> String {
    match l {
        0 => x.into(),
        l if l % 2 == 1 => format!("(work + {half})"),
        _ => "work".into(),
    }
}

/// The loops over the blocks of neurons of hidden layer `l`.
fn activations(
    of: &Shape,
    l: usize,
    to: &str,
    call: impl Fn(usize, &str) -> String,
) -> Result<String> {
    let mut text = String::new();

    if l == of.hidden_layers() {
        return Ok(text);
    }

    let (first, count) = of.layer_types(l);
    for i in 0..count {
        let (start, end) = of.block(l, i);
        let at = format!("{to}[j]");

        write!(
            text,
            "    for (j = {start}; j < {end}; ++j) {{\n        {at} = {};\n    }}\n",
            call(first + i, &at)
        )?;
    }

    Ok(text)
}

fn integers(name: &str, shape: &ShapeFile, file: &IntegerFile) -> Result<String> {
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

    text += &SCALED.replace("NAME", name);

    let offset = float(file.input.1 as f32 + 128.5);
    let code = QUANTISE
        .replace("INPUTS", &of.inputs().to_string())
        .replace("PER", &float(1.0 / file.input.0));

    text += &code.replace("OFFSET", &offset).replace("NAME", name);

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

const STANDARDISE: &str = "\
void NAME_standardise(const float *x, float *to)
{
    int32_t i;
    for (i = 0; i < COUNT; ++i) {
        to[i] = (x[i] - NAME_pairs_of_inputs[2 * i]) * NAME_pairs_of_inputs[2 * i + 1];
    }
}

";

const CELL: &str = "\
/* The cell of a position, held between the first and the last. */
static int32_t NAME_cell(float position, int32_t last)
{
    if (!(position > 0.0f)) {
        return 0;
    }
    return position >= (float)last ? last : (int32_t)position;
}

";

const LINEAR: &str = "\
static float NAME_linear(const float *entries, int32_t last, float per, float offset, float z)
{
    const float position = z * per + offset;
    const int32_t i = NAME_cell(position, last);
    const float rise = entries[i + 1] - entries[i];
    return entries[i] + (position - (float)i) * rise;
}

";

const PAIRS: &str = "\
static float NAME_pairs(const float *entries, int32_t last, float per, float offset, float z)
{
    const int32_t i = NAME_cell(z * per + offset, last);
    return entries[2 * i] + entries[2 * i + 1] * z;
}

";

const HERMITE: &str = "\
static float NAME_hermite(const float *entries, int32_t count, float per, float offset, float z)
{
    const float further = (z * per + offset) + 1.0f;
    const float *cell = entries;
    float t = 0.0f, beyond = 0.0f, rise, c2, c3, y;
    if (further >= 1.0f && further < (float)count) {
        const int32_t i = (int32_t)further;
        cell = entries + 2 * (i - 1);
        t = further - (float)i;
    } else if (further < 1.0f) {
        beyond = further - 1.0f;
    } else {
        cell = entries + 2 * (count - 2);
        t = 1.0f;
        beyond = further - (float)count;
    }
    rise = cell[2] - cell[0];
    c3 = (cell[1] + cell[3]) - (rise + rise);
    c2 = (rise - cell[1]) - c3;
    y = cell[0] + t * (cell[1] + t * (c2 + t * c3));
    if (further >= 1.0f && further < (float)count) {
        return y;
    }
    return y + beyond * (cell[1] + t * ((c2 + c2) + t * (c3 + c3 + c3)));
}

";

const INTEGER: &str = "\
static int32_t NAME_integer(const int16_t *entries, int32_t shift, float per, float offset, float z)
{
    const float position = z * per + offset;
    const int32_t u = !(position > 0.0f) ? 0 : position >= 65535.0f ? 65535 : (int32_t)position;
    const int32_t i = u >> shift;
    const int32_t rise = (int32_t)entries[i + 1] - (int32_t)entries[i];
    const int32_t v = (u & ((1 << shift) - 1)) * rise + (1 << (shift - 1));
    return (int32_t)entries[i] + (v >= 0 ? v >> shift : ~(~v >> shift));
}

";

const DIRECT: &str = "\
static int32_t NAME_direct(const int8_t *entries, float per, float offset, float z)
{
    const float position = z * per + offset;
    return (int32_t)entries[!(position > 0.0f) ? 0 : position >= 255.0f ? 255 : (int32_t)position];
}

";

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_ends_a_string() {
        // Backslashes, quotes, trigraphs, line ends, and digits behind an octal number.
        assert_eq!(quoted("a\"; x\\\n??/9"), r#""a\042; x\134\012\077\077/9""#);
        assert_eq!(quoted("µ1"), r#""\302\2651""#);
    }
}
