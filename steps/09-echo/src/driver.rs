//! Moves bytes between a stream and a connection, until the connection has ended.
//!
//! One thread does everything in turn: read, answer, look at the clock, write. It can do so because
//! an echo server never has anything to say that isn't an answer.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use connection::{CloseCode, Connection, Event, State};

use crate::deadlines::{Deadlines, Due, Patience};
use crate::echo;
use crate::log::Log;
use crate::tap::Tap;

/// The most that one read takes, in bytes. Each connection holds as much memory, so it is small.
pub const READ_BUFFER_SIZE: usize = 16 * 1024;

/// One connection, its stream, and its deadlines.
pub struct Driver<'a, Stream> {
    stream: Stream,
    connection: Connection,
    deadlines: Deadlines,
    /// Set when the server stops.
    stop: &'a AtomicBool,
    /// Draws the frames, where the page has asked for that.
    tap: Option<Tap>,
    /// Where failures are logged, and for which peer.
    log: Option<(&'a Log, SocketAddr)>,
}

/// What a read has brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReadOutcome {
    /// So many bytes, at least one.
    Bytes(usize),
    /// Nothing yet: it is time to look at the clock.
    Tick,
    /// TCP has ended.
    End,
}

impl<'a, Stream: Read + Write> Driver<'a, Stream> {
    /// A driver for a connection whose handshake is done. `stop` ends it from outside.
    pub fn new(
        stream: Stream,
        connection: Connection,
        patience: Patience,
        stop: &'a AtomicBool,
    ) -> Self {
        Self {
            stream,
            connection,
            deadlines: Deadlines::new(patience, Instant::now()),
            stop,
            tap: None,
            log: None,
        }
    }

    /// Adds a log. If the connection fails, a line says what `peer` did wrong.
    pub fn with_log(self, log: &'a Log, peer: SocketAddr) -> Self {
        Self {
            log: Some((log, peer)),
            ..self
        }
    }

    /// Adds a tap, or none. With one, each frame is followed by a drawing of it, in a binary message.
    pub fn with_tap(self, tap: Option<Tap>) -> Self {
        Self { tap, ..self }
    }

    /// Runs the connection to its end: there is nothing to read any more, and nothing to write.
    ///
    /// # Errors
    /// TCP has failed, or the peer has not read what it was sent.
    pub fn run(mut self) -> io::Result<()> {
        // Task: read, take, look at the clock, write; until the connection says that we close TCP.
        // Begin with `receive(&[])`: the first event, `Open`, is there before any byte has come. An echo
        // has nothing to say to it; an application that greets its clients has.
        todo!("read, take, look at the clock, write; until the connection says that we close TCP")
    }

    /// One read. A stream that has waited for long enough says `WouldBlock` or `TimedOut`; a signal
    /// may interrupt it. None of these is the end.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<ReadOutcome> {
        // Task: tell bytes, the end, a wait that is over and a failure from each other.
        todo!("tell bytes, the end, a wait that is over and a failure from each other")
    }

    /// Takes what a read has brought, and answers every event that it leads to.
    fn receive(&mut self, bytes: &[u8]) {
        // Task: tell the deadlines, and the tap if there is one; then answer event by event.
        todo!("tell the deadlines, and the tap if there is one; then answer event by event")
    }

    /// The next event of the connection. If it is a failure, the log has it, too (RFC 6455 §7.1.7).
    fn next_event(&mut self) -> Option<Event> {
        let event = self.connection.poll()?;
        if let (Event::Error(failure), Some((log, peer))) = (&event, self.log) {
            let code = failure.close_code();
            log.write(format!("{peer}: closed with {code}: {failure}"));
        }
        Some(event)
    }

    /// Does what is due: a ping, a Close, the end.
    fn keep_time(&mut self) {
        let open = self.connection.state() == State::Open;
        if open && self.stop.load(Ordering::Relaxed) {
            self.close(CloseCode::GOING_AWAY, "the server stops");
        }
        match self.deadlines.due(Instant::now()) {
            Some(Due::Ping) => _ = self.connection.send_ping(b"still there?"),
            Some(Due::Close) => self.close(CloseCode::POLICY_VIOLATION, "no answer to a ping"),
            Some(Due::End) => _ = self.connection.eof(),
            None => {}
        }
    }

    fn close(&mut self, code: CloseCode, reason: &str) {
        // It fails only where the connection is closing already.
        _ = self.connection.close(code, reason);
        self.deadlines.close_sent(Instant::now());
    }

    /// Writes everything that there is to write, at once.
    fn write(&mut self) -> io::Result<()> {
        // Task: all of it goes out in one write, and nothing waits in a buffer. No write for nothing.
        todo!(
            "all of it goes out in one write, and nothing waits in a buffer. No write for nothing"
        )
    }

    /// What the connection wants to send, and the drawings of it.
    fn outgoing(&mut self) -> Vec<u8> {
        let mut outgoing = self.connection.take_outgoing();
        if let Some(tap) = &mut self.tap {
            tap.sent(&outgoing);
            for drawing in tap.drawings() {
                // Nothing follows a Close frame, no drawing either.
                _ = self.connection.send_binary(drawing.as_bytes());
            }
            outgoing.extend(self.connection.take_outgoing());
        }
        outgoing
    }
}
