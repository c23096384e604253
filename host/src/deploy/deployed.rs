//! What an export holds: the form of its JSON file, from which every other format is written.

use super::table::{DeployedActivation, TableFile};
use anyhow::{Context, Result, ensure};
use ldnn_core::deploy::Outputs;
use ldnn_core::quantised::{MAX_LAYERS, Parts, Quantised};
use ldnn_core::table::integer::Scale;
use ldnn_core::{Activation, Base, Shape};
use serde::{Deserialize, Serialize};

/// A deployable model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deployed {
    /// Version of this form of file.
    pub version: u32,
    /// The prefix of its names in code.
    pub name: String,
    /// Where it comes from, for people; one line.
    pub provenance: String,
    /// What was measured, for people.
    pub measured: Measured,
    /// The network's sizes; `None` if it is activations alone.
    pub shape: Option<ShapeFile>,
    /// Mean and factor of every raw input, `(x - mean) factor`; empty if inputs are not
    /// standardised.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub standard: Vec<(f32, f32)>,
    /// The names of the inputs; empty if they have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<String>,
    /// What is subtracted from the reading of each input, in integers or in double precision,
    /// before it is rounded to single precision; empty if nothing is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offsets: Vec<f64>,
    /// What the outputs mean.
    #[serde(default)]
    pub outputs: OutputFile,
    /// The names of the classes, or of the values; empty if they have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// One per type; empty if the model is of integers.
    pub activations: Vec<TableFile>,
    /// The weights.
    pub weights: WeightFile,
}

/// What the outputs of a network mean.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind", deny_unknown_fields)]
pub enum OutputFile {
    /// Nothing is known.
    #[default]
    Plain,
    /// A logit per class.
    Classes,
    /// Standardised values.
    Values {
        /// Standard deviation and mean of each: `y sd + mean` is in the units of the table.
        pairs: Vec<(f32, f32)>,
        /// What is added to each, in double precision; empty if nothing is.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        offsets: Vec<f64>,
    },
}

impl OutputFile {
    /// Standard deviation and mean of each value; empty if the outputs are no values.
    #[must_use]
    pub fn pairs(&self) -> Vec<[f32; 2]> {
        match self {
            OutputFile::Values { pairs, .. } => {
                pairs.iter().map(|&(sd, mean)| [sd, mean]).collect()
            }
            OutputFile::Plain | OutputFile::Classes => vec![],
        }
    }

    /// What is added to each value; empty if nothing is.
    #[must_use]
    pub fn offsets(&self) -> &[f64] {
        match self {
            OutputFile::Values { offsets, .. } => offsets,
            OutputFile::Plain | OutputFile::Classes => &[],
        }
    }

    /// As the core takes it; `pairs` are [`Self::pairs`].
    #[must_use]
    pub fn meaning<'a>(&self, pairs: &'a [[f32; 2]]) -> Outputs<'a> {
        match self {
            OutputFile::Plain => Outputs::Plain,
            OutputFile::Classes => Outputs::Classes,
            OutputFile::Values { .. } => Outputs::Values(pairs),
        }
    }
}

/// The sizes of a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShapeFile {
    /// Inputs, hidden widths, outputs.
    pub widths: Vec<usize>,
    /// First type and number of types of each hidden layer.
    pub layers: Vec<(usize, usize)>,
}

/// Errors and accuracies, as text with their units.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Measured(pub Vec<String>);

/// The weights of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind", deny_unknown_fields)]
pub enum WeightFile {
    /// Activations alone.
    None,
    /// Real numbers, in the order of `theta`.
    Floats {
        /// The numbers.
        theta: Vec<f32>,
    },
    /// A network of integers, or of its tables only the tables.
    Integers(Box<IntegerFile>),
}

