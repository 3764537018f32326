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

/// A request that keeps every rule but for the fields of one name, which come with these values.
fn request_with(name: &str, values: &[&str]) -> Vec<u8> {
    let others = FIELDS.into_iter().filter(|(field, _)| *field != name);
    let those = values.iter().map(|value| (name, *value));
    request("GET /socket HTTP/1.1", others.chain(those))
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

/// A head that is known to be one.
fn parsed(bytes: &[u8]) -> RequestHead {
    request_head(bytes).unwrap_or_else(|error| panic!("the check's own head: {error:?}"))
}

fn response_head(text: &str) -> Result<ResponseHead, HeadError> {
    ResponseHead::parse(&buffer_of(&[text.as_bytes()], Limits::default())?)
}

/// What a server with this policy says to these bytes.
fn opening_of(bytes: &[u8], policy: &Policy) -> Result<OpeningHandshake, Refusal> {
    OpeningHandshake::read(&request_head(bytes)?, policy)
}

/// The status that a rule leads to, 101 where it is kept, and the rule's name where it is broken.
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

/// Each row: what one rule says, and the values of its field.
fn rows<T>(
    name: &str,
    rows: &[&[&str]],
    rule: impl Fn(&RequestHead) -> Result<T, Refusal>,
) -> String {
    let mut table = format!("{name}\n\n");
    for values in rows {
        let head = parsed(&request_with(name, values));
        let values: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
        let shown = match values.is_empty() {
            true => "(none)".to_string(),
            false => values.join(" and "),
        };
        table += &format!("{:<18} {shown}\n", verdict(rule(&head)));
    }
    table
}

/// Each row: what a refusal tells a person about these values.
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
        rule: "Every rule that a handshake breaks is named.",
        mistake: "A rule was overlooked. Go through the list of src/slides.rs, one rule after the \
                  other: is the field there at all, and is its value what it must be? A field that \
                  is spelt in other capitals is right.",
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
        mistake: "A line ends with LF alone, or with `\\r\\f` (form feed), or the empty line at the \
                  end is missing. Then a client waits for more, and for ever.",
        shows: || {
            let two = response::head("HTTP/1.1 200 OK", &[("Content-Length", "0"), ("Date", "now")]);
            let none = response::head("HTTP/1.1 404 Not Found", &[]);
            format!("{}\n{}", show(&two), show(&none))
        },
    }
}

#[test]
fn the_101_to_the_byte() {
    check! {
        rfc: "RFC 6455 §4.2.2",
        rule: "The 101 has Upgrade, Connection and Sec-WebSocket-Accept, here in this order, and \
               the subprotocol only where one was chosen.",
        mistake: "A field has another name (Sec-WebSocket-Key, Sec-WebSocket-Accept-Key), or a \
                  line's end is wrong. A page is told code 1006 and no more; the browser's \
                  console says which field it misses. Or only the order is another one, which a \
                  browser wouldn't mind.",
        shows: || {
            let opening = |subprotocol: Option<&str>| OpeningHandshake {
                resource: "/socket".to_string(),
                host: "127.0.0.1:9004".to_string(),
                origin: None,
                key: Key::new(*b"the sample nonce"),
                subprotocol: subprotocol.map(str::to_string),
                extensions: Vec::new(),
            };
            let bytes = [None, Some("chat.v2")].map(|name| response::switching_protocols(&opening(name)));
            bytes.map(|bytes| show(&bytes)).join("\n")
        },
    }
}

// Lists.

#[test]
fn lists_are_tokens_in_any_case() {
    check! {
        rfc: "RFC 9110 §5.6.1",
        rule: "A list is spread over commas and over fields; tokens match in any case, and as a \
               whole.",
        mistake: "The field's value is compared as a whole (`keep-alive, Upgrade` is what Firefox \
                  sends), or with its capitals or those of the token that is asked for (`Upgrade` is \
                  `upgrade`), or searched for the word (`not-upgrade` has it too), or only the first \
                  field of that name is looked at, or `trim` has taken more than spaces and tabs off.",
        shows: || {
            let tables: [&[(&str, &str)]; 13] = [
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
                &[("Proxy-Connection", "Upgrade"), ("Connection", "")],
                // A white space of Unicode (the ideographic one), which HTTP knows nothing of.
                &[("Connection", "keep-alive, upgrade\u{3000}")],
            ];
            tables.map(list_row).concat()
        },
    }
}

