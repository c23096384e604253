//! The proof that nothing panics (`firmware-example/src/bin/nopanic.rs`) is about every public
//! function of the library: they are looked up in its text. Whether it links is
//! `tests/firmware.sh boards`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Public functions that the proof has no call of, with the reason.
const NOT_THERE: &[(&str, &str)] = &[(
    "Shape::new",
    "is for constants: an impossible shape is an error of the compiler; at run time there is try_new",
)];

/// Files whose `pub fn` nobody outside the crate can name.
const PRIVATE: &[&str] = &["planes.rs", "matmul.rs", "dense.rs"];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|p| p.is_dir());

    folders
        .iter()
        .flat_map(|f| sources(f))
        .chain(files)
        .filter(|p| p.extension().is_some_and(|e| e == "rs"))
        .collect()
}

/// The public module that hands on what a file declares: mostly the file's own.
fn module_of(path: &Path) -> String {
    let is_mod = path.file_name().is_some_and(|name| name == "mod.rs");
    let named = if is_mod { path.parent().unwrap() } else { path };
    let name = named.file_stem().unwrap().to_string_lossy();

    let public = match &*name {
        "init" => "network",
        "scaling" => "deploy",
        "fill" => "compact",
        "hypergradient" => "meta",
        "header" => "image",
        own => own,
    };
    public.to_owned()
}

/// `impl<...> Trait for Type<...> {` and `impl<...> Type<...> {`: the type, and whether it is the
/// impl of a trait.
fn of_impl(line: &str) -> Option<(String, bool)> {
    let rest = line.trim_start().strip_prefix("impl")?;
    let mut depth = 0;
    let end = rest.char_indices().find(|&(_, c)| {
        depth += i32::from(c == '<') - i32::from(c == '>');
        depth == 0 && c != '>'
    })?;
    let rest = rest[end.0..].trim_start_matches(['>', ' ']);
    let is_trait = rest.contains(" for ");

    let own = rest.split(" for ").last()?;
    Some((own.split(['<', ' ']).next()?.to_owned(), is_trait))
}

/// The public functions of a file, each as a call of it is written: `Type::function` or
/// `module::function`. `all`: the text of all files, one of which declares the types.
fn public_functions(path: &Path, all: &str) -> Vec<String> {
    let module = module_of(path);
    let text = std::fs::read_to_string(path).unwrap();

    // What follows is tests.
    let text = text.split("#[cfg(test)]").next().unwrap().to_owned();
    let (mut owner, mut found) = (Owner::Module(module.clone()), Vec::new());

    for line in text.lines() {
        let start = line.trim_start();

        match of_impl(line) {
            Some((_, true)) => owner = Owner::Nobody,
            // The macro's own type; the proof calls it `Model`.
            Some((name, false)) if name == "$name" => owner = Owner::Type("Model".to_owned()),
            Some((name, false)) if is_public(all, &name) => owner = Owner::Type(name),
            Some((_, false)) => owner = Owner::Nobody,
            None if start.starts_with("pub trait ") => owner = Owner::trait_of(start),
            None if line.starts_with("mod ") => owner = Owner::Nobody,
            None if line == "}" => owner = Owner::Module(module.clone()),
            None => {}
        }

        let is_method_of_trait = matches!(owner, Owner::Trait(_)) && line.starts_with("    fn ");
        let public = start
            .strip_prefix("pub ")
            .map(|s| s.strip_prefix("const ").unwrap_or(s));
        let function = public
            .or(is_method_of_trait.then_some(start))
            .and_then(|s| s.strip_prefix("fn "));

        if let (Some(function), Some(owner)) = (function, owner.name()) {
            found.push(format!(
                "{owner}::{}",
                function.split(['(', '<']).next().unwrap()
            ));
        }
    }

    found
}

/// Whether the text declares the type for everybody.
fn is_public(text: &str, name: &str) -> bool {
    text.lines().any(|line| {
        let mut words = line.trim_start().split([' ', '<', '(', '{', ';']);
        words.next() == Some("pub")
            && matches!(words.next(), Some("struct" | "enum"))
            && words.next() == Some(name)
    })
}

enum Owner {
    Nobody,
    Module(String),
    Type(String),
    Trait(String),
}

impl Owner {
    fn trait_of(line: &str) -> Owner {
        let name = line
            .trim_start_matches("pub trait ")
            .split([':', ' '])
            .next()
            .unwrap();

        // The scalar is a parameter there.
        Owner::Trait(if name == "Real" {
            "T".to_owned()
        } else {
            name.to_owned()
        })
    }

    fn name(&self) -> Option<&str> {
        match self {
            Owner::Nobody => None,
            Owner::Module(name) | Owner::Type(name) | Owner::Trait(name) => Some(name),
        }
    }
}

/// Whether `text` calls `function`, with or without type arguments.
fn calls(text: &str, function: &str) -> bool {
    text.match_indices(function).any(|(at, _)| {
        let before = text[..at].chars().next_back().unwrap_or(' ');
        let after = &text[at + function.len()..];
        !before.is_alphanumeric() && (after.starts_with('(') || after.starts_with("::<"))
    })
}

#[test]
fn the_proof_that_nothing_panics_calls_every_public_function() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = std::fs::read_to_string(root.join("firmware-example/src/bin/nopanic.rs")).unwrap();

    // Types with parameters: `Fixed::<T, 16, 16, 16, 16>::zeroed`.
    let text = text.replace("Fixed::<T, 16, 16, 16, 16>::", "Fixed::");
    let files = sources(&root.join("core/src"));
    let public = files
        .iter()
        .filter(|p| !PRIVATE.iter().any(|private| p.ends_with(private)));
    let public: Vec<_> = public.collect();
    let everything: String = public
        .iter()
        .map(|p| std::fs::read_to_string(p).unwrap())
        .collect();
    let all: BTreeSet<String> = public
        .iter()
        .flat_map(|p| public_functions(p, &everything))
        .collect();

    assert!(
        all.len() > 140,
        "only {} functions found: does this test still read the sources right?",
        all.len()
    );

    for expected in [
        "Shape::try_new",
        "Network::predict",
        "Network::hidden",
        "Base::slope",
        "network::init_theta",
        "T::tanh",
        "Model::train_step",
    ] {
        assert!(
            all.contains(expected),
            "{expected} was not found in the sources"
        );
    }

    let missing = |f: &&String| !calls(&text, f) && !NOT_THERE.iter().any(|(name, _)| name == f);
    let missing: Vec<_> = all.iter().filter(missing).collect();

    assert!(
        missing.is_empty(),
        "public, but not in firmware-example/src/bin/nopanic.rs: {missing:?}"
    );

    for (name, reason) in NOT_THERE {
        assert!(
            all.contains(*name),
            "there is no {name} to make an exception of ({reason})"
        );
    }
}

#[test]
fn the_proof_has_both_scalars_and_a_handler_that_does_not_link() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = std::fs::read_to_string(root.join("firmware-example/src/bin/nopanic.rs")).unwrap();

    for needed in [
        "[[f32; 64]; 6]",
        "[[f64; 64]; 6]",
        "unsafe { a_panic_of_the_library_is_reachable() }",
    ] {
        assert!(text.contains(needed), "{needed}");
    }
}
