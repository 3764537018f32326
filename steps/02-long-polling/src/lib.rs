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
//! Requests, refusals, the history and the page are those of the step before. What is new is the
//! [`hub`], where requests wait.

pub mod hub;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use hello::server::Server;
use polling::exchange::{self, Ask};
use polling::page;
use polling::routes::Reply;

use hub::Hub;

/// What the server allows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a request is held at most.
    pub hold: Duration,
    /// How many requests may wait at a time. One more gets 503.
    pub max_waiting: u64,
    /// The longest body of a request, in bytes.
    pub max_body: u64,
    /// How many messages are kept. The oldest ones go first.
    pub max_history: u64,
}

impl Default for Limits {
    fn default() -> Self {
        let polling = polling::Limits::default();
        Self {
            hold: Duration::from_secs(30),
            max_waiting: 1_000,
            max_body: polling.max_body,
            max_history: polling.max_history,
        }
    }
}

/// How many requests are answered beside those that wait: when all places are taken, somebody
/// must still be able to post the message that they wait for.
const BESIDE_THE_WAITING: u64 = 100;
/// How long a server that stops waits for its last answers to be sent.
const FAREWELL: Duration = Duration::from_secs(1);

/// A running server. Dropping it stops it: whoever waits is answered first.
pub struct LongPolling {
    server: Option<Server>,
    hub: Arc<Hub>,
}

impl LongPolling {
    /// Starts to answer the requests that come in on `listener`.
    ///
    /// # Errors
    /// The listener can't be used, or no thread can be started.
    pub fn start(listener: TcpListener, limits: Limits) -> io::Result<Self> {
        let hub = Arc::new(Hub::new(&limits));
        let html = page::html("Long polling", limits.hold);
        let most = limits.max_waiting.saturating_add(BESIDE_THE_WAITING);
        let server = Server::start(listener, most, {
            let hub = Arc::clone(&hub);
            move |request| {
                let _answering = hub.answering();
                exchange::answer(request, &html, limits.max_body, |ask| match ask {
                    Ask::News { after } => match hub.news_after(after) {
                        Ok(news) => Reply::json(200, &news),
                        Err(refusal) => refusal.into(),
                    },
                    Ask::Post(message) => Reply::posted(hub.post(message)),
                });
            }
        })?;
        let server = Some(server);
        Ok(Self { server, hub })
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        let server = self.server.as_ref().expect("the server runs");
        server.address()
    }

    /// How many requests wait for news just now.
    pub fn waiting(&self) -> u64 {
        self.hub.waiting()
    }
}

impl Drop for LongPolling {
    fn drop(&mut self) {
        // A panic in `stop` on top of another one would end the process.
        if thread::panicking() {
            return;
        }
        self.hub.stop();
        drop(self.server.take());
        self.hub.wait_for_the_last_answer(FAREWELL);
    }
}
