//! Orbits of the van der Pol oscillator, `x'' - mu (1 - x^2) x' + x = 0`.

use super::npz::{self, NpyArray};
use super::numpy_random::NumpyRandom;
use super::{Dataset, Targets};
use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// The arguments of the generator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct VanDerPolConfig {
    /// Strength of the nonlinear damping
    #[arg(long)]
    pub mu: f64,
    /// Time between a state and the next
    #[arg(long)]
    pub dt: f64,
    /// Orbits in all, each from a random state
    #[arg(long)]
    pub orbits: usize,
    /// Orbits for the test part, the last ones
    #[arg(long)]
    pub test_orbits: usize,
    /// Pairs of states per orbit
    #[arg(long)]
    pub steps: usize,
    /// First states are uniform in [-range, range]^2
    #[arg(long)]
    pub range: f64,
    /// Seed of the first states
    #[arg(long)]
    pub seed: u32,
}

impl Default for VanDerPolConfig {
    fn default() -> Self {
        VanDerPolConfig {
            mu: 2.7,
            dt: 0.1,
            orbits: 40,
            test_orbits: 8,
            steps: 125,
            range: 3.0,
            seed: 42,
        }
    }
}

impl VanDerPolConfig {
    fn check(&self) -> Result<()> {
        ensure!(
            (0.0..=50.0).contains(&self.mu),
            "`mu` {}: must be in [0, 50]",
            self.mu
        );

        ensure!(
            self.dt > 0.0 && self.dt <= 1.0,
            "`dt` {}: must be above 0 and at most 1",
            self.dt
        );

        let (orbits, test) = (self.orbits, self.test_orbits);
        ensure!(
            (2..=100_000).contains(&orbits),
            "`orbits` {orbits}: must be in 2 to 100000"
        );

        ensure!(
            (1..orbits).contains(&test),
            "`test_orbits` {test}: must be in 1 to {}",
            orbits - 1
        );

        ensure!(
            (1..=1_000_000).contains(&self.steps),
            "`steps` {}: must be in 1 to 1000000",
            self.steps
        );

        ensure!(
            self.range > 0.0 && self.range <= 10.0,
            "`range` {}: must be above 0 and at most 10",
            self.range
        );

        Ok(())
    }
}

/// Pairs of states, (position, velocity) per row.
pub struct Orbits {
    pub x: Vec<f64>,
    pub y: Vec<f64>,
    pub x_test: Vec<f64>,
    pub y_test: Vec<f64>,
}

/// Integrates all orbits; training and test part share none.
pub fn generate(config: &VanDerPolConfig) -> Result<Orbits> {
    config.check()?;

    let mut random = NumpyRandom::seed(config.seed);
    let substeps = config.substeps();

    let mut orbits = Orbits {
        x: vec![],
        y: vec![],
        x_test: vec![],
        y_test: vec![],
    };

    for orbit in 0..config.orbits {
        let test = orbit >= config.orbits - config.test_orbits;
        let (x, y) = if test {
            (&mut orbits.x_test, &mut orbits.y_test)
        } else {
            (&mut orbits.x, &mut orbits.y)
        };

        let mut state = [0.0; 2].map(|_: f64| config.range * (2.0 * random.rand() - 1.0));

        for _ in 0..config.steps {
            x.extend(state);
            state = advance(config.mu, state, config.dt, substeps);
            y.extend(state);
        }
    }

    Ok(orbits)
}

impl VanDerPolConfig {
    /// Runge-Kutta steps in one `dt`: their length follows the fastest rate of change, about
    /// `mu (1 + x^2)` at the largest `x` of an orbit. With the default arguments the error of a
    /// `dt` is below 1e-10 (see the test, which compares with steps of a quarter).
    fn substeps(&self) -> usize {
        const SHARE: f64 = 0.0125;
        // Orbits that start further inside reach the limit cycle, whose amplitude is about 2.
        let largest = self.range.max(2.1);
        (self.dt * (1.0 + self.mu * (1.0 + largest * largest)) / SHARE).ceil() as usize
    }
}

