//! `ldnn analyze`, `ldnn sizes`, `ldnn forecast`, `ldnn cluster`: experiments on learned activations.

use super::common::{OutArgs, RunPlan, ShardArgs, TaskArgs, save_page, set, task_named};
use super::ensemble::{EnsembleArgs, Settings};
use super::plan::Again;
use super::plan::Plan;
use crate::config::{Layers, Stored};
use crate::data::task::Task;
use crate::data::{Dataset, Mnist1dConfig};
use crate::formats::read_activations;
use crate::lab::analysis::spectrum::{Method, Parameters, SpectrumConfig};
use crate::lab::estimate::Load;
use crate::lab::experiments::forecast::{self, ForecastConfig};
use crate::lab::experiments::hessian::{self, HessianConfig};
use crate::lab::experiments::sizes::{self, SizesConfig};
use crate::lab::experiments::{family, participation};
use crate::model::{Model, Network};
use crate::run::RunFolder;
use crate::support::progress::Output;
use crate::train::{Learned, ValidateConfig};
use anyhow::{Context, Result, ensure};
use clap::Subcommand;
use ldnn_core::{Base, Kind, Shape};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

#[derive(clap::Args)]
#[command(allow_negative_numbers = true, args_override_self = true)]
pub struct SizesArgs {
    #[command(flatten)]
    ensemble: EnsembleArgs,
    /// Widths of the hidden layers; their number is that of --hidden [default: 10,25,50,100,200,400]
    #[arg(long, value_name = "N,...", value_delimiter = ',')]
    widths: Option<Vec<usize>>,
    #[command(flatten)]
    shard: ShardArgs,
    #[command(flatten)]
    pub out: OutArgs,
}

impl SizesArgs {
    pub fn resolve(&self) -> Result<impl Plan + use<>> {
        let (task, ensemble, start) = self.ensemble.start(self.out.layers("experiment")?)?;
        let files = start.files();
        let settings = start.resolve(
            SizesConfig {
                widths: vec![10, 25, 50, 100, 200, 400],
                ensemble,
            },
            |c| {
                self.ensemble.apply(&mut c.ensemble);
                set(&mut c.widths, &self.widths);
            },
        )?;
        settings.experiment.check(&task, &settings.learned)?;
        let count = settings
            .experiment
            .ensemble
            .count(&task, &settings.learned)?;
        let load = settings.experiment.load(count, &task);
        let plan = self.out.plan("out/sizes", settings, task, by_size);
        plan.costing(load).reading(files).sharing(&self.shard)
    }
}

fn by_size(
    s: &Settings<SizesConfig>,
    task: &Task,
    folder: &RunFolder,
    output: Output,
) -> Result<String> {
    save_page(
        sizes::run(&s.experiment, task, &s.learned, None, folder, output)?,
        &s.experiment,
        folder,
    )
}

/// The plan of a run of `sizes` with these settings, without work of its own.
pub fn sizes_again(config: &Stored, again: Again) -> Result<Box<dyn Plan>> {
    let settings: Settings<SizesConfig> = config.settings()?;
    let task = task_named(&settings.task, true)?;
    Ok(Box::new(
        RunPlan::again(settings, task, by_size, again).of("sizes"),
    ))
}

#[derive(clap::Args)]
#[command(allow_negative_numbers = true, args_override_self = true)]
pub struct ForecastArgs {
    #[command(flatten)]
    ensemble: EnsembleArgs,
    /// Rows of the test part that follow each other on one orbit [default: 125]
    #[arg(long, value_name = "ROWS")]
    orbit: Option<usize>,
    /// Time between a state and the next [default: 0.1]
    #[arg(long, value_name = "X")]
    dt: Option<f64>,
    /// A forecast is valid until its error passes so many standard deviations [default: 0.4]
    #[arg(long, value_name = "X")]
    valid: Option<f64>,
    #[command(flatten)]
    pub out: OutArgs,
}

