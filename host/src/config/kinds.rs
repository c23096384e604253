//! What a TOML value is, in words.

use toml::Value;

/// The kind of a value.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "text",
        Value::Integer(_) | Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
    }
}

/// What a value is, with the value itself if it is a short one.
pub fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("the text '{text}'"),
        Value::Integer(_) | Value::Float(_) => format!("the number {value}"),
        Value::Boolean(_) => format!("{value}"),
        other => kind(other).into(),
    }
}
