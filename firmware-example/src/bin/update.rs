//! A new model over the air: a good one is taken, whatever is wrong with another, the old one
//! stays.
#![no_std]
#![no_main]

use cortex_m::singleton;
use ldnn_core::image::VERSION;
use ldnn_firmware_example::infer::{self, IntegerWork};
use ldnn_firmware_example::model::{IMAGE, IMAGE_LEN};
use ldnn_firmware_example::update::Slot;
use ldnn_firmware_example::{board, say};

#[cortex_m_rt::entry]
fn main() -> ! {
    board::exit(run().unwrap_or(false))
}

/// Whether the good image was taken and every bad one refused.
fn run() -> Option<bool> {
    let slot = singleton!(SLOT: Slot = Slot::new())?;
    let received = singleton!(RECEIVED: [u8; IMAGE_LEN] = IMAGE)?;
    let work = singleton!(WORK: IntegerWork = IntegerWork { q: [0; 40], work: [0; infer::WORK] })?;
    let good = infer::all_integers(&slot.load(received).ok()?, work);

    say!(
        "a good image: taken, {} of {} rows right, {} with every bit of the host",
        good.right,
        good.rows,
        good.same
    );

    let (mut tried, mut refused) = (0, 0);
    let mut bad = |slot: &mut Slot, image: &[u8]| {
        tried += 1;
        refused += u32::from(slot.load(image).is_err());
    };

    // A bit wrong, here and there; the end missing; something behind it; another version, with the
    // checksum right.
    for i in (0..IMAGE.len()).step_by(211).chain(0..16) {
        let byte = received.get_mut(i)?;
        *byte ^= 1 << (i % 8);
        bad(slot, received);
        *received.get_mut(i)? ^= 1 << (i % 8);
    }

    for length in [0, 1, 15, 16, 17, IMAGE.len() / 2, IMAGE.len() - 1] {
        bad(slot, received.get(..length)?);
    }

    *received.get_mut(4)? = VERSION.to_le_bytes()[0].wrapping_add(1);
    bad(slot, received);
    say!("{} bad images: {} refused", tried, refused);

    let after = infer::all_integers(&slot.network()?, work);

    say!(
        "the model afterwards: {} of {} rows right, {} with every bit of the host",
        after.right,
        after.rows,
        after.same
    );

    Some(good.same == good.rows && after == good && refused == tried)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    board::exit(false)
}
