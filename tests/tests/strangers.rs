//! Untrusted files: every reader meets the fuzzers' corpora, what once was found, and
//! mutations of both, in a process that may take little memory. `fuzz/run.sh` does the same with
//! coverage as a guide, for hours.

use ldnn_tests::entries::{ENTRIES, Entry};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz")
        .join(name)
}

/// The files of `fuzz/KIND/ENTRY`, in the order of their names.
fn inputs(kind: &str, entry: &str) -> Vec<Vec<u8>> {
    let files = fs::read_dir(folder(kind).join(entry)).into_iter().flatten();
    let mut files: Vec<PathBuf> = files.map(|f| f.unwrap().path()).collect();
    files.sort();
    files.iter().map(|f| fs::read(f).unwrap()).collect()
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

fn mutate(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());

        match random.below(7) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            1 if !bytes.is_empty() => {
                bytes[at] = b"\x00\x01\x02\x7f\x80\xff09-.,\"\n{["[random.below(15)]
            }
            2 => drop(bytes.drain(at..(at + 1 + random.below(9)).min(bytes.len()))),
            3 => drop(bytes.splice(
                at..at,
                std::iter::repeat_n(random.below(256) as u8, 1 + random.below(6)),
            )),
            4 => {
                let from = random.below(other.len());
                let part = &other[from..(from + 1 + random.below(24)).min(other.len())];
                drop(bytes.splice(at..at, part.iter().copied()));
            }
            // A longer number where one stands.
            5 => drop(bytes.splice(
                at..at,
                b"99999999999999999"[..1 + random.below(17)].iter().copied(),
            )),
            _ => bytes.truncate(at.max(16)),
        }
    }
}

/// Mutations of each entry, at least, however busy the machine is.
const FEWEST: u64 = 50;

/// Mutates what is in `pool`; inputs with a new outcome join it. How many were tried.
fn fuzz(entry: Entry, mut pool: Vec<Vec<u8>>, time: Duration) -> (u64, usize) {
    let mut seen: Vec<String> = pool.iter().map(|bytes| entry(bytes)).collect();
    let mut random = Random(0x1d22_2204_4348);
    let end = Instant::now() + time;
    let mut tried = 0;

    while tried <= FEWEST || Instant::now() < end {
        let (mut bytes, other) = (
            pool[random.below(pool.len())].clone(),
            pool[random.below(pool.len())].clone(),
        );

        mutate(&mut bytes, &other, &mut random);

        let outcome = entry(&bytes);
        if !seen.contains(&outcome) {
            seen.push(outcome);
            pool.push(bytes);
        }

        tried += 1;
    }

    seen.sort();
    seen.dedup();
    (tried, seen.len())
}

/// Address space that the child below may use: with a size from a header instead of from the bytes
/// it dies.
const MEMORY_KB: u64 = 1_000_000;

#[test]
fn every_reader_takes_or_refuses_what_strangers_send_without_a_panic_and_in_little_memory() {
    let test = std::env::current_exe().unwrap();
    let script =
        format!("ulimit -v {MEMORY_KB}; exec \"$0\" --exact the_readers_by_themselves --nocapture");

    let output = Command::new("bash")
        .args(["-c", &script])
        .arg(test)
        .env("LDNN_STRANGERS", "1")
        .output()
        .unwrap();

    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );

    assert!(output.status.success(), "{said}");

    for (name, _) in ENTRIES {
        assert!(
            said.contains(&format!("{name}: ")),
            "the entry {name} was not tried:\n{said}"
        );
    }
}

/// Half a second for each entry; `LDNN_FUZZ_SECONDS=60` for longer. Alone it does nothing: see the
/// test above.
#[test]
fn the_readers_by_themselves() {
    if std::env::var_os("LDNN_STRANGERS").is_none() {
        return;
    }

    let seconds = std::env::var("LDNN_FUZZ_SECONDS")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(0.5);

    for (name, entry) in ENTRIES {
        let (corpus, regressions) = (inputs("corpus", name), inputs("regressions", name));
        assert!(!corpus.is_empty(), "fuzz/corpus/{name} is empty");

        let files = corpus.len() + regressions.len();
        println!("{name}: {files} files");

        let (tried, outcomes) = fuzz(
            entry,
            [corpus, regressions].concat(),
            Duration::from_secs_f64(seconds),
        );

        println!("{name}: {tried} mutations, {outcomes} outcomes");
        assert!(tried > FEWEST && outcomes > 1, "{name}");
    }
}
