//! Builds the book in the background, serves it, and has a page loaded again when the book was rebuilt.
//!
//! The builder (package `workshop-book`) is compiled into a target folder of its own, so that
//! cargo's lock on a target folder never holds up a learner's check. What it writes takes the
//! place of the old pages in one move. Pages wait for news by long polling.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use doorkeeper::Server;

use crate::project::{Project, Step};
use crate::supervisor::Stop;

mod answers;
mod builder;

use answers::answer;
use builder::Builder;

/// The book's port, unless another is asked for.
pub const DEFAULT_PORT: u16 = 3000;
/// How many requests are answered at a time.
const MAX_REQUESTS: u64 = 100;

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
