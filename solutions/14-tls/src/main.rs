//! `cargo run -p tls -- authority`: where the certificate authority is, and how to trust it.

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use lexopt::Arg;
use tls_solution::authority::{self, Authority};
use tls_solution::trust;

mod measure;

const USAGE: &str = "\
TLS for a WebSocket: wss://.

Usage: cargo run -p tls -- COMMAND [OPTIONS]

  cargo run -p tls -- authority
  cargo run --release -p tls -- measure

Commands:
  authority           makes the certificate authority, and says how to trust it
  measure             what TLS costs: the handshake, and each message

Options:
  --authority FOLDER  where the certificate authority is (default .workshop/tls)
  -h, --help          this text";

/// What the command line asks for.
struct Options {
    command: String,
    authority: PathBuf,
}

fn main() -> ExitCode {
    match options(lexopt::Parser::from_env()) {
        Ok(Some(options)) => match run(&options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error.to_string()),
        },
        Ok(None) => {
            say(USAGE);
            ExitCode::SUCCESS
        }
        Err(error) => fail(&format!("{error}. `--help` shows how to use it.")),
    }
}

/// Reads the command line. Returns `None` if it asks for help.
fn options(mut arguments: lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    let (mut command, mut authority) = (None, PathBuf::from(authority::FOLDER));
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(None),
            Arg::Long("authority") => authority = arguments.value()?.into(),
            Arg::Value(value) if command.is_none() => {
                command = Some(value.to_string_lossy().into_owned());
            }
            other => return Err(other.unexpected()),
        }
    }
    let command = command.ok_or("A command is missing, like authority")?;
    Ok(Some(Options { command, authority }))
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    match options.command.as_str() {
        "authority" => show_authority(&options.authority),
        "measure" => {
            say(&measure::table()?);
            Ok(())
        }
        other => Err(format!("There is no command `{other}`. `--help` lists them.").into()),
    }
}

fn show_authority(folder: &Path) -> Result<(), Box<dyn Error>> {
    let authority = Authority::open(folder, SystemTime::now())?;
    let certificate = folder.canonicalize()?.join("authority.crt");
    say(trust::instructions(&authority.name(), &certificate).trim_end());
    Ok(())
}

/// Prints something. If nothing reads it (a closed pipe), that is no failure.
fn say(text: &str) {
    _ = writeln!(io::stdout(), "{text}");
}

fn fail(sentence: &str) -> ExitCode {
    _ = writeln!(io::stderr(), "{sentence}");
    ExitCode::from(2)
}
