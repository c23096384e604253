//! `ldnn export`

use super::apply::rows_for_export;
use super::common::{NO_TASK, OutArgs, TaskArgs};
use super::files::{Files, holds};
use super::idle::Typed;
use super::plan::Plan;
use super::settings::Flags;
use super::tables::TableArgs;
use crate::config::Layers;
use crate::data::Standardisation;
use crate::data::task::{ExampleTargets, Examples, Task};
use crate::deploy::{
    self, Budget, ExportConfig, ExportScope, FormChoice, Format, Given, I8_ENTRIES, Weights,
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

        if let Some((form, _)) = &file {
            export.format = vec![Format::of(*form)];
        }

        self.check_untrained(&export, &given)?;
        let flags = self.export.given("export");
        self.check_idle(&export, &given, &Typed::new(&flags, &layers))?;

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

        let file = self.task.file(layers)?;
        ensure!(
            file.is_some() || table.is_default(),
            "--delimiter, --header and --no-header are for the table of --data; leave them out"
        );

        Ok(match file {
            None => (NO_TASK.into(), rows_of(model, None, table)?),
            Some(path) => (
                path.display().to_string(),
                rows_of(model, Some(&path), table)?,
            ),
        })
    }

    /// Refuses settings that nothing uses of what is written.
    fn check_idle(&self, export: &ExportConfig, given: &Given, typed: &Typed) -> Result<()> {
        let is_one_file = self.file()?.is_some();
        typed.refuse(
            is_one_file,
            &["name"],
            "is of the files of a folder, and `out` names the file",
        )?;

        let has = |form: ExportFormat| export.format.contains(&Format::of(form));
        typed.refuse(
            !has(ExportFormat::Onnx),
            &["onnx_activations"],
            "is of `format` onnx",
        )?;
        typed.refuse(!has(ExportFormat::Txt), &["samples"], "is of `format` txt")?;

        let sizes = ["knots", "max_error", "bytes"];
        let of_devices = ["percentile", "range", "beyond", "golden", "with_rows"];
        let is_for_devices = export.is_for_devices();
        typed.refuse(
            !is_for_devices,
            &[&sizes[..], &of_devices].concat(),
            "is of formats for devices (rust, c, postcard, json)",
        )?;
        typed.refuse(
            export.weights == Weights::Int8,
            &sizes,
            "is of tables of real numbers, and those of `weights` int8 have 256 entries",
        )?;
        typed.refuse(
            export.with_rows > 0,
            &["golden"],
            "is the number of drawn rows, and with `with_rows` there are none",
        )?;

        let is_trained = !matches!(given, Given::Activations(_));
        let trains = !is_trained && (is_for_devices || export.what == ExportScope::Network);
        let draws = trains || is_for_devices && export.with_rows == 0;
        typed.refuse(!draws, &["seed"], "has nothing to decide here")?;

        ensure!(
            trains || is_for_devices || self.task.is_default() || !needs_no_rows(export, given),
            "`task` or `data`: files for other programs need no rows here; leave it out"
        );

        Ok(())
    }

    /// Refuses flags of a training, where no network is trained.
    fn check_untrained(&self, export: &ExportConfig, given: &Given) -> Result<()> {
        let why = match given {
            Given::Activations(_) if export.is_for_devices() => return Ok(()),
            Given::Activations(_) if export.what == ExportScope::Network => return Ok(()),
            Given::Activations(_) => "activations alone are written, without a network",
            _ => "the network is trained already",
        };

        let given = self.export.given("");
        let train = given.get("train").and_then(Value::as_table);
        let first = train.and_then(|train| train.keys().next());
        let own = given.keys().find(|key| *key == "activation");
        let idle = first.or(own);

        if let Some(name) = idle {
            bail!("`{name}`: {why}; leave it out");
        }

        let (resolved, usual) = (&export.train, ExportConfig::default().train);
        ensure!(
            (&resolved.hidden, resolved.epochs) == (&usual.hidden, usual.epochs)
                && resolved.lr == usual.lr,
            "settings of a training: {why}; leave out `train.lr`, `train.epochs` and `train.hidden`"
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

/// Whether files for other programs are made without rows: of a model, which knows its units, and of
/// activations alone.
fn needs_no_rows(export: &ExportConfig, given: &Given) -> bool {
    match given {
        Given::Model(_) => true,
        Given::Activations(_) => export.what == ExportScope::Activations,
        Given::Network(..) => false,
    }
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

impl OneFile {
    fn bytes(&self) -> Result<Vec<u8>> {
        let ExportSettings { export, given, .. } = &self.settings;
        deploy::single(export, given, &self.task, self.form)
    }
}

impl Plan for OneFile {
    fn describe(&self) -> Result<String> {
        Ok(format!("# to {}\n{}", self.path.display(), self.config()?))
    }

    fn config(&self) -> Result<String> {
        toml::to_string(&self.settings).context("the settings cannot be written as TOML")
    }

    fn files(&self) -> Result<Files> {
        // As of a run folder: the same export again is no loss, another one is.
        let is_same = |path: &Path| self.bytes().is_ok_and(|bytes| holds(path, &bytes));
        let files = Files::reading(self.inputs.iter().cloned());
        Ok(files.writing(&self.path, is_same).replacing(self.replace))
    }

    fn execute(&self, _: Output) -> Result<String> {
        let bytes = self.bytes()?;
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
