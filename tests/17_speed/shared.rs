//! What several parts of the checks use: a client on a real socket, frames as text, numbers that look random.

use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use echo::Patience;
use handshake::head;
use speed::{App, Server, Settings};
use support::frame::{BINARY, CLOSE, PING, PONG, TEXT};
use support::machine::stretched;
use support::wire::hex;

/// How long a check waits for what right code does at once.
const LONG_ENOUGH: Duration = Duration::from_millis(1200);

/// Longer than any check takes.
pub const FOREVER: Duration = Duration::from_secs(600);

/// How long a check waits, on this machine.
pub fn long_enough() -> Duration {
    stretched(LONG_ENOUGH)
}

/// Limits that no check runs into by accident.
pub fn settings() -> Settings {
    Settings {
        max_connections: 100,
        max_message: 16 << 20,
        head: head::Limits::default(),
        head_within: FOREVER,
        patience: Patience {
            ping_after: FOREVER,
            pong_within: FOREVER,
            close_within: Duration::from_millis(500),
        },
        write_within: FOREVER,
        tick: Duration::from_millis(20),
    }
}

/// Starts a server on a free port.
pub fn start(settings: Settings, app: impl App) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    Server::start(listener, settings, app).expect("a server can be started")
}

/// Waits until the condition is true, and says whether that was in time.
pub fn comes_true(mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + long_enough();
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

/// Bytes as text if they are that, and otherwise in hexadecimal; of many bytes the first ones.
pub fn short(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok(text) if bytes.len() <= 40 && !text.contains(char::is_control) => format!("{text:?}"),
        _ if bytes.len() <= 16 => format!("[{}]", hex(bytes)),
        _ => format!("[{} …] ({} bytes)", hex(&bytes[..4]), bytes.len()),
    }
}

/// Numbers that look random, and are the same each time (xorshift).
pub struct Numbers(pub u64);

impl Numbers {
    /// The next number below this one.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// A client with a socket. The check decides what it does.
pub struct Peer {
    pub stream: BufReader<TcpStream>,
}

impl Peer {
    /// Connects to a server.
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, long_enough())
            .unwrap_or_else(|error| panic!("can't connect to your server: {error}"));
        for set in [TcpStream::set_read_timeout, TcpStream::set_write_timeout] {
            set(&stream, Some(long_enough())).expect("the deadline is not zero");
        }
        stream.set_nodelay(true).expect("TCP has that option");
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// Connects, and opens the WebSocket.
    pub fn open(address: SocketAddr) -> Self {
        let mut peer = Self::connect(address);
        peer.send(&handshake());
        let head = peer.head();
        assert!(
            head.starts_with("HTTP/1.1 101 "),
            "the handshake was answered with {head:?}"
        );
        peer
    }

    /// Sends bytes. A failure is no news: what the server said before it closed is still to be read.
    pub fn send(&mut self, bytes: &[u8]) {
        _ = self.stream.get_mut().write_all(bytes);
    }

    /// Ends TCP in this direction.
    pub fn end(&mut self) {
        _ = self.stream.get_ref().shutdown(Shutdown::Write);
    }

    /// The head of a response.
    pub fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            match self.stream.read(&mut byte) {
                Ok(1) => head.push(byte[0]),
                _ => break,
            }
        }
        String::from_utf8_lossy(&head).into_owned()
    }

    /// The next frame in words, `(TCP ends)`, or why there is none.
    pub fn hears(&mut self) -> String {
        match self.frame() {
            Ok(Some((first, payload))) => meaning(first, &payload),
            Ok(None) => "(TCP ends)".to_string(),
            Err(error) => format!("(nothing: {})", error.kind()),
        }
    }

    /// The next frame: its first byte and its payload. `None` if TCP ends.
    pub fn frame(&mut self) -> io::Result<Option<(u8, Vec<u8>)>> {
        let mut start = [0; 2];
        match self.stream.read(&mut start[..1])? {
            0 => return Ok(None),
            _ => self.stream.read_exact(&mut start[1..])?,
        }
        let extended = match start[1] & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mut bytes = [0; 8];
        self.stream.read_exact(&mut bytes[8 - extended..])?;
        let length = match extended {
            0 => usize::from(start[1] & 0x7f),
            _ => u64::from_be_bytes(bytes) as usize,
        };
        assert!(length <= 32 << 20, "a frame of {length} bytes came");
        let mut payload = vec![0; length];
        self.stream.read_exact(&mut payload)?;
        Ok(Some((start[0], payload)))
    }
}

/// The opening handshake of a client.
pub fn handshake() -> Vec<u8> {
    b"GET /socket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
      Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        .to_vec()
}

/// What a frame of a server says.
pub fn meaning(first: u8, payload: &[u8]) -> String {
    match (first, payload) {
        (TEXT, text) => format!("text {}", short(text)),
        (BINARY, bytes) => format!("binary {}", short(bytes)),
        (PING, bytes) => format!("ping {}", short(bytes)),
        (PONG, bytes) => format!("pong {}", short(bytes)),
        (CLOSE, [high, low, reason @ ..]) => {
            let code = u16::from_be_bytes([*high, *low]);
            format!("Close {code} {}", String::from_utf8_lossy(reason))
                .trim_end()
                .to_string()
        }
        (CLOSE, []) => "Close, without a code".to_string(),
        _ => format!("a frame that begins with {first:02x}"),
    }
}
