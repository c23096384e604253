//! Question 2, a practitioner's: with its own learning rate and its own number of epochs, both chosen on a validation
//! part of the training rows, is the mix better than every other one?

use super::claims::{Claim, Verdict, points};
use super::config::SelectConfig;
use crate::activations::{Activations, Choice};
use crate::folder::RunFolder;
use crate::plot;
use crate::progress::Output;
use crate::stats::{Comparison, Summary, mean};
use crate::task::Task;
use crate::train::{TrainConfig, Training};
use crate::validate::{Ensemble, Job, Metric, csv_of, table, train_all};
use anyhow::{Context, Result};
use serde::Serialize;

/// Activations with what was chosen for them and what came out.
#[derive(Clone, Debug, Serialize)]
struct Entrant {
    name: String,
    /// The meta-learning run that the activations come from; none for classical ones.
    outer_seed: Option<u64>,
    rate: f64,
    epochs: usize,
    /// Mean accuracy on the validation rows, for which rate and epochs were chosen.
    validation: f64,
    /// Test accuracy of each network trained on all training rows, by seed.
    test: Vec<f64>,
}

/// What question 2 brings.
pub struct Answer {
    /// Choices and accuracies.
    pub tables: String,
    /// The claims about the mix.
    pub claims: Vec<Claim>,
    /// The mean test accuracy of the mix over outer seeds, and name and mean of the classical activation that does best
    /// on the test rows.
    pub summary: Option<(f64, String, f64)>,
}

/// Chooses, trains and compares. `learned` holds the activations of each outer seed.
///
/// # Errors
/// If a training is impossible, a file cannot be written, or the user stops it.
pub fn answer(
    config: &SelectConfig,
    train: &TrainConfig,
    task: &Task,
    learned: &[(u64, Activations)],
    seed: u64,
    folder: &RunFolder,
    output: Output,
) -> Result<Answer> {
    let mut choices: Vec<(Option<u64>, Choice)> = Vec::new();
    for name in &config.classical {
        choices.push((None, Choice::named(name, None, false)?));
    }
    for (outer, activations) in learned {
        let names = (1..=activations.types.len()).map(|t| format!("type{t}")).chain(["mix".to_string()]);
        for name in names {
            let choice = Choice::named(&name, Some(activations), false)?;
            choices.push((Some(*outer), choice.called(format!("{name}@{outer}"))));
        }
    }
    let chosen = select(config, train, task, &choices, seed, folder, output)?;
    let finals = train_finals(config, train, task, &choices, &chosen, seed, folder, output)?;
    folder.write("finals.csv", csv_of(&finals))?;
    let entrants = entrants(&choices, &chosen, &finals);
    folder.write("entrants.json", serde_json::to_string_pretty(&entrants)? + "\n")?;
    draw(&entrants, folder)?;
    let answer = judge(&entrants);
    folder.write("report.txt", &answer.tables)?;
    Ok(answer)
}

/// A learning rate and a number of epochs, with the validation accuracy that they had.
#[derive(Clone, Copy, Debug)]
struct Chosen {
    rate: f64,
    epochs: usize,
    validation: f64,
}

/// Trains each choice at each rate without the validation rows, and takes rate and epoch of the best mean.
fn select(
    config: &SelectConfig,
    train: &TrainConfig,
    task: &Task,
    choices: &[(Option<u64>, Choice)],
    seed: u64,
    folder: &RunFolder,
    output: Output,
) -> Result<Vec<Chosen>> {
    let (rest, validation) = task.train.split(config.validation_rows, seed, 1)?;
    let mut jobs = Vec::new();
    for (_, choice) in choices {
        for &rate in &config.rates {
            for run in 0..config.runs as u64 {
                let config = TrainConfig { rate, epochs: config.epochs_at(rate), every: EVERY, ..train.clone() };
                jobs.push(Job { choice, config, seed: seed + 1_000_000 + run });
            }
        }
    }
    let ensemble = Ensemble { task, train: &rest, judge: &validation };
    let trainings = train_all(ensemble, &jobs, folder, "selection", output)?;
    let per_choice = config.rates.len() * config.runs;
    let best = |trainings: &[Training]| {
        let candidates = trainings.chunks(config.runs).filter_map(best_epoch);
        candidates.reduce(|best, next| if next.validation > best.validation { next } else { best })
    };
    let name = |i: usize| choices[i].1.name.clone();
    let chosen = trainings.chunks(per_choice).enumerate();
    chosen.map(|(i, t)| best(t).with_context(|| format!("'{}' diverges at every learning rate", name(i)))).collect()
}

/// Validation accuracy is measured every so many epochs.
const EVERY: usize = 5;

/// The best recorded epoch of the mean over some trainings with one rate, each point averaged with its two neighbours
/// against the luck of single epochs; none if one of the trainings diverged.
fn best_epoch(trainings: &[Training]) -> Option<Chosen> {
    let first = trainings.first()?;
    if trainings.iter().any(|t| t.diverged) {
        return None;
    }
    let near =
        |t: &Training, i: usize| mean(&t.curve.accuracy[i.saturating_sub(1)..(i + 2).min(t.curve.accuracy.len())]);
    let at = |i: usize| mean(&trainings.iter().map(|t| near(t, i)).collect::<Vec<_>>());
    let points = first.curve.epoch.iter().enumerate();
    points
        .map(|(i, &epochs)| Chosen { rate: first.rate, epochs, validation: at(i) })
        .reduce(|best, next| if next.validation > best.validation { next } else { best })
}

