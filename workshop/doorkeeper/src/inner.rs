//! Runs tiny_http, and starts a successor when it dies.
//!
//! tiny_http 0.12 accepts no more connections after one failed accept (too many open files, for example),
//! and panics if it can't start a thread. It reports neither: its listener just disappears. So the first
//! connection that is refused there reports it, and another tiny_http starts on a port of its own.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tiny_http::{Request, Response, Server};

/// How often the thread that receives requests checks for a stop or a dead tiny_http.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// How long to wait for a successor.
const SUCCESSOR_WITHIN: Duration = Duration::from_secs(1);
/// How long requests are still received from a dead tiny_http: they may have been sent before its successor
/// was there.
const GRACE: Duration = Duration::from_secs(1);
/// How long the answer to a knock may take.
const KNOCK_WITHIN: Duration = Duration::from_secs(5);

/// The method of a request that only asks whether tiny_http is there. No client can send it: a head whose
/// method has parentheses isn't HTTP (RFC 9110 §5.6.2), and doesn't get this far.
const KNOCK: &str = "(knock)";

/// A running tiny_http. Dropping this stops it within a moment.
pub struct Inner(Arc<Shared>);

struct Shared {
    answer: Box<dyn Fn(Request) + Send + Sync>,
    place: Mutex<Place>,
    /// Held while a connection is opened: if several came at the same moment, tiny_http would let some of them
    /// wait until a different one has ended.
    opening: Mutex<()>,
    stop: AtomicBool,
}

/// Where it listens, and whether it has been found dead there.
#[derive(Clone, Copy)]
struct Place {
    address: SocketAddr,
    is_dead: bool,
}

impl Inner {
    /// Starts a tiny_http on any free port of loopback. Each request is answered on a thread of its own.
    ///
    /// # Errors
    /// Returns the system's error if there is no free port or no thread can be started.
    pub fn start(answer: impl Fn(Request) + Send + Sync + 'static) -> io::Result<Self> {
        let (http, address) = start_tiny_http()?;
        let is_dead = false;
        let shared = Arc::new(Shared {
            answer: Box::new(answer),
            place: Mutex::new(Place { address, is_dead }),
            opening: Mutex::default(),
            stop: AtomicBool::new(false),
        });
        receive_on_a_thread(Arc::clone(&shared), http, address)?;
        Ok(Self(shared))
    }

    /// Returns where it listens now.
    pub fn address(&self) -> SocketAddr {
        self.0.place().address
    }

    /// Opens a connection that has one of tiny_http's threads to itself. Any number of requests may follow on
    /// it, one after the other, for as long as its other end is [`address`](Self::address). If tiny_http has to
    /// be started again, this waits up to a second for that.
    ///
    /// # Errors
    /// Returns the system's error if there are too many open files, or tiny_http can't be started again.
    pub fn open(&self) -> io::Result<TcpStream> {
        let address = self.address();
        match self.knock_at(address) {
            Err(error) if is_dead(&error) => {
                self.0.report_dead(address);
                self.wait_for_successor(address);
                self.knock_at(self.address())
            }
            other => other,
        }
    }

    fn knock_at(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let _one_at_a_time = lock(&self.0.opening);
        knock(address)
    }

    fn wait_for_successor(&self, dead: SocketAddr) {
        let deadline = Instant::now() + SUCCESSOR_WITHIN;
        while self.address() == dead && Instant::now() < deadline {
            thread::sleep(LOOK_AGAIN);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    fn place(&self) -> MutexGuard<'_, Place> {
        lock(&self.place)
    }

    /// Marks the tiny_http at this address as dead, unless a successor has taken its place in the meantime.
    fn report_dead(&self, address: SocketAddr) {
        let mut place = self.place();
        place.is_dead |= place.address == address;
    }
}

/// Whether the error means that nothing listens there, or that what listens doesn't answer.
fn is_dead(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof
            | ErrorKind::WouldBlock
            | ErrorKind::TimedOut
    )
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Connects, and makes sure that a thread reads what is sent on this connection.
fn knock(address: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(KNOCK_WITHIN))?;
    stream.write_all(format!("{KNOCK} / HTTP/1.1\r\n\r\n").as_bytes())?;
    let mut response = Vec::new();
    let mut byte = [0];
    while !response.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        response.extend(byte);
    }
    stream.set_read_timeout(None)?;
    Ok(stream)
}

fn start_tiny_http() -> io::Result<(Server, SocketAddr)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    // It panics if it can't start a thread.
    let http = panic::catch_unwind(|| Server::from_listener(listener, None))
        .map_err(|_| io::Error::other("no thread can be started"))?
        .map_err(io::Error::other)?;
    Ok((http, address))
}

fn receive_on_a_thread(shared: Arc<Shared>, http: Server, address: SocketAddr) -> io::Result<()> {
    let receive = move || receive_all(&shared, &http, address);
    thread::Builder::new().spawn(receive).map(drop)
}

/// Receives requests until the server stops, or a successor has taken over.
fn receive_all(shared: &Arc<Shared>, http: &Server, address: SocketAddr) {
    let mut replaced: Option<Instant> = None;
    while !shared.stop.load(Ordering::Relaxed) && replaced.is_none_or(|at| at.elapsed() < GRACE) {
        match http.recv_timeout(LOOK_AGAIN) {
            Ok(Some(request)) => hand_over(request, shared),
            Ok(None) => {}
            // tiny_http says this once, when it has failed to accept.
            Err(_) => shared.report_dead(address),
        }
        let place = *shared.place();
        // If there is no room for a successor, the next round tries again.
        if place.is_dead && place.address == address && start_successor(shared).is_ok() {
            replaced = Some(Instant::now());
        }
    }
}

fn start_successor(shared: &Arc<Shared>) -> io::Result<()> {
    let (http, address) = start_tiny_http()?;
    receive_on_a_thread(Arc::clone(shared), http, address)?;
    let is_dead = false;
    *shared.place() = Place { address, is_dead };
    Ok(())
}

fn hand_over(request: Request, shared: &Arc<Shared>) {
    if request.method().as_str() == KNOCK {
        _ = request.respond(Response::empty(204));
        return;
    }
    let shared = Arc::clone(shared);
    // If no thread can be started, the request is dropped, and tiny_http answers 500.
    _ = thread::Builder::new().spawn(move || (shared.answer)(request));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(mut stream: &TcpStream) -> Vec<u8> {
        stream
            .set_read_timeout(Some(KNOCK_WITHIN))
            .and_then(|()| stream.write_all(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"))
            .unwrap();
        let mut response = Vec::new();
        stream.read_to_end(&mut response).unwrap();
        response
    }

    #[test]
    fn a_dead_one_gets_a_successor_and_still_answers_for_a_while() {
        let inner = Inner::start(|request| {
            _ = request.respond(Response::from_string("here"));
        })
        .unwrap();
        let (before, first) = (inner.open().unwrap(), inner.address());
        inner.0.report_dead(first);
        inner.0.report_dead(first);
        inner.wait_for_successor(first);
        assert_ne!(inner.address(), first);
        for stream in [before, inner.open().unwrap()] {
            assert!(say(&stream).ends_with(b"here"));
        }
    }
}
