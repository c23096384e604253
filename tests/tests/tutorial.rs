//! The tutorial, command by command: what it says is printed is what is printed.
//!
//! `LDNN_BLESS=1` writes down anew what is printed.

use ldnn_tests::program;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A line that stands for any number of lines.
const GAP: &str = "...";

/// Commands, and what they print if the text says so.
struct Block {
    commands: String,
    needs_device: bool,
    /// The lines of the output within the document.
    printed: Option<std::ops::Range<usize>>,
}

fn blocks(lines: &[&str]) -> Vec<Block> {
    let mut found: Vec<Block> = vec![];
    let mut at = 0;
    while at < lines.len() {
        let Some(language) = lines[at].strip_prefix("```") else {
            at += 1;
            continue;
        };

        let end = at
            + 1
            + lines[at + 1..]
                .iter()
                .position(|l| *l == "```")
                .expect("a block without an end");

        match language {
            "sh" | "sh device" => found.push(Block {
                commands: lines[at + 1..end].join("\n"),
                needs_device: language == "sh device",
                printed: None,
            }),
            "text" => {
                found.last_mut().expect("output without a command").printed = Some(at + 1..end)
            }
            _ => {}
        }

        at = end + 1;
    }

    found
}

/// Whether the lines are those, where a line `...` may be any.
fn fits(pattern: &[&str], lines: &[&str]) -> bool {
    match pattern.split_first() {
        None => lines.is_empty(),
        Some((&GAP, rest)) => (0..=lines.len()).any(|skip| fits(rest, &lines[skip..])),
        Some((first, rest)) => lines.first() == Some(first) && fits(rest, &lines[1..]),
    }
}

/// What the machine lacks for the last step; that is tried by `tests/firmware.sh` in any case.
fn lacks_device() -> Option<&'static str> {
    let succeeds = |command: &str, part: &str| {
        let output = Command::new("bash").args(["-c", command]).output().unwrap();
        output.status.success() && String::from_utf8_lossy(&output.stdout).contains(part)
    };
    if !succeeds("command -v qemu-system-arm", "qemu") {
        Some("qemu-system-arm")
    } else if !succeeds("rustup target list --installed", "thumbv7em-none-eabihf") {
        Some("the target thumbv7em-none-eabihf")
    } else {
        None
    }
}

#[test]
fn the_tutorial_says_what_is_printed() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap();
    let document = root.join("docs/tutorial.md");
    let text = fs::read_to_string(&document).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let place = tempfile::tempdir().unwrap();

    std::os::unix::fs::symlink(
        root.join("firmware-example"),
        place.path().join("firmware-example"),
    )
    .unwrap();

    let found = blocks(&lines);
    assert!(
        found.len() >= 5 && found.iter().any(|b| b.needs_device),
        "the tutorial has lost its commands"
    );

    let mut printed = vec![];

    for block in &found {
        if let (true, Some(what)) = (block.needs_device, lacks_device()) {
            eprintln!("not tried, {what} is missing:\n{}", block.commands);
            continue;
        }
        printed.push((block, run(place.path(), &block.commands)));
    }

    if std::env::var_os("LDNN_BLESS").is_some() {
        return bless(&document, &lines, &printed);
    }

    for (block, output) in printed {
        let expected = block
            .printed
            .as_ref()
            .map_or(&[][..], |range| &lines[range.clone()]);
        let got: Vec<&str> = output.lines().map(str::trim_end).collect();
        let compared = block.printed.is_some();

        assert!(
            !compared || fits(expected, &got),
            "{}\nprints\n{output}\nand not what stands there",
            block.commands
        );
    }
}

/// Runs commands, which have to succeed; what they print.
fn run(folder: &Path, commands: &str) -> String {
    let programs = folder.join("programs");
    if !programs.exists() {
        fs::create_dir(&programs).unwrap();
        std::os::unix::fs::symlink(program::path(), programs.join("ldnn")).unwrap();
    }

    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let script = format!("set -euo pipefail\n{commands}");
    let mut command = Command::new("bash");
    command
        .args(["-c", &script])
        .current_dir(folder)
        .env("PATH", path);

    // Cargo tells tests where things are; the commands are a user's.
    for (name, _) in
        std::env::vars().filter(|(name, _)| name.starts_with("CARGO") && name != "CARGO_HOME")
    {
        command.env_remove(name);
    }

    let output = command.output().unwrap();

    assert!(
        output.status.success(),
        "{commands}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );

    String::from_utf8(output.stdout).unwrap()
}

/// How many lines of an output are shown.
const SHOWN: usize = 24;

fn bless(document: &Path, lines: &[&str], printed: &[(&Block, String)]) {
    let mut text = String::new();
    let mut at = 0;

    for (block, output) in printed {
        let Some(range) = &block.printed else {
            continue;
        };
        text += &(lines[at..range.start].join("\n") + "\n");

        let all: Vec<&str> = output.lines().map(str::trim_end).collect();
        text += &(all[..all.len().min(SHOWN)].join("\n") + "\n");

        if all.len() > SHOWN {
            text += "...\n";
        }

        at = range.end;
    }

    text += &(lines[at..].join("\n") + "\n");
    fs::write(document, text).unwrap();
}
