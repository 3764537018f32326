//! The three servers that are measured, each on a port of its own in this process. All of them have
//! a thread for each connection, and none waits with small segments (Nagle).

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use echo::{Server, Settings};

/// How many bytes the raw echo reads at once: as many as our server.
const READ_AT_ONCE: usize = echo::driver::READ_BUFFER_SIZE;

/// What a server makes of the bytes that it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    /// WebSocket: frames come back unmasked, behind a handshake.
    WebSocket,
    /// Nothing: bytes come back as they are.
    Tcp,
}

/// A server that runs.
pub struct Contestant {
    /// What the table calls it.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// What it speaks.
    pub speaks: Speaks,
    /// Ends with it.
    _server: Option<Server>,
}

/// The echo server of step 09, with its default limits.
///
/// # Errors
/// The system's.
pub fn ours() -> io::Result<Contestant> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    Ok(Contestant {
        name: "step 09".to_string(),
        address,
        speaks: Speaks::WebSocket,
        _server: Some(Server::start(listener, Settings::default())?),
    })
}

/// tungstenite with its defaults: read a message, send it.
///
/// # Errors
/// The system's.
pub fn tungstenite() -> io::Result<Contestant> {
    let name = format!("tungstenite {}", version_of("tungstenite"));
    on_threads(name, Speaks::WebSocket, |stream| {
        let Ok(mut socket) = tungstenite::accept(stream) else {
            return;
        };
        while let Ok(message) = socket.read() {
            if (message.is_text() || message.is_binary()) && socket.send(message).is_err() {
                return;
            }
        }
    })
}

/// Bytes in, bytes out: what is left when a server understands nothing.
///
/// # Errors
/// The system's.
pub fn raw_tcp() -> io::Result<Contestant> {
    on_threads("raw TCP".to_string(), Speaks::Tcp, |mut stream| {
        let mut buffer = vec![0; READ_AT_ONCE];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            if stream.write_all(&buffer[..count]).is_err() {
                return;
            }
        }
    })
}

fn on_threads(name: String, speaks: Speaks, serve: fn(TcpStream)) -> io::Result<Contestant> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                if stream.set_nodelay(true).is_ok() {
                    serve(stream);
                }
            });
        }
    });
    Ok(Contestant {
        name,
        address,
        speaks,
        _server: None,
    })
}

/// The version of a package that this was built with.
fn version_of(package: &str) -> &'static str {
    let lock = include_str!("../../../Cargo.lock");
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    let version = lines.nth(1).and_then(|line| line.split('"').nth(1));
    version.unwrap_or("of unknown version")
}
