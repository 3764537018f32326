//! One client, from its 101 to its end: two threads on one socket.
//!
//! ```text
//!              ┌────────────────── reader ──────────────────┐
//!  socket ────▶│ Connection ─ event ─▶ Room ──────── frame ─┼─▶ everybody's Outbox
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
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use connection::{CloseCode, Config, Connection, Event, State};
use echo::{Deadlines, Due, Patience};

use crate::outbox::{Bytes, Outbox};

/// The most that one read takes, in bytes. Each client holds as much memory, so it is small.
const READ_AT_ONCE: usize = 4 * 1024;

/// The longest time that a write may be stuck: longer than any patience. The reader ends TCP before, and
/// with it the write; but not every system promises that.
const STUCK: Duration = Duration::from_secs(60);

/// The number of a client: 1, 2, 3 and so on.
pub type ClientId = u64;

/// What clients are connected to. For this chat it is the [`Hub`](crate::Hub).
// ANCHOR: room
pub trait Room: Sync {
    /// Takes a message, [`Event::Text`] or [`Event::Binary`]. Returns the answer to this client alone,
    /// where there is one.
    fn hear(&self, client: ClientId, message: &Event) -> Option<String>;

    /// A client has gone, or is about to. It may be said twice.
    fn leave(&self, client: ClientId);

    /// More waits for a client than may wait.
    fn too_slow(&self, client: ClientId);
}
// ANCHOR_END: room

/// What the writer writes to: a socket, or in a check something that takes a few bytes at a time.
// ANCHOR: sink
pub trait Sink: Write {
    /// Ends TCP in one direction, or in both.
    ///
    /// # Errors
    /// Returns an error if TCP has ended already.
    fn shutdown(&self, how: Shutdown) -> io::Result<()>;
}
// ANCHOR_END: sink

impl Sink for &TcpStream {
    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        TcpStream::shutdown(self, how)
    }
}

/// How much a client may send at once, and how long it is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most that a message may have, in bytes. A longer one fails the connection with 1009.
    pub max_message: u64,
    /// How long a silent peer is waited for.
    pub patience: Patience,
}

/// The half that reads.
// ANCHOR: client
pub struct Client<'a> {
    /// Both threads use it: the standard library can read and write through a shared reference.
    stream: &'a TcpStream,
    room: &'a dyn Room,
    id: ClientId,
    connection: Connection,
    outbox: Arc<Outbox>,
    deadlines: Deadlines,
    /// Whether goodbye has been said, by whomever. What is left has a deadline then.
    closing: bool,
}
// ANCHOR_END: client

/// Runs a client that has joined a room until it has gone, and then it leaves the room. It has its 101
/// already; `first` is what came behind its handshake. The stream's timeout for reading is the tick of its clock.
///
/// # Errors
/// No thread can be started.
// ANCHOR: run
pub fn run(
    stream: &TcpStream,
    first: &[u8],
    (room, id): (&dyn Room, ClientId),
    outbox: Arc<Outbox>,
    limits: Limits,
) -> io::Result<()> {
    let client = Client {
        stream,
        room,
        id,
        connection: Connection::server(Config {
            max_frame: limits.max_message,
            max_message: limits.max_message,
            ..Config::default()
        }),
        outbox: Arc::clone(&outbox),
        deadlines: Deadlines::new(limits.patience, Instant::now()),
        closing: false,
    };
    stream.set_write_timeout(Some(STUCK))?;
    thread::scope(|scope| {
        let (writing, written) = mpsc::channel::<Infallible>();
        thread::Builder::new().spawn_scoped(scope, || {
            write_all(stream, &outbox);
            if !outbox.is_finished() {
                // TCP has failed: the client has gone, whatever it sent before that.
                outbox.finish(Bytes::default());
                room.leave(id);
            }
            drop(writing);
        })?;
        client.read_all(first);
        // What waits is still written, unless that takes too long.
        _ = written.recv_timeout(limits.patience.close_within);
        _ = stream.shutdown(Shutdown::Both);
        Ok(())
    })
}
// ANCHOR_END: run

/// Writes what waits, until there is nothing more to come. Then the client is told so by TCP (FIN).
// ANCHOR: write_all
pub fn write_all(mut stream: impl Sink, outbox: &Outbox) {
    // Task: when a write fails, the client is gone, and its reader must not wait for it any longer.
    // After the last piece, the client learns that we send no more. It may still send.
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
    fn read_all(mut self, first: &[u8]) {
        // Task: `first` is here already. Silence isn't the end of TCP, and time runs even while bytes come.
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
        self.deadlines.received(Instant::now());
        self.connection.feed(bytes);
        while let Some(event) = self.connection.poll() {
            // Task: a message is for the room. Its answer goes out ahead of anything that the next one causes.
            let answer = match event {
                Event::Text(_) | Event::Binary(_) => self.hear(&event),
                _ => None,
            };
            if let Some(text) = answer {
                // On a connection that closes, nobody waits for an answer.
                _ = self.connection.send_text(&text);
                // Now: what the next message leads to comes behind it.
                self.post();
            }
        }
        self.post();
    }
    // ANCHOR_END: take

    /// Lets the room hear a message. Once the outbox is finished, later messages are dropped: they must not
    /// keep others waiting for the room's lock.
    fn hear(&self, message: &Event) -> Option<String> {
        match self.outbox.is_finished() {
            true => None,
            false => self.room.hear(self.id, message),
        }
    }

    /// Puts what the connection wants to send into the outbox.
    // ANCHOR: post
    fn post(&mut self) {
        // Task: nothing follows our Close frame, and a client that is closing isn't in the room any more.
        // A client that lets even its own pongs pile up is too slow.
        let outgoing = self.connection.take_outgoing().into();
        if self.connection.state() != State::Open {
            self.outbox.finish(outgoing);
            self.room.leave(self.id);
        } else if self.outbox.push(outgoing).is_err() {
            self.room.too_slow(self.id);
        }
    }
    // ANCHOR_END: post

    /// Does what is due, and says what that was.
    // ANCHOR: keep_time
    fn keep_time(&mut self) -> Option<Due> {
        let now = Instant::now();
        // The Close frame may be the room's: then the connection doesn't know of it.
        if self.outbox.is_finished() && !self.closing {
            self.closing = true;
            self.deadlines.close_sent(now);
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

impl Drop for Client<'_> {
    /// However its thread ends, by a panic too: the client is not here any more, and the writer has nothing
    /// to wait for.
    fn drop(&mut self) {
        self.outbox.finish(Bytes::default());
        // A panic in `leave` on top of another one would end the process.
        _ = panic::catch_unwind(AssertUnwindSafe(|| self.room.leave(self.id)));
    }
}

/// A read that has waited for long enough, or that a signal has interrupted.
pub fn is_nothing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}
