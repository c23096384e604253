//! What users call the activations of a network.
//!
//! | name | activations |
//! |---|---|
//! | `relu` | a base function |
//! | `tanh+sine` | a mix of base functions, in equal blocks of neurons |
//! | `type2`, `mix` | one of the types that were learned before the weights, or all, frozen |
//! | `learning:tanh+sine`, `learning:mix` | tables that start as these and learn beside the weights |

/// What stands before the name of activations that learn beside the weights.
pub(super) const LEARNING: &str = "learning:";

/// Whether a name stands for types that were learned before the weights, as they are or as the
/// start of tables: it needs a file of them.
#[must_use]
pub fn is_learned(name: &str) -> bool {
    let start = start_of(name);
    start == "mix"
        || start
            .strip_prefix("type")
            .is_some_and(|n| n.parse::<usize>().is_ok())
}

/// Whether a name stands for activations that learn beside the weights.
#[must_use]
pub fn is_learning(name: &str) -> bool {
    name.starts_with(LEARNING)
}

/// Whether a name stands for learned activations at all, before the weights or beside them.
#[must_use]
pub fn is_any_learned(name: &str) -> bool {
    is_learned(name) || is_learning(name)
}

/// The name of activations that start as `start` and learn beside the weights.
#[must_use]
pub fn learning_from(start: &str) -> String {
    format!("{LEARNING}{start}")
}

/// What the activations are at the start.
#[must_use]
pub fn start_of(name: &str) -> &str {
    name.strip_prefix(LEARNING).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_is_learned_and_when() {
        let of = |name: &str| [is_learned(name), is_learning(name), is_any_learned(name)];

        assert_eq!(of("relu"), [false; 3]);
        assert_eq!(of("typewriter"), [false; 3]);
        assert_eq!(of("mix"), [true, false, true]);
        assert_eq!(of("type12"), [true, false, true]);
        assert_eq!(of(&learning_from("tanh+sine")), [false, true, true]);
        assert_eq!(of(&learning_from("mix")), [true; 3]);
    }
}
