//! Runs one check: with a deadline, against its snapshot, and with every panic read for what it
//! says. One that may have failed by time alone is tried again before it is called red.
//!
//! Checks of one test binary run one after the other. So a panic in a thread that the learner's
//! code started belongs to the check that is running, whichever thread it happens in.

use std::any::Any;
use std::cell::Cell;
use std::env;
use std::fs;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::sign::Guess;
use crate::{machine, program, report};

/// How long a check may take before it is reported as an endless loop or a deadlock, on a machine that isn't
/// busy.
const DEADLINE: Duration = Duration::from_secs(8);
/// The same, once a check of this binary has run into the deadline: what holds up one check
/// usually holds up the others, and nobody should wait for each of them.
const DEADLINE_AFTER_THE_FIRST: Duration = Duration::from_secs(2);
/// The least that a check takes that has waited in vain. One that is red sooner is wrong, whatever the machine
/// does.
const A_LONG_TIME: Duration = Duration::from_secs(1);

/// Turns the body of a `#[test]` into a check.
///
/// `shows` is a closure that returns the text to compare with the snapshot. The snapshot is named
/// after the test function, in `tests/snapshots/<step>/`. `signs` are tried in their order
/// ([`sign`](crate::sign)).
///
/// ```no_run
/// # use support::{check, sign::yours};
/// #[test]
/// fn the_rfc_example() {
///     check! {
///         rfc: "RFC 6455 §4.2.2",
///         rule: "The accept key is the base64 of the SHA-1 of the key and the GUID.",
///         signs: [
///             yours(["NmI0"]).says("The digest was written as hexadecimal text first."),
///         ],
///         shows: || "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".to_string(),
///     }
/// }
/// ```
#[macro_export]
macro_rules! check {
    (
        rfc: $rfc:expr,
        rule: $rule:expr,
        signs: [$($guess:expr),* $(,)?],
        shows: $shows:expr $(,)?
    ) => {{
        fn here() {}
        $crate::check::Check {
            package: env!("CARGO_PKG_NAME"),
            manifest_dir: env!("CARGO_MANIFEST_DIR"),
            function: ::std::any::type_name_of_val(&here),
            rfc: $rfc,
            rule: $rule,
            guesses: vec![$($guess),*],
        }
        .run($shows)
    }};
}

/// One check: what it is about. Made by [`check!`].
pub struct Check {
    /// The package under test: `accept-key`, or `accept-key-solution`.
    pub package: &'static str,
    /// The folder of that package.
    pub manifest_dir: &'static str,
    /// The path of a function inside the test function.
    pub function: &'static str,
    /// The RFC section that the rule comes from, or where no RFC speaks, who does.
    pub rfc: &'static str,
    /// The rule, in one line.
    pub rule: &'static str,
    /// The signs of mistakes, in the order in which they are tried.
    pub guesses: Vec<Guess>,
}

/// What became of one check.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// What it shows is what the snapshot shows.
    Right,
    /// It shows something else.
    Wrong {
        /// The snapshot's text.
        expected: String,
        /// The text of the code under test.
        yours: String,
    },
    /// A `todo!()` was reached.
    NotWritten(Panic),
    /// The code under test, or the check itself, panicked.
    Panicked(Panic),
    /// The check waited for an answer from the code under test, and it didn't come: why not.
    NoAnswer(String),
    /// The check was not done by its deadline.
    TooSlow(Duration),
    /// There is no snapshot, or somebody tried to write one from a learner's step.
    NoSnapshot(String),
}

impl Outcome {
    /// Whether a check that took long may get another outcome with more time.
    fn may_be_for_time(&self) -> bool {
        match self {
            Self::Wrong { .. } | Self::Panicked(_) | Self::NoAnswer(_) | Self::TooSlow(_) => true,
            Self::Right | Self::NotWritten(_) | Self::NoSnapshot(_) => false,
        }
    }
}

/// What a panic said, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panic {
    /// The panic's message.
    pub message: String,
    /// `steps/03-accept-key/src/lib.rs`, with forward slashes on every system.
    pub file: String,
    /// The line in that file.
    pub line: u32,
}

impl Check {
    /// Runs the check. Returns when it is right; otherwise prints a report and fails the test.
    pub fn run(self, shows: impl Fn() -> String + Clone + Send + 'static) {
        let _turn = lock(&ONE_AT_A_TIME);
        let outcome = self.judge_fairly(shows);
        if let Some(report) = report::report(&self, &outcome) {
            println!("{report}");
            stop_if_one_is_enough(self.name(), &report);
            // Not `panic!`: the report has said it all, and the hook's own lines would follow it.
            panic::resume_unwind(Box::new("the check is red"));
        }
    }

