//! Settings from TOML values, with faults that know their path (serde_path_to_error) and what would
//! have been possible: serde tells the names that it expects, which the `toml` crate turns into a
//! sentence before anyone can use them.

use super::kinds::shown;
use super::stored::HEADER;
use super::suggest::{elsewhere, nearest, renamed, similar};
use serde::de::value::{
    BorrowedStrDeserializer, MapAccessDeserializer, MapDeserializer, SeqDeserializer,
};
use serde::de::{
    DeserializeOwned, Deserializer, Error, Expected, IntoDeserializer, Unexpected, Visitor,
};
use serde_path_to_error::Segment;
use std::fmt;
use toml::{Table, Value};

/// Why values are no settings.
#[derive(Clone, Debug)]
pub struct ConfigError {
    /// The keys that lead to the place; numbers are places in lists.
    pub path: Vec<String>,
    what: ConfigErrorKind,
}

#[derive(Clone, Debug)]
enum ConfigErrorKind {
    /// A name that is none.
    Name(&'static [&'static str]),
    /// One of some words was expected.
    Word(String, &'static [&'static str]),
    /// A table without this.
    Missing(&'static str),
    /// Anything else.
    Other(String),
}

/// Reads settings.
///
/// # Errors
/// The first fault.
pub fn read<T: DeserializeOwned>(value: &Value) -> Result<T, ConfigError> {
    serde_path_to_error::deserialize(Node(value)).map_err(|error| {
        let key = |segment: &Segment| match segment {
            Segment::Seq { index } => Some(index.to_string()),
            Segment::Map { key } => Some(key.clone()),
            Segment::Enum { variant } => Some(variant.clone()),
            Segment::Unknown => None,
        };

        let path = error.path().iter().filter_map(key).collect();
        ConfigError {
            path,
            ..error.into_inner()
        }
    })
}

impl ConfigError {
    /// The fault of a value that stands at a path with dots.
    #[must_use]
    pub fn inside(mut self, path: &str) -> ConfigError {
        self.path.splice(0..0, path.split('.').map(String::from));
        self
    }

    /// Whether the name of the setting is wrong, not its value.
    #[must_use]
    pub fn is_about_the_name(&self) -> bool {
        matches!(self.what, ConfigErrorKind::Name(_))
    }

    /// In words; `known` are the settings that there are.
    #[must_use]
    pub fn message(&self, known: &Table) -> String {
        self.message_about(known, None)
    }

    /// The same, if `typed` is what was asked for, as it was typed: of `train.epochs` the fault may
    /// be `fit.train`, which nobody typed, and `epochs` tells more about what was meant.
    #[must_use]
    pub fn message_about(&self, known: &Table, typed: Option<&str>) -> String {
        let path = self.path.join(".");

        match &self.what {
            ConfigErrorKind::Name(siblings) => format!(
                "there is no setting '{}'; {}",
                typed.unwrap_or(&path),
                self.meant(
                    siblings,
                    known,
                    typed.and_then(|typed| typed.rsplit('.').next())
                )
            ),
            ConfigErrorKind::Word(word, words) => {
                let it_is = match nearest(word, words.iter().copied()) {
                    Some(near) => format!("did you mean '{near}'? It is one of"),
                    None => "it is one of".into(),
                };
                format!("'{path}' is '{word}'; {it_is} {}", words.join(", "))
            }
            ConfigErrorKind::Missing(name) => format!("'{path}' lacks '{name}'"),
            ConfigErrorKind::Other(text) => format!("'{path}': {text}"),
        }
    }

    /// What was probably meant: a similar name beside it, or the same name somewhere else.
    fn meant(&self, siblings: &[&str], known: &Table, last: Option<&str>) -> String {
        let Some((name, around)) = self.path.split_last() else {
            return String::new();
        };
        let around = around
            .iter()
            .fold(String::new(), |all, key| format!("{all}{key}."));

        if HEADER.contains(&name.as_str()) {
            return "it says in a file what the file is of, and cannot be set".into();
        }

        if let Some(new) = renamed(name, siblings) {
            return format!("it is called '{new}' now");
        }

        if let Some(near) = nearest(name, siblings.iter().copied()) {
            return format!("did you mean '{around}{near}'?");
        }

        let mut there = elsewhere(name, known);
        there.extend(
            last.filter(|_| there.is_empty())
                .map(|last| elsewhere(last, known))
                .into_iter()
                .flatten(),
        );

        there.truncate(3);

        if there.is_empty() {
            let top = known.keys().map(String::as_str).chain(HEADER);
            there.extend(nearest(name, top).map(String::from));
        }

        if there.is_empty() {
            there.extend(similar(name, known));
        }

        match there.is_empty() {
            false => format!("did you mean '{}'?", there.join("' or '")),
            true => format!("there are {}", siblings.join(", ")),
        }
    }

