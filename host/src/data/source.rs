//! Where data come from: a file or standard input, unpacked if it is gzip, of a kind that its first bytes tell.

use anyhow::{Context, Result, bail, ensure};
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{Cursor, Error, ErrorKind, Read};
use std::path::Path;

/// The forms that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text with a row a line.
    Csv,
    /// A NumPy array.
    Npy,
    /// A NumPy archive.
    Npz,
    /// MNIST's form.
    Idx,
    /// The time-series archive's form.
    Ts,
}

/// Bytes of a known kind.
pub struct Source {
    /// What they are.
    pub kind: Kind,
    /// The bytes, unpacked.
    pub bytes: Box<dyn Read + Send>,
    /// How many there are; unknown if they are unpacked on the way, or come from a pipe.
    pub len: Option<u64>,
}

/// What begins every file of a kind that is known and not read.
const NOT_READ: [(&[u8], &str); 9] = [
    (b"\x80\x02", "a Python pickle, which can do anything when it is read"),
    (b"\x80\x03", "a Python pickle, which can do anything when it is read"),
    (b"\x80\x04", "a Python pickle, which can do anything when it is read"),
    (b"\x80\x05", "a Python pickle, which can do anything when it is read"),
    (b"PAR1", "Parquet"),
    (b"\x89HDF", "HDF5"),
    (b"BZh", "compressed by bzip2"),
    (b"\xfd7zXZ", "compressed by xz"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd"),
];
/// The words of the time-series archive's form that may come first.
const TS_WORDS: [&str; 10] = [
    "problemname",
    "timestamps",
    "missing",
    "univariate",
    "dimension",
    "dimensions",
    "equallength",
    "serieslength",
    "classlabel",
    "targetlabel",
];
/// A file whose kind is not known after so many bytes is text.
const MOST: usize = 1 << 16;

impl Source {
    /// Opens a file; standard input if there is no path, or `-`.
    ///
    /// # Errors
    /// If it is not there, is a folder, is empty, or is of a kind that is not read.
    pub fn open(path: Option<&Path>) -> Result<Source> {
        let Some(path) = path.filter(|p| *p != Path::new("-")) else {
            return Source::of(Box::new(std::io::stdin()), None);
        };
        let file = File::open(path).with_context(|| format!("cannot open '{}'", path.display()))?;
        let about = file.metadata().with_context(|| format!("cannot open '{}'", path.display()))?;
        ensure!(!about.is_dir(), "'{}' is a folder; give a file", path.display());
        let source = Source::of(Box::new(file), about.is_file().then_some(about.len()))?;
        source.fits(path)
    }

    /// Of bytes from anywhere; `len` if it is known how many.
    ///
    /// # Errors
    /// As [`Source::open`].
    pub fn of(mut from: Box<dyn Read + Send>, len: Option<u64>) -> Result<Source> {
        let start = decisive(&mut from)?;
        if !start.starts_with(b"\x1f\x8b") {
            let kind = kind_of(&start)?;
            return Ok(Source { kind, bytes: Box::new(Cursor::new(start).chain(from)), len });
        }
        let packed = Cursor::new(start).chain(from);
        let mut from: Box<dyn Read + Send> = Box::new(Unpacked(MultiGzDecoder::new(packed)));
        let start = decisive(&mut from)?;
        ensure!(!start.starts_with(b"\x1f\x8b"), "is gzip within gzip; unpack it once");
        Ok(Source { kind: kind_of(&start)?, bytes: Box::new(Cursor::new(start).chain(from)), len: None })
    }

    /// Reads all of it.
    ///
    /// # Errors
    /// If there is more than `most` bytes, or a byte cannot be read.
    pub fn all(mut self, most: u64) -> Result<Vec<u8>> {
        let mut bytes = vec![];
        let too_large = || format!("unpacks to more than {}", super::memory::in_words(most));
        ensure!(self.len.unwrap_or(0) <= most, too_large());
        (&mut self.bytes).take(most.saturating_add(1)).read_to_end(&mut bytes).context("cannot be read")?;
        ensure!(bytes.len() as u64 <= most, "{}; {} raises the limit", too_large(), super::memory::VARIABLE);
        Ok(bytes)
    }

    /// Whether what is in it is what its name says.
    fn fits(self, path: &Path) -> Result<Source> {
        let name = path.to_string_lossy().to_ascii_lowercase();
        let expected = [(".npy", Kind::Npy), (".npz", Kind::Npz), (".npy.gz", Kind::Npy)];
        for (ending, kind) in expected {
            ensure!(
                !name.ends_with(ending) || self.kind == kind,
                "it is called {ending}, but does not begin as such a file does; it is damaged, or of another kind"
            );
        }
        Ok(self)
    }
}

/// Enough bytes to tell the kind: up to the first line that is not empty and no comment.
fn decisive(from: &mut dyn Read) -> Result<Vec<u8>> {
    let mut start = vec![];
    let mut piece = [0; 4096];
    while start.len() < MOST {
        let got = match from.read(&mut piece) {
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            got => got.context("cannot be read")?,
        };
        start.extend_from_slice(&piece[..got]);
        let text = start.first().is_some_and(|b| b.is_ascii_graphic() || b.is_ascii_whitespace() || *b == 0xef);
        let told = if text { first_line(&start).is_some_and(|(_, whole)| whole) } else { start.len() >= 8 };
        if got == 0 || told {
            break;
        }
    }
    ensure!(!start.is_empty(), "the file is empty");
    Ok(start)
}

/// The first line that is not empty and no comment, and whether it is whole.
fn first_line(start: &[u8]) -> Option<(&[u8], bool)> {
    let lines = start.split_inclusive(|&b| b == b'\n' || b == b'\r');
    let mut lines = lines.map(|line| (line, line.ends_with(b"\n") || line.ends_with(b"\r")));
    lines.find(|(line, _)| !line.trim_ascii().is_empty() && !line.trim_ascii().starts_with(b"#"))
}

fn kind_of(start: &[u8]) -> Result<Kind> {
    if let Some((_, what)) = NOT_READ.iter().find(|(begin, _)| start.starts_with(begin)) {
        bail!("is {what}; it is not read: save the numbers as CSV or with numpy.savez");
    }
    if start.starts_with(b"\x93NUMPY") {
        return Ok(Kind::Npy);
    }
    if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
        return Ok(Kind::Npz);
    }
    if let [0, 0, 8 | 9 | 11..=14, 1..=4, ..] = start {
        return Ok(Kind::Idx);
    }
    let line = first_line(start).map_or(&b""[..], |(line, _)| line.trim_ascii());
    let word = line.strip_prefix(b"@").map(|rest| rest.split(u8::is_ascii_whitespace).next().unwrap_or_default());
    let is_ts = word.is_some_and(|w| TS_WORDS.iter().any(|known| w.eq_ignore_ascii_case(known.as_bytes())));
    Ok(if is_ts { Kind::Ts } else { Kind::Csv })
}

