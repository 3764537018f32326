//! The log: one line for each failed connection (RFC 6455 §7.1.7).

use std::io::{self, Write};
use std::sync::mpsc::Sender;

/// The place where the lines go.
#[derive(Debug, Clone, Default)]
pub enum Log {
    /// To stderr.
    #[default]
    Stderr,
    /// To a channel.
    Lines(Sender<String>),
}

impl Log {
    /// Writes a line. If the receiver is gone, the line is lost.
    pub fn write(&self, line: String) {
        match self {
            // Not `eprintln!`, which panics if stderr is closed.
            Self::Stderr => _ = writeln!(io::stderr(), "{line}"),
            Self::Lines(lines) => _ = lines.send(line),
        }
    }
}
