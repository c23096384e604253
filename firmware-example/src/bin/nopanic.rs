//! The proof that no call of the library can panic: its panic handler calls a function that does
//! not exist, so this links only if the compiler found that every panic is out of reach. It is
//! never run.
//!
//! Every public function is called here, by its full path, with values that the compiler knows
//! nothing about; what is generic in the scalar for `f32` and for `f64`. `tests/tests/proof.rs`
//! looks for each of them and fails if one is missing.
#![no_std]
#![no_main]

use core::fmt::{Display, Write};
use core::hint::black_box;
use cortex_m::singleton;
use ldnn_core::deploy::{self, Activate, AnyActivation, Outputs, Pipeline, Scaling};
use ldnn_core::image::{self, Activations, Contents, Floats, Image, Integers, Room, Scales};
use ldnn_core::loss;
use ldnn_core::meta::{self, Alternating, Buffers, Datasets, Draw, OuterLoss, Unroll};
use ldnn_core::network::{
    self, Batch, BatchRows, Data, Direction, GradientAndProduct, Init, Network, Noise, Pass,
    Target, Workspace, Wrt,
};
use ldnn_core::online::{self, Answer, OnlineTrainer, Rates, Type};
use ldnn_core::optimizer::{self, Optimizer, Step};
use ldnn_core::quantised::{Parts, Quantised, Scratch};
use ldnn_core::rng::{Draws, Stream};
use ldnn_core::schedule::{Decay, Schedule};
use ldnn_core::shape::ShapeError;
use ldnn_core::table::compact::{self, Compact, Form, Knots, Symmetry, Tunable};
use ldnn_core::table::integer::{Scale, Scaled8, Scaled16, Table8, Table16};
use ldnn_core::table::{self, TableForm, Tabulation};
use ldnn_core::train::{Joint, Trainer};
use ldnn_core::{Activation, Base, Derivatives, Fixed, Plain, Real, Shape, Vector};

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
struct Any<T: 'static> {
    floats: [&'static mut [T]; 6],
    integers: &'static mut [u32],
}

