//! Step 04, `handshake`: what opens a WebSocket, and what must not.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use handshake::client::{ClientHandshake, Failure};
use handshake::extensions;
use handshake::fields::Fields;
use handshake::head::{HeadBuffer, HeadError, Limits, RequestHead, ResponseHead};
use handshake::key::Key;
use handshake::opening::{self, OpeningHandshake};
use handshake::origin::Origin;
use handshake::policy::{Origins, Policy};
use handshake::refusal::Refusal;
use handshake::slides::{self, Rule};
use handshake::{response, server};
use hello::server::Server;
use support::cut;
use support::http::{Client, exchange};
use support::machine::stretched;
use support::sign::{missing, never_finished, panics, swapped, too_little, too_much, under, yours};
use support::wire::{Transcript, show, without_date};
use support::{check, program};

/// What Chromium 156 sent, to the byte.
const CHROMIUM: &[u8] = include_bytes!("handshakes/chromium-156.txt");
/// The key of the RFC's example (RFC 6455 §1.3).
const RFC_KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// A handshake that keeps every rule.
const FIELDS: [(&str, &str); 5] = [
    ("Host", "127.0.0.1:9004"),
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Key", RFC_KEY),
    ("Sec-WebSocket-Version", "13"),
];

/// A request that keeps every rule, except that the fields with this name have these values.
fn request_with(name: &str, values: &[&str]) -> Vec<u8> {
    let others = FIELDS.into_iter().filter(|(field, _)| *field != name);
    let these = values.iter().map(|value| (name, *value));
    request("GET /socket HTTP/1.1", others.chain(these))
}

fn request<'a>(first_line: &str, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let fields = fields.into_iter();
    let lines: String = fields
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    format!("{first_line}\r\n{lines}\r\n").into_bytes()
}

fn buffer_of(pieces: &[&[u8]], limits: Limits) -> Result<HeadBuffer, HeadError> {
    let mut buffer = HeadBuffer::new(limits);
    for piece in pieces {
        buffer.push(piece)?;
    }
    Ok(buffer)
}

fn request_head(bytes: &[u8]) -> Result<RequestHead, HeadError> {
    RequestHead::parse(&buffer_of(&[bytes], Limits::default())?)
}

/// A head that is right, so that the check can go on.
fn parsed(bytes: &[u8]) -> RequestHead {
    request_head(bytes).unwrap_or_else(|error| panic!("the check's own head: {error:?}"))
}

fn response_head(text: &str) -> Result<ResponseHead, HeadError> {
    ResponseHead::parse(&buffer_of(&[text.as_bytes()], Limits::default())?)
}

/// The verdict of a server with this policy on these bytes.
fn opening_of(bytes: &[u8], policy: &Policy) -> Result<OpeningHandshake, Refusal> {
    OpeningHandshake::read(&request_head(bytes)?, policy)
}

/// The status that a rule leads to: 101 if it is kept. If it is broken, also the rule's name.
fn verdict<T>(result: Result<T, Refusal>) -> String {
    match result {
        Ok(_) => "101".to_string(),
        Err(refusal) => {
            let text = format!("{refusal:?}");
            let rule = text.split('(').next().unwrap_or_default();
            format!("{} {rule}", refusal.status().0)
        }
    }
}

/// Each row: the verdict of one rule, and the values of its field.
fn rows<T>(
    name: &str,
    rows: &[&[&str]],
    rule: impl Fn(&RequestHead) -> Result<T, Refusal>,
) -> String {
    let mut table = format!("{name}\n\n");
    for values in rows {
        let head = parsed(&request_with(name, values));
        let values: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
        let shown = if values.is_empty() {
            "(none)".to_string()
        } else {
            values.join(" and ")
        };
        table += &format!("{:<18} {shown}\n", verdict(rule(&head)));
    }
    table
}

/// Each row: values, and the sentence with which they are refused.
fn sentences<T>(
    name: &str,
    rows: &[&[&str]],
    rule: impl Fn(&RequestHead) -> Result<T, Refusal>,
) -> String {
    let said = rows.iter().map(|values| {
        let said = match rule(&parsed(&request_with(name, values))) {
            Ok(_) => "no refusal".to_string(),
            Err(refusal) => refusal.sentence(),
        };
        format!("{values:?}\n  → {said}\n")
    });
    said.collect()
}

fn fields_of(fields: &[(&str, &str)]) -> Fields {
    let mut all = Fields::default();
    for (name, value) in fields {
        all.add(name, value);
    }
    all
}

// The slides.

#[test]
fn slides_and_your_verdicts() {
    check! {
        rfc: "RFC 6455 §4.2.1",
        rule: "Your verdicts name every rule that a handshake breaks.",
        signs: [
            yours(["LECTURE", "Upgrade"]).or(yours(["OLD_SLIDES", "Upgrade"])).says(
                "`Upgrade: WebSocket` is right: `websocket` is compared ignoring case.",
            ),
            yours(["LECTURE", "Status"]).says(
                "LECTURE's status is 101, and that is right. The reason phrase after it may say anything.",
            ),
            yours(["TUTORIAL"]).but_not(yours(["TUTORIAL", "Target"])).says(
                "TUTORIAL's target is a `ws` URL. A page writes that; a browser sends only the path.",
            ),
            yours(["OLD_SLIDES"]).but_not(yours(["OLD_SLIDES", "Key]"])).says(
                "OLD_SLIDES has no `Sec-WebSocket-Key`: `Sec-WebSocket-Key1` and `-Key2` are different names.",
            ),
            yours(["OLD_SLIDES", "Origin"]).says(
                "OLD_SLIDES comes from a page of the host that it asks, so its `Origin` is welcome.",
            ),
            yours(["BLOG_POST"]).but_not(yours(["BLOG_POST", "Key"])).says(
                "BLOG_POST's key is too short. 16 bytes in base64 have 24 characters and end with `==`.",
            ),
            yours(["BLOG_POST"]).but_not(yours(["BLOG_POST", "Connection"])).says(
                "BLOG_POST has no `Connection` field.",
            ),
            yours(["LECTURE"]).but_not(yours(["LECTURE", "Accept"])).says(
                "LECTURE has no `Sec-WebSocket-Accept`.",
            ),
        ],
        shows: || slide_table(slides::verdicts()),
    }
}

fn slide_table(verdicts: [Vec<Rule>; 4]) -> String {
    let names = ["TUTORIAL", "OLD_SLIDES", "BLOG_POST", "LECTURE"];
    let mut table = String::new();
    for (name, mut rules) in names.into_iter().zip(verdicts) {
        rules.sort();
        rules.dedup();
        table += &format!("{name:<11} {rules:?}\n");
    }
    table
}

// The 101.

#[test]
fn a_head_ends_with_an_empty_line() {
    check! {
        rfc: "RFC 9112 §2.1",
        rule: "Each line ends with CR LF, and an empty line ends the head.",
        signs: [
            yours(["0d 0c"]).says(
                "A line ends with `\\r\\f`: that `f` is a form feed (0c). A line feed (0a) is `\\n`.",
            ),
            yours(["200 OK␊"]).says("The lines end with LF alone. In HTTP, a line ends with CR LF, `\\r\\n`."),
            missing(["200 OK␍␊"]).but_not(yours(["200 OK"])).says("The first line is missing."),
            too_little().says(
                "The empty line at the end is missing. Without it, the other side waits for more fields, forever.",
            ),
            too_much().says("There are too many line ends. Each line has one, and the head has one more at its end."),
            yours(["Content-Length:0"]).says("The space after the colon is missing."),
        ],
        shows: two_heads,
    }
}

fn two_heads() -> String {
    let fields = [("Content-Length", "0"), ("Date", "now")];
    let with_fields = response::head("HTTP/1.1 200 OK", &fields);
    let without = response::head("HTTP/1.1 404 Not Found", &[]);
    format!("{}\n{}", show(&with_fields), show(&without))
}

#[test]
fn the_101_to_the_byte() {
    check! {
        rfc: "RFC 6455 §4.2.2",
        rule: "The 101 has Upgrade, Connection and Sec-WebSocket-Accept, in this order, and the \
               subprotocol only if one was chosen.",
        signs: [
            yours(["Sec-WebSocket-Key"]).says(
                "The accept key goes out as `Sec-WebSocket-Key`. That is the client's field; the answer's is \
                 `Sec-WebSocket-Accept`.",
            ),
            yours(["Sec-WebSocket-Protocol: ␍␊"]).or(yours(["Sec-WebSocket-Protocol: None"])).says(
                "The subprotocol's field was sent empty. If no subprotocol was chosen, leave the field out.",
            ),
            too_little().and(missing(["Sec-WebSocket-Protocol"])).says(
                "The chosen subprotocol isn't named.",
            ),
            swapped().says(
                "The fields are right, but in a different order. A client wouldn't mind, but this check \
                 compares bytes.",
            ),
            yours(["Connection: upgrade"]).or(yours(["Upgrade: WebSocket"])).says(
                "Only the capitals differ. A client wouldn't mind, but this check compares bytes.",
            ),
        ],
        shows: || [None, Some("chat.v2")].map(response_with).join("\n"),
    }
}

