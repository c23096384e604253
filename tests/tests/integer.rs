//! Integer tables: every input there is.

use approx::assert_abs_diff_eq;
use ldnn_core::table::integer::{Scale, Scaled8, Scaled16, Table8, Table16};
use proptest::prelude::*;

fn inputs() -> impl Iterator<Item = i16> {
    i16::MIN..=i16::MAX
}

/// The line between two knots, rounded half up, in numbers that cannot overflow.
fn oracle(entries: &[i16], q: i16) -> i64 {
    let width = 65536 / (entries.len() as i64 - 1);
    let u = i64::from(q) + 32768;
    let (i, fraction) = ((u / width) as usize, u % width);
    let (y0, y1) = (i64::from(entries[i]), i64::from(entries[i + 1]));
    y0 + (fraction * (y1 - y0) + width / 2).div_euclid(width)
}

fn agrees(entries: &[i16]) {
    let table = Table16::new(entries).unwrap();
    for q in inputs() {
        assert_eq!(
            i64::from(table.at(q)),
            oracle(entries, q),
            "{} entries, input {q}",
            entries.len()
        );
    }
}

#[test]
fn lines_between_extremes_do_not_overflow() {
    for k in [1, 2, 5, 9, 15] {
        let up_and_down = |i: usize| {
            if i.is_multiple_of(2) {
                i16::MIN
            } else {
                i16::MAX
            }
        };

        agrees(&(0..=1 << k).map(up_and_down).collect::<Vec<_>>());
        agrees(&(0..=1 << k).map(|i| up_and_down(i + 1)).collect::<Vec<_>>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]
    #[test]
    fn every_input_lies_on_its_line(k in 1u32..12, seed: u64) {
        let entry = |i: u64| ((i + 1).wrapping_mul(seed | 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48) as i16;
        agrees(&(0..=1u64 << k).map(entry).collect::<Vec<_>>());
    }
}

#[test]
fn the_layout_with_513_entries_is_that_of_tensorflow_lite() {
    let entries: Vec<i16> = (0..513)
        .map(|i| (32767.0 * ((i - 256) as f64 / 60.0).tanh()).round() as i16)
        .collect();
    let table = Table16::new(&entries).unwrap();

    for q in inputs() {
        // As its kernel for int16 look-ups states: 7 bits within a cell, rounded by adding 64.
        let (index, offset) = (256 + (i32::from(q) >> 7), i32::from(q) & 0x7f);
        let (base, next) = (
            i32::from(entries[index as usize]),
            i32::from(entries[index as usize + 1]),
        );

        assert_eq!(
            i32::from(table.at(q)),
            base + (((next - base) * offset + 64) >> 7)
        );
    }
}

#[test]
fn a_direct_table_begins_with_the_least_input() {
    let entries: [i8; 256] = std::array::from_fn(|i| (i as i32 * 7 % 256 - 128) as i8);

    for q in i8::MIN..=i8::MAX {
        assert_eq!(
            Table8(&entries).at(q),
            entries[(i32::from(q) + 128) as usize]
        );
    }

    let mut both = [-128, 127];
    Table8(&entries).apply(&mut both);

    assert_eq!(both, [entries[0], entries[255]]);
}

#[test]
fn real_numbers_are_rounded_looked_up_and_scaled() {
    let input = Scale::spanning(-4.0, 4.0, 16).unwrap();
    let output = Scale::spanning(-1.0, 1.0, 16).unwrap();
    let knot = |i: i32| output.integer(input.real(-32768 + 128 * i).sin(), -32768, 32767) as i16;
    let entries: Vec<i16> = (0..513).map(knot).collect();
    let table = Scaled16::new(Table16::new(&entries).unwrap(), input, output).unwrap();

    for i in 0..10_000 {
        let z = -4.0 + 8.0 * i as f32 / 10_000.0;
        // The line, h^2 / 8; half a step of the input; half steps of the output, twice.
        let bound = (8.0f32 / 512.0).powi(2) / 8.0 + 0.5 * input.step + output.step;

        assert!(
            (table.at(z) - z.sin()).abs() < bound,
            "{} at {z}",
            table.at(z)
        );
    }

    let ends = [-1e30, f32::NEG_INFINITY, 1e30, f32::INFINITY].map(|z| table.at(z));
    assert_eq!(
        ends,
        [table.at(-4.1), table.at(-4.1), table.at(4.1), table.at(4.1)]
    );
    assert_eq!(table.at(f32::NAN), table.at(-4.1));
}

#[test]
fn a_direct_table_takes_real_numbers_to_the_nearest_of_its_inputs() {
    let input = Scale::spanning(-4.0, 4.0, 8).unwrap();
    let output = Scale::spanning(-1.0, 1.0, 8).unwrap();
    let entries: [i8; 256] =
        std::array::from_fn(|i| output.integer(input.real(i as i32 - 128).sin(), -128, 127) as i8);
    let table = Scaled8::new(Table8(&entries), input, output).unwrap();

    for i in 0..10_000 {
        let z = input.real(-128) + (input.real(127) - input.real(-128)) * i as f32 / 10_000.0;
        // Where the rounding of the input is a tie, either side is right.
        let q = input.integer(z, -128, 127);
        let near = [q - 1, q, q + 1]
            .map(|q| output.real(entries[(q.clamp(-128, 127) + 128) as usize].into()));

        assert!(near.contains(&table.at(z)), "{} at {z}", table.at(z));

        // Half a step of the input, along a slope of at most 1; half a step of the output.
        assert!(
            (table.at(z) - z.sin()).abs() <= 0.501 * (input.step + output.step),
            "{} at {z}",
            table.at(z)
        );

        let (mut slope, mut h) = ([z], [0.0]);
        table.apply_with_slopes(&mut slope, &mut h).unwrap();

        // From the entry before to the one behind, one-sided at the ends; a tie may be seen on
        // either side.
        let y = |q: i32| f32::from(entries[(q.clamp(-128, 127) + 128) as usize]) * output.step;
        let rise = |q: i32| {
            (y(q + 1) - y(q - 1)) / (((q + 1).min(127) - (q - 1).max(-128)) as f32 * input.step)
        };
        let near = [q - 1, q, q + 1].map(|q| rise(q.clamp(-128, 127)));

        assert!(
            near.iter().any(|s| (s - slope[0]).abs() < 1e-5),
            "{} at {z}, not of {near:?}",
            slope[0]
        );

        assert_eq!(h[0], table.at(z));
    }

    for q in -128..=127 {
        assert_eq!(
            table.at(input.real(q)),
            output.real(entries[(q + 128) as usize].into()),
            "{q}"
        );
    }

    let ends =
        [-1e30, f32::NEG_INFINITY, 1e30, f32::INFINITY].map(|z| (table.at(z), table.slope(z)));
    let [low, high] = [entries[0], entries[255]].map(|q| (output.real(q.into()), 0.0));

    assert_eq!(ends, [low, low, high, high]);
    assert_eq!((table.at(f32::NAN), table.slope(f32::NAN)), low);

    let beyond = Scale {
        step: 1.0,
        zero: (1 << 30) + 1,
    };

    assert!(Scaled8::new(Table8(&entries), input, beyond).is_err());
    assert!(Scaled8::new(Table8(&entries), Scale { step: 0.0, zero: 0 }, output).is_err());
}

#[test]
fn scales_span_their_range_and_refuse_the_impossible() {
    for (low, high) in [(-1.0, 1.0), (0.0, 6.0), (-0.2, 3.0), (2.0, 5.0)] {
        for (bits, least, most) in [(8, -128, 127), (16, -32768, 32767)] {
            let scale = Scale::spanning(low, high, bits).unwrap();
            assert_abs_diff_eq!(scale.real(least), low, epsilon = scale.step);
            assert_abs_diff_eq!(scale.real(most), high, epsilon = scale.step);

            for q in [least, least + 1, -3, 0, 77, most] {
                assert_eq!(
                    scale.integer(scale.real(q), least, most),
                    q,
                    "{low}..{high} in {bits} bits"
                );
            }

            assert_eq!(scale.integer(1e30, least, most), most);
            assert_eq!(scale.integer(f32::NAN, least, most), least);
        }
    }

    for (low, high, bits) in [
        (1.0, 1.0, 8),
        (1.0, -1.0, 8),
        (0.0, f32::INFINITY, 8),
        (f32::NAN, 1.0, 8),
        (0.0, 1.0, 1),
        (0.0, 1.0, 17),
        (0.0, 1.0, 40),
    ] {
        assert_eq!(
            Scale::spanning(low, high, bits),
            None,
            "{low}..{high} in {bits} bits"
        );
    }

    let entries = [0; 3];
    let table = Table16::new(&entries).unwrap();
    let good = Scale { step: 1.0, zero: 0 };

    for bad in [
        Scale { step: 0.0, zero: 0 },
        Scale {
            step: f32::NAN,
            zero: 0,
        },
        Scale {
            step: 1e-40,
            zero: 0,
        },
    ] {
        assert!(Scaled16::new(table, bad, good).is_err());
    }

    for len in [0, 1, 2, 4, 6, 514] {
        let entries = vec![0; len];
        assert!(
            Table16::new(&entries)
                .unwrap_err()
                .to_string()
                .contains("entries"),
            "{len}"
        );
    }
}
