//! Reads HTTP heads, and finds the end of a body (RFC 9112 §3, §4, §6).
//!
//! httparse reads the heads. The beginning of a body is kept, and the rest is counted.

use std::mem;

use workshop_wire::deflate::{self, Agreement};
use workshop_wire::side::Side;

use crate::entry::{Content, Entry, MAX_KEPT, Note, byte_count};

/// The longest head that is read, in bytes.
pub const MAX_HEAD: usize = 64 << 10;
/// The most fields that a head may have.
const MAX_FIELDS: usize = 128;
/// The longest line with the size of a chunk, in bytes.
const MAX_LINE: usize = 1024;

/// The meaning of a head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    /// The head of a request.
    Request {
        /// Whether it asks for a WebSocket.
        upgrades: bool,
        /// Whether its method is HEAD, so that the response has no body, whatever its fields say.
        is_head: bool,
    },
    /// The head of a response.
    Response {
        /// The status code.
        status: u16,
        /// What it says about permessage-deflate, if it agrees on it.
        deflate: Option<Agreement>,
    },
}

/// A complete head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// Its meaning.
    pub head: Head,
    /// The number of its bytes.
    pub length: usize,
    /// Where the body ends, according to its fields.
    pub body: Length,
    /// The entry that shows it.
    pub entry: Entry,
}

/// Where a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// No field says it.
    Unspecified,
    /// After this many bytes.
    Bytes(u64),
    /// After an empty chunk.
    Chunked,
}

/// Why bytes aren't a head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeadError {
    /// The end is missing.
    Incomplete,
    /// They are something else, which this names in words.
    Other(String),
}

/// Reads the head at the beginning of the bytes.
///
/// # Errors
/// Returns a [`HeadError`] if there is none, or not all of it.
pub fn head(side: Side, bytes: &[u8]) -> Result<Parsed, HeadError> {
    if let Some(other) = something_else(bytes) {
        return Err(HeadError::Other(other.to_string()));
    }
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let parsed = match side {
        Side::Client => request(bytes, &mut fields),
        Side::Server => response(bytes, &mut fields),
    };
    match parsed {
        Ok(None) if bytes.len() > MAX_HEAD => Err(HeadError::Other(format!(
            "a head that is longer than {} KiB",
            MAX_HEAD / 1024
        ))),
        Ok(None) => Err(HeadError::Incomplete),
        Ok(Some(parsed)) => Ok(parsed),
        Err(httparse::Error::TooManyHeaders) => Err(HeadError::Other(format!(
            "a head with more than {MAX_FIELDS} fields"
        ))),
        Err(error) => Err(HeadError::Other(format!("not HTTP ({error})"))),
    }
}

/// Recognizes what people send by mistake to a port that speaks HTTP/1.1.
fn something_else(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x15 | 0x16, 0x03, ..] => {
            Some("TLS (https:// or wss://), so it is encrypted; ws:// and http:// can be read")
        }
        _ if bytes.starts_with(b"PRI * HTTP/2.0\r\n") => Some("HTTP/2"),
        _ => None,
    }
}

fn request<'b>(
    bytes: &'b [u8],
    fields: &mut [httparse::Header<'b>],
) -> Result<Option<Parsed>, httparse::Error> {
    let mut request = httparse::Request::new(fields);
    let httparse::Status::Complete(length) = request.parse(bytes)? else {
        return Ok(None);
    };
    let method = request.method.unwrap_or_default();
    let path = request.path.unwrap_or_default();
    let version = request.version.unwrap_or_default();
    let title = format!("{method} {path} HTTP/1.{version}");
    let upgrades = lists(request.headers, "upgrade", "websocket");
    let body = match body_length(request.headers) {
        // A request has a body only if it says so.
        Length::Unspecified => Length::Bytes(0),
        said => said,
    };
    let entry = Entry::new(Side::Client, title);
    Ok(Some(Parsed {
        head: Head::Request {
            upgrades,
            is_head: method == "HEAD",
        },
        length,
        body,
        entry: with_fields(entry, request.headers, length, upgrades),
    }))
}

