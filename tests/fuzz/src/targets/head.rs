//! Step 04, apart from its socket: the head of a request or a response, and what is made of it.
//!
//! Options: bit 0, a response; bit 1, small limits; bit 2, only some origins are welcome.

use std::io::BufRead;

use handshake::client::ClientHandshake;
use handshake::fields::Fields;
use handshake::head::{HeadBuffer, HeadError, Limits, RequestHead, ResponseHead};
use handshake::key::Key;
use handshake::opening::{OpeningHandshake, broken_rules};
use handshake::origin::Origin;
use handshake::policy::{Origins, Policy};
use handshake::refusal::Refusal;

use crate::input::Input;

/// The nonce of RFC 6455 §1.3, and the accept key that answers it.
const NONCE: &[u8; 16] = b"the sample nonce";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
const SUBPROTOCOLS: [&str; 2] = ["chat", "superchat"];
const EXTENSION: &str = "permessage-deflate";

/// Panics where one of these doesn't hold:
/// - the same verdict on where a head ends, however it is cut, as early as it is known; it is that of
///   a simple model;
/// - a head that isn't complete is never longer than the limit;
/// - a request is accepted where it breaks no rule, and refused with the first that it breaks;
/// - what is accepted keeps the rules by another reading of its lines, and a plain handshake that keeps
///   them is accepted;
/// - a refusal has one of six statuses, and is a response with nothing in its head that came from
///   the request;
/// - a client accepts the 101, and a server accepts that client's request;
/// - a client accepts no answer but one with the accept key and what it offered.
pub fn judge(data: &[u8]) {
    let Some(input) = Input::new(data) else {
        return;
    };
    let limits = match input.option(1, 1) {
        0 => Limits::default(),
        _ => Limits {
            bytes: 200,
            fields: 5,
        },
    };
    let model = end_of_head(input.stream, limits);
    let (whole, buffer) = push(&[input.stream], limits);
    assert_eq!(whole, model, "pushed at once");
    let (cut, _) = push(&input.pieces(), limits);
    assert_eq!(cut, model, "pushed in pieces");
    let bytewise: Vec<&[u8]> = input.stream.chunks(1).collect();
    let (cut, _) = push(&bytewise, limits);
    assert_eq!(cut, model, "pushed byte by byte");

    match whole {
        Err(error) => check_refusal(&Refusal::from(error)),
        Ok(None) => {}
        Ok(Some(_)) if input.option(0, 1) == 0 => check_request(&buffer, input.option(2, 1) == 1),
        Ok(Some(_)) => check_response(&buffer),
    }
}

/// Where the head ends; `None` where it hasn't yet.
type End = Result<Option<usize>, HeadError>;

fn push(pieces: &[&[u8]], limits: Limits) -> (End, HeadBuffer) {
    let mut buffer = HeadBuffer::new(limits);
    let mut came = Vec::new();
    for piece in pieces {
        // What came before this piece had no verdict, so it was not too early for one.
        assert_eq!(
            end_of_head(&came, limits),
            Ok(None),
            "a verdict that comes late"
        );
        came.extend_from_slice(piece);
        match buffer.push(piece) {
            Ok(true) => {
                let end = buffer.head().len();
                assert_eq!(
                    [buffer.head(), buffer.rest()].concat(),
                    came,
                    "bytes are lost"
                );
                assert!(end <= limits.bytes, "a head of {end} bytes");
                return (Ok(Some(end)), buffer);
            }
            Ok(false) => {
                assert_eq!(buffer.head(), came, "bytes are lost");
                assert!(
                    came.len() <= limits.bytes,
                    "{} bytes and no end",
                    came.len()
                );
            }
            Err(error) => return (Err(error), buffer),
        }
    }
    assert_eq!(buffer.head(), came, "bytes are changed");
    (Ok(None), buffer)
}

