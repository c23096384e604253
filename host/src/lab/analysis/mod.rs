//! Looking at trained networks: the dimension of their activity, and the curvature of their loss.

pub mod curvature;
pub mod lanczos;
pub mod participation;
pub mod point;
pub mod spectrum;
