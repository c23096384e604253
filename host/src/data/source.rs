//! Where data come from: a file or standard input, unpacked if it is gzip, of a kind that its first
//! bytes tell.

use super::gzip::{MEMBER, Unpacked};
use crate::support::regular::other_kind;
use anyhow::{Context, Result, anyhow, ensure};
use std::fs::{File, Metadata};
use std::io::{Cursor, ErrorKind, IsTerminal, Read};
use std::path::Path;

/// The forms that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// Text with one row per line.
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
pub struct InputFile {
    /// What they are.
    pub format: FileFormat,
    /// The bytes, unpacked.
    pub bytes: Box<dyn Read + Send>,
    /// How many there are; unknown if they are unpacked on the way, or come from a pipe.
    pub len: Option<u64>,
}

/// A kind of file that is known and not read.
struct NotRead {
    what: &'static str,
    /// Python that writes the numbers in a form that is read; `FILE` stands for the file's name,
    /// `NEW` for it without its ending. Nothing for what holds no table.
    convert: Option<&'static str>,
}

const PICKLE: NotRead = NotRead {
    what: "a Python pickle, which can do anything when it is read",
    convert: Some(
        "import pandas; pandas.DataFrame(pandas.read_pickle('FILE')).to_csv('NEW.csv', index=False)",
    ),
};
const MATLAB: NotRead = NotRead {
    what: "a MATLAB file",
    convert: Some(
        "import numpy, scipy.io as s; numpy.savez('NEW.npz', **{k: v for k, v in s.loadmat('FILE').items() if k[0] != '_'})",
    ),
};
const HDF5: NotRead = NotRead {
    what: "HDF5",
    convert: Some(
        "import h5py, numpy; numpy.savez('NEW.npz', **{k: v[()] for k, v in h5py.File('FILE').items()})",
    ),
};
const EXCEL: NotRead = NotRead {
    what: "an Excel workbook",
    convert: Some("import pandas; pandas.read_excel('FILE').to_csv('NEW.csv', index=False)"),
};
const PARQUET: NotRead = NotRead {
    what: "Parquet",
    convert: Some("import pandas; pandas.read_parquet('FILE').to_csv('NEW.csv', index=False)"),
};
const FEATHER: NotRead = NotRead {
    what: "Feather (Apache Arrow)",
    convert: Some("import pandas; pandas.read_feather('FILE').to_csv('NEW.csv', index=False)"),
};
const JSON: NotRead = NotRead {
    what: "JSON",
    convert: Some("import pandas; pandas.read_json('FILE').to_csv('NEW.csv', index=False)"),
};
const ARFF: NotRead = NotRead {
    what: "ARFF (Weka's form)",
    convert: Some(
        "import pandas, scipy.io.arff as a; pandas.DataFrame(a.loadarff('FILE')[0]).to_csv('NEW.csv', index=False)",
    ),
};
const PICTURE: NotRead = NotRead {
    what: "a picture",
    convert: Some(
        "import numpy, PIL.Image as i; numpy.save('NEW.npy', numpy.asarray(i.open('FILE')).reshape(1, -1))",
    ),
};
const UTF16: NotRead = NotRead {
    what: "text in UTF-16",
    convert: Some(
        "open('NEW.utf8.csv', 'w', encoding='utf-8').write(open('FILE', encoding='utf-16').read())",
    ),
};
const UTF32: NotRead = NotRead {
    what: "text in UTF-32",
    convert: Some(
        "open('NEW.utf8.csv', 'w', encoding='utf-8').write(open('FILE', encoding='utf-32').read())",
    ),
};
const TORCH: NotRead = NotRead {
    what: "weights of PyTorch (a pickle in a ZIP archive); it holds no table",
    convert: None,
};
const ZIP: NotRead = NotRead {
    what: "a ZIP archive; unpack it, and give a file in it",
    convert: None,
};
const PACKED: NotRead = NotRead {
    what: "an archive; unpack it, and give a file in it",
    convert: None,
};
const PAGE: NotRead = NotRead {
    what: "a web page, perhaps in place of the file that was to be fetched",
    convert: None,
};
const PDF: NotRead = NotRead {
    what: "a PDF document, which holds no table that can be read",
    convert: None,
};

