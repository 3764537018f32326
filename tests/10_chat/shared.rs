//! What several parts of the checks use: deadlines, frames, a peer with a socket, and a whole chat to connect to.

use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use chat::client::Limits;
use chat::outbox::Bytes;
use chat::{Chat, Outbox, Pace, Server, Settings, client};
use echo::Patience;
use support::frame::{CLOSE, PING, PONG, TEXT, masked, unmasked};
use support::machine::stretched;
use support::wire::{Transcript, show};

/// How long one read or write of a check may take.
pub const DEADLINE: Duration = Duration::from_secs(5);

/// How long a check waits for what right code does at once. A check has time for several of these waits.
pub const LONG_ENOUGH: Duration = Duration::from_millis(1500);

/// More than any check puts into an outbox.
pub const ROOM_ENOUGH: usize = 64 << 20;

/// Clients may say as much as they like.
pub const UNLIMITED: Pace = Pace {
    messages: u64::MAX,
    deliveries: u64::MAX,
};

/// Longer than any check takes.
pub const FOREVER: Duration = Duration::from_secs(600);

/// As short as a deadline can be without being over at once.
pub const SHORT: Duration = Duration::from_millis(20);

/// Enough for a thread to be woken and to write a few bytes.
pub const SOON: Duration = Duration::from_millis(60);

/// A patience that no check exhausts, except for a Close that has no answer.
pub const PATIENT: Patience = Patience {
    ping_after: FOREVER,
    pong_within: FOREVER,
    close_within: DEADLINE,
};

/// A text message, as a client sends it.
pub fn text(payload: &str) -> Vec<u8> {
    masked(TEXT, payload.as_bytes())
}

/// One frame out of a stream. It is empty if TCP ends instead.
pub fn frame_of(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut frame = some_of(stream, 2)?;
    let Some(second) = frame.get(1).copied() else {
        return Ok(frame);
    };
    // A server's frame has no masking key. If one has, the frame after it is still found.
    let key = if second & 0x80 == 0 { 0 } else { 4 };
    let extended = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    frame.extend(some_of(stream, extended)?);
    let length = if extended == 0 {
        usize::from(second & 0x7f)
    } else {
        let bytes = frame[2..].iter();
        bytes.fold(0, |length, byte| length << 8 | usize::from(*byte))
    };
    frame.extend(some_of(stream, key + length.min(16 << 20))?);
    Ok(frame)
}

/// This many bytes, or fewer if the stream ends earlier.
pub fn some_of(stream: &mut impl Read, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(count as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What a frame of a server says.
pub fn meaning(frame: &[u8]) -> String {
    let payload = match frame.get(1) {
        None => return "(TCP ends)".to_string(),
        Some(0..=125) => &frame[2..],
        Some(126) => &frame[4.min(frame.len())..],
        _ => return first_bytes(frame),
    };
    let words = |payload: &[u8]| String::from_utf8_lossy(payload).into_owned();
    match (frame[0], payload) {
        (TEXT, text) => words(text),
        (PING, payload) => format!("Ping {}", words(payload)),
        (PONG, payload) => format!("Pong {}", words(payload)),
        (CLOSE, []) => "Close, without a code".to_string(),
        (CLOSE, [high, low, reason @ ..]) => {
            let code = u16::from_be_bytes([*high, *low]);
            format!("Close {code} {}", words(reason))
                .trim_end()
                .to_string()
        }
        _ => first_bytes(frame),
    }
}

/// The bytes in hexadecimal; if there are many, the first of them.
pub fn first_bytes(bytes: &[u8]) -> String {
    let first = bytes.iter().take(16).map(|byte| format!("{byte:02x}"));
    let first: Vec<String> = first.collect();
    match bytes.len() {
        0..=16 => first.join(" "),
        length => format!("{} … ({length} bytes)", first.join(" ")),
    }
}

/// Locks, even if a thread has panicked while it held the lock.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until the condition is true, and says whether that was in time.
pub fn comes_true(within: Duration, condition: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + within;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        thread::yield_now();
    }
}

/// A piece for an outbox.
pub fn piece(text: &str) -> Bytes {
    text.as_bytes().into()
}

/// Everything in an outbox, as frames.
pub fn drain(outbox: &Outbox) -> Vec<Vec<u8>> {
    // Taking from an empty outbox would wait, so a frame of the check's own says where to stop.
    let mark = unmasked(PONG, b"the check's own");
    let mut frames = Vec::new();
    while outbox.push(mark.as_slice().into()).is_err() {
        match outbox.take() {
            Some(bytes) => frames.extend(frames_in(&bytes)),
            None => return frames,
        }
    }
    while !frames.contains(&mark) {
        match outbox.take() {
            Some(bytes) => frames.extend(frames_in(&bytes)),
            None => break,
        }
    }
    frames.retain(|frame| *frame != mark);
    frames
}

/// The frames that these bytes are.
fn frames_in(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        frames.push(frame_of(&mut bytes).expect("memory doesn't fail"));
    }
    frames
}

