//! The table of hashes that every build on every machine must print: what the library computes, in
//! small. A line a result; `tests/golden/hashes.txt` has them all. Nothing here needs a heap, so a
//! microcontroller prints it too.

use core::fmt;
use ldnn_core::meta::{Buffers, Datasets, Draw, OuterLoss, Unroll, hypergradient};
use ldnn_core::network::{
    self, Batch, Data, Direction, GradientAndProduct, Init, Network, Noise, Pass, Target, Workspace,
};
use ldnn_core::rng::{Draws, Stream};
use ldnn_core::schedule::Schedule;
use ldnn_core::table::compact::{self, Compact, Form, Knots, Symmetry};
use ldnn_core::table::integer::{Scale, Scaled8, Scaled16, Table8, Table16};
use ldnn_core::table::{TableForm, Tabulation};
use ldnn_core::train::Trainer;
use ldnn_core::{Activation, Base, Optimizer, Real, Shape, Vector};

/// Rows of the batch: a tile of every width, 32 + 16 + 8 + 4 + 1.
const ROWS: usize = 61;
const INPUTS: usize = 5;
const UNITS: usize = 5;
const KNOTS: usize = 17;
const RANGE: f32 = 3.0;

const fn shape(activation: Activation) -> Shape {
    Shape::new(&[INPUTS, 12, 7, 3], &[activation, activation])
}

const fn direct(base: Base) -> Shape {
    shape(Activation::Learned { base, units: UNITS })
}

const fn tabled(base: Base) -> Shape {
    shape(Activation::Table(TableForm::of_learned(
        base, UNITS, KNOTS, RANGE,
    )))
}

const fn plan(shape: Shape) -> Unroll<f32> {
    Unroll {
        shape,
        untaped: 0,
        steps: 5,
        batch: 13,
        shuffle: true,
        noise: 0.1,
        init: Init::FanIn,
        optimizer: Optimizer::RmsProp {
            lr: 0.01,
            decay: 0.8,
            epsilon: 1e-8,
            start: 1.0,
        },
        schedule: Schedule::CONSTANT,
        outer: OuterLoss::HeldOut { last: 2, batch: 7 },
        // Less than all steps: the reverse sweep runs a segment again.
        segment: 3,
    }
}

// The tables have the most parameters.
const LARGEST: Shape = tabled(Base::Sine);
const PARAMS: usize = LARGEST.param_len();
const WORK: usize = {
    let (a, b) = (
        LARGEST.workspace_len(ROWS, Pass::SecondOrder),
        plan(LARGEST).work_len(),
    );

    let c = Tabulation {
        from: &direct(Base::Sine),
        to: &LARGEST,
    }
    .work_len();

    let larger = if a > b { a } else { b };
    if larger > c { larger } else { c }
};
const OUT: usize = ROWS * 3;

/// The memory of it all.
pub struct Memory {
    params: [f32; PARAMS],
    first: [f32; PARAMS],
    second: [f32; PARAMS],
    state: [f32; 2 * PARAMS],
    x: [f32; INPUTS * ROWS],
    labels: [u16; ROWS],
    values: [f32; OUT],
    work: [f32; WORK],
    tape: [f32; plan(LARGEST).tape_len()],
    order: [u32; plan(LARGEST).order_len(ROWS)],
}

/// One line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The base function, or the function itself.
    pub of: &'static str,
    /// In which form.
    pub kind: &'static str,
    /// What was computed.
    pub what: &'static str,
    /// FNV-1a over the bits of the result.
    pub hash: u64,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {}: {:08x}{:08x}",
            self.of,
            self.kind,
            self.what,
            (self.hash >> 32) as u32,
            self.hash as u32
        )
    }
}

const START: u64 = 0xcbf2_9ce4_8422_2325;

