//! The latest messages, and which of them are new to a page.
//!
//! Every message gets an id: 1, 2, 3 and so on. An id is never given twice, even after its
//! message has been dropped. So the last id that a page has seen, its *cursor*, says exactly which
//! messages the page still needs.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// A message as a client posts it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct NewMessage {
    /// The author's name.
    pub username: String,
    /// The text.
    pub message: String,
}

/// A message as the history keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Message {
    /// The message's number, from 1.
    pub id: u64,
    /// The author's name and the text.
    #[serde(flatten)]
    pub content: NewMessage,
}

/// The messages after a cursor.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct News {
    /// The new messages, oldest first.
    pub messages: Vec<Message>,
    /// The cursor to ask with next time.
    pub next: u64,
}

/// The latest messages.
#[derive(Debug)]
pub struct History {
    /// Oldest first.
    messages: VecDeque<Message>,
    /// The most messages that are kept.
    max_messages: u64,
    /// The id of the latest message; 0 if there has been none.
    last_id: u64,
}

impl History {
    /// Creates an empty history that keeps the latest `max_messages` messages (at least one).
    pub fn new(max_messages: u64) -> Self {
        Self {
            messages: VecDeque::new(),
            max_messages: max_messages.max(1),
            last_id: 0,
        }
    }

    /// Continues the ids after `last_id`. The ids up to it were given by a server that ran before
    /// this one.
    pub fn resume_after(self, last_id: u64) -> Self {
        Self { last_id, ..self }
    }

    /// Keeps a message and returns its id. If there are too many now, the oldest one is dropped.
    pub fn post(&mut self, content: NewMessage) -> u64 {
        // Task: an id is never given twice, even if its message is gone. At most `max_messages` are kept.
        todo!(
            "an id is never given twice, even if its message is gone. At most `max_messages` are kept"
        )
    }

    /// Returns the messages with an id greater than the cursor, and the cursor to ask with next.
    ///
    /// A cursor beyond the last id comes from a server that has since been restarted. A page that
    /// asks with it has seen nothing of this history, and gets all of it.
    pub fn after(&self, cursor: u64) -> News {
        // Task: a cursor says what has been seen. One from the future belongs to another history.
        todo!("a cursor says what has been seen. One from the future belongs to another history")
    }
}
