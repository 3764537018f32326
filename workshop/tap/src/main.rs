//! `cargo workshop tap`

use std::process::ExitCode;

use workshop_terminal::command_line;

fn main() -> ExitCode {
    command_line::main(workshop_tap::command(), workshop_tap::run)
}
