//! The servers of steps 09 and 10, and the client of step 12, with the extension.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use chat::{Chat, Server};
use compression::{Compression, Inflater};
use connection::Event;
use support::check;
use support::frame::{TEXT, masked};
use support::http::Client;
use support::sign::{missing, yours};

use super::shared::{ALONE, COMPRESSED_TEXT, HELLO, TAKEN_OVER, inflated, said, shown};

/// A client on a socket, without your code.
pub struct Peer(Client);

impl Peer {
    /// Opens a WebSocket with this offer, which may be empty. Also returns the answer to the offer.
    pub fn open(address: SocketAddr, offer: &str) -> (Self, String) {
        let mut client = Client::connect(address);
        let offer = match offer {
            "" => String::new(),
            offer => format!("Sec-WebSocket-Extensions: {offer}\r\n"),
        };
        let request = format!(
            "GET /socket HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{offer}\r\n"
        );
        client.send(request.as_bytes());
        let response = client.response();
        let answer = response
            .header("Sec-WebSocket-Extensions")
            .unwrap_or("none");
        (Self(client), answer.to_string())
    }

    /// Sends a text message.
    pub fn say(&mut self, text: &str) {
        self.0.send(&masked(TEXT, text.as_bytes()));
    }

    /// The first byte and the payload of the next frame, which is a short one.
    fn next_frame(&mut self) -> (u8, Vec<u8>) {
        let head = self.0.next_bytes(2);
        let payload = self.0.next_bytes(head[1].into());
        (head[0], payload)
    }

    /// The next frame, with its payload decompressed if it is compressed.
    pub fn hears(&mut self, inflater: &mut Inflater) -> String {
        let (first, payload) = self.next_frame();
        match first {
            COMPRESSED_TEXT => format!("compressed: {}", shown(inflated(inflater, &[&payload]))),
            TEXT => format!("as it is: {}", said(&payload)),
            other => format!("a frame that begins with {other:#04x}"),
        }
    }
}

fn loopback() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port")
}

fn echo(extension: Compression) -> echo::Server {
    let settings = echo::Settings {
        extension: Some(Arc::new(extension)),
        ..echo::Settings::default()
    };
    echo::Server::start(loopback(), settings).expect("the server starts")
}

const LONG: &str = "the echo of a text that is long enough, long enough, long enough";

#[test]
fn an_echo_server_compresses() {
    check! {
        rfc: "RFC 7692 §5",
        rule: "A server compresses only for clients that have offered it, and says so in its 101.",
        signs: [
            missing(["the answer is permessage-deflate"]).says(
                "`choose` finds no offer that suits, so nothing is compressed.",
            ),
            yours(["the answer is permessage-deflate", "it hears as it is: \"the echo"]).says(
                "The server agrees, and then sends long texts as they are.",
            ),
        ],
        shows: || {
            let server = echo(Compression::default());
            let offers = ["", "permessage-deflate; client_max_window_bits", "x-unknown"];
            let mut told = String::new();
            for offer in offers {
                let (mut peer, answer) = Peer::open(server.address(), offer);
                let mut inflater = Inflater::new(TAKEN_OVER);
                told += &format!("a client that offers {offer:?}: the answer is {answer}\n");
                peer.0.send(&masked(TEXT, LONG.as_bytes()));
                told += &format!("  it hears {}\n", peer.hears(&mut inflater));
                if answer != "none" {
                    peer.0.send(&masked(COMPRESSED_TEXT, &HELLO));
                    told += &format!("  and to a compressed \"Hello\" {}\n", peer.hears(&mut inflater));
                }
            }
            told
        },
    }
}

#[test]
fn a_chat_compresses_once_for_all() {
    check! {
        rfc: "RFC 7692 §7.1.1.1",
        rule: "In the chat, a message is compressed once, whoever gets it. Clients without the extension get it as it is.",
        signs: [
            missing(["server_no_context_takeover"]).says(
                "The server doesn't promise `server_no_context_takeover`, but what it compresses for all can't refer to \
                 what each has seen.",
            ),
            yours(["✗"]).says("A client can't decompress a message: it refers to one that this client hasn't seen."),
        ],
        shows: || {
            let settings = chat::Settings {
                extension: Some(Arc::new(Compression::for_many())),
                last_id: 0,
                ..chat::Settings::default()
            };
            let server = Server::start(loopback(), Arc::new(Chat::new(settings)));
            let server = server.expect("the server starts");
            let offers = ["permessage-deflate", "", "permessage-deflate; server_max_window_bits=10"];
            let mut peers = Vec::new();
            let mut told = String::new();
            for offer in offers {
                let (mut peer, answer) = Peer::open(server.address(), offer);
                let mut inflater = Inflater::new(ALONE);
                told += &format!("a client that offers {offer:?}: the answer is {answer}\n");
                told += &format!("  {}\n", peer.hears(&mut inflater));
                peers.push((peer, inflater));
            }
            let said = br#"{"username":"Ada","message":"hello, hello, hello, hello, hello"}"#;
            peers[1].0.0.send(&masked(TEXT, said));
            for (number, (peer, inflater)) in peers.iter_mut().enumerate() {
                told += &format!("client {} hears\n", number + 1);
                for _ in ["joined", "message"] {
                    told += &format!("  {}\n", peer.hears(inflater));
                }
            }
            told
        },
    }
}

#[test]
fn a_client_compresses() {
    check! {
        rfc: "RFC 7692 §5",
        rule: "A client offers the extension, and talks with servers that take it and with those that don't.",
        signs: [
            missing(["the echo"]).says("The echo doesn't come back as it was sent."),
        ],
        shows: || {
            let servers = [
                ("compresses", echo(Compression::default())),
                ("doesn't", echo::Server::start(loopback(), echo::Settings::default()).expect("the server starts")),
            ];
            let mut told = String::new();
            for (what, server) in &servers {
                let settings = client::Settings {
                    extension: Some(Arc::new(Compression::default())),
                    ..client::Settings::default()
                };
                let url = format!("ws://{}/socket", server.address());
                let target = url.parse().expect("the check's own URL is right");
                let (client, events) = client::connect(&target, &settings).expect("the server accepts");
                let agreed = &client.agreement().extensions;
                let agreed: Vec<&str> = agreed.iter().map(|it| it.name.as_str()).collect();
                told += &format!("the server {what}: agreed on {agreed:?}\n");
                for text in [LONG, LONG, ""] {
                    client.send_text(text).expect("it is open");
                    let echo = events.iter().find(|event| matches!(event, Event::Text(_)));
                    told += &format!("  {}\n", echo.map_or("the end".to_string(), |echo| format!("{echo:?}")));
                }
            }
            told
        },
    }
}
