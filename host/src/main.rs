//! The `ldnn` program.
fn main() {}
