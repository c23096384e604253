//! The activations that a name asks for ([`names`](super::names)), as a network is trained with
//! them.

use super::activations::{
    LearnedActivations, LearnedType, TABLE_RANGE, base_named, base_names, types_named,
};
use super::names::{LEARNING, learning_from};
use anyhow::{Context, Result, ensure};
use ldnn_core::table::{self, TableForm};
use ldnn_core::{Activation, Base, Shape};

/// The activations of one network: what users call `relu`, `type2`, `mix` or `learning:tanh+sine`.
#[derive(Clone, Debug)]
pub struct Choice {
    /// The name.
    pub name: String,
    activations: Vec<Activation>,
    phi: Vec<f32>,
    /// 1, or the number of hidden layers with types of their own.
    layers: usize,
    /// Whether they are the start of tables that learn beside the weights.
    learns: bool,
}

impl Choice {
    /// The activations of this name.
    ///
    /// # Errors
    /// If there is no such name, or learned types are asked for that `learned` does not hold.
    pub fn named(name: &str, learned: Option<&LearnedActivations>, exact: bool) -> Result<Choice> {
        let (learns, start) = match name.strip_prefix(LEARNING) {
            Some(start) => (true, start),
            None => (false, name),
        };

        let choice = match types_named(start, learned)? {
            None => Choice::of_bases(start).context(
                "other names are learning:tanh+sine and the like, for tables that learn from such a start, and type1, \
                 type2, ..., mix for learned ones",
            )?,
            Some(types) => {
                let layers = learned.map_or(1, |l| l.layers);
                // A learning table starts from the function itself, not from a table of it.
                Choice::of_types(&types, layers, exact || learns)?.called(start.into())
            }
        };

        Ok(if learns {
            Choice {
                name: learning_from(&choice.name),
                learns,
                ..choice
            }
        } else {
            choice
        })
    }

    /// Base functions joined by `+`.
    ///
    /// # Errors
    /// If one of the names is none of a base function.
    pub fn of_bases(names: &str) -> Result<Choice> {
        let known = || {
            format!(
                "give one of {}, or several joined as in tanh+sine",
                base_names().join(", ")
            )
        };
        let bases = names
            .split('+')
            .map(base_named)
            .collect::<Result<Vec<Base>>>()
            .with_context(known)?;

        Ok(Choice {
            name: bases
                .iter()
                .map(|base| base.name())
                .collect::<Vec<_>>()
                .join("+"),
            activations: bases.into_iter().map(Activation::Base).collect(),
            phi: vec![],
            layers: 1,
            learns: false,
        })
    }

    fn of_types(types: &[&LearnedType], layers: usize, exact: bool) -> Result<Choice> {
        let (mut activations, mut phi) = (Vec::new(), Vec::new());

        for t in types {
            let (activation, own) = if exact { t.direct()? } else { t.tabulated()? };
            activations.push(activation);
            phi.extend(own);
        }

        Ok(Choice {
            name: String::new(),
            activations,
            phi,
            layers,
            learns: false,
        })
    }

    /// The same under another name.
    #[must_use]
    pub fn called(self, name: String) -> Choice {
        Choice { name, ..self }
    }

    /// Whether the activations learn beside the weights.
    #[must_use]
    pub const fn learns(&self) -> bool {
        self.learns
    }

    /// What a network is trained with. Activations that are to learn become tables of `knots` knots
    /// with the same values; all others stay. What does not fit a cubic, as the kink of `relu`,
    /// stays beside the table ([`Base::outside_table`]).
    ///
    /// # Errors
    /// If there are no such tables.
    pub fn at_start(&self, knots: usize) -> Result<Choice> {
        if !self.learns {
            return Ok(self.clone());
        }

        let (mut activations, mut phi, mut rest) = (Vec::new(), Vec::new(), &self.phi[..]);

        for &activation in &self.activations {
            let (own, others) = rest.split_at(activation.param_len());
            let (outside, inside) = match activation {
                Activation::Base(base) => {
                    (base.outside_table(), Activation::Base(base.inside_table()))
                }
                Activation::Learned { base, units } => (
                    base.outside_table(),
                    Activation::Learned {
                        base: base.inside_table(),
                        units,
                    },
                ),
                Activation::Table(form) => (
                    form.base,
                    Activation::Table(TableForm {
                        base: Base::Zero,
                        ..form
                    }),
                ),
            };

            let form = TableForm {
                base: outside,
                ..TableForm::fixed(knots, TABLE_RANGE)
            };
            let mut table = vec![0.0; form.param_len()];
            table::fill(inside, own, form, &mut table)?;

            activations.push(Activation::Table(form));
            phi.extend(table);
            rest = others;
        }

        Ok(Choice {
            activations,
            phi,
            ..self.clone()
        })
    }

