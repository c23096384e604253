//! Studies: a file with sweeps, worked by one process or by many, at any stage, killed or not: the
//! same results.

use ldnn_tests::program::{assert_same_files, files_of, path, refuse, run, succeed};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::tempdir;

const STUDY: &str = "
task = 'digits'
[meta]
steps = 2
inner_steps = 3
outer_last = 2
hidden = [4]
units = 3
[validate]
compare = ['relu', 'type1', 'mix']
runs = 2
[validate.train]
epochs = 2
every = 1
hidden = [3]
[sweep]
meta.seed = { from = 7, count = 2 }
meta.base = ['sine', 'zero']
validate.train.hidden = [[3], [4]]
";

/// Per width: relu twice for each of two outer seeds; type 1 and mix twice for each of two outer
/// seeds from two bases.
const TRAININGS: usize = 2 * (2 * 2 + 2 * 2 * 2 * 2);

fn folder() -> tempfile::TempDir {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("study.toml"), STUDY).unwrap();
    dir
}

#[test]
fn a_study_in_shards_of_any_number_gives_the_bytes_of_one_process() {
    let dir = folder();
    let report = succeed(dir.path(), &["run", "study.toml", "-q", "--out", "whole"]);

    for word in [
        "Cells: 4.",
        "hidden [3], meta.base sine",
        "mix beats relu",
        "type1",
        "accuracy.png",
    ] {
        assert!(report.contains(word), "{word} is not in\n{report}");
    }

    let whole = files_of(&dir.path().join("whole"));
    let lines = String::from_utf8(whole[Path::new("trainings.jsonl")].clone()).unwrap();

    assert_eq!(lines.lines().count(), TRAININGS);

    assert_eq!(
        whole
            .keys()
            .filter(|k| k.ends_with("activations.json"))
            .count(),
        4
    );

    // Stage by stage, the last shard first.
    for stage in ["learn", "train"] {
        for shard in ["2/3", "1/3", "0/3"] {
            succeed(
                dir.path(),
                &[
                    "run",
                    "study.toml",
                    "-q",
                    "--out",
                    "a",
                    "--stage",
                    stage,
                    "--shard",
                    shard,
                ],
            );
        }
    }

    succeed(dir.path(), &["merge", "a"]);
    assert_same_files(&whole, &files_of(&dir.path().join("a")));

    // Both stages at once, until nobody has to come again; shards on two machines that share
    // nothing until the end, and stages with other numbers of shards.
    for shard in ["0/2", "1/2"] {
        succeed(
            dir.path(),
            &[
                "run",
                "study.toml",
                "-q",
                "--out",
                "b",
                "--stage",
                "learn",
                "--shard",
                shard,
            ],
        );
    }

    for shard in ["3/5", "0/5", "4/5", "1/5", "2/5"] {
        succeed(
            dir.path(),
            &["run", "study.toml", "-q", "--out", "b", "--shard", shard],
        );
    }

    succeed(dir.path(), &["merge", "b", "--out", "c"]);
    assert_same_files(&whole, &files_of(&dir.path().join("c")));

    // And one process after shards that did a part.
    succeed(
        dir.path(),
        &[
            "run",
            "study.toml",
            "-q",
            "--out",
            "d",
            "--stage",
            "learn",
            "--shard",
            "1/2",
        ],
    );

    succeed(dir.path(), &["run", "study.toml", "-q", "--out", "d"]);
    assert_same_files(&whole, &files_of(&dir.path().join("d")));
}

#[test]
fn a_shard_that_waits_for_others_says_so_and_merge_and_status_say_what_is_missing() {
    let dir = folder();

    let shard = |i: &str| {
        run(
            dir.path(),
            &["run", "study.toml", "-q", "--out", "r", "--shard", i],
        )
    };

    let first = shard("0/2");

    assert_eq!(
        first.status.code(),
        Some(75),
        "activations of the other shard are missing"
    );

    assert!(String::from_utf8_lossy(&first.stderr).contains("start it again"));

    let message = refuse(dir.path(), &["merge", "r"], 75);
    assert!(
        message.contains("learned: ") && message.contains("trainings: "),
        "{message}"
    );

    let status = succeed(dir.path(), &["status", "r"]);

    for word in ["learned", "trainings", "waits", "not begun", "1/2"] {
        assert!(status.contains(word), "{word} is not in\n{status}");
    }

    assert_eq!(shard("1/2").status.code(), Some(0));
    assert_eq!(shard("0/2").status.code(), Some(0));
    assert!(succeed(dir.path(), &["status", "r"]).contains("0 are missing"));

    succeed(dir.path(), &["merge", "r"]);
}

