//! `cargo run -p scale-out`, then open the two addresses that it prints.

use std::process::ExitCode;

fn main() -> ExitCode {
    scale_out_solution::program::run(std::env::args().skip(1))
}
