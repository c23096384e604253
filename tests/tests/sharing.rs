//! Several processes that share a run: the results are those of one, whatever their number, their
//! order and their fate.

use ldnn_tests::program::{assert_same_files, files_of, path, refuse, run, succeed};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tempfile::{TempDir, tempdir};

const SMALL: [&str; 12] = [
    "validate",
    "--compare",
    "relu,tanh",
    "--hidden",
    "4",
    "--epochs",
    "2",
    "--runs",
    "4",
    "-q",
    "--jobs",
    "1",
];

fn small<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&SMALL[..], more].concat()
}

/// The results of one process.
fn whole() -> &'static BTreeMap<PathBuf, Vec<u8>> {
    static WHOLE: OnceLock<(TempDir, BTreeMap<PathBuf, Vec<u8>>)> = OnceLock::new();

    let (_, results) = WHOLE.get_or_init(|| {
        let dir = tempdir().unwrap();
        succeed(dir.path(), &small(&["--out", "w"]));
        let found = files_of(&dir.path().join("w"));
        (dir, found)
    });
    results
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, ..ProptestConfig::default() })]

    #[test]
    fn merged_shards_give_the_bytes_of_one_process_for_any_number_and_order(
        n in 1usize..12,
        order in proptest::collection::vec(any::<u32>(), 12),
        machines in 1usize..4,
    ) {
        let dir = tempdir().unwrap();
        let mut shards: Vec<usize> = (0..n).collect();
        shards.sort_by_key(|&i| order[i]);
        for i in &shards {
            let out = format!("machine{}", i % machines);
            succeed(dir.path(), &small(&["--shard", &format!("{i}/{n}"), "--out", &out]));
        }
        let mut runs: Vec<String> = (0..machines.min(n)).map(|m| format!("machine{m}")).collect();
        runs.reverse();
        let mut args = vec!["merge", "--out", "merged"];
        args.extend(runs.iter().map(String::as_str));
        let report = succeed(dir.path(), &args);
        prop_assert!(report.contains("violins.png"));
        assert_same_files(whole(), &files_of(&dir.path().join("merged")));
    }
}

#[test]
fn merge_says_what_is_missing_of_which_shards_and_status_how_far_each_is() {
    let dir = tempdir().unwrap();
    let shard = |i: &str| succeed(dir.path(), &small(&["--shard", i, "--out", "r"]));

    assert!(shard("0/3").contains("done; when all shards are"));

    let message = refuse(dir.path(), &["merge", "r"], 75);
    assert!(
        message.contains("trainings: ") && message.contains("of 8 are missing"),
        "{message}"
    );
    assert!(message.contains("of shards 1, 2 of 3"), "{message}");

    let status = succeed(dir.path(), &["status", "r"]);

    for word in [
        "trainings",
        "0/3",
        "done",
        "not begun",
        "1/3",
        "2/3",
        "are missing",
    ] {
        assert!(status.contains(word), "{word} is not in\n{status}");
    }

    shard("2/3");
    assert!(shard("1/3").contains("ldnn merge"));
    assert!(succeed(dir.path(), &["status", "r"]).contains("0 are missing"));

    succeed(dir.path(), &["merge", "r"]);
    assert_same_files(whole(), &files_of(&dir.path().join("r")));
    // And once more, and by the command itself.
    succeed(dir.path(), &["merge", "r"]);
    succeed(dir.path(), &small(&["--out", "r"]));
    assert_same_files(whole(), &files_of(&dir.path().join("r")));
}

#[test]
fn shards_of_other_numbers_and_a_process_without_shard_take_over_what_is_done() {
    let dir = tempdir().unwrap();

    for shard in ["0/3", "2/5", "0/1"] {
        succeed(dir.path(), &small(&["--shard", shard, "--out", "r"]));
    }

    let lines = |shard: &str| {
        let journal = dir
            .path()
            .join("r/shards")
            .join(shard)
            .join("journals/trainings.jsonl");
        fs::read_to_string(journal).unwrap().lines().count()
    };

    let (first, second, third) = (lines("0-of-3"), lines("2-of-5"), lines("0-of-1"));

    assert_eq!(
        first + second + third,
        8,
        "{first} {second} {third}: something was done twice"
    );

    succeed(dir.path(), &small(&["--out", "r"]));
    assert_same_files(whole(), &files_of(&dir.path().join("r")));
}

