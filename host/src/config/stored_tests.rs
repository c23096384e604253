//! Stored settings, and what reads them.

use super::*;
use serde::Deserialize;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    task: String,
    seed: u64,
}

fn settings() -> Settings {
    Settings {
        task: "digits".into(),
        seed: 7,
    }
}

#[test]
fn what_is_stored_says_its_command_and_can_be_given_back_as_settings() {
    let stored = StoredConfig::new("analyze hessian", &settings()).unwrap();

    assert!(
        stored
            .text()
            .starts_with("command = \"analyze hessian\"\nversion = \""),
        "{}",
        stored.text()
    );

    let again = StoredConfig::parse(stored.text()).unwrap();
    assert_eq!(again, stored);
    assert_eq!(again.command(), "analyze hessian");
    assert_eq!(again.settings::<Settings>().unwrap(), settings());

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    std::fs::write(&file, stored.text()).unwrap();

    let other = Settings {
        task: "mnist1d".into(),
        seed: 1,
    };
    let read = Layers::new("", Some(&file), &[])
        .unwrap()
        .resolve(other, &Table::new())
        .unwrap();

    assert_eq!(read, settings());
}

#[test]
fn what_does_not_say_its_command_is_refused_and_not_guessed() {
    for text in ["task = 'digits'\nseed = 7\n", "command = 3\n", ""] {
        let message = StoredConfig::parse(text).unwrap_err().to_string();
        assert!(
            message.contains("which command") && message.contains("`ldnn COMMAND --replace`"),
            "{message}"
        );
    }

    assert!(StoredConfig::parse("command = 'x").is_err());
}
