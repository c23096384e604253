//! Fig. 1: homogeneous, diverse, learned, learned diverse. Is each better than those before it, with
//! every one trained as well as can be?
//!
//! Every arm has AdamW with a learning rate that falls to 0. Its learning rate, weight decay and
//! length of training are chosen on held-out training rows, and so is the arm that stands for its
//! kind. The test rows are looked at once, at the end.

use super::arms::{LayerKind, LearnedBefore, of_kind};
use super::select::{ProgressionConfig, end_of, select};
use crate::data::task::Task;
use crate::report::stats::{Pair, Summary, mean};
use crate::report::{Claim, Measure, ReportTable, Section, plot};
use crate::run::RunFolder;
use crate::support::progress::Output;
use crate::train::{
    Arm, Ensemble, Hyperparameters, Metric, by_activation, csv_of, train_all, values_of,
};
use anyhow::Result;

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

#[cfg(test)]
mod tests {
    use super::super::arms::ONE;
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
