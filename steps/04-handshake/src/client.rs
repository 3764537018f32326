//! The client's half: it asks, and it believes no answer that it hasn't checked (RFC 6455 §4.1).

use std::fmt;

use crate::extensions::{self, Extension};
use crate::fields::is_token;
use crate::head::{HeadError, HttpVersion, ResponseHead};
use crate::key::Key;
use crate::refusal::Refusal;
use crate::response;

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientHandshake {
    /// The server's host and port, as in the URL: `127.0.0.1:9004`.
    pub host: String,
    /// The path and the query: `/socket`.
    pub resource: String,
    /// Where the page came from, if a browser asks: `https://example.org`. Other programs need none.
    pub origin: Option<String>,
    /// The key: a new one for each handshake.
    pub key: Key,
    /// The subprotocols offered, in the client's order of preference.
    pub subprotocols: Vec<String>,
    /// The extensions offered, each with its parameters: `permessage-deflate; client_max_window_bits`.
    pub extensions: Vec<String>,
}

/// What client and server have agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    /// The subprotocol, one of those offered.
    pub subprotocol: Option<String>,
    /// The extensions, each of them offered.
    pub extensions: Vec<Extension>,
}

/// The rule that an answer breaks. The client then fails the connection (RFC 6455 §4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The answer isn't HTTP.
    Head(HeadError),
    /// The answer is older than HTTP/1.1.
    HttpVersion(HttpVersion),
    /// The status isn't 101: the server refuses, or wants something else first.
    Status(u16),
    /// There isn't exactly one `Upgrade`, or it isn't `websocket`.
    Upgrade,
    /// `Connection` doesn't list `upgrade`.
    Connection,
    /// There isn't exactly one `Sec-WebSocket-Accept`, or it isn't the accept key for the client's key.
    Accept,
    /// The server chose a subprotocol that the client didn't offer.
    Subprotocol,
    /// The server chose an extension that the client didn't offer.
    Extension,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Head(error) => write!(formatter, "the answer isn't a head of HTTP: {error}"),
            Self::HttpVersion(version) => {
                write!(formatter, "the answer is {version}, which has no upgrade")
            }
            Self::Status(status) => write!(formatter, "the status is {status}, not 101"),
            Self::Upgrade => formatter.write_str("Upgrade isn't websocket"),
            Self::Connection => formatter.write_str("Connection doesn't list upgrade"),
            Self::Accept => {
                formatter.write_str("Sec-WebSocket-Accept isn't the answer to this client's key")
            }
            Self::Subprotocol => {
                formatter.write_str("the subprotocol isn't one that the client offered")
            }
            Self::Extension => {
                formatter.write_str("an extension isn't one that the client offered")
            }
        }
    }
}

impl From<HeadError> for Failure {
    fn from(error: HeadError) -> Self {
        Self::Head(error)
    }
}

impl ClientHandshake {
    /// The request, to the byte.
    ///
    /// # Errors
    /// Returns [`Refusal::Subprotocols`] if the subprotocols offered aren't different tokens. No server
    /// would accept that.
    ///
    /// # Panics
    /// Panics if the resource name or a field's value holds a control character. A line break, for
    /// example, would add fields that nobody meant to send.
    pub fn request(&self) -> Result<Vec<u8>, Refusal> {
        if !are_distinct_tokens(&self.subprotocols) {
            return Err(Refusal::Subprotocols(self.subprotocols.clone()));
        }
        let subprotocols = self.subprotocols.join(", ");
        let extensions = self.extensions.join(", ");
        let mut fields = vec![
            ("Host", self.host.as_str()),
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", self.key.as_str()),
            ("Sec-WebSocket-Version", "13"),
        ];
        if let Some(origin) = &self.origin {
            fields.push(("Origin", origin));
        }
        if !subprotocols.is_empty() {
            fields.push(("Sec-WebSocket-Protocol", &subprotocols));
        }
        if !extensions.is_empty() {
            fields.push(("Sec-WebSocket-Extensions", &extensions));
        }
        for text in fields.iter().map(|(_, value)| *value) {
            assert!(
                !text.contains(char::is_control),
                "{text:?} isn't a field's value"
            );
        }
        let is_visible = |character: char| character.is_ascii_graphic();
        assert!(
            self.resource.chars().all(is_visible),
            "{:?} isn't a resource name",
            self.resource
        );
        let first_line = format!("GET {} HTTP/1.1", self.resource);
        Ok(response::head(&first_line, &fields))
    }

    /// Checks the answer to [`ClientHandshake::request`].
    ///
    /// # Errors
    /// Returns the [`Failure`] of the first rule that the answer breaks.
    pub fn check(&self, answer: &ResponseHead) -> Result<Agreement, Failure> {
        if answer.version < HttpVersion::HTTP_1_1 {
            return Err(Failure::HttpVersion(answer.version));
        }
        self.check_switch(answer)?;
        Ok(Agreement {
            subprotocol: self.check_subprotocol(answer)?,
            extensions: self.check_extensions(answer)?,
        })
    }

    /// Checks the status, `Upgrade`, `Connection` and `Sec-WebSocket-Accept`.
    fn check_switch(&self, answer: &ResponseHead) -> Result<(), Failure> {
        // Task: 101, Upgrade, Connection and the accept key, each with its failure.
        todo!("101, Upgrade, Connection and the accept key, each with its failure")
    }

    /// Returns the chosen subprotocol: none, or one of those offered, to the letter.
    fn check_subprotocol(&self, answer: &ResponseHead) -> Result<Option<String>, Failure> {
        // Task: there may be no field. If there is, it is one, and its name was offered.
        todo!("there may be no field. If there is, it is one, and its name was offered")
    }

    /// Returns the chosen extensions, each of which must have been offered.
    fn check_extensions(&self, answer: &ResponseHead) -> Result<Vec<Extension>, Failure> {
        let values = answer.fields.values("Sec-WebSocket-Extensions").into_iter();
        let lists: Option<Vec<_>> = values.map(extensions::parse).collect();
        let chosen = lists.ok_or(Failure::Extension)?.concat();
        let was_offered = |chosen: &Extension| {
            let mut offers = self.extensions.iter();
            offers.any(|offer| name_of(offer) == chosen.name)
        };
        if chosen.iter().all(was_offered) {
            Ok(chosen)
        } else {
            Err(Failure::Extension)
        }
    }
}

/// The name of an extension, without its parameters.
fn name_of(offer: &str) -> &str {
    offer.split_once(';').map_or(offer, |(name, _)| name).trim()
}

/// Whether the names are tokens, and no two are the same.
fn are_distinct_tokens(names: &[String]) -> bool {
    let is_new = |(place, name): (usize, &String)| !names[..place].contains(name);
    names.iter().all(|name| is_token(name)) && names.iter().enumerate().all(is_new)
}
