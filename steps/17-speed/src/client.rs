//! One client, from its first byte to its last: what happens in a turn.
//!
//! ```text
//!   Head ── 101 ──▶ Open ── all is said ──▶ Ending ── the client ends TCP, or a deadline ──▶ gone
//!     └───── any other answer ────────────────▲
//! ```

use std::io::{self, ErrorKind, IoSliceMut, Read};
use std::mem;
use std::net::Shutdown;
use std::time::{Duration, Instant};

use connection::{CloseCode, State};
use echo::{Deadlines, Due};
use frames::Opcode;
use handshake::head::HeadBuffer;
use mio::net::TcpStream;

use crate::answers::{Answers, Waiting};
use crate::app::App;
use crate::connection::{Config, Connection, Event};
use crate::frames::MAX_HEADER;
use crate::http::{self, Answer};
use crate::settings::Settings;
use crate::unfinished::Buffers;

/// The most bytes that one read takes, unless the rest of a message is longer. There is one such buffer for all clients
/// of a thread, so it can be large.
pub const READ_SIZE: usize = 256 * 1024;

/// The most reads in one turn. There is a second one only while a message is arriving: its bytes are still in the
/// processor's cache, and won't be once all others have had their turn.
const READS_IN_A_TURN: usize = 32;

/// How long a client may keep TCP open after its last answer, if it isn't a WebSocket.
const LINGER: Duration = Duration::from_millis(500);

/// Whether a read that brings less than was asked for shows that nothing more is there. epoll's manual says that it
/// does, and tokio relies on it for kqueue, too. Elsewhere, only `WouldBlock` shows it.
const SHORT_READ_IS_LAST: bool = cfg!(any(
    target_os = "linux",
    target_os = "android",
    target_os = "macos"
));

/// What the clients of a thread use in turn.
pub struct Desk {
    /// The server's limits.
    settings: Settings,
    /// What a read brings.
    read: Vec<u8>,
    /// What the answers are joined in. Empty between two turns.
    joined: Vec<u8>,
    /// What cut messages are put together in.
    buffers: Buffers,
}

impl Desk {
    /// Creates the desk of a thread.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            read: vec![0; READ_SIZE],
            joined: Vec::new(),
            buffers: Buffers::default(),
        }
    }

    /// Cleans up after a turn that was cut short: none of its bytes may reach the next client.
    pub fn tidy(&mut self) {
        self.joined.clear();
        self.read.resize(READ_SIZE, 0);
    }
}

/// What comes after a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// There may be more to read.
    Again,
    /// The system will say when something is to be done.
    Wait,
    /// The connection has ended.
    Gone,
}

/// A client.
pub struct Client<A: App> {
    stream: TcpStream,
    stage: Stage<A::Member>,
    /// What the socket didn't take.
    waiting: Waiting,
    /// The time since which the socket has taken none of that.
    stuck_since: Instant,
    /// Whether it is in the list of those that are ready.
    queued: bool,
    /// Whether the peer has ended its direction of TCP.
    read_closed: bool,
    is_refused: bool,
    /// Whether the application has had its last word while bytes waited. Then there is a deadline.
    is_cut_off: bool,
}

enum Stage<Member> {
    /// The head of its request is arriving, and must be here by this instant.
    Head(Box<HeadBuffer>, Instant),
    /// A WebSocket.
    Open(Connection, Deadlines, Member),
    /// All is said. What still comes is dropped, until this instant at the latest.
    Ending(Instant),
}

impl<A: App> Client<A> {
    /// Creates a client that has connected just now.
    pub fn new(stream: TcpStream, settings: &Settings, now: Instant) -> Self {
        let head = Box::new(HeadBuffer::new(settings.head));
        Self {
            stream,
            stage: Stage::Head(head, now + settings.head_within),
            waiting: Waiting::default(),
            stuck_since: now,
            queued: false,
            read_closed: false,
            is_refused: false,
            is_cut_off: false,
        }
    }

    /// Makes this answer the only one that the client gets.
    pub fn refuse(&mut self, answer: &[u8], now: Instant) {
        self.is_refused = true;
        self.stage = Stage::Ending(now + LINGER);
        self.waiting.put(answer);
    }

    /// Returns whether there was no room for it.
    pub fn is_refused(&self) -> bool {
        self.is_refused
    }

