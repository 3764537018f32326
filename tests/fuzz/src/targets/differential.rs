//! The connection of step 08, and tungstenite's reading of the same bytes with the same limits.
//!
//! Options: bit 0, both are clients; bit 1, small limits.
//!
//! tungstenite looks at a frame when all of it is there, so where we have failed and it waits, the
//! frame is completed with zeros before the two are compared. Where they differ then, one of them is
//! wrong, or the difference has a name: see [`Difference`].

use std::io::{self, Read, Write};
use std::iter::Copied;
use std::slice;

use connection::{CloseCode, CloseFrameError, Config, Connection, Event, Failure};
use frames::{Frame, FrameDecoder, FrameError, HeaderError, Opcode, ReservedBits, Role};
use messages::MessageError;
use tungstenite::protocol::{self, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

use crate::input::Input;

/// The limits on a frame and on a message.
const LIMITS: [(u64, u64); 2] = [(1 << 16, 1 << 16), (200, 300)];

/// What one of the two has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// A ping.
    Ping(Vec<u8>),
    /// A pong.
    Pong(Vec<u8>),
    /// A Close frame: its code and its reason, where it has one.
    Close(Option<(u16, String)>),
    /// It fails the connection, and this is the code for it.
    Failed(u16),
}

/// What one of the two made of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// What it saw, up to the Close frame or the failure.
    pub seen: Vec<Seen>,
    /// The frames that it answered with: opcode and payload. After a failure, without the Close.
    pub sent: Vec<(Opcode, Vec<u8>)>,
}

/// Where the two may differ, and nowhere else. The book explains each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// A length in more bytes than it needs: we fail, tungstenite takes it.
    LengthNotMinimal,
    /// A length whose top bit is set: a broken rule for us (1002), too long for tungstenite (1009).
    LengthTopBit,
    /// One frame that breaks a rule and a limit, or two rules: which is said first.
    TwoReasons,
    /// A Close frame with a code that may not be there: we fail the connection, tungstenite gives its
    /// application a Close 1002 that never came. Both send 1002.
    CloseCodeReplaced,
    /// Close code 1014, registered after the RFC: tungstenite doesn't know it.
    BadGateway,
}

/// Panics where the two differ and [`Difference`] has no name for it.
pub fn judge(data: &[u8]) {
    if let Some(input) = Input::new(data) {
        compare(&input);
    }
}

/// Both readings of the same stream.
#[derive(Debug)]
pub struct Comparison {
    /// Ours.
    pub ours: Reading,
    /// tungstenite's. Where we have failed, with the last frame completed.
    pub theirs: Reading,
    /// The difference between them, if there is one.
    pub difference: Option<Difference>,
}

/// Reads the same stream twice.
///
/// # Panics
/// The readings differ, and there is no name for it.
pub fn compare(input: &Input) -> Comparison {
    let (role, limits) = settings(input);
    let (ours, failure) = our_reading(role, limits, &input.pieces());
    let mut pieces = input.pieces();
    let outline = Outline::of(input.stream, limits.0);
    let rest = vec![0; outline.missing];
    if failure.is_some() {
        pieces.push(&rest);
    }
    let theirs = their_reading(role, limits, &pieces);
    let difference = (ours != theirs).then(|| {
        let name = name(&ours, failure, &theirs, &outline);
        name.unwrap_or_else(|| panic!("ours {ours:?} for {failure:?}, tungstenite's {theirs:?}"))
    });
    Comparison {
        ours,
        theirs,
        difference,
    }
}

/// Whether tungstenite says as much of the stream as it is.
pub fn is_said_at_once(input: &Input, theirs: &Reading) -> bool {
    let (role, limits) = settings(input);
    their_reading(role, limits, &input.pieces()) == *theirs
}

fn settings(input: &Input) -> (Role, (u64, u64)) {
    let role = [Role::Server, Role::Client][input.option(0, 1)];
    (role, LIMITS[input.option(1, 1)])
}

