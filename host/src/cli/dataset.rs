//! The flags that say which table is learned from, what of it is to be predicted, and how it is
//! divided.

use super::settings::Flags;
use super::tables::TableArgs;
use crate::data::cell::NoNumber;
use crate::data::load::{Loaded, Wanted, load};
use crate::data::split::{Split, UndividedTable};
use crate::data::table::{Column, Table, listed};
use crate::data::tabular::Tabular;
use crate::data::target::RawTarget;
use crate::support::notice::notice;
use crate::support::text::printable;
use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::builder::{OsStringValueParser, TypedValueParser};
use ldnn_core::image::checksum;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use toml::{Table as Settings, Value};

/// Which table, what of it is to be predicted, and which rows test it.
#[derive(Clone, Serialize, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// The table, one row per example: CSV, .npy, .npz, IDX (MNIST's form) or .ts, gzip too;
    /// docs/data.md describes each
    // Its default is the empty path, which clap's own reader of paths refuses.
    #[arg(value_name = "FILE", hide_default_value = true, value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub file: PathBuf,

    /// The column to be predicted; several for a regression of several numbers; `last` for the last
    /// one. The y of .npz and the class of .ts are known
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    target: Vec<String>,

    /// A file with what is to be predicted, one row per example, if it is not in FILE
    #[arg(long, value_name = "FILE", conflicts_with = "target")]
    #[serde(default)]
    labels: Option<PathBuf>,

    /// Columns that are left out
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    ignore: Vec<String>,

    /// The target is classes, whatever it looks like
    #[arg(long, conflicts_with = "regression")]
    #[serde(default)]
    classification: bool,

    /// The target is numbers, whatever it looks like
    #[arg(long)]
    #[serde(default)]
    regression: bool,

    /// A table of test rows; else those that FILE has (x_test of .npz), else a share of the rows is
    /// kept for testing
    #[arg(long, value_name = "FILE")]
    test: Option<PathBuf>,

    /// What is to be predicted of the test rows, if it is not in their table
    #[arg(long, value_name = "FILE", requires = "test", requires = "labels")]
    #[serde(default)]
    test_labels: Option<PathBuf>,

    /// The share of the rows that is kept for testing, the same of every class
    #[arg(long, value_name = "X", conflicts_with = "test")]
    test_share: f64,

    /// A column whose rows of one value stay together, in training or in testing: the person, the
    /// device, the day
    #[arg(long, value_name = "NAME")]
    group: Option<String>,

    /// A fingerprint of the rows: another table is another run.
    #[arg(skip)]
    #[serde(default)]
    fingerprint: u32,

    /// Of what comes from --labels, so that a message can name the file that has changed.
    #[arg(skip)]
    #[serde(default)]
    labels_fingerprint: Option<u32>,

    /// Of what comes from --test.
    #[arg(skip)]
    #[serde(default)]
    test_fingerprint: Option<u32>,

    /// Of what comes from --test-labels.
    #[arg(skip)]
    #[serde(default)]
    test_labels_fingerprint: Option<u32>,

    #[command(flatten)]
    table: TableArgs,
}

impl Default for DataConfig {
    fn default() -> Self {
        DataConfig {
            file: PathBuf::new(),
            target: vec![],
            labels: None,
            ignore: vec![],
            classification: false,
            regression: false,
            test: None,
            test_labels: None,
            test_share: 0.2,
            group: None,
            fingerprint: 0,
            labels_fingerprint: None,
            test_fingerprint: None,
            test_labels_fingerprint: None,
            table: TableArgs::default(),
        }
    }
}

/// What flags say, with the table under the key `data`: of two flags that exclude each other the one
/// that was given takes back what a file says of the other.
pub fn given<C>(flags: &Flags<C>) -> Settings {
    let mut given = flags.given("");

    if let Some(Value::Table(data)) = given.get_mut("data") {
        take_back(data, ["classification", "regression"]);

        if let Some(Value::Table(table)) = data.get_mut("table") {
            take_back(table, ["header", "no_header"]);
        }
    }

    given
}

/// Says something that is no error.
pub fn note(text: &str) {
    notice!("{}", printable(&format!("note: {text}")));
}

