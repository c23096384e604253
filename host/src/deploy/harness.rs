//! The programs that run an export on the golden vectors and print every answer as a hexadecimal
//! number.

use super::deployed::{Deployed, WeightFile};
use super::golden::Golden;
use super::text::{filled, lines};
use anyhow::Result;
use std::fmt::Write;

/// In C.
///
/// # Errors
/// Never, in practice: the text is in memory.
pub fn c(model: &Deployed, golden: &Golden) -> Result<String> {
    let (name, upper) = (&model.name, model.name.to_uppercase());
    let mut text = format!("#include \"{name}.h\"\n#include <stdio.h>\n#include <string.h>\n\n");

    let array = |what: &str, numbers: &[u32]| {
        let hex = lines(numbers.iter().map(|n| format!("{n:#x}u")));
        format!(
            "static const uint32_t {what}[{}] = {{\n{hex}\n}};\n\n",
            numbers.len()
        )
    };

    if !golden.z.is_empty() {
        text += &array("golden_z", &golden.z);
    }

    if !golden.x.is_empty() {
        text += &array("golden_x", &golden.x);
    }

    text += "static float real(uint32_t bits)\n{\n    float x;\n    memcpy(&x, &bits, 4);\n    return x;\n}\n\n";

    if !matches!(model.weights, WeightFile::Integers(_)) {
        text += "static void print(float x)\n{\n    uint32_t bits;\n    memcpy(&bits, &x, 4);\n    printf(\"%lx\\n\", (unsigned long)bits);\n}\n\n";
    }

    text += "int main(void)\n{\n    size_t i;\n";

    for t in 1..=golden.activations.len() {
        writeln!(
            text,
            "    for (i = 0; i < {}; ++i) {{\n        print({name}_type{t}(real(golden_z[i])));\n    }}",
            golden.z.len()
        )?;
    }

    let inputs = model.shape.as_ref().map_or(1, |s| s.widths[0]);
    let rows = golden.x.len() / inputs;
    if rows > 0 {
        let (number, scratch) = match model.weights {
            WeightFile::Integers(_) => ("int16_t", "int8_t"),
            _ => ("float", "float"),
        };

        writeln!(
            text,
            "    for (i = 0; i < {rows}; ++i) {{\n        size_t j;\n        float x[{upper}_INPUTS];"
        )?;
        writeln!(
            text,
            "        {number} out[{upper}_OUTPUTS];\n        {scratch} work[{upper}_WORK];"
        )?;
        writeln!(
            text,
            "        for (j = 0; j < {upper}_INPUTS; ++j) {{\n            x[j] = real(golden_x[i * {upper}_INPUTS + j]);\n        }}"
        )?;

        if !model.standard.is_empty() {
            writeln!(text, "        {name}_standardise(x, x);")?;
        }

        let print = if number == "float" {
            writeln!(text, "        {name}_predict(x, out, work);")?;
            "print(out[j])"
        } else {
            writeln!(
                text,
                "        {{\n            int8_t q[{upper}_INPUTS];\n            {name}_quantise(x, q);\n            {name}_predict(q, out, work);\n        }}"
            )?;
            "printf(\"%lx\\n\", (unsigned long)(uint32_t)(int32_t)out[j])"
        };

        writeln!(
            text,
            "        for (j = 0; j < {upper}_OUTPUTS; ++j) {{\n            {print};\n        }}\n    }}"
        )?;
    }

    if rows > 0 {
        text += &filled(
            RUN_C,
            &[
                ("ROWS", &rows.to_string()),
                ("UPPER", &upper),
                ("NAME", name),
            ],
        );
    }

    text += "    return 0;\n}\n";
    Ok(text)
}

