//! A request that hyper has read, as step 04 takes it.

use async_chat::Site;
use async_chat::http::request_head;
use hyper::{Request, Version};
use support::check;
use support::sign::{missing, panics, yours};

use super::shared::step_10::settings;

/// The name of a field, and its value.
type Field<'a> = (&'a str, &'a [u8]);

/// A request with this method, target and version, and these fields.
fn request(method: &str, target: &str, version: Version, fields: &[Field]) -> Request<()> {
    let mut request = Request::builder()
        .method(method)
        .uri(target)
        .version(version);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(()).expect("hyper reads such requests")
}

#[test]
fn a_request_becomes_a_head() {
    check! {
        rfc: "RFC 9110 §5.5",
        rule: "Step 04 judges the whole head: the method, the target with its query, the version, and each field, in \
               its order, even if a name comes twice or a value isn't ASCII.",
        signs: [
            panics("ToStrError").says(
                "`to_str` refuses a value that isn't ASCII, and a browser's cookie may be one. Nobody reads it: it \
                 mustn't end the request.",
            ),
            yours(["target: http://h/a?b version: HTTP/1.1"]).says(
                "The version is that of the request. A handshake needs HTTP/1.1, and step 04 says so to one of \
                 HTTP/1.0.",
            ),
            yours(["target: /socket version"]).says(
                "`uri().path()` is the path alone. The cursor and the tab's token are in the query.",
            ),
            missing(["connection: [\"keep-alive\", \"Upgrade\"]"]).says(
                "The name `Connection` came twice, and one of the two is lost. A list may be spread over several \
                 fields.",
            ),
            missing(["cookie"]).says(
                "The field that isn't ASCII is missing, or it is a different one now.",
            ),
        ],
        shows: || {
            let head = request_head(&request(
                "GET",
                "/socket?after=3&tab=x7",
                Version::HTTP_11,
                &[
                    ("Host", b"chat.example"),
                    ("Connection", b"keep-alive"),
                    ("Cookie", "name=Zo\u{eb}".as_bytes()),
                    ("connection", b"Upgrade"),
                ],
            ));
            let mut shown = format!("{} target: {} version: {}\n", head.method, head.target, head.version);
            for name in ["host", "connection", "cookie"] {
                shown += &format!("  {name}: {:?}\n", head.fields.values(name));
            }
            let head = request_head(&request("POST", "http://h/a?b", Version::HTTP_10, &[]));
            shown + &format!("{} target: {} version: {}\n", head.method, head.target, head.version)
        },
    }
}

#[test]
fn every_path_has_its_answer() {
    check! {
        rfc: "RFC 6455 §4.2.2",
        rule: "The pages and lists are those of step 10. A request gets a 101 if it would get one there.",
        signs: [],
        shows: || {
            let site = Site::new(settings());
            let upgrade: &[Field] = &[
                ("host", b"h"),
                ("upgrade", b"websocket"),
                ("connection", b"keep-alive, Upgrade"),
                ("sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
            ];
            let version: &[Field] = &[("sec-websocket-version", b"13")];
            let with = |more: &[Field<'static>]| [upgrade, more].concat();
            let rows: [(&str, &str, Vec<Field>); 13] = [
                ("GET", "/", vec![]),
                ("HEAD", "/chat.js", vec![]),
                ("GET", "/people", vec![]),
                ("GET", "/messages?after=x", vec![]),
                ("GET", "/nowhere", vec![]),
                ("POST", "/", vec![]),
                ("GET", "/socket", vec![]),
                ("GET", "/socket", with(&[])),
                ("GET", "/socket", with(version)),
                ("POST", "/socket", with(version)),
                ("GET", "/socket?after=x", with(version)),
                ("GET", "/socket", [with(version), vec![("origin", b"http://h".as_slice())]].concat()),
                ("GET", "/socket", [with(version), vec![("origin", b"http://evil.example".as_slice())]].concat()),
            ];
            let mut shown = String::new();
            for (method, target, fields) in rows {
                let (response, guest) = site.answer(&request(method, target, Version::HTTP_11, &fields));
                let guest = if guest.is_some() { "a guest" } else { "" };
                let last = fields.last().map_or(String::new(), |(name, value)| {
                    format!("… {name}: {}", String::from_utf8_lossy(value))
                });
                let status = response.status().as_u16();
                shown += &format!("{method:<5}{target:<19}{last:<45}{status} {guest}\n").replace(" \n", "\n");
            }
            shown
        },
    }
}
