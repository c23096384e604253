//! Fig. 5: learning the step of a dynamical system (van der Pol), and forecasting with it:
//! predictions are fed back, and the closed-loop orbit is held against the true one.

use super::comparison::{ArmComparison, claims};
use crate::data::task::{ExampleTargets, Examples, Task};
use crate::model::Network;
use crate::report::plot::{self, Band, Labels, Spread};
use crate::report::stats::quantile;
use crate::report::{ReportTable, Section, short};
use crate::run::RunFolder;
use crate::support::progress::Output;
use crate::train::{
    Arm, Hyperparameters, Metric, Probed, SeededActivations, ValidateConfig, by_activation, csv_of,
    of_each, train_and_probe,
};
use anyhow::{Result, ensure};
use ldnn_core::network::{Pass, Workspace};
use serde::{Deserialize, Serialize};

/// Which networks forecast how far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct ForecastConfig {
    /// The ensembles.
    #[arg(skip)]
    pub ensemble: ValidateConfig,

    /// Rows of the test part that follow each other on one orbit
    #[arg(long, value_name = "ROWS")]
    pub orbit: usize,

    /// Time between a state and the next
    #[arg(long, value_name = "X")]
    pub dt: f64,

    /// A forecast is valid until its error passes so many standard deviations of the states
    #[arg(long, value_name = "X")]
    pub valid: f64,
}

impl Default for ForecastConfig {
    fn default() -> Self {
        ForecastConfig {
            ensemble: ValidateConfig::default(),
            orbit: 125,
            dt: 0.1,
            valid: 0.4,
        }
    }
}

impl ForecastConfig {
    /// # Errors
    /// With field, value and remedy, if the task is none of states that follow each other.
    pub fn check(&self, task: &Task) -> Result<()> {
        ensure!(
            !task.is_classification() && task.inputs == task.outputs,
            "`task` {}: a forecast needs a task whose targets are the next inputs, e.g. vanderpol",
            task.name
        );

        let rows = task.test.rows();

        ensure!(
            self.orbit > 0 && rows.is_multiple_of(self.orbit),
            "`orbit` {}: the {rows} test rows must be whole orbits of so many rows, e.g. 125 for vanderpol",
            self.orbit
        );

        let good = self.dt.is_finite() && self.dt > 0.0;

        ensure!(
            good,
            "`dt` {}: must be a positive number, e.g. 0.1",
            self.dt
        );

        ensure!(
            self.valid > 0.0,
            "`valid` {}: must be a positive number, e.g. 0.4",
            self.valid
        );

        Ok(())
    }
}

/// A network's forecasts of the test orbits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// Root of the mean squared error of the state, over orbits, after 1, 2, ... steps.
    pub error: Vec<f64>,
    /// Steps until the error of an orbit passes the bound, mean over orbits.
    pub valid_steps: f64,
    /// The forecast of the first test orbit, steps x outputs; a number that is not finite ends it.
    pub orbit: Vec<f32>,
}

/// Feeds a network's outputs back as inputs, from the first state of every orbit of `set`.
///
/// # Errors
/// If network and set do not fit together.
pub fn forecast(network: &Network, set: &Examples, config: &ForecastConfig) -> Result<Forecast> {
    let n = network.shape.outputs();
    let ExampleTargets::Values(truth) = &set.target else {
        anyhow::bail!("a forecast needs values as targets")
    };
    let orbits = set.rows() / config.orbit;
    let first = |o: usize| &set.x[o * config.orbit * n..][..n];
    let mut state: Vec<f32> = (0..orbits).flat_map(|o| first(o).to_vec()).collect();
    let mut next = vec![0.0; state.len()];

    let mut memory = vec![0.0; network.shape.workspace_len(orbits, Pass::Forward)];
    let mut workspace = Workspace::new(&network.shape, orbits, Pass::Forward, &mut memory)?;
    let view = network.view()?;
    let (mut error, mut valid, mut orbit) = (Vec::new(), vec![None; orbits], Vec::new());

    for step in 0..config.orbit {
        view.predict(&state, &mut next, &mut workspace)?;
        std::mem::swap(&mut state, &mut next);

        let distance = |o: usize| {
            let true_state = &truth[(o * config.orbit + step) * n..][..n];
            let own = state[o * n..][..n].iter().zip(true_state);
            own.map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>() / n as f64
        };

        let squares: Vec<f64> = (0..orbits).map(distance).collect();
        for (valid, square) in valid.iter_mut().zip(&squares) {
            if valid.is_none()
                && square.sqrt().partial_cmp(&config.valid) != Some(std::cmp::Ordering::Less)
            {
                *valid = Some(step);
            }
        }

        // JSON has no infinity: what has left every bound is held at a large number.
        error.push(
            (squares.iter().sum::<f64>() / orbits as f64)
                .sqrt()
                .min(1e6),
        );

        if state[..n].iter().all(|v| v.is_finite()) && orbit.len() == step * n {
            orbit.extend(&state[..n]);
        }
    }

    let steps = valid
        .iter()
        .map(|v| v.unwrap_or(config.orbit) as f64)
        .sum::<f64>();

    Ok(Forecast {
        error,
        valid_steps: steps / orbits as f64,
        orbit,
    })
}

