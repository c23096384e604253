//! The results of a study, from the journals of all shards: in the order of the plan, a line at a
//! time.

use super::plan::{StudyPlan, TrainingBlock};
use super::settings::TaskCache;
use super::worker::{LineLocation, TRAININGS, TrainingRecord, Worker, index};
use crate::lab::experiments::comparison::{ArmComparison, claims};
use crate::report::{Page, Part, ReportTable, Section, judge, plot};
use crate::run::{Incomplete, ListProgress, RunFolder};
use crate::support::atomic::write_atomically_with;
use crate::support::regular::{self, Most};
use crate::train::{Arm, Metric, Training, arms, by_activation, metric_of};
use anyhow::{Context, Result};
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

/// Cells that fit in a picture, and whose comparisons are claims.
const SHOWN: usize = 24;

/// Writes `trainings.jsonl`, `trainings.csv`, the table of cells, pictures and the report; returns
/// the report.
///
/// # Errors
/// [`Incomplete`] if trainings or activations are missing; if a file cannot be read or written.
pub(super) fn write(
    plan: &StudyPlan,
    tasks: &TaskCache,
    folder: &RunFolder,
    worker: &Worker,
) -> Result<String> {
    let (own, mut paths) = folder.journals(TRAININGS, true);
    paths.extend(own);

    let index = index(&paths)?;
    count(plan, folder, &index)?;

    if folder.progress().iter().any(|t| !t.missing.is_empty()) || !folder.mode().has_results() {
        let missing = folder.progress().iter().map(|t| t.missing.len()).sum();
        return Err(Incomplete {
            missing,
            blocked: false,
        }
        .into());
    }

    let mut cells = StudyCells::default();
    let mut lines = JournalReader {
        paths: &paths,
        open: HashMap::new(),
    };

    write_atomically_with(&folder.file("trainings.csv"), false, |csv| {
        writeln!(
            csv,
            "id,setting,lesson,outer_seed,activation,seed,diverged,epoch,train_loss,test_loss,test_accuracy"
        )?;

        write_atomically_with(&folder.file("trainings.jsonl"), true, |out| {
            for block in plan.blocks() {
                let block = block?;
                cells.add(one_block(
                    &block,
                    (plan, tasks, worker),
                    &index,
                    &mut lines,
                    (out, csv),
                )?);
            }

            Ok(())
        })
    })?;

    report(plan, folder, &cells)
}

/// Which trainings are missing.
fn count(
    plan: &StudyPlan,
    folder: &RunFolder,
    index: &HashMap<super::Id, LineLocation>,
) -> Result<()> {
    let (mut total, mut missing) = (0, Vec::new());

    for block in plan.blocks() {
        let block = block?;
        missing.extend(
            (0..block.len())
                .filter(|&i| !index.contains_key(&block.item(i).id))
                .map(|i| block.first + i),
        );

        total += block.len();
    }

    folder.count(ListProgress {
        list: folder.list(TRAININGS),
        total,
        missing,
    });

    Ok(())
}

/// Journals by their lines' places.
struct JournalReader<'a> {
    paths: &'a [PathBuf],
    open: HashMap<u32, File>,
}

/// Files that are open at a time; systems allow a process about a thousand.
const OPEN: usize = 500;

impl JournalReader<'_> {
    fn read(&mut self, place: LineLocation) -> Result<Vec<u8>> {
        if self.open.len() >= OPEN && !self.open.contains_key(&place.file) {
            self.open.clear();
        }

        let path = &self.paths[place.file as usize];
        let file = match self.open.entry(place.file) {
            std::collections::hash_map::Entry::Occupied(file) => file.into_mut(),
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(regular::open_to_read(path)?)
            }
        };
        let mut bytes = vec![0; place.len as usize];

        file.seek(SeekFrom::Start(place.offset))?;
        file.read_exact(&mut bytes)
            .with_context(|| format!("cannot read '{}'", path.display()))?;

        Ok(bytes)
    }
}

/// The values of a block at the end of training.
struct BlockValues {
    setting: usize,
    meta: Option<usize>,
    condition: String,
    metric: Metric,
    arms: Vec<Arm>,
    values: Vec<Vec<f64>>,
    diverged: usize,
}