fn response_with(subprotocol: Option<&str>) -> String {
    let opening = OpeningHandshake {
        resource: "/socket".to_string(),
        host: "127.0.0.1:9004".to_string(),
        origin: None,
        key: Key::new(*b"the sample nonce"),
        subprotocol: subprotocol.map(str::to_string),
        extensions: Vec::new(),
        chosen_extensions: None,
    };
    show(&opening.response())
}

// Lists.

#[test]
fn tokens_in_lists_ignore_case() {
    check! {
        rfc: "RFC 9110 §5.6.1",
        rule: "Commas separate the elements of a list, and several fields may make up one list. Tokens match \
               ignoring case, and as a whole.",
        signs: [
            yours(["[\"keep-alive, Upgrade\"]"]).says(
                "`elements` doesn't split a value at its commas.",
            ),
            yours(["[\"Upgrade,keep-alive\"]"]).says(
                "The value was split at a comma and a space. A comma is enough; the white space around it is \
                 optional.",
            ),
            yours(["\" Upgrade\""]).or(yours(["\\t"])).says(
                "White space around an element was left on it. It may be spaces or tabs.",
            ),
            yours(["\"\""]).says("Empty elements were kept. If nothing is between two commas, there is no element."),
            under("do not upgrade", yours(["→ no, []"])).says(
                "Elements that aren't tokens were left out, as if they were empty. `do not upgrade` is an element, \
                 too, though not the one that is looked for.",
            ),
            under("\\u{3000}", yours(["→ yes, [\"keep-alive\", \"upgrade\"]"])).says(
                "`trim` removes every kind of white space that Unicode has. In HTTP, only spaces and tabs \
                 are white space.",
            ),
            yours(["→ no, [\"keep-alive\"]"]).or(yours(["→ yes, [\"Upgrade\"]"])).or(
                under("Connection: \"Upgrade\"", yours(["no, [\"keep-alive\", \"Upgrade\"]"]))
                    .but_not(under("\"keep-alive, Upgrade\"", yours(["no"]))),
            ).says(
                "Only one field of that name was looked at. The list is spread over all of them.",
            ),
            under("not-upgrade", yours(["yes"])).says(
                "The value was searched for the token's text. `not-upgrade` contains that, but is a different token.",
            ),
            under("connection: \"UPGRADE\"", yours(["yes for \"upgrade\""])).says(
                "The element was changed to lowercase, and the token that is looked for was not.",
            ),
            yours(["[\"do\", "]).says("The list was split at spaces, too. Only commas separate its elements."),
            under("connection: \"UPGRADE\"", yours(["→ no, "])).but_not(
                under("Connection: \"upgrade\"", yours(["no"])),
            ).says(
                "The token that is looked for was changed to lowercase, and the elements were not.",
            ),
            under("connection: \"UPGRADE\"", yours(["no for \"upgrade\""])).or(yours(["→ no, [\"Upgrade\"]"])).says(
                "The comparison was case-sensitive. `Upgrade`, `upgrade` and `UPGRADE` are one token.",
            ),
            under("\"keep-alive, Upgrade\"", yours(["no, [\"keep-alive\", \"Upgrade\"]"])).says(
                "The token was compared with the value as a whole. `keep-alive, Upgrade`, which Firefox sends, \
                 lists it as one of two elements.",
            ),
        ],
        shows: || LISTS.map(list_row).concat(),
    }
}

const LISTS: [&[(&str, &str)]; 14] = [
    &[],
    &[("Connection", "Upgrade")],
    &[("Connection", "upgrade")],
    &[("connection", "UPGRADE")],
    &[("Connection", "keep-alive, Upgrade")],
    &[("Connection", "Upgrade,keep-alive")],
    &[("Connection", "keep-alive \t,\t  upgrade \t")],
    &[("Connection", "keep-alive"), ("Connection", "Upgrade")],
    &[("Connection", ", ,upgrade,")],
    &[("Connection", "keep-alive")],
    &[("Connection", "not-upgrade, upgrade-not")],
    &[("Connection", "do not upgrade")],
    &[("Proxy-Connection", "Upgrade"), ("Connection", "")],
    // The ideographic space: white space to Unicode, but not to HTTP.
    &[("Connection", "keep-alive, upgrade\u{3000}")],
];

fn list_row(fields: &[(&str, &str)]) -> String {
    let lines = fields.iter();
    let lines: String = lines
        .map(|(name, value)| format!("{name}: {value:?}\n"))
        .collect();
    let text = if fields.is_empty() {
        "(no fields)\n"
    } else {
        &lines
    };
    let fields = fields_of(fields);
    let has = |token| {
        let is_there = fields.has_token("Connection", token);
        if is_there { "yes" } else { "no" }
    };
    // The token that is looked for may be written in capitals, too.
    let (lower, upper) = (has("upgrade"), has("UPGRADE"));
    let said = if lower == upper {
        lower.to_string()
    } else {
        format!("{lower} for \"upgrade\", {upper} for \"UPGRADE\"")
    };
    format!("{text}  → {said}, {:?}\n", fields.elements("Connection"))
}

#[test]
fn upgrade_must_list_websocket() {
    check! {
        rfc: "RFC 6455 §4.2.1",
        rule: "Upgrade lists `websocket`, ignoring case. Without it the request is plain HTTP: 426.",
        signs: [],
        shows: || rows("Upgrade", &UPGRADES, opening::check_upgrade),
    }
}

const UPGRADES: [&[&str]; 11] = [
    &["websocket"],
    &["WebSocket"],
    &["WEBSOCKET"],
    &["h2c, websocket"],
    &["h2c", "websocket"],
    &[],
    &[""],
    &["h2c"],
    &["websocket13"],
    &["websocket/13"],
    &["web socket"],
];

#[test]
fn connection_must_list_upgrade() {
    check! {
        rfc: "RFC 6455 §4.2.1",
        rule: "Connection lists `upgrade`, ignoring case, among whatever else it lists.",
        signs: [],
        shows: || rows("Connection", &CONNECTIONS, opening::check_connection),
    }
}

const CONNECTIONS: [&[&str]; 6] = [
    &["Upgrade"],
    &["keep-alive, Upgrade"],
    &["keep-alive", "upgrade"],
    &[],
    &["keep-alive"],
    &["upgrades"],
];

// Version and key.

#[test]
fn the_version_is_13() {
    check! {
        rfc: "RFC 6455 §4.4",
        rule: "There is exactly one Sec-WebSocket-Version, and it is 13. Otherwise the answer is 426, which names 13.",
        signs: [
            panics("Option::unwrap").says("A version was unwrapped that isn't there. A client may leave it out."),
            yours(["101", "(none)"]).says("A missing version passed. There must be one."),
            yours(["101", "\"013\""]).or(yours(["101", "\"+13\""])).says(
                "The version was parsed as a number: 013 and +13 are numbers, too. The field must be exactly \
                 `13`.",
            ),
            yours(["101", "\"13, 8\""]).says("The field was read as a list. It has one version, and no commas."),
            yours(["101", "\"8\" and \"13\""]).says(
                "Two fields came, and it was enough that one of them is 13. There must be only one.",
            ),
            yours(["101", "\"13\" and \"13\""]).says("The first of two fields was taken. There must be only one."),
            yours(["101", "\"14\""]).says("A version higher than 13 passed. It must be 13."),
            under("[\"8\"]", yours(["none came"])).says(
                "The refusal says that no version came, though one did. `received` returns the values that came.",
            ),
            under("[\"13\", \"13\"]", yours(["none came"])).says(
                "Two versions came, and the refusal says that there was none: `only` returns `None` in both cases. \
                 `received` returns the values that came.",
            ),
        ],
        shows: version_verdicts,
    }
}

const VERSIONS: [&[&str]; 10] = [
    &["13"],
    &[],
    &["8"],
    &["0"],
    &["013"],
    &["+13"],
    &["13, 8"],
    &["8", "13"],
    &["13", "13"],
    &["14"],
];

fn version_verdicts() -> String {
    let refused: [&[&str]; 3] = [&[], &["8"], &["13", "13"]];
    let verdicts = rows("Sec-WebSocket-Version", &VERSIONS, opening::check_version);
    let sentences = sentences("Sec-WebSocket-Version", &refused, opening::check_version);
    format!("{verdicts}\n{sentences}")
}

