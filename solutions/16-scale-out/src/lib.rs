//! Several chat servers, one chat.
//!
//! ```text
//!  browser ──▶ server A ─ publish ─▶ ┌─────┬────────────────────────┐
//!              server A ◀─ after 17 ─│ Bus │ log: 15 16 17 18       │
//!  browser ──▶ server B ◀─ after 16 ─│     │ leases: ada bob        │
//!              server B ── renew ──▶ └─────┴────────────────────────┘
//! ```
//!
//! No server numbers its own messages any more. All publish into one log, and all read the same log from their own
//! place in it. A person is here for as long as a server renews the lease.
//!
//! | module | what it is for |
//! |---|---|
//! | [`log`] | everything that was said, in one order, under ids that all servers share |
//! | [`leases`] | the people who are here, for as long as their server says so |
//! | [`bus`] | what joins the servers: a log and leases |
//! | [`memory`] | a bus for the servers of one process |
//! | [`redis`] | a bus for the servers of many machines |
//! | [`room`] | the clients of one server |
//! | [`follow`] | brings what is in the log to the room |
//! | [`presence`] | renews the leases, and tells the room who is elsewhere |
//! | [`node`] | one of the servers: page, WebSocket, health |
//! | [`simulate`] | a hundred servers on paper |
//! | [`program`] | the command line |

pub mod bus;
pub mod follow;
pub mod leases;
pub mod log;
pub mod memory;
pub mod node;
pub mod presence;
pub mod program;
pub mod redis;
pub mod room;
pub mod simulate;

pub use bus::{Bus, BusError};
pub use memory::MemoryBus;
pub use node::{Node, Settings};
pub use redis::RedisBus;
pub use room::LocalRoom;
