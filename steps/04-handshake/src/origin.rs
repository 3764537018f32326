//! Origins: the scheme, the host and the port that a page came from (RFC 6454).
//!
//! ```text
//! http://chat.example
//! HTTP://Chat.Example:80      the same origin: 80 is the port of http
//!
//! https://chat.example        a different origin: another scheme, and port 443
//! ```

use std::net::Ipv6Addr;

/// An origin. Two pages have the same origin if all three parts are equal (RFC 6454 §5).
///
/// [`Origin::new`] and [`Origin::parse`] write the parts in one way only, so that `==` compares
/// origins and not spellings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The scheme, in lowercase: `http`, `https`, or what a browser calls its own pages.
    scheme: String,
    /// The name or the address, in lowercase. An IPv6 address keeps its brackets.
    host: String,
    /// The port: the scheme's own if none was written. `None` if the scheme has none, either.
    port: Option<u16>,
}

impl Origin {
    /// The origin of the pages that come over this scheme from this host, with or without a port
    /// (`chat.example:8080`, as in `Host`). `None` if that isn't a host.
    pub fn new(scheme: &str, host_and_port: &str) -> Option<Self> {
        // Task: scheme and host have no case; a port that isn't written is the scheme's own.
        todo!("scheme and host have no case; a port that isn't written is the scheme's own")
    }

    /// Parses the value of an `Origin` field: `https://chat.example:8443`. `None` for anything else,
    /// such as `null`, two origins, or more than an origin: a user, a path, even a `/` at the end
    /// (RFC 6454 §7.1).
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, host_and_port) = text.split_once("://")?;
        if !is_scheme(scheme) {
            return None;
        }
        Self::new(scheme, host_and_port)
    }
}

/// The scheme's own port, for a URL that names none (RFC 9110 §4.2). Of the schemes that pages have,
/// only these two have a port.
pub fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// Splits `chat.example:8080` and `[::1]:8080` into the host and the port. A port may be missing,
/// or be empty, which means the same (RFC 3986 §6.2.3). `None` if the text is anything else.
pub fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    let end_of_host = if text.starts_with('[') {
        text.find(']')? + 1
    } else {
        text.find(':').unwrap_or(text.len())
    };
    let (host, port) = text.split_at(end_of_host);
    let port = match port {
        "" | ":" => None,
        _ => Some(port_number(port.strip_prefix(':')?)?),
    };
    is_host(host).then_some((host, port))
}

/// Parses decimal digits, up to 65535. `str::parse` alone would accept `+80`.
fn port_number(digits: &str) -> Option<u16> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// Whether the text is an IPv6 address in brackets, an IPv4 address, or a name: characters that need no
/// escape in a URL (RFC 3986 §2.3). Names in other scripts are written in ASCII, as `xn--…` (RFC 6454 §6.2).
fn is_host(text: &str) -> bool {
    let in_brackets = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let is_plain =
        |character: char| character.is_ascii_alphanumeric() || "-._~".contains(character);
    match in_brackets {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => !text.is_empty() && text.chars().all(is_plain),
    }
}

/// Whether the text is a letter, followed by letters, digits, `+`, `-` and `.` (RFC 3986 §3.1).
fn is_scheme(text: &str) -> bool {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "+-.".contains(character);
    text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.chars().all(is_plain)
}
