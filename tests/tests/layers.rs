//! The modules of `core` and of `host` are layers: each uses only those that its `lib.rs` lists
//! before it, and no files import each other in a circle. Below `cli` nothing knows how the program
//! spells its flags.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A source file, by its path in the `src` of its crate.
struct Source {
    file: String,
    text: String,
}

/// A path in a source file, such as `crate::data::Dataset`.
struct Mention {
    line: usize,
    /// From the root of the crate.
    path: Vec<String>,
    /// Whether it is part of a `pub use`, which hands a name on.
    is_handed_on: bool,
}

struct Token {
    line: usize,
    text: String,
}

/// Names and punctuation, without comments, strings and characters.
fn tokens(text: &str) -> Vec<Token> {
    lexed(text).0
}

/// Names and punctuation, and what stands between the quotation marks of strings; without comments
/// and characters.
fn lexed(text: &str) -> (Vec<Token>, Vec<Token>) {
    let bytes: Vec<char> = text.chars().collect();
    let (mut tokens, mut strings, mut line, mut i) = (vec![], vec![], 1, 0);
    while i < bytes.len() {
        let start = i;
        let rest = |n: usize| bytes.get(i + n).copied().unwrap_or(' ');

        match bytes[i] {
            '/' if rest(1) == '/' => i += bytes[i..].iter().take_while(|&&c| c != '\n').count(),
            'r' if rest(1) == '#' && rest(2) == '"' || rest(1) == '"' && bytes[i] == 'r' => {
                let hashes = bytes[i + 1..].iter().take_while(|&&c| c == '#').count();
                let end: String = std::iter::once('"')
                    .chain((0..hashes).map(|_| '#'))
                    .collect();
                let rest: String = bytes[i + 2 + hashes..].iter().collect();
                let body = rest.split(&end).next().unwrap_or("");
                i += 2 + hashes + body.chars().count() + end.len();
                strings.push(Token {
                    line,
                    text: body.into(),
                });
            }
            '"' => {
                i += 1;
                while i < bytes.len() && bytes[i] != '"' {
                    i += 1 + usize::from(bytes[i] == '\\');
                }
                i += 1;
                strings.push(Token {
                    line,
                    text: bytes[start + 1..i - 1].iter().collect(),
                });
            }
            '\'' if rest(1) == '\\' => {
                i += 3 + bytes[i + 3..].iter().take_while(|&&c| c != '\'').count()
            }
            '\'' if rest(2) == '\'' => i += 3,
            c if c.is_alphanumeric() || c == '_' => {
                i += bytes[i..]
                    .iter()
                    .take_while(|c| c.is_alphanumeric() || **c == '_')
                    .count();
                tokens.push(Token {
                    line,
                    text: bytes[start..i].iter().collect(),
                });
            }
            ':' if rest(1) == ':' => {
                i += 2;
                tokens.push(Token {
                    line,
                    text: "::".into(),
                });
            }
            c => {
                i += 1;

                if !c.is_whitespace() {
                    tokens.push(Token {
                        line,
                        text: c.into(),
                    });
                }
            }
        }

        let end = i.min(bytes.len());
        line += bytes[start..end].iter().filter(|&&c| c == '\n').count();
    }

    (tokens, strings)
}

/// The module of a file: `run/folder.rs` is `run::folder`.
fn module_of(file: &str) -> Vec<String> {
    let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/')
        .filter(|p| !["lib", "main"].contains(p))
        .map(String::from)
        .collect()
}

