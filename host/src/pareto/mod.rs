//! How small a network can be: widths and activations, each with its error, its bytes of flash and
//! its instructions; and the smallest network whose error is small enough.
//!
//! Everything that is chosen, the fronts too, is chosen on held-out training rows. Test rows say how
//! good it is.

mod error;
mod front;
mod picture;
mod report;
mod smallest;
mod sweep;

pub use error::{ErrorUnit, MaxError};
pub use front::front;
pub use report::report;
pub use smallest::{Limits, smallest};
pub use sweep::{SizedArm, Sizes, Sweep, WIDTHS, check_widths};
