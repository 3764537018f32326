//! `cargo run -p echo`, then open the address that it prints.

use std::process::ExitCode;

use echo::{Settings, program};

fn main() -> ExitCode {
    program::run(launch::Parser::from_env(), Settings::default())
}
