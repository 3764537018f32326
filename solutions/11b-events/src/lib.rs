//! Events over any transport: `on` and `emit`, rooms, replies, and sessions that survive.
//!
//! ```text
//!   page: events.js                                  server: Events
//!   on, emit, ask                                    on, emit, emit_to, offer_to
//!        │                                                │
//!     Session ── numbers, kept until confirmed ───────── Session
//!        │                                                │
//!        ├── a WebSocket at /socket ───────────────────── ┤
//!        └── GET and POST /events, if there is none ──────┘
//! ```
//!
//! | module | what it is for |
//! |---|---|
//! | [`guests`] | the clients with a session, and the rooms that they are in |
//! | [`events`] | `on` and `emit`, on the server |
//!
//! The page's half is `events.js`. It has the same `Session`, in JavaScript.

pub mod events;
mod front;
pub mod guests;

pub use events::{Events, Settings};
pub use guests::{GuestId, Guests};
