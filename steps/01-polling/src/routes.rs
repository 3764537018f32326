//! Routes: what a method and a path ask for, and how everything else is refused.
//!
//! Nothing here needs a connection: a method and a target go in, a [`Route`] or a [`Refusal`]
//! comes out. A refusal says in one sentence what was wrong and what would be right.

use std::fmt;

use serde::Serialize;

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// `GET /`: the page.
    Page,
    /// `GET /page.js`: the page's JavaScript.
    Script,
    /// `GET /page.css`: the page's style sheet.
    Style,
    /// `GET /messages?after=3`: the messages after the third.
    News {
        /// The cursor: the last id that the page has seen, or 0 if it has seen none.
        after: u64,
    },
    /// `POST /messages`: a new message, in the body.
    Post,
}

/// Finds out what the method and the target of a request line ask for.
///
/// HEAD is answered like GET, without the body (RFC 9110 §9.3.2).
///
/// # Errors
/// Returns [`Refusal::NoSuchPath`] if there is nothing at the path, [`Refusal::WrongMethod`] if the
/// path doesn't take the method, or [`Refusal::BadCursor`] if `after` isn't a whole number.
pub fn route(method: &str, target: &str) -> Result<Route, Refusal> {
    // Task: a path is the same with or without a query. A wrong method on a right path isn't a 404.
    todo!("a path is the same with or without a query. A wrong method on a right path isn't a 404")
}

/// Returns the cursor in a query like `after=3`, or 0 if there is none.
fn cursor(query: &str) -> Result<u64, Refusal> {
    // Task: `after` is one parameter among others, and its value is digits and nothing else.
    todo!("`after` is one parameter among others, and its value is digits and nothing else")
}

/// Parses a number that is only digits: `parse` would accept `+3` as well.
pub fn whole_number(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is nothing at this path.
    NoSuchPath,
    /// This path doesn't take this method.
    WrongMethod {
        /// The methods that the path takes, for the `Allow` header (RFC 9110 §15.5.6).
        allow: &'static str,
    },
    /// `after` isn't a whole number, or doesn't fit into 64 bits.
    BadCursor,
    /// `Content-Length` isn't a whole number, or is given twice.
    BadLength,
    /// The body is longer than the server allows.
    BodyTooLarge {
        /// The longest body that it allows, in bytes.
        limit: u64,
    },
    /// The body didn't arrive completely: it ended too early, or it couldn't be read.
    BodyCutShort,
    /// The body isn't a valid message, for this reason.
    BadMessage(String),
    /// The server has too many requests at the moment.
    Busy,
}

impl Refusal {
    /// Returns the status code that the refusal is sent with (RFC 9110 §15).
    pub fn status(&self) -> u16 {
        match self {
            Self::NoSuchPath => 404,
            Self::WrongMethod { .. } => 405,
            Self::BodyTooLarge { .. } => 413,
            Self::BadCursor | Self::BadLength | Self::BodyCutShort | Self::BadMessage(_) => 400,
            Self::Busy => 503,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::NoSuchPath => write!(formatter, "There is nothing here. Try / or /messages."),
            Self::WrongMethod { allow } => write!(formatter, "This path takes {allow}."),
            Self::BadCursor => write!(
                formatter,
                "`after` must be a whole number, like /messages?after=3."
            ),
            Self::BadLength => write!(
                formatter,
                "`Content-Length` must be given once, as a whole number of bytes."
            ),
            Self::BodyTooLarge { limit } => {
                write!(formatter, "The body may have {limit} bytes at most.")
            }
            Self::BodyCutShort => write!(formatter, "The body ended before it was complete."),
            Self::BadMessage(why) => write!(
                formatter,
                r#"The body must be like {{"username":"ada","message":"hi"}}: {why}."#
            ),
            Self::Busy => write!(formatter, "The server is busy. Try again in a second."),
        }
    }
}

impl std::error::Error for Refusal {}

/// A response, before it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The header fields that this reply needs, in addition to those that every reply has.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

impl Reply {
    /// Creates a reply with a file of the page.
    pub fn file(content_type: &str, text: &str) -> Self {
        Self {
            status: 200,
            headers: vec![("Content-Type", content_type.to_string())],
            body: text.to_string(),
        }
    }

    /// Creates a reply with a value as JSON.
    pub fn json(status: u16, value: &impl Serialize) -> Self {
        Self {
            status,
            headers: vec![("Content-Type", "application/json".to_string())],
            body: serde_json::to_string(value).expect("our own types are JSON"),
        }
    }

    /// Creates the reply to a message that was kept: 201, and its id.
    pub fn posted(id: u64) -> Self {
        Self::json(201, &serde_json::json!({ "id": id }))
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        let mut headers = vec![("Content-Type", "text/plain; charset=utf-8".to_string())];
        match &refusal {
            Refusal::WrongMethod { allow } => headers.push(("Allow", allow.to_string())),
            Refusal::Busy => headers.push(("Retry-After", "1".to_string())),
            _ => {}
        }
        Self {
            status: refusal.status(),
            headers,
            body: format!("{refusal}\n"),
        }
    }
}
