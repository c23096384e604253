//! Every public function with lengths and numbers of an adversary: an answer or an error, never a
//! panic. These tests are compiled with checks of overflow, so a sum that wraps is a panic here.

use ldnn_core::deploy::{self, Activate, AnyActivation, Outputs, Pipeline, Scaling};
use ldnn_core::meta::{self, Alternating, Buffers, Datasets, Draw, OuterLoss, Unroll};
use ldnn_core::network::{
    self, Batch, BatchRows, Data, Direction, GradientAndProduct, Init, Network, Noise, Pass,
    Target, Workspace, Wrt,
};
use ldnn_core::online::{Answer, OnlineTrainer, Rates, Type};
use ldnn_core::optimizer::{self, Optimizer};
use ldnn_core::quantised::{Parts, Quantised, Scratch};
use ldnn_core::rng::{Draws, Stream};
use ldnn_core::table::compact::{self, Compact, Form, Knots, Symmetry, Tunable};
use ldnn_core::table::integer::{Scale, Scaled8, Scaled16, Table8, Table16};
use ldnn_core::table::{self, TableForm, Tabulation};
use ldnn_core::train::Trainer;
use ldnn_core::{Activation, Base, Derivatives, Error, Fixed, Plain, Real, Shape};
use proptest::prelude::*;

/// Small numbers, and the largest there are.
fn size() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 0..9usize, 1 => prop::sample::select(vec![usize::MAX, usize::MAX / 2, 1 << 20, (1 << 20) + 1, 1 << 32])]
}

fn word() -> impl Strategy<Value = u32> {
    prop_oneof![4 => 0..9u32, 1 => prop::sample::select(vec![u32::MAX, 1 << 16, (1 << 16) + 1, 1 << 31, 31, 32, 33])]
}

/// Numbers of every kind, those that are none included.
fn number() -> impl Strategy<Value = f32> {
    prop_oneof![4 => -3.0..3.0f32, 2 => any::<u32>().prop_map(f32::from_bits)]
}

fn base() -> impl Strategy<Value = Base> {
    prop::sample::select(&Base::ALL[..])
}

fn form() -> impl Strategy<Value = TableForm> {
    (base(), size(), number(), size()).prop_map(|(base, knots, range, readout)| TableForm {
        base,
        knots,
        range,
        readout,
    })
}

fn activation() -> impl Strategy<Value = Activation> {
    prop_oneof![
        base().prop_map(Activation::Base),
        (base(), size()).prop_map(|(base, units)| Activation::Learned { base, units }),
        form().prop_map(Activation::Table),
    ]
}

/// Shapes that exist, some of them as large as shapes can be.
fn shape() -> impl Strategy<Value = Shape> {
    (
        prop::collection::vec(size(), 0..12),
        prop::collection::vec(activation(), 0..4),
    )
        .prop_filter_map("no shape", |(widths, activations)| {
            Shape::try_new(&widths, &activations).ok()
        })
}

/// Shapes whose memory there is.
fn small_shape() -> impl Strategy<Value = Shape> {
    let activations = prop_oneof![
        base().prop_map(Activation::Base),
        (base(), 1..4usize).prop_map(|(base, units)| Activation::Learned { base, units }),
        (base(), 2..6usize, 0.1..3.0f32, 0..3usize).prop_map(|(base, knots, range, readout)| {
            Activation::Table(TableForm {
                base,
                knots,
                range,
                readout,
            })
        }),
    ];

    (
        prop::collection::vec(1..6usize, 2..5),
        prop::collection::vec(activations, 1..3),
    )
        .prop_filter_map("no shape", |(widths, activations)| {
            Shape::try_new(&widths, &activations).ok()
        })
}

/// Buffers about as long as they should be; what is asked for is a huge number for huge shapes, and
/// never allocated.
#[derive(Clone, Debug)]
struct Lengths {
    off: Vec<i8>,
    numbers: Vec<f32>,
}

fn lengths() -> impl Strategy<Value = Lengths> {
    (
        prop::collection::vec(prop_oneof![6 => Just(0i8), 1 => -2..3i8], 8),
        prop::collection::vec(number(), 5),
    )
        .prop_map(|(off, numbers)| Lengths { off, numbers })
}

impl Lengths {
    fn len(&self, right: usize, i: usize) -> usize {
        right
            .saturating_add_signed(isize::from(self.off[i]))
            .min(20_000)
    }

