//! Networks without a table: in memory, and as JSON stores them.

use super::function::Function;
use super::sealed::unseal;
use crate::model::activations::{SAMPLE_RANGE, base_named, grid};
use crate::report::plot::Band;
use crate::support::regular::{self, Most};
use crate::support::simd::Level;
use anyhow::{Context, Result, ensure};
use ldnn_core::network;
use ldnn_core::table::TableForm;
use ldnn_core::{Activation, Shape};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// A trained network in memory: the core runs it.
#[derive(Clone, Debug)]
pub struct Network {
    /// Its sizes and activations.
    pub shape: Shape,
    /// `[theta | phi]`
    pub params: Vec<f32>,
}

impl Network {
    /// What can be asked of it, with the best kernels of this processor.
    ///
    /// # Errors
    /// If the number of parameters is not that of the shape.
    pub fn view(&self) -> Result<network::Network<'_, f32, Level>> {
        Ok(network::Network::new(&self.shape, &self.params)?.with_vector(Level::best()))
    }

    /// The same without activations that no layer has, and the types that stay.
    ///
    /// # Errors
    /// None that a network has which was read or trained.
    pub fn without_unused(self) -> Result<(Network, Vec<usize>)> {
        let Network { shape, params } = self;
        let hidden = shape.hidden_layers();
        let layer_has = |l: usize, t: usize| {
            let (first, count) = shape.layer_types(l);
            (first..first + count).contains(&t)
        };
        let is_used = |t: &usize| (0..hidden).any(|l| layer_has(l, *t));
        let used: Vec<usize> = (0..shape.types()).filter(is_used).collect();

        // A network without hidden layers has a type all the same.
        if used.is_empty() || used.len() == shape.types() {
            let all = (0..shape.types()).collect();
            return Ok((Network { shape, params }, all));
        }

        let widths: Vec<usize> = (0..=shape.layers()).map(|l| shape.width(l)).collect();
        let activations: Vec<Activation> = used.iter().map(|&t| shape.activation(t)).collect();
        let mut smaller = Shape::try_new(&widths, &activations)?;
        let mut own = params[..shape.theta_len()].to_vec();

        for l in 0..hidden {
            let (first, count) = shape.layer_types(l);
            let before = used.iter().filter(|&&t| t < first).count();
            smaller = smaller.with_layer_types(l, before, count)?;
        }

        for &t in &used {
            let len = shape.activation(t).param_len();
            own.extend(&params[shape.type_at(t)..][..len]);
        }

        Ok((
            Network {
                shape: smaller,
                params: own,
            },
            used,
        ))
    }

    /// Its activations as curves over the usual range of pre-activations, at so many points.
    ///
    /// # Errors
    /// If parameters are missing.
    pub fn curves(&self, points: usize) -> Result<Vec<Band>> {
        let z = grid(points, SAMPLE_RANGE);
        let shape = &self.shape;
        let phi = self.params.get(shape.theta_len()..).unwrap_or_default();

        let curve = |t: usize| {
            let name = match shape.activation(t) {
                Activation::Base(base) => base.name().into(),
                _ => format!("type {}", t + 1),
            };
            let values = Function::of(shape, phi, t)?.values(&z)?;
            Ok(Band::line(name, z.clone(), values))
        };

        (0..shape.types()).map(curve).collect()
    }
}

/// A [`Network`] as JSON stores it: by itself in the networks that a run keeps, and inside a
/// [`Model`](super::Model).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkFile {
    /// Version of this form of file.
    pub version: u32,
    /// Where it comes from, for people.
    pub provenance: String,
    /// Inputs, hidden widths, outputs.
    pub widths: Vec<usize>,
    /// The activation of each type.
    #[serde(rename = "kinds")]
    pub activations: Vec<ActivationFile>,
    /// First type and number of types of each hidden layer.
    pub layers: Vec<(usize, usize)>,
    /// Weights and biases layer by layer (output x input, row-major; then the biases), then the
    /// activation parameters.
    pub params: Vec<f32>,
}

/// An activation, as files name it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "form", deny_unknown_fields)]
pub enum ActivationFile {
    /// A base function.
    Base {
        /// Its name.
        name: String,
    },
    /// A base function plus a sub-network.
    Learned {
        /// The base's name.
        base: String,
        /// Hidden units.
        units: usize,
    },
    /// A table, plus a base function.
    Table {
        /// The base's name.
        base: String,
        /// Number of knots.
        knots: usize,
        /// The knots span `[-range, range]`.
        range: f32,
        /// Parameters behind the knots that only training uses.
        readout: usize,
    },
}

impl ActivationFile {
    fn of(activation: Activation) -> ActivationFile {
        match activation {
            Activation::Base(base) => ActivationFile::Base {
                name: base.name().into(),
            },
            Activation::Learned { base, units } => ActivationFile::Learned {
                base: base.name().into(),
                units,
            },
            Activation::Table(TableForm {
                base,
                knots,
                range,
                readout,
            }) => ActivationFile::Table {
                base: base.name().into(),
                knots,
                range,
                readout,
            },
        }
    }

