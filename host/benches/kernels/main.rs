//! `cargo bench`: what the kernels cost, as time, as share of this core's multiply-add peak, and
//! against a naive version.
//!
//! Every figure is the best of several repetitions, and versions that are compared run in turn,
//! because shared machines are noisy. `cargo bench -- NAME` runs what has NAME in its name.

mod layers;
mod measure;
mod naive;
mod outer;
mod scaling;
mod setting;
mod tables;
mod training;

use ldnn::support::simd::Level;
use ldnn_core::{Activation, Base, Shape};
use measure::{Bench, peak};
use setting::{ROWS, Setting, paper_shape};

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

    layers::run(&mut bench);

    let mut direct = Setting::new(paper_shape(), ROWS);
    let mut tabled = Setting::tabled(&direct);
    tables::run(&mut bench, &direct, &tabled);

    for base in [Base::Relu, Base::Tanh, Base::Sine] {
        let mut s = Setting::new(Shape::new(&[40, 100, 10], &[Activation::Base(base)]), ROWS);
        training::run(&mut bench, base.name(), &mut s);
    }

    training::run(&mut bench, "tables", &mut tabled);
    training::run(&mut bench, "direct", &mut direct);
    outer::run(&mut bench, &direct, &tabled);
    bench.print();

    scaling::run(&bench)
}