fn add_bytes(hash: u64, bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(hash, |h, b| {
        (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn add(hash: u64, values: &[f32]) -> u64 {
    values
        .iter()
        .fold(hash, |h, v| add_bytes(h, v.to_bits().to_le_bytes()))
}

/// The hash of results, if they are finite: a hash of NaN would say nothing.
fn hash(results: &[&[f32]]) -> Option<u64> {
    let finite = results
        .iter()
        .all(|values| values.iter().all(|v| v.is_finite()));
    finite.then(|| results.iter().fold(START, |h, values| add(h, values)))
}

impl Memory {
    /// Empty.
    #[must_use]
    pub const fn new() -> Memory {
        Memory {
            params: [0.0; PARAMS],
            first: [0.0; PARAMS],
            second: [0.0; PARAMS],
            state: [0.0; 2 * PARAMS],
            x: [0.0; INPUTS * ROWS],
            labels: [0; ROWS],
            values: [0.0; OUT],
            work: [0.0; WORK],
            tape: [0.0; plan(LARGEST).tape_len()],
            order: [0; plan(LARGEST).order_len(ROWS)],
        }
    }

    /// Computes all of it, with the kernels compiled as `vector` says, and hands out the lines of
    /// the table.
    ///
    /// # Errors
    /// `None` if the library refused something, or a result is not finite: never.
    pub fn table<V: Vector>(&mut self, vector: V, mut line: impl FnMut(Line)) -> Option<()> {
        elementary(&mut line);
        self.fill();

        for base in Base::ALL {
            let of = base.name();

            line(Line {
                of,
                kind: "table",
                what: "build",
                hash: self.build(base)?,
            });

            self.network(vector, tabled(base), of, "table", &mut line)?;
            self.start(&direct(base))?;
            self.network(vector, direct(base), of, "direct", &mut line)?;

            let alone = shape(Activation::Base(base));
            self.start(&alone)?;
            self.network(vector, alone, of, "alone", &mut line)?;
        }

        lookups(&mut line)
    }

    fn fill(&mut self) {
        let draws = Draws::new(6, Stream::User, 0, 0);
        self.x
            .iter_mut()
            .zip(0..)
            .for_each(|(x, i)| *x = 2.0 * draws.symmetric::<f32>(i));
        self.labels
            .iter_mut()
            .zip(0..)
            .for_each(|(l, i)| *l = draws.below((1 << 20) + i, 3) as u16);
        self.values
            .iter_mut()
            .zip(0..)
            .for_each(|(v, i)| *v = draws.symmetric((1 << 21) + i));
    }

    /// Fresh parameters in `params`, the readouts of sub-networks as large as hidden weights: they
    /// should matter.
    fn start(&mut self, shape: &Shape) -> Option<()> {
        let (theta, rest) = self.params.split_at_mut_checked(shape.theta_len())?;
        let phi = rest.get_mut(..shape.phi_len())?;
        network::init_theta(shape, Init::FanIn, 6, 0, theta).ok()?;
        network::init_phi(shape, 6, phi).ok()?;
        phi.iter_mut().for_each(|p| *p *= 3.0);
        Some(())
    }

    /// The tables of the sub-networks, and the way back; leaves weights and tables in `params`.
    fn build(&mut self, base: Base) -> Option<u64> {
        let (from, to) = (direct(base), tabled(base));
        self.start(&from)?;

        let (theta, phi, len) = (from.theta_len(), from.phi_len(), to.phi_len());
        let phi_of = self.params.get(theta..theta + phi)?;
        let tables = self.first.get_mut(..len)?;

        Tabulation {
            from: &from,
            to: &to,
        }
        .build(phi_of, tables, &mut self.work)
        .ok()?;

        let dphi = self.second.get_mut(..phi)?;
        dphi.fill(0.0);

        Tabulation {
            from: &from,
            to: &to,
        }
        .build_adjoint(phi_of, tables, dphi, &mut self.work)
        .ok()?;

        let hash = hash(&[tables, dphi])?;
        self.params
            .get_mut(theta..theta + len)?
            .copy_from_slice(tables);

        Some(hash)
    }

    fn network<V: Vector>(
        &mut self,
        vector: V,
        shape: Shape,
        of: &'static str,
        kind: &'static str,
        line: &mut impl FnMut(Line),
    ) -> Option<()> {
        let mut say = |what, hash| {
            line(Line {
                of,
                kind,
                what,
                hash,
            })
        };

        say("inference", self.inference(vector, &shape)?);
        say("Hessian product", self.product(vector, &shape)?);
        say("hypergradient", self.hypergradient(vector, &shape)?);

        // Last, because it moves the weights.
        say("training", self.training(vector, &shape)?);
        Some(())
    }

    /// Classes for networks that learn their activations, values for the others.
    fn data<'a>(shape: &Shape, memory: Parts<'a>) -> Data<'a, f32> {
        let target = if shape.phi_len() > 0 {
            Target::Classes(memory.labels)
        } else {
            Target::Values(memory.values)
        };

        Data {
            x: memory.x,
            target,
        }
    }

    fn inference<V: Vector>(&mut self, vector: V, shape: &Shape) -> Option<u64> {
        let params = self.params.get(..shape.param_len())?;
        let out = self.state.get_mut(..OUT)?;
        let mut workspace = Workspace::new(shape, ROWS, Pass::Forward, &mut self.work).ok()?;
        let network = Network::new(shape, params).ok()?.with_vector(vector);
        network.predict(&self.x, out, &mut workspace).ok()?;
        hash(&[out])
    }

    fn training<V: Vector>(&mut self, vector: V, shape: &Shape) -> Option<u64> {
        let Memory {
            params,
            first,
            state,
            x,
            labels,
            values,
            work,
            ..
        } = self;

        let batch = Batch::all(Memory::data(shape, Parts { x, labels, values }), INPUTS);
        let params = params.get_mut(..shape.param_len())?;
        let (grad, state) = (
            first.get_mut(..shape.theta_len())?,
            state.get_mut(..2 * shape.theta_len())?,
        );

        let optimizer = Optimizer::Adam {
            lr: 0.01,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
        };

        optimizer.init_state(state);

        let workspace = Workspace::new(shape, ROWS, Pass::Backward, work).ok()?;

        let mut trainer = Trainer {
            shape,
            vector,
            params,
            state,
            grad,
            workspace,
        };

        for t in 0..3 {
            let noise = Some(Noise {
                amplitude: 0.1,
                seed: 6,
                step: t as u64,
            });
            trainer.step(&optimizer, &batch.with_noise(noise), t).ok()?;
        }

        hash(&[trainer.params])
    }

    fn product<V: Vector>(&mut self, vector: V, shape: &Shape) -> Option<u64> {
        let Memory {
            params,
            first,
            second,
            state,
            x,
            labels,
            values,
            work,
            ..
        } = self;

        let batch = Batch::all(Memory::data(shape, Parts { x, labels, values }), INPUTS);
        let len = shape.param_len();

        let (gradient, product, direction) = (
            first.get_mut(..len)?,
            second.get_mut(..len)?,
            state.get_mut(..len)?,
        );

        let draws = Draws::new(1, Stream::User, 1, 0);
        direction
            .iter_mut()
            .zip(0..)
            .for_each(|(d, i)| *d = draws.symmetric(i));

        let (params, noise) = (
            params.get(..len)?,
            Some(Noise {
                amplitude: 0.1,
                seed: 6,
                step: 1,
            }),
        );

        let mut workspace = Workspace::new(shape, ROWS, Pass::SecondOrder, work).ok()?;
        let network = Network::new(shape, params).ok()?.with_vector(vector);
        let (batch, direction) = (batch.with_noise(noise), Direction::All(direction));
        let out = GradientAndProduct {
            gradient: &mut *gradient,
            product: &mut *product,
        };

        network
            .gradient_and_hessian_product(&batch, direction, out, &mut workspace)
            .ok()?;

        hash(&[gradient, product])
    }

    fn hypergradient<V: Vector>(&mut self, vector: V, shape: &Shape) -> Option<u64> {
        let Memory {
            params,
            first,
            second,
            x,
            labels,
            values,
            work,
            tape,
            order,
            ..
        } = self;

        let data = Memory::data(shape, Parts { x, labels, values });
        let plan = plan(*shape);
        let params = params.get_mut(..shape.param_len())?;
        let (dphi, trained) = (
            first.get_mut(..shape.phi_len())?,
            second.get_mut(..shape.theta_len())?,
        );

        let buffers = Buffers {
            params,
            dphi: &mut *dphi,
            trained: &mut *trained,
            tape,
            work: &mut work[..],
            order,
        };

        let data = Datasets {
            train: data,
            held_out: data,
        };

        let out = hypergradient(
            vector,
            &plan,
            data,
            Draw {
                seed: 6,
                outer_step: 0,
            },
            buffers,
        )
        .ok()?;

        hash(&[dphi, trained, &[out.outer_loss, out.train_loss]])
    }
}

/// What a data set borrows.
struct Parts<'a> {
    x: &'a [f32],
    labels: &'a [u16],
    values: &'a [f32],
}

impl Default for Memory {
    fn default() -> Self {
        Memory::new()
    }
}

/// A function with its name.
type Named<T> = (&'static str, fn(T) -> T);

/// The elementary functions at numbers of all magnitudes, the infinite and those that are none
/// included.
fn elementary(line: &mut impl FnMut(Line)) {
    let single: [Named<f32>; 7] = [
        ("exp", Real::exp),
        ("tanh", Real::tanh),
        ("exp_m1", Real::exp_m1),
        ("ln", Real::ln),
        ("sin", Real::sin),
        ("cos", Real::cos),
        ("sqrt", Real::sqrt),
    ];

    for (of, f) in single {
        let bits = (0..=u32::MAX)
            .step_by(0x1f_ffd3)
            .map(|bits| f(f32::from_bits(bits)));
        // Which not-a-number it is may differ.
        let hash = bits.fold(START, |h, y| {
            add_bytes(
                h,
                if y.is_nan() {
                    [0xff; 4]
                } else {
                    y.to_le_bytes()
                },
            )
        });

        line(Line {
            of,
            kind: "of",
            what: "f32",
            hash,
        });
    }

    let double: [Named<f64>; 7] = [
        ("exp", Real::exp),
        ("tanh", Real::tanh),
        ("exp_m1", Real::exp_m1),
        ("ln", Real::ln),
        ("sin", Real::sin),
        ("cos", Real::cos),
        ("sqrt", Real::sqrt),
    ];

    for (of, f) in double {
        let bits = (0..2048u64).map(|i| f(f64::from_bits(i.wrapping_mul(0x001f_ffd3_1234_5678))));
        let hash = bits.fold(START, |h, y| {
            add_bytes(
                h,
                if y.is_nan() {
                    [0xff; 8]
                } else {
                    y.to_le_bytes()
                },
            )
        });

        line(Line {
            of,
            kind: "of",
            what: "f64",
            hash,
        });
    }
}

/// Deployed tables at points within, at the ends and beyond.
fn lookups(line: &mut impl FnMut(Line)) -> Option<()> {
    let knots = Knots {
        low: -2.0,
        high: 3.0,
        count: 9,
    };

    for (what, form) in [
        ("Hermite", Form::Hermite),
        ("linear", Form::Linear),
        ("pairs", Form::Pairs),
    ] {
        let mut entries = [0.0; 18];
        let entries = entries.get_mut(..form.entries(knots.count))?;
        compact::fill(form, knots, |z| (Real::sin(z), Real::cos(z)), entries).ok()?;

        let table = Compact::new(form, knots, Symmetry::None, Base::Zero, entries).ok()?;
        let jets = (-400..=400).map(|i| table.jet(i as f32 / 64.0));

        line(Line {
            of: "sine",
            kind: "compact",
            what,
            hash: jets.fold(START, |h, (y, slope)| add(h, &[y, slope])),
        });
    }

    let mut entries = [0i16; 17];
    entries
        .iter_mut()
        .zip(0..)
        .for_each(|(e, i)| *e = (3000.0 * Real::sin(0.5 * i as f32)) as i16);

    let table = Table16::new(&entries).ok()?;
    let hash = (-300..=300).fold(START, |h, i| {
        add_bytes(h, table.at((i * 109) as i16).to_le_bytes())
    });

    line(Line {
        of: "sine",
        kind: "compact",
        what: "i16",
        hash,
    });

    let scale = Scale {
        step: 1e-4,
        zero: 0,
    };
    let scaled = Scaled16::new(table, scale, scale).ok()?;
    let hash = (-400..=400).fold(START, |h, i| {
        let z = i as f32 / 100.0;
        add(h, &[scaled.at(z), scaled.slope(z)])
    });

    line(Line {
        of: "sine",
        kind: "compact",
        what: "i16 from f32",
        hash,
    });

    let mut bytes = [0i8; 256];
    bytes.iter_mut().zip(-128i32..).for_each(|(b, q)| {
        *b = scale.integer(Real::tanh(q as f32 / 40.0) * 0.012, -128, 127) as i8
    });

    let hash = (-128..=127).fold(START, |h, q| {
        add_bytes(h, Table8(&bytes).at(q).to_le_bytes())
    });

    line(Line {
        of: "tanh",
        kind: "compact",
        what: "i8",
        hash,
    });

    let scaled = Scaled8::new(
        Table8(&bytes),
        Scale {
            step: 0.025,
            zero: 0,
        },
        scale,
    )
    .ok()?;

    let hash = (-400..=400).fold(START, |h, i| {
        let z = i as f32 / 100.0;
        add(h, &[scaled.at(z), scaled.slope(z)])
    });

    line(Line {
        of: "tanh",
        kind: "compact",
        what: "i8 from f32",
        hash,
    });

    Some(())
}
