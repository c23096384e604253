//! `cargo bench`: what the kernels cost, as time, as share of this core's multiply-add peak, and
//! against a naive version.
//!
//! Every figure is the best of several repetitions, and versions that are compared run in turn,
//! because shared machines are noisy. `cargo bench -- NAME` runs what has NAME in its name.

mod naive;

use ldnn::report::ReportTable;
use ldnn::report::plot::{Band, curves};
use ldnn::report::stats::quantile;
use ldnn::support::simd::Level;
use ldnn_core::meta::{Buffers, Datasets, Draw, OuterLoss, Unroll, hypergradient};
use ldnn_core::network::{
    Batch, Data, Direction, GradientAndProduct, Init, Network, Pass, Target, Workspace, Wrt,
    init_phi, init_theta,
};
use ldnn_core::rng::{Draws, Stream};
use ldnn_core::table::{TableForm, Tabulation, tabulated};
use ldnn_core::train::Trainer;
use ldnn_core::{Activation, Base, Optimizer, Shape, Vector};
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

const KNOTS: usize = 257;
const RANGE: f32 = 10.0;
const BATCH: usize = 200;
const ROWS: usize = 4000;

/// The best time of one call, in seconds, of several pieces of work that take turns.
fn best(repetitions: usize, work: &mut [&mut dyn FnMut()]) -> Vec<f64> {
    let mut times = vec![Vec::new(); work.len()];

    for _ in 0..repetitions {
        for (w, times) in work.iter_mut().zip(&mut times) {
            let begun = Instant::now();
            w();
            times.push(begun.elapsed().as_secs_f64());
        }
    }

    times.iter_mut().for_each(|t| t.sort_by(f64::total_cmp));
    times.iter().map(|t| quantile(t, 0.0)).collect()
}

/// Multiply-adds a second of independent chains in registers, without fusing.
fn peak(level: Level) -> f64 {
    const STEPS: usize = 500_000;
    const LANES: usize = 16;

    #[inline(always)]
    fn chains(x: f32) -> [f32; LANES] {
        let (a, b) = ([x; LANES], [0.5 * x; LANES]);
        let [mut c0, mut c1, mut c2, mut c3, mut c4, mut c5] = [[x; LANES]; 6];
        let [mut d0, mut d1, mut d2, mut d3, mut d4, mut d5] = [[x; LANES]; 6];

        for _ in 0..STEPS {
            for c in [&mut c0, &mut c1, &mut c2, &mut c3, &mut c4, &mut c5] {
                step(c, &a, &b);
            }

            for d in [&mut d0, &mut d1, &mut d2, &mut d3, &mut d4, &mut d5] {
                step(d, &a, &b);
            }
        }

        for c in [c1, c2, c3, c4, c5, d0, d1, d2, d3, d4, d5] {
            c0.iter_mut().zip(c).for_each(|(sum, c)| *sum += c);
        }

        c0
    }

    #[inline(always)]
    fn step(c: &mut [f32; LANES], a: &[f32; LANES], b: &[f32; LANES]) {
        for i in 0..LANES {
            c[i] = c[i] * a[i] + b[i];
        }
    }

    let mut run = || {
        black_box(level.run(
            #[inline(always)]
            || chains(black_box(0.999)),
        ));
    };

    (STEPS * 12 * LANES) as f64 / best(9, &mut [&mut run])[0]
}

/// A network with data and all its buffers.
struct Setting {
    shape: Shape,
    params: Vec<f32>,
    x: Vec<f32>,
    labels: Vec<u16>,
    work: Vec<f32>,
}

impl Setting {
    fn new(shape: Shape, rows: usize) -> Setting {
        let mut params = vec![0.0; shape.param_len()];
        let (theta, phi) = params.split_at_mut(shape.theta_len());
        init_theta(&shape, Init::FanIn, 1, 0, theta).expect("the lengths are the shape's");
        init_phi(&shape, 1, phi).expect("the lengths are the shape's");

        let draws = Draws::new(9, Stream::User, 0, 0);
        let x = (0..rows * shape.inputs())
            .map(|i| 1.7 * draws.symmetric::<f32>(i as u32))
            .collect();
        let labels = (0..rows)
            .map(|i| draws.below(i as u32, shape.outputs() as u32) as u16)
            .collect();
        let work = vec![0.0; shape.workspace_len(rows.min(ROWS), Pass::SecondOrder)];

        Setting {
            shape,
            params,
            x,
            labels,
            work,
        }
    }

