//! Checked doors: whatever lengths and settings come in, the answer is a result or an error, never a panic.

use ldnn_core::meta::{Buffers, OuterLoss, Unroll, hypergradient};
use ldnn_core::network::{self, Batch, Data, Init, Rows, Target};
use ldnn_core::optimise::Rule;
use ldnn_core::table::TableForm;
use ldnn_core::{Base, Error, Kind, Plain, Shape, table};
use proptest::prelude::*;

fn base() -> impl Strategy<Value = Base> {
    (0..7usize).prop_map(|i| Base::ALL[i])
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        base().prop_map(Kind::Base),
        (base(), 0..4usize).prop_map(|(base, units)| Kind::Learned { base, units }),
        (base(), 0..6usize, -1.0..3.0f32, 0..3usize).prop_map(|(base, knots, range, readout)| Kind::Table(TableForm {
            base,
            knots,
            range,
            readout
        })),
    ]
}

fn shape() -> impl Strategy<Value = Option<Shape>> {
    (prop::collection::vec(0..5usize, 0..12), prop::collection::vec(kind(), 0..4))
        .prop_map(|(widths, kinds)| Shape::try_new(&widths, &kinds).ok())
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
        let mut work = vec![0.0; shape.work_len(rows)];
        let mut out = vec![0.0; rows * shape.outputs()];
        let x = vec![1.0; rows * shape.inputs()];
        prop_assert!(network::predict(Plain, &shape, &params, &x, &mut out, &mut work).is_ok());
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
        let mut work = vec![0.0; about(shape.work_len(2), offs[4])];
        let picked = [0, row];
        let batch = Batch { data: Data { x: &x, target: Target::Classes(&labels) }, rows: Rows::Picked(&picked) };
        let result = network::gradient(Plain, &shape, &params, batch, None, &mut grad, &mut work);
        let right = offs[..4].iter().all(|o| *o == 0) && offs[4] >= 0 && row < 3 && usize::from(label) < shape.outputs();
        if right {
            prop_assert!(result.is_ok());
        }
        // Gradients in the weights alone have a length of their own, and a longer work buffer is welcome.
        if result.is_ok() {
            prop_assert!(params.len() == shape.param_len() && usize::from(label) < shape.outputs());
        }
    }

    #[test]
    fn every_plan_of_an_unrolled_training_is_run_or_refused(
        shape in shape(), steps in 0..5usize, batch in 0..5usize, segment in 0..6usize, last in 0..6usize,
        held in prop::option::of(0..4usize), rows in 0..6usize, short in 0..2usize,
    ) {
        let Some(shape) = shape else { return Ok(()) };
        let outer = held.map_or(OuterLoss::Train { last }, |batch| OuterLoss::HeldOut { last, batch });
        let rule = Rule::Sgd { rate: 0.1f32, momentum: 0.5 };
        let plan = Unroll { shape, steps, batch, shuffle: true, noise: 0.1, init: Init::He, rule, outer, segment };
        let x = vec![0.5f32; rows * shape.inputs()];
        let labels = vec![0; rows];
        let data = Data { x: &x, target: Target::Classes(&labels) };
        let mut params = vec![0.1; shape.param_len()];
        let (mut dphi, mut trained) = (vec![0.0; shape.phi_len()], vec![0.0; shape.theta_len()]);
        let mut tape = vec![0.0; plan.tape_len().saturating_sub(short)];
        let (mut work, mut order) = (vec![0.0; plan.work_len()], vec![0; plan.order_len(rows)]);
        let buffers = Buffers { tape: &mut tape, work: &mut work, order: &mut order };
        let _ = hypergradient(Plain, &plan, data, data, 1, 0, &mut params, &mut dphi, &mut trained, buffers);
    }

    #[test]
    fn a_table_answers_for_every_bit_pattern(bits in any::<u32>(), knots in 2..9usize, range in 0.01..100.0f32) {
        let form = TableForm::fixed(knots, range);
        let params = vec![0.25f32; form.param_len()];
        let mut out = [0.0];
        prop_assert!(table::evaluate(form, &params, &[f32::from_bits(bits)], &mut out).is_ok());
    }
}

#[test]
fn errors_name_the_buffer_and_both_lengths() {
    let shape = Shape::new(&[2, 3, 2], &[Kind::Base(Base::Relu)]);
    let mut out = [0.0; 2];
    let error = network::predict(Plain, &shape, &[0.0f32; 5], &[0.0; 2], &mut out, &mut [0.0; 100]).unwrap_err();
    assert!(matches!(error, Error::Size(e) if e.buffer == "params" && e.expected == 17 && e.got == 5));
    assert_eq!(error.to_string(), "buffer `params` has length 5, but 17 is needed");
}

#[test]
fn impossible_shapes_are_refused_with_a_sentence() {
    let relu = [Kind::Base(Base::Relu)];
    let message = |widths: &[usize], kinds: &[Kind]| Shape::try_new(widths, kinds).unwrap_err().to_string();
    for (widths, kinds) in [
        (&[3][..], &relu[..]),
        (&[3, 0, 2], &relu),
        (&[3, 4, 2], &[]),
        (&[3, 1, 2], &[relu[0]; 2]),
        (&[2; 20], &relu),
        (&[3, 4, 2], &[relu[0]; 17]),
        (&[3, usize::MAX, 2], &relu),
    ] {
        assert!(message(widths, kinds).len() > 20, "{widths:?}");
    }
}
