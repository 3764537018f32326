//! What several parts of the checks use: deadlines, and a server that the check plays.

use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use client::Target;
use connection::Event;
use echo::{Connector, Stream};
use handshake::key::Key;
use socket2::SockRef;
use support::frame::{BINARY, CLOSE, PING, PONG, TEXT, header};
use support::machine::stretched;

/// Longer than any check takes.
pub const FOREVER: Duration = Duration::from_secs(600);

/// How long a check waits for what right code does at once. A check has time for several of these waits.
pub const LONG_ENOUGH: Duration = Duration::from_millis(1500);

/// As short as a deadline can be without being over at once.
pub const SHORT: Duration = Duration::from_millis(20);

/// Enough for a thread to be woken and to write a few bytes.
pub const SOON: Duration = Duration::from_millis(30);

/// How many bytes the system keeps for a played server, in each direction.
const SMALL: usize = 1 << 16;

/// Waits until the condition is true, and says whether that was in time.
pub fn comes_true(within: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + within;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// A server that the check plays: it does what it is told, right or wrong.
pub struct Played {
    listener: TcpListener,
}

impl Played {
    /// Listens on a free port.
    pub fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        // Its connections inherit that. The system keeps little for them, so a side that never reads is soon noticed.
        let socket = SockRef::from(&listener);
        let small = socket.set_recv_buffer_size(SMALL);
        small
            .and(socket.set_send_buffer_size(SMALL))
            .expect("a socket has buffers");
        listener
            .set_nonblocking(true)
            .expect("a listener needn't wait");
        Self { listener }
    }

    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().expect("it is bound")
    }

    /// Its WebSocket. In Host is a name that is always the same.
    pub fn target(&self) -> Target {
        Target {
            secure: false,
            name: "127.0.0.1".to_string(),
            port: self.address().port(),
            host: "example.org".to_string(),
            resource: "/socket?room=1".to_string(),
        }
    }

    /// The next client, if one connects in time, and as long as this is true.
    pub fn accept_while(&self, within: Duration, is_coming: impl Fn() -> bool) -> Option<Peer> {
        let mut accepted = None;
        comes_true(within, || {
            // One that has connected and gone may still be accepted: it is asked before.
            let gives_up = !is_coming();
            accepted = self.listener.accept().ok();
            accepted.is_some() || gives_up
        });
        accepted.map(|(stream, _)| Peer::new(stream))
    }

    /// The next client.
    pub fn accept(&self) -> Peer {
        let peer = self.accept_while(stretched(LONG_ENOUGH), || true);
        peer.expect("your client didn't connect")
    }

    /// The server's end of a connection that has nothing to do with any client of the learner's.
    pub fn nowhere() -> Peer {
        let played = Self::listen();
        _ = TcpStream::connect(played.address());
        played.accept()
    }
}

/// The server's end of a connection.
pub struct Peer {
    stream: BufReader<TcpStream>,
    /// The masking keys of the frames that have come.
    pub keys: Vec<[u8; 4]>,
    /// How long the next frame may take. After one that never came, the check doesn't wait as long again.
    pub patience: Duration,
}

/// A frame of a client.
struct Frame {
    first: u8,
    key: Option<[u8; 4]>,
    payload: Vec<u8>,
}

impl Peer {
    fn new(stream: TcpStream) -> Self {
        // Some systems hand the listener's mode on.
        stream
            .set_nonblocking(false)
            .expect("a socket can be made blocking");
        stream.set_nodelay(true).expect("TCP has that option");
        let peer = Self {
            stream: BufReader::new(stream),
            keys: Vec::new(),
            patience: LONG_ENOUGH,
        };
        peer.waits_for_reads(stretched(LONG_ENOUGH));
        peer.socket()
            .set_write_timeout(Some(stretched(LONG_ENOUGH)))
            .expect("the deadline is not zero");
        peer
    }

    pub fn socket(&self) -> &TcpStream {
        self.stream.get_ref()
    }

    fn waits_for_reads(&self, time: Duration) {
        self.socket()
            .set_read_timeout(Some(time))
            .expect("the deadline is not zero");
    }

