//! Journals: files of JSON lines that grow as results come, and that say which of their lines are
//! whole.
//!
//! Every line ends with a checksum of what stands before it (the field `crc`, CRC-32 as eight
//! hexadecimal digits), so that a digit that changed on a disk is found as well as a brace that is
//! missing. A damaged line is moved to `NAME.jsonl.damaged`, and the job that it belonged
//! to is done again; a last line that was cut off is dropped.

use crate::support::atomic::{write_atomically, write_durably};
use crate::support::ledger::note;
use crate::support::memory::in_words;
use crate::support::notice::notice;
use crate::support::regular::{self, Most};
use anyhow::{Context, Result, ensure};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between a line's value and its checksum.
const MARK: &[u8] = b",\"crc\":\"";
/// The checksum with what is around it: mark, eight digits, quote and brace.
const TAIL: usize = MARK.len() + 10;

/// Appended lines reach the disk at the latest after so long, and when the journal is closed. A
/// process that dies loses nothing, because the lines are with the system by then; a machine that
/// loses its power loses the results of a second, which are computed again. Waiting for the disk at
/// every line would cost some milliseconds each.
const SYNC_AFTER: Duration = Duration::from_secs(1);

/// A value as a line with its checksum.
///
/// # Errors
/// If the value has no JSON form that is an object with fields.
pub fn line(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(value)?;
    anyhow::ensure!(
        bytes.len() > 2 && bytes.pop() == Some(b'}'),
        "a line of a journal must be an object with fields"
    );

    let sum = crc32fast::hash(&bytes);
    bytes.extend(MARK);
    bytes.extend(format!("{sum:08x}\"}}\n").bytes());

    Ok(bytes)
}

/// Lines with their checksums.
///
/// # Errors
/// As [`line()`].
pub fn lines<T: Serialize>(values: &[T]) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    for value in values {
        all.extend(line(value)?);
    }
    Ok(all)
}

/// The checksum of a line without its end, if it is the right one.
#[must_use]
pub fn checked(line: &[u8]) -> Option<u32> {
    let at = line.len().checked_sub(TAIL)?;
    let digits = line[at..].strip_prefix(MARK)?.strip_suffix(b"\"}")?;
    let stated = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    (crc32fast::hash(&line[..at]) == stated).then_some(stated)
}

/// A line that is whole.
#[derive(Clone, Debug, PartialEq)]
pub struct JournalLine<T> {
    /// Its value.
    pub value: T,
    /// The checksum of its bytes.
    pub sum: u32,
}

/// What was found in a journal.
#[derive(Debug)]
pub struct JournalContents<T> {
    /// The lines that are whole, in their order.
    pub lines: Vec<JournalLine<T>>,
    /// The numbers of those that are damaged, from 1.
    pub damaged: Vec<usize>,
    /// How many bytes of a last line there are that has no end.
    pub cut: usize,
}

/// No line is so long: a result with a network has some megabytes. A file without line ends would
/// fill the memory.
const MOST_LINE: u64 = 1 << 30;

/// Calls `f` with every line that has an end: its number from 1, the place of its first byte, its
/// bytes. The length of a last line without an end is returned. A journal that is not there is
/// empty.
///
/// # Errors
/// If the file cannot be read, or `f` fails.
pub fn for_each_line(
    path: &Path,
    mut f: impl FnMut(usize, u64, &[u8]) -> Result<()>,
) -> Result<usize> {
    let file = match regular::open_to_read(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        other => other.with_context(|| format!("cannot read '{}'", path.display()))?,
    };
    let (mut reader, mut bytes, mut place) =
        (BufReader::with_capacity(1 << 18, file), Vec::new(), 0);

    for number in 1.. {
        bytes.clear();

        let len = (&mut reader)
            .take(MOST_LINE)
            .read_until(b'\n', &mut bytes)
            .with_context(|| format!("cannot read '{}'", path.display()))?;

        ensure!(
            (len as u64) < MOST_LINE,
            "'{}', line {number}: is longer than {}, which no result is; move the file away, and its results are \
             computed again",
            path.display(),
            in_words(MOST_LINE)
        );

        if bytes.last() != Some(&b'\n') {
            return Ok(len);
        }

        f(number, place, &bytes[..len - 1])?;
        place += len as u64;
    }

    Ok(0)
}

/// The value of a line without its end; the checksum is no part of it.
fn value<T: DeserializeOwned>(line: &[u8]) -> Option<T> {
    let mut bytes = line.get(..line.len().checked_sub(TAIL)?)?.to_vec();
    bytes.push(b'}');
    serde_json::from_slice(&bytes).ok()
}