/// Gzip whose errors are sentences.
struct Unpacked<R>(MultiGzDecoder<R>);

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(to).map_err(|e| match e.kind() {
            ErrorKind::UnexpectedEof => {
                Error::new(ErrorKind::InvalidData, "the gzip data end too early: the file was cut off; fetch it again")
            }
            ErrorKind::InvalidInput | ErrorKind::InvalidData => {
                Error::new(ErrorKind::InvalidData, "the gzip data are damaged; fetch the file again")
            }
            _ => e,
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::io::Write;

    pub fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut to = flate2::write::GzEncoder::new(vec![], flate2::Compression::default());
        to.write_all(bytes).unwrap();
        to.finish().unwrap()
    }

    fn of(bytes: &[u8]) -> Result<Source> {
        Source::of(Box::new(Cursor::new(bytes.to_vec())), None)
    }

    #[test]
    fn the_first_bytes_tell_the_kind_packed_or_not() {
        for (bytes, kind) in [
            (&b"a,b\n1,2\n"[..], Kind::Csv),
            (b"# note\n\n@problemName X\n@data\n", Kind::Ts),
            (b"@name,@data\n1,2\n", Kind::Csv),
            (b"\x93NUMPY\x01\x00", Kind::Npy),
            (b"PK\x03\x04", Kind::Npz),
            (b"\0\0\x08\x01\0\0\0\0", Kind::Idx),
            ("\u{feff}ä;b\n".as_bytes(), Kind::Csv),
        ] {
            assert_eq!(of(bytes).unwrap().kind, kind);
            let packed = of(&gzip(bytes)).unwrap();
            assert_eq!(packed.kind, kind);
            assert_eq!(packed.all(1000).unwrap(), bytes);
        }
        let two = [gzip(b"a,b\n1,"), gzip(b"2\n")].concat();
        assert_eq!(of(&two).unwrap().all(1000).unwrap(), b"a,b\n1,2\n");
    }

    #[test]
    fn what_is_cut_off_damaged_or_too_large_is_refused() {
        let error = |r: Result<Vec<u8>>| format!("{:#}", r.unwrap_err());
        let text = "1,2,3\n".repeat(10_000);
        let whole = gzip(text.as_bytes());
        for cut in [3, 12, whole.len() / 2, whole.len() - 3] {
            let read = of(&whole[..cut]).and_then(|s| s.all(1 << 20));
            assert!(error(read).contains("end too early"), "cut at {cut}");
        }
        let mut damaged = whole.clone();
        let at = damaged.len() - 6;
        damaged[at] ^= 1;
        assert!(error(of(&damaged).and_then(|s| s.all(1 << 20))).contains("damaged"));
        assert!(error(of(&whole).and_then(|s| s.all(1000))).contains("unpacks to more than 1000 bytes"));
        assert!(error(of(&gzip(&whole)).and_then(|s| s.all(1000))).contains("gzip within gzip"));
        assert!(error(of(b"").and_then(|s| s.all(1000))).contains("empty"));
        assert!(error(of(b"\x80\x04\x95").and_then(|s| s.all(1000))).contains("Python pickle"));
        assert!(error(of(b"PAR1....").and_then(|s| s.all(1000))).contains("Parquet"));
    }
}
