//! `ldnn export` and `ldnn verify`

use super::apply::labelled_rows;
use super::common::{ConfigArgs, OutArgs, TaskArgs, given_on};
use super::files::{Files, is_interchange};
use super::plan::Plan;
use super::tables::TableArgs;
use crate::data::Scales;
use crate::data::task::{Set, SetTarget, Task};
use crate::deploy::{self, Beyond, Budget, ExportConfig, FormChoice, Format, Given, Weights, What};
use crate::formats::onnx::Way;
use crate::formats::{Form, read_activations};
use crate::model::activations::{Activations, SAMPLES, base_named};
use crate::model::{Model, Trained};
use crate::run::RunFolder;
use crate::support::atomic::write_atomically;
use crate::support::progress::Output;
use crate::train::{Optimiser, TrainConfig};
use anyhow::{Context, Result, bail, ensure};
use clap::ArgMatches;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
#[command(after_help = EXPORT_EXAMPLES, allow_negative_numbers = true, args_override_self = true)]
#[command(mut_arg("replace", |arg| arg.help("Delete a run with other settings that the folder holds, or overwrite the FILE")))]
pub struct ExportArgs {
    /// A model of `ldnn train`, a run folder of `ldnn meta`, its activations.json, or a trained network (networks/NAME-SEED.json of `ldnn validate
    /// --keep-networks`); without learned activations, a base function's name
    #[arg(value_name = "RUN")]
    run: Option<PathBuf>,
    #[command(flatten)]
    task: TaskArgs,
    /// What to write [default: rust,c,postcard,json; with --out FILE.onnx and the like, that file]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    format: Vec<Format>,
    /// The tables alone, or the whole network [default: network, where RUN is one; else activations]
    #[arg(long, value_name = "NAME")]
    what: Option<What>,
    /// The numbers of the network
    #[arg(long, default_value = "f32", value_name = "NAME")]
    weights: Weights,
    /// The form of the tables
    #[arg(long, default_value = "auto", value_name = "NAME")]
    form: FormChoice,
    /// So many knots a table
    #[arg(long, value_name = "N", group = "size")]
    knots: Option<u32>,
    /// The smallest tables with no larger error than this [default: 0.001]
    #[arg(long, value_name = "E", group = "size")]
    max_error: Option<f64>,
    /// The best tables within so many bytes altogether
    #[arg(long, value_name = "N", group = "size")]
    bytes: Option<usize>,
    /// Tables span this share, in percent, of the pre-activations that the training rows cause
    #[arg(
        long,
        default_value_t = 99.9,
        value_name = "PERCENT",
        conflicts_with = "range"
    )]
    percentile: f64,
    /// Tables span this range instead
    #[arg(long, value_name = "LOW,HIGH", value_parser = pair, allow_hyphen_values = true)]
    range: Option<(f32, f32)>,
    /// What tables do beyond their range: go on along the last line, or stay at the last value
    #[arg(long, default_value = "linear", value_name = "NAME")]
    beyond: Beyond,
    /// The prefix of names in code, and of files
    #[arg(long, default_value = "ldnn_model", value_name = "NAME")]
    name: String,
    /// Golden rows for `ldnn verify`, drawn by the seed from the ranges of the inputs, where the tables hold
    #[arg(long, default_value_t = 200, value_name = "N")]
    golden: usize,
    /// Make N test rows, or N rows of --data, with their targets the golden rows instead; an export holds no row of a table otherwise
    #[arg(long, default_value_t = 0, value_name = "N")]
    with_rows: usize,
    /// Of learned activations: mix, type1, type2, ...
    #[arg(long, default_value = "mix", value_name = "NAME")]
    activation: String,
    /// Widths of the hidden layers of the network that is trained with them
    #[arg(
        long,
        default_value = "100",
        value_name = "N,...",
        value_delimiter = ','
    )]
    hidden: Vec<usize>,
    /// Its passes over the training rows
    #[arg(long, default_value_t = 50, value_name = "N")]
    epochs: usize,
    /// Its learning rate (SGD, momentum 0.8, batches of 200)
    #[arg(long, default_value_t = 0.05, value_name = "X")]
    rate: f64,
    /// The seed of its weights, and of the golden rows
    #[arg(long, default_value_t = 101, value_name = "N")]
    seed: u64,
    /// How ONNX holds learned activations
    #[arg(long, default_value = "tables", value_name = "NAME")]
    onnx_activations: Way,
    /// Samples of a type in txt; the authors' program takes 50 as it was published
    #[arg(long, default_value_t = SAMPLES, value_name = "N")]
    samples: usize,
    #[command(flatten)]
    pub out: OutArgs,
}

