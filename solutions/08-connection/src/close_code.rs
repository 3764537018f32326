//! Why a connection ends, as a number (RFC 6455 §7.4).
//!
//! ```text
//!    0 –  999  not used
//! 1000 – 2999  the protocol's own: RFC 6455 and what IANA has registered since
//! 3000 – 3999  libraries' and frameworks', registered with IANA
//! 4000 – 4999  private: whatever two applications agree on
//! ```

use std::fmt;

/// A status code: why a connection ends.
///
/// Three of them are never on the wire. An endpoint uses them to tell its own application that no
/// code has come: [`NO_STATUS`](Self::NO_STATUS), [`ABNORMAL`](Self::ABNORMAL) and
/// [`TLS_HANDSHAKE`](Self::TLS_HANDSHAKE).
// ANCHOR: close_code
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(pub u16);

impl CloseCode {
    /// The purpose of the connection is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// The server goes down, or the browser leaves the page.
    pub const GOING_AWAY: Self = Self(1001);
    /// The other side has broken a rule of the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// The application can't take this kind of message: binary where it wants text, for example.
    pub const UNSUPPORTED_DATA: Self = Self(1003);
    /// Never on the wire: a Close frame came without a code.
    pub const NO_STATUS: Self = Self(1005);
    /// Never on the wire: the connection ended without a Close frame.
    pub const ABNORMAL: Self = Self(1006);
    /// A message doesn't fit its type: text that isn't UTF-8.
    pub const INVALID_DATA: Self = Self(1007);
    /// A message breaks a rule of the application, and no other code fits.
    pub const POLICY_VIOLATION: Self = Self(1008);
    /// A message is too big to process.
    pub const TOO_BIG: Self = Self(1009);
    /// From a client: the server didn't agree to an extension that the client needs.
    pub const EXTENSION_MISSING: Self = Self(1010);
    /// From a server: something unexpected happened.
    pub const INTERNAL_ERROR: Self = Self(1011);
    /// The server restarts (registered with IANA after the RFC, as are the next two).
    pub const SERVICE_RESTART: Self = Self(1012);
    /// The server has too much to do.
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// A gateway got an invalid answer from the server that it forwards to.
    pub const BAD_GATEWAY: Self = Self(1014);
    /// Never on the wire: the TLS handshake failed.
    pub const TLS_HANDSHAKE: Self = Self(1015);
}
// ANCHOR_END: close_code

impl CloseCode {
    /// Returns whether this code may be in a Close frame, sent or received (RFC 6455 §7.4).
    // ANCHOR: on_the_wire
    pub fn may_be_on_the_wire(self) -> bool {
        // Task: some codes mean nothing yet, and some are for an endpoint's own application alone.
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
    // ANCHOR_END: on_the_wire
}

impl fmt::Display for CloseCode {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
