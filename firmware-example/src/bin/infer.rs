//! Inference: accuracy on real test rows, whether every bit is that of the host, what it costs.
#![no_std]
#![no_main]

use core::hint::black_box;
use cortex_m::singleton;
use ldnn_firmware_example::board::{self, Clock, Paint, UNIT};
use ldnn_firmware_example::infer::{self, IntegerWork, Score};
use ldnn_firmware_example::model::{floats_golden::X, integers};
use ldnn_firmware_example::say;

#[cortex_m_rt::entry]
fn main() -> ! {
    board::exit(run().unwrap_or(false))
}

/// Whether all went well.
fn run() -> Option<bool> {
    let clock = Clock::start(cortex_m::Peripherals::take()?.SYST);
    let ints = integers(&clock)?;

    // Without a floating-point unit the network of integers is the one to use; the other would need
    // minutes in software.
    let floats = if cfg!(target_abi = "eabihf") {
        floats(&clock)?
    } else {
        true
    };

    Some(ints && floats)
}

fn floats(clock: &Clock) -> Option<bool> {
    let work = singleton!(FLOAT_WORK: [f32; infer::WORK] = [0.0; infer::WORK])?;
    let mut out = [0.0; 10];
    let paint = Paint::new(8192);
    let cost = clock.count(|| {
        black_box(infer::floats_row(black_box(&X[0]), &mut out, work));
    });
    let stack = paint.used();
    let score = infer::all_floats(work);

    let (weights, tables) = infer::FLOAT_BYTES;

    Some(tell(
        "f32 with tables of f32",
        score,
        cost,
        clock,
        (weights, tables),
        (4 * work.len(), stack),
    ))
}

fn integers(clock: &Clock) -> Option<bool> {
    let work =
        singleton!(INTEGER_WORK: IntegerWork = IntegerWork { q: [0; 40], work: [0; infer::WORK] })?;
    let network = integers::network().ok()?;
    let mut out = [0; 10];
    let paint = Paint::new(8192);

    let cost = clock.count(|| {
        black_box(infer::integers_row(
            black_box(&network),
            black_box(&X[0]),
            &mut out,
            work,
        ));
    });

    let stack = paint.used();
    let score = infer::all_integers(&network, work);
    let scratch = size_of::<IntegerWork>();

    Some(tell(
        "int8 with tables of int8",
        score,
        cost,
        clock,
        infer::INTEGER_BYTES,
        (scratch, stack),
    ))
}

fn tell(
    what: &str,
    score: Score,
    cost: u32,
    clock: &Clock,
    (weights, tables): (usize, usize),
    (scratch, stack): (usize, usize),
) -> bool {
    let Score { rows, right, same } = score;

    say!(
        "{}: {} of {} rows right, {} with every bit of the host",
        what,
        right,
        rows,
        same
    );

    say!(
        "  {} {} an inference (+- {})",
        cost,
        UNIT,
        clock.resolution()
    );

    say!(
        "  flash: {} bytes of weights, {} of tables; RAM: {} bytes of scratch, {} of stack",
        weights,
        tables,
        scratch,
        stack
    );

    same == rows && 2 * right > rows
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    board::exit(false)
}
