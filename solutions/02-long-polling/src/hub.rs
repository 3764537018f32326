//! The hub: requests wait here for news.
//!
//! One lock guards everything that a waiting request looks at, and one *condition variable* wakes
//! the requests that wait. A request looks for news and starts to wait without releasing the lock
//! in between, so no message can come in the gap between looking and waiting. While the request
//! waits, the lock is free: that is what a condition variable is for.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use polling::history::{History, NewMessage, News};
use polling::routes::Refusal;

use crate::limits::Limits;

/// The history, and the requests that wait for it to grow.
// ANCHOR: hub
#[derive(Debug)]
pub struct Hub {
    state: Mutex<State>,
    /// Wakes the requests that wait.
    changed: Condvar,
    /// The longest time for which a request is held.
    poll_timeout: Duration,
    /// The most requests that may wait at a time.
    max_waiting: u64,
}

/// What the lock guards.
#[derive(Debug)]
struct State {
    history: History,
    /// How many requests wait for news.
    waiting: u64,
    /// How many requests have no complete answer yet, waiting or not.
    answering: u64,
    /// Whether the server is stopping: then no request waits any longer.
    stopped: bool,
    /// How many times a thread has looked for news.
    looks: u64,
    /// Whether a thread has looked since it took the lock.
    looked: bool,
    /// How many times a thread has started to wait without having looked under the same lock.
    gaps: u64,
}
// ANCHOR_END: hub

impl State {
    /// Whether a request with this cursor should be answered now: there is news, or the server is
    /// stopping.
    // ANCHOR: is_due
    fn is_due(&mut self, cursor: u64) -> bool {
        self.looks += 1;
        self.looked = true;
        self.stopped || !self.history.after(cursor).messages.is_empty()
    }
    // ANCHOR_END: is_due

    /// Counts one more request that waits, if there are places left. When its wait is over, the
    /// request gives its place back: its own code subtracts 1 from `waiting`.
    ///
    /// # Errors
    /// Returns [`Refusal::Busy`] if all `places` are taken.
    // ANCHOR: take_place
    fn take_place(&mut self, places: u64) -> Result<(), Refusal> {
        if self.waiting >= places {
            return Err(Refusal::Busy);
        }
        self.waiting += 1;
        self.gaps += u64::from(!self.looked);
        Ok(())
    }
    // ANCHOR_END: take_place
}

impl Hub {
    /// Creates a hub with an empty history, in which no request waits.
    pub fn new(limits: &Limits) -> Self {
        Self {
            state: Mutex::new(State {
                history: History::new(limits.max_history),
                waiting: 0,
                answering: 0,
                stopped: false,
                looks: 0,
                looked: false,
                gaps: 0,
            }),
            changed: Condvar::new(),
            poll_timeout: limits.poll_timeout,
            max_waiting: limits.max_waiting,
        }
    }

    /// Keeps a message, wakes all requests that wait, and returns the message's id.
    // ANCHOR: post
    pub fn post(&self, message: NewMessage) -> u64 {
        // Task: a message is news to every request that waits.
        let id = self.lock().history.post(message);
        self.changed.notify_all();
        id
    }
    // ANCHOR_END: post

    /// Returns the news after a cursor. If there is none, waits until a message comes, the server
    /// stops, or `poll_timeout` is over; in the last two cases, the news is empty. A request that
    /// waits takes a place, and gives it back when the wait is over.
    ///
    /// # Errors
    /// Returns [`Refusal::Busy`] if the request would have to wait and `max_waiting` requests
    /// already do.
    // ANCHOR: news_after
    pub fn news_after(&self, cursor: u64) -> Result<News, Refusal> {
        // Task: nothing may come between looking and waiting, and being woken isn't yet news.
        // A place is held only during the wait. The answer is what is new when the wait is over.
        let mut state = self.lock();
        if !state.is_due(cursor) {
            state.take_place(self.max_waiting)?;
            (state, _) = self
                .changed
                .wait_timeout_while(state, self.poll_timeout, |state| !state.is_due(cursor))
                .unwrap_or_else(PoisonError::into_inner);
            state.waiting -= 1;
        }
        Ok(state.history.after(cursor))
    }
    // ANCHOR_END: news_after

    /// Answers all requests that wait, and lets none wait from now on.
    // ANCHOR: stop
    pub fn stop(&self) {
        // Task: once the server stops, every request is due, even one that sleeps.
        self.lock().stopped = true;
        self.changed.notify_all();
    }
    // ANCHOR_END: stop

    /// Returns how many requests are waiting for news.
    pub fn waiting(&self) -> u64 {
        self.lock().waiting
    }

    /// Returns how many times a thread has looked for news. A thread that sleeps doesn't look.
    pub fn looks(&self) -> u64 {
        self.lock().looks
    }

    /// Returns how many times a thread has started to wait without having looked under the same
    /// lock. A message that comes in between wakes no thread.
    pub fn gaps(&self) -> u64 {
        self.lock().gaps
    }

    /// Wakes all requests that wait, although nothing is new. The operating system does that too, now
    /// and then, but a check can't wait for it.
    pub fn wake_without_news(&self) {
        self.changed.notify_all();
    }

    /// Counts a request as unanswered until the returned guard is dropped.
    pub fn answering(&self) -> Answering<'_> {
        self.lock().answering += 1;
        Answering { hub: self }
    }

    /// Waits until every request has a complete answer, but not longer than `timeout`.
    pub fn wait_for_last_answer(&self, timeout: Duration) {
        let unanswered = |state: &mut State| state.answering > 0;
        _ = self
            .changed
            .wait_timeout_while(self.lock(), timeout, unanswered);
    }

    /// Takes the lock, even if the thread of another request panicked while holding it.
    fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.looked = false;
        state
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub struct Answering<'hub> {
    hub: &'hub Hub,
}

impl Drop for Answering<'_> {
    fn drop(&mut self) {
        let mut state = self.hub.lock();
        state.answering -= 1;
        if state.stopped {
            self.hub.changed.notify_all();
        }
    }
}
