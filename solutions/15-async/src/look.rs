//! What the runtime is doing, in one line: how many tasks there are, and how busy its threads were.
//!
//! A task that waits costs no time. A task that blocks its thread shows here: that thread is busy, and the others have
//! its work to do.

use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeMetrics};
use tokio::time::{Instant, MissedTickBehavior, interval};

/// The counters of a runtime at one moment. They only grow, so two of them make a [`Look`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    at: Instant,
    busy: Duration,
    parks: u64,
}

/// What a runtime has done between two moments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    /// The tasks that are alive now.
    pub tasks: usize,
    /// The tasks in the queue that all threads share. Each thread also has a queue of its own, which isn't counted.
    pub ready: usize,
    /// The threads that run tasks.
    pub threads: usize,
    /// How much of the time they were busy: 1 if all of them were, all the time.
    pub busy: f64,
    /// How often one of them had nothing to do, and went to sleep.
    pub naps: u64,
}

impl Counters {
    /// Reads the counters.
    pub fn read(metrics: &RuntimeMetrics) -> Self {
        let threads = 0..metrics.num_workers();
        Self {
            at: Instant::now(),
            busy: threads
                .clone()
                .map(|thread| metrics.worker_total_busy_duration(thread))
                .sum(),
            parks: threads
                .map(|thread| metrics.worker_park_count(thread))
                .sum(),
        }
    }
}

impl Look {
    /// Looks at a runtime now, and compares with an earlier moment.
    pub fn since(earlier: &Counters, now: &Counters, metrics: &RuntimeMetrics) -> Self {
        let threads = metrics.num_workers();
        let time = now.at.duration_since(earlier.at) * threads as u32;
        let busy = now.busy.saturating_sub(earlier.busy);
        Self {
            tasks: metrics.num_alive_tasks(),
            ready: metrics.global_queue_depth(),
            threads,
            busy: busy.as_secs_f64() / time.as_secs_f64().max(f64::MIN_POSITIVE),
            naps: now.parks.saturating_sub(earlier.parks),
        }
    }
}

impl fmt::Display for Look {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(
            formatter,
            "{:>6} tasks, {:>5} ready · {} threads, busy {:>5.1} %, {:>6} naps",
            self.tasks,
            self.ready,
            self.threads,
            100.0 * self.busy,
            self.naps
        )
    }
}

/// Prints a line to standard error once every `period`, for as long as the runtime runs.
pub async fn print_every(period: Duration) {
    let metrics = Handle::current().metrics();
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is at once.
    ticks.tick().await;
    let mut earlier = Counters::read(&metrics);
    loop {
        ticks.tick().await;
        let now = Counters::read(&metrics);
        let look = Look::since(&earlier, &now, &metrics);
        // If nothing reads this (a closed pipe), the server runs all the same.
        _ = writeln!(io::stderr(), "{look}");
        earlier = now;
    }
}
