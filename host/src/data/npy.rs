//! NumPy arrays (`.npy`).
//!
//! Read are numbers of every width and text, little-endian, in C or in Fortran order. Python
//! objects are pickles, which can do anything when they are read: they never are.
//!
//! The crate npyz (0.9.1) was tried in place of this. It would replace the header and the match
//! over types of numbers, some fifty lines, and leave the rest: text, the budget of memory, the
//! comparison of lengths with what is there, errors that say what to do. For that it brings a
//! general parser of Python literals with some twenty crates, one of which (psm) compiles assembly
//! with a C compiler. It multiplies the lengths of a shape without a check, so that a file whose
//! sizes lie makes it panic where overflow is checked; and it reads none of `(60L, 5L)`, `<u1` as a
//! number, and `=f8`. Its feature `npz` brings C libraries (bzip2, zstd).

use crate::support::memory::MemoryBudget;
use anyhow::{Context, Result, bail, ensure};

/// An array, in C order.
#[derive(Clone, Debug, PartialEq)]
pub struct NpyArray {
    /// One to four lengths.
    pub shape: Vec<usize>,
    /// The elements.
    pub values: NpyValues,
}

/// Elements, widened when read.
#[derive(Clone, Debug, PartialEq)]
pub enum NpyValues {
    /// `<f8`, `<f4`, `<f2`
    F64(Vec<f64>),
    /// `<i8`, `<i4`, `<i2`, `|i1`, `<u8`, `<u4`, `<u2`, `|u1`, `|b1`
    I64(Vec<i64>),
    /// `<U...`, `|S...`
    Text(Vec<String>),
}

/// More dimensions than this are no rows of numbers.
const MOST_DIMENSIONS: usize = 4;
/// NumPy itself reads no longer header without being asked.
const LONGEST_HEADER: usize = 10_000;

impl NpyArray {
    /// A matrix of `columns` columns.
    #[must_use]
    pub fn matrix(values: Vec<f64>, columns: usize) -> NpyArray {
        NpyArray {
            shape: vec![values.len() / columns, columns],
            values: NpyValues::F64(values),
        }
    }

    /// A vector.
    #[must_use]
    pub fn vector(values: Vec<f64>) -> NpyArray {
        NpyArray {
            shape: vec![values.len()],
            values: NpyValues::F64(values),
        }
    }

    /// A vector of whole numbers.
    #[must_use]
    pub fn labels(values: Vec<i64>) -> NpyArray {
        NpyArray {
            shape: vec![values.len()],
            values: NpyValues::I64(values),
        }
    }

    /// The first length.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }

    /// Elements a row: the product of the other lengths, 1 for a vector.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.shape
            .iter()
            .skip(1)
            .fold(1, |n, &len| n.saturating_mul(len))
    }

    /// The elements as `f64`; text is not a number.
    #[must_use]
    pub fn to_f64(&self) -> Vec<f64> {
        match &self.values {
            NpyValues::F64(v) => v.clone(),
            NpyValues::I64(v) => v.iter().map(|&i| i as f64).collect(),
            NpyValues::Text(v) => vec![f64::NAN; v.len()],
        }
    }
}

/// The bytes of one `.npy` file, version 1.0.
#[must_use]
pub fn npy(array: &NpyArray) -> Vec<u8> {
    let (descr, bytes) = elements_of(&array.values);
    let lengths: String = array.shape.iter().map(|n| format!("{n}, ")).collect();
    let lengths = if array.shape.len() == 1 {
        lengths.trim_end()
    } else {
        lengths.trim_end_matches(", ")
    };

    let mut header =
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({lengths}), }}");
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }

    header.push('\n');

    [
        b"\x93NUMPY\x01\x00",
        &(header.len() as u16).to_le_bytes()[..],
        header.as_bytes(),
        &bytes,
    ]
    .concat()
}

fn elements_of(values: &NpyValues) -> (String, Vec<u8>) {
    match values {
        NpyValues::F64(v) => (
            "<f8".into(),
            v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        ),
        NpyValues::I64(v) => (
            "<i8".into(),
            v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        ),
        NpyValues::Text(v) => {
            let longest = v
                .iter()
                .map(|t| t.chars().count())
                .max()
                .unwrap_or(0)
                .max(1);

            let padded = |t: &String| {
                let chars = t
                    .chars()
                    .map(u32::from)
                    .chain(std::iter::repeat(0))
                    .take(longest);
                chars.flat_map(u32::to_le_bytes).collect::<Vec<u8>>()
            };

            (format!("<U{longest}"), v.iter().flat_map(padded).collect())
        }
    }
}

/// The array in the bytes of a `.npy` file.
///
/// # Errors
/// If it is malformed, of more than four dimensions, or of a type that is not read; the message
/// says what to do.
pub fn parse_npy(body: &[u8]) -> Result<NpyArray> {
    parse_npy_within(body, MemoryBudget::find()?)
}