    /// Sends bytes. A failure is no news: what the client said before is still to be read.
    pub fn send(&mut self, bytes: &[u8]) {
        _ = self.stream.get_mut().write_all(bytes);
    }

    /// Sends bytes, and says whether the client took them all.
    pub fn sends(&mut self, bytes: &[u8]) -> bool {
        self.stream.get_mut().write_all(bytes).is_ok()
    }

    /// Ends TCP in this direction. The other one stays open.
    pub fn end(&mut self) {
        _ = self.socket().shutdown(Shutdown::Write);
    }

    /// The head of the request.
    pub fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            let came = self.stream.read_exact(&mut byte);
            assert!(came.is_ok(), "your client sent no whole request");
            head.extend(byte);
        }
        String::from_utf8(head).expect("a request is text")
    }

    /// Reads the request, and returns the answer to it, with these fields.
    pub fn answer(&mut self, more: &str) -> Vec<u8> {
        let head = self.head();
        right_answer(&head, more)
    }

    /// A frame. It is an error if the stream ends within it, and `None` if it ends before.
    fn frame(&mut self) -> io::Result<Option<Frame>> {
        let mut first = [0];
        if self.stream.read(&mut first)? == 0 {
            return Ok(None);
        }
        let [second] = self.bytes()?;
        let length = match second & 0x7f {
            126 => u64::from(u16::from_be_bytes(self.bytes()?)),
            127 => u64::from_be_bytes(self.bytes()?),
            length => length.into(),
        };
        let key = match second & 0x80 {
            0 => None,
            _ => Some(self.bytes()?),
        };
        self.keys.extend(key);
        let mut payload = vec![0; length.min(16 << 20) as usize];
        self.stream.read_exact(&mut payload)?;
        Ok(Some(Frame {
            first: first[0],
            key,
            payload,
        }))
    }

    fn bytes<const COUNT: usize>(&mut self) -> io::Result<[u8; COUNT]> {
        let mut bytes = [0; COUNT];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// What the next frame says, or that TCP ends, or that nothing comes.
    pub fn hears(&mut self) -> String {
        let heard = self.hears_within(stretched(self.patience));
        if heard == "nothing" {
            self.patience = SHORT;
        }
        heard
    }

    /// The same, within a time of the check's own.
    pub fn hears_within(&mut self, time: Duration) -> String {
        self.waits_for_reads(time);
        match self.frame() {
            Ok(None) => "the end of TCP".to_string(),
            Ok(Some(frame)) => frame.says(),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut => "nothing".to_string(),
                _ => "that TCP is cut off".to_string(),
            },
        }
    }

    /// Reads a binary frame with so many bytes of payload, and doesn't look at them. Says whether it came.
    pub fn takes(&mut self, payload: usize) -> bool {
        let mut frame = vec![0; header(BINARY, payload).len() + 4 + payload];
        self.stream.read_exact(&mut frame).is_ok() && frame[0] == BINARY
    }
}

impl Frame {
    fn says(mut self) -> String {
        let masked = match self.key {
            None => " (not masked)",
            Some(key) => {
                let key = key.iter().cycle();
                self.payload
                    .iter_mut()
                    .zip(key)
                    .for_each(|(byte, key)| *byte ^= key);
                ""
            }
        };
        meaning(self.first, &self.payload) + masked
    }
}

/// The answer that opens the WebSocket of this request, with these fields.
pub fn right_answer(head: &str, more: &str) -> Vec<u8> {
    let keys = head
        .lines()
        .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
    let key = keys.and_then(Key::parse).expect("the request has a key");
    let accept = key.accept();
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{more}\r\n"
    )
    .into_bytes()
}

