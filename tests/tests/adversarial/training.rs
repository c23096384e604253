//! Training and its parts: optimizers, tables, both schedules.

use crate::strategies::{Lengths, form, lengths, number, optimizer, small_shape};
use ldnn_core::meta::{Alternating, Buffers, Datasets, Draw, OuterLoss, Unroll};
use ldnn_core::network::{Batch, Data, Init, Pass, Target, Workspace};
use ldnn_core::schedule::Schedule;
use ldnn_core::table::{TableForm, Tabulation};
use ldnn_core::train::Trainer;
use ldnn_core::{Activation, Derivatives, Plain, Real, Shape, meta, optimizer, table};
use proptest::prelude::*;

pub fn unrolled<T: Real>(shape: &Shape, l: &Lengths, sizes: [usize; 5], which: usize, run: bool) {
    let [steps, batch, segment, last, held] = sizes;

    let outer = if which.is_multiple_of(2) {
        OuterLoss::Train { last }
    } else {
        OuterLoss::HeldOut { last, batch: held }
    };

    let optimizer = optimizer::<T>(which, &l.numbers);
    let noise = T::from_f64(f64::from(l.numbers[1]));

    let plan = Unroll {
        shape: *shape,
        untaped: 0,
        steps,
        batch,
        shuffle: true,
        noise,
        init: Init::He,
        optimizer,
        schedule: Schedule::CONSTANT,
        outer,
        segment,
    };

    let (tape, work, order) = (plan.tape_len(), plan.work_len(), plan.order_len(batch));

    if !run {
        return;
    }

    let labels = [0u16; 3];
    let x: Vec<T> = l.floats(3 * shape.inputs(), 0);
    let data = Data {
        x: &x,
        target: Target::Classes(&labels),
    };
    let mut params: Vec<T> = l.floats(shape.param_len(), 1);
    let (mut dphi, mut trained): (Vec<T>, Vec<T>) =
        (l.floats(shape.phi_len(), 2), l.floats(shape.theta_len(), 3));

    let (mut tape, mut work): (Vec<T>, Vec<T>) = (l.floats(tape, 4), l.floats(work, 5));
    let mut order = vec![u32::MAX; l.len(order, 6)];

    let buffers = Buffers {
        params: &mut params,
        dphi: &mut dphi,
        trained: &mut trained,
        tape: &mut tape,
        work: &mut work,
        order: &mut order,
    };

    let datasets = Datasets {
        train: data,
        held_out: data,
    };

    let _ = meta::hypergradient(
        Plain,
        &plan,
        datasets,
        Draw {
            seed: 1,
            outer_step: u32::MAX,
        },
        buffers,
    );
}

fn optimizers<T: Real>(l: &Lengths, which: usize) {
    let optimizer = optimizer::<T>(which, &l.numbers);
    let n = 4;
    let mut state: Vec<T> = l.floats(optimizer.state_len(n), 0);
    let (mut params, grad): (Vec<T>, Vec<T>) = (l.floats(n, 1), l.floats(n, 2));
    let _ = optimizer.step(&mut params, &mut state, &grad, [0, usize::MAX][which % 2]);
    let (mut dgrad, mut dstate): (Vec<T>, Vec<T>) =
        (l.floats(n, 3), l.floats(optimizer.state_len(n), 4));

    let taken = optimizer::Step {
        grad: &grad,
        state: &state,
        t: [0, usize::MAX][which % 2],
    };

    let _ = optimizer.step_adjoint(taken, &mut params, &mut dstate, &mut dgrad);
    optimizer.init_state(&mut state);
    optimizer::clamp(&mut params, T::from_f64(f64::from(l.numbers[0])));
}

fn built<T: Real>(shape: &Shape, other: &Shape, l: &Lengths, knots: usize, form: TableForm) {
    let Ok(to) = table::tabulated(shape, knots, l.numbers[0]) else {
        return;
    };

    let mut work: Vec<T> = l.floats(
        Tabulation {
            from: shape,
            to: &to,
        }
        .work_len(),
        0,
    );

    // The shape that belongs to it, and one that does not.
    for to in [&to, other] {
        let phi: Vec<T> = l.floats(shape.phi_len(), 1);
        let (mut tables, mut dphi): (Vec<T>, Vec<T>) =
            (l.floats(to.phi_len(), 2), l.floats(shape.phi_len(), 3));
        let _ = Tabulation { from: shape, to }.build(&phi, &mut tables, &mut work);
        let _ = Tabulation { from: shape, to }.build_adjoint(&phi, &tables, &mut dphi, &mut work);
    }

    let z: Vec<T> = l.floats(5, 5);
    let (activation, phi) = (Activation::Table(form), l.floats::<T>(form.param_len(), 4));
    let _ = activation.eval(&phi, &z, &mut l.floats::<T>(5, 6));
    let [mut value, mut slope, mut curvature]: [Vec<T>; 3] =
        [l.floats(5, 6), l.floats(5, 7), l.floats(5, 0)];

    let out = Derivatives {
        value: &mut value,
        slope: &mut slope,
        curvature: &mut curvature,
    };

    let _ = activation.eval_derivatives(&phi, &z, out);
}

