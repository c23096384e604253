//! Run folders: what a run has written is its own, and the rest of the folder is not.

use crate::tree::tree;
use ldnn_tests::prepared::{SHORT_VALIDATE, scratch};
use ldnn_tests::program::{SHORT_TRAINING, refuse, succeed};
use std::fs;

/// A short run with a folder inside, but for what is kept and where it goes.
const TRAIN: [&str; 12] = [
    "train",
    "t.csv",
    "-q",
    "--target",
    "label",
    "--activations",
    "meta",
    "--steps",
    "3",
    "--epochs",
    "3",
    "--keep",
];

#[test]
fn a_run_is_replaced_when_that_is_said_and_not_with_what_others_put_there() {
    let dir = scratch();
    let at = dir.path();

    let validate = [
        "validate",
        "-q",
        "--compare",
        "relu",
        "--runs",
        "2",
        "--epochs",
        "1",
        "--hidden",
        "3",
        "--out",
        "r",
    ];

    let other = [&validate[..], &["--seed", "5"]].concat();
    let replace = [&other[..], &["--replace"]].concat();
    succeed(at, &validate);

    let before = tree(at);
    let message = refuse(at, &other, 2);

    assert!(
        message.contains("'r' holds a run with other settings; give another --out, or --replace"),
        "{message}"
    );
    assert!(
        message.contains("experiment.seed: 101 there, 5 wanted"),
        "{message}"
    );
    assert!(tree(at) == before);

    fs::write(at.join("r/thesis.tex"), "x").unwrap();

    let before = tree(at);
    let message = refuse(at, &replace, 2);

    assert!(
        message.contains("'thesis.tex', which is not of it; move it away"),
        "{message}"
    );
    assert!(tree(at) == before);

    fs::remove_file(at.join("r/thesis.tex")).unwrap();
    succeed(at, &replace);

    // The settings that a run stored may be given back to it, but not to a run that would delete
    // them.
    succeed(
        at,
        &["validate", "-q", "--config", "r/config.toml", "--out", "r"],
    );

    let message = refuse(
        at,
        &[
            "validate",
            "--config",
            "r/config.toml",
            "--seed",
            "6",
            "--out",
            "r",
            "--replace",
        ],
        2,
    );

    assert!(
        message.contains("'r/config.toml', an input of this command"),
        "{message}"
    );
}

#[test]
fn replace_deletes_what_the_run_has_written_and_refuses_what_others_put_there_at_any_depth() {
    let dir = scratch();
    let at = dir.path();

    let export = [
        "export",
        "a/activations.json",
        "--format",
        "json",
        "--out",
        "e",
    ];

    let other = [&export[..], &["--seed", "77", "--replace"]].concat();
    succeed(at, &export);

    // With the endings that runs write too.
    for mine in [
        "notes.md",
        "my.csv",
        "my.svg",
        "data.npz",
        "main.c",
        "sub/notes.txt",
        "sub/deep/config.toml",
    ] {
        let path = at.join("e").join(mine);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "mine").unwrap();

        let before = tree(at);
        let message = refuse(at, &other, 2);

        assert!(
            message.contains(&format!("'{mine}', which is not of it; move it away")),
            "{message}"
        );
        assert!(tree(at) == before, "{mine}");

        fs::remove_file(path).unwrap();
    }

    succeed(at, &other);

    assert!(
        fs::read_to_string(at.join("e/config.toml"))
            .unwrap()
            .contains("seed = 77")
    );

    // Every name is on the list, and nothing but these.
    let written: Vec<String> = fs::read_to_string(at.join("e/.files"))
        .unwrap()
        .lines()
        .map(String::from)
        .collect();

    for path in tree(&at.join("e")).keys().filter(|path| path.is_file()) {
        let name = path.strip_prefix(at.join("e")).unwrap().to_str().unwrap();
        let is_known = [".lock", ".files"].contains(&name) || written.iter().any(|w| w == name);
        assert!(is_known, "{name} is not in {written:?}");
    }
}

#[test]
fn a_run_without_a_list_of_its_files_is_not_deleted() {
    let dir = scratch();
    let at = dir.path();

    let validate = [&SHORT_VALIDATE[..], &["3", "--out", "r"]].concat();

    succeed(at, &validate);
    fs::remove_file(at.join("r/.files")).unwrap();
    // It goes on, and gets no list that would lack what is there.
    succeed(at, &validate);

    assert!(!at.join("r/.files").exists());

    let before = tree(at);

    let message = refuse(
        at,
        &[&validate[..], &["--seed", "5", "--replace"]].concat(),
        2,
    );

    assert!(
        message.contains("without a list of its files") && message.contains("delete the folder"),
        "{message}"
    );
    assert!(tree(at) == before);
}

