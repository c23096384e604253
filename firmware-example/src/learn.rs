//! Learning where the network is deployed, from data that has drifted, a sample at a time.

use crate::drift::{LEARN, ROWS, row};
use crate::hash;
use crate::model::{floats, subnets};
use ldnn_core::deploy::{AnyActivation, Pipeline};
use ldnn_core::loss::arg_max;
use ldnn_core::meta::Alternating;
use ldnn_core::network::{Batch, Data, Network, Pass, Target, Workspace};
use ldnn_core::online::{Answer, CLIP, OnlineTrainer, Rates, Type};
use ldnn_core::table::compact::{Knots, Tunable};
use ldnn_core::train::Trainer;
use ldnn_core::{Activation, Base, Error, Optimizer, Plain, Shape};

/// How often the stream of rows comes by.
pub const PASSES: usize = 8;
/// The same for the sub-networks, whose step costs two hundred times as much.
pub const DIRECT_PASSES: usize = 2;
/// The knots of the tables that learn.
pub const KNOTS: usize = 65;
/// The sizes of a step.
pub const RATES: Rates = Rates {
    theta: 0.003,
    knots: 0.003,
    clip: CLIP,
};
/// Scratch of [`OnlineTrainer::step`], in values.
pub const STEP_WORK: usize = floats::SHAPE.online_len();

/// What learning did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Steps.
    pub steps: usize,
    /// Rows that were judged.
    pub rows: usize,
    /// Right ones before.
    pub before: usize,
    /// Right ones after.
    pub after: usize,
    /// Of all parameters after it.
    pub hash: u32,
}

/// The rows that learning does not see.
fn judge(mut predict: impl FnMut(&[f32; 40], &mut [f32; 10]) -> bool) -> usize {
    let (mut x, mut out, mut right) = ([0.0; 40], [0.0; 10], 0);
    for i in LEARN..ROWS {
        let label = row(i, 0, &mut x);
        right += usize::from(predict(&x, &mut out) && arg_max(&out) == usize::from(label));
    }
    right
}

/// The weights of the deployed network, to learn from on.
pub fn start(theta: &mut [f32; floats::THETA.len()]) {
    theta.copy_from_slice(&floats::THETA);
}

/// The deployed tables as values at the knots, to learn from on.
pub fn start_knots(entries: &mut [[f32; KNOTS]; 2]) -> [Knots; 2] {
    let mut knots = [Knots {
        low: -1.0,
        high: 1.0,
        count: KNOTS as u32,
    }; 2];

    for ((entries, table), knots) in entries.iter_mut().zip(&floats::ACTIVATIONS).zip(&mut knots) {
        *knots = Knots {
            count: KNOTS as u32,
            ..table.knots()
        };

        for (i, entry) in entries.iter_mut().enumerate() {
            *entry = table.jet(knots.at(i as u32)).0;
        }
    }

    knots
}

