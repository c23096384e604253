//! What the user says about tables: their form, and what decides their size.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// The entries of a table of 8-bit integers: one for every input.
pub const I8_ENTRIES: u32 = 256;

/// Which forms of tables to consider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum FormChoice {
    /// Tables that learned beside the weights as they are, unless a size is asked for; else
    /// whichever is smallest
    #[default]
    Auto,
    /// Tables that learned beside the weights, as they are
    Trained,
    /// One cubic per cell, f32
    Hermite,
    /// One line per cell, f32
    Linear,
    /// One line per cell as intercept and slope, f32: the fastest
    Pairs,
    /// One line per cell, 16-bit integers
    I16,
    /// The value for every 8-bit integer: 256 bytes, the fastest where numbers are integers
    I8,
}

/// What decides the size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "by", content = "limit")]
pub enum Budget {
    /// So many knots per table.
    Knots(u32),
    /// The smallest tables whose error is not larger.
    MaxError(f64),
    /// The best tables whose entries need no more bytes altogether.
    Bytes(usize),
}

impl Default for Budget {
    fn default() -> Self {
        Budget::MaxError(1e-3)
    }
}

/// The flags of a [`Budget`]: at most one of them.
#[derive(clap::Args)]
#[group(id = "size", multiple = false)]
struct BudgetFlags {
    /// So many knots per table
    #[arg(long, value_name = "N")]
    knots: Option<u32>,

    /// The smallest tables with no larger error than this, within their ranges
    #[arg(long, value_name = "E")]
    max_error: Option<f64>,

    /// The best tables within so many bytes altogether
    #[arg(long, value_name = "N")]
    bytes: Option<usize>,
}

impl clap::Args for Budget {
    fn augment_args(command: clap::Command) -> clap::Command {
        BudgetFlags::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        BudgetFlags::augment_args_for_update(command)
    }
}

impl clap::FromArgMatches for Budget {
    fn from_arg_matches(matches: &clap::ArgMatches) -> Result<Budget, clap::Error> {
        let flags = BudgetFlags::from_arg_matches(matches)?;

        // The largest error has a default, so it is there beside each of the others.
        let budget = flags
            .knots
            .map(Budget::Knots)
            .or(flags.bytes.map(Budget::Bytes))
            .or(flags.max_error.map(Budget::MaxError));

        Ok(budget.unwrap_or_default())
    }

    fn update_from_arg_matches(&mut self, matches: &clap::ArgMatches) -> Result<(), clap::Error> {
        *self = Budget::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Whether tables of this form can have so many entries.
///
/// # Errors
/// If not; the message says how many they have.
pub fn check_knots(form: FormChoice, knots: u32) -> Result<()> {
    let is_power_and_one = knots > 2 && (knots - 1).is_power_of_two() && knots <= 1 << 15;

    ensure!(
        form != FormChoice::I16 || is_power_and_one,
        "`knots` {knots}: a table of integers has 2^k + 1 entries: 3, 5, 9, 17, ..., 513, ..."
    );

    ensure!(
        form != FormChoice::I8 || knots == I8_ENTRIES,
        "`knots` {knots}: a table of 8-bit integers has {I8_ENTRIES} entries, one for every input"
    );

    Ok(())
}