impl ForecastArgs {
    pub fn resolve(&self) -> Result<impl Plan + use<>> {
        let (task, ensemble, start) = self.ensemble.start(self.out.layers("experiment")?)?;
        let files = start.files();
        let settings = start.resolve(
            ForecastConfig {
                ensemble,
                orbit: 125,
                dt: 0.1,
                valid: 0.4,
            },
            |c| {
                self.ensemble.apply(&mut c.ensemble);
                set(&mut c.orbit, &self.orbit);
                set(&mut c.dt, &self.dt);
                set(&mut c.valid, &self.valid);
            },
        )?;
        settings.experiment.check(&task)?;
        let count = settings
            .experiment
            .ensemble
            .count(&task, &settings.learned)?;
        let load = Load::trainings(count, &settings.experiment.ensemble.train, &task);
        let plan = self.out.plan(
            "out/forecast",
            settings,
            task,
            |s: &Settings<ForecastConfig>, task, folder, output| {
                save_page(
                    forecast::run(&s.experiment, task, &s.learned, None, folder, output)?,
                    &s.experiment,
                    folder,
                )
            },
        );
        Ok(plan.costing(load).reading(files))
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
        let (task, ensemble, start) = self.ensemble.start(self.out.layers("experiment")?)?;
        let files = start.files();
        let settings = start.resolve(ensemble, |c| self.ensemble.apply(c))?;
        let count = settings.experiment.count(&task, &settings.learned)?;
        let load = Load::trainings(count, &settings.experiment.train, &task);
        let plan = self.out.plan(
            "out/participation",
            settings,
            task,
            |s: &Settings<ValidateConfig>, task, folder, output| {
                save_page(
                    participation::run(&s.experiment, task, &s.learned, None, folder, output)?,
                    &s.experiment,
                    folder,
                )
            },
        );
        Ok(plan.costing(load).reading(files))
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
    /// Which parameters: theta (weights and biases) or joint (activation parameters as well) [default: theta]
    #[arg(long, value_name = "NAME")]
    parameters: Option<Parameters>,
    /// auto (exact up to 6000 parameters, Lanczos beyond), exact or lanczos [default: auto]
    #[arg(long, value_name = "NAME")]
    method: Option<Method>,
    /// Eigenvalues with a smaller absolute value count as zero [default: 0.01]
    #[arg(long, value_name = "X")]
    near_zero: Option<f64>,
    /// Vectors for Hutchinson's estimate of the trace; 0 for none [default: 32]
    #[arg(long, value_name = "N")]
    probes: Option<usize>,
    /// Steps of a Lanczos run [default: 100]
    #[arg(long, value_name = "N")]
    lanczos_steps: Option<usize>,
    /// Lanczos runs, from different random vectors [default: 8]
    #[arg(long, value_name = "N")]
    lanczos_vectors: Option<usize>,
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
        let layers = self.out.layers("experiment")?;
        if self.model.is_some() || layers.in_file("model") {
            return Ok(Box::new(self.of_model(&layers)?));
        }
        let (task, ensemble, start) = self.ensemble.start(layers)?;
        let files = start.files();
        let settings = start.resolve(
            HessianConfig {
                ensemble,
                spectrum: SpectrumConfig::default(),
            },
            |c| {
                self.ensemble.apply(&mut c.ensemble);
                self.apply(&mut c.spectrum);
            },
        )?;
        let HessianConfig { ensemble, spectrum } = &settings.experiment;
        spectrum.check()?;
        let count = ensemble.count(&task, &settings.learned)?;
        let shape = Shape::try_new(&ensemble.train.widths(&task), &[Kind::Base(Base::Zero)]);
        let is_exact = shape.is_ok_and(|shape| spectrum.is_exact(shape.theta_len()));
        // Lanczos quadrature costs hardly more than the trainings, and no memory to speak of.
        let spectra = if is_exact {
            Load::hessians(count, &ensemble.train.hidden, &task)
        } else {
            Load::default()
        };
        let load = Load::trainings(count, &ensemble.train, &task) + spectra;
        Ok(Box::new(
            self.out
                .plan("out/hessian", settings, task, of_ensembles)
                .costing(load)
                .reading(files),
        ))
    }

    fn apply(&self, c: &mut SpectrumConfig) {
        set(&mut c.parameters, &self.parameters);
        set(&mut c.method, &self.method);
        set(&mut c.near_zero, &self.near_zero);
        set(&mut c.probes, &self.probes);
        set(&mut c.lanczos_steps, &self.lanczos_steps);
        set(&mut c.lanczos_vectors, &self.lanczos_vectors);
    }

