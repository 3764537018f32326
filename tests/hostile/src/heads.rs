//! Heads of requests: some whose answer is known, those of the fuzzer's corpus, and any number that a
//! grammar makes up.

use std::fs;
use std::io;
use std::path::Path;

use fuzz::seeds;

use crate::client::{get, handshake};
use crate::random::Random;
use crate::servers::{Kind, Socket};

/// What has to come of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// This status.
    Status(u16),
    /// A status, any.
    Answer,
    /// One status from 400 to 499, and the end of the connection (RFC 9112 §6.3).
    RefusedAndClosed,
    /// The end of the connection, with or without an answer, once the client has said that it is done.
    End,
}

/// How a head is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// In one piece.
    Whole,
    /// Byte by byte.
    Bytes,
}

/// A head, and what has to come of it.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it is about.
    pub name: String,
    /// What is sent.
    pub bytes: Vec<u8>,
    /// How.
    pub delivery: Delivery,
    /// What has to come.
    pub expected: Expected,
}

impl Case {
    fn new(name: &str, bytes: Vec<u8>, expected: Expected) -> Self {
        Self {
            name: name.to_string(),
            bytes,
            delivery: Delivery::Whole,
            expected,
        }
    }
}

/// Words that the grammar puts into heads.
#[derive(Debug)]
pub struct Words {
    corpus: Vec<Vec<u8>>,
    dictionary: Vec<Vec<u8>>,
}

impl Words {
    /// Those of `tests/fuzz`.
    ///
    /// # Errors
    /// Returns what is wrong if its files can't be read.
    pub fn read() -> io::Result<Self> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/head.dict");
        let dictionary = fs::read_to_string(file)?;
        // The first four bytes of a seed are options for the fuzzer.
        let corpus = seeds::of("head")?.into_iter();
        Ok(Self {
            corpus: corpus
                .filter_map(|seed| Some(seed.get(4..)?.to_vec()))
                .collect(),
            dictionary: dictionary.lines().filter_map(word).collect(),
        })
    }
}

/// A line of a fuzzer's dictionary: text in quotation marks, with bytes like `\x0d`.
fn word(line: &str) -> Option<Vec<u8>> {
    let text = line.trim().strip_prefix('"')?.strip_suffix('"')?;
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next()? {
            b'x' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                bytes.push((digit()? << 4 | digit()?) as u8);
            }
            other => bytes.push(other),
        }
    }
    Some(bytes)
}

/// Every head for one server: those whose answer is known, the corpus, and `made_up` from the grammar.
pub fn cases(kind: Kind, words: &Words, seed: u64, made_up: usize) -> Vec<Case> {
    let mut cases = known(kind);
    for bytes in &words.corpus {
        cases.push(Case::new(
            "the fuzzer's corpus",
            bytes.clone(),
            Expected::End,
        ));
    }
    let first = cases.len();
    for number in first..first + made_up {
        let mut random = Random::of_case(seed, number);
        cases.push(from_grammar(&mut random, words));
    }
    cases
}

/// Values in bytes that aren't ASCII, which nobody here reads: no reason to refuse (RFC 9110 §5.5).
const OBS_TEXT: [(&str, &[u8]); 4] = [
    ("a cookie in UTF-8", "Cookie: name=Zoë\r\n".as_bytes()),
    ("a cookie in Latin-1", b"Cookie: name=Zo\xeb\r\n"),
    ("a User-Agent in Latin-1", b"User-Agent: Caf\xe9/1.0\r\n"),
    (
        "a Referer in UTF-8",
        "Referer: http://localhost/café\r\n".as_bytes(),
    ),
];

/// Two lengths, or a length and chunks: what one reader takes for the body, another takes for a request.
const TWO_LENGTHS: [(&str, &str); 5] = [
    (
        "two Content-Lengths",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
    ),
    ("a list of Content-Lengths", "Content-Length: 5, 6\r\n"),
    (
        "Content-Length before Transfer-Encoding",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    ),
    (
        "Transfer-Encoding before Content-Length",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    ),
    (
        "Transfer-Encoding before two Content-Lengths",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\nContent-Length: 6\r\n",
    ),
];

