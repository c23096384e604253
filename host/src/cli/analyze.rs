//! `ldnn analyze`, `ldnn sizes`, `ldnn forecast`, `ldnn cluster`: experiments on learned
//! activations.

use super::common::{OutArgs, RunPlan, ShardArgs, TaskArgs, save_page, task_named};
use super::ensemble::{EnsembleArgs, ExperimentSettings, OnEnsembles};
use super::plan::Plan;
use super::plan::Resume;
use super::settings::Flags;
use crate::config::{Layers, StoredConfig, overlay};
use crate::data::task::Task;
use crate::data::{Dataset, Mnist1dConfig};
use crate::formats::read_activations;
use crate::lab::analysis::spectrum::SpectrumConfig;
use crate::lab::estimate::Cost;
use crate::lab::experiments::forecast::{self, ForecastConfig};
use crate::lab::experiments::hessian::{self, HessianConfig};
use crate::lab::experiments::sizes::{self, SizesConfig};
use crate::lab::experiments::{family, participation};
use crate::model::{Network, NetworkFile};
use crate::run::RunFolder;
use crate::support::progress::Output;
use crate::train::{SeededActivations, ValidateConfig};
use anyhow::{Context, Result, ensure};
use clap::Subcommand;
use ldnn_core::{Activation, Base, Shape};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use toml::Table;

#[derive(clap::Args)]
#[command(allow_negative_numbers = true, args_override_self = true)]
pub struct SizesArgs {
    #[command(flatten)]
    ensemble: EnsembleArgs,
    #[command(flatten)]
    sizes: Flags<SizesConfig>,
    #[command(flatten)]
    shard: ShardArgs,
    #[command(flatten)]
    pub out: OutArgs,
}

impl SizesArgs {
    pub fn resolve(&self) -> Result<impl Plan + use<>> {
        let (task, ensemble, start) = self.ensemble.start(self.out.layers("experiment")?)?;
        let files = start.files();
        let default = SizesConfig {
            ensemble,
            ..SizesConfig::default()
        };

        let mut flags = self.ensemble.given("experiment.ensemble");
        overlay(&mut flags, &self.sizes.given("experiment"));

        let settings = start.resolve(default, &flags)?;
        settings.experiment.check(&task, &settings.learned)?;

        let count = settings
            .experiment
            .ensemble
            .count(&task, &settings.learned)?;
        let cost = settings.experiment.cost(count, &task);
        let plan = self.out.plan("out/sizes", settings, task, by_size);

        plan.costing(cost).reading(files).sharing(&self.shard)
    }
}

fn by_size(
    s: &ExperimentSettings<SizesConfig>,
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
pub fn resume_sizes(config: &StoredConfig, resume: Resume) -> Result<Box<dyn Plan>> {
    let settings: ExperimentSettings<SizesConfig> = config.settings()?;
    let task = task_named(&settings.task, true)?;
    Ok(Box::new(
        RunPlan::resume(settings, task, by_size, resume).of("sizes"),
    ))
}

#[derive(clap::Args)]
#[command(allow_negative_numbers = true, args_override_self = true)]
pub struct ForecastArgs {
    #[command(flatten)]
    ensemble: EnsembleArgs,
    #[command(flatten)]
    forecast: Flags<ForecastConfig>,
    #[command(flatten)]
    pub out: OutArgs,
}

impl ForecastArgs {
    pub fn resolve(&self) -> Result<impl Plan + use<>> {
        // The one built-in task whose targets are the next inputs.
        let layers = self.out.layers("experiment")?;
        let (task, ensemble, start) = self.ensemble.start_on(layers, Some("vanderpol"))?;
        let files = start.files();
        let default = ForecastConfig {
            ensemble,
            ..ForecastConfig::default()
        };

        let mut flags = self.ensemble.given("experiment.ensemble");
        overlay(&mut flags, &self.forecast.given("experiment"));

        let settings = start.resolve(default, &flags)?;
        settings.experiment.check(&task)?;

        let count = settings
            .experiment
            .ensemble
            .count(&task, &settings.learned)?;
        let cost = Cost::trainings(count, &settings.experiment.ensemble.train, &task);

        let plan = self.out.plan(
            "out/forecast",
            settings,
            task,
            |s: &ExperimentSettings<ForecastConfig>, task, folder, output| {
                save_page(
                    forecast::run(&s.experiment, task, &s.learned, None, folder, output)?,
                    &s.experiment,
                    folder,
                )
            },
        );

        Ok(plan.costing(cost).reading(files))
    }
}

#[derive(clap::Args)]
pub struct AnalyzeArgs {
    #[command(subcommand)]
    pub what: AnalyzeCommand,
}

#[derive(Subcommand)]
pub enum AnalyzeCommand {
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
        let settings = start.resolve(ensemble, &self.ensemble.given("experiment"))?;
        let count = settings.experiment.count(&task, &settings.learned)?;
        let cost = Cost::trainings(count, &settings.experiment.train, &task);

        let plan = self.out.plan(
            "out/participation",
            settings,
            task,
            |s: &ExperimentSettings<ValidateConfig>, task, folder, output| {
                save_page(
                    participation::run(&s.experiment, task, &s.learned, None, folder, output)?,
                    &s.experiment,
                    folder,
                )
            },
        );

        Ok(plan.costing(cost).reading(files))
    }
}

