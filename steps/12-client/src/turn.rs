//! One at a time: while a connection to an address is being opened, the next one to it waits (RFC 6455 §4.1).
//!
//! Otherwise a page could make every browser open thousands of connections to one server, and each of them
//! would cost the server a handshake.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The addresses to which a connection is being opened.
static OPENING: Mutex<BTreeSet<IpAddr>> = Mutex::new(BTreeSet::new());

/// One of them is free again.
static FREED: Condvar = Condvar::new();

/// The right to open a connection to this address. It ends when this is dropped.
#[derive(Debug)]
pub struct Turn(IpAddr);

impl Turn {
    /// Waits until no other connection to this address is being opened. Returns `None` if that takes longer
    /// than `within`.
    pub fn wait(address: IpAddr, within: Duration) -> Option<Self> {
        let is_taken = |opening: &mut BTreeSet<IpAddr>| opening.contains(&address);
        let (mut opening, waited) = FREED
            .wait_timeout_while(lock(), within, is_taken)
            .unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return None;
        }
        opening.insert(address);
        Some(Self(address))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        lock().remove(&self.0);
        FREED.notify_all();
    }
}

fn lock() -> MutexGuard<'static, BTreeSet<IpAddr>> {
    OPENING.lock().unwrap_or_else(PoisonError::into_inner)
}