/// All paths of a tree such as `a::{b, c::d}` that begins at token `at`; and where it ends.
fn tree(tokens: &[Token], mut at: usize, prefix: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let mut path = prefix.to_vec();

    loop {
        let text = tokens.get(at).map_or("", |t| t.text.as_str());
        if text == "{" {
            at += 1;

            while tokens.get(at).is_some_and(|t| t.text != "}") {
                at = tree(tokens, at, &path, found);
                at += usize::from(tokens.get(at).is_some_and(|t| t.text == ","));
            }
            return at + 1;
        }

        let is_name = text.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        if is_name && text != "self" {
            path.push(text.into());
        }

        at += usize::from(is_name || text == "*");

        if tokens.get(at).is_none_or(|t| t.text != "::") {
            break;
        }

        at += 1;

        // A path with type arguments ends before them.
        if tokens.get(at).is_some_and(|t| t.text == "<") {
            break;
        }
    }

    if tokens.get(at).is_some_and(|t| t.text == "as") {
        at += 2;
    }

    found.push(path);
    // Nothing that has a form unknown here may keep this from going on.
    at
}

/// Every path that begins at the root of the crate, above, or in a child module.
///
/// `name`: how programs call the crate. A macro's `$crate` is a path of its user, not of the file.
fn mentions(source: &Source, name: &str) -> Vec<Mention> {
    let tokens = tokens(&source.text);
    let text = |i: usize| tokens.get(i).map_or("", |t| t.text.as_str());
    let children: BTreeSet<&str> = (0..tokens.len())
        .filter(|&i| text(i) == "mod" && text(i + 2) == ";")
        .map(|i| text(i + 1))
        .collect();

    let mut module = module_of(&source.file);
    let (mut inner, mut depth): (Vec<usize>, usize) = (vec![], 0);
    let (mut all, mut i) = (vec![], 0);

    while i < tokens.len() {
        match text(i) {
            "mod" if text(i + 2) == "{" => {
                module.push(text(i + 1).into());
                inner.push(depth);
                i += 2;
                continue;
            }
            "{" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                if inner.last() == Some(&depth) {
                    inner.pop();
                    module.pop();
                }
            }
            _ => {}
        }

        let is_start = (i == 0 || text(i - 1) != "::") && text(i + 1) == "::";
        let is_use = i > 0 && text(i - 1) == "use";

        let mut prefix = match text(i) {
            "crate" if is_start && (i == 0 || text(i - 1) != "$") => vec![],
            root if is_start && root == name => vec![],
            "super" | "self" if is_start => module.clone(),
            child if is_start && children.contains(child) => module.clone(),
            _ => {
                i += 1;
                continue;
            }
        };

        let line = tokens[i].line;
        let is_handed_on = is_use && i > 1 && ["pub", ")"].contains(&text(i - 2));

        while text(i) == "super" {
            prefix.pop();
            i += 2;
        }

        i += 2 * usize::from(["crate", name, "self"].contains(&text(i)));

        let mut found = vec![];
        i = tree(&tokens, i, &prefix, &mut found);

        all.extend(found.into_iter().map(|path| Mention {
            line,
            path,
            is_handed_on,
        }));
    }

    all
}

/// What is wrong with the sources of a crate.
#[derive(Debug, Default, PartialEq)]
struct Faults {
    /// A sentence for each path that leads to a higher layer, or around the list of layers.
    arrows: Vec<String>,
    /// For files that import each other, directly or by others: a sentence for each path that leads
    /// from one of them to another.
    circles: Vec<Vec<String>>,
}

/// From each file to those it uses, by the paths that lead there.
type Edges<'a> = BTreeMap<&'a str, BTreeMap<&'a str, Vec<String>>>;

struct Crate<'a> {
    files: BTreeMap<Vec<String>, &'a str>,
    /// For each module the names that it hands on, and where they come from.
    names: BTreeMap<Vec<String>, BTreeMap<String, Vec<String>>>,
}

impl Crate<'_> {
    /// The file that a path leads to, by the names that modules hand on.
    fn file(&self, path: &[String], steps: usize) -> Option<&str> {
        let len = (0..=path.len())
            .rev()
            .find(|&n| self.files.contains_key(&path[..n]))?;
        let module = &path[..len];
        let handed = path
            .get(len)
            .and_then(|name| self.names.get(module)?.get(name));

        match handed {
            Some(from) if steps > 0 && from[..] != path[..] => self.file(from, steps - 1),
            _ => self.files.get(module).copied(),
        }
    }
}

