//! The messages, and what is new.
//!
//! Every message gets an id: 1, 2, 3 and so on. An id is never given twice, also not after its
//! message has been dropped. So the last id that a page has seen, its *cursor*, says exactly what
//! the page has still to get.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// What somebody posts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct NewMessage {
    /// Who says it.
    pub username: String,
    /// What is said.
    pub message: String,
}

/// A message that was posted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Message {
    /// Its number, from 1.
    pub id: u64,
    /// Who says it, and what.
    #[serde(flatten)]
    pub content: NewMessage,
}

/// What is new after a cursor.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct News {
    /// The messages, oldest first.
    pub messages: Vec<Message>,
    /// The cursor to ask with next time.
    pub next: u64,
}

/// The latest messages.
#[derive(Debug)]
pub struct History {
    /// Oldest first.
    messages: VecDeque<Message>,
    /// How many messages are kept.
    most: u64,
    /// The id that was given last; 0 before the first one.
    last_id: u64,
}

impl History {
    /// An empty history that keeps the latest `most` messages (at least one).
    pub fn new(most: u64) -> Self {
        Self {
            messages: VecDeque::new(),
            most: most.max(1),
            last_id: 0,
        }
    }

    /// The same, but the next id is the one after `last_id`: the ids up to it were given by a
    /// server that ran before this one.
    pub fn resume_after(self, last_id: u64) -> Self {
        Self { last_id, ..self }
    }

    /// Keeps a message, and returns its id. If there are too many now, the oldest one is dropped.
    pub fn post(&mut self, content: NewMessage) -> u64 {
        // Task: an id is never given twice, even if its message is gone. At most `most` are kept.
        todo!("an id is never given twice, even if its message is gone. At most `most` are kept")
    }

    /// The messages with an id greater than the cursor, and the cursor to ask with next.
    ///
    /// A cursor beyond the last id was given by a server that has since been restarted. A page that
    /// asks with it has seen nothing of this history, and gets all of it.
    pub fn after(&self, cursor: u64) -> News {
        // Task: a cursor says what has been seen. One from the future belongs to another history.
        todo!("a cursor says what has been seen. One from the future belongs to another history")
    }
}
