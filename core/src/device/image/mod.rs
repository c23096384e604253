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

use crate::activation::{Activation, Base};
use crate::device::deploy::{AnyActivation, Outputs, Scaling};
use crate::device::quantised::{MAX_LAYERS, Parts, Quantised, QuantisedError, check_parts};
use crate::device::table::compact::{Compact, Form, Knots, Symmetry, TableError};
use crate::device::table::integer::{Scale, Scaled8, Scaled16, Table8, Table16};
use crate::error::{SizeError, check};
use crate::shape::{MAX_HIDDEN, MAX_TYPES, Shape};
use serde::Deserialize;

/// The first bytes of every image.
pub const MAGIC: [u8; 4] = *b"LDNN";
/// The version that this code reads.
pub const VERSION: u16 = 2;
/// Bytes before the body: magic, version, two zero bytes, length of the body, its CRC-32; all
/// little-endian.
pub const HEADER: usize = 16;

/// Why an image was refused.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum ImageError {
    /// It does not begin with [`MAGIC`].
    Magic,
    /// It has another version.
    Version(u16),
    /// It is shorter or longer than its header says.
    Length {
        /// What the header says, header included.
        expected: usize,
        /// What there is.
        got: usize,
    },
    /// The checksum of the body differs.
    Checksum,
    /// The body is not what the format says.
    Malformed,
    /// The shape is impossible.
    Shape(crate::error::ShapeError),
    /// A number is NaN or infinite.
    NotFinite,
    /// A table is impossible.
    Table(TableError),
    /// A network of integers is impossible.
    Quantised(QuantisedError),
    /// A standard deviation, or a factor of an input, is not positive.
    Scaling,
}

impl core::fmt::Display for ImageError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            ImageError::Magic => {
                f.write_str("this is no image of a model: it does not begin with LDNN")
            }
            ImageError::Version(v) => {
                write!(
                    f,
                    "the image has version {v}; this program reads version {VERSION}: export the model again"
                )
            }
            ImageError::Length { expected, got } => {
                write!(f, "the image has {got} bytes and should have {expected}")
            }
            ImageError::Checksum => f.write_str("the image is damaged: its checksum is wrong"),
            ImageError::Malformed => f.write_str("the body of the image is malformed"),
            ImageError::Shape(e) => f.write_str(e.message()),
            ImageError::NotFinite => {
                f.write_str("the image holds a number that is NaN or infinite")
            }
            ImageError::Table(e) => e.fmt(f),
            ImageError::Quantised(e) => e.fmt(f),
            ImageError::Scaling => {
                f.write_str("a standard deviation, or the factor of an input, is not positive")
            }
        }
    }
}

impl core::error::Error for ImageError {}

impl From<TableError> for ImageError {
    fn from(e: TableError) -> Self {
        ImageError::Table(e)
    }
}

/// The checksum of a body: CRC-32 as in Ethernet, zip and PNG.
#[must_use]
pub fn checksum(body: &[u8]) -> u32 {
    crc::Crc::<u32, crc::NoTable>::new(&crc::CRC_32_ISO_HDLC).checksum(body)
}

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

/// One a type, in order.
#[derive(Clone, Copy, Debug)]
pub struct Activations<'a> {
    records: [Record<'a>; MAX_TYPES],
    count: usize,
}

/// A network of real numbers.
#[derive(Clone, Copy, Debug)]
pub struct Floats<'a> {
    shape: Shape,
    scaling: Scales<'a>,
    activations: Activations<'a>,
    theta: &'a [u8],
}

/// A network of integers.
#[derive(Clone, Copy, Debug)]
pub struct Integers<'a> {
    shape: Shape,
    scaling: Scales<'a>,
    input: Scale,
    output: Scale,
    weights: &'a [u8],
    biases: &'a [u8],
    factors: &'a [u8],
    tables: &'a [u8],
    shifts: [u8; MAX_LAYERS],
}

/// How raw readings become inputs, and outputs answers: what [`Scaling`] needs.
#[derive(Clone, Copy, Debug)]
pub struct Scales<'a> {
    inputs: &'a [u8],
    offsets: &'a [u8],
    meaning: Meaning,
    outputs: &'a [u8],
    output_offsets: &'a [u8],
}

/// What the outputs of a network mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Nothing is known.
    Plain,
    /// One logit per class.
    Classes,
    /// Standardised values.
    Values,
}

#[derive(Clone, Copy, Debug, Deserialize)]
enum Record<'a> {
    Base(u8),
    Compact {
        form: u8,
        symmetry: u8,
        base: u8,
        low: f32,
        high: f32,
        count: u32,
        entries: &'a [u8],
    },
    Integer {
        input: (f32, i32),
        output: (f32, i32),
        entries: &'a [u8],
    },
    Direct {
        input: (f32, i32),
        output: (f32, i32),
        entries: &'a [u8],
    },
}

