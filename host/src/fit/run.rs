//! From rows to a model and a report: with a test part, or cross-validated.

use super::compare::{Scores, spread_of_folds};
use super::config::{BEST, FitConfig};
use super::pipeline::{AllDiverged, PipelineOutcome, run_pipeline};
use crate::data::remarks::{columns_with_offsets, constant_inputs};
use crate::data::split::Split;
use crate::data::target::Purpose;
use crate::data::task::Task;
use crate::model::Model;
use crate::model::metrics::{Metrics, of_confusion};
use crate::model::names::is_any_learned;
use crate::report::stats::{Summary, mean};
use crate::report::{ReportTable, Section, plot};
use crate::run::RunFolder;
use crate::support::progress::Output;
use crate::support::text::counted;
use anyhow::Result;

/// What came out.
pub struct Fitted {
    /// The model.
    pub model: Model,
    /// The report.
    pub section: Section,
}

/// Trains and compares on the training rows, evaluates on the test rows; in `folder`, where what is
/// there already is not done again.
///
/// # Errors
/// If a setting is impossible, a file cannot be written, or the user stops it.
pub fn run(
    config: &FitConfig,
    parts: &Split,
    folder: &RunFolder,
    output: Output,
) -> Result<Fitted> {
    run_kept(config, parts, folder, output, "as asked for")
}

/// The same with a reason why the model has the activations of [`FitConfig::keep`], as the end of a
/// sentence.
///
/// # Errors
/// As [`run`].
pub fn run_kept(
    config: &FitConfig,
    parts: &Split,
    folder: &RunFolder,
    output: Output,
    why_kept: &str,
) -> Result<Fitted> {
    let done = run_pipeline(config, parts, folder, output, true)?;
    let mut section = Section::new(format!("A network for {}", done.task.name));
    section.text.push(describe(parts, &done.task, None));
    section.text.extend(about_rows(parts));
    section.text.extend(done.model.rows_note());
    section.text.extend(done.notes.iter().cloned());

    let why = if config.keep == BEST {
        done.scores.why_first()
    } else {
        why_kept
    };

    let has_choice = done
        .scores
        .activations
        .iter()
        .any(|activation| is_any_learned(activation));
    let has_others = has_choice && !is_any_learned(&done.model.activation);
    let hint = if config.keep == BEST && has_others {
        " (`keep` learned takes the learned ones)"
    } else {
        ""
    };

    section.text.push(format!(
        "The model has {} activations, {why}{hint}.",
        activation_text(&done.model.activation)
    ));

    let metrics = done.model.evaluate_set(&done.task.test)?;
    let nothing = metrics.nothing_found();

    // Of two arms that found nothing, none is better.
    if nothing.is_empty() {
        section
            .text
            .extend(done.scores.verdict(&done.model.activation));
    }
    section.text.extend(nothing);
    section.tabulate(folder, "compared", compared(&done))?;
    tabulate(&mut section, folder, "The model on the test rows", &metrics)?;
    draw_activations(&mut section, folder, &done.model)?;
    section.save(folder)?;

    Ok(Fitted {
        model: done.model,
        section,
    })
}

/// Does everything once per fold, activations too, on the same folds for every arm;
/// the model then learns from all rows (`whole`).
///
/// # Errors
/// As [`run`].
pub fn cross(
    config: &FitConfig,
    folds: &[Split],
    whole: &Split,
    folder: &RunFolder,
    output: Output,
) -> Result<Fitted> {
    let (mut by_fold, mut failed) = (vec![], vec![]);

    for (i, parts) in folds.iter().enumerate() {
        let inside = folder.inside(&format!("fold-{}", i + 1), config)?;
        match run_pipeline(config, parts, &inside, output, true) {
            Ok(done) => by_fold.push((i + 1, done)),
            Err(error) if error.is::<AllDiverged>() => failed.push((i + 1, error)),
            Err(error) => return Err(error.context(format!("fold {}", i + 1))),
        }
    }

    if by_fold.len() < 2 {
        let (fold, error) = failed.swap_remove(0);
        return Err(error.context(format!("fold {fold}")));
    }

    let done = run_pipeline(
        config,
        whole,
        &folder.inside("whole", config)?,
        output,
        false,
    )?;

    let scores = over_folds(&by_fold);
    let mut section = Section::new(format!("A network for {}, cross-validated", done.task.name));
    section
        .text
        .push(describe(whole, &done.task, Some(folds.len())));
    section.text.extend(about_rows(whole));
    section.text.extend(done.model.rows_note());

    for (fold, error) in &failed {
        section
            .text
            .push(format!("Fold {fold} is left out: {error}."));
    }

    for (fold, outcome) in &by_fold {
        section.text.extend(
            outcome
                .notes
                .iter()
                .map(|note| format!("Fold {fold}: {note}")),
        );
    }

    section
        .text
        .extend(done.notes.iter().map(|note| format!("All rows: {note}")));
    section.text.extend(scores.verdict(&done.model.activation));

    let why = if config.keep == BEST {
        done.scores.why_first()
    } else {
        "as asked for"
    };

    section.text.push(format!(
        "The model is trained on all rows, with {} activations, {why}. What it is worth \
         on new rows is what the models of the folds were worth on theirs; intervals carry that folds share training rows.",
        activation_text(&done.model.activation)
    ));

    section.tabulate(folder, "compared", fold_table(&scores))?;

    let metrics = by_fold
        .iter()
        .map(|(_, c)| c.model.evaluate_set(&c.task.test));
    let metrics = metrics.collect::<Result<Vec<_>>>()?;

    section.tabulate(
        folder,
        "folds",
        model_table(&by_fold, &metrics, scores.wider),
    )?;

    if let Some(pooled) = pooled(&metrics) {
        section.text.extend(pooled.nothing_found());

        tabulate(
            &mut section,
            folder,
            "The models of the folds, each on its test rows, all together",
            &pooled,
        )?;
    }

    draw_activations(&mut section, folder, &done.model)?;
    section.save(folder)?;
    Ok(Fitted {
        model: done.model,
        section,
    })
}

