//! Signals that end this process (Ctrl-C, a request to end, a terminal that goes away) or suspend it.
//! Whichever comes, the terminal is given back first.

use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::process::end_all;
use crate::screen;

type Listener = Arc<dyn Fn() + Send + Sync>;

static HEARD: AtomicUsize = AtomicUsize::new(0);
static LISTENER: Mutex<Option<Listener>> = Mutex::new(None);
static RETURNED: Mutex<Option<Listener>> = Mutex::new(None);

/// From now on, the first Ctrl-C is left to `listener`.
pub fn listen(listener: impl Fn() + Send + Sync + 'static) {
    *LISTENER.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(listener));
}

/// From now on, calls `listener` when the process goes on after it was suspended.
pub fn listen_for_return(listener: impl Fn() + Send + Sync + 'static) {
    *RETURNED.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(listener));
}

/// Handles Ctrl-C: leaves the first one to a listener if there is one, and otherwise ends this process.
fn asked_to_end() {
    let is_first = HEARD.fetch_add(1, Ordering::Relaxed) == 0;
    match listener(&LISTENER) {
        // On its own thread: the listener may have to wait, and the second Ctrl-C must not.
        Some(listener) if is_first => {
            if thread::Builder::new().spawn(move || listener()).is_err() {
                end();
            }
        }
        _ => end(),
    }
}

fn listener(of: &Mutex<Option<Listener>>) -> Option<Listener> {
    of.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Ends this process, and everything that it started.
fn end() {
    screen::restore_soon();
    end_all();
    process::exit(2);
}

/// From now on, Ctrl-C ends this process and all that it started, or is left to a listener. The second one
/// ends this process in any case.
#[cfg(not(unix))]
pub fn install() {
    // This fails only if there is a handler already.
    _ = ctrlc::set_handler(asked_to_end);
}

/// From now on, Ctrl-C and similar signals end this process and all that it started, or are left to a
/// listener; the second one ends this process in any case. Signals such as Ctrl-\, which leave no time for a
/// goodbye, end it at once. Ctrl-Z suspends it.
#[cfg(unix)]
pub fn install() {
    use signal_hook::consts::signal::{
        SIGALRM, SIGCONT, SIGHUP, SIGINT, SIGPROF, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2,
        SIGVTALRM, SIGXCPU,
    };
    use signal_hook::iterator::Signals;
    const POLITE: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];
    // The others that would end the process, if a handler may be set for them.
    const BLUNT: [i32; 7] = [
        SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU,
    ];

    let all = POLITE.iter().chain(&BLUNT).chain(&[SIGTSTP, SIGCONT]);
    let Ok(mut signals) = Signals::new(all) else {
        return;
    };
    // If no thread can be started, nothing handles the signals, and none of them would end this process.
    let heard = thread::Builder::new().spawn(move || {
        for signal in signals.forever() {
            match signal {
                SIGTSTP => suspend(),
                SIGCONT => go_on(),
                signal if POLITE.contains(&signal) => asked_to_end(),
                _ => end(),
            }
        }
    });
    if heard.is_err() {
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] {
            _ = signal_hook::flag::register_conditional_default(signal, Arc::new(true.into()));
        }
    }
}

/// Gives the terminal back, and stops until the shell says to go on.
#[cfg(unix)]
fn suspend() {
    screen::lend();
    _ = signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP);
}

/// Takes the screen again, if there was one, because the process goes on. Whatever stopped it, other
/// programs may have used the terminal.
#[cfg(unix)]
fn go_on() {
    if screen::take_again()
        && let Some(listener) = listener(&RETURNED)
    {
        listener();
    }
}

/// Does what Ctrl-Z does when the terminal turns it into a signal.
pub fn ask_to_suspend() {
    #[cfg(unix)]
    {
        _ = signal_hook::low_level::raise(signal_hook::consts::SIGTSTP);
    }
}
