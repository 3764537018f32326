//! Every server of the workshop: what it is called, how it is started, what a good request to it is.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::{Client, get, text_frame, unreached};

/// How long one try of a good request may take.
const TRY: Duration = Duration::from_secs(10);
/// The pause after a try that failed.
const PAUSE: Duration = Duration::from_millis(50);
/// How many good clients there were.
static NEWCOMERS: AtomicUsize = AtomicUsize::new(0);

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Step 00.
    Hello,
    /// Step 01.
    Polling,
    /// Step 02.
    LongPolling,
    /// Step 04.
    Handshake,
    /// Step 09.
    Echo,
    /// Step 10.
    Chat,
    /// The apps of step 11b.
    EventsChat,
    /// A live chart.
    Chart,
    /// Rooms as topics.
    Notifications,
    /// Planning poker.
    Poker,
    /// Step 13's echo server.
    Compression,
    /// Step 14's echo server.
    Tls,
    /// The chat of step 15.
    Async,
    /// The chat of step 16: one server, and its bus in memory.
    ScaleOut,
    /// Step 17's echo server: one thread for all.
    SpeedEcho,
    /// The chat on it.
    SpeedChat,
    /// What `cargo workshop` serves the book with.
    Book,
    /// `cargo workshop tap`, in front of step 09.
    Tap,
}

/// What the WebSockets of a server say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Socket {
    /// There are none.
    None,
    /// They are held, and there are no frames yet.
    Silent,
    /// What comes goes back.
    Echo,
    /// Frames come by themselves.
    Speaks,
}

impl Kind {
    /// All of them, in the order of the steps.
    pub const ALL: [Self; 18] = [
        Self::Hello,
        Self::Polling,
        Self::LongPolling,
        Self::Handshake,
        Self::Echo,
        Self::Chat,
        Self::EventsChat,
        Self::Chart,
        Self::Notifications,
        Self::Poker,
        Self::Compression,
        Self::Tls,
        Self::Async,
        Self::ScaleOut,
        Self::SpeedEcho,
        Self::SpeedChat,
        Self::Book,
        Self::Tap,
    ];

