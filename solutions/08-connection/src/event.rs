//! The events of a connection.

use crate::close_code::CloseCode;
use crate::failure::Failure;

/// Something that happened on a connection. Events come in the order in which they happen.
// ANCHOR: event
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The connection is open. Always the first event. A browser's `open`.
    Open,
    /// A text message. A browser's `message`, with a string.
    Text(String),
    /// A binary message. A browser's `message`, with a `Blob` or an `ArrayBuffer`.
    Binary(Vec<u8>),
    /// A ping. The connection answers it.
    Ping(Vec<u8>),
    /// A pong: the answer to a ping of ours, or an unsolicited one.
    Pong(Vec<u8>),
    /// The other side broke a rule, so we failed the connection. [`Close`](Self::Close) is next. A
    /// browser's `error`, which doesn't say why.
    Error(Failure),
    /// Nothing more will come. Always the last event, and there is exactly one. A browser's
    /// `close`, except that a browser waits until TCP has ended.
    ///
    /// Code and reason are those of the other side's Close frame. If it had no code, the code is
    /// [`CloseCode::NO_STATUS`]; if no Close frame came, it is [`CloseCode::ABNORMAL`].
    Close {
        /// Why the other side closes.
        code: CloseCode,
        /// The same in words, for a log. It is often empty.
        reason: String,
    },
}
// ANCHOR_END: event