fn faults(name: &str, layers: &[&str], sources: &[Source]) -> Faults {
    let all: Vec<(&Source, Vec<Mention>)> =
        sources.iter().map(|s| (s, mentions(s, name))).collect();
    let mut names: BTreeMap<Vec<String>, BTreeMap<String, Vec<String>>> = BTreeMap::new();

    for (source, mentions) in &all {
        let own = names.entry(module_of(&source.file)).or_default();
        for m in mentions.iter().filter(|m| m.is_handed_on) {
            own.extend(m.path.last().map(|name| (name.clone(), m.path.clone())));
        }
    }

    let files = sources.iter().filter(|s| s.file != "main.rs");
    let files = files
        .map(|s| (module_of(&s.file), s.file.as_str()))
        .collect();
    let the_crate = Crate { files, names };

    let mut faults = Faults::default();
    let mut edges = Edges::new();
    let level = |name: &str| layers.iter().position(|l| *l == name);

    for (source, mentions) in &all {
        let Some(own) = module_of(&source.file).first().and_then(|name| level(name)) else {
            continue;
        };

        for m in mentions {
            let Some(target) = m.path.first() else {
                continue;
            };
            let at = format!("{}:{}: crate::{}", source.file, m.line, m.path.join("::"));

            match level(target) {
                Some(other) if other <= own => {}
                Some(_) => faults
                    .arrows
                    .push(format!("{at}: {target} stands above {}", layers[own])),
                None => faults.arrows.push(format!("{at}: {target} is no layer")),
            }

            if let Some(file) = the_crate
                .file(&m.path, 8)
                .filter(|f| *f != source.file && !m.is_handed_on)
            {
                let lines = edges.entry(&source.file).or_default().entry(file);
                lines.or_default().push(at);
            }
        }
    }

    faults.circles = circles(&edges);
    faults
}

/// Groups of files each of which leads to every other one of its group.
fn circles(edges: &Edges<'_>) -> Vec<Vec<String>> {
    let reach = |from: &str| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(file) = open.pop() {
            for next in edges.get(file).into_iter().flat_map(BTreeMap::keys) {
                if seen.insert(*next) {
                    open.push(next);
                }
            }
        }

        seen
    };

    let reached: BTreeMap<&str, BTreeSet<&str>> =
        edges.keys().map(|file| (*file, reach(file))).collect();
    let is_mutual =
        |a: &str, b: &str| reached[a].contains(b) && reached.get(b).is_some_and(|r| r.contains(a));

    let in_circles = reached
        .keys()
        .filter(|file| reached[**file].contains(**file));
    let groups: BTreeSet<Vec<&str>> = in_circles
        .map(|file| {
            reached
                .keys()
                .copied()
                .filter(|other| is_mutual(file, other))
                .collect()
        })
        .collect();

    groups
        .iter()
        .map(|group| lines_within(group, edges))
        .collect()
}

fn lines_within(group: &[&str], edges: &Edges<'_>) -> Vec<String> {
    let mut lines = vec![];
    for from in group {
        for (to, paths) in edges.get(from).into_iter().flatten() {
            if group.contains(to) {
                lines.extend(paths.iter().map(|path| format!("{path} is in {to}")));
            }
        }
    }

    lines
}

/// Flags that a string of a file below `cli` may hold, and why. An entry that is not needed must
/// leave this list.
const ALLOWED: [(&str, &[&str], &str); 2] = [
    (
        "lab/queue.rs",
        &[
            "array",
            "cpus-per-task",
            "dependency",
            "job-name",
            "jobs",
            "mem",
            "open-mode",
            "out",
            "output",
            "parsable",
            "quiet",
            "requeue",
            "shard",
            "signal",
            "stage",
            "time",
            "account",
            "help",
            "partition",
            "qos",
        ],
        "it writes a script that calls sbatch, and the program as a user would",
    ),
    (
        "deploy/verify/runners.rs",
        &["manifest-path", "quiet", "release", "target-dir", "version"],
        "it calls cargo and compilers",
    ),
];

