//! The `ldnn` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    ldnn::cli::main()
}
