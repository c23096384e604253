//! How far the shards of a run are, in words.

use crate::report::ReportTable;
use crate::run::folder::{SHARDS, shards_of};
use crate::run::{Incomplete, ListProgress, Lock, RunFolder, Shard, heartbeat};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// What is missing, list by list, with the shards that it belongs to.
#[must_use]
pub fn lacking(folder: &RunFolder) -> String {
    let mut text = String::new();

    for t in folder.progress().iter().filter(|t| !t.missing.is_empty()) {
        let _ = write!(
            text,
            "\n  {}: {} of {} are missing",
            t.list,
            t.missing.len(),
            t.total
        );

        let counts = match counts_of(folder, &t.list) {
            counts if counts.is_empty() => count_of(folder).into_iter().collect(),
            counts => counts,
        };
        let owners: Vec<String> = counts.iter().map(|&count| owners(count, t)).collect();

        if !owners.is_empty() {
            let _ = write!(text, " ({})", owners.join(", or "));
        }
    }

    text
}

/// The shards, of as many as `count`, that what is missing of a list belongs to.
fn owners(count: usize, progress: &ListProgress) -> String {
    let shard = Shard { index: 0, count };
    let owners: BTreeSet<usize> = progress
        .missing
        .iter()
        .map(|&k| shard.owner(&progress.list, k))
        .collect();

    let names: Vec<String> = owners.iter().take(20).map(ToString::to_string).collect();
    let more = if owners.len() > 20 { ", ..." } else { "" };
    format!("of shards {}{more} of {count}", names.join(", "))
}

/// A sentence for every list of work that shards of different numbers have worked at, 1/3 and 2/4
/// for example. That is no fault, but where a queue has numbered its tasks in another way than the
/// user thinks it is how the fault shows.
#[must_use]
pub fn divisions(folder: &RunFolder) -> Vec<String> {
    let mut sentences = vec![];

    for progress in folder.progress() {
        let counts: Vec<String> = counts_of(folder, &progress.list)
            .iter()
            .map(ToString::to_string)
            .collect();
        if counts.len() < 2 {
            continue;
        }

        let state = match progress.missing.len() {
            0 => "all of it is done".to_string(),
            n => format!(
                "{n} jobs are missing, and the shards of any one of these numbers would do them"
            ),
        };

        sentences.push(format!(
            "{}: the work was divided among {} shards; {state}",
            progress.list,
            counts.join(" and among ")
        ));
    }

    sentences
}

/// How many shards there were of those that have done anything of a list; several numbers if it was
/// divided anew.
fn counts_of(folder: &RunFolder, list: &str) -> BTreeSet<usize> {
    let is_written = |path: &Path| path.metadata().is_ok_and(|m| m.is_dir() || m.len() > 0);
    let mut counts = BTreeSet::new();

    for source in folder.sources() {
        for shard in shards_of(source) {
            let own = source.join(SHARDS).join(shard.folder());
            let journal = own.join("journals").join(format!("{list}.jsonl"));
            if is_written(&journal) || is_written(&own.join("kept").join(list)) {
                counts.insert(shard.count);
            }
        }
    }

    counts
}

/// How many shards there are, if all folders of shards say the same.
fn count_of(folder: &RunFolder) -> Option<usize> {
    let counts: BTreeSet<usize> = folder
        .sources()
        .iter()
        .flat_map(|s| shards_of(s))
        .map(|shard| shard.count)
        .collect();

    (counts.len() == 1)
        .then(|| counts.first().copied())
        .flatten()
}

