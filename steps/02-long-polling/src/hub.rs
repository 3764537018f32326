//! Where requests wait for news.
//!
//! One lock guards everything that a waiting request looks at, and one *condition variable* wakes
//! those that wait. A request looks, and starts to wait, without letting go of the lock in
//! between: so no message can come in the gap between looking and waiting. While it waits, the
//! lock is free; that is what a condition variable is for.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use polling::history::{History, NewMessage, News};
use polling::routes::Refusal;

use crate::Limits;

/// The history, and the requests that wait for it to grow.
#[derive(Debug)]
pub struct Hub {
    state: Mutex<State>,
    /// Wakes the requests that wait.
    changed: Condvar,
    /// How long a request is held at most.
    hold: Duration,
    /// How many requests may wait at a time.
    max_waiting: u64,
}

/// What the lock guards.
#[derive(Debug)]
struct State {
    history: History,
    /// How many requests wait for news.
    waiting: u64,
    /// How many requests have not been answered to the end yet, waiting or not.
    answering: u64,
    /// Whether the server stops: then no request waits any longer.
    stopped: bool,
    /// How many times a thread has looked for news.
    looks: u64,
    /// Whether a thread has looked since it took the lock.
    looked: bool,
    /// How many times a thread has started to wait without having looked under the same lock.
    gaps: u64,
}

impl State {
    /// Whether a request with this cursor is to be answered now: there is news, or the server
    /// stops.
    fn is_due(&mut self, cursor: u64) -> bool {
        self.looks += 1;
        self.looked = true;
        self.stopped || !self.history.after(cursor).messages.is_empty()
    }

    /// Counts one more request that waits, if there are places left. A request that took a place
    /// gives it back when its wait is over: its own code subtracts it from `waiting`.
    fn take_place(&mut self, places: u64) -> Result<(), Refusal> {
        if self.waiting >= places {
            return Err(Refusal::Busy);
        }
        self.waiting += 1;
        self.gaps += u64::from(!self.looked);
        Ok(())
    }
}

impl Hub {
    /// A hub with an empty history, in which no request waits.
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
            hold: limits.hold,
            max_waiting: limits.max_waiting,
        }
    }

    /// Keeps a message, wakes all requests that wait, and returns the message's id.
    pub fn post(&self, message: NewMessage) -> u64 {
        // Task: a message is news to every request that waits.
        todo!("a message is news to every request that waits")
    }

    /// What is new after a cursor. If there is nothing, waits for it: until a message comes,
    /// the server stops, or the time for which a request is held is over. Then the news may be
    /// empty. A request that waits takes a place, and gives it back when the wait is over.
    ///
    /// # Errors
    /// [`Refusal::Busy`] if the request would have to wait, and `max_waiting` wait already.
    pub fn news_after(&self, cursor: u64) -> Result<News, Refusal> {
        // Task: nothing may come between looking and waiting, and being woken isn't yet news.
        // A place is held only during the wait. The answer is what is new when the wait is over.
        todo!("nothing may come between looking and waiting, and being woken isn't yet news")
    }

    /// Answers all requests that wait, and lets none wait from now on.
    pub fn stop(&self) {
        // Task: once the server stops, every request is due, even one that sleeps.
        todo!("once the server stops, every request is due, even one that sleeps")
    }

    /// How many requests wait for news just now.
    pub fn waiting(&self) -> u64 {
        self.lock().waiting
    }

    /// How many times a thread has looked for news. A thread that sleeps doesn't look.
    pub fn looks(&self) -> u64 {
        self.lock().looks
    }

    /// How many times a thread has started to wait without having looked under the same lock. A
    /// message that comes in between wakes no thread.
    pub fn gaps(&self) -> u64 {
        self.lock().gaps
    }

    /// Wakes all requests that wait, although nothing is new: the system does that too, now and then,
    /// but a check can't wait for it.
    pub fn wake_without_news(&self) {
        self.changed.notify_all();
    }

    /// Counts a request until what is returned is dropped.
    pub fn answering(&self) -> Answering<'_> {
        self.lock().answering += 1;
        Answering { hub: self }
    }

    /// Waits until every request is answered to the end, but not longer than `patience`.
    pub fn wait_for_the_last_answer(&self, patience: Duration) {
        let unanswered = |state: &mut State| state.answering > 0;
        _ = self
            .changed
            .wait_timeout_while(self.lock(), patience, unanswered);
    }

    /// Takes the lock, even if another request's thread panicked while it held it.
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
