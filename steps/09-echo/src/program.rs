//! The command line of the server.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use launch::Parser;

use crate::server::{Server, Settings};

/// The port, unless the command line names one.
const DEFAULT_PORT: u16 = 9009;

/// Serves with these settings, except for those that the command line names, until Ctrl-C.
pub fn run(arguments: Parser, settings: Settings) -> ExitCode {
    let (listen, settings) = options(arguments, settings);
    let scheme = settings.scheme();
    launch::serve_as(scheme, listen, |listener| Server::start(listener, settings))
}

/// Reads the command line: where to listen, and the settings that it names.
pub fn options(arguments: Parser, mut settings: Settings) -> (SocketAddr, Settings) {
    let mut max_head = settings.head.bytes as u64;
    let mut max_fields = settings.head.fields as u64;
    let mut head_within = settings.head_within.as_secs();
    let mut ping_after = settings.patience.ping_after.as_secs();
    let mut pong_within = settings.patience.pong_within.as_secs();
    let mut close_within = settings.patience.close_within.as_secs();
    let mut write_within = settings.write_within.as_secs();
    let listen = launch::options_from(
        arguments,
        "An echo server: a page at /, a WebSocket at /socket that sends back what comes.",
        DEFAULT_PORT,
        &mut [
            (
                "--max-connections",
                "most clients at a time; 503 above",
                &mut settings.max_connections,
            ),
            (
                "--max-message",
                "most bytes of a message; close code 1009 above",
                &mut settings.max_message,
            ),
            (
                "--max-head",
                "most bytes of a request's head; 431 above",
                &mut max_head,
            ),
            (
                "--max-fields",
                "most fields of a request's head; 431 above",
                &mut max_fields,
            ),
            (
                "--head-within",
                "seconds for a whole head; 408 after",
                &mut head_within,
            ),
            (
                "--ping-after",
                "seconds of silence before a ping",
                &mut ping_after,
            ),
            (
                "--pong-within",
                "seconds for its answer; close code 1008 after",
                &mut pong_within,
            ),
            (
                "--close-within",
                "seconds for the answer to a Close",
                &mut close_within,
            ),
            (
                "--write-within",
                "seconds for a peer that reads nothing, at least 1",
                &mut write_within,
            ),
        ],
    );
    settings.head.bytes = usize::try_from(max_head).unwrap_or(usize::MAX);
    settings.head.fields = usize::try_from(max_fields).unwrap_or(usize::MAX);
    settings.head_within = Duration::from_secs(head_within);
    settings.patience.ping_after = Duration::from_secs(ping_after);
    settings.patience.pong_within = Duration::from_secs(pong_within);
    settings.patience.close_within = Duration::from_secs(close_within);
    settings.write_within = Duration::from_secs(write_within.max(1));
    (listen, settings)
}