    /// Notes that its socket has become ready. Returns whether it has to be put into the list.
    pub fn became_ready(&mut self, read_closed: bool) -> bool {
        self.read_closed |= read_closed;
        !mem::replace(&mut self.queued, true)
    }

    /// Does what can be done without waiting, and leaves the list of those that are ready, unless there is more.
    ///
    /// # Errors
    /// Returns the stream's error if it has failed.
    pub fn turn(&mut self, desk: &mut Desk, app: &mut A, now: Instant) -> io::Result<Next> {
        let next = self.write_and_read(desk, app, now)?;
        self.queued = next == Next::Again;
        Ok(next)
    }

    /// Writes what waits. If nothing is left to write, reads, and answers what came.
    fn write_and_read(&mut self, desk: &mut Desk, app: &mut A, now: Instant) -> io::Result<Next> {
        // Task: a client that doesn't take its answers isn't read, either: TCP tells it to slow down.
        todo!(
            "a client that doesn't take its answers isn't read, either: TCP tells it to slow down"
        )
    }

    /// Writes what waits. Once all is written, writes the client's news, or ends TCP after the last word.
    fn write_waiting(&mut self, desk: &mut Desk, app: &mut A, now: Instant) -> io::Result<()> {
        if self.waiting.write(&mut self.stream)? > 0 {
            self.stuck_since = now;
        }
        if self.waiting.is_empty() {
            match self.stage {
                Stage::Ending(_) => self.stream.shutdown(Shutdown::Write)?,
                _ => _ = self.write_news(desk, app, now)?,
            }
        }
        Ok(())
    }

    fn read_head(&mut self, desk: &mut Desk, app: &mut A, now: Instant) -> io::Result<Next> {
        let Stage::Head(buffer, _) = &mut self.stage else {
            return Ok(Next::Wait);
        };
        let count = match self.stream.read(&mut desk.read) {
            Ok(count) => count,
            Err(error) => return after(error),
        };
        if count == 0 {
            return Ok(Next::Gone);
        }
        match http::answer(app, buffer, &desk.read[..count]) {
            None => {}
            Some(Answer::Last(answer)) => self.end_with(&answer, now)?,
            Some(Answer::Switch(answer, member)) => {
                // The first frame may have come in the same segment.
                let mut first = buffer.rest().to_vec();
                let connection = Connection::server(Config {
                    max_frame: desk.settings.max_message,
                    max_message: desk.settings.max_message,
                });
                let deadlines = Deadlines::new(desk.settings.patience, now);
                self.stage = Stage::Open(connection, deadlines, member);
                self.write(&answer, now)?;
                self.take(&mut first, 0, desk, app, now)?;
            }
        }
        Ok(self.after_read(count, desk.read.len()))
    }

    /// Reads, and reads on while a message is arriving.
    fn read_messages(&mut self, desk: &mut Desk, app: &mut A, now: Instant) -> io::Result<Next> {
        for _ in 1..READS_IN_A_TURN {
            let next = self.read_once(desk, app, now)?;
            if next != Next::Again || !self.is_amid_a_message() {
                return Ok(next);
            }
        }
        self.read_once(desk, app, now)
    }

    /// Returns whether a part of a message is here, and no answer waits.
    fn is_amid_a_message(&mut self) -> bool {
        match &mut self.stage {
            Stage::Open(connection, ..) => self.waiting.is_empty() && !connection.room().is_empty(),
            _ => false,
        }
    }

    /// Reads once, and answers all that this has brought.
    fn read_once(&mut self, desk: &mut Desk, app: &mut A, now: Instant) -> io::Result<Next> {
        let Stage::Open(connection, deadlines, _) = &mut self.stage else {
            return Ok(Next::Wait);
        };
        // What is missing of a message goes straight to its place, and only what follows into the shared buffer. After a
        // long one, that is little: a header, so that the next long one goes straight to its place, too.
        let room = connection.room();
        let beyond = READ_SIZE.saturating_sub(room.len()).max(MAX_HEADER);
        let (straight, asked) = (room.len(), room.len() + beyond);
        let shared = &mut desk.read[..beyond];
        let read = if room.is_empty() {
            self.stream.read(shared)
        } else {
            let both = &mut [IoSliceMut::new(room), IoSliceMut::new(shared)];
            self.stream.read_vectored(both)
        };
        let count = match read {
            Ok(count) => count,
            Err(error) => return after(error),
        };
        if count == 0 {
            return Ok(Next::Gone);
        }
        deadlines.received(now);
        let straight = straight.min(count);
        let mut read = mem::take(&mut desk.read);
        let taken = self.take(&mut read[..count - straight], straight, desk, app, now);
        desk.read = read;
        taken?;
        Ok(self.after_read(count, asked))
    }

