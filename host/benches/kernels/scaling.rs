//! How the time of an outer step grows with its size.

use crate::measure::{Bench, time};
use crate::outer::step_seconds;
use crate::setting::{BATCH, ROWS, Setting, paper_shape};
use ldnn::report::ReportTable;
use ldnn::report::plot::{Band, curves};
use ldnn_core::{Activation, Base, Shape};
use std::path::Path;

/// Time against size, with the exponent of the fitted power law: 1 is linear. Draws
/// `out/scaling.png`.
pub fn run(bench: &Bench) -> anyhow::Result<()> {
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
        step_seconds(bench.level, &shared, 50, n, false, 5)
    });
    row("inner steps", 25, &|n| {
        step_seconds(bench.level, &shared, n, BATCH, false, 5)
    });

    row("neurons", 50, &|n| {
        let shape = Shape::new(
            &[40, n, 10],
            &[Activation::Learned {
                base: Base::Sine,
                units: 50,
            }; 2],
        );

        step_seconds(
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