/// Takes postcard values off the front of the body.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take<T: Deserialize<'a>>(&mut self) -> Result<T, ImageError> {
        let (value, rest) = postcard::take_from_bytes(self.0).map_err(|_| ImageError::Malformed)?;
        self.0 = rest;
        Ok(value)
    }

    /// A sequence: its length, then as many values.
    fn sequence<T: Deserialize<'a>>(&mut self, into: &mut [T]) -> Result<usize, ImageError> {
        let count = self.take::<u32>()? as usize;
        let places = into.get_mut(..count).ok_or(ImageError::Malformed)?;
        for place in places {
            *place = self.take()?;
        }
        Ok(count)
    }

    fn scale(&mut self) -> Result<Scale, ImageError> {
        Ok(scale(self.take()?))
    }
}

fn scale((step, zero): (f32, i32)) -> Scale {
    Scale { step, zero }
}

fn base(code: u8) -> Result<Base, ImageError> {
    Base::ALL
        .get(usize::from(code))
        .copied()
        .ok_or(ImageError::Malformed)
}

/// `bytes` as little-endian numbers; their number, if it is a whole one.
fn words<const N: usize>(bytes: &[u8]) -> Result<&[[u8; N]], ImageError> {
    match bytes.as_chunks::<N>() {
        (words, []) => Ok(words),
        _ => Err(ImageError::Malformed),
    }
}

fn finite(bytes: &[u8]) -> Result<(), ImageError> {
    let all = words::<4>(bytes)?
        .iter()
        .all(|&w| f32::from_le_bytes(w).is_finite());
    if all {
        Ok(())
    } else {
        Err(ImageError::NotFinite)
    }
}

/// Copies numbers; of two lengths the shorter counts.
fn copy<T, const N: usize>(bytes: &[u8], to: &mut [T], from_le_bytes: impl Fn([u8; N]) -> T) {
    to.iter_mut()
        .zip(bytes.as_chunks::<N>().0)
        .for_each(|(to, &word)| *to = from_le_bytes(word));
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

/// Widths, then first type and number of types of each hidden layer.
fn shape(reader: &mut Reader<'_>) -> Result<Shape, ImageError> {
    let (mut widths, mut layers) = ([0u32; MAX_HIDDEN + 2], [(0u32, 0u32); MAX_HIDDEN]);
    let count = reader.sequence(&mut widths)?;
    let hidden = reader.sequence(&mut layers)?;

    if hidden.saturating_add(2) != count.max(2) {
        return Err(ImageError::Malformed);
    }

    let layers = layers.get(..hidden).unwrap_or_default();
    let types = layers
        .iter()
        .map(|&(first, count)| first.saturating_add(count))
        .max()
        .unwrap_or_default() as usize;

    let kinds = [Activation::Base(Base::Zero); MAX_TYPES];
    let kinds = kinds.get(..types).ok_or(ImageError::Malformed)?;
    let widths = widths.map(|w| w as usize);
    let mut shape = Shape::try_new(widths.get(..count).unwrap_or_default(), kinds)
        .map_err(ImageError::Shape)?;

    for (l, &(first, count)) in layers.iter().enumerate() {
        shape = shape
            .with_layer_types(l, first as usize, count as usize)
            .map_err(ImageError::Shape)?;
    }

    Ok(shape)
}

/// Pairs of `f32`, the second of which is positive; their number is one of two.
fn pairs<'a>(
    reader: &mut Reader<'a>,
    count: usize,
    positive: usize,
) -> Result<&'a [u8], ImageError> {
    let bytes: &[u8] = reader.take()?;
    finite(bytes)?;

    let pairs = words::<8>(bytes)?;
    if !(pairs.is_empty() || pairs.len() == count) {
        return Err(ImageError::Malformed);
    }

    let factor = |[a, b, c, d, e, f, g, h]: &[u8; 8]| {
        f32::from_le_bytes(if positive == 0 {
            [*a, *b, *c, *d]
        } else {
            [*e, *f, *g, *h]
        })
    };

    if pairs.iter().all(|pair| factor(pair) > 0.0) {
        Ok(bytes)
    } else {
        Err(ImageError::Scaling)
    }
}

