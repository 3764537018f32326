//! What pages and the server send to each other: JSON, one value in each text message.
//!
//! | from | message | meaning |
//! |---|---|---|
//! | a page | `{"username":"ada","message":"hi"}` | say something; the first one also takes the name |
//! | a page | `{"username":"ada"}` | take a name, and say nothing yet |
//! | the server | `{"id":3,"username":"ada","message":"hi"}` | a person said something |
//! | the server | `{"you":"ada"}` | the name is yours: the answer to a name alone |
//! | the server | `{"people":["ada","bob"]}` | that was the history; these people are here |
//! | the server | `{"joined":"ada"}`, `{"left":"ada"}` | a person joined, or left |
//! | the server | `{"error":"The name ada is taken."}` | why what you sent was rejected |

use std::fmt;

use polling::history::{Message, NewMessage};
use serde::{Deserialize, Serialize};

use crate::visible::{is_blank, without_invisible};

/// The longest name, in characters.
pub const MAX_NAME: usize = 32;
/// The longest message, in characters.
pub const MAX_MESSAGE: usize = 1000;

/// What a page sends.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(expecting = "an object")]
pub struct ClientMessage {
    /// The person's name.
    pub username: String,
    /// What the person says. Without it, the page only takes the name.
    pub message: Option<String>,
}

/// What the server sends.
// ANCHOR: server_message
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ServerMessage {
    /// The names of the people here. It comes once, after the history.
    People(Vec<String>),
    /// This name is yours.
    You(String),
    /// A person has taken this name.
    Joined(String),
    /// The name is free again.
    Left(String),
    /// What you sent was rejected: a sentence that says why.
    Error(String),
    /// A person said something.
    #[serde(untagged)]
    Message(Message),
}
// ANCHOR_END: server_message

impl ServerMessage {
    /// Returns the message as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("our own types are JSON")
    }
}

/// Why something that a page sent is rejected. The connection stays open.
// ANCHOR: rejection
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    /// It isn't a text message.
    Binary,
    /// It isn't JSON, or doesn't have the right shape: the text says why.
    NotUnderstood(String),
    /// The field with this name shows nothing.
    Blank(&'static str),
    /// A field is too long.
    TooLong {
        /// The field.
        field: &'static str,
        /// The most characters that it may have.
        max: usize,
    },
    /// The field with this name has a character that controls a terminal or a printer.
    ControlCharacter(&'static str),
    /// A different client has this name.
    NameTaken(String),
    /// This client has sent too many messages within a short time.
    TooFast,
    /// People in the room say more than can be delivered.
    Busy,
}
// ANCHOR_END: rejection

impl fmt::Display for Rejection {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Binary => formatter.write_str("This chat takes text messages only."),
            Self::NotUnderstood(why) => write!(
                formatter,
                r#"A message must be like {{"username":"ada","message":"hi"}}: {why}."#
            ),
            Self::Blank(field) => write!(formatter, "The {field} is blank."),
            Self::TooLong { field, max } => {
                write!(formatter, "The {field} may have {max} characters at most.")
            }
            Self::ControlCharacter(field) => {
                write!(formatter, "The {field} has a control character in it.")
            }
            Self::NameTaken(name) => write!(formatter, "The name {name} is taken."),
            Self::TooFast => formatter.write_str("That was too fast. Wait a second."),
            Self::Busy => {
                formatter.write_str("The chat is busy: many people are speaking. Wait a second.")
            }
        }
    }
}

impl std::error::Error for Rejection {}

/// Returns the visible part of a name: without invisible characters, and with one space between words.
///
/// # Errors
/// Returns [`Rejection::Blank`] if nothing is visible, [`Rejection::TooLong`] if more than [`MAX_NAME`] characters
/// are, and [`Rejection::ControlCharacter`] if one is a control character.
pub fn visible_name(text: &str) -> Result<String, Rejection> {
    let name = without_invisible(text.trim());
    check("name", &name, MAX_NAME, |_| false)?;
    Ok(name)
}

/// Reads what a page has sent. Only the visible part of the name counts.
///
/// # Errors
/// Returns [`Rejection::NotUnderstood`] if the text isn't JSON of this shape. Returns [`Rejection::Blank`] if the
/// name or the message shows nothing, [`Rejection::TooLong`] if it has too many characters, and
/// [`Rejection::ControlCharacter`] if it has a control character that isn't allowed there.
// ANCHOR: read
pub fn read(text: &str) -> Result<ClientMessage, Rejection> {
    let not_understood = |error: serde_json::Error| Rejection::NotUnderstood(error.to_string());
    let said: ClientMessage = serde_json::from_str(text).map_err(not_understood)?;
    // Task: only the visible part of a name counts. A message may be missing, or have line ends and tabs.
    let username = visible_name(&said.username)?;
    if let Some(message) = &said.message {
        check("message", message, MAX_MESSAGE, |it| {
            matches!(it, '\n' | '\t')
        })?;
    }
    Ok(ClientMessage {
        username,
        message: said.message,
    })
}

fn check(
    field: &'static str,
    text: &str,
    max: usize,
    harmless: impl Fn(char) -> bool,
) -> Result<(), Rejection> {
    if is_blank(text) {
        return Err(Rejection::Blank(field));
    }
    if text.chars().count() > max {
        return Err(Rejection::TooLong { field, max });
    }
    if text.chars().any(|it| it.is_control() && !harmless(it)) {
        return Err(Rejection::ControlCharacter(field));
    }
    Ok(())
}
// ANCHOR_END: read

impl ClientMessage {
    /// Returns the message, if there is one.
    pub fn into_message(self) -> Option<NewMessage> {
        let Self { username, message } = self;
        message.map(|message| NewMessage { username, message })
    }
}
