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
//! | module | what it is for |
//! |---|---|
//! | [`history`] | the messages, their ids, and what is new after a cursor |
//! | [`body`] | a request's body: never more of it than the limit, and only what makes sense |
//! | [`routes`] | which method and path means what, and how everything else is refused |
//! | [`exchange`] | one request in, one response out, on a real connection |
//! | [`page`] | the page in the browser |

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

use exchange::Ask;
use history::History;
use routes::Reply;

/// What the server allows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest body of a request, in bytes.
    pub max_body: u64,
    /// How many messages are kept. The oldest ones go first.
    pub max_history: u64,
    /// How many requests are answered at a time. More get 503.
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
pub struct Polling {
    server: Server,
}

impl Polling {
    /// Starts to answer the requests that come in on `listener`.
    ///
    /// # Errors
    /// The listener can't be used, or no thread can be started.
    pub fn start(listener: TcpListener, limits: Limits) -> io::Result<Self> {
        let history = Mutex::new(History::new(limits.max_history));
        let html = page::html("Polling", Duration::ZERO);
        let server = Server::start(listener, limits.max_requests, move |request| {
            exchange::answer(request, &html, limits.max_body, |ask| match ask {
                Ask::News { after } => Reply::json(200, &lock(&history).after(after)),
                Ask::Post(message) => Reply::posted(lock(&history).post(message)),
            });
        })?;
        Ok(Self { server })
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }
}

/// The lock, also where another request's thread panicked while it held it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
