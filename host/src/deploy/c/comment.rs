//! The comment at the top of the header and of the source.

use crate::deploy::deployed::Deployed;
use crate::deploy::text::comment;

/// Where the model comes from, what was measured, and how to compile it.
pub fn head(model: &Deployed) -> String {
    let mut lines = vec![model.provenance.clone()];
    lines.extend(model.measured.0.iter().cloned());
    lines.push(
        "Same bits as the host: compile without -ffast-math, and with -ffp-contract=off where that is not the default."
            .into(),
    );
    format!("/*\n{} */\n", comment(" *", &lines))
}