/// The state after `dt`, by the classical fourth-order Runge-Kutta method.
fn advance(mu: f64, mut state: [f64; 2], dt: f64, substeps: usize) -> [f64; 2] {
    let h = dt / substeps as f64;
    let rate = |[x, v]: [f64; 2]| [v, mu * (1.0 - x * x) * v - x];
    let along = |[x, v]: [f64; 2], [dx, dv]: [f64; 2], h: f64| [x + h * dx, v + h * dv];

    for _ in 0..substeps {
        let a = rate(state);
        let b = rate(along(state, a, h / 2.0));
        let c = rate(along(state, b, h / 2.0));
        let d = rate(along(state, c, h));
        let slope = [0, 1].map(|i| (a[i] + 2.0 * b[i] + 2.0 * c[i] + d[i]) / 6.0);
        state = along(state, slope, h);
    }

    state
}

/// Mean and standard deviation of each column.
pub struct StateScale([(f64, f64); 2]);

impl StateScale {
    /// Those of pairs of numbers.
    pub fn of(x: &[f64]) -> StateScale {
        StateScale([0, 1].map(|c| {
            let column = || x.iter().skip(c).step_by(2);
            let n = column().count() as f64;
            let mean = column().sum::<f64>() / n;

            (
                mean,
                (column().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n).sqrt(),
            )
        }))
    }

    /// The numbers with mean subtracted, divided by the standard deviation.
    pub fn apply(&self, x: &[f64]) -> Vec<f64> {
        x.iter()
            .enumerate()
            .map(|(i, v)| (v - self.0[i % 2].0) / self.0[i % 2].1)
            .collect()
    }
}

impl Dataset {
    /// One step of the van der Pol oscillator: state now to state after `dt`, both standardised
    /// with mean and standard deviation of the training inputs.
    ///
    /// # Errors
    /// If an argument is impossible.
    pub fn vanderpol(config: &VanDerPolConfig) -> Result<Dataset> {
        let generated = generate(config)?;
        let scale = StateScale::of(&generated.x);
        let values = |v: &[f64]| Targets::Values {
            values: scale.apply(v),
            width: 2,
        };

        Ok(Dataset {
            name: "vanderpol".into(),
            x: scale.apply(&generated.x),
            x_test: scale.apply(&generated.x_test),
            features: 2,
            target: values(&generated.y),
            target_test: values(&generated.y_test),
        })
    }
}

/// The archive of `ldnn data vanderpol`: `x`, `y`, `x_test`, `y_test` (not standardised) and the
/// times `t` of an orbit.
///
/// # Errors
/// If an argument is impossible.
pub fn vanderpol_npz(config: &VanDerPolConfig) -> Result<Vec<u8>> {
    let generated = generate(config)?;

    Ok(npz::write(&[
        ("x", NpyArray::matrix(generated.x, 2)),
        ("y", NpyArray::matrix(generated.y, 2)),
        ("x_test", NpyArray::matrix(generated.x_test, 2)),
        ("y_test", NpyArray::matrix(generated.y_test, 2)),
        (
            "t",
            NpyArray::vector((0..=config.steps).map(|i| i as f64 * config.dt).collect()),
        ),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    /// The largest difference to steps of a quarter.
    fn error(config: &VanDerPolConfig) -> f64 {
        let orbits = generate(config).unwrap();
        let tight = |x: &[f64]| advance(config.mu, [x[0], x[1]], config.dt, 4 * config.substeps());
        let pairs = orbits.x.chunks(2).zip(orbits.y.chunks(2));
        pairs
            .map(|(x, y)| (tight(x)[0] - y[0]).abs().max((tight(x)[1] - y[1]).abs()))
            .fold(0.0, f64::max)
    }

    #[test]
    fn the_integrator_agrees_with_a_tighter_one() {
        let default = VanDerPolConfig::default();
        assert!(error(&default) < 1e-10, "{:e}", error(&default));

        let stiff = VanDerPolConfig {
            mu: 20.0,
            dt: 0.5,
            range: 5.0,
            orbits: 3,
            test_orbits: 1,
            steps: 20,
            ..default
        };

        assert!(error(&stiff) < 1e-6, "{:e}", error(&stiff));
    }

    #[test]
    fn training_and_test_orbits_are_those_asked_for() {
        let orbits = generate(&VanDerPolConfig::default()).unwrap();
        assert_eq!((orbits.x.len(), orbits.x_test.len()), (8000, 2000));
    }

    #[test]
    fn the_harmonic_oscillator_turns_in_a_circle() {
        let [x, v] = advance(0.0, [1.0, 0.0], 1.0, 200);
        assert_abs_diff_eq!(x, 1f64.cos(), epsilon = 1e-10);
        assert_abs_diff_eq!(v, -1f64.sin(), epsilon = 1e-10);
    }
}