#[test]
fn a_run_does_not_go_on_beside_files_that_it_has_not_written() {
    let dir = scratch();
    let at = dir.path();
    let train = [&TRAIN[..], &["learned", "--out", "g.ldnn"]].concat();
    succeed(at, &train);
    succeed(at, &train);

    // As an interruption leaves it: the report is not there, and on no list.
    let list = fs::read_to_string(at.join("g.ldnn.run/.files")).unwrap();
    fs::remove_file(at.join("g.ldnn.run/report.html")).unwrap();

    fs::write(
        at.join("g.ldnn.run/.files"),
        list.replace("report.html\n", ""),
    )
    .unwrap();

    for mine in ["report.html", "notes.md", "sub/deep.txt"] {
        let path = at.join("g.ldnn.run").join(mine);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "mine").unwrap();

        let before = tree(at);

        for more in [&[][..], &["--replace"], &["--seed", "9", "--replace"]] {
            let message = refuse(at, &[&train[..], more].concat(), 2);
            let said = format!("'{mine}', which is not of it; move it away");
            assert!(message.contains(&said), "{message}");
        }

        assert!(tree(at) == before, "{mine}");

        fs::remove_file(path).unwrap();
    }

    succeed(at, &train);
    assert!(at.join("g.ldnn.run/report.html").is_file());
}

#[test]
#[cfg(unix)]
fn nothing_is_written_through_links_in_a_run_folder() {
    use std::os::unix::fs::symlink;

    let dir = scratch();
    let at = dir.path();
    let train = [&TRAIN[..], &["learned", "--out", "g.ldnn"]].concat();
    succeed(at, &train);

    let run = at.join("g.ldnn.run");
    fs::write(at.join("precious"), "mine").unwrap();
    fs::create_dir(at.join("elsewhere")).unwrap();
    fs::write(at.join("elsewhere/config.toml"), "mine").unwrap();

    let inner = fs::read_dir(&run).unwrap().map(Result::unwrap);
    let mut inner = inner.filter(|entry| entry.file_type().unwrap().is_dir());
    let folder = inner.next().expect("a folder in the run").file_name();
    let folder = folder.to_str().unwrap();
    let journal = tree(&run)
        .into_keys()
        .find(|path| path.extension() == Some("jsonl".as_ref()));

    let journal = journal
        .expect("a journal")
        .strip_prefix(&run)
        .unwrap()
        .to_path_buf();

    // With the wanted settings, with others, and with none.
    for (name, to) in [
        (".lock", "precious"),
        (".files", "precious"),
        (journal.to_str().unwrap(), "precious"),
        ("config.toml", "precious"),
        ("report.html", "precious"),
        (folder, "elsewhere"),
    ] {
        let path = run.join(name);
        let aside = at.join("aside");
        fs::rename(&path, &aside).unwrap();
        symlink(at.join(to), &path).unwrap();

        let before = tree(at);

        for more in [&[][..], &["--seed", "9", "--replace"]] {
            refuse(at, &[&train[..], more].concat(), 2);
            assert!(tree(at) == before, "{name} {more:?}");
        }

        fs::remove_file(&path).unwrap();
        fs::rename(&aside, &path).unwrap();
    }

    // A second name of a file that is written in place.
    for name in [".lock", ".files", journal.to_str().unwrap()] {
        let path = run.join(name);
        let bytes = fs::read(&path).unwrap();
        fs::hard_link(&path, at.join("second")).unwrap();

        // So that there is something to write, too.
        let report = fs::read(run.join("report.html")).unwrap();
        fs::remove_file(run.join("report.html")).unwrap();
        ldnn_tests::program::run(at, &train);

        assert_eq!(fs::read(at.join("second")).unwrap(), bytes, "{name}");

        fs::write(run.join("report.html"), report).unwrap();
        fs::remove_file(at.join("second")).unwrap();
    }

    succeed(at, &train);
}

#[test]
fn a_lock_and_a_list_of_somebody_else_are_kept() {
    let dir = scratch();
    let at = dir.path();
    let train = [&TRAIN[..], &["learned", "--out", "g.ldnn"]].concat();

    for name in [".lock", ".files", "shards/notes.txt"] {
        let path = at.join("g.ldnn.run").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "mine").unwrap();
        let before = tree(at);
        let message = refuse(at, &train, 2);
        assert!(message.contains("holds files that are no run"), "{message}");
        assert!(tree(at) == before, "{name}");

        fs::remove_dir_all(at.join("g.ldnn.run")).unwrap();
    }

    succeed(at, &train);

    for name in [".lock", ".files"] {
        let path = at.join("g.ldnn.run").join(name);
        let own = fs::read(&path).unwrap();
        fs::write(&path, "mine").unwrap();

        let before = tree(at);
        let message = refuse(at, &train, 2);

        assert!(
            message.contains(&format!("'{name}', which is not of it")),
            "{message}"
        );
        assert!(tree(at) == before, "{name}");

        fs::write(&path, own).unwrap();
    }

    succeed(at, &train);
}

