//! The Hessian of trained networks: the paper's two orderings, of traces and of near-zero
//! fractions.

use super::comparison::ArmComparison;
use crate::data::npz::{NpyArray, npy};
use crate::data::task::{Examples, Task};
use crate::lab::analysis::point::Point;
use crate::lab::analysis::spectrum::{Parameters, Spectrum, SpectrumConfig, spectrum, thresholds};
use crate::model::Network;
use crate::report::plot::{self, Band, Labels, Spread};
use crate::report::stats::{Summary, mean};
use crate::report::{Claim, ReportTable, Section, short};
use crate::run::RunFolder;
use crate::support::progress::Output;
use crate::train::{
    Arm, Hyperparameters, Probed, SeededActivations, Training, ValidateConfig, by_activation,
    of_each, train_and_probe,
};
use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// Which networks are analyzed, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HessianConfig {
    /// The ensembles.
    pub ensemble: ValidateConfig,
    /// Their spectra.
    pub spectrum: SpectrumConfig,
}

/// The figures of one Hessian.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Number of parameters.
    pub parameters: usize,
    /// Whether all eigenvalues were found.
    pub exact: bool,
    /// The trace.
    pub trace: f64,
    /// The trace as the sum of eigenvalues (or of Lanczos nodes).
    pub trace_of_spectrum: f64,
    /// Hutchinson's estimate with its standard error.
    pub hutchinson: Option<(f64, f64)>,
    /// `sum theta^2 H_ii`.
    pub scaled_trace: Option<f64>,
    /// f at each of [`thresholds`].
    pub near_zero: Vec<f64>,
    /// f at the same thresholds times the largest eigenvalue.
    pub near_zero_relative: Vec<f64>,
    /// Shares below minus, within, and above the threshold of the settings.
    pub signs: [f64; 3],
    /// The largest eigenvalues.
    pub top: Vec<f64>,
    /// The smallest eigenvalue.
    pub smallest: f64,
    /// The training loss there.
    pub loss: f64,
    /// The norm of its gradient.
    pub gradient_norm: f64,
    /// The spectral density: bins of equal width on the axis `asinh(eigenvalue / 1e-3)`, and the
    /// share in each.
    pub density: Vec<f64>,
}

/// Bins of a spectral density.
const BINS: usize = 80;
/// The density's axis runs over `asinh(l / LINEAR)`, equal steps below this and equal factors above
/// it.
const LINEAR: f64 = 1e-3;
/// It ends at these eigenvalues; what lies beyond counts in the last bin.
const ENDS: (f64, f64) = (-10.0, 1000.0);

fn bin_of(eigenvalue: f64) -> usize {
    let [low, high, at] = [ENDS.0, ENDS.1, eigenvalue].map(|l| (l / LINEAR).asinh());
    ((at - low) / (high - low) * BINS as f64).clamp(0.0, BINS as f64 - 1.0) as usize
}

impl Figures {
    /// Of a spectrum.
    #[must_use]
    pub fn of(s: &Spectrum, config: &SpectrumConfig) -> Figures {
        let at = thresholds();
        let relative: Vec<f64> = at.iter().map(|t| t * s.largest()).collect();
        let mut density = vec![0.0; BINS];
        s.density
            .points
            .iter()
            .for_each(|(value, share)| density[bin_of(*value)] += share);

        Figures {
            parameters: s.parameters,
            exact: s.eigenvalues.is_some(),
            trace: s.trace,
            trace_of_spectrum: s.density.mean() * s.parameters as f64,
            hutchinson: s.hutchinson.map(|e| (e.value, e.standard_error)),
            scaled_trace: s.scaled_trace,
            near_zero: s.near_zero_curve(&at),
            near_zero_relative: s.near_zero_curve(&relative),
            signs: s.signs(config.near_zero),
            top: s.top(5),
            smallest: s.smallest(),
            loss: s.loss,
            gradient_norm: s.gradient_norm,
            density,
        }
    }

