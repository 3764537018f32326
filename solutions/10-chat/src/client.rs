//! One client, from its 101 to its end: two threads on one socket.
//!
//! ```text
//!              ┌────────────────── reader ──────────────────┐
//!  socket ────▶│ Connection ─ event ─▶ Room ──────── frame ─┼─▶ every Outbox
//!              │     │                                      │
//!              │     └─ take_outgoing: pongs, Close ────────┼─▶ own Outbox
//!              └────────────────────────────────────────────┘      │
//!              ┌─────────── writer ────────────┐                   │
//!  socket ◀────│ one write for all that waits  │◀──────────────────┘
//!              └───────────────────────────────┘
//! ```
//!
//! The reader decides, and never writes. The writer writes, and decides nothing. Only the writer writes to the
//! socket, so frames can't interleave. If it is stuck because the client doesn't read, no other thread is.

use std::convert::Infallible;
use std::io::{self, ErrorKind, Write};
use std::net::Shutdown;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use connection::{CloseCode, Config, Connection, Event, Extension, State};
use echo::{Deadlines, Due, Patience, Stream};

use crate::outbox::{Outbox, Piece};

/// The most that one read takes, in bytes. It is small, because each client has a buffer of this size.
const READ_SIZE: usize = 4 * 1024;

/// The longest time that a write may be stuck. It is longer than any patience: the reader ends TCP earlier, which also
/// ends the write, but not every system promises that.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);

/// The number of a client. Its room gives each client a fresh one: [`FIRST`](Self::FIRST), the one after it, and
/// so on. No number is given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(u64);

impl ClientId {
    /// The first client's number.
    pub const FIRST: Self = Self(1);

    /// The number after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A room that clients are connected to. In this chat, it is the [`Hub`](crate::Hub).
// ANCHOR: room
pub trait Room: Sync {
    /// Takes a message, [`Event::Text`] or [`Event::Binary`]. Returns the answer to this client alone, if there
    /// is one.
    fn hear(&self, client: ClientId, message: &Event) -> Option<String>;

    /// Takes out a client that has gone, or is about to go. It may be called twice.
    fn leave(&self, client: ClientId);

    /// Cuts off a client whose outbox is full.
    fn too_slow(&self, client: ClientId);
}
// ANCHOR_END: room

/// A destination for the writer: a socket, or in a check something that takes a few bytes at a time.
// ANCHOR: sink
pub trait Sink: Write {
    /// Ends TCP in one direction, or in both.
    ///
    /// # Errors
    /// Returns an error if TCP has ended already.
    fn shutdown(&self, how: Shutdown) -> io::Result<()>;
}
// ANCHOR_END: sink

impl Sink for &dyn Stream {
    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        Stream::shutdown(*self, how)
    }
}

/// The longest message, and the time that the server waits for a silent client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest message, in bytes. A longer one fails the connection with 1009.
    pub max_message: u64,
    /// The time that the server waits for a silent client.
    pub patience: Patience,
}

/// The reader of a client.
// ANCHOR: client
pub struct Client<'a> {
    /// Both threads use it: a stream can be read and written through a shared reference.
    stream: &'a dyn Stream,
    room: &'a dyn Room,
    id: ClientId,
    connection: Connection,
    outbox: Arc<Outbox>,
    deadlines: Deadlines,
    /// Whether the outbox has its last piece, from the connection or from the room. Then there is a deadline.
    closing: bool,
}
// ANCHOR_END: client

/// Runs a client that has joined a room, and returns when it has gone and left the room. The client already has its
/// 101, which names the extension if there is one; `first` is what came after its handshake. The stream's read timeout
/// is the tick of its clock.
///
/// # Errors
/// Returns an error if no thread can be started, or the stream's write timeout can't be set.
// ANCHOR: run
pub fn run(
    stream: &dyn Stream,
    first: &[u8],
    (room, id): (&dyn Room, ClientId),
    outbox: Arc<Outbox>,
    limits: Limits,
    extension: Box<dyn Extension>,
) -> io::Result<()> {
    let client = Client {
        stream,
        room,
        id,
        connection: Connection::server(Config {
            max_frame: limits.max_message,
            max_message: limits.max_message,
            extension,
        }),
        outbox: Arc::clone(&outbox),
        deadlines: Deadlines::new(limits.patience, Instant::now()),
        closing: false,
    };
    stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
    thread::scope(|scope| {
        let (writing, written) = mpsc::channel::<Infallible>();
        thread::Builder::new().spawn_scoped(scope, || {
            write_all(stream, &outbox);
            if !outbox.is_finished() {
                // TCP has failed: the client has gone, even if the reader still has input from it.
                outbox.finish(Piece::default());
                room.leave(id);
            }
            drop(writing);
        })?;
        client.read_all(first);
        // The writer may still write what waits, unless that takes too long.
        _ = written.recv_timeout(limits.patience.close_within);
        _ = stream.shutdown(Shutdown::Both);
        Ok(())
    })
}
// ANCHOR_END: run

/// Writes the pieces of the outbox, up to the last one. Then TCP tells the client that no more will come (FIN).
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
    /// Reads until the client has closed TCP, even after the closing handshake: if data is unread when a socket is
    /// closed, the system resets the connection, and the reset may overtake our Close frame.
    // ANCHOR: read_all
    fn read_all(mut self, first: &[u8]) {
        // Task: `first` is here already. Silence isn't the end of TCP, and time runs even while bytes come.
        let mut buffer = vec![0; READ_SIZE];
        self.take(first);
        while self.keep_time() != Some(Due::End) {
            match self.stream.read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => self.take(&buffer[..count]),
                Err(error) if is_transient(&error) => {}
                Err(_) => return,
            }
        }
    }
    // ANCHOR_END: read_all

    /// Takes the bytes of a read, and acts on every event that they cause.
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
                // On a closing connection this is an error, and the answer is dropped.
                _ = self.connection.send_text(&text);
                // Now, so that it comes before whatever the next message causes.
                self.post();
            }
        }
        self.post();
    }
    // ANCHOR_END: take

    /// Lets the room hear a message. Once the outbox is finished, later messages are dropped: they must not
    /// keep others waiting for the room's lock.
    fn hear(&self, message: &Event) -> Option<String> {
        if self.outbox.is_finished() {
            None
        } else {
            self.room.hear(self.id, message)
        }
    }

    /// Moves the connection's outgoing bytes to the outbox.
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

    /// Checks the deadlines, sends the ping or the Close that is due, and returns what was due.
    // ANCHOR: keep_time
    fn keep_time(&mut self) -> Option<Due> {
        let now = Instant::now();
        // If the Close frame is the room's, the connection doesn't know of it.
        if self.outbox.is_finished() && !self.closing {
            self.closing = true;
            self.deadlines.close_sent(now);
        }
        let due = self.deadlines.due(now);
        // On a closing connection this is an error, and nothing is sent.
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
    /// However the reader ends, even by a panic: the client leaves the room, and the writer stops waiting.
    fn drop(&mut self) {
        self.outbox.finish(Piece::default());
        // If a panic is the reason, a second one in `leave` would end the process.
        _ = panic::catch_unwind(AssertUnwindSafe(|| self.room.leave(self.id)));
    }
}

/// Returns whether a read failed only because it timed out, or because a signal interrupted it.
pub fn is_transient(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}
