//! `author steady`: proves that a check says the same each time, even on a busy machine.

use std::hint;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Result, bail};
use workshop::judge::{PackageKind, judge};
use workshop::project::Project;
use workshop::supervisor::Stop;

/// The number of endless loops for each core of a busy machine.
const LOOPS: usize = 4;

/// Runs the checks of every solution, or of one, this many times.
///
/// # Errors
/// Returns an error if one of them fails once.
pub fn run(project: &Project, only: Option<&str>, times: u32, busy: bool) -> Result<()> {
    let only = only.map(|id| project.step(id)).transpose()?;
    let steps = project.steps.iter();
    let steps = steps.filter(|step| only.is_none_or(|only| only == *step));
    let load = busy.then(Load::start);
    if let Some(load) = &load {
        println!("{} endless loops keep the machine busy", load.loops);
    }
    for step in steps {
        let begin = Instant::now();
        for time in 1..=times {
            let verdict = judge(project, step, PackageKind::Solution, &Stop::default())?;
            if !verdict.is_passed() {
                let report = verdict
                    .first_red()
                    .map_or(format!("{verdict:?}"), |check| check.report.clone());
                bail!("{}: failed in run {time} of {times}.\n{report}", step.id);
            }
        }
        let took = begin.elapsed().as_secs_f64();
        println!(
            "✓ {}: passed {times} times in a row, in {took:.0} s",
            step.id
        );
    }
    Ok(())
}

/// Threads that only keep the machine busy, until this is dropped. They end with the process.
struct Load {
    loops: usize,
    is_over: Arc<AtomicBool>,
}

impl Load {
    fn start() -> Self {
        let loops = LOOPS * thread::available_parallelism().map_or(1, usize::from);
        let is_over = Arc::new(AtomicBool::new(false));
        for _ in 0..loops {
            let is_over = Arc::clone(&is_over);
            thread::spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    hint::spin_loop();
                }
            });
        }
        Self { loops, is_over }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}
