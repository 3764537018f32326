//! One client, from its 101 to its end: two threads on one socket.
//!
//! ```text
//!              ┌────────────────── reader ──────────────────┐
//!  socket ────▶│ Connection ─ event ─▶ Rate ─▶ Hub ─ frame ─┼─▶ everybody's Outbox
//!              │     │                                      │
//!              │     └─ take_outgoing: pongs, Close ────────┼─▶ own Outbox
//!              └────────────────────────────────────────────┘      │
//!              ┌─────────── writer ────────────┐                   │
//!  socket ◀────│ one write for all that waits  │◀──────────────────┘
//!              └───────────────────────────────┘
//! ```
//!
//! The reader decides, and never writes. The writer writes, and decides nothing. It is the only one that
//! does, so frames can't interleave; and when it is stuck, because the client doesn't read, nobody
//! else is.

use std::convert::Infallible;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Instant;

use connection::{CloseCode, Config, Connection, Event, State};
use echo::{Deadlines, Due};

use crate::hub::{ClientId, Hub};
use crate::outbox::{Bytes, Outbox};
use crate::protocol::{News, Sorry};
use crate::rate::Rate;
use crate::server::Settings;

/// The most that one read takes, in bytes. Each client holds as much memory, so it is small.
const READ_AT_ONCE: usize = 4 * 1024;

/// The half that reads.
// ANCHOR: client
pub struct Client<'a> {
    /// Both threads use it: the standard library can read and write through a shared reference.
    stream: &'a TcpStream,
    hub: &'a Hub,
    id: ClientId,
    connection: Connection,
    outbox: Arc<Outbox>,
    rate: Rate,
    deadlines: Deadlines,
    /// Whether goodbye has been said, by whomever. What is left has a deadline then.
    closing: bool,
}
// ANCHOR_END: client

/// Runs a client that has joined until it has gone. `first` is what came behind the handshake.
///
/// # Errors
/// No thread can be started.
// ANCHOR: run
pub fn run(
    stream: &TcpStream,
    first: &[u8],
    (hub, id): (&Hub, ClientId),
    outbox: Arc<Outbox>,
    settings: &Settings,
) -> io::Result<()> {
    let mut client = Client {
        stream,
        hub,
        id,
        connection: Connection::server(Config {
            max_frame: settings.max_message,
            max_message: settings.max_message,
            ..Config::default()
        }),
        outbox: Arc::clone(&outbox),
        rate: Rate::new(settings.rate, Instant::now()),
        deadlines: Deadlines::new(settings.patience, Instant::now()),
        closing: false,
    };
    thread::scope(|scope| {
        let (writing, written) = mpsc::channel::<Infallible>();
        thread::Builder::new().spawn_scoped(scope, || {
            write_all(stream, &outbox);
            drop(writing);
        })?;
        client.read_all(first);
        // What waits is still written, unless that takes too long.
        hub.leave(id);
        outbox.finish(Bytes::default());
        _ = written.recv_timeout(settings.patience.close_within);
        _ = stream.shutdown(Shutdown::Both);
        Ok(())
    })
}
// ANCHOR_END: run

/// Writes what waits, until there is nothing more to come. Then the client is told so by TCP (FIN).
// ANCHOR: write_all
fn write_all(mut stream: &TcpStream, outbox: &Outbox) {
    // Task: one write for all that can be taken. When writing fails, end TCP both ways.
    while let Some(bytes) = outbox.take() {
        if stream.write_all(&bytes).is_err() {
            _ = stream.shutdown(Shutdown::Both);
            return;
        }
    }
    _ = stream.shutdown(Shutdown::Write);
}
// ANCHOR_END: write_all

impl Client<'_> {
    /// Reads until the client has closed TCP, also when the closing handshake is done: data that is still
    /// unread when a socket is closed makes the system reset the connection, and a reset may overtake
    /// our Close frame.
    // ANCHOR: read_all
    fn read_all(&mut self, first: &[u8]) {
        // Task: take what comes, and look at the clock; until TCP ends, or patience does.
        let mut buffer = vec![0; READ_AT_ONCE];
        self.take(first);
        while self.keep_time() != Some(Due::End) {
            match self.stream.read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => self.take(&buffer[..count]),
                Err(error) if is_nothing(&error) => {}
                Err(_) => return,
            }
        }
    }
    // ANCHOR_END: read_all

    /// Takes what a read has brought, and acts on every event that it leads to.
    // ANCHOR: take
    fn take(&mut self, bytes: &[u8]) {
        self.deadlines.heard(Instant::now());
        self.connection.feed(bytes);
        while let Some(event) = self.connection.poll() {
            // Task: a text message is for the hub; for a binary one, we are sorry.
            let heard = match event {
                Event::Text(text) => self.hear(&text),
                Event::Binary(_) => Err(Sorry::Binary),
                _ => Ok(()),
            };
            if let Err(sorry) = heard {
                let news = News::Error(sorry.to_string());
                // On a connection that closes, nobody waits for an answer.
                _ = self.connection.send_text(&news.to_json());
            }
        }
        self.post();
    }
    // ANCHOR_END: take

    fn hear(&mut self, text: &str) -> Result<(), Sorry> {
        if !self.rate.allows(Instant::now()) {
            return Err(Sorry::TooFast);
        }
        self.hub.hear(self.id, text)
    }

    /// Puts what the connection wants to send into the outbox.
    // ANCHOR: post
    fn post(&mut self) {
        // Task: behind a Close frame of ours nothing may follow, and the client is not here any more.
        let outgoing = self.connection.take_outgoing().into();
        if self.connection.state() != State::Open {
            self.outbox.finish(outgoing);
            self.hub.leave(self.id);
        } else if self.outbox.push(outgoing).is_err() {
            self.hub.too_slow(self.id);
        }
    }
    // ANCHOR_END: post

    /// Does what is due, and says what that was.
    // ANCHOR: keep_time
    fn keep_time(&mut self) -> Option<Due> {
        let now = Instant::now();
        // The Close frame may be the hub's: then the connection doesn't know of it.
        if self.outbox.is_finished() && !self.closing {
            self.closing = true;
            self.deadlines.closing(now);
        }
        let due = self.deadlines.due(now);
        // Where the connection is closing already, there is nothing more to say.
        _ = match due {
            Some(Due::Ping) => self.connection.send_ping(b"still there?"),
            Some(Due::Close) => {
                let code = CloseCode::POLICY_VIOLATION;
                self.connection.close(code, "no answer to a ping")
            }
            Some(Due::End) | None => return due,
        };
        self.post();
        due
    }
    // ANCHOR_END: keep_time
}

/// A read that has waited for long enough, or that a signal has interrupted.
pub fn is_nothing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}