/// The same, line by line.
fn end_of_head(bytes: &[u8], limits: Limits) -> End {
    let mut within = &bytes[..bytes.len().min(limits.bytes)];
    let mut end = 0;
    let mut lines = 0;
    loop {
        let mut line = Vec::new();
        end += within.read_until(b'\n', &mut line).expect("a slice");
        match line.as_slice() {
            b"\r\n" if lines > 0 => return Ok(Some(end)),
            b"\r\n" => {}
            [.., b'\r', b'\n'] if lines == limits.fields + 1 => {
                return Err(HeadError::TooManyFields(limits.fields));
            }
            [.., b'\r', b'\n'] => lines += 1,
            [.., b'\n'] => return Err(HeadError::BareLineFeed),
            _ if bytes.len() > limits.bytes => return Err(HeadError::TooLong(limits.bytes)),
            _ => return Ok(None),
        }
    }
}

/// First line and fields, by splitting.
struct Lines {
    first: String,
    fields: Vec<(String, String)>,
}

impl Lines {
    fn of(head: &[u8]) -> Self {
        let head = String::from_utf8_lossy(head);
        let mut lines = head.split("\r\n").skip_while(|line| line.is_empty());
        let first = lines.next().unwrap_or_default().to_string();
        let fields = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| {
                (
                    name.to_string(),
                    value.trim_matches([' ', '\t']).to_string(),
                )
            })
            .collect();
        Self { first, fields }
    }

    fn values(&self, name: &str) -> Vec<&str> {
        let fields = self.fields.iter();
        let of_name = fields.filter(|(field, _)| field.eq_ignore_ascii_case(name));
        of_name.map(|(_, value)| value.as_str()).collect()
    }

    fn has(&self, name: &str, token: &str) -> bool {
        let values = self.values(name).join(",").to_ascii_lowercase();
        values
            .split(',')
            .any(|element| element.trim_matches([' ', '\t']) == token)
    }

    /// A handshake that must be accepted. Some that are right as well have no say in it: it knows no
    /// targets but paths, no host but a name, no subprotocols and no extensions.
    fn is_right(&self, is_choosy: bool) -> bool {
        let path = self
            .first
            .strip_prefix("GET /")
            .and_then(|rest| rest.strip_suffix(" HTTP/1.1"));
        let is_name = |text: &str| {
            text.chars()
                .all(|character| character.is_ascii_alphanumeric())
        };
        let [host] = self.values("host")[..] else {
            return false;
        };
        let is_welcome = match self.values("origin")[..] {
            [] => true,
            [_] if !is_choosy => true,
            [origin] => {
                let origin = origin.to_ascii_lowercase();
                let host = host.to_ascii_lowercase();
                [format!("http://{host}"), format!("https://{host}")].contains(&origin)
            }
            _ => false,
        };
        path.is_some_and(is_name)
            && !host.is_empty()
            && is_name(host)
            && self.has("upgrade", "websocket")
            && self.has("connection", "upgrade")
            && self.values("sec-websocket-version") == ["13"]
            && matches!(self.values("sec-websocket-key")[..], [key] if is_key(key.as_bytes()))
            && is_welcome
            && self.values("sec-websocket-protocol").is_empty()
            && self.values("sec-websocket-extensions").is_empty()
    }

    fn check_fields(&self, fields: &Fields) {
        for (name, _) in &self.fields {
            assert_eq!(
                fields.values(name),
                self.values(name),
                "the values of {name:?}"
            );
        }
    }
}

fn policy(is_choosy: bool) -> Policy {
    Policy {
        origins: if is_choosy {
            Origins::SameHost {
                listed: Origin::parse("https://example.com").into_iter().collect(),
            }
        } else {
            Origins::Any
        },
        subprotocols: SUBPROTOCOLS.map(str::to_string).to_vec(),
    }
}

