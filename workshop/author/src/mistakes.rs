//! `author mistakes`: proves that each wrong solution is caught, by the checks that should catch
//! it, with the message that a learner should see.
//!
//! A mistake is a diff in `tests/mistakes/<step>/`, against the step with the reference in it,
//! below four lines that say what it is:
//!
//! ```text
//! # Mistake: the hash is written as hexadecimal text before it is encoded
//! # Seen in: wpilibsuite/allwpilib#1432
//! # Caught by: the_rfc_example, other_keys
//! # Often: written as hexadecimal text
//! ```
//!
//! Exactly these checks must be red; a check with a question mark after its name may be. A mistake that is a race gets
//! more than one try.
//!
//! `Often:` quotes the part of the report's guess that names this mistake, so that another guess, or none, is
//! a fault. A report that names nothing, because nothing in what differs points to the mistake, is allowed and
//! counted: `# Often: (none)`. `tests/mistakes/figures.md`, which the book includes, says how many there are
//! of each.
//!
//! The report of the first check that it turns red is kept beside it: for the book, and for maintainers who change a
//! check. If what the wrong code does depends on how the system cuts bytes, a fifth line says so: `# Report: varies`.
//! Then the guess must be right, and the rest of the report may be different each time.

use std::collections::VecDeque;
use std::env;
use std::fs;
use std::path::{self, Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context, Result, anyhow, bail};
use workshop::judge::{CheckResult, CheckState, PackageKind, Verdict, judge};
use workshop::project::{Project, Step};
use workshop::starter::{finished, write_file};
use workshop::supervisor::{Stop, run_to_exit};

use crate::share::Share;
use crate::{figures, scratch};

/// The number of mistakes that a step must have.
const MIN_MISTAKES: usize = 4;

/// The text in a mistake's header if its report makes no guess.
const NO_GUESS: &str = "(none)";

pub(super) struct Mistake {
    name: String,
    caught_by: Vec<String>,
    /// A part of the guess that names it.
    often: String,
    /// Whether its report is different from run to run.
    varies: bool,
}

impl Mistake {
    /// Whether its report's guess names it.
    pub(super) fn is_named(&self) -> bool {
        self.often != NO_GUESS
    }
}

/// The number of steps that are tried at a time, each in its own copy. More would disturb checks that have deadlines.
const MAX_WORKERS: usize = 2;

/// The number of tries before a mistake counts as uncaught. Right code gets the same verdict every time:
/// `author steady` proves that. On a busy machine, code with a race in it may not.
const MAX_TRIES: u32 = 3;

/// The results for the mistakes of some steps.
#[derive(Default)]
struct Outcome {
    tried: usize,
    faults: Vec<String>,
}

/// The mistakes to try, and whether their reports are written again.
#[derive(Default, Clone, Copy)]
pub struct Selection<'a> {
    /// Only those of this step, by its id or number.
    pub step: Option<&'a str>,
    /// Only those whose name contains this.
    pub name: Option<&'a str>,
    /// Whether the reports, and the figures, are written again.
    pub update: bool,
    /// Only a share of each step's, by turns.
    pub share: Option<Share>,
}

/// Tries every mistake, or those of one step.
///
/// # Errors
/// Returns an error if a mistake isn't caught or named as its header says, no longer applies, or gives a report that
/// differs from the one that is kept, or if there is no mistake of this name.
pub fn run(project: &Project, which: Selection) -> Result<()> {
    let only = which.step.map(|id| project.step(id)).transpose()?;
    let steps = project.steps.iter();
    let queue: VecDeque<&Step> = steps
        .filter(|step| only.is_none_or(|only| only == *step))
        .collect();
    let workers = queue.len().min(MAX_WORKERS);
    let (queue, outcome) = (Mutex::new(queue), Mutex::default());
    thread::scope(|scope| {
        let workers = (0..workers).map(|number| {
            let (queue, outcome) = (&queue, &outcome);
            scope.spawn(move || try_steps(project, number, queue, outcome, which))
        });
        let workers = Vec::from_iter(workers);
        let mut ends = workers.into_iter().map(|worker| worker.join());
        ends.try_for_each(|end| end.expect("a worker doesn't panic"))
    })?;
    let Outcome { tried, mut faults } =
        outcome.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let (0, Some(part)) = (tried, which.name) {
        bail!("No mistake has `{part}` in its name. tests/mistakes/ has them all.");
    }
    if let Err(error) = figures::check_or_write(project, which.update) {
        faults.push(format!("{error:#}"));
    }
    if faults.is_empty() {
        println!("✓ {tried} mistakes, each caught by the checks that should catch it");
        println!("  of all: {}", figures::Figures::of(project)?.total());
        return Ok(());
    }
    Err(anyhow!(
        "{} of {tried} mistakes:\n{}",
        faults.len(),
        faults.join("\n")
    ))
}

