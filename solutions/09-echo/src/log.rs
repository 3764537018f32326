//! What went wrong, one line for each failed connection (RFC 6455 §7.1.7).

use std::io::{self, Write};
use std::sync::mpsc::Sender;

/// Where the lines go.
#[derive(Debug, Clone, Default)]
pub enum Log {
    /// To stderr.
    #[default]
    Stderr,
    /// To somebody who waits for them.
    Lines(Sender<String>),
}

impl Log {
    /// Says a line. Where nobody listens any more it is lost.
    pub fn write(&self, line: String) {
        match self {
            // Not `eprintln!`, which panics where stderr is closed.
            Self::Stderr => _ = writeln!(io::stderr(), "{line}"),
            Self::Lines(lines) => _ = lines.send(line),
        }
    }
}