/// The difference, where it is one that we know.
fn name(
    ours: &Reading,
    failure: Option<Failure>,
    theirs: &Reading,
    outline: &Outline,
) -> Option<Difference> {
    use FrameError::{Header, Masked, NotMasked};
    use HeaderError::{ControlFrameTooLong, LengthNotMinimal, LengthTopBitSet};

    let (our_end, before) = ours.seen.split_last()?;
    // Up to its end, everything must be the same.
    let their_end = theirs.seen.strip_prefix(before)?.first();
    match failure {
        // It has taken this frame. What it says of it, and of the next ones, can't be compared.
        Some(Failure::Frame(Header(LengthNotMinimal { .. }))) if outline.has_long_winded => {
            return Some(Difference::LengthNotMinimal);
        }
        Some(Failure::Frame(Header(ControlFrameTooLong(_)))) if outline.has_long_winded_control => {
            return Some(Difference::LengthNotMinimal);
        }
        _ => {}
    }
    let protocol_violation = (1002, "Protocol violation".to_string());
    if their_end == Some(&Seen::Close(Some(protocol_violation))) {
        return match (our_end, failure) {
            (_, Some(Failure::Close(CloseFrameError::Code(_)))) => {
                Some(Difference::CloseCodeReplaced)
            }
            (Seen::Close(Some((1014, _))), None) => Some(Difference::BadGateway),
            _ => None,
        };
    }
    if ours.sent != theirs.sent {
        return None;
    }
    let Some(Seen::Failed(their_code)) = their_end else {
        return None;
    };
    match (failure?, their_code) {
        (Failure::Frame(Header(LengthTopBitSet)), 1009) => Some(Difference::LengthTopBit),
        // A frame that is wrong, and too large.
        (Failure::Frame(Header(_) | NotMasked | Masked), 1009)
        // Text that is wrong, in a message that is too large.
        | (Failure::Message(MessageError::NotUtf8(_)), 1009)
        // A Close frame with a wrong code, and a reason that is no text.
        | (Failure::Close(CloseFrameError::Code(_)), 1007) => Some(Difference::TwoReasons),
        _ => None,
    }
}

fn our_reading(role: Role, limits: (u64, u64), pieces: &[&[u8]]) -> (Reading, Option<Failure>) {
    let config = Config {
        max_frame: limits.0,
        max_message: limits.1,
        ..Config::default()
    };
    let mut connection = match role {
        Role::Server => Connection::server(config),
        Role::Client => Connection::client(config, || [1, 2, 3, 4]),
    };
    let mut seen = Vec::new();
    let mut wire = Vec::new();
    let mut failure = None;
    for piece in pieces {
        for event in connection.receive(piece) {
            match event {
                Event::Open => {}
                Event::Text(text) => seen.push(Seen::Text(text)),
                Event::Binary(bytes) => seen.push(Seen::Binary(bytes)),
                Event::Ping(payload) => seen.push(Seen::Ping(payload)),
                Event::Pong(payload) => seen.push(Seen::Pong(payload)),
                Event::Error(error) => {
                    failure = Some(error);
                    seen.push(Seen::Failed(error.close_code().0));
                }
                Event::Close { .. } if failure.is_some() => {}
                Event::Close { code, reason } => {
                    let close = (code != CloseCode::NO_STATUS).then_some((code.0, reason));
                    seen.push(Seen::Close(close));
                }
            }
        }
        wire.extend(connection.take_outgoing());
    }
    let mut sent = frames_in(role, &wire);
    if let Some(failure) = failure {
        let close = failure.close_code().0.to_be_bytes().to_vec();
        assert_eq!(sent.pop(), Some((Opcode::Close, close)), "failed, and how");
    }
    (Reading { seen, sent }, failure)
}

/// The frames that an endpoint of this role has sent.
fn frames_in(role: Role, wire: &[u8]) -> Vec<(Opcode, Vec<u8>)> {
    let receiver = match role {
        Role::Server => Role::Client,
        Role::Client => Role::Server,
    };
    let mut decoder = FrameDecoder::new(receiver, u64::MAX, ReservedBits::NONE);
    decoder.receive(wire);
    let mut frames = Vec::new();
    while let Some(Frame {
        opcode, payload, ..
    }) = decoder.next_frame().expect("what is sent is right")
    {
        frames.push((opcode, payload));
    }
    frames
}