    /// With the tables of `direct` in place of its sub-networks.
    fn tabled(direct: &Setting) -> Setting {
        let shape = tabulated(&direct.shape, KNOTS, RANGE).expect("the form is possible");
        let mut setting = Setting::new(shape, direct.labels.len());
        let tabulation = Tabulation {
            from: &direct.shape,
            to: &shape,
        };
        let mut work = vec![0.0; tabulation.work_len()];
        let theta = shape.theta_len();
        let (phi, tables) = (&direct.params[theta..], &mut setting.params[theta..]);

        tabulation
            .build(phi, tables, &mut work)
            .expect("the lengths are the shape's");

        setting
    }

    fn data(&self) -> Data<'_, f32> {
        Data {
            x: &self.x,
            target: Target::Classes(&self.labels),
        }
    }
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

/// A line of the table.
struct Line {
    name: String,
    seconds: f64,
    macs: f64,
    naive: Option<f64>,
}

struct Bench {
    level: Level,
    filter: String,
    peak: f64,
    lines: Vec<Line>,
}

impl Bench {
    fn wants(&self, name: &str) -> bool {
        name.contains(&self.filter)
    }

    fn add(&mut self, name: &str, macs: usize, repetitions: usize, work: &mut dyn FnMut()) {
        let seconds = best(repetitions, &mut [work])[0];
        self.lines.push(Line {
            name: name.into(),
            seconds,
            macs: macs as f64,
            naive: None,
        });
    }

    fn against(
        &mut self,
        name: &str,
        macs: usize,
        repetitions: usize,
        work: &mut dyn FnMut(),
        naive: &mut dyn FnMut(),
    ) {
        let times = best(repetitions, &mut [work, naive]);
        self.lines.push(Line {
            name: name.into(),
            seconds: times[0],
            macs: macs as f64,
            naive: Some(times[1]),
        });
    }

    fn print(&self) {
        let mut out = ReportTable::new(
            "",
            &[
                "kernel",
                "time",
                "multiply-adds/s",
                "of the peak",
                "naive / ours",
            ],
        );

        for l in &self.lines {
            let rate = l.macs / l.seconds;
            let shown = |text: String| if l.macs > 0.0 { text } else { String::new() };

            out.row([
                l.name.clone(),
                time(l.seconds),
                shown(format!("{:.2} G", rate / 1e9)),
                shown(format!("{:.0} %", 100.0 * rate / self.peak)),
                l.naive
                    .map_or(String::new(), |n| format!("{:.1}", n / l.seconds)),
            ]);
        }

        println!("{}", out.to_text());
    }
}

fn time(seconds: f64) -> String {
    if seconds < 1e-3 {
        format!("{:.1} us", 1e6 * seconds)
    } else {
        format!("{:.2} ms", 1e3 * seconds)
    }
}