fn list_row(fields: &[(&str, &str)]) -> String {
    let lines = fields
        .iter()
        .map(|(name, value)| format!("{name}: {value:?}\n"));
    let text: String = match fields.is_empty() {
        true => "(no fields)\n".to_string(),
        false => lines.collect(),
    };
    let fields = fields_of(fields);
    let has = |token| match fields.has_token("Connection", token) {
        true => "yes",
        false => "no",
    };
    // Whoever asks may write the token in capitals, too.
    let said = match (has("upgrade"), has("UPGRADE")) {
        (lower, upper) if lower == upper => lower.to_string(),
        (lower, upper) => format!("{lower} for \"upgrade\", {upper} for \"UPGRADE\""),
    };
    format!("{text}  → {said}, {:?}\n", fields.elements("Connection"))
}

#[test]
fn upgrade_must_list_websocket() {
    check! {
        rfc: "RFC 6455 §4.2.1",
        rule: "Upgrade lists `websocket`, in any case. Without it the request is plain HTTP: 426.",
        mistake: "The case of the letters was compared: old clients send `WebSocket`.",
        shows: || rows("Upgrade", &[
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
        ], opening::check_upgrade),
    }
}

#[test]
fn connection_must_list_upgrade() {
    check! {
        rfc: "RFC 6455 §4.2.1",
        rule: "Connection lists `upgrade`, in any case, among whatever else it lists.",
        mistake: "The value was compared as a whole. Chromium sends `Upgrade`, Firefox \
                  `keep-alive, Upgrade`.",
        shows: || rows("Connection", &[
            &["Upgrade"],
            &["keep-alive, Upgrade"],
            &["keep-alive", "upgrade"],
            &[],
            &["keep-alive"],
            &["upgrades"],
        ], opening::check_connection),
    }
}

// Version and key.

#[test]
fn the_version_is_13() {
    check! {
        rfc: "RFC 6455 §4.4",
        rule: "Sec-WebSocket-Version is there once and is 13; otherwise 426, which names 13.",
        mistake: "A missing version passes, the number is parsed (013 and +13 are numbers too), or \
                  the first of two fields is taken. Or the refusal doesn't say what came.",
        shows: || {
            let values = rows("Sec-WebSocket-Version", &[
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
            ], opening::check_version);
            let some: [&[&str]; 3] = [&[], &["8"], &["13", "13"]];
            let said = sentences("Sec-WebSocket-Version", &some, opening::check_version);
            format!("{values}\n{said}")
        },
    }
}

#[test]
fn the_key_is_sixteen_bytes_given_once() {
    check! {
        rfc: "RFC 6455 §4.2.1",
        rule: "Sec-WebSocket-Key is there once and, decoded from base64, has 16 bytes.",
        mistake: "The key was not decoded at all, its 24 characters were counted instead of its \
                  bytes, or the first of two keys was taken. Or the refusal doesn't say what came.",
        shows: || {
            let values = rows("Sec-WebSocket-Key", &[
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
            ], opening::read_key);
            let some: [&[&str]; 3] = [&[], &["c2hvcnQ="], &[RFC_KEY, RFC_KEY]];
            let said = sentences("Sec-WebSocket-Key", &some, opening::read_key);
            format!("{values}\n{said}")
        },
    }
}

// Policy.

#[test]
fn an_origin_is_a_scheme_a_host_and_a_port() {
    check! {
        rfc: "RFC 6454 §4",
        rule: "An origin is a scheme, a host and a port. The first two are kept in lowercase, and a \
               port that isn't written is the scheme's own: 80 for http, 443 for https.",
        mistake: "The port stays `None` where the text has none, or is 80 for every scheme, or one \
                  that is written is lost. Or the letters stay as they came: `HTTP` has no default \
                  port, only `http` has.",
        shows: || [
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
        ].map(origin_row).concat(),
    }
}

fn origin_row(text: &str) -> String {
    match Origin::parse(text) {
        Some(origin) => format!("{text:?}\n  → {origin:?}\n"),
        None => format!("{text:?}\n  → ✗\n"),
    }
}

