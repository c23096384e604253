//! Standard output, whose reader may go away.

use crate::support::text::printable;
use anyhow::{Context, Result};
use std::io::{ErrorKind, IsTerminal, Write};

/// Whether writing failed because the reader has gone away, which is no error.
pub fn is_gone(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause
            .downcast_ref::<std::io::Error>()
            .map(std::io::Error::kind);
        let csv = cause.downcast_ref::<csv::Error>().map(|e| match e.kind() {
            csv::ErrorKind::Io(e) => e.kind(),
            _ => ErrorKind::Other,
        });

        io == Some(ErrorKind::BrokenPipe) || csv == Some(ErrorKind::BrokenPipe)
    })
}

/// Writes to standard output, if there is anything to say; a reader that has gone away is no error.
/// Names in the text cannot steer a terminal; files and other programs get the text as it is.
pub fn say(text: &str) -> Result<()> {
    if text.is_empty() {
        return Ok(());
    }

    let mut out = std::io::stdout().lock();
    let text = if out.is_terminal() {
        printable(text)
    } else {
        text.into()
    };

    match writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush()) {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot write to standard output"),
    }
}
