//! MNIST's form of files: a magic number, lengths, and big-endian elements.

use super::npy::{NpyArray, NpyValues};
use crate::support::memory::MemoryBudget;
use anyhow::{Context, Result, bail, ensure};
use std::io::Read;

/// Reads an array of one to four dimensions.
///
/// # Errors
/// If it is malformed, cut off, or larger than the budget.
pub fn read(from: &mut dyn Read, budget: MemoryBudget) -> Result<NpyArray> {
    let mut magic = [0; 4];
    fill(from, &mut magic, "magic number")?;

    let [0, 0, code, dimensions @ 1..=4] = magic else {
        bail!(
            "does not begin with the magic number of an IDX file of 1 to 4 dimensions: {magic:02x?}"
        )
    };

    let mut shape = vec![];

    for _ in 0..dimensions {
        let mut length = [0; 4];
        fill(from, &mut length, "lengths")?;
        shape.push(u32::from_be_bytes(length) as usize);
    }

    let count = shape
        .iter()
        .try_fold(1u64, |n, &len| n.checked_mul(len as u64))
        .unwrap_or(u64::MAX);

    budget.allow(count)?;

    let size = match code {
        8 | 9 => 1,
        11 => 2,
        12 | 13 => 4,
        14 => 8,
        _ => bail!("has elements of the unknown type {code:#04x}"),
    };

    let data = exactly(from, count * size)?;
    Ok(NpyArray {
        shape,
        values: values(code, &data),
    })
}

fn fill(from: &mut dyn Read, to: &mut [u8], part: &str) -> Result<()> {
    from.read_exact(to)
        .with_context(|| format!("the IDX file ends within its {part}; it was cut off"))
}

/// Memory is taken as the bytes come, whatever the header says.
fn exactly(from: &mut dyn Read, len: u64) -> Result<Vec<u8>> {
    let mut data = vec![];
    from.take(len + 1)
        .read_to_end(&mut data)
        .context("the IDX file cannot be read")?;

    let got = data.len() as u64;
    ensure!(
        got >= len,
        "the IDX file was cut off: its header promises {len} bytes of elements, and {got} are there"
    );
    ensure!(
        got == len,
        "the IDX file has bytes behind its {len} bytes of elements; it is damaged"
    );

    Ok(data)
}

fn values(code: u8, data: &[u8]) -> NpyValues {
    match code {
        8 => NpyValues::I64(data.iter().map(|&b| i64::from(b)).collect()),
        9 => NpyValues::I64(data.iter().map(|&b| i64::from(b as i8)).collect()),
        11 => NpyValues::I64(
            data.as_chunks()
                .0
                .iter()
                .map(|b| i64::from(i16::from_be_bytes(*b)))
                .collect(),
        ),
        12 => NpyValues::I64(
            data.as_chunks()
                .0
                .iter()
                .map(|b| i64::from(i32::from_be_bytes(*b)))
                .collect(),
        ),
        13 => NpyValues::F64(
            data.as_chunks()
                .0
                .iter()
                .map(|b| f64::from(f32::from_be_bytes(*b)))
                .collect(),
        ),
        _ => NpyValues::F64(
            data.as_chunks()
                .0
                .iter()
                .map(|b| f64::from_be_bytes(*b))
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Result<NpyArray> {
        read(&mut &bytes[..], MemoryBudget::parse("1M").unwrap())
    }

    #[test]
    fn images_labels_and_every_type_are_read() {
        let images = [
            &[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2][..],
            &[0, 128, 255, 7],
        ]
        .concat();

        let array = parse(&images).unwrap();
        assert_eq!((array.rows(), array.columns()), (2, 2));
        assert_eq!(array.values, NpyValues::I64(vec![0, 128, 255, 7]));

        let vector = |code: u8, data: &[u8]| {
            parse(&[&[0, 0, code, 1, 0, 0, 0, 2][..], data].concat())
                .unwrap()
                .to_f64()
        };

        assert_eq!(vector(9, &[0xff, 5]), [-1.0, 5.0]);
        assert_eq!(vector(11, &[0xff, 0xfe, 1, 0]), [-2.0, 256.0]);
        assert_eq!(
            vector(12, &[0xff, 0xff, 0xff, 0xff, 0, 1, 0, 0]),
            [-1.0, 65536.0]
        );
        assert_eq!(
            vector(13, &[0x3f, 0xc0, 0, 0, 0xbf, 0x80, 0, 0]),
            [1.5, -1.0]
        );

        assert_eq!(
            vector(
                14,
                &[1.25f64.to_be_bytes(), (-2.5f64).to_be_bytes()].concat()
            ),
            [1.25, -2.5]
        );
    }

    #[test]
    fn a_file_that_is_cut_off_or_lies_about_its_size_is_refused() {
        let error = |bytes: &[u8]| format!("{:#}", parse(bytes).unwrap_err());
        let whole = [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 1, 5, 6];

        assert!(parse(&whole).is_ok());

        for cut in 0..whole.len() {
            assert!(error(&whole[..cut]).contains("cut off"), "cut at {cut}");
        }

        assert!(error(&whole[..13]).contains("promises 2 bytes of elements, and 1 are there"));
        assert!(error(&[&whole[..], &[1]].concat()).contains("bytes behind"));

        assert!(
            error(&[
                0, 0, 8, 4, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
                255, 255
            ])
            .contains("memory")
        );

        assert!(error(&[0, 0, 10, 1, 0, 0, 0, 0]).contains("unknown type 0x0a"));
        assert!(error(b"abcd").contains("magic number"));
    }
}