/// Heads whose answer is known.
pub fn known(kind: Kind) -> Vec<Case> {
    let mut cases = Vec::new();
    let target = kind.target("known");
    let has_socket = kind.socket() != Socket::None;
    for (name, field) in OBS_TEXT {
        cases.push(Case::new(name, get("/", field), Expected::Status(200)));
        if has_socket {
            let name = format!("a handshake with {name}");
            cases.push(Case::new(
                &name,
                handshake(&target, field),
                Expected::Status(101),
            ));
        }
    }
    let path = match kind {
        Kind::Polling | Kind::LongPolling => "/messages",
        _ if kind.is_app() => "/events?session=known",
        _ => "/",
    };
    for (name, fields) in TWO_LENGTHS {
        let bytes = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n0\r\n\r\n\
             GET /?a-body-or-a-request HTTP/1.1\r\nHost: localhost\r\n\r\n"
        );
        cases.push(Case::new(name, bytes.into(), Expected::RefusedAndClosed));
    }
    for (name, field) in qualities() {
        cases.push(Case::new(&name, get("/", &field), Expected::Answer));
        cases.push(Case::new(
            &name,
            get("/nothing-here", &field),
            Expected::Answer,
        ));
        if has_socket {
            let bytes = handshake(&target, &field);
            cases.push(Case::new(&name, bytes, Expected::Answer));
        }
    }
    cases
}

/// Lists of 21 elements with a weight that isn't a number: a sort by such weights may panic. Sorting looks
/// whether its order is an order only where there are more than 20.
fn qualities() -> Vec<(String, Vec<u8>)> {
    let list = "x;q=2,x;q=nan,x;q=1,".repeat(7);
    let names = [
        "TE",
        "Accept",
        "Accept-Encoding",
        "Accept-Language",
        "Accept-Charset",
    ];
    let field = |name: &&str| {
        let field = format!("{name}: {list}\r\n").into_bytes();
        (format!("{name} with a weight that isn't a number"), field)
    };
    names.iter().map(field).collect()
}

const METHODS: [&[u8]; 14] = [
    b"GET",
    b"GET",
    b"GET",
    b"HEAD",
    b"POST",
    b"PUT",
    b"OPTIONS",
    b"CONNECT",
    b"get",
    b"",
    b"G\0T",
    b"PRI",
    b"\xff",
    b"MMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMM",
];
const TARGETS: [&[u8]; 22] = [
    b"/",
    b"/",
    b"/socket",
    b"/socket",
    b"/messages",
    b"/messages?after=0",
    b"/people",
    b"/messages?after=18446744073709551616",
    b"/messages?after=-1&after=1",
    b"/events",
    b"*",
    b"http://h/",
    b"ws://h/socket",
    b"http://",
    b"/%00",
    b"/%",
    b"/../../etc/passwd",
    b"//",
    b"",
    b"/ /",
    b"/\xff",
    b"/__workshop/version?seen=",
];
const VERSIONS: [&[u8]; 12] = [
    b"HTTP/1.1",
    b"HTTP/1.1",
    b"HTTP/1.1",
    b"HTTP/1.1",
    b"HTTP/1.1",
    b"HTTP/1.0",
    b"HTTP/2.0",
    b"HTTP/1.2",
    b"http/1.1",
    b"HTTP/1.1 ",
    b"",
    b"HTTP/99999999999999999999.1",
];
const FIELDS: [&[u8]; 48] = [
    b"Host: localhost",
    b"Host: localhost",
    b"Host: a, b",
    b"Host:",
    b"Host: [::1",
    b"Host: h:99999",
    b"Content-Length: 0",
    b"Content-Length: 5",
    b"Content-Length: 6",
    b"Content-Length: -1",
    b"Content-Length: +5",
    b"Content-Length: 18446744073709551616",
    b"Content-Length: 1099511627776",
    b"Content-Length: x",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: identity",
    b"Transfer-Encoding: chunked, chunked",
    b"Transfer-Encoding : chunked",
    b"TE: trailers",
    b"TE: x;q=nan",
    b"TE: x;q=",
    b"TE: chunked;q=-1,identity;q=inf",
    b"Connection: close",
    b"Connection: keep-alive",
    b"Connection: Upgrade",
    b"Connection: upgrade, TE",
    b"Upgrade: websocket",
    b"Upgrade: h2c",
    b"Upgrade: websocket/13",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Version: 8",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    b"Sec-WebSocket-Key: AAAA",
    b"Sec-WebSocket-Protocol: chat, \xe3\x80\x80",
    b"Sec-WebSocket-Extensions: x; a=\"",
    b"Origin: null",
    b"Origin: http://localhost",
    b"Cookie: name=Zo\xeb",
    b"Cookie: \x01",
    b"Expect: 100-continue",
    b"Expect: x",
    b"Range: bytes=5-1",
    b": empty",
    b"no colon",
    b" folded",
    b"a\0b: c",
    b"Accept-Encoding: ;;;q=nan,,",
];

