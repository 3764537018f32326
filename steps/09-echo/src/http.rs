//! What is answered to a head: the page, the 101, or a refusal. tiny_http writes it.
//!
//! tiny_http reads heads without a limit, and what its [`Request::upgrade`] hands back can read, can
//! write, and nothing else. So it never meets a client: it listens on a port of its own, on loopback,
//! gets heads that have been looked at ([`crate::door`]), and its answers are passed on. Only programs
//! on this machine could knock there.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use handshake::head::{HeadBuffer, Limits, RequestHead, ResponseHead, host_and_resource};
use handshake::opening::OpeningHandshake;
use handshake::policy::Policy;
use handshake::refusal::Refusal;
use handshake::response;
use tiny_http::{Header, Method, Request, Response};

use crate::tap;

/// How often it looks whether it should stop.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// How long its answer may take.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// A running tiny_http. When this is dropped it stops, soon.
#[derive(Debug)]
pub struct Http {
    asker: Asker,
    stop: Arc<AtomicBool>,
}

/// Who asks it.
#[derive(Debug, Clone)]
pub struct Asker(Arc<Mutex<Place>>);

/// Where it listens, and whether somebody found it dead there.
#[derive(Debug)]
struct Place {
    address: SocketAddr,
    is_dead: bool,
}

impl Http {
    /// Starts it, on any free port of loopback.
    ///
    /// # Errors
    /// There is no free port, or no thread can be started.
    pub fn start(limits: Limits) -> io::Result<Self> {
        let (listener, place) = somewhere()?;
        let asker = Asker(Arc::new(Mutex::new(place)));
        let stop = Arc::new(AtomicBool::new(false));
        thread::Builder::new().spawn({
            let (asker, stop) = (asker.clone(), Arc::clone(&stop));
            move || answer_all(listener, &asker, limits, &stop)
        })?;
        Ok(Self { asker, stop })
    }

    /// Where it listens now.
    pub fn address(&self) -> SocketAddr {
        self.asker.place().address
    }

    /// Somebody who can ask it.
    pub fn asker(&self) -> Asker {
        self.asker.clone()
    }
}

fn somewhere() -> io::Result<(TcpListener, Place)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let is_dead = false;
    Ok((listener, Place { address, is_dead }))
}

impl Drop for Http {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Asker {
    /// The answer to a head, to the byte.
    ///
    /// # Errors
    /// tiny_http can't be reached, or doesn't answer.
    pub fn ask(&self, head: &[u8]) -> io::Result<Vec<u8>> {
        let address = self.place().address;
        let answer = ask(address, head);
        let is_dead = match &answer {
            Ok(answer) => answer.is_empty(),
            Err(error) => matches!(
                error.kind(),
                ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
            ),
        };
        let mut place = self.place();
        // Another one may have taken its place meanwhile.
        place.is_dead |= is_dead && place.address == address;
        answer
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ask(http: SocketAddr, head: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(http)?;
    stream.set_read_timeout(Some(ANSWERS_WITHIN))?;
    stream.write_all(head)?;
    // One head, one answer: tiny_http closes the connection behind it.
    stream.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

/// The head of an answer, if it is 101.
pub fn switched(answer: &[u8]) -> Option<ResponseHead> {
    let mut head = HeadBuffer::new(Limits::default());
    head.push(answer).ok()?;
    let head = ResponseHead::parse(&head).ok()?;
    (head.status == 101).then_some(head)
}

/// tiny_http accepts no more after an error, one file too many for example. Where it can't open a
/// second file for a client it doesn't even say so: its thread panics. Then another one takes its place,
/// with a listener of its own: who waits at the old one would wait for ever.
fn answer_all(mut listener: TcpListener, asker: &Asker, limits: Limits, stop: &AtomicBool) {
    loop {
        if let Ok(http) = tiny_http::Server::from_listener(listener, None) {
            answer_until_dead(&http, asker, limits, stop);
        }
        listener = loop {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            thread::sleep(LOOK_AGAIN);
            if let Ok((listener, place)) = somewhere() {
                *asker.place() = place;
                break listener;
            }
        };
    }
}

fn answer_until_dead(http: &tiny_http::Server, asker: &Asker, limits: Limits, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) && !asker.place().is_dead {
        match http.recv_timeout(LOOK_AGAIN) {
            Ok(Some(request)) => answer(request, limits),
            Ok(None) => {}
            Err(_) => return,
        }
    }
}

/// Answers one request: the page, the handshake, or 404.
fn answer(request: Request, limits: Limits) {
    let resource = host_and_resource(request.url());
    let path = resource.and_then(|(_, resource)| resource.split('?').next());
    match (path, request.method()) {
        (Some("/"), Method::Get | Method::Head) => send_page(request),
        // A target that has no path is for the handshake to refuse.
        (Some("/socket") | None, _) => shake_hands(request, limits),
        _ => {
            let sentence = "There is nothing here. The page is at /, the WebSocket at /socket\n";
            let response = Response::from_string(sentence).with_status_code(404);
            _ = request.respond(response);
        }
    }
}

fn shake_hands(request: Request, limits: Limits) {
    let policy = Policy {
        subprotocols: vec![tap::SUBPROTOCOL.to_string()],
        ..Policy::default()
    };
    let head = RequestHead::from_tiny_http(&request, limits).map_err(Refusal::from);
    match head.and_then(|head| OpeningHandshake::read(&head, &policy)) {
        Ok(opening) => switch_protocols(request, &opening),
        // Not `respond`: tiny_http would leave out the fields `Upgrade` and `Connection`.
        Err(refusal) => send(request, &refusal.response()),
    }
}

fn switch_protocols(request: Request, opening: &OpeningHandshake) {
    let accept = opening.key.accept();
    let fields = response::fields(&accept, opening.subprotocol.as_deref());
    let mut response = Response::empty(101);
    for (name, value) in fields {
        response.add_header(Header::from_bytes(name, value).expect("our fields are ASCII"));
    }
    // The stream that comes back has no timeout. The socket, which has one, never left our hands.
    drop(request.upgrade("websocket", response));
}

/// Sends a response to the byte.
fn send(request: Request, response: &[u8]) {
    let mut writer = request.into_writer();
    // Where nobody listens there is nobody left to tell.
    _ = writer.write_all(response).and_then(|()| writer.flush());
}

fn send_page(request: Request) {
    let html = Header::from_bytes("Content-Type", "text/html; charset=utf-8");
    let page = Response::from_string(include_str!("page.html"));
    _ = request.respond(page.with_header(html.expect("a valid field")));
}
