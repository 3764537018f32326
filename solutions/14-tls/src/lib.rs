//! TLS under a WebSocket: `wss://`. The connection and its driver stay as they are.
//!
//! ```text
//!   your steps 08 to 12: frames, messages, connections
//!      │ read, write                    the bytes of a WebSocket
//!   stream        encrypts, decrypts
//!      │ read, write                    TLS records
//!   TCP
//!
//!   a server's TCP ──▶ acceptor ──▶ stream        a client's TCP ──▶ connector ──▶ stream
//!                        │  └─ plain: HTTP without TLS                  │
//!                        └───────────── negotiation, up to a deadline ──┘
//! ```
//!
//! rustls knows TLS and has no socket, just as your connection knows WebSocket and has none.
//!
//! | module | what it is for | RFC |
//! |---|---|---|
//! | [`authority`] | a certificate authority for this machine | 5280 §4.2.1 |
//! | [`certificates`] | the certificate that a server shows, and a new one while it runs | 8446 §4.4.2 |
//! | [`config`] | what both sides of TLS allow | 7301, 6455 §11 |
//! | [`stream`] | a TLS connection that two threads use at once | 8446 §5, §6.1 |
//! | [`negotiation`] | the handshake of TLS, up to a deadline | 8446 §2, §6.2 |
//! | [`plain`] | the answer to HTTP without TLS | 9110 §15 |
//! | [`acceptor`] | a server's side | 6455 §10.6 |
//! | [`connector`] | a client's side | 6455 §4.1 |
//! | [`trust`] | how a browser is told about the authority | |

pub mod acceptor;
pub mod authority;
pub mod certificates;
pub mod config;
pub mod connector;
pub mod negotiation;
pub mod plain;
pub mod stream;
pub mod trust;

pub use acceptor::TlsAcceptor;
pub use authority::Authority;
pub use certificates::Certificates;
pub use connector::TlsConnector;
pub use negotiation::HandshakeError;
pub use stream::TlsStream;
