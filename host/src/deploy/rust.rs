//! A model as Rust: constants, and a constructor for the types of the core.

use super::deployed::{Deployed, IntegerFile, OutputFile, ShapeFile, WeightFile};
use super::golden::Golden;
use super::table::DeployedActivation;
use super::text::{comment, float, lines};
use anyhow::{Context, Result};
use ldnn_core::table::integer::Scale;
use ldnn_core::{Base, Shape};
use std::fmt::Write;

/// The module.
///
/// # Errors
/// If the model is malformed.
pub fn module(model: &Deployed) -> Result<String> {
    let mut text = comment(
        "//!",
        [&model.provenance].into_iter().chain(&model.measured.0),
    );

    text.push('\n');

    let owned = model.owned()?;
    text += &uses(model, &owned);

    if let Some(shape) = &model.shape {
        text += &shape_constant(shape);
    }

    text += &around(model);

    if !owned.is_empty() || matches!(model.weights, WeightFile::Floats { .. }) {
        text += &activations(&owned)?;
    }

    match &model.weights {
        WeightFile::None => {}
        WeightFile::Floats { theta } => {
            writeln!(text, "/// Of each layer outputs x inputs, then the biases.")?;
            text += &array("THETA", "f32", theta.iter().map(|&w| float(w)));
        }
        WeightFile::Integers(file) => text += &integers(file)?,
    }

    if let Some(shape) = &model.shape {
        // What is before ends with one line end or two.
        text = text.trim_end().to_string() + "\n\n";
        text += &run(model, &owned, &shape.shape()?);
    }

    Ok(text.trim_end().to_string() + "\n")
}

/// Names, scales and offsets.
fn around(model: &Deployed) -> String {
    let mut text = String::new();
    let names = |names: &[String]| names.iter().map(|n| format!("{n:?}")).collect::<Vec<_>>();

    let pairs = |pairs: &[[f32; 2]]| {
        pairs
            .iter()
            .map(|[a, b]| format!("[{}, {}]", float(*a), float(*b)))
            .collect::<Vec<_>>()
    };

    let offsets = |offsets: &[f64]| offsets.iter().map(|x| format!("{x:?}")).collect::<Vec<_>>();

    if !model.features.is_empty() {
        text += "/// The names of the inputs.\n";
        text += &array("FEATURES", "&str", names(&model.features));
    }

    if !model.standard.is_empty() {
        text += "/// Mean and factor of every raw input, for `ldnn_core::deploy::standardise`.\n";
        text += &array("STANDARD", "[f32; 2]", pairs(&model.input_pairs()));
    }

    if !model.offsets.is_empty() {
        text += "/// Readings of inputs whose offset is not 0 are too large for their spread: an `f32` does not tell them\n\
                 /// apart. Subtract the offset in integers or in `f64`: `raw[i] = (reading - OFFSETS[i]) as f32`.\n";
        text += &array("OFFSETS", "f64", offsets(&model.offsets));
    }

    if !model.names.is_empty() {
        let classes = model.outputs == OutputFile::Classes;
        text += if classes {
            "/// The names of the classes.\n"
        } else {
            "/// The names of the values.\n"
        };

        text += &array(
            if classes { "CLASSES" } else { "TARGETS" },
            "&str",
            names(&model.names),
        );
    }

    if let OutputFile::Values { offsets: to, .. } = &model.outputs {
        text += "/// Standard deviation and mean of every value.\n";
        text += &array("UNITS", "[f32; 2]", pairs(&model.outputs.pairs()));

        if !to.is_empty() {
            text += "/// Add these to the values in integers or in `f64`: `f64::from(out[i]) + OUTPUT_OFFSETS[i]`.\n";
            text += &array("OUTPUT_OFFSETS", "f64", offsets(to));
        }
    }

    text
}

