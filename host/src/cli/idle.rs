//! Settings that nothing uses beside the others. Where the user names one, in a flag or an
//! assignment, that is an error: whoever types it expects something of it. A file is no such place,
//! for a stored one has every setting.

use crate::config::Layers;
use anyhow::{Result, bail};
use toml::{Table, Value};

/// The flags and assignments that were typed.
pub struct Typed<'a> {
    flags: &'a Table,
    layers: &'a Layers,
}

impl<'a> Typed<'a> {
    /// What stands on the command line: the settings of `flags`, and the assignments of `layers`.
    pub fn new(flags: &'a Table, layers: &'a Layers) -> Typed<'a> {
        Typed { flags, layers }
    }

    /// Whether a setting was typed, wherever it stands. Those of a search space are others.
    pub fn has(&self, name: &str) -> bool {
        let is_it = |typed: &str| {
            let last = typed.rsplit('.').next().map(str::trim);
            last == Some(name) && !typed.starts_with("space.")
        };
        holds(self.flags, name) || self.layers.assigned_names().any(is_it)
    }

    /// Refuses those of some settings that were typed, if nothing uses them.
    ///
    /// # Errors
    /// With the first of them, and `why` it is idle.
    pub fn refuse(&self, is_idle: bool, names: &[&str], why: &str) -> Result<()> {
        if let Some(name) = names.iter().find(|name| is_idle && self.has(name)) {
            bail!("`{name}` {why}; leave it out");
        }

        Ok(())
    }
}

/// Whether a table has a setting of this name, in whatever table inside. Of a setting `{ by = ..,
/// limit = .. }` each alternative has a name of its own.
fn holds(table: &Table, name: &str) -> bool {
    table.iter().any(|(key, value)| {
        let inside = || match value {
            Value::Table(inner) => {
                let by = inner.get("by").and_then(Value::as_str);
                by.is_some_and(|by| by.replace('-', "_") == name) || holds(inner, name)
            }
            _ => false,
        };
        key == name || inside()
    })
}

/// Of activations that learn beside the weights.
pub const TABLES: [&str; 3] = ["table_knots", "table_rate", "table_smoothing"];

/// Why they are idle.
pub const NO_TABLES: &str = "is of activations that learn beside the weights, and here are none";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_found_where_it_was_typed_and_not_in_a_file() {
        let sets = ["train.tables.table_rate=0.3", "space.types=2"].map(String::from);
        let layers = Layers::new("run", None, &sets).unwrap();
        let flags =
            "[run.tables]\ntable_knots = 5\n[run.budget]\nby = \"max-error\"\nlimit = 0.1\n";
        let flags: Table = flags.parse().unwrap();
        let typed = Typed::new(&flags, &layers);

        assert!(typed.has("table_knots") && typed.has("table_rate") && typed.has("max_error"));
        assert!(!typed.has("table_smoothing") && !typed.has("bytes") && !typed.has("types"));

        let error = typed.refuse(true, &TABLES, NO_TABLES).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("`table_knots` is of activations that learn")
        );
        assert!(typed.refuse(false, &TABLES, NO_TABLES).is_ok());
        assert!(typed.refuse(true, &["bytes"], "is idle").is_ok());
    }
}
