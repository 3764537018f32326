//! Which method and path means what, and how everything else is refused.
//!
//! Nothing here needs a connection: a method and a target go in, a [`Route`] or a [`Refusal`]
//! comes out. A refusal says in one sentence what was wrong and what would be right.

use std::fmt;

use serde::Serialize;

/// What a request may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// `GET /`: the page.
    Page,
    /// `GET /page.js`: what the page does.
    Script,
    /// `GET /page.css`: how the page looks.
    Style,
    /// `GET /messages?after=3`: the messages that came after the third.
    News {
        /// The cursor: the last id that the page has seen, 0 where it has seen none.
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
/// [`Refusal::NoSuchPath`], [`Refusal::WrongMethod`], or [`Refusal::BadCursor`].
pub fn route(method: &str, target: &str) -> Result<Route, Refusal> {
    // Task: a path is the same with or without a query. A wrong method on a right path isn't a 404.
    todo!("a path is the same with or without a query. A wrong method on a right path isn't a 404")
}

/// The cursor in a query like `after=3`; 0 if there is none.
fn cursor(query: &str) -> Result<u64, Refusal> {
    // Task: `after` is one parameter among others, and its value is digits and nothing else.
    todo!("`after` is one parameter among others, and its value is digits and nothing else")
}

/// A number of digits alone: `parse` would take `+3` as well.
pub fn whole_number(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

/// Why a request is not done: the rule that it breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is nothing at this path.
    NoSuchPath,
    /// There is something at this path, but not for this method.
    WrongMethod {
        /// The methods that there are, for the `Allow` header (RFC 9110 §15.5.6).
        allow: &'static str,
    },
    /// `after` isn't a whole number, or doesn't fit into 64 bits.
    BadCursor,
    /// `Content-Length` isn't a whole number, or is given twice.
    BadLength,
    /// The body is longer than the server takes.
    BodyTooLarge {
        /// The longest body that it takes, in bytes.
        limit: u64,
    },
    /// The body did not arrive as a whole: it ended too early, or it couldn't be read.
    BodyCutShort,
    /// The body is no message; this says why not.
    BadMessage(String),
    /// More is asked of the server than it can do just now.
    Busy,
}

impl Refusal {
    /// The status code that the refusal is sent with (RFC 9110 §15).
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

/// What is sent back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The header fields that this reply needs, beside those that every reply has.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
}

impl Reply {
    /// A file of the page.
    pub fn file(content_type: &str, text: &str) -> Self {
        Self {
            status: 200,
            headers: vec![("Content-Type", content_type.to_string())],
            body: text.to_string(),
        }
    }

    /// A value as JSON.
    pub fn json(status: u16, value: &impl Serialize) -> Self {
        Self {
            status,
            headers: vec![("Content-Type", "application/json".to_string())],
            body: serde_json::to_string(value).expect("our own types are JSON"),
        }
    }

    /// The answer to a message that was taken: 201, and its id.
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
