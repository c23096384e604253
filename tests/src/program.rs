//! The `ldnn` program, built as the tests are.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// A training of `t.csv`, whose column `label` has the classes, as short as one can be.
pub const SHORT_TRAINING: [&str; 11] = [
    "train",
    "t.csv",
    "-q",
    "--target",
    "label",
    "--activations",
    "tanh",
    "--hidden",
    "4",
    "--epochs",
    "3",
];

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
    Command::new(path())
        .current_dir(folder)
        .args(args)
        .output()
        .unwrap()
}

/// Runs it where there are compilers and no cargo, which takes its time.
pub fn run_without_cargo(folder: &Path, args: &[&str]) -> Output {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::env::split_paths(&paths).filter(|path| !path.join("cargo").exists());

    Command::new(path())
        .current_dir(folder)
        .args(args)
        .env("PATH", std::env::join_paths(paths).unwrap())
        .output()
        .unwrap()
}

/// Runs it with this on standard input.
pub fn run_with(folder: &Path, args: &[&str], input: &str) -> Output {
    let mut command = Command::new(path());
    let pipes = command
        .current_dir(folder)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());

    let mut child = pipes.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();

    child.wait_with_output().unwrap()
}

/// Starts it, and kills it as soon as `file` is there and has `lines` lines; says whether it was
/// still at work.
pub fn kill_when(folder: &Path, args: &[&str], file: &str, lines: usize) -> bool {
    let mut child = Command::new(path())
        .current_dir(folder)
        .args(args)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();

    let written =
        || std::fs::read_to_string(folder.join(file)).map_or(0, |text| text.lines().count());
    while child.try_wait().unwrap().is_none() && written() < lines {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }

    let at_work = child.try_wait().unwrap().is_none();
    let _ = child.kill();
    child.wait().unwrap();

    at_work
}

/// Runs it and expects success; what it printed.
pub fn succeed(folder: &Path, args: &[&str]) -> String {
    let output = run(folder, args);
    assert!(
        output.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );

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

/// What a run is expected to have: this exit code; what it said on standard error.
pub fn ended(output: &Output, code: i32) -> String {
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{message}");
    assert!(!message.contains("panicked"), "{message}");
    message
}

/// The files of a run folder by their paths in it: all but locks, lists of files and the folders of
/// shards.
pub fn files_of(run: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut all, mut folders) = (BTreeMap::new(), vec![run.to_path_buf()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.file_name().and_then(|n| n.to_str()) {
                Some("shards" | ".lock" | ".files") => {}
                _ if path.is_dir() => folders.push(path),
                _ => drop(all.insert(
                    path.strip_prefix(run).unwrap().into(),
                    std::fs::read(&path).unwrap(),
                )),
            }
        }
    }

    all
}

/// Two runs have the same files with the same bytes.
pub fn assert_same_files(a: &BTreeMap<PathBuf, Vec<u8>>, b: &BTreeMap<PathBuf, Vec<u8>>) {
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    for (name, bytes) in a {
        assert!(bytes == &b[name], "{} differs", name.display());
    }
}