/// Trains the ensembles, compares their losses, and lets each network forecast.
///
/// # Errors
/// If a setting is impossible, a file cannot be written, or the user stops it.
pub fn run(
    config: &ForecastConfig,
    task: &Task,
    learned: &[SeededActivations],
    chosen: Option<&[Hyperparameters]>,
    folder: &RunFolder,
    output: Output,
) -> Result<Section> {
    config.check(task)?;

    let (how, name, start) = match chosen {
        None => ("at equal training", "equal", "At equal training, "),
        Some(_) => (
            "each at its best learning rate and epoch",
            "best",
            "Each at its best, ",
        ),
    };

    let probe = |network: &Network, _: &_| forecast(network, &task.test, config);

    let (arms, all) = train_and_probe(
        &config.ensemble,
        task,
        learned,
        chosen,
        (folder, name, output),
        probe,
    )?;

    let trainings: Vec<_> = all.iter().map(|l| l.training.clone()).collect();
    folder.write(&format!("{name}.csv"), csv_of(&trainings))?;

    let mut section = Section::new(format!("Regression and forecast: {}", task.name));
    let log_loss =
        |l: &Probed<Forecast>| l.training.curve.evaluation_loss.last().map(|l| l.log10());
    let losses = of_each(&arms, &all, log_loss);
    let groups: Vec<plot::NamedSample> = by_activation(&arms, &losses)
        .into_iter()
        .map(|(name, values)| plot::NamedSample { name, values })
        .collect();
    let violins = plot::violins(how, "log10 of the test loss", &groups);

    section.draw(
        folder,
        &format!("{name}-violins"),
        &violins,
        &format!("Test loss (mean squared error), {how}"),
    )?;

    let condition = |unit: &str, values| ArmComparison {
        unit: unit.into(),
        ..ArmComparison::of(Metric::Loss, "", &arms, values)
    };
    let loss = condition("decades of loss", losses);

    draw_orbits(&mut section, task, config, &arms, &all, folder, name)?;
    draw_errors(&mut section, config, &arms, &all, folder, name)?;

    let valid = ArmComparison {
        more: true,
        ..condition(
            "time units",
            of_each(&arms, &all, |l| {
                Some(l.value.as_ref()?.valid_steps * config.dt)
            }),
        )
    };

    let mut table = ReportTable::new(
        format!(
            "test loss and time until the forecast's error passes {} standard deviations, {how}",
            config.valid
        ),
        &[
            "activation",
            "n",
            "median test loss",
            "mean valid time",
            "error after one step",
            "error at the end, median",
        ],
    );

    let value = |f: &dyn Fn(&Forecast) -> f64| of_each(&arms, &all, |l| l.value.as_ref().map(f));
    let (one, end) = (
        value(&|f| f.error[0]),
        value(&|f| f.error[f.error.len() - 1]),
    );

    let median = |values: &[Vec<f64>], k: usize| {
        let mut sorted = by_activation(&arms, values)[k].1.clone();
        sorted.sort_by(f64::total_cmp);
        quantile(&sorted, 0.5)
    };

    for (k, (activation, times)) in by_activation(&arms, &valid.values).into_iter().enumerate() {
        table.row([
            activation,
            times.len().to_string(),
            short(10f64.powf(median(&loss.values, k))),
            short(crate::report::stats::mean(&times)),
            short(median(&one, k)),
            short(median(&end, k)),
        ]);
    }

    section.tabulate(folder, &format!("{name}-forecasts"), table)?;
    section.claims = claims(start, "has a lower regression loss than", &[loss]);
    section
        .claims
        .extend(claims(start, "forecasts longer than", &[valid]));
    section.save(folder)?;

    Ok(section)
}

