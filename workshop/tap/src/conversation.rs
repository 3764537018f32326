//! One connection as it is understood: heads, then bodies or frames, then the end.
//!
//! ```text
//!   client  Head ─▶ Body ─▶ Head …      the request says `Upgrade: websocket`: Waiting ─▶ Frames
//!   server  Head ─▶ Body ─▶ Head …      the answer is 101: Frames
//! ```
//!
//! It sees the bytes and changes nothing. What it keeps of them has a bound, whatever comes.

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use workshop_wire::side::Side;

use crate::frames::{Detail, Frames, Lost};
use crate::http::{self, Body, Head, Length, MAX_HEAD, NoHead};
use crate::record::{Ending, What};
use crate::sight::{Sight, bytes_in_words};

/// More requests than these don't wait for an answer on one connection.
const MAX_PENDING: usize = 1000;
/// Other bodies take one line.
const LINES_OF_A_REFUSAL: usize = 3;

/// One connection.
#[derive(Debug)]
pub struct Conversation {
    detail: Detail,
    begun: Duration,
    /// When the latest record was made.
    now: Duration,
    client: Half,
    server: Half,
    /// The requests that have no answer yet, oldest first.
    pending: VecDeque<Pending>,
}

/// One direction.
#[derive(Debug)]
struct Half {
    state: State,
    /// How many bytes have come.
    come: u64,
    end: Option<Ending>,
}

#[derive(Debug)]
enum State {
    /// The beginning of a head.
    Head(Vec<u8>),
    Body(Body),
    /// The client has asked for a WebSocket: what it sends is read once the answer is known.
    Waiting(Vec<u8>),
    Frames(Frames),
    /// Nothing that can be decoded: so many bytes of it.
    Opaque(u64),
}

/// A request without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pending {
    is_head: bool,
}

impl Half {
    fn new() -> Self {
        Self {
            state: State::Head(Vec::new()),
            come: 0,
            end: None,
        }
    }

    /// Whether it has begun a closing handshake.
    fn has_closed(&self) -> bool {
        matches!(&self.state, State::Frames(frames) if frames.is_closed)
    }
}

impl Conversation {
    /// A connection that begins at this time.
    pub fn new(begun: Duration, detail: Detail) -> Self {
        Self {
            detail,
            begun,
            now: begun,
            client: Half::new(),
            server: Half::new(),
            pending: VecDeque::new(),
        }
    }

    /// Whether nothing more can come.
    pub fn is_over(&self) -> bool {
        self.client.end.is_some() && self.server.end.is_some()
    }

    /// Takes what has happened at that time, and says what there is to see.
    pub fn take(&mut self, at: Duration, what: &What) -> Vec<Sight> {
        let mut sights = Vec::new();
        self.now = at;
        match what {
            What::Open(from) => sights.push(Sight::own(format!("a client connects: {from}"))),
            What::Unreachable(why) => {
                let sight = Sight::own("the server can't be reached, so the client is closed");
                sights.push(sight.blaming(why));
                self.client.end = Some(Ending::Cut);
                self.server.end = Some(Ending::Cut);
            }
            What::Bytes(side, bytes) => {
                self.half(*side).come += bytes.len() as u64;
                self.feed(*side, bytes, &mut sights);
            }
            What::End(side, ending) => self.end(at, *side, *ending, &mut sights),
        }
        sights
    }

