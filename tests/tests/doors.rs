//! Checked doors: whatever lengths and settings come in, the answer is a result or an error, never
//! a panic.

use ldnn_core::deploy::AnyActivation;
use ldnn_core::meta::{Buffers, Datasets, Draw, OuterLoss, Unroll, hypergradient};
use ldnn_core::network::{Batch, Data, Init, Network, Pass, Target, Workspace, Wrt};
use ldnn_core::quantised::{Parts, Quantised};
use ldnn_core::schedule::{Decay, Schedule};
use ldnn_core::table::compact::{Compact, Form, Knots, Symmetry};
use ldnn_core::table::integer::{Scale, Scaled8, Scaled16, Table8, Table16};
use ldnn_core::table::{TableForm, Tabulation};
use ldnn_core::train::Trainer;
use ldnn_core::{Activation, Base, Error, Optimizer, Plain, Shape, table};
use proptest::prelude::*;

fn base() -> impl Strategy<Value = Base> {
    prop::sample::select(&Base::ALL[..])
}

fn activation() -> impl Strategy<Value = Activation> {
    prop_oneof![
        base().prop_map(Activation::Base),
        (base(), 0..4usize).prop_map(|(base, units)| Activation::Learned { base, units }),
        (base(), 0..6usize, -1.0..3.0f32, 0..3usize).prop_map(|(base, knots, range, readout)| {
            Activation::Table(TableForm {
                base,
                knots,
                range,
                readout,
            })
        }),
    ]
}

fn shape() -> impl Strategy<Value = Option<Shape>> {
    (
        prop::collection::vec(0..5usize, 0..12),
        prop::collection::vec(activation(), 0..4),
    )
        .prop_map(|(widths, activations)| Shape::try_new(&widths, &activations).ok())
}

/// The right length, or nearly.
fn about(n: usize, off: i8) -> usize {
    n.saturating_add_signed(isize::from(off))
}

proptest! {
    #[test]
    fn a_shape_that_is_accepted_works(shape in shape(), rows in 1..4usize) {
        let Some(shape) = shape else { return Ok(()) };
        let params = vec![0.1f32; shape.param_len()];
        let mut memory = vec![0.0; shape.workspace_len(rows, Pass::Forward)];
        let mut workspace = Workspace::new(&shape, rows, Pass::Forward, &mut memory).unwrap();
        let mut out = vec![0.0; rows * shape.outputs()];
        let x = vec![1.0; rows * shape.inputs()];
        prop_assert!(Network::new(&shape, &params).unwrap().predict(&x, &mut out, &mut workspace).is_ok());
    }

    #[test]
    fn wrong_lengths_rows_and_labels_are_refused_without_a_panic(
        shape in shape(), offs in prop::array::uniform5(-2..3i8), label in 0..6u16, row in 0..5u32,
    ) {
        let Some(shape) = shape else { return Ok(()) };
        let rows = 3;
        let params = vec![0.1f32; about(shape.param_len(), offs[0])];
        let x = vec![1.0; about(rows * shape.inputs(), offs[1])];
        let labels = vec![label; about(rows, offs[2])];
        let mut grad = vec![0.0; about(shape.param_len(), offs[3])];
        let mut memory = vec![0.0; about(shape.workspace_len(2, Pass::Backward), offs[4])];
        let picked = [0, row];
        let batch = Batch::picked(Data { x: &x, target: Target::Classes(&labels) }, &picked);
        let bound = Workspace::new(&shape, 2, Pass::Backward, &mut memory);
        prop_assert_eq!(bound.is_ok(), offs[4] >= 0);
        let result = bound.map_err(Error::from).and_then(|mut workspace| {
            Network::new(&shape, &params)?.gradient(&batch, Wrt::All, &mut grad, &mut workspace)
        });
        let right = offs[..4].iter().all(|o| *o == 0) && offs[4] >= 0 && row < 3 && usize::from(label) < shape.outputs();
        prop_assert_eq!(result.is_ok(), right, "{:?}", result);
    }

    #[test]
    fn every_plan_of_an_unrolled_training_is_run_or_refused(
        shape in shape(), steps in 0..5usize, batch in 0..5usize, segment in 0..6usize, last in 0..6usize,
        held in prop::option::of(0..4usize), rows in 0..6usize, short in 0..2usize, untaped in 0..4usize,
    ) {
        let Some(shape) = shape else { return Ok(()) };
        let outer = held.map_or(OuterLoss::Train { last }, |batch| OuterLoss::HeldOut { last, batch });
        let optimizer = Optimizer::Sgd { lr: 0.1f32, momentum: 0.5 };
        let schedule = Schedule { decay: Decay::Linear, warmup: 1, steps };
        let plan = Unroll { shape, untaped, steps, batch, shuffle: true, noise: 0.1, init: Init::He, optimizer, schedule, outer, segment };
        let x = vec![0.5f32; rows * shape.inputs()];
        let labels = vec![0; rows];
        let data = Data { x: &x, target: Target::Classes(&labels) };
        let mut params = vec![0.1; shape.param_len()];
        let (mut dphi, mut trained) = (vec![0.0; shape.phi_len()], vec![0.0; shape.theta_len()]);
        let mut tape = vec![0.0; plan.tape_len().saturating_sub(short)];
        let (mut work, mut order) = (vec![0.0; plan.work_len()], vec![0; plan.order_len(rows)]);
        let buffers = Buffers {
            params: &mut params,
            dphi: &mut dphi,
            trained: &mut trained,
            tape: &mut tape,
            work: &mut work,
            order: &mut order,
        };
        let datasets = Datasets { train: data, held_out: data };
        let _ = hypergradient(Plain, &plan, datasets, Draw { seed: 1, outer_step: 0 }, buffers);
    }

    #[test]
    fn a_table_answers_for_every_bit_pattern(bits in any::<u32>(), knots in 2..9usize, range in 0.01..100.0f32) {
        let form = TableForm::fixed(knots, range);
        let params = vec![0.25f32; form.param_len()];
        let mut out = [0.0];
        prop_assert!(Activation::Table(form).eval(&params, &[f32::from_bits(bits)], &mut out).is_ok());
    }
}