    fn floats<T: Real>(&self, right: usize, i: usize) -> Vec<T> {
        let number = |j: usize| T::from_f64(f64::from(self.numbers[(i + j) % self.numbers.len()]));
        (0..self.len(right, i)).map(number).collect()
    }
}

fn noise<T: Real>(amplitude: f32) -> Option<Noise<T>> {
    Some(Noise {
        amplitude: T::from_f64(f64::from(amplitude)),
        seed: 1,
        step: u64::MAX,
    })
}

fn optimizer<T: Real>(which: usize, n: &[f32]) -> Optimizer<T> {
    let f = |i: usize| T::from_f64(f64::from(n[i]));

    match which % 4 {
        0 => Optimizer::Sgd {
            lr: f(0),
            momentum: f(1),
        },
        1 => Optimizer::RmsProp {
            lr: f(0),
            decay: f(1),
            epsilon: f(2),
            start: f(3),
        },
        2 => Optimizer::Adam {
            lr: f(0),
            beta1: f(1),
            beta2: f(2),
            epsilon: f(3),
        },
        _ => Optimizer::AdamW {
            lr: f(0),
            beta1: f(1),
            beta2: f(2),
            epsilon: f(3),
            weight_decay: f(1),
        },
    }
}

/// Everything that a network answers.
fn asked<T: Real>(
    shape: &Shape,
    l: &Lengths,
    params: &[T],
    layer: usize,
    batch: &Batch<'_, T>,
) -> Result<(), Error> {
    let n = 3;
    let x = batch.data.x;
    let mut out: Vec<T> = l.floats(n * shape.outputs(), 3);
    let mut memory: Vec<T> = l.floats(shape.workspace_len(n, Pass::SecondOrder), 4);
    let (mut all, mut weights): (Vec<T>, Vec<T>) = (
        l.floats(shape.param_len(), 5),
        l.floats(shape.theta_len(), 6),
    );

    let mut workspace = Workspace::new(shape, 0, Pass::Forward, &mut memory)?;
    let network = Network::new(shape, params)?;

    let _ = network.predict(x, &mut out, &mut workspace);
    let _ = network.evaluate(batch, &mut workspace);
    let _ = network.gradient(batch, Wrt::All, &mut all, &mut workspace);
    let _ = network.gradient(batch, Wrt::Weights, &mut weights, &mut workspace);

    let _ = network.hessian_product(
        batch,
        Direction::Weights(&all),
        &mut weights,
        &mut workspace,
    );

    let _ = network.hessian_product(batch, Direction::All(&all), &mut weights, &mut workspace);
    let direction = weights.clone();

    let _ = network.hessian_product(
        batch,
        Direction::Weights(&direction),
        &mut weights,
        &mut workspace,
    );

    let mut gradient = all.clone();
    let both = GradientAndProduct {
        gradient: &mut gradient,
        product: &mut all,
    };
    let _ =
        network.gradient_and_hessian_product(batch, Direction::All(params), both, &mut workspace);

    let width = n * shape.width(layer.saturating_add(1));
    let (mut value, mut slope, mut curvature): (Vec<T>, Vec<T>, Vec<T>) =
        (l.floats(width, 2), l.floats(width, 3), l.floats(width, 6));
    let _ = network.hidden(layer, x, &mut value, &mut workspace);

    let derivatives = Derivatives {
        value: &mut value,
        slope: &mut slope,
        curvature: &mut curvature,
    };

    let _ = network.hidden_derivatives(layer, x, derivatives, &mut workspace);
    Ok(())
}