/// One step of each schedule from finite parameters. `bad`: whether rows, targets and state may be
/// of any bits.
fn batch_training<T: Real>(
    shape: &Shape,
    numbers: &[f32],
    bad: usize,
    which: usize,
    rates: [f32; 2],
    t: usize,
) -> Result<(), TestCaseError> {
    let tame = |x: f32| if x.is_finite() { x } else { 0.5 };

    let take = |len: usize, from: usize, wild: bool| -> Vec<T> {
        let number =
            |x: &f32| T::from_f64(f64::from(if wild { *x } else { tame(*x).clamp(-3.0, 3.0) }));

        numbers
            .iter()
            .cycle()
            .skip(from)
            .take(len)
            .map(number)
            .collect()
    };

    let start: Vec<T> = numbers
        .iter()
        .cycle()
        .take(shape.param_len())
        .map(|&x| T::from_f64(f64::from(tame(x))))
        .collect();

    let (x, values) = (
        take(3 * shape.inputs(), 50, bad == 1),
        take(3 * shape.outputs(), 90, bad == 2),
    );
    let labels = [0u16; 3];

    let target = if which.is_multiple_of(2) {
        Target::Classes(&labels)
    } else {
        Target::Values(&values)
    };

    let batch = Batch::picked(Data { x: &x, target }, &[2, 0]);
    let settings: Vec<f32> = rates.iter().chain(numbers).copied().take(5).collect();

    let optimizer = if bad == 0 {
        optimizer::<T>(which, &[0.1, 0.5, 0.9, 1e-8, 0.0])
    } else {
        optimizer::<T>(which, &settings)
    };

    let plan = Alternating {
        weights: optimizer,
        activations: optimizer,
        period: 2,
        clip: T::from_f64(f64::from(rates[1])),
    };

    let mut work = vec![T::ZERO; shape.workspace_len(2, Pass::Backward)];

    let bits = |values: &[T]| {
        values
            .iter()
            .map(|x| x.to_f64().to_bits())
            .collect::<Vec<_>>()
    };

    for (of_all, len) in [(false, shape.theta_len()), (true, shape.param_len())] {
        let (mut params, mut state) =
            (start.clone(), take(optimizer.state_len(len), 130, bad == 3));
        let before = [bits(&params), bits(&state)];
        let mut grad = vec![T::ZERO; len];

        let mut trainer = Trainer {
            shape,
            vector: Plain,
            params: &mut params,
            state: &mut state,
            grad: &mut grad,
            workspace: Workspace::new(shape, 2, Pass::Backward, &mut work).unwrap(),
        };

        let result = if of_all {
            plan.step(&mut trainer, &batch, t)
        } else {
            trainer.step(&optimizer, &batch, t)
        };

        if result.is_err() {
            prop_assert_eq!([bits(&params), bits(&state)], before);
        } else {
            prop_assert!(params.iter().all(|x| x.is_finite()), "{:?}", params);

            let phi_waits = of_all && t.is_multiple_of(2);
            let moved = if phi_waits {
                optimizer.state_len(shape.theta_len())
            } else {
                state.len()
            };

            prop_assert!(state[..moved].iter().all(|x| x.is_finite()), "{:?}", state);

            let taken = |i: usize, width: usize, all: &[T]| {
                all[i * width..(i + 1) * width]
                    .iter()
                    .all(|x| x.is_finite())
            };

            prop_assert!(
                [0, 2].iter().all(|&i| taken(i, shape.inputs(), &x)),
                "{:?}",
                x
            );

            if !which.is_multiple_of(2) {
                prop_assert!(
                    [0, 2].iter().all(|&i| taken(i, shape.outputs(), &values)),
                    "{:?}",
                    values
                );
            }
        }
    }

    Ok(())
}

proptest! {
    #[test]
    fn training_that_is_refused_changes_no_bit_and_no_other_leaves_what_is_not_finite(
        shape in small_shape(), numbers in prop::collection::vec(number(), 400), bad in 0..4usize, which in 0..6usize,
        rates in prop::array::uniform2(number()), t in 0..4usize,
    ) {
        batch_training::<f32>(&shape, &numbers, bad, which, rates, t)?;
        batch_training::<f64>(&shape, &numbers, bad, which, rates, t)?;
    }

    #[test]
    fn unrolled_trainings_of_an_adversary_are_refused_or_run(
        shape in small_shape(), l in lengths(), which in 0..6usize, sizes in prop::array::uniform5(0..5usize),
    ) {
        unrolled::<f32>(&shape, &l, sizes, which, true);
        unrolled::<f64>(&shape, &l, sizes, which, true);
    }

    #[test]
    fn optimizers_and_tables_of_an_adversary_are_refused_or_answered(
        shape in small_shape(), other in small_shape(), l in lengths(), which in 0..6usize, knots in 0..9usize,
        form in form(),
    ) {
        optimizers::<f32>(&l, which);
        optimizers::<f64>(&l, which);
        built::<f32>(&shape, &other, &l, knots, form);
        built::<f64>(&shape, &other, &l, knots, form);
    }
}
