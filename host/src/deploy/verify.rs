//! Compiles what was exported, runs it on the golden vectors, and compares with the core, bit for
//! bit; and with what `ldnn predict` says about the same raw rows, within a tolerance.

use super::deployed::{Deployed, OutputFile, WeightFile};
use super::golden::{Agreement, AgreementOnRows, Golden};
use super::tolerance::most_tolerance;
use super::{harness, written};
use crate::report::ReportTable;
use crate::support::workshop::Workshop;
use crate::support::{child, stop};
use anyhow::{Context, Result, bail, ensure};
use ldnn_core::deploy::{Activate, AnyActivation, Pipeline, standardise};
use ldnn_core::image::{Contents, Image, Room, Scales};
use ldnn_core::quantised::Scratch;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a program printed, or the core gave: activations type by type, then outputs; bits, or
/// integers.
type AnswerBits = Vec<u32>;

/// Something that runs an export, and what came of it.
struct Runner {
    name: String,
    outcome: RunnerOutcome,
    /// What else may be wrong than the export, if its answers differ.
    doubt: Option<String>,
}

impl Runner {
    fn new(name: String, outcome: impl Into<RunnerOutcome>) -> Runner {
        Runner {
            name,
            outcome: outcome.into(),
            doubt: None,
        }
    }
}

enum RunnerOutcome {
    /// It ran.
    Answers(AnswerBits),
    /// It compiled; there is nothing to run it on.
    Compiled,
    /// The tool is not there.
    Missing(&'static str),
    /// It does not compile or does not run.
    Failed(anyhow::Error),
}

/// An export in its folder.
struct Export<'a> {
    folder: &'a Path,
    model: Deployed,
    golden: Golden,
    /// Where programs are compiled: not in `folder`, which may hold files of the user's.
    work: Workshop,
}

impl<'a> Export<'a> {
    fn open(folder: &'a Path) -> Result<Export<'a>> {
        let read = |file: &str| {
            let path = folder.join(file);
            fs::read_to_string(&path).with_context(|| {
                format!(
                    "cannot read '{}'; `ldnn export` writes such folders",
                    path.display()
                )
            })
        };

        let model = Deployed::from_json(&read("model.json")?).context("model.json")?;
        let golden: Golden = serde_json::from_str(&read("golden.json")?).context("golden.json")?;

        ensure!(
            !expected(&golden).is_empty(),
            "golden.json holds no vectors"
        );

        Ok(Export {
            folder,
            model,
            golden,
            work: Workshop::new()?,
        })
    }

    fn has(&self, ending: &str) -> bool {
        self.folder
            .join(format!("{}.{ending}", self.model.name))
            .exists()
    }

    /// The core itself, the image, and what `hosts` make of the C.
    fn runners(&self, hosts: &[(&str, &[&str])]) -> Result<Vec<Runner>> {
        let mut runners = vec![in_process(&self.model, &self.golden)];
        if self.has("ldnn") {
            runners.push(from_image(self.folder, &self.model, &self.golden));
        }

        if self.has("c") {
            runners.extend(self.c_runners(hosts)?);
        }

        Ok(runners)
    }

    /// What every runner gives, and how far all of them are from `ldnn predict`.
    fn compared(&self, runners: Vec<Runner>) -> Compared {
        let (expected, mut all) = (expected(&self.golden), Compared::default());

        match written::check(self.folder, &self.model, &self.golden) {
            Ok(files) if files.is_empty() => {}
            Ok(files) => all.good.push(format!(
                "{}: what model.json gives, byte for byte",
                files.join(", ")
            )),
            Err(error) => all.put(Err(error)),
        }

        for runner in runners {
            let line = match runner.outcome {
                RunnerOutcome::Answers(answers) => {
                    compare(&self.model, &self.golden, &expected, &answers).map(|()| {
                        format!(
                            "{}: {} answers, every bit the same",
                            runner.name,
                            answers.len()
                        )
                    })
                }
                RunnerOutcome::Compiled => {
                    Ok(format!("{}: compiles without a warning", runner.name))
                }
                RunnerOutcome::Missing(what) => Ok(format!("{}: not tried, {what}", runner.name)),
                RunnerOutcome::Failed(error) => Err(error),
            };

            let line = line.map_err(|error| match runner.doubt {
                Some(doubt) => error.context(doubt),
                None => error,
            });

            all.put(line.with_context(|| runner.name));
        }

        match self.agreement() {
            Ok(text) => all.agreement = text,
            Err(error) => all.put(Err(error)),
        }

        all
    }
}

/// Comparisons, those that fail apart.
#[derive(Default)]
struct Compared {
    /// A line each.
    good: Vec<String>,
    /// A message each.
    bad: Vec<String>,
    /// What [`Export::agreement`] says.
    agreement: String,
}

impl Compared {
    fn put(&mut self, line: Result<String>) {
        match line {
            Ok(line) => self.good.push(line),
            Err(error) => self.bad.push(format!("{error:#}")),
        }
    }