/// What a frame says.
pub fn meaning(first: u8, payload: &[u8]) -> String {
    let words = |payload: &[u8]| String::from_utf8_lossy(payload).into_owned();
    match (first, payload) {
        (_, payload) if payload.len() > 200 => format!("{first:02x} and {} bytes", payload.len()),
        (TEXT, text) => format!("Text {}", words(text)),
        (BINARY, bytes) => format!("Binary {bytes:02x?}"),
        (PING, payload) => format!("Ping {}", words(payload)),
        (PONG, payload) => format!("Pong {}", words(payload)),
        (CLOSE, []) => "Close, without a code".to_string(),
        (CLOSE, [high, low, reason @ ..]) => {
            let code = u16::from_be_bytes([*high, *low]);
            format!("Close {code} {}", words(reason))
                .trim_end()
                .to_string()
        }
        _ => format!("{first:02x} and {} bytes", payload.len()),
    }
}

/// What an event says.
pub fn told(event: &Event) -> String {
    match event {
        Event::Open => "Open".to_string(),
        Event::Text(text) => meaning(TEXT, text.as_bytes()),
        Event::Binary(bytes) => meaning(BINARY, bytes),
        Event::Ping(payload) => meaning(PING, payload),
        Event::Pong(payload) => meaning(PONG, payload),
        Event::Error(failure) => format!("Error: {failure}"),
        Event::Close { code, reason } => format!("Close {code} {reason}").trim_end().to_string(),
    }
}

/// A part of a stream that the check turns: it lets a few bytes through at a time, or none. It is between the client
/// and TCP, where TLS would be.
#[derive(Debug, Clone)]
pub struct Valve(Arc<Turned>);

/// A valve, and how it is turned.
#[derive(Debug)]
struct Turned {
    /// The most bytes that a write takes.
    most: usize,
    position: Mutex<Position>,
    changed: Condvar,
    /// How many reads have found the end of TCP.
    ends: AtomicUsize,
}

/// How a valve is turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    Open,
    Shut,
    /// It is shut, and a write waits for it.
    Awaited,
}

impl Valve {
    /// Creates a valve that is open. A write takes at most so many bytes.
    pub fn of(most: usize) -> Self {
        Self(Arc::new(Turned {
            most,
            position: Mutex::new(Position::Open),
            changed: Condvar::new(),
            ends: AtomicUsize::new(0),
        }))
    }

    /// From now on, a write waits.
    pub fn shut(&self) {
        *self.0.lock() = Position::Shut;
    }

    /// Waits until a write waits, and says whether that was in time.
    pub fn is_awaited(&self) -> bool {
        comes_true(stretched(LONG_ENOUGH), || {
            *self.0.lock() == Position::Awaited
        })
    }

    /// Lets through what waits, and all that comes later.
    pub fn open(&self) {
        *self.0.lock() = Position::Open;
        self.0.changed.notify_all();
    }

    /// Whether the client has read the end of TCP more often than anyone needs to.
    pub fn reads_on_after_the_end(&self) -> bool {
        self.0.ends.load(Ordering::Relaxed) > 10
    }
}

impl Turned {
    fn lock(&self) -> MutexGuard<'_, Position> {
        self.position.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it is open.
    fn pass(&self) -> io::Result<()> {
        let is_shut = |position: &mut Position| {
            let is_shut = *position != Position::Open;
            if is_shut {
                *position = Position::Awaited;
            }
            is_shut
        };
        let passed = self
            .changed
            .wait_timeout_while(self.lock(), FOREVER, is_shut);
        match passed {
            Ok((_, waited)) if !waited.timed_out() => Ok(()),
            _ => Err(ErrorKind::TimedOut.into()),
        }
    }
}

impl Connector for Valve {
    fn connect(&self, _: &str, tcp: TcpStream) -> io::Result<Box<dyn Stream>> {
        let valve = Arc::clone(&self.0);
        Ok(Box::new(Valved { tcp, valve }))
    }
}

/// A stream with a valve.
#[derive(Debug)]
struct Valved {
    tcp: TcpStream,
    valve: Arc<Turned>,
}

impl Stream for Valved {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = Stream::read(&self.tcp, buffer);
        if let Ok(0) = read {
            self.valve.ends.fetch_add(1, Ordering::Relaxed);
        }
        read
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.valve.pass()?;
        Stream::write(&self.tcp, &bytes[..bytes.len().min(self.valve.most)])
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        Stream::shutdown(&self.tcp, how)
    }

    fn tcp(&self) -> &TcpStream {
        &self.tcp
    }
}
