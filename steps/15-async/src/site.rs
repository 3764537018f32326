//! What is at which path: the pages and lists of step 10, and its WebSocket.

use std::sync::Arc;

use chat::chat::{after, get, tab};
use chat::client::ClientId;
use chat::http::refusal_reply;
use chat::{Hub, Outbox, Settings, Visitor};
use connection::Extension;
use handshake::head::{RequestHead, host_and_resource};
use handshake::opening::OpeningHandshake;
use handshake::policy::Policy;
use hyper::{Request, Response};
use polling::routes::{Refusal, Reply};

use crate::http::{request_head, response, switching_protocols};
use crate::mailbox::Mailbox;

/// The chat's room, and its settings.
#[derive(Debug)]
pub struct Site {
    hub: Arc<Hub>,
    settings: Settings,
}

/// A client that gets a 101.
pub struct Guest {
    visitor: Visitor,
    /// Whether it has agreed on an extension.
    packs: bool,
    /// That extension, or none.
    pub extension: Box<dyn Extension>,
}

impl Site {
    /// Creates an empty chat.
    pub fn new(settings: Settings) -> Self {
        let hub = Hub::new(settings.max_history, settings.last_id, settings.pace)
            .with_extension(settings.extension.clone());
        Self {
            hub: Arc::new(hub),
            settings,
        }
    }

    /// Returns the chat's room.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Returns the settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Creates the mailbox of a guest.
    pub fn mailbox(&self, guest: &Guest) -> Mailbox {
        let outbox = Outbox::new(self.settings.max_outbox_bytes);
        Mailbox::new(outbox.with_packed(guest.packs))
    }

    /// Lets a guest in. Its outbox gets the messages that it hasn't seen, and everything from now on.
    pub fn join(&self, guest: &Guest, outbox: &Arc<Outbox>) -> ClientId {
        self.hub.join(guest.visitor.clone(), outbox)
    }

    /// Answers a request. If the answer is a 101, there is also a guest.
    pub fn answer<Body>(&self, request: &Request<Body>) -> (Response<String>, Option<Guest>) {
        let head = request_head(request);
        let target = host_and_resource(&head.target).map(|(_, resource)| resource);
        let (path, query) = target.map_or(("", ""), |it| it.split_once('?').unwrap_or((it, "")));
        let reply = match (path, head.method.as_str()) {
            // The handshake refuses a target without a path.
            ("/socket" | "", _) => match self.open(&head, query) {
                Ok((opening, guest)) => return (switching_protocols(&opening), Some(guest)),
                Err(reply) => reply,
            },
            (_, "GET" | "HEAD") => get(path, query, &self.hub),
            _ => Refusal::WrongMethod { allow: "GET, HEAD" }.into(),
        };
        (response(reply), None)
    }

    /// Judges an opening handshake by the rules of step 04.
    fn open(&self, head: &RequestHead, query: &str) -> Result<(OpeningHandshake, Guest), Reply> {
        let mut opening = OpeningHandshake::read(head, &Policy::default())
            .map_err(|refusal| refusal_reply(&refusal))?;
        let after = after(query).ok_or(Refusal::BadCursor)?;
        let tab = tab(query).map(str::to_string);
        let extension = self.settings.agree(&mut opening);
        let guest = Guest {
            visitor: Visitor { after, tab },
            packs: opening.chosen_extensions.is_some(),
            extension,
        };
        Ok((opening, guest))
    }
}
