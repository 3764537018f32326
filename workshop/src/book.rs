//! Builds the book in the background, serves it, and has a page loaded again when the book was rebuilt.
//!
//! The builder (package `workshop-book`) is compiled into a target folder of its own, so that
//! cargo's lock on a target folder never holds up a learner's check. What it writes takes the
//! place of the old pages in one move. Pages wait for news by long polling.

use std::env;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, bail};
use doorkeeper::Server;
use tiny_http::{Header, Method, Request, Response};

use crate::cargo::{self, MESSAGE_OPTIONS};
use crate::chapter;
use crate::project::{Project, Step};
use crate::supervisor::{Stop, run_to_exit};
use crate::text::sanitize;

/// The book's port, unless another is asked for.
pub const DEFAULT_PORT: u16 = 3000;
/// How long a page's question for news is held.
const POLL_TIMEOUT: Duration = Duration::from_secs(25);
/// How many requests are answered at a time.
const MAX_REQUESTS: u64 = 100;
/// How long building the pages may take.
const BUILD_DEADLINE: Duration = Duration::from_secs(120);
/// How long after a change the book is built: an editor may save several files.
const QUIET: Duration = Duration::from_millis(200);

/// What there is to tell of the book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BookEvent {
    /// It can be read.
    Readable,
    /// It can't be built; why. If it was readable, it still is, as it was before.
    Broken(String),
}

/// The book, served until it is dropped.
pub struct Book {
    server: Server,
    uses_other_port: bool,
    pages: Arc<Pages>,
    orders: Option<Sender<()>>,
    stop: Stop,
    building: Option<JoinHandle<()>>,
}

/// What is served.
struct Pages {
    project: Project,
    folder: PathBuf,
    edition: Mutex<Edition>,
    is_new: Condvar,
}

/// Which build of the book is in the folder. While it is locked, the folder stays as it is.
struct Edition {
    /// When the workshop was started: pages of an earlier session are out of date.
    session: u64,
    number: u64,
    is_over: bool,
}

impl Edition {
    fn version(&self) -> String {
        format!("{}-{}", self.session, self.number)
    }
}

impl Pages {
    fn edition(&self) -> MutexGuard<'_, Edition> {
        self.edition.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn exist(&self) -> bool {
        self.folder.join("index.html").is_file()
    }
}

impl Book {
    /// Starts to build and to serve the book, on `port`, or on 3000 or any free one. `tell` is
    /// called from another thread.
    ///
    /// # Errors
    /// Returns an error if the port is taken.
    pub fn start(
        project: &Project,
        port: Option<u16>,
        tell: impl Fn(BookEvent) + Send + 'static,
    ) -> Result<Self> {
        let listener = listen(port)?;
        let address = listener.local_addr();
        let uses_other_port =
            port.is_none() && address.is_ok_and(|address| address.port() != DEFAULT_PORT);
        let folder = project.state_folder().join("book");
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let pages = Arc::new(Pages {
            project: project.clone(),
            folder: folder.join("pages"),
            edition: Mutex::new(Edition {
                session: since.unwrap_or_default().as_secs(),
                number: 0,
                is_over: false,
            }),
            is_new: Condvar::new(),
        });
        let (orders, inbox) = mpsc::channel();
        let stop = Stop::default();
        let server = Server::start(listener, MAX_REQUESTS, {
            let pages = Arc::clone(&pages);
            move |request| answer(&pages, request)
        });
        let server = server.context("The book can't be served")?;
        let building = thread::spawn({
            let builder = Builder {
                project: project.clone(),
                folder,
                pages: Arc::clone(&pages),
                stop: stop.clone(),
            };
            move || builder.run(&inbox, tell)
        });
        Ok(Self {
            server,
            uses_other_port,
            pages,
            orders: Some(orders),
            stop,
            building: Some(building),
        })
    }

    /// The address of the book.
    pub fn address(&self) -> String {
        format!("http://{}/", self.server.address())
    }

