//! What one look-up costs in every form of table, call and loop included, beside `tanhf` and the
//! sub-network itself.
#![no_std]
#![no_main]

use core::hint::black_box;
use cortex_m::singleton;
use ldnn_core::network::{Network, Pass, Workspace};
use ldnn_core::table::compact::{self, Compact, Form, Knots, Symmetry};
use ldnn_core::table::integer::{Scale, Scaled8, Scaled16, Table8, Table16};
use ldnn_core::{Base, Real};
use ldnn_firmware_example::board::{self, Clock, UNIT};
use ldnn_firmware_example::learn::{DIRECT, DIRECT_WORK, Direct};
use ldnn_firmware_example::say;

/// Values a call.
const COUNT: usize = 1000;
const KNOTS: Knots = Knots {
    low: -4.0,
    high: 4.0,
    count: 65,
};

#[cortex_m_rt::entry]
fn main() -> ! {
    board::exit(run().is_some())
}

fn run() -> Option<()> {
    let clock = Clock::start(cortex_m::Peripherals::take()?.SYST);
    let z = singleton!(Z: [f32; COUNT] = [0.0; COUNT])?;
    let entries = singleton!(ENTRIES: [f32; 130] = [0.0; 130])?;

    for (name, form) in [
        ("hermite", Form::Hermite),
        ("linear", Form::Linear),
        ("pairs", Form::Pairs),
    ] {
        let entries = entries.get_mut(..form.entries(KNOTS.count))?;
        compact::fill(form, KNOTS, |z| (z, 1.0), entries).ok()?;
        let table = black_box(Compact::new(form, KNOTS, Symmetry::None, Base::Zero, entries).ok()?);
        inside(z);
        tell(name, clock.count(|| table.apply(black_box(&mut z[..]))));
    }

    let integers = black_box([7i16; 65]);
    let table = black_box(Table16::new(&integers).ok()?);
    let q = singleton!(Q: [i16; COUNT] = [100; COUNT])?;
    tell("i16", clock.count(|| table.apply(black_box(&mut q[..]))));

    let scale = Scale {
        step: 1.0 / 8192.0,
        zero: 0,
    };
    let scaled = black_box(Scaled16::new(table, scale, scale).ok()?);

    inside(z);
    tell(
        "i16-from-f32",
        clock.count(|| scaled.apply(black_box(&mut z[..]))),
    );

    let direct = black_box([3i8; 256]);
    let bytes = singleton!(BYTES: [i8; COUNT] = [5; COUNT])?;
    tell(
        "i8-direct",
        clock.count(|| Table8(&direct).apply(black_box(&mut bytes[..]))),
    );

    let scaled = black_box(
        Scaled8::new(
            Table8(&direct),
            Scale {
                step: 1.0 / 32.0,
                zero: 0,
            },
            scale,
        )
        .ok()?,
    );

    inside(z);
    tell(
        "i8-from-f32",
        clock.count(|| scaled.apply(black_box(&mut z[..]))),
    );
    inside(z);

    tell(
        "tanhf",
        clock.count(|| {
            black_box(&mut z[..])
                .iter_mut()
                .for_each(|z| *z = Real::tanh(*z))
        }),
    );

    let direct = singleton!(DIRECT_ROOM: Direct = Direct::new())?;
    direct.start();

    // One inference of the whole network, to compare with that by tables.
    let (mut out, work) = (
        [0.0; 10],
        singleton!(WORK: [f32; DIRECT_WORK] = [0.0; DIRECT_WORK])?,
    );
    let mut workspace = Workspace::new(&DIRECT, 1, Pass::Forward, work).ok()?;
    let network = Network::new(&DIRECT, &direct.params).ok()?;
    let cost = clock.count(|| {
        let x = black_box([0.5; 40]);
        black_box(network.predict(&x, &mut out, &mut workspace).is_ok());
    });

    say!(
        "network of 100 neurons with the sub-networks themselves: {} {}",
        cost,
        UNIT
    );

    Some(())
}

/// Pre-activations inside of the tables.
fn inside(z: &mut [f32; COUNT]) {
    z.iter_mut()
        .enumerate()
        .for_each(|(i, z)| *z = i as f32 / 126.0 - 3.97);
}

fn tell(name: &str, cost: u32) {
    say!("{}: {} {} for {} look-ups", name, cost, UNIT, COUNT);
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    board::exit(false)
}
