//! Lines on standard error: notes, progress, errors.

use std::fmt::Arguments;
use std::io::Write;

/// Writes a line to standard error. That nobody takes it (a full disk, a reader that has gone) is
/// no reason to lose the work, as `eprintln!` would by its panic.
pub fn line(text: Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// `eprintln!` without the panic.
macro_rules! notice {
    ($($text:tt)*) => {
        $crate::support::notice::line(format_args!($($text)*))
    };
}

pub(crate) use notice;
