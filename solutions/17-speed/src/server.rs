//! One thread, many sockets.
//!
//! ```text
//!        ┌──────────────────────────────────────────────────────────┐
//!        ▼                                                          │
//!   poll: which sockets are ready? ─▶ a turn for each ─▶ news ─▶ the clock
//!                                      one read, all its answers, one write
//! ```
//!
//! The system says *that* a socket has become ready, and says it once (the events are edge-triggered). So a client
//! stays in the list of those that are ready until its socket has said `WouldBlock`, or has given less than was asked.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{collections::VecDeque, mem};

use mio::{Events, Interest, Poll, Token, Waker};

use crate::app::App;
use crate::client::{Client, Desk, Next};
use crate::http;
use crate::settings::Settings;

/// The most clients beyond the limit that get an answer, which says that there is no room. Any more are dropped.
const MAX_REFUSED: usize = 100;

/// The most clients that are accepted before those that are here get a turn.
const ACCEPT_AT_ONCE: usize = 64;

/// The most events that one call of `poll` brings.
const EVENTS_AT_ONCE: usize = 1024;

const LISTENER: Token = Token(usize::MAX);
const WAKER: Token = Token(usize::MAX - 1);

/// A running server. Dropping it stops it: every client is told.
pub struct Server {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    waker: Arc<Waker>,
    serving: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server that accepts clients on `listener`. All of it runs on one new thread.
    ///
    /// # Errors
    /// Returns the system's error if the listener can't be used, or no thread can be started.
    pub fn start(listener: TcpListener, settings: Settings, app: impl App) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let stop = Arc::new(AtomicBool::new(false));
        let serving = Loop::new(listener, poll, settings, app, Arc::clone(&stop))?;
        let serving = thread::Builder::new().spawn(move || serving.run())?;
        Ok(Self {
            address,
            stop,
            waker,
            serving: Some(serving),
        })
    }

    /// Returns the address on which the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        _ = self.waker.wake();
        if let Some(serving) = self.serving.take() {
            // Even if it has panicked, the server stops.
            _ = serving.join();
        }
    }
}

/// The thread's state.
// ANCHOR: loop
struct Loop<A: App> {
    poll: Poll,
    listener: Option<mio::net::TcpListener>,
    settings: Settings,
    app: A,
    /// Set when the server stops.
    stop: Arc<AtomicBool>,
    clients: Vec<Option<Client<A>>>,
    /// The places in `clients` that are free.
    free: Vec<usize>,
    /// The clients that are to have a turn. Each is in it once at most.
    ready: VecDeque<usize>,
    /// What all clients share: a large buffer to read into, and one to write from.
    desk: Desk,
    refused: usize,
}
// ANCHOR_END: loop

