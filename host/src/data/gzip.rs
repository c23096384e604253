//! Gzip, of one member or several, with errors that say what to do.

use flate2::bufread::GzDecoder;
use std::io::{BufRead, BufReader, Chain, Cursor, Error, ErrorKind, Read};

/// The bytes that every gzip member begins with.
pub const MEMBER: [u8; 2] = *b"\x1f\x8b";

/// Packed bytes that are read in large chunks.
const PACKED_CHUNK: usize = 32 << 10;

/// Gzip, of one member or several, whose errors are sentences.
pub struct Unpacked<R> {
    /// The member that is being read; none after the last one.
    member: Option<GzDecoder<Packed<R>>>,
}

/// The first bytes of a member, which were looked at already, and what follows.
type Packed<R> = Chain<Cursor<Vec<u8>>, BufReader<R>>;

impl<R: Read> Unpacked<R> {
    /// Unpacks what `packed` gives.
    pub fn new(packed: R) -> Self {
        let packed = BufReader::with_capacity(PACKED_CHUNK, packed);
        let packed = Cursor::new(vec![]).chain(packed);
        Unpacked {
            member: Some(GzDecoder::new(packed)),
        }
    }

    /// What follows the end of a member: another one, or nothing. Tapes and some writers fill a
    /// block up with zeros, which count as nothing, as they do for gzip itself.
    fn next_member(after: Packed<R>) -> std::io::Result<Option<GzDecoder<Packed<R>>>> {
        let (_, mut rest) = after.into_inner();
        skip_zeros(&mut rest)?;

        let mut start = vec![];
        rest.by_ref()
            .take(MEMBER.len() as u64)
            .read_to_end(&mut start)?;

        if start.is_empty() {
            return Ok(None);
        }

        // The decoder would take too few bytes for a header that was cut off, and any others for
        // damage.
        if !MEMBER.starts_with(&start) {
            return Err(Error::new(
                ErrorKind::InvalidData,
                "after the end of the compressed data there are bytes that are no gzip member; remove them, \
                 or unpack the file and give what comes out of it",
            ));
        }

        Ok(Some(GzDecoder::new(Cursor::new(start).chain(rest))))
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        if to.is_empty() {
            return Ok(0);
        }

        while let Some(member) = &mut self.member {
            let got = member.read(to).map_err(in_words)?;
            if got > 0 {
                return Ok(got);
            }

            if let Some(ended) = self.member.take() {
                self.member = Unpacked::next_member(ended.into_inner())?;
            }
        }

        Ok(0)
    }
}

/// Reads zeros, up to the first byte that is none.
fn skip_zeros(from: &mut impl BufRead) -> std::io::Result<()> {
    loop {
        let bytes = match from.fill_buf() {
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            read => read?,
        };
        let (zeros, len) = (bytes.iter().take_while(|&&b| b == 0).count(), bytes.len());
        from.consume(zeros);

        if zeros < len || len == 0 {
            return Ok(());
        }
    }
}

/// An error of the decoder as a sentence.
fn in_words(error: Error) -> Error {
    let sentence = match error.kind() {
        ErrorKind::UnexpectedEof => {
            "the gzip data end too early: the file was cut off; fetch it again"
        }
        ErrorKind::InvalidInput | ErrorKind::InvalidData => {
            "the gzip data are damaged; fetch the file again"
        }
        _ => return error,
    };

    Error::new(ErrorKind::InvalidData, sentence)
}
