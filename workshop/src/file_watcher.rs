//! Reports each save of a file.
//!
//! If the operating system can report changes, it does; a file of our own shows whether it can. Some file systems
//! report our own changes, but not those that an editor makes on the other side of a mount. So this module also looks
//! at all files every two seconds. If it finds a change that wasn't reported, it stops relying on reports, and looks
//! twice a second.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use notify::event::{CreateKind, ModifyKind, RemoveKind};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::project::Project;

/// The time limit for the operating system to report the file that it is tried out with.
const PROBE_DEADLINE: Duration = Duration::from_secs(2);
/// The time between two looks at all files if the system doesn't report changes.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// The time between two looks if it does.
const CONTROL_INTERVAL: Duration = Duration::from_secs(2);

/// A change, or a change in how changes are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// These files of steps, or folders in `steps`, have changed.
    Steps(Vec<PathBuf>),
    /// A file that the book is made of has changed.
    Book,
    /// From now on, the files are looked at, for this reason.
    Polling(String),
}

/// Watches the files until it is dropped.
#[derive(Debug)]
pub struct FileWatcher {
    to_thread: Sender<Message>,
    thread: Option<JoinHandle<()>>,
}

enum Message {
    Event(notify::Result<notify::Event>),
    Stop,
}

impl FileWatcher {
    /// Starts to watch the workshop's folders; with `polling`, without the operating system's
    /// help. `tell` is called from another thread.
    pub fn start(project: &Project, polling: bool, tell: impl Fn(Change) + Send + 'static) -> Self {
        let (to_thread, inbox) = mpsc::channel();
        let root = fs::canonicalize(&project.root).unwrap_or(project.root.clone());
        let to_itself = to_thread.clone();
        let thread = thread::spawn(move || {
            let mut worker = Worker::new(root, to_itself, tell);
            if polling {
                worker.poll("as you asked for")
            } else {
                worker.listen()
            }
            worker.run(&inbox);
        });
        Self {
            to_thread,
            thread: Some(thread),
        }
    }
}

impl Drop for FileWatcher {
    fn drop(&mut self) {
        _ = self.to_thread.send(Message::Stop);
        if let Some(thread) = self.thread.take() {
            _ = thread.join();
        }
    }
}

/// Finds out whether the operating system reports changes in this folder. Takes two seconds if it doesn't.
///
/// # Errors
/// Returns the reason if it doesn't.
pub fn try_out(folder: &Path) -> Result<(), String> {
    let (sender, inbox) = mpsc::channel();
    let tell = move |event| _ = sender.send(event);
    let mut watcher = notify::recommended_watcher(tell).map_err(reason)?;
    let probe = Probe::write(folder, &mut watcher)?;
    let end = Instant::now() + PROBE_DEADLINE;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match inbox.recv_timeout(left) {
            Ok(Ok(event)) if probe.is_in(&event) => return Ok(()),
            Ok(_) => {}
            Err(_) => return Err(SILENT.to_string()),
        }
    }
}

const SILENT: &str = "this file system doesn't report changes";

/// The reason why the system can't watch, in words that a sentence can begin with.
fn reason(error: notify::Error) -> String {
    match error.kind {
        notify::ErrorKind::MaxFilesWatch => {
            "the system watches as many files as it may (fs.inotify.max_user_watches)".to_string()
        }
        notify::ErrorKind::Io(error) if is_out_of_handles(&error) => {
            format!(
                "the system has nothing left to watch files with (fs.inotify.max_user_instances, or ulimit -n: {error})"
            )
        }
        notify::ErrorKind::Io(error) => format!("the system can't watch the files ({error})"),
        notify::ErrorKind::Generic(why) => format!("the system can't watch the files ({why})"),
        notify::ErrorKind::PathNotFound => {
            "a folder disappeared while it was being read".to_string()
        }
        notify::ErrorKind::WatchNotFound | notify::ErrorKind::InvalidConfig(_) => {
            "the system has stopped watching the files".to_string()
        }
    }
}

