//! MNIST-1D (Greydanus and Kobak, *Scaling down deep learning with MNIST-1D*, arXiv 2011.14439):
//! ten templates of twelve points, padded, stretched, scaled, shifted, blurred with noise, sheared
//! and sampled at 40 points.
//!
//! The generator follows the `mnist1d` package (0.0.2.post1) draw by draw, so that its default
//! arguments give the canonical data set to within rounding; `tests/crosscheck/compare_mnist1d.py`
//! compares the two.

use super::npz::{self, NpyArray};
use super::numpy_random::NumpyRandom;
use super::{Dataset, Targets};
use anyhow::{Result, bail, ensure};
use ldnn_core::Real;
use serde::{Deserialize, Serialize};

/// Number of digits.
pub const CLASSES: usize = 10;

/// The arguments of the original, with its names and defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct Mnist1dConfig {
    /// Rows in all; a tenth of them for each digit
    #[arg(long = "num_samples", alias = "num-samples")]
    pub num_samples: usize,
    /// Share of the rows that is for training
    #[arg(long = "train_split", alias = "train-split")]
    pub train_split: f64,
    /// Points of a template; only 12 is known
    #[arg(long = "template_len", alias = "template-len")]
    pub template_len: usize,
    /// Fewest and most zeros added after the template
    #[arg(long, num_args = 2, value_names = ["LOW", "HIGH"])]
    pub padding: Vec<usize>,
    /// Width of the random scaling
    #[arg(long = "scale_coeff", alias = "scale-coeff")]
    pub scale_coeff: f64,
    /// Shifts are below this
    #[arg(long = "max_translation", alias = "max-translation")]
    pub max_translation: usize,
    /// Size of the smooth noise
    #[arg(long = "corr_noise_scale", alias = "corr-noise-scale")]
    pub corr_noise_scale: f64,
    /// Size of the independent noise
    #[arg(long = "iid_noise_scale", alias = "iid-noise-scale")]
    pub iid_noise_scale: f64,
    /// Width of the random shear
    #[arg(long = "shear_scale", alias = "shear-scale")]
    pub shear_scale: f64,
    /// Shuffle the points of all rows in the same way
    #[arg(long = "shuffle_seq", alias = "shuffle-seq", num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub shuffle_seq: bool,
    /// Points of a row
    #[arg(long = "final_seq_length", alias = "final-seq-length")]
    pub final_seq_length: usize,
    /// Seed of the generator
    #[arg(long)]
    pub seed: u32,
}

impl Default for Mnist1dConfig {
    fn default() -> Self {
        Mnist1dConfig {
            num_samples: 5000,
            train_split: 0.8,
            template_len: 12,
            padding: vec![36, 60],
            scale_coeff: 0.4,
            max_translation: 48,
            corr_noise_scale: 0.25,
            iid_noise_scale: 0.02,
            shear_scale: 0.75,
            shuffle_seq: false,
            final_seq_length: 40,
            seed: 42,
        }
    }
}

impl Mnist1dConfig {
    fn check(&self) -> Result<()> {
        let [low, high] = self.padding[..] else {
            bail!("`padding`: give two numbers, the smaller one first")
        };
        let length = self.template_len + high;

        ensure!(
            self.num_samples >= CLASSES,
            "`num_samples` {}: at least 10 are needed, one per digit",
            self.num_samples
        );

        ensure!(
            self.num_samples <= 10_000_000,
            "`num_samples` {}: at most 10000000",
            self.num_samples
        );

        ensure!(
            (0.0..=1.0).contains(&self.train_split),
            "`train_split` {}: must be in [0, 1]",
            self.train_split
        );

        ensure!(
            self.template_len == 12,
            "`template_len` {}: the templates have 12 points",
            self.template_len
        );

        ensure!(
            low <= high && high <= 100_000,
            "`padding` {low} {high}: give the smaller number first, at most 100000"
        );

        let translation = self.max_translation;
        ensure!(
            (1..=length).contains(&translation),
            "`max_translation` {translation}: must be in 1 to {length}"
        );

        let points = self.final_seq_length;
        ensure!(
            (2..=100_000).contains(&points),
            "`final_seq_length` {points}: must be in 2 to 100000"
        );

        for (name, value) in [
            ("scale_coeff", self.scale_coeff),
            ("corr_noise_scale", self.corr_noise_scale),
            ("iid_noise_scale", self.iid_noise_scale),
            ("shear_scale", self.shear_scale),
        ] {
            ensure!(
                value.is_finite(),
                "`{name}` {value}: must be a finite number"
            );
        }

        Ok(())
    }
}

/// All rows, the training rows first.
pub struct Mnist1d {
    /// rows x points
    pub x: Vec<f64>,
    pub y: Vec<u16>,
    /// The points' times.
    pub t: Vec<f64>,
    pub train_rows: usize,
}

