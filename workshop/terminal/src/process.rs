//! Child processes that don't outlive this process.
//!
//! Each child gets a process group of its own, so that it can be ended together with its own
//! children (cargo's compilers). A list of those that run lets a signal end them all.

use std::io;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A child process. Dropping it kills it and everything that it started.
#[derive(Debug)]
pub struct Running {
    child: Child,
    is_done: bool,
}

/// The children that run, and whether others may still be started.
struct Children {
    ids: Vec<u32>,
    is_over: bool,
}

static CHILDREN: Mutex<Children> = Mutex::new(Children {
    ids: Vec::new(),
    is_over: false,
});

fn children() -> MutexGuard<'static, Children> {
    CHILDREN.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Running {
    /// Starts a command.
    ///
    /// # Errors
    /// Returns the system's error if it can't be started, or an error of its own if this process is about to end.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        let mut children = children();
        if children.is_over {
            return Err(io::Error::other("the workshop is about to end"));
        }
        let child = command.spawn()?;
        children.ids.push(child.id());
        Ok(Self {
            child,
            is_done: false,
        })
    }

    /// The child, for its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Returns how it ended, if it has.
    ///
    /// # Errors
    /// Returns the system's error if it can't be waited for.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = self.child.try_wait()?;
        if status.is_some() {
            self.forget();
        }
        Ok(status)
    }

    /// Asks it to end, as Ctrl-C does. On Windows, which has no such request, kills it.
    pub fn interrupt(&mut self) {
        if !self.is_done {
            interrupt(self.child.id());
        }
    }

    /// Kills it and everything that it started.
    pub fn kill(&mut self) {
        if self.is_done {
            return;
        }
        kill(self.child.id());
        _ = self.child.kill();
        _ = self.child.wait();
        self.forget();
    }

    /// Kills the processes that it started and left running when it ended: they would hold its pipes open.
    pub fn kill_leftovers(&self) {
        // The process group exists as long as anything is in it. Windows has none.
        #[cfg(unix)]
        kill(self.child.id());
    }

    fn forget(&mut self) {
        self.is_done = true;
        let id = self.child.id();
        children().ids.retain(|other| *other != id);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Kills every child, and lets no other start. Only for the end of this process.
pub fn kill_all() {
    let mut children = children();
    children.is_over = true;
    children.ids.iter().for_each(|id| kill(*id));
}

#[cfg(unix)]
fn signal(id: u32, signal: nix::sys::signal::Signal) {
    if let Ok(id) = i32::try_from(id) {
        _ = nix::sys::signal::killpg(nix::unistd::Pid::from_raw(id), signal);
    }
}

#[cfg(unix)]
fn kill(id: u32) {
    signal(id, nix::sys::signal::Signal::SIGKILL);
}

#[cfg(unix)]
fn interrupt(id: u32) {
    signal(id, nix::sys::signal::Signal::SIGINT);
}

#[cfg(not(unix))]
fn kill(id: u32) {
    _ = Command::new("taskkill")
        .args(["/T", "/F", "/PID", &id.to_string()])
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status();
}

#[cfg(not(unix))]
fn interrupt(id: u32) {
    kill(id);
}
