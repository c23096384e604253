//! The `ldnn` program, as tests run it: cargo builds it with the tests, from the same library.

use std::process::ExitCode;

fn main() -> ExitCode {
    ldnn::cli::main()
}
