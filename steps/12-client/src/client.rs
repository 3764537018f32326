//! A connection on its socket, for a program that sends and receives whenever it likes.
//!
//! ```text
//!                 ┌─ feed, poll ──▶ events ──▶ your program
//!   reader ◀─ TCP │                                 │
//!                 Connection, under a lock ◀── send_text, close
//!   writer ─▶ TCP │
//!                 └─ take_outgoing
//! ```
//!
//! The reader never writes. So a server that doesn't read can't keep it from reading, and two sides that both
//! have much to say never wait for each other.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::mem;
use std::net::{Shutdown, TcpStream};
use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use connection::{CloseCode, Config, Connection, Event, Extension, NoExtension, SendError, State};
use echo::deadlines::{Deadlines, Due, Patience};
use echo::{Connector, Negotiation, Stream};
use handshake::client::{Agreement, ClientHandshake, Failure};
use handshake::extensions::Extension as Named;
use handshake::head::Limits;
use handshake::refusal::Refusal;

use crate::dial::{DialError, dial};
use crate::opening::{Opened, Opening, OpeningError};
use crate::random;
use crate::target::Target;

/// The most events that wait for the program. When there are more, nothing is read until it takes one.
const MAX_EVENTS: usize = 16;

/// What a client offers, what it allows, and how long it waits.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The subprotocols offered, in order of preference.
    pub subprotocols: Vec<String>,
    /// The origin to send, as a browser would: `https://example.org`. The default is none.
    pub origin: Option<String>,
    /// How long the lookup of a name may take.
    pub lookup_within: Duration,
    /// How long connecting may take, for all addresses of a name together.
    pub connect_within: Duration,
    /// How long the answer to the handshake may take, from the request to the last byte of its head.
    pub answer_within: Duration,
    /// The limits of that head.
    pub head: Limits,
    /// The most that a message may have, in bytes. A longer one fails the connection with 1009.
    pub max_message: u64,
    /// How many bytes may wait to be written. While there are more, sending waits.
    pub max_waiting: usize,
    /// How long a silent server is waited for.
    pub patience: Patience,
    /// How long a server may take nothing of the bytes that are written.
    pub write_within: Duration,
    /// How often a thread that reads looks at the clock.
    pub tick: Duration,
    /// The extension to offer. This step has none.
    pub extension: Option<Arc<dyn Negotiation>>,
    /// Makes the stream for a `wss:` URL. This step has no TLS.
    pub connector: Option<Arc<dyn Connector>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            subprotocols: Vec::new(),
            origin: None,
            lookup_within: Duration::from_secs(10),
            connect_within: Duration::from_secs(10),
            answer_within: Duration::from_secs(10),
            head: Limits::default(),
            max_message: 1 << 20,
            max_waiting: 1 << 20,
            patience: Patience::default(),
            write_within: Duration::from_secs(10),
            tick: Duration::from_millis(500),
            extension: None,
            connector: None,
        }
    }
}

/// Why there is no WebSocket.
#[derive(Debug)]
pub enum ConnectError {
    /// The URL begins with `wss:`, and the settings have no connector.
    NeedsTls,
    /// There is no TCP connection.
    Dial(DialError),
    /// The connector can't make a stream of it.
    Connector(io::Error),
    /// TCP has failed during the handshake, or no thread can be started.
    Io(io::Error),
    /// The subprotocols can't be offered: they aren't different tokens.
    Offer(Refusal),
    /// The handshake has failed.
    Opening(OpeningError),
    /// The answer wasn't whole in time.
    AnswerTooLate,
}

/// Answers an event before the next one is looked at.
type Answer = dyn FnMut(&mut Connection, &Event) + Send;

/// One end of an open WebSocket, to send with. Dropping it closes the connection with 1001.
///
/// The events come by a channel of their own. Sending may wait until the server reads, so a program that sends much
/// takes its events in another thread.
#[derive(Debug)]
pub struct Client {
    shared: Arc<Shared>,
    agreement: Agreement,
}

/// What the program and both threads use.
struct Shared {
    stream: Box<dyn Stream>,
    state: Mutex<Guarded>,
    /// There is something to write, or there is room again, or all is over.
    changed: Condvar,
    max_waiting: usize,
}

/// What the lock guards.
struct Guarded {
    connection: Connection,
    /// What has been taken out of the connection for the writer, but not by it. While this is short, each ping
    /// gets a pong of its own.
    waiting: Vec<u8>,
    deadlines: Deadlines,
    /// The program's answers, if it gives them at once.
    answer: Option<Box<Answer>>,
    /// Whether the writer is still there. If TCP fails, it is the first to know.
    can_write: bool,
}

