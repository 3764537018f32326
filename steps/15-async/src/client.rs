//! One client, from its 101 to its end: one task, which waits for several things at once.
//!
//! ```text
//!                     ┌───────────── select! ─────────────┐
//!  socket ── bytes ──▶│ read_some ─▶ Connection ─ event ──┼─▶ Room ─▶ every Outbox
//!  room ──── pieces ─▶│ Mailbox ──▶ Unwritten             │
//!  socket ◀─ bytes ───│ write_some ◀─┘                    │
//!  clock ─── alarm ──▶│ Deadlines ─▶ ping, Close, end     │
//!                     └───────────────────────────────────┘
//! ```
//!
//! Whatever comes first wins, and the other futures are dropped. So whatever must not be forgotten is in [`Client`],
//! and none of it in a future.

use std::future::poll_fn;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use chat::client::{ClientId, Limits, Room};
use chat::outbox::Piece;
use connection::{CloseCode, Config, Connection, Event, Extension, State};
use echo::{Deadlines, Due, Patience};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, sleep_until};

use crate::mailbox::Mailbox;
use crate::unwritten::Unwritten;

/// The most that one read takes, in bytes. The buffer is on the stack, and only while bytes are being read.
const READ_SIZE: usize = 8192;

/// 136 years: longer than any program runs. An alarm after this time is as good as none.
const FOR_EVER: Duration = Duration::from_secs(u32::MAX as u64);

/// A room that tasks share.
pub type SharedRoom = Arc<dyn Room + Send + Sync>;

/// One client: everything that must be there when the task goes on after a wait.
pub struct Client<Reader, Writer> {
    reader: Reader,
    writer: Writer,
    room: SharedRoom,
    id: ClientId,
    connection: Connection,
    mailbox: Mailbox,
    unwritten: Unwritten,
    deadlines: Deadlines,
    patience: Patience,
    /// The time at which the deadlines are asked next.
    alarm: Instant,
    /// Whether the outbox has its last piece, from the connection or from the room. Then there is a deadline.
    closing: bool,
    /// Whether the client may still send something.
    reads: bool,
}

/// What a client has waited for.
#[derive(Debug)]
enum Happened {
    /// This many bytes came, and the connection has them; 0 means that the client has ended TCP.
    Read(io::Result<usize>),
    /// The outbox had pieces; `None` is the end.
    Taken(Option<Vec<u8>>),
    /// Some of what is unwritten is written.
    Written(io::Result<()>),
    /// The outbox has its last piece, and others are still to be written.
    Finished,
    /// It is time to ask the deadlines.
    Alarm,
}