/// A page takes the name ada.
pub const ADA: &str = r#"{"username":"ada"}"#;

/// A page takes the name bob.
pub const BOB: &str = r#"{"username":"bob"}"#;

/// A message from ada.
pub fn ada_says(text: &str) -> String {
    format!(r#"{{"username":"ada","message":"{text}"}}"#)
}

/// The ids of the messages among these frames.
pub fn ids(frames: &[Vec<u8>]) -> Vec<u64> {
    let id = |frame: &Vec<u8>| {
        let text = meaning(frame);
        let (id, _) = text.strip_prefix(r#"{"id":"#)?.split_once(',')?;
        id.parse().ok()
    };
    frames.iter().filter_map(id).collect()
}

/// What is wrong with these ids, if they aren't all those after `after`, up to `last`, in order.
pub fn wrong_ids(ids: &[u64], after: u64, last: u64) -> Option<String> {
    let expected = after + 1..=last;
    let lost = expected.clone().filter(|id| !ids.contains(id)).count();
    let doubled = ids.windows(2).filter(|pair| pair[0] == pair[1]).count();
    let in_order = ids.windows(2).all(|pair| pair[0] <= pair[1]);
    let right = ids.iter().copied().eq(expected);
    (!right).then(|| format!("{lost} lost, {doubled} doubled, in order: {in_order}"))
}

/// A client with a socket. The check decides what it does.
pub struct Peer {
    pub stream: BufReader<TcpStream>,
}

impl Peer {
    /// Connects to a server.
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, stretched(DEADLINE))
            .unwrap_or_else(|error| panic!("can't connect to your server at {address}: {error}"));
        for set in [TcpStream::set_read_timeout, TcpStream::set_write_timeout] {
            set(&stream, Some(stretched(LONG_ENOUGH))).expect("the deadline is not zero");
        }
        stream.set_nodelay(true).expect("TCP has that option");
        let stream = BufReader::new(stream);
        Self { stream }
    }

    /// Sends bytes. A failure is no news: what the server said before it closed is still to be read.
    pub fn send(&mut self, bytes: &[u8]) {
        _ = self.stream.get_mut().write_all(bytes);
    }

    /// Ends TCP in this direction. The other one stays open.
    pub fn end(&mut self) {
        _ = self.stream.get_ref().shutdown(Shutdown::Write);
    }

    /// The head of a response. What comes after it stays in the stream.
    pub fn head(&mut self) -> Vec<u8> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let byte = some_of(&mut self.stream, 1).unwrap_or_default();
            assert!(!byte.is_empty(), "no head came, only {:?}", show(&head));
            head.extend(byte);
        }
        head
    }

    /// The next frame. Instead of one, TCP may end, or nothing may come.
    pub fn frame(&mut self) -> Result<Vec<u8>, &'static str> {
        match frame_of(&mut self.stream) {
            Ok(frame) if frame.is_empty() => Err("(TCP ends)"),
            Ok(frame) => Ok(frame),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Err("(TCP is reset)"),
            Err(error) if client::is_transient(&error) => {
                // The check has waited long enough: it doesn't wait as long again for the next frame.
                _ = self.stream.get_ref().set_read_timeout(Some(SHORT));
                Err("(no frame within 1.5 s)")
            }
            Err(error) => panic!("your server's frame can't be read: {error}"),
        }
    }

    /// What the next frame says.
    pub fn hears(&mut self) -> String {
        match self.frame() {
            Ok(frame) => meaning(&frame),
            Err(end) => end.to_string(),
        }
    }

    /// What all frames say, up to the end of TCP or until no more come.
    pub fn hears_all(&mut self) -> String {
        let mut all = vec![self.hears()];
        while all.last().is_some_and(|last| !last.starts_with('(')) {
            all.push(self.hears());
        }
        all.join(" | ")
    }

    /// What the first frame says that begins like this, or that TCP ended. Frames before it are left out.
    pub fn waits_for(&mut self, start: &str) -> String {
        loop {
            let heard = self.hears();
            assert!(
                !heard.starts_with("(no frame"),
                "your server sent nothing that begins with {start} within 1.5 s"
            );
            if heard.starts_with(start) || heard.starts_with("(TCP") {
                return heard;
            }
        }
    }

    /// A peer whose opening handshake is done. `query` may say what it has seen.
    pub fn open(address: SocketAddr, query: &str) -> Self {
        let mut peer = Self::connect(address);
        peer.send(&handshake(query, ""));
        let head = peer.head();
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", show(&head));
        peer
    }

    /// A peer that has taken this name.
    pub fn named(address: SocketAddr, name: &str) -> Self {
        let mut peer = Self::open(address, "");
        peer.send(&text(&format!(r#"{{"username":"{name}"}}"#)));
        peer.waits_for(&format!(r#"{{"you":"{name}""#));
        peer
    }

    /// Sends bytes, and writes them down.
    pub fn says(&mut self, bytes: &[u8], transcript: &mut Transcript) {
        transcript.client(bytes);
        self.send(bytes);
    }

    /// Reads one frame, or the end of TCP, and writes it down.
    pub fn shows(&mut self, transcript: &mut Transcript) {
        match self.frame() {
            Ok(frame) => transcript.server(&frame),
            Err(end) => transcript.note(end.trim_matches(['(', ')'])),
        }
    }
}

/// Settings for a check: ids from 1, no limit to what is said, and much patience.
pub fn settings() -> Settings {
    let settings = Settings::default();
    Settings {
        last_id: 0,
        pace: UNLIMITED,
        tick: SHORT,
        // On a busy machine, a check may take longer than the default time until the first ping.
        client: Limits {
            patience: PATIENT,
            ..settings.client
        },
        ..settings
    }
}

/// The same, with a different patience.
pub fn settings_with(patience: Patience) -> Settings {
    let settings = settings();
    let client = Limits {
        patience,
        ..settings.client
    };
    Settings { client, ..settings }
}

/// Starts a chat on a free port.
pub fn serve(settings: Settings) -> Server<Chat> {
    serve_on(TcpListener::bind("127.0.0.1:0"), settings)
}

/// Starts a chat on this listener.
pub fn serve_on(listener: io::Result<TcpListener>, settings: Settings) -> Server<Chat> {
    let listener = listener.expect("loopback has a free port");
    Server::start(listener, Arc::new(Chat::new(settings))).expect("the server starts")
}

/// An opening handshake that keeps every rule, with more lines in it.
pub fn handshake(query: &str, more: &str) -> Vec<u8> {
    format!(
        "GET /socket{query} HTTP/1.1\r\nHost: 127.0.0.1:9010\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Version: 13\r\n{more}\r\n"
    )
    .into_bytes()
}
