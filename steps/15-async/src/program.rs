//! The command line: the options of step 10, and one more.

use std::process::ExitCode;
use std::time::Duration;

use chat::{Settings, program};
use launch::Parser;

use crate::server::Server;

/// The port, unless the command line names one.
const DEFAULT_PORT: u16 = 9015;

/// As many connections as a server of this step takes, unless the command line says otherwise.
const MAX_CONNECTIONS: u64 = 20_000;

/// Serves the chat until Ctrl-C.
pub fn run(arguments: Parser) -> ExitCode {
    let settings = Settings {
        max_connections: MAX_CONNECTIONS,
        ..Settings::default()
    };
    let mut look_every = 0;
    let about =
        "The chat on tokio: a page at /, a WebSocket at /socket, lists at /messages and /people.";
    let look = (
        "--look-every",
        "seconds between two lines about the runtime; 0: none",
        &mut look_every,
    );
    let (listen, settings) = program::options(arguments, about, DEFAULT_PORT, settings, vec![look]);
    let look_every = Duration::from_secs(look_every);
    launch::serve(listen, |listener| {
        Server::start(listener, settings, look_every)
    })
}
