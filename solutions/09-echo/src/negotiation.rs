//! How two endpoints agree on an extension in the opening handshake (RFC 6455 §9.1).
//!
//! ```text
//!   client                                          server
//!   offer()  ── Sec-WebSocket-Extensions: … ──────▶ choose(offers)
//!   accept() ◀───────── the same field, in the 101 ── agreed.field
//! ```
//!
//! Compression, which a later step adds, is negotiated in this way. A server and a client have a place for it, and
//! don't know which extension it is.

use std::fmt;

use connection::Extension;
use frame_header::ReservedBits;
use handshake::extensions::Extension as Named;

/// An extension that an endpoint can use.
pub trait Negotiation: fmt::Debug + Send + Sync {
    /// The client's offer: the value of `Sec-WebSocket-Extensions` in its request.
    fn offer(&self) -> String;

    /// Takes what the server has chosen, which may be nothing. Returns `None` if the offer didn't allow it: then the
    /// client fails the connection (RFC 6455 §4.1).
    fn accept(&self, chosen: &[Named]) -> Option<Box<dyn Extension>>;

    /// Chooses from what a client offers. Returns `None` if nothing suits: then there is no extension. The same
    /// offers always lead to the same choice.
    fn choose(&self, offers: &[Named]) -> Option<Agreed>;

    /// Packs a text message for every client of a server that has agreed on this extension, once for all of
    /// them: its payload, and the bits that mark it. Returns `None` if it goes out as it is.
    fn pack_for_all(&self, text: &str) -> Option<(ReservedBits, Vec<u8>)>;
}

/// What a server has chosen.
pub struct Agreed {
    /// The value of `Sec-WebSocket-Extensions` in the 101.
    pub field: String,
    /// The extension, for the connection.
    pub extension: Box<dyn Extension>,
}