/// One affine layer, at the sizes used and at odd ones.
fn layers(bench: &mut Bench) {
    for (inputs, outputs) in [(40, 100), (100, 10), (40, 1), (7, 7), (33, 33), (100, 33)] {
        let name = format!("layer {inputs}-{outputs}");
        if !bench.wants(&name) {
            continue;
        }

        let shape = Shape::try_new(&[inputs, outputs], &[]).expect("a shape without hidden layers");
        let mut s = Setting::new(shape, BATCH);
        let (mut out, mut plain) = (vec![0.0; BATCH * outputs], vec![0.0; BATCH * outputs]);
        let macs = BATCH * inputs * outputs;
        let (level, params) = (bench.level, s.params.clone());
        let network = Network::new(&shape, &params)
            .expect("fits")
            .with_vector(level);

        let mut workspace =
            Workspace::new(&shape, BATCH, Pass::Backward, &mut s.work).expect("fits");

        let mut ours = || {
            network
                .predict(&s.x, &mut out, &mut workspace)
                .expect("fits")
        };

        let mut naive = || naive::affine(&params, &s.x, inputs, &mut plain);
        bench.against(&format!("{name} forward"), macs, 200, &mut ours, &mut naive);

        let target: Vec<f32> = vec![0.5; BATCH * outputs];
        let (mut grad, mut plain) = (vec![0.0; params.len()], vec![0.0; params.len()]);
        let data = Data {
            x: &s.x,
            target: Target::Values(&target),
        };
        let batch = Batch::range(data, 0, BATCH);

        let mut ours = || {
            network
                .gradient(&batch, Wrt::All, &mut grad, &mut workspace)
                .expect("fits");
        };

        let mut naive = || naive::affine_gradient(&params, &s.x, &target, inputs, &mut plain);

        bench.against(
            &format!("{name} gradient"),
            2 * macs,
            200,
            &mut ours,
            &mut naive,
        );
    }
}

fn paper_shape() -> Shape {
    Shape::new(
        &[40, 100, 10],
        &[Activation::Learned {
            base: Base::Sine,
            units: 50,
        }; 2],
    )
}

fn tables(bench: &mut Bench, direct: &Setting, tabled: &Setting) {
    let (from, to) = (direct.shape, tabled.shape);
    let theta = from.theta_len();
    let (phi, mut out) = (&direct.params[theta..], vec![0.0; to.phi_len()]);
    let tabulation = Tabulation {
        from: &from,
        to: &to,
    };
    let mut work = vec![0.0; tabulation.work_len()];

    if bench.wants("table build") {
        bench.add("table build, 2 types", 0, 50, &mut || {
            tabulation.build(phi, &mut out, &mut work).expect("fits");
        });

        let (tables, mut dphi) = (tabled.params[theta..].to_vec(), vec![0.0; from.phi_len()]);
        bench.add("table build transposed, 2 types", 0, 50, &mut || {
            tabulation
                .build_adjoint(phi, &tables, &mut dphi, &mut work)
                .expect("fits");
        });
    }

    if bench.wants("table evaluate") {
        let form = TableForm::fixed(KNOTS, RANGE);
        let params = tabled.params[theta..][..form.param_len()].to_vec();
        let z: Vec<f32> = tabled.x.iter().copied().take(20_000).collect();
        let (mut out, mut plain) = (vec![0.0; z.len()], vec![0.0; z.len()]);
        let level = bench.level;

        let mut ours = || {
            level.run(
                #[inline(always)]
                || {
                    Activation::Table(form)
                        .eval(&params, &z, &mut out)
                        .expect("fits")
                },
            );
        };

        let sub = &direct.params[theta..];

        bench.against(
            "table evaluate, 20 000 (naive: the sub-network)",
            0,
            20,
            &mut ours,
            &mut || {
                naive::subnet(sub, 50, &z, &mut plain);
            },
        );
    }
}

