//! `cargo workshop author`

use std::process::ExitCode;

use workshop_terminal::command_line;

fn main() -> ExitCode {
    command_line::main(workshop_author::command(), workshop_author::run)
}