/// The numbers of a network of integers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntegerFile {
    /// Step and zero of the inputs.
    pub input: (f32, i32),
    /// Step and zero of the outputs.
    pub output: (f32, i32),
    /// outputs x inputs of each layer.
    pub weights: Vec<i8>,
    /// One per output of each layer.
    pub biases: Vec<i32>,
    /// One per output of each layer.
    pub factors: Vec<i32>,
    /// One per layer.
    pub shifts: Vec<u8>,
    /// 256 entries per type.
    pub tables: Vec<Vec<i8>>,
    /// The step of the inputs of each table, whose zero is 0.
    pub table_inputs: Vec<f32>,
    /// Step and zero of what the tables of each hidden layer give.
    pub table_outputs: Vec<(f32, i32)>,
}

/// The same as the core takes it.
pub struct OwnedIntegers {
    file: IntegerFile,
    shifts: [u8; MAX_LAYERS],
    tables: Vec<[i8; 256]>,
}

impl IntegerFile {
    /// With tables and shifts of the right lengths.
    ///
    /// # Errors
    /// If they do not have them.
    pub fn owned(&self) -> Result<OwnedIntegers> {
        let mut shifts = [0; MAX_LAYERS];
        let places = shifts
            .get_mut(..self.shifts.len())
            .context("there are more shifts than layers")?;

        places.copy_from_slice(&self.shifts);

        let tables = self.tables.iter().map(|t| {
            t[..]
                .try_into()
                .ok()
                .context("a table must have 256 entries")
        });

        Ok(OwnedIntegers {
            file: self.clone(),
            shifts,
            tables: tables.collect::<Result<_>>()?,
        })
    }
}

impl OwnedIntegers {
    /// The network.
    ///
    /// # Errors
    /// If its parts do not fit each other.
    pub fn network(&self, shape: Shape) -> Result<Quantised<'_>> {
        let scale = |(step, zero)| Scale { step, zero };

        let parts = Parts {
            weights: &self.file.weights,
            biases: &self.file.biases,
            factors: &self.file.factors,
            shifts: self.shifts,
            tables: &self.tables,
            input: scale(self.file.input),
            output: scale(self.file.output),
        };

        Ok(Quantised::new(shape, parts)?)
    }
}

impl ShapeFile {
    /// Of a shape.
    #[must_use]
    pub fn of(shape: &Shape) -> ShapeFile {
        ShapeFile {
            widths: (0..=shape.layers()).map(|l| shape.width(l)).collect(),
            layers: (0..shape.hidden_layers())
                .map(|l| shape.layer_types(l))
                .collect(),
        }
    }

    /// Number of types.
    #[must_use]
    pub fn types(&self) -> usize {
        self.layers
            .iter()
            .map(|&(first, count)| first + count)
            .max()
            .unwrap_or(0)
    }

    /// The shape; its activations are placeholders.
    ///
    /// # Errors
    /// If it is impossible.
    pub fn shape(&self) -> Result<Shape> {
        let mut shape = Shape::try_new(
            &self.widths,
            &vec![Activation::Base(Base::Zero); self.types()],
        )?;
        ensure!(
            self.layers.len() == shape.hidden_layers(),
            "'layers' must have an entry for each hidden layer"
        );

        for (l, &(first, count)) in self.layers.iter().enumerate() {
            shape = shape.with_layer_types(l, first, count)?;
        }

        Ok(shape)
    }
}

impl Deployed {
    /// The version of the files that we write.
    pub const VERSION: u32 = 2;

    /// Mean and factor of every input, as the core takes them.
    #[must_use]
    pub fn input_pairs(&self) -> Vec<[f32; 2]> {
        self.standard
            .iter()
            .map(|&(mean, factor)| [mean, factor])
            .collect()
    }

