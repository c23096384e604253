//! Data sets: generated here, or read from files of several forms. Nothing is downloaded.

pub mod cell;
mod digits;
pub mod extremes;
mod gzip;
pub mod idx;
pub mod load;
mod mnist1d;
mod npy;
pub mod npz;
mod numpy_random;
pub mod remarks;
mod rows;
pub mod source;
pub mod split;
mod standard;
pub mod table;
pub mod tabular;
pub mod target;
pub mod task;
pub mod ts;
mod vanderpol;

pub use digits::digits_csv;
pub use mnist1d::{Mnist1dConfig, mnist1d_npz};
pub use standard::Standard;
pub use vanderpol::{VanDerPolConfig, vanderpol_npz};

use anyhow::{Context, Result, bail, ensure};
use npz::{NpyArray, NpyValues};
use std::path::Path;

/// What the rows are labelled with.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// One class per row.
    Classes {
        /// Labels 0 to classes - 1.
        labels: Vec<u16>,
        /// Number of classes.
        classes: usize,
    },
    /// Numbers.
    Values {
        /// rows x width, row-major
        values: Vec<f64>,
        /// Numbers a row.
        width: usize,
    },
}

/// A data set with a training and a test part, in double precision.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// Its name, for messages.
    pub name: String,
    /// Training inputs, rows x features, row-major.
    pub x: Vec<f64>,
    /// Test inputs.
    pub x_test: Vec<f64>,
    /// Numbers a row.
    pub features: usize,
    /// Training targets.
    pub target: Targets,
    /// Test targets.
    pub target_test: Targets,
}

/// The scales of a data set that was standardised; empty of one that was not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standardisation {
    /// One per input.
    pub inputs: Vec<Standard>,
    /// One a target that is a number; none for classes.
    pub targets: Vec<Standard>,
}

/// Makes a built-in data set with its default settings, scaled as the experiments want it.
type Make = fn() -> Result<Dataset>;

/// The built-in data sets, each with its name. Each is a file here, with its settings, its generator
/// (random numbers as NumPy draws them; elementary functions of the core's `Real`, for the same bits
/// on every machine), `Dataset::NAME` and the archive that is written. `ldnn data` in `cli/data.rs` writes them, and takes
/// their settings.
const BUILT_IN: [(&str, Make); 3] = [
    ("mnist1d", || Dataset::mnist1d(&Mnist1dConfig::default())),
    ("vanderpol", || {
        Dataset::vanderpol(&VanDerPolConfig::default())
    }),
    ("digits", Dataset::digits),
];

impl Dataset {
    /// A built-in one, with its default settings; `None` if there is none of this name.
    ///
    /// # Errors
    /// Never, in practice.
    pub fn named(name: &str) -> Result<Option<Dataset>> {
        let found = BUILT_IN.iter().find(|(known, _)| *known == name);
        found.map(|(_, make)| make()).transpose()
    }

    /// Whether this is the name of a built-in one.
    #[must_use]
    pub fn is_built_in(name: &str) -> bool {
        BUILT_IN.iter().any(|(known, _)| *known == name)
    }

    /// The names of the built-in ones, as words: `a, b and c`.
    #[must_use]
    pub fn names() -> String {
        let names = BUILT_IN.map(|(name, _)| name);
        match &names[..] {
            [before @ .., last] if !before.is_empty() => {
                format!("{} and {last}", before.join(", "))
            }
            all => all.concat(),
        }
    }

    /// Reads `x`, `y`, `x_test`, `y_test` from an archive. `y` of an integer type are class labels,
    /// and so are whole numbers of another type that look like classes, as in a table (see
    /// [`RawTarget::of`](target::RawTarget::of)); all other `y` are values.
    ///
    /// # Errors
    /// If the file is not there, is malformed, or the arrays do not fit together; the message names
    /// the array.
    pub fn from_npz(path: &Path) -> Result<Dataset> {
        Ok(Self::from_npz_noted(path)?.0)
    }

    /// The same, with a sentence if `y` may be meant otherwise than it was taken.
    ///
    /// # Errors
    /// As [`Dataset::from_npz`].
    pub fn from_npz_noted(path: &Path) -> Result<(Dataset, Option<String>)> {
        Self::from_arrays(path).with_context(|| format!("in data file '{}'", path.display()))
    }

