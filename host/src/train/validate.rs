//! `ldnn validate`: an ensemble a choice of activations, in a run folder.

use super::config::ValidateConfig;
use super::ensemble::{Arm, Ensemble, SeededActivations, train_all};
use super::probe::train_and_probe;
use super::results::{Group, Metric, group, group_table, metric_of, pair_table};
use super::select::Hyperparameters;
use crate::data::task::Task;
use crate::model::sealed::seal;
use crate::model::{Network, NetworkFile};
use crate::report::{Section, plot};
use crate::run::RunFolder;
use crate::support::progress::Output;
use crate::train::Training;
use anyhow::Result;

/// Trains the ensembles, writes results and pictures into `folder`, and returns the report.
///
/// # Errors
/// If a setting is impossible, a file cannot be written, or the user stops it.
pub fn run(
    config: &ValidateConfig,
    task: &Task,
    learned: &[SeededActivations],
    folder: &RunFolder,
    output: Output,
) -> Result<Section> {
    let trainings = if config.keep_networks {
        keep(config, task, learned, folder, output)?
    } else {
        ensembles(config, task, learned, None, folder, "trainings", output)?.1
    };

    let metric = metric_of(task);
    let groups = group(&trainings);
    let mut section = Section::new(format!("Ensembles on {}", task.name));
    folder.write("trainings.csv", csv_of(&trainings))?;
    draw(&task.name, &groups, metric, folder, &mut section)?;
    section.tabulate(folder, "groups", group_table(&groups, metric))?;

    if let Some(pairs) = pair_table(&groups, "mix", metric) {
        section.tabulate(folder, "pairs", pairs)?;
    }

    section.save(folder)?;
    Ok(section)
}

/// The trainings, with every network as `networks/NAME-SEED.json`.
fn keep(
    config: &ValidateConfig,
    task: &Task,
    learned: &[SeededActivations],
    folder: &RunFolder,
    output: Output,
) -> Result<Vec<Training>> {
    let write = |network: &Network, t: &Training| {
        let provenance = format!(
            "{}, {}, seed {}, learning rate {}",
            task.name, t.activation, t.seed, t.lr
        );
        let file = format!("networks/{}-{}.json", t.activation, t.seed);
        folder.keep(&file, seal(&NetworkFile::of(network, provenance))?)?;

        Ok(file)
    };

    let (_, probed) = train_and_probe::<String>(
        config,
        task,
        learned,
        None,
        (folder, "trainings", output),
        write,
    )?;

    probed
        .iter()
        .filter_map(|l| l.value.as_ref())
        .try_for_each(|file| folder.adopt(file))?;

    Ok(probed.into_iter().map(|l| l.training).collect())
}

/// The trainings alone, with the journal `name.jsonl`: all of the first arm by seed, then those of
/// the next. Rate and epochs are those of the settings, or those that were chosen for each arm.
///
/// # Errors
/// As [`run`].
pub fn ensembles(
    config: &ValidateConfig,
    task: &Task,
    learned: &[SeededActivations],
    chosen: Option<&[Hyperparameters]>,
    folder: &RunFolder,
    name: &str,
    output: Output,
) -> Result<(Vec<Arm>, Vec<Training>)> {
    let arms = config.arms(task, learned)?;
    let jobs = config.jobs(&arms, chosen)?;

    let ensemble = Ensemble {
        task,
        train: &task.train,
        evaluation: &task.test,
    };

    let mut trainings = train_all(ensemble, &jobs, folder, (name, false), output)?;
    let place = |name: &str| arms.iter().position(|e| e.choice.name == name);
    trainings.sort_by_key(|t| place(&t.activation));

    Ok((arms, trainings))
}

/// What `f` says of each training, by arm; trainings that diverged are left out.
pub fn values_of(
    arms: &[Arm],
    trainings: &[Training],
    f: impl Fn(&Training) -> Option<f64>,
) -> Vec<Vec<f64>> {
    let own = |e: &Arm, t: &&Training| t.activation == e.choice.name && !t.diverged;

    arms.iter()
        .map(|e| {
            trainings
                .iter()
                .filter(|t| own(e, t))
                .filter_map(&f)
                .collect()
        })
        .collect()
}

/// Violins at the last epoch, and curves.
///
/// # Errors
/// If a file cannot be written.
pub fn draw(
    title: &str,
    groups: &[Group],
    metric: Metric,
    folder: &RunFolder,
    section: &mut Section,
) -> Result<()> {
    let samples: Vec<plot::NamedSample> = groups
        .iter()
        .map(|g| plot::NamedSample {
            name: g.name.clone(),
            values: g.last(metric),
        })
        .collect();

    let violins = plot::violins(title, metric.label(), &samples);

    section.draw(
        folder,
        "violins",
        &violins,
        &format!("{} at the last epoch, {title}", metric.label()),
    )?;

    let bands: Vec<plot::Band> = groups.iter().map(|g| g.band(metric)).collect();
    let curves = plot::curves(title, "epoch", metric.label(), &bands);

    section.draw(
        folder,
        "curves",
        &curves,
        &format!("{} while training, {title}", metric.label()),
    )
}

/// One line per recorded epoch of every training.
#[must_use]
pub fn csv_of(trainings: &[Training]) -> String {
    let mut csv =
        String::from("activation,seed,lr,diverged,epoch,train_loss,test_loss,test_accuracy\n");

    for t in trainings {
        let c = &t.curve;
        for (i, epoch) in c.epoch.iter().enumerate() {
            let accuracy = c.accuracy.get(i).map_or(String::new(), f64::to_string);
            let (train, test) = (c.train_loss[i], c.evaluation_loss[i]);

            let Training {
                activation,
                seed,
                lr,
                diverged,
                ..
            } = t;

            csv +=
                &format!("{activation},{seed},{lr},{diverged},{epoch},{train},{test},{accuracy}\n");
        }
    }

    csv
}
