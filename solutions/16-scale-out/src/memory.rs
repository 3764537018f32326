//! A bus for the servers of one process: a log and leases under one lock.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use polling::history::{Message, NewMessage};

use crate::bus::{Bus, BusError};
use crate::leases::{Holder, Leases, Presence};
use crate::log::{Log, Ticket};

/// A bus in memory.
#[derive(Debug)]
pub struct MemoryBus {
    state: Mutex<State>,
    /// Wakes those that wait for a message.
    published: Condvar,
}

#[derive(Debug)]
struct State {
    log: Log,
    leases: Leases,
}

impl MemoryBus {
    /// Creates a bus whose log keeps `max_messages` messages and continues after `last_id`, and whose leases last this
    /// long.
    pub fn new(max_messages: usize, last_id: u64, lease: Duration) -> Self {
        Self {
            state: Mutex::new(State {
                log: Log::new(max_messages, last_id),
                leases: Leases::new(lease),
            }),
            published: Condvar::new(),
        }
    }

    /// Takes the lock, even if another thread panicked while holding it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bus for MemoryBus {
    fn publish(&self, ticket: &Ticket, message: &NewMessage) -> Result<u64, BusError> {
        let id = self.lock().log.publish(ticket, message.clone());
        self.published.notify_all();
        Ok(id)
    }

    fn latest(&self, max: u64) -> Result<Vec<Message>, BusError> {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        Ok(self.lock().log.latest(max))
    }

    fn after(&self, cursor: u64, wait: Duration) -> Result<Vec<Message>, BusError> {
        let nothing_new = |state: &mut State| state.log.after(cursor).is_empty();
        let waited = self
            .published
            .wait_timeout_while(self.lock(), wait, nothing_new);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        Ok(state.log.after(cursor))
    }

    fn claim(&self, name: &str, holder: &Holder) -> Result<bool, BusError> {
        Ok(self.lock().leases.claim(name, holder, Instant::now()))
    }

    fn renew(&self, server: &str, mine: &[(String, String)]) -> Result<Presence, BusError> {
        Ok(self.lock().leases.renew(server, mine, Instant::now()))
    }
}