/// What begins every file of a kind that is known and not read.
const NOT_READ: [(&[u8], NotRead); 37] = [
    (b"\x80\x02", PICKLE),
    (b"\x80\x03", PICKLE),
    (b"\x80\x04", PICKLE),
    (b"\x80\x05", PICKLE),
    (b"MATLAB 7.3 MAT-file", HDF5),
    (b"MATLAB 5.0 MAT-file", MATLAB),
    (b"\x89HDF", HDF5),
    (b"PAR1", PARQUET),
    (b"ARROW1", FEATHER),
    (b"FEA1", FEATHER),
    (b"\xd0\xcf\x11\xe0", EXCEL),
    (b"\x89PNG", PICTURE),
    (b"\xff\xd8\xff", PICTURE),
    (b"GIF8", PICTURE),
    (b"II*\0", PICTURE),
    (b"MM\0*", PICTURE),
    (b"%PDF", PDF),
    (b"\xff\xfe\0\0", UTF32),
    (b"\0\0\xfe\xff", UTF32),
    (b"\xff\xfe", UTF16),
    (b"\xfe\xff", UTF16),
    (b"<!DOCTYPE", PAGE),
    (b"<!doctype", PAGE),
    (b"<html", PAGE),
    (b"<HTML", PAGE),
    (b"{\"", JSON),
    (b"{\n", JSON),
    (b"[{", JSON),
    (b"[[", JSON),
    (b"@relation", ARFF),
    (b"@RELATION", ARFF),
    (b"7z\xbc\xaf", PACKED),
    (b"Rar!", PACKED),
    (
        b"SQLite format 3\0",
        NotRead {
            what: "an SQLite database; write the table that you need as CSV",
            convert: None,
        },
    ),
    (
        b"BZh",
        NotRead {
            what: "compressed by bzip2; unpack it with `bunzip2`",
            convert: None,
        },
    ),
    (
        b"\xfd7zXZ",
        NotRead {
            what: "compressed by xz; unpack it with `unxz`",
            convert: None,
        },
    ),
    (
        b"\x28\xb5\x2f\xfd",
        NotRead {
            what: "compressed by zstd; unpack it with `unzstd`",
            convert: None,
        },
    ),
];

/// The first member of a ZIP archive tells what it is.
const ZIP_MEMBERS: [(&str, NotRead); 5] = [
    ("[Content_Types].xml", EXCEL),
    ("_rels/", EXCEL),
    ("docProps/", EXCEL),
    ("xl/", EXCEL),
    ("archive/data.pkl", TORCH),
];

/// Where the name of the first member of a ZIP archive begins, and where its length stands.
const ZIP_NAME: (usize, usize) = (30, 26);

/// A word at this place makes a tar archive.
const TAR: (usize, &[u8]) = (257, b"ustar");

impl NotRead {
    /// In words; `path` is where the file is, if it is one.
    fn refuse(&self, path: Option<&Path>) -> anyhow::Error {
        let Some(convert) = self.convert else {
            return anyhow!("it is {}", self.what);
        };

        // A name that would end the text around it stays out of the command.
        let is_plain =
            |name: &&str| !name.contains(|c: char| c.is_control() || "'\"\\$`!".contains(c));
        let name = path
            .and_then(Path::to_str)
            .filter(is_plain)
            .unwrap_or("FILE");
        let new = Path::new(name).with_extension("");
        let line = convert
            .replace("NEW", &new.to_string_lossy())
            .replace("FILE", name);

        anyhow!(
            "it is {}, which is not read; this writes a file that is:\n  python3 -c \"{line}\"",
            self.what
        )
    }
}

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

impl InputFile {
    /// Opens a file; standard input if there is no path, or `-`.
    ///
    /// # Errors
    /// If it is not there, is a folder, is empty, or is of a kind that is not read.
    pub fn open(path: Option<&Path>) -> Result<InputFile> {
        let Some(path) = path.filter(|p| *p != Path::new("-")) else {
            return InputFile::of(Box::new(std::io::stdin()), None).context("in standard input");
        };
        let (file, about) =
            opened(path).with_context(|| format!("cannot open '{}'", path.display()))?;

        ensure!(
            !about.is_dir(),
            "'{}' is a folder; give a file",
            path.display()
        );

        // A pipe is given on purpose, as in `<(zcat t.csv.gz)`, and so is a terminal. Other devices
        // have no end.
        let kind = other_kind(about.file_type()).unwrap_or("a named pipe");
        ensure!(
            kind == "a named pipe" || file.is_terminal(),
            "'{}' is {kind}, not a file; give a file or a pipe",
            path.display()
        );

        let source = InputFile::named(
            Box::new(file),
            about.is_file().then_some(about.len()),
            Some(path),
        );

        source
            .and_then(|source| source.fits(path))
            .with_context(|| format!("in '{}'", path.display()))
    }

    /// Of bytes from anywhere; `len` if it is known how many.
    ///
    /// # Errors
    /// As [`InputFile::open`].
    pub fn of(from: Box<dyn Read + Send>, len: Option<u64>) -> Result<InputFile> {
        InputFile::named(from, len, None)
    }

    fn named(
        mut from: Box<dyn Read + Send>,
        len: Option<u64>,
        path: Option<&Path>,
    ) -> Result<InputFile> {
        let start = decisive(&mut from)?;
        if !start.starts_with(&MEMBER) {
            let format = format_of(&start, path)?;
            return Ok(InputFile {
                format,
                bytes: Box::new(Cursor::new(start).chain(from)),
                len,
            });
        }

        let packed = Cursor::new(start).chain(from);
        let mut from: Box<dyn Read + Send> = Box::new(Unpacked::new(packed));
        let start = decisive(&mut from)?;

        ensure!(
            !start.starts_with(&MEMBER),
            "is gzip within gzip; unpack it once"
        );

        Ok(InputFile {
            format: format_of(&start, path)?,
            bytes: Box::new(Cursor::new(start).chain(from)),
            len: None,
        })
    }

