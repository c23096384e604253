//! NumPy archives (`.npz`): ZIP files with one `.npy` array a member, not compressed.

use anyhow::{Context, Result, bail, ensure};
use std::path::Path;

/// An array of one or two dimensions, in C order.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// One or two lengths.
    pub shape: Vec<usize>,
    /// The elements.
    pub values: Values,
}

/// Elements, widened to 64 bits when read.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// `<f8`, `<f4`
    F64(Vec<f64>),
    /// `<i8`, `<i4`, `|u1`
    I64(Vec<i64>),
}

impl Array {
    /// A matrix of `columns` columns.
    #[must_use]
    pub fn matrix(values: Vec<f64>, columns: usize) -> Array {
        Array { shape: vec![values.len() / columns, columns], values: Values::F64(values) }
    }

    /// A vector.
    #[must_use]
    pub fn vector(values: Vec<f64>) -> Array {
        Array { shape: vec![values.len()], values: Values::F64(values) }
    }

    /// A vector of whole numbers.
    #[must_use]
    pub fn labels(values: Vec<i64>) -> Array {
        Array { shape: vec![values.len()], values: Values::I64(values) }
    }

    /// The first length.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }

    /// The second length; 1 for a vector.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.shape.get(1).copied().unwrap_or(1)
    }

    /// The elements as `f64`.
    #[must_use]
    pub fn to_f64(&self) -> Vec<f64> {
        match &self.values {
            Values::F64(v) => v.clone(),
            Values::I64(v) => v.iter().map(|&i| i as f64).collect(),
        }
    }
}

/// The bytes of an archive.
#[must_use]
pub fn write(arrays: &[(&str, Array)]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, array) in arrays {
        let (name, body) = (format!("{name}.npy"), npy(array));
        let entry = entry(&name, &body);
        directory.extend([&b"PK\x01\x02\x14\x00"[..], &entry, &[0; 10], &(out.len() as u32).to_le_bytes()].concat());
        directory.extend(name.as_bytes());
        out.extend([&b"PK\x03\x04"[..], &entry, name.as_bytes(), &body].concat());
    }
    let (count, start, len) = (arrays.len() as u16, out.len() as u32, directory.len() as u32);
    out.extend(&directory);
    out.extend([&b"PK\x05\x06\0\0\0\0"[..], &count.to_le_bytes(), &count.to_le_bytes()].concat());
    out.extend([&len.to_le_bytes()[..], &start.to_le_bytes(), &[0; 2]].concat());
    out
}

/// The fields that local and central headers share: version 2.0, stored, dated 1980-01-01.
fn entry(name: &str, body: &[u8]) -> Vec<u8> {
    let (crc, len) = (crc32(body), body.len() as u32);
    let fixed = [20, 0, 0, 0, 0, 0, 0, 0, 33, 0];
    let name_len = (name.len() as u16).to_le_bytes();
    [&fixed[..], &crc.to_le_bytes(), &len.to_le_bytes(), &len.to_le_bytes(), &name_len, &[0; 2]].concat()
}

/// The bytes of one `.npy` file, version 1.0.
#[must_use]
pub fn npy(array: &Array) -> Vec<u8> {
    let (descr, bytes): (_, Vec<u8>) = match &array.values {
        Values::F64(v) => ("<f8", v.iter().flat_map(|x| x.to_le_bytes()).collect()),
        Values::I64(v) => ("<i8", v.iter().flat_map(|x| x.to_le_bytes()).collect()),
    };
    let lengths: String = array.shape.iter().map(|n| format!("{n}, ")).collect();
    let lengths = if array.shape.len() == 1 { lengths.trim_end() } else { lengths.trim_end_matches(", ") };
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({lengths}), }}");
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), &bytes].concat()
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for &b in bytes {
        crc ^= u32::from(b);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

/// Reads every array of an archive.
///
/// # Errors
/// If the file cannot be read, is compressed, or is malformed.
pub fn read(path: &Path) -> Result<Vec<(String, Array)>> {
    let bytes =
        std::fs::read(path).context("cannot read the file; give a .npz archive, e.g. from `ldnn data mnist1d`")?;
    parse(&bytes)
}

/// A reader of little-endian fields that never runs past the end.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn at(&self, at: usize, len: usize) -> Result<&'a [u8]> {
        at.checked_add(len).and_then(|end| self.0.get(at..end)).context("the archive ends too early; it is damaged")
    }

    fn number(&self, at: usize, len: usize) -> Result<usize> {
        let wide = self.at(at, len)?.iter().rev().fold(0u64, |n, &b| (n << 8) | u64::from(b));
        usize::try_from(wide).context("a length in the archive is too large; it is damaged")
    }
}