/// The scaling, and the one call from raw readings to the answer.
fn run(model: &Deployed, owned: &[DeployedActivation], of: &Shape) -> String {
    let inputs = if model.standard.is_empty() {
        "&[]"
    } else {
        "&STANDARD"
    };

    let (outputs, gives) = match model.outputs {
        OutputFile::Plain => ("Plain", "0, and the outputs of the network in `out`"),
        OutputFile::Classes => (
            "Classes",
            "The number of the class, and the probability of each class in `out`",
        ),
        OutputFile::Values { .. } => (
            "Values(&UNITS)",
            "0, and the values in `out`, in the units of the table that was learned from",
        ),
    };

    let mut text = format!(
        "/// What inputs and outputs mean.\npub static SCALING: Scaling<'static> =\n    Scaling {{ inputs: {inputs}, outputs: \
         Outputs::{outputs} }};\n\n"
    );
    let integers = matches!(model.weights, WeightFile::Integers(_));

    if !integers {
        text += &format!(
            "/// The network with everything between raw inputs and answers.\npub static PIPELINE: Pipeline<'static, \
             {}<'static>> =\n    Pipeline {{ shape: &SHAPE, theta: &THETA, activations: &ACTIVATIONS, scaling: SCALING \
             }};\n\n",
            common_type(owned)
        );
    }

    text += &format!(
        "/// From raw inputs, as they stand in the table, to the answer.\n///\n/// {gives}.\n///\n/// # Errors\n/// If an input is \
         NaN, infinite, or so large that nothing finite comes out; then `out` has not changed.\npub fn run(raw: &[f32; \
         {}], out: &mut [f32; {}]) -> Result<usize, RunError> {{\n",
        of.inputs(),
        of.outputs()
    );

    text += if integers {
        "    let (mut q, mut y) = ([0; SHAPE.inputs()], [0; SHAPE.outputs()]);\n    let mut work = [0; \
         work_len(&SHAPE)];\n    let scratch = Scratch { q: &mut q, work: &mut work, y: &mut y };\n    \
         network()?.run(&SCALING, raw, out, scratch)\n}\n"
    } else {
        "    PIPELINE.run(raw, out, &mut [0.0; run_len(&SHAPE)])\n}\n"
    };

    text
}

/// The golden rows of a network as a module, for a device that tests itself.
///
/// # Errors
/// If the model has no shape.
pub fn golden(model: &Deployed, golden: &Golden) -> Result<String> {
    let shape = model
        .shape
        .as_ref()
        .context("activations alone have no rows")?
        .shape()?;

    let mut text = comment("//!", [&model.provenance]);
    text += "//! Raw inputs; the outputs of the network alone; and what `run` makes of them: all from the host, to the bit.\n\n";

    let rows = golden.x.len() / shape.inputs();

    let reals = |bits: &[u32]| {
        bits.iter()
            .map(|&b| float(f32::from_bits(b)))
            .collect::<Vec<_>>()
    };

    text += &matrix("X", "f32", rows, shape.inputs(), reals(&golden.x));

    if !golden.labels.is_empty() {
        text += &array("LABELS", "u16", &golden.labels);
    }

    text += &match model.weights {
        WeightFile::Integers(_) => {
            matrix("ANSWERS", "i16", rows, shape.outputs(), &golden.integers)
        }
        _ => matrix(
            "ANSWERS",
            "f32",
            rows,
            shape.outputs(),
            reals(&golden.outputs),
        ),
    };

    text += "/// What `run` gives.\n";
    text += &array("RESULTS", "u16", &golden.classes);
    text += "/// What `run` writes.\n";
    text += &matrix("OUTS", "f32", rows, shape.outputs(), reals(&golden.answers));

    Ok(text.trim_end().to_string() + "\n")
}

/// rows x columns.
fn matrix<T: std::fmt::Display>(
    name: &str,
    kind: &str,
    rows: usize,
    columns: usize,
    numbers: impl IntoIterator<Item = T>,
) -> String {
    let numbers: Vec<T> = numbers.into_iter().collect();
    let rows_text: Vec<String> = numbers
        .chunks(columns)
        .map(|row| format!("    [\n{}\n    ],", lines(row)))
        .collect();

    format!(
        "pub static {name}: [[{kind}; {columns}]; {rows}] = [\n{}\n];\n\n",
        rows_text.join("\n")
    )
}

