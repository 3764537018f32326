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
    /// The most bytes of unconfirmed lines that are kept for a guest. A session that would need more is over.
    pub max_unconfirmed_bytes: usize,
    /// The most rooms that a guest may be in.
    pub max_rooms: usize,
    /// The time that a session is kept while its guest is away.
    pub session_ttl: Duration,
    /// The time that an unproven session is kept while its guest is away. A session is unproven until its client comes
    /// back with the session's number, or says something. If there is no room for one more session, an unproven one
    /// ends sooner.
    pub unproven_session_ttl: Duration,
    /// The longest time that a request is held when there is no news.
    pub poll_timeout: Duration,
    /// The time between two pings, the lines that tell every page that the server is there. They are sent even if the
    /// page hears other things.
    pub ping_every: Duration,
    /// The longest time that the head of a request may take to arrive, and then its body.
    pub request_within: Duration,
    /// The longest message, and the time that the server waits for a silent client.
    pub client: Limits,
    /// The longest time between two looks at the clock of a thread that reads.
    pub tick: Duration,
    /// The first session's number is one more than this. No number may ever be given twice, not even after a
    /// restart: see [`id_from_clock`].
    pub last_session: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_connections: 1000,
            max_sessions: 1000,
            max_unconfirmed_bytes: 256 * 1024,
            max_rooms: 100,
            session_ttl: Duration::from_secs(60),
            unproven_session_ttl: Duration::from_secs(10),
            poll_timeout: Duration::from_secs(25),
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
    /// The limit of a WebSocket's outbox, in bytes: all unconfirmed lines fit into it as frames. Even the shortest line
    /// takes less than four times its length in an outbox.
    pub(crate) fn max_outbox_bytes(&self) -> usize {
        4 * self.max_unconfirmed_bytes + 4096
    }
}
