//! `cargo workshop inspect`

use std::process::ExitCode;

use workshop_terminal::command_line;

fn main() -> ExitCode {
    command_line::main(workshop_inspect::command(), workshop_inspect::run)
}
