//! Wakes the writer of an outbox: a thread that waits, or in a later step a task, which a function wakes.

use std::fmt;
use std::ops::Deref;
use std::sync::Condvar;

/// A [`Condvar`]. If it was made with a function, each notification also calls that.
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

    /// Wakes a thread that waits, as [`Condvar::notify_one`] does.
    pub fn notify_one(&self) {
        self.condvar.notify_one();
        self.wake();
    }

    /// Wakes all threads that wait, as [`Condvar::notify_all`] does.
    pub fn notify_all(&self) {
        self.condvar.notify_all();
        self.wake();
    }

    fn wake(&self) {
        if let Some(wake) = &self.wake {
            wake();
        }
    }
}

/// A thread waits for it as for a condition variable.
impl Deref for Signal {
    type Target = Condvar;

    fn deref(&self) -> &Condvar {
        &self.condvar
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.debug_struct("Signal").finish_non_exhaustive()
    }
}
