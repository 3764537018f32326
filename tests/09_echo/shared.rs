//! What several parts of the checks use: deadlines, a server on a real socket, and a client that sends raw bytes.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use echo::{Log, Patience, Server, Settings};
use support::machine::stretched;
use support::wire::{Transcript, hex, show};

use super::server::first_line;

/// How long one read or write of a check may take.
pub const DEADLINE: Duration = Duration::from_secs(3);

/// No peer gets any time.
pub const NO_PATIENCE: Patience = Patience {
    ping_after: Duration::ZERO,
    pong_within: Duration::ZERO,
    close_within: Duration::ZERO,
};

pub fn brief(bytes: &[u8]) -> String {
    match bytes.len() {
        0..=23 => hex(bytes),
        length => format!("{} … ({length} bytes)", hex(&bytes[..16])),
    }
}

pub fn serve(mut settings: Settings) -> Server {
    if let Log::Stderr = settings.log {
        let (unheard, _) = mpsc::channel();
        settings.log = Log::Lines(unheard);
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    Server::start(listener, settings).expect("the server starts")
}

/// Settings with which connections look at the clock often.
pub fn ticking(patience: Patience) -> Settings {
    Settings {
        tick: Duration::from_millis(10),
        patience,
        ..Settings::default()
    }
}

/// A handshake that keeps every rule, with more lines in it.
pub fn handshake(more: &str) -> Vec<u8> {
    format!(
        "GET /socket HTTP/1.1\r\nHost: 127.0.0.1:9009\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Version: 13\r\n{more}\r\n"
    )
    .into_bytes()
}

/// Why nothing more comes, in the same words on every system.
fn why(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            format!("no more bytes within {} s", DEADLINE.as_secs())
        }
        _ => error.to_string(),
    }
}

/// A client that sends and receives raw bytes.
pub struct Peer {
    pub stream: TcpStream,
}

impl Peer {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, stretched(DEADLINE))
            .unwrap_or_else(|error| panic!("can't connect to your server at {address}: {error}"));
        for set in [TcpStream::set_read_timeout, TcpStream::set_write_timeout] {
            set(&stream, Some(stretched(DEADLINE))).expect("the deadline is not zero");
        }
        stream.set_nodelay(true).expect("TCP has that option");
        Self { stream }
    }

    /// A peer whose handshake is done.
    pub fn open(address: SocketAddr) -> Self {
        let mut peer = Self::connect(address);
        peer.send(&handshake(""));
        let head = peer.head();
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", show(&head));
        peer
    }

    pub fn send(&mut self, bytes: &[u8]) {
        // A server that has closed already may have sent bytes before; they can still be read.
        _ = self.stream.write_all(bytes);
    }

    /// Reads so many bytes, or fewer if TCP ends before.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let wanted = Read::by_ref(&mut self.stream)
            .take(count as u64)
            .read_to_end(&mut bytes);
        match wanted {
            Err(error) if error.kind() != ErrorKind::ConnectionReset => {
                panic!(
                    "your server sent {} of {count} bytes, and then {}",
                    bytes.len(),
                    why(&error)
                )
            }
            _ => bytes,
        }
    }

    /// Reads the head of a response, and nothing after it.
    pub fn head(&mut self) -> Vec<u8> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let byte = self.bytes(1);
            assert!(
                !byte.is_empty(),
                "TCP ended in the middle of a head: {}",
                show(&head)
            );
            head.extend(byte);
        }
        head
    }

    /// Reads one frame. It is empty if TCP ends instead.
    pub fn frame(&mut self) -> Vec<u8> {
        let mut frame = self.bytes(2);
        let extended = match frame.get(1) {
            Some(126) => 2,
            Some(127) => 8,
            _ => 0,
        };
        frame.extend(self.bytes(extended));
        let length = match (frame.get(1), extended) {
            (None, _) => return frame,
            (Some(length), 0) => usize::from(*length),
            _ => frame[2..]
                .iter()
                .fold(0, |length, byte| length << 8 | usize::from(*byte)),
        };
        frame.extend(self.bytes(length));
        frame
    }

    /// How TCP ends.
    pub fn end(&mut self) -> &'static str {
        match self.stream.read(&mut [0]) {
            Ok(0) => "FIN",
            Ok(_) => "more bytes",
            Err(error) if error.kind() == ErrorKind::ConnectionReset => "a reset",
            Err(error) => panic!("your server doesn't end TCP: {}", why(&error)),
        }
    }

    /// The first line of a response, and how TCP ends after it.
    pub fn refusal(&mut self) -> String {
        let mut response = Vec::new();
        let end = match self.stream.read_to_end(&mut response) {
            Ok(_) => "FIN",
            Err(error) if error.kind() == ErrorKind::ConnectionReset => "a reset",
            Err(error) => panic!("your server doesn't end TCP: {}", why(&error)),
        };
        format!("{} | {end}", first_line(&response))
    }

    /// Sends bytes, and writes them down.
    pub fn says(&mut self, bytes: &[u8], transcript: &mut Transcript) {
        transcript.client(bytes);
        self.send(bytes);
    }

    /// Reads one frame, or the end of TCP, and writes it down.
    pub fn hears(&mut self, transcript: &mut Transcript) {
        match self.frame() {
            frame if frame.is_empty() => transcript.note("the server closes TCP"),
            frame => transcript.server(&frame),
        }
    }
}