/// What must not be answered, and what must stay in `out` then: [`super::verify`] knows it, too.
const RUN_C: &str = "    \
    for (i = 0; i < ROWS + 3; ++i) {
        static const uint32_t bad[3] = {0x7fc00000u, 0x7f800000u, 0xff800000u};
        size_t j;
        float x[UPPER_INPUTS], out[UPPER_OUTPUTS];
        for (j = 0; j < UPPER_INPUTS; ++j) {
            x[j] = real(golden_x[(i < ROWS ? i : 0) * UPPER_INPUTS + j]);
        }
        for (j = 0; j < UPPER_OUTPUTS; ++j) {
            out[j] = 7.0f;
        }
        if (i >= ROWS) {
            x[UPPER_INPUTS - 1] = real(bad[i - ROWS]);
        }
        printf(\"%lx\\n\", (unsigned long)(uint32_t)(int32_t)NAME_run(x, out));
        for (j = 0; j < UPPER_OUTPUTS; ++j) {
            uint32_t bits;
            memcpy(&bits, &out[j], 4);
            printf(\"%lx\\n\", (unsigned long)bits);
        }
    }
";

/// In Rust; the model is the module `model`.
///
/// # Errors
/// As [`c`].
pub fn rust(model: &Deployed, golden: &Golden) -> Result<String> {
    let mut text = String::from("#[allow(dead_code)]\nmod model;\n\n");

    let array = |what: &str, numbers: &[u32]| {
        format!(
            "static {what}: [u32; {}] = [\n{}\n];\n\n",
            numbers.len(),
            lines(numbers.iter().map(|n| format!("{n:#x}")))
        )
    };

    text += &array("Z", &golden.z);
    text += &array("X", &golden.x);
    text += "fn main() {\n    let real = |bits: &[u32]| bits.iter().map(|&b| f32::from_bits(b)).collect::<Vec<f32>>();\n";
    text += "    let (z, x) = (real(&Z), real(&X));\n    let _ = (&z, &x);\n";

    if !golden.activations.is_empty() {
        text += "    #[allow(unused_imports)]\n    use ldnn_core::deploy::Activate;\n    for activation in &model::ACTIVATIONS {\n        let mut y = z.clone();\n        \
                 activation.apply(&mut y);\n        y.iter().for_each(|y| println!(\"{:x}\", y.to_bits()));\n    }\n";
    }

    if model.shape.is_some() {
        text += "    let all = x.clone();\n";
    }

    if !model.standard.is_empty() {
        text += "    let mut raw = x.clone();\n    for (raw, x) in raw.chunks_exact_mut(model::STANDARD.len()).zip(x.chunks_exact(model::STANDARD.len())) {\n        \
                 ldnn_core::deploy::standardise(x, &model::STANDARD, raw).unwrap();\n    }\n    let x = raw;\n";
    }

    match model.weights {
        WeightFile::None => {}
        WeightFile::Floats { .. } => {
            text += "    let shape = &model::SHAPE;\n    let mut work = vec![0.0; ldnn_core::deploy::work_len(shape)];\n    \
                     let network = ldnn_core::deploy::Pipeline::unscaled(shape, &model::THETA, &model::ACTIVATIONS);\n    \
                     let mut out = vec![0.0; shape.outputs()];\n    for x in x.chunks_exact(shape.inputs()) {\n        \
                     network.predict(x, &mut out, &mut work).unwrap();\n        \
                     out.iter().for_each(|y| println!(\"{:x}\", y.to_bits()));\n    }\n";
        }
        WeightFile::Integers(_) => {
            text += "    let network = model::network().unwrap();\n    let shape = network.shape();\n    \
                     let (mut q, mut out) = (vec![0; shape.inputs()], vec![0; shape.outputs()]);\n    \
                     let mut work = vec![0; network.work_len()];\n    for x in x.chunks_exact(shape.inputs()) {\n        \
                     network.quantise(x, &mut q).unwrap();\n        network.predict(&q, &mut out, &mut work).unwrap();\n        \
                     out.iter().for_each(|&y| println!(\"{:x}\", i32::from(y)));\n    }\n";
        }
    }

    if model.shape.is_some() {
        text += RUN_RUST;
    }

    text += "}\n";
    Ok(text)
}

const RUN_RUST: &str = "    \
    let show = |raw: &[f32]| {
        let mut out = [7.0; model::SHAPE.outputs()];
        let answer = model::run(raw.try_into().unwrap(), &mut out);
        println!(\"{:x}\", answer.map_or(u32::MAX, |class| class as u32));
        out.iter().for_each(|y| println!(\"{:x}\", y.to_bits()));
    };
    all.chunks_exact(model::SHAPE.inputs()).for_each(show);
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut raw = all[..model::SHAPE.inputs()].to_vec();
        *raw.last_mut().unwrap() = bad;
        show(&raw);
    }
";
