//! Messages and control frames, out of the frames of a stream (RFC 6455 §5.4 to §5.6, §6.2).
//!
//! ```text
//! frames     text, no FIN   ping      continuation, no FIN   continuation, FIN
//!            "Hel"          "still"   "lo, "                 "world"
//!              │              │          │                     │
//!              │              ▼          │                     ▼
//! items        │         Ping("still")   │             Text("Hello, world")
//!              └─────── a message that has begun ──────────────┘
//! ```
//!
//! A message comes in one frame or in many. Control frames come whole, and may come between the
//! frames of a message. Nothing here does I/O: the reader takes parts of frames, and returns items
//! or an error.
//!
//! | module | purpose | RFC 6455 |
//! |---|---|---|
//! | [`item`] | has the types of messages and control frames | §5.4, §5.5, §5.6 |
//! | [`text`] | joins text that arrives in pieces, cut anywhere | §5.6, §8.1 |
//! | [`reader`] | puts parts of frames together to items | §5.4, §6.2 |
//! | [`error`] | lists the rules that frames can break together | §5.4, §8.1, §10.4 |

pub mod error;
pub mod item;
pub mod reader;
pub mod text;

pub use error::MessageError;
pub use item::{Item, Message};
pub use reader::MessageReader;
pub use text::{NotUtf8, TextBuffer};
