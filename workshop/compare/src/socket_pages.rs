//! Pages with a WebSocket: those of step 10.
//!
//! They use the crates of steps 04 and 08. Keys only differ from each other, which is enough for a measurement on
//! loopback. A real client uses keys that can't be guessed (RFC 6455 §4.1, §5.3).

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use connection::{CloseCode, Config, Connection, Event};
use handshake::client::ClientHandshake;
use handshake::head::{HeadBuffer, Limits, ResponseHead};
use handshake::key::Key;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::http_pages::name;
use crate::journal::Journal;

/// The time limit for opening a connection, and for closing one.
const PATIENCE: Duration = Duration::from_secs(10);

/// Pages with an open WebSocket. Dropping them closes them.
pub struct SocketPages {
    pages: Vec<Page>,
    stopping: Arc<AtomicBool>,
    reading: Vec<JoinHandle<()>>,
}

#[derive(Clone)]
struct Page {
    stream: Arc<TcpStream>,
    connection: Arc<Mutex<Connection>>,
}

impl SocketPages {
    /// Opens pages. Each takes a name, as the page of step 10 does, of which all pages are told. Returns when all have
    /// been told of all.
    ///
    /// # Errors
    /// Returns an error if they can't connect, the server refuses, or it takes too long.
    pub fn open(
        server: SocketAddr,
        (pages, cookie): (usize, usize),
        journal: &Arc<Journal>,
    ) -> io::Result<Self> {
        let browser = Browser::new(server, cookie);
        let mut all = Self {
            pages: Vec::new(),
            stopping: Arc::new(AtomicBool::new(false)),
            reading: Vec::new(),
        };
        let (join, joined) = mpsc::channel();
        for number in 0..pages {
            let page = Page::connect(server, &browser, number)?;
            all.reading.push(thread::Builder::new().spawn({
                let (page, journal, join) = (page.clone(), Arc::clone(journal), join.clone());
                let stopping = Arc::clone(&all.stopping);
                move || {
                    let end = page.read(number, &journal, &join);
                    let why = end.map_or_else(|error| error.to_string(), |()| "it ends".into());
                    if !stopping.load(Ordering::SeqCst) {
                        journal.fail(format!("a page's connection has failed: {why}"));
                    }
                }
            })?);
            page.send(&json!({ "username": name(number) }).to_string())?;
            all.pages.push(page);
            // Every open page, this one too, is told that a page has joined. This page also gets its answer.
            let news = number + 2;
            for _ in 0..news {
                let in_time = joined.recv_timeout(PATIENCE);
                in_time.map_err(|_| io::Error::other("nobody heard of a page that has come"))?;
            }
        }
        Ok(all)
    }

    /// Sends a message from a page.
    ///
    /// # Errors
    /// Returns an error if its connection has failed.
    pub fn say(&self, page: usize, text: &str) -> io::Result<()> {
        let message = json!({ "username": name(page), "message": text });
        self.pages[page].send(&message.to_string())
    }

    /// The number of pages.
    pub fn count(&self) -> usize {
        self.pages.len()
    }
}

impl Drop for SocketPages {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        for page in &self.pages {
            // A page that is gone already isn't closed again.
            if page.close().is_err() {
                _ = page.stream.shutdown(Shutdown::Both);
            }
        }
        self.reading.drain(..).for_each(|thread| _ = thread.join());
    }
}

impl Page {
    fn connect(server: SocketAddr, browser: &Browser, number: usize) -> io::Result<Self> {
        let mut stream = TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let handshake = ClientHandshake {
            host: server.to_string(),
            // The page's word for a tab has about 27 letters.
            resource: format!("/socket?after=0&tab={number:027}"),
            origin: None,
            key: Key::new((number as u128).to_be_bytes()),
            subprotocols: Vec::new(),
            extensions: vec!["permessage-deflate".to_string()],
        };
        let request = browser.upgrade(&handshake.resource, handshake.key.as_str());
        stream.write_all(&request)?;
        let mut buffer = HeadBuffer::new(Limits::default());
        let mut piece = [0; 1024];
        loop {
            let length = match stream.read(&mut piece)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => length,
            };
            let refused = |error| io::Error::other(format!("the answer isn't a head: {error:?}"));
            if buffer.push(&piece[..length]).map_err(refused)? {
                break;
            }
        }
        let answer = ResponseHead::parse(&buffer)
            .map_err(|error| io::Error::other(format!("the answer isn't a head: {error:?}")))?;
        handshake
            .check(&answer)
            .map_err(|failure| io::Error::other(format!("no WebSocket: {failure:?}")))?;
        let mut key = number as u32;
        let mut connection = Connection::client(Config::default(), move || {
            key = key.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            key.to_be_bytes()
        });
        connection.feed(buffer.rest());
        // From here on the journal decides how long to wait.
        stream.set_read_timeout(None)?;
        Ok(Self {
            stream: Arc::new(stream),
            connection: Arc::new(Mutex::new(connection)),
        })
    }

    /// Reads until TCP ends.
    fn read(&self, number: usize, journal: &Journal, join: &Sender<()>) -> io::Result<()> {
        let mut buffer = [0; 4096];
        // The bytes after the handshake were received already.
        let mut length = 0;
        loop {
            let mut connection = self.lock();
            connection.feed(&buffer[..length]);
            while let Some(event) = connection.poll() {
                if let Event::Text(text) = event {
                    hear(&text, number, journal, join)?;
                }
            }
            self.write(connection)?;
            length = match (&*self.stream).read(&mut buffer)? {
                0 => return Ok(()),
                length => length,
            };
        }
    }

    fn send(&self, text: &str) -> io::Result<()> {
        let mut connection = self.lock();
        connection.send_text(text).map_err(io::Error::other)?;
        self.write(connection)
    }

    fn close(&self) -> io::Result<()> {
        let mut connection = self.lock();
        let closing = connection.close(CloseCode::NORMAL, "");
        closing.map_err(io::Error::other)?;
        // Don't wait forever for an answer.
        self.stream.set_read_timeout(Some(PATIENCE))?;
        self.write(connection)
    }

    /// Writes the bytes that the connection has to send. Holds the lock meanwhile, so that frames don't interleave.
    fn write(&self, mut connection: MutexGuard<Connection>) -> io::Result<()> {
        (&*self.stream).write_all(&connection.take_outgoing())
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn hear(text: &str, page: usize, journal: &Journal, join: &Sender<()>) -> io::Result<()> {
    let news: Value = serde_json::from_str(text)?;
    if let Some(message) = news["message"].as_str() {
        journal.see(page, message);
    } else if news["joined"].is_string() || news["you"].is_string() {
        _ = join.send(());
    } else if let Some(error) = news["error"].as_str() {
        return Err(io::Error::other(error.to_string()));
    }
    Ok(())
}
