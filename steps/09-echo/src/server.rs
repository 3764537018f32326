//! Pages and WebSockets on one port: a page at `/`, a WebSocket at `/socket`.
//!
//! ```text
//!              door                      http
//!   client ──▶ a head, within limits ──▶ tiny_http: page, 101 or refusal
//!     ▲ ▲                                      │
//!     │ └────────────── its answer ────────────┘
//!     └──────▶ was it 101? Then the Driver
//! ```
//!
//! Each client has a thread, and keeps it: for the head, the answer, the WebSocket and the end.

use std::convert::Infallible;
use std::io::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use connection::{Config, Connection, Extension, NoExtension};
use handshake::head::{HeadBuffer, Limits, RequestHead};
use handshake::opening::read_extensions;

use crate::deadlines::Patience;
use crate::door::{self, NoHead, Socket};
use crate::driver::Driver;
use crate::http::{self, Http};
use crate::log::Log;
use crate::negotiation::Negotiation;
use crate::stream::{Acceptor, Stream};
use crate::tap::Tap;

/// The most clients at a time that get a 503. More than that are dropped without an answer.
const MAX_REFUSALS: usize = 100;

/// The server's limits, its waiting times, and its log.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The most clients at a time, of every kind. One more gets 503.
    pub max_connections: u64,
    /// The longest message, in bytes. A longer one fails the connection with 1009.
    pub max_message: u64,
    /// The limits of a request's head.
    pub head: Limits,
    /// How long a head may take, from the first byte to the last.
    pub head_within: Duration,
    /// How long the server waits for a silent peer.
    pub patience: Patience,
    /// How long a write may wait for a peer that doesn't read.
    pub write_within: Duration,
    /// How often a waiting connection looks at the clock. Deadlines are kept to within a tick.
    pub tick: Duration,
    /// The log, which says why a connection has failed.
    pub log: Log,
    /// The extension that clients may use. This step has none.
    pub extension: Option<Arc<dyn Negotiation>>,
    /// Puts something between TCP and the first head. This step has nothing.
    pub acceptor: Option<Arc<dyn Acceptor>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_connections: 1000,
            max_message: 1 << 20,
            head: Limits::default(),
            head_within: Duration::from_secs(10),
            patience: Patience::default(),
            write_within: Duration::from_secs(10),
            tick: Duration::from_millis(500),
            log: Log::default(),
            extension: None,
            acceptor: None,
        }
    }
}

impl Settings {
    /// Returns the scheme of the server's URLs.
    pub(crate) fn scheme(&self) -> &'static str {
        match self.acceptor {
            Some(_) => "https",
            None => "http",
        }
    }
}

/// A running server. Dropping it stops it: every connection is closed with 1001.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
    /// Has no sender left once all threads have ended.
    all_ended: Receiver<Infallible>,
}

/// The data that all threads of a server share.
struct Shared {
    settings: Settings,
    /// Asked by one thread at a time: a thousand at once would need three thousand sockets.
    http: Mutex<Http>,
    stop: AtomicBool,
}

/// Each thread that serves a client holds a clone. When the last one is gone, [`Server::drop`] is told, even if a
/// thread has panicked.
type Running = Arc<Sender<Infallible>>;

impl Shared {
    fn answer(&self, head: &[u8]) -> io::Result<Vec<u8>> {
        let http = self.http.lock().unwrap_or_else(PoisonError::into_inner);
        http.ask(head)
    }
}

impl Server {
    /// Starts a server that accepts clients on `listener`.
    ///
    /// # Errors
    /// Returns the system's error if the listener can't be used, tiny_http has no free port, or no thread
    /// can be started.
    pub fn start(listener: TcpListener, settings: Settings) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let http = Mutex::new(Http::start(settings.head, settings.extension.clone())?);
        let shared = Arc::new(Shared {
            settings,
            http,
            stop: AtomicBool::new(false),
        });
        let (running, all_ended) = mpsc::channel();
        let accepting = thread::Builder::new().spawn({
            let shared = Arc::clone(&shared);
            move || accept_all(&listener, &shared, &Arc::new(running))
        })?;
        Ok(Self {
            address,
            shared,
            accepting: Some(accepting),
            all_ended,
        })
    }

    /// Returns the address on which the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // Each connection learns of it at its next tick, then waits for an answer to its Close, and
        // then for the end of TCP.
        let settings = &self.shared.settings;
        let longest = 2 * (settings.tick + settings.patience.close_within);
        let deadline = Instant::now() + longest;
        if let Some(accepting) = self.accepting.take() {
            self.wake(accepting, deadline);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        _ = self.all_ended.recv_timeout(left);
    }
}

impl Server {
    /// Ends the thread that accepts clients: one more connection wakes it. That fails while all files are in
    /// use, so this tries again until a connection has ended and left room.
    fn wake(&self, accepting: JoinHandle<()>, deadline: Instant) {
        let address = reachable(self.address);
        while !accepting.is_finished() && Instant::now() < deadline {
            _ = TcpStream::connect_timeout(&address, self.shared.settings.tick);
            thread::sleep(Duration::from_millis(1));
        }
        if accepting.is_finished() {
            _ = accepting.join();
        }
    }
}

