//! The opening handshake, without a socket.

use client::opening::MAX_INTERIM;
use client::{Opened, Opening, OpeningError};
use handshake::client::ClientHandshake;
use handshake::head::Limits;
use handshake::key::Key;
use support::frame::{TEXT, unmasked};
use support::sign::{missing, under, yours};
use support::wire::hex;
use support::{check, cut};

/// The status line of the answer that opens a WebSocket.
const SWITCHING: &str = "101 Switching Protocols";

/// An opening handshake with the key of the RFC's example, which offers a subprotocol.
fn opening() -> Opening {
    let handshake = ClientHandshake {
        host: "example.org".to_string(),
        resource: "/socket".to_string(),
        origin: None,
        key: Key::parse("dGhlIHNhbXBsZSBub25jZQ==").expect("the RFC's key is valid"),
        subprotocols: vec!["chat".to_string()],
        extensions: Vec::new(),
    };
    Opening::new(handshake, Limits::default())
}

/// An answer with this status and all the fields that a right 101 has, and these.
fn answer(status: &str, more: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n{more}\r\n"
    )
    .into_bytes()
}

/// An answer with this status and these fields.
fn other(status: &str, fields: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\n{fields}\r\n").into_bytes()
}

/// What comes of these pieces. What comes after the verdict is for the WebSocket.
fn verdict(pieces: &[&[u8]]) -> String {
    let mut opening = opening();
    let mut pieces = pieces.iter();
    while let Some(piece) = pieces.next() {
        match opening.receive(piece) {
            Ok(None) => {}
            Ok(Some(opened)) => return shown(opened, &pieces.as_slice().concat()),
            Err(error) => return error.to_string(),
        }
    }
    "not yet".to_string()
}

fn shown(opened: Opened, later: &[u8]) -> String {
    let subprotocol = opened.agreement.subprotocol;
    let subprotocol = subprotocol.unwrap_or_else(|| "none".to_string());
    match [opened.early, later.to_vec()].concat() {
        bytes if bytes.is_empty() => format!("opened, subprotocol: {subprotocol}"),
        bytes => format!("opened, subprotocol: {subprotocol}, then: {}", hex(&bytes)),
    }
}

/// The verdict on an answer in one piece, in two, cut anywhere, and in pieces of a byte.
fn row(title: &str, answer: &[Vec<u8>]) -> String {
    let answer = answer.concat();
    let whole = verdict(&[&answer]);
    let mut row = format!("{title}\n  {whole}\n");
    let cuts = cut::every_cut(&answer).map(|pieces| verdict(&pieces));
    let (right, wrong): (Vec<_>, Vec<_>) = cuts.partition(|cut| *cut == whole);
    row += &match wrong.first() {
        None => "  cut in two anywhere: the same\n".to_string(),
        Some(first) => format!(
            "  cut in two: the same for {} of {} cuts, and for the next one: {first}\n",
            right.len(),
            right.len() + wrong.len()
        ),
    };
    let bytes: Vec<&[u8]> = answer.chunks(1).collect();
    row += &match verdict(&bytes) {
        same if same == whole => "  in bytes: the same\n".to_string(),
        different => format!("  in bytes: {different}\n"),
    };
    row
}

#[test]
fn an_answer_may_come_in_pieces() {
    check! {
        rfc: "RFC 6455 §4.1",
        rule: "The answer is whole when its empty line has come. The bytes after it are the first frames.",
        signs: [
            under("with a frame after it", missing(["then: 81 02 48 69"])).and(missing(["then: 81 02 48 69"])).says(
                "The bytes after the head are lost. They came in the same read, and no other read brings them again: \
                 they are in `rest`.",
            ),
            yours(["the head ends too early"]).says(
                "What one read brings is taken for the whole answer. `push` says whether the head is whole.",
            ),
            under("a right answer", yours(["  not yet"])).says("Nothing is ever the answer."),
        ],
        shows: || [
            row("a right answer", &[answer(SWITCHING, "")]),
            row("with a subprotocol", &[answer(SWITCHING, "Sec-WebSocket-Protocol: chat\r\n")]),
            row("with a frame after it", &[answer(SWITCHING, ""), unmasked(TEXT, b"Hi")]),
            row("not whole", &[answer(SWITCHING, "")[..60].to_vec()]),
        ].join("\n"),
    }
}

#[test]
fn interim_answers_are_not_the_answer() {
    check! {
        rfc: "RFC 9110 §15.2",
        rule: "A 1xx that isn't 101 is interim, whatever its fields are: the real answer comes after it.",
        signs: [
            under("102 with all the fields of a right answer", yours(["opened"])).says(
                "Any 1xx is taken for the 101. After 102, the server still speaks HTTP: its next bytes are no frames.",
            ),
            yours(["the status is 403"]).says(
                "A refusal keeps the rules of HTTP: it is `Refused`, not `Broken`.",
            ),
            yours(["refuses with 100"]).says(
                "An interim answer is taken for a refusal. It only says that the real one is on its way.",
            ),
            missing(["opened"]).and(yours(["refuses with 103"])).says(
                "Only 100 is taken for interim. 102 and 103 are, too, and any 1xx that is still to be invented.",
            ),
            under("100, then 101", yours(["interim answers (1xx) came"])).says(
                "An interim answer is looked at again and again: it has to leave the buffer before the next one comes.",
            ),
            under("100, then 101", yours(["  not yet"])).says(
                "One answer is taken from each read. Two may come in one: look again until `push` says that no head is \
                 whole. The bytes after an interim answer belong to the next.",
            ),
        ],
        shows: || {
            let interim = |status| other(status, "");
            let right = answer(SWITCHING, "");
            [
                row("100, then 101", &[interim("100 Continue"), right.clone()]),
                row("103, then 101", &[other("103 Early Hints", "Link: </a.css>\r\n"), right.clone()]),
                row("100, 102, 103, 101 and a frame", &[
                    interim("100 Continue"), interim("102 Processing"), interim("103 Early Hints"),
                    right.clone(), unmasked(TEXT, b"Hi"),
                ]),
                row("100, then 403", &[interim("100 Continue"), other("403 Forbidden", "")]),
                row("102 with all the fields of a right answer", &[answer("102 Processing", "")]),
                row("103 with them, then 101", &[answer("103 Early Hints", ""), right]),
            ].join("\n")
        },
    }
}

