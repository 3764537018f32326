//! Follows one connection: heads, then bodies or frames, then the end.
//!
//! ```text
//!   client  Head ─▶ Body ─▶ Head …      the request says `Upgrade: websocket`: Waiting ─▶ Frames
//!   server  Head ─▶ Body ─▶ Head …      the answer is 101: Frames
//! ```
//!
//! It reads the bytes and changes nothing. It keeps a limited number of them, whatever arrives.

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use workshop_wire::deflate::Terms;
use workshop_wire::side::Side;

use crate::entry::{Entry, byte_count};
use crate::frames::{Detail, Frames, Lost};
use crate::http::{self, Body, Head, HeadError, Length, MAX_HEAD};
use crate::record::{Ending, Event};

/// The most requests of one connection that may wait for a response.
const MAX_PENDING: usize = 1000;
/// The most lines that are shown of a refusal's body. Other bodies take one line.
const MAX_REFUSAL_LINES: usize = 3;

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
    /// The number of bytes that have been received.
    received: u64,
    end: Option<Ending>,
}

#[derive(Debug)]
enum State {
    /// The beginning of a head.
    Head(Vec<u8>),
    Body(Body),
    /// The client has asked for a WebSocket. What it sends is read once the response is known.
    Waiting(Vec<u8>),
    Frames(Frames),
    /// Bytes that can't be decoded, and how many.
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
            received: 0,
            end: None,
        }
    }

    /// Whether it has sent a Close.
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

    /// Whether both directions have ended.
    pub fn is_over(&self) -> bool {
        self.client.end.is_some() && self.server.end.is_some()
    }

    /// Takes an event, and returns the entries to show.
    pub fn take(&mut self, at: Duration, event: &Event) -> Vec<Entry> {
        let mut entries = Vec::new();
        self.now = at;
        match event {
            Event::Open(from) => {
                entries.push(Entry::from_tap(format!("a client connects: {from}")))
            }
            Event::Unreachable(why) => {
                let entry = Entry::from_tap("the server can't be reached, so the client is closed");
                entries.push(entry.with_fault(why));
                self.client.end = Some(Ending::Cut);
                self.server.end = Some(Ending::Cut);
            }
            Event::Bytes(side, bytes) => {
                self.half(*side).received += bytes.len() as u64;
                self.feed(*side, bytes, &mut entries);
            }
            Event::End(side, ending) => self.end(at, *side, *ending, &mut entries),
        }
        entries
    }

    fn half(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    fn feed(&mut self, side: Side, bytes: &[u8], entries: &mut Vec<Entry>) {
        let mut bytes = bytes.to_vec();
        while !bytes.is_empty() {
            let state = mem::replace(&mut self.half(side).state, State::Opaque(0));
            let (state, rest) = match state {
                State::Head(mut head) => {
                    head.extend(&bytes);
                    self.head(side, head, entries)
                }
                State::Body(mut body) => match body.take(&bytes) {
                    Ok(None) => (State::Body(body), Vec::new()),
                    Ok(Some(rest)) => {
                        entries.extend(body.entry());
                        (State::Head(Vec::new()), rest.to_vec())
                    }
                    Err(what) => (lost(side, &what, entries), bytes),
                },
                State::Waiting(mut early) => {
                    early.extend(&bytes);
                    if early.len() > MAX_HEAD {
                        (
                            lost(side, "more before the answer than is kept", entries),
                            early,
                        )
                    } else {
                        (State::Waiting(early), Vec::new())
                    }
                }
                State::Frames(mut frames) => match frames.take(self.now, &bytes, entries) {
                    Ok(()) => (State::Frames(frames), Vec::new()),
                    Err(Lost(rest)) => (State::Opaque(rest as u64), Vec::new()),
                },
                State::Opaque(count) => (State::Opaque(count + bytes.len() as u64), Vec::new()),
            };
            self.half(side).state = state;
            bytes = rest;
        }
    }

    /// Reads the head that these bytes begin with. Returns the next state, and the bytes after the head.
    fn head(&mut self, side: Side, bytes: Vec<u8>, entries: &mut Vec<Entry>) -> (State, Vec<u8>) {
        let parsed = match http::head(side, &bytes) {
            Ok(parsed) => parsed,
            Err(HeadError::Incomplete) => return (State::Head(bytes), Vec::new()),
            Err(HeadError::Other(what)) => return (lost(side, &what, entries), bytes),
        };
        let rest = bytes[parsed.length..].to_vec();
        entries.push(parsed.entry);
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
                deflate,
            } => {
                self.pending.pop_front();
                self.open(deflate.map(|agreed| agreed.client), entries);
                let terms = deflate.map(|agreed| agreed.server);
                State::Frames(Frames::new(side, terms, self.detail))
            }
            // An interim response: the final one follows.
            Head::Response {
                status: 100..200, ..
            } => State::Head(Vec::new()),
            Head::Response { status, .. } => {
                let asked = self.pending.pop_front();
                self.refused(entries);
                let is_empty = matches!(status, 204 | 304)
                    || asked.is_some_and(|asked| asked.is_head)
                    || parsed.body == Length::Bytes(0);
                let body = Body::new(side, parsed.body);
                if is_empty {
                    State::Head(Vec::new())
                } else if status >= 400 {
                    // The body of a refusal says why.
                    State::Body(body.in_lines(MAX_REFUSAL_LINES))
                } else {
                    State::Body(body)
                }
            }
        };
        (next, rest)
    }

    /// The server has switched protocols: from now on, the client sends frames, compressed if there are terms for it.
    fn open(&mut self, terms: Option<Terms>, entries: &mut Vec<Entry>) {
        let frames = State::Frames(Frames::new(Side::Client, terms, self.detail));
        if let State::Waiting(early) | State::Head(early) =
            mem::replace(&mut self.client.state, frames)
        {
            self.feed(Side::Client, &early, entries);
        }
    }

    /// The server hasn't switched protocols: the client may send another request.
    fn refused(&mut self, entries: &mut Vec<Entry>) {
        if let State::Waiting(early) = &mut self.client.state {
            let early = mem::take(early);
            self.client.state = State::Head(Vec::new());
            self.feed(Side::Client, &early, entries);
        }
    }

    fn end(&mut self, at: Duration, side: Side, ending: Ending, entries: &mut Vec<Entry>) {
        let other = side.other();
        let mut entry = match ending {
            Ending::Fin => Entry::new(side, format!("FIN: the {side} sends nothing more")),
            Ending::Reset => Entry::new(side, format!("RST: the {side} breaks TCP off")),
            Ending::Cut => Entry::new(side, format!("no more is read: the {other} is gone")),
        };
        let cut_off = match &self.half(side).state {
            State::Body(body) if body.ends_with_tcp() => {
                entries.extend(body.entry());
                None
            }
            State::Body(body) => Some(body.cut_off()),
            State::Head(head) if !head.is_empty() => Some(format!(
                "in the middle of a head: {} came",
                byte_count(head.len() as u64)
            )),
            State::Frames(frames) => frames.cut_off(),
            State::Opaque(count) if *count > 0 => {
                entry = entry.with_note(format!("{} were not decoded", byte_count(*count)));
                None
            }
            _ => None,
        };
        if let Some(what) = cut_off {
            entry = entry.with_fault(what);
        }
        let nobody_closed = !self.client.has_closed() && !self.server.has_closed();
        let is_open = matches!(self.half(side).state, State::Frames(_));
        if is_open && nobody_closed && self.half(other).end.is_none() {
            entry = entry.with_fault(format!("no Close came before: the {other} reports 1006"));
        }
        entries.push(entry);
        self.half(side).end = Some(ending);
        if self.is_over() {
            let took = at.saturating_sub(self.begun);
            entries.push(Entry::from_tap(format!(
                "over after {:.3} s: {} →, {} ←",
                took.as_secs_f64(),
                byte_count(self.client.received),
                byte_count(self.server.received)
            )));
        }
    }
}

/// The state from which on bytes are only counted.
fn lost(side: Side, what: &str, entries: &mut Vec<Entry>) -> State {
    let entry = Entry::new(side, format!("can't be read: {what}"));
    entries.push(entry.with_note("From here on, bytes are passed on and counted, not decoded."));
    State::Opaque(0)
}
