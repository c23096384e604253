//! Ctrl-C ends every command within a second, whatever it is doing, and nothing half-written stays.

#![cfg(unix)]

use ldnn_tests::prepared::{SHORT_META, keep_network, write_study, write_table};
use ldnn_tests::program::{SHORT_TRAINING, path, succeed};
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::tempdir;

/// A second is promised. The machine that runs the tests runs others at the same time, and a
/// process that is not scheduled cannot end.
const PATIENCE: Duration = Duration::from_secs(2);

fn start(at: &Path, args: &[&str]) -> Child {
    let mut command = Command::new(path());
    command
        .current_dir(at)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());

    command.spawn().unwrap()
}

/// Presses Ctrl-C; the exit code, and what was said.
fn interrupt(mut child: Child, args: &[&str]) -> (Option<i32>, String) {
    assert!(
        child.try_wait().unwrap().is_none(),
        "{args:?} ended before it was interrupted: {}",
        said(&mut child)
    );

    let begun = Instant::now();
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();

    assert!(sent.success());

    let status = child.wait().unwrap();
    let took = begun.elapsed();
    let said = said(&mut child);

    assert!(took < PATIENCE, "{args:?} took {took:?} to end: {said}");

    (status.code(), said)
}

fn said(child: &mut Child) -> String {
    let mut text = String::new();
    child
        .stderr
        .take()
        .map(|mut pipe| pipe.read_to_string(&mut text));
    text
}

/// A table, activations, a long study, and a network with a large Hessian.
fn prepare(at: &Path) {
    write_table(at, "t.csv", 600);
    write_study(at, "mnist1d", 9000);
    succeed(at, &[&SHORT_META[..], &["--out", "a"]].concat());
    keep_network(at, "100", "v");
}

#[test]
fn every_long_command_ends_within_a_second_with_code_75() {
    let dir = tempdir().unwrap();
    let at = dir.path();
    prepare(at);

    let many = ["--runs", "9000", "--epochs", "9000", "--every", "9000"];
    let ensemble = |name: &[&'static str]| [name, &many[..]].concat();

    let commands = [
        vec!["meta", "--steps", "90000"],
        ensemble(&["validate"]),
        ensemble(&["sizes"]),
        ensemble(&["forecast", "--task", "vanderpol"]),
        ensemble(&["analyze", "participation"]),
        ensemble(&["analyze", "hessian"]),
        // 5110 parameters: the decomposition of the matrix takes half a minute, in which nothing
        // asks.
        vec!["analyze", "hessian", "--model", "v/networks/relu-101.json"],
        vec![
            "analyze",
            "hessian",
            "--model",
            "v/networks/relu-101.json",
            "--method",
            "lanczos",
            "--lanczos-steps",
            "4000",
        ],
        vec!["train", "t.csv", "--target", "label", "--epochs", "90000"],
        vec![
            "train",
            "t.csv",
            "--target",
            "label",
            "--activations",
            "meta",
            "--steps",
            "90000",
        ],
        vec![
            "train",
            "t.csv",
            "--target",
            "label",
            "--activations",
            "relu,tanh",
            "--runs",
            "999",
            "--epochs",
            "9000",
        ],
        vec![
            "tune", "t.csv", "--target", "label", "--budget", "9000", "--epochs", "9000",
        ],
        vec!["reproduce", "all"],
        vec!["run", "study.toml"],
        vec!["export", "a", "--what", "network", "--epochs", "900000"],
    ];

    for (i, args) in commands.iter().enumerate() {
        let out = format!("out{i}");
        let args = [&args[..], &["-q", "--out", &out]].concat();
        let child = start(at, &args);
        let begun = Instant::now();

        let is_begun = || {
            fs::read_dir(at).unwrap().any(|e| {
                e.unwrap()
                    .file_name()
                    .to_str()
                    .is_some_and(|name| name == out || name == format!("{out}.run"))
            })
        };

        while !is_begun() && begun.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(10));
        }

        // Into the midst of the work.
        std::thread::sleep(Duration::from_millis(700));

        let (code, said) = interrupt(child, &args);
        assert_eq!(code, Some(75), "{args:?}: {said}");

        assert!(
            said.contains(
                "stopped on request; what was finished is kept, and the same command goes on"
            ),
            "{said}"
        );
    }
}

