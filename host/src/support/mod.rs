//! What every other layer stands on: files that are written whole or not at all, stopping on
//! request, wrong requests, other programs, progress, memory limits, the processor's vectors, random numbers, text
//! for terminals and spreadsheets. Nothing here knows a network.

pub mod atomic;
pub mod child;
pub mod draws;
pub mod interrupt;
pub mod ledger;
pub mod memory;
pub mod notice;
pub mod progress;
pub mod refused;
pub mod regular;
pub mod simd;
pub mod stop;
pub mod text;
pub mod workshop;
