//! Step 00, `hello`: the server answers, to the byte.

use std::net::TcpListener;

use hello::server::Server;
use support::check;
use support::http::Client;
use support::wire::{Transcript, without_date};

fn transcript_of(target: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let server = Server::start(listener, 10, hello::answer).expect("the server starts");
    let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");

    let mut client = Client::connect(server.address());
    client.send(request.as_bytes());
    let response = client.response();

    let mut transcript = Transcript::new();
    transcript.client(request.as_bytes());
    transcript.server(&without_date(&response.bytes()));
    transcript.to_string()
}

#[test]
fn the_server_says_hello() {
    check! {
        rfc: "RFC 9112 §4",
        rule: "A response is a status line, header fields, an empty line, and then the body.",
        mistake: "A capital letter and its small one are one bit apart: 0010 0000. Which line of \
                  src/lib.rs has the small one?",
        shows: || transcript_of("/"),
    }
}

#[test]
fn another_path_is_not_found() {
    check! {
        rfc: "RFC 9110 §15.5.5",
        rule: "Where there is nothing at a path, the status is 404, with a body that says so.",
        mistake: "The sentence or the status of `answer` was changed along the way.",
        shows: || transcript_of("/nowhere"),
    }
}
