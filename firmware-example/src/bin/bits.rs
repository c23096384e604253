//! Gradient, Hessian-vector product and hypergradient on the device; their hashes are those of the host.
#![no_std]
#![no_main]

use cortex_m::singleton;
use ldnn_firmware_example::bits::{Hashes, Memory};
use ldnn_firmware_example::{board, say};

#[cortex_m_rt::entry]
fn main() -> ! {
    board::exit(run().is_some())
}

fn run() -> Option<()> {
    let memory = singleton!(MEMORY: Memory = Memory::new())?;
    let Hashes { gradient, hessian, hypergradient } = memory.run()?;
    say!("gradient {:08x}, Hessian-vector product {:08x}, hypergradient {:08x}", gradient, hessian, hypergradient);
    Some(())
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    board::exit(false)
}