impl<T> Any<T> {
    fn new(memory: &'static mut [[T; 64]; 6], integers: &'static mut [u32; 64]) -> Any<T> {
        let [a, b, c, d, e, f] = memory;
        Any {
            floats: [cut(a), cut(b), cut(c), cut(d), cut(e), cut(f)],
            integers: cut(integers),
        }
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

/// What an error says to people.
struct Text(u8);

impl Write for Text {
    fn write_str(&mut self, s: &str) -> core::fmt::Result {
        self.0 = s.bytes().fold(self.0, |hash, byte| hash ^ byte);
        any(Ok(()))
    }
}

fn said<T, E: Display>(result: Result<T, E>) -> Option<T> {
    match any(result) {
        Ok(value) => Some(value),
        Err(e) => {
            let mut text = Text(any(0));
            any(write!(text, "{e}").is_ok());
            any(text.0);
            None
        }
    }
}

fn calls() -> Option<()> {
    let shape = shape()?;
    shapes(&shape);

    let mut single = Any::new(
        singleton!(: [[f32; 64]; 6] = [[0.0; 64]; 6])?,
        singleton!(: [u32; 64] = [0; 64])?,
    );
    let mut double = Any::new(
        singleton!(: [[f64; 64]; 6] = [[0.0; 64]; 6])?,
        singleton!(: [u32; 64] = [0; 64])?,
    );

    both(&shape, &mut single);
    both(&shape, &mut double);
    model(&mut single);
    lookups(&mut single);
    deployed(&shape, &mut single);
    images(&mut single);

    Some(())
}

/// What is generic in the scalar.
fn both<T: Real>(shape: &Shape, memory: &mut Any<T>) {
    elementary::<T>();
    networks(shape, memory);
    fixed(shape, memory);
    optimizers(memory);
    learning(shape, memory);
    tables(shape, memory);
}

fn form() -> TableForm {
    TableForm {
        base: Base::Elu,
        knots: any(9),
        range: any(2.0),
        readout: any(0),
    }
}

fn shape() -> Option<Shape> {
    let activations = [
        any(Activation::Learned {
            base: Base::Sine,
            units: any(3),
        }),
        any(Activation::Table(form())),
    ];

    let widths = any([3usize, 4, 5, 2]);
    let shape = said(Shape::try_new(
        widths.get(..any(4))?,
        activations.get(..any(2))?,
    ))?;
    let shape = said(Shape::with_activations(shape, activations.get(..any(2))?))?;

    said(Shape::with_layer_types(shape, any(0), any(0), any(1)))
}

fn shapes(shape: &Shape) {
    any(ShapeError::message(any(ShapeError::NoLayer)));

    any((
        Shape::layers(shape),
        Shape::hidden_layers(shape),
        Shape::width(shape, any(1)),
        Shape::types(shape),
    ));

    any((
        Shape::inputs(shape),
        Shape::outputs(shape),
        Shape::activation(shape, any(1)),
        Shape::layer_types(shape, any(1)),
    ));

    any((
        Shape::block(shape, any(1), any(1)),
        Shape::weights_at(shape, any(1)),
        Shape::biases_at(shape, any(1)),
    ));

    any((
        Shape::theta_len(shape),
        Shape::phi_len(shape),
        Shape::param_len(shape),
        Shape::type_at(shape, any(1)),
    ));

    any((
        Shape::workspace_len(shape, any(1), any(Pass::Backward)),
        Wrt::len(any(Wrt::All), shape),
    ));
    any(Activation::param_len(&any(Activation::Learned {
        base: Base::Sine,
        units: any(3),
    })));
    any((
        Base::name(any(Base::Sine)),
        Base::is_smooth(any(Base::Sine)),
        Base::outside_table(any(Base::Sine)),
        Base::inside_table(any(Base::Sine)),
    ));
    any((
        TableForm::of_learned(any(Base::Sine), any(1), any(1), any(1.0)),
        TableForm::fixed(any(1), any(1.0)),
    ));
    any((TableForm::param_len(&form()), TableForm::spacing(&form())));

    let rows = any([1, 2, 3]);
    let rows = any(BatchRows::Picked(rows.get(..any(2)).unwrap_or_default()));
    any((BatchRows::len(&rows), BatchRows::is_empty(&rows)));

    let draws = Draws::new(any(1), any(Stream::User), any(1), any(1));
    any((
        Draws::bits(&draws, any(1)),
        Draws::below(&draws, any(1), any(7)),
    ));
}

fn elementary<T: Real>() {
    let x = any(T::ONE);

    any([
        T::tanh(x),
        T::exp(x),
        T::exp_m1(x),
        T::ln(x),
        T::sin(x),
        T::cos(x),
        T::sqrt(x),
        T::round_small(x),
    ]);

    any([
        T::max(x, any(x)),
        T::min(x, any(x)),
        T::from_f64(any(1.0)),
        T::from_usize(any(1)),
        T::from_bits(any(1)),
    ]);

    any((T::to_f64(x), T::to_small_index(x), T::is_finite(x)));

    let base = any(Base::Elu);

    any([
        Base::value(base, x),
        Base::slope(base, x),
        Base::curvature(base, x),
        TableForm::knot(&form(), any(1)),
    ]);

    loss::softmax(&mut any([x; 3]));
    any((
        loss::arg_max(&any([x; 3])),
        loss::cross_entropy(&any([x; 3]), any(1)),
    ));

    let draws = Draws::new(any(1), any(Stream::User), any(1), any(1));
    any([
        Draws::uniform::<T>(&draws, any(1)),
        Draws::symmetric::<T>(&draws, any(1)),
    ]);
    any(Vector::run(Plain, || any(x)));
}

fn batch<'a, T: Real>(x: &'a [T], picked: &'a [u32], labels: &'a [u16]) -> Batch<'a, T> {
    let target = if any(true) {
        Target::Classes(labels)
    } else {
        Target::Values(x)
    };

    let rows = if any(true) {
        BatchRows::Picked(picked)
    } else {
        BatchRows::Range {
            start: any(0),
            len: any(1),
        }
    };

    let data = Data { x, target };

    match any(0) {
        0 => Batch {
            data,
            rows,
            noise: noise(),
        },
        1 => Batch::range(data, any(0), any(2)),
        2 => Batch::with_noise(Batch::picked(data, picked), noise()),
        _ => Batch::all(data, any(3)),
    }
}

fn noise<T: Real>() -> Option<Noise<T>> {
    any(Some(Noise {
        amplitude: any(T::ONE),
        seed: 1,
        step: 2,
    }))
}