    /// f at the threshold nearest to `threshold`.
    fn near_zero_at(&self, threshold: f64, relative: bool) -> f64 {
        let distance = |t: f64| (t.ln() - threshold.ln()).abs();
        let at = thresholds();
        let nearest = (0..at.len()).min_by(|&a, &b| distance(at[a]).total_cmp(&distance(at[b])));

        nearest.map_or(f64::NAN, |i| {
            if relative {
                self.near_zero_relative[i]
            } else {
                self.near_zero[i]
            }
        })
    }
}

/// Looks at one network, writes its eigenvalues and pictures, and says what was found.
///
/// # Errors
/// If network and data do not fit together, or a file cannot be written.
pub fn one(
    network: &Network,
    set: &Examples,
    config: &SpectrumConfig,
    folder: &RunFolder,
) -> Result<Section> {
    let s = spectrum(&Point::new(network.shape, &network.params, set), config)?;
    write_eigenvalues(&s, folder, "eigenvalues")?;
    let mut section = Section::new("The Hessian of a network");
    let all = [("network".to_string(), vec![Figures::of(&s, config)])];
    describe(&mut section, &all, config, folder, "spectrum")?;
    section.save(folder)?;

    Ok(section)
}

/// Eigenvalues as `name.npy` and `name.csv`: all of them, or Lanczos' nodes with their weights.
fn write_eigenvalues(s: &Spectrum, folder: &RunFolder, name: &str) -> Result<()> {
    let points = &s.density.points;
    let values: Vec<f64> = points.iter().map(|p| p.0).collect();
    folder.write(&format!("{name}.npy"), npy(&NpyArray::vector(values)))?;
    let lines: String = points.iter().map(|(v, w)| format!("{v},{w}\n")).collect();

    folder.write(
        &format!("{name}.csv"),
        format!("eigenvalue,weight\n{lines}"),
    )
}

/// Trains the ensembles and compares their Hessians on all training rows.
///
/// # Errors
/// If a setting is impossible, a file cannot be written, or the user stops it.
pub fn run(
    config: &HessianConfig,
    task: &Task,
    learned: &[SeededActivations],
    chosen: Option<&[Hyperparameters]>,
    folder: &RunFolder,
    output: Output,
) -> Result<Section> {
    config.spectrum.check()?;

    let (how, name) = match chosen {
        None => ("at equal training", "equal"),
        Some(_) => ("each at its best learning rate and epoch", "best"),
    };

    let probe = |network: &Network, training: &Training| {
        let s = spectrum(
            &Point::new(network.shape, &network.params, &task.train),
            &config.spectrum,
        )?;

        write_eigenvalues(
            &s,
            folder,
            &format!(
                "{name}-eigenvalues-{}-{}",
                training.activation, training.seed
            ),
        )?;

        Ok(Figures::of(&s, &config.spectrum))
    };

    let (arms, all) = train_and_probe(
        &config.ensemble,
        task,
        learned,
        chosen,
        (folder, name, output),
        probe,
    )?;

    let mut section = Section::new("The Hessian at the end of training");
    let mut activations: Vec<(String, Vec<Figures>)> = Vec::new();

    for e in &arms {
        let own = all
            .iter()
            .filter(|l| l.training.activation == e.choice.name)
            .filter_map(|l| l.value.clone());

        match activations.iter_mut().find(|(k, _)| *k == e.activation) {
            Some((_, figures)) => figures.extend(own),
            None => activations.push((e.activation.clone(), own.collect())),
        }
    }

    activations.retain(|(_, figures)| !figures.is_empty());
    ensure!(
        !activations.is_empty(),
        "every training diverged, so there is no Hessian to analyze; use a smaller `lr`"
    );

    section.text.push(format!(
        "{how}, on all {} training rows.",
        task.train.rows()
    ));
    describe(&mut section, &activations, &config.spectrum, folder, name)?;

    let start = if chosen.is_some() {
        "Each at its best, "
    } else {
        "At equal training, "
    };

    section.claims = orderings(start, &arms, &all);
    section.text.extend(order_in_words(&arms, &all));
    section.save(folder)?;

    Ok(section)
}