/// The names of the flags that a text spells outside of whole commands of the program in backticks,
/// such as `ldnn export --data FILE`.
fn flags_in(text: &str) -> Vec<String> {
    let mut found = vec![];

    for (i, part) in text.split('`').enumerate() {
        let is_command = i % 2 == 1 && part.starts_with("ldnn ");
        let parts: Vec<&str> = part.split("--").collect();

        for two in parts.windows(2).filter(|_| !is_command) {
            let is_start = !two[0].ends_with(|c: char| c.is_alphanumeric() || c == '-');
            let end = two[1].find(|c: char| !(c.is_ascii_lowercase() || "-_{".contains(c)));
            let name = &two[1][..end.unwrap_or(two[1].len())];

            if is_start && !name.is_empty() {
                found.push(name.into());
            }
        }
    }

    found
}

/// Each flag that a string below `cli` spells: its file and line, and its name.
fn flags_below_cli(sources: &[Source]) -> Vec<(String, usize, String)> {
    let mut found = vec![];
    let library = sources.iter().filter(|s| !s.file.starts_with("cli"));

    for source in library {
        for string in lexed(&source.text).1 {
            let flags = flags_in(&string.text).into_iter();
            found.extend(flags.map(|flag| (source.file.clone(), string.line, flag)));
        }
    }

    found
}

/// The sources of a crate, by their paths.
fn sources_of(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(folder)
        .join("src");

    let mut sources = vec![];
    collect(&root, &root, &mut sources);
    sources.sort_by(|a, b| a.file.cmp(&b.file));
    sources
}

fn collect(folder: &Path, root: &Path, sources: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, root, sources);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let file = path
                .strip_prefix(root)
                .unwrap()
                .to_str()
                .unwrap()
                .replace('\\', "/");

            sources.push(Source {
                file,
                text: fs::read_to_string(&path).unwrap(),
            });
        }
    }
}

/// The modules that a `lib.rs` lists, from the ground up.
fn layers(lib: &str) -> Vec<&str> {
    lib.lines()
        .filter_map(|line| {
            let line = line.strip_prefix("pub ").unwrap_or(line);
            line.strip_prefix("mod ")?.strip_suffix(';')
        })
        .collect()
}

/// Checks the crate in `folder`; `files`: at least so many sources must be found.
fn check_crate(folder: &str, name: &str, files: usize) {
    let sources = sources_of(folder);
    let lib = sources.iter().find(|s| s.file == "lib.rs").unwrap();
    let layers = layers(&lib.text);
    assert!(
        layers.len() > 10 && sources.len() >= files,
        "{} files, {layers:?}",
        sources.len()
    );

    let found = faults(name, &layers, &sources);

    assert!(
        found.arrows.is_empty(),
        "{folder}: arrows that lead up:\n{}",
        found.arrows.join("\n")
    );

    let circles: Vec<String> = found.circles.iter().map(|c| c.join("\n")).collect();

    assert!(
        circles.is_empty(),
        "{folder}: files that import each other:\n{}",
        circles.join("\n\n")
    );
}

#[test]
fn every_module_of_core_uses_only_the_layers_below_it_and_no_files_import_each_other() {
    check_crate("core", "ldnn_core", 30);
}

#[test]
fn every_module_of_host_uses_only_the_layers_below_it_and_no_files_import_each_other() {
    check_crate("host", "ldnn", 100);
}

