//! The chat of step 10, as an [`App`]: its hub, its outboxes, its rules. What is new is who empties the outboxes.
//!
//! ```text
//! a turn of each client that has sent something        then, once
//!   say ─▶ Hub ─▶ one frame into every outbox           for every client: all that its outbox has,
//!   say ─▶ Hub ─▶ one frame into every outbox           in one write
//! ```

use std::io::{self, Write};
use std::mem;
use std::net::TcpListener;
use std::sync::Arc;
use std::task::Poll;

use chat::client::{ClientId, Room};
use chat::protocol::{Rejection, ServerMessage};
use chat::{Hub, Outbox, Settings, Visitor, frame};
use frames::Opcode;
use handshake::head::RequestHead;
use polling::routes::{Refusal, Reply};

use crate::answers::Answers;
use crate::app::App;
use crate::server::Server;

/// The chat.
pub struct Chat {
    hub: Hub,
    max_outbox_bytes: usize,
    /// Whether the hub may have put something into outboxes since the last time.
    has_news: bool,
}

/// A client of the chat.
pub struct Member {
    id: ClientId,
    outbox: Arc<Outbox>,
}

impl Chat {
    /// Starts a server with an empty chat and these settings.
    ///
    /// # Errors
    /// Returns the system's error if the listener can't be used, or no thread can be started.
    pub fn start(listener: TcpListener, settings: &Settings) -> io::Result<Server> {
        Server::start(listener, settings.into(), Self::new(settings))
    }

    /// Creates an empty chat.
    pub fn new(settings: &Settings) -> Self {
        Self {
            hub: Hub::new(settings.max_history, settings.last_id, settings.pace),
            max_outbox_bytes: settings.max_outbox_bytes,
            has_news: false,
        }
    }

    /// Says something in the room. Returns why not, if it is rejected.
    fn say(&mut self, member: &Member, opcode: Opcode, payload: &[u8]) -> Option<Rejection> {
        match (opcode, str::from_utf8(payload)) {
            (Opcode::Text, Ok(text)) => self.hub.say(member.id, text).err(),
            _ => Some(Rejection::Binary),
        }
    }
}

impl App for Chat {
    type Member = Member;

    fn get(&self, path: &str, query: &str) -> Reply {
        chat::chat::get(path, query, &self.hub)
    }

    fn join(&mut self, _request: &RequestHead, query: &str) -> Result<Member, Reply> {
        let after = chat::chat::after(query).ok_or(Refusal::BadCursor)?;
        let tab = chat::chat::tab(query).map(str::to_string);
        let outbox = Arc::new(Outbox::new(self.max_outbox_bytes));
        let id = self.hub.join(Visitor { after, tab }, &outbox);
        self.has_news = true;
        Ok(Member { id, outbox })
    }

    fn hear<Stream: Write>(
        &mut self,
        member: &mut Member,
        opcode: Opcode,
        payload: &[u8],
        _answers: &mut Answers<Stream>,
    ) -> io::Result<()> {
        self.has_news = true;
        if !member.outbox.is_finished()
            && let Some(rejection) = self.say(member, opcode, payload)
        {
            let error = ServerMessage::Error(rejection.to_string()).to_json();
            // The answer goes the way of everything else, so that it overtakes nothing.
            if member.outbox.push(frame::text(&error)).is_err() {
                self.hub.too_slow(member.id);
            }
        }
        Ok(())
    }

    fn post(&mut self, member: &mut Member, bytes: &mut Vec<u8>, open: bool) {
        if bytes.is_empty() && open {
            return;
        }
        self.has_news = true;
        let piece = Arc::from(&bytes[..]);
        bytes.clear();
        if !open {
            member.outbox.finish(piece);
            self.hub.leave(member.id);
        } else if member.outbox.push(piece).is_err() {
            self.hub.too_slow(member.id);
        }
    }

    fn has_news(&mut self) -> bool {
        mem::take(&mut self.has_news)
    }

    fn collect(&mut self, member: &mut Member, bytes: &mut Vec<u8>, _done: bool) -> bool {
        match member.outbox.take_now() {
            Poll::Pending => true,
            Poll::Ready(Some(pieces)) => {
                bytes.extend_from_slice(&pieces);
                true
            }
            Poll::Ready(None) => false,
        }
    }

    fn is_finished(&self, member: &Member) -> bool {
        member.outbox.is_finished()
    }

    fn leave(&mut self, member: &mut Member) {
        self.has_news = true;
        self.hub.leave(member.id);
    }

    fn stop(&mut self) {
        self.has_news = true;
        self.hub.stop();
    }
}