#[test]
fn a_foreign_origin_is_not_welcome() {
    check! {
        rfc: "RFC 6455 §10.2",
        rule: "A page may open a WebSocket to the host that it came from, and to hosts that list \
               its origin. Without an Origin there is no page to refuse.",
        mistake: "The origin was searched for the host instead of compared: anyone can register \
                  127.0.0.1.evil.example. Or any scheme will do: ftp://127.0.0.1:9004 isn't a page of \
                  this server. Or only http:// is tried: where a proxy speaks TLS, the server sees \
                  http, and its pages say https://.",
        shows: || {
            let host = "127.0.0.1:9004";
            let listed = ["https://example.com", "chrome-extension://abcdefghijklmnop"];
            [
                origin_table("pages of this host", Origins::SameHost { and: Vec::new() }, host, &[
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
                ]),
                origin_table("pages of this host and of two listed origins", same_host_and(&listed), host, &[
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
                ]),
                origin_table("pages of any origin", Origins::Any, host, &[
                    &["http://evil.example"],
                    &["null"],
                    &["http://evil.example", "http://127.0.0.1:9004"],
                ]),
            ].join("\n")
        },
    }
}

#[test]
fn same_origins_are_welcome_however_they_are_written() {
    check! {
        rfc: "RFC 6454 §5",
        rule: "A page has this host's origin if its scheme is http or https, and host and port are \
               those of Host. A port that isn't written is the scheme's own: 80 or 443.",
        mistake: "Text was compared with text: `http://127.0.0.1` and `http://127.0.0.1:80` are one \
                  origin, and so are `example.com` and `Example.COM`. Or one default port was taken \
                  for both schemes: 443 belongs to https. Or `None` was compared with `None`: `null` \
                  isn't an origin, and 127.0.0.1:65616 isn't a host.",
        shows: || {
            let tables: [(&str, &[&[&str]]); 6] = [
                ("127.0.0.1", &[
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
                ]),
                ("127.0.0.1:80", &[
                    &["http://127.0.0.1"],
                    &["http://127.0.0.1:80"],
                    &["https://127.0.0.1:80"],
                    &["https://127.0.0.1"],
                ]),
                ("127.0.0.1:443", &[
                    &["https://127.0.0.1"],
                    &["http://127.0.0.1:443"],
                    &["http://127.0.0.1"],
                ]),
                ("Chat.Example.com:", &[
                    &["http://chat.example.com"],
                    &["https://CHAT.example.com:443"],
                    &["http://chat.example.com."],
                    &["http://www.chat.example.com"],
                    &["http://example.com"],
                ]),
                ("[FD00::A]:9004", &[
                    &["http://[fd00::a]:9004"],
                    &["http://[fd00::a]"],
                    &["http://fd00::a:9004"],
                    &["http://[fd00::b]:9004"],
                    &["http://[fd00::a]9004"],
                    &["http://[fd00::a:9004"],
                ]),
                // No port is that high, so this is no host that a page could have come from.
                ("127.0.0.1:65616", &[
                    &["http://127.0.0.1:65616"],
                    &["http://127.0.0.1:80"],
                    &["null"],
                ]),
            ];
            tables.map(|(host, values)| {
                origin_table("pages of this host", Origins::SameHost { and: Vec::new() }, host, values)
            }).join("\n")
        },
    }
}

fn same_host_and(listed: &[&str]) -> Origins {
    let listed = listed.iter().map(|text| Origin::parse(text));
    Origins::SameHost {
        and: listed
            .map(|origin| origin.expect("the check's own origin"))
            .collect(),
    }
}

fn origin_table(title: &str, origins: Origins, host: &str, values: &[&[&str]]) -> String {
    let policy = Policy {
        origins,
        subprotocols: Vec::new(),
    };
    let rule = |head: &RequestHead| opening::read_origin(head, host, &policy).map(drop);
    format!("{title} ({host}): {}", rows("Origin", values, rule))
}

#[test]
fn the_servers_first_choice_is_taken() {
    check! {
        rfc: "RFC 6455 §4.2.2",
        rule: "The subprotocol is the one that the server likes best among those offered, or none.",
        mistake: "The client's order decided, or the server's favourite was sent though nobody \
                  offered it. A browser then fails the connection.",
        shows: || {
            let policy = Policy {
                subprotocols: vec!["chat.v2".to_string(), "chat.v1".to_string()],
                ..Policy::default()
            };
            let offers: [&[&str]; 6] = [
                &["chat.v2"],
                &["chat.v1"],
                &["chat.v1", "chat.v2"],
                &["mqtt", "chat.v1"],
                &["mqtt", "CHAT.V2", "chat"],
                &[],
            ];
            let mut table = "the server speaks chat.v2 and chat.v1\n\n".to_string();
            for offer in offers {
                table += &format!("{offer:?} → {:?}\n", policy.choose_subprotocol(offer));
            }
            table
        },
    }
}

