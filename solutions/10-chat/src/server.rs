//! Accepts connections, gives each a thread, and stops.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use echo::Patience;
use handshake::head::Limits;

use crate::front;
use crate::hub::{Hub, id_of_now};

/// How long the server rests when no connection can be accepted: there is no room for one, for example.
const REST: Duration = Duration::from_millis(100);

/// How many connections beyond the most are told that there is no room.
const BESIDE: u64 = 100;

/// What the server allows, and how long it waits.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The most connections at a time, WebSockets and requests. One more gets 503.
    pub max_connections: u64,
    /// The limits of a request's head.
    pub head: Limits,
    /// How long a head may take.
    pub head_within: Duration,
    /// The most that a message may have on the wire, in bytes. A longer one fails the connection with
    /// 1009.
    pub max_message: u64,
    /// How many messages are kept for those who join.
    pub max_history: u64,
    /// The most bytes that may wait for one client. Who reads so slowly that more would wait is closed
    /// with 1013. The whole history must have room.
    pub max_waiting: usize,
    /// How many messages a client may send in a second, on average.
    pub rate: u64,
    /// How long a silent peer is waited for.
    pub patience: Patience,
    /// How often a thread that reads looks at the clock.
    pub tick: Duration,
    /// The id before that of the first message.
    pub last_id: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_connections: 1000,
            head: Limits::default(),
            head_within: Duration::from_secs(10),
            max_message: 16 * 1024,
            max_history: 100,
            max_waiting: 1 << 20,
            rate: 10,
            patience: Patience::default(),
            tick: Duration::from_secs(1),
            last_id: id_of_now(),
        }
    }
}

/// A running server. Dropping it stops it: every WebSocket is closed with 1001.
// ANCHOR: server
pub struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    accepting: Option<JoinHandle<()>>,
    /// Says that all threads have ended, by having no sender any more.
    all_ended: Receiver<Infallible>,
}

/// What all threads of a server know.
pub struct Shared {
    /// The room.
    pub hub: Hub,
    /// What is allowed.
    pub settings: Settings,
    /// Set when the server stops.
    pub stop: AtomicBool,
}
// ANCHOR_END: server

impl Server {
    /// Starts to answer what comes in on `listener`.
    ///
    /// # Errors
    /// The listener can't be used, or no thread can be started.
    pub fn start(listener: TcpListener, settings: Settings) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            hub: Hub::new(settings.max_history, settings.last_id),
            settings,
            stop: AtomicBool::new(false),
        });
        let (running, all_ended) = mpsc::channel();
        let accepting = thread::Builder::new().spawn({
            let shared = Arc::clone(&shared);
            move || accept_all(&listener, &shared, &Arc::new(running))
        })?;
        Ok(Self {
            shared,
            address,
            accepting: Some(accepting),
            all_ended,
        })
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The room, for those who want to look at it from outside.
    pub fn hub(&self) -> &Hub {
        &self.shared.hub
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.shared.hub.stop();
        // One more connection wakes the thread that accepts.
        let woken = TcpStream::connect_timeout(&loopback(self.address), REST).is_ok();
        if let Some(accepting) = self.accepting.take().filter(|_| woken) {
            _ = accepting.join();
        }
        // A thread learns of it at its next tick, and then waits for an answer to its Close.
        let settings = &self.shared.settings;
        let longest = 2 * settings.tick + 2 * settings.patience.close_within;
        _ = self.all_ended.recv_timeout(longest);
    }
}

// ANCHOR: accept_all
fn accept_all(listener: &TcpListener, shared: &Arc<Shared>, running: &Arc<Sender<Infallible>>) {
    while !shared.stop.load(Ordering::Relaxed) {
        match listener.accept() {
            // Where no thread can be started, the connection is closed by being dropped.
            Ok((stream, _)) => _ = start(stream, Arc::clone(shared), Arc::clone(running)),
            Err(_) => thread::sleep(REST),
        }
    }
}

/// Answers a connection on a thread of its own, if there is room for one more. A few beyond that are told
/// so; the rest are closed without a word.
///
/// Each thread holds a clone of `running`. So their number is known without a counter, also when one of
/// them panics.
fn start(
    stream: TcpStream,
    shared: Arc<Shared>,
    running: Arc<Sender<Infallible>>,
) -> io::Result<()> {
    let others = Arc::strong_count(&running) as u64 - 2;
    let most = shared.settings.max_connections;
    if others >= most + BESIDE {
        return Ok(());
    }
    thread::Builder::new().spawn(move || {
        // Where TCP has failed there is nobody left to tell.
        _ = match others < most {
            true => front::answer(&stream, &shared),
            false => front::refuse(&stream),
        };
        drop(running);
    })?;
    Ok(())
}
// ANCHOR_END: accept_all

/// An address of this machine: one may listen on 0.0.0.0, but not connect to it.
fn loopback(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