/// The same within a budget of memory.
///
/// # Errors
/// As [`parse_npy`]; if the array is larger than the budget.
pub fn parse_npy_within(body: &[u8], budget: MemoryBudget) -> Result<NpyArray> {
    ensure!(body.starts_with(b"\x93NUMPY"), "is no .npy array");

    let version = *body.get(6).context("ends within its header")?;
    ensure!(
        (1..=3).contains(&version),
        "is of version {version} of the .npy form; 1 to 3 are read"
    );

    let start = if version == 1 { 10 } else { 12 };
    let len = body.get(8..start).context("ends within its header")?;
    let len = len
        .iter()
        .rev()
        .fold(0usize, |n, &b| (n << 8) | usize::from(b));

    ensure!(
        len <= LONGEST_HEADER,
        "has a header of {len} bytes; it is damaged"
    );

    let header = body
        .get(start..start + len)
        .context("ends within its header")?;
    let header = Header::parse(&String::from_utf8_lossy(header))?;
    let data = &body[start + len..];
    let dimensions = header.shape.len();

    ensure!(
        (1..=MOST_DIMENSIONS).contains(&dimensions),
        "has {dimensions} dimensions; 1 to {MOST_DIMENSIONS} are read, the first one the rows"
    );

    let count = header
        .shape
        .iter()
        .try_fold(1usize, |a, &b| a.checked_mul(b))
        .context("is larger than any memory")?;

    budget.allow(count as u64)?;

    let mut values = elements(&header.descr, data, count)?;

    if header.fortran && dimensions > 1 {
        values = match values {
            NpyValues::F64(v) => NpyValues::F64(in_c_order(v, &header.shape)),
            NpyValues::I64(v) => NpyValues::I64(in_c_order(v, &header.shape)),
            NpyValues::Text(v) => NpyValues::Text(in_c_order(v, &header.shape)),
        };
    }

    Ok(NpyArray {
        shape: header.shape,
        values,
    })
}

/// What the header says.
struct Header {
    descr: String,
    fortran: bool,
    shape: Vec<usize>,
}

impl Header {
    /// Of a Python dictionary with exactly three keys.
    fn parse(text: &str) -> Result<Header> {
        let value = |key: &str| {
            let after = text
                .split_once(&format!("'{key}'"))
                .map(|(_, rest)| rest.trim_start());
            let after = after
                .and_then(|rest| rest.strip_prefix(':'))
                .map(str::trim_start);

            after.with_context(|| format!("has no '{key}' in its header; it is damaged"))
        };

        let descr = value("descr")?;
        ensure!(
            !descr.starts_with('['),
            "has named fields (a structured array); save its numbers as a plain matrix, a column each"
        );

        let descr = descr
            .strip_prefix('\'')
            .and_then(|rest| rest.split_once('\''))
            .map(|(inside, _)| inside.to_string());
        let order = value("fortran_order")?;
        let fortran = order.starts_with("True");

        ensure!(
            fortran || order.starts_with("False"),
            "has a malformed 'fortran_order' in its header; it is damaged"
        );

        let inside = value("shape")?
            .strip_prefix('(')
            .and_then(|rest| rest.split_once(')'))
            .map(|(inside, _)| inside);
        let lengths = inside.context("has a malformed shape in its header; it is damaged")?;

        // Python 2 wrote long integers as 60L.
        let digits = |length: &'_ str| length.strip_suffix('L').unwrap_or(length).parse();

        let lengths = lengths
            .split(',')
            .map(str::trim)
            .filter(|s| !s.is_empty())
            .map(digits);

        Ok(Header {
            descr: plain_type(&descr.context("has a malformed type in its header; it is damaged")?),
            fortran,
            shape: lengths
                .collect::<Result<_, _>>()
                .context("has a malformed shape in its header; it is damaged")?,
        })
    }
}

/// A type as NumPy itself writes it. Other writers give single bytes an order of bytes, which means
/// nothing there, or say `=` or nothing for the order of their machine, which is taken for
/// little-endian.
fn plain_type(descr: &str) -> String {
    let (order, kind) = match descr.chars().next() {
        Some(c @ ('<' | '>' | '=' | '|')) => (c, &descr[1..]),
        _ => ('=', descr),
    };
    let is_bytes = matches!(kind, "i1" | "u1" | "b1") || kind.starts_with('S');

    match order {
        _ if is_bytes => format!("|{kind}"),
        '=' if kind.len() > 1 => format!("<{kind}"),
        _ => descr.into(),
    }
}

