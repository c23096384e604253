//! A network with its parameters and the data it is looked at on, in double precision.

use crate::data::task::{ExampleTargets, Examples};
use crate::support::simd::Level;
use crate::support::stop;
use anyhow::Result;
use ldnn_core::Shape;
use ldnn_core::network::{Batch, Data, Direction, Network, Pass, Target, Workspace, Wrt};

/// Rows that go through the network at a time.
pub const CHUNK: usize = 250;

/// A point in the space of parameters, with the loss over a whole data set.
#[derive(Clone, Debug)]
pub struct Point {
    /// The network.
    pub shape: Shape,
    /// `[theta | phi]`
    pub params: Vec<f64>,
    /// rows x inputs
    pub x: Vec<f64>,
    values: Vec<f64>,
    labels: Option<Vec<u16>>,
}

impl Point {
    /// The network with `params` on the rows of `set`.
    #[must_use]
    pub fn new(shape: Shape, params: &[f32], set: &Examples) -> Point {
        let wide = |v: &[f32]| v.iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
        let (labels, values) = match &set.target {
            ExampleTargets::Classes(labels) => (Some(labels.clone()), vec![]),
            ExampleTargets::Values(values) => (None, wide(values)),
        };

        Point {
            shape,
            params: wide(params),
            x: wide(&set.x),
            values,
            labels,
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.x.len() / self.shape.inputs()
    }

    /// The core's view of the data.
    #[must_use]
    pub fn data(&self) -> Data<'_, f64> {
        let target = match &self.labels {
            Some(labels) => Target::Classes(labels),
            None => Target::Values(&self.values),
        };
        Data { x: &self.x, target }
    }

    /// Chunks of at most [`CHUNK`] rows: first row and number of rows.
    pub fn chunks(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let rows = self.rows();
        (0..rows.div_ceil(CHUNK)).map(move |i| (i * CHUNK, CHUNK.min(rows - i * CHUNK)))
    }

    /// Loss and gradient over all rows; `joint` for `[theta | phi]`, else theta alone.
    ///
    /// # Errors
    /// If network and data do not fit together.
    pub fn gradient(&self, joint: bool) -> Result<(f64, Vec<f64>)> {
        let len = self.len(joint);
        let (mut loss, mut sum, mut part) = (0.0, vec![0.0; len], vec![0.0; len]);
        let (network, wrt) = (self.network()?, if joint { Wrt::All } else { Wrt::Weights });
        let mut memory = self.memory(Pass::Backward);
        let mut workspace = Workspace::new(&self.shape, 0, Pass::Backward, &mut memory)?;

        for (start, rows) in self.chunks() {
            let batch = Batch::range(self.data(), start, rows);
            let share = rows as f64 / self.rows() as f64;
            let own = network.gradient(&batch, wrt, &mut part, &mut workspace)?;
            loss += share * own;
            sum.iter_mut().zip(&part).for_each(|(s, p)| *s += share * p);
        }

        Ok((loss, sum))
    }

    /// The product of the Hessian of the loss over all rows with `direction`, whose length says
    /// which Hessian: theta's, or the joint one of `[theta | phi]`.
    ///
    /// # Errors
    /// If a length does not fit.
    pub fn hessian_product(&self, direction: &[f64]) -> Result<Vec<f64>> {
        let (mut sum, mut part) = (vec![0.0; direction.len()], vec![0.0; direction.len()]);
        let network = self.network()?;
        let mut memory = self.memory(Pass::SecondOrder);
        let mut workspace = Workspace::new(&self.shape, 0, Pass::SecondOrder, &mut memory)?;
        let is_joint = direction.len() != self.shape.theta_len();

        let direction = if is_joint {
            Direction::All(direction)
        } else {
            Direction::Weights(direction)
        };

        for (start, rows) in self.chunks() {
            stop::check()?;
            let batch = Batch::range(self.data(), start, rows);
            let share = rows as f64 / self.rows() as f64;
            network.hessian_product(&batch, direction, &mut part, &mut workspace)?;
            sum.iter_mut().zip(&part).for_each(|(s, p)| *s += share * p);
        }

        Ok(sum)
    }

    /// The network, with the best kernels of this processor.
    ///
    /// # Errors
    /// If there are too few or too many parameters.
    pub fn network(&self) -> Result<Network<'_, f64, Level>> {
        Ok(Network::new(&self.shape, &self.params)?.with_vector(Level::best()))
    }

    /// Scratch memory for [`CHUNK`] rows.
    fn memory(&self, pass: Pass) -> Vec<f64> {
        vec![0.0; self.shape.workspace_len(CHUNK.min(self.rows()), pass)]
    }

    /// Number of parameters of theta, or of all.
    #[must_use]
    pub fn len(&self, joint: bool) -> usize {
        if joint {
            self.shape.param_len()
        } else {
            self.shape.theta_len()
        }
    }
}
