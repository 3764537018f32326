//! Ctrl-C, and a request to end.

use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::process::end_all;
use crate::screen;

type Listener = Box<dyn Fn() + Send>;

static HEARD: AtomicUsize = AtomicUsize::new(0);
static LISTENER: Mutex<Option<Listener>> = Mutex::new(None);

/// From now on Ctrl-C ends this process and all that it started, or where somebody listens, is
/// left to them. The second time it ends this process in any case.
pub fn install() {
    // Fails only where a handler is there already.
    _ = ctrlc::set_handler(|| {
        let is_first = HEARD.fetch_add(1, Ordering::Relaxed) == 0;
        let listener = LISTENER.lock().unwrap_or_else(PoisonError::into_inner);
        match &*listener {
            Some(listener) if is_first => listener(),
            _ => {
                screen::restore();
                end_all();
                process::exit(2);
            }
        }
    });
}

/// From now on the first Ctrl-C is left to `listener`.
pub fn listen(listener: impl Fn() + Send + 'static) {
    *LISTENER.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(listener));
}
