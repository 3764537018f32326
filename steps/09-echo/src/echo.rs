//! The application. It is as small as an application can be.

use connection::{Connection, Event};

/// Answers a message with itself: text with text, binary with binary.
pub fn answer(connection: &mut Connection, event: &Event) {
    // Task: text goes back as text, binary as binary; the rest needs no answer.
    // Once we have said goodbye nothing can be sent any more, and nothing is missed.
    todo!("text goes back as text, binary as binary; the rest needs no answer")
}
