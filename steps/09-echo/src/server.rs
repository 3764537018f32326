//! Pages and WebSockets on one port: a page at `/`, a WebSocket at `/socket`.
//!
//! tiny_http reads the head, and hands over the connection ([`Request::upgrade`]). Each request and
//! each WebSocket has a thread.
//!
//! A timeout on the listener ([`crate::ticks`]) makes `accept` give up, too, when nobody comes for as
//! long. tiny_http's accept loop ends at any error. So this server starts another one on the same
//! listener. Clients notice nothing: who connects in between waits in the listener's queue.

use std::convert::Infallible;
use std::io::{self, ErrorKind, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use connection::{Config, Connection};
use handshake::head::{Limits, RequestHead, host_and_resource};
use handshake::opening::OpeningHandshake;
use handshake::policy::Policy;
use handshake::refusal::Refusal;
use handshake::response;
use tiny_http::{Header, Method, ReadWrite, Request, Response};

use crate::deadlines::Patience;
use crate::driver::Driver;
use crate::tap;
use crate::ticks;

/// How often the thread that accepts looks whether the server stops.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What the server allows, and how long it waits.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The most requests and WebSockets at a time. One more gets 503.
    pub max_connections: u64,
    /// The most that a message may have, in bytes. A longer one fails the connection with 1009.
    pub max_message: u64,
    /// The limits of a handshake's head.
    pub head: Limits,
    /// How long a silent peer is waited for.
    pub patience: Patience,
    /// How long a peer may take nothing of what is written.
    pub write_within: Duration,
    /// How often a waiting connection looks at the clock. A head that pauses for as long is given up.
    pub tick: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_connections: 1000,
            max_message: 1 << 20,
            head: Limits::default(),
            patience: Patience::default(),
            write_within: Duration::from_secs(10),
            tick: Duration::from_secs(2),
        }
    }
}

/// A running server. Dropping it stops it: every connection is closed with 1001.
pub struct Server {
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
    /// Says that all threads have ended, by having no sender any more.
    all_ended: Receiver<Infallible>,
}

/// What all threads of a server know.
struct Shared {
    address: SocketAddr,
    settings: Settings,
    stop: AtomicBool,
    /// Each thread that answers holds a clone. So their number is known without a counter, also when
    /// one of them panics.
    busy: Arc<()>,
}

impl Server {
    /// Starts to answer what comes in on `listener`.
    ///
    /// # Errors
    /// The listener can't be used, or no thread can be started.
    pub fn start(listener: TcpListener, settings: Settings) -> io::Result<Self> {
        ticks::set(&listener, settings.tick, settings.write_within)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            address,
            settings,
            stop: AtomicBool::new(false),
            busy: Arc::new(()),
        });
        let (running, all_ended) = mpsc::channel();
        let accepting = thread::Builder::new().spawn({
            let shared = Arc::clone(&shared);
            move || accept_all(&listener, &shared, &Arc::new(running))
        })?;
        Ok(Self {
            shared,
            accepting: Some(accepting),
            all_ended,
        })
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(accepting) = self.accepting.take() {
            _ = accepting.join();
        }
        // Each connection learns of it at its next tick, and then waits for an answer to its Close.
        let settings = &self.shared.settings;
        let longest = 2 * settings.tick + settings.patience.close_within;
        _ = self.all_ended.recv_timeout(longest);
    }
}

/// Every thread that answers holds a clone. When the last one is gone, [`Server::drop`] learns of it.
type Running = Arc<Sender<Infallible>>;

fn accept_all(listener: &TcpListener, shared: &Arc<Shared>, running: &Running) {
    while !shared.stop.load(Ordering::Relaxed) {
        let http = listener
            .try_clone()
            .map_err(Into::into)
            .and_then(|listener| tiny_http::Server::from_listener(listener, None));
        let Ok(http) = http else {
            thread::sleep(shared.settings.tick);
            continue;
        };
        match answer_all(&http, shared, running) {
            Ok(()) => return,
            Err(error) if is_tick(&error) => {}
            // No room for another connection, for example. There may be some later.
            Err(_) => thread::sleep(shared.settings.tick),
        }
        // It accepts no more, but it may still be reading a head.
        let shared = Arc::clone(shared);
        let running = Arc::downgrade(running);
        thread::spawn(move || answer_late(&http, &shared, &running));
    }
}

/// Answers requests whose heads were not complete yet when tiny_http stopped to accept.
fn answer_late(http: &tiny_http::Server, shared: &Arc<Shared>, running: &Weak<Sender<Infallible>>) {
    let long = 2 * shared.settings.tick;
    while let Ok(Some(request)) = http.recv_timeout(long)
        && let Some(running) = running.upgrade()
    {
        start(request, shared, &running);
    }
}

