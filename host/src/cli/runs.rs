//! `ldnn list`, `ldnn show`, `ldnn compare`: what is in run folders.

use super::common::ConfigArgs;
use super::dataset::note;
use super::plan::TextPlan;
use crate::report::stats::{Comparison, mann_whitney, mean};
use crate::report::{ReportTable, SECTION, effect_size, p_value, short};
use crate::run::folder::{CONFIG, FAILED, JOURNALS, SHARDS, difference, read_config, shards_of};
use crate::run::journal::for_each_line;
use crate::support::regular::{self, Most};
use crate::train::{Metric, Training};
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::Error;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Where runs are if nobody says otherwise.
const DEFAULT_FOLDER: &str = "out";

/// The journal of a meta-learning run: a line per outer step.
const HISTORY: &str = "history.jsonl";

#[derive(clap::Args, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListArgs {
    /// The folder that holds run folders [default: out]
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
    #[command(flatten)]
    #[serde(skip)]
    pub config: ConfigArgs,
}

#[derive(clap::Args, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShowArgs {
    /// A run folder
    #[arg(value_name = "RUN")]
    run: PathBuf,
    #[command(flatten)]
    #[serde(skip)]
    pub config: ConfigArgs,
}

#[derive(clap::Args, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompareArgs {
    /// A run folder with trainings.jsonl (of `ldnn validate`)
    #[arg(value_name = "RUN")]
    first: PathBuf,
    /// Another one
    #[arg(value_name = "RUN")]
    second: PathBuf,
    #[command(flatten)]
    #[serde(skip)]
    pub config: ConfigArgs,
}

/// The settings of a run folder.
fn settings(run: &Path) -> Result<String> {
    let text = regular::read_to_string(&run.join(CONFIG), Most::Settings);
    text.with_context(|| {
        format!(
            "'{}' is no run folder: it has no {CONFIG}; `ldnn list FOLDER` finds some",
            run.display()
        )
    })
}

fn lines_of(path: &Path) -> usize {
    {
        let mut lines = 0;
        let rest = for_each_line(path, |_, _, _| {
            lines += 1;
            Ok(())
        });

        match rest {
            Ok(0) => lines,
            Ok(_) => lines + 1,
            // It cannot be read.
            Err(_) => 0,
        }
    }
}

/// The journals of a run with the numbers of their lines. A result that a shard has, too, counts
/// once.
fn journals_of(run: &Path) -> BTreeMap<String, usize> {
    let mut all = BTreeMap::new();
    count_lines(run, "", &mut all);

    let mut of_shards = BTreeMap::new();
    for shard in shards_of(run) {
        let journals = run.join(SHARDS).join(shard.folder()).join(JOURNALS);
        count_lines(&journals, "", &mut of_shards);
    }

    for (name, lines) in of_shards {
        let found = all.entry(name).or_default();
        *found = lines.max(*found);
    }

    all.retain(|_, lines| *lines > 0);
    all
}

/// Adds the lines of the journals in a folder, whose names in the run begin with `prefix`.
fn count_lines(folder: &Path, prefix: &str, all: &mut BTreeMap<String, usize>) {
    let entries = fs::read_dir(folder).into_iter().flatten();

    for entry in entries.filter_map(Result::ok) {
        let file = entry.file_name();
        let name = format!("{prefix}{}", file.to_string_lossy());
        let is_journal = entry.path().extension() == Some("jsonl".as_ref());

        match entry.file_type() {
            Ok(kind) if kind.is_dir() && name != SHARDS => {
                count_lines(&entry.path(), &format!("{name}/"), all);
            }
            // The steps of activations that a larger run has learned are none of its results.
            Ok(kind) if kind.is_file() && is_journal && (prefix.is_empty() || file != HISTORY) => {
                *all.entry(name).or_default() += lines_of(&entry.path());
            }
            _ => {}
        }
    }
}

