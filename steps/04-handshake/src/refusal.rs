//! The rules that a request can break, and the answer to each: a status, and a sentence for a person.
//!
//! | status | why this one |
//! |---|---|
//! | 400 Bad Request | the handshake is malformed (RFC 6455 §4.2.1) |
//! | 403 Forbidden | the handshake is well-formed, but this page is not welcome (RFC 6455 §4.2.2, step 4) |
//! | 405 Method Not Allowed | with `Allow: GET`, as RFC 9110 §15.5.6 has it |
//! | 426 Upgrade Required | the request asks for no upgrade to `websocket`, or for another version; the answer's fields say what to ask for (RFC 9110 §15.5.22, RFC 6455 §4.4) |
//! | 431 Request Header Fields Too Large | the head is beyond a limit (RFC 6585 §5) |
//! | 505 HTTP Version Not Supported | the major version of HTTP isn't 1 (RFC 9110 §15.6.6). HTTP/1.0 has the right major version, and gets 400 |

use crate::head::{HeadError, HttpVersion};
use crate::response::{self, Field};

/// Of a longer value, a sentence quotes only this many characters.
const MAX_QUOTED: usize = 60;

/// The broken rule, and what the client sent instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The bytes aren't a head, or the head is beyond the limits.
    Head(HeadError),
    /// The method is not GET.
    Method(String),
    /// The version of HTTP is older than 1.1.
    HttpVersion(HttpVersion),
    /// The request target is neither a path nor an http URI.
    Target(String),
    /// There is no `Host`, there are several, or its value isn't a host.
    Host(Vec<String>),
    /// `Upgrade` doesn't list `websocket`.
    Upgrade(Vec<String>),
    /// `Connection` doesn't list `upgrade`.
    Connection(Vec<String>),
    /// The version is not 13, or not given once.
    Version(Vec<String>),
    /// The key is not 16 bytes in base64, or not given once.
    Key(Vec<String>),
    /// The policy doesn't welcome this origin.
    Origin(Vec<String>),
    /// The offer of subprotocols isn't a list of different tokens.
    Subprotocols(Vec<String>),
    /// The offer of extensions breaks the grammar.
    Extensions(Vec<String>),
}

impl From<HeadError> for Refusal {
    fn from(error: HeadError) -> Self {
        Self::Head(error)
    }
}

impl Refusal {
    /// The status code and the reason phrase.
    pub fn status(&self) -> (u16, &'static str) {
        match self {
            Self::Head(HeadError::TooLong(_) | HeadError::TooManyFields(_)) => {
                (431, "Request Header Fields Too Large")
            }
            Self::Head(HeadError::HttpVersion(_)) => (505, "HTTP Version Not Supported"),
            Self::Method(_) => (405, "Method Not Allowed"),
            Self::Upgrade(_) | Self::Connection(_) | Self::Version(_) => (426, "Upgrade Required"),
            Self::Origin(_) => (403, "Forbidden"),
            Self::Head(HeadError::BareLineFeed | HeadError::NotHttp(_))
            | Self::HttpVersion(_)
            | Self::Target(_)
            | Self::Host(_)
            | Self::Key(_)
            | Self::Subprotocols(_)
            | Self::Extensions(_) => (400, "Bad Request"),
        }
    }

    /// What is required, what the client sent instead, and which section says so.
    pub fn sentence(&self) -> String {
        match self {
            Self::Head(HeadError::TooLong(limit)) => {
                format!("The head is longer than {limit} bytes (RFC 6585 §5).")
            }
            Self::Head(HeadError::TooManyFields(limit)) => {
                format!("The head has more than {limit} fields (RFC 6585 §5).")
            }
            Self::Head(HeadError::BareLineFeed) => {
                "A line must end with CR LF; one ends with LF alone (RFC 9112 §2.2).".to_string()
            }
            Self::Head(HeadError::NotHttp(reason)) => {
                format!("This is no HTTP request: {reason} (RFC 9112 §3).")
            }
            Self::Head(HeadError::HttpVersion(version)) => {
                format!("The version must be HTTP/1.1; {version} came (RFC 9110 §15.6.6).")
            }
            Self::HttpVersion(version) => {
                format!("The version must be HTTP/1.1 or later; {version} came (RFC 6455 §4.2.1).")
            }
            Self::Method(method) => format!(
                "The method must be GET; {} came (RFC 6455 §4.2.1).",
                quoted(method)
            ),
            Self::Target(target) => format!(
                "The target must be a path, like /socket, with no fragment; {} came (RFC 6455 §4.2.1).",
                quoted(target)
            ),
            Self::Host(values) => broken_rule("Host must name one host", values, "RFC 9112 §3.2"),
            Self::Upgrade(values) => {
                broken_rule("Upgrade must list websocket", values, "RFC 6455 §4.2.1")
            }
            Self::Connection(values) => {
                broken_rule("Connection must list Upgrade", values, "RFC 6455 §4.2.1")
            }
            Self::Version(values) => {
                broken_rule("Sec-WebSocket-Version must be 13", values, "RFC 6455 §4.4")
            }
            Self::Key(values) => broken_rule(
                "Sec-WebSocket-Key must be 16 bytes in base64",
                values,
                "RFC 6455 §4.2.1",
            ),
            Self::Origin(values) => broken_rule(
                "Origin must match Host, port included, or be listed",
                values,
                "RFC 6455 §10.2",
            ),
            Self::Subprotocols(values) => broken_rule(
                "Sec-WebSocket-Protocol must list different tokens",
                values,
                "RFC 6455 §4.1",
            ),
            Self::Extensions(values) => broken_rule(
                "Sec-WebSocket-Extensions must list tokens with parameters",
                values,
                "RFC 6455 §9.1",
            ),
        }
    }

    /// The whole response. After a head that isn't HTTP, or is too long, the connection ends, too:
    /// the server can't tell where the next request would begin.
    pub fn response(&self) -> Vec<u8> {
        let (status, reason) = self.status();
        let body = format!("{}\n", self.sentence());
        let length = body.len().to_string();
        let mut fields = vec![
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", &length),
        ];
        if let Self::Head(_) = self {
            fields.push(("Connection", "close"));
        }
        fields.extend(self.fields());
        let mut bytes = response::head(&format!("HTTP/1.1 {status} {reason}"), &fields);
        bytes.extend_from_slice(body.as_bytes());
        bytes
    }

    /// The fields that tell the client what to send.
    pub fn fields(&self) -> Vec<Field<'static>> {
        match self {
            Self::Method(_) => vec![("Allow", "GET")],
            Self::Upgrade(_) | Self::Connection(_) | Self::Version(_) => vec![
                ("Upgrade", "websocket"),
                ("Connection", "Upgrade"),
                ("Sec-WebSocket-Version", "13"),
            ],
            _ => Vec::new(),
        }
    }
}

fn broken_rule(rule: &str, values: &[String], section: &str) -> String {
    let came = match values {
        [] => "none came".to_string(),
        [one] => format!("{} came", quoted(one)),
        [first, rest @ ..] => format!("{} came, and {} more", quoted(first), rest.len()),
    };
    format!("{rule}; {came} ({section}).")
}

/// The text in quotes, with its control characters escaped. Of a long text, only the beginning.
fn quoted(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTED) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