    /// The comparisons.
    ///
    /// # Errors
    /// If one fails; the message holds the others, too.
    fn all_good(self) -> Result<(Vec<String>, String)> {
        if self.bad.is_empty() {
            return Ok((self.good, self.agreement));
        }

        let mut text = self.bad.join("\nand ");

        if !self.good.is_empty() || !self.agreement.is_empty() {
            text += "\n\nwhat is right:\n";

            text += &self
                .good
                .iter()
                .map(|line| format!("  {line}\n"))
                .collect::<String>();

            text += &self.agreement;
        }

        bail!("{}", text.trim_end())
    }
}

/// The compilers of the host, and the dialects that they are asked for.
const HOSTS: [(&str, &[&str]); 2] = [
    ("gcc", &["-std=c99"]),
    ("g++", &["-std=c++11", "-x", "c++"]),
];

/// Verifies the export in `folder`; `core` is where the source of `ldnn-core` lies. The text is for
/// the terminal.
///
/// # Errors
/// If something does not compile, or an answer differs: the first difference is in the message.
pub fn verify(folder: &Path, core: Option<&Path>) -> Result<String> {
    let export = Export::open(folder)?;
    let mut runners = export.runners(&HOSTS)?;

    if export.has("c") {
        runners.push(export.arm_runner()?);
    }

    if export.has("rs") {
        runners.push(export.rust_runner(core)?);
    }

    // A compiler that was ended says nothing of the export.
    stop::check()?;

    let (lines, mut agreement) = export.compared(runners).all_good()?;

    if let Some(given) = &export.golden.on_given_rows {
        agreement += &format!("\n{}\n", on_rows(&export.model, given));
    }

    Ok(lines.join("\n") + "\n" + &agreement)
}

/// The part of [`verify`] that takes a second at most: the core, the image, and the C by one
/// compiler.
///
/// # Errors
/// As [`verify`].
pub fn at_once(folder: &Path) -> Result<String> {
    let export = Export::open(folder)?;
    let runners = export.runners(&HOSTS[..1])?;
    // A compiler that was ended says nothing of the export.
    stop::check()?;

    let compared = export.compared(runners);

    let rest = format!(
        "the rest (C++, Cortex-M, Rust): ldnn verify {}",
        folder.display()
    );
    let (lines, agreement) = compared.all_good()?;
    let line = lines
        .into_iter()
        .chain(Some(agreement.trim_end().to_string()).filter(|text| !text.is_empty()))
        .chain([rest]);

    Ok(line.collect::<Vec<_>>().join("\n"))
}

/// All golden answers in the order in which programs print them.
fn expected(golden: &Golden) -> AnswerBits {
    let mut all = golden.activations.concat();
    all.extend(&golden.outputs);

    all.extend(
        golden
            .integers
            .iter()
            .map(|&y| i32::from(y).cast_unsigned()),
    );

    let width = golden.answers.len() / golden.classes.len().max(1);

    for (&class, answer) in golden
        .classes
        .iter()
        .zip(golden.answers.chunks(width.max(1)))
    {
        all.push(class.into());
        all.extend(answer);
    }

    for _ in BAD.iter().filter(|_| width > 0) {
        all.extend(refusal(width));
    }

    all
}

/// Inputs that have no answer; the programs of [`harness`] try them in place of the last input of
/// the first row.
const BAD: [f32; 3] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
/// What is in the place of the answer before, and must be there afterwards.
const BEFORE: f32 = 7.0;

/// A refusal: -1, and the outputs as they were.
fn refusal(outputs: usize) -> AnswerBits {
    std::iter::once(u32::MAX)
        .chain(std::iter::repeat_n(BEFORE.to_bits(), outputs))
        .collect()
}

/// From raw inputs to the class, and the answer in the second argument; `None` if there is none.
type RunFn<'a> = dyn FnMut(&[f32], &mut [f32]) -> Option<usize> + 'a;

/// What `run` answers on every golden row, and to what has no answer.
fn answers_of(x: &[f32], inputs: usize, outputs: usize, run: &mut RunFn<'_>) -> AnswerBits {
    let mut all = AnswerBits::new();

    let mut add = |raw: &[f32]| {
        let mut out = vec![BEFORE; outputs];
        let class = run(raw, &mut out);
        all.push(class.map_or(u32::MAX, |class| class as u32));
        all.extend(out.iter().map(|y| y.to_bits()));
    };

    x.chunks_exact(inputs).for_each(&mut add);

    for bad in BAD {
        let mut raw = x[..inputs].to_vec();
        raw[inputs - 1] = bad;
        add(&raw);
    }

    all
}

fn compare(model: &Deployed, golden: &Golden, expected: &[u32], got: &[u32]) -> Result<()> {
    ensure!(
        expected.len() == got.len(),
        "{} answers instead of {}",
        got.len(),
        expected.len()
    );

    let Some(i) = (0..got.len()).find(|&i| expected[i] != got[i]) else {
        return Ok(());
    };
    let tables = golden.z.len() * golden.activations.len();

    let outputs = model
        .shape
        .as_ref()
        .and_then(|s| s.widths.last().copied())
        .unwrap_or(1);

    let runs = tables + golden.outputs.len() + golden.integers.len();
    let is_class = i >= runs && (i - runs).is_multiple_of(outputs + 1);

    let show = |bits: u32| {
        if is_class
            || (tables..runs).contains(&i) && matches!(model.weights, WeightFile::Integers(_))
        {
            format!("{}", bits.cast_signed())
        } else {
            format!("{:?} ({bits:#010x})", f32::from_bits(bits))
        }
    };

    let place = if i < tables {
        let z = f32::from_bits(golden.z[i % golden.z.len()]);
        format!(
            "activation type {} at {z:?} (index {})",
            i / golden.z.len() + 1,
            i % golden.z.len()
        )
    } else if i < runs {
        format!(
            "row {}, output {} of the network",
            (i - tables) / outputs,
            (i - tables) % outputs
        )
    } else {
        let (row, place) = ((i - runs) / (outputs + 1), (i - runs) % (outputs + 1));
        let row = match row.checked_sub(golden.classes.len()) {
            None => format!("row {row}"),
            Some(bad) => format!("row 0 with {} as the last input", BAD[bad]),
        };

        if is_class {
            format!("{row}, what run returns")
        } else {
            format!("{row}, out[{}]", place - 1)
        }
    };

    bail!(
        "the first difference is at {place}: {} instead of {}",
        show(got[i]),
        show(expected[i])
    )
}

fn in_process(model: &Deployed, golden: &Golden) -> Runner {
    let x: Vec<f32> = golden.x.iter().map(|&b| f32::from_bits(b)).collect();
    let recomputed = Golden::of(model, &x).and_then(|recomputed| {
        ensure!(
            recomputed.z == golden.z,
            "golden.json belongs to another model"
        );
        Ok(expected(&recomputed))
    });

    Runner::new("ldnn-core, here".into(), recomputed)
}

impl From<Result<AnswerBits>> for RunnerOutcome {
    fn from(answers: Result<AnswerBits>) -> RunnerOutcome {
        answers.map_or_else(RunnerOutcome::Failed, RunnerOutcome::Answers)
    }
}

/// The image, loaded as a device loads it.
fn from_image(folder: &Path, model: &Deployed, golden: &Golden) -> Runner {
    let name = format!("{}.ldnn, as a device loads it", model.name);
    let bytes = fs::read(folder.join(format!("{}.ldnn", model.name))).map_err(anyhow::Error::from);

    Runner::new(
        name,
        bytes.and_then(|bytes| answers_of_image(&bytes, golden)),
    )
}

fn answers_of_image(bytes: &[u8], golden: &Golden) -> Result<AnswerBits> {
    let image = Image::read(bytes).map_err(anyhow::Error::from)?;
    let float = |bits: &[u32]| bits.iter().map(|&b| f32::from_bits(b)).collect::<Vec<_>>();
    let (z, x) = (float(&golden.z), float(&golden.x));
    let mut answers = AnswerBits::new();

    let activations = match image.contents() {
        Contents::Activations(activations) => Some((activations, None)),
        Contents::Floats(network) => Some((*network.activations(), Some(network))),
        Contents::Integers(_) => None,
    };

    if let Some((records, network)) = activations {
        let (mut floats, mut integers) = (
            vec![0.0; records.floats_len()],
            vec![0; records.integers_len()],
        );
        let mut direct = vec![[0; 256]; records.direct_len()];
        let mut loaded = vec![AnyActivation::Base(ldnn_core::Base::Zero); records.count()];

        records.load(&mut floats, &mut integers, &mut direct, &mut loaded)?;

        for activation in &loaded {
            let mut y = z.clone();
            activation.apply(&mut y);
            answers.extend(y.iter().map(|y| y.to_bits()));
        }

        if let Some(network) = network {
            let shape = network.shape();
            let (mut pairs, mut units) = room(network.scaling());
            let scaling = network.scaling().load(&mut pairs, &mut units)?;
            let scaled = standardised(&x, scaling.inputs)?;
            let mut theta = vec![0.0; shape.theta_len()];

            network.theta(&mut theta)?;

            let (mut out, mut work) = (vec![0.0; shape.outputs()], vec![0.0; shape.run_len()]);

            for x in scaled.chunks_exact(shape.inputs()) {
                Pipeline::unscaled(shape, &theta, &loaded).predict(x, &mut out, &mut work)?;
                answers.extend(out.iter().map(|y| y.to_bits()));
            }

            let whole = Pipeline {
                shape,
                theta: &theta,
                activations: &loaded,
                scaling,
            };

            let mut run = |raw: &[f32], out: &mut [f32]| whole.run(raw, out, &mut work).ok();
            answers.extend(answers_of(&x, shape.inputs(), shape.outputs(), &mut run));
        }
    }

    if let Contents::Integers(network) = image.contents() {
        let (mut weights, mut tables) = (
            vec![0; network.weights_len()],
            vec![[0; 256]; network.shape().types()],
        );
        let (mut biases, mut factors) = (
            vec![0; network.outputs_len()],
            vec![0; network.outputs_len()],
        );

        let room = Room {
            weights: &mut weights,
            biases: &mut biases,
            factors: &mut factors,
            tables: &mut tables,
        };

        let (mut pairs, mut units) = self::room(network.scaling());
        let scaling = network.scaling().load(&mut pairs, &mut units)?;
        let scaled = standardised(&x, scaling.inputs)?;
        let network = network.load(room)?;
        let shape = network.shape();
        let (mut q, mut out) = (vec![0; shape.inputs()], vec![0; shape.outputs()]);
        let mut work = vec![0; network.work_len()];

        for x in scaled.chunks_exact(shape.inputs()) {
            network.quantise(x, &mut q)?;
            network.predict(&q, &mut out, &mut work)?;
            answers.extend(out.iter().map(|&y| i32::from(y).cast_unsigned()));
        }

        let (inputs, outputs) = (shape.inputs(), shape.outputs());

        let mut run = |raw: &[f32], to: &mut [f32]| {
            let scratch = Scratch {
                q: &mut q,
                work: &mut work,
                y: &mut out,
            };
            network.run(&scaling, raw, to, scratch).ok()
        };

        answers.extend(answers_of(&x, inputs, outputs, &mut run));
    }

    Ok(answers)
}

/// Room for the pairs of inputs and outputs.
fn room(scales: &Scales<'_>) -> (Vec<[f32; 2]>, Vec<[f32; 2]>) {
    (
        vec![[0.0; 2]; scales.inputs_len()],
        vec![[0.0; 2]; scales.outputs_len()],
    )
}

fn standardised(x: &[f32], pairs: &[[f32; 2]]) -> Result<Vec<f32>> {
    let mut to = x.to_vec();
    if !pairs.is_empty() {
        for (x, to) in x.chunks(pairs.len()).zip(to.chunks_mut(pairs.len())) {
            standardise(x, pairs, to)?;
        }
    }
    Ok(to)
}

/// How strict the generated C is compiled.
const STRICT: [&str; 5] = ["-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror"];

impl Export<'_> {
    fn c_source(&self) -> PathBuf {
        self.folder.join(format!("{}.c", self.model.name))
    }

