//! Untrusted names where a program would take them for more than text: in spreadsheets and on
//! terminals.

use std::borrow::Cow;

/// A cell of a CSV file that no spreadsheet takes for a formula: with an apostrophe before it if it
/// begins like one and is neither a number nor made of numbers (`-0.5 ± 0.1`).
#[must_use]
pub fn safe_cell(text: &str) -> Cow<'_, str> {
    let numeric = |c: char| c.is_ascii_digit() || "+-±.,eE% ()".contains(c);
    let number =
        text.starts_with(['+', '-']) && (text.chars().all(numeric) || text.parse::<f64>().is_ok());

    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) && !number {
        format!("'{text}").into()
    } else {
        text.into()
    }
}

/// Lines of a CSV file, the head first; every cell by [`safe_cell`], quoted where it must be.
#[must_use]
pub fn csv_lines<'a>(records: impl IntoIterator<Item = &'a [String]>) -> String {
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(vec![]);
    for record in records {
        // Writing to memory does not fail, and what is written is the text of the cells.
        let _ = writer.write_record(record.iter().map(|cell| safe_cell(cell).into_owned()));
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

/// A number of things: `1 input`, `2 inputs`.
#[must_use]
pub fn counted(count: usize, thing: &str) -> String {
    match count {
        1 => format!("1 {thing}"),
        _ => format!("{count} {thing}s"),
    }
}

/// Text for a terminal: control characters other than new lines and tabs, with which a name could
/// move the cursor, change colours or answer for the user, become `\u{FFFD}`; so do the marks that
/// turn the direction of text, with which a name could look like another.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    let turns = |c: char| matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let bad = |c: char| c.is_control() && c != '\n' && c != '\t' || turns(c);
    if text.contains(bad) {
        text.replace(bad, "\u{FFFD}").into()
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_numbers_stay_numbers() {
        for text in [
            "walk",
            "-1.5",
            "+2",
            "-1e-3 ± 0.2",
            "-0.5 (+1.2)",
            "-inf",
            "",
            "a=b",
        ] {
            assert_eq!(safe_cell(text), text);
        }

        for text in [
            "=1+1",
            "@sum",
            "+cmd|' /C calc'!A0",
            "-2+3+cmd|x",
            "\tx",
            "\r=1",
            "-x",
        ] {
            assert_eq!(safe_cell(text), format!("'{text}"));
        }
    }

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let records = [
            vec!["name".into(), "x".into()],
            vec!["a,\"b\"".into(), "=1".into(), "2".into()],
        ];
        assert_eq!(
            csv_lines(records.iter().map(Vec::as_slice)),
            "name,x\n\"a,\"\"b\"\"\",'=1,2\n"
        );
    }

    #[test]
    fn names_cannot_steer_a_terminal() {
        assert_eq!(printable("a\tb\nc µ"), "a\tb\nc µ");
        assert_eq!(
            printable("\x1b[31mred\u{9b}0m\x07\r"),
            "\u{FFFD}[31mred\u{FFFD}0m\u{FFFD}\u{FFFD}"
        );
        assert_eq!(
            printable("a\u{202e}vsc.b\u{2069}"),
            "a\u{FFFD}vsc.b\u{FFFD}"
        );
    }
}
