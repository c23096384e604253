//! What an ensemble's trainings have in common: groups, tables, comparisons, files.

use crate::data::task::Task;
use crate::report::plot::Band;
use crate::report::stats::{Comparison, Summary, holm};
use crate::report::{ReportTable, effect_size, p_value};
use crate::train::{Curve, Training};

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Test accuracy in percent: more is better.
    Accuracy,
    /// Test loss: less is better.
    Loss,
}

impl Metric {
    /// The points of a curve.
    #[must_use]
    pub fn of(self, curve: &Curve) -> &[f64] {
        match self {
            Metric::Accuracy => &curve.accuracy,
            Metric::Loss => &curve.evaluation_loss,
        }
    }

    /// For axes.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Metric::Accuracy => "test accuracy / %",
            Metric::Loss => "test loss",
        }
    }

    /// Its name on some part of the rows.
    #[must_use]
    pub fn on(self, part: &str) -> String {
        match self {
            Metric::Accuracy => format!("{part} accuracy / %"),
            Metric::Loss => format!("{part} loss"),
        }
    }

    /// The order of values, the best first; what diverged has none and comes last.
    #[must_use]
    pub fn order(self, a: Option<f64>, b: Option<f64>) -> std::cmp::Ordering {
        match (a, b) {
            (Some(a), Some(b)) if self == Metric::Accuracy => b.total_cmp(&a),
            (Some(a), Some(b)) => a.total_cmp(&b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        }
    }

    /// Whether `a` is better than `b`.
    #[must_use]
    pub fn better(self, a: f64, b: f64) -> bool {
        match self {
            Metric::Accuracy => a > b,
            Metric::Loss => a < b,
        }
    }
}

/// The metric of a task: accuracy where there are classes.
#[must_use]
pub fn metric_of(task: &Task) -> Metric {
    if task.is_classification() {
        Metric::Accuracy
    } else {
        Metric::Loss
    }
}

/// The trainings with the same activations (and, where it varies, the same learning rate).
#[derive(Clone, Debug)]
pub struct Group<'a> {
    /// Name of the activations.
    pub name: String,
    /// Those that did not diverge.
    pub trainings: Vec<&'a Training>,
    /// How many diverged.
    pub diverged: usize,
}

/// Sorts trainings into groups by activation, in order of first appearance.
#[must_use]
pub fn group(trainings: &[Training]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group> = Vec::new();

    for t in trainings {
        let at = groups
            .iter()
            .position(|g| g.name == t.activation)
            .unwrap_or_else(|| {
                groups.push(Group {
                    name: t.activation.clone(),
                    trainings: vec![],
                    diverged: 0,
                });

                groups.len() - 1
            });

        if t.diverged {
            groups[at].diverged += 1;
        } else {
            groups[at].trainings.push(t);
        }
    }

    groups
}

impl Group<'_> {
    /// The recorded epochs.
    #[must_use]
    pub fn epochs(&self) -> &[usize] {
        self.trainings.first().map_or(&[], |t| &t.curve.epoch)
    }

    /// The metric of every training at recorded epoch number `i`.
    #[must_use]
    pub fn values(&self, metric: Metric, i: usize) -> Vec<f64> {
        self.trainings
            .iter()
            .filter_map(|t| metric.of(&t.curve).get(i).copied())
            .collect()
    }

    /// The metric of every training at the end.
    #[must_use]
    pub fn last(&self, metric: Metric) -> Vec<f64> {
        self.values(metric, self.epochs().len().saturating_sub(1))
    }

    /// Where the mean over the trainings is best: number of the recorded epoch, and that mean.
    #[must_use]
    pub fn best(&self, metric: Metric) -> Option<(usize, f64)> {
        let means =
            (0..self.epochs().len()).map(|i| (i, Summary::of(&self.values(metric, i)).mean));
        means.reduce(|best, next| {
            if metric.better(next.1, best.1) {
                next
            } else {
                best
            }
        })
    }

    /// The mean curve with its interval.
    #[must_use]
    pub fn band(&self, metric: Metric) -> Band {
        let at: Vec<Summary> = (0..self.epochs().len())
            .map(|i| Summary::of(&self.values(metric, i)))
            .collect();

        Band {
            name: self.name.clone(),
            x: self.epochs().iter().map(|&e| e as f64).collect(),
            mean: at.iter().map(|s| s.mean).collect(),
            half_width: at.iter().map(|s| s.half_width).collect(),
        }
    }

    /// `self` minus `other`, seed by seed where both have the seed.
    #[must_use]
    pub fn compare(&self, other: &Group, metric: Metric) -> Comparison {
        let end = |t: &Training| metric.of(&t.curve).last().copied();
        let pairs = self.trainings.iter().filter_map(|a| {
            let b = other.trainings.iter().find(|b| b.seed == a.seed)?;
            Some((end(a)?, end(b)?))
        });
        let (a, b): (Vec<f64>, Vec<f64>) = pairs.unzip();

        Comparison::paired(&a, &b)
    }
}

