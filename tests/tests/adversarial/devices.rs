//! What runs on a device: tables, networks, learning in place.

use crate::strategies::{base, lengths, number, small_shape, word};
use ldnn_core::deploy::{Activate, AnyActivation, Outputs, Pipeline, Scaling};
use ldnn_core::online::{Answer, OnlineTrainer, Rates, Type};
use ldnn_core::quantised::{Parts, Quantised, Scratch};
use ldnn_core::table::compact;
use ldnn_core::table::compact::{Compact, Form, Knots, Symmetry, Tunable};
use ldnn_core::table::integer::{Scale, Scaled8, Scaled16, Table8, Table16};
use ldnn_core::{Base, deploy};
use proptest::prelude::*;

proptest! {
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
}

#[test]
fn a_scale_whose_zero_would_overflow_is_refused() {
    let table = Table16::new(&[0, 1, 2]).unwrap();
    let scale = |zero| Scale { step: 1.0, zero };
    assert!(Scaled16::new(table, scale(0), scale(i32::MIN)).is_err());
    assert!(Scaled16::new(table, scale(0), scale(1 << 30)).is_ok());
}
