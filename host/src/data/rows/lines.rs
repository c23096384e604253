//! The lines of a text file, however they end.

use crate::data::table::ROW_LIMIT;
use std::io::{Error, Read};

/// How much of a file is looked at to find out its form, at most.
const PEEK_BYTES: usize = 1 << 16;
/// So many lines of it; the last one may be cut off.
pub(super) const PEEK_LINES: usize = 21;

/// The same text with every line ended by a line feed, the last one too, and without a mark of byte
/// order.
pub(super) struct UnifiedLines<R> {
    from: R,
    /// What was looked at, and how much of it has been given out.
    start: Vec<u8>,
    given: usize,
    after_return: bool,
    ended: bool,
    /// Bytes since the last record.
    since: u64,
}

impl<R: Read> UnifiedLines<R> {
    /// Nothing has been read yet.
    pub fn new(from: R) -> UnifiedLines<R> {
        UnifiedLines {
            from,
            start: vec![],
            given: 0,
            after_return: false,
            ended: false,
            since: 0,
        }
    }

    /// Reads until so many lines are there, or enough bytes. They are given out all the same.
    pub fn peek(&mut self, lines: usize) -> std::io::Result<()> {
        let mut chunk = [0; 4096];
        let mut there = 0;
        while there < lines && self.start.len() < PEEK_BYTES {
            let got = self.unified(&mut chunk)?;
            if got == 0 {
                break;
            }

            there += chunk[..got].iter().filter(|&&b| b == b'\n').count();
            self.start.extend_from_slice(&chunk[..got]);
        }

        if self.start.starts_with("\u{feff}".as_bytes()) {
            self.start.drain(..3);
        }

        Ok(())
    }

    /// The first lines, as many as are looked at: without one that may be cut off, and independent
    /// of how the bytes came.
    pub fn first(&self) -> &[u8] {
        let start = &self.start[..self.start.len().min(PEEK_BYTES)];
        let ends = start
            .iter()
            .enumerate()
            .filter(|(_, b)| **b == b'\n')
            .map(|(i, _)| i + 1);

        let end = ends.take(PEEK_LINES - 1).last().unwrap_or(start.len());
        &start[..end]
    }

    /// A record begins: its length counts from here.
    pub fn begin_record(&mut self) {
        self.since = 0;
    }

    /// Bytes with line ends unified.
    fn unified(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        loop {
            let got = self.from.read(to)?;
            if got == 0 {
                let first = to
                    .first_mut()
                    .filter(|_| !std::mem::replace(&mut self.ended, true));
                return Ok(first.map_or(0, |byte| {
                    *byte = b'\n';
                    1
                }));
            }

            let mut kept = 0;

            for i in 0..got {
                let byte = to[i];
                let second_half =
                    std::mem::replace(&mut self.after_return, byte == b'\r') && byte == b'\n';

                if !second_half {
                    to[kept] = if byte == b'\r' { b'\n' } else { byte };
                    kept += 1;
                }
            }

            if kept > 0 {
                return Ok(kept);
            }
        }
    }
}

impl<R: Read> Read for UnifiedLines<R> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        if self.since > ROW_LIMIT {
            return Err(Error::other(format!(
                "a row is longer than {ROW_LIMIT} bytes; is a quotation mark not closed, or is this no table?"
            )));
        }

        let rest = &self.start[self.given..];
        let got = if rest.is_empty() {
            self.unified(to)?
        } else {
            let got = rest.len().min(to.len());
            to[..got].copy_from_slice(&rest[..got]);
            self.given += got;
            got
        };

        self.since += got as u64;
        Ok(got)
    }
}
