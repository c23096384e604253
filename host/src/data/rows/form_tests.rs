//! The forms of CSV that are found out, and what is wrong with a cell.

use super::*;

fn parse(text: &str, how: &Reading) -> Result<Table> {
    Table::parse(text.as_bytes(), how)
}

#[test]
fn the_form_of_a_file_is_found_out() {
    let expected = parse("a,b\n1,2\n3,4\n", &Reading::default()).unwrap();
    assert_eq!(expected.names, ["a", "b"]);

    assert_eq!(
        expected.columns,
        [
            Column::Numbers(vec![1.0, 3.0]),
            Column::Numbers(vec![2.0, 4.0])
        ]
    );

    assert_eq!(expected.lines, [2, 3]);

    for text in [
        "a;b\n1;2\n3;4",
        "\u{feff}a\tb\r\n1\t2\r\n3\t4\r\n",
        "\"a\"|\"b\"\n1|\"2\"\n3|4\n",
    ] {
        assert_eq!(
            parse(text, &Reading::default()).unwrap(),
            expected,
            "{text}"
        );
    }

    let bare = parse("1,2\n3,4\n", &Reading::default()).unwrap();
    assert_eq!(bare.names, ["column1", "column2"]);
    assert_eq!(bare.columns, expected.columns);

    let named = Reading {
        header: Some(true),
        ..Reading::default()
    };

    assert_eq!(parse("7,8\n1,2\n", &named).unwrap().names, ["7", "8"]);
}

#[test]
fn text_columns_and_ignored_ones() {
    let how = Reading {
        text: vec!["kind"],
        ignore: vec!["note"],
        ..Reading::default()
    };

    let mut table = parse("x,kind,note\n1,\"a, b\",\n2,c,what\n", &how).unwrap();
    assert_eq!(
        table.take("kind").unwrap(),
        Column::Text(vec!["a, b".into(), "c".into()])
    );
    assert_eq!(table.names, ["x"]);
    assert!(format!("{:#}", table.take("y").unwrap_err()).contains("there are x"));
}

#[test]
fn what_is_wrong_is_named_by_line_and_column() {
    for (text, expected) in [
        ("", "empty"),
        (" \n\n", "empty"),
        ("a,b\n", "no row"),
        ("a,b\n1,2\n3\n", "line 3 has 1 columns, the first one 2"),
        ("a,b\n1,2\n3,\n", "line 3, column 'b': the value is missing"),
        ("a,b\n1,NaN\n", "line 2, column 'b': the value is missing"),
        (
            "a,b\r\n1,2\n\n3,-inf",
            "line 4, column 'b': '-inf' is not finite",
        ),
        (
            "a,b\n1,2\n3,x7\n",
            "line 3, column 'b': 'x7' is not a number",
        ),
        (
            "a;b\n1;1,234\n",
            "it is 1234 if the comma separates thousands, and 1.234 if it is a decimal one",
        ),
        ("a;b\n1;-1,234\n", "it is -1234 if the comma"),
        ("a;b\n1;1,234.5\n", "write 1234.5, without"),
        ("a;b\n1;1.234,5\n", "write 1234.5, without"),
        ("a;b\n1;1,234,567\n", "write 1234567, without"),
        ("a;b\n1;12 345\n", "write 12345, without"),
        ("a;b\n1;0,123\n", "write 0.123, with a decimal point"),
        ("a;b\n1;12,34\n", "write 12.34, with a decimal point"),
        ("a,a\n1,2\n", "two columns are called 'a'"),
        ("a,\n1,2\n", "column 2 has no name"),
        ("a\0b\n", "no text"),
    ] {
        let error = format!("{:#}", parse(text, &Reading::default()).unwrap_err());
        assert!(error.contains(expected), "{text:?}: {error}");
    }

    let how = Reading {
        text: vec!["y"],
        ..Reading::default()
    };

    assert!(
        format!("{:#}", parse("a,b\n1,2\n", &how).unwrap_err())
            .contains("no column 'y'; there are a, b")
    );

    let latin = Table::parse(
        &b"a,b\n1,\xe9\n"[..],
        &Reading {
            text: vec!["b"],
            ..Reading::default()
        },
    );

    assert!(format!("{:#}", latin.unwrap_err()).contains("line 2 is not UTF-8"));
}
