//! Every tolerance of the tests, with its reason.

/// A bound and why it is what it is.
pub struct Tolerance {
    /// What is compared.
    pub what: &'static str,
    /// The largest relative error.
    pub bound: f64,
    /// Why not smaller.
    pub reason: &'static str,
}

/// Gradient against central differences, f64.
pub const GRADIENT: f64 = 1e-7;
/// Hessian-vector product against central differences of the gradient, f64.
pub const HESSIAN: f64 = 1e-7;
/// `u.Hv` against `v.Hu`, f64.
pub const SYMMETRY: f64 = 1e-12;
/// Hypergradient against central differences of the outer loss, f64.
pub const HYPERGRADIENT: f64 = 1e-6;
/// Loss with 256 knots against direct evaluation, f64.
pub const TABLE_LOSS: f64 = 1e-6;
/// Hypergradient with 256 knots against direct evaluation, f64.
pub const TABLE_HYPERGRADIENT: f64 = 1e-5;
/// A transposed linear map: `y.(A x)` against `x.(A' y)`, f64.
pub const TRANSPOSE: f64 = 1e-9;
/// Gradient in f32 against f64.
pub const SINGLE: f64 = 2e-5;
/// A whole short training in f32 against f64.
pub const SINGLE_TRAINING: f64 = 1e-3;
/// The walk against an independent per-sample computation, f64.
pub const ORACLE: f64 = 1e-12;
/// MNIST-1D against the original's numbers, absolute.
pub const MNIST1D: f64 = 1e-12;

/// All of them.
pub const TOLERANCE: [Tolerance; 11] = [
    row(
        "gradient",
        GRADIENT,
        "fourth-order differences lose about 1e-16 / step of the loss; kinked bases need small steps",
    ),
    row(
        "Hessian-vector product",
        HESSIAN,
        "the same, of the gradient",
    ),
    row(
        "symmetry of the Hessian",
        SYMMETRY,
        "only the rounding of sums of some thousand terms",
    ),
    row(
        "hypergradient",
        HYPERGRADIENT,
        "differences of a loss after several steps, whose rounding errors grow from step to step",
    ),
    row(
        "loss by tables",
        TABLE_LOSS,
        "cubic Hermite error h^4/384 max|sigma''''| with h = 20/255",
    ),
    row(
        "hypergradient by tables",
        TABLE_HYPERGRADIENT,
        "slope and curvature of the table have errors of order h^3 and h^2",
    ),
    row("transposes", TRANSPOSE, "only rounding"),
    row(
        "single precision",
        SINGLE,
        "24 bits: 6e-8 an operation, sums of some hundred terms",
    ),
    row(
        "training in single precision",
        SINGLE_TRAINING,
        "rounding errors that the steps amplify",
    ),
    row(
        "independent computation",
        ORACLE,
        "another order of the same sums",
    ),
    row(
        "MNIST-1D",
        MNIST1D,
        "NumPy's and our exp, log and cubic spline round differently in the last digits",
    ),
];

const fn row(what: &'static str, bound: f64, reason: &'static str) -> Tolerance {
    Tolerance {
        what,
        bound,
        reason,
    }
}
