//! Who is here: each name has a lease, which ends by itself unless a server renews it.
//!
//! ```text
//!  server A: renew ada, bob ──┐           ┌────────────────────────────────┐
//!  server B: renew cy ────────┴─────────▶ │ ada  A  until 12:00:05         │
//!  (server B dies at 12:00:02)            │ bob  A  until 12:00:05         │
//!                                         │ cy   B  until 12:00:06, then – │
//!                                         └────────────────────────────────┘
//! ```
//!
//! A server that dies says no goodbye. It only stops renewing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// The owner of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The server that the person is connected to.
    pub server: String,
    /// The token of the person's tab. It is the same at every server.
    pub tab: String,
}

/// The answer to a renewal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Presence {
    /// The people who are here, at all servers.
    pub people: BTreeSet<String>,
    /// The names that the server asked to renew, but that a different server has now.
    pub lost: Vec<String>,
}

/// The leases of all names.
#[derive(Debug)]
pub struct Leases {
    leases: BTreeMap<String, Lease>,
    /// How long a lease lasts, unless it is renewed.
    lasts: Duration,
}

#[derive(Debug)]
struct Lease {
    holder: Holder,
    ends: Instant,
}

impl Leases {
    /// Creates an empty list.
    pub fn new(lasts: Duration) -> Self {
        Self {
            leases: BTreeMap::new(),
            lasts,
        }
    }

    /// Takes a name for a person, and returns whether the person has it now.
    pub fn claim(&mut self, name: &str, holder: &Holder, now: Instant) -> bool {
        // Task: a lease that has ended doesn't count. A tab may come back at a different server.
        todo!("a lease that has ended doesn't count. A tab may come back at a different server")
    }

    /// Renews the leases of a server: `mine` are all of its people; those who have left aren't among them.
    pub fn renew(&mut self, server: &str, mine: &[(String, String)], now: Instant) -> Presence {
        // Task: what has ended goes, and what this server doesn't renew. What a different server has now is lost.
        todo!(
            "what has ended goes, and what this server doesn't renew. What a different server has now is lost"
        )
    }

    fn grant(&mut self, name: &str, holder: &Holder, now: Instant) {
        let lease = Lease {
            holder: holder.clone(),
            ends: now + self.lasts,
        };
        self.leases.insert(name.to_string(), lease);
    }
}
