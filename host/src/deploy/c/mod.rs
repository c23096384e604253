//! A model as C99: one header, one source, no library, the bits of the core.
//!
//! A file for each part of them: what it always says, as constants in which `NAME` and the like
//! stand for what the model has there, and the functions that say the rest.

mod activations;
mod around;
mod comment;
mod float_network;
mod header;
mod integer_network;
mod layers;
mod run;
mod source;

pub use header::header;
pub use source::source;