#[test]
fn the_key_is_sixteen_bytes_given_once() {
    check! {
        rfc: "RFC 6455 §4.2.1",
        rule: "There is exactly one Sec-WebSocket-Key. Decoded from base64, it has 16 bytes.",
        signs: [
            panics("Result::unwrap").says(
                "The result of decoding was unwrapped. A client may send anything: if it isn't base64, it isn't a key.",
            ),
            yours(["101", "\"-_v7"]).and(yours(["101", "\"YSBsb25n"])).says(
                "The key's 24 characters were counted, but not decoded. They may be anything.",
            ),
            yours(["101", "\"YSBzaG9y"]).says("The key was decoded, but its bytes weren't counted. There must be 16."),
            yours(["101", "\"YSBsb25n"]).says("A key of more than 16 bytes passed."),
            yours(["101", "\"dGhlIHNhbXBsZSBub25jZQ\""]).says(
                "A key without its padding passed. `STANDARD` alone asks for the `==` at the end.",
            ),
            yours(["101", "\"-_v7"]).and(yours(["101", "ZR==\""])).says(
                "The key was judged by its look, such as 24 characters with `==` at the end, but not decoded. Text \
                 that isn't base64 may look like that, too.",
            ),
            yours(["101", "\"-_v7"]).says(
                "The key was decoded with the alphabet for URLs, which has `-` and `_`. That of a key has `+` and `/`.",
            ),
            yours(["101", "ZR==\""]).says(
                "The decoder allows any bits after the last byte. `STANDARD` requires zeros there.",
            ),
            yours(["101", "\\u{3000}"]).says(
                "The value was trimmed once more, by `trim`, which removes every kind of white space that Unicode has.",
            ),
            yours(["101", "ZQ==\" and"]).says("The first of two keys was taken. There must be only one."),
            yours(["101", "ZQ==, dGhl"]).says("The field was read as a list. It has one key, and no commas."),
            under("[\"c2hvcnQ=\"]", yours(["none came"])).says(
                "The refusal says that no key came, though one did. `received` returns the values that came.",
            ),
            under("[\"dGhl", yours(["none came"])).says(
                "Two keys came, and the refusal says that there was none: `only` returns `None` in both cases. \
                 `received` returns the values that came.",
            ),
        ],
        shows: key_verdicts,
    }
}

const KEYS: [&[&str]; 19] = [
    &[RFC_KEY],
    &["AAAAAAAAAAAAAAAAAAAAAA=="],
    &["+/v7+/v7+/v7+/v7+/v7+w=="],
    &[],
    &[""],
    &["YSBzaG9ydGVyIG5vbmNl"],
    &["YSBub25jZSB0b28gbG9uZyE="],
    &["YSBsb25nIG5vbmNlIG9mIDE4"],
    &["dGhlIHNhbXBsZSBub25jZQ"],
    &["dGhlIHNhbXBsZSBub25jZQ="],
    &["dGhlIHNhbXBsZSBub25jZR=="],
    &["AQIDBAUGBwgJCgsMDQ4PEA=="],
    &["AQIDBAUGBwgJCgsMDQ4PEC=="],
    &["-_v7-_v7-_v7-_v7-_v7-w=="],
    &["dGhlIHNhbXBs ZSBub25jZQ=="],
    &["dGhlIHNhbXBsZSBub25jZQ==\u{3000}"],
    &["the sample nonce"],
    &[RFC_KEY, RFC_KEY],
    &["dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ=="],
];

fn key_verdicts() -> String {
    let refused: [&[&str]; 3] = [&[], &["c2hvcnQ="], &[RFC_KEY, RFC_KEY]];
    let verdicts = rows("Sec-WebSocket-Key", &KEYS, opening::read_key);
    let sentences = sentences("Sec-WebSocket-Key", &refused, opening::read_key);
    format!("{verdicts}\n{sentences}")
}

// Policy.

#[test]
fn an_origin_is_a_scheme_a_host_and_a_port() {
    check! {
        rfc: "RFC 6454 §4",
        rule: "An origin is a scheme, a host and a port. The first two are kept in lowercase, and a \
               port that isn't written is the scheme's own: 80 for http, 443 for https.",
        signs: [
            under("example:8080", yours(["Some(80)"])).says(
                "The written port was lost, and the scheme's own took its place.",
            ),
            under("\"https://chat.example\"", yours(["Some(80)"])).says(
                "80 was taken for the default port of every scheme. For https it is 443.",
            ),
            under("\"http://chat.example\"", yours(["port: None"])).says(
                "A port that isn't written stays `None`. It should be the scheme's own, which `default_port` knows.",
            ),
            under("HTTP://Chat", yours(["scheme: \"http\"", "port: None"])).says(
                "The default port was looked up before the scheme was in lowercase: `default_port` knows \
                 `http`, not `HTTP`.",
            ),
            yours(["scheme: \"HTTP\""]).says("The scheme keeps its capitals. `HTTP` and `http` are one scheme."),
            yours(["host: \"CHAT.EXAMPLE\""]).says(
                "The host keeps its capitals. `CHAT.EXAMPLE` and `chat.example` are one host.",
            ),
            under("chrome-extension", yours(["✗"])).says(
                "A scheme without a port of its own was refused. Its origins have the port `None`.",
            ),
        ],
        shows: || ORIGINS.map(origin_row).concat(),
    }
}

const ORIGINS: [&str; 42] = [
    "http://chat.example",
    "http://chat.example:80",
    "https://chat.example",
    "https://chat.example:443",
    "http://chat.example:443",
    "http://chat.example:8080",
    "HTTP://Chat.Example",
    "Https://CHAT.EXAMPLE",
    "http://chat.example:",
    "http://chat.example:0080",
    "http://chat.example:65535",
    "http://chat.example:65536",
    "http://chat.example:-1",
    "http://chat.example:+80",
    "http://chat.example:http",
    "http://chat.example:80:80",
    "http://chat.example.",
    "http://my_chat~1.example",
    "http://127.0.0.1:9004",
    "http://[::1]:9004",
    "http://[FD00::A]",
    "http://[::1]9004",
    "http://[::1",
    "http://::1",
    "http://[127.0.0.1]",
    "chrome-extension://abcdefghijklmnop",
    "app+x.1://Page:1",
    "1app://page",
    "null",
    "chat.example",
    "://chat.example",
    "//chat.example",
    "http:chat.example",
    "http://",
    "http://:80",
    "http://chat.example/",
    "http://chat.example?room=1",
    "http://chat.example#top",
    "http://ada@chat.example",
    "http://chat.example http://other.example",
    "http://chat%2eexample",
    "http://ch\u{e4}t.example",
];

fn origin_row(text: &str) -> String {
    match Origin::parse(text) {
        Some(origin) => format!("{text:?}\n  → {origin:?}\n"),
        None => format!("{text:?}\n  → ✗\n"),
    }
}

#[test]
fn a_foreign_origin_is_refused() {
    check! {
        rfc: "RFC 6455 §10.2",
        rule: "A page may open a WebSocket to the host that it came from, and to hosts that list \
               its origin. Without an Origin there is no page to refuse.",
        signs: [
            panics("Option::unwrap").says(
                "An `Option` that is `None` was unwrapped: clients also send text that isn't an origin, or a host.",
            ),
            yours(["101", "\"null\""]).and(yours(["101", "\"//127.0.0.1:9004\""])).but_not(
                yours(["101", "\"http://evil.example\""]),
            ).says(
                "Text that isn't an origin passed, such as `null`. It is neither this host's origin nor a listed one.",
            ),
            yours(["101", "9004.evil.example"]).and(yours(["101", "evil.example/http"])).but_not(
                yours(["101", "\"http://evil.example\""]),
            ).says(
                "The origin was searched for the host. Anyone can register a name that contains yours, such as \
                 127.0.0.1.evil.example.",
            ),
            yours(["101", "\"http://evil.example\""]).says(
                "A page of any origin gets in: `Origin` isn't compared with the host at all.",
            ),
            yours(["101", "9004.evil.example"]).says(
                "It was enough that the origin starts with this host's. So does http://127.0.0.1:9004.evil.example.",
            ),
            yours(["101", "evil-127.0.0.1"]).says(
                "It was enough that the origin ends with the host. evil-127.0.0.1 ends like that, too.",
            ),
            yours(["101", "ftp://127.0.0.1:9004"]).says(
                "Any scheme was accepted. A page of this host comes over http or https; ftp://127.0.0.1:9004 is \
                 a different origin.",
            ),
            yours(["101", "\"127.0.0.1:9004\""]).says(
                "The text of `Origin` was compared with the text of `Host`. An origin has a scheme, too.",
            ),
            yours(["101", "9004/\""]).says(
                "The text after the port was cut off. An origin has no path, not even a `/`: `Origin::parse` \
                 refuses it.",
            ),
            yours(["403", "\"http://127.0.0.1:9004\""]).but_not(yours(["403", "\"HTTP://127.0.0.1:9004\""])).says(
                "The list took the place of this host's own pages. They are welcome in addition to the listed ones.",
            ),
            yours(["403", "\"http://127.0.0.1:9004\""]).says(
                "The pages of this very host are refused: http://127.0.0.1:9004 is the same origin.",
            ),
            yours(["403", "\"https://127.0.0.1:9004\""]).says(
                "Only `http://` was tried for this host's own pages. If a proxy speaks TLS, the server sees \
                 http, but its pages say https.",
            ),
            yours(["403", "\"HTTP://127.0.0.1:9004\""]).says(
                "The origin was compared as text, capitals and all. Compare an `Origin` with an `Origin`.",
            ),
            yours(["403", "\"https://example.com\""]).says(
                "The listed origins were left out. They are welcome in addition to the host's own.",
            ),
            yours(["403", "\"https://EXAMPLE.com\""]).says(
                "The listed origins were compared as text. Compare an `Origin` with an `Origin`.",
            ),
            yours(["403", "\"http://evil.example\""]).says("`Origins::Any` welcomes every origin; here it doesn't."),
        ],
        shows: foreign_origins,
    }
}

