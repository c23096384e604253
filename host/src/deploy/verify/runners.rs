//! What runs an export: the core itself, the image, and programs that compilers make of the code.

use super::super::golden::Golden;
use super::super::harness;
use super::answers::{AnswerBits, expected};
use super::folder::Export;
use super::image::answers_of_image;
use crate::deploy::Deployed;
use crate::support::child;
use crate::support::regular::{self, Most};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Something that runs an export, and what came of it.
pub struct Runner {
    pub name: String,
    pub outcome: RunnerOutcome,
    /// What else may be wrong than the export, if its answers differ.
    pub doubt: Option<String>,
}

impl Runner {
    pub fn new(name: String, outcome: impl Into<RunnerOutcome>) -> Runner {
        Runner {
            name,
            outcome: outcome.into(),
            doubt: None,
        }
    }
}

pub enum RunnerOutcome {
    /// It ran.
    Answers(AnswerBits),
    /// It compiled; there is nothing to run it on.
    Compiled,
    /// The tool is not there.
    Missing(&'static str),
    /// It does not compile or does not run.
    Failed(anyhow::Error),
}

impl From<Result<AnswerBits>> for RunnerOutcome {
    fn from(answers: Result<AnswerBits>) -> RunnerOutcome {
        answers.map_or_else(RunnerOutcome::Failed, RunnerOutcome::Answers)
    }
}

impl Export<'_> {
    /// The core itself, the image, and what `hosts` make of the C.
    pub fn runners(&self, hosts: &[(&str, &[&str])]) -> Result<Vec<Runner>> {
        let mut runners = vec![in_process(&self.model, &self.golden)];
        if self.has("ldnn") {
            runners.push(from_image(self.folder, &self.model, &self.golden));
        }

        if self.has("c") {
            runners.extend(self.c_runners(hosts)?);
        }

        Ok(runners)
    }
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

/// The image, loaded as a device loads it.
fn from_image(folder: &Path, model: &Deployed, golden: &Golden) -> Runner {
    let name = format!("{}.ldnn, as a device loads it", model.name);
    let bytes = regular::read(&folder.join(format!("{}.ldnn", model.name)), Most::Memory)
        .map_err(anyhow::Error::from);

    Runner::new(
        name,
        bytes.and_then(|bytes| answers_of_image(&bytes, golden)),
    )
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

    pub fn arm_runner(&self) -> Result<Runner> {
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

    pub fn rust_runner(&self, core: Option<&Path>) -> Result<Runner> {
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
        let bytes = regular::read(&source, Most::Memory)
            .with_context(|| format!("cannot copy '{}'", source.display()))?;
        fs::write(project.join("src/model.rs"), bytes)?;
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
