//! The proof that no call of the library can panic: its panic handler calls a function that does not exist, so this links
//! only if the compiler found that every panic is out of reach. It is never run.
#![no_std]
#![no_main]

use core::hint::black_box;
use cortex_m::singleton;
use ldnn_core::deploy::{self, Activation};
use ldnn_core::image::{Contents, Image, Room};
use ldnn_core::meta::{Alternating, Buffers, OuterLoss, Unroll, alternating_step, hypergradient, training_step};
use ldnn_core::network::{self, Batch, Data, Init, Noise, Rows, Target};
use ldnn_core::online::{self, Answer, Rates, Type};
use ldnn_core::optimise::Rule;
use ldnn_core::quantised::{Parts, Quantised};
use ldnn_core::rng::{Draws, Stream};
use ldnn_core::table::compact::{self, Compact, Form, Knots, Symmetry, Tunable};
use ldnn_core::table::integer::{Scale, Scaled16, Table8, Table16};
use ldnn_core::table::{self, TableForm};
use ldnn_core::{Base, Kind, Plain, Shape};

unsafe extern "C" {
    fn a_panic_of_the_library_is_reachable() -> !;
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: it does not exist, so what calls it does not link.
    unsafe { a_panic_of_the_library_is_reachable() }
}

#[cortex_m_rt::entry]
fn main() -> ! {
    calls();
    loop {
        cortex_m::asm::wfi();
    }
}

/// Memory and numbers that the compiler knows nothing about.
struct Any {
    floats: [&'static mut [f32]; 6],
    integers: &'static mut [u32],
}

impl Any {
    fn new() -> Option<Any> {
        let memory = singleton!(: [[f32; 64]; 6] = [[0.0; 64]; 6])?;
        let [a, b, c, d, e, f] = memory;
        let integers = singleton!(: [u32; 64] = [0; 64])?;
        Some(Any { floats: [cut(a), cut(b), cut(c), cut(d), cut(e), cut(f)], integers: cut(integers) })
    }
}

/// The beginning of a slice, as long as nobody knows.
fn cut<T>(slice: &mut [T]) -> &mut [T] {
    let length = any(slice.len());
    black_box(slice.get_mut(..length).unwrap_or_default())
}

fn any<T>(value: T) -> T {
    black_box(value)
}

fn shape() -> Option<Shape> {
    let kinds = [
        any(Kind::Learned { base: Base::Sine, units: any(3) }),
        any(Kind::Table(TableForm { base: Base::Elu, knots: any(9), range: any(2.0), readout: any(0) })),
    ];
    let widths = any([3usize, 4, 5, 2]);
    let shape = Shape::try_new(widths.get(..any(4))?, kinds.get(..any(2))?).ok()?;
    any(shape.with_layer_types(any(0), any(0), any(1)).ok())
}

fn calls() -> Option<()> {
    let mut memory = Any::new()?;
    let shape = shape()?;
    networks(&shape, &mut memory)?;
    learning(&shape, &mut memory)?;
    tables(&shape, &mut memory)?;
    deployed(&shape, &mut memory)?;
    images(&mut memory);
    Some(())
}

fn batch<'a>(x: &'a [f32], rows: &'a [u32], labels: &'a [u16]) -> Batch<'a, f32> {
    let target = if any(true) { Target::Classes(labels) } else { Target::Values(x) };
    let rows = if any(true) { Rows::Picked(rows) } else { Rows::Range { start: any(0), len: any(1) } };
    Batch { data: Data { x, target }, rows }
}

fn networks(shape: &Shape, memory: &mut Any) -> Option<()> {
    let labels = any([0u16; 4]);
    let labels = labels.get(..any(2))?;
    let noise = any(Some(Noise { amplitude: 0.1, seed: 1, step: 2 }));
    let [a, b, c, d, e, f] = &mut memory.floats;
    let rows = &*memory.integers;
    any(network::predict(Plain, shape, a, b, c, d).is_ok());
    any(network::evaluate(Plain, shape, a, batch(b, rows, labels), c).is_ok());
    any(network::gradient(Plain, shape, a, batch(b, rows, labels), noise, c, d).is_ok());
    any(network::hessian_product(Plain, shape, a, b, batch(c, rows, labels), noise, d, e, f).is_ok());
    any(network::hidden(Plain, shape, a, any(0), b, c, d, e, f).is_ok());
    any(network::init_theta(shape, any(Init::FanIn), any(1), any(2), a).is_ok());
    any(network::init_phi(shape, any(1), a).is_ok());
    Draws::new(any(1), Stream::User, any(1), any(1)).permutation(memory.integers);
    any(Draws::new(any(1), Stream::User, any(1), any(1)).below(any(1), any(7)));
    Some(())
}

fn rule() -> Rule<f32> {
    any(Rule::Sgd { rate: 0.1, momentum: 0.8 })
}

