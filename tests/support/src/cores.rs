//! A core of their own, for programs that measure.
//!
//! Where server and load may use all cores, the system moves their threads to and fro between them as it likes.
//! A figure then says more about that than about the server: the same server comes out twice as fast in one round
//! as in the next.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

/// Keeps this process to one core: all its threads, and those to come. Whether that has worked: it takes Linux's
/// `taskset`, and a core of that number, counted from 0.
pub fn keep_to(core: usize) -> bool {
    let mut keep = Command::new("taskset");
    let process = std::process::id().to_string();
    works(keep.args(["-a", "-c", "-p", &core.to_string(), &process]))
}

/// Whether a program can be run by [`command_on`] this core.
pub fn has(core: usize) -> bool {
    works(&mut command_on(core, "true"))
}

/// A command that runs a program on one core. It takes Linux's `taskset`.
pub fn command_on(core: usize, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string()]).arg(program);
    command
}

fn works(command: &mut Command) -> bool {
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