fn one_block(
    block: &TrainingBlock,
    (plan, tasks, worker): (&StudyPlan, &TaskCache, &Worker),
    index: &HashMap<super::Id, LineLocation>,
    lines: &mut JournalReader,
    (out, csv): (&mut dyn Write, &mut dyn Write),
) -> Result<BlockValues> {
    let learned = block.meta_runs.iter().map(|meta_run| {
        let learned = worker
            .learned(meta_run)?
            .with_context(|| format!("meta-learning run {} is missing", meta_run.id))?;
        Ok((meta_run.meta.seed, learned.as_ref().clone()))
    });

    let learned = learned.collect::<Result<Vec<_>>>()?;
    let arms = arms(&block.activations, &learned, block.setting.validate.exact)?;
    let metric = metric_of(&*tasks.get(&block.setting.task)?);
    let (mut values, mut diverged) = (vec![vec![]; arms.len()], 0);
    let outer = block.meta_runs.len().max(1);

    for i in 0..block.len() {
        let item = block.item(i);
        let place = index
            .get(&item.id)
            .with_context(|| format!("training {} is missing", item.id))?;
        let bytes = lines.read(*place)?;

        out.write_all(&bytes)?;
        out.write_all(b"\n")?;

        let line: TrainingRecord =
            serde_json::from_slice(&bytes).with_context(|| format!("training {}", item.id))?;
        csv_line(csv, &line)?;

        match metric.of(&line.training.curve).last() {
            Some(value) if !line.training.diverged => {
                // Activation by activation and in each outer seed by outer seed, as arms are.
                values[i / outer % block.activations.len() * outer + i % outer].push(*value);
            }
            _ => diverged += 1,
        }
    }

    let condition = plan.describe(block.setting_number, block.meta_number);
    let (setting, meta) = (block.setting_number, block.meta_number);

    Ok(BlockValues {
        setting,
        meta,
        condition,
        metric,
        arms,
        values,
        diverged,
    })
}

fn csv_line(csv: &mut dyn Write, line: &TrainingRecord) -> Result<()> {
    let Training {
        activation,
        seed,
        diverged,
        curve,
        ..
    } = &line.training;

    let last = |values: &[f64]| values.last().map_or(String::new(), f64::to_string);
    let epoch = curve.epoch.last().map_or(String::new(), usize::to_string);
    let (meta_run, outer) = (
        line.meta_run.as_deref().unwrap_or(""),
        line.outer_seed.map_or(String::new(), |s| s.to_string()),
    );

    let (train, test, accuracy) = (
        last(&curve.train_loss),
        last(&curve.evaluation_loss),
        last(&curve.accuracy),
    );

    let (id, setting) = (&line.id, line.setting);
    writeln!(
        csv,
        "{id},{setting},{meta_run},{outer},{activation},{seed},{diverged},{epoch},{train},{test},{accuracy}"
    )?;

    Ok(())
}

/// The cells of the study: a setting of trainings with a combination of values of meta-learning.
#[derive(Default)]
struct StudyCells {
    all: Vec<Cell>,
    /// The classical activations of the setting at hand, which all its cells have in common.
    classical: Option<BlockValues>,
}

struct Cell {
    setting: usize,
    meta: Option<usize>,
    comparison: ArmComparison,
    metric: Metric,
    diverged: usize,
}

impl StudyCells {
    fn add(&mut self, values: BlockValues) {
        let of_setting = self.classical.take_if(|c| c.setting == values.setting);
        let (setting, meta) = (values.setting, values.meta);
        if meta.is_none() {
            // A cell by itself, until there is one with learned activations.
            self.push(None, &values);
            self.classical = Some(values);
            return;
        }

        if self
            .all
            .last()
            .is_some_and(|c| c.setting == setting && c.meta.is_none())
        {
            self.all.pop();
        }

        self.push(of_setting.as_ref(), &values);
        self.classical = of_setting;
    }