#[test]
fn the_plan_is_the_same_for_everybody_and_its_shards_are_its_parts() {
    let dir = folder();

    let plan = |more: &[&str]| -> Vec<String> {
        let text = succeed(
            dir.path(),
            &[&["run", "study.toml", "--plan"], more].concat(),
        );
        text.lines().skip(1).map(String::from).collect()
    };

    let all = plan(&[]);
    assert_eq!(all.len(), TRAININGS);

    let ids: BTreeSet<&str> = all.iter().map(|l| l.split('\t').nth(1).unwrap()).collect();
    assert_eq!(ids.len(), TRAININGS);

    let mut parts: Vec<String> = (0..5)
        .flat_map(|i| plan(&["--shard", &format!("{i}/5")]))
        .collect();
    parts.sort_by_key(|l| l.split('\t').next().unwrap().parse::<usize>().unwrap());

    assert_eq!(parts, all);
    assert!(!dir.path().join("out").exists());
}

#[test]
fn studies_that_cannot_be_are_refused_before_anything_is_written() {
    let dir = folder();

    for (from, to, words) in [
        (
            "'sine', 'zero'",
            "'sine', 'zeros'",
            &[
                "'study.toml', line 18, column 22",
                "sweep.meta.base",
                "zeros",
            ][..],
        ),
        (
            "'sine', 'zero'",
            "'sinus', 'zero'",
            &["line 18, column 14", "sweep.meta.base", "sinus"],
        ),
        ("meta.base", "\"meta.base\"", &[]),
        (
            "steps = 2",
            "step = 2",
            &[
                "line 4, column 1",
                "no setting 'meta.step'",
                "did you mean 'meta.steps'",
            ],
        ),
        ("runs = 2", "runs = 0", &["line 9, column 1", "runs = 0"]),
        (
            "epochs = 2",
            "epochs = 'many'",
            &[
                "line 13, column 10",
                "'validate.train.epochs'",
                "whole number",
            ],
        ),
        (
            "meta.base",
            "mata.base",
            &["line 18", "sweep.mata.base", "an axis is"],
        ),
        (
            "['sine', 'zero']",
            "[]",
            &["line 18, column 13", "at least one value"],
        ),
        (
            "task = 'digits'",
            "taks = 'digits'",
            &["line 2, column 1", "did you mean 'task'"],
        ),
        ("[meta]", "[meta", &["study.toml", "line"]),
    ] {
        fs::write(dir.path().join("study.toml"), STUDY.replacen(from, to, 1)).unwrap();

        if words.is_empty() {
            succeed(dir.path(), &["run", "study.toml", "--dry-run"]);
            continue;
        }

        let message = refuse(dir.path(), &["run", "study.toml", "--out", "r"], 2);
        for word in words {
            assert!(message.contains(word), "{to}: '{word}' is not in {message}");
        }
    }

    assert!(refuse(dir.path(), &["run", "nowhere.toml"], 2).contains("nowhere.toml"));
    assert!(!dir.path().join("r").exists());
}

