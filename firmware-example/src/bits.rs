//! The rest of the library on the device, in small: gradient, Hessian-vector product, hypergradient; hashes of the results.

use crate::hash;
use ldnn_core::meta::{Buffers, OuterLoss, Unroll, hypergradient};
use ldnn_core::network::{self, Batch, Data, Init, Noise, Target};
use ldnn_core::optimise::Rule;
use ldnn_core::rng::{Draws, Stream};
use ldnn_core::{Base, Kind, Plain, Shape};

const KIND: Kind = Kind::Learned { base: Base::Sine, units: 4 };
const SHAPE: Shape = Shape::new(&[6, 8, 3], &[KIND, KIND]);
const PARAMS: usize = SHAPE.param_len();
const ROWS: usize = 10;
const STEPS: usize = 4;
const BATCH: usize = 5;
const PLAN: Unroll<f32> = Unroll {
    shape: SHAPE,
    steps: STEPS,
    batch: BATCH,
    shuffle: true,
    noise: 0.1,
    init: Init::FanIn,
    rule: Rule::RmsProp { rate: 0.01, decay: 0.8, epsilon: 1e-8, start: 1.0 },
    outer: OuterLoss::HeldOut { last: 2, batch: BATCH },
    segment: STEPS,
};

/// The memory of it all.
pub struct Memory {
    params: [f32; PARAMS],
    first: [f32; PARAMS],
    second: [f32; PARAMS],
    x: [f32; 6 * ROWS],
    work: [f32; WORK],
    tape: [f32; PLAN.tape_len()],
    order: [u32; PLAN.order_len(ROWS)],
}

const WORK: usize = {
    let (a, b) = (SHAPE.tangent_work_len(ROWS), PLAN.work_len());
    if a > b { a } else { b }
};

/// Hashes of the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashes {
    /// Of the gradient with training noise.
    pub gradient: u32,
    /// Of a Hessian-vector product.
    pub hessian: u32,
    /// Of the hypergradient of a short training with RMSprop.
    pub hypergradient: u32,
}

impl Memory {
    /// Empty.
    #[must_use]
    pub const fn new() -> Memory {
        Memory {
            params: [0.0; PARAMS],
            first: [0.0; PARAMS],
            second: [0.0; PARAMS],
            x: [0.0; 6 * ROWS],
            work: [0.0; WORK],
            tape: [0.0; PLAN.tape_len()],
            order: [0; PLAN.order_len(ROWS)],
        }
    }

    /// Computes all of it.
    ///
    /// # Errors
    /// None: the sizes fit.
    pub fn run(&mut self) -> Option<Hashes> {
        let Memory { params, first, second, x, work, tape, order } = self;
        let draws = Draws::new(3, Stream::User, 0, 0);
        x.iter_mut().enumerate().for_each(|(i, x)| *x = draws.symmetric(i as u32));
        let labels = [0, 1, 2, 0, 1, 2, 0, 1, 2, 0];
        let data = Data { x: &x[..], target: Target::Classes(&labels) };
        let batch = || Batch::all(data, 6);
        let (theta, phi) = params.split_at_mut_checked(SHAPE.theta_len())?;
        network::init_theta(&SHAPE, Init::FanIn, 5, 0, theta).ok()?;
        network::init_phi(&SHAPE, 5, phi).ok()?;
        let noise = Some(Noise { amplitude: 0.1, seed: 5, step: 1 });
        network::gradient(Plain, &SHAPE, params, batch(), noise, first, work).ok()?;
        let gradient = hash(first);
        network::hessian_product(Plain, &SHAPE, params, first, batch(), None, &mut [], second, work).ok()?;
        let hessian = hash(second);
        let dphi = first.get_mut(..SHAPE.phi_len())?;
        let trained = second.get_mut(..SHAPE.theta_len())?;
        let buffers = Buffers { tape, work: work.get_mut(..PLAN.work_len())?, order };
        hypergradient(Plain, &PLAN, data, data, 5, 0, params, dphi, trained, buffers).ok()?;
        Some(Hashes { gradient, hessian, hypergradient: hash(dphi) })
    }
}

impl Default for Memory {
    fn default() -> Self {
        Memory::new()
    }
}
