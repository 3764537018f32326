//! Whether a client keeps the rules: the probe plays a server, a good one or a bad one.
//!
//! ```text
//!   Client ──▶ connects ──▶ Visit ──▶ the rule's bytes, right or wrong
//!     │                      its request, its frames, how TCP ends
//!     └──▶ Fate              its exit code, where the wire doesn't tell
//! ```
//!
//! | module | what it is for |
//! |---|---|
//! | `program` | the client: a program that is started again for each connection, or one that a person starts |
//! | `request`, `answer`, `framing`, `streams`, `closing`, `compression`, `chance` | the rules |

mod answer;
mod chance;
mod closing;
mod compression;
mod framing;
mod program;
mod request;
mod streams;
#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::{Deref, DerefMut};
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use workshop_terminal::command_line::Exit;
use workshop_terminal::text::{cut, sanitize};
use workshop_wire::reach;
use workshop_wire::side::Side;

use self::program::{ByHand, Call, Client, Fate, Program};
use crate::exchange::Opens;
use crate::head::{Head, Request};
use crate::outcome::Outcome;
use crate::peer::Peer;
use crate::rule::{self, Group, Terms, report};

/// How long the probe sleeps until it looks again whether a client has connected, or has ended.
const POLL: Duration = Duration::from_millis(2);

/// How long the client's own connection may come after one that isn't the client's.
const A_MOMENT: Duration = Duration::from_millis(500);

/// How many connections come before the rules, to see that there is an echo client.
const GREETINGS: usize = 3;

/// A rule for clients.
type Rule = rule::Rule<Trial>;

const GROUPS: [Group<Trial>; 7] = [
    ("Request", request::RULES),
    ("Answer", answer::RULES),
    ("Frames and text", framing::RULES),
    ("Streams", streams::RULES),
    ("Closing handshake", closing::RULES),
    ("Compression", compression::RULES),
    ("What must be random", chance::RULES),
];

/// A client that is judged, and where it is waited for.
struct Session {
    listener: TcpListener,
    address: SocketAddr,
    client: Box<dyn Client>,
    visits: Cell<usize>,
    seen: RefCell<Vec<Seen>>,
}

/// A request, and the resource that it should ask for.
struct Seen {
    resource: String,
    request: Request,
}

impl Session {
    fn new(listener: TcpListener, client: Box<dyn Client>) -> Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self {
            address: listener.local_addr()?,
            listener,
            client,
            visits: Cell::new(0),
            seen: RefCell::default(),
        })
    }

    /// A resource of its own for each connection.
    fn next_resource(&self) -> String {
        self.visits.set(self.visits.get() + 1);
        let number = self.visits.get();
        format!("/{number}/probe?visit={number}")
    }

    /// Has the client connect.
    fn call(&self, words: &str, resource: &str) -> Result<Box<dyn Call>, String> {
        // A client that tries again may have left a connection that nobody wants.
        while self.listener.accept().is_ok() {}
        let url = format!("ws://{}{resource}", self.address);
        self.client.call(words, &url)
    }

    /// Waits until the client connects, or has ended without it.
    fn arrival(&self, call: &mut dyn Call) -> Result<TcpStream, Fate> {
        self.arrival_within(call, self.client.time_to_connect())
    }

    fn arrival_within(&self, call: &mut dyn Call, patience: Duration) -> Result<TcpStream, Fate> {
        let deadline = Instant::now() + patience;
        loop {
            // In this order: a client may connect and end at once.
            let fate = call.fate();
            match self.listener.accept() {
                Ok((stream, _)) if stream.set_nonblocking(false).is_ok() => return Ok(stream),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                _ => continue,
            }
            match fate {
                Fate::Runs | Fate::Unknown if Instant::now() < deadline => {}
                fate => return Err(fate),
            }
            thread::sleep(POLL);
        }
    }
}

/// One try of a rule.
struct Trial {
    session: Rc<Session>,
    words: &'static str,
    patience: Duration,
}

impl Trial {
    /// Has the client connect, and reads its request, which is not answered yet.
    fn visit(&self) -> Result<Visit, String> {
        let resource = self.session.next_resource();
        let mut call = self.session.call(self.words, &resource)?;
        let arrived = self.session.arrival(&mut *call);
        let mut stream = arrived.map_err(|fate| format!("doesn't connect, {fate}"))?;
        let (peer, request) = loop {
            let mut peer = self.peer(stream)?;
            let request = peer.request();
            let asked = request.as_ref().map(|request| request.line.as_str());
            if asked.is_ok_and(|line| line.contains(&resource)) {
                break (peer, request?);
            }
            // This may be another program, which took the port for one of its own.
            match self.session.arrival_within(&mut *call, A_MOMENT) {
                Ok(next) => stream = next,
                Err(_) => break (peer, request?),
            }
        };
        let seen = Seen {
            resource,
            request: request.clone(),
        };
        self.session.seen.borrow_mut().push(seen);
        Ok(Visit {
            peer,
            request,
            call,
        })
    }

