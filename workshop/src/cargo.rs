//! Runs cargo, and reads its output: status lines, errors, and the paths of the programs that it has built.

use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use anyhow::Result;

use crate::project::Project;
use crate::supervisor::{Limits, Listener, Output, Stop, run_within};

/// Options by which cargo prints messages for programs on stdout, as JSON that [`built_program`] reads, and messages
/// for people on stderr.
pub const MESSAGE_OPTIONS: [&str; 4] = [
    "--message-format",
    "json-render-diagnostics",
    "--color",
    "never",
];

/// A stage on the way to a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Activity {
    /// Cargo waits for another cargo that builds in the same folder.
    Waiting,
    /// Cargo builds this package; or, if `None`, finds out which packages to build.
    Building(Option<String>),
    /// The checks run.
    Checking,
}

/// A callback for each [`Activity`]. It is called from several threads.
pub type OnActivity = Arc<dyn Fn(Activity) + Send + Sync>;

/// Returns a command for the cargo that runs this program. It runs in the workshop's folder, and inherits no variable
/// that would change its behaviour there.
pub fn command(project: &Project) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
    command
        .current_dir(&project.root)
        .env_remove("CARGO_MANIFEST_DIR");
    if let Some(target) = &project.target {
        command.env("CARGO_TARGET_DIR", target);
    }
    command
}

/// Runs a cargo command that builds something, and reports its activity to `on_activity`. Returns `None` if a stop was
/// asked for. The output's `stderr` has the errors and warnings of cargo and the compiler, without cargo's status
/// lines.
///
/// # Errors
/// Returns an error if it can't be started.
pub fn build(command: Command, stop: &Stop, on_activity: &OnActivity) -> Result<Option<Output>> {
    on_activity(Activity::Building(None));
    let output = run_within(
        Limits::default(),
        command,
        stop,
        Some(listener(on_activity)),
    )?;
    Ok(output.map(|output| Output {
        stderr: without_statuses(&output.stderr),
        ..output
    }))
}

/// Finds the program of this kind (`bin`, `example`, `test`) that cargo has built: the one with this name or, without a
/// name, the first.
pub fn built_program(stdout: &str, kind: &str, name: Option<&str>) -> Option<PathBuf> {
    let messages = stdout
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    messages
        .filter(|message| message["target"]["kind"][0] == kind)
        .filter(|message| name.is_none_or(|name| message["target"]["name"] == name))
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
}

/// Turns cargo's status lines into activities.
fn listener(on_activity: &OnActivity) -> Listener {
    let on_activity = Arc::clone(on_activity);
    Box::new(move |line| match status(line) {
        // Another cargo holds the package cache only for a moment.
        Some(("Blocking", what)) if !what.ends_with("package cache") => {
            on_activity(Activity::Waiting)
        }
        Some(("Compiling", what)) => {
            let package = what.split_whitespace().next().map(str::to_string);
            on_activity(Activity::Building(package));
        }
        _ => {}
    })
}

/// The width of the column for the verb in cargo's status lines.
const STATUS_WIDTH: usize = 12;

/// Splits a status line like `   Compiling hello v0.1.0` into its verb and the rest. `None` for any other line.
fn status(line: &str) -> Option<(&str, &str)> {
    let (word, what) = line.split_at_checked(STATUS_WIDTH)?;
    let what = what.strip_prefix(' ')?;
    let word = word.trim_start();
    let mut letters = word.chars();
    let is_word = letters.next()?.is_ascii_uppercase() && letters.all(|c| c.is_ascii_lowercase());
    is_word.then_some((word, what))
}

/// Removes cargo's status lines, and keeps the errors and warnings.
fn without_statuses(output: &str) -> String {
    let lines = output.split_inclusive('\n');
    lines.filter(|line| status(line).is_none()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_lines_are_separated_from_errors() {
        assert_eq!(
            status("   Compiling hello v0.1.0 (/steps/00-hello)"),
            Some(("Compiling", "hello v0.1.0 (/steps/00-hello)"))
        );
        assert_eq!(
            status("    Blocking waiting for file lock on build directory"),
            Some(("Blocking", "waiting for file lock on build directory"))
        );
        let complaint = "error[E0425]: cannot find value `x`\n --> steps/00-hello/src/lib.rs:14:5\n   |\n14 |     X y\n   |     ^\n";
        let output = format!("   Compiling hello v0.1.0\n{complaint}    Finished in 1 s\n");
        assert_eq!(without_statuses(&output), complaint);
    }

    #[test]
    fn a_program_is_found_by_its_kind_and_name() {
        let message = |kind: &str, name: &str, executable: &str| {
            format!(
                r#"{{"target":{{"kind":["{kind}"],"name":"{name}"}},"executable":{executable}}}"#
            )
        };
        let stdout = [
            "not JSON".to_string(),
            message("lib", "a", "null"),
            message("bin", "a", "\"/t/a\""),
            message("bin", "b", "\"/t/b\""),
            message("test", "a", "\"/t/a-1\""),
        ]
        .join("\n");
        let program = |kind, name| built_program(&stdout, kind, name);
        assert_eq!(program("bin", None), Some(PathBuf::from("/t/a")));
        assert_eq!(program("bin", Some("b")), Some(PathBuf::from("/t/b")));
        assert_eq!(program("test", Some("a")), Some(PathBuf::from("/t/a-1")));
        assert_eq!(program("example", None), None);
    }
}