#[test]
fn messages_below_cli_name_settings_and_the_program_names_flags() {
    let found = flags_below_cli(&sources_of("host"));
    let is_allowed = |file: &str, flag: &str| {
        let mut own = ALLOWED.iter().filter(|(of, ..)| *of == file);
        own.any(|(_, flags, _)| flags.contains(&flag))
    };

    let wrong: Vec<String> = found
        .iter()
        .filter(|(file, _, flag)| !is_allowed(file, flag))
        .map(|(file, line, flag)| format!("{file}:{line}: --{flag}"))
        .collect();

    assert!(
        wrong.is_empty(),
        "name the field in backticks, and the program says the flag:\n{}",
        wrong.join("\n")
    );

    for (file, flags, _) in ALLOWED {
        for flag in flags {
            let is_there = found.iter().any(|(f, _, name)| f == file && name == flag);
            assert!(is_there, "{file} has no --{flag} any more");
        }
    }
}

/// Calls that open a file whatever it is.
const OPENING: [(&str, &str); 5] = [
    ("fs", "read"),
    ("fs", "read_to_string"),
    ("fs", "copy"),
    ("File", "open"),
    ("File", "options"),
];

/// Where such calls may be, and why.
const MAY_OPEN: [(&str, &str); 5] = [
    ("support/regular.rs", "the door itself"),
    (
        "support/atomic.rs",
        "regular files, to lock and delete them",
    ),
    ("support/memory.rs", "files of the system"),
    ("run/lock.rs", "a folder, and files of the system"),
    ("data/source.rs", "data may come from a pipe"),
];

/// The places outside of tests where a source opens a file whatever it is.
fn openings(source: &Source) -> Vec<(usize, String)> {
    let is_test = source.file.ends_with("tests.rs");
    let code = source.text.split("#[cfg(test)]\nmod tests {").next();
    let tokens = tokens(code.filter(|_| !is_test).unwrap_or_default());

    let words = tokens.windows(3).filter(|three| three[1].text == "::");
    words
        .filter(|three| OPENING.contains(&(&three[0].text, &three[2].text)))
        .map(|three| {
            (
                three[0].line,
                format!("{}::{}", three[0].text, three[2].text),
            )
        })
        .collect()
}

#[test]
fn files_are_read_through_one_door_that_refuses_devices_and_pipes() {
    let sources = sources_of("host");
    let all: Vec<(&str, usize, String)> = sources
        .iter()
        .flat_map(|source| {
            let found = openings(source).into_iter();
            found.map(|(line, call)| (source.file.as_str(), line, call))
        })
        .collect();

    let wrong: Vec<String> = all
        .iter()
        .filter(|(file, ..)| !MAY_OPEN.iter().any(|(may, _)| may == file))
        .map(|(file, line, call)| format!("host/src/{file}:{line}: {call}"))
        .collect();

    assert!(
        wrong.is_empty(),
        "a device or a pipe in the place of the file hangs the program; use support::regular:\n{}",
        wrong.join("\n")
    );

    for (file, why) in MAY_OPEN {
        let is_there = all.iter().any(|(found, ..)| *found == file);
        assert!(
            is_there || file == "support/regular.rs",
            "{file} ({why}) opens nothing any more"
        );
    }
}

#[test]
fn calls_that_open_a_file_are_found_outside_of_tests() {
    let source = |file: &str| {
        Source {
        file: file.into(),
        text: "use std::fs::{self, File};\n// fs::read\nlet a = fs::read(path);\nlet b = File::open(path);\n\
               let c = fs::read_dir(path);\n#[cfg(test)]\nmod tests {\nlet d = fs::read(path);\n}\n"
            .into(),
    }
    };

    let found = openings(&source("run/a.rs"));
    assert_eq!(found, [(3, "fs::read".into()), (4, "File::open".into())]);
    assert!(openings(&source("run/a/tests.rs")).is_empty());
}