#[derive(clap::Args)]
#[command(after_help = HESSIAN_EXAMPLES)]
pub struct HessianArgs {
    #[command(flatten)]
    ensemble: EnsembleArgs,
    /// A saved network to analyze, instead of ensembles (see `ldnn validate --keep-networks`)
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// The Hessian on the test rows instead of the training rows (with --model)
    #[arg(long, requires = "model")]
    on_test: bool,
    #[command(flatten)]
    spectrum: Flags<SpectrumConfig>,
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
        let default = HessianConfig {
            ensemble,
            spectrum: SpectrumConfig::default(),
        };

        let mut flags = self.ensemble.given("experiment.ensemble");
        overlay(&mut flags, &self.spectrum.given("experiment.spectrum"));

        let settings = start.resolve(default, &flags)?;
        let HessianConfig { ensemble, spectrum } = &settings.experiment;
        spectrum.check()?;

        let count = ensemble.count(&task, &settings.learned)?;
        let shape = Shape::try_new(
            &ensemble.train.widths(&task),
            &[Activation::Base(Base::Zero)],
        );
        let is_exact = shape.is_ok_and(|shape| spectrum.is_exact(shape.theta_len()));

        // Lanczos quadrature costs hardly more than the trainings, and no memory to speak of.
        let spectra = if is_exact {
            Cost::hessians(count, &ensemble.train.hidden, &task)
        } else {
            Cost::default()
        };

        let cost = Cost::trainings(count, &ensemble.train, &task) + spectra;

        Ok(Box::new(
            self.out
                .plan("out/hessian", settings, task, of_ensembles)
                .costing(cost)
                .reading(files),
        ))
    }

    fn of_model(&self, layers: &Layers) -> Result<RunPlan<ModelSettings>> {
        let (name, task) = self.ensemble.task.load(layers)?;

        let network = match &self.model {
            Some(path) => NetworkFile::of(
                &NetworkFile::read(path).context("--model")?,
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

        let mut flags = self.spectrum.given("spectrum");

        if self.on_test {
            flags.insert("on_test".into(), true.into());
        }

        let settings = layers.resolve(default, &flags)?;
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

impl OnEnsembles for SizesConfig {
    fn ensembles(&mut self) -> &mut ValidateConfig {
        &mut self.ensemble
    }
}

impl OnEnsembles for ForecastConfig {
    fn ensembles(&mut self) -> &mut ValidateConfig {
        &mut self.ensemble
    }
}

impl OnEnsembles for HessianConfig {
    fn ensembles(&mut self) -> &mut ValidateConfig {
        &mut self.ensemble
    }
}

/// The settings for a saved network.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelSettings {
    task: String,
    on_test: bool,
    spectrum: SpectrumConfig,
    model: NetworkFile,
}

fn of_ensembles(
    s: &ExperimentSettings<HessianConfig>,
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
    groups: Vec<(String, Vec<SeededActivations>)>,
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
        let flags = match given.is_empty() {
            true => Table::new(),
            false => Table::try_from(ClusterSettings { groups: given })?,
        };
        let settings = layers.resolve(ClusterSettings { groups: vec![] }, &flags)?;

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
