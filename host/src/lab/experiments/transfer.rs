//! Activations learned on one task, used on another.

use crate::data::task::Task;
use crate::report::stats::{Summary, mean};
use crate::report::{Claim, Measure, ReportTable, Section, plot, short};
use crate::run::{RunFolder, all};
use crate::support::progress::Output;
use crate::train::{
    Arm, Ensemble, Job, Metric, SeededActivations, Training, ValidateConfig, arms, metric_of,
    train_all, values_of,
};
use anyhow::Result;

/// A task with the activations learned on it, and how networks are trained on it.
#[derive(Clone, Debug)]
pub struct TransferTask {
    /// The task.
    pub task: Task,
    /// The mixes learned on it, one per outer seed.
    pub learned: Vec<SeededActivations>,
    /// How networks are trained on it; the activations are the classical ones.
    pub ensemble: ValidateConfig,
}

/// Every mix on every task.
///
/// # Errors
/// If a setting is impossible, a file cannot be written, or the user stops it.
pub fn run(places: &[TransferTask], folder: &RunFolder, output: Output) -> Result<Section> {
    let mut section = Section::new("Transfer: activations learned on one task, used on another");
    let mut head: Vec<String> = vec!["learned on".into()];
    head.extend(
        places
            .iter()
            .map(|p| format!("{}: {}", p.task.name, metric_of(&p.task).label())),
    );

    let columns = all(places
        .iter()
        .map(|place| column(place, places, folder, output)))?;
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let caption =
        "mean over networks ± half of the 95 % interval (over outer seeds for learned activations)";
    let mut table = ReportTable::new(caption, &head);

    for (row, name) in columns[0].rows.iter().map(|r| r.name.clone()).enumerate() {
        table.row(
            [name]
                .into_iter()
                .chain(columns.iter().map(|c| c.rows[row].cell())),
        );
    }

    section.tabulate(folder, "matrix", table)?;

    for (place, column) in places.iter().zip(&columns) {
        let metric = metric_of(&place.task);

        let groups: Vec<plot::NamedSample> = column
            .rows
            .iter()
            .map(|r| plot::NamedSample {
                name: r.name.clone(),
                values: r.all(),
            })
            .collect();

        let drawing = plot::violins(
            &format!("used on {}", place.task.name),
            metric.label(),
            &groups,
        );

        let caption = format!(
            "{} on {}, by the task that the activations come from",
            metric.label(),
            place.task.name
        );

        section.draw(
            folder,
            &format!("on-{}", place.task.name),
            &drawing,
            &caption,
        )?;
    }

    section.claims = claims(places, &columns);
    section.save(folder)?;
    Ok(section)
}

/// What came out on one task.
struct TaskColumn {
    metric: Metric,
    rows: Vec<ActivationRow>,
}

struct ActivationRow {
    name: String,
    /// By outer seed; one for classical activations.
    values: Vec<Vec<f64>>,
}

impl ActivationRow {
    fn all(&self) -> Vec<f64> {
        self.values.iter().flatten().copied().collect()
    }

    fn mean(&self) -> f64 {
        mean(&self.values.iter().map(|v| mean(v)).collect::<Vec<_>>())
    }

    fn cell(&self) -> String {
        let over: Vec<f64> = self.values.iter().map(|v| mean(v)).collect();
        let s = if over.len() > 1 {
            Summary::of(&over)
        } else {
            Summary::of(&self.all())
        };
        format!("{} ± {}", short(s.mean), short(s.half_width))
    }
}

fn column(
    place: &TransferTask,
    places: &[TransferTask],
    folder: &RunFolder,
    output: Output,
) -> Result<TaskColumn> {
    let config = &place.ensemble;
    let mut all: Vec<Arm> = arms(&config.compare, &[], config.exact)?;

    for from in places {
        for e in arms(&["mix".to_string()], &from.learned, config.exact)? {
            let name = format!("{}@{}", from.task.name, e.outer_seed.unwrap_or_default());
            all.push(Arm {
                activation: from.task.name.clone(),
                choice: e.choice.called(name),
                ..e
            });
        }
    }

    let jobs: Vec<Job> = config.jobs(&all, None)?;
    let (task, train, evaluation) = (&place.task, &place.task.train, &place.task.test);

    let ensemble = Ensemble {
        task,
        train,
        evaluation,
    };

    let trainings = train_all(
        ensemble,
        &jobs,
        folder,
        (&format!("on-{}", task.name), false),
        output,
    )?;

    let metric = metric_of(task);
    let values = values_of(&all, &trainings, |t: &Training| {
        metric.of(&t.curve).last().copied()
    });
    let mut rows: Vec<ActivationRow> = Vec::new();

    for (e, own) in all.iter().zip(values) {
        match rows.iter_mut().find(|r| r.name == e.activation) {
            Some(row) => row.values.push(own),
            None => rows.push(ActivationRow {
                name: e.activation.clone(),
                values: vec![own],
            }),
        }
    }

    Ok(TaskColumn { metric, rows })
}

/// On each task: activations from elsewhere over the best classical one (chosen on these values,
/// which favours it).
fn claims(places: &[TransferTask], columns: &[TaskColumn]) -> Vec<Claim> {
    let mut claims = Vec::new();

    for (place, column) in places.iter().zip(columns) {
        let metric = column.metric;
        let classical = column
            .rows
            .iter()
            .filter(|r| places.iter().all(|p| p.task.name != r.name));
        let better = |a: &'_ ActivationRow, b: &'_ ActivationRow| metric.better(b.mean(), a.mean());
        let Some(best) = classical.reduce(|a, b| if better(a, b) { b } else { a }) else {
            continue;
        };

        let mut measures = Vec::new();

        for row in column
            .rows
            .iter()
            .filter(|r| places.iter().any(|p| p.task.name == r.name) && r.name != place.task.name)
        {
            let pair = |own: &Vec<f64>| match metric {
                Metric::Accuracy => (own.clone(), best.all()),
                Metric::Loss => (best.all(), own.clone()),
            };
            let pairs: Vec<_> = row.values.iter().map(pair).collect();

            let unit = if metric == Metric::Accuracy {
                "points"
            } else {
                "in loss"
            };

            measures.push(Measure::of(
                format!("learned on {}", row.name),
                unit,
                &pairs,
            ));
        }

        let claim = format!(
            "Activations learned elsewhere beat the best classical one ({}) on {}",
            best.name, place.task.name
        );

        claims.push(Claim::new(claim, measures));
    }

    claims
}