/// Tables and pictures of the figures of each activation.
fn describe(
    section: &mut Section,
    activations: &[(String, Vec<Figures>)],
    config: &SpectrumConfig,
    folder: &RunFolder,
    name: &str,
) -> Result<()> {
    let first = &activations[0].1[0];
    let which = match config.parameters {
        Parameters::Theta => "weights and biases (theta), the activations held fixed",
        Parameters::Joint => "weights, biases and activation parameters (joint)",
    };

    let method = if first.exact {
        "all eigenvalues (exact)"
    } else {
        "stochastic Lanczos quadrature"
    };

    section.text.push(format!(
        "Parameters: {} {which}. Method: {method}.",
        first.parameters
    ));

    section.tabulate(
        folder,
        &format!("{name}-hessians"),
        figure_table(activations, config),
    )?;

    let mean_of = |figures: &[Figures], f: &dyn Fn(&Figures) -> &Vec<f64>| -> Vec<f64> {
        (0..f(&figures[0]).len())
            .map(|i| mean(&figures.iter().map(|g| f(g)[i]).collect::<Vec<_>>()))
            .collect()
    };

    let centre = |i: usize| {
        let [low, high] = [ENDS.0, ENDS.1].map(|l| (l / LINEAR).asinh());
        LINEAR * (low + (high - low) * (i as f64 + 0.5) / BINS as f64).sinh()
    };

    let densities: Vec<Band> = activations
        .iter()
        .map(|(activation, f)| {
            Band::line(
                activation,
                (0..BINS).map(centre).collect(),
                mean_of(f, &|g| &g.density),
            )
        })
        .collect();

    let labels = Labels {
        title: "spectral density",
        x: "eigenvalue (equal factors beyond ±0.001)",
        y: "share of eigenvalues in a bin",
    };

    let drawing = plot::scaled_curves(labels, (Spread::Asinh, Spread::Log), &densities);

    section.draw(
        folder,
        &format!("{name}-density"),
        &drawing,
        "Spectral density of the Hessian, mean over networks",
    )?;

    for (relative, title, x) in [
        (false, "near-zero fraction f", "threshold on |eigenvalue|"),
        (
            true,
            "near-zero fraction f, relative",
            "threshold on |eigenvalue| / largest eigenvalue",
        ),
    ] {
        let of = |g: &Figures| {
            if relative {
                g.near_zero_relative.clone()
            } else {
                g.near_zero.clone()
            }
        };

        let lines: Vec<Band> = activations
            .iter()
            .map(|(activation, f)| {
                let all: Vec<Vec<f64>> = f.iter().map(of).collect();
                let mean_at = |i: usize| mean(&all.iter().map(|v| v[i]).collect::<Vec<_>>());

                Band::line(
                    activation,
                    thresholds(),
                    (0..thresholds().len()).map(mean_at).collect(),
                )
            })
            .collect();

        let labels = Labels { title, x, y: "f" };
        let file = format!(
            "{name}-near-zero{}",
            if relative { "-relative" } else { "" }
        );
        let drawing = plot::scaled_curves(labels, (Spread::Log, Spread::Linear), &lines);

        section.draw(
            folder,
            &file,
            &drawing,
            &format!("{title} against the threshold, mean over networks"),
        )?;
    }

    Ok(())
}