#[test]
fn merge_and_status_say_that_shards_divided_the_work_in_two_ways() {
    let dir = tempdir().unwrap();

    let merge = || {
        let output = run(dir.path(), &["merge", "r"]);
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };

    for shard in ["1/3", "2/4"] {
        succeed(dir.path(), &small(&["--shard", shard, "--out", "r"]));
    }

    let said = "trainings: the work was divided among 3 and among 4 shards; ";
    let (code, message) = merge();

    assert!(
        code == Some(75) && message.contains(&format!("{said}5 jobs are missing")),
        "{message}"
    );
    assert!(
        message.contains("5 of 8 are missing (of shards 0, 2 of 3, or of shards 0, 1, 3 of 4)"),
        "{message}"
    );
    assert!(succeed(dir.path(), &["status", "r"]).contains(said));

    for shard in ["0/3", "2/3"] {
        succeed(dir.path(), &small(&["--shard", shard, "--out", "r"]));
    }

    let (code, message) = merge();
    assert!(
        code == Some(0) && message.contains(&format!("{said}all of it is done")),
        "{message}"
    );

    assert_same_files(whole(), &files_of(&dir.path().join("r")));

    // One division is nothing to speak of.
    for shard in ["0/2", "1/2"] {
        succeed(dir.path(), &small(&["--shard", shard, "--out", "one"]));
    }

    let output = run(dir.path(), &["merge", "one"]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("divided"));
}

#[test]
fn a_run_folder_says_which_command_it_is_of_and_nothing_is_guessed_where_it_does_not() {
    let dir = tempdir().unwrap();
    let config = |run: &str| fs::read_to_string(dir.path().join(run).join("config.toml")).unwrap();
    succeed(dir.path(), &small(&["--shard", "0/1", "--out", "r"]));

    let participation = [
        "--compare",
        "relu",
        "--hidden",
        "4",
        "--epochs",
        "2",
        "--runs",
        "2",
        "-q",
        "--out",
        "p",
    ];

    succeed(
        dir.path(),
        &[&["analyze", "participation"], &participation[..]].concat(),
    );

    fs::write(
        dir.path().join("s.toml"),
        "[reproduce]\npreset = 'smoke'\nexperiments = ['fig4']\n",
    )
    .unwrap();

    // Whichever command began it, a study of reproduce is one run.
    let shard = ["--stage", "select", "--shard", "0/9", "-q", "--out", "s"];

    assert_eq!(
        run(dir.path(), &[&["run", "s.toml"], &shard[..]].concat())
            .status
            .code(),
        Some(75)
    );

    for (run, command) in [
        ("r", "validate"),
        ("p", "analyze participation"),
        ("s", "reproduce"),
    ] {
        let header = format!(
            "command = \"{command}\"\nversion = \"{}\"\n",
            env!("CARGO_PKG_VERSION")
        );
        assert!(config(run).starts_with(&header), "{}", config(run));
    }

    let list = succeed(dir.path(), &["list", "."]);
    assert!(
        list.contains("analyze participation") && list.contains("reproduce"),
        "{list}"
    );

    let kind = |file: &str| {
        let text = fs::read(dir.path().join(file)).unwrap();
        serde_json::from_slice::<serde_json::Value>(&text).unwrap()["kind"].clone()
    };

    assert_eq!(kind("r/shards/0-of-1/state.json"), "shard");
    assert_eq!(kind("p/section.json"), "section");

    let message = refuse(dir.path(), &["merge", "p"], 2);
    assert!(
        message.contains("`ldnn analyze participation`, which has no shards"),
        "{message}"
    );

    // As an earlier version wrote it.
    let old = config("r").lines().skip(2).collect::<Vec<_>>().join("\n");
    fs::write(dir.path().join("r/config.toml"), old).unwrap();

    for (args, code) in [
        (vec!["merge", "r"], 2),
        (vec!["status", "r"], 2),
        (small(&["--out", "r"]), 2),
    ] {
        let message = refuse(dir.path(), &args, code);
        assert!(
            message.contains("does not say which command it is of")
                && message.contains("--replace"),
            "{message}"
        );
    }

    // Its settings are still settings.
    succeed(
        dir.path(),
        &[
            "validate",
            "-q",
            "--config",
            "r/config.toml",
            "--out",
            "again",
        ],
    );

    succeed(dir.path(), &small(&["--replace", "--out", "r"]));
    assert_same_files(whole(), &files_of(&dir.path().join("again")));
}

