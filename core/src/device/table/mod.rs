//! Tables as they are deployed.

pub mod compact;
pub mod integer;
