//! JSON files with a checksum over what they say: a changed digit is noticed, another layout of the
//! same values is none.

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use serde_json::Value;

/// The field with the checksum: CRC-32 as eight hexadecimal digits, of the other fields in the
/// order of their names, without blanks between.
const FIELD: &str = "checksum";

/// How every file with a checksum begins.
pub const START: &str = "{\"checksum\":\"";

/// A value as the text of a file with its checksum, on one line.
///
/// # Errors
/// If the value has no JSON form that is an object with fields.
pub fn seal(value: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string(value)?;
    let sum = checksum(&serde_json::from_str(&text)?)?;
    let rest = text
        .strip_prefix('{')
        .filter(|rest| rest.starts_with('"'))
        .context("a file with a checksum must be an object with fields")?;

    Ok(format!("{{\"{FIELD}\":\"{sum}\",{rest}\n"))
}

/// Takes the checksum out of the content of a file; whether there was one.
///
/// # Errors
/// If it is not that of the content.
pub fn unseal(content: &mut Value) -> Result<bool> {
    let stated = content
        .as_object_mut()
        .and_then(|fields| fields.remove(FIELD));
    let Some(stated) = stated else {
        return Ok(false);
    };

    ensure!(
        stated.as_str() == Some(&checksum(content)?),
        "the file is damaged, or was edited by hand: what it holds does not fit its checksum; take it from a copy, or make \
         it anew"
    );

    Ok(true)
}

fn checksum(content: &Value) -> Result<String> {
    let sum = crc32fast::hash(&serde_json::to_vec(content)?);
    Ok(format!("{sum:08x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_a_checksum_is_known_by_its_first_bytes() {
        let text = seal(&std::collections::BTreeMap::from([("a", 1)])).unwrap();
        assert!(text.starts_with(START));
    }

    #[test]
    fn a_changed_digit_is_noticed_and_another_layout_is_not() {
        let value = serde_json::json!({"params": [0.1f32, -3.0e-20f32, 16_777_217.0], "name": "é"});
        let text = seal(&value).unwrap();
        let read = |text: &str| {
            let mut content: Value = serde_json::from_str(text).unwrap();
            unseal(&mut content).map(|sealed| (sealed, content))
        };

        assert_eq!(read(&text).unwrap(), (true, value.clone()));
        assert_eq!(read(&value.to_string()).unwrap(), (false, value.clone()));

        let pretty: Value = serde_json::from_str(&text).unwrap();
        let pretty = serde_json::to_string_pretty(&pretty).unwrap();

        assert_eq!(read(&pretty).unwrap(), (true, value));

        for (old, new) in [
            ("-2.9", "-3.9"),
            ("é", "e"),
            ("7.0", "8.0"),
            ("name", "nama"),
        ] {
            let changed = text.replacen(old, new, 1);
            assert_ne!(changed, text, "there is no {old}");

            let error = read(&changed).unwrap_err();
            assert!(
                format!("{error:#}").contains("damaged, or was edited by hand"),
                "{old}"
            );
        }
    }
}