/// EMFILE or ENFILE: too many open files, of this process, this user or the whole system.
fn is_out_of_handles(error: &std::io::Error) -> bool {
    cfg!(unix) && matches!(error.raw_os_error(), Some(23 | 24))
}

/// A file that is written to see whether the system reports it. Dropping this removes the file.
struct Probe {
    folder: PathBuf,
}

impl Probe {
    fn write(state_folder: &Path, watcher: &mut RecommendedWatcher) -> Result<Self, String> {
        let folder = state_folder.join(format!("watch-{}", std::process::id()));
        let cant = |error| format!("no file can be written in {}: {error}", folder.display());
        fs::create_dir_all(&folder).map_err(cant)?;
        let probe = Self {
            folder: fs::canonicalize(&folder).map_err(cant)?,
        };
        watcher
            .watch(&probe.folder, RecursiveMode::NonRecursive)
            .map_err(reason)?;
        fs::write(probe.folder.join("probe"), "Is anybody listening?\n").map_err(cant)?;
        Ok(probe)
    }

    fn is_in(&self, event: &notify::Event) -> bool {
        event
            .paths
            .iter()
            .any(|path| path.starts_with(&self.folder))
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.folder);
    }
}

/// The thread that watches.
struct Worker<Tell> {
    root: PathBuf,
    tell: Tell,
    to_itself: Sender<Message>,
    system: Option<RecommendedWatcher>,
    probe: Option<(Probe, Instant)>,
    seen: Files,
    /// For each path, the time of the latest report.
    reported: BTreeMap<PathBuf, Instant>,
    /// Changes that a look found without a report. Each comes with the time since which a report was possible.
    unreported: Vec<(PathBuf, Instant)>,
    last_look: Instant,
}

/// For each file, the properties that can be known without reading it: the time of the latest change, and the length.
type Files = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

impl<Tell: Fn(Change)> Worker<Tell> {
    fn new(root: PathBuf, to_itself: Sender<Message>, tell: Tell) -> Self {
        let seen = look(&root);
        Self {
            root,
            tell,
            to_itself,
            system: None,
            probe: None,
            seen,
            reported: BTreeMap::new(),
            unreported: Vec::new(),
            last_look: Instant::now(),
        }
    }

    fn listen(&mut self) {
        if let Err(why) = self.try_listen() {
            self.poll(&why);
        }
    }

    fn try_listen(&mut self) -> Result<(), String> {
        let to_itself = self.to_itself.clone();
        let tell = move |event| _ = to_itself.send(Message::Event(event));
        let mut system = notify::recommended_watcher(tell).map_err(reason)?;
        // The root itself tells when one of the folders goes and comes back.
        system
            .watch(&self.root, RecursiveMode::NonRecursive)
            .map_err(reason)?;
        for folder in FOLDERS.map(|name| self.root.join(name)) {
            if folder.is_dir() {
                system
                    .watch(&folder, RecursiveMode::Recursive)
                    .map_err(reason)?;
            }
        }
        let probe = Probe::write(&self.root.join(".workshop"), &mut system)?;
        self.probe = Some((probe, Instant::now() + PROBE_DEADLINE));
        self.system = Some(system);
        Ok(())
    }

    fn poll(&mut self, why: &str) {
        self.system = None;
        self.probe = None;
        self.unreported.clear();
        (self.tell)(Change::Polling(why.to_string()));
    }