#[test]
fn flags_are_found_in_strings_but_not_in_comments_or_in_whole_commands() {
    let text = r##"
        // not --here
        const A: &str = "give --held-out, or `--lr` 1, or --{name} {value}";
        const B: &str = r#"`ldnn train --ignore NAME` leaves it out, "--ignore" too"#;
        const C: &str = "a -- b, a--b, i-- and `ldnn eval`, \"--test\"";
    "##;
    let source = |file: &str| Source {
        file: file.into(),
        text: text.into(),
    };

    let found = flags_below_cli(&[source("data/a.rs"), source("cli/a.rs")]);
    let found: Vec<(usize, &str)> = found.iter().map(|(_, at, flag)| (*at, &**flag)).collect();

    assert_eq!(
        found,
        [
            (3, "held-out"),
            (3, "lr"),
            (3, "{name"),
            (4, "ignore"),
            (5, "test")
        ]
    );
}

fn checked(files: &[(&str, &str)]) -> Faults {
    let source = |(file, text): &(&str, &str)| Source {
        file: (*file).into(),
        text: (*text).into(),
    };

    faults(
        "ldnn",
        &["low", "high"],
        &files.iter().map(source).collect::<Vec<_>>(),
    )
}

#[test]
fn an_arrow_that_leads_up_is_found_in_imports_and_in_the_middle_of_code() {
    let high = ("high.rs", "use crate::low::{a, b};\npub struct High;");

    assert_eq!(
        checked(&[
            (
                "low.rs",
                "// crate::high\nconst TEXT: &str = \"crate::high\";"
            ),
            high
        ]),
        Faults::default()
    );

    let arrows = |low: &str| checked(&[("low.rs", low), high]).arrows;
    assert_eq!(
        arrows("\nuse crate::{low, high::High};"),
        ["low.rs:2: crate::high::High: high stands above low"]
    );
    assert_eq!(arrows("fn f() -> crate::high::High {}").len(), 1);
    assert_eq!(
        arrows("mod tests {\n    use super::super::high;\n}").len(),
        1
    );
    assert_eq!(
        arrows("mod tests {\n    use super::high;\n}"),
        [] as [&str; 0]
    );
    assert_eq!(
        arrows("use ldnn::other::Thing;"),
        ["low.rs:1: crate::other::Thing: other is no layer"]
    );
}

#[test]
fn files_that_import_each_other_are_found_by_the_names_that_modules_hand_on() {
    let facade = (
        "low/mod.rs",
        "mod a;\nmod b;\npub use a::A;\npub use b::{B, C as D};",
    );
    let of = |a: &str, b: &str| checked(&[facade, ("low/a.rs", a), ("low/b.rs", b)]).circles;

    let none: [Vec<String>; 0] = [];
    assert_eq!(of("use super::B;", "pub struct B;"), none);
    assert_eq!(
        of("use super::B;", "use crate::low::A;"),
        [[
            "low/a.rs:1: crate::low::B is in low/b.rs",
            "low/b.rs:1: crate::low::A is in low/a.rs"
        ]]
    );
    assert_eq!(
        of("use super::b::B;", "\nfn f() { super::a::g() }"),
        [[
            "low/a.rs:1: crate::low::b::B is in low/b.rs",
            "low/b.rs:2: crate::low::a::g is in low/a.rs"
        ]]
    );
}

#[test]
fn a_module_that_calls_its_child_and_is_called_by_it_is_a_circle() {
    let of = |child: &str| {
        let parent = ("low/mod.rs", "mod a;\nfn f() { a::g() }\npub fn h() {}");
        checked(&[parent, ("low/a.rs", child)]).circles.len()
    };

    assert_eq!((of("pub fn g() {}"), of("use super::h;")), (0, 1));
}

#[test]
fn what_a_macro_says_of_the_crate_of_its_user_is_no_arrow() {
    let low = ("low.rs", "macro_rules! m { () => { $crate::High } }");
    assert_eq!(checked(&[low]), Faults::default());
}
