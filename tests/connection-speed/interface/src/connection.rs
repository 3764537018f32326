//! A connection that keeps what comes and what goes out, as that of step 08 does.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use frames::{MaskingKey, Opcode, ReservedBits, encode_frame};
use speed::Buffers;
pub use step_08::Config;
use step_08::{CloseCode, Event, SendError, State};

/// Where masking keys come from: the connection, and the pongs that it has put off.
type Keys = Arc<Mutex<Box<dyn FnMut() -> MaskingKey + Send>>>;

/// A connection with the interface of [`step_08::Connection`].
pub enum Connection {
    /// That of step 17.
    Fast(Box<Fast>),
    /// With an extension, payloads can't stay where they are: then it is that of step 08.
    Extended(Box<step_08::Connection>),
}

/// The connection of step 17, and the buffers that it leaves to its caller.
pub struct Fast {
    connection: speed::Connection,
    keys: Option<Keys>,
    buffers: Buffers,
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
    /// Whether bytes were waiting when the latest read came. Then pongs are put off: the caller of step 17 wouldn't
    /// read at all.
    has_backlog: bool,
    unanswered: Option<Vec<u8>>,
    queue: VecDeque<Event>,
}

impl Connection {
    /// Creates the server's side.
    pub fn server(config: Config) -> Self {
        if config.extension.reserved_bits() != ReservedBits::NONE {
            return Self::Extended(Box::new(step_08::Connection::server(config)));
        }
        Self::fast(speed::Connection::server(limits(&config)), None)
    }

    /// Creates the client's side.
    pub fn client(config: Config, keys: impl FnMut() -> MaskingKey + Send + 'static) -> Self {
        if config.extension.reserved_bits() != ReservedBits::NONE {
            return Self::Extended(Box::new(step_08::Connection::client(config, keys)));
        }
        let keys: Keys = Arc::new(Mutex::new(Box::new(keys)));
        let same = Arc::clone(&keys);
        let connection = speed::Connection::client(limits(&config), move || next(&same));
        Self::fast(connection, Some(keys))
    }

    fn fast(connection: speed::Connection, keys: Option<Keys>) -> Self {
        Self::Fast(Box::new(Fast {
            connection,
            keys,
            buffers: Buffers::default(),
            incoming: Vec::new(),
            outgoing: Vec::new(),
            has_backlog: false,
            unanswered: None,
            queue: VecDeque::from([Event::Open]),
        }))
    }

    /// Takes the bytes of a read.
    pub fn feed(&mut self, bytes: &[u8]) {
        match self {
            Self::Fast(fast) => fast.feed(bytes),
            Self::Extended(connection) => connection.feed(bytes),
        }
    }

    /// Returns the next event.
    pub fn poll(&mut self) -> Option<Event> {
        match self {
            Self::Fast(fast) => fast.poll(),
            Self::Extended(connection) => connection.poll(),
        }
    }

    /// Feeds the bytes of a read, and returns all the events that they lead to.
    pub fn receive(&mut self, bytes: &[u8]) -> Vec<Event> {
        self.feed(bytes);
        std::iter::from_fn(|| self.poll()).collect()
    }

    /// Tells the connection that TCP has ended.
    pub fn eof(&mut self) -> Vec<Event> {
        match self {
            Self::Fast(fast) => {
                let last = fast.connection.eof().map(owned);
                fast.queue.drain(..).chain(last).collect()
            }
            Self::Extended(connection) => connection.eof(),
        }
    }

    /// Sends a text message.
    ///
    /// # Errors
    /// Returns a [`SendError`] as in step 08.
    pub fn send_text(&mut self, text: &str) -> Result<(), SendError> {
        match self {
            Self::Fast(fast) => fast.send(Opcode::Text, text.as_bytes()),
            Self::Extended(connection) => connection.send_text(text),
        }
    }

    /// Sends a binary message.
    ///
    /// # Errors
    /// Returns a [`SendError`] as in step 08.
    pub fn send_binary(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        match self {
            Self::Fast(fast) => fast.send(Opcode::Binary, bytes),
            Self::Extended(connection) => connection.send_binary(bytes),
        }
    }