fn check_request(buffer: &HeadBuffer, is_choosy: bool) {
    let policy = policy(is_choosy);
    let head = match RequestHead::parse(buffer) {
        Ok(head) => head,
        Err(error) => return check_refusal(&Refusal::from(error)),
    };
    let lines = Lines::of(buffer.head());
    lines.check_fields(&head.fields);
    let broken = broken_rules(&head, &policy);
    broken.iter().for_each(check_refusal);
    match OpeningHandshake::read(&head, &policy) {
        Err(refusal) => {
            assert_eq!(Some(&refusal), broken.first(), "the first broken rule");
            assert!(
                !lines.is_right(is_choosy),
                "refused, and right: {refusal:?}"
            );
        }
        Ok(opening) => {
            assert_eq!(broken, [], "accepted, though rules are broken");
            check_accepted(&lines, &opening, is_choosy);
            check_talk(&head, &opening, &policy);
        }
    }
}

/// A host in lowercase, with the port that it has or means.
fn with_port(scheme: &str, host: &str) -> String {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, port.trim_start_matches('0')),
        _ => (host, ""),
    };
    let port = match (scheme, port) {
        ("http", "") => "80",
        ("https", "") => "443",
        _ => port,
    };
    format!("{name}:{port}").to_ascii_lowercase()
}

/// The rules of RFC 6455 §4.2.1, by another reading.
fn check_accepted(lines: &Lines, opening: &OpeningHandshake, is_choosy: bool) {
    assert!(lines.first.starts_with("GET ") && lines.first.ends_with(" HTTP/1.1"));
    assert!(opening.resource.starts_with('/') && !opening.resource.contains('#'));
    assert_eq!(lines.values("host").len(), 1);
    assert!(lines.has("upgrade", "websocket") && lines.has("connection", "upgrade"));
    assert_eq!(lines.values("sec-websocket-version"), ["13"]);
    let keys = lines.values("sec-websocket-key");
    assert_eq!(keys, [opening.key.as_str()]);
    assert!(is_key(keys[0].as_bytes()), "the key {:?}", keys[0]);
    let origins = lines.values("origin");
    assert!(origins.len() <= 1);
    if let (true, Some(origin)) = (is_choosy, origins.first()) {
        let origin = origin.to_ascii_lowercase();
        let (scheme, host) = origin.split_once("://").expect("an origin has a scheme");
        let is_own = with_port(scheme, host) == with_port(scheme, &opening.host);
        let is_listed = scheme == "https" && with_port(scheme, host) == "example.com:443";
        assert!(
            is_own && ["http", "https"].contains(&scheme) || is_listed,
            "{origin:?} at {:?}",
            opening.host
        );
    }
    if let Some(chosen) = &opening.subprotocol {
        assert!(
            lines
                .values("sec-websocket-protocol")
                .join(",")
                .contains(chosen)
        );
        assert!(SUBPROTOCOLS.contains(&chosen.as_str()));
    }
}

/// 16 bytes in base64: 22 digits, the last of which stands for two bits, and `==`.
fn is_key(key: &[u8]) -> bool {
    let Some([digits @ .., last]) = key.strip_suffix(b"==") else {
        return false;
    };
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/".contains(byte);
    digits.len() == 21 && digits.iter().all(is_digit) && b"AQgw".contains(last)
}

