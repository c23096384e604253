//! The table of hashes, computed on the device; `tests/firmware.sh boards` compares it with that of
//! the host.
#![no_std]
#![no_main]

use cortex_m::singleton;
use ldnn_core::Plain;
use ldnn_firmware_example::bits::Memory;
use ldnn_firmware_example::{board, say};

#[cortex_m_rt::entry]
fn main() -> ! {
    board::exit(run().is_some())
}

fn run() -> Option<()> {
    let memory = singleton!(MEMORY: Memory = Memory::new())?;
    memory.table(Plain, |line| say!("{}", line))
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    board::exit(false)
}
