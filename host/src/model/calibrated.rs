//! What exports are made from: a trained network with its activations as functions, and the ranges
//! of its inputs and pre-activations on its task.

use super::function::Function;
use super::ranges::{Ranges, input_ranges};
use crate::data::task::{ExampleTargets, Examples};
use crate::model::{LossAndAccuracy, Network};
use anyhow::{Result, ensure};
use ldnn_core::Shape;
use ldnn_core::loss::{arg_max, cross_entropy};

/// A network, its functions, and the pre-activations of every type on the training rows, sorted.
#[derive(Clone, Debug)]
pub struct CalibratedNetwork {
    /// Its sizes.
    pub shape: Shape,
    /// Weights and biases.
    pub theta: Vec<f32>,
    /// One per type.
    pub functions: Vec<Function>,
    /// Sorted pre-activations of each type: those of the rows, or as the ranges distribute them.
    pub pre_activations: Vec<Vec<f32>>,
    /// Smallest and largest of all inputs, with 0 between.
    pub inputs: (f32, f32),
    /// What was seen, in short.
    pub ranges: Ranges,
}

impl CalibratedNetwork {
    /// `network` on training rows. With `exact`, those functions stand in place of the network's
    /// own.
    ///
    /// # Errors
    /// If network and rows do not fit together.
    pub fn new(
        network: &Network,
        rows: &Examples,
        exact: Option<Vec<Function>>,
    ) -> Result<CalibratedNetwork> {
        let none = Ranges {
            inputs: vec![],
            types: vec![],
            largest_output: 0.0,
        };

        let mut calibrated = CalibratedNetwork::of(network, exact, none, vec![])?;
        let mut pre_activations = vec![vec![]; calibrated.shape.types()];
        let outputs = calibrated.walk(rows, |t, z| {
            pre_activations[t].extend(z.iter().map(|&z| z as f32))
        })?;
        let largest_output = outputs.iter().fold(0.0, |a: f32, y| a.max(y.abs() as f32));

        pre_activations
            .iter_mut()
            .for_each(|z| z.sort_by(f32::total_cmp));

        let finite = pre_activations
            .iter()
            .all(|z| z.iter().all(|z| z.is_finite()))
            && largest_output.is_finite();

        ensure!(finite, "the network's pre-activations are not finite");

        calibrated.inputs = rows
            .x
            .iter()
            .fold((0.0f32, 0.0f32), |(a, b), &x| (a.min(x), b.max(x)));
        calibrated.ranges = Ranges::of(&pre_activations, rows, largest_output);
        calibrated.pre_activations = pre_activations;

        Ok(calibrated)
    }

    /// `network` with the ranges that were observed when it was trained.
    ///
    /// # Errors
    /// If they do not fit each other.
    pub fn from_ranges(network: &Network, ranges: &Ranges) -> Result<CalibratedNetwork> {
        ranges.check(&network.shape)?;
        CalibratedNetwork::of(network, None, ranges.clone(), ranges.spread())
    }

    fn of(
        network: &Network,
        exact: Option<Vec<Function>>,
        ranges: Ranges,
        pre_activations: Vec<Vec<f32>>,
    ) -> Result<CalibratedNetwork> {
        let shape = network.shape;
        let phi = &network.params[shape.theta_len()..];

        let own = || {
            (0..shape.types())
                .map(|t| Function::of(&shape, phi, t))
                .collect()
        };

        let functions = exact.map_or_else(own, Ok)?;
        let theta = network.params[..shape.theta_len()].to_vec();
        let inputs = ranges.of_inputs();

        Ok(CalibratedNetwork {
            shape,
            theta,
            functions,
            pre_activations,
            inputs,
            ranges,
        })
    }

