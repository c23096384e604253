//! `ldnn analyze`, `ldnn sizes`, `ldnn forecast`, `ldnn cluster`: experiments on learned activations.

use super::Plan;
use super::common::{OutArgs, RunPlan, TaskArgs};
use super::ensemble::EnsembleArgs;
use anyhow::{Context, Result, ensure};
use clap::Subcommand;
use ldnn::activations::Activations;
use ldnn::analysis::spectrum::{Method, Parameters, SpectrumConfig};
use ldnn::estimate::Load;
use ldnn::experiments::forecast::{self, ForecastConfig};
use ldnn::experiments::hessian::{self, HessianConfig};
use ldnn::experiments::sizes::{self, SizesConfig};
use ldnn::experiments::{family, participation};
use ldnn::folder::RunFolder;
use ldnn::model::Model;
use ldnn::progress::Output;
use ldnn::report::{Page, Part, Section, judge};
use ldnn::task::Task;
use ldnn::train::Network;
use ldnn::validate::{Learned, ValidateConfig};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The settings of an experiment on some task with some learned activations.
#[derive(Serialize)]
pub struct Settings<C> {
    task: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    learned: Vec<Learned>,
    experiment: C,
}

/// Judges a section's claims, writes it as a page, and returns it for a terminal.
fn finish(mut section: Section, settings: &impl Serialize, folder: &RunFolder) -> Result<String> {
    judge(&mut section.claims);
    section.save(folder)?;
    let text = section.to_text(folder);
    let settings = toml::to_string(settings).context("the settings cannot be written as TOML")?;
    let version = ("version".to_string(), format!("ldnn {}", env!("CARGO_PKG_VERSION")));
    let title = section.title.clone();
    let part = Part { folder: String::new(), section, settings, seconds: 0.0 };
    Page { title, summary: vec![], facts: vec![version], parts: vec![part] }.save(folder)?;
    Ok(text)
}

#[derive(clap::Args)]
#[command(allow_negative_numbers = true, args_override_self = true)]
pub struct SizesArgs {
    #[command(flatten)]
    ensemble: EnsembleArgs,
    /// Widths of the hidden layers; their number is that of --hidden
    #[arg(long, default_value = "10,25,50,100,200,400", value_name = "N,...", value_delimiter = ',')]
    widths: Vec<usize>,
    #[command(flatten)]
    pub out: OutArgs,
}

impl SizesArgs {
    pub fn resolve(&self) -> Result<impl Plan + use<>> {
        let (task, learned) = (self.ensemble.task.load()?, self.ensemble.learned()?);
        let experiment = SizesConfig { widths: self.widths.clone(), ensemble: self.ensemble.config(&task, &learned)? };
        experiment.check(&task, &learned)?;
        let settings = Settings { task: self.ensemble.task.describe(), learned, experiment };
        let count = settings.experiment.ensemble.count(&task, &settings.learned)?;
        let load = settings.experiment.load(count, &task);
        let plan = self.out.plan("out/sizes", settings, task, |s: &Settings<SizesConfig>, task, folder, output| {
            finish(sizes::run(&s.experiment, task, &s.learned, None, folder, output)?, &s.experiment, folder)
        });
        Ok(plan.costing(load))
    }
}

#[derive(clap::Args)]
#[command(allow_negative_numbers = true, args_override_self = true)]
pub struct ForecastArgs {
    #[command(flatten)]
    ensemble: EnsembleArgs,
    /// Rows of the test part that follow each other on one orbit
    #[arg(long, default_value_t = 125, value_name = "ROWS")]
    orbit: usize,
    /// Time between a state and the next
    #[arg(long, default_value_t = 0.1, value_name = "X")]
    dt: f64,
    /// A forecast is valid until its error passes so many standard deviations
    #[arg(long, default_value_t = 0.4, value_name = "X")]
    valid: f64,
    #[command(flatten)]
    pub out: OutArgs,
}