fn networks<T: Real>(shape: &Shape, memory: &mut Any<T>) -> Option<()> {
    let labels = any([0u16; 4]);
    let labels = labels.get(..any(2))?;
    let [a, b, c, d, e, _] = &mut memory.floats;
    let rows = &*memory.integers;
    let activation = any(Activation::Learned {
        base: Base::Sine,
        units: any(3),
    });

    said(Activation::eval(activation, a, b, c));

    said(Activation::eval_derivatives(
        activation,
        a,
        b,
        Derivatives {
            value: c,
            slope: d,
            curvature: e,
        },
    ));

    asked(
        shape,
        memory.floats.each_mut().map(|floats| &mut **floats),
        rows,
        labels,
    );

    let [a, ..] = &mut memory.floats;

    said(network::init_theta(
        shape,
        any(Init::FanIn),
        any(1),
        any(2),
        a,
    ));

    said(network::init_phi(shape, any(1), a));
    Draws::permutation(
        &Draws::new(any(1), Stream::User, any(1), any(1)),
        memory.integers,
    );

    Some(())
}

/// What a network answers.
fn asked<T: Real>(
    shape: &Shape,
    floats: [&mut [T]; 6],
    rows: &[u32],
    labels: &[u16],
) -> Option<()> {
    let [a, b, c, d, e, f] = floats;
    let workspace = &mut said(Workspace::new(shape, any(1), any(Pass::Backward), f))?;
    let network = Network::with_vector(said(Network::new(shape, a))?, Plain);
    any((
        Network::shape(&network).layers(),
        Network::params(&network).len(),
    ));
    said(Network::predict(&network, b, c, workspace));

    let batch = batch(b, rows, labels);
    said(Network::evaluate(&network, &batch, workspace));

    said(Network::gradient(
        &network,
        &batch,
        any(Wrt::Weights),
        c,
        workspace,
    ));

    let direction = if any(true) {
        Direction::Weights(c)
    } else {
        Direction::All(c)
    };

    any(Direction::wrt(&direction).len(shape));
    said(Network::hessian_product(
        &network, &batch, direction, d, workspace,
    ));

    let out = GradientAndProduct {
        gradient: d,
        product: e,
    };

    said(Network::gradient_and_hessian_product(
        &network, &batch, direction, out, workspace,
    ));
    said(Network::hidden(&network, any(0), b, d, workspace));

    let out = Derivatives {
        value: &mut *c,
        slope: d,
        curvature: e,
    };

    said(Network::hidden_derivatives(
        &network,
        any(0),
        b,
        out,
        workspace,
    ));

    Some(())
}

fn fixed<T: Real>(shape: &Shape, memory: &mut Any<T>) -> Option<()> {
    let labels = any([0u16; 4]);
    let labels = labels.get(..any(2))?;
    let [a, b, ..] = &mut memory.floats;
    let rows = &*memory.integers;
    let mut fixed = any(Fixed::<T, 16, 16, 16, 16>::zeroed());

    said(Fixed::init(&mut fixed, shape, any(Init::He), any(1)));
    said(Fixed::set_params(&mut fixed, a));
    said(Fixed::predict(&mut fixed, shape, a, b));
    said(Fixed::evaluate(&mut fixed, shape, &batch(a, rows, labels)));

    said(Fixed::train_step(
        &mut fixed,
        shape,
        &optimizer(),
        &batch(a, rows, labels),
    ));

    Some(())
}

ldnn_core::model! {
    /// What the macro makes.
    struct Model(f32) {
        shape: Shape::new(&[2, 3, 2], &[Activation::SINE]),
        rows: 1,
        optimizer: Optimizer::Sgd { lr: 0.1, momentum: 0.5 },
    }
}

fn model(memory: &mut Any<f32>) -> Option<()> {
    let labels = any([0u16; 4]);
    let labels = labels.get(..any(2))?;
    let [a, b, ..] = &mut memory.floats;
    let rows = &*memory.integers;
    let mut model = any(Model::zeroed());

    any(said(Model::new(any(Init::He), any(1))).is_some());
    any(Model::params(&model).len());
    any(Model::params_mut(&mut model).len());
    said(Model::set_params(&mut model, a));
    said(Model::predict(&mut model, a, b));
    said(Model::evaluate(&mut model, &batch(a, rows, labels)));
    said(Model::train_step(&mut model, &batch(a, rows, labels)));

    Some(())
}

