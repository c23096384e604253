//! Settings from files and single assignments: for every command, in one form, with errors that say
//! where.

use ldnn_tests::commands::assert_all_called;
use ldnn_tests::prepared::{SHORT_META, scratch, write_table};
use ldnn_tests::program::{refuse, succeed};
use std::fs;
use tempfile::tempdir;

fn with<'a>(first: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [first, more].concat()
}

/// Commands with settings of their own; those that read something read the prepared folder.
const WITH_SETTINGS: [&[&str]; 14] = [
    &[
        "meta",
        "--outer-loss",
        "train",
        "--steps",
        "7",
        "--no-shuffle",
        "--per-layer",
    ],
    &[
        "validate",
        "--activations",
        "a",
        "--runs",
        "3",
        "--hidden",
        "7,8",
        "--exact",
    ],
    &[
        "sizes",
        "--activations",
        "a",
        "--widths",
        "3,4",
        "--seed",
        "5",
    ],
    &[
        "forecast",
        "--task",
        "vanderpol",
        "--orbit",
        "25",
        "--dt",
        "0.2",
    ],
    &[
        "analyze",
        "participation",
        "--activations",
        "a",
        "--lr",
        "0.3",
    ],
    &[
        "analyze",
        "hessian",
        "--activations",
        "a",
        "--probes",
        "3",
        "--method",
        "lanczos",
    ],
    &[
        "analyze",
        "hessian",
        "--model",
        "v/networks/relu-101.json",
        "--on-test",
        "--parameters",
        "joint",
    ],
    &["cluster", "a", "a/activations.json"],
    &[
        "reproduce",
        "fig3",
        "hessian",
        "--preset",
        "smoke",
        "--seed",
        "3",
    ],
    &[
        "train",
        "t.csv",
        "--target",
        "label",
        "--compare",
        "relu",
        "--lr",
        "0.1,0.2",
        "--delimiter",
        ",",
    ],
    &[
        "tune",
        "t.csv",
        "--target",
        "label",
        "--budget",
        "9",
        "--set",
        "space.depth=1",
    ],
    &[
        "export", "a", "--bytes", "300", "--range", "-3,4", "--epochs", "2", "--format", "c",
    ],
    &[
        "data",
        "mnist1d",
        "--num_samples",
        "200",
        "--padding",
        "36",
        "50",
        "--out",
        "d.npz",
    ],
    &[
        "data",
        "vanderpol",
        "--mu",
        "1.5",
        "--steps",
        "9",
        "--out",
        "d.npz",
    ],
];

/// Commands whose settings are their flags; nothing that they name needs to be there.
const WITH_FLAGS_ALONE: [&[&str]; 11] = [
    &[
        "eval",
        "m.ldnn",
        "t.csv",
        "--delimiter",
        ";",
        "--labels",
        "y.csv",
    ],
    &["predict", "m.ldnn", "--block", "7", "--no-header"],
    &["inspect", "m.ldnn", "--inputs"],
    &[
        "import",
        "w.safetensors",
        "--activation",
        "tanh",
        "--classes",
        "a,b",
    ],
    &["verify", "folder", "--core", "elsewhere"],
    &["list", "folder"],
    &["show", "folder"],
    &["compare", "one", "other"],
    &["merge", "r", "--out", "there"],
    &["status", "r"],
    &[
        "slurm",
        "s.toml",
        "--minutes",
        "9",
        "--option=--partition=x",
    ],
];

#[test]
fn every_command_of_the_program_is_in_a_list() {
    // A study is itself a file of settings, which `run` takes as its argument; digits have none.
    let elsewhere = ["run", "data digits"];
    assert_all_called(&[&WITH_SETTINGS, &WITH_FLAGS_ALONE], &elsewhere);
}

