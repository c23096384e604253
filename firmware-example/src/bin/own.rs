//! A network of your own: what `ldnn export MODEL` wrote into the folder that `LDNN_EXPORT` names,
//! against the answers of the host on the golden rows of the export.
//!
//! ```text
//! LDNN_EXPORT=../out/export cargo run --release --features own --bin own
//! ```
#![no_std]
#![no_main]

use core::hint::black_box;
use ldnn_firmware_example::board::{self, Clock, Paint, UNIT};
use ldnn_firmware_example::say;

// `model` and `golden`, found by build.rs.
include!(concat!(env!("OUT_DIR"), "/own.rs"));

use golden::{OUTS, RESULTS, X};
use model::SHAPE;

const INPUTS: usize = SHAPE.inputs();
const OUTPUTS: usize = SHAPE.outputs();

/// Whether the class of the row is this one; a regression has no classes.
fn right(i: usize, class: usize) -> bool {
    #[cfg(own_labels)]
    return golden::LABELS
        .get(i)
        .is_some_and(|&label| class == usize::from(label));

    #[cfg(not(own_labels))]
    {
        let _ = (i, class);
        false
    }
}

/// Whether all went well.
fn run() -> Option<bool> {
    let clock = Clock::start(cortex_m::Peripherals::take()?.SYST);
    let mut out = [0.0; OUTPUTS];
    let paint = Paint::new(4096);

    let cost = clock.count(|| {
        let _ = black_box(model::run(
            black_box(X.first().unwrap_or(&[0.0; INPUTS])),
            &mut out,
        ));
    });

    let stack = paint.used();
    let (mut good, mut same) = (0, 0);

    for (i, ((x, answer), result)) in X.iter().zip(&OUTS).zip(&RESULTS).enumerate() {
        if let Ok(class) = model::run(x, &mut out) {
            good += usize::from(right(i, class));
            same += usize::from(
                class == usize::from(*result) && out.map(f32::to_bits) == answer.map(f32::to_bits),
            );
        }
    }

    if cfg!(own_labels) {
        say!("{} of {} rows right", good, X.len());
    }

    say!("{} of {} rows with every bit of the host", same, X.len());

    say!(
        "{} {} an answer, from raw inputs (+- {})",
        cost,
        UNIT,
        clock.resolution()
    );

    say!("RAM: {} bytes of stack", stack);
    Some(same == X.len())
}

#[cortex_m_rt::entry]
fn main() -> ! {
    board::exit(run().unwrap_or(false))
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    board::exit(false)
}
