//! Runs one kernel so many times, for counting its instructions: `instructions KERNEL TIMES`. See
//! `tests/instructions.sh`.

use ldnn_core::meta::{Buffers, Datasets, Draw, OuterLoss, Unroll, hypergradient};
use ldnn_core::network::{
    Batch, Data, Direction, GradientAndProduct, Init, Network, Pass, Target, Workspace, init_phi,
    init_theta,
};
use ldnn_core::rng::{Draws, Stream};
use ldnn_core::schedule::Schedule;
use ldnn_core::table::{Tabulation, tabulated};
use ldnn_core::train::Trainer;
use ldnn_core::{Activation, Base, Error, Optimizer, Plain, Shape};

const DIRECT: Shape = Shape::new(
    &[40, 100, 10],
    &[Activation::Learned {
        base: Base::Sine,
        units: 50,
    }; 2],
);
const KNOTS: usize = 257;
const BATCH: usize = 200;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, kernel, times] = &arguments[..] else {
        return Err("usage: instructions KERNEL TIMES".into());
    };
    let times: usize = times.parse()?;
    let shape = tabulated(&DIRECT, KNOTS, 10.0)?;
    let theta = shape.theta_len();
    let mut params = vec![0.0f32; shape.param_len()];

    let mut phi = vec![0.0; DIRECT.phi_len()];
    init_theta(&shape, Init::FanIn, 1, 0, &mut params[..theta])?;
    init_phi(&DIRECT, 1, &mut phi)?;

    let tabulation = Tabulation {
        from: &DIRECT,
        to: &shape,
    };
    let mut build_work = vec![0.0; tabulation.work_len()];

    tabulation.build(&phi, &mut params[theta..], &mut build_work)?;

    let draws = Draws::new(9, Stream::User, 0, 0);
    let x: Vec<f32> = (0..BATCH * 40)
        .map(|i| 1.7 * draws.symmetric::<f32>(i as u32))
        .collect();
    let labels: Vec<u16> = (0..BATCH)
        .map(|i| draws.below(i as u32, 10) as u16)
        .collect();
    let data = Data {
        x: &x,
        target: Target::Classes(&labels),
    };

    for _ in 0..times {
        match kernel.as_str() {
            "build" => tabulation.build(&phi, &mut params[theta..], &mut build_work)?,
            other => run(other, &shape, &mut params, data)?,
        }
    }

    Ok(())
}

fn run(
    kernel: &str,
    shape: &Shape,
    params: &mut [f32],
    data: Data<'_, f32>,
) -> Result<(), Box<dyn std::error::Error>> {
    let (theta, len) = (shape.theta_len(), shape.param_len());
    let batch = Batch::range(data, 0, BATCH);
    let mut memory = vec![0.0; shape.workspace_len(BATCH, Pass::SecondOrder)];
    let mut workspace = Workspace::new(shape, BATCH, Pass::SecondOrder, &mut memory)?;

    match kernel {
        "predict" => {
            let mut out = vec![0.0; BATCH * shape.outputs()];
            Network::new(shape, params)?.predict(data.x, &mut out, &mut workspace)?;
        }
        "training-step" => {
            let optimizer = Optimizer::Sgd {
                lr: 0.01,
                momentum: 0.8,
            };
            let (mut state, mut grad) = (vec![0.0; theta], vec![0.0; theta]);
            let (state, grad) = (&mut state, &mut grad);

            Trainer {
                shape,
                vector: Plain,
                params,
                state,
                grad,
                workspace,
            }
            .step(&optimizer, &batch, 0)?;
        }
        "hessian-product" => {
            let (direction, mut gradient, mut product) =
                (params.to_vec(), vec![0.0; len], vec![0.0; len]);
            let out = GradientAndProduct {
                gradient: &mut gradient,
                product: &mut product,
            };
            let (network, direction) = (Network::new(shape, params)?, Direction::All(&direction));

            network.gradient_and_hessian_product(&batch, direction, out, &mut workspace)?;
        }
        "outer-step" => outer_step(shape, params, data)?,
        _ => return Err(format!("no kernel '{kernel}'").into()),
    }

    Ok(())
}

fn outer_step(shape: &Shape, params: &mut [f32], data: Data<'_, f32>) -> Result<(), Error> {
    let (optimizer, outer) = (Optimizer::authors_rmsprop(), OuterLoss::Train { last: 4 });
    let (shape, init) = (*shape, Init::FanIn);

    let plan = Unroll {
        shape,
        untaped: 0,
        steps: 4,
        batch: BATCH,
        shuffle: false,
        noise: 0.1,
        init,
        optimizer,
        schedule: Schedule::CONSTANT,
        outer,
        segment: 4,
    };

    let (mut tape, mut work) = (vec![0.0; plan.tape_len()], vec![0.0; plan.work_len()]);
    let mut order = vec![0; plan.order_len(BATCH)];
    let (mut dphi, mut trained) = (vec![0.0; shape.phi_len()], vec![0.0; shape.theta_len()]);

    let buffers = Buffers {
        params,
        dphi: &mut dphi,
        trained: &mut trained,
        tape: &mut tape,
        work: &mut work,
        order: &mut order,
    };

    let data = Datasets {
        train: data,
        held_out: data,
    };

    hypergradient(
        Plain,
        &plan,
        data,
        Draw {
            seed: 1,
            outer_step: 0,
        },
        buffers,
    )?;

    Ok(())
}
