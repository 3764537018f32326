//! Moves bytes between a stream and a connection, until the connection has ended.
//!
//! One thread does everything in turn: read, answer, look at the clock, write. That is enough, because
//! everything that an echo server says is an answer.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use connection::{CloseCode, Connection, Event, State};

use crate::deadlines::{Deadlines, Due, Patience};
use crate::echo;
use crate::log::Log;
use crate::tap::Tap;

/// The size of the read buffer, in bytes. Each connection has one, so it is small.
pub const READ_BUFFER_SIZE: usize = 16 * 1024;

/// One connection, its stream, and its deadlines.
// ANCHOR: driver
pub struct Driver<'a, Stream> {
    stream: Stream,
    connection: Connection,
    deadlines: Deadlines,
    /// Set when the server stops.
    stop: &'a AtomicBool,
    /// Draws the frames, if the page has asked for that.
    tap: Option<Tap>,
    /// The log for a failure, and the address that it names.
    log: Option<(&'a Log, SocketAddr)>,
}

/// The outcome of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReadOutcome {
    /// So many bytes came, at least one.
    Bytes(usize),
    /// Nothing yet: it is time to look at the clock.
    Tick,
    /// TCP has ended.
    End,
}
// ANCHOR_END: driver

impl<'a, Stream: Read + Write> Driver<'a, Stream> {
    /// Creates a driver for a connection whose handshake is done. When `stop` is set, it closes the connection.
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

    /// Runs the connection to its end, when nothing is left to read or to write.
    ///
    /// # Errors
    /// Returns the stream's error if TCP has failed, or if a write has waited too long because the peer
    /// doesn't read.
    // ANCHOR: run
    pub fn run(mut self) -> io::Result<()> {
        // Task: read, receive, look at the clock, write; until the connection says that we close TCP.
        // Begin with `receive(&[])`: the first event, `Open`, is there before any byte has come. An echo
        // has nothing to say to it; an application that greets its clients has.
        let mut buffer = vec![0; READ_BUFFER_SIZE];
        self.receive(&[]);
        while !self.connection.should_close_tcp() {
            match self.read(&mut buffer)? {
                ReadOutcome::Bytes(count) => self.receive(&buffer[..count]),
                ReadOutcome::Tick => {}
                ReadOutcome::End => _ = self.connection.eof(),
            }
            self.keep_time();
            self.write()?;
        }
        Ok(())
    }
    // ANCHOR_END: run

    /// Reads once. A stream that has waited long enough returns `WouldBlock` or `TimedOut`, and a signal
    /// may interrupt it. None of these is the end.
    // ANCHOR: read
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<ReadOutcome> {
        // Task: tell four outcomes from each other: bytes, the end, a tick, and a failure.
        match self.stream.read(buffer) {
            Ok(0) => Ok(ReadOutcome::End),
            Ok(count) => Ok(ReadOutcome::Bytes(count)),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {
                    Ok(ReadOutcome::Tick)
                }
                _ => Err(error),
            },
        }
    }
    // ANCHOR_END: read

    /// Takes the bytes of a read, and answers every event that they lead to.
    // ANCHOR: receive
    fn receive(&mut self, bytes: &[u8]) {
        // Task: tell the deadlines, and the tap if there is one; then answer event by event.
        self.deadlines.received(Instant::now());
        if let Some(tap) = &mut self.tap {
            tap.received(bytes);
        }
        self.connection.feed(bytes);
        while let Some(event) = self.next_event() {
            echo::answer(&mut self.connection, &event);
        }
    }
    // ANCHOR_END: receive

    /// Returns the next event of the connection. A failure is logged, too (RFC 6455 §7.1.7).
    // ANCHOR: next_event
    fn next_event(&mut self) -> Option<Event> {
        let event = self.connection.poll()?;
        if let (Event::Error(failure), Some((log, peer))) = (&event, self.log) {
            let code = failure.close_code();
            log.write(format!("{peer}: closed with {code}: {failure}"));
        }
        Some(event)
    }
    // ANCHOR_END: next_event

    /// Sends the ping or the Close that is due, or ends the connection.
    // ANCHOR: keep_time
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
        // It fails only if the connection is closing already.
        _ = self.connection.close(code, reason);
        self.deadlines.close_sent(Instant::now());
    }
    // ANCHOR_END: keep_time

    /// Writes everything that waits to be written, at once.
    // ANCHOR: write
    fn write(&mut self) -> io::Result<()> {
        // Task: everything goes out in one write, and nothing stays in a buffer. No bytes, no write.
        let outgoing = self.outgoing();
        if outgoing.is_empty() {
            return Ok(());
        }
        self.stream.write_all(&outgoing)?;
        self.stream.flush()
    }
    // ANCHOR_END: write

    /// Takes the bytes that the connection wants to send, and adds the drawings of their frames.
    fn outgoing(&mut self) -> Vec<u8> {
        let mut outgoing = self.connection.take_outgoing();
        if let Some(tap) = &mut self.tap {
            tap.sent(&outgoing);
            for drawing in tap.drawings() {
                // Nothing follows a Close frame, not even a drawing.
                _ = self.connection.send_binary(drawing.as_bytes());
            }
            outgoing.extend(self.connection.take_outgoing());
        }
        outgoing
    }
}