#[test]
#[cfg(unix)]
fn a_shard_writes_through_no_link() {
    let dir = scratch();
    let at = dir.path();
    fs::create_dir(at.join("elsewhere")).unwrap();

    let args = [
        "run",
        "study.toml",
        "-q",
        "--set",
        "validate.train.epochs=1",
    ];

    let shard = [&args[..], &["--out", "s", "--shard", "0/1"]].concat();
    succeed(at, &shard);

    for name in [
        "shards",
        "shards/0-of-1",
        "shards/0-of-1/journals",
        "config.toml",
    ] {
        let path = at.join("s").join(name);
        let aside = at.join("elsewhere/aside");
        fs::rename(&path, &aside).unwrap();
        std::os::unix::fs::symlink(&aside, &path).unwrap();

        let before = tree(at);
        refuse(at, &shard, 2);

        assert!(tree(at) == before, "{name}");

        fs::remove_file(&path).unwrap();
        fs::rename(&aside, &path).unwrap();
    }

    fs::write(at.join("s/shards/0-of-1/mine.txt"), "mine").unwrap();
    assert!(refuse(at, &shard, 2).contains("'shards/0-of-1/mine.txt', which is not of it"));
}

#[test]
fn merge_names_no_flag_that_it_lacks_and_keeps_what_is_there() {
    let dir = scratch();
    let at = dir.path();

    let shard = [
        "run",
        "study.toml",
        "-q",
        "--set",
        "validate.train.epochs=1",
        "--out",
        "s",
        "--shard",
        "0/1",
    ];

    succeed(at, &shard);

    for out in ["v", "m.ldnn.run"] {
        let before = tree(at);
        let message = refuse(at, &["merge", "s", "--out", out], 2);
        assert!(
            message.contains(out) && !message.contains("--replace"),
            "{message}"
        );
        assert!(tree(at) == before);
    }

    succeed(at, &["merge", "s", "--out", "whole"]);
    succeed(at, &["merge", "s"]);
}

#[test]
fn what_others_put_beside_the_folders_of_shards_is_kept() {
    let dir = scratch();
    let at = dir.path();

    let study = [
        "run",
        "study.toml",
        "-q",
        "--set",
        "validate.train.epochs=1",
        "--out",
        "s",
    ];

    let shard = [&study[..], &["--shard", "0/1"]].concat();
    succeed(at, &shard);

    for mine in ["report.txt", "trainings.jsonl", "sub/notes.txt"] {
        let path = at.join("s").join(mine);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "mine").unwrap();

        let before = tree(at);
        let other = [&study[..], &["--set", "validate.runs=1", "--replace"]].concat();

        for args in [&["merge", "s"][..], &study, &other] {
            let message = refuse(at, args, 2);
            assert!(
                message.contains(&format!("'{mine}', which is not of it; move it away")),
                "{message}"
            );
            assert!(tree(at) == before, "{mine}");
        }

        // It is in nobody's way who writes elsewhere.
        succeed(at, &shard);
        succeed(at, &["merge", "s", "--out", "elsewhere"]);

        assert_eq!(fs::read(&path).unwrap(), b"mine");

        fs::remove_file(path).unwrap();
        fs::remove_dir_all(at.join("elsewhere")).unwrap();
    }

    // What a killed shard left of the settings is no file of others; and what is merged is listed.
    fs::write(at.join("s/config.toml.part12345678901"), "half").unwrap();
    fs::remove_file(at.join("s/shards/0-of-1/.files")).unwrap();

    succeed(at, &["merge", "s"]);
    succeed(at, &["merge", "s"]);
    succeed(at, &study);

    let list = fs::read_to_string(at.join("s/.files")).unwrap();
    assert!(list.contains("report.txt"), "{list}");
}

