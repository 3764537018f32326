//! Pages that ask for messages: those of step 01 pause after each response, and those of step 02 have the server hold
//! their request.
//!
//! Each page has two connections that are kept alive: one asks, one posts. A browser, too, opens a second connection
//! when the first is busy. Without it, a page that waits for messages couldn't send one.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use polling::history::{NewMessage, News};

use crate::browser::Browser;
use crate::journal::Journal;

/// The time limit for a response that isn't held.
const PATIENCE: Duration = Duration::from_secs(10);
/// The time limit for a response that is held: longer than any server holds one.
const LONG_PATIENCE: Duration = Duration::from_secs(60);

/// Pages that ask for messages. Dropping them closes them.
pub struct HttpPages {
    shared: Arc<Shared>,
    /// A word to a page that polls starts it. When the sender is dropped, the page ends.
    control: Vec<Sender<()>>,
    asking: Vec<JoinHandle<()>>,
    /// The messages that each page has to send.
    say: Vec<Sender<String>>,
    posting: Vec<JoinHandle<()>>,
}

struct Shared {
    server: SocketAddr,
    browser: Browser,
    journal: Arc<Journal>,
    /// All connections, to be closed at the end. A thread that connects holds the lock until it has its first
    /// response (see [`post`]).
    connecting: Mutex<Vec<TcpStream>>,
    requests: AtomicU64,
    answers: AtomicU64,
    stopping: AtomicBool,
}

/// The times at which a page polls.
struct Waits {
    /// The pause after each response.
    interval: Duration,
    /// The first pause. It differs from page to page, because people don't open a page all at the same moment.
    first: Duration,
}

impl HttpPages {
    /// Opens pages. With an interval, they poll. Without one, their requests are held, and `held` says how many are.
    /// Each sends its first request at once. Pages that poll get a response to it, and wait for [`begin`](Self::begin).
    ///
    /// # Errors
    /// Returns an error if a page can't connect, a thread can't be started, or there is no response.
    pub fn open(
        server: SocketAddr,
        (pages, cookie): (usize, usize),
        interval: Option<Duration>,
        journal: &Arc<Journal>,
        held: impl Fn() -> u64,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            server,
            browser: Browser::new(server, cookie),
            journal: Arc::clone(journal),
            connecting: Mutex::new(Vec::new()),
            requests: AtomicU64::new(0),
            answers: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
        });
        let mut all = Self {
            shared: Arc::clone(&shared),
            control: Vec::new(),
            asking: Vec::new(),
            say: Vec::new(),
            posting: Vec::new(),
        };
        for page in 0..pages {
            let (control, controlled) = mpsc::channel();
            all.control.push(control);
            let waits = interval.map(|interval| Waits {
                interval,
                first: interval * (page as u32 + 1) / pages as u32,
            });
            all.asking.push(thread::Builder::new().spawn({
                let shared = Arc::clone(&shared);
                move || {
                    let end = ask(&shared, page, waits, &controlled);
                    shared.report("a page that asks has failed", end);
                }
            })?);
            let (say, said) = mpsc::channel();
            all.say.push(say);
            all.posting.push(thread::Builder::new().spawn({
                let shared = Arc::clone(&shared);
                move || {
                    let end = post(&shared, page, &said);
                    shared.report("a page that posts has failed", end);
                }
            })?);
            let is_open = || shared.answers.load(Ordering::SeqCst) + held() > page as u64;
            wait_until("a page gets no answer", is_open)?;
        }
        Ok(all)
    }

    /// Starts the pauses of the pages that poll.
    pub fn begin(&self) {
        // A page that has ended has said why.
        self.control.iter().for_each(|page| _ = page.send(()));
    }

    /// Has a page send a message. Never waits.
    pub fn say(&self, page: usize, text: String) {
        _ = self.say[page].send(text);
    }

    /// The number of requests that have been sent.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Ends the pages that poll, each after its next response.
    pub fn stop_polling(&mut self) {
        self.control.clear();
        self.asking.drain(..).for_each(|thread| _ = thread.join());
    }
}

