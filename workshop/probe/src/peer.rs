//! One connection to the other side. Sending and reading have a deadline, and what is read is kept only up to a limit.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use workshop_wire::side::Side;

use crate::frame::{self, Frame};
use crate::head::{Request, Response};

/// The longest head that is read, in bytes.
const MAX_HEAD: usize = 64 << 10;

/// The most bytes that are read from one connection.
const MAX_READ: u64 = 128 << 20;

/// The longest message that is put together, in bytes.
const MAX_MESSAGE: usize = 1 << 20;

/// How long a flood waits until the next byte is accepted.
const STALL_TIMEOUT: Duration = Duration::from_secs(2);

/// How the TCP connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TcpEnd {
    /// The other side closed its half.
    Fin,
    /// The other side reset the connection.
    Reset,
    /// The connection was still open at the deadline.
    Open,
}

impl TcpEnd {
    /// In words.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Fin => "FIN",
            Self::Reset => "reset",
            Self::Open => "stays open",
        }
    }
}

/// What the other side said and did until the connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// The first few messages that arrived.
    pub messages: Vec<Vec<u8>>,
    /// The payload of the Close, if one arrived.
    pub close: Option<Vec<u8>>,
    /// Whether text or bytes came after the Close.
    pub data_after_close: bool,
    /// How TCP ended.
    pub end: TcpEnd,
}

impl Ending {
    fn without_close(end: TcpEnd) -> Self {
        Self {
            messages: Vec::new(),
            close: None,
            data_after_close: false,
            end,
        }
    }

    /// The code of the Close, if one arrived and it has a code.
    pub fn code(&self) -> Option<u16> {
        match self.close.as_deref() {
            Some([first, second, ..]) => Some(u16::from_be_bytes([*first, *second])),
            _ => None,
        }
    }

    /// In a few words: `Close 1002, FIN`.
    pub fn in_words(&self) -> String {
        let close = match (&self.close, self.code()) {
            (None, _) if self.end == TcpEnd::Open => return "silent, stays open".to_string(),
            (None, _) => return format!("{}, no Close", self.end.in_words()),
            (Some(_), Some(code)) => format!("Close {code}"),
            (Some(_), None) => "Close without a code".to_string(),
        };
        format!("{close}, {}", self.end.in_words())
    }
}

/// A message, as it came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// Whether RSV1 was set.
    pub is_compressed: bool,
    /// The payload of its frames.
    pub payload: Vec<u8>,
}

/// How a flood went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flood {
    /// How many bytes were sent, including those that wait in the buffers of the two systems.
    pub sent: u64,
    /// Why it ended.
    pub end: FloodEnd,
}

/// Why a flood ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FloodEnd {
    /// All of it was sent.
    AllSent,
    /// No byte was accepted for two seconds.
    Stalled,
    /// The other side ended the connection, or answered before all was sent.
    Ended,
}

/// One connection.
#[derive(Debug)]
pub struct Peer {
    stream: TcpStream,
    own: Side,
    deadline: Instant,
    input: Vec<u8>,
    read: u64,
    end: Option<TcpEnd>,
    /// Whether compression was agreed on, so that RSV1 may be set where a message begins.
    pub deflates: bool,
    /// What is wrong with a frame that was received, if anything is.
    pub fault: Option<&'static str>,
}