/// No offset, or one per column, all finite.
fn offsets<'a>(reader: &mut Reader<'a>, count: usize) -> Result<&'a [u8], ImageError> {
    let bytes: &[u8] = reader.take()?;
    let numbers = words::<8>(bytes)?;
    if !(numbers.is_empty() || numbers.len() == count) {
        return Err(ImageError::Malformed);
    }

    let all = numbers.iter().all(|&w| f64::from_le_bytes(w).is_finite());
    if all {
        Ok(bytes)
    } else {
        Err(ImageError::NotFinite)
    }
}

impl<'a> Scales<'a> {
    fn read(reader: &mut Reader<'a>, shape: &Shape) -> Result<Self, ImageError> {
        let inputs = pairs(reader, shape.inputs(), 1)?;
        let offsets_in = offsets(reader, shape.inputs())?;

        let meaning = match reader.take::<u8>()? {
            0 => Meaning::Plain,
            1 => Meaning::Classes,
            2 => Meaning::Values,
            _ => return Err(ImageError::Malformed),
        };

        let outputs = pairs(reader, shape.outputs(), 0)?;
        let output_offsets = offsets(reader, shape.outputs())?;

        if outputs.is_empty() == (meaning == Meaning::Values)
            || (outputs.is_empty() && !output_offsets.is_empty())
        {
            return Err(ImageError::Malformed);
        }

        Ok(Scales {
            inputs,
            offsets: offsets_in,
            meaning,
            outputs,
            output_offsets,
        })
    }

    /// Number of pairs of [`Self::load`] for inputs: one per input, or none.
    #[must_use]
    pub const fn inputs_len(&self) -> usize {
        self.inputs.len() / 8
    }

    /// Number of pairs of [`Self::load`] for outputs: one per output, or none.
    #[must_use]
    pub const fn outputs_len(&self) -> usize {
        self.outputs.len() / 8
    }

    /// What the outputs mean.
    #[must_use]
    pub const fn meaning(&self) -> Meaning {
        self.meaning
    }

    /// What is subtracted from the reading of input `i`, in integers or in double precision, before
    /// it becomes an `f32`; mostly 0.
    #[must_use]
    pub fn offset(&self, i: usize) -> f64 {
        offset(self.offsets, i)
    }

    /// What is added to value `i` of the answer, in double precision; mostly 0.
    #[must_use]
    pub fn output_offset(&self, i: usize) -> f64 {
        offset(self.output_offsets, i)
    }

    /// Copies pairs for inputs ([`Self::inputs_len`]) and outputs ([`Self::outputs_len`]).
    ///
    /// # Errors
    /// If a length differs; then nothing has changed.
    pub fn load<'b>(
        &self,
        inputs: &'b mut [[f32; 2]],
        outputs: &'b mut [[f32; 2]],
    ) -> Result<Scaling<'b>, SizeError> {
        check("inputs", self.inputs_len(), inputs.len())?;
        check("outputs", self.outputs_len(), outputs.len())?;
        copy(self.inputs, inputs.as_flattened_mut(), f32::from_le_bytes);
        copy(self.outputs, outputs.as_flattened_mut(), f32::from_le_bytes);

        let outputs = match self.meaning {
            Meaning::Plain => Outputs::Plain,
            Meaning::Classes => Outputs::Classes,
            Meaning::Values => Outputs::Values(outputs),
        };

        Ok(Scaling { inputs, outputs })
    }
}

fn offset(bytes: &[u8], i: usize) -> f64 {
    bytes
        .as_chunks::<8>()
        .0
        .get(i)
        .map_or(0.0, |&w| f64::from_le_bytes(w))
}

