//! The canonical data, against facts about the original.

use approx::assert_abs_diff_eq;
use ldnn::data::{Dataset, Mnist1dConfig, Targets, VanDerPolConfig, mnist1d_npz, npz};
use ldnn_tests::tolerance::MNIST1D;

/// Printed by the `mnist1d` package 0.0.2.post1 with default arguments;
/// `tests/crosscheck/compare_mnist1d.py` compares every number.
const FIRST: f64 = -0.332_005_667_369_390_13;
const LAST_OF_TRAINING: f64 = -1.650_992_856_752_065_5;
const LAST_OF_TEST: f64 = 1.193_151_836_835_275_8;
const FIRST_TIME: f64 = -5.387_535_066_704_27;

#[test]
fn mnist1d_is_the_canonical_data_set() {
    let set = Dataset::mnist1d(&Mnist1dConfig::default()).unwrap();

    let pairs = [
        (set.x[0], FIRST),
        (set.x[159_999], LAST_OF_TRAINING),
        (set.x_test[39_999], LAST_OF_TEST),
    ];

    for (ours, theirs) in pairs {
        assert_abs_diff_eq!(ours, theirs, epsilon = MNIST1D);
    }

    let (Targets::Classes { labels, classes }, Targets::Classes { labels: test, .. }) =
        (set.target, set.target_test)
    else {
        panic!("MNIST-1D has classes");
    };

    assert_eq!((classes, labels.len(), test.len()), (10, 4000, 1000));
    assert_eq!(
        (&labels[..8], &test[996..]),
        (&[2, 6, 4, 5, 6, 6, 6, 0][..], &[5, 9, 6, 4][..])
    );
}

#[test]
fn the_archive_has_the_arrays_of_the_original() {
    let arrays = npz::parse(&mnist1d_npz(&Mnist1dConfig::default()).unwrap()).unwrap();
    let shapes: Vec<_> = arrays
        .iter()
        .map(|(name, a)| (name.as_str(), a.shape.clone()))
        .collect();

    let expected = [
        ("x", vec![4000, 40]),
        ("y", vec![4000]),
        ("x_test", vec![1000, 40]),
        ("y_test", vec![1000]),
        ("t", vec![40]),
    ];

    assert_eq!(shapes, expected);

    let npz::NpyValues::F64(t) = &arrays[4].1.values else {
        panic!("t is real")
    };
    assert_abs_diff_eq!(t[0], FIRST_TIME, epsilon = 10.0 * MNIST1D);
}

#[test]
fn van_der_pol_is_standardised_and_moves_by_one_step() {
    let set = Dataset::vanderpol(&VanDerPolConfig::default()).unwrap();
    let Targets::Values { values, width: 2 } = &set.target else {
        panic!("two values per row")
    };

    // Within an orbit the state after dt is the next state.
    assert_eq!(values[..2], set.x[2..4]);

    let mean = set.x.iter().step_by(2).sum::<f64>() / 4000.0;
    assert!(mean.abs() < 1e-12, "{mean:e}");
}

#[test]
fn every_built_in_data_set_can_be_written_and_named() {
    let program = ldnn::cli::command();
    let data = program.find_subcommand("data").unwrap();

    for command in data.get_subcommands().filter(|c| c.get_name() != "help") {
        assert!(
            Dataset::is_built_in(command.get_name()),
            "{}",
            command.get_name()
        );
    }

    for name in Dataset::names().replace(" and ", ", ").split(", ") {
        assert!(data.find_subcommand(name).is_some(), "{name}");
    }
}
