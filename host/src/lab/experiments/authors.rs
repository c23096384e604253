//! What the authors' published code gives, as facts to stand beside our own measurements.

/// Epochs at which the networks are compared.
pub const MARKS: [usize; 3] = [50, 100, 500];

/// Mean test accuracy in percent of the authors' PyTorch code
/// (github.com/nonlinearartificialintelligencelab/diversityNN, commit dbce920) over 50 seeds, at
/// [`MARKS`]: 791 outer steps from sine (seed 100), then SGD 0.01, momentum 0.8, batch 200, without
/// its fault of adding the other type's value at zero to the mix. See `docs/reproduction.md`.
pub const ACCURACY: [(&str, [f64; 3]); 6] = [
    ("relu", [42.9, 52.7, 58.2]),
    ("sine", [41.8, 50.2, 61.5]),
    ("tanh", [35.8, 44.7, 59.7]),
    ("type1", [57.7, 58.9, 56.5]),
    ("type2", [60.0, 59.8, 58.1]),
    ("mix", [62.8, 62.8, 60.7]),
];

/// The figure for one activation at one of the [`MARKS`].
#[must_use]
pub fn accuracy(name: &str, mark: usize) -> Option<f64> {
    let at = MARKS.iter().position(|m| *m == mark)?;
    ACCURACY
        .iter()
        .find(|(n, _)| *n == name)
        .map(|(_, all)| all[at])
}
