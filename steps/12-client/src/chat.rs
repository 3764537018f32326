//! A person in the chat of step 10: lines in, JSON out, and the other way round. Nothing in here does I/O.
//!
//! ```text
//!   opened ──▶ {"username":"ada"}                              take the name
//!   say    ──▶ {"username":"ada","message":"hello"}
//!   hear   ◀── {"id":3,"username":"bob","message":"hi"}        bob: hi
//!   hear   ◀── {"joined":"cleo"}                               cleo joined
//! ```
//!
//! After a lost connection, the next one asks for the messages after the last one that came, and what you have said and
//! not heard is said again if it isn't among them. So nothing is lost, and nothing comes twice.

use std::collections::VecDeque;
use std::mem;

use serde::{Deserialize, Serialize};

use crate::terminal::{Kind, escape_controls};

/// The most names that are listed.
const MAX_NAMES: usize = 20;

/// A message to the server: see `protocol.rs` of step 10.
#[derive(Debug, Serialize)]
struct ClientMessage<'a> {
    username: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
}

/// A message from the server.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ServerMessage {
    /// That was the history, and these people are here.
    People(Vec<String>),
    /// This name is yours.
    You(String),
    Joined(String),
    Left(String),
    /// What you sent was rejected: why.
    Error(String),
    #[serde(untagged)]
    Message {
        id: u64,
        username: String,
        message: String,
    },
}

/// What was sent and needs an answer. The server answers in order.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Question {
    /// May I have this name?
    Name,
    /// A message: it comes back when it is said.
    Message(String),
}

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// There is none.
    Lost,
    /// The history is coming.
    CatchingUp,
    /// Whatever comes now has just been said.
    Live,
}

/// One person's side of the conversation.
#[derive(Debug)]
pub struct Chat {
    name: String,
    /// Only this client knows it. When it connects again, the server ends its earlier connection.
    tab: String,
    /// The id of the last message that came. The server's ids only ever grow.
    cursor: u64,
    progress: Progress,
    /// The oldest first.
    unanswered: VecDeque<Question>,
    /// Messages of a lost connection: the history will tell whether they were said.
    uncertain: VecDeque<String>,
}

impl Chat {
    /// Creates a conversation. `tab` is a token that nobody can guess.
    pub fn new(name: &str, tab: &str) -> Self {
        Self {
            name: name.to_string(),
            tab: tab.to_string(),
            cursor: 0,
            progress: Progress::Lost,
            unanswered: VecDeque::new(),
            uncertain: VecDeque::new(),
        }
    }

    /// Returns the resource name for the next connection. It asks for what came after the last message.
    pub fn resource(&self, resource: &str) -> String {
        let separator = if resource.contains('?') { '&' } else { '?' };
        let Self { cursor, tab, .. } = self;
        format!("{resource}{separator}after={cursor}&tab={tab}")
    }

    /// Begins a connection, before anything is heard on it. Returns what to send first.
    pub fn opened(&mut self) -> String {
        self.progress = Progress::CatchingUp;
        self.unanswered.push_back(Question::Name);
        self.message(None)
    }

    /// Says something. Returns what to send. If there is no connection, it can only be said on the next one.
    pub fn say(&mut self, message: &str) -> String {
        match self.progress {
            Progress::Lost => self.uncertain.push_back(message.to_string()),
            _ => self
                .unanswered
                .push_back(Question::Message(message.to_string())),
        }
        self.message(Some(message))
    }

    fn message(&self, message: Option<&str>) -> String {
        let username = &self.name;
        let message = ClientMessage { username, message };
        serde_json::to_string(&message).expect("our own types are JSON")
    }

    /// Notes that the connection has ended.
    pub fn lost(&mut self) {
        self.progress = Progress::Lost;
        for question in mem::take(&mut self.unanswered) {
            if let Question::Message(message) = question {
                self.uncertain.push_back(message);
            }
        }
    }

    /// Takes the messages that were sent on an earlier connection, and that never came back.
    pub fn take_uncertain(&mut self) -> Vec<String> {
        mem::take(&mut self.uncertain).into()
    }

    /// Returns whether the history is still to come.
    pub fn is_catching_up(&self) -> bool {
        self.progress == Progress::CatchingUp
    }

    /// Returns how many answers are still to come.
    pub fn waits_for(&self) -> usize {
        self.unanswered.len()
    }

    /// Returns whether something was perhaps not said.
    pub fn is_uncertain(&self) -> bool {
        !self.uncertain.is_empty()
    }

    /// Hears a message of the server. Returns the lines to show. They can't move the cursor, whatever the server sends.
    pub fn hear(&mut self, text: &str) -> Vec<(Kind, String)> {
        let lines = match serde_json::from_str(text) {
            Ok(message) => self.understand(message),
            Err(_) => vec![(Kind::Wrong, format!("this isn't of the chat: {text}"))],
        };
        let escaped = |(kind, line): (Kind, String)| (kind, escape_controls(&line));
        lines.into_iter().map(escaped).collect()
    }

    fn understand(&mut self, message: ServerMessage) -> Vec<(Kind, String)> {
        match message {
            ServerMessage::Message {
                id,
                username,
                message,
            } => self.heard(id, &username, &message),
            ServerMessage::People(names) => {
                self.progress = Progress::Live;
                vec![(Kind::News, here(&names))]
            }
            ServerMessage::You(name) => {
                self.unanswered.pop_front();
                self.name = name;
                vec![(Kind::News, format!("you are {}", self.name))]
            }
            // If this is the name that you have asked for, the answer follows.
            ServerMessage::Joined(name) if self.is_asking_for(&name) => Vec::new(),
            ServerMessage::Joined(name) => vec![(Kind::News, format!("{name} joined"))],
            ServerMessage::Left(name) => vec![(Kind::News, format!("{name} left"))],
            ServerMessage::Error(why) => {
                let what = match self.unanswered.pop_front() {
                    Some(Question::Message(message)) => format!("not said: {message}: {why}"),
                    _ => why,
                };
                vec![(Kind::Wrong, what)]
            }
        }
    }

    fn is_asking_for(&self, name: &str) -> bool {
        self.unanswered.front() == Some(&Question::Name) && self.name == name
    }

    /// Hears what a person said, perhaps yourself.
    fn heard(&mut self, id: u64, username: &str, message: &str) -> Vec<(Kind, String)> {
        let mut lines = Vec::new();
        if self.cursor > 0 && id != self.cursor + 1 {
            let line =
                "messages may be missing here: the server has restarted, or no longer keeps them";
            lines.push((Kind::News, line.to_string()));
        }
        self.cursor = id;
        let is_own = username == self.name;
        if is_own {
            self.is_answered(message);
        }
        let kind = if is_own { Kind::Own } else { Kind::Said };
        lines.push((kind, format!("{username}: {message}")));
        lines
    }

    /// Notes that a message of your own has come back.
    fn is_answered(&mut self, message: &str) {
        if self.uncertain.front().is_some_and(|it| it == message) {
            self.uncertain.pop_front();
        } else if self.unanswered.front() == Some(&Question::Message(message.to_string())) {
            self.unanswered.pop_front();
        }
    }
}

/// Says who is here.
fn here(names: &[String]) -> String {
    if names.is_empty() {
        return "nobody else is here".to_string();
    }
    let listed = &names[..names.len().min(MAX_NAMES)];
    let more = match names.len() - listed.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("here: {}{more}", listed.join(", "))
}