/// Says why the first line of a file may hold names that were taken for numbers.
pub fn note_header(file: &Path, doubt: &str) {
    note(&format!(
        "'{}': {doubt}; --header says that it holds names",
        file.display()
    ));
}

fn take_back(given: &mut Settings, pair: [&str; 2]) {
    for [one, other] in [pair, [pair[1], pair[0]]] {
        if given.contains_key(one) {
            given.entry(other).or_insert(Value::Boolean(false));
        }
    }
}

impl DataConfig {
    /// Whether the target was said to be classes, or not to be.
    fn classify(&self) -> Result<Option<bool>> {
        ensure!(
            !(self.classification && self.regression),
            "--classification and --regression: the target is one of the two"
        );

        Ok(match (self.classification, self.regression) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        })
    }

    /// The files that are read.
    pub fn files(&self) -> Vec<PathBuf> {
        let others = [&self.test, &self.labels, &self.test_labels];
        others
            .into_iter()
            .flatten()
            .chain([&self.file])
            .cloned()
            .collect()
    }

    /// Reads the tables.
    pub fn load(&self) -> Result<UndividedTable> {
        ensure!(
            !self.file.as_os_str().is_empty(),
            "which table? Give a FILE"
        );

        self.check_roles()?;

        let Loaded {
            mut table,
            test,
            target,
            doubt,
            is_text,
        } = self.read(&self.file, &self.target, self.labels.as_deref())?;

        // The files beside it may be text.
        ensure!(
            is_text || self.labels.is_some() || self.test.is_some() || self.table.is_default(),
            "--delimiter, --header and --no-header are of CSV, which '{}' is not; leave them out",
            self.file.display()
        );

        if let Some(doubt) = doubt {
            note_header(&self.file, &doubt);
        }

        let groups = self
            .group
            .as_ref()
            .map(|name| table.take(name).context("--group"))
            .transpose()?;

        let classify = self.classify()?;
        let data = Tabular::new(table, &target, classify)
            .with_context(|| format!("in '{}'", self.file.display()))?;

        if let Some(doubt) = &data.doubt {
            note(&format!(
                "{doubt} (--classification or --regression says which it is)"
            ));
        }

        let name = self
            .file
            .file_stem()
            .map_or_else(|| "table".into(), |s| s.to_string_lossy().into_owned());
        let classes = matches!(data.target, RawTarget::Classes(..));
        let test = match &self.test {
            Some(path) => Some(self.read_test(path, &target).context("--test")?),
            None => test,
        };
        let test = test
            .map(|table| self.test_rows(table, &target, classes).context("--test"))
            .transpose()?;

        Ok(UndividedTable {
            name,
            data,
            groups: groups.map(Column::into_text),
            test,
        })
    }

    /// A column has one role.
    fn check_roles(&self) -> Result<()> {
        let group: Vec<String> = self.group.iter().cloned().collect();

        let roles = [
            ("--target", &self.target),
            ("--group", &group),
            ("--ignore", &self.ignore),
        ];

        let all: Vec<(&str, &String)> = roles
            .into_iter()
            .flat_map(|(flag, names)| names.iter().map(move |name| (flag, name)))
            .collect();
        for (i, (flag, name)) in all.iter().enumerate() {
            if let Some((other, _)) = all[..i].iter().find(|(_, earlier)| earlier == name) {
                // To leave a column out twice does no harm.
                ensure!(
                    other != flag || *flag == "--ignore",
                    "{flag}: the column '{name}' is named twice"
                );
                ensure!(
                    other == flag,
                    "the column '{name}' is named with {other} and with {flag}; it can be one of the two"
                );
            }
        }

        Ok(())
    }

    fn read_test(&self, path: &Path, target: &[String]) -> Result<Table> {
        // The column of groups need not be there.
        let reading = self
            .table
            .reading(vec![], self.ignore.iter().map(String::as_str).collect())?;
        let optional = self.group.iter().map(String::as_str).collect();

        Ok(load(
            path,
            &Wanted {
                reading,
                target,
                labels: self.test_labels.as_deref(),
                optional,
            },
        )?
        .table)
    }

    fn test_rows(&self, mut table: Table, target: &[String], classes: bool) -> Result<Tabular> {
        if let Some(name) = self
            .group
            .as_ref()
            .filter(|name| table.names.contains(name))
        {
            table.take(name)?;
        }

        Tabular::new(table, target, Some(classes))
    }

    fn read(&self, path: &Path, target: &[String], labels: Option<&Path>) -> Result<Loaded> {
        let text = self.group.iter().map(String::as_str).collect();
        let reading = self
            .table
            .reading(text, self.ignore.iter().map(String::as_str).collect())?;

        let loaded = load(
            path,
            &Wanted {
                reading,
                target,
                labels,
                optional: vec![],
            },
        );

        loaded.map_err(|error| match error.downcast_ref::<NoNumber>() {
            Some(NoNumber { columns, .. }) => anyhow!(
                "{error:#}; a column that is no input is named with --target, --group or --ignore{}",
                self.ignoring(columns)
            ),
            None => error,
        })
    }

    /// What to type to leave out these columns of text, and those that are left out already.
    fn ignoring(&self, text: &[String]) -> String {
        let all: Vec<String> = self.ignore.iter().chain(text).cloned().collect();
        let is_plain = |name: &String| {
            name.chars()
                .all(|c| c.is_alphanumeric() || "_-.".contains(c))
        };

        match text {
            [] => String::new(),
            _ if all.iter().all(is_plain) => {
                format!(
                    "; all columns of text are left out with --ignore {}",
                    all.join(",")
                )
            }
            _ => format!("; these columns hold text: {}", listed(text)),
        }
    }

    /// One division into training and test rows.
    pub fn divide(&self, rows: &UndividedTable, seed: u64) -> Result<Split> {
        rows.divide(self.test_share, seed)
    }

    /// Keeps the fingerprint of these rows with the settings.
    ///
    /// # Errors
    /// If the settings were made for other ones.
    pub fn keep_fingerprint(&mut self, rows: &UndividedTable) -> Result<()> {
        let found = self.with_fingerprints(rows);

        if self.fingerprint != 0 && self.fingerprint != found.fingerprint {
            let parts = [
                (
                    &self.labels,
                    self.labels_fingerprint,
                    found.labels_fingerprint,
                ),
                (&self.test, self.test_fingerprint, found.test_fingerprint),
                (
                    &self.test_labels,
                    self.test_labels_fingerprint,
                    found.test_labels_fingerprint,
                ),
            ];

            let changed = parts.into_iter().find(|(_, kept, found)| kept != found);
            let file = changed.and_then(|(file, ..)| file.as_ref());

            bail!(
                "the rows of '{}' are not those that the --config was made for: the table has changed, or which columns and \
                 rows are taken of it; add --set data.fingerprint=0 to use it as it is now",
                file.unwrap_or(&self.file).display()
            );
        }

        *self = found;
        Ok(())
    }

    /// The same settings with the fingerprints of these rows.
    fn with_fingerprints(&self, rows: &UndividedTable) -> DataConfig {
        let mut found = self.clone();
        found.fingerprint = fingerprint_of(rows);

        let targets = |part: &Tabular| checksum(format!("{:?}", part.target).as_bytes());

        found.labels_fingerprint = self.labels.as_ref().map(|_| targets(&rows.data));

        let test = rows.test.as_ref().filter(|_| self.test.is_some());
        found.test_labels_fingerprint = test.filter(|_| self.test_labels.is_some()).map(targets);
        found.test_fingerprint = test.map(|part| {
            let own = match self.test_labels {
                Some(_) => String::new(),
                None => format!("{:?}", part.target),
            };
            let inputs = part.x.iter().flat_map(|x| x.to_le_bytes());
            checksum(&inputs.chain(own.into_bytes()).collect::<Vec<u8>>())
        });

        found
    }
}

/// A fingerprint of the rows as they stand in the tables, however they are divided.
fn fingerprint_of(rows: &UndividedTable) -> u32 {
    let parts = || std::iter::once(&rows.data).chain(&rows.test);
    let numbers = parts()
        .flat_map(|part| &part.x)
        .flat_map(|x| x.to_le_bytes());
    let others = parts()
        .map(|part| format!("{:?}{:?}", part.features, part.target))
        .collect::<String>();
    let others = others + &format!("{:?}", rows.groups);

    checksum(&numbers.chain(others.into_bytes()).collect::<Vec<u8>>())
}