#[test]
fn every_command_prints_settings_that_it_takes_back() {
    let dir = scratch();

    for command in WITH_SETTINGS {
        let printed = succeed(dir.path(), &with(command, &["--print-config"]));
        fs::write(dir.path().join("c.toml"), &printed).unwrap();

        // The name of the command, and what is no setting.
        let bare = match command {
            ["analyze", what, ..] => &["analyze", what][..],
            ["data", what, ..] => &["data", what, "--out", "d.npz"],
            [name, ..] => &[*name][..],
            [] => &[],
        };

        let again = succeed(
            dir.path(),
            &with(bare, &["--config", "c.toml", "--print-config"]),
        );

        assert_eq!(printed, again, "{command:?}");
        assert_ne!(printed.lines().count(), 0, "{command:?}");

        // A typo in what was printed.
        let line = printed
            .lines()
            .position(|l| l.starts_with(|c: char| c.is_lowercase()) && !l.starts_with("from"))
            .unwrap();

        let name = printed
            .lines()
            .nth(line)
            .unwrap()
            .split(' ')
            .next()
            .unwrap();

        let typo = printed.replacen(name, &format!("{name}x"), 1);
        fs::write(dir.path().join("typo.toml"), typo).unwrap();

        let message = refuse(
            dir.path(),
            &with(bare, &["--config", "typo.toml", "--print-config"]),
            2,
        );

        let place = format!(
            "'typo.toml', line {}, column 1: there is no setting '",
            line + 1
        );

        assert!(
            message.contains(&place) && message.contains(&format!("{name}'?")),
            "{message}"
        );
        assert!(
            !dir.path().join("d.npz").exists(),
            "--print-config did work"
        );
    }
}

#[test]
fn commands_whose_settings_are_flags_take_them_from_files_too() {
    let dir = tempdir().unwrap();

    for command in WITH_FLAGS_ALONE {
        let printed = succeed(dir.path(), &with(command, &["--print-config"]));
        fs::write(dir.path().join("c.toml"), &printed).unwrap();

        let bare: Vec<&str> = command
            .iter()
            .copied()
            .take_while(|a| !a.starts_with('-'))
            .collect();

        let again = succeed(
            dir.path(),
            &with(&bare, &["--config", "c.toml", "--print-config"]),
        );

        assert_eq!(printed, again, "{command:?}");

        fs::write(dir.path().join("typo.toml"), "nonsense = 1\n").unwrap();

        let message = refuse(dir.path(), &with(&bare, &["--config", "typo.toml"]), 2);
        assert!(
            message.contains("'typo.toml', line 1, column 1: there is no setting 'nonsense'"),
            "{message}"
        );
    }

    // They count: a table with another delimiter is read, and a flag is above the file.
    write_table(dir.path(), "t.csv", 60);

    let train = [
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
        "5",
    ];

    succeed(dir.path(), &with(&train, &["--runs", "2"]));

    let text = fs::read_to_string(dir.path().join("t.csv")).unwrap();
    fs::write(dir.path().join("s.csv"), text.replace(',', "|")).unwrap();
    fs::write(dir.path().join("c.toml"), "[table]\ndelimiter = \"|\"\n").unwrap();

    let plain = succeed(dir.path(), &["eval", "model.ldnn", "t.csv"]);

    assert_eq!(
        succeed(
            dir.path(),
            &["eval", "model.ldnn", "s.csv", "--config", "c.toml"]
        ),
        plain
    );

    assert_eq!(
        succeed(
            dir.path(),
            &["eval", "model.ldnn", "s.csv", "--set", "table.delimiter=|"]
        ),
        plain
    );

    assert_eq!(
        succeed(
            dir.path(),
            &[
                "eval",
                "model.ldnn",
                "t.csv",
                "--config",
                "c.toml",
                "--delimiter",
                ","
            ]
        ),
        plain
    );

    let both = [
        "eval",
        "model.ldnn",
        "t.csv",
        "--set",
        "table.header=true",
        "--no-header",
    ];

    assert!(refuse(dir.path(), &both, 2).contains("--header and --no-header contradict"));

    let message = refuse(
        dir.path(),
        &["predict", "model.ldnn", "t.csv", "--set", "block=0"],
        2,
    );

    assert!(message.contains("--block 0"), "{message}");
}

