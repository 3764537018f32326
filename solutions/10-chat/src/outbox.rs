//! What waits to be written to one client.
//!
//! ```text
//!   hub ──────── push ──▶ ┌────────┐
//!                         │ Outbox │ ── take ──▶ the one thread that writes
//!   its reader ─ push ──▶ └────────┘
//! ```
//!
//! A thread that has something for the client puts a whole frame in, and goes on: no thread ever waits here
//! for a client that reads slowly. One thread takes out and writes. So no two frames can get mixed up on the
//! wire.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes that go over the wire in one piece: a frame, or several. Many outboxes share them.
pub type Bytes = Arc<[u8]>;

/// How many bytes are enough for one write. No piece is taken after them.
const AT_ONCE: usize = 64 * 1024;

/// What it takes to keep a piece, beside its bytes: a place in the queue, and an allocation. Without it,
/// a million pongs of two bytes would count as two megabytes, and take much more.
const PIECE_OVERHEAD: usize = 64;

/// What waits to be written to one client. There is a limit to it.
// ANCHOR: outbox
#[derive(Debug)]
pub struct Outbox {
    queue: Mutex<Queue>,
    /// There is something to take, or there never will be.
    changed: Condvar,
    /// The most bytes of memory that may be taken.
    max_bytes: usize,
}

#[derive(Debug, Default)]
struct Queue {
    pieces: VecDeque<Bytes>,
    /// How many bytes of memory all pieces take together.
    bytes: usize,
    /// Whether the last piece is in. Nothing is taken in any more.
    finished: bool,
}
// ANCHOR_END: outbox

/// More waits for a client than may wait: it reads too slowly, or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl Outbox {
    /// An empty outbox. What waits in it may take `max_bytes` bytes of memory: each piece counts with its length
    /// and 64 bytes more.
    pub fn new(max_bytes: usize) -> Self {
        Self {
            queue: Mutex::default(),
            changed: Condvar::new(),
            max_bytes,
        }
    }

    /// Puts a piece in. It never waits. Empty bytes are no piece. Behind the last piece nothing goes in, and
    /// nothing is missed.
    ///
    /// # Errors
    /// [`Full`], and the piece is not in.
    // ANCHOR: push
    pub fn push(&self, piece: Bytes) -> Result<(), Full> {
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

    /// Puts the last piece in, however much waits before it.
    // ANCHOR: finish
    pub fn finish(&self, last: Bytes) {
        let mut queue = self.lock();
        if !queue.finished {
            queue.push(last);
            queue.finished = true;
            self.changed.notify_one();
        }
    }
    // ANCHOR_END: finish

    /// Throws away what waits, and puts the last piece in its place. Where the last piece is in already,
    /// it stays.
    pub fn finish_at_once(&self, last: Bytes) {
        let mut queue = self.lock();
        if !queue.finished {
            *queue = Queue::default();
            queue.push(last);
            queue.finished = true;
            self.changed.notify_one();
        }
    }

    /// Whether the last piece is in.
    pub fn is_finished(&self) -> bool {
        self.lock().finished
    }

    /// Takes out the next pieces, joined, for one write. Waits until there are some; `None` when the
    /// last one has been taken.
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

    /// The lock, also where another thread panicked while it held it.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.bytes += memory(&piece);
            self.pieces.push_back(piece);
        }
    }

    fn pop(&mut self) -> Option<Bytes> {
        let piece = self.pieces.pop_front()?;
        self.bytes -= memory(&piece);
        Some(piece)
    }
}

/// How many bytes of memory a piece takes. Empty bytes are no piece.
fn memory(piece: &Bytes) -> usize {
    match piece.len() {
        0 => 0,
        length => length + PIECE_OVERHEAD,
    }
}
