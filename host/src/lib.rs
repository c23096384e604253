//! The library behind the `ldnn` program, and the program itself as a function.
//!
//! The modules are layers, from the ground up: each one uses only those that stand before it in
//! `lib.rs`. `tests/tests/layers.rs` checks that, and `docs/contributing.md` says why the order is
//! this one.

// Text for terminals and files, files written whole or not at all, stopping on request, progress,
// memory limits.
pub mod support;

// Data sets, made here or read from files, and their division into training, validation and test
// rows.
pub mod data;

// Settings in layers (defaults, a file, flags, assignments), and how a run stores them.
pub mod config;

// The folder of a run: its journals, its lock, its lists of jobs, and their division among
// processes.
pub mod run;

// Statistics, plots, sections with claims, the HTML page, and how far a run is.
pub mod report;

// Learned activations, networks, models that take raw readings, and how good their predictions are.
pub mod model;

// Models in the forms of other programs: safetensors, ONNX, NumPy, text.
pub mod formats;

// Training one network, and ensembles of many.
pub mod train;

// Learning activations.
pub mod meta;

// From a table to a model, with activations learned on the way; the search for good
// hyperparameters.
pub mod fit;

// From a model to what runs on a microcontroller, and its verification.
pub mod deploy;

// How small a network can be: errors against bytes and instructions, and the smallest network that
// is good enough.
pub mod pareto;

// Analysis of trained networks, experiments, studies, and the paper.
pub mod lab;

// Arguments, and a file for each command.
pub mod cli;
