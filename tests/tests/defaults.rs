//! `ldnn train` by default settings, on tables as they are: it ends with a model, and the model is
//! about as good as ridge regression, or better where the relation is not linear.

use faer::linalg::solvers::Solve;
use faer::{Mat, Side};
use ldnn_tests::program::succeed;
use ldnn_tests::tables::noise;
use std::fs;
use std::path::Path;
use tempfile::tempdir;

/// Rows of numbers, the target last.
type Rows = Vec<Vec<f64>>;

/// A table of `tests/data` with `target` as its last column.
fn bundled(name: &str, target: &str) -> Rows {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("data")
        .join(name);
    let mut reader = csv::Reader::from_path(path).unwrap();
    let names = reader.headers().unwrap().clone();
    let at = names.iter().position(|n| n == target).unwrap();

    let row = |record: csv::StringRecord| {
        let mut row: Vec<f64> = record.iter().filter_map(|cell| cell.parse().ok()).collect();
        assert_eq!(row.len(), names.len(), "a cell of '{name}' is not a number");
        let y = row.remove(at);
        row.push(y);
        row
    };

    reader
        .records()
        .map(|record| row(record.unwrap()))
        .collect()
}

/// Every fourth row is for testing.
fn divided(rows: &Rows) -> (Rows, Rows) {
    let part = |test: bool| {
        let own = rows
            .iter()
            .enumerate()
            .filter(move |(i, _)| (i % 4 == 3) == test);
        own.map(|(_, row)| row.clone()).collect()
    };
    (part(false), part(true))
}

fn text(rows: &Rows) -> String {
    let mut text = String::new();
    let names = (1..rows[0].len()).map(|i| format!("x{i}"));
    text += &names.chain(["y".to_string()]).collect::<Vec<_>>().join(",");
    text.push('\n');

    for row in rows {
        text += &row.iter().map(f64::to_string).collect::<Vec<_>>().join(",");
        text.push('\n');
    }

    text
}

/// What the program prints, and R^2 of its model on the test rows.
fn trained(rows: &Rows) -> (String, f64) {
    let dir = tempdir().unwrap();
    let (train, test) = divided(rows);
    fs::write(dir.path().join("train.csv"), text(&train)).unwrap();
    fs::write(dir.path().join("test.csv"), text(&test)).unwrap();

    let args = [
        "train",
        "-q",
        "train.csv",
        "--test",
        "test.csv",
        "--target",
        "y",
        "--regression",
    ];

    let said = succeed(dir.path(), &args);

    let predicted = succeed(dir.path(), &["predict", "model.ldnn", "test.csv"]);
    let predicted: Vec<f64> = predicted
        .lines()
        .skip(1)
        .map(|l| l.parse().unwrap())
        .collect();

    (said, r2(&test, &predicted))
}

fn r2(test: &Rows, predicted: &[f64]) -> f64 {
    assert_eq!(test.len(), predicted.len());
    let y: Vec<f64> = test.iter().map(|row| *row.last().unwrap()).collect();
    let mean = y.iter().sum::<f64>() / y.len() as f64;
    let errors: f64 = y.iter().zip(predicted).map(|(y, p)| (y - p).powi(2)).sum();
    1.0 - errors / y.iter().map(|y| (y - mean).powi(2)).sum::<f64>()
}

/// R^2 on the test rows of ridge regression on standardised inputs, penalty 1 (scikit-learn's
/// default).
fn ridge(rows: &Rows) -> f64 {
    let (train, test) = divided(rows);
    let width = rows[0].len() - 1;
    let n = train.len() as f64;
    let mean = |j: usize| train.iter().map(|row| row[j]).sum::<f64>() / n;
    let means: Vec<f64> = (0..=width).map(mean).collect();

    let spread = |j: usize| {
        (train
            .iter()
            .map(|row| (row[j] - means[j]).powi(2))
            .sum::<f64>()
            / n)
            .sqrt()
    };

    let spreads: Vec<f64> = (0..width).map(spread).collect();
    let z = |row: &Vec<f64>, j: usize| (row[j] - means[j]) / spreads[j];

    let penalty = |i: usize, j: usize| if i == j { 1.0 } else { 0.0 };
    let gram = Mat::from_fn(width, width, |i, j| {
        train.iter().map(|row| z(row, i) * z(row, j)).sum::<f64>() + penalty(i, j)
    });

    let right = Mat::from_fn(width, 1, |i, _| {
        train
            .iter()
            .map(|row| z(row, i) * (row[width] - means[width]))
            .sum::<f64>()
    });

    let beta = gram.llt(Side::Lower).unwrap().solve(&right);
    let predict =
        |row: &Vec<f64>| means[width] + (0..width).map(|j| beta[(j, 0)] * z(row, j)).sum::<f64>();

    r2(&test, &test.iter().map(predict).collect::<Vec<_>>())
}

