//! The state machine.
//!
//! ```text
//!                 we close                    their Close
//!   Open ─────────────────────▶ CloseSent ─────────────────▶ CloseExchanged
//!    │                              │                              ▲
//!    │ their Close: we answer       │                              │
//!    └──────────────────────────────┼──────────────────────────────┘
//!    │ they break a rule            │
//!    └──────────────────────────────┴──────▶ Failed
//!
//!   TCP ends, in any phase: Closed
//! ```
//!
//! Incoming bytes are read only in the first two phases.

use std::collections::VecDeque;
use std::mem;

use frames::{FrameDecoder, MaskingKey, Opcode, Part, ReservedBits, encode_frame};
use messages::{Item, Message, MessageReader};

use crate::close_code::CloseCode;
use crate::close_frame;
use crate::event::Event;
use crate::extension::{Extension, NoExtension};
use crate::failure::Failure;
use crate::phase::{Phase, State};
use crate::send_error::{MAX_PING, SendError};
use crate::side::Side;

/// The limits of a connection, and its extension.
pub struct Config {
    /// The longest payload that a frame may declare, in bytes. The default is 1 MiB.
    pub max_frame: u64,
    /// The longest message, in all its frames together, in bytes. The default is 1 MiB.
    pub max_message: u64,
    /// The extension that both sides agreed on. The default is none.
    pub extension: Box<dyn Extension>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_frame: 1 << 20,
            max_message: 1 << 20,
            extension: Box::new(NoExtension::default()),
        }
    }
}

/// One endpoint of a WebSocket whose opening handshake is done.
// ANCHOR: connection
pub struct Connection {
    side: Side,
    phase: Phase,
    decoder: FrameDecoder,
    extension: Box<dyn Extension>,
    reader: MessageReader,
    /// The bytes that wait to be written.
    outgoing: Vec<u8>,
    /// Whether some of them were already waiting when the latest read came. Each `feed` sets this.
    has_backlog: bool,
    /// The latest ping that has no answer yet.
    unanswered: Option<Vec<u8>>,
    /// The events that are ready, which `poll` gives first. At the start that is `Open`.
    queue: VecDeque<Event>,
}
// ANCHOR_END: connection

impl Connection {
    /// Creates the server's side.
    pub fn server(config: Config) -> Self {
        Self::new(Side::Server, config)
    }

    /// Creates the client's side. `keys` makes the masking key of each frame. The next key must be
    /// impossible to guess (RFC 6455 §5.3): take keys from the system's source of randomness, except in
    /// tests.
    pub fn client(config: Config, keys: impl FnMut() -> MaskingKey + Send + 'static) -> Self {
        Self::new(Side::Client(Box::new(keys)), config)
    }

    fn new(side: Side, config: Config) -> Self {
        let negotiated = config.extension.reserved_bits();
        Self {
            decoder: FrameDecoder::new(side.role(), config.max_frame, negotiated),
            reader: MessageReader::new(config.max_message),
            extension: config.extension,
            side,
            phase: Phase::Open,
            outgoing: Vec::new(),
            has_backlog: false,
            unanswered: None,
            queue: VecDeque::from([Event::Open]),
        }
    }