/// Everything that a batch goes into.
fn walk<T: Real>(
    shape: &Shape,
    l: &Lengths,
    rows: BatchRows<'_>,
    labels: &[u16],
    layer: usize,
    which: usize,
) {
    let n = 3;
    let mut params: Vec<T> = l.floats(shape.param_len(), 0);
    let x: Vec<T> = l.floats(n * shape.inputs(), 1);
    let values: Vec<T> = l.floats(n * shape.outputs(), 2);

    for target in [Target::Classes(labels), Target::Values(&values)] {
        let batch = Batch {
            data: Data { x: &x, target },
            rows,
            noise: noise(l.numbers[0]),
        };

        let _ = asked(shape, l, &params, layer, &batch);

        let (optimizer, mut state) = (
            optimizer::<T>(which, &l.numbers),
            l.floats(2 * shape.param_len(), 7),
        );
        let t = [0, 1, usize::MAX][which % 3];

        let plan = Alternating {
            weights: optimizer,
            activations: optimizer,
            period: which,
            clip: T::from_f64(0.1),
        };

        let mut memory: Vec<T> = l.floats(shape.workspace_len(n, Pass::Backward), 4);
        let Ok(workspace) = Workspace::new(shape, 0, Pass::Forward, &mut memory) else {
            continue;
        };
        let mut grad: Vec<T> = l.floats(shape.param_len(), 5);
        let _ = plan.init_state(shape, &mut state);

        let mut trainer = Trainer {
            shape,
            vector: Plain,
            params: &mut params,
            state: &mut state,
            grad: &mut grad,
            workspace,
        };

        let _ = trainer.step(&optimizer, &batch, t);
        let _ = plan.step(&mut trainer, &batch, t);

        let mut out: Vec<T> = l.floats(n * shape.outputs(), 3);
        let mut fixed = Fixed::<T, 40, 200, 40, 40>::zeroed();
        let _ = fixed.init(shape, Init::He, 1);
        let _ = fixed.predict(shape, &x, &mut out);
        let _ = fixed.evaluate(shape, &batch);
        let _ = fixed.train_step(shape, &optimizer, &batch);
    }

    let _ = network::init_theta(
        shape,
        Init::Xavier,
        1,
        u64::MAX,
        &mut l.floats::<T>(shape.theta_len(), 5),
    );

    let _ = network::init_phi(shape, 1, &mut l.floats::<T>(shape.phi_len(), 6));
}

