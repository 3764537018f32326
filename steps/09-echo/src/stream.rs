//! The bytes under a WebSocket: TCP, or in a later step TLS on top of TCP.
//!
//! Two threads may use one stream at the same time: one reads, and the other writes.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// A stream of bytes in both directions, to read and to write through a shared reference.
pub trait Stream: fmt::Debug + Send + Sync {
    /// Reads once, as [`Read::read`] does: 0 bytes are the end.
    ///
    /// # Errors
    /// Returns `WouldBlock` or `TimedOut` after the read timeout, and the stream's error if it has failed.
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes once, as [`Write::write`] does. When it returns, the bytes that it took are with the system.
    ///
    /// # Errors
    /// Returns `WouldBlock` or `TimedOut` after the write timeout, and the stream's error if it has failed.
    fn write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Ends one direction, or both. The end of our direction tells the peer that no more will come.
    ///
    /// # Errors
    /// Returns the stream's error if it has ended already.
    fn shutdown(&self, how: Shutdown) -> io::Result<()>;

    /// Returns the TCP connection that carries the bytes, to set its options.
    fn tcp(&self) -> &TcpStream;

    /// Returns the address of the peer.
    ///
    /// # Errors
    /// Returns the system's error if there is none any more.
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.tcp().peer_addr()
    }

    /// Returns how long a read waits. `None` is for ever.
    ///
    /// # Errors
    /// Returns the system's error if it doesn't know.
    fn read_timeout(&self) -> io::Result<Option<Duration>> {
        self.tcp().read_timeout()
    }

    /// Sets how long a read waits.
    ///
    /// # Errors
    /// Returns the system's error if it refuses, for example a time of zero.
    fn set_read_timeout(&self, within: Option<Duration>) -> io::Result<()> {
        self.tcp().set_read_timeout(within)
    }

    /// Sets how long a write waits for a peer that doesn't read.
    ///
    /// # Errors
    /// Returns the system's error if it refuses, for example a time of zero.
    fn set_write_timeout(&self, within: Option<Duration>) -> io::Result<()> {
        self.tcp().set_write_timeout(within)
    }
}

impl Stream for TcpStream {
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Read::read(&mut &*self, buffer)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(&mut &*self, bytes)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        TcpStream::shutdown(self, how)
    }

    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Read for &dyn Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Stream::read(*self, buffer)
    }
}

impl Write for &dyn Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Stream::write(*self, bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Makes the stream of a connection that a server has accepted: with TLS in a later step, and in this one of TCP alone.
pub trait Acceptor: fmt::Debug + Send + Sync {
    /// Does whatever comes before the first head. Returns within a deadline of its own.
    ///
    /// # Errors
    /// Returns an error if there is no stream. The client has been told why, if it could understand that.
    fn accept(&self, tcp: TcpStream) -> io::Result<Box<dyn Stream>>;
}

/// Makes the stream of a client: with TLS, for a URL that begins with `wss:`.
pub trait Connector: fmt::Debug + Send + Sync {
    /// Does whatever comes before the opening handshake with the host of this name. Returns within a deadline of its
    /// own.
    ///
    /// # Errors
    /// Returns an error if there is no stream, for example because the host can't prove that this is its name.
    fn connect(&self, name: &str, tcp: TcpStream) -> io::Result<Box<dyn Stream>>;
}
