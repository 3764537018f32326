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
use chat::outbox::{Bytes, Outbox};
use connection::CloseCode;
use serde::Serialize;
use session::{Latest, Packet, Session};

/// The number of a guest, and of its session. No number is given twice, not even after a restart, unless the clock was
/// set back. Anyone may know it; the token, by which a page comes back to its session, is a secret.
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

/// What a client has got already. A client that knows no session has no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The session that it knows.
    pub session: GuestId,
    /// It has got everything of that session up to this number.
    pub after: u64,
}

/// A client with a session.
// ANCHOR: guest
#[derive(Debug)]
pub(crate) struct Guest {
    id: GuestId,
    /// The secret by which its page comes back.
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
    /// Not at all, since then.
    Away(Instant),
    /// By a WebSocket.
    Socket(ClientId, Arc<Outbox>),
    /// By a request that is held.
    Poll(PollId),
}
// ANCHOR_END: guest

impl Guest {
    /// A guest that hasn't been reached yet.
    pub(crate) fn new(id: GuestId, token: &str, max_kept: usize, now: Instant) -> Self {
        Self {
            id,
            token: token.to_string(),
            is_proven: false,
            session: Session::new(max_kept),
            latest: Latest::default(),
            link: Link::Away(now),
        }
    }

    /// Makes a new transport the only one. The client comes with what it has got.
    // ANCHOR: attach
    pub(crate) fn attach(&mut self, link: Link, cursor: Option<Cursor>, now: Instant) {
        let (code, reason) = (CloseCode::NORMAL, "another transport has taken over");
        // Task: one guest has one transport. A cursor confirms like a `got`, if it is a cursor of this session.
        self.end_transport(code, reason, now);
        self.link = link;
        if let Some(cursor) = cursor.filter(|cursor| cursor.session == self.id) {
            self.session.confirm(cursor.after);
        }
    }
    // ANCHOR_END: attach

    /// Attaches a WebSocket, and pushes what its client may not have.
    // ANCHOR: attach_socket
    pub(crate) fn attach_socket(&mut self, link: Link, cursor: Option<Cursor>, now: Instant) {
        // Task: attach it. Then push what this client may not have; the chapter says what a new transport begins with.
        self.attach(link, cursor, now);
        self.push(&self.hello(), now);
        for line in Vec::from_iter(self.session.replay().cloned()) {
            self.push(&line, now);
        }
        self.push_latest(now);
    }
    // ANCHOR_END: attach_socket

    /// The answer to a request that was held. It has what a new WebSocket begins with; but if another transport has
    /// taken over, only the `hello`.
    // ANCHOR: answer_poll
    pub(crate) fn answer_poll(&mut self, poll: PollId, now: Instant) -> String {
        let mut lines = vec![self.hello()];
        if self.is_reached_by_poll(poll) {
            lines.extend(self.session.replay().map(ToString::to_string));
            lines.extend(self.latest.take().iter().map(ToString::to_string));
            self.link = Link::Away(now);
        }
        lines.join("\n")
    }
    // ANCHOR_END: answer_poll

    /// Puts a line on the guest's WebSocket. A request that is held gets nothing here: it is woken, and takes what it
    /// finds.
    pub(crate) fn push(&mut self, line: &str, now: Instant) {
        if let Link::Socket(_, outbox) = &self.link
            && outbox.push(frame::text(line)).is_err()
        {
            self.cut_off(now);
        }
    }

    /// Puts the values that can go on the guest's WebSocket.
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
            outbox.finish_at_once(frame::close(code, reason));
        }
    }

    /// Notes that the transport has ended, and returns it. The session goes on.
    pub(crate) fn detach(&mut self, now: Instant) -> Link {
        match self.link {
            Link::Socket(..) => self.latest.restart_unseen(),
            Link::Poll(_) | Link::Away(_) => self.latest.restart(),
        }
        mem::replace(&mut self.link, Link::Away(now))
    }

    /// Ends a WebSocket for which more waits than may wait.
    pub(crate) fn cut_off(&mut self, now: Instant) {
        self.end_transport(CloseCode::TRY_AGAIN_LATER, "you read too slowly", now);
    }

    /// Ends the guest's WebSocket, if it has one, because the session is over.
    pub(crate) fn end(self, why: &str) {
        if let Link::Socket(_, outbox) = self.link {
            outbox.finish_at_once(over(why));
        }
    }

    /// Ends the guest's WebSocket, if it has one, once it has got what waits for it.
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

    /// Since when the guest has been away, if it is away.
    pub(crate) fn away(&self) -> Option<Instant> {
        match self.link {
            Link::Away(at) => Some(at),
            Link::Socket(..) | Link::Poll(_) => None,
        }
    }

    /// Whether there is something to say, besides the `hello`.
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
pub(crate) fn over(why: &str) -> Bytes {
    let over = frame::text(&over_line(why));
    let close = frame::close(CloseCode::NORMAL, "the session is over");
    [over, close].concat().into()
}