impl Peer {
    /// Uses this stream until this deadline, and plays this side.
    ///
    /// # Errors
    /// Returns the system's error if the stream can't be set up.
    pub fn new(stream: TcpStream, own: Side, deadline: Instant) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            own,
            deadline,
            input: Vec::new(),
            read: 0,
            end: None,
            deflates: false,
            fault: None,
        })
    }

    /// Waits for at most `patience` from now on, if that is sooner than the deadline.
    pub fn limit(&mut self, patience: Duration) {
        self.deadline = self.deadline.min(Instant::now() + patience);
    }

    /// Returns the other side's address.
    ///
    /// # Errors
    /// Returns the system's error if the connection has ended.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }

    fn time_left(&self) -> Duration {
        let left = self.deadline.saturating_duration_since(Instant::now());
        left.max(Duration::from_millis(1))
    }

    fn is_past_deadline(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Sends all of it, and returns whether that worked. If it didn't, what is read next says why.
    pub fn send(&mut self, bytes: &[u8]) -> bool {
        let sent = self
            .stream
            .set_write_timeout(Some(self.time_left()))
            .and_then(|()| self.stream.write_all(bytes));
        sent.is_ok()
    }

    /// Sends it byte by byte, with a pause after each, and returns whether that worked.
    pub fn drip(&mut self, bytes: &[u8], pause: Duration) -> bool {
        bytes.iter().all(|byte| {
            let sent = !self.is_past_deadline() && self.send(&[*byte]);
            thread::sleep(pause);
            sent
        })
    }

    /// Tells the other side that nothing more will be sent.
    pub fn half_close(&mut self) {
        _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Sends `head`, then `filler` again and again, `total` bytes in all. If `until` is given, it also reads, and
    /// stops once `until` finds what it looks for in the input.
    pub fn flood(
        &mut self,
        head: &[u8],
        filler: &[u8],
        total: u64,
        until: Option<fn(&[u8]) -> bool>,
    ) -> Flood {
        let mut sent = 0;
        let mut moved = Instant::now();
        _ = self.stream.set_nonblocking(true);
        let end = loop {
            if sent >= total {
                break FloodEnd::AllSent;
            }
            if let Some(until) = until
                && self.input.len() < MAX_MESSAGE
            {
                self.read_some();
                if self.end.is_some() || until(&self.input) {
                    break FloodEnd::Ended;
                }
            }
            if moved.elapsed() > STALL_TIMEOUT || self.is_past_deadline() {
                break FloodEnd::Stalled;
            }
            let rest = usize::try_from(total - sent).unwrap_or(usize::MAX);
            let part = match usize::try_from(sent) {
                Ok(at) if at < head.len() => &head[at..],
                _ => {
                    let at = (sent - head.len() as u64) % filler.len() as u64;
                    &filler[at as usize..]
                }
            };
            match self.stream.write(&part[..part.len().min(rest)]) {
                Ok(written) => {
                    sent += written as u64;
                    moved = Instant::now();
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    thread::sleep(Duration::from_millis(1));
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break FloodEnd::Ended,
            }
        };
        _ = self.stream.set_nonblocking(false);
        Flood { sent, end }
    }

    /// Reads and drops what arrives, until nothing has for a second. Returns how many bytes that were.
    pub fn drain(&mut self) -> u64 {
        let before = self.read;
        loop {
            let at = self.read;
            let timeout = self.time_left().min(Duration::from_secs(1));
            _ = self.stream.set_read_timeout(Some(timeout));
            self.read_once();
            self.input.clear();
            if self.read == at || self.end.is_some() || self.is_past_deadline() {
                return self.read - before;
            }
        }
    }

    /// Reads once, waiting until the deadline.
    fn read_some(&mut self) {
        _ = self.stream.set_read_timeout(Some(self.time_left()));
        self.read_once();
    }

    fn read_once(&mut self) {
        if self.end.is_some() {
            return;
        }
        if self.read > MAX_READ {
            self.end = Some(TcpEnd::Open);
            return;
        }
        let mut buffer = [0; 64 << 10];
        match self.stream.read(&mut buffer) {
            Ok(0) => self.end = Some(TcpEnd::Fin),
            Ok(count) => {
                self.read += count as u64;
                self.input.extend(&buffer[..count]);
            }
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                _ => self.end = Some(TcpEnd::Reset),
            },
        }
    }

    /// Reads until `found` finds what it looks for in the input.
    fn read_until<T>(&mut self, found: impl Fn(&[u8]) -> Option<T>) -> Result<T, TcpEnd> {
        loop {
            if let Some(it) = found(&self.input) {
                return Ok(it);
            }
            if let Some(end) = self.end {
                return Err(end);
            }
            if self.is_past_deadline() {
                return Err(TcpEnd::Open);
            }
            self.read_some();
        }
    }

    /// Reads the head of a response.
    ///
    /// # Errors
    /// Returns what the server did, in words, if it sent none, or not one of HTTP.
    pub fn response(&mut self) -> Result<Response, String> {
        Response::read(&self.head("answer")?)
    }

    /// Reads the head of a request.
    ///
    /// # Errors
    /// Returns what the client did, in words, if it sent none.
    pub fn request(&mut self) -> Result<Request, String> {
        Ok(Request::read(&self.head("request")?))
    }

    fn head(&mut self, name: &str) -> Result<Vec<u8>, String> {
        let end_of_head = |input: &[u8]| match find(input, b"\r\n\r\n") {
            None if input.len() > MAX_HEAD => Some(None),
            found => found.map(Some),
        };
        let length = match self.read_until(end_of_head) {
            Ok(Some(length)) => length,
            Ok(None) => return Err("sends an endless head".to_string()),
            Err(TcpEnd::Open) => return Err(format!("no {name}, stays open")),
            Err(end) => return Err(format!("{}, no {name}", end.in_words())),
        };
        let mut head: Vec<u8> = self.input.drain(..length + 4).collect();
        head.truncate(length);
        Ok(head)
    }

    /// Reads the next frame.
    ///
    /// # Errors
    /// Returns how the connection ended if no frame arrives.
    pub fn frame(&mut self) -> Result<Frame, TcpEnd> {
        let whole = |input: &[u8]| frame::read(input).transpose();
        let Ok((frame, used)) = self.read_until(whole)?.or(Err(TcpEnd::Open)) else {
            self.fault = Some("sends a frame far longer than any that was asked for");
            return Err(TcpEnd::Open);
        };
        self.input.drain(..used);
        self.fault = self
            .fault
            .or(fault_of(&frame, self.own.other(), self.deflates));
        Ok(frame)
    }

    /// Reads the next message, and answers pings that come before it.
    ///
    /// # Errors
    /// Returns what the other side did instead, in words, if no message arrives.
    pub fn message(&mut self) -> Result<Vec<u8>, String> {
        self.message_or_ending()
            .map_err(|ending| match ending.close {
                Some(_) => ending.in_words(),
                None => format!("no echo, {}", ending.end.in_words()),
            })
    }

    /// Does the same. Of a message that is longer than any that was asked for, it returns the beginning.
    ///
    /// # Errors
    /// Returns how the connection ended if no message arrives.
    pub fn message_or_ending(&mut self) -> Result<Vec<u8>, Ending> {
        Ok(self.message_as_it_came()?.payload)
    }

    /// Does the same, and keeps whether it was marked as compressed.
    ///
    /// # Errors
    /// Returns how the connection ended if no message arrives.
    pub fn message_as_it_came(&mut self) -> Result<Message, Ending> {
        let mut message = Message::default();
        loop {
            let frame = match self.frame() {
                Ok(frame) => frame,
                Err(end) => return Err(Ending::without_close(end)),
            };
            match frame.opcode() {
                frame::CLOSE => return Err(self.ended_by(frame.payload, true, Vec::new())),
                frame::PING => _ = self.pong(&frame.payload),
                frame::PONG => {}
                _ => {
                    message.is_compressed |= frame.first & frame::RSV1 != 0;
                    message.payload.extend(&frame.payload);
                }
            }
            let is_complete = frame.opcode() <= frame::BINARY && frame.is_final();
            if is_complete || message.payload.len() > MAX_MESSAGE {
                return Ok(message);
            }
        }
    }

    fn pong(&mut self, payload: &[u8]) -> bool {
        self.send(&frame::of(self.own, frame::FIN | frame::PONG, payload))
    }

    /// Reads until the connection ends or the deadline passes. If it `answers`, it sends a Close in return, as it must
    /// if it hasn't sent one.
    pub fn ending(&mut self, answers: bool) -> Ending {
        let mut messages = Vec::new();
        loop {
            let frame = match self.frame() {
                Ok(frame) => frame,
                Err(end) => {
                    let ending = Ending::without_close(end);
                    return Ending { messages, ..ending };
                }
            };
            match frame.opcode() {
                frame::CLOSE => return self.ended_by(frame.payload, answers, messages),
                frame::PING => _ = self.pong(&frame.payload),
                frame::PONG => {}
                _ if messages.len() < 8 => messages.push(frame.payload),
                _ => {}
            }
        }
    }

    /// A server ends TCP once there was a Close each way; a client waits until it does (§7.1.1).
    fn ended_by(&mut self, close: Vec<u8>, answers: bool, messages: Vec<Vec<u8>>) -> Ending {
        if answers {
            let code = &close[..close.len().min(2)];
            self.send(&frame::of(self.own, frame::FIN | frame::CLOSE, code));
        }
        if self.own == Side::Server {
            self.half_close();
        }
        let mut data_after_close = false;
        let end = loop {
            match self.frame() {
                Ok(frame) => data_after_close |= frame.opcode() < frame::CLOSE,
                Err(_) => break self.until_end(),
            }
        };
        Ending {
            messages,
            close: Some(close),
            data_after_close,
            end,
        }
    }

    /// Reads and drops what arrives until the connection ends or the deadline passes.
    pub fn until_end(&mut self) -> TcpEnd {
        loop {
            self.input.clear();
            if let Err(end) = self.read_until(|input| (!input.is_empty()).then_some(())) {
                return end;
            }
        }
    }

    /// Does the same, but not for longer than this. The deadline stays what it was.
    pub fn until_end_within(&mut self, patience: Duration) -> TcpEnd {
        let deadline = self.deadline;
        self.limit(patience);
        let end = self.until_end();
        self.deadline = deadline;
        end
    }
}

/// What is wrong with a frame of this side's. Where it `deflates`, a message may begin with RSV1.
fn fault_of(frame: &Frame, side: Side, deflates: bool) -> Option<&'static str> {
    match (side, frame.is_masked()) {
        (Side::Server, true) => return Some("masks its frames"),
        (Side::Client, false) => return Some("doesn't mask its frames"),
        _ => {}
    }
    let begins = matches!(frame.opcode(), frame::TEXT | frame::BINARY);
    let meaningless = if deflates && begins {
        0b0011_0000
    } else {
        0b0111_0000
    };
    if frame.first & meaningless != 0 {
        return Some("sets a reserved bit");
    }
    (!frame.minimal).then_some("writes a length in too many bytes")
}

/// Whether a head is complete.
pub fn has_head(input: &[u8]) -> bool {
    find(input, b"\r\n\r\n").is_some()
}

/// Whether a frame is complete.
pub fn has_frame(input: &[u8]) -> bool {
    matches!(frame::read(input), Ok(Some(_)))
}

fn find(input: &[u8], what: &[u8]) -> Option<usize> {
    input.windows(what.len()).position(|window| window == what)
}