/// Opens a WebSocket. The events begin with [`Event::Open`] and end with [`Event::Close`]; the channel ends when TCP
/// has ended.
///
/// # Errors
/// Returns [`ConnectError::NeedsTls`] if the URL begins with `wss:` and the settings have no connector,
/// [`ConnectError::Dial`] if no address accepts, [`ConnectError::Connector`] if TLS fails, [`ConnectError::Opening`] if
/// the handshake fails, [`ConnectError::AnswerTooLate`] if its answer takes too long, [`ConnectError::Offer`] if the
/// subprotocols can't be offered, and [`ConnectError::Io`] if TCP fails.
///
/// # Panics
/// Panics if the origin holds a control character.
pub fn connect(
    target: &Target,
    settings: &Settings,
) -> Result<(Client, Receiver<Event>), ConnectError> {
    connect_to(target, settings, None)
}

/// Opens a WebSocket like [`connect`], and answers each event before the next one is looked at, as an echo does. So the
/// echo of a message goes out before the Close for a rule that the server breaks right after it. The events come by the
/// channel, too.
///
/// `answer` runs in the reader's thread, under a lock that sending needs, so it mustn't wait. While too many of its
/// answers wait to be written, nothing is read. If it panics, the connection ends as if it were lost.
///
/// # Errors
/// Returns the errors of [`connect`].
///
/// # Panics
/// Panics if the origin holds a control character.
pub fn connect_with(
    target: &Target,
    settings: &Settings,
    answer: impl FnMut(&mut Connection, &Event) + Send + 'static,
) -> Result<(Client, Receiver<Event>), ConnectError> {
    connect_to(target, settings, Some(Box::new(answer)))
}

fn connect_to(
    target: &Target,
    settings: &Settings,
    answer: Option<Box<Answer>>,
) -> Result<(Client, Receiver<Event>), ConnectError> {
    if target.secure && settings.connector.is_none() {
        return Err(ConnectError::NeedsTls);
    }
    let (tcp, turn) = dial(target, settings.lookup_within, settings.connect_within)?;
    let stream = make_stream(tcp, target, settings)?;
    stream.set_read_timeout(Some(settings.tick))?;
    stream.set_write_timeout(Some(settings.write_within))?;
    let opened = open(&*stream, target, settings)?;
    drop(turn);
    let agreed = &opened.agreement.extensions;
    let extension = accept(agreed, settings.extension.as_deref())?;
    let config = Config {
        max_frame: settings.max_message,
        max_message: settings.max_message,
        extension,
    };
    Ok(start(stream, (opened, config), settings, answer)?)
}

/// Makes the stream that carries the WebSocket: TCP alone, or TLS if the URL asks for it.
fn make_stream(
    tcp: TcpStream,
    target: &Target,
    settings: &Settings,
) -> Result<Box<dyn Stream>, ConnectError> {
    tcp.set_nodelay(true)?;
    match &settings.connector {
        Some(connector) if target.secure => connector
            .connect(&target.name, tcp)
            .map_err(ConnectError::Connector),
        _ => Ok(Box::new(tcp)),
    }
}

/// Starts the extension that the server has chosen, if it has chosen one.
fn accept(
    chosen: &[Named],
    offered: Option<&dyn Negotiation>,
) -> Result<Box<dyn Extension>, ConnectError> {
    match offered {
        Some(offered) => offered
            .accept(chosen)
            .ok_or(OpeningError::Broken(Failure::Extension).into()),
        None => Ok(Box::new(NoExtension::default())),
    }
}

/// Does the opening handshake.
fn open(
    mut stream: &dyn Stream,
    target: &Target,
    settings: &Settings,
) -> Result<Opened, ConnectError> {
    let deadline = Instant::now() + settings.answer_within;
    let handshake = ClientHandshake {
        host: target.host.clone(),
        resource: target.resource.clone(),
        origin: settings.origin.clone(),
        key: random::handshake_key(),
        subprotocols: settings.subprotocols.clone(),
        extensions: settings.extension.iter().map(|it| it.offer()).collect(),
    };
    let request = handshake.request().map_err(ConnectError::Offer)?;
    stream.write_all(&request)?;
    let mut opening = Opening::new(handshake, settings.head);
    let mut buffer = [0; 1024];
    // Task: read until the answer is whole, TCP ends, or time is up.
    todo!("read until the answer is whole, TCP ends, or time is up")
}

