//! What is searched: bounds and choices, and candidates drawn from them.

use crate::fit::FitConfig;
use crate::meta::MetaSchedule;
use crate::model::choice::Choice;
use crate::support::draws::{DrawnFor, draws};
use crate::train::OptimizerKind;
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

/// Numbers between two bounds, both included; as many between 1 and 10 as between 10 and 100.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// The smallest.
    pub low: f64,
    /// The largest.
    pub high: f64,
}

/// The search space.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Space {
    /// Numbers of hidden layers.
    pub depth: Vec<usize>,
    /// The width of the hidden layers.
    pub width: Span,
    /// `learn` (they learn beside the weights), `meta` (they are learned before), or names of base
    /// functions; empty for those of `activations` and `compare`.
    pub activations: Vec<String>,
    /// Numbers of types for `meta`.
    pub types: Vec<usize>,
    /// Schedules for `meta`.
    pub schedule: Vec<MetaSchedule>,
    /// The learning rate of the weights.
    pub lr: Span,
    /// Weight decays of adamw.
    pub weight_decay: Vec<f64>,
}

/// The names of activations that are learned.
const LEARNED: [&str; 2] = ["learn", "meta"];

impl Default for Space {
    fn default() -> Self {
        Space {
            depth: vec![1, 2],
            width: Span {
                low: 10.0,
                high: 100.0,
            },
            activations: vec![],
            types: vec![1, 2, 3],
            schedule: vec![MetaSchedule::Unrolled, MetaSchedule::Alternating],
            lr: Span {
                low: 0.001,
                high: 0.1,
            },
            weight_decay: vec![0.0, 0.3, 1.5],
        }
    }
}

/// A network that may be a good one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its number; 0 is what the search starts from.
    pub id: usize,
    /// Widths of the hidden layers.
    pub hidden: Vec<usize>,
    /// `learn`, `meta`, or a name of base functions.
    pub activations: String,
    /// Number of types for `meta`.
    pub types: usize,
    /// The schedule for `meta`.
    pub schedule: MetaSchedule,
    /// The learning rate of the weights.
    pub lr: f64,
    /// The weight decay; none for an optimizer that has none.
    pub weight_decay: Option<f64>,
}

impl Span {
    /// At `u` in 0..1 of the way.
    fn at(self, u: f64) -> f64 {
        (self.low * (self.high / self.low).powf(u)).clamp(self.low, self.high)
    }

    fn check(self, name: &str, least: f64) -> Result<()> {
        let Span { low, high } = self;
        ensure!(
            low.is_finite() && high.is_finite() && least <= low && low <= high,
            "space.{name}: low = {low}, high = {high}; give {least} or more, the smaller one first"
        );
        Ok(())
    }
}

impl Space {
    /// # Errors
    /// With the setting and what to write instead, if there is nothing to draw from.
    pub fn check(&self) -> Result<()> {
        let lists = [
            ("depth", self.depth.len()),
            ("activations", self.activations.len()),
            ("types", self.types.len()),
            ("schedule", self.schedule.len()),
            ("weight_decay", self.weight_decay.len()),
        ];

        for (name, len) in lists {
            ensure!(len > 0, "space.{name} is empty; give at least one choice");
        }

        ensure!(
            self.depth.iter().all(|d| (1..=4).contains(d)),
            "space.depth: use 1 to 4 hidden layers"
        );
        ensure!(
            self.types.iter().all(|t| (1..=8).contains(t)),
            "space.types: use 1 to 8 types"
        );

        let classical = |name: &&String| !LEARNED.contains(&name.as_str());
        for name in self.activations.iter().filter(classical) {
            Choice::of_bases(name).context("space.activations: beside 'learn' and 'meta'")?;
        }

        ensure!(
            self.weight_decay.iter().all(|d| d.is_finite() && *d >= 0.0),
            "space.weight_decay: use 0 or more, e.g. 0.3"
        );

        self.width.check("width", 1.0)?;

        ensure!(
            self.width.high <= 4096.0,
            "space.width: high = {}; use at most 4096",
            self.width.high
        );

        self.lr.check("lr", 1e-6)
    }