    /// The step's id: the package's name, without what tells the solution apart, or the fast one of step 17.
    pub fn id(&self) -> &'static str {
        let suffixes = ["-solution", "-speed"];
        let id = suffixes.iter().find_map(|it| self.package.strip_suffix(it));
        id.unwrap_or(self.package)
    }

    /// The name of the test function.
    pub fn name(&self) -> &'static str {
        let path = self
            .function
            .strip_suffix("::here")
            .unwrap_or(self.function);
        path.rsplit("::").next().unwrap_or(path)
    }

    /// Judges once, or twice where time alone may be what was wrong. To be called by one check at a time.
    fn judge_fairly(&self, shows: impl Fn() -> String + Clone + Send + 'static) -> Outcome {
        machine::watch();
        let deadline = if WAS_TOO_SLOW.load(Ordering::Relaxed) {
            DEADLINE_AFTER_THE_FIRST
        } else {
            DEADLINE
        };
        let begin = Instant::now();
        let first = self.judge(deadline, shows.clone());
        let outcome = if begin.elapsed() > A_LONG_TIME && first.may_be_for_time() {
            self.judge_again(first, shows)
        } else {
            first
        };
        if let Outcome::TooSlow(_) = outcome {
            WAS_TOO_SLOW.store(true, Ordering::Relaxed);
        }
        outcome
    }

    /// The second try. Whatever holds up a check twice usually holds up the others, and nobody should wait for
    /// each of them twice: then there are no more second tries.
    fn judge_again(
        &self,
        first: Outcome,
        shows: impl FnOnce() -> String + Send + 'static,
    ) -> Outcome {
        if WAS_RED_TWICE.load(Ordering::Relaxed) {
            return first;
        }
        // Where the machine isn't busy, all that can help is that it was for a moment.
        let deadline = if machine::is_busy() {
            DEADLINE
        } else {
            DEADLINE_AFTER_THE_FIRST
        };
        let second = machine::with_more_patience(|| self.judge(deadline, shows));
        if second != Outcome::Right {
            WAS_RED_TWICE.store(true, Ordering::Relaxed);
        }
        match (&first, &second) {
            (_, Outcome::Right) => second,
            // With more time, it has said what is wrong.
            (Outcome::TooSlow(_), second_says) if !matches!(second_says, Outcome::TooSlow(_)) => {
                second
            }
            _ => first,
        }
    }

    fn judge(
        &self,
        deadline: Duration,
        shows: impl FnOnce() -> String + Send + 'static,
    ) -> Outcome {
        listen_to_panics();
        lock(&PANICS).clear();
        let ending = within(deadline, shows);
        program::end_all();
        if let Some(todo) = first_panic(|panic| panic.message.starts_with("not yet implemented")) {
            return Outcome::NotWritten(todo);
        }
        // A server's thread that panics has said more than the answer that went missing with it.
        let servers = first_panic_of(Whose::Learners, |_| true);
        match (ending, servers) {
            (Ending::Done(yours), panic) => match (self.compare(yours), panic) {
                (Outcome::Wrong { .. }, Some(panic)) => Outcome::Panicked(panic),
                (outcome, _) => outcome,
            },
            (Ending::Panicked, Some(panic)) => Outcome::Panicked(panic),
            (Ending::Panicked, None) => own_panic(),
            (Ending::TooSlow, _) => Outcome::TooSlow(deadline),
        }
    }

    fn compare(&self, yours: String) -> Outcome {
        let folder = snapshot_folder(self.manifest_dir, self.id());
        let file = folder.join(format!("{}.snap", self.name()));
        let yours = yours.trim_end().to_string();
        let expected = fs::read_to_string(&file)
            .ok()
            .and_then(|text| shown_part(&text));
        let is_solution = self.package != self.id();
        match (expected, updates_snapshots()) {
            (Some(expected), false) if expected != yours => Outcome::Wrong { expected, yours },
            (None, false) => Outcome::NoSnapshot(format!("{} is missing", file.display())),
            (_, true) if !is_solution => Outcome::NoSnapshot(
                "INSTA_UPDATE is set: snapshots are written from solutions alone, never from a step"
                    .to_string(),
            ),
            _ => {
                assert_snapshot(&folder, self, &yours);
                Outcome::Right
            }
        }
    }
}

