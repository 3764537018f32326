//! `cargo run -p chat`, then open the address that it prints, in two tabs.

use std::process::ExitCode;

use chat_solution::{Settings, program};

fn main() -> ExitCode {
    program::run(launch::Parser::from_env(), Settings::default(), None)
}
