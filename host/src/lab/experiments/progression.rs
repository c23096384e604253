//! Fig. 1: homogeneous, diverse, learned, learned diverse. Is each better than those before it, with
//! every one trained as well as can be?
//!
//! Every arm has AdamW with a learning rate that falls to 0. Its learning rate, weight decay and
//! length of training are chosen on held-out training rows, and so is the arm that stands for its
//! kind. The test rows are looked at once, at the end.

use crate::data::task::Task;
use crate::lab::estimate::Cost;
use crate::model::names::is_learning;
use crate::report::stats::{Pair, Summary, mean};
use crate::report::{Claim, Measure, ReportTable, Section, plot};
use crate::run::RunFolder;
use crate::run::jobs::JobLoop;
use crate::support::progress::Output;
use crate::train::{
    Arm, Ensemble, Hyperparameters, Metric, SeededActivations, TrainConfig, Training,
    ValidateConfig, arms, by_activation, csv_of, train, train_all, values_of,
};
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

/// The settings of the progression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgressionConfig {
    /// The networks, and all arms that are not learned beforehand.
    pub ensemble: ValidateConfig,
    /// The learning rates that every arm chooses from.
    pub lr: Vec<f64>,
    /// Its weight decays.
    pub weight_decay: Vec<f64>,
    /// Its lengths, in passes over the training rows.
    pub epochs: Vec<usize>,
    /// Networks for each setting.
    pub trials: usize,
    /// Training rows that are kept for the choice.
    pub validation_rows: usize,
}

/// What was learned before the weights.
pub struct LearnedBefore<'a> {
    /// One type alone.
    pub one: &'a [SeededActivations],
    /// Two types together.
    pub two: &'a [SeededActivations],
}

/// The kinds of layers, each a step further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LayerKind {
    Homogeneous,
    Diverse,
    Learned,
    LearnedDiverse,
}

/// What an arm with one learned type is called.
const ONE: &str = "one type";
/// Types of two that were learned together, and what is made of them.
const OF_TWO: [&str; 4] = ["type1", "type2", "mix", "learning:mix"];
/// Arms for each outer seed.
const LEARNED_ARMS: usize = OF_TWO.len() + 1;

impl LayerKind {
    const ALL: [LayerKind; 4] = [
        LayerKind::Homogeneous,
        LayerKind::Diverse,
        LayerKind::Learned,
        LayerKind::LearnedDiverse,
    ];

    fn of(activation: &str) -> LayerKind {
        match activation {
            "mix" => LayerKind::LearnedDiverse,
            name if is_learning(name) => LayerKind::LearnedDiverse,
            ONE | "type1" | "type2" => LayerKind::Learned,
            name if name.contains('+') => LayerKind::Diverse,
            _ => LayerKind::Homogeneous,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            LayerKind::Homogeneous => "homogeneous",
            LayerKind::Diverse => "diverse",
            LayerKind::Learned => "learned",
            LayerKind::LearnedDiverse => "learned diverse",
        }
    }
}

/// Chooses the settings of every arm, trains the networks, and compares the kinds.
///
/// # Errors
/// If a setting is impossible, a file cannot be written, or the user stops it.
pub fn run(
    config: &ProgressionConfig,
    task: &Task,
    learned: &LearnedBefore,
    folder: &RunFolder,
    output: Output,
) -> Result<Section> {
    let (arms, chosen) = select(config, task, learned, folder, output)?;

    let ensemble = Ensemble {
        task,
        train: &task.train,
        evaluation: &task.test,
    };
    let jobs = config.ensemble.jobs(&arms, Some(&chosen))?;
    let trainings = train_all(ensemble, &jobs, folder, ("trainings", false), output)?;
    folder.write("trainings.csv", csv_of(&trainings))?;

    let values = values_of(&arms, &trainings, end_of);
    let progression = Progression {
        arms,
        chosen,
        values,
    };

    let mut section = Section::new("Each at its best");
    progression.draw(folder, &mut section)?;
    section.text.extend(progression.summary());
    section.tabulate(folder, "kinds", progression.kinds_table())?;
    section.tabulate(folder, "arms", progression.arms_table())?;
    folder.write("chosen.csv", progression.choices_csv())?;
    section.claims = progression.claims();
    section.save(folder)?;

    Ok(section)
}