/// Returns an address to connect to. A server may listen on `0.0.0.0`, but not every system connects to that.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => {
            address.set_ip(Ipv4Addr::LOCALHOST.into())
        }
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => {
            address.set_ip(Ipv6Addr::LOCALHOST.into())
        }
        _ => {}
    }
    address
}

fn accept_all(listener: &TcpListener, shared: &Arc<Shared>, running: &Running) {
    // Each thread holds a clone of one of these. So their number is known without a counter.
    let (accepted, refused) = (Arc::new(()), Arc::new(()));
    for client in listener.incoming() {
        if shared.stop.load(Ordering::Relaxed) {
            return;
        }
        let Ok(client) = client else {
            // All files are in use, for example. There may be room later.
            thread::sleep(shared.settings.tick);
            continue;
        };
        let others = Arc::strong_count(&accepted) as u64 - 1;
        if others < shared.settings.max_connections {
            let (shared, running) = (Arc::clone(shared), Arc::downgrade(running));
            let accepted = Arc::clone(&accepted);
            spawn(move || {
                _ = serve(client, &shared, &running);
                drop(accepted);
            });
        } else if Arc::strong_count(&refused) <= MAX_REFUSALS {
            let (shared, refused) = (Arc::clone(shared), Arc::clone(&refused));
            spawn(move || {
                _ = refuse(client, &shared.settings);
                drop(refused);
            });
        }
    }
}

/// Runs `work` in a thread of its own. If the system has none left, `work` is dropped with its client.
fn spawn(work: impl FnOnce() + Send + 'static) {
    _ = thread::Builder::new().spawn(work);
}

fn refuse(client: TcpStream, settings: &Settings) -> io::Result<()> {
    let mut socket = open(client, settings)?;
    socket.write_all(&door::busy_response())?;
    socket.close(settings.patience.close_within);
    Ok(())
}

/// Makes the socket of a client that has been accepted.
fn open(client: TcpStream, settings: &Settings) -> io::Result<Socket> {
    let stream: Box<dyn Stream> = match &settings.acceptor {
        Some(acceptor) => acceptor.accept(client)?,
        None => Box::new(client),
    };
    Socket::new(stream, settings.tick, settings.write_within)
}

/// Serves one client, from its first byte to the end of TCP.
fn serve(client: TcpStream, shared: &Shared, running: &Weak<Sender<Infallible>>) -> io::Result<()> {
    let settings = &shared.settings;
    let peer = client.peer_addr()?;
    let mut socket = open(client, settings)?;
    // An acceptor may take a while. A server that has stopped by now doesn't wait for this client.
    let Some(_running) = running.upgrade() else {
        return Ok(());
    };
    match door::read_head(
        &mut socket,
        settings.head,
        settings.head_within,
        &shared.stop,
    ) {
        Ok(head) => {
            // There may be no file left for a connection to tiny_http.
            let answer = shared
                .answer(head.head())
                .unwrap_or_else(|_| door::busy_response());
            socket.write_all(&answer)?;
            // The first frame may have come in the same segment.
            socket.put_back(head.rest().to_vec());
            if let Some(answer) = http::head_of_101(&answer) {
                let subprotocol = answer.fields.only("Sec-WebSocket-Protocol");
                let extension = extension(&head, settings.extension.as_deref());
                let tap = subprotocol.map(|_| Tap::new(extension.reserved_bits()));
                talk(&mut socket, shared, peer, extension, tap)?;
            }
        }
        Err(NoHead::Refused(response)) => socket.write_all(&response)?,
        Err(NoHead::Gone) => return Ok(()),
    }
    socket.close(settings.patience.close_within);
    Ok(())
}

/// Runs the WebSocket, from its first frame to its last.
fn talk(
    socket: &mut Socket,
    shared: &Shared,
    peer: SocketAddr,
    extension: Box<dyn Extension>,
    tap: Option<Tap>,
) -> io::Result<()> {
    let settings = &shared.settings;
    let connection = Connection::server(Config {
        max_frame: settings.max_message,
        max_message: settings.max_message,
        extension,
    });
    Driver::new(socket, connection, settings.patience, &shared.stop)
        .with_log(&settings.log, peer)
        .with_tap(tap)
        .run()
}

/// Returns the extension that the 101 to this request names. The same offers always lead to the same choice.
fn extension(head: &HeadBuffer, negotiation: Option<&dyn Negotiation>) -> Box<dyn Extension> {
    let request = RequestHead::parse(head).ok();
    let offers = request.and_then(|request| read_extensions(&request).ok());
    let agreed = negotiation.and_then(|negotiation| negotiation.choose(&offers?));
    agreed.map_or_else(
        || Box::new(NoExtension::default()) as _,
        |agreed| agreed.extension,
    )
}