fn activation_text(activation: &str) -> &str {
    if is_any_learned(activation) {
        "the learned"
    } else {
        activation
    }
}

fn name(activation: &str) -> String {
    match activation {
        "learning:mix" => "learned, learning on".into(),
        name if is_any_learned(name) => "learned".into(),
        name => name.into(),
    }
}

fn describe(parts: &Split, task: &Task, folds: Option<usize>) -> String {
    let what = match &parts.purpose {
        Purpose::Classification { column, classes } => {
            let are_numbers = classes.iter().all(|name| name.parse::<f64>().is_ok());
            let or_numbers = match are_numbers {
                true => " (each is a number: `regression` predicts numbers instead)",
                false => "",
            };
            format!("'{column}', one of {} classes{or_numbers}", classes.len())
        }
        Purpose::Regression { columns, .. } => format!("{} (regression)", columns.join(", ")),
    };

    let (rows, test, inputs) = (task.train.rows(), task.test.rows(), parts.features.len());
    let rows = match folds {
        None => format!("{} to learn from, {test} to test", counted(rows, "row")),
        Some(folds) => format!("{} in {folds} folds", counted(rows, "row")),
    };

    let inputs = counted(inputs, "input");
    format!("{rows}; {inputs}; to be predicted: {what}.")
}

/// What is unusual about the rows to learn from, a sentence each.
fn about_rows(parts: &Split) -> Vec<String> {
    let columns = [
        constant_inputs(&parts.features, &parts.inputs, &parts.data.x),
        columns_with_offsets(&parts.features, &parts.inputs, &parts.purpose),
    ];
    let columns = columns.into_iter().flatten();
    columns.chain(parts.notes()).collect()
}

fn tabulate(section: &mut Section, folder: &RunFolder, of: &str, metrics: &Metrics) -> Result<()> {
    for (i, table) in metrics.tables().into_iter().enumerate() {
        let caption = format!("{of}: {}", table.caption);
        section.tabulate(
            folder,
            &format!("model-{}", i + 1),
            ReportTable { caption, ..table },
        )?;
    }

    Ok(())
}

/// A picture of learned activations; everybody knows the others.
fn draw_activations(section: &mut Section, folder: &RunFolder, model: &Model) -> Result<()> {
    if !is_any_learned(&model.activation) {
        return Ok(());
    }

    let curves = model.network.network()?.curves(POINTS)?;
    let drawing = plot::curves("activations of the model", "z", "value", &curves);
    section.draw(
        folder,
        "activations",
        &drawing,
        "the activations that the model has learned",
    )
}

/// Points of a curve.
const POINTS: usize = 241;

fn compared(done: &PipelineOutcome) -> ReportTable {
    let scores = &done.scores;
    let caption = format!(
        "{} of networks with each activation; learning rate, weight decay and epochs chosen on held-out training rows",
        scores.metric.label()
    );

    let head = [
        "activations",
        "learning rate",
        "weight decay",
        "epochs",
        "held out",
        "n",
        "mean",
        "± (95 %)",
        "sd",
    ];

    let mut table = ReportTable::new(caption, &head);

    for (i, c) in done.chosen.iter().enumerate() {
        let s = scores.summary(i);

        table.row([
            name(&scores.activations[i]),
            c.lr.to_string(),
            c.weight_decay.map_or(String::new(), |d| d.to_string()),
            c.epochs.to_string(),
            scores.number(c.validation),
            s.n.to_string(),
            scores.number(s.mean),
            scores.number(s.half_width),
            scores.number(s.sd),
        ]);
    }

    table
}

