//! Times, the peak that they are compared with, and the table of both.

use ldnn::report::ReportTable;
use ldnn::report::stats::quantile;
use ldnn::support::simd::Level;
use ldnn_core::Vector;
use std::hint::black_box;
use std::time::Instant;

/// The best time of one call, in seconds, of several pieces of work that take turns.
pub fn best(repetitions: usize, work: &mut [&mut dyn FnMut()]) -> Vec<f64> {
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
pub fn peak(level: Level) -> f64 {
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

/// A line of the table.
pub struct Line {
    pub name: String,
    pub seconds: f64,
    pub macs: f64,
    pub naive: Option<f64>,
}

pub struct Bench {
    pub level: Level,
    pub filter: String,
    pub peak: f64,
    pub lines: Vec<Line>,
}

impl Bench {
    pub fn wants(&self, name: &str) -> bool {
        name.contains(&self.filter)
    }

    pub fn add(&mut self, name: &str, macs: usize, repetitions: usize, work: &mut dyn FnMut()) {
        let seconds = best(repetitions, &mut [work])[0];
        self.lines.push(Line {
            name: name.into(),
            seconds,
            macs: macs as f64,
            naive: None,
        });
    }

    pub fn against(
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

    pub fn print(&self) {
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

pub fn time(seconds: f64) -> String {
    if seconds < 1e-3 {
        format!("{:.1} us", 1e6 * seconds)
    } else {
        format!("{:.2} ms", 1e3 * seconds)
    }
}
