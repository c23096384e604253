//! The activations: the table of each type, and the functions that look a value up in one.

use crate::deploy::table::{DeployedActivation, c_body};
use crate::deploy::text::{filled, float, lines};
use anyhow::{Context, Result};
use ldnn_core::Base;
use ldnn_core::table::compact::{Form, Symmetry};
use ldnn_core::table::integer::Scale;
use std::fmt::Write;

/// The functions that the tables in use need.
pub fn lookups(name: &str, owned: &[DeployedActivation]) -> String {
    let has = |form: Form| {
        owned
            .iter()
            .any(|t| matches!(t, DeployedActivation::Compact { form: f, .. } if *f == form))
    };

    let mut text = String::new();

    if has(Form::Linear) || has(Form::Pairs) {
        text += &filled(CELL, &[("NAME", name)]);
    }

    for (form, code) in [
        (Form::Hermite, HERMITE),
        (Form::Linear, LINEAR),
        (Form::Pairs, PAIRS),
    ] {
        if has(form) {
            text += &filled(code, &[("NAME", name)]);
        }
    }

    if owned
        .iter()
        .any(|t| matches!(t, DeployedActivation::Integer { .. }))
    {
        text += &filled(INTEGER, &[("NAME", name)]);
    }

    if owned
        .iter()
        .any(|t| matches!(t, DeployedActivation::Direct { .. }))
    {
        text += &filled(DIRECT, &[("NAME", name)]);
    }

    text
}

/// `NAME_typeT`, with its table before it.
pub fn activation(name: &str, t: usize, table: &DeployedActivation) -> Result<String> {
    let mut text = String::new();
    let function = format!("float {name}_type{t}(float z)\n{{\n");

    match table {
        DeployedActivation::Base(base) => {
            let value =
                c_body(*base).with_context(|| format!("{} must be a table in C", base.name()))?;
            write!(text, "{function}    {value}\n}}\n\n")?;
        }
        DeployedActivation::Compact {
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
        DeployedActivation::Integer {
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
        DeployedActivation::Direct {
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
