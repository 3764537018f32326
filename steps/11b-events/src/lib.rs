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
//! | `guest` | one guest: a client with a session, and how it can be reached now |
//! | [`guests`] | all guests, what a handler can do with them, and what time does |
//! | `rooms` | the guests in each room |
//! | [`events`] | `on` and `emit`, and what transports bring |
//! | [`settings`] | what the server allows, and how long it waits |
//! | `front` | which request means what |
//! | `server` | how it starts, keeps time and stops |
//!
//! The page's half is `events.js`. It has the same `Session`, in JavaScript.

pub mod events;
mod front;
mod guest;
pub mod guests;
mod rooms;
mod server;
pub mod settings;

pub use events::{Busy, Events};
pub use guest::{Cursor, GuestId};
pub use guests::Guests;
pub use settings::Settings;