#[test]
fn a_study_is_changed_by_assignments_and_repeated_from_what_its_run_stored() {
    let dir = folder();
    let changed = ["--set", "validate.runs=1", "--set", "sweep.meta.base=zero"];
    succeed(
        dir.path(),
        &[&["run", "study.toml", "-q", "--out", "a"], &changed[..]].concat(),
    );

    for again in [
        &["run", "a/config.toml"][..],
        &["run", "--config", "a/config.toml"],
    ] {
        succeed(
            dir.path(),
            &[again, &["-q", "--replace", "--out", "b"]].concat(),
        );
        assert_same_files(
            &files_of(&dir.path().join("a")),
            &files_of(&dir.path().join("b")),
        );
    }

    let printed = succeed(
        dir.path(),
        &[
            "run",
            "a/config.toml",
            "--set",
            "validate.runs=3",
            "--print-config",
        ],
    );

    assert!(
        printed.contains("runs = 3") && printed.contains("base = [\"zero\"]"),
        "{printed}"
    );

    let message = refuse(
        dir.path(),
        &["run", "study.toml", "--set", "validate.ruhns=3"],
        2,
    );

    assert!(
        message.contains("--set validate.ruhns=3") && message.contains("validate.runs'?"),
        "{message}"
    );

    for file in ["study.toml", "a/config.toml"] {
        let message = refuse(dir.path(), &["run", file, "--set", "sweep.meta.base=3"], 2);
        let said = "--set sweep.meta.base=3: sweep.meta.base = 3: meta: invalid type: integer `3`, expected a string";
        assert!(message.contains(said), "{message}");
    }

    assert!(
        succeed(dir.path(), &["run", "a/config.toml", "--dry-run"]).starts_with("# to out/a\n")
    );
    assert!(refuse(dir.path(), &["run"], 2).contains("STUDY.toml"));
}

#[test]
fn the_script_for_a_queue_packs_the_work_and_is_one_for_bash() {
    let dir = folder();

    let script = succeed(
        dir.path(),
        &[
            "slurm",
            "study.toml",
            "--tasks",
            "3",
            "--option=--partition=x",
        ],
    );

    for word in [
        "--array=0-2%3",
        "--partition=x",
        "--requeue",
        "afterany",
        "merge",
        "4 meta-learning runs",
        "40 trainings",
    ] {
        assert!(script.contains(word), "{word} is not in\n{script}");
    }

    fs::write(dir.path().join("s.sh"), &script).unwrap();

    assert!(
        Command::new("bash")
            .args(["-n", "s.sh"])
            .current_dir(dir.path())
            .status()
            .unwrap()
            .success()
    );

    // So little work is one task a stage.
    assert!(succeed(dir.path(), &["slurm", "study.toml"]).contains("--array=0-0%1"));
    assert!(refuse(dir.path(), &["slurm", "study.toml", "--tasks", "0"], 2).contains("--tasks"));
}

#[test]
fn a_task_of_a_queue_finds_its_shard_in_the_environment() {
    let dir = folder();

    let task = |variable: &str, value: &str, shard: &str| {
        let args = [
            "run",
            "study.toml",
            "-q",
            "--out",
            "r",
            "--stage",
            "learn",
            "--shard",
            shard,
        ];

        Command::new(path())
            .args(args)
            .current_dir(dir.path())
            .env(variable, value)
            .output()
            .unwrap()
    };

    assert!(task("SLURM_ARRAY_TASK_ID", "0", "auto/2").status.success());
    assert!(task("PARALLEL_SEQ", "2", "auto/2").status.success());
    assert!(
        dir.path().join("r/shards/0-of-2").exists() && dir.path().join("r/shards/1-of-2").exists()
    );

    let refused = task("JOB_COMPLETION_INDEX", "2", "auto/2");
    assert_eq!(refused.status.code(), Some(2));

    // Task 4 of sbatch --array=0-10:2.
    let args = [
        "run",
        "study.toml",
        "-q",
        "--out",
        "steps",
        "--shard",
        "auto",
    ];

    let array = [
        ("SLURM_ARRAY_TASK_ID", "4"),
        ("SLURM_ARRAY_TASK_MIN", "0"),
        ("SLURM_ARRAY_TASK_MAX", "10"),
        ("SLURM_ARRAY_TASK_COUNT", "6"),
    ];

    let refused = Command::new(path())
        .args(args)
        .current_dir(dir.path())
        .envs(array)
        .output()
        .unwrap();

    let message = String::from_utf8_lossy(&refused.stderr);
    assert!(
        refused.status.code() == Some(2) && message.contains("--shard i/n"),
        "{message}"
    );
    assert!(!dir.path().join("steps").exists());
}
