//! The outbox of step 10, for a task in place of a thread.
//!
//! ```text
//!   hub ─── push ──▶ ┌────────┐
//!                    │ Outbox │ ── take ──▶ the task of this client
//!   itself ─ push ─▶ └────────┘                      ▲
//!                        └──── wake ──▶ Notify ──────┘
//! ```
//!
//! A thread that waits for a `Condvar` can do nothing else. A task that waits for a `Notify` can wait for other things
//! at the same time, and may stop waiting at any moment: then nothing may be lost.

use std::sync::Arc;
use std::task::Poll;

use chat::Outbox;
use tokio::sync::Notify;

/// An outbox, and what its task waits for.
// ANCHOR: mailbox
#[derive(Debug)]
pub struct Mailbox {
    outbox: Arc<Outbox>,
    /// Notified when there may be something to take. A `Notify` keeps one permit, so a wake that comes before the wait
    /// isn't lost.
    changed: Arc<Notify>,
}
// ANCHOR_END: mailbox

impl Mailbox {
    /// Makes a mailbox of an outbox that is still empty, and that no thread takes from.
    // ANCHOR: new
    pub fn new(outbox: Outbox) -> Self {
        // Task: whoever changes the outbox wakes the task, even if the task isn't waiting yet.
        let changed = Arc::new(Notify::new());
        let waker = Arc::clone(&changed);
        Self {
            outbox: Arc::new(outbox.with_waker(move || waker.notify_one())),
            changed,
        }
    }
    // ANCHOR_END: new

    /// Returns the outbox, for the room.
    pub fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }

    /// Takes out the next pieces, joined, for one write. Waits until there is one. Returns `None` once the last piece
    /// has been taken.
    ///
    /// If this is dropped while it waits, nothing has been taken.
    // ANCHOR: take
    pub async fn take(&self) -> Option<Vec<u8>> {
        // Task: many pieces may come with one wake, and a wake may come for pieces that have been taken already.
        loop {
            if let Poll::Ready(taken) = self.outbox.take_now() {
                return taken;
            }
            self.changed.notified().await;
        }
    }
    // ANCHOR_END: take

    /// Waits until the last piece is in. It must not be polled while [`take`](Self::take) waits: one wake reaches only
    /// one of them.
    // ANCHOR: finished
    pub async fn finished(&self) {
        while !self.outbox.is_finished() {
            self.changed.notified().await;
        }
    }
    // ANCHOR_END: finished
}