fn training(bench: &mut Bench, name: &str, s: &mut Setting) {
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

        if shape.kind(0) == Activation::Base(Base::Relu) {
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

/// One unrolled outer step; returns its seconds.
fn outer_step(
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
        steps,
        batch,
        shuffle: true,
        noise: 0.1,
        init: Init::FanIn,
        optimizer,
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

fn outer_steps(bench: &mut Bench, direct: &Setting, tabled: &Setting) {
    let macs = outer_macs(&tabled.shape) as f64 * (BATCH * 100) as f64;

    for (name, short) in [
        ("outer step, 100 inner steps", false),
        ("outer step, short tape", true),
    ] {
        if bench.wants(name) {
            let seconds = outer_step(bench.level, tabled, 100, BATCH, short, 20);
            bench.lines.push(Line {
                name: name.into(),
                seconds,
                macs,
                naive: None,
            });
        }
    }

    if bench.wants("outer step, direct") {
        let seconds = outer_step(bench.level, direct, 10, BATCH, false, 2);
        let name = "outer step, direct evaluation, 10 inner steps".into();

        bench.lines.push(Line {
            name,
            seconds,
            macs: macs / 10.0,
            naive: None,
        });
    }
}

/// Time against size, with the exponent of the fitted power law: 1 is linear. Draws
/// `out/scaling.png`.
fn scaling(bench: &Bench) -> anyhow::Result<()> {
    if !bench.wants("scaling") {
        return Ok(());
    }

    let mut out = ReportTable::new(
        "",
        &["scaling of an outer step", "sizes", "times", "exponent"],
    );
    let mut bands = Vec::new();
    let sizes = [1usize, 2, 4, 8];

    let mut row = |name: &str, unit: usize, of: &dyn Fn(usize) -> f64| {
        let times = sizes.map(|s| of(unit * s));
        let (x, y) = (sizes.map(|s| (s as f64).log10()), times.map(f64::log10));
        let exponent = slope(&x, &y);
        let shown = sizes.map(|s| (unit * s).to_string()).join(", ");

        out.row([
            name.to_string(),
            shown,
            times.map(time).join(", "),
            format!("{exponent:.2}"),
        ]);

        let name = format!("{name}: {exponent:.2}");

        bands.push(Band {
            name,
            x: x.to_vec(),
            mean: y.to_vec(),
            half_width: vec![0.0; 4],
        });
    };

    let shared = Setting::tabled(&Setting::new(paper_shape(), ROWS));
    row("batch", 50, &|n| {
        outer_step(bench.level, &shared, 50, n, false, 5)
    });
    row("inner steps", 25, &|n| {
        outer_step(bench.level, &shared, n, BATCH, false, 5)
    });

    row("neurons", 50, &|n| {
        let shape = Shape::new(
            &[40, n, 10],
            &[Activation::Learned {
                base: Base::Sine,
                units: 50,
            }; 2],
        );

        outer_step(
            bench.level,
            &Setting::tabled(&Setting::new(shape, ROWS)),
            25,
            BATCH,
            false,
            5,
        )
    });

    println!("{}", out.to_text());

    let title = "time of an outer step, with the exponent of the fit";

    let drawing = curves(
        title,
        "log10 of size / smallest",
        "log10 of seconds",
        &bands,
    );

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../out");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("scaling.png"), drawing.to_png()?)?;
    println!("picture: out/scaling.png");

    Ok(())
}

/// Of the least-squares line.
fn slope(x: &[f64], y: &[f64]) -> f64 {
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (mx, my) = (mean(x), mean(y));
    let product =
        |f: fn(f64, f64) -> f64| x.iter().zip(y).map(|(a, b)| f(a - mx, b - my)).sum::<f64>();
    product(|a, b| a * b) / product(|a, _| a * a)
}

fn main() -> anyhow::Result<()> {
    let filter = std::env::args()
        .skip(1)
        .find(|a| !a.starts_with('-'))
        .unwrap_or_default();
    let level = Level::best();
    let peak = peak(level);

    println!(
        "{}: {:.1} G multiply-adds/s at most ({:.0} GFLOP/s)",
        level.name(),
        peak / 1e9,
        2.0 * peak / 1e9
    );

    let mut bench = Bench {
        level,
        filter,
        peak,
        lines: vec![],
    };

    layers(&mut bench);

    let mut direct = Setting::new(paper_shape(), ROWS);
    let mut tabled = Setting::tabled(&direct);
    tables(&mut bench, &direct, &tabled);

    for base in [Base::Relu, Base::Tanh, Base::Sine] {
        let mut s = Setting::new(Shape::new(&[40, 100, 10], &[Activation::Base(base)]), ROWS);
        training(&mut bench, base.name(), &mut s);
    }

    training(&mut bench, "tables", &mut tabled);
    training(&mut bench, "direct", &mut direct);
    outer_steps(&mut bench, &direct, &tabled);
    bench.print();

    scaling(&bench)
}