/// Everything that `ldnn status` says.
#[must_use]
pub fn describe(folder: &RunFolder, incomplete: Option<Incomplete>) -> String {
    let progress = folder.progress();
    let mut text = String::new();
    let mut table = ReportTable::new("jobs", &["list", "done", "of", "missing"]);

    for t in &progress {
        let done = t.total - t.missing.len();
        table.row([
            t.list.clone(),
            done.to_string(),
            t.total.to_string(),
            t.missing.len().to_string(),
        ]);
    }

    let (total, missing) = progress
        .iter()
        .fold((0, 0), |(a, b), t| (a + t.total, b + t.missing.len()));
    let _ = writeln!(text, "{}\n", table.to_text());
    let (shards, left) = shards(folder, &progress);

    if !shards.rows.is_empty() {
        let _ = writeln!(text, "{}\n", shards.to_text());
    } else if let Some(holder) = Lock::holder(folder.path()) {
        let _ = writeln!(text, "at work: {holder}\n");
    }

    let _ = write!(
        text,
        "{} of {total} jobs are done, {missing} are missing",
        total - missing
    );

    if incomplete.is_some_and(|i| i.blocked) {
        text += " (work that waits for them is not counted yet)";
    }

    if let (Some(left), true) = (left, missing > 0) {
        let _ = write!(text, "; {} left if all shards are at work", time(left));
    }

    if missing == 0 {
        let _ = write!(
            text,
            "; `ldnn merge {}` writes the results",
            folder.path().display()
        );
    }

    for sentence in divisions(folder) {
        let _ = write!(text, "\nnote: {sentence}");
    }

    text
}

/// A table with one row per shard, and the longest time that any of them still needs.
fn shards(folder: &RunFolder, progress: &[ListProgress]) -> (ReportTable, Option<f64>) {
    let head = ["shard", "state", "done", "of", "missing", "time left"];
    let (mut table, mut longest) = (ReportTable::new("shards", &head), None::<f64>);
    let one = count_of(folder);
    let mut all: BTreeSet<Shard> = folder.sources().iter().flat_map(|s| shards_of(s)).collect();

    // Those that have not begun have no folder.
    all.extend(
        one.into_iter()
            .flat_map(|count| (0..count).map(move |index| Shard { count, index })),
    );

    for shard in all {
        let place = folder
            .sources()
            .iter()
            .map(|s| s.join(SHARDS).join(shard.folder()))
            .find(|p| p.is_dir());

        let owned = |t: &ListProgress| (0..t.total).filter(|&k| shard.owns(&t.list, k)).count();

        let lacking = |t: &ListProgress| {
            t.missing
                .iter()
                .filter(|&&k| shard.owns(&t.list, k))
                .count()
        };

        let (total, missing) = progress
            .iter()
            .fold((0, 0), |(a, b), t| (a + owned(t), b + lacking(t)));
        let said = place.as_deref().and_then(heartbeat::read);
        let rate = said
            .as_ref()
            .filter(|s| s.jobs > 0)
            .map(|s| s.seconds / s.jobs as f64);
        let left = rate.filter(|_| missing > 0).map(|r| r * missing as f64);

        longest = [longest, left].into_iter().flatten().reduce(f64::max);

        table.row([
            shard.to_string(),
            place.map_or("not begun".into(), |p| state(&p, said.as_ref())),
            (total - missing).to_string(),
            total.to_string(),
            missing.to_string(),
            left.map_or(String::new(), time),
        ]);
    }

    (table, longest)
}

fn state(folder: &Path, said: Option<&heartbeat::ShardState>) -> String {
    let Some(state) = said else {
        return "unknown".into();
    };
    let who = format!("process {} on {}", state.process, state.host);

    match &state.ended {
        Some(how) if ["done", "waits", "stopped"].contains(&how.as_str()) => how.clone(),
        Some(message) => format!("failed: {message}"),
        None if Lock::holder(folder).is_some() => format!("running: {who}"),
        None if state.host == crate::run::lock::host() => format!("killed: {who}"),
        None => format!(
            "running or killed: {who}, last word {} ago",
            time(age(folder).as_secs_f64())
        ),
    }
}

/// Since the shard last said something, by the clocks of this machine and of the file system.
fn age(folder: &Path) -> Duration {
    let changed = std::fs::metadata(folder.join(heartbeat::FILE))
        .and_then(|m| m.modified())
        .ok();
    changed
        .and_then(|t| SystemTime::now().duration_since(t).ok())
        .unwrap_or_default()
}

fn time(seconds: f64) -> String {
    match seconds {
        s if s < 100.0 => format!("{s:.0} s"),
        s if s < 6000.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}
