//! Learning on the device from data that has drifted: weights alone, weights and knots of the
//! tables, weights and sub-networks.
#![no_std]
#![no_main]

use core::hint::black_box;
use cortex_m::singleton;
use ldnn_core::online::Type;
use ldnn_firmware_example::board::{self, Clock, Paint, UNIT};
use ldnn_firmware_example::learn::{self, Direct, KNOTS, Report, STEP_WORK};
use ldnn_firmware_example::model::{floats, floats_golden::X};
use ldnn_firmware_example::say;

type Theta = [f32; floats::THETA.len()];

#[cortex_m_rt::entry]
fn main() -> ! {
    board::exit(run().unwrap_or(false))
}

/// Whether each way made it better.
fn run() -> Option<bool> {
    let clock = Clock::start(cortex_m::Peripherals::take()?.SYST);
    let theta: &mut Theta =
        singleton!(THETA: [f32; floats::THETA.len()] = [0.0; floats::THETA.len()])?;
    let entries = singleton!(ENTRIES: [[f32; KNOTS]; 2] = [[0.0; KNOTS]; 2])?;
    let work = singleton!(STEP: [f32; STEP_WORK] = [0.0; STEP_WORK])?;

    say!(
        "RAM of a step beyond weights and tables: {} bytes",
        4 * STEP_WORK
    );

    let types = &mut learn::frozen_types();
    let frozen = online("weights", &clock, theta, types, work)?;
    let types = &mut learn::tunable_types(learn::start_knots(entries), entries)?;
    let tunable = online("weights and knots", &clock, theta, types, work)?;

    let direct = singleton!(DIRECT: Direct = Direct::new())?;
    direct.start();

    let paint = Paint::new(8192);
    let cost = clock.count(|| {
        black_box(direct.step(1, &X[0], 0));
    });
    let stack = paint.used();

    direct.start();

    let report = direct.alternating()?;

    tell(
        "weights and sub-networks (alternating)",
        &report,
        cost,
        stack,
        &clock,
    );

    Some([frozen, tunable, report].iter().all(|r| r.after > r.before))
}

fn online(
    what: &str,
    clock: &Clock,
    theta: &mut Theta,
    types: &mut [Type<'_>; 2],
    work: &mut [f32; STEP_WORK],
) -> Option<Report> {
    learn::start(theta);

    // What a step costs does not hang on what it learns, so this one learns next to nothing: a rate
    // of 0.
    let paint = Paint::new(8192);
    let cost = clock.count(|| {
        black_box(learn::idle_step(theta, types, &X[0], work));
    });
    let stack = paint.used();
    let report = learn::online(theta, types, work)?;

    tell(what, &report, cost, stack, clock);

    let refused = learn::bad_reading_is_refused(theta, types, &X[0], work);

    say!(
        "  a reading that is NaN: {}",
        if refused {
            "refused, the model as it was"
        } else {
            "NOT REFUSED"
        }
    );

    refused.then_some(report)
}

fn tell(what: &str, report: &Report, cost: u32, stack: usize, clock: &Clock) {
    let Report {
        steps,
        rows,
        before,
        after,
        hash,
    } = *report;

    say!(
        "{}: {} of {} drifted rows right before, {} after {} steps; hash {:08x}",
        what,
        before,
        rows,
        after,
        steps,
        hash
    );

    say!(
        "  {} {} a step (+- {}), {} bytes of stack",
        cost,
        UNIT,
        clock.resolution(),
        stack
    );
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    board::exit(false)
}