    fn c_runners(&self, hosts: &[(&str, &[&str])]) -> Result<Vec<Runner>> {
        let main = self.work.path().join("main.c");
        fs::write(&main, harness::c(&self.model, &self.golden)?)?;

        let source = self.c_source();

        let runner = |(tool, dialect): &(&str, &[&str])| {
            let name = format!("{} with {tool} {}", source.display(), dialect[0]);

            if let Some(outcome) = lack_of(tool) {
                return Ok(Runner::new(name, outcome));
            }

            let program = self
                .work
                .path()
                .join(format!("run-{}", tool.replace('+', "p")));
            let mut command = self.work.command(tool);

            command
                .args(*dialect)
                .args(STRICT)
                .args(["-O2", "-ffp-contract=off", "-I"])
                .arg(self.folder);

            // No library, not even the mathematical one, is named.
            command.arg(&source).arg(&main).arg("-o").arg(&program);

            let ran = done(&mut command).and_then(|()| answers(&mut Command::new(&program)));
            Ok(Runner::new(name, ran))
        };

        hosts.iter().map(runner).collect()
    }

    fn arm_runner(&self) -> Result<Runner> {
        let name = format!(
            "{} with arm-none-eabi-gcc for Cortex-M4F",
            self.c_source().display()
        );

        if let Some(outcome) = lack_of("arm-none-eabi-gcc") {
            return Ok(Runner::new(name, outcome));
        }

        let mut command = self.work.command("arm-none-eabi-gcc");
        command.args([
            "-mcpu=cortex-m4",
            "-mthumb",
            "-mfpu=fpv4-sp-d16",
            "-mfloat-abi=hard",
            "-std=c99",
            "-O2",
            "-c",
        ]);

        command
            .args(STRICT)
            .arg(self.c_source())
            .arg("-o")
            .arg(self.work.path().join("arm.o"));

        let outcome =
            done(&mut command).map_or_else(RunnerOutcome::Failed, |()| RunnerOutcome::Compiled);
        Ok(Runner::new(name, outcome))
    }

