//! The commands of the program, as its own tree has them: a list in a test that does not cover them
//! all fails.

use clap::Command;

/// Every command that does something, with its name: two words where a command has commands inside.
pub fn commands() -> Vec<(Vec<String>, Command)> {
    let mut root = ldnn::cli::command();
    root.build();

    let mut all = vec![];

    for outer in root.get_subcommands().filter(|c| c.get_name() != "help") {
        let name = outer.get_name().to_string();

        let inner: Vec<&Command> = outer
            .get_subcommands()
            .filter(|c| c.get_name() != "help")
            .collect();

        if inner.is_empty() {
            all.push((vec![name], outer.clone()));
        } else {
            let two = |leaf: &Command| vec![name.clone(), leaf.get_name().to_string()];
            all.extend(inner.into_iter().map(|leaf| (two(leaf), leaf.clone())));
        }
    }

    all
}

/// The command that these arguments call.
pub fn command_of(args: &[&str]) -> Command {
    let all = commands();
    let called = all.into_iter().find(|(name, _)| calls(name, args));
    called
        .unwrap_or_else(|| panic!("{args:?} calls no command"))
        .1
}

/// Every command is called in one of the lists; those in `elsewhere` are none of the lists' concern.
pub fn assert_all_called(lists: &[&[&[&str]]], elsewhere: &[&str]) {
    for (name, _) in commands() {
        let called = lists
            .iter()
            .copied()
            .flatten()
            .any(|args| calls(&name, args));

        let is_elsewhere = elsewhere.contains(&name.join(" ").as_str());
        assert!(called || is_elsewhere, "no list has a call of {name:?}");
        assert!(
            !called || !is_elsewhere,
            "{name:?} is in a list and in `elsewhere`"
        );
    }
}

/// Whether these arguments call the command of this name.
pub fn calls(name: &[String], args: &[&str]) -> bool {
    args.len() >= name.len() && name.iter().zip(args).all(|(name, arg)| name == arg)
}