/// Takes steps out of the queue until it is empty, and tries their mistakes.
fn try_steps(
    project: &Project,
    number: usize,
    queue: &Mutex<VecDeque<&Step>>,
    outcome: &Mutex<Outcome>,
    which: Selection,
) -> Result<()> {
    let name = match number {
        0 => "scratch".to_string(),
        _ => format!("scratch-{number}"),
    };
    let scratch = scratch::copy(project, &name)?;
    for step in &scratch.steps {
        scratch::put(&scratch, step, &finished(project, step)?)?;
    }
    // The last steps have the slowest mistakes: with them at the beginning, both workers end together.
    let next = || lock(queue).pop_back();
    while let Some(step) = next() {
        let Outcome { tried, faults } = try_step(project, &scratch, step, which);
        // The next step builds on this one as it should be.
        scratch::put(&scratch, step, &finished(project, step)?)?;
        let mut outcome = lock(outcome);
        outcome.tried += tried;
        outcome.faults.extend(faults);
    }
    Ok(())
}

fn try_step(project: &Project, scratch: &Project, step: &Step, which: Selection) -> Outcome {
    let mut outcome = Outcome::default();
    let folder = figures::folder(project).join(step.folder());
    let mistakes = scratch::names(&folder, ".diff");
    if mistakes.len() < MIN_MISTAKES {
        outcome.faults.push(format!(
            "{}: {} mistakes, but {MIN_MISTAKES} are the least",
            step.id,
            mistakes.len()
        ));
    }
    let is_meant = |name: &String| which.name.is_none_or(|part| name.contains(part));
    let has_turn = |place: usize| which.share.is_none_or(|share| share.has_turn(place));
    let places = mistakes.into_iter().filter(is_meant).enumerate();
    let those = places.filter(|(place, _)| has_turn(*place));
    for (_, name) in those {
        outcome.tried += 1;
        let mut result = try_one(scratch, step, &folder, &name, which.update);
        for number in 2..=MAX_TRIES {
            let Err(error) = result else { break };
            println!("· {}: {name}: {error:#} (try {number} follows)", step.id);
            result = try_one(scratch, step, &folder, &name, which.update);
        }
        match result {
            Ok(()) => println!("✓ {}: {name}", step.id),
            Err(error) => {
                let fault = format!("{error:#}");
                println!("✗ {}: {name}: {fault}", step.id);
                outcome.faults.push(format!("{}: {name}: {fault}", step.id));
            }
        }
    }
    outcome
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tries diffs that aren't in the repository yet. Prints for each which checks are red, and the first report: what a
/// learner who has written this sees.
///
/// # Errors
/// Returns an error if a diff can't be read or doesn't apply, or the step doesn't compile with it.
pub fn attempt(project: &Project, step: &str, diffs: &[PathBuf]) -> Result<()> {
    let scratch = scratch::copy(project, "scratch")?;
    for step in &scratch.steps {
        scratch::put(&scratch, step, &finished(project, step)?)?;
    }
    let step = project.step(step)?;
    let mut caught = 0;
    for diff in diffs {
        let diff =
            fs::canonicalize(diff).with_context(|| format!("{} can't be read", diff.display()))?;
        println!("\n== {}", diff.display());
        let verdict = judge_with(&scratch, step, &diff)?;
        let Verdict::Judged(checks) = &verdict else {
            println!("{verdict:?}");
            continue;
        };
        let red = checks
            .iter()
            .filter(|check| check.state != CheckState::Right);
        let red = Vec::from_iter(red.map(|check| check.name.as_str()));
        println!("Caught by: {}", list(&red));
        if let Some(first) = verdict.first_red() {
            caught += 1;
            println!("{}", first.report);
        }
    }
    println!("\n{caught} of {} are caught", diffs.len());
    Ok(())
}

/// Returns the verdict on the reference with this diff applied.
fn judge_with(scratch: &Project, step: &Step, diff: &Path) -> Result<Verdict> {
    scratch::put(scratch, step, &finished(scratch, step)?)?;
    apply(&scratch.step_folder(step), diff)?;
    judge(scratch, step, PackageKind::Step, &Stop::default())
}

fn try_one(scratch: &Project, step: &Step, folder: &Path, name: &str, update: bool) -> Result<()> {
    let file = folder.join(format!("{name}.diff"));
    let diff =
        fs::read_to_string(&file).with_context(|| format!("{} can't be read", file.display()))?;
    let mistake = read(name, &diff)?;
    let verdict = judge_with(scratch, step, &file)?;
    let first = caught(&mistake, &verdict)?;
    let report = format!("{}\n", without_process_ids(&first.report));
    if !is_named(&mistake.often, &report) {
        bail!(
            "its report should guess {:?}, and says:\n{report}",
            mistake.often
        );
    }
    let kept = folder.join(format!("{}.txt", mistake.name));
    if update {
        return write_file(&kept, report.as_bytes());
    }
    let expected = fs::read_to_string(&kept)
        .unwrap_or_default()
        .replace("\r\n", "\n");
    if expected == report || mistake.varies {
        Ok(())
    } else {
        Err(anyhow!(
            "its report is not the one in {}. If it is a better one, `cargo workshop author mistakes \
             --update` keeps it. It says:\n{report}",
            kept.display()
        ))
    }
}

/// The report without the numbers of processes: a check may make a temporary folder whose name ends in one, and the
/// learner's code may print that name.
fn without_process_ids(report: &str) -> String {
    let temporary = env::temp_dir().join("").display().to_string();
    let mut parts = report.split(temporary.as_str());
    let before = parts.next().unwrap_or_default().to_string();
    parts.fold(before, |so_far, part| {
        let end = part.find(path::MAIN_SEPARATOR).unwrap_or(0);
        let (folder, rest) = part.split_at(end);
        let folder = folder.trim_end_matches(|character: char| character.is_ascii_digit());
        format!("{so_far}/tmp/{folder}1{rest}")
    })
}

pub(super) fn read(name: &str, diff: &str) -> Result<Mistake> {
    let value = |label: &str| {
        let line = diff
            .lines()
            .find_map(|line| line.strip_prefix("# ")?.strip_prefix(label));
        line.map(str::trim).filter(|value| !value.is_empty())
    };
    for label in ["Mistake:", "Seen in:", "Caught by:", "Often:"] {
        if value(label).is_none() {
            bail!("{name} has no line `# {label} …`");
        }
    }
    let caught_by = value("Caught by:").unwrap_or_default();
    let caught_by = caught_by
        .split(',')
        .map(|check| check.trim().to_string())
        .collect();
    Ok(Mistake {
        name: name.to_string(),
        caught_by,
        often: value("Often:").unwrap_or_default().to_string(),
        varies: value("Report:") == Some("varies"),
    })
}

/// Whether the report's guess has this part; or, if none is expected, whether there is no guess.
fn is_named(often: &str, report: &str) -> bool {
    match guess(report) {
        Some(guess) => often != NO_GUESS && guess.contains(often),
        None => often == NO_GUESS,
    }
}

/// The report's guess, on one line: what follows `Often:`, up to the next label.
fn guess(report: &str) -> Option<String> {
    const DEEPER: &str = "    ";
    let mut lines = report.lines();
    let first = lines.find_map(|line| line.strip_prefix("  Often: "))?;
    let rest = lines.take_while(|line| line.starts_with(DEEPER));
    let words = first
        .split_whitespace()
        .chain(rest.flat_map(str::split_whitespace));
    Some(Vec::from_iter(words).join(" "))
}

fn apply(step: &Path, diff: &Path) -> Result<()> {
    let mut git = Command::new("git");
    git.current_dir(step)
        .args(["apply", "--whitespace=nowarn"])
        .arg(diff);
    // The step is below a folder that git ignores; without this git would take it for a part of
    // the repository around it, and skip what it ignores there.
    git.env("GIT_CEILING_DIRECTORIES", step.parent().unwrap_or(step));
    let output = run_to_exit(git, None, &Stop::default())?;
    let applied = output.is_some_and(|output| output.status.success());
    if applied {
        Ok(())
    } else {
        Err(anyhow!("it no longer applies to the reference"))
    }
}

/// Returns the first red check, if exactly the right checks are red.
fn caught<'a>(mistake: &Mistake, verdict: &'a Verdict) -> Result<&'a CheckResult> {
    let Verdict::Judged(checks) = verdict else {
        bail!("it was not judged: {verdict:?}");
    };
    let mut red: Vec<&str> = Vec::new();
    for check in checks
        .iter()
        .filter(|check| check.state != CheckState::Right)
    {
        if check.state == CheckState::NotWritten {
            bail!("`{}` takes it for unwritten", check.name);
        }
        red.push(&check.name);
    }
    let expected: Vec<&str> = mistake.caught_by.iter().map(String::as_str).collect();
    // One that ends in a question mark may catch it or not: what a race decides.
    let surely = expected.iter().filter(|name| !name.ends_with('?'));
    let may_be = |name: &&str| {
        expected
            .iter()
            .any(|other| other.trim_end_matches('?') == *name)
    };
    if !surely.clone().all(|name| red.contains(name)) || !red.iter().all(may_be) {
        bail!("caught by {}, not by {}", list(&red), list(&expected));
    }
    verdict
        .first_red()
        .ok_or_else(|| anyhow!("caught by nothing"))
}

