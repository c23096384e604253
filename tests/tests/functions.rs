//! Our own elementary functions in single precision, against libm's in double. `LDNN_EXHAUSTIVE=1`
//! tries every number, in some minutes; otherwise one in 251.

use ldnn_core::Real;
use ldnn_core::math::{EXP_ULP, TANH_ULP};

/// The distance of neighbouring `f32` at `y`.
fn ulp(y: f64) -> f64 {
    let exponent = y.abs().max(f64::from(f32::MIN_POSITIVE)).log2().floor();
    (exponent - 23.0).exp2()
}

/// The largest error in units in the last place over the numbers with both signs.
fn worst(ours: fn(f32) -> f32, exact: fn(f64) -> f64) -> (f64, f32) {
    let step = if std::env::var_os("LDNN_EXHAUSTIVE").is_some() {
        1
    } else {
        251
    };

    let mut worst = (0.0, 0.0);

    for bits in (0..=u32::MAX).step_by(step) {
        let x = f32::from_bits(bits);
        let (ours, exact) = (ours(x), exact(f64::from(x)));

        if x.is_nan() {
            assert!(ours.is_nan(), "{bits:08x}");
        } else if (exact as f32).is_infinite() {
            assert_eq!(ours, exact as f32, "{x:e}");
        } else {
            let error = (f64::from(ours) - exact).abs() / ulp(exact);
            if error > worst.0 {
                worst = (error, x);
            }
        }
    }

    worst
}

#[test]
fn exp_has_the_stated_error_for_every_number() {
    let (error, at) = worst(Real::exp, |x| x.exp());
    println!("{error} at {at:e}");
    assert!(error <= EXP_ULP, "{error} at {at:e}");
    assert!(error > 0.5, "nothing was compared");
}

#[test]
fn tanh_has_the_stated_error_for_every_number() {
    let (error, at) = worst(Real::tanh, |x| x.tanh());
    println!("{error} at {at:e}");
    assert!(error <= TANH_ULP, "{error} at {at:e}");
    assert!(error > 0.5, "nothing was compared");
}

#[test]
fn tanh_is_odd_and_bounded() {
    for i in 0..100_000 {
        let x = i as f32 * 1e-3;
        assert_eq!(Real::tanh(-x).to_bits(), (-Real::tanh(x)).to_bits());
        assert!(Real::tanh(x) <= 1.0);
    }
}
