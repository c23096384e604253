//! `ldnn export` and `ldnn verify`

use super::apply::rows_for_export;
use super::common::{ConfigArgs, NO_TASK, OutArgs, TaskArgs};
use super::files::{Files, is_interchange};
use super::plan::Plan;
use super::settings::Flags;
use super::tables::TableArgs;
use crate::config::Layers;
use crate::data::Standardisation;
use crate::data::task::{ExampleTargets, Examples, Task};
use crate::deploy::{
    self, Budget, ExportConfig, ExportScope, FormChoice, Format, Given, I8_ENTRIES,
};
use crate::formats::{ExportFormat, read_activations};
use crate::model::activations::{LearnedActivations, base_named};
use crate::model::{Model, NetworkFile};
use crate::run::RunFolder;
use crate::run::folder::FAILED;
use crate::support::atomic::write_atomically;
use crate::support::progress::Output;
use crate::support::regular::{self, Most};
use crate::support::stop::Stopped;
use crate::train::TrainConfig;
use anyhow::{Context, Result, bail, ensure};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use toml::Value;

#[derive(clap::Args)]
#[command(after_help = EXPORT_EXAMPLES, allow_negative_numbers = true, args_override_self = true)]
#[command(mut_arg("every", |arg| arg.hide(true)))]
#[command(mut_arg("lr", |arg| arg.help("Learning rate").hide_default_value(false)))]
#[command(mut_arg("replace", |arg| arg.help("Delete a run with other settings that the folder holds, or overwrite the FILE")))]
pub struct ExportArgs {
    /// A model of `ldnn train`, a run folder of `ldnn meta`, its activations.json, or a trained
    /// network (networks/NAME-SEED.json of `ldnn validate
    /// --keep-networks`); without learned activations, a base function's name
    #[arg(value_name = "RUN")]
    run: Option<PathBuf>,
    #[command(flatten)]
    task: TaskArgs,
    #[command(flatten)]
    export: Flags<ExportConfig>,

    #[command(flatten)]
    table: TableArgs,

    #[command(flatten)]
    pub out: OutArgs,
}

const EXPORT_EXAMPLES: &str = "\
Examples:
  ldnn export out/meta                                   two tables within 0.001, in Rust, C and postcard
  ldnn export out/meta --bytes 200 --form i16            the best that 200 bytes can do
  ldnn export out/meta --what network --lr 0.1 --epochs 30 --out out/device
  ldnn export out/meta --what network --weights int8     everything in integers
  ldnn export gestures.ldnn --out firmware               a model of `ldnn train`, its standardisation included
  ldnn export out/validate/networks/mix-101.json         a trained network
  ldnn verify out/export                                 compile it and compare bit for bit
  ldnn export gestures.ldnn --out gestures.safetensors   for PyTorch; `ldnn import` takes it back
  ldnn export gestures.ldnn --out gestures.onnx          for onnxruntime and others, raw inputs to probabilities
  ldnn export out/meta --format txt,npz,safetensors      the activations alone, for other programs

The C has one call, NAME_run(raw, out): raw inputs to the class and the probabilities, or to values in the units of the table; the Rust
module has run(&raw, &mut out).

What was written is verified at once: by the core, as an image, and in C if gcc is there; `ldnn verify` does the rest.

From activations alone a network is trained with them, on the task: it tells which pre-activations occur and what tables cost in
accuracy. Inputs and targets of --data FILE.npz are standardised for that; the export takes and gives your units. A model of `ldnn train`
knows its ranges; --data FILE, any table that `ldnn train` reads, reports accuracy and difference from `ldnn predict` on its rows,
and fails if the difference is beyond the tolerance on a row within the input ranges of training. The folder gets NAME.rs, NAME.h and NAME.c, NAME.ldnn, model.json, golden.json, pareto.csv and report.txt; for other programs
NAME.safetensors, NAME.onnx, NAME.npz and NAME.txt.";

#[derive(Serialize)]
struct ExportSettings {
    from: String,
    task: String,
    export: ExportConfig,
    /// How the table of `--data` is written down.
    #[serde(skip_serializing_if = "TableArgs::is_default")]
    table: TableArgs,
    given: Given,
}

/// What of the settings can be asked for.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExportRequest {
    from: String,
    task: String,
    export: ExportConfig,
    #[serde(default, skip_serializing_if = "TableArgs::is_default")]
    table: TableArgs,
    /// What a stored run was given; it is read again.
    #[serde(default, skip_serializing, rename = "given")]
    _given: IgnoredAny,
}