/// The digits' shapes: heights at twelve points.
const TEMPLATES: [[f64; 12]; CLASSES] = [
    [5., 6., 6.5, 6.75, 7., 7., 7., 7., 6.75, 6.5, 6., 5.],
    [5., 3., 3., 3.4, 3.8, 4.2, 4.6, 5., 5.4, 5.8, 5., 5.],
    [5., 6., 6.5, 6.5, 6., 5.25, 4.75, 4., 3.5, 3.5, 4., 5.],
    [5., 6., 6.5, 6.5, 6., 5., 5., 6., 6.5, 6.5, 6., 5.],
    [5., 4.4, 3.8, 3.2, 2.6, 2.6, 5., 5., 5., 5., 5., 5.],
    [5., 3., 3., 3., 3., 5., 6., 6.5, 6.5, 6., 4.5, 5.],
    [5., 4., 3.5, 3.25, 3., 3., 3., 3., 3.25, 3.5, 4., 5.],
    [5., 7., 7., 6.6, 6.2, 5.8, 5.4, 5., 4.6, 4.2, 5., 5.],
    [5., 4., 3.5, 3.5, 4., 5., 5., 4., 3.5, 3.5, 4., 5.],
    [5., 4., 3.5, 3.5, 4., 5., 5., 5., 5., 4.7, 4.3, 5.],
];

/// Makes the data set.
pub fn generate(config: &Mnist1dConfig) -> Result<Mnist1d> {
    config.check()?;

    let mut random = NumpyRandom::seed(config.seed);
    let per_class = config.num_samples / CLASSES;
    let mut rows = Vec::with_capacity(per_class * CLASSES);

    for (label, template) in TEMPLATES.iter().enumerate() {
        let template = whitened(template);
        for _ in 0..per_class {
            rows.push((transform(&template, config, &mut random), label as u16));
        }
    }

    let order = random.permutation(rows.len());
    let points = config.final_seq_length;

    let columns = if config.shuffle_seq {
        random.permutation(points)
    } else {
        (0..points).collect()
    };

    let mut x: Vec<f64> = order
        .iter()
        .flat_map(|&r| columns.iter().map(move |&c| (r, c)))
        .map(|(r, c)| rows[r].0[c])
        .collect();

    let y = order.iter().map(|&r| rows[r].1).collect();
    let (mean, sd) = moments(&x);
    x.iter_mut().for_each(|v| *v = (*v - mean) / sd);

    let t = linspace(-5.0 / 6.0, 5.0 / 6.0, config.template_len);
    let t = interpolate(
        &interpolate(&t, config.template_len + config.padding[1]),
        points,
    );
    let train_rows = (order.len() as f64 * config.train_split) as usize;

    Ok(Mnist1d {
        x,
        y,
        t: t.iter().map(|t| t / sd).collect(),
        train_rows,
    })
}

/// Mean 0 and standard deviation 1, then shifted to start at 0 and divided by 6.
fn whitened(template: &[f64; 12]) -> Vec<f64> {
    let (mean, sd) = moments(template);
    let scaled: Vec<f64> = template.iter().map(|x| (x - mean) / sd).collect();
    scaled.iter().map(|x| (x - scaled[0]) / 6.0).collect()
}

/// Mean and (population) standard deviation.
fn moments(x: &[f64]) -> (f64, f64) {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    (
        mean,
        (x.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n).sqrt(),
    )
}

/// One random row; the draws are in the order of the original.
fn transform(template: &[f64], config: &Mnist1dConfig, random: &mut NumpyRandom) -> Vec<f64> {
    let (low, high) = (config.padding[0], config.padding[1]);
    // The small number keeps the template's own zeros apart from the padding.
    let mut x: Vec<f64> = template.iter().map(|x| x + 1e-8).collect();
    let zeros = low + (random.rand() * (high - low + 1) as f64) as usize;

    x.resize(x.len() + zeros, 0.0);

    let mut x = interpolate(&x, config.template_len + high);
    let scale = 1.0 + config.scale_coeff * (random.rand() - 0.5);
    x.iter_mut().for_each(|x| *x *= scale);

    let shift = random.below(config.max_translation as u32) as usize;
    x.rotate_right(shift);

    let smooth: Vec<f64> = x
        .iter()
        .map(|_| config.corr_noise_scale * random.randn())
        .collect();
    let smooth = gaussian_filter(&smooth);

    for (x, noise) in x.iter_mut().zip(smooth) {
        *x = if *x == 0.0 { noise } else { *x };
    }

    x.iter_mut()
        .for_each(|x| *x += config.iid_noise_scale * random.randn());

    let shear = config.shear_scale * (random.rand() - 0.5);
    let ramp = linspace(-0.5, 0.5, x.len());
    let x: Vec<f64> = x.iter().zip(ramp).map(|(x, r)| x - shear * r).collect();

    interpolate(&x, config.final_seq_length)
}

/// NumPy's `linspace`: the last point is exactly `stop`.
fn linspace(start: f64, stop: f64, n: usize) -> Vec<f64> {
    let step = (stop - start) / (n - 1) as f64;

    (0..n)
        .map(|i| {
            if i == n - 1 {
                stop
            } else {
                start + i as f64 * step
            }
        })
        .collect()
}