/// The networks of an activation, the one with the median valid time marked by being the only one.
fn median_network<'a>(
    arms: &[Arm],
    all: &'a [Probed<Forecast>],
    activation: &str,
) -> Option<&'a Forecast> {
    let own = |l: &&Probed<Forecast>| {
        arms.iter()
            .any(|e| e.activation == activation && e.choice.name == l.training.activation)
    };

    let mut found: Vec<&Forecast> = all
        .iter()
        .filter(own)
        .filter_map(|l| l.value.as_ref())
        .collect();

    found.sort_by(|a, b| a.valid_steps.total_cmp(&b.valid_steps));
    found.get(found.len() / 2).copied()
}

fn activations(arms: &[Arm]) -> Vec<String> {
    let mut activations: Vec<String> = Vec::new();
    for e in arms {
        if !activations.contains(&e.activation) {
            activations.push(e.activation.clone());
        }
    }
    activations
}

fn draw_orbits(
    section: &mut Section,
    task: &Task,
    config: &ForecastConfig,
    arms: &[Arm],
    all: &[Probed<Forecast>],
    folder: &RunFolder,
    name: &str,
) -> Result<()> {
    let n = task.outputs;
    if n < 2 {
        return Ok(());
    }

    let ExampleTargets::Values(truth) = &task.test.target else {
        return Ok(());
    };
    let line = |name: &str, states: &[f32]| {
        let column = |c: usize| states.chunks_exact(n).map(|s| f64::from(s[c])).collect();
        Band::line(name, column(0), column(1))
    };
    let mut lines = vec![line("true orbit", &truth[..config.orbit * n])];

    for activation in activations(arms) {
        if let Some(f) = median_network(arms, all, &activation) {
            lines.push(line(&activation, &f.orbit));
        }
    }

    let labels = Labels {
        title: "closed-loop forecast of the first test orbit",
        x: "position / standard deviation",
        y: "velocity / standard deviation",
    };

    let drawing = plot::scaled_curves(labels, (Spread::Linear, Spread::Linear), &lines);
    let caption =
        "Phase plane: forecast by the network of each activation with the median valid time";
    section.draw(folder, &format!("{name}-orbits"), &drawing, caption)
}

fn draw_errors(
    section: &mut Section,
    config: &ForecastConfig,
    arms: &[Arm],
    all: &[Probed<Forecast>],
    folder: &RunFolder,
    name: &str,
) -> Result<()> {
    let time: Vec<f64> = (1..=config.orbit).map(|s| s as f64 * config.dt).collect();

    let line = |activation: String| {
        let own = |e: &&Arm| e.activation == activation;

        let names: Vec<&str> = arms
            .iter()
            .filter(own)
            .map(|e| e.choice.name.as_str())
            .collect();

        let found: Vec<&Forecast> = all
            .iter()
            .filter(|l| names.contains(&l.training.activation.as_str()))
            .filter_map(|l| l.value.as_ref())
            .collect();

        let median = |step: usize| {
            let mut at: Vec<f64> = found.iter().map(|f| f.error[step]).collect();
            at.sort_by(f64::total_cmp);
            quantile(&at, 0.5)
        };

        Band::line(
            activation.clone(),
            time.clone(),
            (0..config.orbit).map(median).collect(),
        )
    };

    let lines: Vec<Band> = activations(arms).into_iter().map(line).collect();

    let labels = Labels {
        title: "error of the forecast",
        x: "time",
        y: "RMS error / standard deviation",
    };

    let drawing = plot::scaled_curves(labels, (Spread::Linear, Spread::Log), &lines);

    section.draw(
        folder,
        &format!("{name}-errors"),
        &drawing,
        "Error against horizon, median over networks",
    )
}