#[test]
fn errors_name_the_buffer_and_both_lengths() {
    let shape = Shape::new(&[2, 3, 2], &[Activation::Base(Base::Relu)]);
    let error = Network::new(&shape, &[0.0f32; 5]).unwrap_err();
    assert_eq!((error.buffer, error.expected, error.got), ("params", 17, 5));
    assert_eq!(
        Error::from(error).to_string(),
        "buffer `params` has length 5, but 17 is needed"
    );
}

#[test]
fn a_workspace_is_refused_where_it_is_too_short_and_says_how_long_it_should_be() {
    let shape = Shape::new(&[2, 3, 2], &[Activation::RELU]);
    let [forward, backward, second] =
        [Pass::Forward, Pass::Backward, Pass::SecondOrder].map(|pass| shape.workspace_len(4, pass));

    assert!(forward < backward && backward < second);

    let mut memory = vec![0.0f32; forward];
    let error = Workspace::new(&shape, 4, Pass::Backward, &mut memory).unwrap_err();

    assert_eq!(
        error.to_string(),
        format!("buffer `workspace` has length {forward}, but {backward} is needed")
    );

    // One for four rows and predictions takes neither five rows nor a gradient.
    let mut workspace = Workspace::new(&shape, 4, Pass::Forward, &mut memory).unwrap();
    let network = Network::new(&shape, &[0.5; 17]).unwrap();

    assert!(
        network
            .predict(&[1.0; 8], &mut [0.0; 8], &mut workspace)
            .is_ok()
    );

    let error = network
        .predict(&[1.0; 10], &mut [0.0; 10], &mut workspace)
        .unwrap_err();

    assert!(
        matches!(error, Error::Size(e) if e.buffer == "workspace" && e.got == forward),
        "{error}"
    );

    let batch = Batch::all(
        Data {
            x: &[1.0; 8],
            target: Target::Classes(&[0; 4]),
        },
        2,
    );

    let error = network
        .gradient(&batch, Wrt::Weights, &mut [0.0; 17], &mut workspace)
        .unwrap_err();

    assert!(
        matches!(error, Error::Size(e) if e.buffer == "workspace" && e.expected == backward),
        "{error}"
    );
}

#[test]
fn impossible_shapes_are_refused_with_a_sentence() {
    let relu = [Activation::Base(Base::Relu)];
    let message = |widths: &[usize], activations: &[Activation]| {
        Shape::try_new(widths, activations).unwrap_err().to_string()
    };

    for (widths, activations) in [
        (&[3][..], &relu[..]),
        (&[3, 0, 2], &relu),
        (&[3, 4, 2], &[]),
        (&[3, 1, 2], &[relu[0]; 2]),
        (&[2; 20], &relu),
        (&[3, 4, 2], &[relu[0]; 17]),
        (&[3, usize::MAX, 2], &relu),
    ] {
        assert!(message(widths, activations).len() > 20, "{widths:?}");
    }
}

#[test]
fn of_two_lengths_neither_is_taken_where_they_differ() {
    let knots = Knots {
        low: -1.0,
        high: 1.0,
        count: 3,
    };

    let compact = Compact::new(
        Form::Linear,
        knots,
        Symmetry::None,
        Base::Zero,
        &[1.0, 0.0, 1.0],
    )
    .unwrap();

    let scale = Scale { step: 0.1, zero: 0 };
    let wide = Scaled16::new(Table16::new(&[0, 1, 2]).unwrap(), scale, scale).unwrap();
    let narrow = Scaled8::new(Table8(&[0; 256]), scale, scale).unwrap();

    let all = [
        AnyActivation::Base(Base::Tanh),
        AnyActivation::Compact(compact),
        AnyActivation::Integer(wide),
        AnyActivation::Direct(narrow),
    ];

    for activation in all {
        let (mut z, mut h) = ([0.5; 2], [7.0; 3]);
        let error = activation.apply_with_slopes(&mut z, &mut h).unwrap_err();
        assert_eq!((error.buffer, error.expected, error.got), ("h", 2, 3));
        assert_eq!((z, h), ([0.5; 2], [7.0; 3]), "{activation:?}");
    }

    let shape = Shape::new(&[2, 1], &[]);
    let (weights, shifts) = ([4, -2], [9, 0, 0, 0, 0, 0, 0, 0, 0]);
    let (biases, factors) = ([0], [1 << 9]);

    let parts = Parts {
        weights: &weights,
        biases: &biases,
        factors: &factors,
        shifts,
        tables: &[],
        input: scale,
        output: scale,
    };

    let network = Quantised::new(shape, parts).unwrap();
    assert_eq!(
        network.quantise(&[0.0; 3], &mut [0; 2]).unwrap_err().buffer,
        "x"
    );
    assert_eq!(
        network.quantise(&[0.0; 2], &mut [0; 1]).unwrap_err().buffer,
        "to"
    );
}

