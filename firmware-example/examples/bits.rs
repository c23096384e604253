//! The table of hashes, computed here: `cargo run --target HOST --example bits`. `tests/bits.sh`
//! does so with every kind of optimisation and compares.

use ldnn_core::Plain;
use ldnn_firmware_example::bits::Memory;

fn main() {
    let mut memory = Memory::new();
    let done = memory.table(Plain, |line| println!("{line}"));
    assert!(done.is_some(), "the library refused something");
}
