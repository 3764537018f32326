//! Reads a command line, runs what it asks for, and ends with an exit code.

use std::process::ExitCode;

use anyhow::Result;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, Command, Error};

use crate::signals;

/// How a command ended, for the exit code of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It did what it was asked for.
    Success,
    /// A check is red, or a rule is broken.
    Red,
    /// It failed, and has already printed why.
    Failed,
}

/// The `main` of a program with this command line. It reads the command line, calls `run`, and returns the
/// process's exit code.
pub fn main(command: Command, run: impl FnOnce(&ArgMatches) -> Result<Exit>) -> ExitCode {
    let name = command.get_bin_name().unwrap_or(command.get_name());
    let name = name.to_string();
    let matches = match command.try_get_matches() {
        Ok(matches) => matches,
        Err(error) => match explain(&name, &error) {
            Some(sentence) => {
                eprintln!("{sentence}");
                return ExitCode::from(2);
            }
            None => error.exit(),
        },
    };
    signals::install();
    exit_code(run(&matches))
}

/// The exit code of a command that ended like this: 0 for success, 1 for red, 2 if it couldn't be done. Prints the
/// error if there is one.
pub fn exit_code(exit: Result<Exit>) -> ExitCode {
    match exit {
        Ok(Exit::Success) => ExitCode::SUCCESS,
        Ok(Exit::Red) => ExitCode::from(1),
        Ok(Exit::Failed) => ExitCode::from(2),
        Err(error) => {
            eprintln!("{}", format!("{error:#}").trim_end());
            ExitCode::from(2)
        }
    }
}

/// One sentence about a line for `command` that makes no sense: what is wrong, and what to write or read instead.
/// `None` if help was asked for.
pub fn explain(command: &str, error: &Error) -> Option<String> {
    let names = |kind| match error.get(kind) {
        Some(ContextValue::Strings(names)) => names.join(", "),
        Some(ContextValue::String(name)) => name.clone(),
        _ => String::new(),
    };
    let usage = match error.get(ContextKind::Usage) {
        Some(ContextValue::StyledStr(usage)) => usage.to_string(),
        _ => String::new(),
    };
    let usage = usage.trim().trim_start_matches("Usage:").trim();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => None,
        ErrorKind::MissingRequiredArgument => Some(format!(
            "{} is missing: write `{usage}`; `--help` says more.",
            names(ContextKind::InvalidArg)
        )),
        ErrorKind::InvalidValue if names(ContextKind::InvalidValue).is_empty() => Some(format!(
            "{} has no value: write one after it; `--help` says more.",
            names(ContextKind::InvalidArg)
        )),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => Some(
            format!("`{command}` needs a command: `{command} --help` lists them."),
        ),
        _ => Some(one_sentence(&error.to_string())),
    }
}

/// Makes one sentence of clap's paragraphs: the error, perhaps a tip, and the usage.
fn one_sentence(said: &str) -> String {
    let in_one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut paragraphs = said.split("\n\n").map(in_one_line);
    let error = paragraphs.next().unwrap_or_default();
    let error = error.trim_start_matches("error: ");
    let tip = paragraphs.find_map(|text| text.strip_prefix("tip: ").map(str::to_string));
    match tip {
        Some(tip) => format!("{error}: {tip}; `--help` says more."),
        None => format!("{error}; `--help` says more."),
    }
}