    fn rust_runner(&self, core: Option<&Path>) -> Result<Runner> {
        let source = self.folder.join(format!("{}.rs", self.model.name));
        let name = format!("{} with cargo", source.display());

        // The source that this program was built from, if it is still there.
        let built_from = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../core"));
        let core = core.map_or(built_from, Path::to_path_buf);

        if !core.join("Cargo.toml").exists() {
            let what = "the source of ldnn-core is needed; give it with `core` FOLDER";
            return Ok(Runner::new(name, RunnerOutcome::Missing(what)));
        }

        if lack_of("cargo").is_some() {
            let what = "cargo is not installed, or does not run";
            return Ok(Runner::new(name, RunnerOutcome::Missing(what)));
        }

        let project = self.work.path().join("rust");
        fs::create_dir_all(project.join("src"))?;
        fs::copy(&source, project.join("src/model.rs"))
            .with_context(|| format!("cannot copy '{}'", source.display()))?;
        fs::write(
            project.join("src/main.rs"),
            harness::rust(&self.model, &self.golden)?,
        )?;

        let core = core.canonicalize()?;
        let manifest = format!(
            "[package]\nname = \"verify\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\nldnn-core = {{ path = {core:?} }}\n\n[workspace]\n"
        );

        fs::write(project.join("Cargo.toml"), manifest)?;

        let mut command = self.work.command("cargo");
        command
            .args(["build", "--quiet", "--release", "--manifest-path"])
            .arg(project.join("Cargo.toml"));
        command
            .arg("--target-dir")
            .arg(project.join("target"))
            .env("RUSTFLAGS", "-D warnings");

        let ran = done(&mut command)
            .and_then(|()| answers(&mut Command::new(project.join("target/release/verify"))));

        let doubt = format!(
            "built with the ldnn-core in '{}'; if its source is not that of this program, name one that is with `core` \
             FOLDER",
            core.display()
        );

        Ok(Runner {
            doubt: Some(doubt),
            ..Runner::new(name, ran)
        })
    }
}