    /// Takes the bytes of a read. [`poll`](Self::poll) gives the events that they lead to.
    // ANCHOR: poll
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.phase.reads() {
            self.has_backlog = !self.outgoing.is_empty();
            self.decoder.receive(bytes);
        }
    }

    /// Returns the next event of the bytes that were fed, or `None` if they lead to no more. What is
    /// sent between two calls goes out before the answer to the next frame: the echo of a message
    /// before the Close frame for a broken rule that comes after the message.
    pub fn poll(&mut self) -> Option<Event> {
        // Task: the queue comes first. After their Close or a failure, no more bytes are looked at.
        if self.queue.is_empty() && self.phase.reads() {
            match self.next_event() {
                Ok(event) => return event,
                Err(failure) => self.fail(failure),
            }
        }
        self.queue.pop_front()
    }
    // ANCHOR_END: poll

    /// Feeds the bytes of a read, and returns all the events that they lead to. The first is always
    /// [`Event::Open`], so begin with the bytes that came after the handshake, even if there are none.
    // ANCHOR: receive
    pub fn receive(&mut self, bytes: &[u8]) -> Vec<Event> {
        // Task: one read may bring many events. `feed` takes the bytes, `poll` gives the events.
        self.feed(bytes);
        let mut events = Vec::new();
        while let Some(event) = self.poll() {
            events.push(event);
        }
        events
    }
    // ANCHOR_END: receive

    /// Tells the connection that TCP has ended, whichever side ended it. Returns the last events.
    // ANCHOR: eof
    pub fn eof(&mut self) -> Vec<Event> {
        // Task: the application gets one close event, however the connection ends (RFC 6455 §7.1.5).
        if self.phase.reads() {
            self.queue.push_back(abnormal_close());
        }
        self.phase = Phase::Closed;
        self.queue.drain(..).collect()
    }
    // ANCHOR_END: eof

    fn next_event(&mut self) -> Result<Option<Event>, Failure> {
        let item = self.next_item()?;
        item.map(|item| self.handle_item(item)).transpose()
    }

    // ANCHOR: next_item
    fn next_item(&mut self) -> Result<Option<Item>, Failure> {
        while let Some(part) = self.next_part()? {
            if let Some(item) = self.reader.read(part)? {
                return Ok(Some(item));
            }
        }
        Ok(None)
    }

    fn next_part(&mut self) -> Result<Option<Part>, Failure> {
        loop {
            if let Some(part) = self.extension.next_part()? {
                return Ok(Some(part));
            }
            let Some(part) = self.decoder.next_part()? else {
                return Ok(None);
            };
            self.extension.receive(part);
        }
    }
    // ANCHOR_END: next_item

    // ANCHOR: handle_item
    fn handle_item(&mut self, item: Item) -> Result<Event, Failure> {
        match item {
            Item::Message(Message::Text(text)) => Ok(Event::Text(text)),
            Item::Message(Message::Binary(bytes)) => Ok(Event::Binary(bytes)),
            Item::Ping(payload) => Ok(self.handle_ping(payload)),
            Item::Pong(payload) => Ok(Event::Pong(payload)),
            Item::Close(payload) => self.handle_close(&payload),
        }
    }
    // ANCHOR_END: handle_item

    // ANCHOR: handle_ping
    fn handle_ping(&mut self, payload: Vec<u8>) -> Event {
        // Task: each ping gets a pong, but a peer that never reads must not make us keep many pongs.
        self.unanswered = Some(payload.clone());
        if !self.has_backlog {
            self.answer_ping();
        }
        Event::Ping(payload)
    }

    fn answer_ping(&mut self) {
        if let Some(payload) = self.unanswered.take() {
            self.send_frame(Opcode::Pong, ReservedBits::NONE, &payload);
        }
    }
    // ANCHOR_END: handle_ping

    // ANCHOR: handle_close
    fn handle_close(&mut self, payload: &[u8]) -> Result<Event, Failure> {
        // Task: look at their Close before you answer. Each side sends just one (RFC 6455 §5.5.1).
        let (code, reason) = close_frame::read(payload)?;
        if self.phase == Phase::Open {
            self.send_close(payload);
        }
        self.phase = Phase::CloseExchanged;
        Ok(Event::Close { code, reason })
    }
    // ANCHOR_END: handle_close

    /// Fails the connection, as RFC 6455 §7.1.7 defines it.
    // ANCHOR: fail
    fn fail(&mut self, failure: Failure) {
        // Task: tell the other side why, unless our Close has gone out already (RFC 6455 §7.1.7).
        // Nothing is read after that.
        if self.phase == Phase::Open {
            self.send_close(&failure.close_code().0.to_be_bytes());
        }
        self.phase = Phase::Failed;
        self.queue.extend([Event::Error(failure), abnormal_close()]);
    }
    // ANCHOR_END: fail

    /// Sends a text message.
    ///
    /// # Errors
    /// Returns [`SendError::NotOpen`] if the connection isn't open.
    pub fn send_text(&mut self, text: &str) -> Result<(), SendError> {
        self.send_message(Opcode::Text, text.as_bytes())
    }

    /// Sends a binary message.
    ///
    /// # Errors
    /// Returns [`SendError::NotOpen`] if the connection isn't open.
    pub fn send_binary(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        self.send_message(Opcode::Binary, bytes)
    }

    // ANCHOR: send_message
    fn send_message(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), SendError> {
        self.check_open()?;
        let (reserved, payload) = self.extension.send(opcode, payload);
        self.send_frame(opcode, reserved, &payload);
        Ok(())
    }
    // ANCHOR_END: send_message

    /// Sends a ping. The other side answers it with a pong that has the same payload.
    ///
    /// # Errors
    /// Returns [`SendError::NotOpen`] if the connection isn't open, and [`SendError::PingTooLong`] if the
    /// payload is longer than [`MAX_PING`] bytes.
    // ANCHOR: send_ping
    pub fn send_ping(&mut self, payload: &[u8]) -> Result<(), SendError> {
        // Task: a ping is a control frame (RFC 6455 §5.5), and needs an open connection.
        self.check_open()?;
        if payload.len() > MAX_PING {
            let length = payload.len();
            return Err(SendError::PingTooLong { length });
        }
        self.send_frame(Opcode::Ping, ReservedBits::NONE, payload);
        Ok(())
    }
    // ANCHOR_END: send_ping

    /// Begins the closing handshake. Until the other side's Close comes, its messages are still events,
    /// and its pings are still answered (RFC 6455 §5.5.2).
    ///
    /// # Errors
    /// Returns [`SendError::NotOpen`] if the connection isn't open, [`SendError::CloseCode`] if the code
    /// may not be on the wire, and [`SendError::ReasonTooLong`] if the reason is longer than
    /// [`MAX_REASON`](crate::send_error::MAX_REASON) bytes.
    // ANCHOR: close
    pub fn close(&mut self, code: CloseCode, reason: &str) -> Result<(), SendError> {
        // Task: we begin the closing handshake only once. A Close that is refused changes nothing.
        self.check_open()?;
        let payload = close_frame::write(code, reason)?;
        self.send_close(&payload);
        self.phase = Phase::CloseSent;
        Ok(())
    }
    // ANCHOR_END: close

    // ANCHOR: check_open
    fn check_open(&self) -> Result<(), SendError> {
        // Task: nothing is sent on a connection that is closing or closed.
        match self.state() {
            State::Open => Ok(()),
            state => Err(SendError::NotOpen(state)),
        }
    }
    // ANCHOR_END: check_open

    // ANCHOR: send_close
    fn send_close(&mut self, payload: &[u8]) {
        // A pong that still waits goes first: after a Close frame nobody would read it.
        self.answer_ping();
        self.send_frame(Opcode::Close, ReservedBits::NONE, payload);
    }

    fn send_frame(&mut self, opcode: Opcode, reserved: ReservedBits, payload: &[u8]) {
        let key = self.side.masking_key();
        encode_frame(&mut self.outgoing, true, reserved, opcode, key, payload);
    }
    // ANCHOR_END: send_close

    /// Takes the bytes that wait to be written, if there are any. Take more only when these are written:
    /// then a peer that never reads costs you no more than these and one pong.
    // ANCHOR: take_outgoing
    pub fn take_outgoing(&mut self) -> Vec<u8> {
        // Task: each byte is given away once. A ping that still waits is answered now.
        self.answer_ping();
        mem::take(&mut self.outgoing)
    }
    // ANCHOR_END: take_outgoing

    /// Returns how many bytes wait to be written. A driver that can't write may stop reading when there
    /// are too many.
    pub fn outgoing_length(&self) -> usize {
        self.outgoing.len()
    }

    /// Returns how far the connection is.
    pub fn state(&self) -> State {
        self.phase.state()
    }

    /// Returns whether we close TCP as soon as everything is written.
    pub fn should_close_tcp(&self) -> bool {
        self.phase.should_close_tcp(self.side.role())
    }
}

/// The end of a connection on which no Close frame came (RFC 6455 §7.1.5).
fn abnormal_close() -> Event {
    Event::Close {
        code: CloseCode::ABNORMAL,
        reason: String::new(),
    }
}