const HOST: &str = "127.0.0.1:9004";

const OWN_ORIGINS_ONLY: [&[&str]; 24] = [
    &["http://127.0.0.1:9004"],
    &["https://127.0.0.1:9004"],
    &["HTTP://127.0.0.1:9004"],
    &[],
    &["http://evil.example"],
    &["http://127.0.0.1"],
    &["http://127.0.0.1:90040"],
    &["http://127.0.0.1:9004.evil.example"],
    &["http://127.0.0.1:9004@evil.example"],
    &["http://evil.example/http://127.0.0.1:9004"],
    &["http://evil-127.0.0.1:9004"],
    &["http://evil.example http://127.0.0.1:9004"],
    &["http://user@127.0.0.1:9004"],
    &["http://127.0.0.1:9004/"],
    &["http://127.0.0.1:9004/page"],
    &["ftp://127.0.0.1:9004"],
    &["ws://127.0.0.1:9004"],
    &["chrome-extension://abcdefghijklmnop"],
    &["127.0.0.1:9004"],
    &["//127.0.0.1:9004"],
    &["file://"],
    &["null"],
    &[""],
    &["http://127.0.0.1:9004", "http://evil.example"],
];

const OWN_AND_LISTED_ORIGINS: [&[&str]; 13] = [
    &["https://example.com"],
    &["https://EXAMPLE.com"],
    &["https://example.com:443"],
    &["chrome-extension://abcdefghijklmnop"],
    &["http://127.0.0.1:9004"],
    &["http://example.com"],
    &["http://example.com:443"],
    &["https://www.example.com"],
    &["https://example.com:8443"],
    &["https://example.com/"],
    &["https://abcdefghijklmnop"],
    &["ftp://127.0.0.1:9004"],
    &["null"],
];

const ANY_ORIGIN: [&[&str]; 3] = [
    &["http://evil.example"],
    &["null"],
    &["http://evil.example", "http://127.0.0.1:9004"],
];

fn foreign_origins() -> String {
    let own = Origins::default();
    let listed = ["https://example.com", "chrome-extension://abcdefghijklmnop"];
    let own_and_listed = same_host_and(&listed);
    [
        origin_table("pages of this host", own, HOST, &OWN_ORIGINS_ONLY),
        origin_table(
            "pages of this host and of two listed origins",
            own_and_listed,
            HOST,
            &OWN_AND_LISTED_ORIGINS,
        ),
        origin_table("pages of any origin", Origins::Any, HOST, &ANY_ORIGIN),
    ]
    .join("\n")
}

#[test]
fn equal_origins_are_welcome_in_any_spelling() {
    check! {
        rfc: "RFC 6454 §5",
        rule: "A page has this host's origin if its scheme is http or https, and host and port are \
               those of Host. A port that isn't written is the scheme's own: 80 or 443.",
        signs: [
            panics("Option::unwrap").says(
                "An `Option` that is `None` was unwrapped: clients also send text that isn't an origin, or a host.",
            ),
            yours(["101", "\"null\""]).says(
                "`None` was compared with `None`: `null` isn't an origin, 127.0.0.1:65616 isn't a host, and two \
                 missing values aren't equal.",
            ),
            yours(["403", "\"http://127.0.0.1:80\""]).says(
                "Text was compared with text. `http://127.0.0.1` and `http://127.0.0.1:80` are the same origin: \
                 compare an `Origin` with an `Origin`.",
            ),
        ],
        shows: || SPELLINGS.map(own_origins).join("\n"),
    }
}

/// A host, and the origins of pages that ask.
const SPELLINGS: [(&str, &[&[&str]]); 6] = [
    (
        "127.0.0.1",
        &[
            &["http://127.0.0.1"],
            &["http://127.0.0.1:80"],
            &["https://127.0.0.1"],
            &["https://127.0.0.1:443"],
            &["HTTP://127.0.0.1:80"],
            &["http://127.0.0.1:"],
            &["http://127.0.0.1:0080"],
            &["http://127.0.0.1:443"],
            &["https://127.0.0.1:80"],
            &["http://127.0.0.1:8080"],
            &["http://127.0.0.1:65616"],
            &["http://127.0.0.1:+80"],
        ],
    ),
    (
        "127.0.0.1:80",
        &[
            &["http://127.0.0.1"],
            &["http://127.0.0.1:80"],
            &["https://127.0.0.1:80"],
            &["https://127.0.0.1"],
        ],
    ),
    (
        "127.0.0.1:443",
        &[
            &["https://127.0.0.1"],
            &["http://127.0.0.1:443"],
            &["http://127.0.0.1"],
        ],
    ),
    (
        "Chat.Example.com:",
        &[
            &["http://chat.example.com"],
            &["https://CHAT.example.com:443"],
            &["http://chat.example.com."],
            &["http://www.chat.example.com"],
            &["http://example.com"],
        ],
    ),
    (
        "[FD00::A]:9004",
        &[
            &["http://[fd00::a]:9004"],
            &["http://[fd00::a]"],
            &["http://fd00::a:9004"],
            &["http://[fd00::b]:9004"],
            &["http://[fd00::a]9004"],
            &["http://[fd00::a:9004"],
        ],
    ),
    // No port is that high, so no page can have come from this host.
    (
        "127.0.0.1:65616",
        &[
            &["http://127.0.0.1:65616"],
            &["http://127.0.0.1:80"],
            &["null"],
        ],
    ),
];

fn own_origins((host, origins): (&str, &[&[&str]])) -> String {
    origin_table("pages of this host", Origins::default(), host, origins)
}

fn same_host_and(listed: &[&str]) -> Origins {
    let listed = listed.iter().map(|text| Origin::parse(text));
    let listed = listed.map(|origin| origin.expect("the check's own origin"));
    Origins::SameHost {
        listed: listed.collect(),
    }
}

fn origin_table(title: &str, origins: Origins, host: &str, values: &[&[&str]]) -> String {
    let policy = Policy {
        origins,
        ..Policy::default()
    };
    let rule = |head: &RequestHead| opening::read_origin(head, host, &policy).map(drop);
    format!("{title} ({host}): {}", rows("Origin", values, rule))
}

#[test]
fn the_servers_preference_decides() {
    check! {
        rfc: "RFC 6455 §4.2.2",
        rule: "The server chooses the subprotocol that it likes best of those offered, or none.",
        signs: [
            panics("Option::unwrap").says("The two sides may have no subprotocol in common. Then there is none."),
            yours(["\"mqtt\", \"chat.v1\"] → Some(\"mqtt\")"]).says(
                "The client's first offer was taken, whether the server speaks it or not.",
            ),
            yours(["[] → Some"]).or(yours(["[\"chat.v1\"] → Some(\"chat.v2\")"])).says(
                "The server's favourite was chosen, though the client hadn't offered it. A browser then fails \
                 the connection.",
            ),
            yours(["CHAT.V2", "Some"]).says(
                "The names were compared ignoring case. The capitals of a subprotocol count.",
            ),
            yours(["[\"chat.v1\", \"chat.v2\"] → Some(\"chat.v1\")"]).says(
                "The client's order decided. The server's order counts: it likes `chat.v2` better.",
            ),
            yours(["\"mqtt\", \"chat.v1\"] → None"]).says(
                "Only one of the names was tried. If it doesn't fit, the next one may.",
            ),
        ],
        shows: chosen_subprotocols,
    }
}

fn chosen_subprotocols() -> String {
    let policy = speaking(&["chat.v2", "chat.v1"]);
    let offers: [&[&str]; 6] = [
        &["chat.v2"],
        &["chat.v1"],
        &["chat.v1", "chat.v2"],
        &["mqtt", "chat.v1"],
        &["mqtt", "CHAT.V2", "chat"],
        &[],
    ];
    let row = |offer: &[&str]| format!("{offer:?} → {:?}\n", policy.choose_subprotocol(offer));
    let table = offers.map(row).concat();
    format!("the server speaks chat.v2 and chat.v1\n\n{table}")
}

