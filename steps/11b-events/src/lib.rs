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
//! | [`guests`] | all guests, what a handler can do with them, and how sessions expire |
//! | `rooms` | the guests in each room |
//! | [`events`] | `on` and `emit`, and the functions that transports call |
//! | [`settings`] | what the server allows, and how long it waits |
//! | `routes` | requests and their answers |
//! | `server` | how it starts, keeps time and stops |
//!
//! The page's half is `events.js`. It has the same `Session`, in JavaScript.

pub mod events;
mod guest;
pub mod guests;
mod rooms;
mod routes;
mod server;
pub mod settings;

pub use events::{Busy, Events};
pub use guest::{Cursor, GuestId};
pub use guests::Guests;
pub use settings::Settings;