#[test]
fn a_damaged_line_of_a_shard_counts_as_missing_and_is_told_and_computed_again() {
    let dir = tempdir().unwrap();

    for shard in ["0/2", "1/2"] {
        succeed(dir.path(), &small(&["--shard", shard, "--out", "r"]));
    }

    let journal = dir.path().join("r/shards/1-of-2/journals/trainings.jsonl");
    let mut bytes = fs::read(&journal).unwrap();
    let at = bytes.windows(10).position(|w| w == b"train_loss").unwrap() + 14;
    bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
    fs::write(&journal, bytes).unwrap();

    let message = refuse(dir.path(), &["merge", "r"], 75);
    assert!(
        message.contains("line 1: damaged") && message.contains("1 of 8 are missing"),
        "{message}"
    );

    let again = run(dir.path(), &small(&["--shard", "1/2", "--out", "r"]));
    let message = String::from_utf8_lossy(&again.stderr);

    assert!(
        again.status.success() && message.contains("trainings.jsonl.damaged"),
        "{message}"
    );

    succeed(dir.path(), &["merge", "r"]);
    assert_same_files(whole(), &files_of(&dir.path().join("r")));
}

#[test]
fn results_that_are_there_twice_must_be_the_same_and_shards_must_be_of_one_run() {
    let dir = tempdir().unwrap();
    succeed(dir.path(), &small(&["--shard", "0/1", "--out", "a"]));
    succeed(dir.path(), &small(&["--shard", "0/2", "--out", "b"]));
    succeed(dir.path(), &["merge", "a", "b", "--out", "both"]);
    assert_same_files(whole(), &files_of(&dir.path().join("both")));

    // The same job with another result, its checksum right: of another version of the program,
    // say.
    let journal = dir.path().join("b/shards/0-of-2/journals/trainings.jsonl");
    let text = fs::read_to_string(&journal).unwrap();
    let line = text.lines().next().unwrap();
    let (value, _) = line.rsplit_once(",\"crc\"").unwrap();
    let changed = value.replacen("[2]", "[3]", 1);

    assert_ne!(value, changed);

    let sum = crc32fast::hash(changed.as_bytes());
    fs::write(&journal, format!("{changed},\"crc\":\"{sum:08x}\"}}\n")).unwrap();

    let message = refuse(dir.path(), &["merge", "a", "b", "--out", "again"], 1);
    assert!(
        message.contains("different results") && message.contains("seed 10"),
        "{message}"
    );

    succeed(
        dir.path(),
        &small(&["--epochs", "3", "--shard", "0/2", "--out", "other"]),
    );

    let message = refuse(dir.path(), &["merge", "a", "other", "--out", "again"], 2);
    assert!(
        message.contains("other settings") && message.contains("epochs"),
        "{message}"
    );
    assert!(refuse(dir.path(), &["merge", "nowhere"], 2).contains("--shard"));
    assert!(refuse(dir.path(), &small(&["--shard", "3/3", "--out", "x"]), 2).contains("0 to 2"));
    assert!(!dir.path().join("x").exists());
}

#[test]
fn every_shard_of_reproduce_comes_again_until_its_work_is_done_and_the_merge_is_the_whole() {
    let dir = tempdir().unwrap();

    let args = [
        "reproduce",
        "fig4",
        "family",
        "--preset",
        "smoke",
        "-q",
        "--out",
    ];

    succeed(dir.path(), &[&args[..], &["whole"]].concat());

    let mut passes = 0;

    loop {
        passes += 1;

        let codes = ["2/3", "0/3", "1/3"].map(|shard| {
            let code = run(dir.path(), &[&args[..], &["r", "--shard", shard]].concat())
                .status
                .code();
            assert!(code == Some(0) || code == Some(75), "{code:?}");
            code
        });

        if codes == [Some(0); 3] {
            break;
        }

        assert!(passes < 6, "shards come again and again");
    }

    assert!(passes > 1, "reproduce has several stages");

    succeed(dir.path(), &["merge", "r"]);
    assert_same_files(
        &files_of(&dir.path().join("whole")),
        &files_of(&dir.path().join("r")),
    );
}

