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
// ANCHOR: target
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
// ANCHOR_END: target

/// Why a text isn't the URL of a WebSocket that this client can open.
// ANCHOR: error
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
// ANCHOR_END: error

impl FromStr for Target {
    type Err = TargetError;

    /// Parses a URL.
    ///
    /// # Errors
    /// Returns the rule that the text breaks.
    // ANCHOR: parse
    fn from_str(text: &str) -> Result<Self, TargetError> {
        let url = Url::parse(text).map_err(TargetError::NotAUrl)?;
        check(&url)?;
        // Task: the five parts. `url[Position::…]` gives a part of the text, without a default port.
        let host = url
            .host()
            .ok_or(TargetError::NotAUrl(ParseError::EmptyHost))?;
        Ok(Self {
            secure: url.scheme() == "wss",
            name: match host {
                Host::Domain(name) => name.to_string(),
                Host::Ipv4(address) => address.to_string(),
                Host::Ipv6(address) => address.to_string(),
            },
            port: url.port_or_known_default().unwrap_or(80),
            host: url[Position::BeforeHost..Position::AfterPort].to_string(),
            resource: url[Position::BeforePath..Position::AfterQuery].to_string(),
        })
    }
    // ANCHOR_END: parse
}

/// Checks the parts that a WebSocket's URL must have, and those that it must not have.
// ANCHOR: check
fn check(url: &Url) -> Result<(), TargetError> {
    // Task: only `ws` and `wss`; no user, no password, no fragment (RFC 6455 §3).
    match url.scheme() {
        "ws" | "wss" => {}
        other => return Err(TargetError::Scheme(other.to_string())),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(TargetError::UserInfo);
    }
    if url.fragment().is_some() {
        return Err(TargetError::Fragment);
    }
    Ok(())
}
// ANCHOR_END: check

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
