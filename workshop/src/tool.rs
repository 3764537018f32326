//! Builds and runs the commands that are programs of their own. Each is built when it is first used, so that the
//! workshop itself is ready sooner.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result, anyhow, bail};

use crate::cargo::{self, Activity, MESSAGE_OPTIONS, OnActivity};
use crate::commands::Exit;
#[cfg(not(unix))]
use crate::process::Running;
use crate::project::Project;
#[cfg(not(unix))]
use crate::signals;
use crate::status_line::StatusLine;
use crate::supervisor::Stop;
use crate::text::sanitize;

/// A command that is a program of its own. It reads its own command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tool {
    /// Its name after `cargo workshop`.
    pub name: &'static str,
    /// A line about its purpose.
    pub about: &'static str,
}

impl Tool {
    /// All of them, in the order of `--help`.
    pub const ALL: [Self; 4] = [
        Self {
            name: "inspect",
            about: "Draw frames, given in hexadecimal, bit by bit",
        },
        Self {
            name: "probe",
            about: "Check any WebSocket echo server or client against RFC 6455",
        },
        Self {
            name: "tap",
            about: "Show what goes over a wire, both ways, as decoded frames",
        },
        Self {
            name: "author",
            about: "For maintainers: write what is generated, and prove what is promised",
        },
    ];

    /// The one with this name, if there is one.
    pub fn named(name: &OsStr) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name == name)
    }

    /// Builds it, and runs it with these arguments.
    ///
    /// # Errors
    /// Returns an error if it can't be built or started.
    pub fn run(self, arguments: impl Iterator<Item = OsString>) -> Result<Exit> {
        run(&Project::find()?, self.name, arguments)
    }
}

/// Builds the package `workshop-<name>`, and runs its program with these arguments. On Unix, the program takes the
/// place of this process, so that it has the terminal, hears the signals, and says how it ended. On Windows, which
/// has no such thing, this process waits for it.
///
/// # Errors
/// Returns an error if it can't be built or started.
pub fn run(
    project: &Project,
    name: &str,
    arguments: impl Iterator<Item = OsString>,
) -> Result<Exit> {
    let mut command = Command::new(build(project, name)?);
    command.args(arguments);
    become_program(&mut command)
        .with_context(|| format!("`cargo workshop {name}` can't be started"))
}

/// Builds the program, and says so if it takes time.
fn build(project: &Project, name: &str) -> Result<PathBuf> {
    let package = format!("workshop-{name}");
    let mut command = cargo::command(project);
    command
        .args(["build", "--package", &package, "--bin", &package])
        .args(MESSAGE_OPTIONS);
    let output = cargo::build(command, &Stop::default(), &say_if_long(name))?;
    let output = output.ok_or_else(|| anyhow!("`{package}` was not built."))?;
    if !output.status.success() {
        bail!(
            "{}\n`{package}` can't be built.",
            sanitize(output.stderr.trim_end())
        );
    }
    cargo::built_program(&output.stdout, "bin", Some(&package))
        .ok_or_else(|| anyhow!("`{package}` has no program."))
}

/// Returns a callback that shows a status line as soon as something has to be built.
fn say_if_long(name: &str) -> OnActivity {
    let name = name.to_string();
    let line = OnceLock::new();
    Arc::new(move |activity| {
        if activity != Activity::Building(None) {
            let line: &StatusLine = line.get_or_init(|| StatusLine::start(&name, activity.clone()));
            line.on_activity()(activity);
        }
    })
}

#[cfg(unix)]
fn become_program(command: &mut Command) -> io::Result<Exit> {
    use std::os::unix::process::CommandExt;
    Err(command.exec())
}

#[cfg(not(unix))]
fn become_program(command: &mut Command) -> io::Result<Exit> {
    // The console sends Ctrl-C to the program, too, and it decides what to do.
    signals::on_ctrl_c(|| {});
    let mut running = Running::start(command)?;
    let status = running.child().wait()?;
    Ok(match status.code() {
        Some(0) => Exit::Success,
        Some(1) => Exit::Red,
        _ => Exit::Failed,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn each_tool_has_the_name_and_the_description_of_the_list() {
        for tool in Tool::ALL {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(tool.name);
            let program = fs::read_to_string(folder.join("src/lib.rs")).expect(tool.name);
            for text in [
                format!(".about(\"{}\")", tool.about),
                format!(".bin_name(\"cargo workshop {}\")", tool.name),
            ] {
                assert!(program.contains(&text), "{}: {text}", tool.name);
            }
        }
    }
}