fn is_not_found(error: &anyhow::Error) -> bool {
    let kind = error.root_cause().downcast_ref::<std::io::Error>();
    kind.is_some_and(|e| e.kind() == std::io::ErrorKind::NotFound)
}

/// Why a tool cannot be used, if it cannot.
fn lack_of(tool: &str) -> Option<RunnerOutcome> {
    match child::output(Command::new(tool).arg("--version")) {
        Ok(out) if out.status.success() => None,
        Err(error) if is_not_found(&error) => Some(RunnerOutcome::Missing("it is not installed")),
        _ => Some(RunnerOutcome::Missing(
            "it is there, but does not run: its --version fails",
        )),
    }
}

/// Runs a compiler.
fn done(command: &mut Command) -> Result<()> {
    let out = child::output(command)?;
    ensure!(
        out.status.success(),
        "does not compile\n{}",
        String::from_utf8_lossy(&out.stderr)
    );

    Ok(())
}

/// What a program prints: one number per line, in hexadecimal.
fn answers(program: &mut Command) -> Result<AnswerBits> {
    let out = child::output(program)
        .context("the compiled program, among temporary files (TMPDIR names a place for them)")?;

    ensure!(
        out.status.success(),
        "the compiled program failed: {}",
        out.status
    );

    let text = String::from_utf8(out.stdout).context("the compiled program prints no text")?;
    text.lines()
        .map(|l| {
            u32::from_str_radix(l, 16).with_context(|| format!("the compiled program prints '{l}'"))
        })
        .collect()
}

