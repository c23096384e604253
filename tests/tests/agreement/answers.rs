//! The answers of a model and of its exports to raw rows.

use ldnn::deploy::{ActivationMemory, IntegerMemory, ScaleMemory};
use ldnn::model::{Model, Predictions};
use ldnn_core::deploy::Pipeline;
use ldnn_core::image::{Contents, Image, Scales};
use ldnn_core::quantised::Scratch;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Class (or 0) and numbers, row by row.
pub type Answers = Vec<(usize, Vec<f64>)>;

pub fn predicted(model: &Model, raw: &[f64]) -> Answers {
    let outputs = *model.network.widths.last().unwrap();
    match model.predict(raw).unwrap() {
        Predictions::Classes(classes, chances) => classes
            .iter()
            .map(|&c| c.into())
            .zip(chances.chunks(outputs).map(<[f64]>::to_vec))
            .collect(),
        Predictions::Values(values) => values.chunks(outputs).map(|v| (0, v.to_vec())).collect(),
    }
}

/// Readings as a device takes them: less the offset in double precision.
pub fn readings(raw: &[f64], inputs: usize, offset: impl Fn(usize) -> f64) -> Vec<f32> {
    raw.iter()
        .enumerate()
        .map(|(i, x)| (x - offset(i % inputs)) as f32)
        .collect()
}

/// The image on raw rows, as firmware uses it.
pub fn of_image(bytes: &[u8], raw: &[f64]) -> Answers {
    let image = Image::read(bytes).unwrap();

    let mut all = Answers::new();
    let mut put = |scales: &Scales<'_>, class: usize, out: &[f32]| {
        let value = |(i, &y): (usize, &f32)| f64::from(y) + scales.output_offset(i);
        all.push((class, out.iter().enumerate().map(value).collect()));
    };

    match image.contents() {
        Contents::Floats(network) => {
            let (shape, records) = (network.shape(), network.activations());
            let (mut memory, mut scales) = (ActivationMemory::default(), ScaleMemory::default());
            let activations = memory.load(records).unwrap();
            let scaling = scales.load(network.scaling()).unwrap();

            let mut theta = vec![0.0; shape.theta_len()];
            network.theta(&mut theta).unwrap();

            let pipeline = Pipeline {
                shape,
                theta: &theta,
                activations: &activations,
                scaling,
            };

            let (mut out, mut work) = (vec![0.0; shape.outputs()], vec![0.0; shape.run_len()]);
            let x = readings(raw, shape.inputs(), |i| network.scaling().offset(i));
            for x in x.chunks(shape.inputs()) {
                let class = pipeline.run(x, &mut out, &mut work).unwrap();
                put(network.scaling(), class, &out);
            }
        }
        Contents::Integers(network) => {
            let shape = *network.shape();
            let (mut memory, mut scales) = (IntegerMemory::of(&network), ScaleMemory::default());
            let loaded = network.load(memory.room()).unwrap();
            let scaling = scales.load(network.scaling()).unwrap();
            let (mut q, mut y) = (vec![0; shape.inputs()], vec![0; shape.outputs()]);
            let (mut out, mut work) = (vec![0.0; shape.outputs()], vec![0; loaded.work_len()]);
            let x = readings(raw, shape.inputs(), |i| network.scaling().offset(i));

            for x in x.chunks(shape.inputs()) {
                let scratch = Scratch {
                    q: &mut q,
                    work: &mut work,
                    y: &mut y,
                };

                let class = loaded.run(&scaling, x, &mut out, scratch).unwrap();
                put(network.scaling(), class, &out);
            }
        }
        Contents::Activations(_) => panic!("no network"),
    }

    all
}

/// The C on raw rows, by a program such as a user writes against the header; `None` without a
/// compiler.
pub fn of_c(folder: &Path, model: &Model, raw: &[f64]) -> Option<Answers> {
    if !Command::new("gcc")
        .arg("--version")
        .output()
        .is_ok_and(|out| out.status.success())
    {
        return None;
    }

    let (inputs, outputs) = (model.inputs.len(), *model.network.widths.last().unwrap());
    let header = fs::read_to_string(folder.join("net.h")).unwrap();

    let offset = |which: &str, i: usize| {
        let name = format!("NET_{which}_OFFSET_{i}");
        if header.contains(&format!("#define {name} ")) {
            name
        } else {
            "0.0".into()
        }
    };

    let list = |which: &str, n: usize| {
        (0..n)
            .map(|i| offset(which, i))
            .collect::<Vec<_>>()
            .join(", ")
    };

    let numbers: Vec<String> = raw.iter().map(|x| format!("{x:?}")).collect();

    let main = format!(
        "#include \"net.h\"\n#include <stdio.h>\nstatic const double raw[] = {{{}}};\n\
         static const double from[] = {{{}}}, to[] = {{{}}};\n\
         int main(void)\n{{\n    for (int row = 0; row < {}; ++row) {{\n        float x[NET_INPUTS], out[NET_OUTPUTS];\n\
         for (int i = 0; i < NET_INPUTS; ++i) x[i] = (float)(raw[row * NET_INPUTS + i] - from[i]);\n\
         printf(\"%d\", net_run(x, out));\n\
         for (int i = 0; i < NET_OUTPUTS; ++i) printf(\" %.17g\", (double)out[i] + to[i]);\n\
         printf(\"\\n\");\n    }}\n    return 0;\n}}\n",
        numbers.join(", "),
        list("INPUT", inputs),
        list("OUTPUT", outputs),
        raw.len() / inputs
    );

    fs::write(folder.join("user.c"), main).unwrap();

    let (source, program) = (folder.join("net.c"), folder.join("user"));
    let mut gcc = Command::new("gcc");
    gcc.args(["-O1", "-ffp-contract=off", "-I"])
        .arg(folder)
        .arg(folder.join("user.c"))
        .arg(source);

    assert!(gcc.arg("-o").arg(&program).status().unwrap().success());

    let printed = String::from_utf8(Command::new(program).output().unwrap().stdout).unwrap();

    let line = |line: &str| {
        let mut words = line.split(' ');
        let class = words.next().unwrap().parse().unwrap();
        (class, words.map(|w| w.parse().unwrap()).collect())
    };

    Some(printed.lines().map(line).collect())
}

/// The largest difference: of a probability, or of a value in standard deviations.
pub fn difference(model: &Model, a: &Answers, b: &Answers) -> f64 {
    assert_eq!(a.len(), b.len());
    let sd = |i: usize| model.scale().get(i).map_or(1.0, |s| s.sd);
    let pairs = a
        .iter()
        .zip(b)
        .flat_map(|(a, b)| a.1.iter().zip(&b.1).enumerate());

    pairs.fold(0.0, |worst, (i, (a, b))| worst.max((a - b).abs() / sd(i)))
}