/// The arms, kind after kind.
fn all_arms(config: &ProgressionConfig, learned: &LearnedBefore) -> Result<Vec<Arm>> {
    let one_type = arms(&["mix".to_string()], learned.one, false)?
        .into_iter()
        .map(|arm| Arm {
            activation: ONE.into(),
            choice: arm.choice.called(match arm.outer_seed {
                Some(seed) => format!("{ONE}@{seed}"),
                None => ONE.into(),
            }),
            ..arm
        });

    let mut all = arms(&config.ensemble.compare, &[], false)?;
    all.extend(one_type);
    all.extend(arms(&OF_TWO.map(String::from), learned.two, false)?);

    let place = |arm: &Arm| {
        LayerKind::ALL
            .iter()
            .position(|&kind| kind == LayerKind::of(&arm.activation))
    };
    all.sort_by_key(place);
    Ok(all)
}

/// The arms, each with its best settings on held-out training rows.
///
/// # Errors
/// If an arm diverges at every setting, or as [`run`].
pub fn select(
    config: &ProgressionConfig,
    task: &Task,
    learned: &LearnedBefore,
    folder: &RunFolder,
    output: Output,
) -> Result<(Vec<Arm>, Vec<Hyperparameters>)> {
    let arms = all_arms(config, learned)?;
    let (rest, held_out) = task
        .train
        .split(config.validation_rows, config.ensemble.seed, 1)?;
    let trials: Vec<Trial> = arms.iter().flat_map(|arm| config.trials(arm)).collect();

    let results = JobLoop::<Trial, TrialResult> {
        name: "selection",
        key: &|trial| key(&trial.arm.choice.name, trial.point, trial.seed),
        key_of: &|done| key(&done.activation, done.point, done.seed),
        needed: true,
        work: &|trial| {
            let settings = trial.point.config(&config.ensemble.train);
            let choice = &trial.arm.choice;
            let done = train(&settings, choice, task, &rest, &held_out, trial.seed)?;

            Ok(TrialResult {
                activation: trial.arm.choice.name.clone(),
                point: trial.point,
                seed: trial.seed,
                accuracy: end_of(&done).filter(|_| !done.diverged),
            })
        },
        message: &|done| match done.accuracy {
            Some(accuracy) => format!("{} {accuracy:.1} %", done.activation),
            None => format!("{} diverged", done.activation),
        },
    }
    .run(&trials, folder, output)?;

    let best = |arm: &Arm| {
        best_of(arm, &results).with_context(|| {
            let name = &arm.choice.name;
            format!("'{name}' diverges at every learning rate; give smaller ones")
        })
    };
    let chosen = arms.iter().map(best).collect::<Result<Vec<_>>>()?;
    folder.write("chosen.json", serde_json::to_string_pretty(&chosen)? + "\n")?;
    Ok((arms, chosen))
}

/// One setting of a training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct GridPoint {
    lr: f64,
    weight_decay: f64,
    epochs: usize,
}

/// A training without the held-out rows.
struct Trial<'a> {
    arm: &'a Arm,
    point: GridPoint,
    seed: u64,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct TrialResult {
    activation: String,
    point: GridPoint,
    seed: u64,
    /// On the held-out rows; none if it diverged.
    accuracy: Option<f64>,
}

fn key(name: &str, point: GridPoint, seed: u64) -> String {
    format!("{name}, {point:?}, seed {seed}")
}

fn end_of(training: &Training) -> Option<f64> {
    training.curve.accuracy.last().copied()
}

impl ProgressionConfig {
    /// # Errors
    /// With the setting and what to do, for the first that is impossible.
    pub fn check(&self) -> Result<()> {
        for (setting, is_there) in [
            ("`lr`", !self.lr.is_empty()),
            ("`weight_decay`", !self.weight_decay.is_empty()),
            ("`epochs`", !self.epochs.is_empty()),
            ("`trials`", self.trials > 0),
            ("`ensemble.runs`", self.ensemble.runs > 0),
        ] {
            ensure!(is_there, "{setting}: must be at least one");
        }

        for trial in self.points() {
            trial.config(&self.ensemble.train).check()?;
        }

        Ok(())
    }

    /// What the choice of settings costs, with so many outer seeds.
    #[must_use]
    pub fn selection_cost(&self, seeds: usize, task: &Task) -> Cost {
        let settings = self.lr.len() * self.weight_decay.len() * self.trials;
        let arms = self.ensemble.compare.len() + LEARNED_ARMS * seeds;
        let of = |&epochs: &usize| Cost::trainings(arms * settings, &self.lasting(epochs), task);
        self.epochs.iter().map(of).sum()
    }