/// Starts the two threads of an open connection.
fn start(
    stream: Box<dyn Stream>,
    (opened, config): (Opened, Config),
    settings: &Settings,
    answer: Option<Box<Answer>>,
) -> io::Result<(Client, Receiver<Event>)> {
    let shared = Arc::new(Shared {
        stream,
        state: Mutex::new(Guarded {
            connection: Connection::client(config, random::masking_key),
            waiting: Vec::new(),
            deadlines: Deadlines::new(settings.patience, Instant::now()),
            answer,
            can_write: true,
        }),
        changed: Condvar::new(),
        max_waiting: settings.max_waiting,
    });
    let (sender, events) = mpsc::sync_channel(MAX_EVENTS);
    thread::Builder::new().spawn({
        let shared = Arc::clone(&shared);
        move || {
            shared.write_all();
            shared.lock().can_write = false;
            shared.changed.notify_all();
        }
    })?;
    let close_within = settings.patience.close_within;
    let reader = thread::Builder::new().spawn({
        let shared = Arc::clone(&shared);
        move || {
            let read_all = || shared.read_all(&opened.early, &sender);
            if panic::catch_unwind(AssertUnwindSafe(read_all)).is_err() {
                // The program's answer has panicked. For everyone else, that is the end.
                shared.end(&sender);
            }
            shared.close_tcp(close_within);
        }
    });
    if reader.is_err() {
        // Otherwise, the writer would wait forever.
        shared.lock().connection.eof();
        shared.changed.notify_all();
    }
    reader?;
    let agreement = opened.agreement;
    Ok((Client { shared, agreement }, events))
}

impl Client {
    /// Returns what client and server have agreed on.
    pub fn agreement(&self) -> &Agreement {
        &self.agreement
    }

    /// Sends a text message. Waits while too much waits to be written.
    ///
    /// # Errors
    /// Returns [`SendError::NotOpen`] if the connection is closing or closed.
    pub fn send_text(&self, text: &str) -> Result<(), SendError> {
        self.shared.send(|connection| connection.send_text(text))
    }

    /// Sends a binary message. Waits while too much waits to be written.
    ///
    /// # Errors
    /// Returns [`SendError::NotOpen`] if the connection is closing or closed.
    pub fn send_binary(&self, bytes: &[u8]) -> Result<(), SendError> {
        self.shared.send(|connection| connection.send_binary(bytes))
    }

    /// Sends a ping. Its pong is an event.
    ///
    /// # Errors
    /// Returns [`SendError::PingTooLong`] if the payload is too long, and [`SendError::NotOpen`] if the
    /// connection is closing or closed.
    pub fn send_ping(&self, payload: &[u8]) -> Result<(), SendError> {
        self.shared.send(|connection| connection.send_ping(payload))
    }

    /// Begins the closing handshake. Messages that the server sends until its own Close still come.
    ///
    /// # Errors
    /// Returns [`SendError::NotOpen`] if the connection is closing or closed, and another [`SendError`] if a Close
    /// can't have this code or this reason.
    pub fn close(&self, code: CloseCode, reason: &str) -> Result<(), SendError> {
        self.shared.close(code, reason)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // It fails only if the connection is closing already.
        _ = self.close(CloseCode::GOING_AWAY, "");
    }
}

impl Shared {
    /// Puts something into the outgoing bytes.
    fn send(
        &self,
        send: impl FnOnce(&mut Connection) -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        // Task: wait for room. If TCP has failed, nothing is sent. Otherwise send, and wake the writer.
        todo!(
            "wait for room. If TCP has failed, nothing is sent. Otherwise send, and wake the writer"
        )
    }