#[test]
fn an_offer_of_subprotocols_is_a_list_of_different_tokens() {
    check! {
        rfc: "RFC 6455 §4.1",
        rule: "Each subprotocol offered is a token, and no two are the same.",
        mistake: "`elements` doesn't split, trim, or take every field of that name.",
        shows: || rows("Sec-WebSocket-Protocol", &[
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
        ], |head| opening::read_subprotocols(head).map(drop)),
    }
}

#[test]
fn extensions_are_parsed() {
    check! {
        rfc: "RFC 6455 §9.1",
        rule: "Extensions are tokens with parameters; a quoted value is a token once unquoted.",
        mistake: "The list was split at commas that stand inside quotes.",
        shows: || {
            let values = [
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
            values.map(extension_row).concat()
        },
    }
}

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
        mistake: "A rule is not asked at all, or its answer is not looked at.",
        shows: || {
            let policy = Policy {
                subprotocols: vec!["chat.v2".to_string()],
                ..Policy::default()
            };
            let mut table = String::new();
            for (title, bytes) in handshakes() {
                let opening = opening_of(&bytes, &policy);
                let agreed = opening.as_ref().map(agreed_on).unwrap_or_default();
                table += &format!("{:<18} {title}{agreed}\n", verdict(opening));
            }
            table
        },
    }
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
            "a Host that is none",
            request_with("Host", &["127.0.0.1:9004/socket"]),
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
        rule: "What a real Chromium sent is answered with 101 and its accept key.",
        mistake: "A rule asks for more than the RFC does: browsers send a dozen fields that have \
                  nothing to do with WebSocket.",
        shows: || {
            let opening = opening_of(CHROMIUM, &Policy::default()).expect("it keeps every rule");
            let mut transcript = Transcript::new();
            transcript.client(CHROMIUM);
            transcript.server(&response::switching_protocols(&opening));
            transcript.to_string()
        },
    }
}

#[test]
fn refusals_to_the_byte() {
    check! {
        rfc: "RFC 9110 §15.5",
        rule: "A refusal has a status, the fields that the status asks for, and a sentence.",
        mistake: "`head` of src/response.rs ends a line wrongly; every response is made by it.",
        shows: || {
            let came = |values: &[&str]| values.iter().map(|value| value.to_string()).collect();
            let long = "x".repeat(100);
            let refusals = [
                Refusal::Head(HeadError::TooLong(16_384)),
                Refusal::Head(HeadError::TooManyFields(100)),
                Refusal::Head(HeadError::BareLineFeed),
                Refusal::Head(HeadError::NotHttp("invalid token".to_string())),
                Refusal::Head(HeadError::HttpVersion("HTTP/2.0".to_string())),
                Refusal::Method("POST".to_string()),
                Refusal::HttpVersion(parsed(slides::BLOG_POST.as_bytes()).version),
                Refusal::Target("ws://chat.example.com/".to_string()),
                Refusal::Host(came(&[])),
                Refusal::Upgrade(came(&["h2c"])),
                Refusal::Connection(came(&["keep-alive"])),
                Refusal::Version(came(&["8", "7"])),
                Refusal::Key(came(&[&long])),
                Refusal::Origin(came(&["null"])),
                Refusal::Subprotocols(came(&["chat, chat"])),
                Refusal::Extensions(came(&["\"\u{1b}"])),
            ];
            refusals.map(|refusal| show(&refusal.response())).join("\n")
        },
    }
}

// Heads in pieces, and heads without an end.

