//! Tables asked at every number that an `f32` can be, in ascending order: no panic, and what
//! `docs/numerics.md` promises. `LDNN_EXHAUSTIVE=1` asks at all 2^32, in some minutes; otherwise at
//! one in 251, and at all near the places that matter.

use ldnn_core::table::TableForm;
use ldnn_core::table::compact::{Compact, Form, Knots, Symmetry, fill};
use ldnn_core::table::integer::{Scale, Scaled8, Scaled16, Table8, Table16};
use ldnn_core::{Activation, Base};

const KNOTS: Knots = Knots {
    low: -2.0,
    high: 3.0,
    count: 11,
};
const FORMS: [Form; 3] = [Form::Hermite, Form::Linear, Form::Pairs];

/// The numbers in ascending order: place 0 is the NaN of the most negative bits, the middle is 0.
fn at(place: u32) -> f32 {
    f32::from_bits(if place >> 31 == 1 {
        place ^ 0x8000_0000
    } else {
        !place
    })
}

fn place(z: f32) -> u32 {
    let bits = z.to_bits();
    if bits >> 31 == 1 {
        !bits
    } else {
        bits | 0x8000_0000
    }
}

/// All numbers, or one in 251 and 2001 around each of `near`; ascending.
fn numbers(near: &[f32]) -> impl Iterator<Item = f32> + use<> {
    let step = if std::env::var_os("LDNN_EXHAUSTIVE").is_some() {
        1
    } else {
        251
    };

    let mut windows: Vec<u32> = near
        .iter()
        .flat_map(|&z| place(z) - 1000..=place(z) + 1000)
        .collect();

    windows.sort_unstable();
    windows.dedup();

    let mut windows = windows.into_iter().peekable();
    let mut next = Some(0u32);

    std::iter::from_fn(move || {
        let own = next?;
        Some(at(match windows.next_if(|&w| w < own) {
            Some(window) => window,
            None => {
                next = own.checked_add(step);
                own
            }
        }))
    })
}

/// The knots, the ends, 0 and the neighbours of infinity.
fn places() -> Vec<f32> {
    (0..KNOTS.count)
        .map(|i| KNOTS.at(i))
        .chain([0.0, f32::MIN_POSITIVE, -f32::MIN_POSITIVE])
        .collect()
}

fn entries(form: Form, f: impl Fn(f32) -> (f32, f32)) -> Vec<f32> {
    let mut entries = vec![0.0; form.entries(KNOTS.count)];
    fill(form, KNOTS, f, &mut entries).unwrap();
    entries
}

#[test]
fn the_numbers_come_in_ascending_order_and_all_of_them() {
    assert!(at(place(1.5)) == 1.5 && at(place(-1.5)) == -1.5 && place(-0.0) + 1 == place(0.0));
    assert!(at(0).is_nan() && at(u32::MAX).is_nan());
    let some: Vec<f32> = numbers(&places()).filter(|z| !z.is_nan()).collect();
    assert!(some.windows(2).all(|pair| pair[0] <= pair[1]) && some.len() > 17_000_000);
    assert!(some.contains(&-2.0) && some.contains(&3.0));
}

#[test]
fn the_cell_of_a_table_never_falls_as_its_input_rises() {
    // Constant in every cell, so that the value is the number of the cell.
    let steps: Vec<f32> = (0..KNOTS.cells()).flat_map(|i| [i as f32, 0.0]).collect();
    let table = Compact::new(Form::Pairs, KNOTS, Symmetry::None, Base::Zero, &steps).unwrap();
    let (mut before, last) = (0.0, (KNOTS.cells() - 1) as f32);

    for z in numbers(&places()) {
        let (cell, slope) = table.jet(z);

        if z.is_finite() {
            assert!(
                cell >= before && cell <= last && slope == 0.0,
                "{z:e}: {cell} after {before}"
            );

            let exact = ((f64::from(z) + 2.0) * 2.0)
                .floor()
                .clamp(0.0, f64::from(last));

            // The position is rounded: at a knot the neighbour may be taken.
            assert!((f64::from(cell) - exact).abs() <= 1.0, "{z:e}");

            before = cell;
        } else {
            assert!(cell.is_nan(), "{z}");
        }
    }

    assert_eq!(before, last);
}

#[test]
fn a_table_of_a_rising_line_never_falls() {
    for form in FORMS {
        let entries = entries(form, |z| (2.0 * z, 2.0));
        let table = Compact::new(form, KNOTS, Symmetry::None, Base::Zero, &entries).unwrap();
        let mut before = f32::NEG_INFINITY;

        for z in numbers(&places()).filter(|z| !z.is_nan()) {
            let (y, slope) = table.jet(z);
            // Two roundings of numbers of this size, in the position and in the value.
            let slack = 4.0 * f32::EPSILON * z.abs().max(4.0);

            assert!(
                y >= before - slack || y == before,
                "{form:?} {z:e}: {y} after {before}"
            );
            assert!(
                (y - 2.0 * z).abs() <= slack || y.is_infinite(),
                "{form:?} {z:e}: {y}"
            );
            assert!((slope - 2.0).abs() < 1e-5, "{form:?} {z:e}");

            before = y;
        }
    }
}

