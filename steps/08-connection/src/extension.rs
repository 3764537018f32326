//! The place of an extension: between frames and messages (RFC 6455 §5.8, §9).
//!
//! ```text
//! bytes ─▶ frames ─▶ extension ─▶ messages ─▶ events
//!           │          │            └ apply the limit and UTF-8 to the extension's output
//!           │          └ sees its bits, changes payloads
//!           └ refuse the bits that were not negotiated
//! ```
//!
//! Compression, which a later step adds, is one. Until then there is [`NoExtension`].

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use frames::{Opcode, Part, ReservedBits};

use crate::close_code::CloseCode;

/// An extension that both sides agreed on in the opening handshake.
pub trait Extension: Send {
    /// Returns the reserved bits that it gives a meaning. All others fail the connection.
    fn reserved_bits(&self) -> ReservedBits;

    /// Takes a part of a frame, as it came. This is called only after `next_part` has returned `None`.
    fn receive(&mut self, part: Part);

    /// Returns the next part to pass on, or `None` if it needs another part first. Payloads are in pieces
    /// of a bounded size, so that the limit on a message is noticed in time.
    ///
    /// # Errors
    /// Returns an [`ExtensionError`] if the extension can't process the parts that it received.
    fn next_part(&mut self) -> Result<Option<Part>, ExtensionError>;

    /// Returns the payload to send in place of a message's own, and the bits that mark it.
    fn send<'a>(&mut self, opcode: Opcode, payload: &'a [u8]) -> (ReservedBits, Cow<'a, [u8]>);
}

/// Why an extension can't go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtensionError {
    /// The code that the connection is closed with.
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

/// No extension was negotiated: everything passes unchanged.
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