impl Export<'_> {
    /// How far the answers are from those of `ldnn predict`, on the golden rows; nothing if there
    /// is no network.
    fn agreement(&self) -> Result<String> {
        let (model, golden) = (&self.model, &self.golden);
        let Some(shape) = &model.shape else {
            return Ok(String::new());
        };
        let outputs = shape.shape()?.outputs();

        let drawn = if golden.predicted.drawn {
            " that were drawn"
        } else {
            ""
        };

        let on_golden = AgreementOnRows {
            whose: format!("raw rows{drawn}"),
            agreement: Agreement::of(model, golden)?,
            tolerance: golden.predicted.tolerance,
            form: golden.predicted.form.clone(),
        };

        // Drawn rows combine inputs as no real row may: rows of a table tell more.
        match &golden.on_given_rows {
            Some(given) => given.check(model)?,
            None => on_golden.check(model)?,
        }

        let found = &on_golden.agreement;

        let mut text = format!(
            "\nagainst `ldnn predict` on {} {}: the largest difference is {:.3e}{} ({}: at most {:.3e})\n",
            found.rows,
            on_golden.whose,
            found.largest,
            unit(model),
            on_golden.form,
            on_golden.tolerance
        );

        if model.outputs == OutputFile::Classes {
            writeln!(
                text,
                "the same class on {} of {} rows",
                found.same, found.rows
            )?;
        }

        if let Some(beyond) = found.apart(model) {
            writeln!(text, "{beyond}")?;
        }

        if golden.predicted.drawn && golden.on_given_rows.is_none() {
            text += &beyond_tables(golden.predicted.outside);
            text += "`ldnn export --data FILE` compares on the rows of a table, too\n";
        }

        if golden.labels.len() == golden.classes.len() {
            text += &confusion(model, golden, outputs);
        }

        Ok(text)
    }
}

/// What drawn rows cannot show, if it may be much.
fn beyond_tables(outside: f64) -> String {
    if outside < MUCH_OUTSIDE {
        return String::new();
    }

    format!(
        "but {outside:.1} % of the pre-activations on the training rows are beyond the tables, and the drawn rows are \
         not: on such rows the export may be wrong (`ldnn export --percentile 100` has none)\n"
    )
}

/// How far the answers to rows of a table are from those of `ldnn predict`, as sentences.
pub(super) fn on_rows(model: &Deployed, on_rows: &AgreementOnRows) -> String {
    let (found, form) = (&on_rows.agreement, &on_rows.form);

    let mut text = format!(
        "against `ldnn predict` on {} {}: the largest difference is {:.3e}{} ({form}: at most {:.3e})",
        found.rows,
        on_rows.whose,
        found.largest,
        unit(model),
        on_rows.tolerance
    );

    if model.outputs == OutputFile::Classes {
        text += &format!(", the same class on {} of them", found.same);
    }

    if let Some(beyond) = found.apart(model) {
        text += &format!("; {beyond}");
    }

    text
}

/// A percentage of pre-activations beyond the tables that deserves a sentence. The percentile 99.9
/// leaves less.
const MUCH_OUTSIDE: f64 = 0.5;

/// What a difference is of.
fn unit(model: &Deployed) -> &'static str {
    match &model.outputs {
        OutputFile::Plain => "",
        OutputFile::Classes => " of a probability",
        OutputFile::Values { .. } => " standard deviations of a value",
    }
}

