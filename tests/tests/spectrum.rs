//! Spectra with known answers, before any network's; then the Hessian of networks in several ways.

use approx::assert_abs_diff_eq;
use faer::Mat;
use ldnn::data::task::{ExampleTargets, Examples};
use ldnn::lab::analysis::curvature::{diagonal, hessian};
use ldnn::lab::analysis::lanczos::{Density, density, hutchinson};
use ldnn::lab::analysis::participation::{participation, participation_by_eigenvalues};
use ldnn::lab::analysis::point::Point;
use ldnn::lab::analysis::spectrum::{
    Method, Parameters, SpectrumConfig, eigenvalues, matrix, spectrum,
};
use ldnn_core::{Activation, Base, Shape};
use ldnn_tests::tolerance::{HESSIAN, ORACLE};
use ldnn_tests::{central_difference, learned, random, relative_error};

/// A network at random parameters with random data.
fn point(widths: &[usize], activations: &[Activation], rows: usize, classes: bool) -> Point {
    let shape = Shape::new(widths, activations);
    let outputs = shape.outputs();
    let x: Vec<f32> = random(rows * shape.inputs(), 1);
    let values: Vec<f32> = random(rows * outputs, 2);
    let labels = (0..rows)
        .map(|r| ((r * 7 + r / 3) % outputs) as u16)
        .collect();

    let target = if classes {
        ExampleTargets::Classes(labels)
    } else {
        ExampleTargets::Values(values)
    };

    let params: Vec<f32> = random(shape.param_len(), 3);
    Point::new(shape, &params, &Examples::new(x, target, shape.inputs()))
}

/// One, two and three hidden layers, mixed types, both losses.
fn points() -> Vec<(String, Point)> {
    let mut mixed = learned(Base::Sine, 2);
    mixed.push(Activation::Base(Base::Tanh));

    let widths: [&[usize]; 3] = [&[3, 7, 4], &[3, 6, 5, 4], &[2, 5, 4, 6, 3]];
    let cases = widths
        .into_iter()
        .flat_map(|w| [true, false].map(|c| (w, c)));

    cases
        .map(|(w, c)| (format!("{w:?}, classes {c}"), point(w, &mixed, 261, c)))
        .collect()
}

fn column(h: &Mat<f64>, c: usize) -> Vec<f64> {
    (0..h.nrows()).map(|r| h[(r.max(c), r.min(c))]).collect()
}

fn unit(n: usize, i: usize) -> Vec<f64> {
    let mut v = vec![0.0; n];
    v[i] = 1.0;
    v
}

/// `diag(d) + rho u u'`, whose eigenvalues are the roots of `1 + rho sum u_i^2 / (d_i - l)`.
fn diagonal_plus_rank_one(n: usize, rho: f64) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let d: Vec<f64> = (0..n).map(|i| i as f64 * 0.5 - 3.0).collect();
    let u: Vec<f64> = random::<f64>(n, 9).iter().map(|u| 0.1 + u.abs()).collect();
    let secular = |l: f64| 1.0 + rho * d.iter().zip(&u).map(|(d, u)| u * u / (d - l)).sum::<f64>();
    let norm: f64 = u.iter().map(|u| u * u).sum();

    let root = |i: usize| {
        let (mut low, mut high) = (
            d[i],
            if i + 1 < n {
                d[i + 1]
            } else {
                d[i] + rho * norm
            },
        );

        for _ in 0..200 {
            let middle = 0.5 * (low + high);
            // Between two poles the function rises from minus to plus infinity.
            if secular(middle) < 0.0 {
                low = middle
            } else {
                high = middle
            }
        }

        0.5 * (low + high)
    };

    let roots = (0..n).map(root).collect();
    (d, u, roots)
}

