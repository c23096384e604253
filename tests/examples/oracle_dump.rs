//! What `tests/crosscheck/run.sh` compares with PyTorch: problems, random draws and our results, as
//! NumPy archives in a folder.
//! `cargo run --release --package ldnn-tests --example oracle_dump -- FOLDER`

use ldnn::data::npz::{self, NpyArray, NpyValues};
use ldnn::data::task::{ExampleTargets, Examples, Task};
use ldnn::data::{Dataset, Mnist1dConfig};
use ldnn::lab::analysis::point::Point;
use ldnn::lab::analysis::spectrum::{eigenvalues, matrix};
use ldnn::meta::{Learner, MetaConfig};
use ldnn::support::simd::Level;
use ldnn_core::meta::{Datasets, Draw, OuterLoss, Unroll};
use ldnn_core::network::{Data, Init, Noise, Target, init_phi, init_theta};
use ldnn_core::rng::{Draws, Stream};
use ldnn_core::schedule::Schedule;
use ldnn_core::shape::MAX_TYPES;
use ldnn_core::{Activation, Base, Optimizer, Real, Shape};
use ldnn_tests::{Loss, Problem, random, widen};
use std::path::Path;

type Named = (&'static str, NpyArray);

fn main() {
    let folder = std::env::args().nth(1).expect("the folder to write to");
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder).unwrap();

    for (name, problem) in problems() {
        save(
            folder,
            &format!("problem-{name}"),
            &derivatives(&problem.0, &problem.1),
        );
    }

    save(folder, "spectrum", &whole_hessian());
    save(folder, "outer_step", &outer_step());
}

fn save(folder: &Path, name: &str, arrays: &[Named]) {
    std::fs::write(folder.join(format!("{name}.npz")), npz::write(arrays)).unwrap();
}

/// The same problem in both widths.
type Pair = (Problem<f64>, Problem<f32>);

fn problems() -> Vec<(&'static str, Pair)> {
    let learned = |base, units| Activation::Learned { base, units };

    let pair = |shape: Shape, rows, loss, noise: f64| {
        let (wide, single) = (
            Problem::new(shape, rows, loss, 3),
            Problem::new(shape, rows, loss, 3),
        );

        if noise > 0.0 {
            (wide.with_noise(noise), single.with_noise(noise))
        } else {
            (wide, single)
        }
    };

    let paper = Shape::new(&[40, 100, 10], &[learned(Base::Sine, 50); 2]);
    let bases: Vec<Activation> = Base::ALL.iter().map(|&b| learned(b, 5)).collect();
    let plain = [Base::Relu, Base::Tanh, Base::Sigmoid, Base::Sine].map(Activation::Base);

    vec![
        ("paper", pair(paper, 200, Loss::CrossEntropy, 0.1)),
        ("silent", pair(paper, 200, Loss::CrossEntropy, 0.0)),
        (
            "deep",
            pair(
                Shape::new(&[7, 33, 21, 11, 3], &bases),
                57,
                Loss::SquaredError,
                0.1,
            ),
        ),
        (
            "plain",
            pair(
                Shape::new(&[5, 22, 9, 4], &plain),
                31,
                Loss::CrossEntropy,
                0.1,
            ),
        ),
    ]
}

/// Loss, joint gradient and a joint Hessian-vector product, with everything that they follow from.
fn derivatives(problem: &Problem<f64>, single: &Problem<f32>) -> Vec<Named> {
    let direction: Vec<f64> = random(problem.params.len(), 4);
    let direction32: Vec<f32> = random(problem.params.len(), 4);
    let ((loss, _), (gradient, product)) = (
        problem.gradient_at(&problem.params),
        problem.product(&direction),
    );
    let ((loss32, _), (gradient32, product32)) = (
        single.gradient_at(&single.params),
        single.product(&direction32),
    );

    let mut arrays = network(&problem.shape);
    arrays.extend([
        ("params", NpyArray::vector(problem.params.clone())),
        (
            "x",
            NpyArray::matrix(problem.x.clone(), problem.shape.inputs()),
        ),
        target(&problem.data().target, problem.shape.outputs()),
        ("direction", NpyArray::vector(direction)),
        ("loss", NpyArray::vector(vec![loss])),
        ("gradient", NpyArray::vector(gradient)),
        ("product", NpyArray::vector(product)),
        ("loss32", NpyArray::vector(vec![loss32.into()])),
        ("gradient32", NpyArray::vector(widen(&gradient32))),
        ("product32", NpyArray::vector(widen(&product32))),
    ]);

    let noise = problem.noise.unwrap_or(Noise {
        amplitude: 0.0,
        seed: 0,
        step: 0,
    });

    arrays.extend(noise_arrays(&problem.shape, &[noise]));
    arrays
}