/// `n` points of the straight-line interpolation of `y`, end to end.
fn interpolate(y: &[f64], n: usize) -> Vec<f64> {
    let grid = linspace(0.0, 1.0, y.len());

    let at = |x: f64| {
        let right = grid.partition_point(|&g| g <= x).min(y.len() - 1);
        let left = right - 1;
        if x == grid[left] {
            return y[left];
        }

        if x >= grid[right] {
            return y[right];
        }

        (y[right] - y[left]) / (grid[right] - grid[left]) * (x - grid[left]) + y[left]
    };

    linspace(0.0, 1.0, n).into_iter().map(at).collect()
}

/// A Gaussian blur with standard deviation 2, cut at 4 standard deviations, the ends mirrored.
fn gaussian_filter(x: &[f64]) -> Vec<f64> {
    const RADIUS: i64 = 8;

    let weight = |d: i64| Real::exp(-((d * d) as f64) / 8.0);
    let total: f64 = (-RADIUS..=RADIUS).map(weight).sum();
    let n = x.len() as i64;
    let mirrored = |i: i64| {
        let i = i.rem_euclid(2 * n);
        x[if i < n { i } else { 2 * n - 1 - i } as usize]
    };

    let blurred = |i: i64| {
        (-RADIUS..=RADIUS)
            .map(|d| weight(d) / total * mirrored(i + d))
            .sum()
    };

    (0..n).map(blurred).collect()
}

impl Dataset {
    /// MNIST-1D; the default configuration gives the canonical data set.
    ///
    /// # Errors
    /// If an argument is impossible.
    pub fn mnist1d(config: &Mnist1dConfig) -> Result<Dataset> {
        let generated = generate(config)?;
        let rows = generated.train_rows;
        let at = rows * config.final_seq_length;
        let classes = |labels: &[u16]| Targets::Classes {
            labels: labels.to_vec(),
            classes: CLASSES,
        };

        Ok(Dataset {
            name: "mnist1d".into(),
            x: generated.x[..at].to_vec(),
            x_test: generated.x[at..].to_vec(),
            features: config.final_seq_length,
            target: classes(&generated.y[..rows]),
            target_test: classes(&generated.y[rows..]),
        })
    }
}

/// The archive of `ldnn data mnist1d`: `x`, `y`, `x_test`, `y_test`, `t`.
///
/// # Errors
/// If an argument is impossible.
pub fn mnist1d_npz(config: &Mnist1dConfig) -> Result<Vec<u8>> {
    let generated = generate(config)?;
    let (n, rows) = (config.final_seq_length, generated.train_rows);
    let labels = |y: &[u16]| NpyArray::labels(y.iter().map(|&l| i64::from(l)).collect());
    let (x, x_test) = generated.x.split_at(rows * n);
    let (y, y_test) = generated.y.split_at(rows);

    Ok(npz::write(&[
        ("x", NpyArray::matrix(x.to_vec(), n)),
        ("y", labels(y)),
        ("x_test", NpyArray::matrix(x_test.to_vec(), n)),
        ("y_test", labels(y_test)),
        ("t", NpyArray::vector(generated.t)),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    /// Facts about the canonical data set (`mnist1d` 0.0.2.post1, default arguments).
    #[test]
    fn the_default_data_set_is_the_canonical_one() {
        let generated = generate(&Mnist1dConfig::default()).unwrap();
        assert_eq!(
            (generated.train_rows, generated.y.len(), generated.x.len()),
            (4000, 5000, 200_000)
        );

        let count = |y: &[u16]| {
            (0..10)
                .map(|c| y.iter().filter(|&&l| l == c).count())
                .collect::<Vec<_>>()
        };

        assert_eq!(count(&generated.y), [500; 10]);

        let train = count(&generated.y[..4000]);
        assert_eq!(
            (train.iter().min(), train.iter().max()),
            (Some(&394), Some(&411))
        );

        let (mean, sd) = moments(&generated.x[..160_000]);
        // Three printed digits.
        assert_abs_diff_eq!(mean, -0.0003, epsilon = 5e-5);
        assert_abs_diff_eq!(sd, 0.998, epsilon = 5e-4);

        let low = generated.x.iter().copied().fold(f64::MAX, f64::min);
        assert_abs_diff_eq!(low, -5.48, epsilon = 5e-3);
    }

    #[test]
    fn impossible_arguments_are_refused_by_name() {
        let refused = |change: fn(&mut Mnist1dConfig)| {
            let mut config = Mnist1dConfig::default();
            change(&mut config);
            generate(&config)
                .err()
                .map(|e| e.to_string())
                .unwrap_or_default()
        };

        assert!(refused(|c| c.num_samples = 3).contains("`num_samples` 3"));
        assert!(refused(|c| c.padding = vec![9, 3]).contains("`padding` 9 3"));
        assert!(refused(|c| c.max_translation = 0).contains("`max_translation`"));
        assert!(refused(|c| c.shear_scale = f64::NAN).contains("`shear_scale`"));
        assert!(refused(|c| c.train_split = 1.5).contains("`train_split`"));
    }
}
