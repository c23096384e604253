//! A folder with what commands read, and what is in a folder.

use ldnn_tests::program::succeed;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tempfile::{TempDir, tempdir};

/// Makes what commands read, once.
pub fn prepared() -> &'static Path {
    static PLACE: OnceLock<TempDir> = OnceLock::new();

    let place = PLACE.get_or_init(|| {
        let dir = tempdir().unwrap();
        let at = dir.path();
        let write = |name: &str, text: &str| fs::write(at.join(name), text).unwrap();

        let row = |i: usize| format!("{},{}", (i * 7 % 60) as f64 / 10.0, i * 13 % 17);
        let label = |i: usize| ["no", "yes"][i * 7 % 60 / 30];
        let labelled: String = (0..60)
            .map(|i| format!("{},{}\n", row(i), label(i)))
            .collect();
        let table = format!("a,b,label\n{labelled}");

        write("t.csv", &table);
        write("t2.csv", &table);

        write(
            "x.csv",
            &format!(
                "a,b\n{}",
                (0..60).map(|i| row(i) + "\n").collect::<String>()
            ),
        );

        write(
            "y.csv",
            &format!(
                "label\n{}",
                (0..60)
                    .map(|i| format!("{}\n", label(i)))
                    .collect::<String>()
            ),
        );

        write("empty.toml", "");
        write(
            "study.toml",
            "task = \"digits\"\n[validate]\ncompare = [\"relu\"]\nruns = 2\n",
        );

        succeed(
            at,
            &["data", "mnist1d", "--num_samples", "50", "--out", "n.npz"],
        );

        let meta = [
            "meta",
            "-q",
            "--hidden",
            "8",
            "--units",
            "4",
            "--inner-steps",
            "4",
            "--outer-last",
            "2",
        ];

        succeed(at, &[&meta[..], &["--steps", "3", "--out", "a"]].concat());
        fs::copy(at.join("a/activations.json"), at.join("act2.json")).unwrap();

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
        ];

        succeed(
            at,
            &[
                &train[..],
                &["--epochs", "3", "--runs", "2", "--out", "m.ldnn"],
            ]
            .concat(),
        );

        succeed(at, &["export", "m.ldnn", "--out", "w.safetensors"]);

        let validate = [
            "validate",
            "-q",
            "--compare",
            "relu",
            "--runs",
            "1",
            "--epochs",
            "1",
            "--hidden",
            "5",
        ];

        succeed(
            at,
            &[&validate[..], &["--keep-networks", "--out", "v"]].concat(),
        );
        fs::copy(at.join("v/networks/relu-101.json"), at.join("net.json")).unwrap();

        dir
    });

    place.path()
}

/// A copy of what commands read.
pub fn scratch() -> TempDir {
    let dir = tempdir().unwrap();
    let from = prepared().join(".");

    assert!(
        Command::new("cp")
            .arg("-r")
            .arg(from)
            .arg(dir.path())
            .status()
            .unwrap()
            .success()
    );

    dir
}

/// Everything in a folder: files with their bytes, links with where they lead.
pub fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();

    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() {
            all.extend(tree(&path));
            all.insert(path, b"folder".to_vec());
        } else if kind.is_symlink() {
            let to = fs::read_link(&path).unwrap();
            all.insert(path, to.to_string_lossy().into_owned().into_bytes());
        } else if kind.is_file() {
            let bytes = fs::read(&path).unwrap();
            all.insert(path, bytes);
        } else {
            all.insert(path, b"special".to_vec());
        }
    }

    all
}
