//! libFuzzer on one of the entries of `ldnn_tests::entries`: the one that `LDNN_FUZZ_ENTRY` names.
//! See `run.sh`.
#![no_main]

use ldnn_tests::entries::{ENTRIES, Entry};
use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;

fn entry() -> Entry {
    static CHOSEN: OnceLock<Entry> = OnceLock::new();

    *CHOSEN.get_or_init(|| {
        let name = std::env::var("LDNN_FUZZ_ENTRY").unwrap_or_default();
        let names = ENTRIES.map(|(name, _)| name);
        let found = ENTRIES.into_iter().find(|(n, _)| *n == name);

        found
            .unwrap_or_else(|| {
                panic!(
                    "LDNN_FUZZ_ENTRY '{name}': must be one of {}",
                    names.join(", ")
                )
            })
            .1
    })
}

fuzz_target!(|bytes: &[u8]| {
    entry()(bytes);
});