#[test]
fn a_table_that_has_changed_is_told_in_words() {
    let dir = scratch();
    let at = dir.path();

    let train = SHORT_TRAINING;

    let train = [&train[..], &["--runs", "2", "--out", "m.ldnn"]].concat();
    succeed(at, &train);

    let text = fs::read_to_string(at.join("t.csv")).unwrap();
    fs::write(at.join("t.csv"), text.replacen("0.7,", "0.8,", 1)).unwrap();

    let before = tree(at);
    let message = refuse(at, &train, 2);
    let said = "the table 't.csv' has changed since the run in 'm.ldnn.run' was begun; give another --out, or --replace";

    assert!(message.contains(said), "{message}");

    let message = refuse(
        at,
        &[
            "train",
            "--config",
            "m.ldnn.run/config.toml",
            "--out",
            "new.ldnn",
        ],
        2,
    );

    assert!(
        message.contains("'t.csv'") && message.contains("--set data.fingerprint=0"),
        "{message}"
    );
    assert!(tree(at) == before);

    succeed(
        at,
        &[
            "train",
            "--config",
            "m.ldnn.run/config.toml",
            "--set",
            "data.fingerprint=0",
            "--out",
            "new.ldnn",
            "-q",
        ],
    );

    succeed(at, &[&train[..], &["--replace"]].concat());
    // Another division of the same rows is another run on the same table.
    fs::remove_dir_all(at.join("m.ldnn.run")).unwrap();
    // A model without the run that made it may be somebody else's.
    let message = refuse(at, &train, 2);
    assert!(message.contains("'m.ldnn' is there already"), "{message}");
    succeed(at, &[&train[..], &["--replace"]].concat());

    let message = refuse(at, &[&train[..], &["--seed", "9"]].concat(), 2);
    assert!(
        message.contains("fit.seed: 1 there, 9 wanted") && !message.contains("data.fingerprint"),
        "{message}"
    );
}

#[test]
fn a_message_names_the_file_that_has_changed_and_not_always_the_table() {
    let dir = scratch();
    let at = dir.path();
    fs::copy(at.join("x.csv"), at.join("x2.csv")).unwrap();
    fs::copy(at.join("y.csv"), at.join("y2.csv")).unwrap();

    let with_labels = [
        "train",
        "x.csv",
        "-q",
        "--labels",
        "y.csv",
        "--test",
        "x2.csv",
        "--test-labels",
        "y2.csv",
        "--activations",
        "tanh",
        "--hidden",
        "4",
        "--epochs",
        "3",
        "--runs",
        "2",
        "--out",
        "l.ldnn",
    ];
    let with_test = [
        &SHORT_TRAINING[..],
        &[
            "--runs",
            "2",
            "--test",
            "t2.csv",
            "--out",
            "m.ldnn",
            "--replace",
        ],
    ]
    .concat();

    succeed(at, &with_labels);
    succeed(at, &with_test);

    let cases: [(&[&str], &str, &str, &str); 5] = [
        (&with_labels, "x.csv", "0.7,", "0.8,"),
        (&with_labels, "y.csv", "no\nno\n", "no\nyes\n"),
        (&with_labels, "x2.csv", "0.7,", "0.8,"),
        (&with_labels, "y2.csv", "no\nno\n", "no\nyes\n"),
        (&with_test[..with_test.len() - 1], "t2.csv", "0.7,", "0.8,"),
    ];

    for (args, file, from, to) in cases {
        let before = fs::read_to_string(at.join(file)).unwrap();
        let after = before.replacen(from, to, 1);
        assert_ne!(before, after, "{file}");

        fs::write(at.join(file), after).unwrap();
        let message = refuse(at, args, 2);
        let said = format!("the table '{file}' has changed since the run in");
        assert!(message.contains(&said), "{file}: {message}");

        fs::write(at.join(file), before).unwrap();
        succeed(at, args);
    }
}

#[test]
fn a_model_that_was_put_in_the_place_of_the_runs_own_is_not_overwritten() {
    let dir = scratch();
    let at = dir.path();
    let train = [&SHORT_TRAINING[..], &["--seed", "7", "--out", "a.ldnn"]].concat();
    succeed(at, &train);

    // The run goes on, and writes its own model again.
    let own = fs::read(at.join("a.ldnn")).unwrap();
    succeed(at, &train);
    assert_eq!(fs::read(at.join("a.ldnn")).unwrap(), own);

    let put = |how: &str| match how {
        "import" => drop(succeed(
            at,
            &["import", "w.safetensors", "--out", "a.ldnn", "--replace"],
        )),
        _ => drop(fs::copy(at.join("m.ldnn"), at.join("a.ldnn")).unwrap()),
    };

    for how in ["import", "copy"] {
        put(how);

        let kept = fs::read(at.join("a.ldnn.run/model.xxh128")).unwrap();
        let imported = fs::read(at.join("a.ldnn")).unwrap();
        let message = refuse(at, &train, 2);
        assert!(
            message.contains("'a.ldnn' is there already") && message.contains("--replace"),
            "{how}: {message}"
        );
        assert_eq!(fs::read(at.join("a.ldnn")).unwrap(), imported);

        succeed(at, &[&train[..], &["--replace"]].concat());
        assert_eq!(fs::read(at.join("a.ldnn")).unwrap(), own);
        assert_eq!(fs::read(at.join("a.ldnn.run/model.xxh128")).unwrap(), kept);
    }
}