    /// Takes the bytes of a read, and answers every message in them. Ahead of them, `straight` bytes were read straight
    /// to their place.
    fn take(
        &mut self,
        mut read: &mut [u8],
        straight: usize,
        desk: &mut Desk,
        app: &mut A,
        now: Instant,
    ) -> io::Result<()> {
        let Stage::Open(connection, _, member) = &mut self.stage else {
            return Ok(());
        };
        let mut answers = Answers::new(&mut self.stream, &mut desk.joined, &mut self.waiting);
        let mut failure = None;
        let mut next = match straight {
            0 => None,
            count => connection.came(count, answers.buffer()),
        };
        loop {
            let event = match next.take() {
                Some(event) => event,
                None => match connection.poll(&mut read, answers.buffer(), &mut desk.buffers) {
                    Some(event) => event,
                    None => break,
                },
            };
            let (opcode, payload) = match event {
                Event::Text(payload) => (Opcode::Text, payload),
                Event::Binary(payload) => (Opcode::Binary, payload),
                Event::Error(why) => {
                    failure = Some(why);
                    continue;
                }
                _ => continue,
            };
            // After our Close, nothing can be answered.
            if connection.state() == State::Open {
                // The pong to an earlier ping goes ahead of what this message leads to.
                app.post(member, answers.buffer(), true);
                app.hear(member, opcode, &payload, &mut answers)?;
            }
            desk.buffers.give_back(payload);
        }
        let is_open = connection.state() == State::Open;
        app.post(member, answers.buffer(), is_open);
        answers.finish()?;
        if let Some(failure) = failure {
            app.note_failure(self.stream.peer_addr().ok(), &failure);
        }
        self.stuck_since = now;
        self.end_if_done(desk, app, now)
    }

    /// Reads, and drops what comes.
    fn read_nothing(&mut self, desk: &mut Desk) -> io::Result<Next> {
        match self.stream.read(&mut desk.read) {
            Ok(0) => Ok(Next::Gone),
            Ok(count) => Ok(self.after_read(count, desk.read.len())),
            Err(error) => after(error),
        }
    }

    /// Says whether there is more to read, after a read that brought `count` of the `asked` bytes.
    fn after_read(&self, count: usize, asked: usize) -> Next {
        // Task: the system says only once that a socket is readable. So read on, until nothing more can be there.
        todo!(
            "the system says only once that a socket is readable. So read on, until nothing more can be there"
        )
    }

    /// Writes what the application has for this client, all of it in one write if the socket takes it.
    ///
    /// # Errors
    /// Returns the stream's error if it has failed.
    pub fn write_news(&mut self, desk: &mut Desk, app: &mut A, now: Instant) -> io::Result<Next> {
        let Stage::Open(connection, _, member) = &mut self.stage else {
            return Ok(Next::Wait);
        };
        while self.waiting.is_empty() {
            let more = app.collect(member, &mut desk.joined, connection.should_close_tcp());
            if desk.joined.is_empty() {
                if !more {
                    self.end(desk.settings.patience.close_within, now)?;
                }
                break;
            }
            Answers::new(&mut self.stream, &mut desk.joined, &mut self.waiting).finish()?;
            self.stuck_since = now;
        }
        Ok(Next::Wait)
    }

    /// Ends TCP if all is said and written. That is asked after each turn, whether there is news or not.
    fn end_if_done(&mut self, desk: &mut Desk, app: &mut A, now: Instant) -> io::Result<()> {
        match &self.stage {
            Stage::Open(connection, ..) if connection.should_close_tcp() => {
                self.write_news(desk, app, now).map(|_| ())
            }
            _ => Ok(()),
        }
    }

    /// Sends the last answer to a request.
    fn end_with(&mut self, answer: &[u8], now: Instant) -> io::Result<()> {
        self.write(answer, now)?;
        self.end(LINGER, now)
    }

    /// Writes bytes at once, or as soon as the socket takes them.
    fn write(&mut self, bytes: &[u8], now: Instant) -> io::Result<()> {
        self.waiting.put(bytes);
        self.stuck_since = now;
        self.waiting.write(&mut self.stream).map(|_| ())
    }

