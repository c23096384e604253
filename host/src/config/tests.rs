use super::*;
use serde::Deserialize;
use std::fs;
use toml::Table;

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Rule {
    Sgd,
    Adam,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Train {
    epochs: usize,
    lr: f64,
    rule: Rule,
    hidden: Vec<usize>,
    names: Vec<String>,
    bound: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Study {
    seed: u64,
    train: Train,
    lessons: Vec<Train>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    task: String,
    study: Study,
}

fn default() -> Settings {
    let train = Train {
        epochs: 10,
        lr: 0.1,
        rule: Rule::Sgd,
        hidden: vec![5],
        names: vec!["relu".into()],
        bound: None,
    };

    let study = Study {
        seed: 1,
        lessons: vec![train.clone(), train.clone()],
        train,
    };

    Settings {
        task: "digits".into(),
        study,
    }
}

/// The settings with a file of this text and these assignments.
fn with(file: &str, sets: &[&str]) -> Result<Settings> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    fs::write(&path, file).unwrap();
    let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
    Layers::new("study", Some(&path), &sets)?.resolve(default(), &Table::new())
}

fn error(file: &str, sets: &[&str]) -> String {
    format!("{:#}", with(file, sets).unwrap_err())
}

#[test]
fn each_layer_is_above_the_one_before() {
    let file = "[study.train]\nepochs = 20\nlr = 1\nhidden = [3, 4]\n";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    fs::write(&path, file).unwrap();

    let layers = Layers::new("study", Some(&path), &["study.train.lr=0.5".into()]).unwrap();
    let flags = "[study.train]\nhidden = [9]\nlr = 0.25".parse().unwrap();
    let found = layers.resolve(default(), &flags).unwrap().study.train;

    assert_eq!(
        (found.epochs, found.lr, &found.hidden[..]),
        (20, 0.5, &[9][..])
    );
    assert_eq!(found.rule, Rule::Sgd, "a default is lost");
}

#[test]
fn a_setting_is_assigned_in_toml_or_bare_and_without_the_section() {
    let train = |set: &str| with("", &[set]).unwrap().study.train;
    assert_eq!(train("train.rule=adam").rule, Rule::Adam);
    assert_eq!(train("study.train.rule = \"adam\"").rule, Rule::Adam);
    assert_eq!(train("train.hidden=30,40").hidden, [30, 40]);
    assert_eq!(train("train.hidden=[30, 40]").hidden, [30, 40]);
    assert_eq!(train("train.hidden=30").hidden, [30]);
    assert_eq!(train("train.names=relu,type1").names, ["relu", "type1"]);

    assert_eq!(
        train("train.bound=2").bound,
        Some(2.0),
        "a setting that has no value by default"
    );

    assert_eq!(with("", &["seed=7"]).unwrap().study.seed, 7);

    assert_eq!(
        with("", &["task=12"]).unwrap().task,
        "12",
        "text that looks like a number"
    );

    let lessons = with("", &["study.lessons.1.epochs=3"])
        .unwrap()
        .study
        .lessons;

    assert_eq!((lessons[0].epochs, lessons[1].epochs), (10, 3));
}

#[test]
fn a_wrong_name_is_an_error_with_the_place_and_what_was_meant() {
    let message = error("# settings\n[study.train]\nlr = 0.1\n  epoch = 5\n", &[]);
    assert!(
        message.contains("c.toml', line 4, column 3: there is no setting 'study.train.epoch'"),
        "{message}"
    );
    assert!(
        message.contains("did you mean 'study.train.epochs'?"),
        "{message}"
    );

    let message = error("epochs = 5\n", &[]);
    assert!(message.contains("line 1, column 1"), "{message}");
    assert!(
        message.contains("did you mean 'study.train.epochs'?"),
        "a name in the wrong table: {message}"
    );

    let message = error("[study.tarin]\nepochs = 5\n", &[]);
    assert!(
        message.contains("line 1, column 8") && message.contains("'study.train'?"),
        "{message}"
    );

    let message = error("[study.train]\nwhatever = 5\n", &[]);
    assert!(
        message.contains("there are epochs, lr, rule, hidden, names, bound"),
        "{message}"
    );

    let message = error("", &["train.epoch=5"]);
    assert!(
        message.starts_with("`set` train.epoch=5: ") && message.contains("'study.train.epochs'?"),
        "{message}"
    );

    // What was typed is said, not the path that it stands for.
    for set in ["tarin.epochs=5", "whatever.epochs=5"] {
        let message = error("", &[set]);
        let typed = set.trim_end_matches("=5");
        assert!(
            message.starts_with(&format!("`set` {set}: there is no setting '{typed}'; ")),
            "{message}"
        );
    }

    let message = error("", &["study={ epoch = 5 }"]);
    assert!(
        message.contains("there is no setting 'study.epoch'"),
        "{message}"
    );

    let message = error("", &["sed=5"]);
    assert!(
        message.starts_with("`set` sed=5: there is no setting 'sed'"),
        "{message}"
    );
}

#[test]
fn a_wrong_value_is_an_error_with_the_place_and_what_was_expected() {
    for (file, place, expected) in [
        (
            "[study.train]\nepochs = \"many\"",
            "line 2, column 10",
            "expected a whole number, 0 or more, found string",
        ),
        (
            "[study.train]\nepochs = -1",
            "line 2, column 10",
            "expected a whole number, 0 or more",
        ),
        (
            "[study.train]\nepochs = 1.5",
            "line 2, column 10",
            "expected a whole number",
        ),
        (
            "study.train.hidden = [1,\n \"x\"]",
            "line 2, column 2",
            "'study.train.hidden.1'",
        ),
        (
            "[study.train]\nrule = 'adma'",
            "line 2, column 8",
            "did you mean 'adam'? It is one of sgd, adam",
        ),
        (
            "[study.train]\nrule = [1]",
            "line 2, column 8",
            "'study.train.rule': expected one of sgd, adam, found a list",
        ),
        (
            "[study.train]\nrule = {}",
            "line 2, column 8",
            "expected one of sgd, adam, or a table of one entry, found a table of 0",
        ),
        (
            "[[study.lessons]]\nepochs = 3",
            "line 1, column 1",
            "'study.lessons.0' lacks 'lr'",
        ),
        ("task = 1\n", "line 1, column 8", "expected text"),
        ("\nstudy = 5", "line 2, column 9", "expected a table"),
        ("[study\n", "line 1, column 7", "unclosed table"),
        ("task = 'ä'; x = 2", "line 1, column 11", ""),
    ] {
        let message = error(file, &[]);
        assert!(
            message.contains(place) && message.contains(expected),
            "{file}: {message}"
        );
    }

    let message = error("", &["train.epochs=some"]);
    assert!(
        message.contains("`set` train.epochs=some") && message.contains("whole number"),
        "{message}"
    );
    assert!(error("", &["train.epochs.x=1"]).contains(
        "`set` train.epochs.x=1: 'study.train.epochs' is the number 10, and holds no 'x'"
    ));
    assert!(
        error("", &["study.lessons.2.epochs=1"]).contains("a list of 2, whose places are 0 to 1")
    );
    assert!(error("", &["train"]).contains("train=VALUE"));
}

#[test]
fn what_is_written_can_be_read() {
    let mut settings = default();
    settings.study.train = Train {
        lr: 0.1 + 0.2,
        bound: Some(1e-300),
        ..settings.study.train
    };

    let text = toml::to_string(&settings).unwrap();
    assert_eq!(with(&text, &[]).unwrap(), settings);
}

#[test]
fn a_setting_can_be_picked_ahead() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    fs::write(&path, "task = 'file'\n[study]\nseed = 'x'\n").unwrap();

    let layers = |sets: &[&str]| {
        Layers::new(
            "study",
            Some(&path),
            &sets.iter().map(ToString::to_string).collect::<Vec<_>>(),
        )
        .unwrap()
    };

    let task = |sets: &[&str], flag: Option<&str>| {
        layers(sets)
            .pick::<String>("task", flag.map(String::from))
            .unwrap()
    };

    assert_eq!(task(&[], None).unwrap(), "file");
    assert_eq!(task(&[], Some("flag")).unwrap(), "flag");
    assert_eq!(task(&["task=set"], Some("flag")).unwrap(), "set");
    assert_eq!(
        layers(&["seed=4"]).pick::<u64>("study.seed", None).unwrap(),
        Some(4)
    );

    assert_eq!(
        layers(&["study.names=a,b"])
            .pick::<Vec<String>>("study.names", None)
            .unwrap()
            .unwrap(),
        ["a", "b"]
    );

    let message = format!(
        "{:#}",
        layers(&[]).pick::<u64>("study.seed", None).unwrap_err()
    );

    assert!(
        message.contains("line 3, column 8: 'study.seed'"),
        "{message}"
    );
}