#[test]
fn a_second_ctrl_c_ends_the_process_at_once() {
    let dir = tempdir().unwrap();
    let at = dir.path();
    prepare(at);

    // The decomposition asks nobody for half a minute, so the first Ctrl-C leaves time for another.
    // Before it the elements are summed, which ends at the first: on a busy machine that takes
    // longer.
    let args = ["analyze", "hessian", "--model", "v/networks/relu-101.json"];

    for wait in [1500, 3000, 6000, 12000] {
        let out = format!("h{wait}");
        let mut child = start(at, &[&args[..], &["-q", "--out", &out]].concat());
        std::thread::sleep(Duration::from_millis(wait));

        let sent = Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
        std::thread::sleep(Duration::from_millis(150));

        if child.try_wait().unwrap().is_some() {
            continue;
        }

        let (code, said) = interrupt(child, &args);
        assert_eq!(code, Some(130), "{said}");
        return;
    }

    panic!("it always ended at the first");
}

/// A program that waits in place of a compiler, and says in `folder` that it has begun.
#[cfg(target_os = "linux")]
fn slow_compiler(folder: &Path, name: &str) {
    use std::os::unix::fs::PermissionsExt;

    let script = format!(
        "#!/bin/sh\n[ \"$1\" = --version ] && exit 0\n: >\"$TMPDIR/half-made.s\"\n: >'{}/begun'\nsleep 77.25 &\nwait\n",
        folder.display()
    );
    let path = folder.join(name);

    fs::write(&path, script).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The command lines of all processes.
#[cfg(target_os = "linux")]
fn processes() -> Vec<String> {
    let all = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let line = |entry: fs::DirEntry| fs::read_to_string(entry.path().join("cmdline")).ok();
    all.filter_map(line).collect()
}

#[test]
#[cfg(target_os = "linux")]
fn compilers_that_are_interrupted_are_no_verdict_and_leave_nothing() {
    let dir = tempdir().unwrap();
    let at = dir.path();
    prepare(at);
    succeed(at, &["export", "a", "--format", "c,rust", "--out", "e"]);

    for (signal, compiler) in [("-INT", "gcc"), ("-TERM", "gcc"), ("-INT", "cargo")] {
        let (tools, temporary) = (at.join("tools"), at.join("temporary"));
        fs::create_dir(&tools).unwrap();
        fs::create_dir(&temporary).unwrap();
        slow_compiler(&tools, compiler);

        // Without `kill`, and without compilers but for `sh` and `sleep`, which the script needs.
        for tool in ["sh", "sleep"] {
            let found = ["/bin", "/usr/bin"].map(|folder| Path::new(folder).join(tool));
            let found = found.into_iter().find(|path| path.exists()).unwrap();
            std::os::unix::fs::symlink(found, tools.join(tool)).unwrap();
        }

        let mut command = Command::new(path());
        command
            .current_dir(at)
            .args(["verify", "e"])
            .env("PATH", &tools)
            .env("TMPDIR", &temporary)
            .stdout(Stdio::null())
            .stderr(Stdio::piped());

        let mut child = command.spawn().unwrap();
        let begun = Instant::now();
        while !tools.join("begun").exists() && begun.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(5));
        }

        let begun = Instant::now();
        let sent = Command::new("kill")
            .args([signal, &child.id().to_string()])
            .status();

        assert!(sent.unwrap().success());

        let status = child.wait().unwrap();
        let said = said(&mut child);

        assert!(begun.elapsed() < PATIENCE, "{said}");
        assert_eq!(status.code(), Some(75), "{compiler} {signal}: {said}");
        assert!(
            said.contains("stopped on request") && !said.contains("compile"),
            "{said}"
        );

        assert_eq!(
            fs::read_dir(&temporary).unwrap().count(),
            0,
            "temporary files are left"
        );

        let sleeps = processes().iter().any(|line| line.contains("77.25"));
        assert!(!sleeps, "a compiler's child goes on");

        fs::remove_dir_all(tools).unwrap();
        fs::remove_dir_all(temporary).unwrap();
    }
}

#[test]
fn predictions_that_are_interrupted_leave_nothing() {
    let dir = tempdir().unwrap();
    let at = dir.path();
    prepare(at);

    let train = SHORT_TRAINING;

    succeed(
        at,
        &[&train[..], &["--runs", "2", "--out", "m.ldnn"]].concat(),
    );

    let before = fs::read_dir(at).unwrap().count();

    // It waits for rows of a pipe, which nobody writes to.
    let args = [
        "predict",
        "m.ldnn",
        "--header",
        "--delimiter",
        ",",
        "--block",
        "1",
        "--out",
        "p.csv",
    ];

    let mut child = start(at, &args);
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), b"a,b\n1,2\n").unwrap();

    let pipe = child.stdin.take();
    let begun = Instant::now();
    while fs::read_dir(at).unwrap().count() == before && begun.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(10));
    }

    assert_eq!(
        fs::read_dir(at).unwrap().count(),
        before + 1,
        "it writes beside the place of its output"
    );

    let (code, said) = interrupt(child, &args);
    drop(pipe);

    assert_eq!(code, Some(75), "{said}");
    assert!(
        said.contains("stopped on request; the same command begins anew"),
        "{said}"
    );

    assert_eq!(
        fs::read_dir(at).unwrap().count(),
        before,
        "something is left"
    );
}

