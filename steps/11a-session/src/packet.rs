//! What goes over a transport, whichever it is: packets, one in a line, each a JSON object.
//!
#![doc = include_str!("packets.md")]

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One packet. Both sides number their events and replies, each from 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Packet {
    /// The first packet on every transport.
    Hello {
        /// The server's number for this session. If the client knows a different number, the session that it
        /// knows is lost.
        hello: u64,
        /// Everything up to this number has been received.
        got: u64,
    },
    /// Something happened.
    Event {
        /// Its number.
        n: u64,
        /// Its name.
        event: String,
        /// What belongs to it.
        #[serde(default)]
        data: Value,
        /// Whether a reply is wanted.
        #[serde(default, skip_serializing_if = "is_false")]
        ask: bool,
    },
    /// What an event led to.
    Reply {
        /// Its number.
        n: u64,
        /// The number of the event.
        reply: u64,
        /// What belongs to it.
        #[serde(default)]
        data: Value,
    },
    /// An event led to nothing.
    NoReply {
        /// Its number.
        n: u64,
        /// The number of the event.
        reply: u64,
        /// Why.
        error: String,
    },
    /// Everything up to this number has been received.
    Got {
        /// The number.
        got: u64,
    },
    /// A value that the next one makes worthless.
    Now {
        /// The name of what has this value.
        now: String,
        /// The value.
        data: Value,
    },
    /// A value has been used: the next one may come.
    Seen {
        /// The name of what had this value.
        seen: String,
    },
    /// A sign of life.
    Ping {
        /// Always true.
        ping: bool,
    },
    /// The server has given up the session.
    Over {
        /// Why.
        over: String,
    },
    /// The client has given up the session.
    Bye {
        /// Always true.
        bye: bool,
    },
    /// Something was not understood.
    Error {
        /// What, and why.
        error: String,
    },
}

fn is_false(it: &bool) -> bool {
    !it
}

impl Packet {
    /// Reads one line.
    ///
    /// # Errors
    /// Returns a sentence that says what is wrong if the line isn't a packet.
    pub fn read(line: &str) -> Result<Self, String> {
        serde_json::from_str(line).map_err(|_| format!("This is no packet: {}", shortened(line)))
    }

    /// The packet as a line, without its end.
    pub fn to_line(&self) -> String {
        serde_json::to_string(self).expect("our own types are JSON")
    }
}

/// The beginning of a line, for an error message about it.
pub fn shortened(line: &str) -> String {
    const MAX: usize = 80;
    match line.char_indices().nth(MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_string(),
    }
}
