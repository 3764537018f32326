//! A URL: where it leads, and what is asked for there.

use client::Target;
use handshake::client::ClientHandshake;
use handshake::key::Key;
use support::check;
use support::sign::{missing, yours};

/// Where a URL leads, and the first two lines of the request.
fn leads_to(url: &str) -> String {
    let target = match url.parse::<Target>() {
        Ok(target) => target,
        Err(error) => return format!("{url}\n  {error}\n"),
    };
    let Target {
        secure,
        name,
        port,
        host,
        resource,
    } = target;
    let handshake = ClientHandshake {
        host,
        resource,
        origin: None,
        key: Key::new([0; 16]),
        subprotocols: Vec::new(),
        extensions: Vec::new(),
    };
    let request = handshake.request().expect("it offers nothing");
    let request = String::from_utf8_lossy(&request);
    let lines: Vec<&str> = request.lines().take(2).collect();
    let tls = if secure { ", for TLS" } else { "" };
    format!(
        "{url}\n  looks up {name}, port {port}{tls}\n  {}\n",
        lines.join("\n  ")
    )
}

fn lead_to(urls: &[&str]) -> String {
    let rows = urls.iter().map(|url| leads_to(url));
    rows.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_url_says_where_to_connect() {
    check! {
        rfc: "RFC 6455 §3",
        rule: "The host and the port say where to connect. They are in Host, too, but for the default port: 80, or 443 for wss.",
        signs: [
            yours(["Host: example.org:80"]).says(
                "The default port is in Host. `example.org:80` is a different origin for some servers: leave it out, \
                 as `url[Position::…]` does.",
            ),
            missing(["Host: example.org:8080"]).says(
                "The port is missing in Host. It belongs there unless it is the default.",
            ),
            yours(["looks up ["]).says(
                "The brackets are part of the URL, not of the address: no lookup knows `[::1]`. `Host::Ipv6` holds the \
                 address alone, `host_str` the brackets, too.",
            ),
            yours(["looks up example.org, port 0"]).says(
                "`Url::port` is `None` for the default port. `port_or_known_default` knows it.",
            ),
            missing(["for TLS"]).says(
                "`secure` isn't set for `wss:`. Without TLS, the request would be there for all to read.",
            ),
            yours(["for TLS"]).says("`secure` is set for `ws:`, too."),
            yours(["Host: ::1"]).says(
                "In Host, an IPv6 address has its brackets: without them, its last group looks like a port.",
            ),
        ],
        shows: || lead_to(&[
            "ws://example.org/socket",
            "ws://example.org:8080/socket",
            "ws://example.org:80/socket",
            "ws://example.org:443/socket",
            "ws://127.0.0.1:9009/socket",
            "ws://[::1]/socket",
            "ws://[::1]:9009/socket",
            "wss://example.org/socket",
            "wss://example.org:443/socket",
            "WS://EXAMPLE.org/Socket",
            "ws://bücher.example/socket",
        ]),
    }
}

#[test]
fn a_url_says_what_to_ask_for() {
    check! {
        rfc: "RFC 6455 §3",
        rule: "The resource name is the path and the query. If the path is empty, it is `/`.",
        signs: [
            missing(["GET /socket?room=1 "]).and(yours(["GET /socket "])).says(
                "The query is missing: `Url::path` is the path alone.",
            ),
            missing(["GET /?room=1 "]).says("A query may come right after the host. Then the path is `/`."),
            yours(["GET  HTTP"]).says("The path is empty. A request line needs one: `/`."),
        ],
        shows: || lead_to(&[
            "ws://example.org",
            "ws://example.org/socket?room=1",
            "ws://example.org?room=1",
            "ws://example.org/socket?",
            "ws://example.org/a/../socket?next=/a/../b?c",
            "ws://example.org/a room?name=Zoë",
            "ws://example.org/%23/%2F",
        ]),
    }
}

#[test]
fn some_urls_lead_to_no_websocket() {
    check! {
        rfc: "RFC 6455 §3",
        rule: "The scheme is ws or wss. There is no fragment, and no user. Whatever isn't allowed is named.",
        signs: [
            missing(["http: isn't"]).and(yours(["looks up example.org, port 80"])).says(
                "Any scheme is taken. `ws` and `wss` are those of a WebSocket.",
            ),
            missing(["has no fragment"]).and(yours(["looks up"])).says(
                "A fragment is taken, or silently cut off. An empty one is one, too: `url.fragment()` is `Some(\"\")`.",
            ),
            missing(["no user name"]).and(yours(["looks up"])).says(
                "A user name or a password is taken, and then left out. Its owner would believe that it is sent.",
            ),
        ],
        shows: || lead_to(&[
            "http://example.org/socket",
            "https://example.org/socket",
            "localhost:9009/socket",
            "ws://ada@example.org/socket",
            "ws://ada:secret@example.org/socket",
            "ws://:secret@example.org/socket",
            "ws://example.org/socket#top",
            "ws://example.org/socket#",
            "example.org/socket",
            "ws://",
            "ws://example.org:65536/",
            "ws://example org/",
            "ws://[::1/socket",
            "",
        ]),
    }
}
