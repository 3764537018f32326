//! How one client of step 17 runs: a server has it alone, and an application that says everything to a room of step 10.

use std::io::{self, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::task::Poll;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use chat::client::{ClientId, Limits, Room};
use connection::Event;
use frames::Opcode;
use handshake::head::{self, RequestHead};
use polling::routes::Reply;
use speed::{Answers, App, Server, Settings};
use support::frame::{TEXT, unmasked};
use support::http::exchange;

use super::rig::Notes;
use super::shared::{FOREVER, Peer, SHORT, handshake};

/// One client, in a room that takes notes.
struct OneClient {
    room: Arc<Notes>,
    /// Whether this round has asked for news. What the check has put into the outbox is news in the next one.
    is_asked: bool,
}

impl OneClient {
    fn push(&self, piece: &[u8]) {
        if self.room.outbox.push(piece.into()).is_err() {
            self.room.too_slow(ClientId::FIRST);
        }
    }
}

impl App for OneClient {
    type Member = ();

    fn get(&self, _path: &str, _query: &str) -> Reply {
        Reply::file("text/plain", "there is room")
    }

    fn join(&mut self, _request: &RequestHead, _query: &str) -> Result<(), Reply> {
        Ok(())
    }

    fn hear<Stream: Write>(
        &mut self,
        _member: &mut (),
        opcode: Opcode,
        payload: &[u8],
        _answers: &mut Answers<Stream>,
    ) -> io::Result<()> {
        if self.room.outbox.is_finished() {
            return Ok(());
        }
        let message = match opcode {
            Opcode::Text => Event::Text(String::from_utf8_lossy(payload).into_owned()),
            _ => Event::Binary(payload.to_vec()),
        };
        if let Some(answer) = self.room.hear(ClientId::FIRST, &message) {
            self.push(&unmasked(TEXT, answer.as_bytes()));
        }
        Ok(())
    }

    fn post(&mut self, _member: &mut (), bytes: &mut Vec<u8>, open: bool) {
        if open {
            self.push(bytes);
        } else {
            self.room.outbox.finish(bytes.as_slice().into());
            self.room.leave(ClientId::FIRST);
        }
        bytes.clear();
    }

    fn has_news(&mut self) -> bool {
        self.is_asked = !self.is_asked;
        self.is_asked
    }

    fn collect(&mut self, _member: &mut (), bytes: &mut Vec<u8>, _done: bool) -> bool {
        match self.room.outbox.take_now() {
            Poll::Pending => true,
            Poll::Ready(Some(pieces)) => {
                bytes.extend_from_slice(&pieces);
                true
            }
            Poll::Ready(None) => {
                // The room had the last word.
                self.room.leave(ClientId::FIRST);
                false
            }
        }
    }

    fn is_finished(&self, _member: &()) -> bool {
        self.room.outbox.is_finished()
    }

    fn leave(&mut self, _member: &mut ()) {
        self.room.leave(ClientId::FIRST);
    }
}

/// Runs a client in this room. Returns its peer, and a thread that ends when the client has gone: then there is room for
/// another.
pub fn run(
    room: &Arc<Notes>,
    first: &[u8],
    limits: Limits,
    tick: Duration,
) -> (Peer, JoinHandle<()>) {
    let settings = Settings {
        max_connections: 1,
        max_message: limits.max_message,
        head: head::Limits::default(),
        head_within: FOREVER,
        patience: limits.patience,
        write_within: FOREVER,
        // No thread waits for one client, so this is the only clock.
        tick: tick.min(SHORT / 4),
    };
    let app = OneClient {
        room: Arc::clone(room),
        is_asked: false,
    };
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let server = Server::start(listener, settings, app).expect("the server starts");
    let mut peer = Peer::connect(server.address());
    peer.send(&[&handshake("", "")[..], first].concat());
    peer.head();
    let running = thread::spawn(move || {
        while exchange(server.address(), "GET", "/", None).status == 503 {
            thread::sleep(SHORT / 10);
        }
    });
    (peer, running)
}