impl Drop for HttpPages {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        self.say.clear();
        self.control.clear();
        for stream in self.shared.connecting().drain(..) {
            _ = stream.shutdown(Shutdown::Both);
        }
        let threads = self.asking.drain(..).chain(self.posting.drain(..));
        threads.for_each(|thread| _ = thread.join());
    }
}

impl Shared {
    fn report(&self, what: &str, end: io::Result<()>) {
        if let Err(error) = end
            && !self.stopping.load(Ordering::SeqCst)
        {
            self.journal.fail(format!("{what}: {error}"));
        }
    }

    /// Opens a connection, which is closed together with all others.
    fn connect(&self, connecting: &mut Vec<TcpStream>) -> io::Result<Client> {
        let stream = TcpStream::connect(self.server)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LONG_PATIENCE))?;
        connecting.push(stream.try_clone()?);
        let stream = BufReader::new(stream);
        Ok(Client { stream })
    }

    fn connecting(&self) -> MutexGuard<'_, Vec<TcpStream>> {
        self.connecting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn exchange(&self, client: &mut Client, request: &[u8], status: u16) -> io::Result<Vec<u8>> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        let (got, body) = client.exchange(request)?;
        self.answers.fetch_add(1, Ordering::SeqCst);
        if got == status {
            Ok(body)
        } else {
            Err(io::Error::other(format!("the server answered {got}")))
        }
    }
}

/// Asks for messages, again and again.
fn ask(
    shared: &Shared,
    page: usize,
    waits: Option<Waits>,
    control: &Receiver<()>,
) -> io::Result<()> {
    let mut client = shared.connect(&mut shared.connecting())?;
    let mut cursor = 0;
    let mut news = |client: &mut Client| -> io::Result<()> {
        let body = shared.exchange(client, &shared.browser.get(cursor), 200)?;
        let news: News = serde_json::from_slice(&body)?;
        for message in news.messages {
            shared.journal.see(page, &message.content.message);
        }
        cursor = news.next;
        Ok(())
    };
    news(&mut client)?;
    let (mut pause, interval) = match waits {
        Some(waits) => {
            if control.recv().is_err() {
                return Ok(());
            }
            (waits.first, waits.interval)
        }
        None => (Duration::ZERO, Duration::ZERO),
    };
    while control.recv_timeout(pause) != Err(RecvTimeoutError::Disconnected) {
        news(&mut client)?;
        pause = interval;
    }
    Ok(())
}

/// Posts the messages of a page.
///
/// It connects when it has something to send, and no other page connects until it has a response. tiny_http 0.12
/// sometimes gives connections that arrive at the same moment to one thread, and then the second waits until the
/// first has ended, which may take long.
fn post(shared: &Shared, page: usize, said: &Receiver<String>) -> io::Result<()> {
    let mut client = None;
    for message in said {
        let username = name(page);
        let body = serde_json::to_string(&NewMessage { username, message })?;
        let request = shared.browser.post(&body);
        if let Some(client) = &mut client {
            shared.exchange(client, &request, 201)?;
        } else {
            let mut connecting = shared.connecting();
            let first = client.insert(shared.connect(&mut connecting)?);
            shared.exchange(first, &request, 201)?;
        }
    }
    Ok(())
}

/// Waits until `is_so`.
///
/// # Errors
/// Returns an error that says `otherwise` if it takes too long.
pub fn wait_until(otherwise: &str, is_so: impl Fn() -> bool) -> io::Result<()> {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        if Instant::now() > end {
            return Err(io::Error::other(otherwise.to_string()));
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// The name of a page's user.
pub fn name(page: usize) -> String {
    format!("user{page:02}")
}

/// One connection that is kept alive.
struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Sends a request, and reads the response: status and body.
    fn exchange(&mut self, request: &[u8]) -> io::Result<(u16, Vec<u8>)> {
        self.stream.get_mut().write_all(request)?;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.stream.read_line(&mut head)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        let fields = head.lines().filter_map(|line| line.split_once(':'));
        let mut lengths = fields.filter(|(name, _)| name.eq_ignore_ascii_case("Content-Length"));
        let length = lengths.next().and_then(|(_, it)| it.trim().parse().ok());
        let (Some(status), Some(length)) = (status, length) else {
            return Err(io::Error::other(format!("no answer: {head:?}")));
        };
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok((status, body))
    }
}
