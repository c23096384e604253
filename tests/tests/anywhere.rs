//! A run folder is the same bytes wherever it is: no file in it names the folder, the machine or
//! the time.

use ldnn_tests::program::{assert_same_files, files_of, run, succeed};
use ldnn_tests::tables::gestures;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::{TempDir, tempdir};

/// Two places for one run: of other names, at other depths.
const PLACES: [&str; 2] = ["a", "some/where else/with_a_longer_name"];

/// Runs a command into both places and compares everything that is in them.
fn assert_same_anywhere(dir: &Path, args: &[&str]) {
    for place in PLACES {
        fs::create_dir_all(dir.join(place).parent().unwrap()).unwrap();
        succeed(dir, &[args, &["-q", "--out", place]].concat());
    }
    compare(dir, PLACES, args);
}

fn compare(dir: &Path, places: [&str; 2], args: &[&str]) {
    let [first, second] = places.map(|place| files_of(&dir.join(place)));
    assert!(
        first.keys().any(|name| name.ends_with("config.toml")),
        "{args:?} wrote no run folder"
    );

    assert_same_files(&first, &second);

    for place in PLACES {
        if dir.join(place).is_dir() {
            fs::remove_dir_all(dir.join(place)).unwrap();
        }
    }
}

/// A folder with activations that were learned in a moment.
fn learned() -> TempDir {
    let dir = tempdir().unwrap();

    let meta = [
        "--steps",
        "2",
        "--inner-steps",
        "3",
        "--outer-last",
        "2",
        "--hidden",
        "4",
        "--units",
        "3",
    ];

    succeed(
        dir.path(),
        &[&["meta", "-q", "--out", "learned"], &meta[..]].concat(),
    );

    dir
}

const ENSEMBLE: [&str; 8] = [
    "--hidden",
    "4",
    "--epochs",
    "2",
    "--runs",
    "2",
    "--compare",
    "relu,tanh",
];

#[test]
fn ensembles_and_their_analyses_are_the_same_bytes_in_any_folder() {
    let dir = tempdir().unwrap();
    let with = |args: &[&'static str]| [args, &ENSEMBLE[..]].concat();
    assert_same_anywhere(dir.path(), &with(&["validate", "--keep-networks"]));
    assert_same_anywhere(dir.path(), &with(&["sizes", "--widths", "3,5"]));
    assert_same_anywhere(dir.path(), &with(&["analyze", "participation"]));
    assert_same_anywhere(
        dir.path(),
        &with(&["analyze", "hessian", "--lanczos-steps", "5"]),
    );
    assert_same_anywhere(dir.path(), &with(&["forecast", "--task", "vanderpol"]));

    succeed(
        dir.path(),
        &[
            &["validate", "-q", "--keep-networks", "--out", "v"],
            &ENSEMBLE[..],
        ]
        .concat(),
    );

    let network = [
        "analyze",
        "hessian",
        "--model",
        "v/networks/relu-101.json",
        "--lanczos-steps",
        "5",
    ];

    assert_same_anywhere(dir.path(), &network);
}

#[test]
fn learning_and_what_is_made_of_it_is_the_same_bytes_in_any_folder() {
    let dir = learned();

    let meta = [
        "--steps",
        "2",
        "--inner-steps",
        "3",
        "--outer-last",
        "2",
        "--hidden",
        "4",
        "--units",
        "3",
    ];

    assert_same_anywhere(dir.path(), &[&["meta"], &meta[..]].concat());
    assert_same_anywhere(dir.path(), &["cluster", "learned", "learned"]);
    assert_same_anywhere(dir.path(), &["export", "learned"]);
    assert_same_anywhere(
        dir.path(),
        &["reproduce", "fig4", "family", "--preset", "smoke"],
    );
}

#[test]
fn a_model_and_a_search_for_one_are_the_same_bytes_in_any_folder() {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("t.csv"), gestures(90)).unwrap();

    let table = [
        "t.csv",
        "--target",
        "label",
        "--ignore",
        "id,person",
        "--epochs",
        "3",
        "--lr=0.1",
    ];

    let small = [
        "--hidden",
        "8",
        "--set",
        "space.width.low=4",
        "--set",
        "space.width.high=10",
    ];

    assert_same_anywhere(
        dir.path(),
        &[&["tune"], &table[..], &small, &["--budget", "4"]].concat(),
    );

    let train = [&["train"], &table[..], &["--hidden", "8", "-q", "--out"]].concat();
    fs::create_dir_all(dir.path().join("some/where else")).unwrap();

    let models = ["m.ldnn", "some/where else/a_longer_name.ldnn"];
    for model in models {
        succeed(dir.path(), &[&train[..], &[model]].concat());
    }

    let read = |model: &str| fs::read(dir.path().join(model)).unwrap();
    assert!(read(models[0]) == read(models[1]), "the models differ");

    compare(
        dir.path(),
        ["m.ldnn.run", "some/where else/a_longer_name.ldnn.run"],
        &train,
    );
}

#[test]
fn a_study_is_merged_to_the_same_bytes_in_any_folder_and_on_any_number_of_threads() {
    let dir = tempdir().unwrap();
    let study = "task = 'digits'\n[validate]\ncompare = ['relu', 'tanh']\nruns = 2\n[validate.train]\nepochs = 2\n\
                 hidden = [3]\n[sweep]\nvalidate.train.hidden = [[3], [4]]\n";
    let reproduce = "[reproduce]\npreset = 'smoke'\nexperiments = ['fig4']\n";

    for (name, text) in [("s", study), ("r", reproduce)] {
        let file = format!("{name}.toml");
        fs::write(dir.path().join(&file), text).unwrap();

        let whole = format!("{name}-whole");
        succeed(
            dir.path(),
            &["run", &file, "-q", "--jobs", "1", "--out", &whole],
        );

        let shards = format!("{name}-shards");

        for _ in 0..4 {
            for shard in ["0/2", "1/2"] {
                let code = run(
                    dir.path(),
                    &["run", &file, "-q", "--out", &shards, "--shard", shard],
                )
                .status
                .code();
                assert!(code == Some(0) || code == Some(75), "{code:?}");
            }
        }

        for place in PLACES {
            fs::create_dir_all(dir.path().join(place).parent().unwrap()).unwrap();
            succeed(
                dir.path(),
                &["merge", &shards, "--jobs", "2", "--out", place],
            );
            assert_same_files(
                &files_of(&dir.path().join(&whole)),
                &files_of(&dir.path().join(place)),
            );
        }

        compare(dir.path(), PLACES, &["merge"]);
    }
}

#[test]
fn a_report_names_its_pictures_by_paths_that_begin_in_its_folder() {
    let dir = tempdir().unwrap();
    succeed(
        dir.path(),
        &[&["validate", "-q", "--out", "deep/er/v"], &ENSEMBLE[..]].concat(),
    );

    let report = fs::read_to_string(dir.path().join("deep/er/v/report.txt")).unwrap();
    let pictures: Vec<PathBuf> = report
        .lines()
        .filter_map(|line| line.trim().split_once(".png"))
        .map(|(name, _)| format!("{name}.png").into())
        .collect();

    assert!(!pictures.is_empty(), "{report}");

    for picture in pictures {
        assert!(
            dir.path().join("deep/er/v").join(&picture).is_file(),
            "{}",
            picture.display()
        );
    }

    // On a terminal they lead there from where the user is.
    let shown = succeed(
        dir.path(),
        &[&["validate", "-q", "--out", "deep/er/v"], &ENSEMBLE[..]].concat(),
    );

    assert!(shown.contains("deep/er/v/violins.png"), "{shown}");
}
