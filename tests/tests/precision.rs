//! Single precision against double.

use ldnn_core::{Base, Optimizer, Plain, Real, Shape};
use ldnn_tests::tolerance::{SINGLE, SINGLE_TRAINING};
use ldnn_tests::{Loss, Problem, learned, random, relative_error, widen};

fn problem<T: Real>(base: Base, loss: Loss) -> Problem<T> {
    Problem::new(Shape::new(&[10, 24, 13, 5], &learned(base, 2)), 37, loss, 4).with_noise(0.1)
}

#[test]
fn gradient_and_hessian_product_in_single_precision_are_those_in_double() {
    for base in Base::ALL {
        for loss in [Loss::CrossEntropy, Loss::SquaredError] {
            let (single, double) = (problem::<f32>(base, loss), problem::<f64>(base, loss));
            let (g, p) = single.product(&random(single.params.len(), 1));
            let (exact_g, exact_p) = double.product(&random(double.params.len(), 1));
            let (g, p) = (
                relative_error(&widen(&g), &exact_g),
                relative_error(&widen(&p), &exact_p),
            );

            assert!(
                g <= SINGLE && p <= SINGLE,
                "{base:?}, {loss:?}: gradient {g:.1e}, product {p:.1e}"
            );
        }
    }
}

fn trained<T: Real>(optimizer: &Optimizer<T>) -> Vec<f64> {
    let mut problem = problem::<T>(Base::Sine, Loss::CrossEntropy);
    problem.noise = None;
    let (losses, params) = problem.trained(Plain, optimizer, 30);
    assert!(losses.iter().all(Result::is_ok), "{losses:?}");
    params.iter().map(|p| p.to_f64()).collect()
}

fn optimizers<T: Real>() -> [Optimizer<T>; 4] {
    let f = T::from_f64;

    [
        Optimizer::Sgd {
            lr: f(0.05),
            momentum: f(0.8),
        },
        Optimizer::authors_rmsprop(),
        Optimizer::Adam {
            lr: f(0.003),
            beta1: f(0.9),
            beta2: f(0.999),
            epsilon: f(1e-3),
        },
        Optimizer::AdamW {
            lr: f(0.003),
            beta1: f(0.9),
            beta2: f(0.999),
            epsilon: f(1e-3),
            weight_decay: f(0.3),
        },
    ]
}

#[test]
fn thirty_training_steps_in_single_precision_end_where_those_in_double_do() {
    for (single, double) in optimizers::<f32>().iter().zip(&optimizers::<f64>()) {
        let error = relative_error(&trained(single), &trained(double));
        assert!(error <= SINGLE_TRAINING, "{double:?}: {error:.1e}");
    }
}