/// Answers requests until the server stops, or until tiny_http accepts no more.
fn answer_all(http: &tiny_http::Server, shared: &Arc<Shared>, running: &Running) -> io::Result<()> {
    while !shared.stop.load(Ordering::Relaxed) {
        if let Some(request) = http.recv_timeout(LOOK_AGAIN)? {
            start(request, shared, running);
        }
    }
    Ok(())
}

fn is_tick(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// Answers a request on a thread of its own, if there is room for one more.
fn start(request: Request, shared: &Arc<Shared>, running: &Running) {
    let busy = Arc::clone(&shared.busy);
    let others = Arc::strong_count(&busy) as u64 - 2;
    if others >= shared.settings.max_connections {
        return refuse(request);
    }
    let shared = Arc::clone(shared);
    let running = Arc::clone(running);
    thread::spawn(move || {
        answer(request, &shared);
        drop((busy, running));
    });
}

/// Answers one request: the page, the handshake, or 404.
fn answer(request: Request, shared: &Shared) {
    let resource = host_and_resource(request.url());
    let path = resource.and_then(|(_, resource)| resource.split('?').next());
    match (path, request.method()) {
        (Some("/"), Method::Get | Method::Head) => send_page(request),
        // A target that has no path is for the handshake to refuse.
        (Some("/socket") | None, _) => open_socket(request, shared),
        _ => {
            let sentence = "There is nothing here. The page is at /, the WebSocket at /socket\n";
            let response = Response::from_string(sentence).with_status_code(404);
            _ = request.respond(response);
        }
    }
}

fn open_socket(request: Request, shared: &Shared) {
    let settings = &shared.settings;
    let policy = Policy {
        subprotocols: vec![tap::SUBPROTOCOL.to_string()],
        ..Policy::default()
    };
    let head = RequestHead::from_tiny_http(&request, settings.head).map_err(Refusal::from);
    let opening = match head.and_then(|head| OpeningHandshake::read(&head, &policy)) {
        Ok(_) if !hands_over(&request) => return not_implemented(request),
        Ok(opening) => opening,
        // Not `respond`: tiny_http would leave out the fields `Upgrade` and `Connection`.
        Err(refusal) => return send(request, &refusal.response()),
    };
    let config = Config {
        max_frame: settings.max_message,
        max_message: settings.max_message,
        ..Config::default()
    };
    let stream = switch_protocols(request, &opening);
    knock(shared);
    let connection = Connection::server(config);
    let driver = Driver::new(stream, connection, settings.patience, &shared.stop);
    let driver = match opening.subprotocol {
        Some(_) => driver.drawing(),
        None => driver,
    };
    // Where TCP has failed there is nobody left to tell.
    _ = driver.run();
}

/// Connects to ourselves, and leaves.
///
/// For as long as a WebSocket is open, tiny_http keeps the thread that read its head. When several
/// clients come at once, it has sometimes counted on that very thread for the next head, which then
/// nobody reads. One more connection gets a thread that is free again at once, and looks for more.
fn knock(shared: &Shared) {
    _ = TcpStream::connect_timeout(&shared.address, shared.settings.tick);
}

fn switch_protocols(request: Request, opening: &OpeningHandshake) -> Box<dyn ReadWrite + Send> {
    let accept = opening.key.accept();
    let fields = response::fields(&accept, opening.subprotocol.as_deref());
    let mut response = Response::empty(101);
    for (name, value) in fields {
        response.add_header(Header::from_bytes(name, value).expect("our fields are ASCII"));
    }
    request.upgrade("websocket", response)
}

/// tiny_http looks for `upgrade` in the first `Connection` field only. Where it is in another, the
/// handshake is right and the connection can't be had.
fn hands_over(request: &Request) -> bool {
    let mut fields = request.headers().iter();
    fields
        .find(|field| field.field.equiv("Connection"))
        .is_some_and(|field| {
            let value = field.value.as_str().to_ascii_lowercase();
            value.contains("upgrade")
        })
}

fn not_implemented(request: Request) {
    let sentence = "This server needs `Upgrade` in the first of several Connection fields.\n";
    _ = request.respond(Response::from_string(sentence).with_status_code(501));
}

fn refuse(request: Request) {
    let sentence = "The server is busy. Try again in a second.\n";
    let retry = Header::from_bytes("Retry-After", "1").expect("a valid header");
    let response = Response::from_string(sentence).with_status_code(503);
    _ = request.respond(response.with_header(retry));
}

/// Sends a response to the byte.
fn send(request: Request, response: &[u8]) {
    let mut writer = request.into_writer();
    // Where the client has gone away there is nobody left to tell.
    _ = writer.write_all(response).and_then(|()| writer.flush());
}

fn send_page(request: Request) {
    let html = Header::from_bytes("Content-Type", "text/html; charset=utf-8");
    let page = Response::from_string(include_str!("page.html"));
    _ = request.respond(page.with_header(html.expect("a valid field")));
}
