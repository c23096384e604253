//! Requests that cannot be met, in whole or in part: the exit code, what is said, and that nothing is
//! left which looks like a result.

mod classes;
mod devices;
mod idle;
mod names;
mod programs;

use ldnn_tests::program::succeed;
use std::path::Path;

/// Activations that learned as tables, of two inputs.
pub fn train_tables(at: &Path) {
    succeed(
        at,
        &[
            "train",
            "t.csv",
            "-q",
            "--target",
            "label",
            "--compare",
            "none",
            "--hidden",
            "6",
            "--epochs",
            "5",
            "--runs",
            "2",
            "--out",
            "l.ldnn",
        ],
    );
}