    /// What the trainings afterwards cost.
    #[must_use]
    pub fn training_cost(&self, seeds: usize, task: &Task) -> Cost {
        let longest = self.epochs.iter().copied().max().unwrap_or(1);
        let arms = self.ensemble.compare.len() * seeds + LEARNED_ARMS * seeds;
        Cost::trainings(arms * self.ensemble.runs, &self.lasting(longest), task)
    }

    fn lasting(&self, epochs: usize) -> TrainConfig {
        TrainConfig {
            epochs,
            ..self.ensemble.train.clone()
        }
    }

    /// Every setting.
    fn points(&self) -> impl Iterator<Item = GridPoint> {
        self.lr.iter().flat_map(move |&lr| {
            self.weight_decay.iter().flat_map(move |&weight_decay| {
                self.epochs.iter().map(move |&epochs| GridPoint {
                    lr,
                    weight_decay,
                    epochs,
                })
            })
        })
    }

    /// The trainings that choose the settings of an arm.
    fn trials<'a>(&self, arm: &'a Arm) -> Vec<Trial<'a>> {
        // Apart from the seeds of the networks that are compared later.
        let first = self.ensemble.seed + 1_000_000;

        self.points()
            .flat_map(|point| {
                (0..self.trials as u64).map(move |i| Trial {
                    arm,
                    point,
                    seed: first + i,
                })
            })
            .collect()
    }
}

impl GridPoint {
    fn config(self, to: &TrainConfig) -> TrainConfig {
        TrainConfig {
            lr: self.lr,
            weight_decay: Some(self.weight_decay),
            epochs: self.epochs,
            every: self.epochs,
            ..to.clone()
        }
    }

    fn hyperparameters(self, arm: &Arm, validation: f64) -> Hyperparameters {
        Hyperparameters {
            activation: arm.choice.name.clone(),
            lr: self.lr,
            weight_decay: Some(self.weight_decay),
            epochs: self.epochs,
            validation,
        }
    }
}

/// The setting with the best mean, of those at which no training diverged.
fn best_of(arm: &Arm, results: &[TrialResult]) -> Option<Hyperparameters> {
    let own: Vec<&TrialResult> = results
        .iter()
        .filter(|r| r.activation == arm.choice.name)
        .collect();
    let of_point = |same: &[&TrialResult]| {
        let accuracies: Option<Vec<f64>> = same.iter().map(|r| r.accuracy).collect();
        let point = same.first()?.point;
        Some(point.hyperparameters(arm, mean(&accuracies?)))
    };

    own.chunk_by(|a, b| a.point == b.point)
        .filter_map(of_point)
        .reduce(|best, next| {
            if next.validation > best.validation {
                next
            } else {
                best
            }
        })
}

/// All arms with their results.
struct Progression {
    arms: Vec<Arm>,
    chosen: Vec<Hyperparameters>,
    /// Test accuracies, arm by arm.
    values: Vec<Vec<f64>>,
}

impl Progression {
    fn outer_seeds(&self) -> Vec<Option<u64>> {
        let mixes = self.arms.iter().filter(|arm| arm.activation == "mix");
        mixes.map(|arm| arm.outer_seed).collect()
    }

    /// The arm that was best on the held-out rows among those of a kind, or of an activation, that
    /// were learned with an outer seed or not at all.
    fn best(&self, is_wanted: impl Fn(&str) -> bool, outer_seed: Option<u64>) -> Option<usize> {
        let is_own = |&i: &usize| {
            let arm = &self.arms[i];
            is_wanted(&arm.activation) && (arm.outer_seed.is_none() || arm.outer_seed == outer_seed)
        };
        let better = |a: usize, b: usize| {
            if self.chosen[b].validation > self.chosen[a].validation {
                b
            } else {
                a
            }
        };

        (0..self.arms.len()).filter(is_own).reduce(better)
    }

    /// The values of the best arms of two kinds, outer seed by outer seed. Where neither side is
    /// learned there is one pair.
    fn pairs(&self, a: impl Fn(&str) -> bool, b: impl Fn(&str) -> bool) -> Vec<Pair> {
        let best = |seed: Option<u64>| Some((self.best(&a, seed)?, self.best(&b, seed)?));
        let found: Vec<(usize, usize)> = self.outer_seeds().into_iter().filter_map(best).collect();

        let is_learned = |&i: &usize| self.arms[i].outer_seed.is_some();
        let any_learned = found.iter().any(|(a, b)| is_learned(a) || is_learned(b));
        let distinct = if any_learned { found.len() } else { 1 };

        let values = |&(a, b): &(usize, usize)| (self.values[a].clone(), self.values[b].clone());
        found.iter().take(distinct).map(values).collect()
    }