    /// Reads all of it.
    ///
    /// # Errors
    /// If there is more than `most` bytes, or a byte cannot be read.
    pub fn all(mut self, most: u64) -> Result<Vec<u8>> {
        let mut bytes = vec![];

        let too_large = || {
            format!(
                "unpacks to more than {}",
                crate::support::memory::in_words(most)
            )
        };

        ensure!(self.len.unwrap_or(0) <= most, too_large());

        (&mut self.bytes)
            .take(most.saturating_add(1))
            .read_to_end(&mut bytes)
            .context("cannot be read")?;

        ensure!(
            bytes.len() as u64 <= most,
            "{}; {} raises the limit",
            too_large(),
            crate::support::memory::VARIABLE
        );

        Ok(bytes)
    }

    /// Whether what is in it is what its name says.
    fn fits(self, path: &Path) -> Result<InputFile> {
        let name = path.to_string_lossy().to_ascii_lowercase();

        let expected = [
            (".npy", FileFormat::Npy),
            (".npz", FileFormat::Npz),
            (".npy.gz", FileFormat::Npy),
        ];

        for (ending, format) in expected {
            ensure!(
                !name.ends_with(ending) || self.format == format,
                "it is called {ending}, but does not begin as such a file does; it is damaged, or of another kind"
            );
        }

        Ok(self)
    }
}

/// A file, and what it is.
fn opened(path: &Path) -> std::io::Result<(File, Metadata)> {
    let file = File::open(path)?;
    let about = file.metadata()?;
    Ok((file, about))
}

/// Enough bytes to tell the kind: up to the first line that is not empty and no comment.
fn decisive(from: &mut dyn Read) -> Result<Vec<u8>> {
    let mut start = vec![];
    let mut chunk = [0; 4096];

    while start.len() < MOST {
        let got = match from.read(&mut chunk) {
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            got => got.context("cannot be read")?,
        };

        start.extend_from_slice(&chunk[..got]);

        let text = start
            .first()
            .is_some_and(|b| b.is_ascii_graphic() || b.is_ascii_whitespace() || *b == 0xef);
        let told = if text {
            first_line(&start).is_some_and(|(_, whole)| whole)
        } else {
            start.len() >= TAR.0 + TAR.1.len()
        };

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

fn format_of(start: &[u8], path: Option<&Path>) -> Result<FileFormat> {
    if let Some(other) = not_read(start) {
        return Err(other.refuse(path));
    }

    if start.starts_with(b"\x93NUMPY") {
        return Ok(FileFormat::Npy);
    }

    if is_zip(start) {
        return Ok(FileFormat::Npz);
    }

    if let [0, 0, 8 | 9 | 11..=14, 1..=4, ..] = start {
        return Ok(FileFormat::Idx);
    }

    let line = first_line(start).map_or(&b""[..], |(line, _)| line.trim_ascii());
    let word = line.strip_prefix(b"@").map(|rest| {
        rest.split(u8::is_ascii_whitespace)
            .next()
            .unwrap_or_default()
    });

    let is_ts = word.is_some_and(|w| {
        TS_WORDS
            .iter()
            .any(|known| w.eq_ignore_ascii_case(known.as_bytes()))
    });

    Ok(if is_ts {
        FileFormat::Ts
    } else {
        FileFormat::Csv
    })
}

fn is_zip(start: &[u8]) -> bool {
    start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06")
}

/// What a file is, if it is known and not read.
fn not_read(start: &[u8]) -> Option<&'static NotRead> {
    if let Some((_, what)) = NOT_READ.iter().find(|(begin, _)| start.starts_with(begin)) {
        return Some(what);
    }

    if start
        .get(TAR.0..)
        .is_some_and(|rest| rest.starts_with(TAR.1))
    {
        return Some(&PACKED);
    }

    if !is_zip(start) {
        return None;
    }

    // A NumPy archive has arrays. Where the name is not all there, the reader of archives says
    // more.
    let len = start
        .get(ZIP_NAME.1..ZIP_NAME.1 + 2)
        .map(|b| usize::from(u16::from_le_bytes([b[0], b[1]])))?;
    let name = String::from_utf8_lossy(start.get(ZIP_NAME.0..ZIP_NAME.0 + len)?);
    let known = ZIP_MEMBERS
        .iter()
        .find(|(begin, _)| name.starts_with(begin))
        .map(|(_, what)| what);

    let torch = name.ends_with("/data.pkl").then_some(&TORCH);
    known
        .or(torch)
        .or((!name.ends_with(".npy")).then_some(&ZIP))
}

#[cfg(test)]
pub(super) mod tests;