    /// Waits while an open connection has too much to write, and a writer.
    fn wait_for_room(&self) -> MutexGuard<'_, Guarded> {
        self.wait_while(|guarded| {
            guarded.can_write
                && guarded.connection.state() == State::Open
                && guarded.outgoing_length() > self.max_waiting
        })
    }

    fn close(&self, code: CloseCode, reason: &str) -> Result<(), SendError> {
        let mut guarded = self.lock();
        guarded.connection.close(code, reason)?;
        guarded.deadlines.close_sent(Instant::now());
        self.changed.notify_all();
        Ok(())
    }

    /// The writer's thread: writes until nothing more will come.
    fn write_all(&self) {
        // Task: wait for bytes, or for the end. Never write under the lock. If TCP fails, the reader must learn it.
        todo!(
            "wait for bytes, or for the end. Never write under the lock. If TCP fails, the reader must learn it"
        )
    }

    /// The reader's thread: reads until the connection says that we close TCP.
    fn read_all(&self, early: &[u8], events: &SyncSender<Event>) {
        let mut buffer = vec![0; 16 * 1024];
        self.receive(early, events);
        // Task: the outcomes of a read are those of step 09. Look at the clock whatever has come.
        todo!("the outcomes of a read are those of step 09. Look at the clock whatever has come")
    }

    /// Takes the bytes of a read, and hands on the events that they lead to.
    fn receive(&self, bytes: &[u8], events: &SyncSender<Event>) {
        // Task: take them in under the lock. Hand on the events without the lock, because that may wait.
        todo!(
            "take them in under the lock. Hand on the events without the lock, because that may wait"
        )
    }

    /// Waits while too many of the program's answers wait to be written: a server that takes none gets no more.
    fn wait_for_answers(&self) {
        if self.lock().answer.is_some() {
            drop(self.wait_for_room());
        }
    }

    /// Notes that TCP has ended.
    fn end(&self, events: &SyncSender<Event>) {
        let last = self.lock().connection.eof();
        self.changed.notify_all();
        hand_on(last, events);
    }

    /// Sends the ping or the Close that is due, or ends the connection.
    fn keep_time(&self, events: &SyncSender<Event>) {
        let due = self.lock().deadlines.due(Instant::now());
        match due {
            Some(Due::Ping) => {
                _ = self.lock().connection.send_ping(b"still there?");
                self.changed.notify_all();
            }
            Some(Due::Close) => {
                _ = self.close(CloseCode::POLICY_VIOLATION, "no answer to a ping");
                self.lock().deadlines.close_sent(Instant::now());
            }
            Some(Due::End) => self.end(events),
            None => {}
        }
    }

    /// Waits until the writer has finished, ends our direction of TCP, and waits until the server has ended its own.
    /// Each of the two may take this long.
    fn close_tcp(&self, within: Duration) {
        let is_there = |guarded: &mut Guarded| guarded.can_write;
        let writer = self
            .changed
            .wait_timeout_while(self.lock(), within, is_there);
        drop(writer);
        _ = self.stream.shutdown(Shutdown::Write);
        let deadline = Instant::now() + within;
        let mut ignored = [0; 4096];
        while Instant::now() < deadline {
            if let Ok(ReadOutcome::End) | Err(_) = read(&*self.stream, &mut ignored) {
                break;
            }
        }
        // This also ends a write that is stuck.
        _ = self.stream.shutdown(Shutdown::Both);
    }

    fn wait_while(&self, condition: impl FnMut(&mut Guarded) -> bool) -> MutexGuard<'_, Guarded> {
        let guarded = self.changed.wait_while(self.lock(), condition);
        guarded.unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks, even after a thread has panicked with the lock in its hands.
    fn lock(&self) -> MutexGuard<'_, Guarded> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guarded {
    fn outgoing_length(&self) -> usize {
        self.waiting.len() + self.connection.outgoing_length()
    }

    fn take_outgoing(&mut self) -> Vec<u8> {
        let mut bytes = mem::take(&mut self.waiting);
        bytes.extend(self.connection.take_outgoing());
        bytes
    }

    /// Takes what the connection has to write, unless too much waits already: a connection with a backlog answers
    /// only the latest ping.
    fn make_room(&mut self, max_waiting: usize) {
        if self.waiting.len() <= max_waiting {
            self.waiting = self.take_outgoing();
        }
    }

    /// Takes the bytes of a read into the connection. Returns the events that they lead to.
    fn take_in(&mut self, bytes: &[u8], max_waiting: usize) -> Vec<Event> {
        self.deadlines.received(Instant::now());
        self.make_room(max_waiting);
        self.connection.feed(bytes);
        let events = self.answer_all();
        if events
            .iter()
            .any(|event| matches!(event, Event::Close { .. }))
        {
            // The server has its time to end TCP (RFC 6455 §7.1.1).
            self.deadlines.close_sent(Instant::now());
        }
        events
    }

    /// Answers the events of the bytes that were fed, each before the next one is looked at. Returns them.
    fn answer_all(&mut self) -> Vec<Event> {
        // Task: poll, answer, and poll again, until there are no more.
        todo!("poll, answer, and poll again, until there are no more")
    }
}

/// Hands events on. If the program has dropped its end of the channel, they are dropped, too.
fn hand_on(received: Vec<Event>, events: &SyncSender<Event>) {
    for event in received {
        _ = events.send(event);
    }
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

fn read(stream: &dyn Stream, buffer: &mut [u8]) -> io::Result<ReadOutcome> {
    match stream.read(buffer) {
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

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter
            .debug_struct("Shared")
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}

impl From<DialError> for ConnectError {
    fn from(error: DialError) -> Self {
        Self::Dial(error)
    }
}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<OpeningError> for ConnectError {
    fn from(error: OpeningError) -> Self {
        Self::Opening(error)
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::NeedsTls => formatter.write_str(
                "wss:// needs TLS, and this client has none; if the server is yours, try ws://",
            ),
            Self::Dial(error) => error.fmt(formatter),
            Self::Connector(error) => error.fmt(formatter),
            Self::Io(error) => write!(formatter, "TCP failed during the handshake: {error}"),
            Self::Offer(refusal) => formatter.write_str(&refusal.sentence()),
            Self::Opening(error) => error.fmt(formatter),
            Self::AnswerTooLate => {
                formatter.write_str("the answer to the handshake wasn't whole in time")
            }
        }
    }
}

impl Error for ConnectError {}
