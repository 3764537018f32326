//! `author time`: measures how long a newcomer waits.
//!
//! In a fresh clone with nothing built, it measures the time from the first `cargo workshop` to the first verdict, and
//! to the moment when the book can be read. Then, for each step, it measures the time from saving a file to the
//! verdict. Cargo doesn't download anything again.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use workshop::cargo;
use workshop::project::{Project, Step};
use workshop::supervisor::{Stop, run_to_exit};
use workshop_terminal::process::Running;

use crate::share::Share;

/// The number of saves that are timed for each step. The median counts.
const SAVES: usize = 5;
/// The time limit for a line.
const PATIENCE: Duration = Duration::from_secs(300);
/// The time after which a save is repeated: the first may have come before the watch began.
const PATIENCE_WITH_A_SAVE: Duration = Duration::from_secs(2);

/// Measures these times, and prints a table.
///
/// # Errors
/// Returns an error if the clone can't be made, or an expected line isn't printed.
pub fn run(project: &Project, share: Option<Share>) -> Result<()> {
    let clone = fresh_clone(project)?;
    println!("In a fresh clone with an empty target directory, cargo's downloads there already:");
    let started = Instant::now();
    let watch = Watch::start(&clone, &[])?;
    let first = &clone.steps[0];
    watch.wait_for(|line| is_verdict(line, first))?;
    println!(
        "{:>6.1} s  until the first verdict",
        started.elapsed().as_secs_f64()
    );
    watch.wait_for(|line| line.starts_with("The book can be read"))?;
    println!(
        "{:>6.1} s  until the book can be read",
        started.elapsed().as_secs_f64()
    );
    drop(watch);

    let mut timed = Vec::new();
    for (place, step) in clone.steps.iter().enumerate() {
        if share.is_none_or(|share| share.has_turn(place)) {
            let watch = Watch::start(&clone, &["--no-book"])?;
            watch.wait_for(|line| is_verdict(line, step))?;
            timed.push((step, save_to_verdict(&watch, &clone, step)?));
        }
        let mut skip = cargo::command(&clone);
        skip.args(["workshop", "skip", &step.id]);
        run_to_exit(skip, None, &Stop::default())?;
    }
    let watch = Watch::start(&clone, &["--no-book"])?;
    // Nothing is left to judge by itself: the first save that is answered says that files are watched.
    let first_file = lib_of(&clone, &clone.steps[0]);
    for save in 0.. {
        change(&first_file, save)?;
        match watch.wait(PATIENCE_WITH_A_SAVE, |line| {
            is_verdict(line, &clone.steps[0])
        }) {
            Err(error) if save == 20 => return Err(error),
            Err(_) => {}
            Ok(()) => break,
        }
    }
    println!("\nFrom saving a file to its verdict (the middle of {SAVES}):");
    println!("  unwritten  with the reference");
    for (step, unwritten) in timed {
        let written = save_to_verdict(&watch, &clone, step)?;
        println!(
            "{:>9.2} s {:>17.2} s  {}",
            unwritten.as_secs_f64(),
            written.as_secs_f64(),
            step.id
        );
    }
    Ok(())
}

fn fresh_clone(project: &Project) -> Result<Project> {
    let root = project.root.join("target").join("author").join("time");
    if root.exists() {
        fs::remove_dir_all(&root)
            .with_context(|| format!("{} can't be removed", root.display()))?;
    }
    let mut git = Command::new("git");
    git.current_dir(&project.root)
        .args(["clone", "--quiet", "."])
        .arg(&root);
    run_to_exit(git, None, &Stop::default())?;
    let target = Some(root.join("target"));
    Ok(Project {
        target,
        ..Project::at(&root)?
    })
}

/// A running `cargo workshop`, and the lines that it prints.
struct Watch {
    _running: Running,
    lines: Receiver<String>,
}

impl Watch {
    fn start(project: &Project, options: &[&str]) -> Result<Self> {
        let mut command = cargo::command(project);
        command
            .args(["workshop", "--plain", "--no-open"])
            .args(options);
        // The pipe stays open and silent, like a person who reads and doesn't type.
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut running =
            Running::start(&mut command).context("`cargo workshop` can't be started")?;
        let output = running.child().stdout.take();
        let output = output.ok_or_else(|| anyhow!("`cargo workshop` has no output"))?;
        let (send, lines) = mpsc::channel();
        thread::spawn(move || {
            let lines = BufReader::new(output).lines().map_while(Result::ok);
            lines
                .take_while(|line| send.send(line.clone()).is_ok())
                .for_each(drop);
        });
        Ok(Self {
            _running: running,
            lines,
        })
    }

    fn wait_for(&self, is_it: impl Fn(&str) -> bool) -> Result<()> {
        self.wait(PATIENCE, is_it)
    }

    fn wait(&self, patience: Duration, is_it: impl Fn(&str) -> bool) -> Result<()> {
        let end = Instant::now() + patience;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let line = self
                .lines
                .recv_timeout(left)
                .context("a line of `cargo workshop` didn't come")?;
            if is_it(&line) {
                return Ok(());
            }
        }
    }
}

/// Whether a line is a verdict on this step: `00 hello: ✗ red: 1 of 2 checks right (0.4 s)`.
fn is_verdict(line: &str, step: &Step) -> bool {
    line.starts_with(&format!("{} {}: ", step.number, step.id)) && line.ends_with(" s)")
}

fn save_to_verdict(watch: &Watch, project: &Project, step: &Step) -> Result<Duration> {
    let file = lib_of(project, step);
    let mut times = Vec::new();
    for save in 0..SAVES {
        change(&file, save)?;
        let saved = Instant::now();
        watch.wait_for(|line| is_verdict(line, step))?;
        times.push(saved.elapsed());
    }
    times.sort();
    Ok(times[SAVES / 2])
}

fn lib_of(project: &Project, step: &Step) -> PathBuf {
    project.step_folder(step).join("src").join("lib.rs")
}

/// Makes a change that cargo has to build: a new comment at the end.
fn change(file: &Path, save: usize) -> Result<()> {
    let text =
        fs::read_to_string(file).with_context(|| format!("{} can't be read", file.display()))?;
    fs::write(file, format!("{text}// {save}\n"))
        .with_context(|| format!("{} can't be written", file.display()))
}
