//! The `ldnn` program, built as the tests are.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// Its path. Cargo builds the programs of a package before its tests.
pub fn path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        // target/debug/deps/test-name -> target/debug/ldnn-tested
        let test = std::env::current_exe().unwrap();
        let name = format!("ldnn-tested{}", std::env::consts::EXE_SUFFIX);
        test.parent().and_then(Path::parent).unwrap().join(name)
    })
}

/// Runs it in `folder`.
pub fn run(folder: &Path, args: &[&str]) -> Output {
    Command::new(path()).current_dir(folder).args(args).output().unwrap()
}

/// Runs it and expects success; what it printed.
pub fn succeed(folder: &Path, args: &[&str]) -> String {
    let output = run(folder, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs it and expects this exit code; the message.
pub fn refuse(folder: &Path, args: &[&str], code: i32) -> String {
    let output = run(folder, args);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {message}");
    assert!(!message.contains("panicked"), "{message}");
    message
}
