//! Starts a server of the workshop: reads its options, and stops it on Ctrl-C.
//!
//! `cargo run -p polling -- --listen 127.0.0.1:9000` prints one line when it is ready
//! (`listening on http://127.0.0.1:9000`) and runs until Ctrl-C, SIGTERM or SIGHUP. An option that a server
//! doesn't know, or a port that is in use, gets one sentence on stderr and exit code 2. Nothing here is part
//! of a task.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::iter;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{self, ExitCode};
use std::sync::mpsc;

use lexopt::Arg;
pub use lexopt::Parser;

/// An option that takes a whole number: its name (`--max-body`), what it means with its unit, and
/// the place that holds its default and takes its value.
pub type NumberOption<'a> = (&'static str, &'static str, &'a mut u64);

/// Reads the command line: `--listen ADDRESS:PORT`, `--help`, and the given `numbers`.
///
/// Returns the address to listen on: loopback and `default_port` unless told otherwise. Ends the
/// process after `--help` (code 0) and for a command line that makes no sense (code 2).
pub fn options(about: &str, default_port: u16, numbers: &mut [NumberOption]) -> SocketAddr {
    options_from(Parser::from_env(), about, default_port, numbers)
}

/// Reads the rest of a command line like [`options`]: a program may have read the first words itself.
pub fn options_from(
    arguments: Parser,
    about: &str,
    default_port: u16,
    numbers: &mut [NumberOption],
) -> SocketAddr {
    let default_listen = SocketAddr::from((Ipv4Addr::LOCALHOST, default_port));
    let help = help_text(about, default_listen, numbers);
    match parse(arguments, default_listen, numbers) {
        Ok(Some(listen)) => listen,
        Ok(None) => {
            // The pipe may be closed, or the disk full: that isn't worth a panic.
            _ = io::stdout().write_all(help.as_bytes());
            process::exit(0);
        }
        Err(error) => {
            _ = writeln!(io::stderr(), "{error}. `--help` lists the options.");
            process::exit(2);
        }
    }
}

/// Puts an option back that was read already, with the value after its `=`: the parser that this returns reads it again,
/// and then what is left.
///
/// # Errors
/// Returns an error if the parser is between two short options.
pub fn put_back(option: &str, rest: &mut Parser) -> Result<Parser, lexopt::Error> {
    let mut first = OsString::from(option);
    if let Some(value) = rest.optional_value() {
        first.push("=");
        first.push(value);
    }
    Ok(Parser::from_args(iter::once(first).chain(rest.raw_args()?)))
}

/// Returns the address to listen on, or `None` if help was asked for.
fn parse(
    mut arguments: Parser,
    default_listen: SocketAddr,
    numbers: &mut [NumberOption],
) -> Result<Option<SocketAddr>, lexopt::Error> {
    let mut listen = default_listen;
    while let Some(argument) = arguments.next()? {
        match argument {
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            Arg::Long("listen") => {
                let text = arguments.value()?.to_string_lossy().into_owned();
                listen = text.parse().map_err(|_| {
                    format!("`--listen {text}` isn't an address: write it like {default_listen} (port 0 takes any free one)")
                })?;
            }
            Arg::Long(name) => {
                let option = format!("--{name}");
                let Some((_, _, number)) = numbers.iter_mut().find(|(long, ..)| *long == option)
                else {
                    return Err(Arg::Long(name).unexpected());
                };
                let text = arguments.value()?.to_string_lossy().into_owned();
                **number = text
                    .parse()
                    .map_err(|_| format!("`{option} {text}` isn't a whole number"))?;
            }
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(listen))
}

fn help_text(about: &str, listen: SocketAddr, numbers: &[NumberOption]) -> String {
    let mut help = format!("{about}\n\nOptions:\n");
    let mut line = |option: &str, meaning: &str| {
        writeln!(help, "  {option:<26} {meaning}").expect("a String takes all text");
    };
    line(
        "--listen ADDRESS:PORT",
        &format!("where to listen (default {listen}; port 0: any free one)"),
    );
    for (name, meaning, default) in numbers {
        line(
            &format!("{name} NUMBER"),
            &format!("{meaning} (default {default})"),
        );
    }
    line("-h, --help", "this text");
    help
}

/// The most files that a server asks the system for: each client is one, or a few.
const MAX_FILES: u64 = 65_536;

/// Listens on `listen`, hands the listener to `start`, says that it is ready, and waits for Ctrl-C, or for
/// the signal by which a system ends a program (SIGTERM) or a terminal goes away (SIGHUP).
///
/// What `start` returns is the running server; it is dropped, and thereby stopped, at that signal. The
/// process then ends with code 0. If the server can't be started, one sentence says why, and the code is 2.
pub fn serve<Server>(
    listen: SocketAddr,
    start: impl FnOnce(TcpListener) -> io::Result<Server>,
) -> ExitCode {
    serve_as("http", listen, start)
}

/// The same, for a server whose URLs have this scheme.
pub fn serve_as<Server>(
    scheme: &str,
    listen: SocketAddr,
    start: impl FnOnce(TcpListener) -> io::Result<Server>,
) -> ExitCode {
    match try_serve(scheme, listen, start) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            _ = writeln!(
                io::stderr(),
                "{listen} can't be served: {error}; `--listen 127.0.0.1:0` takes any free port."
            );
            ExitCode::from(2)
        }
    }
}