/// A client that asked for this is content with the 101, and its own request is accepted.
fn check_talk(head: &RequestHead, opening: &OpeningHandshake, policy: &Policy) {
    let offered = head.fields.elements("Sec-WebSocket-Protocol");
    let client = ClientHandshake {
        host: opening.host.clone(),
        resource: opening.resource.clone(),
        origin: None,
        key: opening.key.clone(),
        subprotocols: offered.into_iter().map(str::to_string).collect(),
        extensions: Vec::new(),
    };
    let (end, answer) = push(&[&opening.response()], Limits::default());
    assert!(matches!(end, Ok(Some(_))), "the 101 is no head: {end:?}");
    let answer = ResponseHead::parse(&answer).expect("the 101 is a response");
    let agreement = client.check(&answer).expect("the client takes the 101");
    assert_eq!(agreement.subprotocol, opening.subprotocol);
    assert_eq!(agreement.extensions, []);

    // Only ASCII may be in a client's resource name; a server is not so strict.
    if client
        .resource
        .chars()
        .all(|character| character.is_ascii_graphic())
    {
        let request = client.request().expect("what was offered was right");
        let (_, request) = push(&[&request], Limits::default());
        // With the limits used up, our own fields may not fit in any more.
        let Ok(request) = RequestHead::parse(&request) else {
            return;
        };
        let back = OpeningHandshake::read(&request, policy).expect("our own client's request");
        assert_eq!(back.resource, opening.resource);
        assert_eq!(back.host, opening.host);
        assert_eq!(back.key, opening.key);
        assert_eq!(back.subprotocol, opening.subprotocol);
    }
}

/// A refusal is a response like any other: nothing that came can have added to its head.
fn check_refusal(refusal: &Refusal) {
    let (status, reason) = refusal.status();
    assert!(
        matches!(status, 400 | 403 | 405 | 426 | 431 | 505),
        "{status}"
    );
    let bytes = refusal.response();
    let (end, buffer) = push(&[&bytes], Limits::default());
    assert!(
        matches!(end, Ok(Some(_))),
        "a refusal that is no head: {end:?}"
    );
    let head = ResponseHead::parse(&buffer).expect("a refusal is a response");
    assert_eq!(head.status, status);
    let lines = Lines::of(buffer.head());
    assert_eq!(lines.first, format!("HTTP/1.1 {status} {reason}"));
    let known = [
        "Content-Type",
        "Content-Length",
        "Connection",
        "Allow",
        "Upgrade",
        "Sec-WebSocket-Version",
    ];
    for (name, _) in &lines.fields {
        assert!(
            known.contains(&name.as_str()),
            "a field {name:?} in a refusal"
        );
    }
    let body = str::from_utf8(buffer.rest()).expect("the body is text");
    assert_eq!(
        head.fields.only("Content-Length"),
        Some(body.len().to_string().as_str())
    );
    let sentence = body.strip_suffix('\n').expect("the body ends its line");
    assert!(!sentence.contains(char::is_control), "{sentence:?}");
    // Longer only by what a sentence says of itself.
    assert!(sentence.len() <= 1000, "a body of {} bytes", sentence.len());
}

fn check_response(buffer: &HeadBuffer) {
    let Ok(head) = ResponseHead::parse(buffer) else {
        return;
    };
    let lines = Lines::of(buffer.head());
    lines.check_fields(&head.fields);
    let client = ClientHandshake {
        host: "example.com".to_string(),
        resource: "/chat".to_string(),
        origin: None,
        key: Key::new(*NONCE),
        subprotocols: SUBPROTOCOLS.map(str::to_string).to_vec(),
        extensions: vec![EXTENSION.to_string()],
    };
    let Ok(agreement) = client.check(&head) else {
        return;
    };
    assert!(lines.first.starts_with("HTTP/1.1 101"), "{:?}", lines.first);
    assert_eq!(lines.values("sec-websocket-accept"), [ACCEPT]);
    assert!(lines.has("upgrade", "websocket") && lines.has("connection", "upgrade"));
    let chosen: Vec<&str> = agreement.subprotocol.as_deref().into_iter().collect();
    assert_eq!(lines.values("sec-websocket-protocol"), chosen);
    assert!(chosen.iter().all(|chosen| SUBPROTOCOLS.contains(chosen)));
    assert!(
        agreement
            .extensions
            .iter()
            .all(|chosen| chosen.name == EXTENSION)
    );
    let extensions = lines.values("sec-websocket-extensions").join(",");
    let is_given = extensions.contains(EXTENSION);
    assert_eq!(!agreement.extensions.is_empty(), is_given, "{extensions:?}");
}