/// Reads a journal without changing it.
///
/// # Errors
/// If the file cannot be read. Damaged lines are no error.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<JournalContents<T>> {
    let mut found = JournalContents {
        lines: vec![],
        damaged: vec![],
        cut: 0,
    };

    found.cut = for_each_line(path, |number, _, bytes| {
        match checked(bytes).and_then(|sum| {
            Some(JournalLine {
                value: value(bytes)?,
                sum,
            })
        }) {
            Some(line) => found.lines.push(line),
            None => found.damaged.push(number),
        }

        Ok(())
    })?;

    Ok(found)
}

/// Where damaged lines of a journal are kept.
#[must_use]
pub fn quarantine(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".damaged");
    name.into()
}

/// Tells the user of damaged lines and what becomes of them.
pub fn tell(path: &Path, damaged: &[usize], what: &str) {
    let numbers: Vec<String> = damaged.iter().take(10).map(ToString::to_string).collect();

    let more = if damaged.len() > 10 {
        format!(" and {} more", damaged.len() - 10)
    } else {
        String::new()
    };

    let s = if damaged.len() == 1 { "" } else { "s" };

    notice!(
        "warning: '{}', line{s} {}{more}: damaged; {what}",
        path.display(),
        numbers.join(", ")
    );
}

/// A journal that this process writes.
pub struct Journal {
    path: PathBuf,
    state: Mutex<JournalFile>,
}

struct JournalFile {
    file: File,
    len: u64,
    /// When it was last synced; none if nothing was written since.
    synced: Option<Instant>,
}

impl Journal {
    /// Opens or makes the file, after the lines that an earlier process finished. Damaged lines are
    /// moved to `NAME.jsonl.damaged`, with a warning; a last line that was cut off is dropped.
    ///
    /// # Errors
    /// If it cannot be read or written.
    pub fn open<T: DeserializeOwned>(path: &Path) -> Result<(Journal, Vec<JournalLine<T>>)> {
        let found = read::<T>(path)?;
        if !found.damaged.is_empty() || found.cut > 0 {
            repair(path, &found.damaged)?;
        }
        Ok((Journal::create(path)?, found.lines))
    }

    /// Opens or makes the file to append to it, whatever it holds.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn create(path: &Path) -> Result<Journal> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| unwritable(path))?;
        }

        note(path).with_context(|| unwritable(path))?;

        let file = regular::open(OpenOptions::new().create(true).append(true), path)
            .with_context(|| unwritable(path))?;
        let len = file.metadata().with_context(|| unwritable(path))?.len();

        Ok(Journal {
            path: path.into(),
            state: Mutex::new(JournalFile {
                file,
                len,
                synced: None,
            }),
        })
    }

    /// Appends a result as one line: whole, or not at all.
    ///
    /// # Errors
    /// If the disk is full or the file cannot be written.
    pub fn append(&self, result: &impl Serialize) -> Result<()> {
        let line = line(result)?;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = state.file.write_all(&line) {
            // Half a line must not stay before the next one.
            let len = state.len;
            let _ = state.file.set_len(len);
            return Err(error).with_context(|| unwritable(&self.path));
        }

        state.len += line.len() as u64;

        if state.synced.get_or_insert_with(Instant::now).elapsed() >= SYNC_AFTER {
            state.synced = None;
            state
                .file
                .sync_data()
                .with_context(|| unwritable(&self.path))?;
        }

        Ok(())
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if state.synced.is_some() {
            let _ = state.file.sync_data();
        }
    }
}

fn unwritable(path: &Path) -> String {
    format!(
        "cannot write '{}'; is the disk full, or the folder read-only? What was finished is kept, and the same command \
         goes on from there",
        path.display()
    )
}

/// Moves the damaged lines aside, and drops a last line without an end.
fn repair(path: &Path, damaged: &[usize]) -> Result<()> {
    let (mut good, mut bad) = (Vec::new(), Vec::new());

    for_each_line(path, |number, _, bytes| {
        let to = if damaged.contains(&number) {
            &mut bad
        } else {
            &mut good
        };

        to.extend(bytes);
        to.push(b'\n');
        Ok(())
    })?;

    if !bad.is_empty() {
        let aside = quarantine(path);
        note(&aside).with_context(|| unwritable(&aside))?;

        let mut file = regular::open(OpenOptions::new().create(true).append(true), &aside)
            .with_context(|| unwritable(&aside))?;
        file.write_all(&bad)
            .and_then(|()| file.sync_all())
            .with_context(|| unwritable(&aside))?;

        tell(
            path,
            damaged,
            &format!("moved to '{}', and computed again", aside.display()),
        );
    }

    write_durably(path, &good)
}

/// Values in a file of one JSON object, with its checksum: for what a run goes on from.
///
/// # Errors
/// If the value has no such form, or the file cannot be written.
pub fn write_checked(path: &Path, value: &impl Serialize) -> Result<()> {
    write_durably(path, &line(value)?)
}