    /// Candidate number `id`: 0 is what `fit` says, the others are drawn by its seed.
    #[must_use]
    pub fn candidate(&self, fit: &FitConfig, id: usize) -> Candidate {
        let has_decay = fit.optimizer == OptimizerKind::Adamw;

        if id == 0 {
            let middle = digits(self.lr.at(0.5));
            let lr = fit.lr.get(fit.lr.len() / 2).copied().unwrap_or(middle);

            let activations = self
                .activations
                .first()
                .cloned()
                .unwrap_or_else(|| "learn".into());

            return Candidate {
                id,
                hidden: fit.hidden.clone(),
                activations,
                types: fit.types,
                schedule: fit.schedule,
                lr,
                weight_decay: has_decay.then(|| first_or(&fit.weight_decay, 0.0)),
            };
        }

        let draws = draws(DrawnFor::Candidates, fit.seed, id as u64);
        let pick = |i: u32, n: usize| draws.below(i, n.max(1) as u32) as usize;
        let share = |i: u32| draws.uniform::<f64>(i);
        let width = self.width.at(share(0)).round().max(1.0) as usize;

        Candidate {
            id,
            hidden: vec![width; self.depth[pick(1, self.depth.len())]],
            activations: self.activations[pick(2, self.activations.len())].clone(),
            types: self.types[pick(3, self.types.len())],
            schedule: self.schedule[pick(4, self.schedule.len())],
            lr: digits(self.lr.at(share(5))),
            weight_decay: has_decay.then(|| self.weight_decay[pick(6, self.weight_decay.len())]),
        }
    }
}

fn first_or(values: &[f64], otherwise: f64) -> f64 {
    values.first().copied().unwrap_or(otherwise)
}

/// With three digits, as people write it.
fn digits(x: f64) -> f64 {
    format!("{x:.2e}").parse().unwrap_or(x)
}

impl Candidate {
    /// Training settings with this candidate's.
    #[must_use]
    pub fn apply(&self, fit: &FitConfig) -> FitConfig {
        FitConfig {
            hidden: self.hidden.clone(),
            types: self.types,
            schedule: self.schedule,
            lr: vec![self.lr],
            weight_decay: self.weight_decay.into_iter().collect(),
            ..fit.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_lie_within_the_bounds_and_reach_all_of_them() {
        let fit = FitConfig::default();
        let space = Space {
            activations: fit.activations_to_try(),
            ..Space::default()
        };
        let all: Vec<Candidate> = (0..300).map(|id| space.candidate(&fit, id)).collect();

        assert_eq!(all[0].hidden, fit.hidden);

        let drawn = &all[1..];

        assert!(
            drawn
                .iter()
                .all(|c| c.hidden.iter().all(|w| (10..=100).contains(w)))
        );

        assert!(drawn.iter().all(|c| (0.001..=0.1).contains(&c.lr)));

        for types in [1, 2, 3] {
            assert!(drawn.iter().any(|c| c.types == types
                && c.hidden.len() == 2
                && c.schedule == MetaSchedule::Alternating));
        }

        // On a logarithmic scale half of the widths lie below the geometric mean, 31.6.
        let small = drawn.iter().filter(|c| c.hidden[0] < 32).count();

        assert!((115..=185).contains(&small), "{small} of 299");

        assert_eq!(
            all,
            (0..300)
                .map(|id| space.candidate(&fit, id))
                .collect::<Vec<_>>()
        );

        assert_ne!(all[1], space.candidate(&FitConfig { seed: 2, ..fit }, 1));
    }

    #[test]
    fn a_space_without_a_choice_is_refused() {
        let error = |space: Space| format!("{:#}", space.check().unwrap_err());

        assert!(
            error(Space {
                types: vec![],
                activations: vec!["relu".into()],
                ..Space::default()
            })
            .contains("space.types is empty")
        );

        assert!(
            error(Space {
                lr: Span {
                    low: 0.3,
                    high: 0.1
                },
                activations: vec!["relu".into()],
                ..Space::default()
            })
            .contains("space.lr")
        );

        assert!(
            error(Space {
                lr: Span {
                    low: 0.0,
                    high: 0.1
                },
                activations: vec!["relu".into()],
                ..Space::default()
            })
            .contains("space.lr")
        );

        assert!(
            error(Space {
                activations: vec!["rele".into()],
                ..Space::default()
            })
            .contains("rele")
        );
    }
}
