//! Deployed tables: right between the knots, at them, beyond them, and at every number that is
//! none.

use ldnn_core::Base;
use ldnn_core::table::compact::{Compact, Form, Knots, MAX_KNOTS, Symmetry, TableError, fill};
use proptest::prelude::*;

const FORMS: [Form; 3] = [Form::Hermite, Form::Linear, Form::Pairs];

fn wave(z: f32) -> (f32, f32) {
    let z = f64::from(z);
    (
        (1.3 * z).sin() as f32 + 0.2 * z as f32,
        (1.3 * (1.3 * z).cos() + 0.2) as f32,
    )
}

fn entries(form: Form, knots: Knots, f: impl Fn(f32) -> (f32, f32)) -> Vec<f32> {
    let mut entries = vec![0.0; form.entries(knots.count)];
    fill(form, knots, f, &mut entries).unwrap();
    entries
}

fn whole(form: Form, knots: Knots, entries: &[f32]) -> Compact<'_> {
    Compact::new(form, knots, Symmetry::None, Base::Zero, entries).unwrap()
}

/// The same function in f64, from the definition: the cell found by search, the cubic in Hermite's
/// basis.
fn oracle(form: Form, knots: Knots, z: f64) -> f64 {
    let (low, h) = (f64::from(knots.low), knots.spacing());
    let i = ((z - low) / h)
        .floor()
        .clamp(0.0, f64::from(knots.cells() - 1));
    let end = |i: f64| {
        let (y, slope) = wave(knots.at(i as u32));
        (f64::from(y), f64::from(slope) * h)
    };
    let ((y0, m0), (y1, m1)) = (end(i), end(i + 1.0));

    let t = (z - low) / h - i;
    let inside = t.clamp(0.0, 1.0);

    match form {
        Form::Linear | Form::Pairs => y0 * (1.0 - t) + y1 * t,
        Form::Hermite => {
            let (s, u) = (inside, 1.0 - inside);
            let value =
                y0 * (1.0 + 2.0 * s) * u * u + m0 * s * u * u + y1 * s * s * (3.0 - 2.0 * s)
                    - m1 * s * s * u;
            value + (t - inside) * if t < 0.0 { m0 } else { m1 }
        }
    }
}

proptest! {
    #[test]
    fn every_form_is_what_its_definition_says(
        low in -9.0f32..3.0, width in 0.5f32..12.0, count in 2u32..300, at in -0.4f64..1.4, form in 0usize..3,
    ) {
        let (knots, form) = (Knots { low, high: low + width, count }, FORMS[form]);
        let entries = entries(form, knots, wave);
        let z = (f64::from(low) + at * f64::from(width)) as f32;
        let (value, slope) = whole(form, knots, &entries).jet(z);
        let expected = oracle(form, knots, f64::from(z));
        // Rounding of the position, times the steepest line there can be; of intercepts, of the
        // sum.
        let bound = 3e-6 * (1.0 + f64::from(z.abs()) + f64::from(low.abs())) * 2.0;
        prop_assert!((f64::from(value) - expected).abs() < bound, "{value} for {expected} at {z}");
        prop_assert!(slope.abs() < 4.0);
    }

    #[test]
    fn slices_give_the_bits_of_single_values(low in -9.0f32..3.0, width in 0.5f32..12.0, count in 2u32..300, form in 0usize..3) {
        let (knots, form) = (Knots { low, high: low + width, count }, FORMS[form]);
        let entries = entries(form, knots, wave);
        let table = whole(form, knots, &entries);
        let z: Vec<f32> = (0..97).map(|i| low + width * (i as f32 / 60.0 - 0.3)).collect();
        let (mut values, mut slopes, mut both) = (z.clone(), z.clone(), z.clone());
        table.apply(&mut values);
        table.apply_with_slopes(&mut slopes, &mut both).unwrap();
        let single: Vec<(u32, u32)> = z.iter().map(|&z| table.jet(z)).map(|(v, s)| (v.to_bits(), s.to_bits())).collect();
        let whole: Vec<(u32, u32)> = values.iter().zip(&slopes).map(|(v, s)| (v.to_bits(), s.to_bits())).collect();
        prop_assert_eq!(&single, &whole);
        prop_assert!(both.iter().zip(&values).all(|(a, b)| a.to_bits() == b.to_bits()));
    }
}

#[test]
fn slopes_are_those_of_the_tabulated_function() {
    let knots = Knots {
        low: -4.0,
        high: 4.0,
        count: 33,
    };

    for form in FORMS {
        let entries = entries(form, knots, wave);
        let table = whole(form, knots, &entries);

        for i in 0..640 {
            // Within a cell and beyond the ends, away from the kinks of lines.
            let (z, step) = (-4.8 + 9.6 * (i as f32 + 0.37) / 640.0, 1.0 / 1024.0);
            if (f64::from(z + 4.0) / knots.spacing()).fract() > 0.98 {
                continue;
            }

            let difference = (table.jet(z + step).0 - table.jet(z).0) / step;
            let (a, b) = (table.jet(z).1, table.jet(z + step).1);

            assert!(
                (difference - (a + b) / 2.0).abs() < 2e-3,
                "{form:?} at {z}: {difference} for {a}, {b}"
            );
        }
    }
}

