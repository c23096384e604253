use super::*;
use crate::data::table::ROW_LIMIT;

/// Gives out a few bytes at a time.
struct Slow<'a>(&'a [u8], usize);

impl Read for Slow<'_> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        let n = self.1.min(self.0.len()).min(to.len());
        let (now, later) = self.0.split_at(n);
        to[..n].copy_from_slice(now);
        self.0 = later;
        Ok(n)
    }
}

fn all(text: &str, step: usize, most: usize) -> Result<Vec<Table>> {
    let mut rows = CsvReader::open(Slow(text.as_bytes(), step), &Reading::default())?;
    let mut tables = vec![];

    while let Some(table) = rows.next_rows(most)? {
        tables.push(table);
    }
    Ok(tables)
}

#[test]
fn blocks_are_the_whole_however_the_bytes_come() {
    let row = |i: usize| {
        format!(
            "{i};\"{}\"{}",
            2 * i,
            if i.is_multiple_of(3) {
                "\r\n\r\n"
            } else {
                "\n  \n"
            }
        )
    };

    let text = "\u{feff}a;b\r".to_string() + &(0..100).map(row).collect::<String>();
    let whole = all(&text, 1 << 20, usize::MAX).unwrap().remove(0);

    assert_eq!((whole.rows(), &whole.lines[..3]), (100, &[2, 4, 6][..]));

    for (step, most) in [(1, 7), (3, 1), (4096, 30)] {
        let tables = all(&text, step, most).unwrap();
        assert_eq!(tables.len(), 100usize.div_ceil(most));
        let lines: Vec<u64> = tables.iter().flat_map(|t| t.lines.clone()).collect();
        assert_eq!(lines, whole.lines);
        assert!(tables.iter().all(|t| t.names == whole.names));
    }
}

#[test]
fn a_quotation_mark_that_is_not_closed_is_found() {
    let text = format!("a,b\n1,\"2\n{}", "3,4\n".repeat(100));
    let error = format!("{:#}", all(&text, 1 << 20, 10).unwrap_err());

    assert!(
        error.contains("line 2, column 'b': '2 3,4 3,4 3,4 3,4 3,4 3,4 3,4 3,4 3,4 3,...'"),
        "{error}"
    );
    assert!(error.contains("is a quotation mark not closed?"), "{error}");

    let endless = format!("a,b\n1,\"{}", "x".repeat(ROW_LIMIT as usize + (1 << 20)));
    assert!(
        format!("{:#}", all(&endless, 1 << 20, 10).unwrap_err()).contains("a row is longer than")
    );
}
