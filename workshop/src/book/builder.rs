//! Compiles the program that builds the book, and runs it whenever the book has changed.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use super::{BookEvent, Pages};
use crate::cargo::{self, MESSAGE_OPTIONS};
use crate::project::Project;
use crate::supervisor::{Stop, run_to_exit};
use crate::text::sanitize;

/// How long building the pages may take.
const BUILD_DEADLINE: Duration = Duration::from_secs(120);
/// How long after a change the book is built: an editor may save several files.
const QUIET: Duration = Duration::from_millis(200);

/// The thread that builds.
pub(super) struct Builder {
    pub(super) project: Project,
    pub(super) folder: PathBuf,
    pub(super) pages: Arc<Pages>,
    pub(super) stop: Stop,
}

impl Builder {
    pub(super) fn run(&self, inbox: &Receiver<()>, tell: impl Fn(BookEvent)) {
        // What was built in an earlier session can be read at once.
        if self.pages.exist() {
            tell(BookEvent::Readable);
        }
        let program = match self.compile() {
            Ok(Some(program)) => program,
            Ok(None) => return,
            Err(error) => return tell(BookEvent::Broken(format!("{error:#}"))),
        };
        loop {
            match self.build(&program) {
                Ok(true) => tell(BookEvent::Readable),
                Ok(false) => return,
                Err(error) => tell(BookEvent::Broken(format!("{error:#}"))),
            }
            if inbox.recv().is_err() {
                return;
            }
            while inbox.recv_timeout(QUIET).is_ok() {}
            if self.stop.is_asked() {
                return;
            }
        }
    }

    /// Compiles the builder; `None` if the workshop is about to end.
    fn compile(&self) -> Result<Option<PathBuf>> {
        let set = self.project.target.clone();
        let set = set.or_else(|| env::var_os("CARGO_TARGET_DIR").map(PathBuf::from));
        let target = set.unwrap_or_else(|| "target".into());
        let target = self.project.root.join(target).join("book");
        let mut command = in_the_background(cargo::command(&self.project));
        command
            .args(["build", "--quiet", "--package", "workshop-book"])
            .args(MESSAGE_OPTIONS)
            .arg("--target-dir")
            .arg(target);
        let Some(output) = run_to_exit(command, None, &self.stop)? else {
            return Ok(None);
        };
        if !output.status.success() {
            bail!(first_lines(&output.stderr));
        }
        cargo::built_program(&output.stdout, "bin", Some("workshop-book"))
            .map(Some)
            .ok_or_else(|| anyhow!("cargo built no `workshop-book`"))
    }

    /// Builds the pages; `false` if the workshop is about to end.
    fn build(&self, program: &Path) -> Result<bool> {
        let new = self.folder.join("new");
        fs::create_dir_all(&self.folder)
            .with_context(|| format!("{} can't be written", self.folder.display()))?;
        let mut command = Command::new(program);
        command.arg(self.project.root.join("book")).arg(&new);
        let Some(output) = run_to_exit(command, Some(BUILD_DEADLINE), &self.stop)? else {
            return Ok(false);
        };
        if !output.status.success() {
            bail!(first_lines(&output.stderr));
        }
        let mut edition = self.pages.edition();
        let moved = self.swap(&new);
        edition.number += 1;
        drop(edition);
        self.pages.is_new.notify_all();
        moved.context("the new pages can't be put in place")?;
        Ok(true)
    }

    /// Puts the new pages in the place of the old ones.
    fn swap(&self, new: &Path) -> io::Result<()> {
        let old = self.folder.join("old");
        if old.exists() {
            fs::remove_dir_all(&old)?;
        }
        if self.pages.folder.exists() {
            retry_on_windows(|| fs::rename(&self.pages.folder, &old))?;
        }
        retry_on_windows(|| fs::rename(new, &self.pages.folder))?;
        _ = fs::remove_dir_all(&old);
        Ok(())
    }
}

/// Does this again for a second if it fails on Windows, where a file can't be moved while a virus scanner reads it.
fn retry_on_windows(action: impl Fn() -> io::Result<()>) -> io::Result<()> {
    let end = Instant::now() + Duration::from_secs(1);
    loop {
        match action() {
            Err(_) if cfg!(windows) && Instant::now() < end => {
                thread::sleep(Duration::from_millis(50));
            }
            result => return result,
        }
    }
}

/// Runs a command with a lower priority if the system can: the first verdict is more urgent than the book.
fn in_the_background(command: Command) -> Command {
    if !cfg!(unix) {
        return command;
    }
    let mut nice = Command::new("nice");
    nice.args(["-n", "10"]).arg(command.get_program());
    nice.args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        nice.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => nice.env(name, value),
            None => nice.env_remove(name),
        };
    }
    nice
}

fn first_lines(output: &str) -> String {
    let lines: Vec<&str> = output.lines().filter(|line| !line.is_empty()).collect();
    sanitize(&lines[..lines.len().min(6)].join("\n"))
}
