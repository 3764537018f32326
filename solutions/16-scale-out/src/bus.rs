//! What joins the servers: a log, and leases.
//!
//! A bus may be a few lines of this process's memory, or a program on a different machine. So every call may fail, and
//! the error says what is known: nothing has happened, or it may have.

use std::fmt;
use std::time::Duration;

use polling::history::{Message, NewMessage};

use crate::leases::{Holder, Presence};
use crate::log::Ticket;

/// What joins the servers.
// ANCHOR: bus
pub trait Bus: Send + Sync {
    /// Adds a message to the log, and returns its id. A ticket that comes again gets the same id, and adds nothing.
    ///
    /// # Errors
    /// Returns [`BusError::Away`] if nothing was added, and [`BusError::Unknown`] if nobody knows.
    fn publish(&self, ticket: &Ticket, message: &NewMessage) -> Result<u64, BusError>;

    /// Returns the newest messages of the log, oldest first.
    ///
    /// # Errors
    /// Returns an error if the log can't be read.
    fn latest(&self, max: u64) -> Result<Vec<Message>, BusError>;

    /// Returns messages with an id greater than the cursor, oldest first. Waits if there are none yet, but not for
    /// longer than `wait`. The log may have forgotten the oldest of them: then their ids are missing.
    ///
    /// # Errors
    /// Returns an error if the log can't be read.
    fn after(&self, cursor: u64, wait: Duration) -> Result<Vec<Message>, BusError>;

    /// Takes a name, and returns whether the holder has it now.
    ///
    /// # Errors
    /// Returns an error if the bus can't be reached, or hasn't answered. If the lease was granted after all, it ends by
    /// itself.
    fn claim(&self, name: &str, holder: &Holder) -> Result<bool, BusError>;

    /// Renews the leases of a server, and returns who is here. `mine` are the names of all of its people, with the
    /// tokens of their tabs.
    ///
    /// # Errors
    /// Returns an error if the bus can't be reached, or hasn't answered.
    fn renew(&self, server: &str, mine: &[(String, String)]) -> Result<Presence, BusError>;
}
// ANCHOR_END: bus

/// The bus can't be asked, or hasn't answered.
// ANCHOR: bus_error
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BusError {
    /// It can't be reached: nothing has happened.
    Away,
    /// It was asked, and no answer came: nobody knows whether it has happened.
    Unknown,
}
// ANCHOR_END: bus_error

impl fmt::Display for BusError {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(match self {
            Self::Away => "The bus can't be reached.",
            Self::Unknown => "The bus hasn't answered.",
        })
    }
}

impl std::error::Error for BusError {}
