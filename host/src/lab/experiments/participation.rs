//! Fig. 6: accuracy against the normalised participation ratio of the hidden activity.

use super::comparison::{ArmComparison, claims};
use crate::data::task::{Examples, Task};
use crate::lab::analysis::participation::participation;
use crate::model::Network;
use crate::report::Section;
use crate::report::plot::{self, Cloud};
use crate::run::RunFolder;
use crate::support::progress::Output;
use crate::train::{
    Hyperparameters, Probed, SeededActivations, ValidateConfig, metric_of, of_each, train_and_probe,
};
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
    learned: &[SeededActivations],
    chosen: Option<&[Hyperparameters]>,
    folder: &RunFolder,
    output: Output,
) -> Result<Section> {
    let (how, name) = match chosen {
        None => ("at equal training", "equal"),
        Some(_) => ("each at its best learning rate and epoch", "best"),
    };
    let probe = |network: &Network, _: &_| ratio(network, &task.test);
    let (arms, all) =
        train_and_probe(config, task, learned, chosen, (folder, name, output), probe)?;
    let metric = metric_of(task);
    let end = |l: &Probed<f64>| metric.of(&l.training.curve).last().copied();

    folder.write(&format!("{name}.csv"), csv(&all, &end))?;

    let mut clouds: Vec<Cloud> = Vec::new();

    for e in &arms {
        let of = all
            .iter()
            .filter(|l| l.training.activation == e.choice.name);
        let points = of.filter_map(|l| Some((l.value?, end(l)?)));

        match clouds.iter_mut().find(|c| c.name == e.activation) {
            Some(cloud) => cloud.points.extend(points),
            None => clouds.push(Cloud {
                name: e.activation.clone(),
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

    let comparison = ArmComparison {
        condition: String::new(),
        unit: "in R/N".into(),
        more: true,
        values: of_each(&arms, &all, |l| l.value),
        arms,
    };

    let mut table = ArmComparison::table(&format!("normalised participation ratio, {how}"));
    comparison.rows(&mut table);
    section.tabulate(folder, &format!("{name}-ratios"), table)?;

    let start = if chosen.is_some() {
        "Each at its best, "
    } else {
        "At equal training, "
    };

    section.claims = claims(
        start,
        "uses more of its dimensions (participation ratio) than",
        &[comparison],
    );

    section.save(folder)?;
    Ok(section)
}

fn csv(all: &[Probed<f64>], end: &impl Fn(&Probed<f64>) -> Option<f64>) -> String {
    let mut csv = String::from("activation,seed,metric,participation\n");

    for l in all {
        if let (Some(metric), Some(ratio)) = (end(l), l.value) {
            csv += &format!(
                "{},{},{metric},{ratio}\n",
                l.training.activation, l.training.seed
            );
        }
    }

    csv
}