/// A server's policy, with these subprotocols.
fn speaking(subprotocols: &[&str]) -> Policy {
    Policy {
        subprotocols: subprotocols.iter().map(|name| name.to_string()).collect(),
        ..Policy::default()
    }
}

#[test]
fn offered_subprotocols_are_different_tokens() {
    check! {
        rfc: "RFC 6455 §4.1",
        rule: "Each subprotocol offered is a token, and no two are the same.",
        signs: [],
        shows: || {
            let rule = |head: &RequestHead| opening::read_subprotocols(head).map(drop);
            rows("Sec-WebSocket-Protocol", &OFFERED_SUBPROTOCOLS, rule)
        },
    }
}

const OFFERED_SUBPROTOCOLS: [&[&str]; 14] = [
    &[],
    &["chat.v2"],
    &["chat.v1, chat.v2"],
    &["chat.v1", "chat.v2"],
    &["chat, CHAT"],
    &[", chat ,"],
    &[""],
    &[","],
    &["chat, chat"],
    &["chat", "chat"],
    &["chat v2"],
    &["chat/2"],
    &["\"chat\""],
    &["chät"],
];

#[test]
fn extensions_are_parsed() {
    check! {
        rfc: "RFC 6455 §9.1",
        rule: "Extensions are tokens with parameters; a quoted value is a token once unquoted.",
        signs: [],
        shows: || EXTENSIONS.map(extension_row).concat(),
    }
}

const EXTENSIONS: [&str; 14] = [
    "permessage-deflate; client_max_window_bits",
    "permessage-deflate;server_max_window_bits=10 , x-other",
    "x-test; a=\"10\"; b ; c=\"with\\-backslash\"",
    "a, , b",
    "",
    ", permessage-deflate",
    "permessage-deflate; ",
    "permessage-deflate; =10",
    "permessage-deflate; bits=",
    "permessage-deflate client_max_window_bits",
    "x-test; a=\"one, two\"",
    "x-test; a=\"no end",
    "x-test; a=\"\"",
    "(comment)",
];

fn extension_row(value: &str) -> String {
    let Some(extensions) = extensions::parse(value) else {
        return format!("{value:?}\n  → ✗\n");
    };
    let mut row = format!("{value:?}\n  → ✓\n");
    for extension in extensions {
        row += &format!("    {} {:?}\n", extension.name, extension.parameters);
    }
    row
}

// The whole handshake.

#[test]
fn the_rules_together() {
    check! {
        rfc: "RFC 6455 §4.2.1",
        rule: "A handshake that keeps every rule is answered with 101, any other with its refusal.",
        signs: [
            yours(["101", "a Host with"]).says(
                "A `Host` with an impossible port passed. `split_port` knows what a port is.",
            ),
        ],
        shows: verdicts_on_handshakes,
    }
}

fn verdicts_on_handshakes() -> String {
    let policy = speaking(&["chat.v2"]);
    let row = |(title, bytes): (&str, Vec<u8>)| {
        let opening = opening_of(&bytes, &policy);
        let agreed = opening.as_ref().map(agreed_on).unwrap_or_default();
        format!("{:<18} {title}{agreed}\n", verdict(opening))
    };
    handshakes().into_iter().map(row).collect()
}

fn agreed_on(opening: &OpeningHandshake) -> String {
    let name = opening.subprotocol.as_ref();
    let name = name.map(|name| format!(" and {name}")).unwrap_or_default();
    format!(" → {}{name}", opening.resource)
}

fn handshakes() -> Vec<(&'static str, Vec<u8>)> {
    let line = |first_line: &str| request(first_line, FIELDS);
    vec![
        (
            "the least that a client sends",
            line("GET /socket HTTP/1.1"),
        ),
        ("Chromium 156", CHROMIUM.to_vec()),
        (
            "Firefox's Connection",
            request_with("Connection", &["keep-alive, Upgrade"]),
        ),
        (
            "Connection in two fields",
            request_with("Connection", &["keep-alive", "Upgrade"]),
        ),
        ("a query", line("GET /socket?room=1&name=a%20b HTTP/1.1")),
        (
            "an http URI",
            line("GET http://example.com/socket HTTP/1.1"),
        ),
        (
            "an http URI with no path",
            line("GET HTTP://example.com HTTP/1.1"),
        ),
        (
            "the highest port",
            request_with("Host", &["127.0.0.1:65535"]),
        ),
        (
            "an empty line first",
            [b"\r\n", &line("GET /socket HTTP/1.1")[..]].concat(),
        ),
        (
            "a subprotocol",
            request_with("Sec-WebSocket-Protocol", &["mqtt, chat.v2"]),
        ),
        (
            "a subprotocol that the server doesn't speak",
            request_with("Sec-WebSocket-Protocol", &["mqtt"]),
        ),
        (
            "the page's own origin",
            request_with("Origin", &["http://127.0.0.1:9004"]),
        ),
        ("POST", line("POST /socket HTTP/1.1")),
        ("HEAD", line("HEAD /socket HTTP/1.1")),
        ("get", line("get /socket HTTP/1.1")),
        ("HTTP/1.0", line("GET /socket HTTP/1.0")),
        ("HTTP/2.0", line("GET /socket HTTP/2.0")),
        (
            "a ws URL as the target",
            line("GET ws://127.0.0.1:9004/socket HTTP/1.1"),
        ),
        ("a fragment", line("GET /socket#top HTTP/1.1")),
        ("an asterisk", line("GET * HTTP/1.1")),
        ("no Host", request_with("Host", &[])),
        (
            "two Hosts",
            request_with("Host", &["127.0.0.1:9004", "127.0.0.1:9004"]),
        ),
        ("an empty Host", request_with("Host", &[""])),
        (
            "a Host that isn't a host",
            request_with("Host", &["127.0.0.1:9004/socket"]),
        ),
        (
            "a Host with a port above 65535",
            request_with("Host", &["127.0.0.1:65536"]),
        ),
        (
            "a Host with a port that is a word",
            request_with("Host", &["127.0.0.1:http"]),
        ),
        ("no Upgrade", request_with("Upgrade", &[])),
        ("no Connection", request_with("Connection", &[])),
        ("version 8", request_with("Sec-WebSocket-Version", &["8"])),
        ("no key", request_with("Sec-WebSocket-Key", &[])),
        (
            "two keys",
            request_with("Sec-WebSocket-Key", &[RFC_KEY, RFC_KEY]),
        ),
        (
            "a foreign origin",
            request_with("Origin", &["https://evil.example"]),
        ),
        (
            "a subprotocol twice",
            request_with("Sec-WebSocket-Protocol", &["chat.v2, chat.v2"]),
        ),
        (
            "half an extension",
            request_with("Sec-WebSocket-Extensions", &["x-test; ="]),
        ),
    ]
}

#[test]
fn a_browsers_handshake_gets_its_101() {
    check! {
        rfc: "RFC 6455 §4.2.2",
        rule: "The handshake of a real Chromium is answered with 101 and the accept key.",
        signs: [],
        shows: chromiums_handshake,
    }
}

fn chromiums_handshake() -> String {
    let opening = opening_of(CHROMIUM, &Policy::default()).expect("it keeps every rule");
    let mut transcript = Transcript::new();
    transcript.client(CHROMIUM);
    transcript.server(&opening.response());
    transcript.to_string()
}

#[test]
fn refusals_to_the_byte() {
    check! {
        rfc: "RFC 9110 §15.5",
        rule: "A refusal has a status, the fields that the status asks for, and a sentence.",
        signs: [],
        shows: || refusals().map(|refusal| show(&refusal.response())).join("\n"),
    }
}

fn refusals() -> [Refusal; 16] {
    let values = |values: &[&str]| values.iter().map(|value| value.to_string()).collect();
    let long = "x".repeat(100);
    [
        Refusal::Head(HeadError::TooLong(16_384)),
        Refusal::Head(HeadError::TooManyFields(100)),
        Refusal::Head(HeadError::BareLineFeed),
        Refusal::Head(HeadError::NotHttp("invalid token".to_string())),
        Refusal::Head(HeadError::HttpVersion("HTTP/2.0".to_string())),
        Refusal::Method("POST".to_string()),
        Refusal::HttpVersion(parsed(slides::BLOG_POST.as_bytes()).version),
        Refusal::Target("ws://chat.example.com/".to_string()),
        Refusal::Host(values(&[])),
        Refusal::Upgrade(values(&["h2c"])),
        Refusal::Connection(values(&["keep-alive"])),
        Refusal::Version(values(&["8", "7"])),
        Refusal::Key(values(&[&long])),
        Refusal::Origin(values(&["null"])),
        Refusal::Subprotocols(values(&["chat, chat"])),
        Refusal::Extensions(values(&["\"\u{1b}"])),
    ]
}