    /// The same with every input, and every target that is a number, standardised by mean and
    /// standard deviation over the training rows: networks learn badly, or diverge, in other units.
    /// And the scales, which lead there and back.
    #[must_use]
    pub fn standardised(mut self) -> (Dataset, Standardisation) {
        let (width, mut scales) = (self.features, Standardisation::default());
        for j in 0..width {
            let scale = Standard::of(self.x.iter().skip(j).step_by(width).copied());
            let own = self.x.iter_mut().skip(j).step_by(width);
            let of_test = self.x_test.iter_mut().skip(j).step_by(width);
            own.chain(of_test).for_each(|x| *x = scale.apply(*x));
            scales.inputs.push(scale);
        }

        if let (
            Targets::Values { values, width },
            Targets::Values {
                values: of_test, ..
            },
        ) = (&mut self.target, &mut self.target_test)
        {
            for j in 0..*width {
                let scale = Standard::of_target(values.iter().skip(j).step_by(*width).copied());
                let own = values.iter_mut().skip(j).step_by(*width);
                let of_test = of_test.iter_mut().skip(j).step_by(*width);
                own.chain(of_test).for_each(|y| *y = scale.apply(*y));
                scales.targets.push(scale);
            }
        }

        (self, scales)
    }

    fn from_arrays(path: &Path) -> Result<(Dataset, Option<String>)> {
        let mut arrays = npz::read(path)?;
        let note = label_whole_numbers(&mut arrays)?;

        let array = |name: &str| {
            let found = arrays.iter().find(|(n, _)| n == name).map(|(_, a)| a);
            found.with_context(|| {
                format!("array '{name}' is missing; x, y, x_test and y_test are needed")
            })
        };

        let (x, x_test) = (array("x")?, array("x_test")?);
        let features = x.columns();

        ensure!(
            features > 0 && features == x_test.columns(),
            "x has {features} columns and x_test {}; both need the same inputs, at least one",
            x_test.columns()
        );

        let classes = [array("y")?, array("y_test")?]
            .iter()
            .filter_map(|y| y.largest_label())
            .max();

        let target = |name: &str, rows: usize| -> Result<Targets> {
            let y = array(name)?;
            ensure!(
                y.rows() == rows,
                "'{name}' has {} rows, but its inputs have {rows}; each row of inputs needs one target: save them again, of \
                 one length",
                y.rows()
            );

            y.target(classes.map(|c| c + 1))
                .with_context(|| format!("array '{name}'"))
        };

        let name = path
            .file_stem()
            .map_or("data".into(), |s| s.to_string_lossy().into_owned());
        let (target, target_test) = (target("y", x.rows())?, target("y_test", x_test.rows())?);

        let set = Dataset {
            name,
            x: x.to_f64(),
            x_test: x_test.to_f64(),
            features,
            target,
            target_test,
        };

        for (array, values) in [("x", &set.x), ("x_test", &set.x_test)] {
            check_numbers(array, values, features)?;
        }
        for (array, target) in [("y", &set.target), ("y_test", &set.target_test)] {
            if let Targets::Values { values, width } = target {
                check_numbers(array, values, *width)?;
            }
        }

        Ok((set, note))
    }
}

/// Beyond this, single precision has no numbers.
const LARGEST: f64 = 1e38;

/// Refuses numbers of an array that no network can learn from.
fn check_numbers(array: &str, values: &[f64], width: usize) -> Result<()> {
    let is_bad = |value: &f64| !value.is_finite() || value.abs() > LARGEST;
    let Some(at) = values.iter().position(is_bad) else {
        return Ok(());
    };

    let what = match values[at].is_finite() {
        false => "is not finite; remove the row or clip the value",
        true => {
            "is beyond 1e38, which single precision cannot hold; divide the column by a power of ten"
        }
    };
    bail!(
        "array '{array}': row {}, column {}: {} {what}",
        at / width.max(1) + 1,
        at % width.max(1) + 1,
        values[at]
    )
}