/// Trains each choice as chosen, on all training rows; the test rows are looked at once, at the end.
#[allow(clippy::too_many_arguments, reason = "the parts of the question, each of its own kind")]
fn train_finals(
    config: &SelectConfig,
    train: &TrainConfig,
    task: &Task,
    choices: &[(Option<u64>, Choice)],
    chosen: &[Chosen],
    seed: u64,
    folder: &RunFolder,
    output: Output,
) -> Result<Vec<Training>> {
    let mut jobs = Vec::new();
    for ((_, choice), c) in choices.iter().zip(chosen) {
        for run in 0..config.final_runs as u64 {
            let config = TrainConfig { rate: c.rate, epochs: c.epochs, every: c.epochs, ..train.clone() };
            jobs.push(Job { choice, config, seed: seed + run });
        }
    }
    let ensemble = Ensemble { task, train: &task.train, judge: &task.test };
    train_all(ensemble, &jobs, folder, "finals", output)
}

fn entrants(choices: &[(Option<u64>, Choice)], chosen: &[Chosen], finals: &[Training]) -> Vec<Entrant> {
    let of = |((outer_seed, choice), c): (&(Option<u64>, Choice), &Chosen)| Entrant {
        name: choice.name.split('@').next().unwrap_or_default().to_string(),
        outer_seed: *outer_seed,
        rate: c.rate,
        epochs: c.epochs,
        validation: c.validation,
        test: finals
            .iter()
            .filter(|t| t.activation == choice.name)
            .map(|t| t.curve.accuracy.last().copied().unwrap_or(f64::NAN))
            .collect(),
    };
    choices.iter().zip(chosen).map(of).collect()
}

fn draw(entrants: &[Entrant], folder: &RunFolder) -> Result<()> {
    let mut groups: Vec<plot::Group> = Vec::new();
    for e in entrants {
        match groups.iter_mut().find(|g| g.name == e.name) {
            Some(g) => g.values.extend(&e.test),
            None => groups.push(plot::Group { name: e.name.clone(), values: e.test.clone() }),
        }
    }
    let title = "each at its best rate and epoch, all outer seeds";
    plot::save(folder, "violins", &plot::violins(title, Metric::Accuracy.label(), &groups))
}

fn judge(entrants: &[Entrant]) -> Answer {
    let classical: Vec<&Entrant> = entrants.iter().filter(|e| e.outer_seed.is_none()).collect();
    // The hardest opponent: the best on the test rows, which favours the classical side.
    let best = classical.iter().copied().reduce(|a, b| if mean(&b.test) > mean(&a.test) { b } else { a });
    let mixes: Vec<&Entrant> = entrants.iter().filter(|e| e.name == "mix").collect();
    let mut claims = Vec::new();
    for opponent in &classical {
        let against: Vec<&Entrant> = mixes.iter().map(|_| *opponent).collect();
        claims.push(claim(&opponent.name, &mixes, &against));
    }
    // Which type has which number is chance, so each mix stands against the better of its own types; the better on the
    // test rows, which favours the type.
    let better: Vec<&Entrant> = mixes.iter().filter_map(|mix| best_type(entrants, mix)).collect();
    claims.push(claim("the better of its types alone", &mixes, &better));
    let test = |es: &[&Entrant]| mean(&es.iter().map(|e| mean(&e.test)).collect::<Vec<_>>());
    let summary = best.filter(|_| !mixes.is_empty()).map(|b| (test(&mixes), b.name.clone(), mean(&b.test)));
    Answer { tables: entrant_table(entrants), claims, summary }
}

/// The type of the same meta-learning run as `mix` that does best on the test rows.
fn best_type<'a>(entrants: &'a [Entrant], mix: &Entrant) -> Option<&'a Entrant> {
    let types = entrants.iter().filter(|e| e.outer_seed == mix.outer_seed && e.name.starts_with("type"));
    types.reduce(|a, b| if mean(&b.test) > mean(&a.test) { b } else { a })
}

/// The mix against another, at each outer seed; the interval is over outer seeds.
fn claim(other: &str, mixes: &[&Entrant], others: &[&Entrant]) -> Claim {
    let differences: Vec<f64> =
        mixes.iter().zip(others).map(|(m, o)| Comparison::paired(&m.test, &o.test).difference).collect();
    let s = Summary::of(&differences);
    let each: Vec<String> = differences.iter().map(|d| format!("{d:+.1}")).collect();
    Claim {
        claim: format!("each at its best, mix beats {other}"),
        measured: format!("{} over {} outer seeds ({})", points(s.mean, s.half_width), s.n, each.join(", ")),
        verdict: match s.n {
            0 | 1 => Verdict::NotJudged("needs 2 or more outer seeds".into()),
            _ if s.mean - s.half_width > 0.0 => Verdict::Reproduced,
            _ => Verdict::NotReproduced,
        },
    }
}

fn entrant_table(entrants: &[Entrant]) -> String {
    let head = ["activation", "outer seed", "rate", "epochs", "validation accuracy", "n", "test accuracy", "sd"];
    let mut table = table(&head);
    for e in entrants {
        let s = Summary::of(&e.test);
        table.add_row([
            e.name.clone(),
            e.outer_seed.map_or(String::new(), |s| s.to_string()),
            e.rate.to_string(),
            e.epochs.to_string(),
            format!("{:.2}", e.validation),
            s.n.to_string(),
            format!("{:.2} ± {:.2}", s.mean, s.half_width),
            format!("{:.2}", s.sd),
        ]);
    }
    format!("rate and epochs chosen by validation accuracy, then trained on all training rows:\n{table}")
}
