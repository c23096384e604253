//! Named tensors, and their careful unpacking: every shape is checked, every number finite, nothing
//! left over.

use super::about::About;
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;

/// An array in C order.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Its lengths.
    pub shape: Vec<usize>,
    /// Its elements.
    pub numbers: Numbers,
}

/// Elements.
#[derive(Clone, Debug, PartialEq)]
pub enum Numbers {
    /// Single precision.
    F32(Vec<f32>),
    /// Double precision.
    F64(Vec<f64>),
    /// Whole numbers.
    I64(Vec<i64>),
}

impl Tensor {
    /// Of single precision; the last length follows from the others.
    #[must_use]
    pub fn matrix(numbers: Vec<f32>, columns: usize) -> Tensor {
        Tensor {
            shape: vec![numbers.len() / columns.max(1), columns],
            numbers: Numbers::F32(numbers),
        }
    }

    /// A vector of single precision.
    #[must_use]
    pub fn vector(numbers: Vec<f32>) -> Tensor {
        Tensor {
            shape: vec![numbers.len()],
            numbers: Numbers::F32(numbers),
        }
    }

    /// A vector of double precision.
    #[must_use]
    pub fn wide(numbers: Vec<f64>) -> Tensor {
        Tensor {
            shape: vec![numbers.len()],
            numbers: Numbers::F64(numbers),
        }
    }

    /// A vector of whole numbers.
    #[must_use]
    pub fn whole(numbers: Vec<i64>) -> Tensor {
        Tensor {
            shape: vec![numbers.len()],
            numbers: Numbers::I64(numbers),
        }
    }

    fn to_f64(&self) -> Vec<f64> {
        match &self.numbers {
            Numbers::F32(v) => v.iter().map(|&x| x.into()).collect(),
            Numbers::F64(v) => v.clone(),
            Numbers::I64(v) => v.iter().map(|&x| x as f64).collect(),
        }
    }

    fn to_f32(&self) -> Vec<f32> {
        match &self.numbers {
            Numbers::F32(v) => v.clone(),
            Numbers::F64(v) => v.iter().map(|&x| x as f32).collect(),
            Numbers::I64(v) => v.iter().map(|&x| x as f32).collect(),
        }
    }
}

/// Named tensors and what they mean.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bundle {
    /// What `ldnn` wrote about them; `None` if somebody else wrote the file.
    pub about: Option<About>,
    /// The tensors.
    pub tensors: BTreeMap<String, Tensor>,
}

impl Bundle {
    /// Puts one in.
    pub fn put(&mut self, name: impl Into<String>, tensor: Tensor) {
        self.tensors.insert(name.into(), tensor);
    }

    /// Whether there is a tensor of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    fn take(&mut self, name: &str, shape: &[usize]) -> Result<Tensor> {
        let tensor = self
            .tensors
            .remove(name)
            .with_context(|| format!("there is no tensor '{name}'"))?;
        let found = &tensor.shape;

        ensure!(
            found == shape,
            "tensor '{name}' has the shape {found:?}; {shape:?} is needed"
        );

        Ok(tensor)
    }

    /// Takes one of this shape out, in single precision (double precision is rounded to it).
    ///
    /// # Errors
    /// If it is missing, of another shape, or holds a number that is not finite.
    pub fn take_f32(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let numbers = self.take(name, shape)?.to_f32();
        finite(name, numbers.iter().map(|&x| x.into()))?;
        Ok(numbers)
    }

    /// Takes one of this shape out, in double precision.
    ///
    /// # Errors
    /// As [`Self::take_f32`].
    pub fn take_f64(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f64>> {
        let numbers = self.take(name, shape)?.to_f64();
        finite(name, numbers.iter().copied())?;
        Ok(numbers)
    }

    /// Takes a vector of class numbers out.
    ///
    /// # Errors
    /// If it is missing, of another length, or one of them is not below `classes`.
    pub fn take_classes(&mut self, name: &str, rows: usize, classes: usize) -> Result<Vec<u16>> {
        let numbers = self.take(name, &[rows])?.to_f64();

        let class = |(i, &x): (usize, &f64)| {
            ensure!(
                x.fract() == 0.0 && x >= 0.0 && x < classes as f64,
                "tensor '{name}', element {i}: {x} is no class; there are 0 to {}",
                classes.saturating_sub(1)
            );

            Ok(x as u16)
        };

        numbers.iter().enumerate().map(class).collect()
    }

    /// The length of a vector, or the number of rows of a matrix, without taking it out; 0 if it is
    /// not there.
    #[must_use]
    pub fn rows(&self, name: &str) -> usize {
        self.tensors
            .get(name)
            .and_then(|t| t.shape.first())
            .copied()
            .unwrap_or(0)
    }

    /// That nothing is left.
    ///
    /// # Errors
    /// With the name of the first tensor that no part of the model has asked for.
    pub fn finish(&self) -> Result<()> {
        match self.tensors.keys().next() {
            Some(name) => {
                bail!("there is a tensor '{name}' that no part of the model needs; leave it out")
            }
            None => Ok(()),
        }
    }
}

fn finite(name: &str, numbers: impl Iterator<Item = f64>) -> Result<()> {
    match numbers.enumerate().find(|(_, x)| !x.is_finite()) {
        Some((i, x)) => bail!("tensor '{name}', element {i}: {x} is no finite number"),
        None => Ok(()),
    }
}
