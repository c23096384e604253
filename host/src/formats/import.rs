//! From a bundle to a model: one of our own as it was, or somebody's weights with what else a model
//! needs.

use super::bundle::Bundle;
use super::{plain, unpack};
use crate::data::target::Purpose;
use crate::model::activations::LearnedActivations;
use crate::model::choice::Choice;
use crate::model::names::is_learned;
use crate::model::{Model, Network, NetworkFile, check_names};
use anyhow::{Context, Result, ensure};
use ldnn_core::Shape;

/// What weights alone do not tell.
#[derive(Clone, Debug, Default)]
pub struct Import {
    /// The hidden layers' activations, by name, and the learned ones if it is theirs.
    pub activation: Option<(String, Option<LearnedActivations>)>,
    /// Names of the inputs.
    pub features: Vec<String>,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Names of the target columns.
    pub target: Vec<String>,
    /// Whether the outputs are numbers.
    pub regression: bool,
    /// Where the weights come from, for people.
    pub provenance: String,
}

impl Import {
    fn is_empty(&self) -> bool {
        self.activation.is_none()
            && self.features.is_empty()
            && self.classes.is_empty()
            && self.target.is_empty()
            && !self.regression
    }
}

/// The model.
///
/// # Errors
/// If something is missing, malformed, or left over; the message says what.
pub fn import(mut bundle: Bundle, given: &Import) -> Result<Model> {
    let about = bundle.about.take();
    let network_about = about.as_ref().and_then(|a| a.network.clone());
    let model_about = about.as_ref().and_then(|a| a.model.clone());

    match (&about, &network_about, &model_about) {
        (Some(about), Some(network), Some(model)) => {
            ensure!(
                given.is_empty(),
                "the file is a whole model, which knows its activations and names; leave `activation`, `features`, `classes`, \
                 `target` and `regression` out"
            );

            unpack::trained(bundle, about, network, model)
        }
        (Some(about), Some(network), None) => {
            ensure!(
                given.activation.is_none(),
                "the file knows its activations; leave `activation` out"
            );

            let network = unpack::network(&mut bundle, network)?;

            let learned = about
                .learned
                .as_ref()
                .map(|a| unpack::learned(&mut bundle, a))
                .transpose()?;

            let name = if learned.is_some() { "mix" } else { "its own" };
            completed(bundle, given, network, name, learned)
        }
        (Some(_), None, _) => {
            anyhow::bail!(
                "it holds activations without a network; give it to a command that takes them, as in `ldnn validate --activations FILE`"
            )
        }
        (None, ..) => {
            let (network, learned) = dressed(&mut bundle, given)?;
            let name = given.activation.as_ref().map_or("", |a| &a.0);
            completed(bundle, given, network, name, learned)
        }
    }
}

/// Plain weights with activations.
fn dressed(
    bundle: &mut Bundle,
    given: &Import,
) -> Result<(NetworkFile, Option<LearnedActivations>)> {
    let chain = plain::chain(bundle)?;
    let choice = match (&given.activation, chain.widths.len()) {
        // Without a hidden layer no activation is ever asked for.
        (None, 2) => Choice::named("identity", None, true)?,
        (None, _) => anyhow::bail!(
            "the file holds weights alone; say what the hidden layers do with `activation` relu, tanh, ..., or a file of \
             learned activations"
        ),
        (Some((name, learned)), _) => {
            Choice::named(name, learned.as_ref(), true).context("`activation`")?
        }
    };

    // A network without a hidden layer has no activation type, whatever was given.
    let (shape, params) = match &chain.widths[..] {
        [_, _] => (Shape::try_new(&chain.widths, &[])?, chain.theta.clone()),
        _ => (
            choice.shape(&chain.widths)?,
            [&chain.theta[..], choice.phi()].concat(),
        ),
    };
    let network = NetworkFile::of(&Network { shape, params }, given.provenance.clone());
    network.network()?;

    let learned = given
        .activation
        .as_ref()
        .and_then(|(name, learned)| learned.clone().filter(|_| is_learned(name)));

    Ok((network, learned))
}

/// A network with names, scales and rows.
fn completed(
    mut bundle: Bundle,
    given: &Import,
    network: NetworkFile,
    activation: &str,
    learned: Option<LearnedActivations>,
) -> Result<Model> {
    let (inputs, outputs) = (
        network.widths.first().copied().unwrap_or(0),
        network.widths.last().copied().unwrap_or(0),
    );

    let named = |given: &[String], field: &str, count: usize, default: &dyn Fn(usize) -> String| {
        let default: Vec<String> = (0..count).map(default).collect();

        let names = if given.is_empty() {
            default
        } else {
            given.to_vec()
        };

        ensure!(
            names.len() == count,
            "{field}: {} names are given; the network has {count}",
            names.len()
        );

        check_names(&names).context(field.to_string())?;
        Ok(names)
    };

    // As the columns of a table without names are called.
    let features = named(&given.features, "`features`", inputs, &|i| {
        format!("column{}", i + 1)
    })?;

    let purpose = if given.regression {
        ensure!(
            given.classes.is_empty(),
            "`classes` and `regression` exclude each other"
        );

        let columns = named(&given.target, "`target`", outputs, &|i| {
            format!("output{}", i + 1)
        })?;

        Purpose::Regression {
            columns,
            scale: unpack::standard(&mut bundle, "outputs", outputs)?,
        }
    } else {
        ensure!(
            outputs > 1,
            "the network has one output, which makes no classes; add `regression`"
        );
        ensure!(
            given.target.len() < 2,
            "`target`: classes are one column; for numbers add `regression`"
        );

        let column = given
            .target
            .first()
            .cloned()
            .unwrap_or_else(|| "class".into());

        Purpose::Classification {
            column,
            classes: named(&given.classes, "`classes`", outputs, &|i| i.to_string())?,
        }
    };

    let targets = match &purpose {
        Purpose::Classification { column, .. } => std::slice::from_ref(column),
        Purpose::Regression { columns, .. } => columns,
    };
    let both = targets.iter().find(|target| features.contains(target));

    ensure!(
        both.is_none(),
        "'{}' is an input and what is predicted; give `features` and `target` other names",
        both.map_or("", String::as_str)
    );

    let scales = unpack::standard(&mut bundle, "inputs", inputs)?;
    let ranges = unpack::ranges(&mut bundle, &network)?;
    let rows = unpack::rows(&mut bundle, inputs, &purpose)?;
    bundle.finish()?;

    Model {
        version: Model::VERSION,
        provenance: given.provenance.clone(),
        features,
        inputs: scales,
        purpose,
        activation: activation.into(),
        learned,
        network,
        ranges,
        rows,
    }
    .checked()
}