    /// The address of a step's chapter.
    pub fn chapter(&self, step: &Step) -> String {
        let page = step.chapter.trim_end_matches(".md");
        format!("{}{page}.html", self.address())
    }

    /// Whether another program has the port that it is usually served on.
    pub fn uses_other_port(&self) -> bool {
        self.uses_other_port
    }

    /// Has the book rebuilt.
    pub fn rebuild(&self) {
        if let Some(orders) = &self.orders {
            _ = orders.send(());
        }
    }
}

impl Drop for Book {
    fn drop(&mut self) {
        self.stop.ask();
        self.orders = None;
        self.pages.edition().is_over = true;
        self.pages.is_new.notify_all();
        if let Some(building) = self.building.take() {
            _ = building.join();
        }
    }
}

fn listen(port: Option<u16>) -> Result<TcpListener> {
    let at = |port| TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    match port {
        Some(port) => at(port).with_context(|| {
            format!(
                "The book can't be served on port {port} (without `--port`, any free one is taken)"
            )
        }),
        None => at(DEFAULT_PORT)
            .or_else(|_| at(0))
            .context("The book can't be served: no port is free"),
    }
}

/// The thread that builds.
struct Builder {
    project: Project,
    folder: PathBuf,
    pages: Arc<Pages>,
    stop: Stop,
}

impl Builder {
    fn run(&self, inbox: &Receiver<()>, tell: impl Fn(BookEvent)) {
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

/// What is answered: status, content type, body.
type Answer = (u16, &'static str, Vec<u8>);

fn answer(pages: &Pages, request: Request) {
    let (path, query) = request.url().split_once('?').unwrap_or((request.url(), ""));
    let is_get = matches!(request.method(), Method::Get | Method::Head);
    let (status, kind, body) = match path {
        _ if !is_get => text(405, "Only GET and HEAD are answered here.\n"),
        "/__workshop/reload.js" => (200, JAVASCRIPT, include_bytes!("reload.js").to_vec()),
        "/__workshop/version" => news(pages, query.trim_start_matches("seen=")),
        _ => page(pages, path),
    };
    let header = |name: &str, value: &str| {
        Header::from_bytes(name, value).expect("our own headers are valid")
    };
    let response = Response::from_data(body)
        .with_status_code(status)
        .with_header(header("Content-Type", kind))
        .with_header(header("Cache-Control", "no-cache"))
        .with_header(header("X-Content-Type-Options", "nosniff"));
    // If the browser has gone away, the answer has no reader.
    _ = request.respond(response);
}

const HTML: &str = "text/html; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

fn text(status: u16, text: &str) -> Answer {
    (
        status,
        "text/plain; charset=utf-8",
        text.as_bytes().to_vec(),
    )
}

/// Waits until there is another version than the one that was seen.
fn news(pages: &Pages, seen: &str) -> Answer {
    let edition = pages.edition();
    let is_old = |edition: &mut Edition| edition.version() == seen && !edition.is_over;
    let (edition, _) = pages
        .is_new
        .wait_timeout_while(edition, POLL_TIMEOUT, is_old)
        .unwrap_or_else(PoisonError::into_inner);
    text(200, &edition.version())
}

fn page(pages: &Pages, path: &str) -> Answer {
    // While this is held, no new pages are put in place.
    let edition = pages.edition();
    let version = edition.version();
    if !pages.exist() {
        return (503, HTML, with_reload(&unbuilt(pages, path), &version));
    }
    let Some(file) = file_for(path).map(|file| pages.folder.join(file)) else {
        return not_found(pages, &version);
    };
    let file = if file.is_dir() {
        file.join("index.html")
    } else {
        file
    };
    // A link may lead out of the folder.
    let inside = |file: &Path| {
        let (file, folder) = (fs::canonicalize(file), fs::canonicalize(&pages.folder));
        matches!((file, folder), (Ok(file), Ok(folder)) if file.starts_with(&folder))
    };
    let Some(content) = inside(&file).then(|| fs::read(&file).ok()).flatten() else {
        return not_found(pages, &version);
    };
    match content_type(&file) {
        HTML => {
            let html = String::from_utf8_lossy(&content);
            (200, HTML, with_reload(&html, &version))
        }
        other => (200, other, content),
    }
}

fn not_found(pages: &Pages, version: &str) -> Answer {
    let page = fs::read_to_string(pages.folder.join("404.html"));
    let page =
        page.unwrap_or_else(|_| "<p>There is no such page. <a href=\"/\">The book</a>".into());
    (404, HTML, with_reload(&page, version))
}

/// What there is of a page before the book is built: its plain text.
fn unbuilt(pages: &Pages, path: &str) -> String {
    let file = match file_for(path) {
        Some(file) if !file.as_os_str().is_empty() => file.with_extension("md"),
        _ => PathBuf::from("introduction.md"),
    };
    let link = |step: &Step| {
        let page = step.chapter.trim_end_matches(".md");
        format!("<a href=\"/{page}.html\">{} {}</a> ", step.number, step.id)
    };
    let links: String = pages.project.steps.iter().map(link).collect();
    let text = chapter::page(&pages.project, &file).unwrap_or_default();
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "{BEING_BUILT}<p><a href=\"/\">Introduction</a> {links}</p><pre>{text}</pre></body></html>"
    )
}

const BEING_BUILT: &str = "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\">\
    <meta name=\"color-scheme\" content=\"light dark\"><title>The book is being built</title>\
    <style>body { margin: 2em auto; max-width: 54em; padding: 0 1em; line-height: 1.5 } \
    pre { white-space: pre-wrap }</style>\
    <body><p><strong>The book is being built, and this page turns into it. Until then, here is its plain \
    text.</strong></p>";

/// The page, with the script that waits for the next version.
fn with_reload(html: &str, version: &str) -> Vec<u8> {
    let script = format!(
        "<script defer src=\"/__workshop/reload.js\" data-version=\"{version}\"></script>\n"
    );
    let at = html.rfind("</body>").unwrap_or(html.len());
    format!("{}{script}{}", &html[..at], &html[at..]).into_bytes()
}

/// The file that a path names, relative to the pages' folder; `None` if it would lead out of it.
fn file_for(path: &str) -> Option<PathBuf> {
    let path = decoded(path.strip_prefix('/')?)?;
    let is_plain = |name: &&str| !name.starts_with('.') && !name.contains(['\\', ':', '\0']);
    let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
    names.iter().all(is_plain).then(|| names.iter().collect())
}

/// `%20` and its like as the characters that they encode.
fn decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let value = digit()? * 16 + digit()?;
        bytes.push(u8::try_from(value).ok()?);
    }
    String::from_utf8(bytes).ok()
}

