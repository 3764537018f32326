//! Accepts connections, gives each a task, and stops.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use chat::Settings;
use chat::http::encode_reply;
use polling::routes::Refusal;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{self, Runtime};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use crate::client::{Client, SharedRoom};
use crate::exchange::{Answered, LINGER, exchange, linger};
use crate::look;
use crate::site::{Guest, Site};

/// The pause when a connection can't be accepted, for example because too many files are open.
const PAUSE: Duration = Duration::from_millis(100);

/// The most connections beyond the limit that get an answer, which says that there is no room.
const MAX_REFUSED: usize = 100;

/// A running server. Dropping it stops it.
// ANCHOR: server
pub struct Server {
    site: Arc<Site>,
    address: SocketAddr,
    runtime: Option<Runtime>,
    /// Whether the server is stopping.
    stop: watch::Sender<bool>,
    /// Has no sender any more when all tasks have ended.
    all_ended: mpsc::Receiver<Infallible>,
}

/// The state that all tasks share.
#[derive(Clone)]
struct Shared {
    site: Arc<Site>,
    stop: watch::Receiver<bool>,
    /// Only there to be dropped: when no clone is left, all tasks have ended.
    running: mpsc::Sender<Infallible>,
}
// ANCHOR_END: server

impl Server {
    /// Starts to answer the connections that `listener` accepts. Unless `look_every` is zero, a line on standard error
    /// says at that interval what the runtime does.
    ///
    /// # Errors
    /// Returns an error if the listener can't be used, or no thread can be started.
    pub fn start(
        listener: std::net::TcpListener,
        settings: Settings,
        look_every: Duration,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
        let _inside = runtime.enter();
        let listener = TcpListener::from_std(listener)?;
        let site = Arc::new(Site::new(settings));
        let (stop, stopped) = watch::channel(false);
        let (running, all_ended) = mpsc::channel(1);
        let shared = Shared {
            site: Arc::clone(&site),
            stop: stopped,
            running,
        };
        runtime.spawn(accept_all(listener, shared));
        if !look_every.is_zero() {
            runtime.spawn(look::print_every(look_every));
        }
        Ok(Self {
            site,
            address,
            runtime: Some(runtime),
            stop,
            all_ended,
        })
    }

    /// Returns the address on which the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the site, to look at it from outside.
    pub fn site(&self) -> &Site {
        &self.site
    }
}

impl Drop for Server {
    /// Says goodbye to all clients, and waits until they have gone, up to a deadline.
    // ANCHOR: drop
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else {
            return;
        };
        // If a panic is the reason, a second one in here would end the process.
        if thread::panicking() {
            return runtime.shutdown_background();
        }
        // Task: no more connections, then a Close for each client, then a deadline. Dropping the runtime then drops
        // what still runs.
        self.stop.send_replace(true);
        self.site.hub().stop();
        let goodbye = self.site.settings().client.patience.close_within + 2 * LINGER;
        runtime.block_on(async {
            _ = timeout(goodbye, self.all_ended.recv()).await;
        });
        drop(runtime);
    }
    // ANCHOR_END: drop
}

// ANCHOR: accept_all
async fn accept_all(listener: TcpListener, mut shared: Shared) {
    while let Some(accepted) = accept(&listener, &mut shared.stop).await {
        match accepted {
            Ok(stream) => start(stream, &shared),
            // Without a pause, this would be a loop that never waits.
            Err(_) => sleep(PAUSE).await,
        }
    }
}

/// Waits for the next connection. Returns `None` if the server stops.
async fn accept(
    listener: &TcpListener,
    stop: &mut watch::Receiver<bool>,
) -> Option<io::Result<TcpStream>> {
    // Task: a stop ends the wait. A connection that can't be accepted isn't the end.
    tokio::select! {
        accepted = listener.accept() => Some(accepted.map(|(stream, _)| stream)),
        _ = stop.wait_for(|stop| *stop) => None,
    }
}
// ANCHOR_END: accept_all

/// Answers a connection in a task of its own, if there is room for one more. If there isn't, a few connections are told
/// so, and the rest are closed without an answer.
// ANCHOR: start
fn start(stream: TcpStream, shared: &Shared) {
    // Each task holds a clone, so their number is known without a counter, even if one of them panics.
    let others = shared.running.strong_count() - 1;
    let max = usize::try_from(shared.site.settings().max_connections).unwrap_or(usize::MAX);
    if others < max {
        tokio::spawn(answer(stream, shared.clone()));
    } else if others < max.saturating_add(MAX_REFUSED) {
        tokio::spawn(refuse(stream, shared.clone()));
    }
}
// ANCHOR_END: start

/// Answers the one request of a connection. If it opens a WebSocket, runs that to its end.
// ANCHOR: answer
async fn answer(stream: TcpStream, mut shared: Shared) {
    _ = stream.set_nodelay(true);
    let Shared { site, stop, .. } = &mut shared;
    // In a box, so that its memory is free again when the WebSocket begins.
    let exchange = Box::pin(exchange(stream, site));
    let answered = tokio::select! {
        answered = timeout(site.settings().head_within, exchange) => answered,
        _ = stop.wait_for(|stop| *stop) => return,
    };
    match answered {
        Ok(Answered {
            stream,
            first,
            guest: Some(guest),
        }) => open(stream, first, guest, site).await,
        Ok(Answered { stream, .. }) => linger(stream).await,
        // The time is over. There is no answer to half a head.
        Err(_) => {}
    }
}
// ANCHOR_END: answer

/// Runs a WebSocket. The client has its 101.
// ANCHOR: open
async fn open(stream: TcpStream, first: Vec<u8>, guest: Guest, site: &Site) {
    let mailbox = site.mailbox(&guest);
    let id = site.join(&guest, mailbox.outbox());
    let room: SharedRoom = Arc::clone(site.hub()) as _;
    let client = Client::new(
        stream.into_split(),
        (room, id),
        mailbox,
        site.settings().client,
        guest.extension,
    );
    client.run(&first).await;
}
// ANCHOR_END: open

/// Tells a client that there is no room for it.
async fn refuse(mut stream: TcpStream, shared: Shared) {
    let answer = encode_reply(&Refusal::Busy.into(), true);
    if stream.write_all(&answer).await.is_ok() {
        linger(stream).await;
    }
    drop(shared);
}