/// Rows whose target is `y` of inputs that look random.
fn made(count: usize, width: usize, y: impl Fn(&[f64]) -> f64) -> Rows {
    let row = |i: usize| {
        let mut x: Vec<f64> = (0..width).map(|j| 2.0 * noise(i * 977 + j * 31)).collect();
        let value = y(&x);
        x.push(value);
        x
    };
    (0..count).map(row).collect()
}

#[test]
fn real_regressions_are_as_good_as_ridge_regression_or_better() {
    // How far below ridge a model may be: the more, the fewer test rows there are.
    for (name, target, slack) in [
        ("diabetes.csv", "y", 0.06),
        ("mtcars.csv", "mpg", 0.25),
        ("faithful.csv", "waiting", 0.06),
    ] {
        let rows = bundled(name, target);
        let ((said, own), ridge) = (trained(&rows), ridge(&rows));
        println!("{name}: R^2 {own:.3}, ridge {ridge:.3}");

        assert!(
            own > ridge - slack,
            "{name}: R^2 {own:.3}, ridge {ridge:.3}\n{said}"
        );
        assert!(
            said.contains("learned"),
            "no word of learned activations: {said}"
        );
    }
}

#[test]
fn a_relation_that_is_not_linear_is_found() {
    let rows = bundled("friedman1.csv", "y");
    let ((said, own), ridge) = (trained(&rows), ridge(&rows));
    println!("R^2 {own:.3}, ridge {ridge:.3}");
    assert!(
        own > 0.8 && own > ridge + 0.05,
        "R^2 {own:.3}, ridge {ridge:.3}\n{said}"
    );
}

#[test]
fn nothing_is_found_in_noise_and_the_report_says_so() {
    let rows = bundled("noise.csv", "y");
    let (said, own) = trained(&rows);
    println!("R^2 {own:.3}");
    assert!((-0.25..0.1).contains(&own), "R^2 {own:.3}");
    assert!(said.contains("Nothing was found about 'y'"), "{said}");
}

#[test]
fn wide_tiny_and_badly_scaled_tables_are_trained() {
    let linear = |x: &[f64]| {
        x.iter()
            .zip([3.0, -2.0, 1.0, 0.5])
            .map(|(x, w)| x * w)
            .sum::<f64>()
    };

    let shifted = |x: &[f64]| 3e8 + 1e6 * linear(x);
    let mut scaled = made(160, 6, shifted);
    for row in &mut scaled {
        for (j, x) in row.iter_mut().take(6).enumerate() {
            // From 1e-8 to 1e12, and beside 0.
            *x = (*x + 3.0) * 10f64.powi(4 * j as i32 - 8);
        }
    }

    for (what, rows, least) in [
        ("90 inputs", made(200, 90, linear), 0.9),
        ("400 inputs in 40 rows", made(40, 400, linear), 0.8),
        ("14 rows to learn from", made(18, 2, linear), 0.9),
        ("scales from 1e-8 to 1e12", scaled, 0.95),
    ] {
        let (said, own) = trained(&rows);
        println!("{what}: R^2 {own:.3}, ridge {:.3}", ridge(&rows));
        assert!(own > least, "{what}: R^2 {own:.3}\n{said}");
    }
}

#[test]
fn wide_classifications_are_trained_with_learned_activations_too() {
    let dir = tempdir().unwrap();
    let mut text: String = (0..90).map(|j| format!("x{j},")).collect::<String>() + "class\n";

    for row in made(150, 90, |x| f64::from(x[0] + x[1] - x[2] > 0.0)) {
        let (class, x) = row.split_last().unwrap();
        text += &x.iter().map(|x| format!("{x},")).collect::<String>();
        text += if *class > 0.0 { "more\n" } else { "less\n" };
    }

    fs::write(dir.path().join("wide.csv"), text).unwrap();

    let said = succeed(
        dir.path(),
        &["train", "-q", "wide.csv", "--target", "class"],
    );

    assert!(
        said.contains("| learned ") && said.contains("| tanh "),
        "{said}"
    );
    assert!(dir.path().join("model.ldnn").exists());
}
