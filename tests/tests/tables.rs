//! Tabulated activations against direct evaluation, and the table's own promises.

use ldnn_core::meta::{Datasets, Draw, OuterLoss, Unroll};
use ldnn_core::network::Init;
use ldnn_core::schedule::Schedule;
use ldnn_core::table::{TableForm, Tabulation, tabulated};
use ldnn_core::{Activation, Base, Optimizer, Plain, Shape};
use ldnn_tests::tolerance::{TABLE_HYPERGRADIENT, TABLE_LOSS, TRANSPOSE};
use ldnn_tests::{Loss, Problem, random, relative_error, unrolled};

const KNOTS: usize = 256;
const RANGE: f32 = 10.0;

fn shapes(base: Base) -> (Shape, Shape) {
    let direct = Shape::new(&[6, 12, 4], &[Activation::Learned { base, units: 20 }; 2]);
    (direct, tabulated(&direct, KNOTS, RANGE).unwrap())
}

fn build_tables(direct: &Shape, table: &Shape, phi: &[f64]) -> Vec<f64> {
    let mut tables = vec![0.0; table.phi_len()];
    let tabulation = Tabulation {
        from: direct,
        to: table,
    };
    let mut work = vec![0.0; tabulation.work_len()];

    tabulation.build(phi, &mut tables, &mut work).unwrap();
    tables
}

/// Outer loss and hypergradient in phi, directly or by way of tables.
fn outer(problem: &Problem<f64>, by_table: Option<&Shape>) -> (f64, Vec<f64>) {
    let direct = &problem.shape;
    let phi = &problem.params[direct.theta_len()..];
    let shape = *by_table.unwrap_or(direct);

    let optimizer = Optimizer::RmsProp {
        lr: 0.01,
        decay: 0.8,
        epsilon: 1e-8,
        start: 1.0,
    };

    let outer = OuterLoss::Train { last: 20 };

    let plan = Unroll {
        shape,
        untaped: 0,
        steps: 20,
        batch: 10,
        shuffle: true,
        noise: 0.1,
        init: Init::FanIn,
        optimizer,
        schedule: Schedule::CONSTANT,
        outer,
        segment: 20,
    };

    let built = by_table.map_or(phi.to_vec(), |table| build_tables(direct, table, phi));
    let data = Datasets {
        train: problem.data(),
        held_out: problem.data(),
    };

    let out = unrolled(
        Plain,
        &plan,
        data,
        Draw {
            seed: 3,
            outer_step: 0,
        },
        &built,
    );

    let Some(table) = by_table else {
        return (out.outcome.outer_loss, out.dphi);
    };
    let mut dphi = vec![0.0; phi.len()];
    let tabulation = Tabulation {
        from: direct,
        to: table,
    };
    let mut work = vec![0.0; tabulation.work_len()];

    tabulation
        .build_adjoint(phi, &out.dphi, &mut dphi, &mut work)
        .unwrap();

    (out.outcome.outer_loss, dphi)
}

#[test]
fn a_training_by_tables_has_the_loss_and_hypergradient_of_direct_evaluation() {
    for base in Base::ALL {
        let (direct, table) = shapes(base);
        let problem = Problem::new(direct, 40, Loss::CrossEntropy, 5);
        let ((exact, g), (tabled, h)) = (outer(&problem, None), outer(&problem, Some(&table)));
        let (loss, gradient) = ((tabled - exact).abs() / exact, relative_error(&h, &g));

        assert!(loss <= TABLE_LOSS, "{base:?}: loss off by {loss:.1e}");
        assert!(
            gradient <= TABLE_HYPERGRADIENT,
            "{base:?}: hypergradient off by {gradient:.1e}"
        );
        assert!(
            loss > 0.0,
            "{base:?}: a table that changes nothing at all was not used"
        );
    }
}

#[test]
fn building_a_table_and_its_adjoint_are_transposes() {
    for base in Base::ALL {
        let (direct, table) = shapes(base);
        let phi: Vec<f64> = random(direct.phi_len(), 1);
        let (v, w): (Vec<f64>, Vec<f64>) = (random(phi.len(), 2), random(table.phi_len(), 3));

        // The derivative of the build along v, against the adjoint of w.
        let forward =
            ldnn_tests::central_difference(|p| build_tables(&direct, &table, p), &phi, &v, 1e-3);
        let mut back = vec![0.0; phi.len()];
        let tabulation = Tabulation {
            from: &direct,
            to: &table,
        };
        let mut work = vec![0.0; tabulation.work_len()];

        tabulation
            .build_adjoint(&phi, &w, &mut back, &mut work)
            .unwrap();

        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let (left, right) = (dot(&forward, &w), dot(&v, &back));

        assert!(
            (left - right).abs() <= TRANSPOSE * left.abs().max(1.0),
            "{base:?}: {left} {right}"
        );
    }
}

#[test]
fn a_table_is_exact_at_its_knots_and_linear_beyond_its_ends() {
    let form = TableForm::fixed(5, 2.0);
    let y = |z: f64| 1.0 + z * z;
    let params: Vec<f64> = (0..5)
        .flat_map(|i| [y(form.knot(i)), 2.0 * form.knot::<f64>(i) * form.spacing()])
        .collect();
    let z = [-2.0, -1.0, 0.0, 1.0, 2.0, 3.0, -4.0, 0.5];
    let mut out = [0.0; 8];

    Activation::Table(form).eval(&params, &z, &mut out).unwrap();
    // Slope at the ends is +-4; a cubic holds the parabola exactly inside.
    assert_eq!(out, [5.0, 2.0, 1.0, 2.0, 5.0, 9.0, 13.0, 1.25]);
}

#[test]
fn a_table_asked_at_infinity_and_nan_answers_without_a_trap() {
    let form = TableForm::fixed(9, 1.0);
    let params = vec![0.5f32; form.param_len()];

    let z = [
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        1e30,
        f32::MIN_POSITIVE,
        -0.0,
    ];

    let mut out = [0.0; 6];
    Activation::Table(form).eval(&params, &z, &mut out).unwrap();

    assert!(
        out[0].is_nan() && out[3].is_finite() && out[4].is_finite() && out[5].is_finite(),
        "{out:?}"
    );
}
