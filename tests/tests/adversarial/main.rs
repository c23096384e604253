//! Every public function with lengths and numbers of an adversary: an answer or an error, never a
//! panic. These tests are compiled with checks of overflow, so a sum that wraps is a panic here.

mod devices;
mod networks;
mod strategies;
mod training;
