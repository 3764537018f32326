//! Wakes a read that waits, where the stream has no timeout of its own.
//!
//! tiny_http hands over a boxed stream that can read, write, and nothing else. But a socket takes
//! over some options from the listener that it was accepted on, and the listener is ours: that is so
//! on Linux, and nothing that every system promises. A timeout for receiving is one of them. Where it
//! isn't taken over, a read waits for as long as the peer is silent, and so do the deadlines.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// From now on a read on an accepted socket waits for `read` at most, and a write for `write`.
/// Small writes go out at once. Neither may be zero.
///
/// `accept` on the listener waits for `read` at most, too. See [`crate::server`] for what that does to
/// tiny_http.
///
/// # Errors
/// The system doesn't take the options.
pub fn set(listener: &TcpListener, read: Duration, write: Duration) -> io::Result<()> {
    let socket = as_stream(listener.try_clone()?);
    socket.set_read_timeout(Some(read))?;
    socket.set_write_timeout(Some(write))?;
    socket.set_nodelay(true)
}

/// The standard library sets these options on streams alone. To the system a socket is a socket.
#[cfg(unix)]
fn as_stream(listener: TcpListener) -> TcpStream {
    TcpStream::from(std::os::fd::OwnedFd::from(listener))
}

/// The standard library sets these options on streams alone. To the system a socket is a socket.
#[cfg(windows)]
fn as_stream(listener: TcpListener) -> TcpStream {
    TcpStream::from(std::os::windows::io::OwnedSocket::from(listener))
}