fn list(names: &[&str]) -> String {
    if names.is_empty() {
        "nothing".to_string()
    } else {
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(red: &[(&str, CheckState)]) -> Verdict {
        let checked = |(name, state): &(&str, CheckState)| CheckResult {
            name: name.to_string(),
            state: *state,
            report: format!("report of {name}"),
        };
        Verdict::Judged(red.iter().map(checked).collect())
    }

    #[test]
    fn a_report_has_no_number_of_a_process() {
        let folder = env::temp_dir().join("certificates-4711");
        let key = folder.join("key.pem");
        let report = format!("a: {}: no key\nb: 4711", key.display());
        let shown = format!(
            "a: /tmp/certificates-1{}key.pem: no key\nb: 4711",
            path::MAIN_SEPARATOR
        );
        assert_eq!(without_process_ids(&report), shown);
        assert_eq!(without_process_ids("nothing"), "nothing");
    }

    #[test]
    fn the_header_names_the_checks() {
        let mistake = read(
            "x",
            "# Mistake: m\n# Seen in: s\n# Caught by: a, b\n# Often: o p\n--- a/x\n",
        )
        .unwrap();
        assert_eq!(mistake.caught_by, ["a", "b"]);
        assert_eq!(mistake.often, "o p");
        assert!(!mistake.varies);
        let line = "# Mistake: m\n# Seen in: s\n# Caught by: a\n# Often: o\n# Report: varies\n";
        assert!(read("x", line).unwrap().varies);
        assert!(read("x", "# Mistake: m\n# Seen in: s\n# Caught by: a\n").is_err());
        assert!(read("x", "# Mistake: m\n# Caught by: a\n").is_err());
    }

    #[test]
    fn the_guess_must_be_the_one_that_is_named() {
        let silent = "✗ x: wrong\n  Rule: r\n  Next: fix it\n\n  expected │ a\n";
        let guessed =
            "✗ x: wrong\n  Rule: r\n  Often: the hash was\n         hex.\n  Next: fix it\n";
        assert_eq!(guess(guessed).as_deref(), Some("the hash was hex."));
        assert!(is_named("hash was hex", guessed) && !is_named("base64", guessed));
        assert!(!is_named(NO_GUESS, guessed) && !is_named("Next", guessed));
        assert!(is_named(NO_GUESS, silent) && !is_named("hex", silent));
    }

    #[test]
    fn exactly_the_named_checks_must_be_red() {
        let mistake = Mistake {
            name: "x".to_string(),
            varies: false,
            caught_by: vec!["b".to_string(), "a".to_string()],
            often: NO_GUESS.to_string(),
        };
        let both = verdict(&[
            ("c", CheckState::Right),
            ("a", CheckState::Wrong),
            ("b", CheckState::Wrong),
        ]);
        assert_eq!(caught(&mistake, &both).unwrap().name, "a");
        assert!(
            caught(
                &mistake,
                &verdict(&[("a", CheckState::Wrong), ("b", CheckState::Right)])
            )
            .is_err()
        );
        assert!(
            caught(
                &mistake,
                &verdict(&[("a", CheckState::Wrong), ("b", CheckState::NotWritten)])
            )
            .is_err()
        );
        assert!(caught(&mistake, &Verdict::DoesNotCompile("no".to_string())).is_err());
    }
}
