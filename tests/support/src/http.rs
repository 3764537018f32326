//! A bare HTTP client on a real socket: it sends exactly the bytes it is told to send, and gives
//! back exactly the bytes that came. Every wait has a deadline.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::machine::stretched;

/// How long one read or write may take on a machine that isn't busy: less than a check has, so that
/// it is the check's report that says which answer is missing.
const DEADLINE: Duration = Duration::from_secs(3);

/// One connection to a server.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<TcpStream>,
}

/// A response, as it came and read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status code: 200, 404.
    pub status: u16,
    /// The status line and the header lines, to the byte, with the empty line that ends them.
    pub head: String,
    /// The body, to the byte.
    pub body: Vec<u8>,
}

impl Client {
    /// Connects to the server.
    ///
    /// # Panics
    /// Where nobody listens there.
    pub fn connect(address: SocketAddr) -> Self {
        let deadline = stretched(DEADLINE);
        let stream = TcpStream::connect_timeout(&address, deadline)
            .unwrap_or_else(|error| panic!("can't connect to your server at {address}: {error}"));
        stream
            .set_read_timeout(Some(deadline))
            .expect("the deadline is not zero");
        stream
            .set_write_timeout(Some(deadline))
            .expect("the deadline is not zero");
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// Sends these bytes. A server that has closed the connection already is no error here: what
    /// it answered before is still to be read.
    pub fn send(&mut self, bytes: &[u8]) {
        _ = self.stream.get_mut().write_all(bytes);
    }

    /// Sends a request with the headers that every request needs, and a body with its length where
    /// there is one.
    pub fn request(&mut self, method: &str, target: &str, body: Option<&str>) {
        let mut request = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n");
        if let Some(body) = body {
            request += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
        } else {
            request += "\r\n";
        }
        self.send(request.as_bytes());
    }

    /// Reads one response.
    ///
    /// # Panics
    /// Where none comes in time, or what comes is no HTTP.
    pub fn response(&mut self) -> Response {
        self.try_response()
            .unwrap_or_else(|error| panic!("{}", in_words(&error)))
    }

    /// Reads one response, or says why there is none.
    ///
    /// # Errors
    /// The deadline passed, the connection was closed, or what came is no HTTP.
    pub fn try_response(&mut self) -> io::Result<Response> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.stream.read_line(&mut head)? == 0 {
                return Err(io::Error::other(
                    "it closed the connection before the end of a response's head",
                ));
            }
        }
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status in {head:?}")))?;
        let mut body = vec![0; content_length(&head)];
        self.stream.read_exact(&mut body)?;
        Ok(Response { status, head, body })
    }

    /// Whether a response, or the end of the connection, has come by now: never waits.
    pub fn has_answer(&mut self) -> bool {
        let stream = self.stream.get_ref();
        stream
            .set_nonblocking(true)
            .expect("a socket can be made nonblocking");
        let waiting = matches!(stream.peek(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        stream
            .set_nonblocking(false)
            .expect("a socket can be made blocking");
        !waiting || !self.stream.buffer().is_empty()
    }

    /// Everything that still comes until the server closes the connection.
    ///
    /// # Panics
    /// Where the server keeps the connection open and silent until the deadline.
    pub fn rest(mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            // A reset is an end too: it comes where the server closed with bytes still unread.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => rest,
            Err(error) if is_silence(&error) => {
                panic!(
                    "your server did not close the connection within {} s",
                    DEADLINE.as_secs()
                )
            }
            Err(error) => panic!("your server did not close the connection: {error}"),
            Ok(_) => rest,
        }
    }

    /// The next bytes that come, so many of them.
    ///
    /// # Panics
    /// Where they don't come in time.
    pub fn next_bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        let read = self.stream.read_exact(&mut bytes);
        read.unwrap_or_else(|error| panic!("{}", in_words(&error)));
        bytes
    }

    /// The socket itself, for a check that wants to do what a client shouldn't.
    pub fn socket(&self) -> &TcpStream {
        self.stream.get_ref()
    }
}

/// Sends one request on a connection of its own, and reads the response.
pub fn exchange(address: SocketAddr, method: &str, target: &str, body: Option<&str>) -> Response {
    let mut client = Client::connect(address);
    client.request(method, target, body);
    client.response()
}

impl Response {
    /// The whole response, to the byte.
    pub fn bytes(&self) -> Vec<u8> {
        [self.head.as_bytes(), &self.body].concat()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The value of a header, by its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

/// Why there is no response, without the words of the operating system for a deadline.
fn in_words(error: &io::Error) -> String {
    if is_silence(error) {
        format!(
            "your server took the request and sent no response within {} s. A loop that never ends, \
             a lock that is never let go of, or an answer that is never sent all look like this.",
            DEADLINE.as_secs()
        )
    } else {
        format!("your server sent no whole response: {error}")
    }
}

/// Whether nothing came by the deadline. What it is called depends on the system.
fn is_silence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

fn content_length(head: &str) -> usize {
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    });
    length.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::thread;

    #[test]
    fn a_response_is_read_to_its_end_and_no_further() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhiHTTP/1.1 404 No\r\n\r\n")
                .unwrap();
        });
        let mut client = Client::connect(address);
        let first = client.response();
        assert_eq!((first.status, first.text().as_str()), (200, "hi"));
        assert_eq!(first.header("Content-Length"), Some("2"));
        assert_eq!(client.response().status, 404);
        assert!(client.rest().is_empty());
        server.join().unwrap();
    }
}
