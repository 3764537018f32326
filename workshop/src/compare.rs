//! `cargo workshop compare`: what the same chat costs over polling, long polling and WebSocket.
//!
//! The package `workshop-compare` measures. Because it takes a while to compile, this module reads the options with
//! the package's own code first: a mistake in them is found before anything is compiled.

use std::ffi::OsString;

use anyhow::{Error, Result, anyhow};
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::commands::Exit;
use crate::project::Project;
use crate::tool;

#[path = "../compare/src/options.rs"]
pub mod options;

/// Options that take a value: name, what it is, and what it means. The program reads the values.
const VALUES: [(&str, &str, &str); 7] = [
    (
        "rate",
        "LIST",
        "Messages a minute, like 6,60 (default: 6 to 1800)",
    ),
    (
        "clients",
        "NUMBER",
        "Pages, each of which hears all (default: 5)",
    ),
    (
        "interval",
        "SECONDS",
        "The pause of a page that polls (default: 1)",
    ),
    (
        "cookie",
        "BYTES",
        "A cookie, as long as this (default: 0, none)",
    ),
    (
        "seconds",
        "SECONDS",
        "How long each rate is measured (default: 10)",
    ),
    (
        "svg",
        "FILE",
        "Draw bytes against rate, of two rates at least",
    ),
    (
        "from",
        "FILE",
        "Measure nothing; read a table that was kept",
    ),
];

/// The command and its options.
pub fn command() -> Command {
    let values = VALUES.map(|(name, value, help)| {
        Arg::new(name)
            .long(name)
            .value_name(value)
            .allow_hyphen_values(true)
            .help(help)
    });
    Command::new("compare")
        .about("What the same chat costs over polling, long polling and WebSocket")
        .args(values)
        .arg(
            Arg::new("quick")
                .long("quick")
                .action(ArgAction::SetTrue)
                .help("Two rates, two pages, 0.8 s each, a pause of 0.05 s"),
        )
        .after_help(
            "It takes a minute, and runs all three at the same time, on this machine. Bytes\n\
             are counted at a TCP proxy, both directions together: heads, bodies and frames,\n\
             no headers of TCP or IP.\n\n\
             Examples:\n  cargo workshop compare\n  \
             cargo workshop compare --rate 60 --clients 20 --interval 5 --cookie 500\n  \
             cargo workshop compare --svg plot.svg > table.txt",
        )
}

/// Builds the program and runs it to its end.
///
/// # Errors
/// Returns an error if the options make no sense, or the program can't be built or started.
pub fn run(matches: &ArgMatches) -> Result<Exit> {
    let arguments = arguments(matches);
    let given = options::parse(arguments.iter().map(OsString::from))
        .map_err(|why| anyhow!("{why}. `--help` lists the options."))?;
    if let Some(given) = given {
        given.check_files().map_err(Error::msg)?;
    }
    let project = Project::find()?;
    tool::run(&project, "compare", arguments.iter().map(OsString::from))
}

/// Turns the options back into the program's command line.
fn arguments(matches: &ArgMatches) -> Vec<String> {
    let value = |(name, ..): (&str, &str, &str)| {
        let value = matches.get_one::<String>(name)?;
        Some(format!("--{name}={value}"))
    };
    let quick = matches.get_flag("quick").then(|| "--quick".to_string());
    VALUES.into_iter().filter_map(value).chain(quick).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_handed_on_as_they_were_given() {
        let given = ["compare", "--quick", "--cookie", "-1", "--rate=6,60"];
        let matches = command().try_get_matches_from(given).unwrap();
        assert_eq!(
            arguments(&matches),
            ["--rate=6,60", "--cookie=-1", "--quick"]
        );
    }

    #[test]
    fn the_program_knows_every_option() {
        let program = include_str!("../compare/src/options.rs");
        for (name, value, _) in VALUES {
            assert!(
                program.contains(&format!("\n  --{name} {value} ")),
                "{name}"
            );
        }
        assert!(program.contains("\n  --quick "));
    }
}
