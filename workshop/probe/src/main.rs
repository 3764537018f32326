//! `cargo workshop probe`

use std::process::ExitCode;

use workshop_terminal::command_line;

fn main() -> ExitCode {
    command_line::main(workshop_probe::command(), workshop_probe::run)
}