    /// The mean test accuracy of the arms that stand for a kind, over outer seeds.
    fn accuracy(&self, kind: LayerKind) -> f64 {
        let pairs = self.pairs(of_kind(kind), of_kind(kind));
        mean(&pairs.iter().map(|(a, _)| mean(a)).collect::<Vec<_>>())
    }

    fn claims(&self) -> Vec<Claim> {
        let claim = |words: &str, pairs: Vec<Pair>| {
            let measure = Measure::of("", "points", &pairs);
            Claim::new(format!("Each at its best, {words}"), vec![measure])
        };
        let between = |words, a, b| claim(words, self.pairs(of_kind(a), of_kind(b)));
        let is_mix = |name: &str| name == "mix";
        let is_type_of_two = |name: &str| name.starts_with("type");

        vec![
            between(
                "fixed diverse layers beat homogeneous ones",
                LayerKind::Diverse,
                LayerKind::Homogeneous,
            ),
            between(
                "one learned type beats the best classical activation",
                LayerKind::Learned,
                LayerKind::Homogeneous,
            ),
            between(
                "learned diverse layers beat homogeneous ones",
                LayerKind::LearnedDiverse,
                LayerKind::Homogeneous,
            ),
            between(
                "learned diverse layers beat fixed diverse ones",
                LayerKind::LearnedDiverse,
                LayerKind::Diverse,
            ),
            between(
                "learned diverse layers beat one learned type",
                LayerKind::LearnedDiverse,
                LayerKind::Learned,
            ),
            claim(
                "the mix beats the better of its own types",
                self.pairs(is_mix, is_type_of_two),
            ),
        ]
    }

    /// The progression in one sentence.
    fn summary(&self) -> Option<String> {
        let seed = self.outer_seeds().into_iter().next()?;
        let name = |kind| Some(&self.arms[self.best(of_kind(kind), seed)?].activation);
        let accuracy = |kind| self.accuracy(kind);

        Some(format!(
            "With every arm trained by AdamW at its own learning rate, weight decay and length, test accuracies are {:.1} % \
             for homogeneous layers (the best, {}), {:.1} % for fixed diverse layers ({}), {:.1} % for one learned type, and \
             {:.1} % for learned diverse layers. Held-out training rows choose which arm stands for its kind.",
            accuracy(LayerKind::Homogeneous),
            name(LayerKind::Homogeneous)?,
            accuracy(LayerKind::Diverse),
            name(LayerKind::Diverse)?,
            accuracy(LayerKind::Learned),
            accuracy(LayerKind::LearnedDiverse),
        ))
    }

    /// All arms beside each other, and the kinds in their colours.
    fn draw(&self, folder: &RunFolder, section: &mut Section) -> Result<()> {
        let groups: Vec<plot::NamedSample> = by_activation(&self.arms, &self.values)
            .into_iter()
            .map(|(name, values)| plot::NamedSample { name, values })
            .collect();
        let kinds: Vec<(&str, usize)> = LayerKind::ALL
            .iter()
            .map(|&kind| {
                let own = groups.iter().filter(|g| LayerKind::of(&g.name) == kind);
                (kind.name(), own.count())
            })
            .collect();

        let title = "from homogeneous to learned diverse layers, each at its best";
        let picture = plot::grouped_violins(title, Metric::Accuracy.label(), &groups, &kinds);
        section.draw(
            folder,
            "progression",
            &picture,
            &format!("Test accuracy {title}, all outer seeds"),
        )
    }

    fn kinds_table(&self) -> ReportTable {
        let caption =
            "test accuracy of each kind of layer in %, by the arm that was best on held-out rows";
        let head = ["layer", "accuracy", "over homogeneous ± 95 %"];
        let mut table = ReportTable::new(caption, &head);

        for kind in LayerKind::ALL {
            let pairs = self.pairs(of_kind(kind), of_kind(LayerKind::Homogeneous));
            let over = Measure::of("", "points", &pairs).comparison;
            let gain = match kind {
                LayerKind::Homogeneous => String::new(),
                _ => format!("{:+.2} ± {:.2}", over.difference, over.half_width),
            };

            let accuracy = format!("{:.2}", self.accuracy(kind));
            table.row([kind.name().to_string(), accuracy, gain]);
        }

        table
    }