/// One step at the rate 0, which changes nothing and costs what any other does.
pub fn idle_step(
    theta: &mut [f32],
    types: &mut [Type<'_>; 2],
    x: &[f32; 40],
    work: &mut [f32; STEP_WORK],
) -> bool {
    let rates = Rates {
        theta: 0.0,
        knots: 0.0,
        clip: CLIP,
    };

    OnlineTrainer {
        shape: &floats::SHAPE,
        theta,
        types,
        rates,
        work,
    }
    .step(x, Answer::Class(0))
    .is_ok()
}

/// Whether a reading that failed, NaN in one place, is refused and leaves every weight and knot as
/// it was, to the bit.
pub fn bad_reading_is_refused(
    theta: &mut [f32],
    types: &mut [Type<'_>; 2],
    x: &[f32; 40],
    work: &mut [f32; STEP_WORK],
) -> bool {
    let before = hash_of(theta, types);
    let mut bad = *x;
    bad[20] = f32::NAN;

    let result = OnlineTrainer {
        shape: &floats::SHAPE,
        theta,
        types,
        rates: RATES,
        work,
    }
    .step(&bad, Answer::Class(0));

    result
        == Err(Error::NotFinite {
            buffer: "x",
            index: 20,
        })
        && hash_of(theta, types) == before
}

/// Of weights and knots.
fn hash_of(theta: &[f32], types: &[Type<'_>; 2]) -> u32 {
    let mut all = hash(theta);
    for of in types {
        if let Type::Tunable(tunable) = of {
            all ^= hash(tunable.table().entries()).rotate_left(1);
        }
    }
    all
}

/// The types of the deployed network, none of which learns.
#[must_use]
pub fn frozen_types() -> [Type<'static>; 2] {
    floats::ACTIVATIONS.map(|table| Type::Frozen(AnyActivation::Compact(table)))
}

/// The types of the deployed network, both of which learn.
pub fn tunable_types(
    knots: [Knots; 2],
    [first, second]: &mut [[f32; KNOTS]; 2],
) -> Option<[Type<'_>; 2]> {
    let [of_first, of_second] = knots;
    Some([
        Type::Tunable(Tunable::new(of_first, first).ok()?),
        Type::Tunable(Tunable::new(of_second, second).ok()?),
    ])
}

/// Fine-tunes weights, and the knots of `Tunable` types.
///
/// # Errors
/// None: what was exported fits together.
pub fn online(
    theta: &mut [f32],
    types: &mut [Type<'_>; 2],
    work: &mut [f32; STEP_WORK],
) -> Option<Report> {
    let mut report = Report {
        rows: ROWS - LEARN,
        ..Report::default()
    };

    report.before = judge_online(theta, types, work);

    let mut x = [0.0; 40];

    for i in 0..PASSES * LEARN {
        let label = row(i % LEARN, i / LEARN, &mut x);

        OnlineTrainer {
            shape: &floats::SHAPE,
            theta,
            types,
            rates: RATES,
            work,
        }
        .step(&x, Answer::Class(label))
        .ok()?;

        report.steps += 1;
    }

    report.after = judge_online(theta, types, work);
    report.hash = hash_of(theta, types);
    Some(report)
}

fn judge_online(theta: &[f32], types: &[Type<'_>; 2], work: &mut [f32; STEP_WORK]) -> usize {
    let activations = types.each_ref().map(|of| match of {
        Type::Frozen(activation) => *activation,
        Type::Tunable(tunable) => AnyActivation::Compact(tunable.table()),
    });
    let Some(work) = work.get_mut(..floats::SHAPE.predict_len()) else {
        return 0;
    };

    judge(|x, out| {
        Pipeline::unscaled(&floats::SHAPE, theta, &activations)
            .predict(x, out, work)
            .is_ok()
    })
}

/// The network with its sub-networks themselves.
pub const DIRECT: Shape = {
    let activation = Activation::Learned {
        base: Base::Sine,
        units: subnets::UNITS,
    };
    Shape::new(&[40, 100, 10], &[activation, activation])
};

/// Its scratch, in values.
pub const DIRECT_WORK: usize = DIRECT.workspace_len(1, Pass::Backward);

/// What learning the sub-networks needs.
pub struct Direct {
    /// Weights and activations.
    pub params: [f32; DIRECT.param_len()],
    state: [f32; DIRECT.param_len()],
    grad: [f32; DIRECT.param_len()],
    work: [f32; DIRECT_WORK],
}

impl Direct {
    /// Empty.
    #[must_use]
    pub const fn new() -> Direct {
        const N: usize = DIRECT.param_len();

        Direct {
            params: [0.0; N],
            state: [0.0; N],
            grad: [0.0; N],
            work: [0.0; DIRECT_WORK],
        }
    }

    /// As deployed.
    pub fn start(&mut self) {
        let all = floats::THETA.iter().chain(&subnets::PHI);
        self.params
            .iter_mut()
            .zip(all)
            .for_each(|(to, &from)| *to = from);
        self.state.fill(0.0);
    }

    /// Step `t` of the alternating schedule on one row.
    pub fn step(&mut self, t: usize, x: &[f32; 40], label: u16) -> bool {
        let optimizer = |lr| Optimizer::Sgd { lr, momentum: 0.0 };

        let plan = Alternating {
            weights: optimizer(0.003),
            activations: optimizer(0.001),
            period: 2,
            clip: 0.1,
        };

        let data = Data {
            x: &x[..],
            target: Target::Classes(&[label]),
        };

        let Direct {
            params,
            state,
            grad,
            work,
        } = self;

        let Ok(workspace) = Workspace::new(&DIRECT, 1, Pass::Backward, work) else {
            return false;
        };

        let mut trainer = Trainer {
            shape: &DIRECT,
            vector: Plain,
            params,
            state,
            grad,
            workspace,
        };

        plan.step(&mut trainer, &Batch::range(data, 0, 1), t)
            .is_ok()
    }

    /// Fine-tunes weights and sub-networks by the alternating schedule.
    ///
    /// # Errors
    /// None: what was exported fits together.
    pub fn alternating(&mut self) -> Option<Report> {
        let mut report = Report {
            rows: ROWS - LEARN,
            ..Report::default()
        };

        report.before = self.judge();

        let mut x = [0.0; 40];

        for t in 0..DIRECT_PASSES * LEARN {
            let label = row(t % LEARN, t / LEARN, &mut x);
            if !self.step(t, &x, label) {
                return None;
            }
            report.steps += 1;
        }

        report.after = self.judge();
        report.hash = hash(&self.params);
        Some(report)
    }

    fn judge(&mut self) -> usize {
        let Direct { params, work, .. } = self;
        let Ok(network) = Network::new(&DIRECT, params) else {
            return 0;
        };
        let Ok(mut workspace) = Workspace::new(&DIRECT, 1, Pass::Forward, work) else {
            return 0;
        };

        judge(|x, out| network.predict(x, out, &mut workspace).is_ok())
    }
}

impl Default for Direct {
    fn default() -> Self {
        Direct::new()
    }
}