impl AgreementOnRows {
    /// Whether the difference is within the tolerance, on the rows within the input ranges.
    ///
    /// # Errors
    /// If not.
    fn check(&self, model: &Deployed) -> Result<()> {
        let found = &self.agreement;

        ensure!(
            found.largest <= self.tolerance,
            "the export differs from `ldnn predict` by up to {:.3e}{} on {} {} (row {} the most); {} may differ by {:.3e}. \
             Export again {}",
            found.largest,
            unit(model),
            found.rows,
            self.whose,
            found.row,
            self.form,
            self.tolerance,
            match &model.weights {
                WeightFile::Integers(_) =>
                    "in real numbers (`ldnn export --weights f32`), over another range (`ldnn export --range LOW,HIGH`), \
                     or compared on rows of your own, where drawn ones combine inputs as no real row does \
                     (`ldnn export --data FILE`)",
                _ =>
                    "with finer tables (`ldnn export --max-error 1e-5`), or over a wider range (`ldnn export --percentile \
                     100`)",
            }
        );

        Ok(())
    }
}

impl Agreement {
    /// Of the answers of an export, and of the predictions for the same rows.
    pub(super) fn of(model: &Deployed, golden: &Golden) -> Result<Agreement> {
        let (got, predicted) = (&golden.answers, &golden.predicted);

        ensure!(
            got.len() == predicted.answers.len(),
            "golden.json holds {} predictions for {}",
            predicted.answers.len(),
            got.len()
        );

        let most = most_tolerance(model);
        ensure!(
            predicted.tolerance > 0.0 && predicted.tolerance <= most,
            "golden.json asks for a tolerance of {:e}; of this export it is at most {most}: export again",
            predicted.tolerance
        );

        let (rows, pairs) = (golden.classes.len(), model.outputs.pairs());
        let outputs = (got.len() / rows.max(1)).max(1);
        let answers = got
            .chunks(outputs)
            .zip(predicted.answers.chunks(outputs))
            .enumerate();

        let mut found = Agreement::default();

        for (row, (got, right)) in answers {
            let largest = largest_difference(got, right, &pairs);

            if predicted.beyond.contains(&(row as u32)) {
                found.beyond += 1;
                found.largest_beyond = found.largest_beyond.max(largest);
                continue;
            }

            found.rows += 1;
            found.same += usize::from(golden.classes.get(row) == predicted.classes.get(row));

            if largest > found.largest {
                (found.largest, found.row) = (largest, row);
            }
        }

        Ok(found)
    }

    /// What is to be said about the rows beyond the ranges, if there are some.
    fn apart(&self, model: &Deployed) -> Option<String> {
        (self.beyond > 0).then(|| {
            format!(
                "on {} more {} with an input beyond its range in training it is {:.3e}{}, and nothing is promised",
                self.beyond,
                if self.beyond == 1 { "row" } else { "rows" },
                self.largest_beyond,
                unit(model)
            )
        })
    }
}

/// The largest difference of the outputs of a row; what is NaN is the worst of all.
fn largest_difference(got: &[u32], right: &[f64], pairs: &[[f32; 2]]) -> f64 {
    let sd = |i: usize| pairs.get(i).map_or(1.0, |[sd, _]| f64::from(*sd));
    let mut largest = 0.0f64;

    for (i, (&bits, right)) in got.iter().zip(right).enumerate() {
        let difference = (f64::from(f32::from_bits(bits)) - right).abs() / sd(i);
        // A file of JSON holds no infinity.
        largest = largest.max(if difference.is_finite() {
            difference
        } else {
            f64::MAX
        });
    }

    largest
}

/// Right classes and answers.
fn confusion(model: &Deployed, golden: &Golden, outputs: usize) -> String {
    let numbered = (0..outputs).map(|c| c.to_string()).collect();

    let classes: Vec<String> = if model.classes().is_empty() {
        numbered
    } else {
        model.classes().to_vec()
    };

    let head: Vec<&str> = std::iter::once("")
        .chain(classes.iter().map(String::as_str))
        .collect();
    let mut table = ReportTable::new("", &head);

    for (class, name) in classes.iter().enumerate() {
        let of = |answer: usize| {
            let pairs = golden.classes.iter().zip(&golden.labels);
            pairs
                .filter(|(a, l)| usize::from(**a) == answer && usize::from(**l) == class)
                .count()
        };
        table.row(std::iter::once(name.clone()).chain((0..outputs).map(|a| of(a).to_string())));
    }

    format!(
        "\nconfusion matrix (rows: the right class; columns: the answer):\n{}\n",
        table.to_text()
    )
}