#[test]
fn half_a_table_serves_odd_and_even_functions() {
    let knots = Knots {
        low: 0.0,
        high: 5.0,
        count: 41,
    };

    for form in FORMS {
        let odd = entries(form, knots, |z| (z.sin(), z.cos()));
        let odd = Compact::new(form, knots, Symmetry::Odd, Base::Zero, &odd).unwrap();
        let even = entries(form, knots, |z| (z.cos(), -z.sin()));
        let even = Compact::new(form, knots, Symmetry::Even, Base::Zero, &even).unwrap();

        for i in 1..100 {
            let z = 0.07 * i as f32;
            let mut both = [z, -z];
            let mut slopes = [z, -z];
            odd.apply(&mut both);

            assert_eq!(both[0], -both[1]);

            let mut h = [0.0; 2];
            even.apply_with_slopes(&mut slopes, &mut h).unwrap();

            assert_eq!(h[0], h[1]);
            assert_eq!(slopes[0], -slopes[1]);

            if z < 5.0 {
                assert!(
                    (both[0] - z.sin()).abs() < 2.1e-3 && (h[0] - z.cos()).abs() < 2.1e-3,
                    "{form:?} at {z}"
                );
            }
        }
    }
}

#[test]
fn a_kink_is_added_and_a_flat_cell_keeps_the_ends() {
    let knots = Knots {
        low: -2.0,
        high: 2.0,
        count: 9,
    };

    let entries_of = entries(Form::Hermite, knots, wave);

    let table = Compact::new(
        Form::Hermite,
        knots,
        Symmetry::None,
        Base::Relu,
        &entries_of,
    )
    .unwrap();

    let plain = whole(Form::Hermite, knots, &entries_of);
    let mut z = [-1.5, 1.5];
    table.apply(&mut z);

    assert_eq!(z, [plain.jet(-1.5).0, plain.jet(1.5).0 + 1.5]);

    let flat = [1.0, 1.0, 2.0, 4.0, 4.0];

    let knots = Knots {
        low: -2.0,
        high: 2.0,
        count: 5,
    };

    let clamped = whole(Form::Linear, knots, &flat);
    assert_eq!(
        [-9.0, -1e30, -1.0, 0.0, 9.0, 1e30].map(|z| clamped.jet(z).0),
        [1.0, 1.0, 1.0, 2.0, 4.0, 4.0]
    );
}

#[test]
fn numbers_that_are_none_do_no_harm() {
    let knots = Knots {
        low: -2.0,
        high: 2.0,
        count: 9,
    };

    for form in FORMS {
        let entries = entries(form, knots, wave);
        let table = whole(form, knots, &entries);

        assert!(
            table.jet(f32::NAN).0.is_nan() && table.jet(-f32::NAN).0.is_nan(),
            "{form:?}"
        );

        let (low, high) = (table.jet(f32::NEG_INFINITY).0, table.jet(f32::INFINITY).0);
        assert!(
            low.is_infinite() && high.is_infinite(),
            "{form:?}: {low}, {high}"
        );

        // The first knot, and one bit to either side of it and of the last.
        for z in [
            -2.0,
            (-2.0f32).next_down(),
            (-2.0f32).next_up(),
            2.0,
            2.0f32.next_down(),
            2.0f32.next_up(),
        ] {
            assert!((table.jet(z).0 - wave(z).0).abs() < 1e-5, "{form:?} at {z}");
        }
    }
}

#[test]
fn impossible_tables_are_refused() {
    let good = Knots {
        low: -1.0,
        high: 1.0,
        count: 3,
    };

    let make = |knots, symmetry, base, len| {
        Compact::new(Form::Linear, knots, symmetry, base, &[0.0; 9][..len])
            .map(|_| ())
            .unwrap_err()
    };

    for bad in [
        Knots { count: 1, ..good },
        Knots {
            count: MAX_KNOTS + 1,
            ..good
        },
        Knots { low: 1.0, ..good },
        Knots {
            low: f32::NAN,
            ..good
        },
        Knots {
            high: f32::INFINITY,
            ..good
        },
        Knots {
            low: 0.0,
            high: 1e-44,
            ..good
        },
    ] {
        assert_eq!(
            make(bad, Symmetry::None, Base::Zero, 3),
            TableError::Knots,
            "{bad:?}"
        );
    }

    assert_eq!(
        make(good, Symmetry::Odd, Base::Zero, 3),
        TableError::Symmetry
    );

    let half = Knots { low: 0.0, ..good };
    assert_eq!(
        make(half, Symmetry::Even, Base::Relu, 3),
        TableError::Symmetry
    );
    assert_eq!(make(good, Symmetry::None, Base::Tanh, 3), TableError::Base);

    let text = make(good, Symmetry::None, Base::Zero, 4).to_string();
    assert!(
        text.contains("entries") && text.contains('3') && text.contains('4'),
        "{text}"
    );
}