/// A head that may be right, or wrong in several ways at once.
fn from_grammar(random: &mut Random, words: &Words) -> Case {
    let mut bytes = head(random, words);
    let mut how = vec!["from the grammar"];
    if random.once_in(6) {
        how.push("pipelined");
        for _ in 0..=random.below(3) {
            bytes.extend(head(random, words));
        }
    }
    if random.once_in(5) {
        how.push("with a byte changed");
        let at = random.below(bytes.len());
        bytes[at] = random.below(256) as u8;
    }
    if random.once_in(4) {
        how.push("cut");
        bytes.truncate(random.below(bytes.len()) + 1);
    }
    let mut delivery = Delivery::Whole;
    if bytes.len() <= 600 && random.once_in(5) {
        how.push("in one-byte pieces");
        delivery = Delivery::Bytes;
    }
    Case {
        name: how.join(", "),
        bytes,
        delivery,
        expected: Expected::End,
    }
}

fn head(random: &mut Random, words: &Words) -> Vec<u8> {
    let line = [
        random.one_of(&METHODS),
        b" ",
        random.one_of(&TARGETS),
        b" ",
        random.one_of(&VERSIONS),
    ];
    let mut head = line.concat();
    if random.once_in(20) {
        let at = head.iter().position(|byte| *byte == b'/').unwrap_or(0);
        let long = vec![b'a'; 1 << random.below(16)];
        head.splice(at..at, long);
    }
    end_line(&mut head, random);
    for _ in 0..random.below(8) {
        field(&mut head, random, words);
    }
    if random.once_in(30) {
        for number in 0..300 {
            head.extend(format!("f{number}: x\r\n").bytes());
        }
    }
    end_line(&mut head, random);
    if random.once_in(3) {
        head.extend(random.one_of(&[
            &b"hello"[..],
            b"5\r\nhello\r\n0\r\n\r\n",
            b"\x81\x80\0\0\0\0",
            b"\xff",
        ]));
    }
    head
}

fn field(head: &mut Vec<u8>, random: &mut Random, words: &Words) {
    match random.below(10) {
        0 => {
            let list = "x;q=2,x;q=nan,x;q=1,".repeat(1 + random.below(30));
            let name = random.one_of(&["TE", "Accept", "Accept-Encoding"]);
            head.extend(format!("{name}: {list}").bytes());
        }
        1 => {
            head.extend(b"X: ");
            head.extend(vec![random.one_of(b"a \t\xeb,;=\""); 1 << random.below(16)]);
        }
        2 => {
            for _ in 0..random.below(5) {
                let word = &words.dictionary[random.below(words.dictionary.len())];
                head.extend(word);
            }
        }
        3 => {
            let bytes = Vec::from_iter((0..random.below(20)).map(|_| random.below(256) as u8));
            head.extend(b"X: ");
            head.extend(bytes);
        }
        _ => head.extend(random.one_of(&FIELDS)),
    }
    end_line(head, random);
}

fn end_line(head: &mut Vec<u8>, random: &mut Random) {
    match random.below(40) {
        0 => head.push(b'\n'),
        1 => head.push(b'\r'),
        2 => head.extend(b"\r\r\n"),
        _ => head.extend(b"\r\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_heads() {
        let words = Words::read().unwrap();
        let heads = |seed| {
            let cases = cases(Kind::Echo, &words, seed, 50);
            Vec::from_iter(cases.into_iter().map(|case| case.bytes))
        };
        assert_eq!(heads(7), heads(7));
        assert_ne!(heads(7), heads(8));
    }

    #[test]
    fn a_word_of_a_dictionary_is_read() {
        assert_eq!(word(r#""a\x0d\x0a\"""#), Some(b"a\r\n\"".to_vec()));
        assert_eq!(word("# a comment"), None);
    }

    #[test]
    fn a_list_that_kills_a_sort_is_among_the_known() {
        let has_it = |case: &Case| {
            let text = String::from_utf8_lossy(&case.bytes).into_owned();
            text.contains("TE: x;q=2,x;q=nan") && text.matches("q=").count() == 21
        };
        assert!(known(Kind::Hello).iter().any(has_it));
    }
}
