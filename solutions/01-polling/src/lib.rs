//! Messages that a page asks for, again and again.
//!
//! ```text
//! page                                     server
//!  │  GET /messages?after=0                  │
//!  │ ──────────────────────────────────────► │
//!  │ ◄────────────────────────────────────── │  {"messages":[],"next":0}
//!  │  one pause later                        │
//!  │  GET /messages?after=0                  │
//!  │ ──────────────────────────────────────► │
//!  │ ◄────────────────────────────────────── │  {"messages":[{"id":1,…}],"next":1}
//! ```
//!
//! | module | purpose |
//! |---|---|
//! | [`history`] | keeps the messages, numbers them, and finds those after a cursor |
//! | [`body`] | reads and parses a request's body, up to a limit |
//! | [`routes`] | says what a method and a path ask for, and refuses everything else |
//! | [`exchange`] | answers one request on a real connection |
//! | [`page`] | has the files of the page in the browser |

pub mod body;
pub mod exchange;
pub mod history;
pub mod page;
pub mod routes;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hello::server::Server;

use exchange::Action;
use history::History;
use routes::Reply;

/// The server's limits.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest body of a request, in bytes.
    pub max_body: u64,
    /// The most messages that are kept. The oldest are dropped first.
    pub max_history: u64,
    /// The most requests that are answered at a time. One more gets 503.
    pub max_requests: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body: 16 * 1024,
            max_history: 200,
            max_requests: 1_000,
        }
    }
}

/// A running server. Dropping it stops it.
// ANCHOR: polling
pub struct Polling {
    server: Server,
}

impl Polling {
    /// Starts to answer the requests that come in on `listener`.
    ///
    /// # Errors
    /// Returns an [`io::Error`] if the listener can't be used or no thread can be started.
    pub fn start(listener: TcpListener, limits: Limits) -> io::Result<Self> {
        let history = Mutex::new(History::new(limits.max_history));
        let html = page::html("Polling", Duration::ZERO);
        let server = Server::start(listener, limits.max_requests, move |request| {
            exchange::answer(request, &html, limits.max_body, |action| match action {
                Action::News { after } => Reply::json(200, &lock(&history).after(after)),
                Action::Post(message) => Reply::posted(lock(&history).post(message)),
            });
        })?;
        Ok(Self { server })
    }

    /// Returns the address at which the server listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }
}
// ANCHOR_END: polling

/// Takes the lock, even if the thread of another request panicked while holding it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
