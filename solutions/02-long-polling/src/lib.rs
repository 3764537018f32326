//! Messages that a page waits for.
//!
//! ```text
//! page                                     server
//!  │  GET /messages?after=0                  │
//!  │ ──────────────────────────────────────► │
//!  │                                         │  nothing new: the request is held
//!  │                                         │  …
//!  │                                         │  a message comes
//!  │ ◄────────────────────────────────────── │  {"messages":[{"id":1,…}],"next":1}
//!  │  at once                                │
//!  │  GET /messages?after=1                  │
//!  │ ──────────────────────────────────────► │
//! ```
//!
//! Requests, refusals, the history and the page are those of the previous step. The new part is
//! the [`hub`], where requests wait; [`limits`] says how many and how long.

pub mod hub;
pub mod limits;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use hello::server::Server;
use polling::exchange::{self, Action};
use polling::page;
use polling::routes::Reply;

pub use limits::Limits;

use hub::Hub;

/// The most requests that are answered in addition to those that wait. When all places are taken,
/// a client must still be able to post the message that the others wait for.
const MAX_ANSWERING: u64 = 100;
/// The longest time for which a server that stops waits for its last answers to be sent.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// A running server. Dropping it stops it, after it has answered the requests that wait.
// ANCHOR: long_polling
pub struct LongPolling {
    server: Option<Server>,
    hub: Arc<Hub>,
}

impl LongPolling {
    /// Starts to answer the requests that come in on `listener`.
    ///
    /// # Errors
    /// Returns an [`io::Error`] if the listener can't be used or no thread can be started.
    pub fn start(listener: TcpListener, limits: Limits) -> io::Result<Self> {
        let hub = Arc::new(Hub::new(&limits));
        let html = page::html("Long polling", limits.poll_timeout);
        let max_requests = limits.max_waiting.saturating_add(MAX_ANSWERING);
        let server = Server::start(listener, max_requests, {
            let hub = Arc::clone(&hub);
            move |request| {
                let _answering = hub.answering();
                exchange::answer(request, &html, limits.max_body, |action| match action {
                    Action::News { after } => match hub.news_after(after) {
                        Ok(news) => Reply::json(200, &news),
                        Err(refusal) => refusal.into(),
                    },
                    Action::Post(message) => Reply::posted(hub.post(message)),
                });
            }
        })?;
        let server = Some(server);
        Ok(Self { server, hub })
    }

    /// Returns the address at which the server listens.
    pub fn address(&self) -> SocketAddr {
        let server = self.server.as_ref().expect("the server runs");
        server.address()
    }

    /// Returns how many requests are waiting for news.
    pub fn waiting(&self) -> u64 {
        self.hub.waiting()
    }
}

impl Drop for LongPolling {
    fn drop(&mut self) {
        // A second panic, in `stop`, would abort the process.
        if thread::panicking() {
            return;
        }
        self.hub.stop();
        drop(self.server.take());
        self.hub.wait_for_last_answer(STOP_TIMEOUT);
    }
}
// ANCHOR_END: long_polling
