//! Numbers as text in code, the same in C and Rust.

use std::fmt::Display;
use std::fmt::Write;

/// The width of generated lines.
const WIDTH: usize = 110;

/// The shortest decimal that both languages read back as the same `f32`.
pub fn float(x: f32) -> String {
    format!("{x:?}")
}

/// A template with values in place of their keys, in one pass: a value that holds a key stays as it
/// is.
pub fn filled(template: &str, values: &[(&str, &str)]) -> String {
    let (mut text, mut rest) = (String::new(), template);

    loop {
        let found = values
            .iter()
            .filter_map(|&(key, value)| Some((rest.find(key)?, key, value)));
        let Some((at, key, value)) = found.min_by_key(|&(at, ..)| at) else {
            return text + rest;
        };

        text += &rest[..at];
        text += value;
        rest = &rest[at + key.len()..];
    }
}

/// Lines of numbers, each indented and followed by a comma.
pub fn lines<T: Display>(numbers: impl IntoIterator<Item = T>) -> String {
    let (mut text, mut width) = (String::new(), WIDTH);

    for number in numbers {
        let number = number.to_string();
        if width + number.len() + 2 > WIDTH {
            text += if text.is_empty() { "   " } else { "\n   " };
            width = 3;
        }

        let _ = write!(text, " {number},");
        width += number.len() + 2;
    }

    text
}

/// Lines of comment, each behind `mark`.
pub fn comment<'a>(mark: &str, lines: impl IntoIterator<Item = &'a String>) -> String {
    lines
        .into_iter()
        .map(|line| format!("{mark} {}\n", harmless(line)))
        .collect()
}

/// What a path or a name holds, so that in a comment of C or Rust it is a comment, without a
/// warning, and is read in the order in which it is written.
fn harmless(line: &str) -> String {
    let mut text = String::new();

    for c in line.chars() {
        match c {
            // It would end a comment, or begin another; a trigraph would be a warning, and "??/"
            // the next line.
            '/' if text.ends_with('*') => text += " /",
            '*' if text.ends_with('/') => text += " *",
            '?' if text.ends_with('?') => text += " ?",
            '\t' => text.push(c),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => text.push(' '),
            c if turns(c) => text += &format!("<U+{:04X}>", u32::from(c)),
            c => text.push(c),
        }
    }

    // A backslash at the end of a line joins the next one to it, even if blanks follow.
    if text.trim_end().ends_with('\\') {
        text.push('.');
    }

    text
}

/// Whether a character changes the direction in which others are shown.
fn turns(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_a_comment() {
        let hostile = "*/ int x; /*\nint y;\rint z;".to_string();
        assert_eq!(
            comment(" *", [&hostile]),
            " * * / int x; / * int y; int z;\n"
        );
        let turned = "a\u{202e}b ??/ c\\".to_string();
        assert_eq!(comment("//", [&turned]), "// a<U+202E>b ? ?/ c\\.\n");
    }
}