fn response<'b>(
    bytes: &'b [u8],
    fields: &mut [httparse::Header<'b>],
) -> Result<Option<Parsed>, httparse::Error> {
    let mut response = httparse::Response::new(fields);
    let httparse::Status::Complete(length) = response.parse(bytes)? else {
        return Ok(None);
    };
    let status = response.code.unwrap_or_default();
    let version = response.version.unwrap_or_default();
    let reason = response.reason.unwrap_or_default();
    let title = format!("HTTP/1.{version} {status} {reason}");
    let is_telling = status == 101 || status >= 300;
    let entry = Entry::new(Side::Server, title.trim_end());
    let mut entry = with_fields(entry, response.headers, length, is_telling);
    let deflate = agreement(response.headers).map(|agreement| {
        agreement.unwrap_or_else(|why| {
            let fault = format!("permessage-deflate: {why}, RFC 7692 §7.1");
            entry.notes.push(Note::Fault(fault));
            Agreement::default()
        })
    });
    Ok(Some(Parsed {
        head: Head::Response { status, deflate },
        length,
        body: body_length(response.headers),
        entry,
    }))
}

/// What an answer says about permessage-deflate, or what is wrong with that.
fn agreement(fields: &[httparse::Header]) -> Option<Result<Agreement, String>> {
    let mut elements = values(fields, "sec-websocket-extensions").flat_map(deflate::elements);
    let answer = elements.find(deflate::Element::is_deflate)?;
    Some(Agreement::of_answer(&answer))
}

/// Adds the fields that matter for a handshake if it `is_telling`, how many others there are,
/// and how long the head is.
fn with_fields(
    entry: Entry,
    fields: &[httparse::Header],
    length: usize,
    is_telling: bool,
) -> Entry {
    let length = byte_count(length as u64);
    if !is_telling {
        return entry.with_note(format!("a head of {length}"));
    }
    let mut entry = entry;
    let mut others = 0;
    for field in fields {
        if !matters(field.name) {
            others += 1;
            continue;
        }
        let value = Content {
            bytes: field.value.to_vec(),
            has_more: false,
            is_text: true,
            lines: 1,
        };
        let quoted = value.line(usize::MAX);
        let value = &quoted[1..quoted.len() - 1];
        entry = entry.with_note(format!("{}: {value}", field.name));
    }
    match others {
        0 => entry.with_note(format!("(a head of {length})")),
        1 => entry.with_note(format!("(1 more field; a head of {length})")),
        more => entry.with_note(format!("({more} more fields; a head of {length})")),
    }
}

fn matters(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let names = [
        "host",
        "upgrade",
        "connection",
        "origin",
        "location",
        "retry-after",
    ];
    names.contains(&name.as_str()) || name.starts_with("sec-websocket-")
}

/// Whether a field that is a list of tokens, perhaps with parameters, has this one.
fn lists(fields: &[httparse::Header], name: &str, token: &str) -> bool {
    let mut elements = values(fields, name).flat_map(|value| value.split(','));
    elements.any(|element| {
        let word = element.split(';').next().unwrap_or_default();
        word.trim().eq_ignore_ascii_case(token)
    })
}

/// The values of the fields with this name.
fn values<'a>(fields: &'a [httparse::Header], name: &str) -> impl Iterator<Item = &'a str> {
    let fields = fields
        .iter()
        .filter(move |field| field.name.eq_ignore_ascii_case(name));
    fields.filter_map(|field| str::from_utf8(field.value).ok())
}

fn body_length(fields: &[httparse::Header]) -> Length {
    if lists(fields, "transfer-encoding", "chunked") {
        return Length::Chunked;
    }
    let value = values(fields, "content-length").next();
    value
        .and_then(|value| value.trim().parse().ok())
        .map_or(Length::Unspecified, Length::Bytes)
}

/// A body as it comes.
#[derive(Debug)]
pub struct Body {
    side: Side,
    kept: Vec<u8>,
    received: u64,
    rest: Rest,
    lines: usize,
}

/// The part of a body that is still to come.
#[derive(Debug)]
enum Rest {
    /// This many bytes.
    Bytes(u64),
    /// Everything until TCP's end.
    UntilEnd,
    /// The line with the size of a chunk, of which this much has come.
    Size(Vec<u8>),
    /// This many bytes of a chunk.
    Chunk(u64),
    /// The end of the line after a chunk.
    EndOfChunk,
    /// Fields after the last chunk, and how long the current line is so far.
    Trailer(usize),
    /// Nothing.
    Nothing,
}

impl Body {
    /// Begins the body of a message from this side. A body without a length goes on until the end of TCP.
    pub fn new(side: Side, length: Length) -> Self {
        Self {
            side,
            kept: Vec::new(),
            received: 0,
            rest: match length {
                Length::Bytes(0) => Rest::Nothing,
                Length::Bytes(count) => Rest::Bytes(count),
                Length::Chunked => Rest::Size(Vec::new()),
                Length::Unspecified => Rest::UntilEnd,
            },
            lines: 1,
        }
    }

