//! The paper's experiments, each on any task, width, depth and set of activations; each brings a
//! section of a report.

pub mod authors;
pub mod best;
pub mod comparison;
pub mod equal;
pub mod family;
pub mod forecast;
pub mod hessian;
pub mod participation;
pub mod progression;
pub mod sizes;
pub mod transfer;
pub mod variants;