    fn run(&mut self, inbox: &Receiver<Message>) {
        let mut next_look = Instant::now() + self.interval();
        loop {
            let end = match &self.probe {
                Some((_, deadline)) => next_look.min(*deadline),
                None => next_look,
            };
            let left = end.saturating_duration_since(Instant::now());
            match inbox.recv_timeout(left) {
                Ok(Message::Event(Ok(event))) => self.hear(&event),
                Ok(Message::Event(Err(error))) if self.system.is_some() => {
                    self.poll(&reason(error));
                }
                Ok(Message::Event(Err(_))) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
            let now = Instant::now();
            if self
                .probe
                .as_ref()
                .is_some_and(|(_, deadline)| now >= *deadline)
            {
                self.poll(SILENT);
                next_look = now;
            }
            if now >= next_look {
                self.look_ourselves();
                next_look = Instant::now() + self.interval();
            }
        }
    }

    fn interval(&self) -> Duration {
        match self.system {
            Some(_) => CONTROL_INTERVAL,
            None => POLL_INTERVAL,
        }
    }

    fn hear(&mut self, event: &notify::Event) {
        if let Some((probe, _)) = &self.probe
            && probe.is_in(event)
        {
            if let Some(system) = &mut self.system {
                _ = system.unwatch(&probe.folder);
            }
            self.probe = None;
            return;
        }
        if matches!(event.kind, EventKind::Access(_)) {
            return;
        }
        self.watch_what_came_back(event);
        let now = Instant::now();
        let mut steps = Vec::new();
        let mut is_book = false;
        for path in &event.paths {
            match area(&self.root, path, is_about_a_folder(event.kind)) {
                Some(Area::Steps) => steps.push(path.clone()),
                Some(Area::Book) => is_book = true,
                None => continue,
            }
            self.reported.insert(path.clone(), now);
        }
        self.report(steps, is_book);
    }

    /// Watches a folder again that was removed and then made again.
    fn watch_what_came_back(&mut self, event: &notify::Event) {
        let folders = FOLDERS.map(|name| self.root.join(name));
        let came_back = |folder: &&PathBuf| {
            let is_new = !matches!(event.kind, EventKind::Remove(_));
            is_new && event.paths.contains(folder) && folder.is_dir()
        };
        for folder in folders.iter().filter(came_back) {
            if let Some(system) = &mut self.system {
                _ = system.unwatch(folder);
                _ = system.watch(folder, RecursiveMode::Recursive);
            }
        }
    }

    fn look_ourselves(&mut self) {
        // A change that the last look found and that hasn't been reported since will never be reported.
        let before = self.last_look;
        let suspects = std::mem::take(&mut self.unreported);
        let missed = suspects
            .iter()
            .any(|(path, since)| !self.was_reported(path, *since));
        if missed && self.system.is_some() {
            self.poll("this file system doesn't report all changes");
        }
        self.reported.retain(|_, when| *when >= before);

        let there = look(&self.root);
        let changed = differences(&self.seen, &there);
        self.seen = there;
        self.last_look = Instant::now();
        let mut steps = Vec::new();
        let mut is_book = false;
        for path in changed {
            if self.was_reported(&path, before) {
                continue;
            }
            match area(&self.root, &path, false) {
                Some(Area::Steps) => steps.push(path.clone()),
                Some(Area::Book) => is_book = true,
                None => continue,
            }
            self.unreported.push((path, before));
        }
        self.report(steps, is_book);
    }

    fn was_reported(&self, path: &Path, since: Instant) -> bool {
        self.reported
            .iter()
            .any(|(other, when)| *when >= since && path.starts_with(other))
    }

    fn report(&self, steps: Vec<PathBuf>, is_book: bool) {
        if !steps.is_empty() {
            (self.tell)(Change::Steps(steps));
        }
        if is_book {
            (self.tell)(Change::Book);
        }
    }
}

/// The folders that are watched.
const FOLDERS: [&str; 4] = ["steps", "book", "solutions", "tests"];

/// The part of the workshop that a path belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Area {
    Steps,
    Book,
}

