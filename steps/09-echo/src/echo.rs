//! The application. It is as small as an application can be.

use connection::{Connection, Event};

/// Answers a message with itself: text with text, binary with binary.
pub fn answer(connection: &mut Connection, event: &Event) {
    // Task: text goes back as text, binary as binary; the rest needs no answer.
    // After our Close nothing can be sent, and the client misses nothing.
    todo!("text goes back as text, binary as binary; the rest needs no answer")
}
