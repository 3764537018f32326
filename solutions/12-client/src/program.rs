//! The command line of a WebSocket in a terminal, or in a pipe.

use std::io::{self, Write};
use std::process::ExitCode;

use lexopt::{Arg, Parser};

use crate::session::Session;
use crate::{Settings, Target};

/// Returns how the program is used, if it was started by these words.
fn usage(command: &str) -> String {
    format!(
        "\
A WebSocket in a terminal: lines that you type go out as text messages, and messages come in as lines.

Usage: {command} [OPTIONS] URL

  {command} ws://127.0.0.1:9009/socket
  {command} --chat ada --reconnect ws://127.0.0.1:9010/socket

Options:
  --chat NAME         speaks with the chat of step 10, by this name
  --subprotocol NAME  offers a subprotocol; may be given several times
  --origin ORIGIN     says that a page of this origin asks, as a browser would
  --max-message N     the most bytes of a message (default 1048576); close code 1009 above
  --reconnect         if the connection is lost, tries again, after a pause that grows
  -h, --help          this text

In a terminal, /help lists what else you can type, and NO_COLOR=1 turns the colours off. In a pipe, every line is a
message, stdout has only messages, and everything else is on stderr.

Exit code: 0 if the connection ends with 1000, 1001 or no code; 1 if it ends otherwise; 2 if it can't be opened."
    )
}

/// What the command line asks for.
struct Options {
    target: Target,
    settings: Settings,
    reconnect: bool,
    name: Option<String>,
}

/// Runs the program, with these settings except for those that the command line names.
pub fn run(arguments: Parser, settings: Settings) -> ExitCode {
    run_as("cargo run -p client --", arguments, settings)
}

/// Runs the program like [`run`]. Its help says that it is started by these words.
pub fn run_as(command: &str, arguments: Parser, settings: Settings) -> ExitCode {
    match options(arguments, settings) {
        Ok(Some(options)) => {
            let Options {
                target,
                settings,
                reconnect,
                name,
            } = options;
            Session::new(target, settings, reconnect, name.as_deref()).stay_connected()
        }
        Ok(None) => {
            _ = writeln!(io::stdout(), "{}", usage(command));
            ExitCode::SUCCESS
        }
        Err(error) => {
            _ = writeln!(io::stderr(), "{error}. `--help` shows how to use it.");
            ExitCode::from(2)
        }
    }
}

/// Reads the command line. Returns `None` if it asks for help.
fn options(
    mut arguments: Parser,
    mut settings: Settings,
) -> Result<Option<Options>, lexopt::Error> {
    let (mut url, mut name, mut reconnect) = (None, None, false);
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(None),
            Arg::Long("reconnect") => reconnect = true,
            Arg::Long("chat") => name = Some(arguments.value()?.to_string_lossy().into_owned()),
            Arg::Long("subprotocol") => {
                let name = arguments.value()?.to_string_lossy().into_owned();
                settings.subprotocols.push(name);
            }
            Arg::Long("origin") => {
                let origin = arguments.value()?.to_string_lossy().into_owned();
                if origin.contains(char::is_control) {
                    return Err("An origin is like https://example.org".into());
                }
                settings.origin = Some(origin);
            }
            Arg::Long("max-message") => {
                let number = arguments.value()?.to_string_lossy().into_owned();
                settings.max_message = number
                    .parse()
                    .map_err(|_| format!("`--max-message {number}` isn't a whole number"))?;
            }
            Arg::Value(value) if url.is_none() => url = Some(value),
            other => return Err(other.unexpected()),
        }
    }
    let url = url.ok_or("A URL is missing, like ws://127.0.0.1:9009/socket")?;
    let url = url.to_string_lossy();
    let target = url.parse().map_err(|error| format!("{url}: {error}"))?;
    Ok(Some(Options {
        target,
        settings,
        reconnect,
        name,
    }))
}
