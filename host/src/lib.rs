//! The library behind the `ldnn` program, and the program itself as a function.

pub mod analysis;
pub mod cli;
pub mod config;
pub mod data;
pub mod deploy;
pub mod estimate;
pub mod experiments;
pub mod fit;
pub mod formats;
pub mod inspect;
pub mod meta;
pub mod model;
pub mod report;
pub mod reproduce;
pub mod run;
pub mod scale;
pub mod support;
pub mod train;