/// The arrays in the bytes of an archive, by its central directory.
///
/// # Errors
/// As [`read`].
pub fn parse(bytes: &[u8]) -> Result<Vec<(String, Array)>> {
    let end = bytes.windows(4).rposition(|w| w == b"PK\x05\x06").context("this is no .npz archive")?;
    let bytes = Bytes(bytes);
    bytes.at(end, 22)?;
    let (count, mut at) = (bytes.number(end + 10, 2)?, bytes.number(end + 16, 4)?);
    let mut arrays = Vec::new();
    for _ in 0..count {
        ensure!(bytes.at(at, 4)? == b"PK\x01\x02", "the archive's directory is damaged");
        let (name_len, extra, comment) =
            (bytes.number(at + 28, 2)?, bytes.number(at + 30, 2)?, bytes.number(at + 32, 2)?);
        let name = String::from_utf8_lossy(bytes.at(at + 46, name_len)?).into_owned();
        let body = member(&bytes, at).with_context(|| format!("member '{name}'"))?;
        let array = parse_npy(body).with_context(|| format!("member '{name}'"))?;
        arrays.push((name.trim_end_matches(".npy").to_string(), array));
        at += 46 + name_len + extra + comment;
    }
    Ok(arrays)
}

/// The body of the member whose directory entry is at `at`.
fn member<'a>(bytes: &Bytes<'a>, at: usize) -> Result<&'a [u8]> {
    let method = bytes.number(at + 10, 2)?;
    ensure!(method == 0, "is compressed; write it with numpy.savez, not numpy.savez_compressed");
    let (crc, len, local) = (bytes.number(at + 16, 4)?, bytes.number(at + 24, 4)?, bytes.number(at + 42, 4)?);
    ensure!(len != 0xffff_ffff && local != 0xffff_ffff, "is larger than 4 GB, which is not supported");
    let start = local + 30 + bytes.number(local + 26, 2)? + bytes.number(local + 28, 2)?;
    let body = bytes.at(start, len)?;
    ensure!(crc32(body) as usize == crc, "has a wrong check sum; the file is damaged");
    Ok(body)
}

/// The array in the bytes of a `.npy` file.
///
/// # Errors
/// If it is malformed, in Fortran order, of more than two dimensions, or of an unknown type.
pub fn parse_npy(body: &[u8]) -> Result<Array> {
    let bytes = Bytes(body);
    ensure!(bytes.at(0, 6)? == b"\x93NUMPY", "is no .npy array");
    let wide = bytes.at(6, 1)? != [1];
    let start = if wide { 12 } else { 10 };
    let len = bytes.number(8, start - 8)?;
    let header = String::from_utf8_lossy(bytes.at(start, len)?).into_owned();
    ensure!(!header.contains("'fortran_order': True"), "is in Fortran order; save numpy.ascontiguousarray of it");
    let shape = shape_of(&header).context("has a malformed header")?;
    ensure!((1..=2).contains(&shape.len()), "has {} dimensions; 1 or 2 are read", shape.len());
    let count = shape.iter().try_fold(1usize, |a, &b| a.checked_mul(b)).context("is too large")?;
    let values = elements(&header, body.get(start + len..).unwrap_or_default(), count)?;
    Ok(Array { shape, values })
}

fn shape_of(header: &str) -> Option<Vec<usize>> {
    let inside = header.split("'shape': (").nth(1)?.split(')').next()?;
    inside.split(',').map(str::trim).filter(|s| !s.is_empty()).map(|s| s.parse().ok()).collect()
}

fn elements(header: &str, data: &[u8], count: usize) -> Result<Values> {
    fn read<const N: usize, T>(data: &[u8], count: usize, f: impl Fn([u8; N]) -> T) -> Result<Vec<T>> {
        let (items, rest) = data.as_chunks::<N>();
        ensure!(items.len() == count && rest.is_empty(), "holds {} bytes, but {count} elements of {N}", data.len());
        Ok(items.iter().map(|b| f(*b)).collect())
    }
    let descr = header.split("'descr': '").nth(1).and_then(|s| s.split('\'').next()).unwrap_or_default();
    match descr {
        "<f8" => Ok(Values::F64(read(data, count, f64::from_le_bytes)?)),
        "<f4" => Ok(Values::F64(read(data, count, |b| f64::from(f32::from_le_bytes(b)))?)),
        "<i8" => Ok(Values::I64(read(data, count, i64::from_le_bytes)?)),
        "<i4" => Ok(Values::I64(read(data, count, |b| i64::from(i32::from_le_bytes(b)))?)),
        "|u1" => Ok(Values::I64(read(data, count, |[b]: [u8; 1]| i64::from(b))?)),
        other => bail!("has elements of type '{other}'; float64, float32, int64, int32 and uint8 are read"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_comes_back_as_it_was_written() {
        let arrays = [("x", Array::matrix(vec![1.5, -2.0, 3.0, 4.0], 2)), ("y", Array::labels(vec![3, 4, 5]))];
        let read = parse(&write(&arrays)).unwrap();
        let names: Vec<_> = read.iter().map(|(n, _)| n.as_str()).collect();
        assert_eq!(names, ["x", "y"]);
        assert!(read.iter().zip(&arrays).all(|(r, w)| r.1 == w.1));
    }

    #[test]
    fn a_damaged_archive_is_refused_wherever_it_is_damaged() {
        let whole = write(&[("x", Array::vector(vec![1.0, 2.0]))]);
        for cut in 0..whole.len() {
            assert!(parse(&whole[..cut]).is_err(), "cut at {cut}");
        }
        let mut flipped = whole.clone();
        flipped[100] ^= 1;
        assert!(format!("{:#}", parse(&flipped).unwrap_err()).contains("member 'x.npy'"));
    }

    #[test]
    fn the_check_sum_is_that_of_zip() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }
}