/// Widths; the base (its place in `Base::ALL`) and the units (0: the base alone) of each type.
fn network(shape: &Shape) -> Vec<Named> {
    let base = |b: Base| Base::ALL.iter().position(|&a| a == b).unwrap() as i64;

    let (bases, units) = (0..shape.types())
        .map(|t| match shape.activation(t) {
            Activation::Base(b) => (base(b), 0),
            Activation::Learned { base: b, units } => (base(b), units as i64),
            Activation::Table(_) => unreachable!("no problem has tables"),
        })
        .unzip();

    let widths = (0..=shape.layers())
        .map(|l| shape.width(l) as i64)
        .collect();

    vec![
        ("widths", NpyArray::labels(widths)),
        ("bases", NpyArray::labels(bases)),
        ("units", NpyArray::labels(units)),
    ]
}

fn target(target: &Target<'_, f64>, outputs: usize) -> Named {
    match target {
        Target::Classes(labels) => (
            "labels",
            NpyArray::labels(labels.iter().map(|&l| l.into()).collect()),
        ),
        Target::Values(values) => ("values", NpyArray::matrix(values.to_vec(), outputs)),
    }
}

/// The draws of every call, a row each: of the hidden units layer by layer, and of the
/// sub-networks' units, layer by layer and type by type.
fn noise_arrays(shape: &Shape, calls: &[Noise<f64>]) -> [Named; 2] {
    let (mut hidden, mut inside) = (vec![], vec![]);

    for noise in calls {
        let draw = |stream, part: usize, i: usize| {
            let draws = Draws::new(noise.seed, stream, part as u32, noise.step);
            noise.amplitude * draws.symmetric::<f64>(i as u32)
        };

        for l in 0..shape.hidden_layers() {
            hidden.extend((0..shape.width(l + 1)).map(|j| draw(Stream::HiddenNoise, l, j)));

            for t in 0..shape.types() {
                let Activation::Learned { units, .. } = shape.activation(t) else {
                    continue;
                };
                inside.extend((0..units).map(|j| draw(Stream::SubnetNoise, l * MAX_TYPES + t, j)));
            }
        }
    }

    let rows = |values: Vec<f64>| NpyArray {
        shape: vec![calls.len(), values.len() / calls.len()],
        values: NpyValues::F64(values),
    };

    [
        ("hidden_noise", rows(hidden)),
        ("subnet_noise", rows(inside)),
    ]
}

/// All of a small network's Hessian and its eigenvalues, in the weights and jointly.
fn whole_hessian() -> Vec<Named> {
    let shape = Shape::new(
        &[6, 9, 7, 4],
        &[Activation::Learned {
            base: Base::Sine,
            units: 5,
        }; 2],
    );

    let problem = Problem::<f32>::new(shape, 300, Loss::CrossEntropy, 6);
    let Target::Classes(labels) = problem.data().target else {
        unreachable!("cross-entropy has labels")
    };

    let set = Examples::new(
        problem.x.clone(),
        ExampleTargets::Classes(labels.to_vec()),
        shape.inputs(),
    );

    let point = Point::new(shape, &problem.params, &set);
    let mut arrays = network(&shape);

    for (joint, name, values) in [
        (false, "theta", "theta_eigenvalues"),
        (true, "joint", "joint_eigenvalues"),
    ] {
        let hessian = matrix(&point, joint).unwrap();
        let n = hessian.nrows();
        let lower = |i: usize| hessian[((i / n).max(i % n), (i / n).min(i % n))];
        arrays.push((name, NpyArray::matrix((0..n * n).map(lower).collect(), n)));
        arrays.push((values, NpyArray::vector(eigenvalues(&hessian).unwrap())));
    }

    arrays.extend([
        ("params", NpyArray::vector(point.params.clone())),
        ("x", NpyArray::matrix(point.x.clone(), shape.inputs())),
        target(&Target::Classes(labels), shape.outputs()),
    ]);

    arrays.extend(noise_arrays(
        &shape,
        &[Noise {
            amplitude: 0.0,
            seed: 0,
            step: 0,
        }],
    ));

    arrays
}

const OUTER_STEP: u32 = 0;