impl<Reader, Writer> Client<Reader, Writer>
where
    Reader: AsyncRead + Unpin,
    Writer: AsyncWrite + Unpin,
{
    /// Creates a client that has joined a room. It already has its 101, which names the extension if there is one.
    pub fn new(
        (reader, writer): (Reader, Writer),
        (room, id): (SharedRoom, ClientId),
        mailbox: Mailbox,
        limits: Limits,
        extension: Box<dyn Extension>,
    ) -> Self {
        let now = Instant::now();
        Self {
            reader,
            writer,
            room,
            id,
            connection: Connection::server(Config {
                max_frame: limits.max_message,
                max_message: limits.max_message,
                extension,
            }),
            mailbox,
            unwritten: Unwritten::default(),
            deadlines: Deadlines::new(limits.patience, now.into_std()),
            patience: limits.patience,
            alarm: now,
            closing: false,
            reads: true,
        }
    }

    /// Runs the client, until it has gone and left the room. `first` is what came after its handshake.
    ///
    /// After the closing handshake, it still reads until the client has closed TCP: if data is unread when a socket is
    /// closed, the system resets the connection, and the reset may overtake our Close frame.
    pub async fn run(mut self, first: &[u8]) {
        self.connection.feed(first);
        self.hear();
        while self.keep_time() != Some(Due::End) {
            let happened = self.wait().await;
            if self.act(happened).is_err() || self.is_done() {
                return;
            }
        }
    }

    /// Waits for whatever comes first. What came is in `self` or in the returned value, and nothing is half done.
    async fn wait(&mut self) -> Happened {
        // Task: five things, each only while it makes sense. Pieces are taken when all earlier ones are written, so
        // that what waits is in the outbox, which has a limit. While they can't be, the room may end it all the same.
        todo!(
            "five things, each only while it makes sense. Pieces are taken when all earlier ones are written, so"
        )
    }

    /// Acts on what has happened. Nothing in here waits.
    ///
    /// # Errors
    /// Returns an error if TCP has failed.
    fn act(&mut self, happened: Happened) -> io::Result<()> {
        match happened {
            Happened::Read(count) => match count? {
                0 => self.stop_reading(),
                _ => self.hear(),
            },
            Happened::Taken(taken) => self.unwritten.put(taken),
            Happened::Written(done) => done?,
            // The deadlines are asked after each wait.
            Happened::Finished | Happened::Alarm => {}
        }
        Ok(())
    }

    /// Returns whether TCP has ended in both directions.
    fn is_done(&self) -> bool {
        !self.reads && self.unwritten == Unwritten::Ended
    }

    /// Notes that the client has ended TCP, and sends nothing more. What waits for it is still written.
    fn stop_reading(&mut self) {
        self.reads = false;
        self.mailbox.outbox().finish(Piece::default());
        self.room.leave(self.id);
    }

    /// Acts on every event of the bytes that came.
    fn hear(&mut self) {
        let now = Instant::now();
        self.deadlines.received(now.into_std());
        if !self.closing {
            self.alarm = after(now, self.patience.ping_after);
        }
        while let Some(event) = self.connection.poll() {
            let is_message = matches!(event, Event::Text(_) | Event::Binary(_));
            if !is_message || self.mailbox.outbox().is_finished() {
                continue;
            }
            if let Some(text) = self.room.hear(self.id, &event) {
                // On a closing connection this is an error, and the answer is dropped.
                _ = self.connection.send_text(&text);
                // Now, so that it comes before whatever the next message causes.
                self.post();
            }
        }
        self.post();
    }

    /// Moves the connection's outgoing bytes to the outbox.
    fn post(&mut self) {
        let outgoing = self.connection.take_outgoing().into();
        if self.connection.state() != State::Open {
            self.mailbox.outbox().finish(outgoing);
            self.room.leave(self.id);
        } else if self.mailbox.outbox().push(outgoing).is_err() {
            self.room.too_slow(self.id);
        }
    }

    /// Asks the deadlines, sends the ping or the Close that is due, sets the next alarm, and returns what was due.
    fn keep_time(&mut self) -> Option<Due> {
        // Task: as in step 10, but there is no tick any more: after each answer, say when to ask again.
        todo!(
            "as in step 10, but there is no tick any more: after each answer, say when to ask again"
        )
    }
}

/// Reads once, and feeds the bytes to the connection. Returns how many came; 0 means that the client has ended TCP.
///
/// If this is dropped while it waits, nothing has been read.
///
/// # Errors
/// Returns an error if TCP has failed.
pub async fn read_some(
    reader: &mut (impl AsyncRead + Unpin),
    connection: &mut Connection,
) -> io::Result<usize> {
    // Task: no variable of this function lives while it waits, so the buffer is in the closure: ten thousand idle
    // clients have none. The connection gets the bytes before anything else can happen.
    todo!(
        "no variable of this function lives while it waits, so the buffer is in the closure: ten thousand idle"
    )
}

/// Returns the time that is `wait` from now. The command line allows longer waits than an `Instant` can hold, so
/// [`FOR_EVER`] is the longest.
fn after(now: Instant, wait: Duration) -> Instant {
    now + wait.min(FOR_EVER)
}

impl<Reader, Writer> Drop for Client<Reader, Writer> {
    /// Leaves the room, however the client ends: even by a panic, or because the runtime drops its task.
    fn drop(&mut self) {
        self.mailbox.outbox().finish(Piece::default());
        // If a panic is the reason, a second one in `leave` would end the process.
        _ = panic::catch_unwind(AssertUnwindSafe(|| self.room.leave(self.id)));
    }
}