/// Whether the run has come to its end.
fn is_finished(run: &Path) -> bool {
    let written = |name: &str| run.join(name).exists();
    written("report.txt") || written("activations.json") && written("evolution.png")
}

impl ListArgs {
    pub fn resolve(&self) -> Result<TextPlan> {
        let folder = self.folder.as_deref().unwrap_or(Path::new(DEFAULT_FOLDER));
        let mut runs = Vec::new();

        if self.folder.is_none() && !folder.exists() {
            return Ok(TextPlan::new(format!(
                "no runs: there is no folder '{DEFAULT_FOLDER}' here; `ldnn list FOLDER` looks elsewhere"
            )));
        }

        let mut unread = vec![];
        find(folder, 3, &mut runs, &mut unread).with_context(|| {
            format!(
                "cannot look into '{}'; give a folder with runs",
                folder.display()
            )
        })?;
        runs.sort();
        note_unread(&unread);

        if runs.is_empty() {
            return Ok(TextPlan::new(format!(
                "no run folders in '{}'",
                folder.display()
            )));
        }

        let mut table =
            ReportTable::new("runs", &["run", "command", "state", "results", "changed"]);

        for run in runs {
            let state = if run.join(FAILED).exists() {
                "failed; `ldnn show` says why"
            } else if is_finished(&run) {
                "finished"
            } else {
                "not finished; the same command goes on"
            };

            let results: usize = journals_of(&run).values().sum();
            let command =
                read_config(&run).map_or("unknown".into(), |config| config.command().to_string());

            table.row([
                run.display().to_string(),
                command,
                state.into(),
                results.to_string(),
                age(&run),
            ]);
        }

        Ok(TextPlan::of(table.to_text(), &[folder]))
    }
}

/// Run folders in `folder`, not looking into them. Folders inside that cannot be read are put into
/// `unread`, each with the reason.
fn find(
    folder: &Path,
    depth: usize,
    runs: &mut Vec<PathBuf>,
    unread: &mut Vec<(PathBuf, Error)>,
) -> std::io::Result<()> {
    if folder.join(CONFIG).is_file() {
        runs.push(folder.into());
        return Ok(());
    }

    for entry in fs::read_dir(folder)?.filter_map(Result::ok) {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let path = entry.path();

        if depth > 0
            && is_folder
            && let Err(error) = find(&path, depth - 1, runs, unread)
        {
            unread.push((path, error));
        }
    }

    Ok(())
}

/// Says which folders were not looked into.
fn note_unread(unread: &[(PathBuf, Error)]) {
    let Some((first, why)) = unread.first() else {
        return;
    };
    let first = first.display();

    note(&match unread.len() {
        1 => format!("the folder '{first}' was skipped: it cannot be read ({why})"),
        all => {
            format!("{all} folders were skipped, such as '{first}': they cannot be read ({why})")
        }
    });
}

fn age(run: &Path) -> String {
    let newest = fs::read_dir(run).ok().and_then(|entries| {
        let changed = |e: std::io::Result<fs::DirEntry>| e.ok()?.metadata().ok()?.modified().ok();
        entries.filter_map(changed).max()
    });
    let seconds = newest
        .and_then(|t| SystemTime::now().duration_since(t).ok())
        .map(|d| d.as_secs());

    match seconds {
        None => String::new(),
        Some(s) if s < 120 => format!("{s} s ago"),
        Some(s) if s < 7200 => format!("{} min ago", s / 60),
        Some(s) if s < 172_800 => format!("{} h ago", s / 3600),
        Some(s) => format!("{} days ago", s / 86_400),
    }
}