    /// Every activation, over all its outer seeds.
    fn arms_table(&self) -> ReportTable {
        let caption =
            "test accuracy of each arm in %, mean ± half of the 95 % interval over trainings";
        let head = ["layer", "activation", "n", "accuracy", "sd"];
        let mut table = ReportTable::new(caption, &head);

        for (activation, values) in by_activation(&self.arms, &self.values) {
            let s = Summary::of(&values);
            table.row([
                LayerKind::of(&activation).name().to_string(),
                activation,
                s.n.to_string(),
                format!("{:.2} ± {:.2}", s.mean, s.half_width),
                format!("{:.2}", s.sd),
            ]);
        }

        table
    }

    /// What was chosen for each arm, as a CSV file.
    fn choices_csv(&self) -> String {
        let head = "activation,outer_seed,lr,weight_decay,epochs,validation,n,accuracy\n";
        let row = |((arm, values), c): ((&Arm, &Vec<f64>), &Hyperparameters)| {
            format!(
                "{},{},{},{},{},{},{},{}\n",
                arm.activation,
                arm.outer_seed.map_or(String::new(), |s| s.to_string()),
                c.lr,
                c.weight_decay.unwrap_or_default(),
                c.epochs,
                c.validation,
                values.len(),
                mean(values)
            )
        };

        let all = self.arms.iter().zip(&self.values).zip(&self.chosen);
        head.to_string() + &all.map(row).collect::<String>()
    }
}

fn of_kind(kind: LayerKind) -> impl Fn(&str) -> bool + Copy {
    move |activation| LayerKind::of(activation) == kind
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::choice::Choice;

    fn arm(activation: &str, outer_seed: Option<u64>) -> Arm {
        Arm {
            activation: activation.into(),
            outer_seed,
            choice: Choice::named("relu", None, false).unwrap(),
        }
    }

    fn chosen(validation: f64) -> Hyperparameters {
        Hyperparameters {
            activation: String::new(),
            lr: 0.1,
            weight_decay: None,
            epochs: 1,
            validation,
        }
    }

    /// Two outer seeds; on the test rows the order is another than on the held-out rows.
    fn progression() -> Progression {
        let all = [
            (arm("relu", None), 60.0, [90.0, 91.0]),
            (arm("sine", None), 61.0, [62.0, 63.0]),
            (arm("relu+sine", None), 64.0, [65.0, 67.0]),
            (arm(ONE, Some(1)), 63.0, [64.0, 64.0]),
            (arm(ONE, Some(2)), 63.0, [66.0, 66.0]),
            (arm("type1", Some(1)), 65.0, [68.0, 68.0]),
            (arm("type1", Some(2)), 62.0, [10.0, 10.0]),
            (arm("mix", Some(1)), 70.0, [71.0, 71.0]),
            (arm("mix", Some(2)), 69.0, [72.0, 72.0]),
            (arm("learning:mix", Some(1)), 68.0, [80.0, 80.0]),
            (arm("learning:mix", Some(2)), 71.0, [73.0, 75.0]),
        ];
        let (mut arms, mut choices, mut values) = (vec![], vec![], vec![]);
        for (arm, validation, of) in all {
            arms.push(arm);
            choices.push(chosen(validation));
            values.push(of.to_vec());
        }

        Progression {
            arms,
            chosen: choices,
            values,
        }
    }

    #[test]
    fn held_out_rows_choose_who_stands_for_a_kind() {
        let p = progression();

        assert_eq!(p.accuracy(LayerKind::Homogeneous), 62.5);
        assert_eq!(p.accuracy(LayerKind::Diverse), 66.0);
        // 68 with the first seed, 66 with the second.
        assert_eq!(p.accuracy(LayerKind::Learned), 67.0);
        // The mix with the first seed, learning on with the second.
        assert_eq!(p.accuracy(LayerKind::LearnedDiverse), 72.5);
    }

    #[test]
    fn what_is_not_learned_is_compared_once_and_the_rest_seed_by_seed() {
        let p = progression();
        let measures: Vec<(usize, f64)> = p
            .claims()
            .iter()
            .map(|c| {
                (
                    c.measures[0].outer_seeds,
                    c.measures[0].comparison.difference,
                )
            })
            .collect();

        assert_eq!(measures[0], (1, 3.5));
        assert_eq!(measures[2], (2, 10.0));
        // The mix against type 1: 3 points with the first seed, 62 with the second.
        assert_eq!(measures[5], (2, 32.5));
    }
}