    /// The classes' names, if the outputs are classes that have names.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        if self.outputs == OutputFile::Classes {
            &self.names
        } else {
            &[]
        }
    }

    /// The activations.
    ///
    /// # Errors
    /// If one is malformed.
    pub fn owned(&self) -> Result<Vec<DeployedActivation>> {
        self.activations
            .iter()
            .enumerate()
            .map(|(i, a)| a.owned().with_context(|| format!("type {}", i + 1)))
            .collect()
    }

    /// Reads and checks its JSON.
    ///
    /// # Errors
    /// If it is malformed; the message names the place.
    pub fn from_json(text: &str) -> Result<Deployed> {
        let value: serde_json::Value = serde_json::from_str(text)?;
        let version = value
            .get("version")
            .and_then(serde_json::Value::as_u64)
            .context("it has no version")?;

        ensure!(
            version == u64::from(Self::VERSION),
            "version {version} is not known; this program reads {}: export the model again",
            Self::VERSION
        );

        let model: Deployed = serde_json::from_value(value)?;
        ensure!(is_identifier(&model.name), "'name' must be a C identifier");

        let inputs = model
            .shape
            .as_ref()
            .and_then(|s| s.widths.first().copied())
            .unwrap_or(0);

        let outputs = model
            .shape
            .as_ref()
            .and_then(|s| s.widths.last().copied())
            .unwrap_or(0);

        model.check_scaling(inputs, outputs)?;

        let types = model.owned()?.len();

        match (&model.shape, &model.weights) {
            (None, WeightFile::None) => {}
            (Some(shape), WeightFile::Floats { theta }) => {
                let need = shape.shape()?;

                ensure!(
                    theta.len() == need.theta_len(),
                    "'theta' needs {} numbers",
                    need.theta_len()
                );

                ensure!(
                    types == need.types(),
                    "there must be {} activations",
                    need.types()
                );
            }
            (Some(shape), WeightFile::Integers(file)) => {
                file.owned()?.network(shape.shape()?)?;
            }
            _ => anyhow::bail!("weights need a shape, and a shape weights"),
        }

        Ok(model)
    }

    fn check_scaling(&self, inputs: usize, outputs: usize) -> Result<()> {
        let fits = |count: usize, need: usize| count == 0 || count == need;
        ensure!(
            fits(self.standard.len(), inputs),
            "'standard' needs {inputs} pairs"
        );
        ensure!(
            fits(self.offsets.len(), inputs),
            "'offsets' needs {inputs} numbers"
        );
        ensure!(
            fits(self.features.len(), inputs),
            "'features' needs {inputs} names"
        );
        ensure!(
            fits(self.names.len(), outputs),
            "'names' needs {outputs} names"
        );

        if let OutputFile::Values { pairs, offsets } = &self.outputs {
            ensure!(pairs.len() == outputs, "'outputs' needs {outputs} pairs");
            ensure!(
                fits(offsets.len(), outputs),
                "'outputs' needs {outputs} offsets"
            );

            let sound = pairs
                .iter()
                .all(|(sd, mean)| *sd > 0.0 && sd.is_finite() && mean.is_finite());

            ensure!(
                sound,
                "'outputs': a mean or standard deviation is not finite, or not positive"
            );
        }

        let sound =
            |&(mean, factor): &(f32, f32)| mean.is_finite() && factor > 0.0 && factor.is_finite();

        ensure!(
            self.standard.iter().all(sound),
            "'standard': a mean or factor is not finite, or not positive"
        );

        let finite = self
            .offsets
            .iter()
            .chain(self.outputs.offsets())
            .all(|x| x.is_finite());

        ensure!(finite, "an offset is not finite");

        Ok(())
    }
}

/// The headers of C without their ending: `NAME.h` would stand in the place of one.
const HEADERS: [&str; 31] = [
    "assert",
    "complex",
    "ctype",
    "errno",
    "fenv",
    "float",
    "inttypes",
    "iso646",
    "limits",
    "locale",
    "math",
    "setjmp",
    "signal",
    "stdalign",
    "stdarg",
    "stdatomic",
    "stdbit",
    "stdbool",
    "stdckdint",
    "stddef",
    "stdint",
    "stdio",
    "stdlib",
    "stdnoreturn",
    "string",
    "tgmath",
    "threads",
    "time",
    "uchar",
    "wchar",
    "wctype",
];

/// Whether C and Rust take a name, for symbols and for files.
#[must_use]
pub fn is_identifier(name: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let lower = name.to_ascii_lowercase();

    !HEADERS.contains(&&*lower)
        && name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(good)
}
