//! The room of the fast chat, seen from outside.

use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};

use connection::Event;
use step_10::client::{ClientId, Room};
use step_10::protocol::Rejection;
use step_10::{Outbox, Visitor};

use crate::room::Guests;

/// What the room's thread is to do.
pub(crate) type Job = Box<dyn FnOnce(&mut Guests) + Send>;

/// The most jobs that wait, and that are done before everyone gets the news. Their messages of 4 KB all fit into the
/// smallest outbox of the checks, so they fill no outbox whose socket takes them.
pub(crate) const JOBS_AT_ONCE: usize = 16;

/// A handle of the room, with the interface of [`step_10::Hub`].
pub struct Hub {
    jobs: SyncSender<Job>,
    people: Arc<Mutex<Vec<String>>>,
}

impl Hub {
    /// Creates a handle, and what the room needs for its side.
    pub(crate) fn new() -> (Self, Receiver<Job>) {
        let (jobs, waiting) = mpsc::sync_channel(JOBS_AT_ONCE);
        let people = Arc::default();
        (Self { jobs, people }, waiting)
    }

    /// Returns where the room says who is here.
    pub(crate) fn noted_people(&self) -> Arc<Mutex<Vec<String>>> {
        Arc::clone(&self.people)
    }

    /// Lets a client in that has an outbox, and no socket. Returns when it is in.
    pub fn join(&self, visitor: Visitor, outbox: &Arc<Outbox>) -> ClientId {
        let (joined, has_joined) = mpsc::channel();
        let outbox = Arc::clone(outbox);
        self.ask(move |guests| _ = joined.send(guests.join(&visitor, outbox)));
        has_joined.recv().expect("the server runs")
    }

    /// Says something in the room, soon.
    ///
    /// # Errors
    /// There is none: a rejection comes into the outbox, as it does for a client with a socket.
    pub fn say(&self, client: ClientId, text: &str) -> Result<(), Rejection> {
        let text = text.to_string();
        self.ask(move |guests| guests.say(client, &text));
        Ok(())
    }

    /// Returns who was here when everyone last got the news.
    pub fn people(&self) -> Vec<String> {
        let people = self.people.lock();
        people.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn ask(&self, job: impl FnOnce(&mut Guests) + Send + 'static) {
        // A server that has stopped has no room.
        _ = self.jobs.send(Box::new(job));
    }
}

impl Room for Hub {
    fn hear(&self, client: ClientId, message: &Event) -> Option<String> {
        if let Event::Text(text) = message {
            _ = self.say(client, text);
        }
        None
    }

    fn leave(&self, client: ClientId) {
        self.ask(move |guests| guests.leave(client));
    }

    fn too_slow(&self, client: ClientId) {
        self.leave(client);
    }
}
