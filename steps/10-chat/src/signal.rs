//! Wakes the writer of an outbox: a thread that waits, or in a later step a task, which a function wakes.

use std::fmt;
use std::sync::{Condvar, LockResult, MutexGuard};

/// A [`Condvar`], and a function that is called whenever it is notified, if there is one.
#[derive(Default)]
pub struct Signal {
    condvar: Condvar,
    wake: Option<Box<dyn Fn() + Send + Sync>>,
}

impl Signal {
    /// Creates a signal that calls this function, too.
    pub fn with_waker(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            condvar: Condvar::new(),
            wake: Some(Box::new(wake)),
        }
    }

    /// Wakes the writer.
    pub fn notify_one(&self) {
        self.condvar.notify_one();
        if let Some(wake) = &self.wake {
            wake();
        }
    }

    /// Waits while the condition is true, as [`Condvar::wait_while`] does.
    ///
    /// # Errors
    /// Returns an error if another thread panicked while holding the lock. The lock is in it.
    pub fn wait_while<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<MutexGuard<'a, T>> {
        self.condvar.wait_while(guard, condition)
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.debug_struct("Signal").finish_non_exhaustive()
    }
}
