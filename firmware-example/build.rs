//! Puts the memory layout of the board where the linker finds it. `LDNN_BOARD` names a file of `boards/`.

use std::path::PathBuf;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-env-changed=LDNN_BOARD");
    println!("cargo::rerun-if-changed=boards");
    println!("cargo::rustc-check-cfg=cfg(emulated)");
    let board = env::var("LDNN_BOARD").unwrap_or_else(|_| "mps2-an386".into());
    let file = PathBuf::from("boards").join(format!("{board}.x"));
    let Ok(layout) = fs::read_to_string(&file) else {
        println!(
            "cargo::error=LDNN_BOARD={board}: there is no {}; boards/README.md lists what there is",
            file.display()
        );
        return;
    };
    if layout.contains("QEMU machine") {
        println!("cargo::rustc-cfg=emulated");
    }
    let out = PathBuf::from(env::var("OUT_DIR").unwrap_or_default());
    if let Err(error) = fs::write(out.join("memory.x"), layout) {
        println!("cargo::error=memory.x cannot be written: {error}");
    }
    println!("cargo::rustc-link-search={}", out.display());
    if env::var("CARGO_FEATURE_DEFMT").is_ok() {
        println!("cargo::rustc-link-arg=-Tdefmt.x");
    }
}