impl ExportArgs {
    pub fn resolve(&self) -> Result<Box<dyn Plan>> {
        let layers = self.out.layers("export")?;
        let run = self.run.as_ref().map(|run| run.display().to_string());
        let run: String = layers
            .pick("from", run)?
            .context("what is to be exported? Give RUN, such as out/meta")?;

        let (given, base) = given_in(Path::new(&run))?;
        self.check_out(Path::new(&run))?;

        let file = self.file()?;
        let given_table = (!self.table.is_default()).then(|| self.table.clone());
        let table = layers.pick("table", given_table)?.unwrap_or_default();
        let (task_name, task) = self.task(&layers, &given, &table)?;

        let default = ExportRequest {
            from: run.clone(),
            task: task_name.clone(),
            export: match given {
                Given::Model(_) => ExportConfig::of_model(),
                Given::Network(..) => ExportConfig {
                    what: ExportScope::Network,
                    ..ExportConfig::default()
                },
                Given::Activations(_) => ExportConfig::default(),
            },
            table: table.clone(),
            _given: IgnoredAny,
        };

        let ExportRequest { mut export, .. } =
            layers.resolve(default, &self.export.given("export"))?;

        if !matches!(given, Given::Activations(_)) {
            self.check_untrained(&export.train)?;
        }

        if let Some((form, _)) = &file {
            export.format = vec![Format::of(*form)];
        }

        if let Some(base) = base {
            export.activation = base;
        }

        // Such a table has one size, and so the error that it has.
        let any_size =
            export.budget == Budget::default() && !self.export.given("").contains_key("budget");
        if export.form == FormChoice::I8 && any_size {
            export.budget = Budget::Knots(I8_ENTRIES);
        }

        // Unless something else is asked for.
        if export.form == FormChoice::Auto && any_size && export.range.is_none() {
            export = export.as_trained(&given);
        }

        export.train = TrainConfig {
            batch: export.train.batch.min(task.train.rows()).max(1),
            every: export.train.epochs.max(1),
            ..export.train.settled()?
        };

        export.check(&task, &given)?;

        let inputs: Vec<PathBuf> = TaskArgs::file_of(&task_name)
            .into_iter()
            .chain([PathBuf::from(&run)])
            .collect();

        let settings = ExportSettings {
            from: run,
            task: task_name,
            export,
            table,
            given,
        };

        Ok(match file {
            Some((form, path)) => Box::new(OneFile {
                settings,
                task,
                form,
                path,
                inputs,
                replace: self.out.replace,
            }),
            None => Box::new(
                self.out
                    .plan("out/export", settings, task, write)
                    .reading(inputs),
            ),
        })
    }

    /// The rows on which the export is tested: of a model those of `--data`, else of a task.
    fn task(&self, layers: &Layers, given: &Given, table: &TableArgs) -> Result<(String, Task)> {
        let Given::Model(model) = given else {
            ensure!(
                table.is_default(),
                "--delimiter, --header and --no-header are for the table of a model of `ldnn train`; leave them out"
            );
            let run = self.run.iter().cloned().collect::<Vec<_>>();
            return self.task.load_like(layers, &run);
        };

        Ok(match self.task.file(layers)? {
            None => (NO_TASK.into(), rows_of(model, None, table)?),
            Some(path) => (
                path.display().to_string(),
                rows_of(model, Some(&path), table)?,
            ),
        })
    }

    /// Refuses flags of a training, which a network that is trained does not get.
    fn check_untrained(&self, resolved: &TrainConfig) -> Result<()> {
        let given = self.export.given("");
        let train = given.get("train").and_then(Value::as_table);
        let first = train.and_then(|train| train.keys().next());
        let own = given.keys().find(|key| *key == "activation");
        let idle = first.or(own);

        if let Some(name) = idle {
            bail!("`{name}`: the network is trained already; leave it out");
        }

        let usual = ExportConfig::default().train;
        ensure!(
            (&resolved.hidden, resolved.epochs) == (&usual.hidden, usual.epochs)
                && resolved.lr == usual.lr,
            "settings of a training: the network is trained already; leave out `train.lr`, `train.epochs` and \
             `train.hidden`"
        );

        Ok(())
    }

    /// Refuses an `--out` that is what is exported.
    fn check_out(&self, run: &Path) -> Result<()> {
        let Some(out) = self.out.out.as_ref().filter(|out| out.is_file()) else {
            return Ok(());
        };

        ensure!(
            out.canonicalize().ok() != run.canonicalize().ok(),
            "--out '{}' is the file that is to be exported; give a folder, such as --out out/export",
            out.display()
        );

        Ok(())
    }

