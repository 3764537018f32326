//! A cache between users and servers, older than WebSocket. Neither side knows that it is there.
//!
//! It passes every byte on. In the bytes of a user it looks for requests, in those of a server for their responses, and
//! it skips whatever it doesn't understand. It keeps a response under the host *that the request names*, not under the
//! one that the connection leads to. Huang and others found caches like this on the internet: "Talking to Yourself for
//! Fun and Profit" (2011).

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::servers::serve;

/// How long a read may wait.
const DEADLINE: Duration = Duration::from_secs(30);

/// The responses that are kept: `cdn.example/jquery.js` and its bytes.
#[derive(Clone, Default)]
pub struct Cache {
    kept: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
}

impl Cache {
    /// Starts between the users and one server. Returns the address that the users connect to.
    pub fn listen_before(&self, server: SocketAddr) -> io::Result<SocketAddr> {
        let cache = self.clone();
        serve(move |user| cache.pass(&user, &connect(server)?))
    }

    /// Returns the names of what is kept.
    pub fn kept(&self) -> Vec<String> {
        lock(&self.kept).keys().cloned().collect()
    }

    /// Passes bytes in both directions.
    fn pass(&self, user: &TcpStream, server: &TcpStream) -> io::Result<()> {
        user.set_read_timeout(Some(DEADLINE))?;
        let asked = Mutex::default();
        thread::scope(|scope| {
            scope.spawn(|| {
                _ = self.pass_requests(user, server, &asked);
                _ = server.shutdown(Shutdown::Both);
            });
            _ = self.pass_responses(server, user, &asked);
            user.shutdown(Shutdown::Both)
        })
    }

    /// Notes what the user asks for. What is kept is answered at once.
    fn pass_requests(
        &self,
        mut user: &TcpStream,
        mut server: &TcpStream,
        asked: &Mutex<VecDeque<String>>,
    ) -> io::Result<()> {
        let (mut seen, mut buffer) = (Vec::new(), [0; 1024]);
        loop {
            let count = user.read(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            seen.extend(&buffer[..count]);
            while let Some(request) = take_message(&mut seen, "GET ") {
                let name = name_of(&request);
                if let Some(response) = lock(&self.kept).get(&name) {
                    return user.write_all(response);
                }
                lock(asked).push_back(name);
            }
            server.write_all(&buffer[..count])?;
        }
    }

    /// Keeps every good response to what the user has asked for.
    fn pass_responses(
        &self,
        mut server: &TcpStream,
        mut user: &TcpStream,
        asked: &Mutex<VecDeque<String>>,
    ) -> io::Result<()> {
        let (mut seen, mut buffer) = (Vec::new(), [0; 1024]);
        loop {
            let count = server.read(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            seen.extend(&buffer[..count]);
            while let Some(response) = take_message(&mut seen, "HTTP/1.1 ") {
                let name = lock(asked).pop_front();
                if let Some(name) = name.filter(|_| response.starts_with(b"HTTP/1.1 200 ")) {
                    lock(&self.kept).insert(name, response);
                }
            }
            user.write_all(&buffer[..count])?;
        }
    }
}

/// Takes a message of HTTP out of these bytes, head and body, and whatever comes before it.
fn take_message(bytes: &mut Vec<u8>, begin: &str) -> Option<Vec<u8>> {
    let start = find(bytes, begin)?;
    let body = start + find(&bytes[start..], "\r\n\r\n")? + 4;
    let length = field(&bytes[start..body], "Content-Length");
    let end = body + length.and_then(|length| length.parse().ok()).unwrap_or(0);
    let message = bytes.get(start..end)?.to_vec();
    bytes.drain(..end);
    Some(message)
}

/// Returns the name under which a response is kept: the host and the path of the request.
fn name_of(request: &[u8]) -> String {
    let line = String::from_utf8_lossy(request);
    let path = line.split(' ').nth(1).unwrap_or_default();
    field(request, "Host").unwrap_or_default() + path
}

/// Returns the value of a field.
fn field(head: &[u8], name: &str) -> Option<String> {
    let head = String::from_utf8_lossy(head);
    let mut fields = head.lines().filter_map(|line| line.split_once(": "));
    fields.find_map(|(it, value)| (it == name).then(|| value.to_string()))
}

fn find(bytes: &[u8], text: &str) -> Option<usize> {
    let mut windows = bytes.windows(text.len());
    windows.position(|window| window == text.as_bytes())
}

/// Connects, to read with a deadline.
pub fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    Ok(stream)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