    /// Sends a ping.
    ///
    /// # Errors
    /// Returns a [`SendError`] as in step 08.
    pub fn send_ping(&mut self, payload: &[u8]) -> Result<(), SendError> {
        match self {
            Self::Fast(fast) => fast.connection.send_ping(payload, &mut fast.outgoing),
            Self::Extended(connection) => connection.send_ping(payload),
        }
    }

    /// Begins the closing handshake.
    ///
    /// # Errors
    /// Returns a [`SendError`] as in step 08.
    pub fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), SendError> {
        match self {
            Self::Fast(fast) => fast.close(code, reason),
            Self::Extended(connection) => connection.close(code, reason),
        }
    }

    /// Takes the bytes that wait to be written.
    pub fn take_outgoing(&mut self) -> Vec<u8> {
        match self {
            Self::Fast(fast) => {
                fast.answer_ping();
                mem::take(&mut fast.outgoing)
            }
            Self::Extended(connection) => connection.take_outgoing(),
        }
    }

    /// Returns how many bytes wait to be written.
    pub fn outgoing_length(&self) -> usize {
        match self {
            Self::Fast(fast) => fast.outgoing.len(),
            Self::Extended(connection) => connection.outgoing_length(),
        }
    }

    /// Returns how far the connection is.
    pub fn state(&self) -> State {
        match self {
            Self::Fast(fast) => fast.connection.state(),
            Self::Extended(connection) => connection.state(),
        }
    }

    /// Returns whether we close TCP as soon as everything is written.
    pub fn should_close_tcp(&self) -> bool {
        match self {
            Self::Fast(fast) => fast.connection.should_close_tcp(),
            Self::Extended(connection) => connection.should_close_tcp(),
        }
    }
}

impl Fast {
    fn feed(&mut self, bytes: &[u8]) {
        self.has_backlog = !self.outgoing.is_empty();
        self.incoming.extend_from_slice(bytes);
    }

    fn poll(&mut self) -> Option<Event> {
        if let Some(event) = self.queue.pop_front() {
            return Some(event);
        }
        let mut said = Vec::new();
        let mut rest = &mut self.incoming[..];
        let event = self
            .connection
            .poll(&mut rest, &mut said, &mut self.buffers)
            .map(owned);
        let left = rest.len();
        match &event {
            Some(Event::Ping(payload)) if self.has_backlog => {
                self.unanswered = Some(payload.clone());
                said.clear();
            }
            Some(Event::Ping(_)) => self.unanswered = None,
            // A pong that was put off goes before our Close.
            Some(_) if !said.is_empty() => self.answer_ping(),
            _ => {}
        }
        self.outgoing.extend(said);
        let taken = self.incoming.len() - left;
        self.incoming.drain(..taken);
        if event.is_none() {
            // After a failure or a Close, nothing more is looked at.
            self.incoming.clear();
        }
        event
    }

    fn send(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), SendError> {
        self.connection.send(opcode, payload, &mut self.outgoing)
    }

    fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), SendError> {
        let mut said = Vec::new();
        self.connection.close(code, reason, &mut said)?;
        self.answer_ping();
        self.outgoing.extend(said);
        Ok(())
    }

    fn answer_ping(&mut self) {
        if let Some(payload) = self.unanswered.take() {
            let (fin, bits, key) = (true, ReservedBits::NONE, self.keys.as_ref().map(next));
            encode_frame(&mut self.outgoing, fin, bits, Opcode::Pong, key, &payload);
        }
    }
}

fn limits(config: &Config) -> speed::Config {
    speed::Config {
        max_frame: config.max_frame,
        max_message: config.max_message,
    }
}

fn next(keys: &Keys) -> MaskingKey {
    let mut keys = keys.lock().unwrap_or_else(PoisonError::into_inner);
    keys()
}

/// The event with payloads of its own.
fn owned(event: speed::Event) -> Event {
    match event {
        speed::Event::Text(text) => {
            Event::Text(String::from_utf8(text.to_vec()).expect("a text message is UTF-8"))
        }
        speed::Event::Binary(bytes) => Event::Binary(bytes.to_vec()),
        speed::Event::Ping(bytes) => Event::Ping(bytes.to_vec()),
        speed::Event::Pong(bytes) => Event::Pong(bytes.to_vec()),
        speed::Event::Error(failure) => Event::Error(failure),
        speed::Event::Close { code, reason } => Event::Close { code, reason },
    }
}
