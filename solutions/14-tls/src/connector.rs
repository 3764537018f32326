//! A client's side: from a TCP connection to a TLS stream with a server that has proved its name.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use echo::stream::{Connector, Stream};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, Connection};

use crate::config;
use crate::negotiation::{HandshakeError, hang_up, shake_hands};
use crate::stream::TlsStream;

/// How long a TLS handshake may take, unless a program says something else.
pub const WITHIN: Duration = Duration::from_secs(10);

/// Makes TLS streams for a client.
// ANCHOR: connector
#[derive(Debug, Clone)]
pub struct TlsConnector {
    config: Arc<ClientConfig>,
    within: Duration,
}
// ANCHOR_END: connector

impl TlsConnector {
    /// Creates a connector that trusts these authorities, and no others.
    ///
    /// # Errors
    /// Returns an error if one of them isn't a certificate.
    pub fn new(
        trusted: &[CertificateDer<'static>],
        within: Duration,
    ) -> Result<Self, rustls::Error> {
        let config = Arc::new(config::client(trusted)?);
        Ok(Self { config, within })
    }

    // ANCHOR: negotiate
    fn negotiate(&self, name: &str, tcp: &TcpStream) -> Result<Connection, HandshakeError> {
        // Task: the name that the URL has is the one that the certificate must have.
        let deadline = Instant::now() + self.within;
        let name = server_name(name)?;
        let mut tls = ClientConnection::new(self.config.clone(), name)?.into();
        shake_hands(&mut tls, tcp, deadline)?;
        Ok(tls)
    }
    // ANCHOR_END: negotiate
}

/// The name that the server must prove. An IPv6 address may be in brackets, as in a URL.
fn server_name(name: &str) -> Result<ServerName<'static>, HandshakeError> {
    let bare = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
        .unwrap_or(name);
    ServerName::try_from(bare.to_string()).map_err(|_| HandshakeError::NotAName)
}

impl Connector for TlsConnector {
    fn connect(&self, name: &str, tcp: TcpStream) -> io::Result<Box<dyn Stream>> {
        let (read_timeout, write_timeout) = (tcp.read_timeout()?, tcp.write_timeout()?);
        match self.negotiate(name, &tcp) {
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