    /// The network with exact functions on all rows, in double precision; `visit` is given the
    /// pre-activations type by type.
    pub fn walk(&self, set: &Examples, mut visit: impl FnMut(usize, &[f64])) -> Result<Vec<f64>> {
        let (shape, rows) = (&self.shape, set.rows());
        let mut h: Vec<f64> = set.x.iter().map(|&x| x.into()).collect();

        for l in 0..shape.layers() {
            let (inputs, outputs) = (shape.width(l), shape.width(l + 1));
            let weights = &self.theta[shape.weights_at(l)..][..inputs * outputs];
            let biases = &self.theta[shape.biases_at(l)..][..outputs];

            // Neuron by neuron, so that the values of a type lie together.
            let mut z: Vec<f64> = Vec::with_capacity(rows * outputs);

            for (row, &b) in weights.chunks_exact(inputs).zip(biases) {
                z.extend(h.chunks_exact(inputs).map(|h| {
                    row.iter()
                        .zip(h)
                        .fold(f64::from(b), |sum, (&w, h)| sum + f64::from(w) * h)
                }));
            }

            if l < shape.hidden_layers() {
                let (first, count) = shape.layer_types(l);
                for i in 0..count {
                    let (start, end) = shape.block(l, i);
                    let block = &mut z[start * rows..end * rows];
                    visit(first + i, block);
                    block.copy_from_slice(&self.functions[first + i].values(block)?);
                }
            }

            h = (0..rows * outputs)
                .map(|i| z[i % outputs * rows + i / outputs])
                .collect();
        }

        Ok(h)
    }

    /// The outputs with exact functions, row by row.
    ///
    /// # Errors
    /// None once the network was calibrated from rows of the same width.
    pub fn outputs(&self, set: &Examples) -> Result<Vec<f32>> {
        Ok(self
            .walk(set, |_, _| {})?
            .iter()
            .map(|&y| y as f32)
            .collect())
    }

    /// The range that holds the `percent` of type `t`'s pre-activations that lie in the middle.
    #[must_use]
    pub fn range(&self, t: usize, percent: f64) -> (f32, f32) {
        let z = &self.pre_activations[t];

        // A network without hidden neurons has no pre-activation.
        if z.is_empty() {
            return (-1.0, 1.0);
        }

        let tail = ((1.0 - percent / 100.0) / 2.0 * z.len() as f64).floor() as usize;
        let (low, high) = (
            z[tail.min(z.len() / 2)],
            z[z.len() - 1 - tail.min(z.len() / 2)],
        );

        if low < high {
            (low, high)
        } else {
            (low - 1.0, high + 1.0)
        }
    }

    /// Of each type the smallest and the largest pre-activation of the row of means.
    ///
    /// # Errors
    /// None that checked functions have.
    pub fn at_the_means(&self) -> Result<Vec<(f32, f32)>> {
        let mut all = vec![(f32::INFINITY, f32::NEG_INFINITY); self.shape.types()];

        let row = Examples::new(
            self.ranges.means(),
            ExampleTargets::Classes(vec![]),
            self.shape.inputs(),
        );

        self.walk(&row, |t, z| {
            // Rounded outwards: what is in single precision holds what is in double.
            let (low, high) = &mut all[t];
            *low = z.iter().fold(*low, |a, &z| a.min((z as f32).next_down()));
            *high = z.iter().fold(*high, |a, &z| a.max((z as f32).next_up()));
        })?;

        Ok(all)
    }

    /// Rows of inputs as the network takes them, drawn by a seed, whose pre-activations lie within
    /// these ranges, one per type. [`Ranges::draw`] takes inputs to be independent; where those of
    /// the training rows are not, its rows may be like none of them. Such a row is moved toward the
    /// means, no further than needed.
    ///
    /// # Errors
    /// None that checked functions have.
    pub fn draw_within(&self, rows: usize, seed: u64, ranges: &[(f32, f32)]) -> Result<Vec<f32>> {
        self.moved_within(self.ranges.draw(rows, seed), ranges)
    }

    /// The rows of [`Ranges::ends`], moved toward the means until their pre-activations lie within
    /// those of the training rows and of the row of means.
    ///
    /// # Errors
    /// None that checked functions have.
    pub fn ends(&self, most: usize) -> Result<Vec<f32>> {
        let mut observed = self.at_the_means()?;
        for ((low, high), z) in observed.iter_mut().zip(&self.pre_activations) {
            *low = z.first().map_or(*low, |z| low.min(*z));
            *high = z.last().map_or(*high, |z| high.max(*z));
        }
        self.moved_within(self.ranges.ends(most), &observed)
    }