fn learning(shape: &Shape, memory: &mut Any) -> Option<()> {
    let labels = any([0u16; 4]);
    let labels = labels.get(..any(2))?;
    let noise = any(None);
    let [a, b, c, d, e, f] = &mut memory.floats;
    let plan = any(Alternating { weights: rule(), activations: rule(), period: 2, clip: 0.1 });
    let rows = &*memory.integers;
    any(training_step(Plain, &rule(), shape, a, b, batch(c, rows, labels), noise, any(1), d, e).is_ok());
    any(alternating_step(Plain, &plan, shape, a, b, batch(c, rows, labels), noise, any(1), d, e).is_ok());
    any(rule().step(a, b, c, any(1)).is_ok());
    any(rule().step_adjoint(a, b, c, d, e, any(1)).is_ok());
    let unroll = any(Unroll {
        shape: *shape,
        steps: 3,
        batch: 2,
        shuffle: true,
        noise: 0.1,
        init: Init::FanIn,
        rule: rule(),
        outer: OuterLoss::HeldOut { last: 2, batch: 3 },
        segment: 2,
    });
    any((unroll.tape_len(), unroll.work_len(), unroll.order_len(any(7))));
    let data = |x| Data { x, target: Target::Classes(labels) };
    let [x, y] = [a, b].map(|part| &**part);
    let [p, q] = c.split_at_mut_checked(any(8))?.into();
    let buffers = Buffers { tape: d, work: e, order: memory.integers };
    any(hypergradient(Plain, &unroll, data(x), data(y), any(1), any(1), p, q, f, buffers).is_ok());
    Some(())
}

fn tables(shape: &Shape, memory: &mut Any) -> Option<()> {
    let [a, b, c, d, e, f] = &mut memory.floats;
    let tables = table::tabulated(shape, any(9), any(2.0)).ok()?;
    any(table::build(shape, &tables, a, b, c).is_ok());
    any(table::build_adjoint(shape, &tables, a, b, c, d).is_ok());
    let knots = any(Knots { low: -1.0, high: 1.0, count: 5 });
    any(compact::fill(any(Form::Pairs), knots, |z| (any(z), any(z)), a).is_ok());
    let compact = Compact::new(any(Form::Hermite), knots, any(Symmetry::Odd), any(Base::Relu), a).ok()?;
    compact.apply(b);
    compact.apply_with_slopes(b, c);
    any(compact.jet(any(0.5)));
    let mut tunable = Tunable::new(knots, d).ok()?;
    tunable.step(e, f, any(0.1));
    any(tunable.table().jet(any(0.5)));
    let scale = Scale::spanning(any(-1.0), any(1.0), any(8))?;
    any((scale.real(any(3)), scale.integer(any(0.5), any(-128), any(127))));
    let entries = any([0i16; 9]);
    let table = Table16::new(entries.get(..any(9))?).ok()?;
    let mut q = any([0i16; 4]);
    table.apply(&mut q);
    let scaled = Scaled16::new(table, any(scale), any(scale)).ok()?;
    scaled.apply(b);
    scaled.apply_with_slopes(b, c);
    Table8(&any([0; 256])).apply(&mut any([0; 4]));
    any(q);
    Some(())
}

fn deployed(shape: &Shape, memory: &mut Any) -> Option<()> {
    let [a, b, c, d, e, f] = &mut memory.floats;
    let knots = any(Knots { low: -1.0, high: 1.0, count: 5 });
    let compact = Compact::new(any(Form::Hermite), knots, any(Symmetry::Odd), any(Base::Relu), a).ok()?;
    let activations = any([Activation::Base(Base::Tanh), Activation::Compact(compact)]);
    any(deploy::predict(shape, b, activations.get(..any(2))?, c, d, e).is_ok());
    let tunable = Tunable::new(knots, f).ok()?;
    let mut types = any([Type::Frozen(Activation::Compact(compact)), Type::Tunable(tunable)]);
    let rates = any(Rates { theta: 0.1, knots: 0.1 });
    let answer = if any(true) { Answer::Class(any(1)) } else { Answer::Values(d) };
    any(online::step(shape, b, &mut types, (c, answer), rates, e).is_ok());
    let bytes = any([0i8; 64]);
    let sums = any([0i32; 64]);
    let scale = any(Scale { step: 0.1, zero: 3 });
    let tables = any([[0i8; 256]; 2]);
    let parts = Parts {
        weights: bytes.get(..any(5))?,
        biases: sums.get(..any(5))?,
        factors: sums.get(..any(5))?,
        shifts: any([1; 9]),
        tables: tables.get(..any(2))?,
        input: scale,
        output: scale,
    };
    let network = Quantised::new(*shape, parts).ok()?;
    let (mut q, mut out, mut work) = (any([0; 8]), any([0; 8]), any([0; 32]));
    network.quantise(c, &mut q);
    any(network.predict(q.get(..any(3))?, out.get_mut(..any(2))?, work.get_mut(..any(9))?).is_ok());
    Some(())
}

fn images(memory: &mut Any) {
    let bytes = any([0u8; 64]);
    let Ok(image) = Image::read(bytes.get(..any(20)).unwrap_or_default()) else { return };
    any(image.provenance());
    let [a, b, ..] = &mut memory.floats;
    let mut integers = any([0i16; 16]);
    let mut activations = [Activation::Base(Base::Zero); 2];
    match image.contents() {
        Contents::Activations(all) => {
            any(all.load(a, &mut integers, activations.get_mut(..any(2)).unwrap_or_default()).is_ok());
        }
        Contents::Floats(network) => {
            any(network.theta(b).is_ok());
            any(network.activations().load(a, &mut integers, &mut activations).is_ok());
        }
        Contents::Integers(network) => {
            let (mut weights, mut tables) = (any([0i8; 16]), any([[0i8; 256]; 2]));
            let (mut biases, mut factors) = (any([0i32; 8]), any([0i32; 8]));
            let room = Room { weights: &mut weights, biases: &mut biases, factors: &mut factors, tables: &mut tables };
            any(network.load(room).is_ok());
        }
    }
}