    /// Says nothing more: TCP ends once everything is written. If we closed TCP while bytes are unread, our own last
    /// bytes might be lost, so the client has some time to end TCP first.
    fn end(&mut self, within: Duration, now: Instant) -> io::Result<()> {
        self.stage = Stage::Ending(now + within);
        if self.waiting.is_empty() {
            self.stream.shutdown(Shutdown::Write)?;
        }
        Ok(())
    }

    /// Looks at the clock.
    ///
    /// # Errors
    /// Returns the stream's error if it has failed.
    pub fn keep_time(&mut self, desk: &mut Desk, app: &mut A, now: Instant) -> io::Result<Next> {
        if !self.waiting.is_empty() {
            let is_stuck = now.duration_since(self.stuck_since) >= desk.settings.write_within;
            let is_over = is_stuck || self.is_over(app, now);
            return Ok(if is_over { Next::Gone } else { Next::Wait });
        }
        match &mut self.stage {
            Stage::Head(buffer, deadline) if now >= *deadline => match http::too_late(buffer) {
                Some(answer) => self.end_with(&answer, now).map(|()| Next::Wait),
                None => Ok(Next::Gone),
            },
            Stage::Ending(deadline) if now >= *deadline => Ok(Next::Gone),
            Stage::Open(connection, deadlines, _) => {
                // On a closing connection these are errors, and nothing is sent.
                match deadlines.due(now) {
                    None => return Ok(Next::Wait),
                    Some(Due::End) => return Ok(Next::Gone),
                    Some(Due::Ping) => _ = connection.send_ping(b"still there?", &mut desk.joined),
                    Some(Due::Close) => {
                        let (code, reason) = (CloseCode::POLICY_VIOLATION, "no answer to a ping");
                        _ = connection.close(code, reason, &mut desk.joined);
                        deadlines.close_sent(now);
                    }
                }
                self.send_joined(desk, app, now)
            }
            _ => Ok(Next::Wait),
        }
    }

    /// Returns whether a client that was cut off has used up its time: as much as for the answer to a Close, which it
    /// doesn't even read.
    fn is_over(&mut self, app: &A, now: Instant) -> bool {
        let Stage::Open(_, deadlines, member) = &mut self.stage else {
            return false;
        };
        if !app.is_finished(member) {
            return false;
        }
        // The Close is the application's, so the connection doesn't know of it.
        if !mem::replace(&mut self.is_cut_off, true) {
            deadlines.close_sent(now);
        }
        deadlines.due(now) == Some(Due::End)
    }

    /// Tells the client that the server stops.
    ///
    /// # Errors
    /// Returns the stream's error if it has failed.
    pub fn say_goodbye(&mut self, desk: &mut Desk, app: &mut A, now: Instant) -> io::Result<Next> {
        match &mut self.stage {
            Stage::Head(..) => Ok(Next::Gone),
            Stage::Ending(_) => Ok(Next::Wait),
            Stage::Open(connection, deadlines, _) => {
                let (code, reason) = (CloseCode::GOING_AWAY, "the server stops");
                _ = connection.close(code, reason, &mut desk.joined);
                deadlines.close_sent(now);
                self.send_joined(desk, app, now)
            }
        }
    }

    /// Sends what the connection has just said without being asked.
    fn send_joined(&mut self, desk: &mut Desk, app: &mut A, now: Instant) -> io::Result<Next> {
        if let Stage::Open(connection, _, member) = &mut self.stage {
            let is_open = connection.state() == State::Open;
            app.post(member, &mut desk.joined, is_open);
            if !desk.joined.is_empty() {
                Answers::new(&mut self.stream, &mut desk.joined, &mut self.waiting).finish()?;
                self.stuck_since = now;
            }
        }
        Ok(Next::Wait)
    }

    /// Tells the application that the client has gone.
    pub fn leave(&mut self, app: &mut A) {
        if let Stage::Open(_, _, member) = &mut self.stage {
            app.leave(member);
        }
    }
}

/// Returns what follows a read that has failed.
fn after(error: io::Error) -> io::Result<Next> {
    match error.kind() {
        ErrorKind::WouldBlock => Ok(Next::Wait),
        ErrorKind::Interrupted => Ok(Next::Again),
        _ => Err(error),
    }
}
