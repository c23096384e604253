//! Fig. 3, question 2, a practitioner's: with its own learning rate and its own number of epochs,
//! both chosen on a validation part of the training rows, is the mix better than every other one?

use super::comparison::{ArmComparison, claims};
use crate::data::task::Task;
use crate::report::stats::{Summary, mean};
use crate::report::{ReportTable, Section, plot};
use crate::run::RunFolder;
use crate::support::progress::Output;
use crate::train::{
    Hyperparameters, Metric, SeededActivations, Training, ValidateConfig, by_activation, csv_of,
    ensembles, values_of,
};
use anyhow::Result;

/// Trains each as `chosen`, on all training rows; the test rows are looked at once, at the end.
///
/// # Errors
/// If a training is impossible, a file cannot be written, or the user stops it.
pub fn run(
    config: &ValidateConfig,
    task: &Task,
    learned: &[SeededActivations],
    chosen: &[Hyperparameters],
    folder: &RunFolder,
    output: Output,
) -> Result<Section> {
    let (arms, trainings) = ensembles(
        config,
        task,
        learned,
        Some(chosen),
        folder,
        "trainings",
        output,
    )?;

    folder.write("trainings.csv", csv_of(&trainings))?;

    let end = |t: &Training| t.curve.accuracy.last().copied();

    let comparison = ArmComparison::of(
        Metric::Accuracy,
        "",
        &arms,
        values_of(&arms, &trainings, end),
    );

    let mut section = Section::new("Each at its best");
    let groups: Vec<plot::NamedSample> = by_activation(&comparison.arms, &comparison.values)
        .into_iter()
        .map(|(name, values)| plot::NamedSample { name, values })
        .collect();
    let title = "each at its best learning rate and epoch, all outer seeds";
    let violins = plot::violins(title, Metric::Accuracy.label(), &groups);

    section.draw(
        folder,
        "violins",
        &violins,
        &format!("Test accuracy, {title}"),
    )?;

    section.tabulate(folder, "chosen", choice_table(&comparison, chosen))?;

    section.claims = claims(
        "Each at its best, ",
        "beats",
        std::slice::from_ref(&comparison),
    );

    section.text.extend(summary(&comparison));
    section.save(folder)?;
    Ok(section)
}

/// One sentence, with the classical activation that does best on the test rows, which favours it.
fn summary(comparison: &ArmComparison) -> Option<String> {
    let groups = by_activation(&comparison.arms, &comparison.values);
    let of = |activation: &str| {
        groups
            .iter()
            .find(|(k, _)| k == activation)
            .map(|(_, v)| mean(v))
    };
    let classical = comparison.classical();
    let means = classical.iter().filter_map(|k| Some((k, of(k)?)));
    let (name, best) = means.reduce(|a, b| if b.1 > a.1 { b } else { a })?;
    let mix = of("mix")?;

    Some(format!(
        "With each at its own learning rate and number of epochs, chosen on validation rows, the mix has a test accuracy of \
         {mix:.1} % against {best:.1} % for the best classical activation, {name} ({:+.1} points).",
        mix - best
    ))
}

fn choice_table(comparison: &ArmComparison, chosen: &[Hyperparameters]) -> ReportTable {
    let head = [
        "activation",
        "outer seed",
        "learning rate",
        "epochs",
        "validation accuracy",
        "n",
        "test accuracy",
        "sd",
    ];

    let caption =
        "learning rate and epochs chosen by validation accuracy, then trained on all training rows";
    let mut table = ReportTable::new(caption, &head);

    for ((e, values), c) in comparison.arms.iter().zip(&comparison.values).zip(chosen) {
        let s = Summary::of(values);

        table.row([
            e.activation.clone(),
            e.outer_seed.map_or(String::new(), |s| s.to_string()),
            c.lr.to_string(),
            c.epochs.to_string(),
            format!("{:.2}", c.validation),
            s.n.to_string(),
            format!("{:.2} ± {:.2}", s.mean, s.half_width),
            format!("{:.2}", s.sd),
        ]);
    }

    table
}
