//! A network of your own: what `ldnn export MODEL` wrote into the folder that `LDNN_EXPORT` names, against the
//! answers of the host on the test rows that the export keeps.
//!
//! ```text
//! LDNN_EXPORT=../out/export cargo run --release --features own --bin own
//! ```
#![no_std]
#![no_main]

use core::hint::black_box;
use cortex_m::singleton;
use ldnn_core::deploy;
use ldnn_firmware_example::board::{self, Clock, Paint, UNIT};
use ldnn_firmware_example::say;

// `model` and `golden`, found by build.rs.
include!(concat!(env!("OUT_DIR"), "/own.rs"));

use golden::{ANSWERS, X};
use model::SHAPE;

const INPUTS: usize = SHAPE.inputs();
const OUTPUTS: usize = SHAPE.outputs();

/// Scratch: raw inputs, scaled as the network takes them; layers.
struct Scratch {
    x: [f32; INPUTS],
    #[cfg(own_integers)]
    q: [i8; INPUTS],
    work: [Number; deploy::work_len(&SHAPE)],
}

#[cfg(own_integers)]
type Number = i8;
#[cfg(not(own_integers))]
type Number = f32;
#[cfg(own_integers)]
type Output = i16;
#[cfg(not(own_integers))]
type Output = f32;

const ZERO: Number = 0 as Number;

fn scaled(x: &[f32; INPUTS], to: &mut [f32; INPUTS]) {
    #[cfg(own_standard)]
    deploy::standardise(x, &model::STANDARD, to);
    #[cfg(not(own_standard))]
    to.copy_from_slice(x);
}

#[cfg(own_integers)]
fn predict(x: &[f32; INPUTS], out: &mut [Output; OUTPUTS], scratch: &mut Scratch) -> bool {
    let Ok(network) = model::network() else { return false };
    scaled(x, &mut scratch.x);
    network.quantise(&scratch.x, &mut scratch.q).is_ok() && network.predict(&scratch.q, out, &mut scratch.work).is_ok()
}

#[cfg(not(own_integers))]
fn predict(x: &[f32; INPUTS], out: &mut [Output; OUTPUTS], scratch: &mut Scratch) -> bool {
    scaled(x, &mut scratch.x);
    deploy::predict(&SHAPE, &model::THETA, &model::ACTIVATIONS, &scratch.x, out, &mut scratch.work).is_ok()
}

/// The rows whose class comes out; a regression has no classes.
fn right(i: usize, out: &[Output; OUTPUTS]) -> bool {
    #[cfg(own_labels)]
    return golden::LABELS.get(i).is_some_and(|&label| ldnn_firmware_example::arg_max(out) == usize::from(label));
    #[cfg(not(own_labels))]
    {
        let _ = (i, out);
        false
    }
}

/// Whether all went well.
fn run() -> Option<bool> {
    let clock = Clock::start(cortex_m::Peripherals::take()?.SYST);
    let scratch = singleton!(SCRATCH: Scratch = Scratch {
        x: [0.0; INPUTS],
        #[cfg(own_integers)]
        q: [0; INPUTS],
        work: [ZERO; deploy::work_len(&SHAPE)],
    })?;
    let mut out = [ZERO as Output; OUTPUTS];
    let paint = Paint::new(2048);
    let cost = clock.count(|| {
        black_box(predict(black_box(X.first().unwrap_or(&[0.0; INPUTS])), &mut out, scratch));
    });
    let stack = paint.used();
    let (mut good, mut same) = (0, 0);
    for (i, (x, answer)) in X.iter().zip(&ANSWERS).enumerate() {
        if predict(x, &mut out, scratch) {
            good += usize::from(right(i, &out));
            same += usize::from(out.iter().zip(answer).all(|(y, a)| y.to_ne_bytes() == a.to_ne_bytes()));
        }
    }
    if cfg!(own_labels) {
        say!("{} of {} rows right", good, X.len());
    }
    say!("{} of {} rows with every bit of the host", same, X.len());
    say!("{} {} an inference (+- {})", cost, UNIT, clock.resolution());
    say!("RAM: {} bytes of scratch, {} of stack", size_of::<Scratch>(), stack);
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
