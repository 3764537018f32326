//! The limits of a server, out of those of steps 09 and 10.

use std::time::Duration;

use echo::Patience;
use handshake::head;

/// The server's limits, and how long it waits.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The most clients at a time. One more gets 503.
    pub max_connections: u64,
    /// The longest message, in bytes. A longer one fails the connection with 1009.
    pub max_message: u64,
    /// The limits of a request's head.
    pub head: head::Limits,
    /// How long a head may take.
    pub head_within: Duration,
    /// How long the server waits for a silent client.
    pub patience: Patience,
    /// How long a client may take no byte of what waits for it.
    pub write_within: Duration,
    /// How often the server looks at the clock.
    pub tick: Duration,
}

impl From<&echo::Settings> for Settings {
    fn from(settings: &echo::Settings) -> Self {
        Self {
            max_connections: settings.max_connections,
            max_message: settings.max_message,
            head: settings.head,
            head_within: settings.head_within,
            patience: settings.patience,
            write_within: settings.write_within,
            tick: settings.tick,
        }
    }
}

impl From<&chat::Settings> for Settings {
    fn from(settings: &chat::Settings) -> Self {
        Self {
            max_connections: settings.max_connections,
            max_message: settings.client.max_message,
            head: settings.head,
            head_within: settings.head_within,
            patience: settings.client.patience,
            // Longer than the wait for a pong, which doesn't come from a client that reads nothing.
            write_within: settings.client.patience.ping_after
                + settings.client.patience.pong_within,
            tick: settings.tick.min(Duration::from_millis(500)),
        }
    }
}