    /// The shape of a network with these activations in every hidden layer, or with each hidden
    /// layer's own.
    ///
    /// # Errors
    /// If the widths make no network, or the layers are not as many as those that the activations
    /// were learned for.
    pub fn shape(&self, widths: &[usize]) -> Result<Shape> {
        let hidden = widths.len().saturating_sub(2);
        ensure!(
            self.layers == 1 || self.layers == hidden,
            "'{}' was learned for {} hidden layers, each with types of its own; the network has {hidden}",
            self.name,
            self.layers
        );

        layered(widths, &self.activations, self.layers)
    }

    /// The activation parameters.
    #[must_use]
    pub fn phi(&self) -> &[f32] {
        &self.phi
    }
}

/// The shape of a network whose hidden layers share `activations` (`layers` = 1), or have equally many of
/// them each, in order.
///
/// # Errors
/// If the widths make no network.
pub fn layered(widths: &[usize], activations: &[Activation], layers: usize) -> Result<Shape> {
    let mut shape = Shape::try_new(widths, activations)?;
    if layers > 1 {
        let own = activations.len() / layers;
        for layer in 0..layers {
            shape = shape.with_layer_types(layer, layer * own, own)?;
        }
    }

    Ok(shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    fn learned() -> LearnedActivations {
        let phi = [1.0, -0.5, 0.0, 0.3, 2.0, 1.0, 0.5];
        LearnedActivations::from_phi(&[Base::Sine], &phi, 1, String::new())
    }

    #[test]
    fn wrong_names_are_refused_with_a_remedy() {
        let text = |r: Result<Choice>| format!("{:#}", r.unwrap_err());
        let named = |name| Choice::named(name, None, false);

        assert!(text(named("rele")).contains("relu"));
        assert!(text(named("tanh+sinus")).contains("sine"));
        assert!(text(named("learning:")).contains("learning:tanh+sine"));
        assert!(text(named("mix")).contains("`activations`"));
        assert!(text(named("learning:mix")).contains("`activations`"));
        assert!(text(Choice::named("type2", Some(&learned()), false)).contains("type1"));
    }

    #[test]
    fn a_name_has_one_spelling() {
        for (given, name) in [
            ("sin", "sine"),
            ("tanh+sin", "tanh+sine"),
            ("learning:sin", "learning:sine"),
        ] {
            assert_eq!(Choice::named(given, None, false).unwrap().name, name);
        }

        let learned = learned();
        for name in ["mix", "type1", "learning:mix"] {
            assert_eq!(
                Choice::named(name, Some(&learned), false).unwrap().name,
                name
            );
        }
    }

    /// Between the knots by the error of cubic interpolation, on [-10, 10] at 33 knots.
    #[test]
    fn tables_that_are_to_learn_start_as_the_functions() {
        let learned = learned();
        for name in ["tanh", "relu", "elu", "sine", "mix"] {
            let named = |name: &str| Choice::named(name, Some(&learned), true).unwrap();
            let function = named(name);
            let table = named(&learning_from(name)).at_start(33).unwrap();
            let z: Vec<f32> = (-90..90).map(|i| i as f32 / 9.0).collect();

            let values = |choice: &Choice| {
                let mut out = vec![0.0; z.len()];
                choice.activations[0]
                    .eval(&choice.phi, &z, &mut out)
                    .unwrap();
                out
            };

            for (table, function) in values(&table).iter().zip(values(&function)) {
                assert_abs_diff_eq!(*table, function, epsilon = 4e-3);
            }
        }
    }

    #[test]
    fn activations_at_rest_are_left_as_they_are() {
        let tanh = Choice::named("tanh", None, false).unwrap();
        let same = tanh.at_start(33).unwrap();
        assert_eq!(same.activations, tanh.activations);
        assert!(!same.learns());
    }
}
