//! Accepts connections, gives each a thread, and stops. An [`App`] decides what to do with a connection: this chat,
//! or the one of the next step.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use echo::{Acceptor, Stream};

use crate::http;

/// The server's pause when it can't accept a connection or start a thread, for example because too many files are
/// open.
const PAUSE: Duration = Duration::from_millis(100);

/// The longest time that a stop tries to wake the thread that accepts, and the pause between two tries.
const WAKE_WITHIN: Duration = Duration::from_millis(500);
const WAKE_EVERY: Duration = Duration::from_millis(20);

/// The most connections beyond the limit that are told that there is no room.
const MAX_REFUSED: u64 = 100;

/// An application: it decides what to do with the server's connections.
pub trait App: Send + Sync + 'static {
    /// Answers the one request of a connection. Returns when the connection has ended. `stop` is set when
    /// the server stops.
    ///
    /// # Errors
    /// Returns an error if TCP has failed. Then the client can't be told.
    fn answer(&self, stream: &dyn Stream, stop: &AtomicBool) -> io::Result<()>;

    /// Says goodbye to all clients. It is called once.
    fn stop(&self);

    /// The most connections at a time. One more gets 503.
    fn max_connections(&self) -> u64;

    /// The longest time that the goodbyes may take.
    fn longest_goodbye(&self) -> Duration;
}

/// A running server. Dropping it stops it.
pub struct Server<A: App> {
    app: Arc<A>,
    stop: Arc<AtomicBool>,
    address: SocketAddr,
    accepting: Option<JoinHandle<()>>,
    /// A file descriptor in reserve: it takes one to wake the thread that accepts, and all others may be in use.
    spare: Option<UdpSocket>,
    /// Has no sender any more when no client is served.
    all_ended: Receiver<Infallible>,
}

/// The state that the threads of all connections share.
struct Shared<A> {
    app: Arc<A>,
    stop: Arc<AtomicBool>,
    acceptor: Option<Arc<dyn Acceptor>>,
    /// Only there to be counted: each thread holds a clone. So their number is known without a counter, even if one of
    /// them panics.
    threads: Arc<()>,
    /// Only there to be dropped: each thread that serves a client holds a clone.
    running: Arc<Sender<Infallible>>,
}

impl<A: App> Server<A> {
    /// Starts to answer the connections that `listener` accepts.
    ///
    /// # Errors
    /// Returns an error if the listener can't be used, or no thread can be started.
    pub fn start(listener: TcpListener, app: Arc<A>) -> io::Result<Self> {
        Self::start_with(listener, None, app)
    }

    /// The same, with an acceptor that puts something between TCP and the first head.
    ///
    /// # Errors
    /// Returns an error if the listener can't be used, or no thread can be started.
    pub fn start_with(
        listener: TcpListener,
        acceptor: Option<Arc<dyn Acceptor>>,
        app: Arc<A>,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let spare = UdpSocket::bind(SocketAddr::new(loopback(address).ip(), 0)).ok();
        let (running, all_ended) = mpsc::channel();
        let shared = Shared {
            app: Arc::clone(&app),
            stop: Arc::clone(&stop),
            acceptor,
            threads: Arc::new(()),
            running: Arc::new(running),
        };
        let accepting = thread::Builder::new().spawn(move || accept_all(&listener, &shared))?;
        Ok(Self {
            app,
            stop,
            address,
            accepting: Some(accepting),
            spare,
            all_ended,
        })
    }

    /// Returns the address on which the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the app, to look at it from outside.
    pub fn app(&self) -> &A {
        &self.app
    }
}

impl<A: App> Drop for Server<A> {
    fn drop(&mut self) {
        // If a panic is the reason, a second one in `stop` would end the process.
        if thread::panicking() {
            return;
        }
        self.stop.store(true, Ordering::Relaxed);
        self.app.stop();
        drop(self.spare.take());
        self.wake();
        _ = self.all_ended.recv_timeout(self.app.longest_goodbye());
    }
}

impl<A: App> Server<A> {
    /// Wakes the thread that accepts, by one more connection. If that fails, tries again, but not forever: a stop
    /// must not wait for something that may never come.
    fn wake(&mut self) {
        let Some(accepting) = self.accepting.take() else {
            return;
        };
        let deadline = Instant::now() + WAKE_WITHIN;
        while !accepting.is_finished() && Instant::now() < deadline {
            _ = TcpStream::connect_timeout(&loopback(self.address), PAUSE);
            thread::sleep(WAKE_EVERY);
        }
        if accepting.is_finished() {
            // Even if it has panicked, the server stops.
            _ = accepting.join();
        }
    }
}

fn accept_all<A: App>(listener: &TcpListener, shared: &Shared<A>) {
    while !shared.stop.load(Ordering::Relaxed) {
        let accepted = listener.accept();
        // If no thread can be started, dropping the connection closes it.
        let started = accepted.and_then(|(stream, _)| start(stream, shared));
        if started.is_err() {
            thread::sleep(PAUSE);
        }
    }
}

/// Answers a connection on a thread of its own, if there is room for one more. If there isn't, a few connections are
/// told so, and the rest are closed without an answer.
fn start<A: App>(stream: TcpStream, shared: &Shared<A>) -> io::Result<()> {
    let others = Arc::strong_count(&shared.threads) as u64 - 1;
    let max = shared.app.max_connections();
    if others >= max.saturating_add(MAX_REFUSED) {
        return Ok(());
    }
    let (app, stop) = (Arc::clone(&shared.app), Arc::clone(&shared.stop));
    let (acceptor, running) = (shared.acceptor.clone(), Arc::downgrade(&shared.running));
    let thread = Arc::clone(&shared.threads);
    thread::Builder::new().spawn(move || {
        _ = open(stream, acceptor.as_deref()).and_then(|stream| match running.upgrade() {
            Some(_running) if others < max => app.answer(&*stream, &stop),
            Some(_running) => http::refuse(&*stream),
            // An acceptor may take a while. A server that has stopped by now doesn't wait for this client.
            None => Ok(()),
        });
        drop(thread);
    })?;
    Ok(())
}

/// Makes the stream of a connection that has been accepted.
fn open(tcp: TcpStream, acceptor: Option<&dyn Acceptor>) -> io::Result<Box<dyn Stream>> {
    match acceptor {
        Some(acceptor) => acceptor.accept(tcp),
        None => Ok(Box::new(tcp)),
    }
}

/// Returns an address to connect to: a server may listen on `0.0.0.0`, but not every system connects to that.
fn loopback(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
