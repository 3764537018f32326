//! How much of each attack there is.

use std::time::Duration;

/// The seed of the made-up heads, unless another is asked for.
pub const SEED: u64 = 6455;

/// The counts of a run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Whether everything is waited for that takes a minute or more.
    pub full: bool,
    /// The seed of the made-up heads.
    pub seed: u64,
    /// The only head that is sent, by its number.
    pub case: Option<usize>,
    /// Heads that are made up.
    pub heads: usize,
    /// Half heads that are open at the same time.
    pub halves: usize,
    /// Clients that connect and leave.
    pub connects: usize,
    /// Clients that send a byte now and then.
    pub slow: usize,
    /// Clients that fall silent for good.
    pub silent: usize,
    /// Clients that are connected when the server is stopped.
    pub stopped: usize,
    /// Clients that send ten times what they may.
    pub flooders: usize,
    /// For how long.
    pub flood: Duration,
    /// Sessions that are opened and never used. An app has room for 1,000, and not every one may get through.
    pub sessions: usize,
    /// Clients that let little become much, at the same time.
    pub bombers: usize,
    /// Clients whose large echoes wait for them, at the same time.
    pub unread: usize,
    /// Messages of each bomber that are as large as they may be.
    pub large: usize,
    /// TLS handshakes that don't go on, at the same time. A server has room for 256.
    pub handshakes: usize,
    /// TLS connections that end as they shouldn't.
    pub cuts: usize,
    /// Open files that a server may have, where they are to run out.
    pub files: u64,
    /// Threads that a server may have, where they are to run out.
    pub threads: u64,
}

impl Plan {
    /// The gate's: every attack, in a few seconds each.
    pub fn gate() -> Self {
        Self {
            full: false,
            seed: SEED,
            case: None,
            heads: 80,
            halves: 150,
            connects: 1000,
            slow: 5,
            silent: 50,
            stopped: 30,
            flooders: 8,
            flood: Duration::from_secs(2),
            sessions: 1100,
            bombers: 50,
            unread: 4,
            large: 3,
            handshakes: 300,
            cuts: 60,
            files: 64,
            threads: 40,
        }
    }

    /// What the table in the book is made of.
    pub fn full() -> Self {
        Self {
            full: true,
            heads: 2000,
            halves: 1200,
            connects: 20_000,
            slow: 50,
            silent: 200,
            stopped: 200,
            flooders: 30,
            flood: Duration::from_secs(10),
            bombers: 200,
            unread: 50,
            large: 100,
            handshakes: 900,
            cuts: 2000,
            files: 256,
            ..Self::gate()
        }
    }
}
