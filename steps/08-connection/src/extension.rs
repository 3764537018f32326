//! Where an extension has its place: between frames and messages (RFC 6455 §5.8, §9).
//!
//! ```text
//! bytes ─▶ frames ─▶ extension ─▶ messages ─▶ events
//!           │          │            └ the limit and UTF-8 are about what the extension gives
//!           │          └ sees its bits, changes payloads
//!           └ refuses the bits that nobody negotiated
//! ```
//!
//! Compression, which a later step adds, is one. Until then there is [`NoExtension`].

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use frames::{Opcode, Part, ReservedBits};

use crate::close_code::CloseCode;

/// What both sides agreed on in the opening handshake.
pub trait Extension: Send {
    /// The bits that it gives a meaning. All others fail the connection.
    fn reserved_bits(&self) -> ReservedBits;

    /// Takes a part of a frame as it came. It is given one only when it has none left itself.
    fn receive(&mut self, part: Part);

    /// Gives what takes the place of what it received: in pieces of a bounded size, so that the
    /// limit on a message comes in time. `None`: it wants another part.
    ///
    /// # Errors
    /// What came makes no sense to this extension.
    fn next_part(&mut self) -> Result<Option<Part>, ExtensionError>;

    /// What takes the place of a message that is sent, and the bits that mark it.
    fn send<'a>(&mut self, opcode: Opcode, payload: &'a [u8]) -> (ReservedBits, Cow<'a, [u8]>);
}

/// Why an extension can't go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtensionError {
    /// The code with which the connection is closed.
    pub close_code: CloseCode,
    /// What was wrong, in a few words.
    pub description: &'static str,
}

impl fmt::Display for ExtensionError {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(self.description)
    }
}

impl Error for ExtensionError {}

/// None was negotiated: everything passes as it is.
#[derive(Debug, Default)]
pub struct NoExtension {
    part: Option<Part>,
}

impl Extension for NoExtension {
    fn reserved_bits(&self) -> ReservedBits {
        ReservedBits::NONE
    }

    fn receive(&mut self, part: Part) {
        self.part = Some(part);
    }

    fn next_part(&mut self) -> Result<Option<Part>, ExtensionError> {
        Ok(self.part.take())
    }

    fn send<'a>(&mut self, _opcode: Opcode, payload: &'a [u8]) -> (ReservedBits, Cow<'a, [u8]>) {
        (ReservedBits::NONE, Cow::Borrowed(payload))
    }
}