#[test]
fn a_stored_config_gives_the_same_run_bit_for_bit() {
    let dir = tempdir().unwrap();

    succeed(
        dir.path(),
        &with(
            &SHORT_META,
            &[
                "--out", "a", "--seed", "4", "--base", "tanh", "--noise", "0.05",
            ],
        ),
    );

    succeed(
        dir.path(),
        &["meta", "-q", "--config", "a/config.toml", "--out", "b"],
    );

    let file = |name: &str| fs::read(dir.path().join(name)).unwrap();

    for name in [
        "config.toml",
        "activations.json",
        "activations.txt",
        "snapshots.jsonl",
    ] {
        assert_eq!(
            file(&format!("a/{name}")),
            file(&format!("b/{name}")),
            "{name}"
        );
    }

    let validate = [
        "validate",
        "-q",
        "--hidden",
        "8",
        "--runs",
        "2",
        "--epochs",
        "2",
        "--activations",
        "a",
    ];

    succeed(dir.path(), &with(&validate, &["--out", "v"]));
    // The learned activations are in the file; where they came from is of no importance any more.
    fs::rename(dir.path().join("a"), dir.path().join("elsewhere")).unwrap();
    succeed(
        dir.path(),
        &["validate", "-q", "--config", "v/config.toml", "--out", "w"],
    );

    assert_eq!(file("v/config.toml"), file("w/config.toml"));
    assert_eq!(file("v/trainings.jsonl"), file("w/trainings.jsonl"));
}

#[test]
fn assignments_are_above_flags_and_flags_above_the_file() {
    let dir = tempdir().unwrap();
    let text = "task = \"digits\"\n[experiment]\nruns = 4\nseed = 9\n[experiment.train]\nepochs = 4\nhidden = [4]\nlr = 0.5\n";
    fs::write(dir.path().join("c.toml"), text).unwrap();

    let base = ["validate", "--config", "c.toml", "--print-config"];
    let flags = ["--epochs", "5", "--lr", "0.25"];

    let sets = [
        "--set",
        "experiment.train.lr=0.125",
        "--set",
        "train.hidden=6,7",
        "--set",
        "train.optimizer=adam",
    ];

    let printed = succeed(dir.path(), &[&base[..], &flags, &sets].concat());

    let lines = [
        "task = \"digits\"",
        "runs = 4",
        "seed = 9",
        "epochs = 5",
        "lr = 0.125",
        "hidden = [6, 7]",
    ];

    for line in lines.iter().chain(&["optimizer = \"adam\"", "beta1 = 0.9"]) {
        assert!(printed.lines().any(|l| l == *line), "{line}: {printed}");
    }

    // A flag that says what is the default anyway is above the file as well.
    write_table(dir.path(), "t.csv", 60);

    fs::write(
        dir.path().join("t.toml"),
        "[data]\nfile = 't.csv'\ntarget = ['label']\n[fit]\nepochs = [7]\nruns = 3\n",
    )
    .unwrap();

    let printed = succeed(
        dir.path(),
        &[
            "train",
            "--config",
            "t.toml",
            "--epochs",
            "100",
            "--print-config",
        ],
    );

    assert!(
        printed.contains("epochs = [100]\n") && printed.contains("runs = 3\n"),
        "{printed}"
    );

    // What depends on a setting follows it wherever it is said.
    for how in [
        &["--outer-loss", "train"][..],
        &["--set", "meta.outer_loss=train"],
        &["--config", "m.toml"],
    ] {
        fs::write(
            dir.path().join("m.toml"),
            "[meta]\nouter_loss = \"train\"\n",
        )
        .unwrap();

        let printed = succeed(dir.path(), &with(&["meta", "--print-config"], how));
        assert!(
            printed.contains("inner_optimizer = \"rmsprop\"\n"),
            "{how:?}: {printed}"
        );
    }
}