impl<'a> Activations<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, ImageError> {
        let mut records = [Record::Base(0); MAX_TYPES];
        let count = reader.sequence(&mut records)?;
        let activations = Activations { records, count };
        activations.records().iter().try_for_each(Record::check)?;
        Ok(activations)
    }

    fn records(&self) -> &[Record<'a>] {
        self.records.get(..self.count).unwrap_or_default()
    }

    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Number of values that [`Self::load`] needs for tables of real numbers.
    #[must_use]
    pub fn floats_len(&self) -> usize {
        self.records()
            .iter()
            .map(|r| {
                if let Record::Compact { entries, .. } = r {
                    entries.len() / 4
                } else {
                    0
                }
            })
            .sum()
    }

    /// Number of values that [`Self::load`] needs for tables of 16-bit integers.
    #[must_use]
    pub fn integers_len(&self) -> usize {
        self.records()
            .iter()
            .map(|r| {
                if let Record::Integer { entries, .. } = r {
                    entries.len() / 2
                } else {
                    0
                }
            })
            .sum()
    }

    /// Number of tables of 8-bit integers.
    #[must_use]
    pub fn direct_len(&self) -> usize {
        self.records()
            .iter()
            .filter(|r| matches!(r, Record::Direct { .. }))
            .count()
    }

    /// Copies the tables into `floats` ([`Self::floats_len`]), `integers` ([`Self::integers_len`])
    /// and `direct` ([`Self::direct_len`]) and puts the activations into `into` ([`Self::count`]).
    ///
    /// # Errors
    /// If a length differs.
    pub fn load<'b>(
        &self,
        floats: &'b mut [f32],
        integers: &'b mut [i16],
        direct: &'b mut [[i8; 256]],
        into: &mut [AnyActivation<'b>],
    ) -> Result<(), SizeError> {
        check("floats", self.floats_len(), floats.len())?;
        check("integers", self.integers_len(), integers.len())?;
        check("direct", self.direct_len(), direct.len())?;
        check("into", self.count, into.len())?;

        let (mut floats, mut integers, mut direct) = (floats, integers, direct.iter_mut());

        for (record, into) in self.records().iter().zip(into) {
            let (n, m) = record.lens();
            let (here, rest) = floats.split_at_mut_checked(n).unwrap_or_default();
            let (here16, rest16) = integers.split_at_mut_checked(m).unwrap_or_default();
            (floats, integers) = (rest, rest16);

            let here8 = if let Record::Direct { .. } = record {
                direct.next()
            } else {
                None
            };

            // What was checked when the image was read cannot fail here.
            *into = record
                .load(here, here16, here8)
                .unwrap_or(AnyActivation::Base(Base::Zero));
        }

        Ok(())
    }
}

impl Record<'_> {
    /// Everything that [`Self::load`] could find wrong, without room for the entries.
    fn check(&self) -> Result<(), ImageError> {
        match *self {
            Record::Base(code) => base(code).map(|_| ()),
            Record::Compact {
                low, high, entries, ..
            } => {
                if !low.is_finite() || !high.is_finite() {
                    return Err(ImageError::NotFinite);
                }

                finite(entries)?;
                let (form, knots, symmetry, base) = self.parts()?;
                Compact::check(form, knots, symmetry, base, entries.len() / 4)?;

                Ok(())
            }
            Record::Integer {
                input,
                output,
                entries,
            } => {
                let entries = words::<2>(entries)?.len();
                Scaled16::check(entries, scale(input), scale(output))?;
                Ok(())
            }
            Record::Direct {
                input,
                output,
                entries,
            } => {
                check("entries", 256, entries.len()).map_err(TableError::Size)?;
                Scaled8::new(Table8(&[0; 256]), scale(input), scale(output))?;
                Ok(())
            }
        }
    }

    fn parts(&self) -> Result<(Form, Knots, Symmetry, Base), ImageError> {
        let Record::Compact {
            form,
            symmetry,
            base: code,
            low,
            high,
            count,
            ..
        } = *self
        else {
            return Err(ImageError::Malformed);
        };

        let form = *[Form::Hermite, Form::Linear, Form::Pairs]
            .get(usize::from(form))
            .ok_or(ImageError::Malformed)?;
        let symmetry = [Symmetry::None, Symmetry::Odd, Symmetry::Even]
            .get(usize::from(symmetry))
            .copied();

        Ok((
            form,
            Knots { low, high, count },
            symmetry.ok_or(ImageError::Malformed)?,
            base(code)?,
        ))
    }

    /// Numbers of entries: real, 16-bit.
    fn lens(&self) -> (usize, usize) {
        match self {
            Record::Base(_) | Record::Direct { .. } => (0, 0),
            Record::Compact { entries, .. } => (entries.len() / 4, 0),
            Record::Integer { entries, .. } => (0, entries.len() / 2),
        }
    }

    fn load<'b>(
        &self,
        floats: &'b mut [f32],
        integers: &'b mut [i16],
        direct: Option<&'b mut [i8; 256]>,
    ) -> Result<AnyActivation<'b>, ImageError> {
        Ok(match *self {
            Record::Base(code) => AnyActivation::Base(base(code)?),
            Record::Compact { entries, .. } => {
                let (form, knots, symmetry, base) = self.parts()?;
                copy(entries, floats, f32::from_le_bytes);
                AnyActivation::Compact(Compact::new(form, knots, symmetry, base, floats)?)
            }
            Record::Integer {
                input,
                output,
                entries,
            } => {
                copy(entries, integers, i16::from_le_bytes);

                AnyActivation::Integer(Scaled16::new(
                    Table16::new(integers)?,
                    scale(input),
                    scale(output),
                )?)
            }
            Record::Direct {
                input,
                output,
                entries,
            } => {
                let direct = direct.ok_or(ImageError::Malformed)?;
                copy(entries, direct, i8::from_le_bytes);
                AnyActivation::Direct(Scaled8::new(Table8(direct), scale(input), scale(output))?)
            }
        })
    }
}