#[test]
fn reproduce_is_a_study_whose_stages_are_each_one_array() {
    let dir = tempdir().unwrap();
    let study = "[reproduce]\npreset = 'smoke'\nexperiments = ['fig1', 'fig4']\n";
    fs::write(dir.path().join("study.toml"), study).unwrap();

    succeed(
        dir.path(),
        &[
            "reproduce",
            "fig1",
            "fig4",
            "--preset",
            "smoke",
            "-q",
            "--out",
            "whole",
        ],
    );

    let script = succeed(dir.path(), &["slurm", "study.toml", "--tasks", "2"]);
    let stages = ["learn", "select", "train"];
    let submitted: Vec<usize> = stages
        .iter()
        .map(|s| script.find(&format!("{s}=$(stage={s} tasks=2")).unwrap())
        .collect();

    assert!(submitted.is_sorted(), "{script}");

    for stage in stages {
        for shard in ["2/3", "0/3", "1/3"] {
            succeed(
                dir.path(),
                &[
                    "run",
                    "study.toml",
                    "-q",
                    "--out",
                    "r",
                    "--stage",
                    stage,
                    "--shard",
                    shard,
                ],
            );
        }
    }

    succeed(dir.path(), &["merge", "r"]);
    assert_same_files(
        &files_of(&dir.path().join("whole")),
        &files_of(&dir.path().join("r")),
    );

    for (stage, args) in [("select", &["study.toml"][..]), ("train", &["study.toml"])] {
        // A stage whose turn has not come yet does what it can, and is to be started again.
        let args = [
            &["run"],
            args,
            &["-q", "--out", "early", "--shard", "0/3", "--stage", stage],
        ]
        .concat();
        assert_eq!(run(dir.path(), &args).status.code(), Some(75), "{stage}");
    }

    let printed = succeed(
        dir.path(),
        &[
            "run",
            "study.toml",
            "--print-config",
            "--set",
            "equal.runs=7",
        ],
    );

    assert!(
        printed.contains("[reproduce.equal]\n") && printed.contains("runs = 7\n"),
        "{printed}"
    );
    assert!(succeed(dir.path(), &["run", "study.toml", "--dry-run"]).contains("trainings; some"));
    assert!(refuse(dir.path(), &["run", "study.toml", "--plan"], 2).contains("--dry-run"));

    fs::write(
        dir.path().join("study.toml"),
        study.replace("preset", "preste"),
    )
    .unwrap();

    let message = refuse(dir.path(), &["run", "study.toml"], 2);
    assert!(
        message.contains("'study.toml', line 2, column 1") && message.contains("preset'?"),
        "{message}"
    );
}

#[test]
fn sizes_and_kept_networks_are_shared_too() {
    let dir = tempdir().unwrap();
    let networks = small(&["--keep-networks", "--out"]);

    let sizes = [
        "sizes",
        "--compare",
        "relu,tanh",
        "--widths",
        "3,5",
        "--epochs",
        "2",
        "--runs",
        "2",
        "-q",
        "--out",
    ];

    for (name, args) in [("n", &networks[..]), ("s", &sizes[..])] {
        let (one, many) = (format!("{name}1"), format!("{name}2"));
        succeed(dir.path(), &[args, &[&one]].concat());

        for shard in ["1/2", "0/2"] {
            succeed(dir.path(), &[args, &[&many, "--shard", shard]].concat());
        }

        succeed(dir.path(), &["merge", &many]);
        assert_same_files(
            &files_of(&dir.path().join(one)),
            &files_of(&dir.path().join(many)),
        );
    }

    assert!(dir.path().join("n2/networks/relu-101.json").exists());
}

#[test]
fn a_second_process_in_a_run_folder_is_refused_and_told_who_is_there() {
    let dir = tempdir().unwrap();

    let long = [
        "validate",
        "--compare",
        "relu",
        "--runs",
        "5000",
        "--epochs",
        "5",
        "-q",
        "--out",
        "r",
    ];

    let start = |more: &[&str]| {
        let args = [&long[..], more].concat();
        Command::new(path())
            .current_dir(dir.path())
            .args(args)
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };

    let until = |file: &str| {
        let begun = Instant::now();
        while !dir.path().join(file).exists() && begun.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(5));
        }
    };

    let mut first = start(&[]);
    until("r/trainings.jsonl");

    let message = refuse(dir.path(), &long, 1);
    assert!(
        message.contains(&format!("process {}", first.id())) && message.contains("--out"),
        "{message}"
    );

    // A shard has a folder of its own: it is not in the way of that process, but of another one for
    // the same shard.
    let mut shard = start(&["--shard", "0/2"]);
    until("r/shards/0-of-2/journals/trainings.jsonl");

    let message = refuse(dir.path(), &[&long[..], &["--shard", "0/2"]].concat(), 1);
    assert!(
        message.contains(&format!("process {}", shard.id())),
        "{message}"
    );
    assert!(succeed(dir.path(), &["status", "r"]).contains("running: process"));

    // A lock dies with its process, however that dies.
    for child in [&mut first, &mut shard] {
        child.kill().unwrap();
        child.wait().unwrap();
    }

    assert!(succeed(dir.path(), &["status", "r"]).contains("killed: process"));

    let mut again = start(&["--shard", "0/2"]);
    Command::new("kill")
        .args(["-TERM", &again.id().to_string()])
        .status()
        .unwrap();

    assert!(again.wait().is_ok());
}

