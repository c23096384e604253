//! Fig. 6: accuracy against the normalised participation ratio of the hidden activity.

use super::contest::{Contest, claims};
use crate::data::task::{Examples, Task};
use crate::lab::analysis::participation::participation;
use crate::model::Network;
use crate::report::Section;
use crate::report::plot::{self, Cloud};
use crate::run::RunFolder;
use crate::support::progress::Output;
use crate::train::{Hyperparameters, Learned, Looked, ValidateConfig, look_at, metric_of, of_each};
use anyhow::Result;
use ldnn_core::network::{Pass, Workspace};

/// The normalised participation ratio of a network's hidden activity on `set`, without noise:
/// `R / N`, averaged over the hidden layers.
///
/// # Errors
/// If network and set do not fit together, or a layer's activity does not vary.
pub fn ratio(network: &Network, set: &Examples) -> Result<f64> {
    let shape = &network.shape;
    let view = network.view()?;
    let mut memory = vec![0.0; shape.workspace_len(set.rows(), Pass::Forward)];
    let mut workspace = Workspace::new(shape, set.rows(), Pass::Forward, &mut memory)?;

    let mut total = 0.0;

    for layer in 0..shape.hidden_layers() {
        let n = shape.width(layer + 1);
        let mut value = vec![0.0; set.rows() * n];
        view.hidden(layer, &set.x, &mut value, &mut workspace)?;
        let wide: Vec<f64> = value.iter().map(|&v| f64::from(v)).collect();
        total += participation(&wide, n)?.normalised / shape.hidden_layers() as f64;
    }

    Ok(total)
}

/// Trains the ensembles and measures their participation ratios on the test rows.
///
/// # Errors
/// If a setting is impossible, a file cannot be written, or the user stops it.
pub fn run(
    config: &ValidateConfig,
    task: &Task,
    learned: &[Learned],
    chosen: Option<&[Hyperparameters]>,
    folder: &RunFolder,
    output: Output,
) -> Result<Section> {
    let (how, name) = match chosen {
        None => ("at equal training", "equal"),
        Some(_) => ("each at its best learning rate and epoch", "best"),
    };
    let look = |network: &Network, _: &_| ratio(network, &task.test);
    let (arms, all) = look_at(config, task, learned, chosen, (folder, name, output), look)?;
    let metric = metric_of(task);
    let end = |l: &Looked<f64>| metric.of(&l.training.curve).last().copied();

    folder.write(&format!("{name}.csv"), csv(&all, &end))?;

    let mut clouds: Vec<Cloud> = Vec::new();

    for e in &arms {
        let of = all
            .iter()
            .filter(|l| l.training.activation == e.choice.name);
        let points = of.filter_map(|l| Some((l.seen?, end(l)?)));

        match clouds.iter_mut().find(|c| c.name == e.kind) {
            Some(cloud) => cloud.points.extend(points),
            None => clouds.push(Cloud {
                name: e.kind.clone(),
                points: points.collect(),
            }),
        }
    }

    let mut section = Section::new("Accuracy against participation ratio");
    let label = "normalised participation ratio R / N";
    let drawing = plot::joint(how, label, metric.label(), &clouds);
    let caption = format!(
        "{} against participation ratio, {how}; contours hold 30, 60 and 90 % of each density",
        metric.label()
    );

    section.draw(folder, name, &drawing, &caption)?;

    let contest = Contest {
        condition: String::new(),
        unit: "in R/N".into(),
        more: true,
        values: of_each(&arms, &all, |l| l.seen),
        arms,
    };

    let mut table = Contest::table(&format!("normalised participation ratio, {how}"));
    contest.rows(&mut table);
    section.tabulate(folder, &format!("{name}-ratios"), table)?;

    let start = if chosen.is_some() {
        "Each at its best, "
    } else {
        "At equal training, "
    };

    section.claims = claims(
        start,
        "uses more of its dimensions (participation ratio) than",
        &[contest],
    );

    section.save(folder)?;
    Ok(section)
}

fn csv(all: &[Looked<f64>], end: &impl Fn(&Looked<f64>) -> Option<f64>) -> String {
    let mut csv = String::from("activation,seed,metric,participation\n");

    for l in all {
        if let (Some(metric), Some(ratio)) = (end(l), l.seen) {
            csv += &format!(
                "{},{},{metric},{ratio}\n",
                l.training.activation, l.training.seed
            );
        }
    }

    csv
}