    /// What a table lacks, if that is the fault.
    #[must_use]
    pub fn missing(&self) -> Option<&'static str> {
        match self.what {
            ConfigErrorKind::Missing(name) => Some(name),
            _ => None,
        }
    }

    fn of(what: ConfigErrorKind) -> ConfigError {
        ConfigError { path: vec![], what }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message(&Table::new()))
    }
}

impl std::error::Error for ConfigError {}

/// What serde found, in words.
fn found_in_words(found: Unexpected) -> String {
    match found {
        Unexpected::Map => "a table".into(),
        Unexpected::Seq => "a list".into(),
        Unexpected::UnitVariant => "a word alone".into(),
        other => other.to_string(),
    }
}

/// What serde expects, in words.
fn in_words(expected: &dyn Expected) -> String {
    match expected.to_string().as_str() {
        "usize" | "u64" | "u32" | "u16" | "u8" => "a whole number, 0 or more".into(),
        "i64" | "i32" => "a whole number".into(),
        "f64" | "f32" => "a number".into(),
        "a boolean" => "true or false".into(),
        "a sequence" => "a list, in [ ]".into(),
        "a string" => "text".into(),
        "a map" => "a table of settings".into(),
        "unit" | "unit variant" => "no value".into(),
        "newtype variant" | "tuple variant" | "struct variant" => {
            "a table of one entry, the word with its value".into()
        }
        other if other.starts_with("struct ") => "a table of settings".into(),
        other => other.into(),
    }
}

impl Error for ConfigError {
    fn custom<T: fmt::Display>(text: T) -> Self {
        ConfigError::of(ConfigErrorKind::Other(text.to_string()))
    }

    fn invalid_type(found: Unexpected, expected: &dyn Expected) -> Self {
        ConfigError::of(ConfigErrorKind::Other(format!(
            "expected {}, found {}",
            in_words(expected),
            found_in_words(found)
        )))
    }

    fn invalid_value(found: Unexpected, expected: &dyn Expected) -> Self {
        ConfigError::invalid_type(found, expected)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        ConfigError::of(ConfigErrorKind::Word(variant.into(), expected))
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        ConfigError::of(ConfigErrorKind::Name(expected))
    }

    fn missing_field(field: &'static str) -> Self {
        ConfigError::of(ConfigErrorKind::Missing(field))
    }
}

/// A value to be read.
#[derive(Clone, Copy)]
struct Node<'a>(&'a Value);

impl<'de> IntoDeserializer<'de, ConfigError> for Node<'de> {
    type Deserializer = Node<'de>;

    fn into_deserializer(self) -> Node<'de> {
        self
    }
}

/// The entries of a table, for serde's own deserializers of maps and of enums.
fn entries(
    table: &Table,
) -> MapDeserializer<'_, impl Iterator<Item = (&str, Node<'_>)>, ConfigError> {
    MapDeserializer::new(table.iter().map(|(key, value)| (key.as_str(), Node(value))))
}

impl<'de> Deserializer<'de> for Node<'de> {
    type Error = ConfigError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        match self.0 {
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Integer(i) => match u64::try_from(*i) {
                Ok(i) => visitor.visit_u64(i),
                Err(_) => visitor.visit_i64(*i),
            },
            Value::Float(x) => visitor.visit_f64(*x),
            Value::Boolean(b) => visitor.visit_bool(*b),
            Value::Datetime(date) => visitor.visit_string(date.to_string()),
            Value::Array(items) => visitor.visit_seq(SeqDeserializer::new(items.iter().map(Node))),
            Value::Table(table) => visitor.visit_map(entries(table)),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ConfigError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ConfigError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ConfigError> {
        match self.0 {
            Value::String(name) => visitor.visit_enum(BorrowedStrDeserializer::new(name)),
            Value::Table(table) if table.len() == 1 => {
                visitor.visit_enum(MapAccessDeserializer::new(entries(table)))
            }
            Value::Table(table) => Err(ConfigError::custom(format!(
                "expected one of {}, or a table of one entry, found a table of {}",
                variants.join(", "),
                table.len()
            ))),
            other => Err(ConfigError::custom(format!(
                "expected one of {}, found {}",
                variants.join(", "),
                shown(other)
            ))),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}