#[test]
fn a_diagonal_plus_rank_one_has_the_eigenvalues_of_its_secular_equation() {
    let (n, rho) = (40, 1.7);
    let (d, u, expected) = diagonal_plus_rank_one(n, rho);

    let m = Mat::from_fn(
        n,
        n,
        |i, j| if i == j { d[i] } else { 0.0 } + rho * u[i] * u[j],
    );

    let found = eigenvalues(&m).unwrap();
    assert!(
        relative_error(&found, &expected) < ORACLE,
        "{found:?}\n{expected:?}"
    );

    let product = |v: &[f64]| {
        let along: f64 = rho * u.iter().zip(v).map(|(u, v)| u * v).sum::<f64>();
        Ok(v.iter()
            .zip(&d)
            .zip(&u)
            .map(|((v, d), u)| d * v + along * u)
            .collect())
    };

    // As many steps as dimensions: the nodes are the eigenvalues; fewer steps: the ends first.
    let whole = density(n, n, 1, 1, &product).unwrap();
    let nodes: Vec<f64> = whole.points.iter().map(|p| p.0).collect();

    assert!(relative_error(&nodes, &expected) < 1e-9, "{nodes:?}");
    assert!((whole.points.iter().map(|p| p.1).sum::<f64>() - 1.0).abs() < ORACLE);

    let part = density(n, 12, 4, 1, &product).unwrap();

    assert_abs_diff_eq!(
        part.points.last().unwrap().0,
        expected[n - 1],
        epsilon = 1e-6 * expected[n - 1]
    );
}

#[test]
fn a_quadratic_has_the_density_and_the_trace_that_it_was_made_of() {
    // A fifth of the eigenvalues are 0, the rest spread over [1, 9].
    let n = 400;
    let values: Vec<f64> = (0..n)
        .map(|i| {
            if i % 5 == 0 {
                0.0
            } else {
                1.0 + 8.0 * i as f64 / n as f64
            }
        })
        .collect();

    let product = |v: &[f64]| Ok(v.iter().zip(&values).map(|(v, l)| v * l).collect());

    let exact = Density::of_eigenvalues(&{
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    });

    let found = density(n, 60, 20, 1, &product).unwrap();

    assert!(
        found.distance(&exact) < 0.1,
        "distance {}",
        found.distance(&exact)
    );

    assert!((found.share(|v| v.abs() < 0.1) - 0.2).abs() < 0.02);

    assert_abs_diff_eq!(
        found.mean() * n as f64,
        values.iter().sum::<f64>(),
        epsilon = ORACLE * 5.0 * n as f64
    );

    // Signs find the trace of a diagonal matrix without any error.
    let trace = hutchinson(n, 3, 1, &product).unwrap();
    assert_abs_diff_eq!(trace.value, values.iter().sum::<f64>(), epsilon = 1e-9);

    assert!(trace.standard_error < 1e-9);
}

#[test]
fn the_distance_of_densities_is_that_of_carried_mass() {
    let a = Density {
        points: vec![(0.0, 0.5), (1.0, 0.5)],
    };
    let b = Density {
        points: vec![(1.0, 0.5), (3.0, 0.5)],
    };

    assert_abs_diff_eq!(a.distance(&b), 1.5, epsilon = ORACLE);
    assert!(a.distance(&a) == 0.0);
}

#[test]
fn a_linear_softmax_model_at_zero_has_the_spectrum_of_a_kronecker_product() {
    let (inputs, classes, rows) = (3, 4, 50);
    let mut model = point(&[inputs, classes], &[], rows, true);
    model.params.fill(0.0);

    // H = (I/k - 11'/k^2) x (mean of x x'), with a 1 for the bias.
    let x = |r: usize, i: usize| {
        if i < inputs {
            model.x[r * inputs + i]
        } else {
            1.0
        }
    };

    let gram = Mat::from_fn(inputs + 1, inputs + 1, |i, j| {
        (0..rows).map(|r| x(r, i) * x(r, j)).sum::<f64>() / rows as f64
    });
    let mut expected = vec![0.0; inputs + 1];

    for value in eigenvalues(&gram).unwrap() {
        expected.extend(vec![value / classes as f64; classes - 1]);
    }

    expected.sort_by(f64::total_cmp);

    let found = eigenvalues(&hessian(&model).unwrap()).unwrap();
    let error = found
        .iter()
        .zip(&expected)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max);

    assert!(error < ORACLE, "{found:?}\n{expected:?}");
}

#[test]
fn the_matrix_is_that_of_the_products_and_of_central_differences() {
    for (name, point) in points() {
        let (h, n) = (hessian(&point).unwrap(), point.len(false));
        for i in 0..n {
            let product = point.hessian_product(&unit(n, i)).unwrap();
            assert!(
                relative_error(&column(&h, i), &product) < 1e-11,
                "{name}, column {i}"
            );
        }

        for i in [0, n / 2, n - 1] {
            let gradient = |params: &[f64]| {
                let mut moved = point.clone();
                moved.params = params.to_vec();
                moved.gradient(false).unwrap().1
            };

            let direction = unit(point.params.len(), i);
            let differences = central_difference(gradient, &point.params, &direction, 1e-3);

            assert!(
                relative_error(&column(&h, i), &differences) < HESSIAN,
                "{name}, column {i}"
            );
        }

        let along: Vec<f64> = (0..n).map(|i| h[(i, i)]).collect();
        assert!(
            relative_error(&diagonal(&point).unwrap(), &along) < ORACLE,
            "{name}"
        );
    }
}

