//! HTTP without TLS: told by its first byte, and answered in HTTP.

use handshake::head::{HeadBuffer, Limits, RequestHead};
use support::check;
use support::sign::{missing, under, yours};
use support::wire::printable;
use tls::plain::{First, answer};

#[test]
fn the_first_byte_tells_tls_from_http() {
    check! {
        rfc: "RFC 8446 §5.1",
        rule: "TLS begins with 0x16, a record of the handshake. A method of HTTP begins with an uppercase letter.",
        signs: [
            missing(["0x80", "Tls"]).or(missing(["0x00", "Tls"])).says(
                "Everything but 0x16 is taken for HTTP. What is neither gets an alert: TLS has one for that.",
            ),
            yours(["Tls"]).says("Not every method is known. HTTP has more of them than GET."),
        ],
        shows: || {
            let row = |byte: u8| format!("0x{byte:02x} {} → {:?}\n", printable(byte), First::new(byte));
            [0x16, b'G', b'P', b'O', b'g', b'\r', 0x00, 0x15, 0x80].map(row).concat()
        },
    }
}

/// The answer to this request, without the length of its body.
fn answered(request: &str) -> String {
    let mut head = HeadBuffer::new(Limits::default());
    let is_whole = head.push(request.as_bytes());
    let request = is_whole.is_ok().then(|| RequestHead::parse(&head).ok());
    let answer = answer(request.flatten().as_ref());
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let lines = answer.lines().filter(|line| {
        let is_kept = ["HTTP/", "Location", "Cache-Control", "Connection"];
        is_kept.iter().any(|kept| line.starts_with(kept))
    });
    let body = answer
        .split_once("\r\n\r\n")
        .map_or("(no body)", |(_, body)| body);
    let lines = lines.chain([body.trim_end()]);
    lines.map(|line| format!("  {line}\n")).collect()
}

fn row(title: &str, request: &str) -> String {
    format!("{title}\n{}", answered(request))
}

#[test]
fn a_page_is_led_to_https() {
    check! {
        rfc: "RFC 9110 §15.4.9",
        rule: "A page's request is led to the same address with https. No browser may remember that.",
        signs: [
            missing(["Cache-Control: no-store"]).but_not(missing(["Location"])).says(
                "Browsers remember a permanent redirect. The next server on this port may speak no TLS.",
            ),
            missing(["Location: https://"]).says(
                "The address isn't the one that was asked for: the host and its port from Host, and the target with \
                 its query.",
            ),
            under("WebSocket", yours(["308"])).says(
                "A WebSocket's request gets a redirect. No browser follows it, and its console says nothing about TLS.",
            ),
            under("POST", yours(["308"])).says(
                "A request with a body is led on: browsers would send the body again, which has gone out without TLS \
                 already.",
            ),
        ],
        shows: || [
            row("a page", "GET / HTTP/1.1\r\nHost: localhost:9009\r\n\r\n"),
            row("a page with a query", "GET /a/b?c=d HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
            row("an IPv6 address", "GET / HTTP/1.1\r\nHost: [::1]:9009\r\n\r\n"),
            row("a WebSocket", "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n"),
            row("a POST", "POST / HTTP/1.1\r\nHost: localhost:9009\r\n\r\n"),
        ].concat(),
    }
}

#[test]
fn an_address_that_is_none_leads_nowhere() {
    check! {
        rfc: "RFC 9110 §7.2",
        rule: "Without a valid Host and target there is no redirect, but a sentence.",
        signs: [
            yours(["308"]).or(yours(["Location"])).says(
                "What the client sent goes into Location unchecked. It must be one host, with a port or without, and a \
                 target.",
            ),
        ],
        shows: || [
            row("no Host", "GET / HTTP/1.1\r\n\r\n"),
            row("two of them", "GET / HTTP/1.1\r\nHost: localhost\r\nHost: example.org\r\n\r\n"),
            row("a user in it", "GET / HTTP/1.1\r\nHost: localhost@example.org\r\n\r\n"),
            row("a port that is none", "GET / HTTP/1.1\r\nHost: localhost:65536\r\n\r\n"),
            row("a path in it", "GET / HTTP/1.1\r\nHost: localhost/x\r\n\r\n"),
            row("a target that is none", "GET x HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            row("not HTTP", "GET\r\n\r\n"),
        ].concat(),
    }
}
