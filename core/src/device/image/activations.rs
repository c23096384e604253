//! The activations of an image.

use super::error::ImageError;
use super::reader::{Reader, base, copy, finite, scale, words};
use crate::activation::Base;
use crate::device::deploy::AnyActivation;
use crate::device::table::compact::{Compact, Form, Knots, Symmetry, TableError};
use crate::device::table::integer::{Scaled8, Scaled16, Table8, Table16};
use crate::error::{SizeError, check};
use crate::shape::MAX_TYPES;
use serde::Deserialize;

/// One per type, in order.
#[derive(Clone, Copy, Debug)]
pub struct Activations<'a> {
    records: [Record<'a>; MAX_TYPES],
    count: usize,
}

impl<'a> Activations<'a> {
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, ImageError> {
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
        self.records().iter().map(|r| r.lens().floats).sum()
    }

    /// Number of values that [`Self::load`] needs for tables of 16-bit integers.
    #[must_use]
    pub fn integers_len(&self) -> usize {
        self.records().iter().map(|r| r.lens().integers).sum()
    }

    /// Number of tables of 8-bit integers.
    #[must_use]
    pub fn direct_len(&self) -> usize {
        self.records().iter().map(|r| r.lens().direct).sum()
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
            let lens = record.lens();
            let (here, rest) = floats.split_at_mut_checked(lens.floats).unwrap_or_default();
            let (here16, rest16) = integers
                .split_at_mut_checked(lens.integers)
                .unwrap_or_default();
            (floats, integers) = (rest, rest16);

            let here8 = if lens.direct > 0 { direct.next() } else { None };

            // What was checked when the image was read cannot fail here.
            *into = record
                .load(here, here16, here8)
                .unwrap_or(AnyActivation::Base(Base::Zero));
        }

        Ok(())
    }
}

/// What a record needs of each memory that [`Activations::load`] takes.
#[derive(Default)]
struct Lens {
    floats: usize,
    integers: usize,
    direct: usize,
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

    fn lens(&self) -> Lens {
        match self {
            Record::Base(_) => Lens::default(),
            Record::Compact { entries, .. } => Lens {
                floats: entries.len() / 4,
                ..Lens::default()
            },
            Record::Integer { entries, .. } => Lens {
                integers: entries.len() / 2,
                ..Lens::default()
            },
            Record::Direct { .. } => Lens {
                direct: 1,
                ..Lens::default()
            },
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
