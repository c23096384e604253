//! Puts the memory layout of the board where the linker finds it (`LDNN_BOARD` names a file of
//! `boards/`), and the export that `LDNN_EXPORT` names where the program `own` finds it.

use std::path::{Path, PathBuf};
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

    if env::var("CARGO_FEATURE_OWN").is_ok()
        && let Err(error) = own(&out)
    {
        println!("cargo::error=LDNN_EXPORT: {error}");
    }
}

/// Makes the modules `model` and `golden` of the program `own`, and says what is in them.
fn own(out: &Path) -> Result<(), String> {
    println!("cargo::rerun-if-env-changed=LDNN_EXPORT");
    println!("cargo::rustc-check-cfg=cfg(own_labels)");

    let folder = env::var("LDNN_EXPORT")
        .map_err(|_| "name the folder that `ldnn export --what network` wrote")?;
    let folder = fs::canonicalize(&folder).map_err(|error| format!("'{folder}': {error}"))?;
    println!("cargo::rerun-if-changed={}", folder.display());

    let golden = fs::read_dir(&folder)
        .map_err(|error| error.to_string())?
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .find(|path| path.to_string_lossy().ends_with("_golden.rs"))
        .ok_or("there is no NAME_golden.rs; export with --what network --format rust")?;

    let model = PathBuf::from(golden.to_string_lossy().replace("_golden.rs", ".rs"));
    let read = |path: &Path| {
        fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
    };

    if read(&golden)?.contains("pub static LABELS:") {
        println!("cargo::rustc-cfg=own_labels");
    }

    let module = |name: &str, path: &Path| {
        format!(
            "#[rustfmt::skip]\n#[allow(dead_code)]\n#[path = {:?}]\nmod {name};\n",
            path.display().to_string()
        )
    };

    let text = module("model", &model) + &module("golden", &golden);
    fs::write(out.join("own.rs"), text).map_err(|error| error.to_string())
}