/// insta compares once more what is equal already, and writes what a maintainer asked it to write.
fn assert_snapshot(folder: &Path, check: &Check, yours: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_description(format!("{}: {}", check.rfc, check.rule));
    settings.bind(|| insta::assert_snapshot!(check.name(), with_anchors(yours)));
}

/// The book includes a snapshot by this anchor, which leaves insta's front matter out.
fn with_anchors(shown: &str) -> String {
    format!("ANCHOR: shown\n{shown}\nANCHOR_END: shown")
}

/// What stands between the anchors of a snapshot file.
pub fn shown_part(snapshot: &str) -> Option<String> {
    let snapshot = snapshot.replace("\r\n", "\n");
    let (_, rest) = snapshot.split_once("ANCHOR: shown\n")?;
    let (shown, _) = rest.split_once("\nANCHOR_END: shown")?;
    Some(shown.to_string())
}

/// `tests/snapshots/<id>`, seen from a step's or a solution's folder.
fn snapshot_folder(manifest_dir: &str, id: &str) -> PathBuf {
    let workspace = Path::new(manifest_dir)
        .ancestors()
        .nth(2)
        .expect("a step is two folders deep");
    workspace.join("tests").join("snapshots").join(id)
}

/// Whoever tries mutants (tests/mutants/run.py) needs to know only whether any check is red, and
/// not to wait for the deadlines of all the others.
fn stop_if_one_is_enough(name: &str, report: &str) {
    if env::var_os("ONE_RED_CHECK_IS_ENOUGH").is_some() {
        // Not `println!`: what libtest captures goes with the process.
        _ = writeln!(io::stdout(), "red: {name}\n{report}");
        process::exit(101);
    }
}

fn updates_snapshots() -> bool {
    env::var("INSTA_UPDATE").is_ok_and(|update| update != "no")
}

enum Ending {
    Done(String),
    Panicked,
    TooSlow,
}

/// Runs `work` in a thread of its own, and stops waiting for it at the deadline. The thread can't
/// be ended from outside; it goes with the process.
fn within(deadline: Duration, work: impl FnOnce() -> String + Send + 'static) -> Ending {
    let (done, is_done) = mpsc::channel();
    let thread = thread::Builder::new()
        .name("check".to_string())
        .spawn(move || {
            IN_A_CHECK.set(true);
            _ = done.send(panic::catch_unwind(AssertUnwindSafe(work)));
        });
    thread.expect("the system has room for one more thread");
    match machine::receive_within(deadline, &is_done) {
        Some(Ok(shown)) => Ending::Done(shown),
        Some(Err(_)) => Ending::Panicked,
        None => Ending::TooSlow,
    }
}

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
static PANICS: Mutex<Vec<(Panic, bool)>> = Mutex::new(Vec::new());
static WAS_TOO_SLOW: AtomicBool = AtomicBool::new(false);
static WAS_RED_TWICE: AtomicBool = AtomicBool::new(false);

thread_local! {
    static IN_A_CHECK: Cell<bool> = const { Cell::new(false) };
}

/// From now on panics are written down instead of printed.
fn listen_to_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        panic::set_hook(Box::new(|info| {
            lock(&PANICS).push((read_panic(info), IN_A_CHECK.get()));
        }));
    });
}

fn read_panic(info: &PanicHookInfo) -> Panic {
    let location = info.location().expect("a panic always has a location");
    Panic {
        message: message_of(info.payload()),
        file: location.file().replace('\\', "/"),
        line: location.line(),
    }
}

fn message_of(payload: &dyn Any) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| text.to_string());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_default()
}

/// A panic in another process, one that the learner's code runs in: it counts like one in a thread
/// of the learner's.
pub(crate) fn note_panic(panic: Panic) {
    lock(&PANICS).push((panic, false));
}

/// Whose thread a panic happened in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// One that the learner's code started.
    Learners,
    /// The check's own.
    Checks,
}

fn first_panic_of(whose: Whose, matches: impl Fn(&Panic) -> bool) -> Option<Panic> {
    let panics = lock(&PANICS);
    let is_of = |in_a_check: bool| in_a_check == (whose == Whose::Checks);
    let mut those = panics
        .iter()
        .filter(|(panic, own)| is_of(*own) && matches(panic));
    those.next().map(|(panic, _)| panic.clone())
}

/// The first matching panic, of the learner's threads before the check's own.
fn first_panic(matches: impl Fn(&Panic) -> bool) -> Option<Panic> {
    first_panic_of(Whose::Learners, &matches).or_else(|| first_panic_of(Whose::Checks, &matches))
}