impl ShowArgs {
    pub fn resolve(&self) -> Result<TextPlan> {
        let settings = settings(&self.run)?;
        let report = regular::read_to_string(&self.run.join("report.txt"), Most::Text);
        let report = report.unwrap_or_else(|_| match lines_of(&self.run.join(HISTORY)) {
            0 => self.progress(),
            steps => {
                format!("{steps} outer steps in {HISTORY}; activations.json, evolution.png")
            }
        });

        let failed = regular::read_to_string(&self.run.join(FAILED), Most::Text);
        let failed = failed.map_or(String::new(), |why| {
            format!("\n\nfailed: {}", why.trim_end())
        });

        let page = ["report.html", SECTION]
            .into_iter()
            .find(|f| self.run.join(f).exists());
        let page = page.map_or(String::new(), |f| {
            format!("\n\nmore: {}", self.run.join(f).display())
        });

        let text = format!("settings:\n{settings}\n{report}{failed}{page}");
        Ok(TextPlan::of(text, &[&self.run]))
    }

    /// What a run without a report has done.
    fn progress(&self) -> String {
        let results: String = journals_of(&self.run)
            .iter()
            .map(|(name, lines)| format!("\nresults in {name}: {lines}"))
            .collect();

        format!("no report yet; the same command goes on{results}")
    }
}

impl CompareArgs {
    pub fn resolve(&self) -> Result<TextPlan> {
        let (a, b) = (settings(&self.first)?, settings(&self.second)?);
        let (first, second) = (trainings(&self.first)?, trainings(&self.second)?);
        let metric = if first.iter().all(|t| !t.curve.accuracy.is_empty()) {
            Metric::Accuracy
        } else {
            Metric::Loss
        };

        let head = [
            "activation",
            "n",
            "first",
            "second",
            "difference",
            "95 % (Welch)",
            "g",
            "p (Welch)",
            "p (ranks)",
        ];

        let mut table = ReportTable::new("first minus second", &head);

        for name in names(&first) {
            let (a, b) = (ends(&first, &name, metric), ends(&second, &name, metric));
            if a.len() < 2 || b.len() < 2 {
                continue;
            }

            let c = Comparison::independent(&a, &b);

            table.row([
                name,
                format!("{} / {}", a.len(), b.len()),
                short(mean(&a)),
                short(mean(&b)),
                short(c.difference),
                format!("± {}", short(c.half_width)),
                effect_size(c.effect),
                p_value(c.p),
                p_value(mann_whitney(&a, &b).1),
            ]);
        }

        ensure!(
            !table.rows.is_empty(),
            "the two runs have no activation in common with 2 or more trainings each"
        );

        let settings = match difference(&a, &b) {
            same if same.is_empty() => "the settings are the same".to_string(),
            lines => format!("settings that differ (first there, second wanted):\n{lines}"),
        };

        let text = format!(
            "{settings}\n\n{} at the last epoch, first minus second:\n{}",
            metric.label(),
            table.to_text()
        );
        Ok(TextPlan::of(text, &[&self.first, &self.second]))
    }
}

fn trainings(run: &Path) -> Result<Vec<Training>> {
    let path = run.join("trainings.jsonl");
    let text = regular::read_to_string(&path, Most::Memory).with_context(|| {
        format!(
            "'{}' has no trainings.jsonl; compare runs of `ldnn validate`",
            run.display()
        )
    })?;

    // A run that keeps its networks has each training beside what it kept.
    let training = |line: &str| -> Result<Training> {
        let mut found: Value = serde_json::from_str(line)?;
        let inner = found.get_mut("training").map(Value::take);
        Ok(serde_json::from_value(inner.unwrap_or(found))?)
    };

    let read = |(i, line): (usize, &str)| {
        training(line).with_context(|| format!("'{}', line {}: is damaged", path.display(), i + 1))
    };

    text.lines().enumerate().map(read).collect()
}

/// In order of first appearance.
fn names(trainings: &[Training]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for t in trainings {
        if !names.contains(&t.activation) {
            names.push(t.activation.clone());
        }
    }
    names
}

fn ends(trainings: &[Training], name: &str, metric: Metric) -> Vec<f64> {
    let own = trainings
        .iter()
        .filter(|t| t.activation == name && !t.diverged);
    own.filter_map(|t| metric.of(&t.curve).last().copied())
        .collect()
}
