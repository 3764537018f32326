//! `cargo run -p client -- ws://127.0.0.1:9009/socket`: a WebSocket in a terminal, or in a pipe.

use std::process::ExitCode;

use client_solution::{Settings, program};

fn main() -> ExitCode {
    program::run(lexopt::Parser::from_env(), Settings::default())
}
