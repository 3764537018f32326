//! One guest: a client with a session, and how it can be reached now.
//!
//! ```text
//!  session   the numbers, and the lines that have not been confirmed
//!  latest    the values that go out of date
//!  link      a WebSocket, a request that is held, or nothing
//! ```
//!
//! Only the link ends with a transport. Nothing in this file looks at a clock: the time is told.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::time::Instant;

use chat::client::ClientId;
use chat::frame;
use chat::outbox::{Outbox, Piece};
use connection::CloseCode;
use serde::Serialize;
use session::{Latest, Packet, Session};

/// The number of a guest, and of its session. No number is given twice, not even after a restart, unless the clock was
/// set back. Anyone may know it. The token is a secret: it lets a page come back to its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct GuestId(pub u64);

impl fmt::Display for GuestId {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The number of a request that is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PollId(pub(crate) u64);

/// A client's place in a session. A client that knows no session has no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The session that the client knows.
    pub session: GuestId,
    /// The number up to which the client has got everything of that session.
    pub after: u64,
}

/// A client with a session.
#[derive(Debug)]
pub(crate) struct Guest {
    id: GuestId,
    /// The secret that lets the page come back to its session.
    pub(crate) token: String,
    /// Whether the client has shown that it knows this session.
    pub(crate) is_proven: bool,
    pub(crate) session: Session,
    pub(crate) latest: Latest,
    link: Link,
}

/// How a guest can be reached.
#[derive(Debug)]
pub(crate) enum Link {
    /// There has been no transport since this time.
    Away(Instant),
    /// A WebSocket.
    Socket(ClientId, Arc<Outbox>),
    /// A request that is held.
    Poll(PollId),
}

impl Guest {
    /// A guest that hasn't been reached yet.
    pub(crate) fn new(
        id: GuestId,
        token: &str,
        max_unconfirmed_bytes: usize,
        now: Instant,
    ) -> Self {
        Self {
            id,
            token: token.to_string(),
            is_proven: false,
            session: Session::new(max_unconfirmed_bytes),
            latest: Latest::default(),
            link: Link::Away(now),
        }
    }

    /// Makes a new transport the only one. The cursor says which lines the client has got already.
    pub(crate) fn attach(&mut self, link: Link, cursor: Option<Cursor>, now: Instant) {
        let (code, reason) = (CloseCode::NORMAL, "another transport has taken over");
        // Task: one guest has one transport. A cursor confirms like a `got`, if it is a cursor of this session.
        todo!(
            "one guest has one transport. A cursor confirms like a `got`, if it is a cursor of this session"
        )
    }

    /// Attaches a WebSocket, and pushes the lines that its client may not have.
    pub(crate) fn attach_socket(&mut self, link: Link, cursor: Option<Cursor>, now: Instant) {
        // Task: attach it. Then push what this client may not have; the chapter says what a new transport begins with.
        todo!(
            "attach it. Then push what this client may not have; the chapter says what a new transport begins with"
        )
    }

    /// Returns the answer to a request that was held. It has the same lines as the beginning of a new WebSocket. If
    /// another transport has taken over, the `hello` is all it has.
    pub(crate) fn answer_poll(&mut self, poll: PollId, now: Instant) -> String {
        let mut lines = vec![self.hello()];
        if self.is_reached_by_poll(poll) {
            lines.extend(self.session.replay().map(ToString::to_string));
            lines.extend(self.latest.take().iter().map(ToString::to_string));
            self.link = Link::Away(now);
        }
        lines.join("\n")
    }

    /// Puts a line on the guest's WebSocket. If a request is held instead, this does nothing: when the request wakes,
    /// it takes the line from the session.
    pub(crate) fn push(&mut self, line: &str, now: Instant) {
        if let Link::Socket(_, outbox) = &self.link
            && outbox.push(frame::text(line)).is_err()
        {
            self.cut_off(now);
        }
    }

    /// Takes the values that can go now, and puts them on the guest's WebSocket.
    pub(crate) fn push_latest(&mut self, now: Instant) {
        if self.socket().is_some() {
            for line in self.latest.take() {
                self.push(&line, now);
            }
        }
    }

    /// Ends the transport. If it is a WebSocket, a Close replaces everything that waits for it. The session goes on.
    fn end_transport(&mut self, code: CloseCode, reason: &str, now: Instant) {
        if let Link::Socket(_, outbox) = self.detach(now) {
            outbox.clear_and_finish(frame::close(code, reason));
        }
    }

    /// Notes that the transport has ended, and returns it. The session goes on.
    pub(crate) fn detach(&mut self, now: Instant) -> Link {
        match self.link {
            Link::Socket(..) => self.latest.requeue_as_new(),
            Link::Poll(_) | Link::Away(_) => self.latest.requeue(),
        }
        mem::replace(&mut self.link, Link::Away(now))
    }

    /// Ends the guest's WebSocket, because its outbox is full.
    pub(crate) fn cut_off(&mut self, now: Instant) {
        self.end_transport(CloseCode::TRY_AGAIN_LATER, "you read too slowly", now);
    }

    /// Ends the guest's WebSocket, if it has one, because the session is over.
    pub(crate) fn end(self, why: &str) {
        if let Link::Socket(_, outbox) = self.link {
            outbox.clear_and_finish(over(why));
        }
    }

    /// Ends the guest's WebSocket, if it has one, after everything that waits in its outbox.
    pub(crate) fn say_goodbye(self) {
        if let Link::Socket(_, outbox) = self.link {
            outbox.finish(frame::close(CloseCode::GOING_AWAY, "the server stops"));
        }
    }

    /// The WebSocket by which the guest is reached.
    pub(crate) fn socket(&self) -> Option<ClientId> {
        match self.link {
            Link::Socket(socket, _) => Some(socket),
            Link::Poll(_) | Link::Away(_) => None,
        }
    }

    /// Whether this is the request by which the guest is reached.
    pub(crate) fn is_reached_by_poll(&self, poll: PollId) -> bool {
        matches!(self.link, Link::Poll(it) if it == poll)
    }

    /// Whether a request of this guest is held.
    pub(crate) fn is_held(&self) -> bool {
        matches!(self.link, Link::Poll(_))
    }

    /// Returns the time since when the guest has been away, if it is away.
    pub(crate) fn away(&self) -> Option<Instant> {
        match self.link {
            Link::Away(at) => Some(at),
            Link::Socket(..) | Link::Poll(_) => None,
        }
    }

    /// Returns whether there is something to send besides the `hello`.
    pub(crate) fn has_news(&self) -> bool {
        self.latest.is_due() || self.session.replay().next().is_some()
    }

    /// The first line on every transport.
    fn hello(&self) -> String {
        let (hello, got) = (self.id.0, self.session.received());
        Packet::Hello { hello, got }.to_line()
    }
}

/// The line that says that a session is over.
pub(crate) fn over_line(why: &str) -> String {
    let over = why.to_string();
    Packet::Over { over }.to_line()
}

/// The last frames of a WebSocket whose session is over.
pub(crate) fn over(why: &str) -> Piece {
    let over = frame::text(&over_line(why));
    let close = frame::close(CloseCode::NORMAL, "the session is over");
    [over, close].concat().into()
}
