//! Accepts connections, limits their number, and stops.

use std::convert::Infallible;
use std::io::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tiny_http::Request;

use crate::connections::Connections;
use crate::conversation::Conversation;
use crate::inner::Inner;
use crate::refusal::Refusal;

/// How long the server pauses when a connection can't be accepted, or no thread can be started for it.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a stopping server waits for responses that are on their way.
const FAREWELL: Duration = Duration::from_secs(1);

/// The most connections, even if the system allows more.
const MAX_CONNECTIONS: u64 = 10_000;
/// How many files a connection may need: its socket, one to tiny_http, and two of tiny_http's.
const FILES_EACH: u64 = 4;
/// How many files to leave for everything else.
const OTHER_FILES: u64 = 24;

/// A running server. Dropping it stops it.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
    /// Disconnected as soon as the threads of all connections have ended.
    all_ended: Receiver<Infallible>,
}

/// The state that all threads of a server share.
pub(crate) struct Shared {
    pub inner: Inner,
    pub connections: Arc<Connections>,
    /// How many requests are being answered.
    pub busy: AtomicU64,
    /// How many may be answered at a time.
    pub max_busy: u64,
    stop: AtomicBool,
}

impl Server {
    /// Starts to answer the requests that come in on `listener`, up to `max_requests` of them at a time;
    /// one more gets 503. Each is answered by `answer`, on a thread of its own. It has been checked: its
    /// head has 64 KiB and 1000 fields at most, the length of its body is given in one way only, and it
    /// announces 64 MiB at most. A body in chunks announces nothing, so `answer` reads it up to a limit of its own.
    ///
    /// # Errors
    /// Returns the system's error if the listener's address can't be read or no thread can be started.
    pub fn start(
        listener: TcpListener,
        max_requests: u64,
        answer: impl Fn(Request) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            inner: Inner::start(answer)?,
            connections: Arc::default(),
            busy: AtomicU64::new(0),
            max_busy: max_requests,
            stop: AtomicBool::new(false),
        });
        let (running, all_ended) = mpsc::channel();
        let accepting = thread::Builder::new().spawn({
            let shared = Arc::clone(&shared);
            move || accept_all(&listener, &shared, &running)
        })?;
        Ok(Self {
            address,
            shared,
            accepting: Some(accepting),
            all_ended,
        })
    }

    /// Returns where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.shared.connections.stop();
        self.wake();
        _ = self.all_ended.recv_timeout(FAREWELL);
        self.shared.connections.close_all();
    }
}

impl Server {
    /// Ends the thread that accepts, by waking it with one more connection. If that fails, perhaps because all
    /// files are in use, the thread is left alone: nothing may keep a server from stopping.
    fn wake(&mut self) {
        let Some(accepting) = self.accepting.take() else {
            return;
        };
        let deadline = Instant::now() + FAREWELL;
        while !accepting.is_finished() && Instant::now() < deadline {
            _ = TcpStream::connect_timeout(&reachable(self.address), PAUSE);
            thread::sleep(Duration::from_millis(1));
        }
        if accepting.is_finished() {
            _ = accepting.join();
        }
    }
}

/// An address to connect to: a server may listen on 0.0.0.0, but not every system can connect to that.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

fn accept_all(listener: &TcpListener, shared: &Arc<Shared>, running: &Sender<Infallible>) {
    let max_connections = max_connections();
    while !shared.stop.load(Ordering::Relaxed) {
        let Ok((client, _)) = listener.accept() else {
            // Too many open files, for example. There will be room again, and sooner if a silent client goes.
            shared.connections.close_longest_waiting();
            thread::sleep(PAUSE);
            continue;
        };
        let client = Arc::new(client);
        let is_full = shared.connections.count() as u64 >= max_connections;
        let has_room = !is_full || shared.connections.close_longest_waiting();
        if !has_room || start(&client, shared, running.clone()).is_err() {
            shared.connections.close_longest_waiting();
            refuse(&client);
        }
    }
}

/// Gives a connection a thread.
fn start(
    client: &Arc<TcpStream>,
    shared: &Arc<Shared>,
    running: Sender<Infallible>,
) -> io::Result<()> {
    let Some(connection) = shared.connections.enter(client) else {
        return Ok(());
    };
    let (client, shared) = (Arc::clone(client), Arc::clone(shared));
    thread::Builder::new().spawn(move || {
        // An error is TCP's, so there is no client left to tell.
        _ = Conversation::new(&client, &connection, &shared).run();
        drop((connection, running));
    })?;
    Ok(())
}

/// Tells a client that there is no room. So short a write never blocks on a new connection.
fn refuse(mut client: &TcpStream) {
    _ = client.write_all(&Refusal::BUSY.response(true));
    _ = client.shutdown(Shutdown::Write);
}

/// Returns how many connections there can be without running out of files.
fn max_connections() -> u64 {
    #[cfg(unix)]
    let files = rlimit::Resource::NOFILE.get_soft().unwrap_or(u64::MAX);
    #[cfg(not(unix))]
    let files = u64::MAX;
    let room = files.saturating_sub(OTHER_FILES) / FILES_EACH;
    room.clamp(1, MAX_CONNECTIONS)
}