// Heads in pieces, and heads without an end.

#[test]
fn a_head_may_be_cut_anywhere() {
    check! {
        rfc: "RFC 9112 §2.2",
        rule: "A head may arrive in any pieces, and the bytes after it belong to the WebSocket.",
        signs: [
            yours(["101, then []"]).says("The bytes after the head were dropped. They are the first of the WebSocket."),
            panics("out of range").or(yours(["NotHttp"])).says(
                "One read was taken for the whole head. The rest of it comes with the next reads.",
            ),
        ],
        shows: cut_everywhere,
    }
}

fn cut_everywhere() -> String {
    let bytes = [CHROMIUM, b"\x81\x80mask"].concat();
    let mut ways: Vec<Vec<&[u8]>> = cut::every_cut(&bytes).collect();
    ways.push(bytes.chunks(1).collect());
    let mut readings: Vec<String> = ways.iter().map(|pieces| reading_of(pieces)).collect();
    readings.dedup();
    format!(
        "{} bytes, cut in {} ways:\n{}",
        bytes.len(),
        ways.len(),
        readings.join("\n")
    )
}

fn reading_of(pieces: &[&[u8]]) -> String {
    let buffer = match buffer_of(pieces, Limits::default()) {
        Ok(buffer) => buffer,
        Err(error) => return format!("{error:?}"),
    };
    let opening = RequestHead::parse(&buffer)
        .map_err(Refusal::from)
        .and_then(|head| OpeningHandshake::read(&head, &Policy::default()));
    let length = buffer.head().len();
    format!(
        "a head of {length} bytes: {}, then {:x?}",
        verdict(opening),
        buffer.rest()
    )
}

#[test]
fn bytes_that_are_not_a_head_are_refused() {
    check! {
        rfc: "RFC 9112 §2.2",
        rule: "Bytes that aren't HTTP/1 are refused as soon as that is known.",
        signs: [],
        shows: || NOT_HEADS.map(refused_head).concat(),
    }
}

const NOT_HEADS: [&[u8]; 10] = [
    b"GET / HTTP/1.1\nHost: x\n\n",
    b"GET / HTTP/1.1\r\nHost: x\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
    b"GET /\r\n\r\n",
    b"GET / HTTP/3.0\r\n\r\n",
    b"GET / HTTQ/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: \x00\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
];

fn refused_head(bytes: &[u8]) -> String {
    let error = request_head(bytes).expect_err("it isn't a head");
    let status = Refusal::from(error.clone()).status().0;
    format!("{}\n  → {status} {error:?}\n", bytes.escape_ascii())
}

#[test]
fn a_head_without_an_end_is_refused_early() {
    check! {
        rfc: "RFC 6585 §5",
        rule: "A head beyond the limit is refused when the limit is reached, not at its end.",
        signs: [
            yours(["TooLong(16384) after 2097"]).says(
                "The length was checked only once the head was complete. Until then, the head fills the memory.",
            ),
        ],
        shows: long_heads,
    }
}

fn long_heads() -> String {
    let limit = Limits::default().bytes;
    let cookie = request_with("Cookie", &["x".repeat(20 * 1024 * 1024).as_str()]);
    let fields = [b"GET / HTTP/1.1\r\n".to_vec(), b"a: b\r\n".repeat(2_000)].concat();
    let at_the_limit = padded(limit);
    let beyond = padded(limit + 1);
    let heads = [
        ("20 MiB of Cookie, in pieces of 4096 bytes", &cookie, 4096),
        ("20 MiB of Cookie, in pieces of 1 byte", &cookie, 1),
        ("2000 fields, in pieces of 1 byte", &fields, 1),
        ("a head of 16384 bytes", &at_the_limit, 4096),
        ("a head of 16385 bytes", &beyond, 4096),
        ("a head of 16385 bytes, in one piece", &beyond, beyond.len()),
    ];
    heads
        .map(|(title, bytes, size)| refusal_row(title, bytes, size))
        .concat()
}

/// A handshake of exactly this many bytes.
fn padded(length: usize) -> Vec<u8> {
    let least = request_with("Cookie", &[""]).len();
    request_with("Cookie", &["x".repeat(length - least).as_str()])
}

fn refusal_row(title: &str, bytes: &[u8], size: usize) -> String {
    let mut buffer = HeadBuffer::new(Limits::default());
    let mut taken = 0;
    for piece in bytes.chunks(size) {
        taken += piece.len();
        match buffer.push(piece) {
            Ok(false) => {}
            Ok(true) => return format!("{title}\n  → complete after {taken} bytes\n"),
            Err(error) => {
                let status = Refusal::from(error.clone()).status().0;
                return format!("{title}\n  → {status} {error:?} after {taken} bytes\n");
            }
        }
    }
    format!("{title}\n  → all {taken} bytes were taken\n")
}

#[test]
fn a_long_head_takes_linear_time() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "Each byte of a head is looked at once, however many reads it takes.",
        signs: [
            never_finished().says(
                "Each read searches all earlier bytes again. In pieces of one byte, a head of 256 KiB is then \
                 searched a quarter of a million times.",
            ),
        ],
        shows: a_head_byte_by_byte,
    }
}

fn a_head_byte_by_byte() -> String {
    let length = 256 * 1024;
    let bytes = padded(length);
    let limits = Limits {
        bytes: length,
        fields: 100,
    };
    let pieces: Vec<&[u8]> = bytes.chunks(1).collect();
    let buffer = buffer_of(&pieces, limits).expect("it is within the limits");
    let head = RequestHead::parse(&buffer).expect("it is a head");
    let cookie = head.fields.only("Cookie").unwrap_or_default().len();
    format!(
        "{} pieces: a head with a Cookie of {cookie} bytes",
        pieces.len()
    )
}

// The client.

fn client(subprotocols: &[&str], extensions: &[&str]) -> ClientHandshake {
    let owned = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
    ClientHandshake {
        host: "127.0.0.1:9004".to_string(),
        resource: "/socket".to_string(),
        origin: None,
        key: Key::new(*b"the sample nonce"),
        subprotocols: owned(subprotocols),
        extensions: owned(extensions),
    }
}

#[test]
fn our_client_offers_different_tokens() {
    check! {
        rfc: "RFC 6455 §4.1",
        rule: "Each subprotocol that our client offers is a token, and no two are the same.",
        signs: [],
        shows: || CLIENT_OFFERS.map(request_row).concat(),
    }
}

const CLIENT_OFFERS: [&[&str]; 7] = [
    &[],
    &["chat.v2"],
    &["chat", "CHAT"],
    &["chat", "chat"],
    &["chat", ""],
    &["chat v2"],
    &["chat,chat.v2"],
];

fn request_row(offer: &[&str]) -> String {
    match client(offer, &[]).request() {
        Ok(request) => {
            let request = String::from_utf8_lossy(&request).into_owned();
            let line = request.lines().find(|line| line.contains("Protocol"));
            format!("{offer:?}\n  → {}\n", line.unwrap_or("(no field)"))
        }
        Err(refusal) => format!("{offer:?}\n  → {refusal:?}\n"),
    }
}

const SWITCH: &str = "HTTP/1.1 101 Switching Protocols";
const UPGRADE: &str = "Upgrade: websocket";
const CONNECTION: &str = "Connection: Upgrade";
/// The accept key for our client's key.
const ACCEPT: &str = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// An answer with these lines. Empty ones are left out.
fn answer(lines: &[&str]) -> String {
    let lines = lines.iter().filter(|line| !line.is_empty());
    let text: String = lines.map(|line| format!("{line}\r\n")).collect();
    format!("{text}\r\n")
}

/// The verdict of our client on this answer.
fn answer_row(client: &ClientHandshake, title: &str, answer: &str) -> String {
    let head = response_head(answer).map_err(Failure::from);
    let said = head.and_then(|head| client.check(&head));
    format!("{title}\n  → {said:?}\n")
}