#[test]
fn a_table_with_flat_ends_stays_in_its_range_for_every_finite_number() {
    // One more cell at each end, flat, as `ldnn export --beyond clamp` makes them.
    let flat = |z: f32| {
        if (-1.5..=2.5).contains(&z) {
            (z * z - 1.0, 2.0 * z)
        } else {
            (if z < 0.0 { 1.25 } else { 5.25 }, 0.0)
        }
    };

    for form in [Form::Linear, Form::Pairs] {
        let entries = entries(form, flat);
        let table = Compact::new(form, KNOTS, Symmetry::None, Base::Zero, &entries).unwrap();

        for z in numbers(&places()) {
            let (y, slope) = table.jet(z);

            // Lines know positions: what has none that is finite counts as infinite. Pairs have no
            // position to lose.
            if z.is_finite() && (form == Form::Pairs || (z * KNOTS.per_spacing()).is_finite()) {
                assert!(
                    (-1.0001..=5.2501).contains(&y) && slope.is_finite(),
                    "{form:?} {z:e}: {y}"
                );
            } else {
                assert!(y.is_nan(), "{form:?} {z}: {y}");
            }
        }
    }
}

#[test]
fn odd_and_even_tables_are_so_to_the_bit_for_every_number() {
    let half = Knots {
        low: 0.0,
        high: 3.0,
        count: 9,
    };

    for form in FORMS {
        let mut entries = vec![0.0; form.entries(half.count)];
        fill(form, half, |z| (z.sin(), z.cos()), &mut entries).unwrap();

        let odd = Compact::new(form, half, Symmetry::Odd, Base::Zero, &entries).unwrap();
        let even = Compact::new(form, half, Symmetry::Even, Base::Zero, &entries).unwrap();

        for z in numbers(&[0.0, 3.0]).filter(|z| *z > 0.0) {
            let ((y, slope), (negative, same)) = (odd.jet(z), odd.jet(-z));
            assert!(
                (-y).to_bits() == negative.to_bits() && slope == same || y.is_nan(),
                "{form:?} {z:e}"
            );

            let ((y, slope), (same, negative)) = (even.jet(z), even.jet(-z));
            assert!(
                y.to_bits() == same.to_bits() && slope == -negative || y.is_nan(),
                "{form:?} {z:e}"
            );
        }
    }
}

#[test]
fn the_tables_of_the_training_answer_for_every_number() {
    let form = TableForm::fixed(11, 2.5);
    let params: Vec<f32> = (0..11)
        .flat_map(|i| [form.knot::<f32>(i).sin(), form.knot::<f32>(i).cos() * 0.5])
        .collect();
    let (mut block, mut out) = (vec![], [0.0; 1024]);

    let mut check = |block: &mut Vec<f32>| {
        let out = &mut out[..block.len()];
        Activation::Table(form).eval(&params, block, out).unwrap();

        for (&z, &y) in block.iter().zip(&*out) {
            match z {
                z if z.is_nan() => assert!(y.is_nan(), "{z}"),
                z if z.abs() <= 2.5 => {
                    assert!(y.abs() <= 1.01 && (y - z.sin()).abs() < 2e-3, "{z:e}: {y}")
                }
                // Along the slope at the end, cos(2.5) = -0.8; what has no finite position counts
                // as infinite.
                z if (z * 2.0).is_finite() => {
                    let line = z.signum()
                        * (0.598_472_1 - 0.801_143_6 * (f64::from(z.abs()) - 2.5) as f32);
                    assert!((y - line).abs() <= 1e-5 * z.abs(), "{z:e}: {y} for {line}");
                }
                z => assert!(y == -z.signum() * f32::INFINITY, "{z}: {y}"),
            }
        }

        block.clear();
    };

    for z in numbers(&[-2.5, 0.0, 2.5]) {
        block.push(z);
        if block.len() == 1024 {
            check(&mut block);
        }
    }

    check(&mut block);
}

#[test]
fn an_integer_table_answers_for_every_number_with_one_of_its_own() {
    let values: Vec<i16> = (0..17).map(|i| i * 100 - 800).collect();
    let table = Table16::new(&values).unwrap();
    let scale = |step| Scale { step, zero: 0 };
    let scaled = Scaled16::new(table, scale(1e-3), scale(0.5)).unwrap();

    ascends(400.0, &[-32.768, 0.0, 32.767], |z| {
        (scaled.at(z), scaled.slope(z))
    });

    let values: [i8; 256] = std::array::from_fn(|i| ((i as i32 - 128) / 2) as i8);

    let scaled = Scaled8::new(
        Table8(&values),
        scale(0.25),
        Scale {
            step: 6.25,
            zero: 0,
        },
    )
    .unwrap();

    let mut least = [-1e9];
    scaled.apply(&mut least);

    assert_eq!(least, [-400.0]);

    ascends(393.75, &[-32.0, 0.0, 31.75], |z| {
        (scaled.at(z).max(-393.75), scaled.slope(z))
    });
}

/// A table from `-end` to `end` that never falls, at every number.
fn ascends(end: f32, ends: &[f32], at: impl Fn(f32) -> (f32, f32)) {
    let mut before = -end;

    for z in numbers(ends) {
        let (y, slope) = at(z);
        assert!((-end..=end).contains(&y) && slope.is_finite(), "{z:e}: {y}");

        if z.is_nan() {
            // As the first input: no integer is none.
            assert_eq!(y, -end);
        } else {
            assert!(y >= before, "{z:e}: {y} after {before}");
            before = y;
        }
    }

    assert_eq!(before, end);
}
