//! The four parameters of permessage-deflate (RFC 7692 §7.1).
//!
//! | parameter | in an offer | in an answer |
//! |---|---|---|
//! | `server_no_context_takeover` | the server must forget each message | the server forgets each message |
//! | `client_no_context_takeover` | a hint: the client will forget | the client must forget each message |
//! | `server_max_window_bits=N` | the server's window may have N bits | the server's window has N bits |
//! | `client_max_window_bits=N` | a hint: the client's window has N bits | the client's window may have N bits |
//! | `client_max_window_bits` | the answer may limit the client's window | not allowed |
//!
//! Each is about what a side *sends*. In an offer, only those with `server_` oblige anyone.

use std::error::Error;
use std::fmt;
use std::mem;

use frames::Role;
use handshake::extensions::Extension as Named;

use crate::window::WindowBits;

/// The registered name of the extension.
pub const NAME: &str = "permessage-deflate";

/// The server compresses each message as if it were the first.
pub const SERVER_NO_CONTEXT_TAKEOVER: &str = "server_no_context_takeover";
/// The client compresses each message as if it were the first.
pub const CLIENT_NO_CONTEXT_TAKEOVER: &str = "client_no_context_takeover";
/// How large the window of the server's compressor may be.
pub const SERVER_MAX_WINDOW_BITS: &str = "server_max_window_bits";
/// How large the window of the client's compressor may be.
pub const CLIENT_MAX_WINDOW_BITS: &str = "client_max_window_bits";

/// The parameters of one offer, or of an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Parameters {
    /// Whether `server_no_context_takeover` is there.
    pub server_no_context_takeover: bool,
    /// Whether `client_no_context_takeover` is there.
    pub client_no_context_takeover: bool,
    /// `server_max_window_bits`, if it is there.
    pub server_max_window_bits: Option<WindowBits>,
    /// `client_max_window_bits`, if it is there. Without a value, it says no more than the largest value does.
    pub client_max_window_bits: Option<WindowBits>,
}

/// What a side remembers while it compresses, and so what the other side must remember, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// Whether a message may refer to those before it.
    pub is_taken_over: bool,
    /// How far back it may refer.
    pub window: WindowBits,
}

impl Default for Context {
    /// What holds if nothing else is agreed on: everything is taken over, in the largest window.
    fn default() -> Self {
        Self {
            is_taken_over: true,
            window: WindowBits::MAX,
        }
    }
}

/// Why an offer or an answer has no meaning. An offer like that is declined, an answer fails the connection
/// (RFC 7692 §7.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParameterError {
    /// There is no such parameter.
    Unknown(String),
    /// The parameter is there twice.
    Repeated(String),
    /// The parameter has a value that it can't have, or none although it needs one.
    Value(String),
}

impl Parameters {
    /// Reads the parameters of an offer, which a client has sent, or of an answer, which a server has sent.
    ///
    /// # Errors
    /// Returns the [`ParameterError`] of the first parameter that has no meaning.
    pub fn read(named: &Named, sender: Role) -> Result<Self, ParameterError> {
        let mut parameters = Self::default();
        for (name, value) in &named.parameters {
            parameters.set(name, value.as_deref(), sender)?;
        }
        Ok(parameters)
    }

    /// Notes one parameter.
    fn set(&mut self, name: &str, value: Option<&str>, sender: Role) -> Result<(), ParameterError> {
        // Task: two parameters have no value, one always has one, and one may do without it in an offer. None of them
        // may be there twice.
        todo!(
            "two parameters have no value, one always has one, and one may do without it in an offer. None of them"
        )
    }

    /// Writes them as a client's offer or a server's answer: the value of `Sec-WebSocket-Extensions`.
    pub fn write(&self, sender: Role) -> String {
        let mut field = NAME.to_string();
        if self.server_no_context_takeover {
            field += &format!("; {SERVER_NO_CONTEXT_TAKEOVER}");
        }
        if self.client_no_context_takeover {
            field += &format!("; {CLIENT_NO_CONTEXT_TAKEOVER}");
        }
        if let Some(bits) = self.server_max_window_bits {
            field += &format!("; {SERVER_MAX_WINDOW_BITS}={bits}");
        }
        match self.client_max_window_bits {
            Some(WindowBits::MAX) if sender == Role::Client => {
                field += &format!("; {CLIENT_MAX_WINDOW_BITS}");
            }
            Some(bits) => field += &format!("; {CLIENT_MAX_WINDOW_BITS}={bits}"),
            None => {}
        }
        field
    }

    /// Returns how a side compresses, if these are agreed on.
    pub fn context_of(&self, side: Role) -> Context {
        let (forgets, bits) = match side {
            Role::Server => (self.server_no_context_takeover, self.server_max_window_bits),
            Role::Client => (self.client_no_context_takeover, self.client_max_window_bits),
        };
        Context {
            is_taken_over: !forgets,
            window: bits.unwrap_or(WindowBits::MAX),
        }
    }
}

/// Returns whether the RFC has a parameter of this name.
fn is_known(name: &str) -> bool {
    matches!(
        name,
        SERVER_NO_CONTEXT_TAKEOVER
            | CLIENT_NO_CONTEXT_TAKEOVER
            | SERVER_MAX_WINDOW_BITS
            | CLIENT_MAX_WINDOW_BITS
    )
}

impl fmt::Display for ParameterError {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Unknown(name) => write!(formatter, "{name} is not a parameter, RFC 7692 §7.1"),
            Self::Repeated(name) => write!(formatter, "{name} is there twice, RFC 7692 §7.1"),
            Self::Value(name) => write!(formatter, "{name} can't have this value, RFC 7692 §7.1"),
        }
    }
}

impl Error for ParameterError {}
