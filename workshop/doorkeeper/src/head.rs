//! The head of a request: checks it, and makes it fit for tiny_http.

use crate::extent::{Chunks, Extent};
use crate::refusal::Refusal;

/// The longest head, in bytes. A server that wants a lower limit checks it itself.
pub(crate) const MAX_HEAD: usize = 64 * 1024;
/// The most fields that a head may have.
const MAX_FIELDS: usize = 1000;
/// The longest body that a request may declare, in bytes. When tiny_http drops a request, it reserves memory
/// for the rest of the declared body: a declared terabyte ends the process.
const MAX_BODY: u64 = 64 * 1024 * 1024;

/// Fields that are meant only for the connection to the client, not for the one to tiny_http (RFC 9110 §7.6.1).
/// So are `Connection` and `Upgrade`, but a handshake needs them.
const NOT_PASSED_ON: [&str; 3] = ["Keep-Alive", "Proxy-Connection", "TE"];

/// A request's head that is fit for tiny_http.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// The bytes that go to tiny_http.
    pub bytes: Vec<u8>,
    /// The extent of the body.
    pub body: Extent,
    /// Whether the method is HEAD: the response has no body then.
    pub is_head: bool,
    /// Whether the client wants another protocol: anything may follow the head.
    pub is_upgrade: bool,
    /// Whether the client's connection goes on after the response.
    pub keeps_alive: bool,
}

/// Returns where the head ends, if its end has come: after the first empty line. The first `searched` bytes aren't
/// searched again: a head that comes byte by byte costs no more than one that comes at once.
pub(crate) fn end_of(bytes: &[u8], searched: usize) -> Option<usize> {
    let from = searched.saturating_sub(3);
    let end = bytes[from..]
        .windows(4)
        .position(|window| window == b"\r\n\r\n")?;
    Some(from + end + 4)
}

impl Head {
    /// Checks a whole head.
    ///
    /// # Errors
    /// Returns the response for the client if the head breaks a rule of HTTP or one of our limits.
    pub fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        let mut room = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut request = httparse::Request::new(&mut room);
        let parsed = request.parse(bytes).map_err(|error| match error {
            httparse::Error::TooManyHeaders => Refusal::HEAD_TOO_LONG,
            httparse::Error::Version => Refusal::VERSION,
            _ => Refusal::NOT_HTTP,
        })?;
        // httparse takes LF alone for the end of a line. So it may see the end of the head earlier.
        if parsed != httparse::Status::Complete(bytes.len()) {
            return Err(Refusal::NOT_HTTP);
        }
        if !request.path.is_some_and(str::is_ascii) {
            return Err(Refusal::TARGET_NOT_ASCII);
        }
        let is_http_1_1 = request.version == Some(1);
        let fields = Fields(request.headers);
        fields.check_expectation()?;
        let body = fields.extent(is_http_1_1)?;
        // tiny_http reads the first `Connection` only. If it doesn't see an upgrade there, it takes what
        // follows the head for a request, so that must be checked like one.
        let connection = fields.values("Connection");
        let is_upgrade = connection.first().is_some_and(|it| has_word(it, "upgrade"));
        let asks_to_close = connection.iter().any(|it| has_word(it, "close"));
        Ok(Self {
            body,
            is_head: request.method == Some("HEAD"),
            is_upgrade,
            keeps_alive: is_http_1_1 && !is_upgrade && !asks_to_close,
            bytes: written(&request),
        })
    }
}

/// Makes a head fit for tiny_http, and changes nothing else: no field that is about one connection only, no
/// expectation of a client that speaks HTTP/1.0, and no byte that isn't ASCII. A head that can't be parsed
/// stays as it is.
///
/// RFC 9110 §5.5 allows such bytes in a value, as in the cookie `name=Zoë`, and calls them opaque. Each becomes
/// a `?`. So the value keeps its length, and if a server looks at the value, the server refuses it.
pub fn for_tiny_http(head: &[u8]) -> Vec<u8> {
    let lines = head.iter().filter(|byte| **byte == b'\n').count();
    let mut room = vec![httparse::EMPTY_HEADER; lines];
    let mut request = httparse::Request::new(&mut room);
    match request.parse(head) {
        Ok(httparse::Status::Complete(_)) => written(&request),
        _ => head.to_vec(),
    }
}

fn written(request: &httparse::Request) -> Vec<u8> {
    let (method, target) = (request.method.unwrap_or(""), request.path.unwrap_or(""));
    let minor = request.version.unwrap_or(1);
    let mut bytes = format!("{method} {target} HTTP/1.{minor}\r\n").into_bytes();
    let is_passed_on = |field: &&httparse::Header| {
        let is = |name: &str| field.name.eq_ignore_ascii_case(name);
        // A client that speaks HTTP/1.0 doesn't know an interim response (RFC 9110 §10.1.1).
        !(NOT_PASSED_ON.iter().any(|name| is(name)) || (minor == 0 && is("Expect")))
    };
    let ascii = |byte: &u8| if byte.is_ascii() { *byte } else { b'?' };
    for field in request.headers.iter().filter(is_passed_on) {
        bytes.extend_from_slice(field.name.as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend(field.value.iter().map(ascii));
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}

struct Fields<'a>(&'a [httparse::Header<'a>]);

impl Fields<'_> {
    fn values(&self, name: &str) -> Vec<&[u8]> {
        let named = self
            .0
            .iter()
            .filter(|field| field.name.eq_ignore_ascii_case(name));
        named.map(|field| field.value.trim_ascii()).collect()
    }

    fn check_expectation(&self) -> Result<(), Refusal> {
        let values = self.values("Expect");
        let is_known = |value: &&[u8]| value.eq_ignore_ascii_case(b"100-continue");
        if values.iter().all(is_known) {
            Ok(())
        } else {
            Err(Refusal::EXPECTATION)
        }
    }

    /// How long the body is (RFC 9112 §6.3). If two servers disagree about that, they disagree about where the
    /// next request begins, so a head that can be read in two ways is refused.
    fn extent(&self, is_http_1_1: bool) -> Result<Extent, Refusal> {
        let (lengths, codings) = (
            self.values("Content-Length"),
            self.values("Transfer-Encoding"),
        );
        match (&lengths[..], &codings[..]) {
            ([], []) => Ok(Extent::NONE),
            ([length], []) => match whole_number(length) {
                None => Err(Refusal::LENGTH),
                Some(MAX_BODY_AND_MORE..) => Err(Refusal::BODY_TOO_LONG),
                Some(length) => Ok(Extent::Length(length)),
            },
            (_, []) => Err(Refusal::LENGTH),
            ([], [coding]) if is_http_1_1 => {
                if coding.eq_ignore_ascii_case(b"chunked") {
                    Ok(Extent::Chunked(Chunks::default()))
                } else {
                    Err(Refusal::CODING)
                }
            }
            ([], _) if is_http_1_1 => Err(Refusal::CODING),
            _ => Err(Refusal::TWO_LENGTHS),
        }
    }
}

/// Whether a value of `Connection` has this word. Like tiny_http, this looks for it anywhere, even within a longer
/// one: the two must agree.
fn has_word(value: &[u8], word: &str) -> bool {
    String::from_utf8_lossy(value)
        .to_ascii_lowercase()
        .contains(word)
}

const MAX_BODY_AND_MORE: u64 = MAX_BODY + 1;

/// Reads a number of digits alone. One that doesn't fit into 64 bits counts as the greatest that does.
fn whole_number(digits: &[u8]) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(digits).ok().filter(|_| is_number)?;
    Some(number.parse().unwrap_or(u64::MAX))
}
