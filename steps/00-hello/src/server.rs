//! A running HTTP server: one port, one function that answers.
//!
//! tiny_http accepts connections and reads the head of each request. Each request is then
//! answered on a thread of its own, so that one slow client keeps nobody waiting.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tiny_http::{Request, Response};

/// A running server. Dropping it stops it.
pub struct Server {
    http: Arc<tiny_http::Server>,
    address: SocketAddr,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts to answer the requests that come in on `listener`, up to `most` of them at a time.
    /// A request beyond that is answered with 503.
    ///
    /// # Errors
    /// The listener can't be used: its address can't be read, or no thread can be started.
    pub fn start(
        listener: TcpListener,
        most: u64,
        answer: impl Fn(Request) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let http = tiny_http::Server::from_listener(listener, None).map_err(io::Error::other)?;
        let http = Arc::new(http);
        let accepting = thread::Builder::new().spawn({
            let http = Arc::clone(&http);
            move || answer_all(&http, most, Arc::new(answer))
        })?;
        Ok(Self {
            http,
            address,
            accepting: Some(accepting),
        })
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn answer_all<Answer>(http: &tiny_http::Server, most: u64, answer: Arc<Answer>)
where
    Answer: Fn(Request) + Send + Sync + 'static,
{
    // Each thread that answers holds one clone of `answer`. So their number is known without
    // a counter, also when one of them panics.
    for request in http.incoming_requests() {
        let busy = Arc::strong_count(&answer) as u64 - 1;
        if busy >= most {
            refuse(request);
            continue;
        }
        let answer = Arc::clone(&answer);
        thread::spawn(move || answer(request));
    }
}

fn refuse(request: Request) {
    let sentence = "The server is busy. Try again in a second.\n";
    let retry = tiny_http::Header::from_bytes("Retry-After", "1").expect("a valid header");
    _ = request.respond(
        Response::from_string(sentence)
            .with_status_code(503)
            .with_header(retry),
    );
}

impl Drop for Server {
    fn drop(&mut self) {
        self.http.unblock();
        if let Some(accepting) = self.accepting.take() {
            _ = accepting.join();
        }
    }
}
