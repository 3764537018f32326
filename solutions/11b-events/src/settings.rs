//! What the server allows, and how long it waits.

use std::time::Duration;

use chat::client::Limits;
use chat::hub::id_from_clock;
use echo::Patience;

/// What the server allows, and how long it waits.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The most connections at a time. One more gets 503.
    pub max_connections: u64,
    /// The most sessions at a time, whether their guests are connected or not. One more gets 503.
    pub max_sessions: usize,
    /// The most bytes of lines that are kept for a guest, because it has not confirmed them. A session for
    /// which more would have to be kept is over.
    pub max_kept: usize,
    /// The most rooms that a guest may be in.
    pub max_rooms: usize,
    /// How long a session is kept while its guest is away.
    pub keep: Duration,
    /// The same for an unproven session: its client hasn't come back with the session's number, and hasn't
    /// said anything. If there is no room for one more session, an unproven one ends sooner.
    pub keep_unproven: Duration,
    /// How long a request is held at most when there is no news.
    pub hold: Duration,
    /// After how long a page hears that the server is there, whatever else it hears.
    pub ping_every: Duration,
    /// How long the head of a request may take, and its body.
    pub request_within: Duration,
    /// How much a client may send at once, and how long it is waited for.
    pub client: Limits,
    /// How often a thread that reads looks at the clock.
    pub tick: Duration,
    /// The number before that of the first session. No number may ever be given twice, not even after a
    /// restart: see [`id_from_clock`].
    pub last_session: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_connections: 1000,
            max_sessions: 1000,
            max_kept: 256 * 1024,
            max_rooms: 100,
            keep: Duration::from_secs(60),
            keep_unproven: Duration::from_secs(10),
            hold: Duration::from_secs(25),
            ping_every: Duration::from_secs(20),
            request_within: Duration::from_secs(10),
            client: Limits {
                max_message: 64 * 1024,
                patience: Patience::default(),
            },
            tick: Duration::from_secs(1),
            last_session: id_from_clock(),
        }
    }
}

impl Settings {
    /// The most bytes that may wait for a WebSocket: all that is kept, in frames. The shortest line takes
    /// less than four times its length in an outbox.
    pub(crate) fn max_waiting(&self) -> usize {
        4 * self.max_kept + 4096
    }
}
