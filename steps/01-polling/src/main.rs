//! `cargo run -p polling`, then open the address that it prints.

use std::process::ExitCode;

use polling::{Limits, Polling};

fn main() -> ExitCode {
    let mut limits = Limits::default();
    let listen = launch::options(
        "Messages that a page asks for, again and again.",
        9001,
        &mut [
            (
                "--max-body",
                "longest body of a request, in bytes",
                &mut limits.max_body,
            ),
            (
                "--max-history",
                "messages that are kept",
                &mut limits.max_history,
            ),
            (
                "--max-requests",
                "most requests that are answered at a time",
                &mut limits.max_requests,
            ),
        ],
    );
    launch::serve(listen, |listener| Polling::start(listener, limits))
}
