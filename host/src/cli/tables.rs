//! The flags that say how a table is written down.

use crate::data::table::Reading;
use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};

/// How a table is written down.
#[derive(clap::Args, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TableArgs {
    /// What separates columns: a character, or `tab` [default: found out]
    #[arg(long, value_name = "CHAR")]
    delimiter: Option<String>,
    /// The first line holds names
    #[arg(long, conflicts_with = "no_header")]
    header: bool,
    /// The first line is a row; columns are called column1, column2, ...
    #[arg(long)]
    no_header: bool,
}

impl TableArgs {
    /// Whether nothing is said.
    pub fn is_default(&self) -> bool {
        *self == TableArgs::default()
    }

    pub fn reading<'a>(&self, text: Vec<&'a str>, ignore: Vec<&'a str>) -> Result<Reading<'a>> {
        let delimiter = match self.delimiter.as_deref() {
            None => None,
            Some("tab" | "\\t") => Some(b'\t'),
            Some(one) if one.len() == 1 => Some(one.as_bytes()[0]),
            Some(other) => bail!("--delimiter '{other}': give one character, or tab"),
        };

        ensure!(
            !(self.header && self.no_header),
            "--header and --no-header contradict each other; one of them may stand in the --config"
        );

        let header = if self.header {
            Some(true)
        } else {
            self.no_header.then_some(false)
        };

        Ok(Reading {
            delimiter,
            header,
            text,
            ignore,
        })
    }
}