/// One outer step of the authors' setting: 5 epochs of 20 batches of 200 rows of MNIST-1D, RMSprop
/// from a mean square of 1, noise on, the mean of all 100 training losses as the outer loss.
fn outer_step() -> Vec<Named> {
    let task = Task::new(&Dataset::mnist1d(&Mnist1dConfig::default()).unwrap());
    let config = MetaConfig::authors(1);
    let shape = config.direct_shape(&task).unwrap();
    let (steps, rows) = (config.inner_steps, task.train.rows());
    let Target::Classes(labels) = task.train.data().target else {
        unreachable!("MNIST-1D has labels")
    };
    let mut phi32 = vec![0.0f32; shape.phi_len()];

    init_phi(&shape, config.seed, &mut phi32).unwrap();

    let mut theta = vec![0.0f64; shape.theta_len()];

    init_theta(
        &shape,
        Init::FanIn,
        config.seed,
        OUTER_STEP.into(),
        &mut theta,
    )
    .unwrap();

    let step_of = |t: usize| (u64::from(OUTER_STEP) << 32) | t as u64;

    let noise = |t| Noise {
        amplitude: config.noise,
        seed: config.seed,
        step: step_of(t),
    };

    let calls: Vec<Noise<f64>> = (0..steps).map(noise).collect();
    let epochs = (steps * config.batch).div_ceil(rows);

    let order = |epoch| {
        let mut order = vec![0; rows];
        Draws::new(config.seed, Stream::Shuffle, 0, step_of(epoch)).permutation(&mut order);
        order.into_iter().map(i64::from)
    };

    let order: Vec<i64> = (0..epochs).flat_map(order).collect();

    let mut arrays = network(&shape);
    let x64 = widen(&task.train.x);

    arrays.extend([
        ("x", NpyArray::matrix(x64.clone(), task.inputs)),
        target(&Target::Classes(labels), task.outputs),
        ("phi", NpyArray::vector(widen(&phi32))),
        ("theta", NpyArray::vector(theta)),
        (
            "order",
            NpyArray {
                shape: vec![epochs, rows],
                values: NpyValues::I64(order),
            },
        ),
        ("batch", NpyArray::labels(vec![config.batch as i64])),
    ]);

    arrays.extend(noise_arrays(&shape, &calls));

    let wide = unrolled(
        &config,
        shape,
        Data {
            x: &x64,
            target: Target::Classes(labels),
        },
        &widen(&phi32),
    );

    let single = unrolled(&config, shape, task.train.data(), &phi32);

    arrays.extend([
        ("outer_loss", NpyArray::vector(vec![wide.0])),
        ("train_loss", NpyArray::vector(vec![wide.1])),
        ("dphi", NpyArray::vector(wide.2)),
        ("trained", NpyArray::vector(wide.3)),
        ("outer_loss32", NpyArray::vector(vec![single.0.into()])),
        ("dphi32", NpyArray::vector(widen(&single.2))),
        ("trained32", NpyArray::vector(widen(&single.3))),
    ]);

    arrays.extend(of_the_program(&config, &task));
    arrays
}

/// Outer loss, last training loss, hypergradient and trained weights, with sub-networks evaluated
/// directly.
fn unrolled<T: Real>(
    config: &MetaConfig,
    shape: Shape,
    train: Data<'_, T>,
    phi: &[T],
) -> (T, T, Vec<T>, Vec<T>) {
    let plan = Unroll {
        shape,
        untaped: 0,
        steps: config.inner_steps,
        batch: config.batch,
        shuffle: config.shuffle,
        noise: T::from_f64(config.noise),
        init: Init::FanIn,
        optimizer: Optimizer::authors_rmsprop(),
        schedule: Schedule::CONSTANT,
        outer: OuterLoss::Train {
            last: config.outer_last,
        },
        segment: config.inner_steps,
    };

    let nothing = Data {
        x: &[],
        target: Target::Classes(&[]),
    };
    let data = Datasets {
        train,
        held_out: nothing,
    };

    let draw = Draw {
        seed: config.seed,
        outer_step: OUTER_STEP,
    };
    let out = ldnn_tests::unrolled(Level::best(), &plan, data, draw, phi);

    (
        out.outcome.outer_loss,
        out.outcome.train_loss,
        out.dphi,
        out.trained,
    )
}

/// The step as `ldnn meta` takes it: in single precision, by tables.
fn of_the_program(config: &MetaConfig, task: &Task) -> [Named; 2] {
    let mut learner = Learner::new(config, task).unwrap();
    let record = learner.step().unwrap();

    assert_eq!(record.clipped, 0, "what was clipped cannot be compared");

    // After the first step the momentum is the gradient.
    let gradient = learner.checkpoint().velocity;
    [
        ("outer_loss_program", NpyArray::vector(vec![record.loss])),
        ("dphi_program", NpyArray::vector(widen(&gradient))),
    ]
}