fn unrolled<T: Real>(shape: &Shape, l: &Lengths, sizes: [usize; 5], which: usize, run: bool) {
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
        steps,
        batch,
        shuffle: true,
        noise,
        init: Init::He,
        optimizer,
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
    fn the_numbers_of_every_shape_there_is_can_be_asked_for(
        shape in shape(), a in size(), b in size(), activation in activation(), form in form(), l in lengths(),
        sizes in prop::array::uniform5(size()), which in 0..6usize,
    ) {
        prop_assert!(shape.param_len() <= isize::MAX as usize);
        let _ = (shape.width(a), shape.activation(a), shape.layer_types(a), shape.block(a, b), shape.weights_at(a));
        let _ = (shape.biases_at(a), shape.type_at(a), shape.workspace_len(a, Pass::Forward));
        let _ = (shape.workspace_len(a, Pass::Backward), shape.workspace_len(a, Pass::SecondOrder));
        let _ = (shape.phi_len(), shape.hidden_layers(), shape.predict_len(), shape.online_len());
        let _ = (shape.with_layer_types(a, b, a), shape.with_activations(&[activation, activation]), activation.param_len());
        let _ = (form.param_len(), form.spacing(), form.knot::<f32>(a), form.knot::<f64>(a));
        let _ = (table::tabulated(&shape, a, form.range), Tabulation { from: &shape, to: &shape }.work_len());
        let _ = (TableForm::fixed(a, form.range).param_len(), TableForm::of_learned(Base::Elu, a, b, 1.0).param_len());
        unrolled::<f32>(&shape, &l, sizes, which, false);
        unrolled::<f64>(&shape, &l, sizes, which, false);
    }

    #[test]
    fn batches_of_an_adversary_are_refused_or_answered(
        shape in small_shape(), l in lengths(), start in size(), len in size(), picked in prop::collection::vec(word(), 0..4),
        labels in prop::collection::vec(0..7u16, 0..5), layer in size(), which in 0..6usize,
    ) {
        for rows in [BatchRows::Range { start, len }, BatchRows::Picked(&picked), BatchRows::Range { start: 0, len: 3 }] {
            walk::<f32>(&shape, &l, rows, &labels, layer, which);
            walk::<f64>(&shape, &l, rows, &labels, layer, which);
        }
    }

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

    #[test]
    fn deployed_tables_of_an_adversary_are_refused_or_answer_for_every_number(
        low in number(), high in number(), count in word(), of in 0..3usize, sides in 0..3usize, base in base(),
        l in lengths(), z in prop::collection::vec(number(), 0..9), rate in number(),
    ) {
        let form = [Form::Hermite, Form::Linear, Form::Pairs][of];
        let symmetry = [Symmetry::None, Symmetry::Odd, Symmetry::Even][sides];
        for knots in [Knots { low, high, count }, Knots { low: 0.0, high: 2.0, count: 5 }] {
            let _ = (knots.is_valid(), knots.at(count), knots.cells(), knots.spacing(), knots.per_spacing(), knots.offset());
            let mut entries: Vec<f32> = l.floats(form.entries(knots.count), 0);
            let _ = compact::fill(form, knots, |z| (z, 1.0), &mut entries);
            let (mut z, mut h) = (z.clone(), l.floats(9, 1));
            if let Ok(table) = Compact::new(form, knots, symmetry, base, &entries) {
                let _ = table.apply_with_slopes(&mut z, &mut h);
                table.apply(&mut z);
                AnyActivation::Compact(table).apply(&mut h);
            }
            if let Ok(mut table) = Tunable::new(knots, &mut entries) {
                let _ = table.step(&z, &mut h, Rates { theta: 0.0, knots: rate, clip: l.numbers[0] });
                table.table().apply(&mut z);
            }
        }
    }

    #[test]
    fn integer_tables_of_an_adversary_are_refused_or_answer_for_every_number(
        low in number(), high in number(), bits in word(), entries in prop::collection::vec(any::<i16>(), 0..9),
        steps in prop::array::uniform2(number()), zeros in prop::array::uniform2(any::<i32>()), q in any::<i16>(),
        mut z in prop::collection::vec(number(), 0..9), edges in prop::array::uniform2(any::<i32>()),
    ) {
        let scale = |i: usize| Scale { step: steps[i], zero: zeros[i] };
        for scale in Scale::spanning(low, high, bits).into_iter().chain([scale(0), scale(1)]) {
            let _ = (scale.is_valid(), scale.real(zeros[0]), scale.real(i32::MIN), scale.integer(low, edges[0], edges[1]));
        }
        if let Ok(table) = Table16::new(&entries) {
            for q in [q, i16::MIN, i16::MAX, 0] {
                let _ = table.at(q);
            }
            for (input, output) in [(scale(0), scale(1)), (Scale { step: 1e-3, zero: 7 }, Scale { step: 1.0, zero: zeros[0] })] {
                let Ok(scaled) = Scaled16::new(table, input, output) else { continue };
                let mut h = z.clone();
                scaled.apply_with_slopes(&mut h.clone(), &mut h).unwrap();
                scaled.apply(&mut z);
            }
        }
        let bytes = [q as i8; 256];
        for (input, output) in [(scale(0), scale(1)), (Scale { step: 1e-3, zero: 7 }, Scale { step: 1.0, zero: zeros[0] })] {
            let Ok(scaled) = Scaled8::new(Table8(&bytes), input, output) else { continue };
            let mut h = z.clone();
            scaled.apply_with_slopes(&mut h.clone(), &mut h).unwrap();
            scaled.apply(&mut z);
        }
        let mut all: Vec<i8> = (-128..=127).collect();
        Table8(&bytes).apply(&mut all);
        prop_assert!(all.iter().all(|&b| b == q as i8));
    }

    #[test]
    fn deployed_networks_of_an_adversary_are_refused_or_answer(
        shape in small_shape(), l in lengths(), label in 0..7u16, rates in prop::array::uniform2(number()),
        shifts in prop::array::uniform9(prop_oneof![4 => Just(0u8), 1 => any::<u8>()]), shift in any::<u8>(),
        words in prop::collection::vec(any::<i32>(), 3), byte in any::<i8>(), zeros in prop::array::uniform2(-130..130i32),
    ) {
        let knots = Knots { low: -2.0, high: 2.0, count: 5 };
        let entries: Vec<f32> = l.floats(5, 7).into_iter().chain([0.0; 9]).take(5).collect();
        let table = Compact::new(Form::Linear, knots, Symmetry::None, Base::Zero, &entries).unwrap();
        let activations = vec![AnyActivation::Compact(table); l.len(shape.types(), 0)];
        let mut theta: Vec<f32> = l.floats(shape.theta_len(), 1);
        let (x, mut out): (Vec<f32>, Vec<f32>) = (l.floats(shape.inputs(), 2), l.floats(shape.outputs(), 3));
        let mut work: Vec<f32> = l.floats(shape.online_len(), 4);
        let _ = Pipeline::unscaled(&shape, &theta, &activations).predict(&x, &mut out, &mut work);
        let pairs = vec![[rates[0]; 2]; l.len(shape.inputs(), 6)];
        let _ = deploy::standardise(&x, &pairs, &mut out);
        let units = vec![[rates[1]; 2]; l.len(shape.outputs(), 5)];
        let scalings = [Outputs::Plain, Outputs::Classes, Outputs::Values(&units)];
        for outputs in scalings {
            let scaling = Scaling { inputs: &pairs, outputs };
            let model = deploy::Pipeline { shape: &shape, theta: &theta, activations: &activations, scaling };
            let mut work: Vec<f32> = l.floats(shape.run_len(), 4);
            let before: Vec<u32> = out.iter().map(|y| y.to_bits()).collect();
            match model.run(&x, &mut out, &mut work) {
                Ok(class) => prop_assert!(class < shape.outputs() && out.iter().all(|y| y.is_finite())),
                Err(_) => prop_assert_eq!(out.iter().map(|y| y.to_bits()).collect::<Vec<_>>(), before),
            }
        }
        let values: Vec<f32> = l.floats(shape.outputs(), 5);
        let rates = Rates { theta: rates[0], knots: rates[1], clip: l.numbers[1] };
        let mut own = entries.clone();
        let mut types: Vec<Type<'_>> = activations.iter().map(|a| Type::Frozen(*a)).collect();
        if let Some(last) = types.last_mut() {
            *last = Type::Tunable(Tunable::new(knots, &mut own).unwrap());
        }
        for answer in [Answer::Class(label), Answer::Values(&values)] {
            let _ = OnlineTrainer { shape: &shape, theta: &mut theta, types: &mut types, rates, work: &mut work }.step(&x, answer);
        }
        let outputs: usize = (1..=shape.layers()).map(|i| shape.width(i)).sum();
        let products: usize = (0..shape.layers()).map(|i| shape.width(i) * shape.width(i + 1)).sum();
        let mut shifts = shifts;
        shifts.iter_mut().take(shape.layers()).for_each(|s| *s = (*s).max(shift));
        let parts = Parts {
            weights: &vec![byte; l.len(products, 0)],
            biases: &vec![words[0] >> 1; l.len(outputs, 1)],
            factors: &vec![words[1] & i32::MAX; l.len(outputs, 2)],
            shifts,
            tables: &vec![[byte; 256]; l.len(shape.types(), 3)],
            input: Scale { step: 0.1, zero: zeros[0] },
            output: Scale { step: 0.1, zero: zeros[1] / 100 },
        };
        if let Ok(network) = Quantised::new(shape, parts) {
            let mut q = vec![0i8; l.len(shape.inputs(), 4)];
            let _ = network.quantise(&x, &mut q);
            let mut work = vec![0; l.len(network.work_len(), 5)];
            for outputs in scalings {
                let (mut y, before) = (vec![0; l.len(shape.outputs(), 6)], out.clone());
                let scratch = Scratch { q: &mut q, work: &mut work, y: &mut y };
                let done = network.run(&Scaling { inputs: &pairs, outputs }, &x, &mut out, scratch);
                let bits = |out: &[f32]| out.iter().map(|y| y.to_bits()).collect::<Vec<_>>();
                prop_assert!(done.is_ok() || bits(&out) == bits(&before));
            }
            let _ = network.predict(&q, &mut vec![0; l.len(shape.outputs(), 6)], &mut work);
        }
    }

    #[test]
    fn random_numbers_can_be_asked_for_at_any_place(
        seed in any::<u64>(), part in any::<u32>(), step in any::<u64>(), index in any::<u32>(), n in any::<u32>(), len in 0..20usize,
    ) {
        let draws = Draws::new(seed, Stream::User, part, step);
        prop_assert!(draws.below(index, n) < n.max(1));
        prop_assert!((0.0..1.0).contains(&draws.uniform::<f32>(index)) && (0.0..1.0).contains(&draws.uniform::<f64>(index)));
        let mut order = vec![u32::MAX; len];
        draws.permutation(&mut order);
        order.sort_unstable();
        prop_assert!(order.iter().enumerate().all(|(i, &o)| i == o as usize));
    }
}

#[test]
fn a_shape_that_no_memory_could_hold_is_refused_where_addresses_are_short() {
    // On a machine of 64 bits every shape within the other limits can be addressed.
    let widest = Shape::try_new(&[1 << 20; 10], &[Activation::Base(Base::Relu)]);
    let count = 9 * ((1u128 << 40) + (1 << 20));
    assert_eq!(widest.is_ok(), count <= isize::MAX as u128);
}

#[test]
fn a_scale_whose_zero_would_overflow_is_refused() {
    let table = Table16::new(&[0, 1, 2]).unwrap();
    let scale = |zero| Scale { step: 1.0, zero };
    assert!(Scaled16::new(table, scale(0), scale(i32::MIN)).is_err());
    assert!(Scaled16::new(table, scale(0), scale(1 << 30)).is_ok());
}
