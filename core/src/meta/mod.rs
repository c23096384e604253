//! The schedules of learning the activations.
//!
//! *Alternating* ([`Alternating`]): train the weights; every few steps take one gradient step in the activation
//! parameters as well. First order, no tape: the schedule for devices.
//!
//! *Unrolled* ([`hypergradient`]): train a fresh network for `T` steps, and differentiate the outer loss through the
//! whole training (Maclaurin, Duvenaud, Adams 2015). With the weights `theta`, the optimizer's
//! state `s`, and `g_t = dL_t/dtheta`, the training is
//! `(theta, s)_{t+1} = step((theta, s)_t, g_t)`. Running backwards, the adjoint of `step` gives the
//! adjoint `r` of `g_t`, and one product of the joint Hessian with `[r | 0]` gives both its part in
//! the adjoint of `theta_t` (upper half) and its part in the hypergradient (lower half). Random
//! draws are replayed from (seed, step), never stored.
//!
//! The caller's tape holds one *segment* of the training in full (`theta`, `g`, `s` of every step)
//! and snapshots of (`theta`, `s`) where the other segments begin. One segment of `T` steps is the
//! full tape; segments of `sqrt(T)` steps need far less memory and repeat each step once; the bits
//! are the same.
//!
//! ```
//! use ldnn_core::meta::{Buffers, Datasets, Draw, OuterLoss, Unroll, hypergradient};
//! use ldnn_core::network::{Data, Init, Target, init_phi};
//! use ldnn_core::schedule::Schedule;
//! use ldnn_core::{Base, Activation, Optimizer, Plain, Shape};
//!
//! // One inner training of four steps, and how its loss changes with the activation's parameters.
//! const ACTIVATION: Activation = Activation::Learned { base: Base::Sine, units: 3 };
//! const PLAN: Unroll<f32> = Unroll {
//!     shape: Shape::new(&[1, 4, 1], &[ACTIVATION]),
//!     untaped: 0,
//!     steps: 4,
//!     batch: 4,
//!     shuffle: false,
//!     noise: 0.0,
//!     init: Init::FanIn,
//!     optimizer: Optimizer::Sgd { lr: 0.1, momentum: 0.8 },
//!     schedule: Schedule::CONSTANT,
//!     outer: OuterLoss::Train { last: 2 },
//!     segment: 4,
//! };
//! let data = Data { x: &[-1.0, -0.5, 0.5, 1.0], target: Target::Values(&[1.0, 0.25, 0.25, 1.0]) };
//! let mut params = [0.0; PLAN.shape.param_len()];
//! init_phi(&PLAN.shape, 1, &mut params[PLAN.shape.theta_len()..])?;
//! let (mut dphi, mut trained) = ([0.0; PLAN.shape.phi_len()], [0.0; PLAN.shape.theta_len()]);
//! let (mut tape, mut work, mut order) = ([0.0; PLAN.tape_len()], [0.0; PLAN.work_len()], [0; PLAN.order_len(4)]);
//! let buffers = Buffers {
//!     params: &mut params,
//!     dphi: &mut dphi,
//!     trained: &mut trained,
//!     tape: &mut tape,
//!     work: &mut work,
//!     order: &mut order,
//! };
//! let data = Datasets { train: data, held_out: data };
//! let outcome = hypergradient(Plain, &PLAN, data, Draw { seed: 1, outer_step: 0 }, buffers)?;
//! assert!(outcome.outer_loss > 0.0 && dphi.iter().any(|d| *d != 0.0));
//! # Ok::<(), ldnn_core::Error>(())
//! ```

mod alternating;
mod hypergradient;
mod unroll;

pub use alternating::Alternating;
pub use hypergradient::hypergradient;
pub use unroll::{Buffers, Datasets, Draw, InnerLosses, OuterLoss, Unroll};
