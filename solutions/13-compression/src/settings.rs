//! What an endpoint would like.
//!
//! The same settings are for a server and for a client. A server limits its own side as it likes. What it may ask of
//! the client depends on the offer; what a client may ask of the server, on the server.

use crate::parameters::{Context, Parameters};
use crate::window::WindowBits;

/// How an endpoint would like to compress.
// ANCHOR: compression
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compression {
    /// How the server should compress. The default takes everything over, in the largest window.
    pub server: Context,
    /// How the client should compress. The default is the same.
    pub client: Context,
    /// The shortest message that we try to compress, in bytes. The default is 32.
    pub min_length: usize,
    /// Whether the server compresses a message once for many clients. Then no message that it sends refers to those
    /// before it, and its window is the largest for every client. The default is no.
    pub for_many: bool,
}
// ANCHOR_END: compression

impl Default for Compression {
    fn default() -> Self {
        Self {
            server: Context::default(),
            client: Context::default(),
            min_length: 32,
            for_many: false,
        }
    }
}

impl Compression {
    /// Returns the settings of a server that sends the same messages to many clients.
    pub fn for_many() -> Self {
        Self {
            for_many: true,
            ..Self::default()
        }
    }

    /// Returns the parameters that a client with these settings offers.
    // ANCHOR: offered
    pub fn offered(&self) -> Parameters {
        let server_window = self.server.window;
        Parameters {
            server_no_context_takeover: !self.server.is_taken_over,
            client_no_context_takeover: !self.client.is_taken_over,
            server_max_window_bits: (server_window < WindowBits::MAX).then_some(server_window),
            client_max_window_bits: Some(self.client.window),
        }
    }
    // ANCHOR_END: offered
}