    /// What it is called on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Polling => "polling",
            Self::LongPolling => "long-polling",
            Self::Handshake => "handshake",
            Self::Echo => "echo",
            Self::Chat => "chat",
            Self::EventsChat => "events-chat",
            Self::Chart => "chart",
            Self::Notifications => "notifications",
            Self::Poker => "poker",
            Self::Compression => "compression",
            Self::Tls => "tls",
            Self::Async => "async",
            Self::ScaleOut => "scale-out",
            Self::SpeedEcho => "speed-echo",
            Self::SpeedChat => "speed-chat",
            Self::Book => "book",
            Self::Tap => "tap",
        }
    }

    /// Its program, in the folder that cargo builds into.
    pub fn program(self) -> String {
        match self {
            Self::EventsChat => "examples/chat".to_string(),
            Self::Chart | Self::Notifications | Self::Poker => format!("examples/{}", self.name()),
            Self::Book => "workshop".to_string(),
            Self::Tap => "workshop-tap".to_string(),
            Self::SpeedEcho | Self::SpeedChat => "speed-solution".to_string(),
            step => format!("{}-solution", step.name()),
        }
    }

    /// The packages that cargo builds for all of them.
    pub const PACKAGES: [&str; 14] = [
        "hello-solution",
        "polling-solution",
        "long-polling-solution",
        "handshake-solution",
        "echo-solution",
        "chat-solution",
        "events-solution",
        "compression-solution",
        "tls-solution",
        "async-solution",
        "scale-out-solution",
        "speed-solution",
        "workshop",
        "workshop-tap",
    ];

    /// Options by which its patience is over within a few seconds, so that an attack needn't wait longer.
    pub fn impatient(self) -> &'static [&'static str] {
        match self {
            Self::LongPolling => &["--hold", "1"],
            Self::Echo
            | Self::Chat
            | Self::Async
            | Self::ScaleOut
            | Self::SpeedEcho
            | Self::SpeedChat => &[
                "--head-within",
                "3",
                "--ping-after",
                "2",
                "--pong-within",
                "2",
                "--close-within",
                "2",
            ],
            Self::Compression | Self::Tls => &["--head-within", "3", "--write-within", "3"],
            _ => &[],
        }
    }

    /// Options by which it is too busy for any request; `None` if it has none.
    pub fn too_busy(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Hello | Self::Polling => Some(&["--max-requests", "0"]),
            Self::Handshake
            | Self::Echo
            | Self::Chat
            | Self::Async
            | Self::SpeedEcho
            | Self::SpeedChat => Some(&["--max-connections", "0"]),
            _ => None,
        }
    }

    /// Whether it is a chat as in step 10.
    pub fn is_chat(self) -> bool {
        matches!(
            self,
            Self::Chat | Self::Async | Self::ScaleOut | Self::SpeedChat
        )
    }

    /// Whether [`impatient`](Self::impatient) shortens all of its patience.
    pub fn can_be_impatient(self) -> bool {
        matches!(self, Self::Echo | Self::SpeedEcho) || self.is_chat()
    }

    /// Whether it is an app on events.
    pub fn is_app(self) -> bool {
        matches!(
            self,
            Self::EventsChat | Self::Chart | Self::Notifications | Self::Poker
        )
    }

    /// What its WebSockets say.
    pub fn socket(self) -> Socket {
        match self {
            Self::Hello | Self::Polling | Self::LongPolling | Self::Book => Socket::None,
            Self::Handshake => Socket::Silent,
            Self::Echo | Self::Tap | Self::Compression | Self::Tls | Self::SpeedEcho => {
                Socket::Echo
            }
            _ => Socket::Speaks,
        }
    }

    /// Where a WebSocket is opened. Each client of events has a word of its own.
    pub fn target(self, word: &str) -> String {
        if self.is_app() {
            format!("/socket?session={word}")
        } else {
            "/socket".to_string()
        }
    }

    /// Connects, with TLS if the server speaks it.
    ///
    /// # Errors
    /// Returns a sentence if no connection can be made in time.
    pub fn connect(self, address: SocketAddr, within: Duration) -> Result<Client, String> {
        let client = match self {
            Self::Tls => Client::connect_secure(address, within),
            _ => Client::connect(address, within),
        };
        client.map_err(|error| unreached(&error))
    }

    /// Opens a WebSocket. Each client of events needs a word of its own.
    ///
    /// # Errors
    /// Returns a sentence if no connection can be made in time, or the answer isn't 101.
    pub fn open(self, address: SocketAddr, word: &str, within: Duration) -> Result<Client, String> {
        let client = self.connect(address, within)?;
        client.upgrade(&self.target(word), b"", within)
    }

    /// Waits until a good request is answered: the page with 200, and where there are WebSockets, a
    /// handshake with 101 and a first frame.
    ///
    /// # Errors
    /// Returns what the last try has brought if none was answered by the deadline.
    pub fn answers(self, address: SocketAddr, within: Duration) -> Result<(), String> {
        let deadline = Instant::now() + within;
        loop {
            let why = match self.try_good(address) {
                Ok(()) => return Ok(()),
                Err(why) => why,
            };
            if Instant::now() >= deadline {
                return Err(format!(
                    "a good request isn't answered for {} s: {why}",
                    within.as_secs()
                ));
            }
            thread::sleep(PAUSE);
        }
    }

    fn try_good(self, address: SocketAddr) -> Result<(), String> {
        self.expect_status(address, &get("/", b""), 200)?;
        if matches!(self, Self::Polling | Self::LongPolling) {
            let body = r#"{"username":"ada","message":"Still here?"}"#;
            let post = format!(
                "POST /messages HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                 Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            self.expect_status(address, post.as_bytes(), 201)?;
        }
        if self.socket() == Socket::None {
            return Ok(());
        }
        // A newcomer each time: a session that is there already might let it in where there is no room.
        let word = format!("good-{}", NEWCOMERS.fetch_add(1, Ordering::Relaxed));
        let client = self.open(address, &word, TRY);
        let mut client = client.map_err(|why| format!("GET /socket: {why}"))?;
        match self.socket() {
            Socket::None | Socket::Silent => return Ok(()),
            Socket::Echo => _ = client.send(&text_frame("Still here?")),
            Socket::Speaks => {}
        }
        let frame = client
            .frame(TRY)
            .map_err(|why| format!("WebSocket: {why}"))?;
        if self.is_app() {
            // A session that isn't given up is kept for a minute, and there is room for 1,000.
            client.send(&text_frame(r#"{"bye":true}"#));
            _ = client.rest(TRY);
        }
        match frame.first {
            0x81 => Ok(()),
            other => Err(format!("WebSocket: a frame that begins with {other:#04x}")),
        }
    }

    fn expect_status(
        self,
        address: SocketAddr,
        request: &[u8],
        expected: u16,
    ) -> Result<(), String> {
        let line = request
            .split(|byte| *byte == b'\r')
            .next()
            .unwrap_or_default();
        let line = String::from_utf8_lossy(line.strip_suffix(b" HTTP/1.1").unwrap_or(line));
        let got = self.connect(address, TRY).and_then(|mut client| {
            client.send(request);
            client.status(TRY)
        });
        match got {
            Ok(status) if status == expected => Ok(()),
            Ok(status) => Err(format!("{line}: {status}")),
            Err(why) => Err(format!("{line}: {why}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_server_that_never_answers_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        // It accepts, and closes without a word.
        let server = thread::spawn(move || drop(listener.accept()));
        let error = Kind::Hello.answers(address, Duration::ZERO).unwrap_err();
        assert!(error.contains("GET /"), "{error}");
        server.join().unwrap();
    }

    #[test]
    fn names_are_told_apart() {
        let mut names = Vec::from_iter(Kind::ALL.iter().map(|kind| kind.name()));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Kind::ALL.len());
    }
}
