//! A type name means one thing in the workspace: no two types of `core` and `host` have the same.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Names with more than one type: the name, how many files define it, and the reason. An entry that
/// is gone must leave this list, and none comes in.
const KNOWN: [(&str, usize, &str); 1] = [(
    "Network",
    2,
    "one idea: core's is bound to memory, host's owns its parameters",
)];

/// Where a type is defined.
#[derive(Clone, Debug, PartialEq)]
struct Definition {
    name: String,
    /// From the root of the workspace.
    file: String,
    line: usize,
}

/// How far a line is indented.
fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// A line without `pub`, `pub(crate)` and the like.
fn without_visibility(line: &str) -> &str {
    let Some(rest) = line.strip_prefix("pub") else {
        return line;
    };

    let rest = match rest.strip_prefix('(') {
        Some(inside) => inside.split_once(')').map_or(inside, |(_, rest)| rest),
        None => rest,
    };

    rest.trim_start()
}

/// The type that a line defines, if it does: the keyword and the name.
fn defined(line: &str) -> Option<(&str, &str)> {
    let (keyword, rest) = without_visibility(line.trim_start()).split_once(' ')?;
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
    let name = &rest[..end.unwrap_or(rest.len())];

    let is_type = ["struct", "enum", "trait", "type"].contains(&keyword);
    (is_type && name.starts_with(char::is_uppercase)).then_some((keyword, name))
}

/// The types that a formatted source file defines, but those of test modules and the associated
/// types of traits.
fn definitions(file: &str, text: &str) -> Vec<Definition> {
    let mut all = vec![];
    // The indent of the test module, and of the `impl` or `trait`, that a line is in.
    let (mut test, mut body): (Option<usize>, Option<usize>) = (None, None);
    let mut is_for_tests = false;

    for (number, line) in text.lines().enumerate() {
        let at = indent(line);
        let code = line.trim();

        if code == "}" {
            test = test.filter(|&start| start != at);
            body = body.filter(|&start| start != at);
        }

        let item = without_visibility(code);
        let opens = code.ends_with('{');

        if is_for_tests && item.starts_with("mod ") && opens {
            test = test.or(Some(at));
        }

        if let Some((keyword, name)) = defined(line)
            && test.is_none()
            && !is_for_tests
            && !(keyword == "type" && body.is_some())
        {
            all.push(Definition {
                name: name.into(),
                file: file.into(),
                line: number + 1,
            });
        }

        let is_body = ["impl ", "impl<", "trait ", "unsafe impl"]
            .iter()
            .any(|start| item.starts_with(start));

        if is_body && !code.ends_with('}') {
            body = body.or(Some(at));
        }

        // Other attributes and comments may stand between this one and what it is for.
        let is_attribute = code.starts_with("#[") || code.starts_with("//");
        is_for_tests = code.starts_with("#[cfg(test)]") || is_for_tests && is_attribute;
    }

    all
}

/// The definitions of each name that is defined in more than one file.
fn repeated(all: Vec<Definition>) -> BTreeMap<String, Vec<Definition>> {
    let mut names: BTreeMap<String, Vec<Definition>> = BTreeMap::new();

    for definition in all {
        let own = names.entry(definition.name.clone()).or_default();
        // Two in one file are the same for two kinds of machines.
        if own.iter().all(|d| d.file != definition.file) {
            own.push(definition);
        }
    }

    names.retain(|_, own| own.len() > 1);
    names
}

fn collect(folder: &Path, root: &Path, all: &mut Vec<Definition>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = path.strip_prefix(root).unwrap().to_str().unwrap();
        let is_test = file.ends_with("tests.rs");

        if path.is_dir() {
            collect(&path, root, all);
        } else if file.ends_with(".rs") && !is_test {
            all.extend(definitions(file, &fs::read_to_string(&path).unwrap()));
        }
    }
}

fn places(definitions: &[Definition]) -> String {
    let place = |d: &Definition| format!("\n  {}:{}: {}", d.file, d.line, d.name);
    definitions.iter().map(place).collect()
}

#[test]
fn no_type_name_of_the_workspace_means_two_things() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut all = vec![];

    for folder in ["core/src", "host/src"] {
        collect(&root.join(folder), &root, &mut all);
    }

    all.sort_by(|a, b| a.file.cmp(&b.file));
    assert!(all.len() > 300, "only {} types were found", all.len());

    let found = repeated(all);

    let new: String = found
        .iter()
        .filter(|(name, own)| {
            KNOWN
                .iter()
                .all(|(known, count, _)| known != name || own.len() > *count)
        })
        .map(|(_, own)| places(own))
        .collect();

    assert!(
        new.is_empty(),
        "one name for several types; name each by its own idea:{new}"
    );

    for (name, count, reason) in KNOWN {
        let own = found.get(name).map_or(&[][..], Vec::as_slice);

        assert!(!reason.is_empty());
        assert!(
            own.len() == count,
            "KNOWN says that {count} types are called {name}; correct it, or take the entry out:{}",
            places(own)
        );
    }
}

#[test]
fn types_of_tests_and_associated_types_do_not_count() {
    let text = "pub struct A<T> {\n    x: T,\n}\n\nimpl Iterator for A {\n    type Item = u8;\n}\n\n\
        pub(super) enum B {}\n\ntrait C {\n    type D;\n}\n\ntype E = u8;\n\nfn f() {\n    struct F;\n}\n\n\
        #[cfg(test)]\nmod tests {\n    struct G;\n\n    impl G {\n    }\n\n    struct H;\n}\n\nstruct I(u8);\n";

    let found = definitions("a.rs", text);
    let names: Vec<&str> = found.iter().map(|d| d.name.as_str()).collect();

    assert_eq!(names, ["A", "B", "C", "E", "F", "I"]);
    assert_eq!(found[1].line, 9);
}

#[test]
fn a_name_in_two_files_is_found_with_both_places() {
    let all = [
        definitions("a.rs", "struct Thing;\nstruct Other;\n"),
        definitions("b.rs", "\nenum Thing {}\n"),
    ];

    let found = repeated(all.concat());

    assert_eq!(found.len(), 1);
    assert_eq!(
        places(&found["Thing"]),
        "\n  a.rs:1: Thing\n  b.rs:2: Thing"
    );

    let machines = "#[cfg(unix)]\nstruct Thing;\n#[cfg(not(unix))]\nstruct Thing;\n";
    assert!(repeated(definitions("a.rs", machines)).is_empty());
}
