//! Numbers as text in code, the same in C and Rust.

use std::fmt::Display;
use std::fmt::Write;

/// The width of generated lines.
const WIDTH: usize = 110;

/// The shortest decimal that both languages read back as the same `f32`.
pub fn float(x: f32) -> String {
    format!("{x:?}")
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
    // Whatever a path or a name holds, it cannot end a comment.
    let plain = |line: &str| line.replace("*/", "* /").replace(['\n', '\r'], " ");
    lines.into_iter().map(|line| format!("{mark} {}\n", plain(line))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_a_comment() {
        let hostile = "*/ int x; /*\nint y;\rint z;".to_string();
        assert_eq!(comment(" *", [&hostile]), " * * / int x; /* int y; int z;\n");
    }
}
