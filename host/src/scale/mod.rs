//! More than one machine: studies, and queues for them. See `docs/scale.md`.

pub mod queue;
pub mod study;
