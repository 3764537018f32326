//! The connection of step 08, with messages that are borrowed from the read that has brought them.
//!
//! ```text
//!             whole, and a message by itself
//!   frame ───────────────────────────────────▶ Event::Binary(InPlace)      nothing is copied
//!     │  cut by a read, or a fragment
//!     └─▶ Unfinished ─ the last byte ────────▶ Event::Binary(Joined)       copied once, or read straight to its place
//! ```
//!
//! Phases, close codes, and what fails the connection are those of step 08. There is no extension: a payload that has
//! to be inflated can't stay where it is.

use connection::close_frame;
use connection::phase::Phase;
use connection::send_error::MAX_PING;
use connection::side::Side;
use connection::{CloseCode, Failure, SendError, State};
use frames::{FrameHeader, MaskingKey, Opcode, ReservedBits};
use messages::MessageError;

use crate::frames::{FrameDecoder, Part, encode_frame};
use crate::unfinished::{Buffers, Kind, Payload, Unfinished};
use crate::utf8;

/// The limits of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// The longest payload that a frame may declare, in bytes.
    pub max_frame: u64,
    /// The longest message, in all its frames together, in bytes.
    pub max_message: u64,
}

/// Something that happened on a connection, as in step 08. A payload is borrowed from the read if it was whole there.
// ANCHOR: event
#[derive(Debug, Clone)]
pub enum Event<'read> {
    /// A text message. Its bytes are UTF-8.
    Text(Payload<'read>),
    /// A binary message.
    Binary(Payload<'read>),
    /// A ping. The connection has answered it.
    Ping(Payload<'read>),
    /// A pong.
    Pong(Payload<'read>),
    /// The other side broke a rule, so we failed the connection. [`Close`](Self::Close) is next.
    Error(Failure),
    /// Nothing more will come.
    Close {
        /// Why the other side closes.
        code: CloseCode,
        /// The same in words.
        reason: String,
    },
}
// ANCHOR_END: event

/// One endpoint of a WebSocket whose opening handshake is done. It has no buffers: what comes is borrowed, and what
/// goes out is appended to a buffer of the caller's.
// ANCHOR: connection
pub struct Connection {
    side: Side,
    phase: Phase,
    max_message: u64,
    decoder: FrameDecoder,
    /// The message that has begun, if there is one.
    message: Option<Box<Unfinished>>,
    /// The control frame that a read has cut.
    control: Option<Box<(Opcode, Vec<u8>)>>,
    /// Whether [`Event::Close`] is due, after an error.
    close_is_due: bool,
}
// ANCHOR_END: connection

impl Connection {
    /// Creates the server's side.
    pub fn server(config: Config) -> Self {
        Self::new(Side::Server, config)
    }

    /// Creates the client's side. `keys` makes the masking key of each frame.
    pub fn client(config: Config, keys: impl FnMut() -> MaskingKey + Send + 'static) -> Self {
        Self::new(Side::Client(Box::new(keys)), config)
    }

    fn new(side: Side, config: Config) -> Self {
        Self {
            decoder: FrameDecoder::new(side.role(), config.max_frame, ReservedBits::NONE),
            side,
            phase: Phase::Open,
            max_message: config.max_message,
            message: None,
            control: None,
            close_is_due: false,
        }
    }

    /// Returns the next event of the bytes of a read, or `None` once they lead to no more. Appends what the connection
    /// has to say to `out`. A message that has to be put together gets its memory from `buffers`.
    // ANCHOR: poll
    #[inline]
    pub fn poll<'read>(
        &mut self,
        read: &mut &'read mut [u8],
        out: &mut Vec<u8>,
        buffers: &mut Buffers,
    ) -> Option<Event<'read>> {
        if self.close_is_due {
            self.close_is_due = false;
            return Some(abnormal_close());
        }
        if !self.phase.reads() {
            return None;
        }
        match self.next_event(read, out, buffers) {
            Ok(event) => event,
            Err(failure) => Some(self.fail(failure, out)),
        }
    }
    // ANCHOR_END: poll

    /// Tells the connection that TCP has ended. Returns the last event, unless it has come already.
    pub fn eof(&mut self) -> Option<Event<'static>> {
        let last = (self.phase.reads() || self.close_is_due).then(abnormal_close);
        self.close_is_due = false;
        self.phase = Phase::Closed;
        last
    }

    #[inline]
    fn next_event<'read>(
        &mut self,
        read: &mut &'read mut [u8],
        out: &mut Vec<u8>,
        buffers: &mut Buffers,
    ) -> Result<Option<Event<'read>>, Failure> {
        while let Some(part) = self.decoder.next(read)? {
            let event = match part {
                Part::Frame(header, payload) => self.take_frame(header, payload, out, buffers)?,
                Part::Header(header) => self.begin(header, buffers).map(|()| None)?,
                Part::Payload(piece) => self.append(piece).map(|()| None)?,
                Part::End => self.end(out)?,
            };
            if event.is_some() {
                return Ok(event);
            }
        }
        Ok(None)
    }

    // ANCHOR: take_frame
    #[inline]
    fn take_frame<'read>(
        &mut self,
        header: FrameHeader,
        payload: &'read [u8],
        out: &mut Vec<u8>,
        buffers: &mut Buffers,
    ) -> Result<Option<Event<'read>>, Failure> {
        if header.opcode.is_control() {
            return self.handle_control(header.opcode, Payload::InPlace(payload), out);
        }
        // Task: what is whole is handed out as it lies. Only a fragment goes the long way, and a message over the limit.
        let is_whole = header.fin && self.message.is_none();
        match header.opcode {
            Opcode::Binary if is_whole && self.fits(payload) => {
                Ok(Some(Event::Binary(Payload::InPlace(payload))))
            }
            Opcode::Text if is_whole && self.fits(payload) => {
                utf8::check(payload).map_err(MessageError::from)?;
                Ok(Some(Event::Text(Payload::InPlace(payload))))
            }
            _ => {
                self.begin(header, buffers)?;
                self.append(payload)?;
                self.end(out)
            }
        }
    }
    // ANCHOR_END: take_frame

    fn fits(&self, payload: &[u8]) -> bool {
        payload.len() as u64 <= self.max_message
    }

    /// Begins a frame that isn't a message by itself, or isn't all here.
    fn begin(&mut self, header: FrameHeader, buffers: &mut Buffers) -> Result<(), Failure> {
        let kind = match header.opcode {
            Opcode::Text => Kind::text(),
            Opcode::Binary => Kind::Binary,
            Opcode::Continuation => {
                let message = self.message.as_mut();
                let message = message.ok_or(MessageError::NothingToContinue)?;
                message.continue_with(header.fin);
                return Ok(());
            }
            control => {
                self.control = Some(Box::new((control, Vec::new())));
                return Ok(());
            }
        };
        if self.message.is_some() {
            return Err(MessageError::MessageNotFinished.into());
        }
        let message = Unfinished::new(kind, header.fin, self.max_message, buffers);
        self.message = Some(Box::new(message));
        Ok(())
    }

    fn append(&mut self, piece: &[u8]) -> Result<(), Failure> {
        if let Some(control) = &mut self.control {
            control.1.extend_from_slice(piece);
        } else if let Some(message) = &mut self.message {
            let expected = self.decoder.missing();
            message.append(piece, expected)?;
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<Option<Event<'static>>, Failure> {
        if let Some(control) = self.control.take() {
            let (opcode, buffer) = *control;
            let length = buffer.len();
            return self.handle_control(opcode, Payload::Joined { buffer, length }, out);
        }
        let Some(message) = self.message.take_if(|message| message.is_last()) else {
            return Ok(None);
        };
        let (kind, payload) = message.finish()?;
        Ok(Some(match kind {
            Kind::Text(_) => Event::Text(payload),
            Kind::Binary => Event::Binary(payload),
        }))
    }

    fn handle_control<'read>(
        &mut self,
        opcode: Opcode,
        payload: Payload<'read>,
        out: &mut Vec<u8>,
    ) -> Result<Option<Event<'read>>, Failure> {
        Ok(Some(match opcode {
            Opcode::Ping => {
                self.encode(Opcode::Pong, &payload, out);
                Event::Ping(payload)
            }
            Opcode::Pong => Event::Pong(payload),
            _ => self.handle_close(&payload, out)?,
        }))
    }

    fn handle_close(
        &mut self,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Event<'static>, Failure> {
        let (code, reason) = close_frame::read(payload)?;
        if self.phase == Phase::Open {
            self.encode(Opcode::Close, payload, out);
        }
        self.phase = Phase::CloseExchanged;
        Ok(Event::Close { code, reason })
    }

    fn fail(&mut self, failure: Failure, out: &mut Vec<u8>) -> Event<'static> {
        if self.phase == Phase::Open {
            self.encode(Opcode::Close, &failure.close_code().0.to_be_bytes(), out);
        }
        self.phase = Phase::Failed;
        (self.message, self.control) = (None, None);
        self.close_is_due = true;
        Event::Error(failure)
    }

    /// Returns where the next bytes may be read to, if a message is being put together: straight to where they belong.
    /// Tell [`came`](Self::came) how many came.
    // ANCHOR: room
    pub fn room(&mut self) -> &mut [u8] {
        match &mut self.message {
            Some(message) if self.control.is_none() => message.room(self.decoder.missing()),
            _ => &mut [],
        }
    }

    /// Takes `count` bytes that were read into [`room`](Self::room). Returns an event if they end the connection.
    pub fn came(&mut self, count: usize, out: &mut Vec<u8>) -> Option<Event<'static>> {
        let message = self.message.as_mut()?;
        let decoder = &mut self.decoder;
        let taken = message.came(count, |piece| decoder.unmask(piece));
        taken.err().map(|error| self.fail(error.into(), out))
    }
    // ANCHOR_END: room

    /// Appends a message to `out`, unless the connection is closing.
    ///
    /// # Errors
    /// Returns [`SendError::NotOpen`] if the connection isn't open.
    pub fn send(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        self.check_open()?;
        self.encode(opcode, payload, out);
        Ok(())
    }

    /// Appends a ping to `out`.
    ///
    /// # Errors
    /// Returns [`SendError::NotOpen`] if the connection isn't open, and [`SendError::PingTooLong`] if the payload has
    /// more than 125 bytes.
    pub fn send_ping(&mut self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), SendError> {
        self.check_open()?;
        if payload.len() > MAX_PING {
            let length = payload.len();
            return Err(SendError::PingTooLong { length });
        }
        self.encode(Opcode::Ping, payload, out);
        Ok(())
    }

    /// Begins the closing handshake.
    ///
    /// # Errors
    /// Returns [`SendError::NotOpen`] if the connection isn't open, [`SendError::CloseCode`] if the code may not be on
    /// the wire, and [`SendError::ReasonTooLong`] if the reason is too long.
    pub fn close(
        &mut self,
        code: CloseCode,
        reason: &str,
        out: &mut Vec<u8>,
    ) -> Result<(), SendError> {
        self.check_open()?;
        let payload = close_frame::write(code, reason)?;
        self.encode(Opcode::Close, &payload, out);
        self.phase = Phase::CloseSent;
        Ok(())
    }

    fn check_open(&self) -> Result<(), SendError> {
        match self.state() {
            State::Open => Ok(()),
            state => Err(SendError::NotOpen(state)),
        }
    }

    fn encode(&mut self, opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
        let key = self.side.masking_key();
        encode_frame(out, true, ReservedBits::NONE, opcode, key, payload);
    }

    /// Returns how many bytes of memory it has allocated for what a read has cut. Between messages, that is none.
    pub fn memory(&self) -> usize {
        let control = self.control.as_ref();
        let message = self.message.as_ref();
        control.map_or(0, |control| control.1.capacity())
            + message.map_or(0, |message| message.memory())
    }

    /// Returns how far the connection is.
    #[inline]
    pub fn state(&self) -> State {
        self.phase.state()
    }

    /// Returns whether we close TCP as soon as everything is written.
    pub fn should_close_tcp(&self) -> bool {
        self.phase.should_close_tcp(self.side.role())
    }
}

fn abnormal_close() -> Event<'static> {
    Event::Close {
        code: CloseCode::ABNORMAL,
        reason: String::new(),
    }
}