#[test]
fn a_refusal_says_why() {
    check! {
        rfc: "RFC 6455 §4.1",
        rule: "Any final status but 101 is a refusal. It is told, with the URL of a redirect, which isn't followed.",
        signs: [
            yours(["breaks a rule: the status is"]).says(
                "A refusal keeps the rules of HTTP: it is `Refused`, not `Broken`.",
            ),
            missing(["points to"]).says(
                "`Location` isn't told. It is what a person needs to know after asking the wrong URL.",
            ),
            yours(["opened"]).says(
                "An answer is taken that isn't checked. `ClientHandshake::check`, of your step 04, looks at the status \
                 and at every field.",
            ),
            missing(["breaks a rule: Sec-WebSocket-Accept"]).says(
                "Every failure is taken for a refusal. An answer of 101 with a wrong accept key is a broken one.",
            ),
        ],
        shows: || {
            let row = |title: &str, answer: Vec<u8>| format!("{title}\n  {}\n", verdict(&[&answer]));
            let to = "Location: wss://example.org/new\r\n";
            [
                row("403", other("403 Forbidden", "")),
                row("401", other("401 Unauthorized", "WWW-Authenticate: Basic\r\n")),
                row("503", other("503 Service Unavailable", "Retry-After: 120\r\n")),
                row("200 with a page", other("200 OK", "Content-Length: 4\r\n")),
                row("302 with Location", other("302 Found", to)),
                row("308 with Location", other("308 Permanent Redirect", to)),
                row("302 with two Locations", other("302 Found", &to.repeat(2))),
                row("200 with all the fields of a right answer", answer("200 OK", "")),
                row("101 with a wrong accept key", other(
                    SWITCHING,
                    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n",
                )),
            ].join("\n")
        },
    }
}

#[test]
fn a_broken_answer_names_its_rule() {
    check! {
        rfc: "RFC 6455 §4.1",
        rule: "An answer that breaks a rule fails the connection, and the rule is named.",
        signs: [
            yours(["opened"]).says("A broken answer is taken. Your step 04 checks it: `ClientHandshake::check`."),
        ],
        shows: || {
            let row = |title: &str, answer: &[u8]| format!("{title}\n  {}\n", verdict(&[answer]));
            let without = |line: &str| {
                let right = String::from_utf8(answer(SWITCHING, "")).expect("it is text");
                right.replace(line, "").into_bytes()
            };
            let http_1_0 = String::from_utf8(answer(SWITCHING, "")).expect("it is text");
            [
                row("without Upgrade", &without("Upgrade: websocket\r\n")),
                row("without Connection", &without("Connection: Upgrade\r\n")),
                row("a subprotocol that wasn't offered", &answer(SWITCHING, "Sec-WebSocket-Protocol: soap\r\n")),
                row("an extension", &answer(SWITCHING, "Sec-WebSocket-Extensions: permessage-deflate\r\n")),
                row("HTTP/1.0", http_1_0.replace("HTTP/1.1", "HTTP/1.0").as_bytes()),
                row("a bare LF", b"HTTP/1.1 101 Switching Protocols\n\n"),
                row("no HTTP", b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
            ].join("\n")
        },
    }
}

#[test]
fn answers_have_limits() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "A head that is too long is refused before it ends, and so are interim answers without end.",
        signs: [
            yours(["1000 interim answers: not refused"]).says(
                "Interim answers are never counted. A server could keep its client waiting with them forever.",
            ),
            yours(["KiB of a field: not refused"]).says(
                "The head is never too long. `HeadBuffer` refuses it early, if every piece goes through `push`.",
            ),
        ],
        shows: limits_of_an_answer,
    }
}

fn limits_of_an_answer() -> String {
    let mut endless = opening();
    let status_line = other(SWITCHING, "").len() - 2;
    let begin = other(SWITCHING, "")[..status_line].to_vec();
    let pieces = [begin, b"a: ".to_vec()].into_iter();
    let mut pieces = pieces.chain((0..64).map(|_| vec![b'a'; 1024]));
    let refused = pieces.position(|piece| endless.receive(&piece).is_err());
    let field = match refused {
        Some(index) => format!("{} KiB of a field: refused", index - 1),
        None => "64 KiB of a field: not refused".to_string(),
    };
    let mut patient = opening();
    let mut answers = (0..1000).map(|_| other("102 Processing", ""));
    let refused = answers.find_map(|answer| patient.receive(&answer).err());
    let interim = match refused {
        Some(OpeningError::Interim) => {
            format!("more than {MAX_INTERIM} interim answers: refused")
        }
        Some(error) => format!("interim answers: {error}"),
        None => "1000 interim answers: not refused".to_string(),
    };
    let most = [
        other("102 Processing", "").repeat(MAX_INTERIM),
        answer(SWITCHING, ""),
    ];
    let most = verdict(&[&most.concat()]);
    format!("{field}\n{interim}\n{MAX_INTERIM} of them, then 101: {most}\n")
}