fn try_serve<Server>(
    scheme: &str,
    listen: SocketAddr,
    start: impl FnOnce(TcpListener) -> io::Result<Server>,
) -> io::Result<()> {
    let (stop, stopped) = mpsc::channel();
    ctrlc::set_handler(move || _ = stop.send(())).map_err(io::Error::other)?;
    // Many systems allow 1024 or 256 files, and more if a program asks.
    _ = rlimit::increase_nofile_limit(MAX_FILES);
    let listener = TcpListener::bind(listen)?;
    let address = listener.local_addr()?;
    let server = start(listener)?;
    // If nothing reads this (a closed pipe), the server runs all the same.
    _ = writeln!(io::stdout(), "listening on {scheme}://{address}")
        .and_then(|()| io::stdout().flush());
    _ = stopped.recv();
    drop(server);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(
        arguments: &[&str],
        numbers: &mut [NumberOption],
    ) -> Result<Option<SocketAddr>, String> {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 9000));
        parse(Parser::from_args(arguments), listen, numbers).map_err(|error| error.to_string())
    }

    #[test]
    fn the_default_is_loopback() {
        assert_eq!(
            parsed(&[], &mut []),
            Ok(Some("127.0.0.1:9000".parse().unwrap()))
        );
    }

    #[test]
    fn an_option_that_is_put_back_is_read_again() {
        for line in [
            ["--max-body=20", "--listen=127.0.0.1:1"],
            ["--max-body", "20"],
        ] {
            let mut arguments = Parser::from_args(line);
            let Ok(Some(Arg::Long(name))) = arguments.next() else {
                panic!("it begins with an option");
            };
            let option = format!("--{name}");
            let mut again = put_back(&option, &mut arguments).unwrap();
            assert_eq!(again.next().unwrap(), Some(Arg::Long("max-body")));
            assert_eq!(again.value().unwrap(), "20");
            assert_eq!(again.next().unwrap().is_some(), line[1] != "20");
        }
    }

    #[test]
    fn options_take_the_place_of_defaults() {
        let mut max_body = 10;
        let listen = parsed(
            &["--listen=127.0.0.1:0", "--max-body", "20"],
            &mut [("--max-body", "bytes", &mut max_body)],
        );
        assert_eq!(listen, Ok(Some("127.0.0.1:0".parse().unwrap())));
        assert_eq!(max_body, 20);
    }

    #[test]
    fn nonsense_gets_a_sentence() {
        let mut max_body = 10;
        let mut error = |arguments: &[&str]| {
            parsed(arguments, &mut [("--max-body", "bytes", &mut max_body)]).unwrap_err()
        };
        assert!(error(&["--listen", "nowhere"]).contains("`--listen nowhere` isn't an address"));
        assert!(error(&["--max-body", "lots"]).contains("`--max-body lots` isn't a whole number"));
        assert!(error(&["--max-boddy", "1"]).contains("--max-boddy"));
        assert!(error(&["9000"]).contains("9000"));
    }

    #[test]
    fn a_port_in_use_gets_exit_code_2() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let listen = taken.local_addr().expect("it has an address");
        assert_eq!(
            serve(listen, |_| -> io::Result<()> {
                unreachable!("it can't listen")
            }),
            ExitCode::from(2)
        );
    }
}
