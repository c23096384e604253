//! Data files with bytes changed, cut out and added: no reader panics, and none takes memory beyond
//! what the bytes justify.

use ldnn::data::load::TableReader;
use ldnn::data::npz::{self, NpyArray};
use ldnn::data::source::InputFile;
use ldnn::data::table::Reading;
use ldnn::support::memory::MemoryBudget;
use proptest::prelude::*;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::{Cursor, Write};

thread_local! {
    static NOW: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

/// The system's allocator, which remembers the most that this thread had.
struct Counting;

// SAFETY: every call is handed on as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count(bytes: isize) {
    // A thread that ends has no place to count any more.
    let _ = NOW.try_with(|now| {
        now.set(now.get() + bytes);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(now.get())));
    });
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut to = flate2::write::GzEncoder::new(vec![], flate2::Compression::default());
    to.write_all(bytes).unwrap();
    to.finish().unwrap()
}

/// Small files of every form.
fn seeds() -> Vec<Vec<u8>> {
    let csv = b"a,b,\"c\"\n1,2.5,-3e1\n4,5,6\n7,8,9\n".to_vec();
    let x = NpyArray::matrix((0..12).map(f64::from).collect(), 3);

    let idx = [
        &[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3][..],
        &[7; 12],
    ]
    .concat();

    let ts = b"#c\n@problemName p\n@dimensions 2\n@seriesLength 3\n@classLabel true a b\n@data\n1,2,3:4,5,6:a\n1,2,3:4,5,6:b\n".to_vec();
    let npz = npz::write(&[("x", x.clone()), ("y", NpyArray::labels(vec![0, 1, 0, 1]))]);
    let compressed = include_bytes!("../data/compressed.npz").to_vec();
    let fortran = include_bytes!("../data/fortran.npy").to_vec();

    vec![
        gzip(&csv),
        gzip(&idx),
        csv,
        npz::npy(&x),
        idx,
        ts,
        npz,
        compressed,
        fortran,
    ]
}

/// Reads all of it; the peak of the memory.
fn peak_of(bytes: &[u8]) -> isize {
    let start = NOW.get();
    PEAK.set(start);

    let from = Box::new(Cursor::new(bytes.to_vec()));
    let read = InputFile::of(from, Some(bytes.len() as u64)).and_then(|source| {
        let mut stream = TableReader::of(
            source,
            &Reading::default(),
            "it",
            MemoryBudget::parse("1M").unwrap(),
        )?;

        stream.within()?;
        stream.rest()
    });

    drop(read);
    PEAK.get() - start
}

/// Buffers, and the tables of the decompressor.
const FIXED: isize = 1 << 20;
/// Bytes of memory a byte of a file, at most: unpacked 1032 times, widened from 1 to 40 bytes
/// within the budget of 1 MB.
const BUDGET: isize = 4 << 20;

#[derive(Clone, Debug)]
enum Change {
    Set(prop::sample::Index, u8),
    Add(prop::sample::Index, Vec<u8>),
    Cut(prop::sample::Index, usize),
    Repeat(prop::sample::Index, usize),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let one = prop_oneof![
        4 => (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        2 => (any::<prop::sample::Index>(), prop::sample::select(b"0123456789,;:.-\n\r\"'@? \xff\0".to_vec())).prop_map(|(at, b)| Change::Set(at, b)),
        1 => (any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 1..20)).prop_map(|(at, more)| Change::Add(at, more)),
        1 => (any::<prop::sample::Index>(), 1usize..40).prop_map(|(at, len)| Change::Cut(at, len)),
        1 => (any::<prop::sample::Index>(), 1usize..40).prop_map(|(at, len)| Change::Repeat(at, len)),
    ];
    prop::collection::vec(one, 1..6)
}

fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        if bytes.is_empty() {
            break;
        }

        match change {
            Change::Set(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Change::Add(at, more) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, more.iter().copied());
            }
            Change::Cut(at, len) => {
                let at = at.index(bytes.len());
                bytes.drain(at..(at + len).min(bytes.len()));
            }
            Change::Repeat(at, len) => {
                let at = at.index(bytes.len());
                let piece = bytes[at..(at + len).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }

    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_change_makes_a_reader_panic_or_take_absurd_memory(seed in 0usize..9, changes in changes()) {
        let bytes = changed(seeds().swap_remove(seed), &changes);
        let peak = peak_of(&bytes);
        prop_assert!(peak < FIXED + BUDGET, "{peak} bytes for a file of {}", bytes.len());
    }
}

#[test]
fn the_files_themselves_are_read() {
    for seed in seeds() {
        let source = InputFile::of(Box::new(Cursor::new(seed)), None).unwrap();
        let mut stream = TableReader::of(
            source,
            &Reading::default(),
            "it",
            MemoryBudget::parse("1M").unwrap(),
        )
        .unwrap();

        assert!(stream.rest().unwrap().rows() >= 2);
    }
}

#[test]
fn a_bomb_takes_no_more_than_the_budget() {
    let bomb = gzip(&vec![b'1'; 50_000_000]);
    assert!(bomb.len() < 100_000);

    let peak = peak_of(&bomb);
    // One row may be long: it is the cell that is limited.
    assert!(peak < 3 * (1 << 27), "{peak}");

    let matrix = gzip(
        &[
            &[0, 0, 8, 2, 0, 0, 0, 100, 0, 7, 0xa1, 0x20][..],
            &vec![0; 50_000_000],
        ]
        .concat(),
    );

    assert!(peak_of(&matrix) < FIXED + BUDGET);
}
