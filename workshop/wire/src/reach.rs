//! Connects to a server by name. A name may have several addresses, and each of them is tried.
//!
//! `localhost` is the usual one: its first address is `::1`, and many servers listen on 127.0.0.1 only.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// The time limit for looking up a name.
const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(10);

/// The least time for which each address is tried, even if no time is left. On the same machine, it is plenty.
const MIN_TIME: Duration = Duration::from_millis(1);

/// Looks up the addresses of `host`, which includes a port: `localhost:9009`. They are in the system's order,
/// without duplicates.
///
/// # Errors
/// Returns the system's error if it knows no address, or a timeout if it doesn't answer in time.
pub fn look_up(host: &str) -> io::Result<Vec<SocketAddr>> {
    let (sender, receiver) = mpsc::channel();
    let name = host.to_string();
    thread::Builder::new().spawn(move || {
        let found = name.to_socket_addrs().map(Iterator::collect::<Vec<_>>);
        _ = sender.send(found);
    })?;
    let found = receiver.recv_timeout(LOOK_UP_TIMEOUT).unwrap_or_else(|_| {
        let seconds = LOOK_UP_TIMEOUT.as_secs();
        let why = format!("looking it up took longer than {seconds} s");
        Err(io::Error::new(ErrorKind::TimedOut, why))
    })?;
    let mut addresses = Vec::new();
    for address in found {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        Err(io::Error::new(
            ErrorKind::AddrNotAvailable,
            "it has no address",
        ))
    } else {
        Ok(addresses)
    }
}

/// Connects to the first address that accepts a connection, within `patience` in all. Each gets an equal share
/// of the time that is left, so one that never answers doesn't use up the others' time.
///
/// # Errors
/// Returns all addresses, each with its error, if none accepts.
pub fn connect(addresses: &[SocketAddr], patience: Duration) -> Result<TcpStream, Unreached> {
    let deadline = Instant::now() + patience;
    let mut tried = Vec::new();
    for (to_try, address) in (1..=addresses.len()).rev().zip(addresses) {
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(to_try).unwrap_or(u32::MAX);
        match TcpStream::connect_timeout(address, share.max(MIN_TIME)) {
            Ok(stream) => return Ok(stream),
            Err(error) => tried.push((*address, error)),
        }
    }
    Err(Unreached(tried))
}

/// The addresses that didn't accept a connection, and why.
#[derive(Debug)]
pub struct Unreached(Vec<(SocketAddr, io::Error)>);

impl fmt::Display for Unreached {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        for (index, (address, error)) in self.0.iter().enumerate() {
            let between = if index > 0 { "; " } else { "" };
            write!(formatter, "{between}{address}: {error}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// An address that refuses: its listener is gone.
    fn refusing() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        listener.local_addr().expect("it has an address")
    }

    #[test]
    fn an_address_that_refuses_does_not_keep_the_next_from_being_tried() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let there = listener.local_addr().expect("it has an address");
        let stream = connect(&[refusing(), refusing(), there], PATIENCE).expect("the third");
        assert_eq!(stream.peer_addr().expect("it is connected"), there);
    }

    /// On Linux, a listener whose queue is full never answers: a client waits as it would for a lost host.
    #[cfg(target_os = "linux")]
    #[test]
    fn an_address_that_never_answers_leaves_time_for_the_next() {
        let full = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let silent = full.local_addr().expect("it has an address");
        let brief = Duration::from_millis(200);
        let mut held = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&silent, brief) {
            assert!(held.len() < 10_000, "the queue never fills");
            held.push(stream);
        }
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let there = listener.local_addr().expect("it has an address");
        let stream = connect(&[silent, there], 2 * brief).expect("the second");
        assert_eq!(stream.peer_addr().expect("it is connected"), there);
    }

    #[test]
    fn the_error_names_every_address_that_was_tried() {
        let (one, two) = (refusing(), refusing());
        let error = connect(&[one, two], PATIENCE).expect_err("nobody listens");
        let said = error.to_string();
        for address in [one, two] {
            assert!(said.contains(&format!("{address}: ")), "{said}");
        }
        assert!(said.contains("; "), "{said}");
    }

    #[test]
    fn a_name_has_its_addresses_each_once() {
        let found = look_up("localhost:9009").expect("every machine knows it");
        assert!(found.iter().all(|address| address.ip().is_loopback()));
        assert!(found.iter().all(|address| address.port() == 9009));
        let mut once = found.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), found.len(), "{found:?}");
        assert!(look_up("127.0.0.1").is_err(), "it has no port");
    }
}