#[test]
fn an_assignment_of_another_type_is_an_error_with_the_name_what_it_is_and_what_was_expected() {
    for (set, expected) in [
        (
            "train.epochs=1.5",
            "'study.train.epochs': expected a whole number, 0 or more, found floating point",
        ),
        (
            "train.epochs=[1]",
            "'study.train.epochs': expected a whole number, 0 or more, found a list",
        ),
        (
            "train.lr={}",
            "'study.train.lr': expected a number, found a table",
        ),
        (
            "train.hidden=x",
            "'study.train.hidden.0': expected a whole number, 0 or more, found string \"x\"",
        ),
        (
            "train.rule=[1]",
            "'study.train.rule' is '[1]'; it is one of sgd, adam",
        ),
        (
            "train.rule=descent",
            "'study.train.rule' is 'descent'; it is one of sgd, adam",
        ),
        (
            "train=5",
            "'study.train': expected a table of settings, found integer `5`",
        ),
    ] {
        let message = error("", &[set]);
        assert!(message.contains(expected), "{set}: {message}");
        assert!(message.starts_with(&format!("`set` {set}: ")), "{message}");
    }
}

#[test]
fn an_assignment_that_replaces_a_table_says_so_and_how_to_set_one_setting() {
    for set in ["train={}", "study.train={}"] {
        assert_eq!(
            error("", &[set]),
            format!(
                "`set` {set}: it replaces the whole table 'study.train', and what takes its place lacks 'epochs'; set \
                 one setting at a time, as in `set` study.train.epochs=10"
            )
        );
    }

    let message = error("", &["train={epochs = 5, lr = 0.5}"]);
    assert!(
        message.contains("lacks 'rule'") && message.ends_with("`set` study.train.rule=sgd"),
        "{message}"
    );

    let message = error("", &["study.lessons.1={}"]);
    assert!(
        message.contains("the whole table 'study.lessons.1'") && message.contains("lacks 'epochs'"),
        "{message}"
    );

    // A new place of a list replaces nothing.
    let message = error("", &["study.lessons=[{}, {}, {}]"]);

    assert!(
        message.contains("'study.lessons.0'") && message.contains("lacks"),
        "{message}"
    );

    // Whole tables can be replaced.
    let whole = "study.train={epochs = 1, lr = 2, rule = 'adam', hidden = [3], names = []}";

    assert_eq!(with("", &[whole]).unwrap().study.train.hidden, [3]);
}
