//! A WebSocket URL: where to connect, and what to ask for (RFC 6455 §3).
//!
//! ```text
//!   ws://example.org:8080/socket?room=1
//!        └────────┬─────┘└──────┬──────┘
//!               host      resource name
//! ```
//!
//! The `url` crate parses it, by the standard that browsers follow (<https://url.spec.whatwg.org>): it knows
//! international names, IPv6 addresses and what has to be percent-encoded.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use url::{Host, ParseError, Position, Url};

/// Where a `ws://` or `wss://` URL leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Whether the URL begins with `wss:`, which needs TLS.
    pub secure: bool,
    /// The host's name or address, to look up: `example.org`, `127.0.0.1`, `::1`.
    pub name: String,
    /// The port. The default is 80, and 443 for `wss:`.
    pub port: u16,
    /// The value of the `Host` field: `example.org:8080`, `[::1]`. The default port isn't in it.
    pub host: String,
    /// The resource name, path and query: `/socket?room=1`. Never empty.
    pub resource: String,
}

/// Why a text isn't the URL of a WebSocket that this client can open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetError {
    /// It isn't a URL.
    NotAUrl(ParseError),
    /// It has this scheme, which isn't a WebSocket's.
    Scheme(String),
    /// It has a user name or a password in it.
    UserInfo,
    /// It has a fragment: a `#`, and whatever comes after it.
    Fragment,
}

impl FromStr for Target {
    type Err = TargetError;

    /// Parses a URL.
    ///
    /// # Errors
    /// Returns the rule that the text breaks.
    fn from_str(text: &str) -> Result<Self, TargetError> {
        let url = Url::parse(text).map_err(TargetError::NotAUrl)?;
        check(&url)?;
        // Task: the five parts. `url[Position::…]` gives a part of the text, without a default port.
        todo!("the five parts. `url[Position::…]` gives a part of the text, without a default port")
    }
}

/// Checks the parts that a WebSocket's URL must have, and those that it must not have.
fn check(url: &Url) -> Result<(), TargetError> {
    // Task: only `ws` and `wss`; no user, no password, no fragment (RFC 6455 §3).
    todo!("only `ws` and `wss`; no user, no password, no fragment (RFC 6455 §3)")
}

impl fmt::Display for TargetError {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::NotAUrl(error) => write!(
                formatter,
                "this isn't a URL: {error}; write it like ws://127.0.0.1:9009/socket"
            ),
            Self::Scheme(scheme) => write!(
                formatter,
                "{scheme}: isn't a WebSocket's scheme; its URLs begin with ws:// or wss://"
            ),
            Self::UserInfo => formatter.write_str(
                "a WebSocket's URL has no user name and no password in it (RFC 6455 §3); take out what comes before the @",
            ),
            Self::Fragment => formatter.write_str(
                "a WebSocket's URL has no fragment (RFC 6455 §3); take out the #, or write %23 if it belongs to the path",
            ),
        }
    }
}

impl Error for TargetError {}