/// The part of the workshop that a path belongs to; `None` if a change there doesn't matter.
fn area(root: &Path, path: &Path, is_folder: bool) -> Option<Area> {
    let path = path.strip_prefix(root).ok()?;
    let names: Vec<&str> = path.iter().map(OsStr::to_str).collect::<Option<_>>()?;
    let is_left_out =
        |name: &&str| name.starts_with('.') || name.ends_with('~') || *name == "target";
    if names.iter().any(is_left_out) {
        return None;
    }
    let extension = path.extension().and_then(OsStr::to_str);
    match names.as_slice() {
        ["steps", ..] => {
            (is_source(path) || (is_folder && extension.is_none())).then_some(Area::Steps)
        }
        // `mdbook build` writes to it.
        ["book", "book", ..] => None,
        ["book" | "solutions" | "tests", ..] => {
            (!matches!(extension, None | Some("new" | "tmp" | "swp"))).then_some(Area::Book)
        }
        _ => None,
    }
}

/// Whether a file with this name is part of a step's source.
pub fn is_source(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str);
    matches!(extension, Some("rs" | "toml" | "html" | "js" | "css"))
}

/// Whether the event may be about a folder that came, went or got another name.
fn is_about_a_folder(kind: EventKind) -> bool {
    match kind {
        EventKind::Create(kind) => kind == CreateKind::Folder,
        EventKind::Remove(kind) => matches!(kind, RemoveKind::Folder | RemoveKind::Any),
        EventKind::Modify(kind) => matches!(kind, ModifyKind::Name(_)),
        _ => false,
    }
}

/// All files that matter.
fn look(root: &Path) -> Files {
    let mut files = Files::new();
    for folder in FOLDERS {
        look_into(root, &root.join(folder), &mut files);
    }
    files
}

fn look_into(root: &Path, folder: &Path, files: &mut Files) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        let name = entry.file_name();
        if kind.is_dir() && name != "target" && !name.to_string_lossy().starts_with('.') {
            look_into(root, &path, files);
        } else if kind.is_file()
            && area(root, &path, false).is_some()
            && let Ok(metadata) = entry.metadata()
        {
            files.insert(path, (metadata.modified().ok(), metadata.len()));
        }
    }
}

