//! The log: everything that was said, in one order, under ids that all servers share.
//!
//! ```text
//!  publish (ticket, message) ──▶ │ 15 │ 16 │ 17 │ 18 │ ──▶ after 16: 17, 18
//!                         oldest ┘                └ newest
//! ```
//!
//! A server that publishes may never get the answer: the connection breaks, and the message is in the log, or it isn't.
//! So each publish has a ticket, which is the same when it is tried again.

use std::collections::{HashMap, VecDeque};

use polling::history::{Message, NewMessage};

/// The name of one publish. A second try uses the same ticket; no two publishes share one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ticket(pub String);

/// The latest messages of all servers.
// ANCHOR: log
#[derive(Debug)]
pub struct Log {
    /// Oldest first.
    messages: VecDeque<(Ticket, Message)>,
    /// The ids of the tickets that are in `messages`.
    ids: HashMap<Ticket, u64>,
    max_messages: usize,
    last_id: u64,
}
// ANCHOR_END: log

impl Log {
    /// Creates an empty log that keeps the latest `max_messages` messages. The first one gets the id after `last_id`.
    pub fn new(max_messages: usize, last_id: u64) -> Self {
        Self {
            messages: VecDeque::new(),
            ids: HashMap::new(),
            max_messages,
            last_id,
        }
    }

    /// Adds a message, if it isn't there yet, and returns its id.
    // ANCHOR: publish
    pub fn publish(&mut self, ticket: &Ticket, content: NewMessage) -> u64 {
        // Task: a ticket that comes again gets the id that it has, and nothing is added. `push` adds.
        if let Some(id) = self.ids.get(ticket) {
            return *id;
        }
        self.last_id += 1;
        let message = Message {
            id: self.last_id,
            content,
        };
        self.push(ticket, message);
        self.last_id
    }
    // ANCHOR_END: publish

    /// Returns the messages with an id greater than the cursor, oldest first.
    pub fn after(&self, cursor: u64) -> Vec<Message> {
        let messages = self.messages.iter().map(|(_, message)| message);
        messages.filter(|it| it.id > cursor).cloned().collect()
    }

    /// Returns the newest messages, `max` at most, oldest first.
    pub fn latest(&self, max: usize) -> Vec<Message> {
        let skipped = self.messages.len().saturating_sub(max);
        let messages = self.messages.iter().skip(skipped);
        messages.map(|(_, message)| message.clone()).collect()
    }

    /// Adds a message and its ticket at the end. The oldest ones go, if there are too many.
    fn push(&mut self, ticket: &Ticket, message: Message) {
        self.ids.insert(ticket.clone(), message.id);
        self.messages.push_back((ticket.clone(), message));
        while self.messages.len() > self.max_messages
            && let Some((ticket, _)) = self.messages.pop_front()
        {
            self.ids.remove(&ticket);
        }
    }
}
