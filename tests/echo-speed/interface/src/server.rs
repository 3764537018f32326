//! A server of step 17 that is started as one of step 09 is.

use std::io;
use std::net::{SocketAddr, TcpListener};

use step_09::Settings;

/// A running server with the interface of [`step_09::Server`].
pub struct Server(speed::Server);

impl Server {
    /// Starts a server that accepts clients on `listener`.
    ///
    /// # Errors
    /// Returns the system's error if the listener can't be used, or no thread can be started.
    pub fn start(listener: TcpListener, settings: Settings) -> io::Result<Self> {
        Ok(Self(speed::Echo::start(listener, &settings)?))
    }

    /// Returns the address on which the server listens.
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }
}