/// What [`write_checked`] wrote; nothing if it is not there, or damaged: then it is moved aside,
/// with a warning.
///
/// # Errors
/// If the file cannot be read or moved.
pub fn read_checked<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    if !path.exists() {
        return Ok(None);
    }

    let found = read::<T>(path)?;
    match found.lines.into_iter().next() {
        Some(line) if found.damaged.is_empty() && found.cut == 0 => Ok(Some(line.value)),
        _ => {
            let aside = quarantine(path);
            write_atomically(&aside, &regular::read(path, Most::Memory)?)?;
            fs::remove_file(path).with_context(|| format!("cannot delete '{}'", path.display()))?;

            notice!(
                "warning: '{}' is damaged; moved to '{}', and computed again",
                path.display(),
                aside.display()
            );

            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
    #[serde(deny_unknown_fields)]
    struct Trial {
        name: String,
        loss: f64,
    }

    fn trial(i: usize) -> Trial {
        Trial {
            name: format!("p{i}"),
            loss: 1.0 / (i as f64 + 3.0),
        }
    }

    #[test]
    fn a_journal_comes_back_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.jsonl");
        let (journal, found) = Journal::open::<Trial>(&path).unwrap();

        assert!(found.is_empty());

        (0..5).for_each(|i| journal.append(&trial(i)).unwrap());

        let (_, found) = Journal::open::<Trial>(&path).unwrap();
        assert_eq!(
            found.into_iter().map(|l| l.value).collect::<Vec<_>>(),
            (0..5).map(trial).collect::<Vec<_>>()
        );
        assert!(!quarantine(&path).exists());
    }

    #[test]
    fn any_changed_byte_loses_one_or_two_lines_and_changes_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.jsonl");
        let whole = lines(&(0..4).map(trial).collect::<Vec<_>>()).unwrap();

        for at in 0..whole.len() {
            for with in [whole[at] ^ 1, b'\n', b'}', 0xff] {
                let mut changed = whole.clone();
                changed[at] = with;
                fs::write(&path, &changed).unwrap();

                let found = read::<Trial>(&path).unwrap();
                let least = if with == whole[at] { 4 } else { 2 };

                assert!(
                    found.lines.len() >= least,
                    "byte {at}: {}",
                    found.lines.len()
                );

                for line in &found.lines {
                    let i: usize = line.value.name[1..].parse().unwrap();
                    assert_eq!(line.value, trial(i), "byte {at}");
                }

                // Repairs wait for the disk: not at every byte.
                if at % 23 == 0 {
                    assert_eq!(Journal::open::<Trial>(&path).unwrap().1, found.lines);
                    assert!(
                        read::<Trial>(&path).unwrap().damaged.is_empty(),
                        "there is something left to repair"
                    );
                }
            }
        }
    }

    #[test]
    fn a_last_line_that_was_cut_off_is_dropped_wherever_the_cut_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.jsonl");
        let whole = lines(&(0..3).map(trial).collect::<Vec<_>>()).unwrap();

        for len in 0..whole.len() {
            fs::write(&path, &whole[..len]).unwrap();
            let (journal, found) = Journal::open::<Trial>(&path).unwrap();
            let ends = whole[..len].iter().filter(|b| **b == b'\n').count();
            assert_eq!(found.len(), ends);
            (ends..3).for_each(|i| journal.append(&trial(i)).unwrap());
            assert_eq!(fs::read(&path).unwrap(), whole);
            assert!(!quarantine(&path).exists());
        }
    }

    #[test]
    fn damaged_lines_are_kept_aside_as_they_were() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.jsonl");
        let mut bytes = lines(&[trial(1)]).unwrap();
        bytes.extend(b"{\"name\":\"p2\",\"loss\":0.2}\n");
        fs::write(&path, &bytes).unwrap();

        assert_eq!(Journal::open::<Trial>(&path).unwrap().1.len(), 1);
        assert_eq!(
            fs::read(quarantine(&path)).unwrap(),
            b"{\"name\":\"p2\",\"loss\":0.2}\n"
        );
    }

    #[test]
    fn a_checked_file_that_is_damaged_is_nothing_and_kept_aside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c.json");

        assert_eq!(read_checked::<Trial>(&path).unwrap(), None);

        write_checked(&path, &trial(7)).unwrap();
        assert_eq!(read_checked(&path).unwrap(), Some(trial(7)));

        let mut bytes = fs::read(&path).unwrap();
        bytes[9] ^= 2;
        fs::write(&path, &bytes).unwrap();

        assert_eq!(read_checked::<Trial>(&path).unwrap(), None);
        assert!(quarantine(&path).exists() && !path.exists());
    }
}
