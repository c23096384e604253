//! Fig. 3, question 1, the paper's: at equal training, is the mix better than every other one?

use super::authors::{self, MARKS};
use super::comparison::{ArmComparison, claims};
use crate::data::task::Task;
use crate::report::stats::Summary;
use crate::report::{ReportTable, Section, plot};
use crate::run::RunFolder;
use crate::support::progress::Output;
use crate::train::{
    Arm, Metric, SeededActivations, Training, ValidateConfig, by_activation, csv_of, draw,
    ensembles, group, values_of,
};
use anyhow::Result;

/// Trains the ensembles, writes pictures and CSV, and compares the mix with the others at each mark
/// that was reached.
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
    let (arms, trainings) = ensembles(config, task, learned, None, folder, "trainings", output)?;
    let mut section = Section::new("At equal training");
    folder.write("trainings.csv", csv_of(&trainings))?;

    let marks: Vec<usize> = MARKS
        .into_iter()
        .filter(|m| *m <= config.train.epochs)
        .collect();
    let comparisons: Vec<ArmComparison> = marks
        .iter()
        .map(|&m| comparison(&arms, &trainings, m))
        .collect();

    for (mark, comparison) in marks.iter().zip(&comparisons) {
        let groups: Vec<plot::NamedSample> = by_activation(&comparison.arms, &comparison.values)
            .into_iter()
            .map(|(name, values)| plot::NamedSample { name, values })
            .collect();
        let title = format!("at equal training, {mark} epochs");
        let violins = plot::violins(&title, Metric::Accuracy.label(), &groups);

        section.draw(
            folder,
            &format!("violins-{mark}"),
            &violins,
            &format!("Test accuracy {title}"),
        )?;
    }

    let renamed = by_kind_trainings(&arms, &trainings);

    draw(
        "at equal training",
        &group(&renamed),
        Metric::Accuracy,
        folder,
        &mut section,
    )?;

    section.tabulate(folder, "marks", mark_table(&comparisons, &marks))?;
    section.claims = claims("At equal training, ", "beats", &comparisons);
    section.save(folder)?;

    Ok(section)
}

fn comparison(arms: &[Arm], trainings: &[Training], mark: usize) -> ArmComparison {
    let at = |t: &Training| {
        let i = t.curve.epoch.iter().position(|&e| e == mark)?;
        t.curve.accuracy.get(i).copied()
    };
    let values = values_of(arms, trainings, at);
    ArmComparison::of(Metric::Accuracy, &format!("at {mark} epochs"), arms, values)
}

/// The trainings under the name of their activation, so that all outer seeds make one group.
fn by_kind_trainings(arms: &[Arm], trainings: &[Training]) -> Vec<Training> {
    let activation = |t: &Training| {
        arms.iter()
            .find(|e| e.choice.name == t.activation)
            .map(|e| e.activation.clone())
    };

    let renamed = |t: &Training| Training {
        activation: activation(t).unwrap_or_default(),
        ..t.clone()
    };

    trainings.iter().map(renamed).collect()
}

fn mark_table(comparisons: &[ArmComparison], marks: &[usize]) -> ReportTable {
    let mut head = vec!["activation".to_string(), "n".into()];
    head.extend(marks.iter().map(|m| format!("{m} epochs")));
    head.extend(marks.iter().map(|m| format!("authors' code, {m}")));

    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let mut table = ReportTable::new(
        "test accuracy in %, mean ± half of the 95 % interval over trainings",
        &head,
    );
    let Some(first) = comparisons.first() else {
        return table;
    };

    for (k, (activation, values)) in by_activation(&first.arms, &first.values)
        .into_iter()
        .enumerate()
    {
        let mut row = vec![activation.clone(), values.len().to_string()];
        row.extend(comparisons.iter().map(|c| {
            let s = Summary::of(&by_activation(&c.arms, &c.values)[k].1);
            format!("{:.1} ± {:.1}", s.mean, s.half_width)
        }));

        row.extend(marks.iter().map(|&m| {
            authors::accuracy(&activation, m).map_or(String::new(), |a| format!("{a:.1}"))
        }));

        table.row(row);
    }

    table
}