#[test]
fn a_study_is_changed_by_a_dotted_name() {
    let dir = tempdir().unwrap();

    let sets = [
        "--set",
        "equal.train.epochs=123",
        "--set",
        "stages.1.meta.steps=17",
        "--set",
        "select.lr=0.3",
    ];

    let printed = succeed(
        dir.path(),
        &with(&["reproduce", "--preset", "smoke", "--print-config"], &sets),
    );
    let settings: toml::Table = printed.parse().unwrap();
    let study = &settings["reproduce"];

    assert_eq!(study["equal"]["train"]["epochs"].as_integer(), Some(123));
    assert_eq!(study["stages"][1]["meta"]["steps"].as_integer(), Some(17));
    assert_eq!(
        study["select"]["lr"].as_array().unwrap()[0].as_float(),
        Some(0.3)
    );
    assert_ne!(study["best"]["train"]["epochs"].as_integer(), Some(123));

    fs::write(dir.path().join("c.toml"), &printed).unwrap();

    let message = refuse(
        dir.path(),
        &["reproduce", "--config", "c.toml", "--preset", "paper"],
        2,
    );

    assert!(
        message.contains("--preset: the --config holds all that would follow from it"),
        "{message}"
    );
}

#[test]
fn a_list_of_stages_under_its_old_name_is_refused_with_the_new_one() {
    let dir = tempdir().unwrap();
    let command = ["reproduce", "--preset", "smoke", "--print-config"];

    let error = refuse(
        dir.path(),
        &with(&command, &["--set", "lessons.1.meta.steps=17"]),
        2,
    );
    assert!(error.contains("stages"), "{error}");

    let printed = succeed(dir.path(), &command);
    let old = printed.replace("reproduce.stages", "reproduce.lessons");
    assert_ne!(old, printed);
    fs::write(dir.path().join("old.toml"), &old).unwrap();

    let error = refuse(
        dir.path(),
        &["reproduce", "--config", "old.toml", "--dry-run"],
        2,
    );
    assert!(error.contains("'stages'"), "{error}");
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_nothing_is_written() {
    let dir = tempdir().unwrap();

    for (text, sets, parts) in [
        (
            "[meta]\nsteps = 5\nstpes = 6\n",
            &[][..],
            &[
                "'c.toml', line 3, column 1",
                "'meta.stpes'",
                "did you mean 'meta.steps'",
            ][..],
        ),
        (
            "steps = 5\n",
            &[],
            &["line 1, column 1", "did you mean 'meta.steps'"],
        ),
        (
            "[meta]\nsteps = \"five\"\n",
            &[],
            &["line 2, column 9", "'meta.steps'", "whole number", "five"],
        ),
        (
            "[meta]\nschedule = \"unroled\"\n",
            &[],
            &[
                "line 2, column 12",
                "did you mean 'unrolled'",
                "alternating",
            ],
        ),
        ("[meta]\nsteps = \n", &[], &["'c.toml', line 2, column 9"]),
        ("task = 5\n", &[], &["line 1, column 8", "'task'"]),
        (
            "task = \"mnist2d\"\n",
            &[],
            &["mnist2d", "mnist1d, vanderpol"],
        ),
        (
            "",
            &["--set", "meta.step=5"],
            &["--set meta.step=5", "did you mean 'meta.steps'"],
        ),
        (
            "",
            &["--set", "steps=x"],
            &["--set steps=x", "'meta.steps'", "whole number"],
        ),
        ("", &["--set", "steps"], &["--set steps", "="]),
        ("", &["--set", "steps=0"], &["--steps 0"]),
    ] {
        fs::write(dir.path().join("c.toml"), text).unwrap();

        let message = refuse(
            dir.path(),
            &[&["meta", "--config", "c.toml", "--out", "run"], sets].concat(),
            2,
        );

        assert!(
            parts.iter().all(|p| message.contains(p)),
            "{parts:?}: {message}"
        );
        assert!(!dir.path().join("run").exists(), "half-written");
    }

    let message = refuse(dir.path(), &["meta", "--config", "nowhere.toml"], 2);
    assert!(
        message.contains("--config: cannot read 'nowhere.toml'"),
        "{message}"
    );
}
