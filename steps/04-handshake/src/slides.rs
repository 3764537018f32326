//! Four handshakes in the style of slides and tutorials. Each of them is wrong.
//!
//! They were written for this workshop, out of mistakes that are printed again and again.

use crate::client::Failure;
use crate::refusal::Refusal;

/// From a tutorial: "a WebSocket connection starts with this request".
pub const TUTORIAL: &str = "\
GET ws://chat.example.com/ HTTP/1.1\r
Host: chat.example.com\r
Upgrade: websocket\r
Connection: Upgrade\r
\r
";

/// From slides that are older than the RFC, and still shown.
pub const OLD_SLIDES: &str = "\
GET /chat HTTP/1.1\r
Host: chat.example.com\r
Connection: Upgrade\r
Upgrade: WebSocket\r
Origin: http://chat.example.com\r
Sec-WebSocket-Key1: 3 7w 0 5q1 82 6\r
Sec-WebSocket-Key2: 1 94z 60  7 k2\r
\r
";

/// From a blog post, typed from memory.
pub const BLOG_POST: &str = "\
GET /chat HTTP/1.0\r
Host: chat.example.com\r
Upgrade: websocket\r
Sec-WebSocket-Version: 8\r
Sec-WebSocket-Key: YSBzaG9ydGVyIG5vbmNl\r
\r
";

/// From a lecture: "and the server answers". The client's key was `dGhlIHNhbXBsZSBub25jZQ==`.
pub const LECTURE: &str = "\
HTTP/1.1 101 WebSocket Protocol Handshake\r
Upgrade: WebSocket\r
Connection: Upgrade\r
\r
";

/// A rule that a handshake may break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A request's method is GET.
    Method,
    /// The version of HTTP is 1.1 or later.
    HttpVersion,
    /// A request's target is a path (`/chat`), or an http URI.
    Target,
    /// A request has one `Host`.
    Host,
    /// A response's status is 101.
    Status,
    /// `Upgrade` lists `websocket`, ignoring case.
    Upgrade,
    /// `Connection` lists `Upgrade`, ignoring case.
    Connection,
    /// A request has one `Sec-WebSocket-Version`, and it is 13.
    Version,
    /// A request has one `Sec-WebSocket-Key`: 16 bytes in base64.
    Key,
    /// A request's `Origin`, if it has one, is welcome.
    Origin,
    /// A response has one `Sec-WebSocket-Accept`: the accept key.
    Accept,
    /// Anything else.
    Other,
}

/// Your verdicts: every rule that is broken by [`TUTORIAL`], [`OLD_SLIDES`], [`BLOG_POST`] and
/// [`LECTURE`], in any order.
pub fn verdicts() -> [Vec<Rule>; 4] {
    // Task: name every rule that each of the four handshakes breaks.
    todo!("name every rule that each of the four handshakes breaks")
}

impl From<&Refusal> for Rule {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::Method(_) => Self::Method,
            Refusal::HttpVersion(_) => Self::HttpVersion,
            Refusal::Target(_) => Self::Target,
            Refusal::Host(_) => Self::Host,
            Refusal::Upgrade(_) => Self::Upgrade,
            Refusal::Connection(_) => Self::Connection,
            Refusal::Version(_) => Self::Version,
            Refusal::Key(_) => Self::Key,
            Refusal::Origin(_) => Self::Origin,
            Refusal::Head(_) | Refusal::Subprotocols(_) | Refusal::Extensions(_) => Self::Other,
        }
    }
}

impl From<&Failure> for Rule {
    fn from(failure: &Failure) -> Self {
        match failure {
            Failure::HttpVersion(_) => Self::HttpVersion,
            Failure::Status(_) => Self::Status,
            Failure::Upgrade => Self::Upgrade,
            Failure::Connection => Self::Connection,
            Failure::Accept => Self::Accept,
            Failure::Head(_) | Failure::Subprotocol | Failure::Extension => Self::Other,
        }
    }
}