/// How a stream looks to somebody who knows no rule.
#[derive(Default)]
struct Outline {
    /// How many bytes are missing from its last frame: the fewest that make it whole, if they are
    /// zeros. None where it is longer than anybody takes.
    missing: usize,
    /// A frame has a length in more bytes than it needs.
    has_long_winded: bool,
    /// Its first control frame with a length in 16 or 64 bits is one of them.
    has_long_winded_control: bool,
}

impl Outline {
    fn of(stream: &[u8], max_frame: u64) -> Self {
        let mut outline = Self::default();
        let mut has_long_control = false;
        let mut start = 0;
        while start < stream.len() {
            let at = |index| u64::from(stream.get(start + index).copied().unwrap_or(0));
            let (length_bytes, short, least) = match at(1) & 0x7f {
                126 => (2, 0, 126),
                127 => (8, 0, 1 << 16),
                short => (0, short, 0),
            };
            let long = (2..2 + length_bytes).fold(0, |length, index| length << 8 | at(index));
            let length = short + long;
            outline.has_long_winded |= length < least;
            if at(0) & 0x08 != 0 && length_bytes > 0 && !has_long_control {
                has_long_control = true;
                outline.has_long_winded_control = length <= 125;
            }
            let masking_key = if at(1) & 0x80 == 0 { 0 } else { 4 };
            let payload = if length <= max_frame {
                length as usize
            } else {
                0
            };
            start += 2 + length_bytes + masking_key + payload;
        }
        outline.missing = start - stream.len();
        outline
    }
}

/// A stream that has all that came, in pieces, and keeps what is written.
struct Stream<'a> {
    pieces: Copied<slice::Iter<'a, &'a [u8]>>,
    piece: &'a [u8],
    written: Vec<u8>,
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() {
            let next = self.pieces.find(|piece| !piece.is_empty());
            self.piece = next.ok_or(io::ErrorKind::WouldBlock)?;
        }
        self.piece.read(buffer)
    }
}

impl Write for Stream<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn their_reading(role: Role, limits: (u64, u64), pieces: &[&[u8]]) -> Reading {
    let stream = Stream {
        pieces: pieces.iter().copied(),
        piece: &[],
        written: Vec::new(),
    };
    let config = WebSocketConfig::default()
        .read_buffer_size(512)
        .max_frame_size(Some(limits.0 as usize))
        .max_message_size(Some(limits.1 as usize));
    let their_role = match role {
        Role::Server => protocol::Role::Server,
        Role::Client => protocol::Role::Client,
    };
    let mut socket = WebSocket::from_raw_socket(stream, their_role, Some(config));
    let mut seen = Vec::new();
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => seen.push(Seen::Text(text.to_string())),
            Ok(Message::Binary(bytes)) => seen.push(Seen::Binary(bytes.to_vec())),
            Ok(Message::Ping(payload)) => seen.push(Seen::Ping(payload.to_vec())),
            Ok(Message::Pong(payload)) => seen.push(Seen::Pong(payload.to_vec())),
            Ok(Message::Close(close)) => {
                let close = close.map(|close| (close.code.into(), close.reason.to_string()));
                seen.push(Seen::Close(close));
                break;
            }
            Ok(Message::Frame(frame)) => panic!("a frame is no message: {frame}"),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(Error::Protocol(_)) => seen.push(Seen::Failed(1002)),
            Err(Error::Utf8(_)) => seen.push(Seen::Failed(1007)),
            Err(Error::Capacity(_)) => seen.push(Seen::Failed(1009)),
            Err(error) => panic!("no reading: {error}"),
        }
        if let Some(Seen::Failed(_)) = seen.last() {
            break;
        }
    }
    // A server's connection has ended with the Close that this writes, and says so.
    _ = socket.flush();
    let sent = frames_in(role, &socket.get_ref().written);
    Reading { seen, sent }
}
