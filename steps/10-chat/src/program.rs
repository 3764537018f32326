//! The command line of the chat.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use echo::Acceptor;
use launch::{NumberOption, Parser};

use crate::chat::{Chat, Settings};
use crate::server::Server;

/// The port, unless the command line names one.
const DEFAULT_PORT: u16 = 9010;

/// Serves the chat with these settings, except for those that the command line names, until Ctrl-C. An acceptor puts
/// something between TCP and the first head.
pub fn run(arguments: Parser, settings: Settings, acceptor: Option<Arc<dyn Acceptor>>) -> ExitCode {
    let about = "A chat: a page at /, a WebSocket at /socket, lists at /messages and /people.";
    let (listen, settings) = options(arguments, about, DEFAULT_PORT, settings, vec![]);
    let scheme = if acceptor.is_some() { "https" } else { "http" };
    launch::serve_as(scheme, listen, |listener| {
        Server::start_with(listener, acceptor, Arc::new(Chat::new(settings)))
    })
}

/// Reads the command line: where to listen, and the settings that it names. A program may have some options more. Ends
/// the process after `--help` (code 0), and for a command line that makes no sense (code 2).
pub fn options(
    arguments: Parser,
    about: &str,
    default_port: u16,
    mut settings: Settings,
    more: Vec<NumberOption>,
) -> (SocketAddr, Settings) {
    let mut max_outbox_bytes = settings.max_outbox_bytes as u64;
    let mut head_within = settings.head_within.as_secs();
    let mut ping_after = settings.client.patience.ping_after.as_secs();
    let mut pong_within = settings.client.patience.pong_within.as_secs();
    let mut close_within = settings.client.patience.close_within.as_secs();
    let mut numbers: Vec<NumberOption> = vec![
        (
            "--max-connections",
            "most connections at a time; 503 above",
            &mut settings.max_connections,
        ),
        (
            "--max-message",
            "most bytes of a message; close code 1009 above",
            &mut settings.client.max_message,
        ),
        (
            "--max-history",
            "messages that are kept for clients that join",
            &mut settings.max_history,
        ),
        (
            "--max-waiting",
            "bytes that may wait for one client; close code 1013 above",
            &mut max_outbox_bytes,
        ),
        (
            "--rate",
            "messages that a client may send in a second",
            &mut settings.pace.messages,
        ),
        (
            "--max-deliveries",
            "deliveries in a second: a message to 300 people makes 300",
            &mut settings.pace.deliveries,
        ),
        (
            "--head-within",
            "seconds for the head of a request",
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
    ];
    numbers.extend(more);
    let listen = launch::options_from(arguments, about, default_port, &mut numbers);
    settings.max_outbox_bytes = usize::try_from(max_outbox_bytes).unwrap_or(usize::MAX);
    settings.head_within = Duration::from_secs(head_within);
    settings.client.patience.ping_after = Duration::from_secs(ping_after);
    settings.client.patience.pong_within = Duration::from_secs(pong_within);
    settings.client.patience.close_within = Duration::from_secs(close_within.max(1));
    (listen, settings)
}