#[test]
fn the_joint_matrix_is_that_of_the_products() {
    for (name, point) in points().into_iter().take(2) {
        let (h, n) = (matrix(&point, true).unwrap(), point.len(true));
        for i in 0..n {
            let product = point.hessian_product(&unit(n, i)).unwrap();
            assert!(
                relative_error(&column(&h, i), &product) < 1e-11,
                "{name}, column {i}"
            );
        }
    }
}

#[test]
fn a_spectrum_agrees_with_itself_however_it_is_found() {
    for (name, point) in points() {
        let exact = spectrum(
            &point,
            &SpectrumConfig {
                probes: 400,
                ..Default::default()
            },
        )
        .unwrap();

        let values = exact.eigenvalues.as_ref().unwrap();
        assert!(
            (values.iter().sum::<f64>() - exact.trace).abs() < 1e-10 * exact.trace.abs(),
            "{name}"
        );

        let estimate = exact.hutchinson.unwrap();
        assert!(
            (estimate.value - exact.trace).abs() < 5.0 * estimate.standard_error,
            "{name}: {estimate:?}"
        );

        // The variance of v'Hv over signs is at most 2 tr H^2.
        let bound = (2.0 * values.iter().map(|v| v * v).sum::<f64>() / 400.0).sqrt();

        assert!(
            estimate.standard_error < 1.2 * bound,
            "{name}: {estimate:?}"
        );

        let config = SpectrumConfig {
            method: Method::Lanczos,
            lanczos_vectors: 60,
            ..Default::default()
        };

        let lanczos = spectrum(&point, &config).unwrap();
        assert!(lanczos.eigenvalues.is_none());

        let width = exact.largest() - exact.smallest();
        assert!(
            lanczos.density.distance(&exact.density) < 0.03 * width,
            "{name}"
        );
        assert!(
            (lanczos.largest() - exact.largest()).abs() < 1e-6 * width,
            "{name}"
        );

        let [below, zero, above] = exact.signs(1e-3);
        assert_abs_diff_eq!(below + zero + above, 1.0, epsilon = ORACLE);

        assert!(zero == exact.near_zero(1e-3));

        let joint = SpectrumConfig {
            parameters: Parameters::Joint,
            probes: 0,
            ..Default::default()
        };

        assert_eq!(
            spectrum(&point, &joint).unwrap().parameters,
            point.len(true)
        );
    }
}

#[test]
fn the_participation_ratio_is_1_for_one_direction_and_n_for_independent_neurons() {
    let (rows, n) = (64, 6);
    let together: Vec<f64> = (0..rows * n)
        .map(|i| (i / n) as f64 * (1 + i % n) as f64)
        .collect();
    let one = participation(&together, n).unwrap();

    assert_abs_diff_eq!(one.ratio, 1.0, epsilon = ORACLE);
    assert_abs_diff_eq!(one.normalised, 1.0 / n as f64, epsilon = ORACLE);

    // Rows of a Hadamard matrix: columns that are orthogonal, of equal length and of mean 0.
    let sign = |r: usize, c: usize| {
        if (r & c).count_ones().is_multiple_of(2) {
            1.0
        } else {
            -1.0
        }
    };

    let apart: Vec<f64> = (0..rows)
        .flat_map(|r| (1..=n).map(move |c| sign(r, c)))
        .collect();
    let all = participation(&apart, n).unwrap();

    assert_abs_diff_eq!(all.ratio, n as f64, epsilon = ORACLE);
    assert_abs_diff_eq!(all.normalised, 1.0, epsilon = ORACLE);

    let some: Vec<f64> = random(rows * n, 4);
    let (a, b) = (
        participation(&some, n).unwrap(),
        participation_by_eigenvalues(&some, n).unwrap(),
    );

    assert_abs_diff_eq!(a.ratio, b.ratio, epsilon = ORACLE * a.ratio);
    assert!(a.ratio > 1.0);
    assert!(a.ratio < n as f64);
    assert!(participation(&[1.0; 12], n).is_err() && participation(&[1.0; 6], n).is_err());
}
