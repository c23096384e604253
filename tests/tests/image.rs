//! The reader of images: whatever comes over the air is taken whole or refused, and nothing panics.

use ldnn::deploy::{Deployed, OutputFile, WeightFile, image_bytes};
use ldnn_core::image::{Contents, Image, ImageError, Room};
use ldnn_tests::entries::{image_outcome as outcome, seal};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The images that `tests/tests/export.rs` keeps.
fn good() -> Vec<Vec<u8>> {
    let names = ["small_tables", "small_floats", "small_integers"];
    names
        .map(|n| fs::read(folder("golden/export").join(format!("{n}.ldnn"))).unwrap())
        .to_vec()
}

#[test]
fn good_images_are_taken() {
    let taken: Vec<String> = good().iter().map(|image| outcome(image)).collect();
    assert_eq!(taken, ["Activations", "Floats", "Integers"]);
    for image in good() {
        assert_eq!(Image::read(&image).unwrap().provenance(), "a test");
    }
}

#[test]
fn every_wrong_bit_every_missing_byte_and_every_byte_too_many_is_found() {
    for image in good() {
        for i in 0..8 * image.len() {
            let mut bad = image.clone();
            bad[i / 8] ^= 1 << (i % 8);
            assert!(Image::read(&bad).is_err(), "bit {i}");
        }

        for length in 0..image.len() {
            let length_error = matches!(
                Image::read(&image[..length]),
                Err(ImageError::Length { .. })
            );
            assert!(length_error, "{length} bytes");
        }

        let long = [&image[..], &[0]].concat();
        assert!(matches!(Image::read(&long), Err(ImageError::Length { .. })));

        // With the header right, too.
        let mut sealed = long;
        seal(&mut sealed);

        assert_eq!(Image::read(&sealed).unwrap_err(), ImageError::Malformed);
    }
}

#[test]
fn the_reason_is_the_right_one() {
    let with = |place: usize, byte: u8| {
        let mut bad = good().remove(1);
        bad[place] = byte;
        Image::read(&bad).unwrap_err()
    };

    assert_eq!(with(0, b'l'), ImageError::Magic);
    assert_eq!(with(4, 1), ImageError::Version(1));
    assert_eq!(with(6, 1), ImageError::Malformed);
    assert_eq!(with(20, 0xff), ImageError::Checksum);

    assert!(
        ImageError::Version(1)
            .to_string()
            .contains("reads version 2: export the model again")
    );
}

#[test]
fn numbers_that_are_not_finite_are_refused() {
    let model = |change: &dyn Fn(&mut Deployed)| {
        let text = fs::read_to_string(folder("golden/export/floats.json")).unwrap();
        let mut model: Deployed = serde_json::from_str(&text).unwrap();
        change(&mut model);
        image_bytes(&model).err().map(|e| format!("{e:#}"))
    };

    assert_eq!(model(&|_| {}), None);

    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let error = model(&|m| {
            if let WeightFile::Floats { theta } = &mut m.weights {
                theta[7] = bad;
            }
        });
        assert!(error.is_some_and(|e| e.contains("NaN")), "{bad}");
    }

    // In an entry of a table, straight in the bytes: the first 4 bytes of the value 0.25 that the
    // first table holds.
    let image = good().remove(1);
    let at = image
        .windows(4)
        .position(|w| w == (-0.3f32).to_le_bytes())
        .unwrap();

    for bad in [f32::NAN, f32::INFINITY] {
        let mut bytes = image.clone();
        bytes[at..at + 4].copy_from_slice(&bad.to_le_bytes());
        seal(&mut bytes);
        assert_eq!(Image::read(&bytes).unwrap_err(), ImageError::NotFinite);
    }
}

#[test]
fn a_scale_that_is_not_positive_is_refused() {
    let text = fs::read_to_string(folder("golden/export/floats.json")).unwrap();

    for bad in [0.0f32, -1.0] {
        let mut model: Deployed = serde_json::from_str(&text).unwrap();
        model.standard = vec![(0.0, 1.0), (0.0, bad)];

        assert!(format!("{:#}", image_bytes(&model).unwrap_err()).contains("not positive"));

        model.standard = vec![];
        model.outputs = OutputFile::Values {
            pairs: vec![(bad, 1.0), (1.0, 1.0)],
            offsets: vec![],
        };

        assert!(format!("{:#}", image_bytes(&model).unwrap_err()).contains("not positive"));
    }
}

#[test]
fn loading_into_room_of_a_wrong_length_changes_nothing() {
    let image = good().remove(2);
    let Contents::Integers(network) = Image::read(&image).unwrap().contents() else {
        panic!("no integers")
    };

    let (weights, outputs, types) = (
        network.weights_len(),
        network.outputs_len(),
        network.shape().types(),
    );

    for wrong in 0..4 {
        for change in [-1i64, 1] {
            let len = |part: usize, n: usize| {
                if part == wrong {
                    (n as i64 + change) as usize
                } else {
                    n
                }
            };

            let (mut w, mut b) = (vec![7i8; len(0, weights)], vec![7i32; len(1, outputs)]);
            let (mut f, mut t) = (vec![7i32; len(2, outputs)], vec![[7i8; 256]; len(3, types)]);

            let room = Room {
                weights: &mut w,
                biases: &mut b,
                factors: &mut f,
                tables: &mut t,
            };

            assert!(
                network.load(room).is_err(),
                "part {wrong} has {change} too many"
            );

            let kept = w.iter().all(|&x| x == 7) && t.iter().flatten().all(|&x| x == 7);
            assert!(
                kept && b.iter().chain(&f).all(|&x| x == 7),
                "part {wrong}: something was written"
            );
        }
    }

    let (mut inputs, mut values) = (vec![[7.0f32; 2]; 2], vec![[7.0f32; 2]; 1]);
    assert!(network.scaling().load(&mut inputs, &mut values).is_err());
    assert_eq!((inputs, values), (vec![[7.0; 2]; 2], vec![[7.0; 2]; 1]));
}

/// `fuzz/run.sh image` and `tests/strangers.rs` start from these.
#[test]
fn the_corpus_has_an_image_of_every_outcome() {
    let corpus = fs::read_dir(folder("../fuzz/corpus/image")).unwrap();
    let seen: BTreeSet<String> = corpus
        .map(|entry| {
            let mut image = fs::read(entry.unwrap().path()).unwrap();
            seal(&mut image);
            outcome(&image)
        })
        .collect();

    for outcome in [
        "Activations",
        "Floats",
        "Integers",
        "Malformed",
        "NotFinite",
        "Shape",
        "Table",
        "Quantised",
        "Scaling",
    ] {
        assert!(
            seen.contains(outcome),
            "no image with the outcome {outcome}"
        );
    }
}