    fn half(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    fn feed(&mut self, side: Side, bytes: &[u8], sights: &mut Vec<Sight>) {
        let mut bytes = bytes.to_vec();
        while !bytes.is_empty() {
            let state = mem::replace(&mut self.half(side).state, State::Opaque(0));
            let (state, rest) = match state {
                State::Head(mut head) => {
                    head.extend(&bytes);
                    self.head(side, head, sights)
                }
                State::Body(mut body) => match body.take(&bytes) {
                    Ok(None) => (State::Body(body), Vec::new()),
                    Ok(Some(rest)) => {
                        sights.extend(body.sight());
                        (State::Head(Vec::new()), rest.to_vec())
                    }
                    Err(what) => (lost(side, &what, sights), bytes),
                },
                State::Waiting(mut early) => {
                    early.extend(&bytes);
                    if early.len() > MAX_HEAD {
                        (
                            lost(side, "more before the answer than is kept", sights),
                            early,
                        )
                    } else {
                        (State::Waiting(early), Vec::new())
                    }
                }
                State::Frames(mut frames) => match frames.take(self.now, &bytes, sights) {
                    Ok(()) => (State::Frames(frames), Vec::new()),
                    Err(Lost(rest)) => (State::Opaque(rest as u64), Vec::new()),
                },
                State::Opaque(count) => (State::Opaque(count + bytes.len() as u64), Vec::new()),
            };
            self.half(side).state = state;
            bytes = rest;
        }
    }

    /// What comes behind these bytes, which begin a head, and what of them doesn't belong to it.
    fn head(&mut self, side: Side, bytes: Vec<u8>, sights: &mut Vec<Sight>) -> (State, Vec<u8>) {
        let parsed = match http::head(side, &bytes) {
            Ok(parsed) => parsed,
            Err(NoHead::Incomplete) => return (State::Head(bytes), Vec::new()),
            Err(NoHead::Other(what)) => return (lost(side, &what, sights), bytes),
        };
        let rest = bytes[parsed.length..].to_vec();
        sights.push(parsed.sight);
        let next = match parsed.head {
            Head::Request { upgrades, is_head } => {
                if self.pending.len() < MAX_PENDING {
                    self.pending.push_back(Pending { is_head });
                }
                match parsed.body {
                    Length::Bytes(0) if upgrades => State::Waiting(Vec::new()),
                    Length::Bytes(0) => State::Head(Vec::new()),
                    length => State::Body(Body::new(side, length)),
                }
            }
            Head::Response {
                status: 101,
                deflates,
            } => {
                self.pending.pop_front();
                self.open(deflates, sights);
                State::Frames(Frames::new(side, deflates, self.detail))
            }
            // It only says that an answer will come.
            Head::Response {
                status: 100..200, ..
            } => State::Head(Vec::new()),
            Head::Response { status, .. } => {
                let asked = self.pending.pop_front();
                self.refused(sights);
                let is_empty = matches!(status, 204 | 304)
                    || asked.is_some_and(|asked| asked.is_head)
                    || parsed.body == Length::Bytes(0);
                match is_empty {
                    true => State::Head(Vec::new()),
                    // A refusal says why.
                    false if status >= 400 => {
                        State::Body(Body::new(side, parsed.body).in_lines(LINES_OF_A_REFUSAL))
                    }
                    false => State::Body(Body::new(side, parsed.body)),
                }
            }
        };
        (next, rest)
    }

    /// The server has switched protocols: what the client sends is frames.
    fn open(&mut self, deflates: bool, sights: &mut Vec<Sight>) {
        let frames = State::Frames(Frames::new(Side::Client, deflates, self.detail));
        if let State::Waiting(early) | State::Head(early) =
            mem::replace(&mut self.client.state, frames)
        {
            self.feed(Side::Client, &early, sights);
        }
    }

    /// The server has answered otherwise: the client may ask for something else.
    fn refused(&mut self, sights: &mut Vec<Sight>) {
        if let State::Waiting(early) = &mut self.client.state {
            let early = mem::take(early);
            self.client.state = State::Head(Vec::new());
            self.feed(Side::Client, &early, sights);
        }
    }

    fn end(&mut self, at: Duration, side: Side, ending: Ending, sights: &mut Vec<Sight>) {
        let other = side.other();
        let mut sight = match ending {
            Ending::Fin => Sight::new(side, format!("FIN: the {side} sends nothing more")),
            Ending::Reset => Sight::new(side, format!("RST: the {side} breaks TCP off")),
            Ending::Cut => Sight::new(side, format!("no more is read: the {other} is gone")),
        };
        let cut_off = match &self.half(side).state {
            State::Body(body) if body.ends_with_tcp() => {
                sights.extend(body.sight());
                None
            }
            State::Body(body) => Some(body.cut_off()),
            State::Head(head) if !head.is_empty() => Some(format!(
                "in the middle of a head: {} came",
                bytes_in_words(head.len() as u64)
            )),
            State::Frames(frames) => frames.cut_off(),
            State::Opaque(count) if *count > 0 => {
                sight = sight.noting(format!("{} were not decoded", bytes_in_words(*count)));
                None
            }
            _ => None,
        };
        if let Some(what) = cut_off {
            sight = sight.blaming(what);
        }
        let nobody_closed = !self.client.has_closed() && !self.server.has_closed();
        let is_open = matches!(self.half(side).state, State::Frames(_));
        if is_open && nobody_closed && self.half(other).end.is_none() {
            sight = sight.blaming(format!("no Close came before: the {other} reports 1006"));
        }
        sights.push(sight);
        self.half(side).end = Some(ending);
        if self.is_over() {
            let took = at.saturating_sub(self.begun);
            sights.push(Sight::own(format!(
                "over after {:.3} s: {} →, {} ←",
                took.as_secs_f64(),
                bytes_in_words(self.client.come),
                bytes_in_words(self.server.come)
            )));
        }
    }
}

/// From here on, bytes are counted.
fn lost(side: Side, what: &str, sights: &mut Vec<Sight>) -> State {
    let sight = Sight::new(side, format!("not to be read: {what}"));
    sights.push(sight.noting("From here on, bytes are passed on and counted, not decoded."));
    State::Opaque(0)
}
