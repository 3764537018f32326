//! `cargo run -p handshake`, then open the address that it prints.

use std::process::ExitCode;

use handshake::head::Limits;
use handshake::policy::Policy;
use handshake::server;
use hello::server::Server;

fn main() -> ExitCode {
    let limits = Limits::default();
    let mut max_connections = 1_000;
    let mut max_head = limits.bytes as u64;
    let mut max_fields = limits.fields as u64;
    let listen = launch::options(
        "The opening handshake: a page at /, a WebSocket at /socket for pages of this host.",
        9004,
        &mut [
            (
                "--max-connections",
                "most requests and WebSockets at a time; 503 above",
                &mut max_connections,
            ),
            (
                "--max-head",
                "most bytes of a handshake's head; 431 above",
                &mut max_head,
            ),
            (
                "--max-fields",
                "most fields of a handshake's head; 431 above",
                &mut max_fields,
            ),
        ],
    );
    let limits = Limits {
        bytes: usize::try_from(max_head).unwrap_or(usize::MAX),
        fields: usize::try_from(max_fields).unwrap_or(usize::MAX),
    };
    launch::serve(listen, |listener| {
        Server::start(listener, max_connections, move |request| {
            server::answer(request, &Policy::default(), limits);
        })
    })
}