    fn activation(&self) -> Result<Activation> {
        Ok(match self {
            ActivationFile::Base { name } => Activation::Base(base_named(name)?),
            ActivationFile::Learned { base, units } => Activation::Learned {
                base: base_named(base)?,
                units: *units,
            },
            ActivationFile::Table {
                base,
                knots,
                range,
                readout,
            } => Activation::Table(TableForm {
                base: base_named(base)?,
                knots: *knots,
                range: *range,
                readout: *readout,
            }),
        })
    }
}

impl NetworkFile {
    /// The version of the files that we write.
    pub const VERSION: u32 = 1;

    /// Of a trained network.
    #[must_use]
    pub fn of(network: &Network, provenance: String) -> NetworkFile {
        let shape = &network.shape;

        NetworkFile {
            version: Self::VERSION,
            provenance,
            widths: (0..=shape.layers()).map(|l| shape.width(l)).collect(),
            activations: (0..shape.types())
                .map(|t| ActivationFile::of(shape.activation(t)))
                .collect(),
            layers: (0..shape.hidden_layers())
                .map(|l| shape.layer_types(l))
                .collect(),
            params: network.params.clone(),
        }
    }

    /// The network in it.
    ///
    /// # Errors
    /// If the parts do not fit together; the message says which.
    pub fn network(&self) -> Result<Network> {
        ensure!(
            self.version == Self::VERSION,
            "version {} is not known; this program reads {}",
            self.version,
            Self::VERSION
        );

        let activations = self
            .activations
            .iter()
            .map(ActivationFile::activation)
            .collect::<Result<Vec<_>>>()?;

        let mut shape = Shape::try_new(&self.widths, &activations)?;
        ensure!(
            self.layers.len() == shape.hidden_layers(),
            "'layers' must have an entry for each hidden layer"
        );

        for (l, &(first, count)) in self.layers.iter().enumerate() {
            shape = shape.with_layer_types(l, first, count)?;
        }

        ensure!(
            self.params.len() == shape.param_len(),
            "'params' has {} numbers, but widths and activations need {}",
            self.params.len(),
            shape.param_len()
        );

        ensure!(
            self.params.iter().all(|p| p.is_finite()),
            "a parameter is not a finite number"
        );

        Ok(Network {
            shape,
            params: self.params.clone(),
        })
    }

    /// Reads a file and checks it.
    ///
    /// # Errors
    /// If the file is not there or malformed; the message names the place.
    pub fn read(path: &Path) -> Result<Network> {
        let text = regular::read_to_string(path, Most::Memory).with_context(|| {
            format!(
                "cannot read a network from '{}'; `ldnn validate --keep-networks` writes such files",
                path.display()
            )
        })?;
        NetworkFile::parse(&text).with_context(|| format!("in '{}'", path.display()))
    }

    /// The network in the text of a file. A checksum is checked if there is one: files of earlier
    /// programs have none.
    fn parse(text: &str) -> Result<Network> {
        let mut content = serde_json::from_str(text)?;
        unseal(&mut content)?;
        serde_json::from_value::<NetworkFile>(content)?.network()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ldnn_core::Base;

    #[test]
    fn a_network_comes_back_as_it_was_written_and_a_wrong_one_does_not() {
        let activations = [
            Activation::Base(Base::Tanh),
            Activation::Learned {
                base: Base::Sine,
                units: 2,
            },
            Activation::Table(TableForm::fixed(5, 2.0)),
        ];

        let shape = Shape::new(&[2, 6, 5, 3], &activations)
            .with_layer_types(0, 0, 1)
            .unwrap()
            .with_layer_types(1, 1, 2)
            .unwrap();
        let params = (0..shape.param_len()).map(|i| i as f32).collect();
        let network = Network { shape, params };
        let text = serde_json::to_string(&NetworkFile::of(&network, "test".into())).unwrap();
        let mut model: NetworkFile = serde_json::from_str(&text).unwrap();
        let back = model.network().unwrap();

        assert!(back.shape == network.shape && back.params == network.params);

        // What no layer has is left out, and the rest stays.
        let mut more = model.clone();
        let unused = ActivationFile::Learned {
            base: "relu".into(),
            units: 3,
        };
        let len = unused.activation().unwrap().param_len();
        let at = back.shape.type_at(1);
        more.activations.insert(1, unused);
        more.layers[1].0 += 1;
        more.params.splice(at..at, vec![7.0; len]);

        let (fewer, used) = more.network().unwrap().without_unused().unwrap();
        assert_eq!(used, [0, 2, 3]);
        assert!(fewer.shape == network.shape && fewer.params == network.params);

        model.params.pop();
        assert!(format!("{:#}", model.network().unwrap_err()).contains("'params' has"));
    }
}