fn uses(model: &Deployed, owned: &[DeployedActivation]) -> String {
    let mut text = String::new();
    let has = |f: &dyn Fn(&DeployedActivation) -> bool| owned.iter().any(f);
    let floats = matches!(model.weights, WeightFile::Floats { .. });
    let mut deploy = vec![];

    if (!owned.is_empty() || floats) && common_type(owned) == "AnyActivation" {
        deploy.push("AnyActivation");
    }

    if floats {
        deploy.extend(["Outputs", "Pipeline", "RunError", "Scaling", "run_len"]);
    }

    if matches!(model.weights, WeightFile::Integers(_)) {
        deploy.extend(["Outputs", "RunError", "Scaling", "work_len"]);
    }

    match deploy[..] {
        [] => {}
        [one] => writeln!(text, "use ldnn_core::deploy::{one};").unwrap_or_default(),
        _ => {
            writeln!(text, "use ldnn_core::deploy::{{{}}};", deploy.join(", ")).unwrap_or_default()
        }
    }

    if matches!(model.weights, WeightFile::Integers(_)) {
        text += "use ldnn_core::quantised::{Parts, Quantised, QuantisedError, Scratch};\n";
    }

    let compact = has(&|t| matches!(t, DeployedActivation::Compact { .. }));
    if compact {
        text += "use ldnn_core::table::compact::{Compact, Form, Knots, Symmetry};\n";
    }

    let mut integer = vec![];

    if has(&|t| matches!(t, DeployedActivation::Direct { .. })) {
        integer.extend(["Scaled8", "Table8"]);
    }

    if has(&|t| matches!(t, DeployedActivation::Integer { .. })) {
        integer.extend(["Scaled16", "Table16"]);
    }

    if !integer.is_empty() || matches!(model.weights, WeightFile::Integers(_)) {
        integer.push("Scale");
    }

    // As rustfmt orders them.
    integer.sort_by_key(|name| (name.trim_end_matches(char::is_numeric), name.len()));

    match integer[..] {
        [] => {}
        [one] => writeln!(text, "use ldnn_core::table::integer::{one};").unwrap_or_default(),
        _ => writeln!(
            text,
            "use ldnn_core::table::integer::{{{}}};",
            integer.join(", ")
        )
        .unwrap_or_default(),
    }

    match (
        model.shape.is_some(),
        compact || has(&|t| matches!(t, DeployedActivation::Base(_))),
    ) {
        (true, _) => text += "use ldnn_core::{Base, Activation, Shape};\n",
        (false, true) => text += "use ldnn_core::Base;\n",
        (false, false) => {}
    }

    text.push('\n');
    text
}

fn shape_constant(shape: &ShapeFile) -> String {
    let types = shape.types();
    let all_share = shape.layers.iter().all(|&layer| layer == (0, types));
    let mut value = format!(
        "Shape::new(&{:?}, &[Activation::Base(Base::Zero); {types}])",
        shape.widths
    );

    if !all_share {
        let mut steps = format!("    let mut shape = {value};\n");
        for (l, (first, count)) in shape.layers.iter().enumerate() {
            steps += &format!(
                "    shape = match shape.with_layer_types({l}, {first}, {count}) {{\n        Ok(shape) => shape,\n        \
                 Err(_) => panic!(\"no such types\"),\n    }};\n"
            );
        }

        value = format!("{{\n{steps}    shape\n}}");
    }

    format!(
        "/// The sizes; the activations in it are placeholders.\npub const SHAPE: Shape = {value};\n\n"
    )
}

