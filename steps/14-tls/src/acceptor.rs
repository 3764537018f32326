//! A server's side: from a TCP connection to a TLS stream, or to an answer without TLS.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use echo::stream::{Acceptor, Stream};
use rustls::{Connection, ServerConfig, ServerConnection};

use crate::certificates::Certificates;
use crate::config;
use crate::negotiation::{HandshakeError, hang_up, shake_hands};
use crate::plain::{self, First};
use crate::stream::TlsStream;

/// What a server allows before there is a TLS connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How long it may take, from the connection to the last byte of the handshake.
    pub within: Duration,
    /// How many handshakes may run at once. Each costs a thread, and some of a processor.
    pub at_once: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            within: Duration::from_secs(10),
            at_once: 256,
        }
    }
}

/// Makes TLS streams for a server, each in its connection's own thread.
#[derive(Debug)]
pub struct TlsAcceptor {
    config: Arc<ServerConfig>,
    certificates: Arc<Certificates>,
    limits: Limits,
    running: AtomicUsize,
}

/// A handshake that runs. Dropping it makes room for the next one.
struct Running<'a>(&'a AtomicUsize);

impl TlsAcceptor {
    /// Creates an acceptor that shows these certificates.
    ///
    /// # Errors
    /// Returns an error if TLS can't be configured.
    pub fn new(certificates: Arc<Certificates>, limits: Limits) -> Result<Self, rustls::Error> {
        Ok(Self {
            config: Arc::new(config::server(certificates.clone())?),
            certificates,
            limits,
            running: AtomicUsize::new(0),
        })
    }

    /// Returns the certificates, to replace them.
    pub fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    fn negotiate(&self, tcp: &TcpStream) -> Result<Connection, HandshakeError> {
        // Task: one deadline for everything. HTTP without TLS gets its answer, and is an error.
        todo!("one deadline for everything. HTTP without TLS gets its answer, and is an error")
    }

    /// Counts a handshake that begins, if there is room.
    fn begin(&self) -> Option<Running<'_>> {
        // Task: count it first, then look whether that was too many. `Running` counts down when it is dropped.
        todo!(
            "count it first, then look whether that was too many. `Running` counts down when it is dropped"
        )
    }

    /// Replaces the certificate if it is time to. If the new one is bad, the old one stays, and a line says why.
    fn renew(&self) {
        if let Err(error) = self.certificates.renew(SystemTime::now()) {
            eprintln!("the old certificate stays: {error}");
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Acceptor for TlsAcceptor {
    fn accept(&self, tcp: TcpStream) -> io::Result<Box<dyn Stream>> {
        let (read_timeout, write_timeout) = (tcp.read_timeout()?, tcp.write_timeout()?);
        match self.negotiate(&tcp) {
            Ok(tls) => {
                tcp.set_read_timeout(read_timeout)?;
                tcp.set_write_timeout(write_timeout)?;
                Ok(Box::new(TlsStream::new(tls, tcp)))
            }
            Err(error) => {
                hang_up(&tcp, &error);
                Err(error.into())
            }
        }
    }
}