/// Each fold's mean over its networks as one value. An arm that could not be trained
/// in a fold has no value there.
fn over_folds(by_fold: &[(usize, PipelineOutcome)]) -> Scores {
    let mut activations: Vec<String> = vec![];

    for (_, outcome) in by_fold {
        let new = outcome
            .scores
            .activations
            .iter()
            .filter(|activation| !activations.contains(activation));

        let new: Vec<String> = new.cloned().collect();
        activations.extend(new);
    }

    let mut all = Scores::new(activations, by_fold[0].1.scores.metric);
    all.wider = spread_of_folds(by_fold.len());
    all.each = "folds";

    for (activation, values) in all.activations.iter().zip(&mut all.values) {
        let own = by_fold.iter().filter_map(|(fold, c)| {
            let at = c.scores.activations.iter().position(|k| k == activation)?;
            Some((*fold as u64, c.scores.validation[at], c.scores.summary(at)))
        });
        let own: Vec<(u64, f64, Summary)> = own.collect();

        all.validation.push(mean(
            &own.iter()
                .map(|(_, validation, _)| *validation)
                .collect::<Vec<_>>(),
        ));

        let finished = own.iter().filter(|(_, _, s)| s.n > 0);
        *values = finished.map(|(fold, _, s)| (*fold, s.mean)).collect();
    }

    all
}

fn fold_table(scores: &Scores) -> ReportTable {
    let folds = scores
        .values
        .iter()
        .flatten()
        .map(|(k, _)| *k)
        .max()
        .unwrap_or(0);

    let names: Vec<String> = (1..=folds).map(|k| format!("fold {k}")).collect();

    let head: Vec<&str> = [
        &["activations", "held out"][..],
        &names.iter().map(String::as_str).collect::<Vec<_>>(),
    ]
    .concat()
    .into_iter()
    .chain(["mean", "± (95 %)"])
    .collect();

    let caption = format!(
        "{} by fold, each the mean of its networks",
        scores.metric.label()
    );
    let mut table = ReportTable::new(caption, &head);

    for (i, activation) in scores.activations.iter().enumerate() {
        let s = scores.summary(i);
        let of = |k: u64| scores.values[i].iter().find(|(fold, _)| *fold == k);
        let value = |k: u64| of(k).map_or("diverged".into(), |(_, v)| scores.number(*v));
        let mut row = vec![name(activation), scores.number(scores.validation[i])];
        row.extend((1..=folds).map(value));
        row.extend([scores.number(s.mean), scores.number(s.half_width)]);
        table.row(row);
    }

    table
}

fn model_table(
    by_fold: &[(usize, PipelineOutcome)],
    metrics: &[Metrics],
    wider: f64,
) -> ReportTable {
    let scores: Vec<Vec<(String, f64)>> = metrics.iter().map(Metrics::scores).collect();
    let names = scores.first().map_or(vec![], |s| {
        s.iter().map(|(name, _)| name.as_str()).collect()
    });
    let head = [&["fold", "activations", "test rows"][..], &names].concat();
    let mut table = ReportTable::new("the model of each fold on its test rows", &head);
    let number = |x: &f64| format!("{x:.4}");

    for ((fold, c), s) in by_fold.iter().zip(&scores) {
        let row = [
            fold.to_string(),
            name(&c.model.activation),
            c.task.test.rows().to_string(),
        ];
        table.row(row.into_iter().chain(s.iter().map(|(_, v)| number(v))));
    }

    let over = |i: usize| Summary::of(&scores.iter().map(|s| s[i].1).collect::<Vec<_>>());
    let all: Vec<Summary> = (0..names.len()).map(over).collect();

    let row = |first: &str, f: &dyn Fn(&Summary) -> f64| {
        let left = [first.to_string(), String::new(), String::new()];
        left.into_iter()
            .chain(all.iter().map(|s| number(&f(s))))
            .collect::<Vec<_>>()
    };

    table.row(row("mean", &|s| s.mean));
    table.row(row("± (95 %)", &|s| s.half_width * wider));
    table
}

/// Of the test rows of all folds together: every row once.
fn pooled(metrics: &[Metrics]) -> Option<Metrics> {
    let mut all: Option<(Vec<Vec<usize>>, Vec<String>)> = None;

    for one in metrics {
        let Metrics::Classification {
            confusion, classes, ..
        } = one
        else {
            return None;
        };

        let sum = &mut all
            .get_or_insert_with(|| (vec![vec![0; classes.len()]; classes.len()], classes.clone()))
            .0;
        for (to, from) in sum.iter_mut().flatten().zip(confusion.iter().flatten()) {
            *to += from;
        }
    }

    all.map(|(confusion, classes)| of_confusion(confusion, &classes))
}
