//! What the layers of a network have in common, whatever their numbers are.

use anyhow::Result;
use ldnn_core::Shape;
use std::fmt::Write;

/// Where the activity of layer `l` lies: two halves of the scratch in turn.
pub fn place(l: usize, half: usize, x: &str) -> String {
    match l {
        0 => x.into(),
        l if l % 2 == 1 => format!("(work + {half})"),
        _ => "work".into(),
    }
}

/// The loops over the blocks of neurons of hidden layer `l`.
pub fn activations(
    of: &Shape,
    l: usize,
    to: &str,
    call: impl Fn(usize, &str) -> String,
) -> Result<String> {
    let mut text = String::new();

    if l == of.hidden_layers() {
        return Ok(text);
    }

    let (first, count) = of.layer_types(l);
    for i in 0..count {
        let (start, end) = of.block(l, i);
        let at = format!("{to}[j]");

        write!(
            text,
            "    for (j = {start}; j < {end}; ++j) {{\n        {at} = {};\n    }}\n",
            call(first + i, &at)
        )?;
    }

    Ok(text)
}
