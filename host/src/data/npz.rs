//! NumPy archives (`.npz`): ZIP files with one `.npy` array a member, stored (`numpy.savez`) or
//! deflated (`numpy.savez_compressed`).

pub use super::npy::{NpyArray, NpyValues, npy, parse_npy, parse_npy_within};
use crate::support::memory::{MemoryBudget, in_words};
use crate::support::regular::{self, Most};
use anyhow::{Context, Result, bail, ensure};
use std::borrow::Cow;
use std::io::Read;
use std::path::Path;

/// The bytes of an archive.
#[must_use]
pub fn write(arrays: &[(&str, NpyArray)]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());

    for (name, array) in arrays {
        let (name, body) = (format!("{name}.npy"), npy(array));
        let entry = entry(&name, &body);

        directory.extend(
            [
                &b"PK\x01\x02\x14\x00"[..],
                &entry,
                &[0; 10],
                &(out.len() as u32).to_le_bytes(),
            ]
            .concat(),
        );

        directory.extend(name.as_bytes());
        out.extend([&b"PK\x03\x04"[..], &entry, name.as_bytes(), &body].concat());
    }

    let (count, start, len) = (
        arrays.len() as u16,
        out.len() as u32,
        directory.len() as u32,
    );

    out.extend(&directory);

    out.extend(
        [
            &b"PK\x05\x06\0\0\0\0"[..],
            &count.to_le_bytes(),
            &count.to_le_bytes(),
        ]
        .concat(),
    );

    out.extend([&len.to_le_bytes()[..], &start.to_le_bytes(), &[0; 2]].concat());
    out
}

/// The fields that local and central headers share: version 2.0, stored, dated 1980-01-01.
fn entry(name: &str, body: &[u8]) -> Vec<u8> {
    let (crc, len) = (crc32(body), body.len() as u32);
    let fixed = [20, 0, 0, 0, 0, 0, 0, 0, 33, 0];
    let name_len = (name.len() as u16).to_le_bytes();

    [
        &fixed[..],
        &crc.to_le_bytes(),
        &len.to_le_bytes(),
        &len.to_le_bytes(),
        &name_len,
        &[0; 2],
    ]
    .concat()
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Reads every array of an archive.
///
/// # Errors
/// If the file cannot be read or is malformed.
pub fn read(path: &Path) -> Result<Vec<(String, NpyArray)>> {
    let bytes = regular::read(path, Most::Memory)
        .context("cannot read the file; give a .npz archive, e.g. from `ldnn data mnist1d`")?;
    parse(&bytes)
}

/// A reader of little-endian fields that never runs past the end.
struct LittleEndian<'a>(&'a [u8]);

impl<'a> LittleEndian<'a> {
    fn at(&self, at: usize, len: usize) -> Result<&'a [u8]> {
        at.checked_add(len)
            .and_then(|end| self.0.get(at..end))
            .context("the archive ends too early; it is damaged")
    }

    fn number(&self, at: usize, len: usize) -> Result<usize> {
        let wide = self
            .at(at, len)?
            .iter()
            .rev()
            .fold(0u64, |n, &b| (n << 8) | u64::from(b));
        usize::try_from(wide).context("a length in the archive is too large; it is damaged")
    }
}

/// The arrays in the bytes of an archive, by its central directory.
///
/// # Errors
/// As [`read`].
pub fn parse(bytes: &[u8]) -> Result<Vec<(String, NpyArray)>> {
    parse_within(bytes, MemoryBudget::find()?)
}