/// What the panic of the check's own thread means: where it comes from the check's client, it is
/// an answer that is missing.
fn own_panic() -> Outcome {
    match first_panic_of(Whose::Checks, |_| true) {
        Some(panic) if panic.file == "tests/support/src/http.rs" => {
            Outcome::NoAnswer(panic.message)
        }
        Some(panic) => Outcome::Panicked(panic),
        None => Outcome::NoAnswer("a panic that left no message".to_string()),
    }
}

/// A lock that doesn't mind that another thread panicked while it held it.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    fn judge(shows: impl FnOnce() -> String + Send + 'static) -> Outcome {
        let _turn = lock(&ONE_AT_A_TIME);
        check("t::here").judge(DEADLINE, shows)
    }

    fn check(function: &'static str) -> Check {
        Check {
            package: "some-step",
            manifest_dir: concat!(env!("CARGO_MANIFEST_DIR"), "/../../steps/no-such-step"),
            function,
            rfc: "",
            rule: "",
            guesses: Vec::new(),
        }
    }

    #[test]
    fn a_check_is_named_after_its_function() {
        assert_eq!(
            check("accept_key::the_rfc_example::here").name(),
            "the_rfc_example"
        );
        assert_eq!(
            check("accept_key::check::the_rfc_example::here").name(),
            "the_rfc_example"
        );
    }

    #[test]
    fn a_todo_is_not_a_mistake() {
        let outcome = judge(|| todo!("hash it"));
        let Outcome::NotWritten(panic) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(panic.message, "not yet implemented: hash it");
        assert!(
            panic.file.ends_with("tests/support/src/check.rs"),
            "{}",
            panic.file
        );
    }

    #[test]
    fn a_todo_in_another_thread_is_found() {
        let outcome = judge(|| {
            let server = thread::spawn(|| todo!("answer"));
            assert!(server.join().is_ok(), "the server closed the connection");
            String::new()
        });
        assert!(matches!(outcome, Outcome::NotWritten(_)), "{outcome:?}");
    }

    #[test]
    fn a_panic_is_reported_with_its_place() {
        let outcome = judge(|| panic!("index out of bounds"));
        let Outcome::Panicked(panic) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!(panic.message, "index out of bounds");
    }

    #[test]
    fn what_failed_by_time_alone_is_tried_again_until_one_was_red_twice() {
        let _turn = lock(&ONE_AT_A_TIME);
        let the_rfc_example = Check {
            manifest_dir: concat!(env!("CARGO_MANIFEST_DIR"), "/../../steps/03-accept-key"),
            package: "accept-key",
            ..check("accept_key::the_rfc_example::here")
        };
        let snapshot = "../../snapshots/accept-key/the_rfc_example.snap";
        let snapshot = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("src")
            .join(snapshot);
        let shown = fs::read_to_string(snapshot).unwrap();
        let shown = shown_part(&shown).unwrap();
        // Red, and how long that takes, for so many tries.
        let judged = |red: usize, takes: Duration| {
            let tries = Arc::new(AtomicUsize::new(0));
            let (counted, shown) = (Arc::clone(&tries), shown.clone());
            let outcome = the_rfc_example.judge_fairly(move || {
                if counted.fetch_add(1, Ordering::Relaxed) < red {
                    thread::sleep(takes);
                    return "nothing has come".to_string();
                }
                shown.clone()
            });
            (outcome == Outcome::Right, tries.load(Ordering::Relaxed))
        };
        let long = A_LONG_TIME + Duration::from_millis(10);
        assert_eq!(judged(1, long), (true, 2));
        assert_eq!(judged(2, long), (false, 2));
        // From now on there are no second tries.
        assert_eq!(judged(1, long), (false, 1));
    }

    #[test]
    fn an_endless_wait_is_ended() {
        let (_keep_open, never) = mpsc::channel::<String>();
        let ending = within(Duration::from_millis(20), move || never.recv().unwrap());
        assert!(matches!(ending, Ending::TooSlow));
    }

    #[test]
    fn a_missing_snapshot_is_no_pass() {
        let outcome = judge(|| "anything".to_string());
        assert!(matches!(outcome, Outcome::NoSnapshot(_)), "{outcome:?}");
    }

    #[test]
    fn the_shown_part_is_what_was_shown() {
        let snapshot = format!("---\nsource: x\n---\n{}\n", with_anchors("a\n\nb"));
        assert_eq!(shown_part(&snapshot).as_deref(), Some("a\n\nb"));
        assert_eq!(shown_part("---\nsource: x\n---\n"), None);
    }
}