impl ForecastArgs {
    pub fn resolve(&self) -> Result<impl Plan + use<>> {
        let (task, learned) = (self.ensemble.task.load()?, self.ensemble.learned()?);
        let ensemble = self.ensemble.config(&task, &learned)?;
        let experiment = ForecastConfig { ensemble, orbit: self.orbit, dt: self.dt, valid: self.valid };
        experiment.check(&task)?;
        let settings = Settings { task: self.ensemble.task.describe(), learned, experiment };
        let count = settings.experiment.ensemble.count(&task, &settings.learned)?;
        let load = Load::trainings(count, &settings.experiment.ensemble.train, &task);
        let plan =
            self.out.plan("out/forecast", settings, task, |s: &Settings<ForecastConfig>, task, folder, output| {
                finish(forecast::run(&s.experiment, task, &s.learned, None, folder, output)?, &s.experiment, folder)
            });
        Ok(plan.costing(load))
    }
}

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    pub what: What,
}

#[derive(Subcommand)]
pub enum What {
    /// Accuracy against the participation ratio of the hidden activity
    #[command(allow_negative_numbers = true, args_override_self = true)]
    Participation(Box<ParticipationArgs>),
    /// Spectrum, trace and near-zero fraction of the Hessian, of ensembles or of a saved network
    #[command(allow_negative_numbers = true, args_override_self = true)]
    Hessian(Box<HessianArgs>),
}

#[derive(clap::Args)]
pub struct ParticipationArgs {
    #[command(flatten)]
    ensemble: EnsembleArgs,
    #[command(flatten)]
    pub out: OutArgs,
}

impl ParticipationArgs {
    pub fn resolve(&self) -> Result<impl Plan + use<>> {
        let (task, learned) = (self.ensemble.task.load()?, self.ensemble.learned()?);
        let experiment = self.ensemble.config(&task, &learned)?;
        let settings = Settings { task: self.ensemble.task.describe(), learned, experiment };
        let count = settings.experiment.count(&task, &settings.learned)?;
        let load = Load::trainings(count, &settings.experiment.train, &task);
        let plan =
            self.out.plan("out/participation", settings, task, |s: &Settings<ValidateConfig>, task, folder, output| {
                finish(
                    participation::run(&s.experiment, task, &s.learned, None, folder, output)?,
                    &s.experiment,
                    folder,
                )
            });
        Ok(plan.costing(load))
    }
}

#[derive(clap::Args)]
#[command(after_help = HESSIAN_EXAMPLES)]
pub struct HessianArgs {
    #[command(flatten)]
    ensemble: EnsembleArgs,
    /// A saved network to look at, instead of ensembles (see `ldnn validate --keep-networks`)
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Look at the test rows instead of the training rows (with --model)
    #[arg(long, requires = "model")]
    on_test: bool,
    /// Which parameters: theta (weights and biases) or joint (activation parameters as well)
    #[arg(long, default_value = "theta", value_name = "NAME")]
    parameters: Parameters,
    /// auto (exact up to 6000 parameters, Lanczos beyond), exact or lanczos
    #[arg(long, default_value = "auto", value_name = "NAME")]
    method: Method,
    /// Eigenvalues with a smaller absolute value count as zero
    #[arg(long, default_value_t = 0.01, value_name = "X")]
    near_zero: f64,
    /// Vectors for Hutchinson's estimate of the trace; 0 for none
    #[arg(long, default_value_t = 32, value_name = "N")]
    probes: usize,
    /// Steps of a Lanczos run
    #[arg(long, default_value_t = 100, value_name = "N")]
    lanczos_steps: usize,
    /// Lanczos runs, from different random vectors
    #[arg(long, default_value_t = 8, value_name = "N")]
    lanczos_vectors: usize,
    #[command(flatten)]
    pub out: OutArgs,
}

const HESSIAN_EXAMPLES: &str = "\
Examples:
  ldnn analyze hessian --activations out/meta --compare type1,type2,mix --runs 5 --epochs 500 --every 500
  ldnn validate --compare relu --runs 1 --keep-networks --out out/v
  ldnn analyze hessian --model out/v/networks/relu-101.json --method lanczos
  ldnn analyze hessian --model mine.json --data mine.npz --parameters joint

The run folder gets the eigenvalues as .npy and .csv (Lanczos: nodes with weights), spectral densities and near-zero
fractions as .svg and .png, report.txt and report.html.";

