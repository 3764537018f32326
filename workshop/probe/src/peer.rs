//! One connection to the server: everything that is sent and read has a deadline, and nothing
//! that comes is kept without a bound.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::frame::{self, Frame};
use crate::head::Answer;

/// The longest head of an answer that is read.
const LONGEST_HEAD: usize = 64 << 10;

/// The most bytes that are read from one connection.
const MOST_READ: u64 = 128 << 20;

/// The longest message that is put together.
const LONGEST_MESSAGE: usize = 1 << 20;

/// How long a flood goes on without a byte being taken.
const STALL: Duration = Duration::from_secs(2);

/// How the connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The server closed its side.
    Fin,
    /// The server broke it off.
    Reset,
    /// It didn't, until the deadline.
    Open,
}

impl End {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            End::Fin => "FIN",
            End::Reset => "reset",
            End::Open => "stays open",
        }
    }
}

/// What the server said and did until the connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// The messages that came, as far as they matter: the first few.
    pub messages: Vec<Vec<u8>>,
    /// The payload of the Close that came.
    pub close: Option<Vec<u8>>,
    /// How it ended.
    pub end: End,
}

impl Ending {
    /// The code of the Close that came, where it has one.
    pub fn code(&self) -> Option<u16> {
        match self.close.as_deref() {
            Some([first, second, ..]) => Some(u16::from_be_bytes([*first, *second])),
            _ => None,
        }
    }

    /// In a few words: `Close 1002, FIN`.
    pub fn words(&self) -> String {
        let close = match (&self.close, self.code()) {
            (None, _) if self.end == End::Open => return "silent, stays open".to_string(),
            (None, _) => return format!("{}, no Close", self.end.words()),
            (Some(_), Some(code)) => format!("Close {code}"),
            (Some(_), None) => "Close without a code".to_string(),
        };
        format!("{close}, {}", self.end.words())
    }
}

/// What became of a flood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flood {
    /// How many bytes went out, those included that wait in the two systems' buffers.
    pub taken: u64,
    /// Why it ended.
    pub stop: Stop,
}

/// Why a flood ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// There was no more of it.
    AllTaken,
    /// No byte was taken for two seconds.
    Stalled,
    /// The server ended the connection, or (to a head) had answered.
    Ended,
}

/// One connection.
#[derive(Debug)]
pub struct Peer {
    stream: TcpStream,
    deadline: Instant,
    input: Vec<u8>,
    read: u64,
    end: Option<End>,
    /// What the server did that no server's frame may be, where it did.
    pub fault: Option<&'static str>,
}

