//! `cargo workshop compare`: measures the cost of the same chat over polling, long polling and WebSocket.
//!
//! ```text
//!              ┌─ Proxy ─▶ step 01, polling        a page of each kind is threads that do what the
//!   the same   │                                   step's page.js does: HttpPages, SocketPages
//!   messages ──┼─ Proxy ─▶ step 02, long polling
//!   at the same│                                   each Proxy counts the bytes that go by
//!   moments    └─ Proxy ─▶ step 10, WebSocket      each Journal notes what is said and seen, and when
//! ```
//!
//! The three run at the same time, on loopback, in one process. So whatever else the machine does, it
//! does to all three; and the traffic of one is far too small to disturb the others. What is counted is
//! what TCP carries: requests, responses and frames to the byte, the opening handshake among them, in
//! both directions. The headers of TCP and IP are not counted, and there is no TLS.
//!
//! | module | what it is for |
//! |---|---|
//! | [`options`] | the command line |
//! | [`browser`] | request heads, as Chromium writes them |
//! | [`proxy`] | counts bytes |
//! | [`journal`] | what was said and seen, and when |
//! | [`http_pages`] | pages that poll, shortly or long |
//! | [`socket_pages`] | pages with a WebSocket |
//! | [`measure`] | one rate, all three ways |
//! | [`table`] | the figures, written and read |
//! | [`crossing`] | where two lines cross |
//! | [`plot`] | the figures, drawn |
//! | [`bar`] | how far it is |

pub mod bar;
pub mod browser;
pub mod crossing;
pub mod http_pages;
pub mod journal;
pub mod measure;
pub mod options;
pub mod plot;
pub mod proxy;
pub mod socket_pages;
pub mod table;
