//! `cargo run -p async`, then open the address that it prints, in two tabs.

use std::process::ExitCode;

use async_chat_solution::program;

fn main() -> ExitCode {
    program::run(launch::Parser::from_env())
}