impl Peer {
    /// Over this stream, until this deadline.
    ///
    /// # Errors
    /// The system's.
    pub fn new(stream: TcpStream, deadline: Instant) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            deadline,
            input: Vec::new(),
            read: 0,
            end: None,
            fault: None,
        })
    }

    /// The same, but patient only for `patience` from now on, where that is sooner.
    pub fn patient_for(mut self, patience: Duration) -> Self {
        self.deadline = self.deadline.min(Instant::now() + patience);
        self
    }

    /// The server's address.
    ///
    /// # Errors
    /// The connection has ended.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }

    fn left(&self) -> Duration {
        let left = self.deadline.saturating_duration_since(Instant::now());
        left.max(Duration::from_millis(1))
    }

    fn is_late(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Sends it all; whether that worked. Why it didn't is told by what is read next.
    pub fn send(&mut self, bytes: &[u8]) -> bool {
        let sent = self
            .stream
            .set_write_timeout(Some(self.left()))
            .and_then(|()| self.stream.write_all(bytes));
        sent.is_ok()
    }

    /// Sends it byte by byte, with a pause behind each; whether that worked.
    pub fn drip(&mut self, bytes: &[u8], pause: Duration) -> bool {
        bytes.iter().all(|byte| {
            let sent = !self.is_late() && self.send(&[*byte]);
            thread::sleep(pause);
            sent
        })
    }

    /// Says that nothing more will come.
    pub fn half_close(&mut self) {
        _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Sends `head`, then `filler` again and again, `total` bytes in all. Reads what comes
    /// meanwhile only where it `listens`; then an answer with an end of the head ends the flood.
    pub fn flood(&mut self, head: &[u8], filler: &[u8], total: u64, listens: bool) -> Flood {
        let mut taken = 0;
        let mut moved = Instant::now();
        _ = self.stream.set_nonblocking(true);
        let stop = loop {
            if taken >= total {
                break Stop::AllTaken;
            }
            if listens && self.input.len() < LONGEST_MESSAGE {
                self.read_some();
                if self.end.is_some() || find(&self.input, b"\r\n\r\n").is_some() {
                    break Stop::Ended;
                }
            }
            if moved.elapsed() > STALL || self.is_late() {
                break Stop::Stalled;
            }
            let rest = usize::try_from(total - taken).unwrap_or(usize::MAX);
            let part = match usize::try_from(taken) {
                Ok(at) if at < head.len() => &head[at..],
                _ => {
                    let at = (taken - head.len() as u64) % filler.len() as u64;
                    &filler[at as usize..]
                }
            };
            match self.stream.write(&part[..part.len().min(rest)]) {
                Ok(written) => {
                    taken += written as u64;
                    moved = Instant::now();
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    thread::sleep(Duration::from_millis(1));
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break Stop::Ended,
            }
        };
        _ = self.stream.set_nonblocking(false);
        Flood { taken, stop }
    }

    /// How many bytes come until none has for a second; they aren't kept.
    pub fn drain(&mut self) -> u64 {
        let before = self.read;
        loop {
            let at = self.read;
            let timeout = self.left().min(Duration::from_secs(1));
            _ = self.stream.set_read_timeout(Some(timeout));
            self.read_once();
            self.input.clear();
            if self.read == at || self.end.is_some() || self.is_late() {
                return self.read - before;
            }
        }
    }

    /// Reads once, waiting until the deadline.
    fn read_some(&mut self) {
        _ = self.stream.set_read_timeout(Some(self.left()));
        self.read_once();
    }

    fn read_once(&mut self) {
        if self.end.is_some() {
            return;
        }
        if self.read > MOST_READ {
            self.end = Some(End::Open);
            return;
        }
        let mut buffer = [0; 64 << 10];
        match self.stream.read(&mut buffer) {
            Ok(0) => self.end = Some(End::Fin),
            Ok(count) => {
                self.read += count as u64;
                self.input.extend(&buffer[..count]);
            }
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                _ => self.end = Some(End::Reset),
            },
        }
    }

    /// Reads until `found` finds what it looks for in what has come.
    fn read_until<T>(&mut self, found: impl Fn(&[u8]) -> Option<T>) -> Result<T, End> {
        loop {
            if let Some(it) = found(&self.input) {
                return Ok(it);
            }
            if let Some(end) = self.end {
                return Err(end);
            }
            if self.is_late() {
                return Err(End::Open);
            }
            self.read_some();
        }
    }

    /// Reads the head of the answer to a request.
    ///
    /// # Errors
    /// There is none, or not one of HTTP: what the server did, in words.
    pub fn answer(&mut self) -> Result<Answer, String> {
        let end_of_head = |input: &[u8]| match find(input, b"\r\n\r\n") {
            None if input.len() > LONGEST_HEAD => Some(None),
            found => found.map(Some),
        };
        let length = match self.read_until(end_of_head) {
            Ok(Some(length)) => length,
            Ok(None) => return Err("answers with an endless head".to_string()),
            Err(End::Open) => return Err("no answer, stays open".to_string()),
            Err(end) => return Err(format!("{}, no answer", end.words())),
        };
        let head: Vec<u8> = self.input.drain(..length + 4).collect();
        Answer::read(&head[..length])
    }

    /// Reads the next frame.
    ///
    /// # Errors
    /// There is none: how the connection ended.
    pub fn frame(&mut self) -> Result<Frame, End> {
        let whole = |input: &[u8]| frame::read(input).transpose();
        let Ok((frame, used)) = self.read_until(whole)?.or(Err(End::Open)) else {
            self.fault = Some("sends a frame far longer than any that was asked for");
            return Err(End::Open);
        };
        self.input.drain(..used);
        self.fault = self.fault.or(fault_of(&frame));
        Ok(frame)
    }

    /// Reads the next message, and answers pings on the way to it.
    ///
    /// # Errors
    /// There is none: what the server did instead, in words.
    pub fn message(&mut self) -> Result<Vec<u8>, String> {
        let mut message = Vec::new();
        loop {
            let frame = match self.frame() {
                Ok(frame) => frame,
                Err(End::Open) => return Err("no echo, stays open".to_string()),
                Err(end) => return Err(format!("no echo, {}", end.words())),
            };
            match frame.opcode() {
                frame::CLOSE => {
                    let ending = self.ended_by(frame.payload, true, Vec::new());
                    return Err(ending.words());
                }
                frame::PING => _ = self.pong(&frame.payload),
                frame::PONG => {}
                _ => message.extend(&frame.payload),
            }
            if message.len() > LONGEST_MESSAGE {
                return Err("an endless message".to_string());
            }
            if frame.opcode() <= frame::BINARY && frame.is_final() {
                return Ok(message);
            }
        }
    }

    fn pong(&mut self, payload: &[u8]) -> bool {
        self.send(&frame::masked(frame::FIN | frame::PONG, payload))
    }

    /// Reads until the connection ends or the deadline passes. A Close is answered where it
    /// `answers`, as a client must that hasn't sent one.
    pub fn ending(&mut self, answers: bool) -> Ending {
        let mut messages = Vec::new();
        loop {
            let frame = match self.frame() {
                Ok(frame) => frame,
                Err(end) => {
                    return Ending {
                        messages,
                        close: None,
                        end,
                    };
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

    fn ended_by(&mut self, close: Vec<u8>, answers: bool, messages: Vec<Vec<u8>>) -> Ending {
        if answers {
            let code = &close[..close.len().min(2)];
            self.send(&frame::masked(frame::FIN | frame::CLOSE, code));
        }
        let end = loop {
            self.input.clear();
            if let Err(end) = self.read_until(|input| (!input.is_empty()).then_some(())) {
                break end;
            }
        };
        Ending {
            messages,
            close: Some(close),
            end,
        }
    }
}

/// What is wrong with a server's frame.
fn fault_of(frame: &Frame) -> Option<&'static str> {
    if frame.masked {
        return Some("masks its frames");
    }
    if frame.first & 0b0111_0000 != 0 {
        return Some("sets a reserved bit");
    }
    (!frame.minimal).then_some("writes a length in too many bytes")
}

fn find(input: &[u8], what: &[u8]) -> Option<usize> {
    input.windows(what.len()).position(|window| window == what)
}
