//! Every export answers as `ldnn predict` does: on raw rows of random tables, in every form, from
//! units to units.

mod answers;
mod drawn_rows;
mod every_form;
mod random_models;
mod rows_in_files;
mod units;

/// A training in a few seconds.
const SHORT: [&str; 8] = [
    "--activations",
    "tanh",
    "--epochs",
    "60",
    "--runs",
    "2",
    "--hidden",
    "16",
];
