//! Measures one rate, over all three transports at the same time.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use chat::{Chat, Pace, Server, Settings};
use long_polling::LongPolling;
use polling::Polling;

use crate::http_pages::{HttpPages, wait_until};
use crate::journal::{Delays, Journal};
use crate::options::Setup;
use crate::proxy::Proxy;
use crate::socket_pages::SocketPages;
use crate::table::{Row, Transport};

/// The extra time that the last messages may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The time between two calls of `tell`.
const TICK: Duration = Duration::from_millis(200);

/// Measures this many messages, and returns the figures of each [`Transport`], in the order of [`Transport::ALL`].
/// `tell` is called now and then.
///
/// # Errors
/// Returns an error if a server, a page or a proxy fails, or a message doesn't arrive.
pub fn measure(setup: &Setup, messages: usize, tell: impl Fn()) -> Result<[Row; 3], String> {
    let sentence = |error: io::Error| format!("Nothing was measured: {error}.");
    let scene = Scene::open(setup, messages).map_err(sentence)?;
    let begin = Instant::now();
    let wait_until = |moment: Duration| {
        while let Some(left) = moment.checked_sub(begin.elapsed()) {
            tell();
            thread::sleep(left.min(TICK));
        }
    };
    for (number, moment) in moments(setup, messages).into_iter().enumerate() {
        wait_until(moment);
        scene.say(number).map_err(sentence)?;
    }
    wait_until(setup.window);
    scene.close(setup, messages)
}

/// The times at which messages are sent, from the beginning of the window. Each message has its own share of the
/// window, and is sent at a random moment in it, which is the same in every run. So the messages are spread over all of
/// a page's pause, and their number is exact. After the last one, a page that polls still has time to see it within the
/// window.
fn moments(setup: &Setup, messages: usize) -> Vec<Duration> {
    let speaking = setup.window - setup.interval - setup.interval.min(setup.window / 4) / 4;
    let mut dice = 0x9e37_79b9_7f4a_7c15_u64;
    let mut roll = || {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        (dice >> 11) as f64 / (1_u64 << 53) as f64
    };
    let share = speaking.as_secs_f64() / messages as f64;
    let moment = |number| Duration::from_secs_f64((number as f64 + roll()) * share);
    (0..messages).map(moment).collect()
}

/// The text of a message. It begins with the message's number, and always has the same length.
fn words(number: usize) -> String {
    format!("{number:05} Is the kettle on?")
}

/// The three transports, ready to start. The pages are dropped before their servers.
struct Scene {
    polling_pages: HttpPages,
    long_polling_pages: HttpPages,
    socket_pages: SocketPages,
    long_polling: LongPolling,
    /// Only there to be dropped.
    _servers: (Polling, Server<Chat>),
    lanes: [Lane; 3],
}

/// One of the three transports, side by side: its proxy and its journal.
struct Lane {
    proxy: Proxy,
    journal: Arc<Journal>,
    /// The bytes that it took to open all pages.
    opening: u64,
}

impl Scene {
    /// Starts the servers, and opens all pages.
    fn open(setup: &Setup, messages: usize) -> io::Result<Self> {
        let polling = Polling::start(any_port()?, limits(messages))?;
        let long_polling = LongPolling::start(
            any_port()?,
            long_polling::Limits {
                max_history: limits(messages).max_history,
                ..long_polling::Limits::default()
            },
        )?;
        let settings = Settings {
            // The measurement decides how fast people talk.
            pace: Pace {
                messages: 10_000,
                ..Settings::default().pace
            },
            // Servers end sooner.
            tick: Duration::from_millis(50),
            ..Settings::default()
        };
        let chat = Server::start(any_port()?, Arc::new(Chat::new(settings)))?;
        let lane = |server| {
            Ok::<_, io::Error>(Lane {
                proxy: Proxy::start(server)?,
                journal: Arc::new(Journal::new(setup.pages, messages)),
                opening: 0,
            })
        };
        let mut lanes = [
            lane(polling.address())?,
            lane(long_polling.address())?,
            lane(chat.address())?,
        ];
        let [polls, holds, sockets] = &lanes;
        let pages = (setup.pages, setup.cookie);

        let holding = HttpPages::open(holds.proxy.address(), pages, None, &holds.journal, || {
            long_polling.waiting()
        })?;
        let socket_pages = SocketPages::open(sockets.proxy.address(), pages, &sockets.journal)?;
        let (address, interval) = (polls.proxy.address(), Some(setup.interval));
        let polling_pages = HttpPages::open(address, pages, interval, &polls.journal, || 0)?;
        for lane in &mut lanes {
            lane.opening = lane.proxy.bytes();
        }
        polling_pages.begin();
        Ok(Self {
            polling_pages,
            long_polling_pages: holding,
            socket_pages,
            long_polling,
            _servers: (polling, chat),
            lanes,
        })
    }

