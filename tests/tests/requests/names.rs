//! Settings in messages and reports are named as they are typed.

use ldnn_tests::prepared::scratch;
use ldnn_tests::program::{refuse, succeed};
use std::fs;

#[test]
fn a_report_names_flags_as_they_are_typed() {
    let dir = scratch();
    let at = dir.path();
    let train = [
        "train",
        "t.csv",
        "-q",
        "--target",
        "label",
        "--activations",
        "none",
        "--compare",
        "relu,swish",
        "--hidden",
        "4",
        "--epochs",
        "2,4",
        "--runs",
        "2",
        "--out",
        "r.ldnn",
    ];
    let printed = succeed(at, &train);

    for file in ["report.txt", "report.html", "section.json"] {
        let text = fs::read_to_string(at.join("r.ldnn.run").join(file)).unwrap();
        assert!(
            text.contains("--epochs 2,4,20 tries a longer one"),
            "{file}: {text}"
        );
        assert!(!text.contains("`epochs`"), "{file}");
    }
    assert!(
        printed.contains("--epochs 2,4,20 tries a longer one"),
        "{printed}"
    );
    assert!(succeed(at, &["show", "r.ldnn.run"]).contains("--epochs 2,4,20"));
}

#[test]
fn an_assignment_to_what_is_not_there_is_named_as_it_was_typed() {
    let dir = scratch();
    let at = dir.path();

    for (args, typed, meant) in [
        (
            "train t.csv --target label --dry-run",
            "train.epochs",
            "'fit.epochs'?",
        ),
        (
            "tune t.csv --target label --dry-run",
            "train.epochs",
            "'fit.epochs'?",
        ),
        ("meta --dry-run", "validate.steps", "'meta.steps'?"),
        (
            "validate --dry-run",
            "fit.epochs",
            "'experiment.train.epochs'?",
        ),
        ("export m.ldnn --dry-run", "fit.golden", "'export.golden'?"),
        ("predict m.ldnn t.csv", "predict.block", "'block'?"),
    ] {
        let set = format!("{typed}=5");
        let args: Vec<&str> = args.split(' ').chain(["--set", &set]).collect();
        let message = refuse(at, &args, 2);
        let said = format!("--set {set}: there is no setting '{typed}'; did you mean {meant}");
        assert!(message.contains(&said), "{message}");
    }
}
