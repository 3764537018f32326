//! The one request of a connection. hyper reads it and writes the answer. If that is a 101, TCP comes back.

use std::convert::Infallible;
use std::future::{self, poll_fn};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy, sink};
use tokio::time::timeout;

use crate::site::{Guest, Site};

/// The longest time that a client may keep the connection open after its answer. A stopping server waits for that.
pub const LINGER: Duration = Duration::from_millis(500);

/// The smallest buffer that hyper takes, in bytes.
const SMALLEST_BUFFER: usize = 8192;

/// A connection whose request has been answered.
// ANCHOR: answered
pub struct Answered<Stream> {
    /// TCP, as it was before hyper.
    pub stream: Stream,
    /// What hyper has read after the head: it may be the beginning of the first frame.
    pub first: Vec<u8>,
    /// The client that got a 101, if it did.
    pub guest: Option<Guest>,
}
// ANCHOR_END: answered

/// Reads a request, and answers it. A head that is too long, or isn't one, is answered by hyper itself.
// ANCHOR: exchange
pub async fn exchange<Stream>(stream: Stream, site: &Site) -> Answered<Stream>
where
    Stream: AsyncRead + AsyncWrite + Unpin,
{
    let guest = Mutex::new(None);
    let service = service_fn(|request| {
        let (response, welcome) = site.answer(&request);
        *guest.lock().unwrap_or_else(PoisonError::into_inner) = welcome;
        future::ready(Ok::<_, Infallible>(response))
    });
    let limits = site.settings().head;
    let mut http = Builder::new()
        .max_headers(limits.fields)
        .max_header_size(limits.bytes)
        .max_buf_size(limits.bytes.max(SMALLEST_BUFFER))
        // The server has a deadline for all of it.
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(stream), service);
    // Task: hyper must not end TCP when it has answered. It may have failed: then it has said why to the client.
    // Take everything back that it has, to the last byte.
    _ = poll_fn(|context| http.poll_without_shutdown(context)).await;
    let parts = http.into_parts();
    Answered {
        stream: parts.io.into_inner(),
        first: parts.read_buf.to_vec(),
        guest: guest.into_inner().unwrap_or_else(PoisonError::into_inner),
    }
}
// ANCHOR_END: exchange

/// Ends TCP in our direction, and then waits a moment for the client to do the same: if data is unread when a socket is
/// closed, the system resets the connection, and the answer may be lost.
pub async fn linger(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    if stream.shutdown().await.is_ok() {
        _ = timeout(LINGER, copy(&mut stream, &mut sink())).await;
    }
}
