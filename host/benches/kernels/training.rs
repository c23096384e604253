//! Steps of ordinary training, and products with the Hessian.

use crate::measure::{Bench, Line, best};
use crate::naive;
use crate::setting::{BATCH, Setting};
use ldnn_core::network::{
    Batch, Data, Direction, GradientAndProduct, Network, Pass, Target, Workspace, Wrt,
};
use ldnn_core::train::Trainer;
use ldnn_core::{Activation, Base, Optimizer};

/// A training step and a Hessian product of the network `s`.
pub fn run(bench: &mut Bench, name: &str, s: &mut Setting) {
    let (level, shape) = (bench.level, s.shape);
    let macs = BATCH * (2 * shape.width(0) * shape.width(1) + 3 * shape.width(1) * shape.width(2));
    let optimizer = Optimizer::Sgd {
        lr: 1e-4,
        momentum: 0.8,
    };
    let theta = shape.theta_len();
    let (mut params, mut state, mut grad) = (s.params.clone(), vec![0.0; theta], vec![0.0; theta]);

    let data = Data {
        x: &s.x,
        target: Target::Classes(&s.labels),
    };
    let batch = Batch::range(data, 0, BATCH);
    let repetitions = if name == "direct" { 5 } else { 300 };

    if bench.wants("training step") {
        let mut ours = || {
            let mut trainer = Trainer {
                shape: &shape,
                vector: level,
                params: &mut params,
                state: &mut state,
                grad: &mut grad,
                workspace: Workspace::new(&shape, BATCH, Pass::Backward, &mut s.work)
                    .expect("fits"),
            };

            trainer.step(&optimizer, &batch, 0).expect("fits");
        };

        let name = format!("training step, {name}");

        if shape.activation(0) == Activation::Base(Base::Relu) {
            let (mut params, mut grad) = (s.params.clone(), vec![0.0; theta]);
            let (x, labels) = (&s.x[..BATCH * shape.inputs()], &s.labels[..BATCH]);
            let widths = [shape.width(0), shape.width(1), shape.width(2)];
            bench.against(&name, macs, repetitions, &mut ours, &mut || {
                naive::relu_training_step(&mut params, &mut grad, x, labels, widths, 1e-4);
            });
        } else {
            bench.add(&name, macs, repetitions, &mut ours);
        }
    }

    if bench.wants("Hessian") {
        let direction = s.params.clone();
        let (mut grad, mut product) = (vec![0.0; shape.param_len()], vec![0.0; shape.param_len()]);
        let (mut other, mut twice) = (grad.clone(), s.work.clone());
        let network = Network::new(&shape, &s.params)
            .expect("fits")
            .with_vector(level);
        let mut workspace =
            Workspace::new(&shape, BATCH, Pass::SecondOrder, &mut s.work).expect("fits");

        let mut other_workspace =
            Workspace::new(&shape, BATCH, Pass::Backward, &mut twice).expect("fits");

        let times = best(
            repetitions,
            &mut [
                &mut || {
                    let out = GradientAndProduct {
                        gradient: &mut grad,
                        product: &mut product,
                    };
                    let direction = Direction::All(&direction);

                    network
                        .gradient_and_hessian_product(&batch, direction, out, &mut workspace)
                        .expect("fits");
                },
                &mut || {
                    network
                        .gradient(&batch, Wrt::All, &mut other, &mut other_workspace)
                        .expect("fits");
                },
            ],
        );

        let ratio = times[0] / times[1];
        let name = format!("Hessian product, {name}: {ratio:.2} x the gradient");

        bench.lines.push(Line {
            name,
            seconds: times[0],
            macs: 0.0,
            naive: None,
        });
    }
}