fn optimizer<T: Real>() -> Optimizer<T> {
    let [rate, momentum] = any([T::ONE; 2]);
    if any(true) {
        any(Optimizer::Sgd { lr: rate, momentum })
    } else {
        any(Optimizer::authors_rmsprop())
    }
}

fn optimizers<T: Real>(memory: &mut Any<T>) {
    let [a, b, c, d, e, _] = &mut memory.floats;
    any(Optimizer::state_len(&optimizer::<T>(), any(3)));
    Optimizer::init_state(&optimizer(), a);
    said(Optimizer::step(&optimizer(), a, b, c, any(1)));

    let taken = Step {
        grad: a,
        state: b,
        t: any(1),
    };

    said(Optimizer::step_adjoint(&optimizer(), taken, c, d, e));
    optimizer::clamp(a, any(T::ONE));

    let schedule = any(Schedule {
        decay: Decay::Cosine,
        warmup: 1,
        steps: 3,
    });
    any(Optimizer::scaled(
        optimizer::<T>(),
        Schedule::factor(&schedule, any(2)),
    ));
}

fn learning<T: Real>(shape: &Shape, memory: &mut Any<T>) -> Option<()> {
    let labels = any([0u16; 4]);
    let labels = labels.get(..any(2))?;
    let [a, b, c, d, e, f] = &mut memory.floats;

    let plan = any(Alternating {
        weights: optimizer(),
        activations: optimizer(),
        period: any(2),
        clip: any(T::ONE),
    });

    let rows = &*memory.integers;
    any(Alternating::state_len(&plan, shape));
    said(Alternating::init_state(&plan, shape, b));

    let workspace = said(Workspace::new(shape, any(1), any(Pass::Backward), e))?;

    let mut trainer = Trainer {
        shape,
        vector: Plain,
        params: a,
        state: b,
        grad: d,
        workspace,
    };

    said(Trainer::step(
        &mut trainer,
        &optimizer(),
        &batch(c, rows, labels),
        any(1),
    ));

    said(Alternating::step(
        &plan,
        &mut trainer,
        &batch(c, rows, labels),
        any(1),
    ));

    let joint = any(Joint {
        weights: optimizer(),
        activations: optimizer(),
        smoothing: any(T::ONE),
    });

    any(Joint::state_len(&joint, shape));
    said(Joint::init_state(&joint, shape, trainer.state));
    said(Joint::step(
        &joint,
        &mut trainer,
        &batch(c, rows, labels),
        any(1),
    ));

    let unroll = any(Unroll {
        shape: *shape,
        untaped: 0,
        steps: 3,
        batch: 2,
        shuffle: true,
        noise: T::ONE,
        init: Init::FanIn,
        optimizer: optimizer(),
        schedule: Schedule::CONSTANT,
        outer: OuterLoss::HeldOut { last: 2, batch: 3 },
        segment: 2,
    });

    any((
        Unroll::tape_len(&unroll),
        Unroll::work_len(&unroll),
        Unroll::order_len(&unroll, any(7)),
    ));

    any(Unroll::short_segment(&unroll));

    let data = |x| Data {
        x,
        target: Target::Classes(labels),
    };
    let [x, y] = [a, b].map(|part| &**part);
    let [p, q] = c.split_at_mut_checked(any(8))?.into();

    let buffers = Buffers {
        params: p,
        dphi: q,
        trained: f,
        tape: d,
        work: e,
        order: memory.integers,
    };

    let (data, draw) = (
        Datasets {
            train: data(x),
            held_out: data(y),
        },
        Draw {
            seed: any(1),
            outer_step: any(1),
        },
    );

    said(meta::hypergradient(Plain, &unroll, data, draw, buffers));
    Some(())
}

fn tables<T: Real>(shape: &Shape, memory: &mut Any<T>) -> Option<()> {
    let [a, b, c, d, ..] = &mut memory.floats;
    let tables = said(table::tabulated(shape, any(9), any(2.0)))?;
    let tabulation = Tabulation {
        from: shape,
        to: &tables,
    };

    any(Tabulation::work_len(&tabulation));
    said(Tabulation::build(&tabulation, a, b, c));
    said(Tabulation::build_adjoint(&tabulation, a, b, c, d));
    said(table::fill(any(Activation::Base(Base::Sine)), a, form(), b));

    Some(())
}