impl<A: App> Loop<A> {
    fn new(
        listener: TcpListener,
        poll: Poll,
        settings: Settings,
        app: A,
        stop: Arc<AtomicBool>,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let mut listener = mio::net::TcpListener::from_std(listener);
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            poll,
            listener: Some(listener),
            settings,
            app,
            stop,
            clients: Vec::new(),
            free: Vec::new(),
            ready: VecDeque::new(),
            desk: Desk::new(settings),
            refused: 0,
        })
    }

    // ANCHOR: run
    fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS_AT_ONCE);
        let mut now = Instant::now();
        let mut next_tick = now + self.settings.tick;
        let mut accepting = true;
        // Set once the server stops: then it ends with the last client.
        let mut deadline = None;
        while deadline.is_none_or(|it| now < it && self.count() > 0) {
            let wait = if self.ready.is_empty() && !accepting {
                next_tick.saturating_duration_since(now)
            } else {
                Duration::ZERO
            };
            if let Err(error) = self.poll.poll(&mut events, Some(wait))
                && error.kind() != ErrorKind::Interrupted
            {
                return;
            }
            for event in &events {
                match event.token() {
                    LISTENER => accepting = true,
                    WAKER => {}
                    Token(place) => self.wake(place, event.is_read_closed()),
                }
            }
            // One look at the clock is enough for all that follows.
            now = Instant::now();
            accepting = accepting && self.accept(now);
            self.give_turns(now);
            if now >= next_tick {
                next_tick = now + self.settings.tick;
                // There may be files again for the next client.
                accepting = true;
                self.keep_time(now);
            }
            self.tell_news(now);
            if deadline.is_none() && self.stop.load(Ordering::Relaxed) {
                deadline =
                    Some(now + 2 * (self.settings.tick + self.settings.patience.close_within));
                self.say_goodbye(now);
            }
        }
    }
    // ANCHOR_END: run

    fn count(&self) -> usize {
        self.clients.len() - self.free.len()
    }

    /// Puts a client into the list of those that are ready, unless it is there.
    fn wake(&mut self, place: usize, read_closed: bool) {
        if let Some(Some(client)) = self.clients.get_mut(place)
            && client.became_ready(read_closed)
        {
            self.ready.push_back(place);
        }
    }

    /// Gives every client that is ready one turn. A client that has more to read comes again in the next round, so each
    /// waits for one turn of every other client at most.
    // ANCHOR: give_turns
    fn give_turns(&mut self, now: Instant) {
        // Task: one turn each. A client with more to read goes to the end of the list, and has its turn in the next round.
        for _ in 0..self.ready.len() {
            let Some(place) = self.ready.pop_front() else {
                return;
            };
            if self.with(place, |client, desk, app| client.turn(desk, app, now)) == Next::Again {
                self.ready.push_back(place);
            }
        }
    }
    // ANCHOR_END: give_turns

    /// Writes to every client what others have said, all of it in one write.
    // ANCHOR: tell_news
    fn tell_news(&mut self, now: Instant) {
        // Task: once after all the turns, and not at all if there is no news. A client that is cut off is news again.
        while self.app.has_news() {
            for place in 0..self.clients.len() {
                self.with(place, |client, desk, app| client.write_news(desk, app, now));
            }
        }
    }
    // ANCHOR_END: tell_news

    fn keep_time(&mut self, now: Instant) {
        for place in 0..self.clients.len() {
            self.with(place, |client, desk, app| client.keep_time(desk, app, now));
        }
    }

    fn say_goodbye(&mut self, now: Instant) {
        self.listener = None;
        self.app.stop();
        for place in 0..self.clients.len() {
            self.with(place, |client, desk, app| {
                client.say_goodbye(desk, app, now)
            });
        }
        self.tell_news(now);
    }

    /// Calls `act` with a client. If the connection has ended, or our own code has panicked, the client's place is free
    /// again: one client must not end the thread of all the others.
    fn with(
        &mut self,
        place: usize,
        act: impl FnOnce(&mut Client<A>, &mut Desk, &mut A) -> io::Result<Next>,
    ) -> Next {
        let Some(Some(client)) = self.clients.get_mut(place) else {
            return Next::Wait;
        };
        let (desk, app) = (&mut self.desk, &mut self.app);
        let next = panic::catch_unwind(AssertUnwindSafe(|| act(client, desk, app)));
        match next {
            Ok(Ok(next @ (Next::Again | Next::Wait))) => next,
            _ => {
                self.desk.tidy();
                self.remove(place);
                Next::Gone
            }
        }
    }

    fn remove(&mut self, place: usize) {
        if let Some(mut client) = mem::take(&mut self.clients[place]) {
            self.refused -= usize::from(client.is_refused());
            client.leave(&mut self.app);
            // An event for this place, or the place in the list, does no harm: the next client here has a turn too many.
            self.free.push(place);
        }
    }

    /// Accepts clients. Returns whether more may wait.
    // ANCHOR: accept
    fn accept(&mut self, now: Instant) -> bool {
        for _ in 0..ACCEPT_AT_ONCE {
            let Some(listener) = &self.listener else {
                return false;
            };
            match listener.accept() {
                Ok((stream, _)) => _ = self.add(stream, now),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // No client waits, or all files are in use: the next tick tries again.
                Err(_) => return false,
            }
        }
        true
    }
    // ANCHOR_END: accept

    fn add(&mut self, mut stream: mio::net::TcpStream, now: Instant) -> io::Result<()> {
        let others = (self.count() - self.refused) as u64;
        let refuse = others >= self.settings.max_connections;
        if refuse && self.refused >= MAX_REFUSED {
            return Ok(());
        }
        let place = self.free.pop().unwrap_or(self.clients.len());
        // Small writes go out at once, even while the client hasn't acknowledged the last one.
        let registered = stream.set_nodelay(true).and_then(|()| {
            let both = Interest::READABLE | Interest::WRITABLE;
            let registry = self.poll.registry();
            registry.register(&mut stream, Token(place), both)
        });
        if place == self.clients.len() {
            self.clients.push(None);
        }
        if let Err(error) = registered {
            self.free.push(place);
            return Err(error);
        }
        let mut client = Client::new(stream, &self.settings, now);
        if refuse {
            self.refused += 1;
            client.refuse(&http::busy(), now);
        }
        self.clients[place] = Some(client);
        Ok(())
    }
}