fn figure_table(activations: &[(String, Vec<Figures>)], config: &SpectrumConfig) -> ReportTable {
    let f = format!("f(|l| < {})", config.near_zero);

    let head = [
        "activation",
        "n",
        "trace",
        "sum of spectrum",
        "Hutchinson ± s.e.",
        "scaled trace",
        "negative",
        &f,
        "positive",
        "largest five",
        "smallest",
        "loss",
        "|gradient|",
    ];

    let mut table = ReportTable::new(
        "Hessians, means over networks (± is the 95 % interval over networks)",
        &head,
    );

    for (activation, figures) in activations {
        let of =
            |f: &dyn Fn(&Figures) -> f64| Summary::of(&figures.iter().map(f).collect::<Vec<_>>());
        let trace = of(&|g| g.trace);
        let with = |s: Summary| match s.half_width.is_finite() {
            true => format!("{} ± {}", short(s.mean), short(s.half_width)),
            false => short(s.mean),
        };

        let estimate = figures[0].hutchinson.map(|_| {
            let (value, error) = (
                of(&|g| g.hutchinson.map_or(f64::NAN, |h| h.0)),
                of(&|g| g.hutchinson.map_or(f64::NAN, |h| h.1)),
            );

            format!(
                "{} ± {}",
                short(value.mean),
                short(error.mean / (figures.len() as f64).sqrt())
            )
        });

        let top = (0..figures[0].top.len())
            .map(|i| short(of(&|g| g.top[i]).mean))
            .collect::<Vec<_>>()
            .join(", ");

        table.row([
            activation.clone(),
            figures.len().to_string(),
            with(trace),
            short(of(&|g| g.trace_of_spectrum).mean),
            estimate.unwrap_or_default(),
            figures[0].scaled_trace.map_or(String::new(), |_| {
                with(of(&|g| g.scaled_trace.unwrap_or(f64::NAN)))
            }),
            format!("{:.3}", of(&|g| g.signs[0]).mean),
            format!("{:.3}", of(&|g| g.signs[1]).mean),
            format!("{:.3}", of(&|g| g.signs[2]).mean),
            top,
            short(of(&|g| g.smallest).mean),
            short(of(&|g| g.loss).mean),
            short(of(&|g| g.gradient_norm).mean),
        ]);
    }

    table
}

/// The paper's claims: a smaller trace and a larger near-zero fraction for the mix than for either
/// type.
fn orderings(start: &str, arms: &[Arm], all: &[Probed<Figures>]) -> Vec<Claim> {
    let comparison = |condition: &str,
                      unit: &str,
                      more: bool,
                      f: &dyn Fn(&Figures) -> Option<f64>| ArmComparison {
        condition: condition.into(),
        unit: unit.into(),
        more,
        arms: arms.to_vec(),
        values: of_each(arms, all, |l| l.value.as_ref().and_then(f)),
    };

    if !["type1", "mix"]
        .iter()
        .all(|k| arms.iter().any(|e| e.activation == *k))
    {
        return vec![];
    }

    let trace = comparison("trace", "in the trace", false, &|g| Some(g.trace)).over_better_type();
    let scaled = comparison("scaled trace", "in the scaled trace", false, &|g| {
        g.scaled_trace
    })
    .over_better_type();

    let f = |threshold: f64, relative: bool| {
        let of = if relative {
            " of the largest eigenvalue"
        } else {
            ""
        };

        let condition = format!("threshold {threshold}{of}");
        comparison(&condition, "in f", true, &|g| {
            Some(g.near_zero_at(threshold, relative))
        })
        .over_better_type()
    };

    vec![
        Claim::new(
            format!("{start}the mix has a smaller trace of the Hessian than both its types"),
            if scaled.means.0.is_finite() {
                vec![trace, scaled]
            } else {
                vec![trace]
            },
        ),
        Claim::new(
            format!(
                "{start}the mix has a larger near-zero fraction f of the Hessian's spectrum than both its types"
            ),
            vec![
                f(1e-3, false),
                f(1e-2, false),
                f(1e-1, false),
                f(1e-3, true),
            ],
        ),
    ]
}

/// The orders of the means, with the type with the larger trace called 1, as the paper's order has
/// it.
fn order_in_words(arms: &[Arm], all: &[Probed<Figures>]) -> Vec<String> {
    let order = |what: &str, f: &dyn Fn(&Figures) -> f64| {
        let values = of_each(arms, all, |l| l.value.as_ref().map(f));
        let mut activations: Vec<(String, f64)> = by_activation(arms, &values)
            .into_iter()
            .filter(|(_, v)| !v.is_empty())
            .map(|(k, v)| (k, mean(&v)))
            .collect();

        activations.sort_by(|a, b| b.1.total_cmp(&a.1));

        let listed: Vec<String> = activations
            .iter()
            .map(|(k, v)| format!("{k} ({})", short(*v)))
            .collect();

        format!("Means of {what}: {}.", listed.join(" > "))
    };

    let mut lines = vec![order("the trace", &|g| g.trace)];

    for threshold in [1e-3, 1e-2, 1e-1] {
        lines.push(order(&format!("f at threshold {threshold}"), &|g| {
            g.near_zero_at(threshold, false)
        }));
    }

    lines
}