#[test]
fn a_head_may_be_cut_anywhere() {
    check! {
        rfc: "RFC 9112 §2.2",
        rule: "A head arrives in any pieces, and what follows it belongs to the WebSocket.",
        mistake: "One read was taken for a whole head, or what came behind the head was lost.",
        shows: || {
            let bytes = [CHROMIUM, b"\x81\x80mask"].concat();
            let mut pieces: Vec<Vec<&[u8]>> = cut::every_cut(&bytes).collect();
            pieces.push(bytes.chunks(1).collect());
            let ways = pieces.len();
            let mut said: Vec<String> = pieces.iter().map(|pieces| reading_of(pieces)).collect();
            said.dedup();
            format!("{} bytes, cut in {ways} ways:\n{}", bytes.len(), said.join("\n"))
        },
    }
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
fn bytes_that_are_no_head() {
    check! {
        rfc: "RFC 9112 §2.2",
        rule: "What is not HTTP/1 is refused as soon as that is known.",
        mistake: "The given src/head.rs was changed.",
        shows: || {
            let texts: [&[u8]; 10] = [
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
            let row = |bytes: &[u8]| {
                let error = request_head(bytes).expect_err("it is no head");
                let status = Refusal::from(error.clone()).status().0;
                format!("{}\n  → {status} {error:?}\n", bytes.escape_ascii())
            };
            texts.map(row).concat()
        },
    }
}

#[test]
fn a_head_without_an_end_is_refused_early() {
    check! {
        rfc: "RFC 6585 §5",
        rule: "A head beyond the limit is refused when the limit is reached, not at its end.",
        mistake: "The length is looked at once the head is complete. Until then it fills memory.",
        shows: || {
            let limits = Limits::default();
            let long = request_with("Cookie", &["x".repeat(20 * 1024 * 1024).as_str()]);
            let many = [b"GET / HTTP/1.1\r\n".to_vec(), b"a: b\r\n".repeat(2_000)].concat();
            let at_the_limit = padded(limits.bytes);
            let beyond = padded(limits.bytes + 1);
            [
                ("20 MiB of Cookie, in pieces of 4096 bytes", &long, 4096),
                ("20 MiB of Cookie, in pieces of 1 byte", &long, 1),
                ("2000 fields, in pieces of 1 byte", &many, 1),
                ("a head of 16384 bytes", &at_the_limit, 4096),
                ("a head of 16385 bytes", &beyond, 4096),
                ("a head of 16385 bytes, in one piece", &beyond, beyond.len()),
            ].map(|(title, bytes, size)| refusal_row(title, bytes, size)).concat()
        },
    }
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
        mistake: "The head is searched or parsed from its first byte again with each read. In pieces \
                  of one byte, a head of 256 KiB is then gone through a quarter of a million times.",
        shows: || {
            let length = 256 * 1024;
            let bytes = padded(length);
            let limits = Limits { bytes: length, fields: 100 };
            let pieces: Vec<&[u8]> = bytes.chunks(1).collect();
            let buffer = buffer_of(&pieces, limits).expect("it is within the limits");
            let head = RequestHead::parse(&buffer).expect("it is a head");
            let cookie = head.fields.only("Cookie").unwrap_or_default().len();
            format!("{} pieces: a head with a Cookie of {cookie} bytes", pieces.len())
        },
    }
}

// The client.

fn client(subprotocols: &[&str], extensions: &[&str]) -> ClientHandshake {
    let owned = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
    ClientHandshake {
        host: "127.0.0.1:9004".to_string(),
        resource: "/socket".to_string(),
        key: Key::new(*b"the sample nonce"),
        subprotocols: owned(subprotocols),
        extensions: owned(extensions),
    }
}

#[test]
fn client_and_server_agree() {
    check! {
        rfc: "RFC 6455 §1.3",
        rule: "What our client asks for, our server accepts, and the other way round.",
        mistake: "The client asks for a subprotocol that the server doesn't choose, or the other \
                  way round; or the accept key is compared with the wrong key.",
        shows: || {
            let client = client(&["chat.v1", "chat.v2"], &["permessage-deflate"]);
            let policy = Policy {
                subprotocols: vec!["chat.v2".to_string()],
                ..Policy::default()
            };
            let request = client.request().expect("the offers are right");
            let opening = opening_of(&request, &policy).expect("it keeps every rule");
            let answer = response::switching_protocols(&opening);
            let head = response_head(&String::from_utf8_lossy(&answer)).expect("it is HTTP");
            let mut transcript = Transcript::new();
            transcript.client(&request);
            transcript.server(&answer);
            transcript.note(&format!("the client: {:?}", client.check(&head)));
            transcript.to_string()
        },
    }
}

#[test]
fn our_client_offers_different_tokens() {
    check! {
        rfc: "RFC 6455 §4.1",
        rule: "Each subprotocol that our client offers is a token, and no two are the same.",
        mistake: "The given src/client.rs was changed.",
        shows: || {
            let offers: [&[&str]; 7] = [
                &[],
                &["chat.v2"],
                &["chat", "CHAT"],
                &["chat", "chat"],
                &["chat", ""],
                &["chat v2"],
                &["chat,chat.v2"],
            ];
            let row = |offer: &[&str]| match client(offer, &[]).request() {
                Ok(request) => {
                    let request = String::from_utf8_lossy(&request).into_owned();
                    let line = request.lines().find(|line| line.contains("Protocol"));
                    format!("{offer:?}\n  → {}\n", line.unwrap_or("(no field)"))
                }
                Err(refusal) => format!("{offer:?}\n  → {refusal:?}\n"),
            };
            offers.map(row).concat()
        },
    }
}

/// What our client makes of an answer: an accept key that is right, and these lines in the place of
/// the first, of `Upgrade` and of `Connection`, and after the accept key.
fn answer(lines: [&str; 4]) -> String {
    let [first, upgrade, connection, more] = lines;
    let accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    answer_of(&[first, upgrade, connection, accept, more])
}

fn answer_of(lines: &[&str]) -> String {
    let lines = lines.iter().filter(|line| !line.is_empty());
    let text: String = lines.map(|line| format!("{line}\r\n")).collect();
    format!("{text}\r\n")
}

fn answer_row(client: &ClientHandshake, title: &str, answer: &str) -> String {
    let head = response_head(answer).map_err(Failure::from);
    let said = head.and_then(|head| client.check(&head));
    format!("{title}\n  → {said:?}\n")
}

const SWITCH: &str = "HTTP/1.1 101 Switching Protocols";
const UPGRADE: &str = "Upgrade: websocket";
const CONNECTION: &str = "Connection: Upgrade";

#[test]
fn a_client_checks_the_switch() {
    check! {
        rfc: "RFC 6455 §4.1",
        rule: "A client goes on only with 101, Upgrade, Connection and the right accept key.",
        mistake: "The status was taken for enough; the accept key alone proves that the server \
                  speaks WebSocket, and that the answer is no cached one. Or capitals were compared \
                  where they don't count (`Upgrade: WebSocket`), or not compared where they do: the \
                  accept key is base64.",
        shows: || {
            let accept = |value: &str| answer_of(&[SWITCH, UPGRADE, CONNECTION, &format!("Sec-WebSocket-Accept: {value}")]);
            let right = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
            let twice = format!("Sec-WebSocket-Accept: {right}");
            let rows = [
                ("right", answer([SWITCH, UPGRADE, CONNECTION, ""])),
                ("HTTP/1.1 101 any reason", answer(["HTTP/1.1 101 any reason", UPGRADE, CONNECTION, ""])),
                ("upgrade: WebSocket", answer([SWITCH, "upgrade: WebSocket", CONNECTION, ""])),
                ("Connection: keep-alive, upgrade", answer([SWITCH, UPGRADE, "Connection: keep-alive, upgrade", ""])),
                ("HTTP/1.1 200 OK", answer(["HTTP/1.1 200 OK", UPGRADE, CONNECTION, ""])),
                ("HTTP/1.1 302 Found", answer_of(&["HTTP/1.1 302 Found", "Location: /elsewhere"])),
                ("HTTP/1.1 426 Upgrade Required", answer_of(&["HTTP/1.1 426 Upgrade Required", UPGRADE, CONNECTION])),
                ("HTTP/1.0 101 Switching Protocols", answer(["HTTP/1.0 101 Switching Protocols", UPGRADE, CONNECTION, ""])),
                ("HTTP/2.0 101 Switching Protocols", answer(["HTTP/2.0 101 Switching Protocols", UPGRADE, CONNECTION, ""])),
                ("SSH-2.0-OpenSSH_9.9", answer_of(&["SSH-2.0-OpenSSH_9.9"])),
                ("no Upgrade", answer([SWITCH, "", CONNECTION, ""])),
                ("Upgrade: h2c", answer([SWITCH, "Upgrade: h2c", CONNECTION, ""])),
                ("Upgrade: websocket, h2c", answer([SWITCH, "Upgrade: websocket, h2c", CONNECTION, ""])),
                ("no Connection", answer([SWITCH, UPGRADE, "", ""])),
                ("Connection: keep-alive", answer([SWITCH, UPGRADE, "Connection: keep-alive", ""])),
                ("no Sec-WebSocket-Accept", answer_of(&[SWITCH, UPGRADE, CONNECTION])),
                ("the key itself as its accept key", accept(RFC_KEY)),
                ("the accept key in capitals", accept(&right.to_uppercase())),
                ("the accept key of another key", accept("ICX+Yqv66kxgM0FcWaLWlFLwTAI=")),
                ("the accept key twice", answer([SWITCH, UPGRADE, CONNECTION, &twice])),
            ];
            let client = client(&[], &[]);
            rows.map(|(title, answer)| answer_row(&client, title, &answer)).concat()
        },
    }
}

#[test]
fn a_client_takes_only_what_it_offered() {
    check! {
        rfc: "RFC 6455 §4.1",
        rule: "The server may choose none or one of the subprotocols offered, to the letter, and no \
               extension that wasn't offered.",
        mistake: "Whatever subprotocol the server names is taken, or one that was offered in other \
                  capitals, or any at all where none was offered.",
        shows: || {
            let offers = client(&["chat.v1", "chat.v2"], &["permessage-deflate"]);
            let nothing = client(&[], &[]);
            let lines = [
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
            let row = |client: &ClientHandshake, line: &str| {
                let title = if line.is_empty() { "neither" } else { line };
                answer_row(client, &show(title.as_bytes()), &answer([SWITCH, UPGRADE, CONNECTION, line]))
            };
            let with_offers: String = lines.iter().map(|line| row(&offers, line)).collect();
            let without: String = lines.iter().map(|line| row(&nothing, line)).collect();
            format!("offered: chat.v1, chat.v2 and permessage-deflate\n\n{with_offers}\noffered: nothing\n\n{without}")
        },
    }
}

// The slides again.

#[test]
fn slides_and_the_verdicts_of_your_code() {
    check! {
        rfc: "RFC 6455 §4.2.1",
        rule: "The code finds the same rules broken as you did.",
        mistake: "A rule of src/opening.rs or of src/client.rs lets something pass, or refuses too \
                  much. The check of that rule alone says more.",
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

fn serve(most: u64, limits: Limits) -> Server {
    serve_with(Policy::default(), most, limits)
}

fn serve_with(policy: Policy, most: u64, limits: Limits) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let answer = move |request| server::answer(request, &policy, limits);
    Server::start(listener, most, answer).expect("the server starts")
}

/// Sends a request on a connection of its own, and shows the answer.
fn answered(server: &Server, request: &[u8]) -> Vec<u8> {
    let mut client = Client::connect(server.address());
    client.send(request);
    without_date(&client.response().bytes())
}

#[test]
fn the_101_on_a_real_socket() {
    check! {
        rfc: "RFC 6455 §4.2.2",
        rule: "tiny_http puts fields of its own into the 101; those that count are the same.",
        mistake: "`fields` of src/response.rs lacks one: tiny_http adds Upgrade and Connection by \
                  itself, the accept key it takes from you.",
        shows: || {
            let request = request("GET /socket HTTP/1.1", FIELDS);
            let opening = opening_of(&request, &Policy::default()).expect("it keeps every rule");
            let server = serve(10, Limits::default());
            let theirs = answered(&server, &request);
            format!(
                "ours\n\n{}\ntiny_http's\n\n{}",
                show(&response::switching_protocols(&opening)),
                show(&theirs),
            )
        },
    }
}

#[test]
fn a_query_and_a_subprotocol_on_a_real_socket() {
    check! {
        rfc: "RFC 6455 §4.2.2",
        rule: "A query is part of the resource name and no other path; a chosen subprotocol is in \
               the 101, and an empty field is not.",
        mistake: "`fields` of src/response.rs leaves the subprotocol out, or names one that was not \
                  chosen. With /socket?x=1 alone refused, the given src/server.rs was changed.",
        shows: || {
            let policy = Policy {
                subprotocols: vec!["chat.v2".to_string()],
                ..Policy::default()
            };
            let server = serve_with(policy, 10, Limits::default());
            let query = |target: &str| request(&format!("GET {target} HTTP/1.1"), FIELDS);
            let requests = [
                ("/socket?x=1", query("/socket?x=1")),
                ("/socket?", query("/socket?")),
                ("/sockets", query("/sockets")),
                ("chat.v2 is offered, in a list", request_with("Sec-WebSocket-Protocol", &["mqtt, chat.v2"])),
                ("chat.v9 is offered", request_with("Sec-WebSocket-Protocol", &["chat.v9"])),
            ];
            requests.map(|(title, request)| {
                let answer = answered(&server, &request);
                let text = String::from_utf8_lossy(&answer);
                let lines = text.lines().filter(|line| line.starts_with("HTTP") || line.contains("Protocol:"));
                format!("{title}\n  {}\n", lines.collect::<Vec<_>>().join("\n  "))
            }).concat()
        },
    }
}

#[test]
fn refusals_on_a_real_socket() {
    check! {
        rfc: "RFC 6455 §4.2.1",
        rule: "A refusal goes over the wire to the byte; what is no handshake gets no 101.",
        mistake: "A rule lets pass what it should refuse; its own check says more.",
        shows: || {
            let server = serve(10, Limits { bytes: 1_000, fields: 20 });
            let many: Vec<_> = FIELDS.into_iter().chain([("a", "b"); 16]).collect();
            let requests = [
                ("no handshake at all", request("GET /socket HTTP/1.1", [("Host", "127.0.0.1:9004")])),
                ("a foreign origin", request_with("Origin", &["http://evil.example"])),
                ("POST", request("POST /socket HTTP/1.1", FIELDS)),
                ("HTTP/1.0", request("GET /socket HTTP/1.0", FIELDS)),
                ("a head of 1001 bytes, of 1000 allowed", padded(1_001)),
                ("21 fields, of 20 allowed", request("GET /socket HTTP/1.1", many)),
                ("another path", request("GET /nowhere HTTP/1.1", FIELDS)),
                ("a ws URL as the target", request("GET ws://127.0.0.1:9004/socket HTTP/1.1", FIELDS)),
                ("Upgrade in the second Connection", request_with("Connection", &["keep-alive", "Upgrade"])),
            ];
            let row = |(title, request): (&str, Vec<u8>)| format!("{title}\n\n{}", show(&answered(&server, &request)));
            requests.map(row).join("\n")
        },
    }
}

#[test]
fn limits_on_a_real_socket() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "What tiny_http has read is counted to the byte: as much as is allowed passes.",
        mistake: "The given `from_tiny_http` of src/head.rs was changed.",
        shows: || {
            let fields = |more: usize| {
                let all: Vec<_> = FIELDS.into_iter().chain(vec![("a", "b"); more]).collect();
                request("GET /socket HTTP/1.1", all)
            };
            let server = serve(10, Limits { bytes: 1_000, fields: 20 });
            [
                ("a head of 1000 bytes, of 1000 allowed", padded(1_000)),
                ("a head of 1001 bytes", padded(1_001)),
                ("20 fields, of 20 allowed", fields(15)),
                ("21 fields", fields(16)),
            ].map(|(title, request)| format!("{title}: {}\n", status(&server, &request))).concat()
        },
    }
}

#[test]
fn open_connections_are_held_and_counted() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "An open connection is held until its client leaves, and their number is bounded.",
        mistake: "The stream that `upgrade` returned was dropped at once, so the connection ended \
                  with the handshake.",
        shows: || {
            let server = serve(1, Limits::default());
            let handshake = request("GET /socket HTTP/1.1", FIELDS);
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
                assert!(Instant::now() < deadline, "no room was made within 5 seconds");
                third = status(&server, &handshake);
            }
            transcript.note(&format!("the third gets {third}"));
            transcript.to_string()
        },
    }
}