#[test]
fn a_client_checks_the_switch() {
    check! {
        rfc: "RFC 6455 §4.1",
        rule: "A client goes on only with 101, Upgrade, Connection and the right accept key.",
        signs: [
            panics("Option::unwrap").says("A field was unwrapped that isn't there. An answer may lack any of them."),
            under("HTTP/1.1 200 OK", yours(["Ok("])).says("The status wasn't checked. Only 101 switches protocols."),
            under("HTTP/1.1 100 Continue", yours(["Ok("])).says(
                "Every status from 100 to 199 was taken for the switch. Only 101 is.",
            ),
            under("right", yours(["Status(101)"])).says(
                "101 was refused. It is the one status that switches protocols.",
            ),
            under("the accept key of another key", yours(["Ok("])).says(
                "The accept key wasn't compared with the one for the client's own key. It alone proves that the \
                 server speaks WebSocket, and that this answer isn't an old one from a cache.",
            ),
            under("the key itself", yours(["Ok("])).says(
                "The accept key was compared with the key that was sent. `Key::accept` makes the accept key.",
            ),
            under("no Sec-WebSocket-Accept", yours(["Ok("])).says("An answer without an accept key passed."),
            under("in capitals", yours(["Ok("])).says(
                "The accept key was compared ignoring case. It is base64, not a token: its capitals count.",
            ),
            under("twice", yours(["Ok("])).says("The first of two accept keys was taken. There must be only one."),
            under("Upgrade: websocket, h2c", yours(["Ok("])).but_not(under("no Upgrade", yours(["Ok("]))).says(
                "`Upgrade` was read as a list. In an answer it is `websocket`, and nothing else: a connection \
                 can't be two things.",
            ),
            under("upgrade: WebSocket", yours(["Err(Upgrade)"])).says(
                "The comparison of `Upgrade` was case-sensitive. `WebSocket` is `websocket`.",
            ),
            under("no Upgrade", yours(["Ok("])).says("An answer without `Upgrade` passed."),
            under("Connection: keep-alive, upgrade", yours(["Err(Connection)"])).says(
                "`Connection` was compared as a whole, or case-sensitively. It is a list of tokens.",
            ),
            under("no Connection", yours(["Ok("])).says("An answer without `Connection` passed."),
            under("Connection: keep-alive", yours(["Ok("])).says(
                "`Connection` was there, but its value wasn't checked: it must list `upgrade`.",
            ),
        ],
        shows: || ANSWERS.map(switch_row).concat(),
    }
}

/// A title, and the lines of the answer. A title that begins with `HTTP` is the first line itself.
const ANSWERS: [(&str, &[&str]); 22] = [
    ("right", &[SWITCH, UPGRADE, CONNECTION, ACCEPT]),
    ("HTTP/1.1 101 any reason", &[UPGRADE, CONNECTION, ACCEPT]),
    (
        "upgrade: WebSocket",
        &[SWITCH, "upgrade: WebSocket", CONNECTION, ACCEPT],
    ),
    (
        "Connection: keep-alive, upgrade",
        &[SWITCH, UPGRADE, "Connection: keep-alive, upgrade", ACCEPT],
    ),
    ("HTTP/1.1 100 Continue", &[UPGRADE, CONNECTION, ACCEPT]),
    ("HTTP/1.1 102 Processing", &[UPGRADE, CONNECTION, ACCEPT]),
    ("HTTP/1.1 200 OK", &[UPGRADE, CONNECTION, ACCEPT]),
    ("HTTP/1.1 302 Found", &["Location: /elsewhere"]),
    ("HTTP/1.1 426 Upgrade Required", &[UPGRADE, CONNECTION]),
    (
        "HTTP/1.0 101 Switching Protocols",
        &[UPGRADE, CONNECTION, ACCEPT],
    ),
    (
        "HTTP/2.0 101 Switching Protocols",
        &[UPGRADE, CONNECTION, ACCEPT],
    ),
    ("SSH-2.0-OpenSSH_9.9", &["SSH-2.0-OpenSSH_9.9"]),
    ("no Upgrade", &[SWITCH, CONNECTION, ACCEPT]),
    (
        "Upgrade: h2c",
        &[SWITCH, "Upgrade: h2c", CONNECTION, ACCEPT],
    ),
    (
        "Upgrade: websocket, h2c",
        &[SWITCH, "Upgrade: websocket, h2c", CONNECTION, ACCEPT],
    ),
    ("no Connection", &[SWITCH, UPGRADE, ACCEPT]),
    (
        "Connection: keep-alive",
        &[SWITCH, UPGRADE, "Connection: keep-alive", ACCEPT],
    ),
    ("no Sec-WebSocket-Accept", &[SWITCH, UPGRADE, CONNECTION]),
    (
        "the key itself as its accept key",
        &[
            SWITCH,
            UPGRADE,
            CONNECTION,
            "Sec-WebSocket-Accept: dGhlIHNhbXBsZSBub25jZQ==",
        ],
    ),
    (
        "the accept key in capitals",
        &[
            SWITCH,
            UPGRADE,
            CONNECTION,
            "Sec-WebSocket-Accept: S3PPLMBITXAQ9KYGZZHZRBK+XOO=",
        ],
    ),
    (
        "the accept key of another key",
        &[
            SWITCH,
            UPGRADE,
            CONNECTION,
            "Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=",
        ],
    ),
    (
        "the accept key twice",
        &[SWITCH, UPGRADE, CONNECTION, ACCEPT, ACCEPT],
    ),
];

fn switch_row((title, lines): (&str, &[&str])) -> String {
    let first_line = if title.starts_with("HTTP") { title } else { "" };
    let lines = [&[first_line], lines].concat();
    answer_row(&client(&[], &[]), title, &answer(&lines))
}

#[test]
fn a_client_accepts_only_its_own_offers() {
    check! {
        rfc: "RFC 6455 §4.1",
        rule: "The server may choose one of the subprotocols offered, to the letter, or none, and only extensions \
               that were offered.",
        signs: [
            under("chat.v3", yours(["subprotocol: None"])).says(
                "A subprotocol that the client hadn't offered was ignored. The client must fail the connection.",
            ),
            under("chat.v3", yours(["Ok("])).says(
                "The client took a subprotocol that it hadn't offered.",
            ),
            under("CHAT.V2", yours(["Ok("])).says(
                "The names were compared ignoring case. The capitals of a subprotocol count.",
            ),
            under("chat.v1, chat.v2", yours(["Ok("])).says(
                "The field was read as a list. A server chooses one subprotocol.",
            ),
            under("chat.v1 and", yours(["Ok("])).says(
                "Two fields came, and they passed. `only` returns `None` for two as well as for none.",
            ),
            under("(empty)", yours(["Ok("])).says("An empty field passed. It names nothing that was offered."),
            under("neither", yours(["Err("])).says(
                "An answer that names no subprotocol was refused. A server needn't choose one.",
            ),
        ],
        shows: verdicts_on_choices,
    }
}

const CHOICES: [&str; 10] = [
    "",
    "Sec-WebSocket-Protocol: chat.v2",
    "Sec-WebSocket-Protocol: chat.v3",
    "Sec-WebSocket-Protocol: CHAT.V2",
    "Sec-WebSocket-Protocol: chat.v1, chat.v2",
    "Sec-WebSocket-Protocol: chat.v1\r\nSec-WebSocket-Protocol: chat.v2",
    "Sec-WebSocket-Protocol:",
    "Sec-WebSocket-Extensions: permessage-deflate",
    "Sec-WebSocket-Extensions: x-other",
    "Sec-WebSocket-Extensions: permessage-deflate; =",
];

fn verdicts_on_choices() -> String {
    let table = |client: &ClientHandshake| CHOICES.map(|line| choice_row(client, line)).concat();
    let with_offers = table(&client(&["chat.v1", "chat.v2"], &["permessage-deflate"]));
    let without = table(&client(&[], &[]));
    format!(
        "offered: chat.v1, chat.v2 and permessage-deflate\n\n{with_offers}\noffered: nothing\n\n{without}"
    )
}

fn choice_row(client: &ClientHandshake, line: &str) -> String {
    let title = match line {
        "" => "neither".to_string(),
        line if line.ends_with(':') => format!("{line} (empty)"),
        line => line.replace("\r\n", " and "),
    };
    let answer = answer(&[SWITCH, UPGRADE, CONNECTION, ACCEPT, line]);
    answer_row(client, &title, &answer)
}

#[test]
fn client_and_server_agree() {
    check! {
        rfc: "RFC 6455 §1.3",
        rule: "Our server accepts our client's request, and our client accepts the answer.",
        signs: [],
        shows: both_sides,
    }
}

fn both_sides() -> String {
    let client = client(&["chat.v1", "chat.v2"], &["permessage-deflate"]);
    let request = client.request().expect("the offers are right");
    let opening = opening_of(&request, &speaking(&["chat.v2"])).expect("it keeps every rule");
    let answer = opening.response();
    let head = response_head(&String::from_utf8_lossy(&answer)).expect("it is HTTP");
    let mut transcript = Transcript::new();
    transcript.client(&request);
    transcript.server(&answer);
    transcript.note(&format!("the client: {:?}", client.check(&head)));
    transcript.to_string()
}

// The slides again.

#[test]
fn slides_and_the_verdicts_of_your_code() {
    check! {
        rfc: "RFC 6455 §4.2.1",
        rule: "Your code finds the same broken rules as you did.",
        signs: [],
        shows: || slide_table([
            broken_by(slides::TUTORIAL),
            broken_by(slides::OLD_SLIDES),
            broken_by(slides::BLOG_POST),
            broken_by_answer(slides::LECTURE),
        ]),
    }
}

