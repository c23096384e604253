//! What stands around the network: the standardisation of its inputs, and the names of its classes.

use crate::deploy::deployed::Deployed;
use crate::deploy::text::{filled, float, lines};
use anyhow::Result;
use std::fmt::Write;

/// What comes before the network and after it: standardisation, names of classes.
pub fn around(model: &Deployed) -> Result<String> {
    let (name, mut text) = (&model.name, String::new());
    let count = model.standard.len();
    if count > 0 {
        let pairs = lines(
            model
                .standard
                .iter()
                .flat_map(|&(mean, factor)| [mean, factor])
                .map(|x| float(x) + "f"),
        );

        write!(
            text,
            "/* Mean and factor of every input. */\nstatic const float {name}_pairs_of_inputs[{}] = {{\n{pairs}\n}};\n\n",
            2 * count
        )?;

        text += &filled(
            STANDARDISE,
            &[("NAME", name), ("COUNT", &count.to_string())],
        );
    }

    if !model.classes().is_empty() {
        let quoted: Vec<String> = model
            .classes()
            .iter()
            .map(|c| format!("    {},", quoted(c)))
            .collect();

        write!(
            text,
            "const char *const {name}_classes[{}] = {{\n{}\n}};\n\n",
            quoted.len(),
            quoted.join("\n")
        )?;
    }

    Ok(text)
}

/// A string of C: what is not plain is written in octal, which never takes a following digit in.
fn quoted(text: &str) -> String {
    let byte = |b: u8| match b {
        b'"' | b'\\' | b'?' => format!("\\{:03o}", b),
        b' '..=b'~' => char::from(b).to_string(),
        _ => format!("\\{b:03o}"),
    };
    format!("\"{}\"", text.bytes().map(byte).collect::<String>())
}

const STANDARDISE: &str = "\
void NAME_standardise(const float *x, float *to)
{
    int32_t i;
    for (i = 0; i < COUNT; ++i) {
        to[i] = (x[i] - NAME_pairs_of_inputs[2 * i]) * NAME_pairs_of_inputs[2 * i + 1];
    }
}

";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_ends_a_string() {
        // Backslashes, quotes, trigraphs, line ends, and digits behind an octal number.
        assert_eq!(quoted("a\"; x\\\n??/9"), r#""a\042; x\134\012\077\077/9""#);
        assert_eq!(quoted("µ1"), r#""\302\2651""#);
    }
}