    fn of_model(&self, layers: &Layers) -> Result<RunPlan<ModelSettings>> {
        let (name, task) = self.ensemble.task.load(layers)?;
        let network = match &self.model {
            Some(path) => Model::of(
                &Model::read(path).context("--model")?,
                path.display().to_string(),
            ),
            None => layers
                .pick("model", None)?
                .context("the settings hold no model; give it with --model FILE")?,
        };
        let spectrum = SpectrumConfig::default();
        let default = ModelSettings {
            task: name.clone(),
            on_test: false,
            spectrum,
            model: network.clone(),
        };
        let settings = layers.resolve(default, |s| {
            s.on_test |= self.on_test;
            self.apply(&mut s.spectrum);
        })?;
        let settings = ModelSettings {
            task: name,
            model: network,
            ..settings
        };
        settings.spectrum.check()?;
        let shape = settings.model.network()?.shape;
        ensure!(
            shape.inputs() == task.inputs && shape.outputs() == task.outputs,
            "--model {}: has {} inputs and {} outputs, but the task '{}' has {} and {}",
            settings.model.provenance,
            shape.inputs(),
            shape.outputs(),
            task.name,
            task.inputs,
            task.outputs
        );
        let files: Vec<PathBuf> = self
            .model
            .iter()
            .cloned()
            .chain(TaskArgs::file_of(&settings.task))
            .collect();
        let plan = self
            .out
            .plan("out/hessian-model", settings, task, |s, task, folder, _| {
                let network: Network = s.model.network()?;
                let set = if s.on_test { &task.test } else { &task.train };
                save_page(
                    hessian::one(&network, set, &s.spectrum, folder)?,
                    &s.spectrum,
                    folder,
                )
            });
        Ok(plan.reading(files))
    }
}

/// The settings for a saved network.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelSettings {
    task: String,
    on_test: bool,
    spectrum: SpectrumConfig,
    model: Model,
}

fn of_ensembles(
    s: &Settings<HessianConfig>,
    task: &Task,
    folder: &RunFolder,
    output: Output,
) -> Result<String> {
    save_page(
        hessian::run(&s.experiment, task, &s.learned, None, folder, output)?,
        &s.experiment,
        folder,
    )
}

#[derive(clap::Args)]
pub struct ClusterArgs {
    /// Run folders of `ldnn meta`, activations.json or activations.txt files
    #[arg(value_name = "FILE")]
    activations: Vec<PathBuf>,
    #[command(flatten)]
    pub out: OutArgs,
}

/// The settings of a family portrait.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClusterSettings {
    groups: Vec<(String, Vec<Learned>)>,
}

impl ClusterArgs {
    pub fn resolve(&self) -> Result<impl Plan + use<>> {
        let read = |(i, path): (usize, &PathBuf)| {
            let name = path.file_stem().map_or_else(
                || path.display().to_string(),
                |n| n.to_string_lossy().into_owned(),
            );
            Ok((name, vec![(i as u64 + 1, read_activations(path)?)]))
        };
        let given = self
            .activations
            .iter()
            .enumerate()
            .map(read)
            .collect::<Result<Vec<_>>>()?;
        let layers = self.out.layers("")?;
        let settings = layers.resolve(ClusterSettings { groups: vec![] }, |s| {
            if !given.is_empty() {
                s.groups = given;
            }
        })?;
        let types: usize = settings
            .groups
            .iter()
            .flat_map(|(_, g)| g.iter().map(|(_, a)| a.types.len()))
            .sum();
        ensure!(
            types >= 3,
            "clusters need at least 3 learned types, but these files hold {types}; give more files"
        );
        let task = Task::new(&Dataset::mnist1d(&Mnist1dConfig::default())?);
        let plan = self.out.plan(
            "out/cluster",
            settings,
            task,
            |s: &ClusterSettings, _, folder, _| {
                save_page(
                    family::run(&s.groups, folder)?,
                    &std::collections::BTreeMap::from([("runs", s.groups.len())]),
                    folder,
                )
            },
        );
        Ok(plan.reading(self.activations.iter().cloned()))
    }
}