/// Makes labels of whole numbers of a floating type that look like classes: NumPy makes such `y`
/// easily. A sentence about it.
///
/// # Errors
/// If they cannot be labels; the message says how to write them as labels, and how as numbers.
fn label_whole_numbers(arrays: &mut [(String, NpyArray)]) -> Result<Option<String>> {
    let values = |name: &str| {
        let found = arrays.iter().find(|(own, _)| own == name);
        match found.map(|(_, array)| (array.columns(), &array.values)) {
            Some((1, NpyValues::F64(values))) => Some(&values[..]),
            _ => None,
        }
    };
    let (Some(train), Some(test)) = (values("y"), values("y_test")) else {
        return Ok(None);
    };

    if !target::are_classes(train) || test.iter().any(|y| y.fract() != 0.0) {
        return Ok(None);
    }

    let label = |y: &f64| (0.0..=65534.0).contains(y).then_some(*y as i64);
    let labels = |values: &[f64]| values.iter().map(label).collect::<Option<Vec<i64>>>();
    let (Some(train), Some(test)) = (labels(train), labels(test)) else {
        bail!(
            "'y' holds whole numbers that look like classes, which must be 0 to 65534: number the classes from 0; or, if it is \
             a number, save y / y.std() and y_test / y.std()"
        );
    };

    for (name, labels) in [("y", train), ("y_test", test)] {
        let own = arrays.iter_mut().find(|(own, _)| own == name);
        if let Some((_, array)) = own {
            *array = NpyArray::labels(labels);
        }
    }

    Ok(Some(
        "'y' holds whole numbers that look like classes: it is taken for classes, not a number (if it is a number, save \
         y / y.std() and y_test / y.std())"
            .into(),
    ))
}

impl NpyArray {
    fn largest_label(&self) -> Option<usize> {
        match &self.values {
            NpyValues::I64(v) => v.iter().map(|&l| usize::try_from(l).unwrap_or(0)).max(),
            NpyValues::F64(_) | NpyValues::Text(_) => None,
        }
    }

    fn target(&self, classes: Option<usize>) -> Result<Targets> {
        match &self.values {
            NpyValues::I64(v) => {
                let labels = v
                    .iter()
                    .map(|&l| u16::try_from(l))
                    .collect::<Result<Vec<u16>, _>>();
                let labels =
                    labels.context("class labels must be whole numbers from 0 to 65534")?;

                Ok(Targets::Classes {
                    labels,
                    classes: classes.unwrap_or(1).max(2),
                })
            }
            NpyValues::F64(v) => Ok(Targets::Values {
                values: v.clone(),
                width: self.columns(),
            }),
            NpyValues::Text(_) => {
                bail!("is text; number the classes from 0, or use `ldnn train`, which reads names")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    #[test]
    fn a_data_set_is_standardised_by_its_training_rows() {
        let values = |values: Vec<f64>| Targets::Values { values, width: 1 };

        let set = Dataset {
            name: "two columns".into(),
            features: 2,
            // The second input is constant.
            x: vec![10.0, 5.0, 30.0, 5.0],
            x_test: vec![40.0, 6.0],
            target: values(vec![1e6, 3e6]),
            target_test: values(vec![2e6]),
        };

        let (set, scales) = set.standardised();
        assert_eq!(
            scales.inputs,
            [Standard::new(20.0, 10.0), Standard::new(5.0, 1.0)]
        );
        assert_eq!(scales.targets, [Standard::new(2e6, 1e6)]);
        assert_eq!(set.x, [-1.0, 0.0, 1.0, 0.0]);
        assert_eq!(set.x_test, [2.0, 1.0]);

        let Targets::Values { values: y, .. } = set.target else {
            panic!("no values")
        };
        let Targets::Values { values: y_test, .. } = set.target_test else {
            panic!("no values")
        };

        assert_abs_diff_eq!(y[..], [-1.0, 1.0][..], epsilon = 1e-12);
        assert_abs_diff_eq!(y_test[0], 0.0, epsilon = 1e-12);
    }

    #[test]
    fn numbers_that_nothing_can_learn_from_are_refused_with_their_place() {
        let error = |values: &[f64]| check_numbers("y", values, 2).unwrap_err().to_string();

        assert!(check_numbers("y", &[1.0, -1e38, 0.0, 1e-300], 2).is_ok());
        assert!(
            error(&[1.0, 2.0, 3.0, f64::NAN]).starts_with("array 'y': row 2, column 2: NaN is")
        );
        assert!(error(&[1.0, f64::INFINITY]).contains("clip the value"));
        assert!(
            error(&[-1e300, 0.0]).contains("row 1, column 1") && error(&[1e39]).contains("1e38")
        );
    }
}