#[test]
fn the_last_line_of_progress_counts_what_is_in_the_journal() {
    let dir = tempdir().unwrap();
    let at = dir.path();

    let args = [
        "validate",
        "--compare",
        "relu",
        "--hidden",
        "10",
        "--runs",
        "300",
        "--epochs",
        "10",
        "--out",
        "v",
    ];

    let child = start(at, &args);
    let lines =
        || fs::read_to_string(at.join("v/trainings.jsonl")).map_or(0, |t| t.lines().count());
    let begun = Instant::now();

    while lines() < 3 && begun.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(1));
    }

    let (code, said) = interrupt(child, &args);
    assert_eq!(code, Some(75));

    assert!(
        said.contains(&format!("trainings: {}/300 in ", lines())),
        "{} in the journal: {said}",
        lines()
    );
}

/// A compiler that never ends, and neither does its child. It writes down both when it has begun.
#[cfg(target_os = "linux")]
const SLOW_COMPILER: &str = "#!/bin/sh
[ \"$1\" = --version ] && exit 0
sleep 600 &
echo $$ $! > begun.part && mv begun.part begun
wait
";

/// The processes that the slow compiler wrote down in `at`, once it has.
#[cfg(target_os = "linux")]
fn compiler_at_work(at: &Path) -> Vec<u32> {
    let begun = Instant::now();
    while !at.join("begun").exists() {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "nothing is compiled"
        );
        std::thread::sleep(Duration::from_millis(10));
    }

    let text = fs::read_to_string(at.join("begun")).unwrap();
    let processes: Vec<u32> = text
        .split_whitespace()
        .map(|p| p.parse().unwrap())
        .collect();

    assert_eq!(processes.len(), 2, "{text}");
    assert!(processes.iter().all(|&p| is_alive(p)), "{text}");

    processes
}

/// Whether a process is there, and no mere entry that nobody has asked for yet.
#[cfg(target_os = "linux")]
fn is_alive(process: u32) -> bool {
    let about = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let state = about.rsplit_once(')').map(|(_, rest)| rest.trim_start());
    state.is_some_and(|state| !state.starts_with(['Z', 'X']))
}

#[test]
#[cfg(target_os = "linux")]
fn compilers_end_with_the_command_that_started_them() {
    use std::os::unix::fs::PermissionsExt;

    let dir = tempdir().unwrap();
    let at = dir.path();
    prepare(at);
    succeed(at, &["export", "a", "-q", "--out", "whole"]);
    fs::create_dir(at.join("bin")).unwrap();

    let compiler = at.join("bin/gcc");
    fs::write(&compiler, SLOW_COMPILER).unwrap();
    fs::set_permissions(&compiler, fs::Permissions::from_mode(0o755)).unwrap();

    let others = std::env::var_os("PATH").unwrap_or_default();
    let places = [at.join("bin")]
        .into_iter()
        .chain(std::env::split_paths(&others));
    let places = std::env::join_paths(places).unwrap();

    for args in [
        &["verify", "whole"][..],
        &["export", "a", "-q", "--out", "new"],
    ] {
        let _ = fs::remove_file(at.join("begun"));
        let mut command = Command::new(path());
        command
            .current_dir(at)
            .args(args)
            .env("PATH", &places)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());

        let child = command.spawn().unwrap();
        let processes = compiler_at_work(at);
        let (code, said) = interrupt(child, args);

        assert_eq!(code, Some(75), "{args:?}: {said}");
        assert!(said.contains("stopped on request"), "{said}");

        // A process that was killed goes when the system comes to it.
        let begun = Instant::now();
        while processes.iter().any(|&p| is_alive(p)) && begun.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(10));
        }

        let alive: Vec<&u32> = processes.iter().filter(|&&p| is_alive(p)).collect();
        assert!(
            alive.is_empty(),
            "{args:?}: {alive:?} of {processes:?} are alive"
        );
    }
}
