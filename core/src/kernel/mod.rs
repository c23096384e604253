//! What all numerical work is made of: memory seen as planes, the matrix product, affine maps, losses
//! over a batch, and how all of them are compiled.

pub(crate) mod dense;
pub(crate) mod loss;
mod matmul;
pub(crate) mod planes;
pub(crate) mod vector;