impl<'a> Floats<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, ImageError> {
        let shape = shape(reader)?;
        let scaling = Scales::read(reader, &shape)?;
        let activations = Activations::read(reader)?;
        let theta: &[u8] = reader.take()?;

        finite(theta)?;

        if activations.count != shape.types() || theta.len() / 4 != shape.theta_len() {
            return Err(ImageError::Malformed);
        }

        Ok(Floats {
            shape,
            scaling,
            activations,
            theta,
        })
    }

    /// Its shape; the activations in place of the types.
    #[must_use]
    pub const fn shape(&self) -> &Shape {
        &self.shape
    }

    /// How raw readings become inputs, and outputs answers.
    #[must_use]
    pub const fn scaling(&self) -> &Scales<'a> {
        &self.scaling
    }

    /// Its activations.
    #[must_use]
    pub const fn activations(&self) -> &Activations<'a> {
        &self.activations
    }

    /// Copies weights and biases into `to` (`shape().theta_len()`).
    ///
    /// # Errors
    /// If the length differs; then nothing has changed.
    pub fn theta(&self, to: &mut [f32]) -> Result<(), SizeError> {
        check("to", self.shape.theta_len(), to.len())?;
        copy(self.theta, to, f32::from_le_bytes);
        Ok(())
    }
}

/// The room that a network of integers needs.
#[derive(Debug)]
pub struct Room<'b> {
    /// [`Integers::weights_len`].
    pub weights: &'b mut [i8],
    /// [`Integers::outputs_len`].
    pub biases: &'b mut [i32],
    /// [`Integers::outputs_len`].
    pub factors: &'b mut [i32],
    /// One a type.
    pub tables: &'b mut [[i8; 256]],
}

impl<'a> Integers<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, ImageError> {
        let shape = shape(reader)?;
        let scaling = Scales::read(reader, &shape)?;
        let (input, output) = (reader.scale()?, reader.scale()?);

        let [weights, biases, factors, tables] = [
            reader.take()?,
            reader.take()?,
            reader.take()?,
            reader.take()?,
        ];

        let mut shifts = [0; MAX_LAYERS];
        reader.sequence(&mut shifts)?;

        let integers = Integers {
            shape,
            scaling,
            input,
            output,
            weights,
            biases,
            factors,
            tables,
            shifts,
        };

        let (biases, factors) = (words(biases)?, words(factors)?);
        let numbers = |words: &'a [[u8; 4]]| words.iter().map(|&w| i32::from_le_bytes(w));

        let lens = [
            weights.len(),
            biases.len(),
            factors.len(),
            words::<256>(tables)?.len(),
        ];

        check_parts(
            &shape,
            lens,
            numbers(biases),
            numbers(factors),
            shifts,
            [input, output],
        )
        .map_err(ImageError::Quantised)?;

        Ok(integers)
    }

    /// Its shape.
    #[must_use]
    pub const fn shape(&self) -> &Shape {
        &self.shape
    }

    /// How raw readings become inputs, and outputs answers.
    #[must_use]
    pub const fn scaling(&self) -> &Scales<'a> {
        &self.scaling
    }

    /// Number of weights.
    #[must_use]
    pub const fn weights_len(&self) -> usize {
        self.weights.len()
    }

    /// Number of outputs of all layers.
    #[must_use]
    pub const fn outputs_len(&self) -> usize {
        self.biases.len() / 4
    }

    /// Copies everything into `room` and makes a network of it.
    ///
    /// # Errors
    /// If a length differs; then nothing has changed.
    pub fn load<'b>(&self, room: Room<'b>) -> Result<Quantised<'b>, QuantisedError> {
        check("weights", self.weights_len(), room.weights.len())?;
        check("biases", self.outputs_len(), room.biases.len())?;
        check("factors", self.outputs_len(), room.factors.len())?;
        check("tables", self.shape.types(), room.tables.len())?;
        copy(self.weights, room.weights, i8::from_le_bytes);
        copy(self.biases, room.biases, i32::from_le_bytes);
        copy(self.factors, room.factors, i32::from_le_bytes);

        copy(
            self.tables,
            room.tables.as_flattened_mut(),
            i8::from_le_bytes,
        );

        let Room {
            weights,
            biases,
            factors,
            tables,
        } = room;

        let (shifts, input, output) = (self.shifts, self.input, self.output);

        Quantised::new(
            self.shape,
            Parts {
                weights,
                biases,
                factors,
                shifts,
                tables,
                input,
                output,
            },
        )
    }
}
