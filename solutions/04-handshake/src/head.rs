//! The head of a request or a response: its first line and its fields, up to the empty line.
//!
//! ```text
//! GET /socket HTTP/1.1␍␊      the first line
//! Host: 127.0.0.1:9004␍␊      fields
//! Upgrade: websocket␍␊
//! ␍␊                          the end of the head
//! ```
//!
//! A head arrives in pieces. [`HeadBuffer`] looks for its end first, each byte once, within
//! [`Limits`]; only a whole head is parsed, by httparse, and only once. A head that was parsed from
//! its start with each piece would cost a server time that grows with the square of its length.

use std::fmt;

use crate::fields::Fields;

/// How long a head may be. A longer one is refused.
// ANCHOR: limits
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes, from the first line to the empty line at the end.
    pub bytes: usize,
    /// The most fields.
    pub fields: usize,
}

impl Default for Limits {
    /// 16 KiB and 100 fields, with room for cookies.
    fn default() -> Self {
        Self {
            bytes: 16 * 1024,
            fields: 100,
        }
    }
}
// ANCHOR_END: limits

/// Why bytes aren't a head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeadError {
    /// The head is longer than the limit, which is this many bytes.
    TooLong(usize),
    /// The head has more fields than the limit, which is this many.
    TooManyFields(usize),
    /// A line ends with a bare LF. RFC 9112 §2.2 lets a recipient accept that; two servers that
    /// disagree on where a head ends can be played off against each other.
    BareLineFeed,
    /// The major version of HTTP isn't 1.
    HttpVersion(String),
    /// The bytes aren't HTTP, for the reason that the parser gives.
    NotHttp(String),
}

impl fmt::Display for HeadError {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::TooLong(limit) => write!(formatter, "it is longer than {limit} bytes"),
            Self::TooManyFields(limit) => write!(formatter, "it has more than {limit} fields"),
            Self::BareLineFeed => formatter.write_str("a line ends with LF alone"),
            Self::HttpVersion(version) => write!(formatter, "its version is {version}"),
            Self::NotHttp(reason) => formatter.write_str(reason),
        }
    }
}

/// A head that is still arriving.
// ANCHOR: buffer
#[derive(Debug)]
pub struct HeadBuffer {
    limits: Limits,
    bytes: Vec<u8>,
    /// How many bytes have been searched for the end. None is searched twice.
    searched: usize,
    line_start: usize,
    lines: usize,
    end: Option<usize>,
}
// ANCHOR_END: buffer

impl HeadBuffer {
    /// An empty buffer.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            bytes: Vec::new(),
            searched: 0,
            line_start: 0,
            lines: 0,
            end: None,
        }
    }

    /// Appends what one read returned. Returns true once the head is complete.
    ///
    /// # Errors
    /// Returns [`HeadError::TooLong`] or [`HeadError::TooManyFields`] if the head is beyond that limit,
    /// and [`HeadError::BareLineFeed`] if a line ends with a bare LF. The error is returned as soon as
    /// it is known, and doesn't depend on how the head was cut into pieces.
    // ANCHOR: push
    pub fn push(&mut self, piece: &[u8]) -> Result<bool, HeadError> {
        self.bytes.extend_from_slice(piece);
        while self.end.is_none() {
            let unsearched = &self.bytes[self.searched..];
            let Some(line_feed) = unsearched.iter().position(|byte| *byte == b'\n') else {
                self.searched = self.bytes.len();
                break;
            };
            self.searched += line_feed + 1;
            self.check_length(self.searched)?;
            self.end_line(self.searched)?;
        }
        if self.end.is_none() {
            self.check_length(self.bytes.len())?;
        }
        Ok(self.end.is_some())
    }
    // ANCHOR_END: push

    fn check_length(&self, length: usize) -> Result<(), HeadError> {
        if length > self.limits.bytes {
            return Err(HeadError::TooLong(self.limits.bytes));
        }
        Ok(())
    }

    /// Counts the line that ends before `next`, or finds that it ends the head.
    fn end_line(&mut self, next: usize) -> Result<(), HeadError> {
        let line = self.bytes[self.line_start..next].strip_suffix(b"\r\n");
        let line = line.ok_or(HeadError::BareLineFeed)?;
        // Empty lines before the first line are ignored (RFC 9112 §2.2).
        if !line.is_empty() {
            self.lines += 1;
        } else if self.lines > 0 {
            self.end = Some(next);
        }
        self.line_start = next;
        // The first line isn't a field.
        if self.lines > self.limits.fields + 1 {
            return Err(HeadError::TooManyFields(self.limits.fields));
        }
        Ok(())
    }

    /// The bytes of the head: all that have arrived, while it isn't complete.
    pub fn head(&self) -> &[u8] {
        &self.bytes[..self.end.unwrap_or(self.bytes.len())]
    }

    /// The bytes after the head: the first ones of the WebSocket.
    pub fn rest(&self) -> &[u8] {
        &self.bytes[self.end.unwrap_or(self.bytes.len())..]
    }

    /// Space for the parser: one header for each line.
    fn empty_headers(&self) -> Vec<httparse::Header<'_>> {
        vec![httparse::EMPTY_HEADER; self.lines]
    }
}

/// The version of HTTP in a first line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HttpVersion {
    /// The 1 of 1.0.
    pub major: u8,
    /// The 0 of 1.0.
    pub minor: u8,
}

impl HttpVersion {
    /// The lowest version that a handshake may have (RFC 6455 §4.1).
    pub const HTTP_1_1: Self = Self { major: 1, minor: 1 };

    fn http_1(minor: Option<u8>) -> Self {
        let minor = minor.expect("a parsed head has a version");
        Self { major: 1, minor }
    }
}