fn elements(descr: &str, data: &[u8], count: usize) -> Result<NpyValues> {
    fn read<const N: usize, T>(
        data: &[u8],
        count: usize,
        f: impl Fn([u8; N]) -> T,
    ) -> Result<Vec<T>> {
        let (items, _) = data.as_chunks::<N>();
        check_len(data.len(), count, N)?;
        Ok(items.iter().map(|b| f(*b)).collect())
    }

    let whole = |v: Vec<i64>| Ok(NpyValues::I64(v));

    match descr {
        "<f8" => Ok(NpyValues::F64(read(data, count, f64::from_le_bytes)?)),
        "<f4" => Ok(NpyValues::F64(read(data, count, |b| {
            f64::from(f32::from_le_bytes(b))
        })?)),
        "<f2" => Ok(NpyValues::F64(read(data, count, |b| {
            half(u16::from_le_bytes(b))
        })?)),
        "<i8" => whole(read(data, count, i64::from_le_bytes)?),
        "<i4" => whole(read(data, count, |b| i64::from(i32::from_le_bytes(b)))?),
        "<i2" => whole(read(data, count, |b| i64::from(i16::from_le_bytes(b)))?),
        "|i1" => whole(read(data, count, |b| i64::from(i8::from_le_bytes(b)))?),
        "<u8" => {
            let wide = read(data, count, u64::from_le_bytes)?
                .into_iter()
                .map(i64::try_from);

            whole(
                wide.collect::<Result<_, _>>()
                    .context("holds a number beyond 2^63; save it as float64")?,
            )
        }
        "<u4" => whole(read(data, count, |b| i64::from(u32::from_le_bytes(b)))?),
        "<u2" => whole(read(data, count, |b| i64::from(u16::from_le_bytes(b)))?),
        "|u1" | "|b1" => whole(read(data, count, |[b]: [u8; 1]| i64::from(b))?),
        other => text(other, data, count),
    }
}

fn check_len(bytes: usize, count: usize, size: usize) -> Result<()> {
    let needed = count
        .checked_mul(size)
        .context("is larger than any memory")?;

    ensure!(
        bytes == needed,
        "holds {bytes} bytes, but its shape needs {needed} ({count} elements of {size}); {}",
        if bytes < needed {
            "it was cut off"
        } else {
            "it is damaged"
        }
    );

    Ok(())
}

/// Text of a fixed width, or a refusal.
fn text(descr: &str, data: &[u8], count: usize) -> Result<NpyValues> {
    let width = |of: &str| {
        descr
            .strip_prefix(of)
            .and_then(|n| n.parse::<usize>().ok())
            .filter(|&n| n > 0)
    };

    if let Some(n) = width("<U") {
        let size = n.checked_mul(4).context("is larger than any memory")?;
        check_len(data.len(), count, size)?;

        let cell = |cell: &[u8]| -> Option<String> {
            let points = cell
                .as_chunks::<4>()
                .0
                .iter()
                .map(|b| u32::from_le_bytes(*b));
            points.take_while(|&c| c != 0).map(char::from_u32).collect()
        };

        let cells = data
            .chunks_exact(size)
            .map(cell)
            .collect::<Option<Vec<String>>>();

        return Ok(NpyValues::Text(
            cells.context("holds text that is no Unicode; it is damaged")?,
        ));
    }

    if let Some(n) = width("|S") {
        check_len(data.len(), count, n)?;

        let cell = |cell: &[u8]| {
            String::from_utf8(cell.split(|&b| b == 0).next().unwrap_or_default().to_vec())
        };
        let cells = data
            .chunks_exact(n)
            .map(cell)
            .collect::<Result<Vec<String>, _>>();

        return Ok(NpyValues::Text(cells.context(
            "holds text that is not UTF-8; save it with dtype=str",
        )?));
    }

    match descr {
        "|O" => bail!(
            "holds Python objects ('|O', a pickle), which are never read; save numbers: a.astype('float64'), or text: a.astype(str)"
        ),
        _ if descr.starts_with('>') => {
            bail!(
                "is big-endian ('{descr}'); save a.astype('<{}')",
                descr.trim_start_matches('>')
            )
        }
        _ => bail!(
            "has elements of type '{descr}'; numbers, booleans and text are read: save a.astype('float64')"
        ),
    }
}

/// Of IEEE half precision.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    sign * match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + fraction) * 2f64.powi(exponent - 25),
    }
}

/// Elements whose first index runs fastest, with the last index running fastest.
fn in_c_order<T: Clone>(from: Vec<T>, shape: &[usize]) -> Vec<T> {
    let mut index = vec![0; shape.len()];
    let place = |index: &[usize]| {
        index
            .iter()
            .zip(shape)
            .rev()
            .fold(0, |at, (&i, &n)| at * n + i)
    };

    let mut to = Vec::with_capacity(from.len());

    for _ in 0..from.len() {
        to.push(from[place(&index)].clone());

        for (i, &n) in index.iter_mut().zip(shape).rev() {
            *i += 1;
            if *i < n {
                break;
            }
            *i = 0;
        }
    }

    to
}

#[cfg(test)]
mod tests;
