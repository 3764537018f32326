//! `cargo run -p hello`, then open the address that it prints.

use std::process::ExitCode;

use hello::server::Server;

fn main() -> ExitCode {
    let mut max_requests = 1_000;
    let listen = launch::options(
        "A server that says hello.",
        9000,
        &mut [(
            "--max-requests",
            "most requests that are answered at a time",
            &mut max_requests,
        )],
    );
    launch::serve(listen, |listener| {
        Server::start(listener, max_requests, hello::answer)
    })
}
