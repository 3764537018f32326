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
// ANCHOR: leases
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
// ANCHOR_END: leases

impl Leases {
    /// Creates an empty list.
    pub fn new(lasts: Duration) -> Self {
        Self {
            leases: BTreeMap::new(),
            lasts,
        }
    }

    /// Takes a name for a person, and returns whether the person has it now.
    // ANCHOR: claim
    pub fn claim(&mut self, name: &str, holder: &Holder, now: Instant) -> bool {
        // Task: a lease that has ended doesn't count. A tab may come back at a different server.
        let taken = self
            .leases
            .get(name)
            .is_some_and(|it| it.ends > now && it.holder.tab != holder.tab);
        if !taken {
            self.grant(name, holder, now);
        }
        !taken
    }
    // ANCHOR_END: claim

    /// Renews the leases of a server: `mine` are all of its people; those who have left aren't among them.
    // ANCHOR: renew
    pub fn renew(&mut self, server: &str, mine: &[(String, String)], now: Instant) -> Presence {
        // Task: what has ended goes, and what this server doesn't renew. What a different server has now is lost.
        self.leases.retain(|name, it| {
            let renewed = mine.iter().any(|(mine, _)| mine == name);
            it.ends > now && (it.holder.server != server || renewed)
        });
        let mut lost = Vec::new();
        for (name, tab) in mine {
            let holder = Holder {
                server: server.to_string(),
                tab: tab.clone(),
            };
            match self.leases.get(name) {
                Some(it) if it.holder.server != server => lost.push(name.clone()),
                _ => self.grant(name, &holder, now),
            }
        }
        let people = self.leases.keys().cloned().collect();
        Presence { people, lost }
    }
    // ANCHOR_END: renew

    fn grant(&mut self, name: &str, holder: &Holder, now: Instant) {
        let lease = Lease {
            holder: holder.clone(),
            ends: now + self.lasts,
        };
        self.leases.insert(name.to_string(), lease);
    }
}
