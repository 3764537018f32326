//! The opening handshake: HTTP says goodbye, and a WebSocket takes over its connection.
//!
//! ```text
//! client → server                                   server → client
//!   GET /socket HTTP/1.1                              HTTP/1.1 101 Switching Protocols
//!   Host: 127.0.0.1:9004                              Upgrade: websocket
//!   Upgrade: websocket                                Connection: Upgrade
//!   Connection: Upgrade                               Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
//!   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
//!   Sec-WebSocket-Version: 13
//! ```
//!
//! Only [`server`] does I/O. All other modules take bytes and return a verdict and bytes.
//!
//! | module | what it is for | RFC |
//! |---|---|---|
//! | [`slides`] | four handshakes that are wrong, for you to judge | |
//! | [`fields`] | the fields of a head: names that ignore case, lists of tokens | 9110 §5 |
//! | [`head`] | finds the end of a head, and reads a request's or a response's | 9112 |
//! | [`response`] | writes a head, and lists the fields of a 101 | 6455 §4.2.2 |
//! | [`refusal`] | the rules that a request can break, and the answer to each | 6455 §4.2.1, 9110 §15 |
//! | [`key`] | `Sec-WebSocket-Key` | 6455 §4.1 |
//! | [`origin`] | where a page came from: scheme, host and port | 6454 |
//! | [`policy`] | which origins are welcome, and which subprotocols are spoken | 6455 §1.9, §10.2 |
//! | [`extensions`] | `Sec-WebSocket-Extensions`, parsed and not used yet | 6455 §9.1 |
//! | [`opening`] | a request that keeps every rule of a client's handshake, and its 101 | 6455 §4.2.1 |
//! | [`client`] | the other half: asks, and checks the answer | 6455 §4.1 |
//! | [`server`] | the handshake on a real socket, by tiny_http | |

pub mod client;
pub mod extensions;
pub mod fields;
pub mod head;
pub mod key;
pub mod opening;
pub mod origin;
pub mod policy;
pub mod refusal;
pub mod response;
pub mod server;
pub mod slides;
