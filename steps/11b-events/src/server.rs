//! How a server of events starts, keeps time, and stops.

use std::io;
use std::net::TcpListener;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use chat::server::{App, Server};
use echo::Stream;

use crate::events::Events;
use crate::guests::Guests;
use crate::routes;

/// The time between two looks at the clock.
const LOOK: Duration = Duration::from_secs(1);

impl Events {
    /// Starts to answer what comes in on `listener`.
    ///
    /// # Errors
    /// Returns the system's error if the listener can't be used, or no thread can be started.
    pub fn start(self, listener: TcpListener) -> io::Result<Server<Self>> {
        let events = Arc::new(self);
        for (pause, mut feed) in events.take_feeds() {
            let events = Arc::downgrade(&events);
            let mut caught = move |guests: &mut Guests| {
                let feed = AssertUnwindSafe(|| feed(guests));
                panic::catch_unwind(feed)
            };
            let feed = move |events: &Events| _ = events.with_guests(&mut caught);
            thread::Builder::new().spawn(move || repeat(&events, pause, feed))?;
        }
        let clock = Arc::downgrade(&events);
        let look = |events: &Events| events.keep_time(Instant::now());
        thread::Builder::new().spawn(move || repeat(&clock, LOOK, look))?;
        Server::start(listener, events)
    }
}

/// Does something again and again, for as long as there is a server.
fn repeat(events: &Weak<Events>, pause: Duration, mut act: impl FnMut(&Events)) {
    loop {
        thread::sleep(pause);
        let Some(events) = events.upgrade() else {
            return;
        };
        act(&events);
    }
}

impl App for Events {
    fn answer(&self, stream: &dyn Stream, stop: &AtomicBool) -> io::Result<()> {
        routes::answer(self, stream, stop)
    }

    fn stop(&self) {
        self.end_all();
    }

    fn max_connections(&self) -> u64 {
        self.settings.max_connections
    }

    fn longest_goodbye(&self) -> Duration {
        2 * self.settings.tick + 2 * self.settings.client.patience.close_within
    }
}