    /// Sends a message over all three at the same moment.
    fn say(&self, number: usize) -> io::Result<()> {
        let page = number % self.socket_pages.count();
        let [polls, holds, sockets] = &self.lanes;
        polls.journal.say();
        self.polling_pages.say(page, words(number));
        holds.journal.say();
        self.long_polling_pages.say(page, words(number));
        sockets.journal.say();
        self.socket_pages.say(page, &words(number))
    }

    /// Returns the figures, and ends everything.
    fn close(mut self, setup: &Setup, messages: usize) -> Result<[Row; 3], String> {
        let [polls, holds, sockets] = &self.lanes;
        let delays = |lane: &Lane, transport: Transport| {
            let delays = lane.journal.delays(setup.interval + PATIENCE);
            let delays = delays.map_err(|why| format!("{}: {why}.", transport.name()))?;
            Ok::<_, String>(Delays::of(delays))
        };
        let [polling, long_polling, socket] = Transport::ALL;
        let row = |transport, requests, lane: &Lane, delays| {
            Row::new(
                setup,
                messages,
                transport,
                requests,
                (lane.opening, lane.proxy.bytes()),
                delays,
            )
        };

        let polling_delays = delays(polls, polling)?;
        self.polling_pages.stop_polling();
        let requests = self.polling_pages.requests();
        let first = row(polling, requests, polls, polling_delays);

        let long_polling_delays = delays(holds, long_polling)?;
        let is_quiet = || self.long_polling.waiting() >= setup.pages as u64;
        wait_until("not every page waits for news", is_quiet)
            .map_err(|error| format!("Nothing was measured: {error}."))?;
        let requests = self.long_polling_pages.requests();
        let second = row(long_polling, requests, holds, long_polling_delays);

        let socket_delays = delays(sockets, socket)?;
        // A WebSocket's one request is its opening handshake.
        let third = row(socket, setup.pages as u64, sockets, socket_delays);

        Ok([first, second, third])
    }
}

fn any_port() -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
}

/// No message may be dropped before every page has seen it.
fn limits(messages: usize) -> polling::Limits {
    let defaults = polling::Limits::default();
    polling::Limits {
        max_history: defaults.max_history.max(messages as u64),
        ..defaults
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::options::{self, Task};

    fn setup(line: &str) -> Setup {
        let options = options::parse(line.split(' ').map(OsString::from));
        match options.unwrap().unwrap().task {
            Task::Measure(setup) => setup,
            Task::Read(file) => panic!("{file:?}"),
        }
    }

    #[test]
    fn messages_come_in_order_and_leave_time_for_a_last_poll() {
        for line in ["--rate 6", "--rate 1800", "--interval 5", "--quick"] {
            let setup = setup(line);
            let messages = setup.messages[0];
            let moments = moments(&setup, messages);
            assert_eq!(moments.len(), messages);
            assert!(moments.is_sorted(), "{moments:?}");
            let last = moments[messages - 1];
            assert!(last + setup.interval < setup.window, "{line}: {last:?}");
        }
    }

    /// The pages' pauses begin at different moments, and messages fall into all parts of them.
    #[test]
    fn messages_fall_anywhere_into_a_pause() {
        let setup = setup("--rate 600");
        let rests = moments(&setup, 100);
        let rests = rests.iter().map(|it| it.as_secs_f64() % 1.0);
        let mean = rests.sum::<f64>() / 100.0;
        assert!((0.4..0.6).contains(&mean), "{mean}");
    }
}
