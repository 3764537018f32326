//! Signals that end this process (Ctrl-C, a request to end, a terminal that goes away) or suspend it.
//! Whichever comes, the terminal is given back first.

use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::process::kill_all;
use crate::screen;

type Listener = Arc<dyn Fn() + Send + Sync>;

static CTRL_C_COUNT: AtomicUsize = AtomicUsize::new(0);
static ON_CTRL_C: Mutex<Option<Listener>> = Mutex::new(None);
static ON_RESUME: Mutex<Option<Listener>> = Mutex::new(None);

/// From now on, the first Ctrl-C calls `listener` and nothing else.
pub fn on_ctrl_c(listener: impl Fn() + Send + Sync + 'static) {
    *ON_CTRL_C.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(listener));
}

/// From now on, calls `listener` when the process continues after it was suspended.
pub fn on_resume(listener: impl Fn() + Send + Sync + 'static) {
    *ON_RESUME.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(listener));
}

/// Handles Ctrl-C: calls the listener for the first one if there is a listener, and otherwise ends this process.
fn interrupted() {
    let is_first = CTRL_C_COUNT.fetch_add(1, Ordering::Relaxed) == 0;
    match listener(&ON_CTRL_C) {
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
    screen::try_restore();
    kill_all();
    process::exit(2);
}

/// From now on, Ctrl-C ends this process and everything that it started, or calls the listener. The second one
/// always ends the process.
#[cfg(not(unix))]
pub fn install() {
    // This fails only if there is a handler already.
    _ = ctrlc::set_handler(interrupted);
}

/// From now on, Ctrl-C and similar signals end this process and everything that it started, or call the listener.
/// The second one always ends the process. Signals such as Ctrl-\ end it at once. Ctrl-Z suspends it.
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
    // Without a thread nothing handles the signals, and they wouldn't end this process.
    let heard = thread::Builder::new().spawn(move || {
        for signal in signals.forever() {
            match signal {
                SIGTSTP => suspend(),
                SIGCONT => resume(),
                signal if POLITE.contains(&signal) => interrupted(),
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

/// Gives the terminal back, and stops until the shell continues this process.
#[cfg(unix)]
fn suspend() {
    screen::release();
    _ = signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP);
}

/// Takes the screen again, if there was one: while this process was stopped, other programs may have used the
/// terminal.
#[cfg(unix)]
fn resume() {
    if screen::retake()
        && let Some(listener) = listener(&ON_RESUME)
    {
        listener();
    }
}

/// Does what Ctrl-Z does when the terminal turns it into a signal.
pub fn request_suspend() {
    #[cfg(unix)]
    {
        _ = signal_hook::low_level::raise(signal_hook::consts::SIGTSTP);
    }
}
