//! scratch
use ldnn::simd::*;
use ldnn_core::meta::*;
use ldnn_core::network::*;
use ldnn_core::optimise::Rule;
use ldnn_core::*;
use std::time::Instant;
fn best<R>(n: usize, mut f: impl FnMut() -> R) -> f64 {
    let mut b = f64::MAX;
    for _ in 0..n {
        let t = Instant::now();
        std::hint::black_box(f());
        b = b.min(t.elapsed().as_secs_f64());
    }
    b
}
#[inline(never)]
fn step(
    level: Level,
    rule: &Rule<f32>,
    shape: &Shape,
    p: &mut [f32],
    s: &mut [f32],
    b: Batch<f32>,
    g: &mut [f32],
    w: &mut [f32],
) {
    {
        training_step(level, rule, shape, p, s, b, None, 0, g, w).unwrap();
    }
}
#[inline(never)]
fn hv(
    level: Level,
    shape: &Shape,
    p: &[f32],
    d: &[f32],
    b: Batch<f32>,
    n: Option<Noise<f32>>,
    g: &mut [f32],
    h: &mut [f32],
    w: &mut [f32],
) {
    {
        hessian_product(level, shape, p, d, b, n, g, h, w).unwrap();
    }
}
#[inline(never)]
fn fwd(level: Level, shape: &Shape, p: &[f32], b: Batch<f32>, w: &mut [f32]) {
    {
        evaluate(level, shape, p, b, w).unwrap();
    }
}
#[inline(never)]
fn hyper(
    level: Level,
    plan: &Unroll<f32>,
    d: Data<f32>,
    h: Data<f32>,
    p: &mut [f32],
    dphi: &mut [f32],
    tr: &mut [f32],
    b: Buffers<f32>,
) -> f32 {
    hypergradient(level, plan, d, h, 1, 0, p, dphi, tr, b).unwrap().outer_loss
}
fn main() {
    let l = Kind::Learned { base: Base::Sine, units: 50 };
    let direct = Shape::new(&[40, 100, 10], &[l, l]);
    let tab = table::tabulated(&direct, 257, 10.0).unwrap();
    let relu = Shape::new(&[40, 100, 10], &[Kind::Base(Base::Relu)]);
    let sine = Shape::new(&[40, 100, 10], &[Kind::Base(Base::Sine)]);
    let draws = rng::Draws::new(9, rng::Stream::User, 0, 0);
    let x: Vec<f32> = (0..4000 * 40).map(|i| 1.7 * draws.symmetric::<f32>(i)).collect();
    let y: Vec<u16> = (0..4000).map(|i| draws.below(i + 1000000, 10) as u16).collect();
    let data = Data { x: &x, target: Target::Classes(&y) };
    let batch = Batch { data, rows: Rows::Range { start: 0, len: 200 } };
    for level in Level::available() {
        println!("-- {}", level.name());
        for (name, shape) in [("relu", relu), ("sine", sine), ("table", tab), ("direct", direct)] {
            let mut p = vec![0f32; shape.param_len()];
            let th = shape.theta_len();
            init_theta(&shape, Init::FanIn, 1, 0, &mut p[..th]).unwrap();
            let mut phi = vec![0f32; direct.phi_len()];
            init_phi(&direct, 1, &mut phi).unwrap();
            if name == "direct" {
                p[th..].copy_from_slice(&phi);
            }
            if name == "table" {
                let mut w = vec![0f32; table::build_work_len(&direct, 257)];
                println!(
                    "build {:.3} ms",
                    1e3 * best(5, || table::build(&direct, &tab, &phi, &mut p[th..], &mut w).unwrap())
                );
            }
            let mut s = vec![0f32; th];
            let mut g = vec![0f32; th];
            let mut gj = vec![0f32; shape.param_len()];
            let mut hj = vec![0f32; shape.param_len()];
            let mut w = vec![0f32; shape.tangent_work_len(200)];
            let rule = Rule::Sgd { rate: 0.0001, momentum: 0.8 };
            let n = if name == "direct" { 3 } else { 100 };
            let d: Vec<f32> = p[..th].to_vec();
            let tf = best(n, || fwd(level, &shape, &p, batch, &mut w));
            let t = best(n, || step(level, &rule, &shape, &mut p, &mut s, batch, &mut g, &mut w));
            let noise = Some(Noise { amplitude: 0.1, seed: 1, step: 1 });
            let h = best(n, || hv(level, &shape, &p, &d, batch, noise, &mut gj, &mut hj, &mut w));
            println!("{name:8} fwd {:.4} step {:.4} ms, hv {:.4} ms", tf * 1e3, t * 1e3, h * 1e3);
            if name == "table" {
                for segment in [100, 10] {
                    let plan = Unroll {
                        shape,
                        steps: 100,
                        batch: 200,
                        shuffle: true,
                        noise: 0.1,
                        init: Init::FanIn,
                        rule: Rule::authors_rmsprop(),
                        outer: OuterLoss::Train { last: 100 },
                        segment,
                    };
                    let (mut tape, mut work, mut order) =
                        (vec![0f32; plan.tape_len()], vec![0f32; plan.work_len()], vec![0u32; plan.order_len(4000)]);
                    let mut dphi = vec![0f32; shape.phi_len()];
                    let mut tr = vec![0f32; th];
                    let mut o = 0.0;
                    let t = best(5, || {
                        o = hyper(
                            level,
                            &plan,
                            data,
                            data,
                            &mut p,
                            &mut dphi,
                            &mut tr,
                            Buffers { tape: &mut tape, work: &mut work, order: &mut order },
                        )
                    });
                    println!("outer step {:.2} ms  loss {o} g {:?}", t * 1e3, &dphi[200..203]);
                }
            }
        }
    }
}
