//! What the server asks of an application: the echo, or the chat.

use std::io::{self, Write};
use std::net::SocketAddr;

use connection::Failure;
use frames::Opcode;
use handshake::head::RequestHead;
use polling::routes::Reply;

use crate::answers::Answers;

/// An application of the server. One thread calls it, so it needs no lock.
// ANCHOR: app
pub trait App: Send + 'static {
    /// What the application keeps for each client.
    type Member: Send;

    /// Answers a GET for a path that isn't `/socket`.
    fn get(&self, path: &str, query: &str) -> Reply;

    /// Lets in a client whose handshake is right.
    ///
    /// # Errors
    /// Returns the reply that refuses the client.
    fn join(&mut self, request: &RequestHead, query: &str) -> Result<Self::Member, Reply>;

    /// Takes a message, [`Opcode::Text`] or [`Opcode::Binary`].
    ///
    /// # Errors
    /// Returns the stream's error if it has failed.
    fn hear<Stream: Write>(
        &mut self,
        member: &mut Self::Member,
        opcode: Opcode,
        payload: &[u8],
        answers: &mut Answers<Stream>,
    ) -> io::Result<()>;

    /// Takes what a client's connection wants to send at the end of its turn, if that must go out after what the
    /// application has queued. What the application leaves in `bytes` goes out at once. `open` says whether more may
    /// follow.
    fn post(&mut self, _member: &mut Self::Member, _bytes: &mut Vec<u8>, _open: bool) {}

    /// Returns whether there may be news for other clients than the one whose turn it was.
    fn has_news(&mut self) -> bool {
        false
    }

    /// Appends news for a client to `bytes`, enough for one write. Returns false if nothing will follow, ever. `done`
    /// says whether its connection has nothing more to say.
    fn collect(&mut self, _member: &mut Self::Member, _bytes: &mut Vec<u8>, done: bool) -> bool {
        !done
    }

    /// Returns whether the application has had its last word to a client, even if that hasn't been collected yet.
    fn is_finished(&self, _member: &Self::Member) -> bool {
        false
    }

    /// Takes out a client that has gone. It may be called twice.
    fn leave(&mut self, _member: &mut Self::Member) {}

    /// Notes that a client has broken a rule.
    fn note_failure(&self, _peer: Option<SocketAddr>, _failure: &Failure) {}

    /// Says goodbye, if it does that itself. It is called once.
    fn stop(&mut self) {}
}
// ANCHOR_END: app