impl HessianArgs {
    pub fn resolve(&self) -> Result<Box<dyn Plan>> {
        let task = self.ensemble.task.load()?;
        let spectrum = SpectrumConfig {
            parameters: self.parameters,
            method: self.method,
            near_zero: self.near_zero,
            probes: self.probes,
            lanczos_steps: self.lanczos_steps,
            lanczos_vectors: self.lanczos_vectors,
            seed: 1,
        };
        spectrum.check()?;
        match &self.model {
            Some(path) => Ok(Box::new(self.of_model(path, task, spectrum)?)),
            None => {
                let learned = self.ensemble.learned()?;
                let ensemble = self.ensemble.config(&task, &learned)?;
                let experiment = HessianConfig { ensemble, spectrum };
                let settings = Settings { task: self.ensemble.task.describe(), learned, experiment };
                let ensemble = &settings.experiment.ensemble;
                let count = ensemble.count(&task, &settings.learned)?;
                let spectra = Load::hessians(count, &ensemble.train.hidden, &task);
                let load = Load::trainings(count, &ensemble.train, &task) + spectra;
                Ok(Box::new(self.out.plan("out/hessian", settings, task, of_ensembles).costing(load)))
            }
        }
    }

    fn of_model(&self, path: &Path, task: Task, spectrum: SpectrumConfig) -> Result<RunPlan<ModelSettings>> {
        let network = Model::read(path).context("--model")?;
        ensure!(
            network.shape.inputs() == task.inputs && network.shape.outputs() == task.outputs,
            "--model {}: has {} inputs and {} outputs, but the task '{}' has {} and {}",
            path.display(),
            network.shape.inputs(),
            network.shape.outputs(),
            task.name,
            task.inputs,
            task.outputs
        );
        let settings = ModelSettings {
            task: self.ensemble.task.describe(),
            model: Model::of(&network, path.display().to_string()),
            on_test: self.on_test,
            spectrum,
        };
        Ok(self.out.plan("out/hessian-model", settings, task, |s, task, folder, _| {
            let network: Network = s.model.network()?;
            let set = if s.on_test { &task.test } else { &task.train };
            finish(hessian::one(&network, set, &s.spectrum, folder)?, &s.spectrum, folder)
        }))
    }
}

/// The settings for a saved network.
#[derive(Serialize)]
struct ModelSettings {
    task: String,
    on_test: bool,
    spectrum: SpectrumConfig,
    model: Model,
}

fn of_ensembles(s: &Settings<HessianConfig>, task: &Task, folder: &RunFolder, output: Output) -> Result<String> {
    finish(hessian::run(&s.experiment, task, &s.learned, None, folder, output)?, &s.experiment, folder)
}

#[derive(clap::Args)]
pub struct ClusterArgs {
    /// Run folders of `ldnn meta`, activations.json or activations.txt files
    #[arg(value_name = "FILE", required = true)]
    activations: Vec<PathBuf>,
    #[command(flatten)]
    pub out: OutArgs,
}

/// The settings of a family portrait.
#[derive(Serialize)]
struct ClusterSettings {
    groups: Vec<(String, Vec<Learned>)>,
}

impl ClusterArgs {
    pub fn resolve(&self) -> Result<impl Plan + use<>> {
        let read = |(i, path): (usize, &PathBuf)| {
            let name =
                path.file_stem().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned());
            Ok((name, vec![(i as u64 + 1, Activations::read(path)?)]))
        };
        let groups = self.activations.iter().enumerate().map(read).collect::<Result<Vec<_>>>()?;
        let types: usize = groups.iter().flat_map(|(_, g)| g.iter().map(|(_, a)| a.types.len())).sum();
        ensure!(types >= 3, "clusters need at least 3 learned types, but these files hold {types}; give more files");
        let task = TaskArgs::default().load()?;
        Ok(self.out.plan("out/cluster", ClusterSettings { groups }, task, |s, _, folder, _| {
            finish(
                family::run(&s.groups, folder)?,
                &std::collections::BTreeMap::from([("runs", s.groups.len())]),
                folder,
            )
        }))
    }
}
