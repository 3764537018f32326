//! One client on a real socket, in a room that only takes notes.

use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use chat::Outbox;
use chat::client::{ClientId, Limits, Room};
use connection::Event;
use echo::Patience;
use support::frame::{CLOSE, TEXT, unmasked};
use support::machine::stretched;

use super::runner::run;
use super::shared::{DEADLINE, LONG_ENOUGH, PATIENT, Peer, ROOM_ENOUGH, SHORT, comes_true, lock};

/// A room that takes notes. However often a client leaves, that is one note.
pub struct Notes {
    pub outbox: Arc<Outbox>,
    pub notes: Mutex<Vec<String>>,
    /// Whether a client that waits for the room may go on.
    pub free: AtomicBool,
}

impl Notes {
    fn note(&self, what: &str) {
        let mut notes = lock(&self.notes);
        if what != "it leaves" || notes.iter().all(|note| note != what) {
            notes.push(what.to_string());
        }
    }

    /// Whether this note is taken within a second.
    pub fn comes(&self, what: &str) -> bool {
        comes_true(stretched(Duration::from_secs(1)), || {
            lock(&self.notes).iter().any(|note| note == what)
        })
    }
}

impl Room for Notes {
    /// A text with `?` gets an answer. One with `!` is told to all clients, of which there is one. `wait` waits until
    /// the room is free, and `panic` stands for a mistake in the room.
    fn hear(&self, _: ClientId, message: &Event) -> Option<String> {
        let Event::Text(text) = message else {
            self.note("it sends something that isn't text");
            return Some("text, please".to_string());
        };
        self.note(&format!("it says {text}"));
        match text.as_str() {
            "panic" => panic!("a mistake in the room"),
            "wait" => {
                comes_true(stretched(DEADLINE), || self.free.load(Ordering::Relaxed));
                None
            }
            text if text.ends_with('!') => {
                let frame = unmasked(TEXT, format!("all: {text}").as_bytes());
                _ = self.outbox.push(frame.into());
                None
            }
            text if text.ends_with('?') => Some(format!("you: {text}")),
            _ => None,
        }
    }

    fn leave(&self, _: ClientId) {
        self.note("it leaves");
    }

    fn too_slow(&self, _: ClientId) {
        self.note("it is too slow");
        let close = unmasked(CLOSE, b"\x03\xf5too slow");
        self.outbox.clear_and_finish(close.into());
    }
}

/// One client, its peer, and a thread that runs it.
pub struct Rig {
    pub peer: Peer,
    pub room: Arc<Notes>,
    pub running: JoinHandle<()>,
}

impl Rig {
    /// Runs a client. `first` came with the handshake; this many bytes may wait.
    pub fn new(first: &[u8], max_outbox_bytes: usize, patience: Patience) -> Self {
        Self::with_tick(SHORT / 4, first, max_outbox_bytes, patience)
    }

    /// The same, with a different timeout of each read.
    pub fn with_tick(
        tick: Duration,
        first: &[u8],
        max_outbox_bytes: usize,
        patience: Patience,
    ) -> Self {
        let room = Arc::new(Notes {
            outbox: Arc::new(Outbox::new(max_outbox_bytes)),
            notes: Mutex::default(),
            free: AtomicBool::new(false),
        });
        let limits = Limits {
            max_message: 100_000,
            patience,
        };
        let (peer, running) = run(&room, first, limits, tick);
        Self {
            peer,
            room,
            running,
        }
    }

    /// Runs a client with much patience and much space.
    pub fn patient(first: &[u8]) -> Self {
        let close_within = stretched(PATIENT.close_within);
        let patience = Patience {
            close_within,
            ..PATIENT
        };
        Self::new(first, ROOM_ENOUGH, patience)
    }

    /// Whether the client is still running after a while.
    pub fn goes_on(&self, a_while: Duration) -> bool {
        !comes_true(a_while, || self.running.is_finished())
    }

    /// Whether the client ends although its peer doesn't end TCP, whatever the peer does meanwhile.
    pub fn is_cut_off(&self, meanwhile: impl Fn(&TcpStream)) -> bool {
        comes_true(stretched(LONG_ENOUGH), || {
            meanwhile(self.peer.stream.get_ref());
            self.running.is_finished()
        })
    }

    /// Ends TCP, waits for the end of the client, and shows the room's notes.
    pub fn ends(self) -> String {
        drop(self.peer);
        let has_ended = comes_true(stretched(LONG_ENOUGH), || self.running.is_finished());
        let ended = if has_ended {
            "both threads have ended"
        } else {
            "its threads go on forever"
        };
        self.room.note(ended);
        let notes = lock(&self.room.notes);
        notes.join(", ")
    }
}
