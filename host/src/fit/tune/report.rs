//! What a search found, as a report.

use super::search::{Trial, TuneResult};
use crate::report::plot::{self, Band};
use crate::report::{ReportTable, Section};
use crate::run::RunFolder;
use crate::support::text::counted;
use crate::train::{Metric, number};
use anyhow::Result;

/// Rows of the table in the report.
const SHOWN: usize = 10;

/// Writes all trials as a table of numbers, the best ones and a picture as a report; `notes` are
/// sentences about the rows.
///
/// # Errors
/// If every candidate diverged, or a file cannot be written.
pub fn report(
    found: &TuneResult,
    name: &str,
    notes: Vec<String>,
    folder: &RunFolder,
) -> Result<Section> {
    let best = found.best()?;
    let mut section = Section::new(format!("A search for a network for {name}"));
    let trials: usize = found.rounds.iter().map(|(_, trials)| trials.len()).sum();

    let sizes: Vec<String> = found
        .rounds
        .iter()
        .map(|(_, trials)| trials.len().to_string())
        .collect();

    section.text.push(format!(
        "{trials} trials in rounds of {}; the best: hidden widths {:?}, {}, learning rate {}{}, {} {} after {} epochs. The best of many \
         is lucky too: on new rows it will be somewhat worse. The test rows were not looked at.",
        sizes.join(", "),
        best.candidate.hidden,
        activations(best),
        best.candidate.lr,
        best.candidate
            .weight_decay
            .map_or(String::new(), |d| format!(", weight decay {d}")),
        found.metric.on("validation"),
        value(best, found.metric),
        best.epochs
    ));

    section.text.extend(notes);
    folder.write("trials.csv", all(found, usize::MAX).to_csv())?;
    section.tabulate(folder, "best", all(found, SHOWN))?;

    let label = found.metric.on("validation");
    let curves = plot::curves("the best so far", "trial", &label, &bands(found));
    section.draw(folder, "search", &curves, "the best trial so far, by round")?;
    section.save(folder)?;

    Ok(section)
}

fn activations(trial: &Trial) -> String {
    let c = &trial.candidate;
    match c.activations.as_str() {
        "learn" => "learned".into(),
        "meta" => format!(
            "{} learned before ({})",
            counted(c.types, "type"),
            format!("{:?}", c.schedule).to_lowercase()
        ),
        name => name.into(),
    }
}

fn value(trial: &Trial, metric: Metric) -> String {
    trial
        .validation
        .map_or("diverged".into(), |v| number(v, metric))
}

/// The trials, those of the last round first; of each round the best first.
fn all(found: &TuneResult, most: usize) -> ReportTable {
    let label = found.metric.on("validation");

    let head = [
        "trial",
        "round",
        "hidden",
        "activations",
        "learning rate",
        "weight decay",
        &label,
        "epochs",
    ];

    let mut table = ReportTable::new("the best trials, those of the last round first", &head);
    let rounds = found.rounds.iter().enumerate().rev();
    for (i, trial) in rounds
        .flat_map(|(i, (_, trials))| trials.iter().map(move |t| (i, t)))
        .take(most)
    {
        let c = &trial.candidate;

        table.row([
            c.id.to_string(),
            (i + 1).to_string(),
            c.hidden
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("-"),
            activations(trial),
            c.lr.to_string(),
            c.weight_decay.map_or(String::new(), |d| d.to_string()),
            value(trial, found.metric),
            trial.epochs.to_string(),
        ]);
    }

    table
}

/// The best value so far, in the order of the trials' numbers.
fn bands(found: &TuneResult) -> Vec<Band> {
    let band = |(i, (share, trials)): (usize, &(f64, Vec<Trial>))| {
        let mut by_number: Vec<&Trial> = trials.iter().filter(|t| t.validation.is_some()).collect();
        by_number.sort_by_key(|t| t.candidate.id);

        let mut best: Option<f64> = None;

        let so_far = |t: &&Trial| {
            let own = t.validation.unwrap_or(f64::NAN);
            let kept = best
                .filter(|b| !found.metric.better(own, *b))
                .unwrap_or(own);
            best = Some(kept);
            kept
        };

        let mean: Vec<f64> = by_number.iter().map(so_far).collect();

        Band {
            name: format!("round {} ({:.0} % of the work)", i + 1, 100.0 * share),
            x: (1..=mean.len()).map(|n| n as f64).collect(),
            half_width: vec![0.0; mean.len()],
            mean,
        }
    };

    found.rounds.iter().enumerate().map(band).collect()
}