    fn peer(&self, stream: TcpStream) -> Result<Peer, String> {
        let deadline = Instant::now() + self.patience;
        Peer::new(stream, Side::Server, deadline)
            .map_err(|error| format!("its connection is lost: {error}"))
    }

    /// Has the client connect, and accepts its handshake with this head.
    fn open_with(&self, change: impl FnOnce(Head) -> Head) -> Result<Visit, String> {
        let mut visit = self.visit()?;
        let head = change(visit.acceptance());
        visit.send(&head.bytes());
        Ok(visit)
    }
}

impl Opens for Trial {
    const OWN: Side = Side::Server;

    type Open = Visit;

    fn open(&self) -> Result<Visit, String> {
        self.open_with(|head| head)
    }
}

/// A connection of the client's. Dropping it ends the client.
struct Visit {
    peer: Peer,
    request: Request,
    call: Box<dyn Call>,
}

impl Visit {
    /// The head that accepts its handshake.
    fn acceptance(&self) -> Head {
        Head::acceptance(self.request.key())
    }

    /// What becomes of the client, once the connection has ended.
    fn fate(&mut self, patience: Duration) -> Fate {
        self.call.fate_within(patience)
    }
}

impl Deref for Visit {
    type Target = Peer;

    fn deref(&self) -> &Peer {
        &self.peer
    }
}

impl DerefMut for Visit {
    fn deref_mut(&mut self) -> &mut Peer {
        &mut self.peer
    }
}

/// Listens at this address, judges the client that connects, and gives `say` a line for each rule. The client is a
/// program with its arguments, started again for each connection, or without a program, one that a person starts.
///
/// # Errors
/// Returns an error if the address can't be listened at, or the client isn't an echo client.
pub fn listen(
    address: &str,
    anywhere: bool,
    program: Vec<String>,
    terms: Terms,
    say: &mut dyn FnMut(&str),
) -> Result<Exit> {
    terms.check(&GROUPS)?;
    let listener = bind(address, anywhere)?;
    say(&format!("listening on ws://{}", listener.local_addr()?));
    let client: Box<dyn Client> = if program.is_empty() {
        Box::new(ByHand)
    } else {
        Box::new(Program::new(program))
    };
    judge(Session::new(listener, client)?, terms, say)
}

fn bind(address: &str, anywhere: bool) -> Result<TcpListener> {
    let cant = || format!("`{}` can't be listened at", sanitize(address));
    let addresses = reach::look_up(address).with_context(cant)?;
    if !anywhere && !addresses.iter().all(|address| address.ip().is_loopback()) {
        bail!(
            "`{}` can be reached from other machines: `--anywhere` listens there all the same, \
             but only a client of your own is yours to probe.",
            sanitize(address)
        );
    }
    TcpListener::bind(&*addresses).with_context(cant)
}

/// Judges a client.
fn judge(session: Session, terms: Terms, say: &mut dyn FnMut(&str)) -> Result<Exit> {
    let session = Rc::new(session);
    let name = cut(&sanitize(&session.client.name()), 60);
    for _ in 0..GREETINGS {
        greet(&session, terms.patience)
            .map_err(|did| anyhow!("There is no WebSocket echo client to probe: {did}."))?;
    }
    let seconds = terms.patience.as_secs();
    say(&format!("{name}, at most {seconds} s a connection"));
    let try_it = |rule: &Rule| outcome(rule, &session, terms.patience);
    Ok(report(&GROUPS, Side::Client, terms, try_it, say))
}

/// Tries a rule. Whatever the client does, each of its connections ends soon after its deadline.
fn outcome(rule: &Rule, session: &Rc<Session>, patience: Duration) -> Outcome {
    rule.outcome(&Trial {
        session: Rc::clone(session),
        words: rule.words,
        patience: rule.patience(patience),
    })
}

/// Sees whether the client echoes, and ends well when the connection does.
fn greet(session: &Rc<Session>, patience: Duration) -> Result<(), String> {
    let trial = Trial {
        session: Rc::clone(session),
        words: "a greeting",
        patience,
    };
    let mut visit = trial.open()?;
    visit.send(&trial.text(b"Hello"));
    if visit.message()? != b"Hello" {
        return Err("it answers `Hello` with something else".to_string());
    }
    visit.send(&trial.close(1000, b""));
    let ending = visit.ending(false);
    match visit.fate(patience) {
        Fate::Unknown | Fate::Ended(0) if ending.close.is_some() => Ok(()),
        fate => Err(format!(
            "after a Close with 1000: {}, {fate}",
            ending.in_words()
        )),
    }
}
