//! `cargo run -p long-polling`, then open the address that it prints.

use std::process::ExitCode;
use std::time::Duration;

use long_polling_solution::{Limits, LongPolling};

fn main() -> ExitCode {
    let mut limits = Limits::default();
    let mut hold = limits.poll_timeout.as_secs();
    let listen = launch::options(
        "Messages that a page waits for.",
        9002,
        &mut [
            (
                "--hold",
                "how long a request waits for news, in seconds",
                &mut hold,
            ),
            (
                "--max-waiting",
                "most requests that wait at a time",
                &mut limits.max_waiting,
            ),
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
        ],
    );
    limits.poll_timeout = Duration::from_secs(hold);
    launch::serve(listen, |listener| LongPolling::start(listener, limits))
}
