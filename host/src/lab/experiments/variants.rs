//! The same comparison under several conditions: other starting points, depths, numbers of types,
//! schedules.

use super::comparison::{ArmComparison, claims};
use crate::data::task::Task;
use crate::report::{Measure, ReportTable, Section, plot};
use crate::run::{RunFolder, all};
use crate::support::progress::Output;
use crate::train::{
    SeededActivations, TrainConfig, Training, ValidateConfig, by_activation, ensembles, metric_of,
    values_of,
};
use anyhow::Result;

/// One condition.
#[derive(Clone, Debug)]
pub struct Variant {
    /// In words, for tables, and as the name of its journal.
    pub name: String,
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// What was learned under it.
    pub learned: Vec<SeededActivations>,
}

/// Trains an ensemble a variant, and compares the mix with the others under each.
///
/// # Errors
/// If a setting is impossible, a file cannot be written, or the user stops it.
pub fn run(
    title: &str,
    config: &ValidateConfig,
    task: &Task,
    variants: &[Variant],
    folder: &RunFolder,
    output: Output,
) -> Result<Section> {
    let metric = metric_of(task);
    // The best point of each curve's mean would favour the lucky: the last one counts.
    let end = |t: &Training| metric.of(&t.curve).last().copied();

    let comparison = |v: &Variant| {
        let train = TrainConfig {
            hidden: v.hidden.clone(),
            ..config.train.clone()
        };
        let types = v.learned.first().map_or(0, |(_, a)| a.types_in_a_layer());

        let activations = config
            .compare
            .iter()
            .filter(|a| !a.starts_with("type"))
            .cloned();

        let own = (1..=types).map(|t| format!("type{t}"));

        let config = ValidateConfig {
            train,
            compare: activations.chain(own).collect(),
            ..config.clone()
        };

        let (arms, trainings) =
            ensembles(&config, task, &v.learned, None, folder, &v.name, output)?;

        Ok(ArmComparison::of(
            metric,
            &v.name,
            &arms,
            values_of(&arms, &trainings, end),
        ))
    };

    let comparisons = all(variants.iter().map(comparison))?;
    let mut section = Section::new(title);

    let groups = |c: &ArmComparison| {
        let activations = by_activation(&c.arms, &c.values).into_iter();
        // Boxes of one colour must be of one kind: the types last.
        activations
            .map(|(name, values)| plot::NamedSample { name, values })
            .collect::<Vec<_>>()
    };

    let widest = comparisons.iter().max_by_key(|c| groups(c).len());
    let mut places: Vec<(String, Vec<plot::NamedSample>)> = comparisons
        .iter()
        .map(|c| (c.condition.clone(), groups(c)))
        .collect();

    // The legend is that of the first place: it must name every kind.
    if let (Some(widest), Some(first)) = (widest, places.first_mut()) {
        for g in groups(widest).into_iter().skip(first.1.len()) {
            first.1.push(plot::NamedSample {
                name: g.name,
                values: vec![],
            });
        }
    }

    let boxes = plot::boxes(title, "condition", metric.label(), &places);

    section.draw(
        folder,
        "variants",
        &boxes,
        &format!(
            "{} under each condition; boxes are quartiles",
            metric.label()
        ),
    )?;

    let mut table = ArmComparison::table(&format!("{} under each condition", metric.label()));
    comparisons.iter().for_each(|c| c.rows(&mut table));
    section.tabulate(folder, "variants", table)?;

    if let Some(table) = directly(&comparisons) {
        section.tabulate(folder, "directly", table)?;
    }

    section.claims = claims(&format!("{title}: "), "beats", &comparisons);
    section.save(folder)?;
    Ok(section)
}

/// The mix under each condition against the mix under the first, for the outer seeds that both
/// have.
fn directly(comparisons: &[ArmComparison]) -> Option<ReportTable> {
    let (first, others) = comparisons.split_first()?;

    let mut table = ReportTable::new(
        format!(
            "The mix, {}, against the others (p not corrected)",
            first.condition
        ),
        &["over", "by"],
    );

    for other in others {
        let pair = |(seed, own): (Option<u64>, &Vec<f64>)| {
            let (_, theirs) = other.mixes().find(|(s, _)| *s == seed)?;
            Some(if first.more {
                (own.clone(), theirs.clone())
            } else {
                (theirs.clone(), own.clone())
            })
        };

        let pairs: Vec<_> = first.mixes().filter_map(pair).collect();
        if !pairs.is_empty() {
            table.row([
                other.condition.clone(),
                Measure::of("", &first.unit, &pairs).to_string(),
            ]);
        }
    }

    (!table.rows.is_empty()).then_some(table)
}