impl fmt::Display for HttpVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "HTTP/{}.{}", self.major, self.minor)
    }
}

/// The head of a request.
// ANCHOR: request_head
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHead {
    /// `GET`
    pub method: String,
    /// The request target: `/socket?room=1`.
    pub target: String,
    /// `HTTP/1.1`
    pub version: HttpVersion,
    /// The fields.
    pub fields: Fields,
}
// ANCHOR_END: request_head

impl RequestHead {
    /// Parses a complete head.
    ///
    /// # Errors
    /// Returns [`HeadError::HttpVersion`] if the major version of HTTP isn't 1, and
    /// [`HeadError::NotHttp`] if the bytes aren't the head of a request.
    pub fn parse(buffer: &HeadBuffer) -> Result<Self, HeadError> {
        let mut headers = buffer.empty_headers();
        let mut request = httparse::Request::new(&mut headers);
        let status = request.parse(buffer.head());
        check_parsed(status, buffer.head())?;
        Ok(Self {
            method: request.method.unwrap_or_default().to_string(),
            target: request.path.unwrap_or_default().to_string(),
            version: HttpVersion::http_1(request.version),
            fields: fields(request.headers),
        })
    }

    /// Takes the head that tiny_http has read. tiny_http has no limits, so these are checked here.
    ///
    /// # Errors
    /// Returns [`HeadError::TooLong`] or [`HeadError::TooManyFields`] if the head is beyond that limit.
    pub fn from_tiny_http(request: &tiny_http::Request, limits: Limits) -> Result<Self, HeadError> {
        let method = request.method().to_string();
        let target = request.url().to_string();
        let version = request.http_version();
        // Two spaces and `HTTP/1.1␍␊`, and the empty line.
        let mut length = method.len() + target.len() + 12 + 2;
        let mut fields = Fields::default();
        for field in request.headers() {
            let (name, value) = (field.field.as_str().as_str(), field.value.as_str());
            fields.add(name, value);
            // `: ` and `␍␊`.
            length += name.len() + value.len() + 4;
        }
        if length > limits.bytes {
            return Err(HeadError::TooLong(limits.bytes));
        }
        if request.headers().len() > limits.fields {
            return Err(HeadError::TooManyFields(limits.fields));
        }
        Ok(Self {
            method,
            target,
            version: HttpVersion {
                major: version.0,
                minor: version.1,
            },
            fields,
        })
    }
}

/// Splits a request target into its host, if it names one, and the resource name: the path and the query.
///
/// A target is in origin-form (`/socket`) or in absolute-form (`http://host/socket`, RFC 9112
/// §3.2). `None` for anything else, such as `ws://host/socket`, and for a target with a fragment
/// (`#`), which never goes over a wire.
pub fn host_and_resource(target: &str) -> Option<(Option<&str>, &str)> {
    if target.contains('#') {
        return None;
    }
    if target.starts_with('/') {
        return Some((None, target));
    }
    let rest = strip_prefix_in_any_case(target, "http://")
        .or_else(|| strip_prefix_in_any_case(target, "https://"))?;
    let (host, resource) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let resource = if resource.is_empty() { "/" } else { resource };
    Some((Some(host), resource))
}

fn strip_prefix_in_any_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// The head of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseHead {
    /// `HTTP/1.1`
    pub version: HttpVersion,
    /// The status code: 101.
    pub status: u16,
    /// The fields.
    pub fields: Fields,
}

impl ResponseHead {
    /// Parses a complete head.
    ///
    /// # Errors
    /// Returns [`HeadError::HttpVersion`] if the major version of HTTP isn't 1, and
    /// [`HeadError::NotHttp`] if the bytes aren't the head of a response.
    pub fn parse(buffer: &HeadBuffer) -> Result<Self, HeadError> {
        let mut headers = buffer.empty_headers();
        let mut response = httparse::Response::new(&mut headers);
        let status = response.parse(buffer.head());
        check_parsed(status, buffer.head())?;
        Ok(Self {
            version: HttpVersion::http_1(response.version),
            status: response.code.unwrap_or_default(),
            fields: fields(response.headers),
        })
    }
}

/// Checks that the parser succeeded, and that it used the whole head.
fn check_parsed(
    parsed: Result<httparse::Status<usize>, httparse::Error>,
    head: &[u8],
) -> Result<(), HeadError> {
    match parsed {
        Ok(httparse::Status::Complete(length)) if length == head.len() => Ok(()),
        Ok(_) => Err(HeadError::NotHttp("the head ends too early".to_string())),
        Err(httparse::Error::Version) => Err(wrong_version(head)),
        Err(error) => Err(HeadError::NotHttp(error.to_string())),
    }
}

/// The error for a first line with another version, such as `HTTP/2.0`, or with none.
fn wrong_version(head: &[u8]) -> HeadError {
    let first_line = head.trim_ascii_start().split(|byte| *byte == b'\r').next();
    let first_line = String::from_utf8_lossy(first_line.unwrap_or_default());
    let version = first_line.split(' ').find(|token| is_http_version(token));
    match version {
        Some(version) => HeadError::HttpVersion(version.to_string()),
        None => HeadError::NotHttp("the first line has no HTTP version".to_string()),
    }
}

fn is_http_version(token: &str) -> bool {
    let number = token.strip_prefix("HTTP/").map(str::as_bytes);
    matches!(number, Some([b'0'..=b'9', b'.', b'0'..=b'9']))
}

fn fields(parsed: &[httparse::Header]) -> Fields {
    let mut fields = Fields::default();
    for field in parsed {
        fields.add(field.name, &String::from_utf8_lossy(field.value));
    }
    fields
}
