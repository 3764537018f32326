//! What goes over a transport, whichever it is: packets, one in a line, each a JSON object.
//!
//! | packet | from | meaning |
//! |---|---|---|
//! | `{"hello":41,"got":7}` | server | the first on every transport: your session is my 41, and I have got everything of yours up to 7 |
//! | `{"n":8,"event":"vote","data":5}` | both | event number 8 |
//! | `{"n":9,"event":"vote","data":5,"ask":true}` | client | the same, and I want a reply |
//! | `{"n":3,"reply":9,"data":"taken"}` | server | number 3: the reply to your number 9 |
//! | `{"n":3,"reply":9,"error":"why"}` | server | number 3: there is no reply to your number 9 |
//! | `{"got":9}` | both | I have got everything up to 9: you need not keep it any longer |
//! | `{"now":"price","data":41}` | server | worth something now only: no number, and nobody keeps it |
//! | `{"seen":"price"}` | client | send me the next one |
//! | `{"ping":true}` | server | I am still here |
//! | `{"over":"why"}` | server | this session is over: begin another one, with another word |
//! | `{"bye":true}` | client | I have given this session up |
//! | `{"error":"why"}` | server | I can't do what you want |
//!
//! A client names its session by a word that nobody can guess, and that it tells nobody else. It asks for
//! `/socket?session=x7&of=41&after=8`: the session of this word, which is your 41, and of which I have got
//! everything up to 8. Who knows no number yet leaves `of` and `after` out. Where the word has no session, one
//! begins, and `hello` says another number: then what was not confirmed in the one before is lost.
//!
//! On a WebSocket, a message is one packet or several lines. Where there is no WebSocket, the client asks
//! `GET /events?session=x7&of=41&after=8` again and again, and gets lines: the first one is `hello`, or the only one
//! is `over`. It sends lines by `POST /events?session=x7&of=41`, one request after the other. The answer has an
//! `error`, `over` or `got`, or two of them; or nothing, where nothing with a number came.
//!
//! A value (`now`) that has not been `seen` comes once more, or a newer one does, with each new transport, and
//! with each answer to a `GET`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One packet. Both sides number their events and replies, each from 1.
// ANCHOR: packet
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Packet {
    /// The first packet on every transport.
    Hello {
        /// The server's number for this session. If the client knows another one, the session that it knows
        /// is lost.
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
// ANCHOR_END: packet

fn is_false(it: &bool) -> bool {
    !it
}

impl Packet {
    /// Reads one line.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn read(line: &str) -> Result<Self, String> {
        serde_json::from_str(line).map_err(|_| format!("This is no packet: {}", shortened(line)))
    }

    /// The packet as a line, without its end.
    pub fn to_line(&self) -> String {
        serde_json::to_string(self).expect("our own types are JSON")
    }
}

/// The beginning of a line, for a sentence about it.
pub(crate) fn shortened(line: &str) -> String {
    const MOST: usize = 80;
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_string(),
    }
}