fn broken_by(slide: &str) -> Vec<Rule> {
    let head = parsed(slide.as_bytes());
    let broken = opening::broken_rules(&head, &Policy::default());
    broken.iter().map(Rule::from).collect()
}

fn broken_by_answer(slide: &str) -> Vec<Rule> {
    let answer = response_head(slide).expect("the slide is HTTP");
    let failure = client(&[], &[]).check(&answer).err();
    failure.iter().map(Rule::from).collect()
}

// A real socket.

fn serve(max_connections: u64, limits: Limits) -> Server {
    serve_with(Policy::default(), max_connections, limits)
}

fn serve_with(policy: Policy, max_connections: u64, limits: Limits) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let answer = move |request| server::answer(request, &policy, limits);
    Server::start(listener, max_connections, answer).expect("the server starts")
}

/// Sends a request on a connection of its own, and returns the answer.
fn answered(server: &Server, request: &[u8]) -> Vec<u8> {
    let mut client = Client::connect(server.address());
    client.send(request);
    without_date(&client.response().bytes())
}

fn status(server: &Server, request: &[u8]) -> u16 {
    let mut client = Client::connect(server.address());
    client.send(request);
    client.response().status
}

/// A handshake that keeps every rule.
fn right_handshake() -> Vec<u8> {
    request("GET /socket HTTP/1.1", FIELDS)
}

/// The same with more fields.
fn handshake_with_more(fields: usize) -> Vec<u8> {
    let more = vec![("a", "b"); fields];
    request("GET /socket HTTP/1.1", FIELDS.into_iter().chain(more))
}

#[test]
fn the_101_on_a_real_socket() {
    check! {
        rfc: "RFC 6455 §4.2.2",
        rule: "tiny_http adds fields of its own to the 101. The fields that matter are the same.",
        signs: [],
        shows: two_responses,
    }
}

fn two_responses() -> String {
    let request = right_handshake();
    let opening = opening_of(&request, &Policy::default()).expect("it keeps every rule");
    let theirs = answered(&serve(10, Limits::default()), &request);
    format!(
        "ours\n\n{}\ntiny_http's\n\n{}",
        show(&opening.response()),
        show(&theirs),
    )
}

#[test]
fn a_query_and_a_subprotocol_on_a_real_socket() {
    check! {
        rfc: "RFC 6455 §4.2.2",
        rule: "A query doesn't change the path. The 101 names a chosen subprotocol, and has no empty field.",
        signs: [
            under("/socket?x=1", yours(["404"])).says(
                "The whole resource name, and its query with it, was compared with /socket. The query isn't part \
                 of the path.",
            ),
        ],
        shows: queries_and_subprotocols,
    }
}

fn queries_and_subprotocols() -> String {
    let server = serve_with(speaking(&["chat.v2"]), 10, Limits::default());
    let target = |target: &str| request(&format!("GET {target} HTTP/1.1"), FIELDS);
    let offer = |names: &str| request_with("Sec-WebSocket-Protocol", &[names]);
    let requests = [
        ("/socket?x=1", target("/socket?x=1")),
        ("/socket?", target("/socket?")),
        ("/sockets", target("/sockets")),
        ("chat.v2 is offered, in a list", offer("mqtt, chat.v2")),
        ("chat.v9 is offered", offer("chat.v9")),
    ];
    let row = |(title, request): (&str, Vec<u8>)| {
        let answer = answered(&server, &request);
        let text = String::from_utf8_lossy(&answer);
        let is_shown = |line: &&str| line.starts_with("HTTP") || line.contains("Protocol:");
        let lines: Vec<&str> = text.lines().filter(is_shown).collect();
        format!("{title}\n  {}\n", lines.join("\n  "))
    };
    requests.map(row).concat()
}

#[test]
fn refusals_on_a_real_socket() {
    check! {
        rfc: "RFC 6455 §4.2.1",
        rule: "A refusal goes over the wire byte for byte, and only a handshake gets a 101.",
        signs: [],
        shows: refusals_over_the_wire,
    }
}

/// Small limits, which a check can reach.
const SMALL: Limits = Limits {
    bytes: 1_000,
    fields: 20,
};

fn refusals_over_the_wire() -> String {
    let server = serve(10, SMALL);
    let line = |first_line: &str| request(first_line, FIELDS);
    let requests = [
        (
            "no handshake at all",
            request("GET /socket HTTP/1.1", [("Host", "127.0.0.1:9004")]),
        ),
        (
            "a foreign origin",
            request_with("Origin", &["http://evil.example"]),
        ),
        ("POST", line("POST /socket HTTP/1.1")),
        ("HTTP/1.0", line("GET /socket HTTP/1.0")),
        ("a head of 1001 bytes, of 1000 allowed", padded(1_001)),
        ("21 fields, of 20 allowed", handshake_with_more(16)),
        ("another path", line("GET /nowhere HTTP/1.1")),
        (
            "a ws URL as the target",
            line("GET ws://127.0.0.1:9004/socket HTTP/1.1"),
        ),
        (
            "Upgrade in the second Connection",
            request_with("Connection", &["keep-alive", "Upgrade"]),
        ),
    ];
    let row = |(title, request): (&str, Vec<u8>)| {
        format!("{title}\n\n{}", show(&answered(&server, &request)))
    };
    requests.map(row).join("\n")
}

#[test]
fn limits_on_a_real_socket() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "The head that tiny_http has read is counted to the byte: one at the limit passes.",
        signs: [],
        shows: at_and_beyond_the_limits,
    }
}

fn at_and_beyond_the_limits() -> String {
    let server = serve(10, SMALL);
    let requests = [
        ("a head of 1000 bytes, of 1000 allowed", padded(1_000)),
        ("a head of 1001 bytes", padded(1_001)),
        ("20 fields, of 20 allowed", handshake_with_more(15)),
        ("21 fields", handshake_with_more(16)),
    ];
    requests
        .map(|(title, request)| format!("{title}: {}\n", status(&server, &request)))
        .concat()
}

#[test]
fn open_connections_are_held_and_counted() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "An open connection is held until its client leaves, and there is a limit on how many are open.",
        signs: [
            yours(["the second gets 101"]).says(
                "The stream that `upgrade` returned was dropped at once, so the connection ended with the \
                 handshake.",
            ),
        ],
        shows: three_clients,
    }
}

/// The server has room for one connection.
fn three_clients() -> String {
    let server = serve(1, Limits::default());
    let handshake = right_handshake();
    let mut transcript = Transcript::new();
    let mut first = Client::connect(server.address());
    first.send(&handshake);
    let opened = first.response().status;
    transcript.note(&format!("the first client gets {opened}"));
    if opened != 101 {
        return transcript.to_string();
    }
    first.send(b"\x81\x80mask");
    // Again and again: a stream that was dropped takes a moment to be gone.
    let mut more = (0..20).map(|_| status(&server, &handshake));
    let second = more.find(|status| *status != 503).unwrap_or(503);
    transcript.note(&format!("the second gets {second}"));
    drop(first);
    transcript.note("the first client leaves");
    let deadline = Instant::now() + stretched(Duration::from_secs(5));
    let mut third = status(&server, &handshake);
    while third == 503 {
        assert!(Instant::now() < deadline, "no room was made in time");
        third = status(&server, &handshake);
    }
    transcript.note(&format!("the third gets {third}"));
    transcript.to_string()
}

#[test]
fn the_page_opens_a_websocket() {
    check! {
        rfc: "WHATWG WebSockets §3.1",
        rule: "The page opens /socket on the host that it came from.",
        signs: [],
        shows: page,
    }
}

fn page() -> String {
    let server = serve(10, Limits::default());
    let page = exchange(server.address(), "GET", "/", None);
    let text = page.text();
    let is_shown = |line: &&str| line.contains("/socket") || line.contains("new WebSocket");
    let lines: Vec<&str> = text.lines().filter(is_shown).map(str::trim).collect();
    format!(
        "{}\n{:?}\n{}",
        page.status,
        page.header("Content-Type"),
        lines.join("\n")
    )
}

#[test]
fn the_program_serves() {
    check! {
        rfc: "RFC 6455 §4.2.2",
        rule: "`cargo run -p handshake` prints its address, opens WebSockets there, and keeps the limits that its \
               options set.",
        signs: [],
        shows: || {
            let server = program!().serve(&["--max-head", "300", "--max-fields", "5"]);
            let requests = [
                ("a handshake", right_handshake()),
                ("a head of 301 bytes, of 300 allowed", padded(301)),
                ("6 fields, of 5 allowed", handshake_with_more(1)),
            ];
            let status = |request: &[u8]| {
                let mut client = Client::connect(server.address);
                client.send(request);
                client.response().status
            };
            requests.map(|(title, request)| format!("{title}: {}\n", status(&request))).concat()
        },
    }
}
