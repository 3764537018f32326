//! The client's opening handshake, without a socket: bytes out, bytes in, and a verdict (RFC 6455 §4.1).
//!
//! ```text
//!   request() ──▶ ──▶ receive(bytes) ──▶ not yet
//!                                    ──▶ opened: what was agreed on, and the bytes after the head
//!                                    ──▶ an error: fail the connection
//! ```

use std::error::Error;
use std::fmt;

use handshake::client::{Agreement, ClientHandshake, Failure};
use handshake::head::{HeadBuffer, Limits, ResponseHead};

/// The most interim answers (1xx) before the real one.
pub const MAX_INTERIM: usize = 10;

/// An opening handshake that waits for its answer.
#[derive(Debug)]
pub struct Opening {
    handshake: ClientHandshake,
    limits: Limits,
    /// As much of the answer as has come.
    head: HeadBuffer,
    /// How many interim answers have come.
    interim: usize,
}

/// A handshake that has succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// What client and server have agreed on.
    pub agreement: Agreement,
    /// The bytes that came after the answer: the server's first frames may be among them.
    pub early: Vec<u8>,
}

/// Why a handshake has failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpeningError {
    /// The server answers with this status, which isn't 101.
    Refused {
        /// The status code: 403.
        status: u16,
        /// The URL in its `Location` field, if there is one. A redirect (3xx) has it.
        location: Option<String>,
    },
    /// The answer breaks a rule.
    Broken(Failure),
    /// More interim answers than [`MAX_INTERIM`].
    Interim,
    /// TCP has ended before the answer was whole.
    Ended,
}

impl Opening {
    /// Begins a handshake. The answer has to keep the limits.
    pub fn new(handshake: ClientHandshake, limits: Limits) -> Self {
        Self {
            handshake,
            limits,
            head: HeadBuffer::new(limits),
            interim: 0,
        }
    }

    /// Takes the bytes of a read. Returns `None` while the answer isn't whole.
    ///
    /// # Errors
    /// Returns [`OpeningError::Refused`] if the status is neither 101 nor an interim one,
    /// [`OpeningError::Broken`] if the answer breaks a rule, and [`OpeningError::Interim`] if too many
    /// interim answers come.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<Option<Opened>, OpeningError> {
        // Task: an interim answer (1xx, but not 101) is followed by another answer (RFC 9110 §15.2).
        todo!("an interim answer (1xx, but not 101) is followed by another answer (RFC 9110 §15.2)")
    }

    /// Takes more of a head. Returns whether it is whole.
    fn push(&mut self, bytes: &[u8]) -> Result<bool, OpeningError> {
        Ok(self.head.push(bytes).map_err(Failure::Head)?)
    }

    /// Forgets an interim answer.
    fn skip_interim(&mut self) -> Result<(), OpeningError> {
        self.interim += 1;
        if self.interim > MAX_INTERIM {
            return Err(OpeningError::Interim);
        }
        self.head = HeadBuffer::new(self.limits);
        Ok(())
    }

    /// Checks the final answer.
    fn check(&self, answer: &ResponseHead) -> Result<Agreement, OpeningError> {
        // Task: your step 04 checks it. A refusal tells where a redirect leads, but nothing is followed.
        todo!(
            "your step 04 checks it. A refusal tells where a redirect leads, but nothing is followed"
        )
    }
}

/// Returns whether a final answer follows this one: any 1xx does that, except 101.
fn is_interim(status: u16) -> bool {
    (100..200).contains(&status) && status != 101
}

impl From<Failure> for OpeningError {
    fn from(failure: Failure) -> Self {
        Self::Broken(failure)
    }
}

impl fmt::Display for OpeningError {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Refused {
                status,
                location: Some(location),
            } => write!(
                formatter,
                "the server answers {status} and points to {location}; if you trust that, connect to it"
            ),
            Self::Refused { status: 401, .. } => {
                formatter.write_str("the server answers 401: it wants a login first")
            }
            Self::Refused { status, .. } => {
                write!(formatter, "the server refuses with {status}")
            }
            Self::Broken(failure) => write!(formatter, "the answer breaks a rule: {failure}"),
            Self::Interim => write!(
                formatter,
                "more than {MAX_INTERIM} interim answers (1xx) came"
            ),
            Self::Ended => formatter.write_str("TCP ended before the answer was whole"),
        }
    }
}

impl Error for OpeningError {}