    /// Rows moved toward the means, no further than needed, until their pre-activations lie within
    /// these ranges.
    fn moved_within(&self, drawn: Vec<f32>, ranges: &[(f32, f32)]) -> Result<Vec<f32>> {
        let (width, means) = (self.shape.inputs(), self.ranges.means());
        let rows = drawn.len() / width;
        let mut x = drawn.clone();
        let mut beyond: Vec<usize> = (0..rows).collect();

        for step in 0..=TOWARD_MEANS {
            let share = (TOWARD_MEANS - step) as f32 / TOWARD_MEANS as f32;

            // The first step leaves every bit as it was drawn.
            for &row in beyond.iter().filter(|_| step > 0) {
                let places = row * width..(row + 1) * width;
                for ((x, drawn), mean) in
                    x[places.clone()].iter_mut().zip(&drawn[places]).zip(&means)
                {
                    *x = mean + share * (drawn - mean);
                }
            }

            let some = beyond
                .iter()
                .flat_map(|&row| x[row * width..(row + 1) * width].iter().copied())
                .collect();
            let within = self.within(
                &Examples::new(some, ExampleTargets::Classes(vec![]), width),
                ranges,
            )?;

            beyond = beyond
                .into_iter()
                .zip(within)
                .filter(|(_, within)| !within)
                .map(|(row, _)| row)
                .collect();

            if beyond.is_empty() {
                break;
            }
        }

        Ok(x)
    }

    /// Whether all pre-activations of a row lie within these ranges, row by row.
    fn within(&self, set: &Examples, ranges: &[(f32, f32)]) -> Result<Vec<bool>> {
        let mut within = vec![true; set.rows()];
        self.walk(set, |t, z| {
            let (low, high) = (f64::from(ranges[t].0), f64::from(ranges[t].1));
            // Neuron by neuron, and of each the rows.
            for (i, z) in z.iter().enumerate() {
                within[i % set.rows()] &= (low..=high).contains(z);
            }
        })?;

        Ok(within)
    }

    /// How many percent of type `t`'s pre-activations lie outside a range.
    #[must_use]
    pub fn outside(&self, t: usize, (low, high): (f32, f32)) -> f64 {
        let z = &self.pre_activations[t];
        100.0 * z.iter().filter(|&&z| z < low || z > high).count() as f64 / z.len().max(1) as f64
    }
}

/// Steps in which a drawn row moves to the means.
const TOWARD_MEANS: usize = 16;

/// Pre-activations are looked at on so many rows at most.
const MOST_ROWS: usize = 4000;

impl Ranges {
    /// Of a network on rows as it takes them.
    ///
    /// # Errors
    /// If the pre-activations are not finite.
    pub fn observe(network: &Network, rows: &Examples) -> Result<Ranges> {
        let every = rows.rows().div_ceil(MOST_ROWS).max(1);
        let some: Vec<u32> = (0..rows.rows() as u32).step_by(every).collect();
        let ranges = CalibratedNetwork::new(network, &rows.pick(&some), None)?.ranges;

        Ok(Ranges {
            inputs: input_ranges(rows),
            ..ranges
        })
    }
}

/// Loss and accuracy of outputs, row by row.
#[must_use]
pub fn loss_and_accuracy(outputs: &[f32], set: &Examples) -> LossAndAccuracy {
    let rows = outputs.chunks_exact(outputs.len() / set.rows());

    match &set.target {
        ExampleTargets::Classes(labels) => {
            let (mut loss, mut right) = (0.0, 0);

            for (y, &label) in rows.zip(labels) {
                let wide: Vec<f64> = y.iter().map(|&y| f64::from(y)).collect();
                loss += cross_entropy(&wide, usize::from(label));
                right += usize::from(arg_max(y) == usize::from(label));
            }

            let n = labels.len() as f64;
            LossAndAccuracy {
                loss: loss / n,
                accuracy: Some(100.0 * right as f64 / n),
            }
        }
        ExampleTargets::Values(values) => {
            let total: f64 = outputs
                .iter()
                .zip(values)
                .map(|(y, t)| f64::from(y - t).powi(2))
                .sum();

            LossAndAccuracy {
                loss: total / values.len() as f64,
                accuracy: None,
            }
        }
    }
}