/// n, mean, standard deviation, interval and best epoch of every group.
#[must_use]
pub fn group_table(groups: &[Group], metric: Metric) -> ReportTable {
    let epoch = groups
        .iter()
        .find_map(|g| g.epochs().last())
        .copied()
        .unwrap_or_default();

    let mean = format!("{} at epoch {epoch}", metric.label());

    let head = [
        "activation",
        "n",
        &mean,
        "sd",
        "95 % interval",
        "best epoch",
        "mean there",
        "diverged",
    ];

    let mut table = ReportTable::new("all activations", &head);

    for g in groups {
        let s = Summary::of(&g.last(metric));
        let best = g.best(metric);

        table.row([
            g.name.clone(),
            s.n.to_string(),
            of_some(&s, number(s.mean, metric)),
            of_some(&s, number(s.sd, metric)),
            if s.n == 0 {
                "all diverged".into()
            } else {
                interval(s.mean, s.half_width, metric)
            },
            best.map_or(String::new(), |(i, _)| g.epochs()[i].to_string()),
            best.map_or(String::new(), |(_, m)| number(m, metric)),
            g.diverged.to_string(),
        ]);
    }

    table
}

/// `text`, or a dash where there is nothing that it could be about.
fn of_some(s: &Summary, text: String) -> String {
    if s.n == 0 { "-".into() } else { text }
}

/// The group called `name` against every other one.
#[must_use]
pub fn pair_table(groups: &[Group], name: &str, metric: Metric) -> Option<ReportTable> {
    let first = groups.iter().find(|g| g.name == name)?;
    let others: Vec<&Group> = groups.iter().filter(|g| g.name != name).collect();
    let found: Vec<Comparison> = others.iter().map(|o| first.compare(o, metric)).collect();
    let adjusted = holm(&found.iter().map(|c| c.p).collect::<Vec<_>>());

    let head = [
        "pair",
        "pairs",
        "difference",
        "95 % interval",
        "effect d_z",
        "p",
        "p (Holm)",
    ];

    let mut table = ReportTable::new(
        format!("{name} against the others at the last epoch, paired by seed"),
        &head,
    );

    for ((other, c), p) in others.iter().zip(&found).zip(adjusted) {
        table.row([
            format!("{name} - {}", other.name),
            c.n.to_string(),
            number(c.difference, metric),
            interval(c.difference, c.half_width, metric),
            effect_size(c.effect),
            p_value(c.p),
            p_value(p),
        ]);
    }

    (!others.is_empty()).then_some(table)
}

/// With the digits that the metric deserves.
#[must_use]
pub fn number(value: f64, metric: Metric) -> String {
    match metric {
        Metric::Accuracy => format!("{value:.2}"),
        Metric::Loss => format!("{value:.4e}"),
    }
}

/// `[low, high]`
#[must_use]
pub fn interval(mean: f64, half_width: f64, metric: Metric) -> String {
    if half_width.is_finite() {
        format!(
            "[{}, {}]",
            number(mean - half_width, metric),
            number(mean + half_width, metric)
        )
    } else {
        "needs 2 or more".into()
    }
}