fn knots() -> Knots {
    any(Knots {
        low: -1.0,
        high: 1.0,
        count: 5,
    })
}

fn lookups(memory: &mut Any<f32>) -> Option<()> {
    let [a, b, c, d, e, f] = &mut memory.floats;

    any((
        Knots::is_valid(&knots()),
        Knots::at(&knots(), any(1)),
        Knots::cells(&knots()),
        Knots::spacing(&knots()),
    ));

    any((
        Knots::per_spacing(&knots()),
        Knots::offset(&knots()),
        Form::entries(any(Form::Pairs), any(5)),
    ));

    said(compact::fill(
        any(Form::Pairs),
        knots(),
        |z| (any(z), any(z)),
        a,
    ));

    let compact = said(Compact::new(
        any(Form::Hermite),
        knots(),
        any(Symmetry::Odd),
        any(Base::Relu),
        a,
    ))?;

    any((
        Compact::form(&compact),
        Compact::knots(&compact),
        Compact::symmetry(&compact),
        Compact::base(&compact),
    ));

    any(Compact::entries(&compact));
    Compact::apply(&compact, b);
    said(Compact::apply_with_slopes(&compact, b, c));
    Activate::apply(&compact, b);
    any(Compact::jet(&compact, any(0.5)));

    let mut tunable = said(Tunable::new(knots(), d))?;

    said(Tunable::step(
        &mut tunable,
        e,
        f,
        any(Rates {
            theta: 0.1,
            knots: 0.1,
            clip: 1.0,
        }),
    ));

    any(Compact::jet(&Tunable::table(&tunable), any(0.5)));

    let scale = Scale::spanning(any(-1.0), any(1.0), any(8))?;

    any((
        Scale::is_valid(&scale),
        Scale::real(&scale, any(3)),
        Scale::integer(&scale, any(0.5), any(-128), any(127)),
    ));

    let entries = any([0i16; 9]);
    let table = said(Table16::new(entries.get(..any(9))?))?;
    let mut q = any([0i16; 4]);
    any((Table16::entries(&table), Table16::at(&table, any(3))));
    Table16::apply(&table, &mut q);

    let scaled = said(Scaled16::new(table, any(scale), any(scale)))?;
    any((
        Scaled16::at(&scaled, any(0.5)),
        Scaled16::slope(&scaled, any(0.5)),
    ));
    Scaled16::apply(&scaled, b);
    said(Scaled16::apply_with_slopes(&scaled, b, c));
    Activate::apply(&scaled, b);

    let table = any([0; 256]);
    let scaled = said(Scaled8::new(Table8(&table), any(scale), any(scale)))?;
    any((
        Scaled8::at(&scaled, any(0.5)),
        Scaled8::slope(&scaled, any(0.5)),
    ));
    Scaled8::apply(&scaled, b);
    said(Scaled8::apply_with_slopes(&scaled, b, c));
    Activate::apply(&scaled, b);
    any(Table8::at(&Table8(&table), any(3)));
    Table8::apply(&Table8(&table), &mut any([0; 4]));
    any(q);

    Some(())
}

