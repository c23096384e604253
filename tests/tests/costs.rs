//! The instructions that `ldnn tune --pareto` estimates, against those that QEMU counted
//! (`tests/firmware.sh answers`): the prices of the estimate are the best ones for these counts, and
//! its errors are those that `docs/devices.md` states.

use ldnn::deploy::{Deployed, Measured, OutputFile, ShapeFile, TableFile, WeightFile, Work};

const COUNTS: &str = include_str!("../golden/answer-costs.txt");

/// A network of the file.
struct Counted {
    name: String,
    /// Of the first hidden layer.
    neurons: usize,
    is_fitted: bool,
    work: Work,
    instructions: f64,
}

fn table(name: &str) -> TableFile {
    match name.split('/').collect::<Vec<_>>()[..] {
        [form, symmetry, base] => TableFile::Compact {
            form: form.into(),
            symmetry: symmetry.into(),
            base: base.into(),
            low: -1.0,
            high: 1.0,
            knots: 0,
            entries: vec![],
        },
        _ => TableFile::Base { name: name.into() },
    }
}

/// `fitted 2-8-1 values f32 relu relu 480`
fn counted(line: &str) -> Counted {
    let words: Vec<&str> = line.split(' ').collect();
    let [set, widths, kind, weights, _, tables, instructions] = words[..] else {
        panic!("{line}");
    };

    let widths: Vec<usize> = widths.split('-').map(|w| w.parse().unwrap()).collect();
    let (inputs, neurons, outputs) = (widths[0], widths[1], widths[widths.len() - 1]);
    let activations: Vec<TableFile> = tables.split(',').map(table).collect();

    let model = Deployed {
        version: Deployed::VERSION,
        name: "m".into(),
        provenance: String::new(),
        measured: Measured::default(),
        shape: Some(ShapeFile {
            layers: vec![(0, activations.len()); widths.len() - 2],
            widths,
        }),
        standard: vec![(0.0, 1.0); inputs],
        features: vec![],
        offsets: vec![],
        outputs: match kind {
            "classes" => OutputFile::Classes,
            _ => OutputFile::Values {
                pairs: vec![(1.0, 0.0); outputs],
                offsets: vec![],
            },
        },
        names: vec![],
        activations,
        weights: match weights {
            "int8" => WeightFile::Integers(Box::default()),
            _ => WeightFile::Floats { theta: vec![] },
        },
    };

    Counted {
        name: line.into(),
        neurons,
        is_fitted: set == "fitted",
        work: Work::of(&model).unwrap(),
        instructions: instructions.parse().unwrap(),
    }
}

fn all(weights: &str) -> Vec<Counted> {
    let own = COUNTS
        .lines()
        .filter(|line| line.split(' ').nth(3) == Some(weights));
    own.map(counted).collect()
}

/// The prices with the least squares of relative errors. A hundred instructions are added to each
/// count, as the clock of the emulator has steps of 40.
fn best_prices(all: &[Counted]) -> Vec<f64> {
    let rows: Vec<(&[f64], f64)> = all
        .iter()
        .filter(|c| c.is_fitted)
        .map(|c| (c.work.counts(), c.instructions))
        .collect();
    let n = rows[0].0.len();

    // The normal equations: each row weighs as much as its count is certain.
    let mut equations = vec![vec![0.0; n + 1]; n];
    for (counts, instructions) in rows {
        let weight = (instructions + 100.0).powi(-2);
        for (equation, count) in equations.iter_mut().zip(counts) {
            let columns = counts.iter().chain([&instructions]);
            let terms = columns.map(|column| weight * count * column);
            equation
                .iter_mut()
                .zip(terms)
                .for_each(|(e, term)| *e += term);
        }
    }

    for i in 0..n {
        let pivot = (i..n).max_by(|&a, &b| equations[a][i].abs().total_cmp(&equations[b][i].abs()));
        equations.swap(i, pivot.unwrap());
        let own = equations[i].clone();

        for (k, equation) in equations.iter_mut().enumerate() {
            let factor = if k == i { 0.0 } else { equation[i] / own[i] };
            equation
                .iter_mut()
                .zip(&own)
                .for_each(|(e, own)| *e -= factor * own);
        }
    }

    (0..n).map(|i| equations[i][n] / equations[i][i]).collect()
}

/// Mean and largest absolute error in percent, of networks with five hidden neurons and more.
fn errors(all: &[Counted], is_fitted: bool) -> (f64, f64) {
    let errors: Vec<f64> = all
        .iter()
        .filter(|c| c.is_fitted == is_fitted && c.neurons >= 5)
        .map(|c| 100.0 * (c.work.instructions() / c.instructions - 1.0).abs())
        .collect();
    let mean = errors.iter().sum::<f64>() / errors.len() as f64;

    (mean, errors.into_iter().fold(0.0, f64::max))
}

#[test]
fn the_prices_are_the_best_ones_for_the_counts() {
    for weights in ["f32", "int8"] {
        let all = all(weights);
        let best = best_prices(&all);
        let prices = all[0].work.prices();
        assert_eq!(best.len(), prices.len());

        let is_best = |(best, price): (&f64, &f64)| (best - price).abs() <= 0.0051;
        assert!(
            best.iter().zip(prices).all(is_best),
            "{weights}: these prices are the best ones now: {best:.2?}"
        );
    }
}

#[test]
fn estimates_are_as_near_to_the_counts_as_the_docs_say() {
    // Mean and largest error in percent, of the networks that are fitted and of others.
    for (weights, fitted, others) in [
        ("f32", (2.7, 10.5), (4.6, 12.2)),
        ("int8", (2.5, 6.3), (3.9, 11.6)),
    ] {
        let all = all(weights);
        let text: String = all
            .iter()
            .map(|c| format!("{}: {:.0}\n", c.name, c.work.instructions()))
            .collect();

        for (is_fitted, (mean, largest)) in [(true, fitted), (false, others)] {
            let found = errors(&all, is_fitted);
            assert!(
                found.0 <= mean && found.1 <= largest,
                "{weights}, fitted {is_fitted}: mean and largest error {found:.1?} %\n{text}"
            );
        }

        let small = all.iter().filter(|c| c.neurons < 5);
        let errors = small.map(|c| (c.work.instructions() - c.instructions).abs());
        let largest = errors.fold(0.0, f64::max);
        assert!(
            largest <= 190.0,
            "{weights}: {largest} instructions\n{text}"
        );
    }
}

/// The network of the tutorial: 64 inputs, 50 neurons with relu, 10 classes.
#[test]
fn the_count_of_the_tutorial_is_estimated() {
    let tutorial = include_str!("../../docs/tutorial.md");
    let line = tutorial
        .lines()
        .find(|line| line.contains("instructions an answer, from raw inputs"))
        .unwrap();
    let count = line.split(' ').next().unwrap();
    let network = counted(&format!("others 64-50-10 classes f32 relu relu {count}"));

    let error = network.work.instructions() / network.instructions - 1.0;
    assert!(
        error.abs() < 0.05,
        "{line}: {:.0}",
        network.work.instructions()
    );
}