fn content_type(file: &Path) -> &'static str {
    let extension = file.extension().and_then(|extension| extension.to_str());
    match extension.unwrap_or_default() {
        "html" => HTML,
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => JAVASCRIPT,
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "ttf" => "font/ttf",
        "wasm" => "application/wasm",
        "txt" | "md" => "text/plain; charset=utf-8",
        "xml" => "text/xml; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_never_leads_out_of_the_folder() {
        assert_eq!(file_for("/"), Some(PathBuf::new()));
        assert_eq!(
            file_for("/css/a%20b.css"),
            Some(["css", "a b.css"].iter().collect())
        );
        for path in [
            "/../secret",
            "/%2e%2e/secret",
            "/a/..%2f..%2fsecret",
            "/..\\secret",
            "/%5c..%5csecret",
            "/C:/secret",
            "/%00",
            "/%",
            "/%zz",
            "/%ff",
            "secret",
            "http://example.com/",
            "/.git/config",
        ] {
            assert_eq!(file_for(path), None, "{path}");
        }
    }

    #[test]
    fn the_script_is_at_the_end_of_the_page() {
        let page = with_reload("<body><p></body></html>", "7-1");
        let page = String::from_utf8(page).unwrap();
        assert!(
            page.starts_with("<body><p><script ") && page.ends_with("</script>\n</body></html>"),
            "{page}"
        );
        assert!(page.contains("data-version=\"7-1\""));
    }
}
