//! Child processes that don't outlive us.
//!
//! Each child gets a process group of its own, so that it can be ended together with its own
//! children (cargo's compilers). A list of those that run lets a signal end them all.

use std::io;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A child process. Dropping it ends it, and all that it started.
#[derive(Debug)]
pub struct Running {
    child: Child,
    is_done: bool,
}

/// What runs now, and whether anything may still be started.
struct All {
    ids: Vec<u32>,
    is_over: bool,
}

static ALL: Mutex<All> = Mutex::new(All {
    ids: Vec::new(),
    is_over: false,
});

fn all() -> MutexGuard<'static, All> {
    ALL.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Running {
    /// Starts a command.
    ///
    /// # Errors
    /// It can't be started, or this process is about to end.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        let mut all = all();
        if all.is_over {
            return Err(io::Error::other("the workshop is about to end"));
        }
        let child = command.spawn()?;
        all.ids.push(child.id());
        Ok(Self {
            child,
            is_done: false,
        })
    }

    /// The child, for its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// It can't be waited for.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = self.child.try_wait()?;
        if status.is_some() {
            self.forget();
        }
        Ok(status)
    }

    /// Asks it to end, as Ctrl-C would; where that can't be done, ends it.
    pub fn interrupt(&mut self) {
        if !self.is_done {
            interrupt(self.child.id());
        }
    }

    /// Ends it at once.
    pub fn end(&mut self) {
        if self.is_done {
            return;
        }
        end(self.child.id());
        _ = self.child.kill();
        _ = self.child.wait();
        self.forget();
    }

    /// Ends what it has started and left behind when it ended itself: that would hold its pipes open.
    pub fn end_left_behind(&self) {
        // The group is there for as long as anything is in it. Windows has none.
        #[cfg(unix)]
        end(self.child.id());
    }

    fn forget(&mut self) {
        self.is_done = true;
        let id = self.child.id();
        all().ids.retain(|other| *other != id);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// Ends everything that runs, and lets nothing new start. For the last moment of this process.
pub fn end_all() {
    let mut all = all();
    all.is_over = true;
    all.ids.iter().for_each(|id| end(*id));
}

#[cfg(unix)]
fn signal(id: u32, signal: nix::sys::signal::Signal) {
    if let Ok(id) = i32::try_from(id) {
        _ = nix::sys::signal::killpg(nix::unistd::Pid::from_raw(id), signal);
    }
}

#[cfg(unix)]
fn end(id: u32) {
    signal(id, nix::sys::signal::Signal::SIGKILL);
}

#[cfg(unix)]
fn interrupt(id: u32) {
    signal(id, nix::sys::signal::Signal::SIGINT);
}

#[cfg(not(unix))]
fn end(id: u32) {
    _ = Command::new("taskkill")
        .args(["/T", "/F", "/PID", &id.to_string()])
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status();
}

#[cfg(not(unix))]
fn interrupt(id: u32) {
    end(id);
}
