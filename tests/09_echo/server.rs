//! What is this server's own: the first line of its answers, and how a check makes it close a connection. The checks of
//! the fast echo have a different file instead.

use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use echo::door::Socket;

use super::shared::DEADLINE;

/// The first line of a response.
pub fn first_line(head: &[u8]) -> String {
    let head = String::from_utf8_lossy(head);
    head.lines().next().unwrap_or("nothing").to_string()
}

/// A client whose server closes with so much patience, and a channel that tells when it has closed.
pub fn leaving(patience: Duration) -> (TcpStream, mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = listener.local_addr().expect("it has an address");
    let client = TcpStream::connect(address).expect("it listens");
    let (stream, _) = listener.accept().expect("a client has come");
    let tick = Duration::from_millis(10);
    let socket =
        Socket::new(Box::new(stream), tick, DEADLINE).expect("the system takes the options");
    let (has_closed, closed) = mpsc::channel();
    std::thread::spawn(move || {
        socket.close(patience);
        has_closed.send(())
    });
    (client, closed)
}
