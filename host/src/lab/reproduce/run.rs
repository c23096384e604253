//! `ldnn reproduce`: learning first, then every experiment, then the report.

use super::config::{Experiment, Preset, ReproduceConfig};
use super::learn::{ReproduceTasks, learn};
use super::page::{page, text};
use super::reproduction::Reproduction;
use crate::data::task::Task;
use crate::lab::study::Stage;
use crate::report::{Claim, Part, REPORT, Verdict, judge};
use crate::run::{Incomplete, RunFolder, RunMode, all};
use crate::support::progress::Output;
use anyhow::{Result, ensure};
use std::path::Path;
use std::time::Instant;

/// Does all of it in `folder`, or one stage; at the end writes `report.html` and `report.md` and
/// returns the report for a terminal.
///
/// # Errors
/// If a setting is impossible, a file cannot be written, or the user stops it; [`Incomplete`] to a
/// shard, and where jobs are missing.
pub fn run(
    study: &ReproduceConfig,
    task: &Task,
    folder: &RunFolder,
    stage: Stage,
    output: Output,
) -> Result<String> {
    ensure!(
        task.is_classification(),
        "reproduce needs a classification task; give class labels as whole numbers"
    );

    let begun = Instant::now();

    // Who only gathers has nothing to show.
    let output = if matches!(folder.mode(), RunMode::Gather | RunMode::Status) {
        Output::Quiet
    } else {
        output
    };

    let tasks = ReproduceTasks::new(task)?;
    let stages = learn(study, &tasks, folder, output)?;
    let learned_in = begun.elapsed().as_secs_f64();

    let work = Reproduction {
        study,
        tasks,
        stages,
        folder,
        output,
    };

    if stage == Stage::Learn || stage == Stage::Select {
        let blocked = if stage == Stage::Select {
            work.choose_all()?
        } else {
            0
        };

        return match folder.mode() {
            RunMode::Shard(_) => Err(Incomplete {
                missing: blocked,
                blocked: blocked > 0,
            }
            .into()),
            _ => Ok("this stage is done; the same command without `stage` goes on".into()),
        };
    }

    let part = |experiment| {
        let (name, section, settings) = work.experiment(experiment)?;
        Ok(Part {
            folder: name,
            section,
            settings,
        })
    };

    let mut parts = all(Experiment::ALL
        .into_iter()
        .filter(|e| study.does(*e))
        .map(part))?;

    judge_all(&mut parts, study.preset);

    let page = page(study, parts);
    folder.write(
        "claims.json",
        serde_json::to_string_pretty(&page.claims())? + "\n",
    )?;
    page.save(folder)?;
    folder.write("report.txt", text(&page, Path::new(REPORT)))?;

    // Of this process, not of the results: the files are the same however they came about.
    let process = format!(
        "time of this process: {:.0} s, of them {learned_in:.0} s meta-learning; {} threads, vector instructions: {}\n",
        begun.elapsed().as_secs_f64(),
        rayon::current_num_threads(),
        crate::support::simd::Level::best().name()
    );

    Ok(text(&page, &folder.file(REPORT)) + &process)
}

/// Corrects and judges the claims of all parts together.
fn judge_all(parts: &mut [Part], preset: Preset) {
    let counts: Vec<usize> = parts.iter().map(|p| p.section.claims.len()).collect();
    let mut claims: Vec<Claim> = parts
        .iter_mut()
        .flat_map(|p| std::mem::take(&mut p.section.claims))
        .collect();

    judge(&mut claims);

    if preset == Preset::Smoke {
        claims.iter_mut().for_each(|c| {
            c.verdict = Verdict::NotJudged("the smoke preset learns too little".into())
        });
    }

    let mut claims = claims.into_iter();

    for (part, count) in parts.iter_mut().zip(counts) {
        part.section.claims.extend(claims.by_ref().take(count));
    }
}