const EXPORT_EXAMPLES: &str = "\
Examples:
  ldnn export out/meta                                   two tables within 0.001, in Rust, C and postcard
  ldnn export out/meta --bytes 200 --form i16            the best that 200 bytes can do
  ldnn export out/meta --what network --rate 0.1 --epochs 30 --out out/device
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

/// Two numbers with a comma between.
fn pair(text: &str) -> Result<(f32, f32), String> {
    let parse = |part: &str| {
        part.trim()
            .parse()
            .map_err(|_| format!("'{part}' is no number; give two, as in -4,4"))
    };
    let (low, high) = text.split_once(',').ok_or("give two numbers, as in -4,4")?;
    Ok((parse(low)?, parse(high)?))
}

#[derive(Serialize)]
struct Settings {
    from: String,
    task: String,
    export: ExportConfig,
    given: Given,
}

/// What of the settings can be asked for.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    from: String,
    task: String,
    export: ExportConfig,
    /// What a stored run was given; it is read again.
    #[serde(default, skip_serializing, rename = "given")]
    _given: IgnoredAny,
}

/// The flags, and the settings that they are.
const FLAGS: [(&str, &str); 21] = [
    ("format", "export.formats"),
    ("what", "export.what"),
    ("weights", "export.weights"),
    ("form", "export.form"),
    ("knots", "export.budget"),
    ("max_error", "export.budget"),
    ("bytes", "export.budget"),
    ("percentile", "export.percentile"),
    ("range", "export.range"),
    ("beyond", "export.beyond"),
    ("name", "export.name"),
    ("golden", "export.golden"),
    ("with_rows", "export.with_rows"),
    ("activation", "export.activation"),
    ("hidden", "export.train.hidden"),
    ("epochs", "export.train.epochs"),
    ("epochs", "export.train.every"),
    ("rate", "export.train.rate"),
    ("seed", "export.seed"),
    ("onnx_activations", "export.onnx_activations"),
    ("samples", "export.samples"),
];