#[test]
fn of_shards_with_different_settings_that_begin_at_once_those_of_one_kind_work() {
    let dir = tempdir().unwrap();

    for attempt in 0..12 {
        let out = format!("r{attempt}");
        let start = |args: &[&str]| {
            let args = [&small(args)[..], &["--out", &out]].concat();
            Command::new(path())
                .current_dir(dir.path())
                .args(args)
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        };

        // A whole run takes over a folder with nothing but settings.
        let epochs = ["--epochs", "1"];
        let other = [&["--seed", "5"], &epochs[..]].concat();
        let second = match attempt % 2 {
            0 => [&other[..], &["--shard", "1/2"]].concat(),
            _ => other,
        };

        let children = [
            start(&[&epochs[..], &["--shard", "0/2"]].concat()),
            start(&second),
        ];
        let outputs = children.map(|child| child.wait_with_output().unwrap());
        let failed: Vec<String> = outputs
            .iter()
            .filter(|output| !output.status.success())
            .map(|output| String::from_utf8_lossy(&output.stderr).into_owned())
            .collect();

        assert_eq!(failed.len(), 1, "{failed:?}");
        assert!(
            failed[0].contains("other settings") || failed[0].contains("another run is at work"),
            "{failed:?}"
        );
    }
}

#[test]
fn results_of_shards_whose_settings_are_lost_are_of_no_run() {
    let dir = tempdir().unwrap();
    let shard = |i: &'static str| small(&["--shard", i, "--out", "r"]);
    succeed(dir.path(), &shard("0/2"));

    let config = dir.path().join("r/config.toml");
    let settings = fs::read(&config).unwrap();
    fs::remove_file(&config).unwrap();

    for args in [
        small(&["--epochs", "3", "--shard", "1/2", "--out", "r"]),
        small(&["--epochs", "3", "--out", "r"]),
        small(&["--epochs", "3", "--replace", "--out", "r"]),
        shard("1/2"),
    ] {
        let message = refuse(dir.path(), &args, 2);
        assert!(
            message.contains("results of shards, but no config.toml")
                && message.contains("put that file back"),
            "{message}"
        );
        assert!(!config.exists());
    }

    fs::write(&config, settings).unwrap();
    succeed(dir.path(), &shard("1/2"));
    succeed(dir.path(), &["merge", "r"]);
    assert_same_files(whole(), &files_of(&dir.path().join("r")));
}

#[test]
fn settings_are_not_changed_while_a_shard_is_at_work() {
    let dir = tempdir().unwrap();
    let long = ["--runs", "5000", "--shard", "0/2", "--out", "r"];

    let mut shard = Command::new(path())
        .current_dir(dir.path())
        .args(small(&long))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();

    let journal = dir.path().join("r/shards/0-of-2/journals/trainings.jsonl");
    let begun = Instant::now();
    while !journal.exists() && begun.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(5));
    }

    let config = dir.path().join("r/config.toml");
    let settings = fs::read(&config).unwrap();
    let replace = small(&["--replace", "--out", "r"]);
    let message = refuse(dir.path(), &replace, 1);

    assert!(
        message.contains(&format!("process {}", shard.id())) && message.contains("--out"),
        "{message}"
    );
    assert_eq!(fs::read(&config).unwrap(), settings);

    shard.kill().unwrap();
    shard.wait().unwrap();

    succeed(dir.path(), &replace);
    assert_same_files(whole(), &files_of(&dir.path().join("r")));
}

/// The rows of another file under the same name are another run, for shards, merges and for going on.
#[test]
fn a_run_does_not_go_on_with_other_data() {
    let dir = tempdir().unwrap();
    let at = dir.path();
    let data = |seed: &str| {
        succeed(
            at,
            &[
                "-q",
                "data",
                "vanderpol",
                "--orbits",
                "4",
                "--test-orbits",
                "2",
                "--seed",
                seed,
                "--replace",
                "--out",
                "d.npz",
            ],
        );
    };
    let run: &[&str] = &[
        "-q",
        "validate",
        "--data",
        "d.npz",
        "--compare",
        "relu,tanh",
        "--runs",
        "2",
        "--epochs",
        "1",
        "--hidden",
        "4",
        "--out",
        "M",
    ];

    data("1");
    succeed(at, &[run, &["--shard", "0/2"]].concat());

    data("2");
    let said = refuse(at, &[run, &["--shard", "1/2"]].concat(), 2);
    assert!(said.contains("the table 'd.npz' has changed"), "{said}");
    refuse(at, run, 2);
    refuse(at, &["merge", "M"], 2);

    data("1");
    succeed(at, &[run, &["--shard", "1/2"]].concat());
    succeed(at, &["-q", "merge", "M"]);
}
