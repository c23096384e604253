//! The serialised model: what is sent to a device, checked completely before anything of it is
//! used.
//!
//! `docs/format.md` is the specification. An [`Image`] borrows its bytes; what it holds is copied
//! into buffers of the caller's, whose sizes it tells. Copying cannot fail once an image was read
//! and the buffers are large enough, so a device keeps its old model until the new one is known to
//! be good:
//!
//! ```
//! # fn update(received: &[u8], theta: &mut [f32]) -> Option<()> {
//! use ldnn_core::image::{Contents, Image};
//! let image = Image::read(received).ok()?; // whatever is wrong, nothing has changed yet
//! if let Contents::Floats(network) = image.contents() {
//!     network.theta(theta).ok()?;
//! }
//! # Some(())
//! # }
//! ```

mod activations;
mod error;
mod floats;
mod header;
mod integers;
mod reader;
mod scales;

use reader::Reader;

pub use activations::Activations;
pub use error::ImageError;
pub use floats::Floats;
pub use header::{HEADER, MAGIC, VERSION, checksum};
pub use integers::{Integers, Room};
pub use scales::{Meaning, Scales};

/// A model that was checked.
#[derive(Clone, Copy, Debug)]
pub struct Image<'a> {
    provenance: &'a str,
    contents: Contents<'a>,
}

/// What an image holds.
#[derive(Clone, Copy, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "there is no heap to put the larger one on"
)]
pub enum Contents<'a> {
    /// Activations alone.
    Activations(Activations<'a>),
    /// A network of real numbers.
    Floats(Floats<'a>),
    /// A network of integers.
    Integers(Integers<'a>),
}

impl<'a> Image<'a> {
    /// Reads and checks all of it: nothing that is found here can fail later.
    ///
    /// # Errors
    /// If anything is wrong.
    pub fn read(bytes: &'a [u8]) -> Result<Image<'a>, ImageError> {
        let (header, body) = bytes
            .split_first_chunk::<HEADER>()
            .ok_or(ImageError::Length {
                expected: HEADER,
                got: bytes.len(),
            })?;

        let [
            m0,
            m1,
            m2,
            m3,
            v0,
            v1,
            z0,
            z1,
            l0,
            l1,
            l2,
            l3,
            c0,
            c1,
            c2,
            c3,
        ] = *header;

        if [m0, m1, m2, m3] != MAGIC {
            return Err(ImageError::Magic);
        }

        match u16::from_le_bytes([v0, v1]) {
            VERSION if [z0, z1] == [0; 2] => {}
            VERSION => return Err(ImageError::Malformed),
            other => return Err(ImageError::Version(other)),
        }

        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        if length != body.len() {
            return Err(ImageError::Length {
                expected: length.saturating_add(HEADER),
                got: bytes.len(),
            });
        }

        if u32::from_le_bytes([c0, c1, c2, c3]) != checksum(body) {
            return Err(ImageError::Checksum);
        }

        let mut reader = Reader(body);
        let provenance = reader.take()?;

        let contents = match reader.take::<u8>()? {
            0 => Contents::Activations(Activations::read(&mut reader)?),
            1 => Contents::Floats(Floats::read(&mut reader)?),
            2 => Contents::Integers(Integers::read(&mut reader)?),
            _ => return Err(ImageError::Malformed),
        };

        if reader.0.is_empty() {
            Ok(Image {
                provenance,
                contents,
            })
        } else {
            Err(ImageError::Malformed)
        }
    }

    /// Where the model comes from, for people.
    #[must_use]
    pub const fn provenance(&self) -> &'a str {
        self.provenance
    }

    /// What it holds.
    #[must_use]
    pub const fn contents(&self) -> Contents<'a> {
        self.contents
    }
}