    /// The one file, if `--out` names one.
    fn file(&self) -> Result<Option<(ExportFormat, PathBuf)>> {
        let Some(path) = self.out.out.as_ref().filter(|path| !path.is_dir()) else {
            return Ok(None);
        };
        let extension = path
            .extension()
            .map(|e| e.to_string_lossy().to_lowercase())
            .unwrap_or_default();
        let Some(form) = ExportFormat::ALL
            .into_iter()
            .find(|f| f.extension() == extension)
        else {
            return self.is_folder(path, &extension).map(|()| None);
        };

        let formats = self.export.given("").remove("format");
        let formats: Vec<Format> = formats.map_or(Ok(vec![]), Value::try_into)?;

        ensure!(
            formats.iter().all(|&f| f == Format::of(form)),
            "--out '{}' names one file of the format {extension}; for other formats give a folder",
            path.display()
        );

        Ok(Some((form, path.clone())))
    }

    /// Whether `--out` means a folder: a name with the ending of some file does not.
    fn is_folder(&self, path: &Path, extension: &str) -> Result<()> {
        let text = path.to_string_lossy();

        if extension.is_empty()
            || text.ends_with('/')
            || extension.chars().all(|c| c.is_ascii_digit())
        {
            return Ok(());
        }

        let stem = path
            .file_stem()
            .map_or_else(String::new, |s| s.to_string_lossy().into_owned());

        let format = match extension {
            "c" | "h" => Some("c"),
            "rs" => Some("rust"),
            "ldnn" => Some("postcard"),
            "json" => Some("json"),
            _ => None,
        };

        if let Some(format) = format {
            bail!(
                "--out '{text}': this format comes with other files, which go into a folder together; give \
                 --format {format} --name {stem} --out FOLDER"
            );
        }

        bail!(
            "--out '{text}': there is no format {extension}; one file can be {}; rust, c and postcard go into a folder \
             ('{text}/' is one)",
            ExportFormat::ALL
                .map(|f| format!(".{}", f.extension()))
                .join(", ")
        )
    }
}

/// What RUN holds, and the base function that it names instead of a file.
fn given_in(run: &Path) -> Result<(Given, Option<String>)> {
    let name = run.to_string_lossy();
    if !run.exists() && base_named(&name).is_ok() {
        let none = LearnedActivations {
            version: LearnedActivations::VERSION,
            provenance: "a base function".into(),
            layers: 1,
            types: vec![],
        };
        return Ok((Given::Activations(none), Some(name.into_owned())));
    }

    ensure!(
        run.exists(),
        "there is no '{name}'; give a model of `ldnn train`, a run folder of `ldnn meta` or its activations.json, a network \
         of `ldnn validate --keep-networks`, or the name of a base function, such as relu"
    );

    let text = regular::read_to_string(run, Most::Memory).unwrap_or_default();
    let is_json = text.trim_start().starts_with('{');
    if is_json && text.contains("\"purpose\"") {
        return Ok((Given::Model(Box::new(Model::read(run)?)), None));
    }

    if is_json && text.contains("\"params\"") {
        let model = Box::new(NetworkFile::read(run)?);
        return Ok((Given::Network(name.into_owned(), model), None));
    }

    let activations = read_activations(run).context("RUN")?;
    Ok((Given::Activations(activations), None))
}

/// The rows of a file as a model takes them, both for ranges and for testing; none without a file.
fn rows_of(model: &Model, file: Option<&Path>, table: &TableArgs) -> Result<Task> {
    let (inputs, outputs) = (
        model.inputs.len(),
        model.network.widths.last().copied().unwrap_or(0),
    );

    let none = || Examples::new(vec![], ExampleTargets::Classes(vec![]), inputs);

    let (rows, are_labelled) = match file {
        Some(path) => {
            let reading = table.reading(vec![], vec![])?;
            rows_for_export(model, path, &reading)
                .with_context(|| format!("--data '{}'", path.display()))?
        }
        None => (none(), false),
    };

    let test = if are_labelled { rows.clone() } else { none() };

    let name = file.map_or_else(|| "no rows".into(), |path| path.display().to_string());

    Ok(Task {
        name,
        inputs,
        outputs,
        train: rows,
        test,
        scales: Standardisation::default(),
    })
}

/// One file for another program.
struct OneFile {
    settings: ExportSettings,
    task: Task,
    form: ExportFormat,
    path: PathBuf,
    inputs: Vec<PathBuf>,
    replace: bool,
}

impl Plan for OneFile {
    fn describe(&self) -> Result<String> {
        Ok(format!("# to {}\n{}", self.path.display(), self.config()?))
    }

    fn config(&self) -> Result<String> {
        toml::to_string(&self.settings).context("the settings cannot be written as TOML")
    }