fn activations(owned: &[DeployedActivation]) -> Result<String> {
    let mut text = String::new();

    for (t, table) in owned.iter().enumerate() {
        match table {
            DeployedActivation::Base(_) => {}
            DeployedActivation::Compact { entries, .. } => {
                writeln!(text, "/// {}", table.describe())?;

                text += &array(
                    &format!("TABLE{}", t + 1),
                    "f32",
                    entries.iter().map(|&e| float(e)),
                );
            }
            DeployedActivation::Integer { entries, .. } => {
                writeln!(text, "/// {}", table.describe())?;
                text += &array(&format!("TABLE{}", t + 1), "i16", entries);
            }
            DeployedActivation::Direct { entries, .. } => {
                writeln!(text, "/// {}", table.describe())?;
                text += &array(&format!("TABLE{}", t + 1), "i8", &entries[..]);
            }
        }
    }

    let kind = common_type(owned);
    writeln!(
        text,
        "/// The activations, one a type; made when this is compiled."
    )?;

    writeln!(
        text,
        "pub static ACTIVATIONS: [{kind}<'static>; {}] = [",
        owned.len()
    )?;

    for (t, table) in owned.iter().enumerate() {
        let value = match table {
            DeployedActivation::Base(base) => base_path(*base),
            DeployedActivation::Compact {
                form,
                knots,
                symmetry,
                base,
                ..
            } => format!(
                "match Compact::new(\n        Form::{form:?},\n        Knots {{ low: {}, high: {}, count: {} }},\n        \
                 Symmetry::{symmetry:?},\n        {},\n        &TABLE{},\n    ) {{\n        Ok(table) => table,\n        \
                 Err(_) => panic!(\"no such table\"),\n    }}",
                float(knots.low),
                float(knots.high),
                knots.count,
                base_path(*base),
                t + 1
            ),
            DeployedActivation::Integer { input, output, .. } => format!(
                "match Table16::new(&TABLE{}) {{\n        Ok(table) => match Scaled16::new(table, {}, {}) {{\n            \
                 Ok(table) => table,\n            Err(_) => panic!(\"no such scales\"),\n        }},\n        \
                 Err(_) => panic!(\"no such table\"),\n    }}",
                t + 1,
                scale(*input),
                scale(*output)
            ),
            DeployedActivation::Direct { input, output, .. } => format!(
                "match Scaled8::new(Table8(&TABLE{}), {}, {}) {{\n        Ok(table) => table,\n        \
                 Err(_) => panic!(\"no such scales\"),\n    }}",
                t + 1,
                scale(*input),
                scale(*output)
            ),
        };

        let variant = match table {
            DeployedActivation::Direct { .. } => "Direct",
            DeployedActivation::Base(_) => "Base",
            DeployedActivation::Compact { .. } => "Compact",
            DeployedActivation::Integer { .. } => "Integer",
        };

        let value = if kind == "AnyActivation" {
            format!("AnyActivation::{variant}({value})")
        } else {
            value
        };

        writeln!(text, "    {value},")?;
    }

    text += "];\n\n";
    Ok(text)
}

/// The type that all of them have, so that a program links the code of no other.
fn common_type(owned: &[DeployedActivation]) -> &'static str {
    if owned.is_empty() {
        "AnyActivation"
    } else if owned
        .iter()
        .all(|t| matches!(t, DeployedActivation::Compact { .. }))
    {
        "Compact"
    } else if owned
        .iter()
        .all(|t| matches!(t, DeployedActivation::Integer { .. }))
    {
        "Scaled16"
    } else if owned
        .iter()
        .all(|t| matches!(t, DeployedActivation::Direct { .. }))
    {
        "Scaled8"
    } else {
        "AnyActivation"
    }
}

fn integers(file: &IntegerFile) -> Result<String> {
    let of = |(step, zero)| scale(Scale { step, zero });
    let mut text = array("WEIGHTS", "i8", &file.weights);
    text += &array("BIASES", "i32", &file.biases);
    text += &array("FACTORS", "i32", &file.factors);

    let mut shifts = [0; ldnn_core::quantised::MAX_LAYERS];
    shifts
        .iter_mut()
        .zip(&file.shifts)
        .for_each(|(to, &s)| *to = s);

    let tables: Vec<String> = file
        .tables
        .iter()
        .map(|t| format!("    [\n{}\n    ],", lines(t)))
        .collect();

    write!(
        text,
        "/// One a type.\npub static TABLES: [[i8; 256]; {}] = [\n{}\n];\n\n",
        tables.len(),
        tables.join("\n")
    )?;

    write!(
        text,
        "/// The network.\n///\n/// # Errors\n/// None: what is above fits together.\n\
         pub fn network() -> Result<Quantised<'static>, QuantisedError> {{\n    let parts = Parts {{\n        weights: &WEIGHTS,\n        \
         biases: &BIASES,\n        factors: &FACTORS,\n        shifts: {shifts:?},\n        tables: &TABLES,\n        input: {},\n        \
         output: {},\n    }};\n    Quantised::new(SHAPE, parts)\n}}\n",
        of(file.input),
        of(file.output)
    )?;

    Ok(text)
}

fn scale(scale: Scale) -> String {
    format!(
        "Scale {{ step: {}, zero: {} }}",
        float(scale.step),
        scale.zero
    )
}

fn base_path(base: Base) -> String {
    format!("Base::{base:?}")
}

fn array<T: std::fmt::Display>(
    name: &str,
    kind: &str,
    numbers: impl IntoIterator<Item = T>,
) -> String {
    let numbers: Vec<T> = numbers.into_iter().collect();
    format!(
        "pub static {name}: [{kind}; {}] = [\n{}\n];\n\n",
        numbers.len(),
        lines(&numbers)
    )
}