fn status(server: &Server, request: &[u8]) -> u16 {
    let mut client = Client::connect(server.address());
    client.send(request);
    client.response().status
}

#[test]
fn the_page_opens_a_websocket() {
    check! {
        rfc: "WHATWG WebSockets §3.1",
        rule: "The page asks the host that it came from for /socket.",
        mistake: "The given src/page.html or src/server.rs was changed.",
        shows: || {
            let server = serve(10, Limits::default());
            let page = exchange(server.address(), "GET", "/", None);
            let text = page.text();
            let lines = text.lines().filter(|line| line.contains("/socket") || line.contains("new WebSocket"));
            let lines: Vec<&str> = lines.map(str::trim).collect();
            format!("{}\n{:?}\n{}", page.status, page.header("Content-Type"), lines.join("\n"))
        },
    }
}

#[test]
fn the_program_serves() {
    check! {
        rfc: "RFC 6455 §4.2.2",
        rule: "`cargo run -p handshake` says where it listens, opens WebSockets there, and its options \
               are its limits.",
        mistake: "The given src/main.rs was changed. Where another check is red too, begin there.",
        shows: || {
            let server = program!().serve(&["--max-head", "300", "--max-fields", "5"]);
            let long = padded(301);
            let many = request("GET /socket HTTP/1.1", FIELDS.into_iter().chain([("a", "b")]));
            [
                ("a handshake", request("GET /socket HTTP/1.1", FIELDS)),
                ("a head of 301 bytes, of 300 allowed", long),
                ("6 fields, of 5 allowed", many),
            ].map(|(title, request)| {
                let mut client = Client::connect(server.address);
                client.send(&request);
                format!("{title}: {}\n", client.response().status)
            }).concat()
        },
    }
}
