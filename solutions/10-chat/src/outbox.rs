//! The pieces that wait to be written to one client.
//!
//! ```text
//!   hub ──────── push ──▶ ┌────────┐
//!                         │ Outbox │ ── take ──▶ the one thread that writes
//!   its reader ─ push ──▶ └────────┘
//! ```
//!
//! A thread that has something for the client puts a whole frame in, and goes on: no thread ever waits here
//! for a client that reads slowly. One thread takes pieces out and writes them, so frames can't get mixed up on
//! the wire.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

/// Bytes that go over the wire in one piece: a frame, or several. Many outboxes share them.
pub type Piece = Arc<[u8]>;

/// The number of bytes that are enough for one write. As soon as there are as many, no further piece is taken.
const AT_ONCE: usize = 64 * 1024;

/// The memory that a piece takes in addition to its bytes: a place in the queue, and an allocation. If it didn't
/// count, a million pongs of two bytes would count as two megabytes, and take much more.
const PIECE_OVERHEAD: usize = 64;

/// The pieces that wait to be written to one client, up to a limit.
// ANCHOR: outbox
#[derive(Debug)]
pub struct Outbox {
    queue: Mutex<Queue>,
    /// Wakes the writer: there is something to take, or there never will be.
    changed: Condvar,
    /// The most memory that the pieces may take, in bytes.
    max_bytes: usize,
    /// Whether the client has agreed on the server's extension, and takes packed messages.
    packed: bool,
}

#[derive(Debug, Default)]
struct Queue {
    pieces: VecDeque<Piece>,
    /// The memory that the pieces take, in bytes.
    bytes: usize,
    /// Whether the last piece is in. Then nothing more goes in.
    finished: bool,
}
// ANCHOR_END: outbox

/// A piece doesn't fit: the client reads too slowly, or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl Outbox {
    /// Creates an empty outbox. Its pieces may take `max_bytes` of memory: each counts as its length and 64 bytes more.
    pub fn new(max_bytes: usize) -> Self {
        Self {
            queue: Mutex::default(),
            changed: Condvar::new(),
            max_bytes,
            packed: false,
        }
    }

    /// Says whether its client takes packed messages.
    #[must_use]
    pub fn with_packed(self, packed: bool) -> Self {
        Self { packed, ..self }
    }

    /// Returns whether its client takes packed messages.
    pub fn is_packed(&self) -> bool {
        self.packed
    }

    /// Puts a piece in, and never waits. Empty bytes are ignored, and so is a piece that comes after the last one.
    ///
    /// # Errors
    /// Returns [`Full`] if the piece doesn't fit. Nothing of it is kept.
    // ANCHOR: push
    pub fn push(&self, piece: Piece) -> Result<(), Full> {
        let mut queue = self.lock();
        // Task: nothing follows the last piece, and what waits stays within the limit. The writer may be asleep.
        if queue.finished {
            return Ok(());
        }
        if queue.bytes + memory(&piece) > self.max_bytes {
            return Err(Full);
        }
        queue.push(piece);
        self.changed.notify_one();
        Ok(())
    }
    // ANCHOR_END: push

    /// Puts the last piece in, however many pieces wait ahead of it. If the last piece is already in, nothing changes.
    // ANCHOR: finish
    pub fn finish(&self, last: Piece) {
        let mut queue = self.lock();
        if !queue.finished {
            queue.push(last);
            queue.finished = true;
            self.changed.notify_one();
        }
    }
    // ANCHOR_END: finish

    /// Throws away all waiting pieces, and puts the last piece in. If the last piece is already in, nothing changes.
    pub fn clear_and_finish(&self, last: Piece) {
        let mut queue = self.lock();
        if !queue.finished {
            *queue = Queue::default();
            queue.push(last);
            queue.finished = true;
            self.changed.notify_one();
        }
    }

    /// Returns whether the last piece is in.
    pub fn is_finished(&self) -> bool {
        self.lock().finished
    }

    /// Takes out the next pieces, joined, for one write. Waits until there is one. Returns `None` once the last
    /// piece has been taken.
    // ANCHOR: take
    pub fn take(&self) -> Option<Vec<u8>> {
        let idle = |queue: &mut Queue| queue.pieces.is_empty() && !queue.finished;
        // Task: one write takes whole pieces until it has AT_ONCE bytes. An empty queue isn't the end.
        let mut queue = self
            .changed
            .wait_while(self.lock(), idle)
            .unwrap_or_else(PoisonError::into_inner);
        let mut bytes = queue.pop()?.to_vec();
        while bytes.len() < AT_ONCE
            && let Some(piece) = queue.pop()
        {
            bytes.extend_from_slice(&piece);
        }
        Some(bytes)
    }
    // ANCHOR_END: take

    /// Does the same for a writer that isn't a thread, and so may not wait. Returns [`Poll::Pending`] if
    /// [`take`](Self::take) would wait. As with `take`, only one writer may call it.
    // ANCHOR: take_now
    pub fn take_now(&self) -> Poll<Option<Vec<u8>>> {
        let is_idle = {
            let queue = self.lock();
            queue.pieces.is_empty() && !queue.finished
        };
        if is_idle {
            return Poll::Pending;
        }
        Poll::Ready(self.take())
    }
    // ANCHOR_END: take_now

    /// Takes the lock, even if another thread panicked while holding it.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn push(&mut self, piece: Piece) {
        if !piece.is_empty() {
            self.bytes += memory(&piece);
            self.pieces.push_back(piece);
        }
    }

    fn pop(&mut self) -> Option<Piece> {
        let piece = self.pieces.pop_front()?;
        self.bytes -= memory(&piece);
        Some(piece)
    }
}

/// Returns how much memory a piece takes, in bytes. Empty bytes are no piece.
fn memory(piece: &Piece) -> usize {
    match piece.len() {
        0 => 0,
        length => length + PIECE_OVERHEAD,
    }
}