#[test]
fn tables_of_another_network_are_not_built() {
    let learned = |units| Activation::Learned {
        base: Base::Sine,
        units,
    };
    let shape = Shape::new(&[2, 4, 2], &[learned(3), learned(5)]);
    let tables = table::tabulated(&shape, 9, 2.0).unwrap();

    // As long as the right one all in all, with the types in the other order; and with one type
    // alone.
    let turned =
        table::tabulated(&Shape::new(&[2, 4, 2], &[learned(5), learned(3)]), 9, 2.0).unwrap();
    let single = table::tabulated(&Shape::new(&[2, 4, 2], &[learned(3)]), 9, 2.0).unwrap();
    let phi = vec![0.1f32; shape.phi_len()];

    let mut work = vec![
        0.0;
        Tabulation {
            from: &shape,
            to: &tables
        }
        .work_len()
    ];

    for (to, buffer) in [
        (&tables, None),
        (&turned, Some("a type of the tables")),
        (&single, Some("types")),
    ] {
        let mut out = vec![0.0; to.phi_len()];
        let built = Tabulation { from: &shape, to }.build(&phi, &mut out, &mut work);
        assert_eq!(built.err().map(|e| e.buffer), buffer);
        let adjoint =
            Tabulation { from: &shape, to }.build_adjoint(&phi, &out, &mut phi.clone(), &mut work);
        assert_eq!(adjoint.err().map(|e| e.buffer), buffer);
    }
}

/// A network of rectifiers, which make 0 of NaN: it must not get through unseen.
#[test]
fn a_training_step_names_the_number_that_is_not_finite() {
    let shape = Shape::new(&[2, 3, 1], &[Activation::Base(Base::Relu)]);
    let optimizer = Optimizer::Sgd {
        lr: 0.1f32,
        momentum: 0.5,
    };

    let step = |x: &[f32], values: &[f32], first: f32| {
        let mut params = [0.1; 13];
        params[0] = first;

        let (mut state, mut grad, mut memory) = ([0.25; 13], [0.0; 13], [0.0; 200]);

        let batch = Batch::range(
            Data {
                x,
                target: Target::Values(values),
            },
            1,
            2,
        );

        let before = params.map(f32::to_bits);

        let mut trainer = Trainer {
            shape: &shape,
            vector: Plain,
            params: &mut params,
            state: &mut state,
            grad: &mut grad,
            workspace: Workspace::new(&shape, 2, Pass::Backward, &mut memory).unwrap(),
        };

        let result = trainer.step(&optimizer, &batch, 0);
        assert!(result.is_ok() || (params.map(f32::to_bits), state) == (before, [0.25; 13]));

        result.map(|loss| assert!(loss.is_finite()))
    };

    let at = |buffer, index| Err(Error::NotFinite { buffer, index });
    assert_eq!(step(&[0.5; 6], &[1.0; 3], 0.1), Ok(()));
    // The batch does not have row 0.
    assert_eq!(
        step(&[f32::NAN, 0.5, 0.5, 0.5, 0.5, 0.5], &[1.0; 3], 0.1),
        Ok(())
    );
    assert_eq!(
        step(&[0.5, 0.5, 0.5, f32::NAN, 0.5, 0.5], &[1.0; 3], 0.1),
        at("x", 3)
    );
    assert_eq!(
        step(&[0.5; 6], &[1.0, 1.0, f32::INFINITY], 0.1),
        at("target", 2)
    );
    assert_eq!(
        step(&[0.5; 6], &[1.0; 3], f32::NEG_INFINITY),
        at("params", 0)
    );
    assert_eq!(
        step(&[1e30; 6], &[1.0; 3], 0.1),
        Err(Error::Diverges("the loss"))
    );
    assert_eq!(
        step(&[0.5; 6], &[1.0; 3], 3e38),
        Err(Error::Diverges("the loss"))
    );
}

#[test]
fn clamping_keeps_what_is_nan() {
    let mut values = [f32::NAN, 3.0, -3.0, 0.5, f32::INFINITY, f32::NEG_INFINITY];
    ldnn_core::optimizer::clamp(&mut values, 1.0);
    assert!(values[0].is_nan());
    assert_eq!(values[1..], [1.0, -1.0, 0.5, 1.0, -1.0]);
}
