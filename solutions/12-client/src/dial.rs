//! A TCP connection to a host that is known by name (RFC 6455 §4.1).
//!
//! A name may have several addresses: `localhost` is often `::1` as well as 127.0.0.1. A server may listen
//! on only one of them, so each is tried, one after the other.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::target::Target;
use crate::turn::Turn;

/// Why there is no TCP connection.
// ANCHOR: error
#[derive(Debug)]
pub enum DialError {
    /// The name can't be looked up, or has no address.
    Name(io::Error),
    /// The name's addresses didn't come in time.
    NameTooLate,
    /// None of the addresses accepts a connection: each with its reason.
    NoneAccepts(Vec<(SocketAddr, io::Error)>),
}
// ANCHOR_END: error

/// Connects to a target. Looking up its name may take `lookup_within`, and connecting to its addresses
/// `connect_within`, for all of them together. Keep the [`Turn`] until the opening handshake has ended.
///
/// # Errors
/// Returns [`DialError::Name`] or [`DialError::NameTooLate`] if the lookup fails, and
/// [`DialError::NoneAccepts`] if no address accepts.
pub fn dial(
    target: &Target,
    lookup_within: Duration,
    connect_within: Duration,
) -> Result<(TcpStream, Turn), DialError> {
    let addresses = look_up(&target.name, target.port, lookup_within)?;
    connect_to_any(&addresses, connect_within, connect_in_turn)
}

/// Looks a name up. The system's lookup can't be told to hurry, so a thread of its own waits for it.
fn look_up(name: &str, port: u16, within: Duration) -> Result<Vec<SocketAddr>, DialError> {
    let (sender, receiver) = mpsc::channel();
    let host = (name.to_string(), port);
    let lookup = move || {
        // It fails if the answer comes too late: then nothing waits for it any more.
        _ = sender.send(host.to_socket_addrs().map(Vec::from_iter));
    };
    thread::Builder::new()
        .spawn(lookup)
        .map_err(DialError::Name)?;
    let addresses = receiver.recv_timeout(within);
    addresses
        .map_err(|_| DialError::NameTooLate)?
        .map_err(DialError::Name)
}

/// Connects to the first of these addresses that accepts. `connect` is told the address, and how long it may take.
///
/// # Errors
/// Returns [`DialError::NoneAccepts`] if none accepts.
// ANCHOR: connect_to_any
pub fn connect_to_any<Connected>(
    addresses: &[SocketAddr],
    within: Duration,
    connect: impl Fn(SocketAddr, Duration) -> io::Result<Connected>,
) -> Result<Connected, DialError> {
    let deadline = Instant::now() + within;
    let mut refused = Vec::new();
    for (index, address) in addresses.iter().enumerate() {
        // Task: an address that never answers must leave time for those after it: each gets its share of what is left.
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left / (addresses.len() - index) as u32;
        match connect(*address, share) {
            Ok(connected) => return Ok(connected),
            Err(error) => refused.push((*address, error)),
        }
    }
    Err(DialError::NoneAccepts(refused))
}
// ANCHOR_END: connect_to_any

/// Connects to one address, when it is this connection's turn.
///
/// # Errors
/// Returns [`ErrorKind::TimedOut`] if the turn doesn't come in time, and the system's error if the address doesn't
/// accept.
pub fn connect_in_turn(address: SocketAddr, within: Duration) -> io::Result<(TcpStream, Turn)> {
    let deadline = Instant::now() + within;
    let turn = Turn::wait(address.ip(), within).ok_or(ErrorKind::TimedOut)?;
    let left = deadline.saturating_duration_since(Instant::now());
    // `connect_timeout` takes no zero.
    let stream = TcpStream::connect_timeout(&address, left.max(Duration::from_millis(1)))?;
    Ok((stream, turn))
}

impl fmt::Display for DialError {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Name(error) => write!(formatter, "the host's address can't be found: {error}"),
            Self::NameTooLate => formatter.write_str("the host's address didn't come in time"),
            Self::NoneAccepts(refused) if refused.is_empty() => {
                formatter.write_str("the host has no address")
            }
            Self::NoneAccepts(refused) => {
                let refused = refused.iter();
                let reasons = refused.map(|(address, error)| format!("{address}: {error}"));
                let reasons = Vec::from_iter(reasons).join("; ");
                write!(formatter, "no connection to {reasons}")
            }
        }
    }
}

impl Error for DialError {}
