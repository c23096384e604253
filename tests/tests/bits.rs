//! Same seed, same bits: for every set of vector instructions, every length of tape, any number of
//! threads, and as they were when `golden/hashes.txt` was written.
//! `LDNN_BLESS=1 cargo test -p ldnn-tests --test bits` writes it anew; changed hashes are a
//! breaking change (changelog). The same table is compared after other optimisations by
//! `tests/bits.sh`, and on the emulated devices by `tests/firmware.sh boards`.

use ldnn::support::simd::Level;
use ldnn_core::meta::{Datasets, Draw, OuterLoss, Unroll};
use ldnn_core::network::Init;
use ldnn_core::schedule::Schedule;
use ldnn_core::table::{Tabulation, tabulated};
use ldnn_core::{Activation, Base, Optimizer, Plain, Shape, Vector};
use ldnn_firmware_example::bits::Memory;
use ldnn_tests::{Loss, Problem, outputs, random, unrolled};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

const KNOTS: usize = 65;

/// FNV-1a over the bits.
fn hash(values: &[f32]) -> u64 {
    let bytes = values.iter().flat_map(|v| v.to_bits().to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |h, b| {
        (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn direct(base: Base) -> Shape {
    Shape::new(
        &[9, 21, 10, 5],
        &[Activation::Learned { base, units: 11 }; 2],
    )
}

/// The kinds of networks that the hashes cover.
fn problems() -> Vec<(String, Problem<f32>)> {
    let mut all = Vec::new();

    for base in Base::ALL {
        let learned = Problem::<f32>::new(direct(base), 37, Loss::CrossEntropy, 6).with_noise(0.1);
        let table = tabulated(&learned.shape, KNOTS, 4.0).unwrap();
        let mut tabled = Problem::new(table, 37, Loss::CrossEntropy, 6).with_noise(0.1);
        let tabulation = Tabulation {
            from: &learned.shape,
            to: &table,
        };
        let (mut work, theta) = (vec![0.0; tabulation.work_len()], table.theta_len());

        tabulation
            .build(
                &learned.params[theta..],
                &mut tabled.params[theta..],
                &mut work,
            )
            .unwrap();

        let alone = Problem::new(
            Shape::new(&[9, 21, 10, 5], &[Activation::Base(base)]),
            37,
            Loss::SquaredError,
            6,
        );

        all.push((format!("{} direct", base.name()), learned));
        all.push((format!("{} table", base.name()), tabled));
        all.push((format!("{} alone", base.name()), alone));
    }

    all
}

fn training<V: Vector>(vector: V, p: &Problem<f32>) -> Vec<f32> {
    let adam = Optimizer::Adam {
        lr: 0.01,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
    };

    let (losses, params) = p.trained(vector, &adam, 5);
    assert!(losses.iter().all(Result::is_ok), "{losses:?}");

    params
}

fn product<V: Vector>(vector: V, p: &Problem<f32>) -> Vec<f32> {
    let (grad, product) = p.product_by(vector, &random(p.params.len(), 1));
    [grad, product].concat()
}

fn meta<V: Vector>(vector: V, p: &Problem<f32>, segment: usize) -> Vec<f32> {
    let (shape, outer) = (p.shape, OuterLoss::HeldOut { last: 3, batch: 7 });
    let (optimizer, init) = (Optimizer::authors_rmsprop(), Init::FanIn);

    let plan = Unroll {
        shape,
        untaped: 0,
        steps: 7,
        batch: 16,
        shuffle: true,
        noise: 0.1,
        init,
        optimizer,
        schedule: Schedule::CONSTANT,
        outer,
        segment,
    };

    let data = Datasets {
        train: p.data(),
        held_out: p.data(),
    };
    let draw = Draw {
        seed: 3,
        outer_step: 0,
    };
    let out = unrolled(vector, &plan, data, draw, &p.params[shape.theta_len()..]);

    [out.dphi, out.trained, vec![out.outcome.outer_loss]].concat()
}

#[test]
fn every_set_of_vector_instructions_gives_the_same_bits() {
    for (name, p) in problems() {
        for level in Level::available() {
            let level_name = level.name();

            assert_eq!(
                hash(&p.outputs(level)),
                hash(&p.outputs(Plain)),
                "{name}, {level_name}: inference"
            );

            assert_eq!(
                hash(&training(level, &p)),
                hash(&training(Plain, &p)),
                "{name}, {level_name}: training"
            );

            assert_eq!(
                hash(&product(level, &p)),
                hash(&product(Plain, &p)),
                "{name}, {level_name}: Hessian product"
            );

            assert_eq!(
                hash(&meta(level, &p, 7)),
                hash(&meta(Plain, &p, 7)),
                "{name}, {level_name}: hypergradient"
            );
        }
    }
}

#[test]
fn snapshots_give_the_bits_of_the_full_tape() {
    for (name, p) in problems() {
        assert_eq!(
            hash(&meta(Level::best(), &p, 3)),
            hash(&meta(Level::best(), &p, 7)),
            "{name}"
        );
    }
}

#[test]
fn a_row_has_the_same_outputs_in_every_batch() {
    for (name, p) in problems() {
        let together = p.outputs(Level::best());

        for (i, row) in p.x.chunks(p.shape.inputs()).enumerate() {
            let (alone, width) = (
                outputs(Level::best(), &p.shape, &p.params, row),
                p.shape.outputs(),
            );

            assert_eq!(
                hash(&alone),
                hash(&together[i * width..][..width]),
                "{name}, row {i}"
            );
        }
    }
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/hashes.txt")
}

/// The table of hashes, computed here.
fn table(vector: impl Vector) -> String {
    let mut lines = String::new();
    let mut memory = Box::new(Memory::new());
    memory
        .table(vector, |line| writeln!(lines, "{line}").unwrap())
        .expect("the library refused something");
    lines
}

/// The first line that differs, with what it means.
fn difference(now: &str, then: &str) -> Option<String> {
    let both = now
        .lines()
        .zip(then.lines())
        .find(|(now, then)| now != then);
    if let Some((now, then)) = both {
        let of_libm = now.contains(" of f32: ") || now.contains(" of f64: ");
        let why = if of_libm {
            "an elementary function gives other bits. Every result of the library hangs on them, so libm is pinned \
             (`=0.2.16` in core/Cargo.toml): was it changed, or `exp` or `tanh` in core/src/math.rs?"
        } else {
            "the order of operations changed"
        };

        return Some(format!(
            "{now}, but {then} was recorded: {why}. If on purpose, bless and note it in CHANGELOG.md"
        ));
    }

    (now.lines().count() != then.lines().count()).then(|| "another number of lines".to_owned())
}

#[test]
fn every_set_of_vector_instructions_gives_the_recorded_table() {
    if std::env::var_os("LDNN_BLESS").is_some() {
        fs::write(golden(), table(Plain)).unwrap();
    }

    let recorded = fs::read_to_string(golden()).unwrap();
    assert_eq!(difference(&table(Plain), &recorded), None, "plain");

    for level in Level::available() {
        assert_eq!(
            difference(&table(level), &recorded),
            None,
            "{}",
            level.name()
        );
    }
}

#[test]
fn one_two_and_seven_threads_side_by_side_give_the_recorded_table() {
    let recorded = fs::read_to_string(golden()).unwrap();

    for threads in [1, 2, 7] {
        std::thread::scope(|scope| {
            let all: Vec<_> = (0..threads)
                .map(|_| scope.spawn(|| table(Level::best())))
                .collect();
            for one in all {
                assert_eq!(
                    difference(&one.join().unwrap(), &recorded),
                    None,
                    "{threads} threads"
                );
            }
        });
    }
}

#[test]
fn a_changed_bit_of_libm_is_explained() {
    let recorded = fs::read_to_string(golden()).unwrap();
    let line = recorded
        .lines()
        .find(|l| l.starts_with("sin of f64: "))
        .unwrap();
    let changed = recorded.replace(line, "sin of f64: 0123456789abcdef");
    let message = difference(&changed, &recorded).unwrap();

    assert!(
        message.contains("libm") && message.contains("=0.2.16"),
        "{message}"
    );
}

#[test]
fn libm_is_pinned_where_it_is_asked_for_and_where_it_is_locked() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let manifest = fs::read_to_string(root.join("core/Cargo.toml")).unwrap();

    assert!(
        manifest.lines().any(|l| l == "libm = \"=0.2.16\""),
        "core/Cargo.toml must pin libm: its bits are ours"
    );

    for lock in ["Cargo.lock", "firmware-example/Cargo.lock"] {
        let text = fs::read_to_string(root.join(lock)).unwrap();
        let version = text
            .split("name = \"libm\"\n")
            .nth(1)
            .and_then(|rest| rest.lines().next())
            .unwrap();
        assert_eq!(version, "version = \"0.2.16\"", "{lock}");
    }
}
