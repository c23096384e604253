//! Inference and nothing else: no text, no clock. Its size is the size of the library's code, and
//! its RAM the scratch.
#![no_std]
#![no_main]

use core::hint::black_box;
use cortex_m::singleton;
use ldnn_firmware_example::infer::{WORK, floats_row};
use ldnn_firmware_example::model::floats_golden::X;

#[cortex_m_rt::entry]
fn main() -> ! {
    if let Some(work) = singleton!(SCRATCH: [f32; WORK] = [0.0; WORK]) {
        let mut out = [0.0; 10];
        black_box(floats_row(black_box(&X[0]), &mut out, work));
        black_box(out);
    }

    loop {
        cortex_m::asm::wfi();
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        cortex_m::asm::wfi();
    }
}