fn deployed(shape: &Shape, memory: &mut Any<f32>) -> Option<()> {
    let [a, b, c, d, e, f] = &mut memory.floats;

    let compact = said(Compact::new(
        any(Form::Hermite),
        knots(),
        any(Symmetry::Odd),
        any(Base::Relu),
        a,
    ))?;

    let activations = any([
        AnyActivation::Base(Base::Tanh),
        AnyActivation::Compact(compact),
    ]);
    said(AnyActivation::apply_with_slopes(&any(activations[0]), b, c));
    any((deploy::work_len(shape), online::work_len(shape)));
    any((Shape::predict_len(shape), Shape::online_len(shape)));

    let pairs = any([[0.5f32; 2]; 4]);
    said(deploy::standardise(b, pairs.get(..any(2))?, c));

    let outputs = match any(0) {
        0 => Outputs::Plain,
        1 => Outputs::Classes,
        _ => Outputs::Values(pairs.get(..any(3))?),
    };

    let scaling = Scaling {
        inputs: pairs.get(..any(2))?,
        outputs,
    };

    any(deploy::probabilities(&mut any([0.5; 4])));
    any((deploy::run_len(shape), Shape::run_len(shape)));
    said(Scaling::check(&scaling, shape));
    said(Scaling::answer(&scaling, e));
    any(Scaling::PLAIN);

    let model = Pipeline {
        shape,
        theta: b,
        activations: activations.get(..any(2))?,
        scaling,
    };

    said(Pipeline::run(&model, c, d, e));

    let model = Pipeline::unscaled(shape, b, activations.get(..any(2))?);
    said(Pipeline::predict(&model, c, d, e));

    let tunable = said(Tunable::new(knots(), f))?;
    let mut types = any([
        Type::Frozen(AnyActivation::Compact(compact)),
        Type::Tunable(tunable),
    ]);

    let rates = any(Rates {
        theta: 0.1,
        knots: 0.1,
        clip: 1.0,
    });

    let answer = if any(true) {
        Answer::Class(any(1))
    } else {
        Answer::Values(d)
    };

    let mut trainer = OnlineTrainer {
        shape,
        theta: b,
        types: &mut types,
        rates,
        work: e,
    };

    said(OnlineTrainer::step(&mut trainer, c, answer));

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

    let network = said(Quantised::new(*shape, parts))?;

    any((
        Quantised::shape(&network),
        Quantised::parts(&network),
        Quantised::work_len(&network),
    ));

    let (mut q, mut out, mut work) = (any([0; 8]), any([0; 8]), any([0; 32]));
    said(Quantised::quantise(&network, c, q.get_mut(..any(3))?));

    let (mut to, mut y) = (any([0i8; 8]), any([0i16; 8]));

    let scratch = Scratch {
        q: to.get_mut(..any(3))?,
        work: work.get_mut(..any(9))?,
        y: y.get_mut(..any(2))?,
    };

    said(Quantised::run(&network, &scaling, c, d, scratch));

    said(Quantised::predict(
        &network,
        q.get(..any(3))?,
        out.get_mut(..any(2))?,
        work.get_mut(..any(9))?,
    ));

    Some(())
}

fn images(memory: &mut Any<f32>) {
    let bytes = any([0u8; 64]);
    any(image::checksum(bytes.get(..any(20)).unwrap_or_default()));

    let Some(image) = said(Image::read(bytes.get(..any(20)).unwrap_or_default())) else {
        return;
    };
    any(Image::provenance(&image));

    let [a, b, ..] = &mut memory.floats;

    match Image::contents(&image) {
        Contents::Activations(all) => load(&all, a),
        Contents::Floats(network) => {
            any(Floats::shape(&network));
            scales(Floats::scaling(&network));
            said(Floats::theta(&network, b));
            load(Floats::activations(&network), a);
        }
        Contents::Integers(network) => load_integers(&network),
    }
}

fn load(all: &Activations<'_>, floats: &mut [f32]) {
    let mut integers = any([0i16; 16]);
    let mut activations = [AnyActivation::Base(Base::Zero); 2];
    let mut direct = any([[0i8; 256]; 2]);
    any((Activations::count(all), Activations::floats_len(all)));
    any((Activations::integers_len(all), Activations::direct_len(all)));

    let direct = direct.get_mut(..any(1)).unwrap_or_default();

    said(Activations::load(
        all,
        floats,
        &mut integers,
        direct,
        activations.get_mut(..any(2)).unwrap_or_default(),
    ));
}

fn scales(scales: &Scales<'_>) {
    any((
        Scales::inputs_len(scales),
        Scales::outputs_len(scales),
        Scales::meaning(scales),
    ));

    any((
        Scales::offset(scales, any(1)),
        Scales::output_offset(scales, any(1)),
    ));
    said(Scales::load(scales, &mut any([[0.0; 2]; 4]), &mut any([[0.0; 2]; 4])).map(|_| ()));
}

fn load_integers(network: &Integers<'_>) {
    let (mut weights, mut tables) = (any([0i8; 16]), any([[0i8; 256]; 2]));
    let (mut biases, mut factors) = (any([0i32; 8]), any([0i32; 8]));
    any((Integers::shape(network), Integers::weights_len(network)));
    any(Integers::outputs_len(network));
    scales(Integers::scaling(network));

    let room = Room {
        weights: &mut weights,
        biases: &mut biases,
        factors: &mut factors,
        tables: &mut tables,
    };

    said(Integers::load(network, room).map(|_| ()));
}