    /// Sets how many lines it is shown in.
    pub fn in_lines(self, lines: usize) -> Self {
        Self { lines, ..self }
    }

    /// Takes what belongs to the body, and gives back the rest, once the body is whole.
    ///
    /// # Errors
    /// Returns what is wrong, in words, if the size of a chunk can't be read.
    pub fn take<'a>(&mut self, mut bytes: &'a [u8]) -> Result<Option<&'a [u8]>, String> {
        loop {
            let rest = mem::replace(&mut self.rest, Rest::Nothing);
            if let Rest::Nothing = rest {
                return Ok(Some(bytes));
            }
            let Some((first, behind)) = bytes.split_first() else {
                self.rest = rest;
                return Ok(None);
            };
            (self.rest, bytes) = match rest {
                Rest::Bytes(missing) => {
                    let (left, bytes) = self.keep(bytes, missing);
                    let is_done = left == 0;
                    (
                        if is_done {
                            Rest::Nothing
                        } else {
                            Rest::Bytes(left)
                        },
                        bytes,
                    )
                }
                Rest::UntilEnd => {
                    let (_, bytes) = self.keep(bytes, u64::MAX);
                    (Rest::UntilEnd, bytes)
                }
                Rest::Chunk(missing) => {
                    let (left, bytes) = self.keep(bytes, missing);
                    let is_done = left == 0;
                    (
                        if is_done {
                            Rest::EndOfChunk
                        } else {
                            Rest::Chunk(left)
                        },
                        bytes,
                    )
                }
                Rest::Size(line) if *first == b'\n' => match size_of_chunk(&line)? {
                    0 => (Rest::Trailer(0), behind),
                    size => (Rest::Chunk(size), behind),
                },
                Rest::Size(mut line) => {
                    line.push(*first);
                    if line.len() > MAX_LINE {
                        return Err("the size of a chunk".to_string());
                    }
                    (Rest::Size(line), behind)
                }
                Rest::EndOfChunk if *first == b'\n' => (Rest::Size(Vec::new()), behind),
                Rest::EndOfChunk => (Rest::EndOfChunk, behind),
                Rest::Trailer(0) if *first == b'\n' => (Rest::Nothing, behind),
                Rest::Trailer(_) if *first == b'\n' => (Rest::Trailer(0), behind),
                Rest::Trailer(length) if *first == b'\r' => (Rest::Trailer(length), behind),
                Rest::Trailer(_) => (Rest::Trailer(1), behind),
                Rest::Nothing => (Rest::Nothing, bytes),
            };
        }
    }

    fn keep<'a>(&mut self, bytes: &'a [u8], missing: u64) -> (u64, &'a [u8]) {
        let here = usize::try_from(missing)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        let room = MAX_KEPT.saturating_sub(self.kept.len()).min(here);
        self.kept.extend(&bytes[..room]);
        self.received += here as u64;
        (missing - here as u64, &bytes[here..])
    }

    /// Whether the body ends where TCP ends.
    pub fn ends_with_tcp(&self) -> bool {
        matches!(self.rest, Rest::UntilEnd)
    }

    /// Describes the part that the end of TCP has cut off.
    pub fn cut_off(&self) -> String {
        format!(
            "in the middle of a body: {} came",
            byte_count(self.received)
        )
    }

    /// Returns the entry for the body, as far as it was received. `None` if it is empty.
    pub fn entry(&self) -> Option<Entry> {
        let content = Content {
            bytes: self.kept.clone(),
            has_more: self.received > self.kept.len() as u64,
            // The part that is kept may end in the middle of a character.
            is_text: match str::from_utf8(&self.kept) {
                Ok(_) => true,
                Err(error) => error.error_len().is_none() && self.received > MAX_KEPT as u64,
            },
            lines: self.lines,
        };
        let title = format!("body, {}", byte_count(self.received));
        (self.received > 0).then(|| Entry::new(self.side, title).with(content))
    }
}

/// Reads the size of a chunk, in hexadecimal. What follows a `;` doesn't belong to it (RFC 9112 §7.1).
fn size_of_chunk(line: &[u8]) -> Result<u64, String> {
    let line = str::from_utf8(line).unwrap_or_default();
    let digits = line.split(';').next().unwrap_or_default().trim();
    u64::from_str_radix(digits, 16).map_err(|_| "the size of a chunk".to_string())
}
