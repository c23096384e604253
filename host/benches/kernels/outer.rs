//! Outer steps of the unrolled schedule.

use crate::measure::{Bench, Line, best};
use crate::setting::{BATCH, ROWS, Setting};
use ldnn::support::simd::Level;
use ldnn_core::meta::{Buffers, Datasets, Draw, OuterLoss, Unroll, hypergradient};
use ldnn_core::network::Init;
use ldnn_core::schedule::Schedule;
use ldnn_core::{Optimizer, Shape};

/// Outer steps with tables, with a short tape, and without tables.
pub fn run(bench: &mut Bench, direct: &Setting, tabled: &Setting) {
    let macs = outer_macs(&tabled.shape) as f64 * (BATCH * 100) as f64;

    for (name, short) in [
        ("outer step, 100 inner steps", false),
        ("outer step, short tape", true),
    ] {
        if bench.wants(name) {
            let seconds = step_seconds(bench.level, tabled, 100, BATCH, short, 20);
            bench.lines.push(Line {
                name: name.into(),
                seconds,
                macs,
                naive: None,
            });
        }
    }

    if bench.wants("outer step, direct") {
        let seconds = step_seconds(bench.level, direct, 10, BATCH, false, 2);
        let name = "outer step, direct evaluation, 10 inner steps".into();

        bench.lines.push(Line {
            name,
            seconds,
            macs: macs / 10.0,
            naive: None,
        });
    }
}

/// One unrolled outer step; returns its seconds.
pub fn step_seconds(
    level: Level,
    s: &Setting,
    steps: usize,
    batch: usize,
    short: bool,
    repetitions: usize,
) -> f64 {
    let shape = s.shape;
    let optimizer = Optimizer::authors_rmsprop();
    let outer = OuterLoss::Train { last: steps };

    let mut plan = Unroll {
        shape,
        untaped: 0,
        steps,
        batch,
        shuffle: true,
        noise: 0.1,
        init: Init::FanIn,
        optimizer,
        schedule: Schedule::CONSTANT,
        outer,
        segment: steps,
    };

    if short {
        plan.segment = plan.short_segment();
    }

    let (mut tape, mut work) = (vec![0.0; plan.tape_len()], vec![0.0; plan.work_len()]);
    let mut order = vec![0; plan.order_len(ROWS)];
    let mut params = s.params.clone();
    let (mut dphi, mut trained) = (vec![0.0; shape.phi_len()], vec![0.0; shape.theta_len()]);

    let mut step = || {
        let buffers = Buffers {
            params: &mut params,
            dphi: &mut dphi,
            trained: &mut trained,
            tape: &mut tape,
            work: &mut work,
            order: &mut order,
        };

        let data = Datasets {
            train: s.data(),
            held_out: s.data(),
        };

        hypergradient(
            level,
            &plan,
            data,
            Draw {
                seed: 1,
                outer_step: 0,
            },
            buffers,
        )
        .expect("fits");
    };

    best(repetitions, &mut [&mut step])[0]
}

/// Multiply-adds of one row of an unrolled step, forward and gradient once, values and tangents of
/// the product once, what is zero or not wanted left out: about 3 + 5 times the forward pass of one
/// hidden layer.
fn outer_macs(shape: &Shape) -> usize {
    let (first, second) = (
        shape.width(0) * shape.width(1),
        shape.width(1) * shape.width(2),
    );

    // Training: forward, weights' adjoints, inputs' adjoint of the second layer.
    let training = 2 * first + 3 * second;

    // Product: forward values, forward tangents (one product in the first layer, two in the
    // second), tangents of the weights' adjoints (one and two), inputs' adjoint of the second
    // layer: values, and two products of tangents.
    let product = (first + second) + (first + 2 * second) + (first + 2 * second) + 3 * second;

    training + product
}
