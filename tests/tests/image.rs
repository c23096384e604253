//! The reader of images: whatever comes over the air is taken whole or refused, and nothing panics.

use ldnn::export::{Deployed, WeightFile, image_bytes};
use ldnn_core::Base;
use ldnn_core::deploy::{Activation, predict, work_len};
use ldnn_core::image::{Contents, HEADER, Image, ImageError, Room, checksum};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The images that `tests/tests/export.rs` keeps.
fn good() -> Vec<Vec<u8>> {
    let names = ["small_tables", "small_floats", "small_integers"];
    names.map(|n| fs::read(folder("golden/export").join(format!("{n}.ldnn"))).unwrap()).to_vec()
}

/// Length and checksum made right again.
fn seal(image: &mut [u8]) {
    if let Some((header, body)) = image.split_first_chunk_mut::<HEADER>() {
        header[8..12].copy_from_slice(&(body.len() as u32).to_le_bytes());
        header[12..].copy_from_slice(&checksum(body).to_le_bytes());
    }
}

/// Reads an image and uses everything in it; what came of it.
fn outcome(bytes: &[u8]) -> String {
    let image = match Image::read(bytes) {
        Ok(image) => image,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            let name = format!("{error:?}");
            return name.split([' ', '(', '{']).next().unwrap_or_default().into();
        }
    };
    let records = match image.contents() {
        Contents::Activations(all) => Some(all),
        Contents::Floats(network) => Some(*network.activations()),
        Contents::Integers(_) => None,
    };
    let mut loaded = vec![];
    let (mut floats, mut integers) = (vec![], vec![]);
    if let Some(records) = records {
        floats.resize(records.floats_len(), 0.0);
        integers.resize(records.integers_len(), 0);
        loaded.resize(records.count(), Activation::Base(Base::Zero));
        records.load(&mut floats, &mut integers, &mut loaded).unwrap();
        use ldnn_core::deploy::Activate;
        for activation in &loaded {
            activation.apply(&mut [0.0, -1.0, 1e30, -1e30, f32::NAN, f32::INFINITY]);
        }
    }
    match image.contents() {
        Contents::Activations(_) => "Activations".into(),
        Contents::Floats(network) => {
            let shape = network.shape();
            let mut theta = vec![0.0; shape.theta_len()];
            network.theta(&mut theta).unwrap();
            let (x, mut out) = (vec![0.5; shape.inputs()], vec![0.0; shape.outputs()]);
            predict(shape, &theta, &loaded, &x, &mut out, &mut vec![0.0; work_len(shape)]).unwrap();
            "Floats".into()
        }
        Contents::Integers(network) => {
            let (mut weights, mut tables) = (vec![0; network.weights_len()], vec![[0; 256]; network.shape().types()]);
            let (mut biases, mut factors) = (vec![0; network.outputs_len()], vec![0; network.outputs_len()]);
            let room = Room { weights: &mut weights, biases: &mut biases, factors: &mut factors, tables: &mut tables };
            let network = network.load(room).unwrap();
            let (x, mut out) = (vec![-128; network.shape().inputs()], vec![0; network.shape().outputs()]);
            network.predict(&x, &mut out, &mut vec![0; network.work_len()]).unwrap();
            "Integers".into()
        }
    }
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
            let length_error = matches!(Image::read(&image[..length]), Err(ImageError::Length { .. }));
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
    assert_eq!(with(4, 2), ImageError::Version(2));
    assert_eq!(with(6, 1), ImageError::Malformed);
    assert_eq!(with(20, 0xff), ImageError::Checksum);
    assert!(ImageError::Version(2).to_string().contains("reads version 1"));
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
        assert!(error.is_some_and(|e| e.contains("not a number")), "{bad}");
    }
    // In an entry of a table, straight in the bytes: the first 4 bytes of the value 0.25 that the first table holds.
    let image = good().remove(1);
    let at = image.windows(4).position(|w| w == (-0.3f32).to_le_bytes()).unwrap();
    for bad in [f32::NAN, f32::INFINITY] {
        let mut bytes = image.clone();
        bytes[at..at + 4].copy_from_slice(&bad.to_le_bytes());
        seal(&mut bytes);
        assert_eq!(Image::read(&bytes).unwrap_err(), ImageError::NotFinite);
    }
}

/// A small generator of random numbers.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % n.max(1)
    }
}

fn mutate(image: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    for _ in 0..=random.below(4) {
        let at = random.below(image.len());
        match random.below(6) {
            0 if !image.is_empty() => image[at] ^= 1 << random.below(8),
            1 if !image.is_empty() => image[at] = [0, 1, 2, 0x7f, 0x80, 0xff][random.below(6)],
            2 => drop(image.drain(at..(at + 1 + random.below(9)).min(image.len()))),
            3 => drop(image.splice(at..at, std::iter::repeat_n(random.below(256) as u8, 1 + random.below(6)))),
            4 => {
                let from = random.below(other.len());
                let part = &other[from..(from + 1 + random.below(24)).min(other.len())];
                drop(image.splice(at..at, part.iter().copied()));
            }
            _ => image.truncate(at.max(HEADER)),
        }
    }
}

/// Mutated images with the header made right, so that the body is read. `LDNN_FUZZ_SECONDS=300` goes on for longer, and
/// writes the first image of every new outcome to `tests/corpus`, from which the next run starts.
#[test]
fn mutated_images_are_taken_or_refused_but_nothing_panics() {
    let seconds = std::env::var("LDNN_FUZZ_SECONDS").ok().and_then(|s| s.parse().ok());
    let corpus = folder("corpus");
    let mut seen: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for entry in fs::read_dir(&corpus).into_iter().flatten() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        seen.entry(outcome(&bytes)).or_insert(bytes);
    }
    let before = seen.len();
    let mut pool: Vec<Vec<u8>> = good().into_iter().chain(seen.values().cloned()).collect();
    let mut random = Random(0x1d22_2204_4348);
    let end = Instant::now() + Duration::from_secs(seconds.unwrap_or(2));
    let mut tried = 0u64;
    while Instant::now() < end {
        let (mut image, other) = (pool[random.below(pool.len())].clone(), pool[random.below(pool.len())].clone());
        mutate(&mut image, &other, &mut random);
        seal(&mut image);
        let what = outcome(&image);
        let new = !seen.contains_key(&what);
        if new || tried.is_multiple_of(5000) && pool.len() < 400 {
            pool.push(image.clone());
        }
        seen.entry(what).or_insert(image);
        tried += 1;
    }
    println!("{tried} images, outcomes {:?}", seen.keys().collect::<Vec<_>>());
    assert!(tried > 1000);
    if seconds.is_some() && seen.len() > before {
        fs::create_dir_all(&corpus).unwrap();
        for (name, bytes) in &seen {
            fs::write(corpus.join(format!("{}.ldnn", name.to_lowercase())), bytes).unwrap();
        }
    }
    for outcome in ["Activations", "Floats", "Integers", "Malformed", "NotFinite", "Shape", "Table", "Quantised"] {
        assert!(seen.contains_key(outcome), "no image with the outcome {outcome}");
    }
}