    fn push(&mut self, before: Option<&BlockValues>, own: &BlockValues) {
        let parts = || before.into_iter().chain([own]);
        let arms: Vec<Arm> = parts().flat_map(|v| v.arms.clone()).collect();
        let values = parts().flat_map(|v| v.values.clone()).collect();
        let diverged = parts().map(|v| v.diverged).sum();
        let comparison = ArmComparison::of(own.metric, &own.condition, &arms, values);

        self.all.push(Cell {
            setting: own.setting,
            meta: own.meta,
            comparison,
            metric: own.metric,
            diverged,
        });
    }
}

fn report(plan: &StudyPlan, folder: &RunFolder, cells: &StudyCells) -> Result<String> {
    let count = cells.all.len();
    let mut section = Section::new("A study");
    let diverged: usize = cells.all.iter().map(|c| c.diverged).sum();
    section.text.push(format!(
        "Cells: {count}. Trainings that diverged and are left out of the means: {diverged}."
    ));
    section.tabulate(folder, "cells", axes_table(plan, cells))?;

    for (metric, name) in [(Metric::Accuracy, "accuracy"), (Metric::Loss, "loss")] {
        let own: Vec<&Cell> = cells.all.iter().filter(|c| c.metric == metric).collect();
        if own.is_empty() {
            continue;
        }

        let mut table = ArmComparison::table(&format!(
            "{} at the last epoch, cell by cell",
            metric.label()
        ));

        own.iter().for_each(|c| c.comparison.rows(&mut table));
        section.tabulate(folder, name, table)?;

        if own.len() <= SHOWN {
            draw(&mut section, folder, &own, name)?;
            let comparisons: Vec<ArmComparison> =
                own.iter().map(|c| c.comparison.clone()).collect();

            section.claims.extend(claims(
                &format!("In {}, ", metric.label()),
                "beats",
                &comparisons,
            ));
        } else {
            section.text.push(format!(
                "{} cells are too many for a picture and for claims; {name}.csv and trainings.csv have the numbers.",
                own.len()
            ));
        }
    }

    judge(&mut section.claims);
    section.save(folder)?;

    let text = section.to_text(folder);
    let settings =
        regular::read_to_string(&folder.file(crate::run::folder::CONFIG), Most::Settings)
            .unwrap_or_default();
    let version = (
        "version".to_string(),
        format!("ldnn {}", env!("CARGO_PKG_VERSION")),
    );

    let part = Part {
        folder: String::new(),
        section,
        settings,
    };

    Page {
        title: "A study".into(),
        summary: vec![],
        facts: vec![version],
        parts: vec![part],
    }
    .save(folder)?;

    Ok(text)
}

fn draw(section: &mut Section, folder: &RunFolder, cells: &[&Cell], name: &str) -> Result<()> {
    let group = |(name, values)| plot::NamedSample { name, values };

    let place = |(i, c): (usize, &&Cell)| {
        let groups = by_activation(&c.comparison.arms, &c.comparison.values)
            .into_iter()
            .map(group)
            .collect();
        (i.to_string(), groups)
    };

    let label = cells[0].metric.label();
    let places: Vec<(String, Vec<plot::NamedSample>)> =
        cells.iter().enumerate().map(place).collect();
    let boxes = plot::boxes("cells of the study", "cell", label, &places);

    section.draw(
        folder,
        name,
        &boxes,
        &format!("{label} in each cell, by number; boxes are quartiles"),
    )
}

/// What is what in which cell.
fn axes_table(plan: &StudyPlan, cells: &StudyCells) -> ReportTable {
    let names: Vec<String> = cells.all.first().map_or(vec![], |c| {
        plan.values(c.setting, c.meta)
            .into_iter()
            .map(|(n, _)| n)
            .collect()
    });

    let head: Vec<&str> = ["cell", "setting"]
        .into_iter()
        .chain(names.iter().map(String::as_str))
        .collect();
    let mut table = ReportTable::new("cells", &head);

    for (i, c) in cells.all.iter().enumerate() {
        let values = plan
            .values(c.setting, c.meta)
            .into_iter()
            .map(|(_, value)| value);

        table.row(
            [i.to_string(), c.setting.to_string()]
                .into_iter()
                .chain(values),
        );
    }

    table
}
