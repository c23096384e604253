//! Settings from TOML values, with faults that know their path and what would have been possible: serde tells the names that
//! it expects, which the `toml` crate turns into a sentence before anyone can use them.

use super::suggest::{elsewhere, nearest, similar};
use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error, Expected, IntoDeserializer, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};
use std::fmt;
use toml::{Table, Value};

/// Why values are no settings.
#[derive(Clone, Debug)]
pub struct Fault {
    /// The keys that lead to the place; numbers are places in lists.
    pub path: Vec<String>,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
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
pub fn read<T: DeserializeOwned>(value: &Value) -> Result<T, Fault> {
    T::deserialize(Node(value))
}

impl Fault {
    /// The fault of a value that stands at a path with dots.
    #[must_use]
    pub fn inside(mut self, path: &str) -> Fault {
        self.path.splice(0..0, path.split('.').map(String::from));
        self
    }

    /// Whether the name of the setting is wrong, not its value.
    #[must_use]
    pub fn is_about_the_name(&self) -> bool {
        matches!(self.what, What::Name(_))
    }

    /// In words; `known` are the settings that there are.
    #[must_use]
    pub fn message(&self, known: &Table) -> String {
        self.message_about(known, None)
    }

    /// The same, if `last` is the last key of what was asked for: of `train.epochs` the fault is `train`, but `epochs` tells
    /// more about what was meant.
    #[must_use]
    pub fn message_about(&self, known: &Table, last: Option<&str>) -> String {
        let path = self.path.join(".");
        match &self.what {
            What::Name(siblings) => format!("there is no setting '{path}'; {}", self.meant(siblings, known, last)),
            What::Word(word, words) => {
                let meant =
                    nearest(word, words.iter().copied()).map_or(String::new(), |m| format!("did you mean '{m}'? "));
                format!("'{path}' is '{word}'; {meant}It is one of {}", words.join(", "))
            }
            What::Missing(name) => format!("'{path}' lacks '{name}'"),
            What::Other(text) => format!("'{path}': {text}"),
        }
    }

    /// What was probably meant: a similar name beside it, or the same name somewhere else.
    fn meant(&self, siblings: &[&str], known: &Table, last: Option<&str>) -> String {
        let Some((name, around)) = self.path.split_last() else { return String::new() };
        let around = around.iter().fold(String::new(), |all, key| format!("{all}{key}."));
        if let Some(near) = nearest(name, siblings.iter().copied()) {
            return format!("did you mean '{around}{near}'?");
        }
        let mut there = elsewhere(name, known);
        there.extend(last.filter(|_| there.is_empty()).map(|last| elsewhere(last, known)).into_iter().flatten());
        there.truncate(3);
        if there.is_empty() {
            there.extend(similar(name, known));
        }
        match there.is_empty() {
            false => format!("did you mean '{}'?", there.join("' or '")),
            true => format!("there are {}", siblings.join(", ")),
        }
    }

    fn of(what: What) -> Fault {
        Fault { path: vec![], what }
    }

    fn at(mut self, key: &str) -> Fault {
        self.path.insert(0, key.into());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message(&Table::new()))
    }
}

impl std::error::Error for Fault {}

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
        other if other.starts_with("struct ") => "a table of settings".into(),
        other => other.into(),
    }
}

impl Error for Fault {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Fault::of(What::Other(text.to_string()))
    }

    fn invalid_type(found: Unexpected, expected: &dyn Expected) -> Self {
        Fault::of(What::Other(format!("expected {}, found {found}", in_words(expected))))
    }

    fn invalid_value(found: Unexpected, expected: &dyn Expected) -> Self {
        Fault::invalid_type(found, expected)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Fault::of(What::Word(variant.into(), expected))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Fault { path: vec![field.into()], what: What::Name(expected) }
    }

    fn missing_field(field: &'static str) -> Self {
        Fault::of(What::Missing(field))
    }
}

/// A value to be read.
struct Node<'a>(&'a Value);

impl<'de> Deserializer<'de> for Node<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Integer(i) => match u64::try_from(*i) {
                Ok(i) => visitor.visit_u64(i),
                Err(_) => visitor.visit_i64(*i),
            },
            Value::Float(x) => visitor.visit_f64(*x),
            Value::Boolean(b) => visitor.visit_bool(*b),
            Value::Datetime(date) => visitor.visit_string(date.to_string()),
            Value::Array(items) => visitor.visit_seq(Items { items, next: 0 }),
            Value::Table(table) => visitor.visit_map(Entries { entries: table.iter(), value: None }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.0 {
            Value::String(name) => visitor.visit_enum(Choice { name, inner: None }),
            Value::Table(table) => match table.iter().next() {
                Some((name, inner)) if table.len() == 1 => visitor.visit_enum(Choice { name, inner: Some(inner) }),
                _ => Err(Fault::custom("expected a table of one entry")),
            },
            _ => Err(Fault::custom("expected a word, or a table of one entry")),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

struct Items<'a> {
    items: &'a [Value],
    next: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        let Some(item) = self.items.get(self.next) else { return Ok(None) };
        let place = self.next.to_string();
        self.next += 1;
        seed.deserialize(Node(item)).map(Some).map_err(|fault| fault.at(&place))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len() - self.next)
    }
}

struct Entries<'a> {
    entries: toml::map::Iter<'a, String, Value>,
    value: Option<(&'a String, &'a Value)>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        self.value = self.entries.next();
        let Some((key, _)) = self.value else { return Ok(None) };
        let key: StrDeserializer<Fault> = key.as_str().into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        let (key, value) = self.value.ok_or_else(|| Fault::custom("a value without a key"))?;
        seed.deserialize(Node(value)).map_err(|fault| fault.at(key))
    }
}

struct Choice<'a> {
    name: &'a str,
    inner: Option<&'a Value>,
}

impl<'de> EnumAccess<'de> for Choice<'de> {
    type Error = Fault;
    type Variant = Content<'de>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Content<'de>), Fault> {
        let name: StrDeserializer<Fault> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, Content { name: self.name, inner: self.inner }))
    }
}

struct Content<'a> {
    name: &'a str,
    inner: Option<&'a Value>,
}

impl<'a> Content<'a> {
    fn node(&self) -> Result<Node<'a>, Fault> {
        self.inner.map(Node).ok_or_else(|| Fault::custom(format!("'{}' needs a value", self.name)))
    }
}

impl<'de> VariantAccess<'de> for Content<'de> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        match self.inner {
            None => Ok(()),
            Some(_) => Err(Fault::custom(format!("'{}' takes no value", self.name))),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Fault> {
        seed.deserialize(self.node()?).map_err(|fault| fault.at(self.name))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.node()?.deserialize_any(visitor).map_err(|fault| fault.at(self.name))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Fault> {
        self.node()?.deserialize_any(visitor).map_err(|fault| fault.at(self.name))
    }
}
