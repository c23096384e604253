//! The errors that the `micromath` feature states:
//! `cargo test -p ldnn-core --features micromath --test micromath`.
#![cfg(feature = "micromath")]

use ldnn_core::Real;
use ldnn_core::math::MICROMATH_ERRORS;

const POINTS: usize = 200_001;

fn ours(name: &str, x: f32) -> f32 {
    match name {
        "tanh" => Real::tanh(x),
        "exp" => Real::exp(x),
        "exp_m1" => Real::exp_m1(x),
        "ln" => Real::ln(x),
        "sin" => Real::sin(x),
        _ => Real::cos(x),
    }
}

fn exact(name: &str, x: f64) -> f64 {
    match name {
        "tanh" => x.tanh(),
        "exp" => x.exp(),
        "exp_m1" => x.exp_m1(),
        "ln" => x.ln(),
        "sin" => x.sin(),
        _ => x.cos(),
    }
}

/// The largest error on a grid; relative for exp.
fn measured(name: &str, (low, high): (f32, f32)) -> f32 {
    let at = |i: usize| low + (high - low) * i as f32 / (POINTS - 1) as f32;
    let error = |x: f32| {
        let (a, b) = (f64::from(ours(name, x)), exact(name, f64::from(x)));
        (a - b).abs() / if name == "exp" { b } else { 1.0 }
    };
    (0..POINTS).map(|i| error(at(i))).fold(0.0, f64::max) as f32
}

#[test]
fn the_stated_errors_hold_and_are_no_looser_than_they_need_to_be() {
    for (name, range, stated) in MICROMATH_ERRORS {
        let error = measured(name, range);
        println!("{name}: {error:e}");

        assert!(
            error <= stated,
            "{name}: {error:e} on {range:?}, stated {stated:e}"
        );
        assert!(
            error >= stated / 2.0,
            "{name}: {error:e} on {range:?}, stated {stated:e} is too loose"
        );
    }
}