impl ExportArgs {
    pub fn resolve(&self, matches: &ArgMatches) -> Result<Box<dyn Plan>> {
        let layers = self.out.layers("export")?;
        let run: String = layers
            .pick(
                "from",
                self.run.as_ref().map(|run| run.display().to_string()),
            )?
            .context("what is to be exported? Give RUN, such as out/meta")?;
        let (given, activation) = self.given(Path::new(&run))?;
        let file = self.file()?;
        let (task_name, task) = match &given {
            Given::Trained(model) => match self.task.file(&layers)? {
                None => ("none".into(), rows_of(model, None)?),
                Some(path) => (path.display().to_string(), rows_of(model, Some(&path))?),
            },
            _ => self.task.load(&layers)?,
        };
        let export = ExportConfig {
            name: self.name.clone(),
            formats: if self.format.is_empty() {
                Format::DEVICE.to_vec()
            } else {
                self.format.clone()
            },
            what: self.what.unwrap_or(match given {
                Given::Trained(_) | Given::Network(..) => What::Network,
                Given::Activations(_) => What::Activations,
            }),
            weights: self.weights,
            form: self.form,
            budget: match (self.knots, self.bytes) {
                (Some(n), _) => Budget::Knots(n),
                (_, Some(n)) => Budget::Bytes(n),
                _ => Budget::MaxError(self.max_error.unwrap_or(1e-3)),
            },
            percentile: self.percentile,
            range: self.range,
            beyond: self.beyond,
            golden: self.golden,
            with_rows: self.with_rows,
            seed: self.seed,
            train: TrainConfig {
                hidden: self.hidden.clone(),
                optimiser: Optimiser::Sgd,
                rate: self.rate,
                momentum: 0.8,
                batch: 200.min(task.train.rows()).max(1),
                epochs: self.epochs,
                shuffle: true,
                every: self.epochs.max(1),
            },
            activation,
            onnx_activations: self.onnx_activations,
            samples: self.samples,
        };
        let asked = Asked {
            from: run.clone(),
            task: task_name.clone(),
            export,
            _given: IgnoredAny,
        };
        let Asked { mut export, .. } = layers.resolve_given(asked, &given_on(matches, &FLAGS))?;
        if let Some((form, _)) = &file {
            export.formats = vec![Format::of(*form)];
        }
        export.check(&task, &given)?;
        let inputs: Vec<PathBuf> = TaskArgs::file_of(&task_name)
            .into_iter()
            .chain([PathBuf::from(&run)])
            .collect();
        let settings = Settings {
            from: run,
            task: task_name,
            export,
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

    /// The one file, if `--out` names one.
    fn file(&self) -> Result<Option<(Form, PathBuf)>> {
        let Some(path) = self.out.out.as_ref().filter(|path| !path.is_dir()) else {
            return Ok(None);
        };
        let extension = path
            .extension()
            .map(|e| e.to_string_lossy().to_lowercase())
            .unwrap_or_default();
        let Some(form) = Form::ALL.into_iter().find(|f| f.extension() == extension) else {
            return self.is_folder(path, &extension).map(|()| None);
        };
        ensure!(
            self.format.iter().all(|&f| f == Format::of(form)),
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
            Form::ALL.map(|f| format!(".{}", f.extension())).join(", ")
        )
    }

    fn given(&self, run: &Path) -> Result<(Given, String)> {
        let name = run.to_string_lossy();
        if !run.exists() && base_named(&name).is_ok() {
            let none = Activations {
                version: Activations::VERSION,
                provenance: "a base function".into(),
                layers: 1,
                types: vec![],
            };
            return Ok((Given::Activations(none), name.into_owned()));
        }
        let text = std::fs::read_to_string(run).unwrap_or_default();
        if text.trim_start().starts_with('{')
            && text.contains("\"params\"")
            && !text.contains("\"purpose\"")
        {
            return Ok((
                Given::Network(name.into_owned(), Box::new(Model::read(run)?)),
                self.activation.clone(),
            ));
        }
        if text.trim_start().starts_with('{') && text.contains("\"purpose\"") {
            return Ok((
                Given::Trained(Box::new(Trained::read(run)?)),
                self.activation.clone(),
            ));
        }
        Ok((
            Given::Activations(read_activations(run).context("RUN")?),
            self.activation.clone(),
        ))
    }
}

/// The rows of a file as a model takes them, both for ranges and for judging; none without a file.
fn rows_of(model: &Trained, file: Option<&Path>) -> Result<Task> {
    let (inputs, outputs) = (
        model.inputs.len(),
        model.network.widths.last().copied().unwrap_or(0),
    );
    let rows = match file {
        Some(path) => {
            let reading = TableArgs::default().reading(vec![], vec![])?;
            labelled_rows(model, path, &reading)
                .with_context(|| format!("--data '{}'", path.display()))?
        }
        None => Set::new(vec![], SetTarget::Classes(vec![]), inputs),
    };
    let name = file.map_or_else(|| "no rows".into(), |path| path.display().to_string());
    Ok(Task {
        name,
        inputs,
        outputs,
        train: rows.clone(),
        test: rows,
        scales: Scales::default(),
    })
}

/// One file for another program.
struct OneFile {
    settings: Settings,
    task: Task,
    form: Form,
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

fn write(settings: &Settings, task: &Task, folder: &RunFolder, _: Output) -> Result<String> {
    let text = deploy::run(&settings.export, &settings.given, task, folder)?.to_text(folder);
    if !settings.export.is_for_devices() {
        return Ok(text);
    }
    let verified =
        deploy::verify::at_once(folder.path()).context("the export is written, and wrong")?;
    Ok(format!("{}\n\n{verified}", text.trim_end()))
}

#[derive(clap::Args, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[command(after_help = "\
Compiles NAME.c with gcc -std=c99, g++ and arm-none-eabi-gcc, warnings as errors, and NAME.rs with cargo, as far as these are installed,
loads NAME.ldnn as a device does, runs all of them on golden.json and compares every bit with the core; and the answers with those of
`ldnn predict` to the same raw rows. The first difference of bits is an error (exit code 1), and so are a file that is not, byte for
byte, what model.json and golden.json give, and answers that differ from `ldnn predict` by more than 0.001 and 20 times the largest error of the tables on these rows, at most 0.25 (a probability, or standard
deviations of a value), or by more than 0.5 with 8-bit integers. The programs stay in FOLDER/verify.")]
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

/// The plan to verify.
pub struct Verify {
    folder: PathBuf,
    core: Option<PathBuf>,
}

impl VerifyArgs {
    pub fn resolve(&self) -> Result<Verify> {
        ensure!(
            self.folder.is_dir(),
            "'{}' is no folder; `ldnn export` makes one",
            self.folder.display()
        );
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
        Ok(Files::reading([self.folder.clone()]).compiling(self.folder.join("verify")))
    }

    fn execute(&self, _: Output) -> Result<String> {
        deploy::verify::verify(&self.folder, self.core.as_deref())
    }
}