    fn files(&self) -> Result<Files> {
        let files = Files::reading(self.inputs.iter().cloned());
        Ok(files
            .writing(&self.path, is_interchange)
            .replacing(self.replace))
    }

    fn execute(&self, _: Output) -> Result<String> {
        let bytes = deploy::single(
            &self.settings.export,
            &self.settings.given,
            &self.task,
            self.form,
        )?;

        write_atomically(&self.path, &bytes)?;
        Ok(format!("{} ({} bytes)", self.path.display(), bytes.len()))
    }
}

fn write(settings: &ExportSettings, task: &Task, folder: &RunFolder, _: Output) -> Result<String> {
    let text = deploy::run(&settings.export, &settings.given, task, folder)?.to_text(folder);
    if !settings.export.is_for_devices() {
        return Ok(text);
    }

    // Of an earlier start of the same command.
    let _ = fs::remove_file(folder.file(FAILED));

    match deploy::verify::at_once(folder.path()) {
        Ok(verified) => Ok(format!("{}\n\n{verified}", text.trim_end())),
        Err(error) => {
            if !error.is::<Stopped>() {
                folder.write(FAILED, format!("{error:#}\n"))?;
            }
            Err(found_wrong(error))
        }
    }
}

/// A verdict on an export; that the user stopped the verification is none.
fn found_wrong(error: anyhow::Error) -> anyhow::Error {
    if error.is::<Stopped>() {
        error
    } else {
        error.context("the export is written, and wrong")
    }
}

#[derive(clap::Args, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[command(after_help = "\
Compiles NAME.c with gcc -std=c99, g++ and arm-none-eabi-gcc, warnings as errors, and NAME.rs with cargo, as far as these are installed,
loads NAME.ldnn as a device does, runs all of them on golden.json and compares every bit with the core; and the answers with those of
`ldnn predict` to the same raw rows. The first difference of bits is an error (exit code 1), and so are a file that is not, byte for
byte, what model.json and golden.json give, and answers that differ from `ldnn predict` by more than 0.001 and 20 times the largest error of the tables on these rows, at most 0.25 (a probability, or standard
deviations of a value), or by more than 0.5 with 8-bit integers. The checksums in golden.json guard against accident, not malice.
The programs are compiled among the system's temporary files (TMPDIR), and deleted; nothing in FOLDER changes.")]
pub struct VerifyArgs {
    /// A folder of `ldnn export`
    #[arg(value_name = "FOLDER", default_value = "out/export")]
    folder: PathBuf,
    /// The source of ldnn-core, for the generated Rust [default: what this program was built from]
    #[arg(long, value_name = "FOLDER")]
    core: Option<PathBuf>,
    #[command(flatten)]
    #[serde(skip)]
    pub config: ConfigArgs,
}

/// Refuses a folder that is not the source of ldnn-core.
fn check_core(core: &Path) -> Result<()> {
    let name = core.display();
    ensure!(core.is_dir(), "--core: there is no folder '{name}'");

    let manifest = regular::read_to_string(&core.join("Cargo.toml"), Most::Settings).ok();
    let manifest = manifest.and_then(|text| text.parse::<toml::Table>().ok());
    let package = manifest
        .as_ref()
        .and_then(|all| all.get("package")?.get("name")?.as_str());

    ensure!(
        package == Some("ldnn-core"),
        "--core '{name}': that is not the source of ldnn-core; give the folder with its Cargo.toml, as `core` of the \
         sources of ldnn"
    );

    Ok(())
}

/// The plan to verify.
pub struct Verify {
    folder: PathBuf,
    core: Option<PathBuf>,
}

impl VerifyArgs {
    pub fn resolve(&self) -> Result<Verify> {
        let name = self.folder.display();

        ensure!(
            !self.folder.is_file(),
            "'{name}' is a file; what is verified is a folder with code, as `ldnn export MODEL --out FOLDER` makes it"
        );

        ensure!(
            self.folder.is_dir(),
            "there is no folder '{name}'; `ldnn export MODEL --out {name}` makes it"
        );

        if let Some(core) = &self.core {
            check_core(core)?;
        }

        Ok(Verify {
            folder: self.folder.clone(),
            core: self.core.clone(),
        })
    }
}

impl Plan for Verify {
    fn describe(&self) -> Result<String> {
        Ok(format!("verify {}", self.folder.display()))
    }

    fn files(&self) -> Result<Files> {
        Ok(Files::reading([self.folder.clone()]))
    }

    fn execute(&self, _: Output) -> Result<String> {
        deploy::verify::verify(&self.folder, self.core.as_deref())
    }
}
