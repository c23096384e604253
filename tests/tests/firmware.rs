//! What the firmware does, done here: `tests/golden/firmware.txt` holds what both must print, to
//! the bit. The rest of the library is in `tests/tests/bits.rs`.

use ldnn_firmware_example::infer::{self, IntegerWork, Score};
use ldnn_firmware_example::learn::{self, Direct, KNOTS, Report, STEP_WORK};
use ldnn_firmware_example::model::{IMAGE, floats, integers, subnets};
use ldnn_firmware_example::update::{Refusal, Slot};
use std::path::Path;

fn line(what: &str, report: Option<Report>) -> String {
    let Report {
        steps,
        rows,
        before,
        after,
        hash,
    } = report.unwrap();

    assert!(after > before, "{what}: learning did not help");

    format!(
        "{what}: {before} of {rows} drifted rows right before, {after} after {steps} steps; hash {hash:08x}\n"
    )
}

#[test]
fn the_host_learns_what_the_device_learns() {
    let mut theta = floats::THETA;
    let mut work = [0.0; STEP_WORK];
    let frozen = learn::online(&mut theta, &mut learn::frozen_types(), &mut work);
    learn::start(&mut theta);

    let mut entries = [[0.0; KNOTS]; 2];
    let knots = learn::start_knots(&mut entries);

    let tunable = learn::online(
        &mut theta,
        &mut learn::tunable_types(knots, &mut entries).unwrap(),
        &mut work,
    );

    let mut direct = Box::new(Direct::new());
    direct.start();

    let got = line("weights", frozen)
        + &line("weights and knots", tunable)
        + &line(
            "weights and sub-networks (alternating)",
            direct.alternating(),
        );

    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/firmware.txt");

    if std::env::var("LDNN_BLESS").is_ok() {
        std::fs::write(&golden, &got).unwrap();
    }

    assert_eq!(got, std::fs::read_to_string(golden).unwrap());
}

#[test]
fn a_reading_that_is_nan_leaves_the_learning_device_as_it_was() {
    let (mut theta, mut work, mut entries) = (floats::THETA, [0.0; STEP_WORK], [[0.0; KNOTS]; 2]);
    let knots = learn::start_knots(&mut entries);
    let mut tunable = learn::tunable_types(knots, &mut entries).unwrap();

    for types in [&mut learn::frozen_types(), &mut tunable] {
        assert!(learn::bad_reading_is_refused(
            &mut theta, types, &[0.5; 40], &mut work
        ));
    }

    assert_eq!(theta, floats::THETA);
}

#[test]
fn the_committed_export_gives_its_golden_answers() {
    let mut work = [0.0; infer::WORK];
    let Score { rows, same, right } = infer::all_floats(&mut work);

    assert!(same == rows && 2 * right > rows);

    let mut work = IntegerWork {
        q: [0; 40],
        work: [0; infer::WORK],
    };
    let built_in = infer::all_integers(&integers::network().unwrap(), &mut work);

    assert!(built_in.same == built_in.rows && 2 * built_in.right > built_in.rows);

    let mut slot = Slot::new();
    assert_eq!(
        infer::all_integers(&slot.load(&IMAGE).unwrap(), &mut work),
        built_in
    );
}

#[test]
fn a_bad_image_leaves_the_old_model_as_it_was() {
    let mut work = IntegerWork {
        q: [0; 40],
        work: [0; infer::WORK],
    };
    let mut slot = Slot::new();
    let good = infer::all_integers(&slot.load(&IMAGE).unwrap(), &mut work);

    for i in 0..IMAGE.len() {
        let mut bad = IMAGE;
        bad[i] ^= 1 << (i % 8);
        assert!(
            matches!(slot.load(&bad), Err(Refusal::Image(_))),
            "byte {i}"
        );
    }

    assert_eq!(
        infer::all_integers(&slot.network().unwrap(), &mut work),
        good
    );
}

#[test]
fn the_sub_networks_are_those_that_the_tables_come_from() {
    // Tables of 65 pairs are within 0.01 of the sub-networks.
    for (t, phi) in subnets::PHI.chunks(3 * subnets::UNITS + 1).enumerate() {
        let (u, rest) = phi.split_at(subnets::UNITS);
        let (c, rest) = rest.split_at(subnets::UNITS);
        let (v, d) = rest.split_at(subnets::UNITS);
        let table = floats::ACTIVATIONS[t];

        for i in 0..=100 {
            let z = -2.5 + 5.0 * i as f32 / 100.0;
            let sum: f32 = (0..subnets::UNITS)
                .map(|j| v[j] * (u[j] * z + c[j]).tanh())
                .sum();
            let exact = z.sin() + 0.2 * (sum + d[0]);
            assert!((table.jet(z).0 - exact).abs() < 0.01, "type {t} at {z}");
        }
    }
}