/// The same within a budget of memory.
///
/// # Errors
/// As [`read`]; if the arrays are larger than the budget.
pub fn parse_within(bytes: &[u8], budget: MemoryBudget) -> Result<Vec<(String, NpyArray)>> {
    let end = bytes
        .windows(4)
        .rposition(|w| w == b"PK\x05\x06")
        .context("this is no .npz archive")?;
    let bytes = LittleEndian(bytes);

    bytes.at(end, 22)?;

    let (count, mut at) = (bytes.number(end + 10, 2)?, bytes.number(end + 16, 4)?);
    let mut arrays = Vec::new();
    let mut total = 0;

    for _ in 0..count {
        ensure!(
            bytes.at(at, 4)? == b"PK\x01\x02",
            "the archive's directory is damaged"
        );

        let (name_len, extra, comment) = (
            bytes.number(at + 28, 2)?,
            bytes.number(at + 30, 2)?,
            bytes.number(at + 32, 2)?,
        );

        let name = String::from_utf8_lossy(bytes.at(at + 46, name_len)?).into_owned();
        ensure!(
            name.ends_with(".npy"),
            "the archive has a member '{name}', which is no array; this is no .npz archive (save a spreadsheet as CSV)"
        );

        total += bytes.number(at + 24, 4)? as u64;

        ensure!(
            total <= budget.bytes(),
            "the arrays take more than the {} that may be used",
            in_words(budget.bytes())
        );

        let body = member(&bytes, at).with_context(|| format!("member '{name}'"))?;
        let array = parse_npy_within(&body, budget).with_context(|| format!("member '{name}'"))?;
        arrays.push((name.trim_end_matches(".npy").to_string(), array));
        at += 46 + name_len + extra + comment;
    }

    Ok(arrays)
}

/// The body of the member whose directory entry is at `at`.
fn member<'a>(bytes: &LittleEndian<'a>, at: usize) -> Result<Cow<'a, [u8]>> {
    let (flags, method) = (bytes.number(at + 8, 2)?, bytes.number(at + 10, 2)?);
    ensure!(flags & 1 == 0, "is encrypted; write it with numpy.savez");

    let (crc, packed, len) = (
        bytes.number(at + 16, 4)?,
        bytes.number(at + 20, 4)?,
        bytes.number(at + 24, 4)?,
    );

    let local = bytes.number(at + 42, 4)?;
    ensure!(
        len != 0xffff_ffff && local != 0xffff_ffff,
        "is larger than 4 GB, which is not supported"
    );

    let start = local + 30 + bytes.number(local + 26, 2)? + bytes.number(local + 28, 2)?;
    let packed = bytes.at(start, packed)?;

    let body = match method {
        0 => Cow::Borrowed(packed),
        8 => Cow::Owned(inflate(packed, len)?),
        other => bail!(
            "is compressed by method {other}; write it with numpy.savez or numpy.savez_compressed"
        ),
    };

    ensure!(
        body.len() == len && crc32(&body) as usize == crc,
        "has a wrong check sum; the file is damaged"
    );

    Ok(body)
}

/// No byte of DEFLATE stands for more bytes than this.
const LARGEST_RATIO: usize = 1032;

/// Exactly `len` bytes, of which the memory is taken as they come.
fn inflate(packed: &[u8], len: usize) -> Result<Vec<u8>> {
    ensure!(
        len <= packed.len().saturating_mul(LARGEST_RATIO),
        "would unpack {} bytes to {len}, which cannot be; the file is damaged",
        packed.len()
    );

    let mut body = vec![];
    let read = flate2::read::DeflateDecoder::new(packed)
        .take(len as u64 + 1)
        .read_to_end(&mut body);

    read.context("has compressed bytes that are damaged")?;
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_comes_back_as_it_was_written() {
        let arrays = [
            ("x", NpyArray::matrix(vec![1.5, -2.0, 3.0, 4.0], 2)),
            ("y", NpyArray::labels(vec![3, 4, 5])),
        ];
        let read = parse(&write(&arrays)).unwrap();
        let names: Vec<_> = read.iter().map(|(n, _)| n.as_str()).collect();
        assert_eq!(names, ["x", "y"]);
        assert!(read.iter().zip(&arrays).all(|(r, w)| r.1 == w.1));
    }

    #[test]
    fn a_damaged_archive_is_refused_wherever_it_is_damaged() {
        let whole = write(&[("x", NpyArray::vector(vec![1.0, 2.0]))]);
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
