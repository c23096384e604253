//! Hand-written digits of 8 x 8 pixels, which ship with the program.

use super::npz::{self, NpyValues};
use super::{Dataset, Targets};
use crate::support::draws::{DrawnFor, draws};
use anyhow::{Context, Result, bail};

/// Rows of the test part; the usual fifth.
const TEST_ROWS: usize = 360;
/// Decides which rows these are.
const SEED: u64 = 42;
const CLASSES: usize = 10;
const PIXELS: usize = 64;

/// Pixels, rows x 64, and labels, in the file's order.
fn raw() -> Result<(Vec<i64>, Vec<i64>)> {
    let mut arrays = npz::parse(include_bytes!("../../assets/digits.npz"))
        .context("the digits inside the program")?;
    let mut of = |name: &str| match arrays
        .iter()
        .position(|(n, _)| n == name)
        .map(|i| arrays.swap_remove(i).1.values)
    {
        Some(NpyValues::I64(v)) => Ok(v),
        _ => bail!("the digits inside the program lack the array '{name}'"),
    };

    Ok((of("x")?, of("y")?))
}

/// All rows as they are, as a table with the columns pixel1 to pixel64 and digit.
///
/// # Errors
/// If the archive inside the program is damaged.
pub fn digits_csv() -> Result<String> {
    let (pixels, labels) = raw()?;
    let mut text = (1..=PIXELS)
        .map(|i| format!("pixel{i},"))
        .collect::<String>()
        + "digit\n";

    for (row, label) in pixels.chunks_exact(PIXELS).zip(&labels) {
        text.extend(row.iter().map(|p| format!("{p},")));
        text += &format!("{label}\n");
    }

    Ok(text)
}

impl Dataset {
    /// Hand-written digits of 8 x 8 pixels (Alpaydin and Kaynak 1998): 1437 training and 360 test
    /// rows, drawn once and for all; pixels standardised with mean and standard deviation of all
    /// training pixels.
    ///
    /// # Errors
    /// If the archive inside the program is damaged.
    pub fn digits() -> Result<Dataset> {
        // Drawn from all rows: the file's order goes by writer.
        let (pixels, labels) = raw()?;
        let mut order = vec![0; labels.len()];
        draws(DrawnFor::Digits, SEED, 0).permutation(&mut order);

        let (test, train) = order.split_at(TEST_ROWS);

        let rows = |rows: &[u32]| -> Vec<f64> {
            rows.iter()
                .flat_map(|&r| {
                    pixels[r as usize * PIXELS..][..PIXELS]
                        .iter()
                        .map(|&p| p as f64)
                })
                .collect()
        };

        let target = |rows: &[u32]| Targets::Classes {
            labels: rows.iter().map(|&r| labels[r as usize] as u16).collect(),
            classes: CLASSES,
        };
        let (x, x_test) = (rows(train), rows(test));
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        let sd = (x.iter().map(|p| (p - mean).powi(2)).sum::<f64>() / x.len() as f64).sqrt();
        let standard = |x: Vec<f64>| x.into_iter().map(|p| (p - mean) / sd).collect();

        Ok(Dataset {
            name: "digits".into(),
            x: standard(x),
            x_test: standard(x_test),
            features: PIXELS,
            target: target(train),
            target_test: target(test),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digits_are_all_there() {
        let set = Dataset::digits().unwrap();
        assert_eq!((set.x.len(), set.x_test.len()), (1437 * 64, 360 * 64));

        let (Targets::Classes { labels, .. }, Targets::Classes { labels: test, .. }) =
            (&set.target, &set.target_test)
        else {
            panic!("digits are classes")
        };

        // scikit-learn: numpy.bincount(load_digits().target)
        let count = |c: u16| labels.iter().chain(test).filter(|l| **l == c).count();

        assert_eq!(
            (0..10).map(count).collect::<Vec<_>>(),
            [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
        );
        assert!((0..10).all(|c| test.iter().filter(|l| **l == c).count() >= 20));
    }
}
