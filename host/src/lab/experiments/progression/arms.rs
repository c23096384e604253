//! The arms of Fig. 1, and the kind of layer that each is an example of.

use crate::model::names::is_learning;
use crate::train::{Arm, SeededActivations, arms};
use anyhow::Result;

/// What was learned before the weights.
pub struct LearnedBefore<'a> {
    /// One type alone.
    pub one: &'a [SeededActivations],
    /// Two types together.
    pub two: &'a [SeededActivations],
}

/// The kinds of layers, each a step further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LayerKind {
    Homogeneous,
    Diverse,
    Learned,
    LearnedDiverse,
}

/// What an arm with one learned type is called.
pub(super) const ONE: &str = "one type";
/// Types of two that were learned together, and what is made of them.
const OF_TWO: [&str; 4] = ["type1", "type2", "mix", "learning:mix"];
/// Arms for each outer seed.
pub(super) const LEARNED_ARMS: usize = OF_TWO.len() + 1;

impl LayerKind {
    pub const ALL: [LayerKind; 4] = [
        LayerKind::Homogeneous,
        LayerKind::Diverse,
        LayerKind::Learned,
        LayerKind::LearnedDiverse,
    ];

    pub fn of(activation: &str) -> LayerKind {
        match activation {
            "mix" => LayerKind::LearnedDiverse,
            name if is_learning(name) => LayerKind::LearnedDiverse,
            ONE | "type1" | "type2" => LayerKind::Learned,
            name if name.contains('+') => LayerKind::Diverse,
            _ => LayerKind::Homogeneous,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            LayerKind::Homogeneous => "homogeneous",
            LayerKind::Diverse => "diverse",
            LayerKind::Learned => "learned",
            LayerKind::LearnedDiverse => "learned diverse",
        }
    }
}

/// Whether an activation is of a kind.
pub(super) fn of_kind(kind: LayerKind) -> impl Fn(&str) -> bool + Copy {
    move |activation| LayerKind::of(activation) == kind
}

/// The arms, kind after kind.
/// `fixed`: those that are not learned beforehand.
///
/// # Errors
/// If a name is none of an activation.
pub(super) fn all_arms(fixed: &[String], learned: &LearnedBefore) -> Result<Vec<Arm>> {
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

    let mut all = arms(fixed, &[], false)?;
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
