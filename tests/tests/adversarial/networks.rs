//! Shapes and networks over batches.

use crate::strategies::{
    Lengths, activation, form, lengths, noise, optimizer, shape, size, small_shape, word,
};
use crate::training::unrolled;
use ldnn_core::meta::Alternating;
use ldnn_core::network::{
    Batch, BatchRows, Data, Direction, GradientAndProduct, Init, Network, Pass, Target, Workspace,
    Wrt,
};
use ldnn_core::rng::{Draws, Stream};
use ldnn_core::table::{TableForm, Tabulation};
use ldnn_core::train::Trainer;
use ldnn_core::{Activation, Base, Derivatives, Error, Fixed, Plain, Real, Shape, network, table};
use proptest::prelude::*;

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