/// The files that came, went or changed.
fn differences(before: &Files, after: &Files) -> Vec<PathBuf> {
    let changed = after
        .iter()
        .filter(|(path, state)| before.get(*path) != Some(state));
    let gone = before.keys().filter(|path| !after.contains_key(*path));
    changed.map(|(path, _)| path).chain(gone).cloned().collect()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// A folder that is shared with another machine reports only the changes made on this one.
    #[test]
    fn an_unreported_change_starts_polling() {
        let root =
            std::env::temp_dir().join(format!("workshop-file-watcher-{}", std::process::id()));
        let folder = root.join("steps/00-hello/src");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("lib.rs"), "1").unwrap();
        let told = RefCell::new(Vec::new());
        let (sender, _inbox) = mpsc::channel();
        let mut worker = Worker::new(root.clone(), sender, |change| {
            told.borrow_mut().push(change)
        });
        // A watcher that watches nothing.
        worker.system = notify::recommended_watcher(|_| ()).ok();

        worker.look_ourselves();
        assert_eq!(told.take(), []);
        fs::write(folder.join("lib.rs"), "22").unwrap();
        worker.look_ourselves();
        assert_eq!(told.take(), [Change::Steps(vec![folder.join("lib.rs")])]);
        worker.look_ourselves();
        let why = "this file system doesn't report all changes".to_string();
        assert_eq!(told.take(), [Change::Polling(why)]);
        assert!(worker.system.is_none());
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn each_error_of_the_system_has_a_reason_in_words() {
        use notify::{Error, ErrorKind};
        use std::io;
        let used_up = Error::io(io::Error::from_raw_os_error(24));
        let errors = [
            Error::io(io::Error::from_raw_os_error(13)),
            Error::generic("no such backend"),
            Error::path_not_found(),
            Error::watch_not_found(),
            Error::invalid_config(&notify::Config::default()),
            Error::new(ErrorKind::MaxFilesWatch),
        ];
        for error in errors.into_iter().chain([used_up]) {
            let why = reason(error);
            let is_debug = ["Os {", "Io(", "Generic(", "NotFound", "Config"];
            assert!(!is_debug.iter().any(|debug| why.contains(debug)), "{why}");
            assert!(
                why.contains("the system") || why.contains("a folder"),
                "{why}"
            );
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn when_inotify_is_used_up_the_limit_is_named() {
        let error = notify::Error::io(std::io::Error::from_raw_os_error(24));
        let why = reason(error);
        assert!(why.contains("fs.inotify.max_user_instances"), "{why}");
        assert!(why.contains("Too many open files"), "{why}");
    }

    #[test]
    fn a_reported_change_is_not_found_again() {
        let root = std::env::temp_dir().join(format!("workshop-told-{}", std::process::id()));
        let folder = root.join("steps/00-hello/src");
        fs::create_dir_all(&folder).unwrap();
        let told = RefCell::new(Vec::new());
        let (sender, _inbox) = mpsc::channel();
        let mut worker = Worker::new(root.clone(), sender, |change| {
            told.borrow_mut().push(change)
        });
        worker.system = notify::recommended_watcher(|_| ()).ok();

        let file = folder.join("lib.rs");
        fs::write(&file, "1").unwrap();
        let kind = EventKind::Modify(ModifyKind::Any);
        worker.hear(&notify::Event::new(kind).add_path(file.clone()));
        assert_eq!(told.take(), [Change::Steps(vec![file])]);
        for _ in 0..3 {
            worker.look_ourselves();
        }
        assert_eq!(told.take(), []);
        fs::remove_dir_all(&root).unwrap();
    }

    fn of(path: &str) -> Option<Area> {
        area(Path::new("/w"), &Path::new("/w").join(path), false)
    }

    #[test]
    fn only_sources_in_steps_count() {
        for path in [
            "steps/00-hello/src/lib.rs",
            "steps/00-hello/Cargo.toml",
            "steps/01-polling/src/page.html",
        ] {
            assert_eq!(of(path), Some(Area::Steps), "{path}");
        }
        for path in [
            "steps/00-hello/target/debug/build/x.rs",
            "steps/00-hello/src/.lib.rs.swp",
            "steps/00-hello/src/.#lib.rs",
            "steps/00-hello/src/lib.rs~",
            "steps/00-hello/src/4913",
            "target/debug/x.rs",
            ".workshop/progress",
            "Cargo.toml",
        ] {
            assert_eq!(of(path), None, "{path}");
        }
    }

    #[test]
    fn the_book_is_made_of_three_folders() {
        assert_eq!(of("book/src/hello.md"), Some(Area::Book));
        assert_eq!(of("solutions/00-hello/src/lib.rs"), Some(Area::Book));
        assert_eq!(of("tests/snapshots/hello/x.snap"), Some(Area::Book));
        assert_eq!(of("tests/snapshots/hello/x.snap.new"), None);
        assert_eq!(of("book/book/index.html"), None);
    }

    #[test]
    fn a_folder_of_a_step_counts_when_it_comes_or_goes() {
        let folder = Path::new("/w/steps/00-hello");
        assert_eq!(area(Path::new("/w"), folder, true), Some(Area::Steps));
        assert_eq!(area(Path::new("/w"), folder, false), None);
    }

    #[test]
    fn files_that_come_go_and_change_are_told_apart() {
        let files = |entries: &[(&str, u64)]| -> Files {
            let file = |(path, length): &(&str, u64)| (PathBuf::from(path), (None, *length));
            entries.iter().map(file).collect()
        };
        let before = files(&[("a", 1), ("b", 1), ("c", 1)]);
        let after = files(&[("a", 1), ("b", 2), ("d", 1)]);
        let mut paths = differences(&before, &after);
        paths.sort();
        assert_eq!(paths, ["b", "c", "d"].map(PathBuf::from));
    }
}
