//! A TLS connection, for two threads at once: one reads, and the other writes.
//!
//! ```text
//!                ┌── incoming: whose turn it is to read ───┐
//!   plaintext ◀──┤                                         ├◀── TCP
//!                │   tls: decrypts and encrypts, at once   │
//!   plaintext ──▶┤                                         ├──▶ TCP
//!                └── outgoing: whose turn it is to write ──┘
//! ```
//!
//! Both directions need rustls's connection, so a lock guards it. No thread holds that lock while TCP makes it wait.
//! If the reader did, nothing could be written until the peer said something.

use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::net::{Shutdown, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use echo::stream::Stream;
use rustls::Connection;

use crate::negotiation::uninterrupted;

/// The most bytes of plaintext that a TLS record has (RFC 8446 §5.1). One read from TCP takes as many, and so does one
/// write: what a connection keeps in memory doesn't grow with its messages.
const RECORD_SIZE: usize = 16 * 1024;

/// A TLS connection whose handshake is done.
// ANCHOR: stream
#[derive(Debug)]
pub struct TlsStream {
    tcp: TcpStream,
    /// Encrypts and decrypts. A thread locks it after one of the other two, and never while TCP makes it wait.
    tls: Mutex<Connection>,
    /// The thread that has locked it reads from TCP.
    incoming: Mutex<Incoming>,
    /// The thread that has locked it writes to TCP.
    outgoing: Mutex<Outgoing>,
}
// ANCHOR_END: stream

/// Ciphertext that TCP has delivered, and rustls hasn't taken yet.
#[derive(Debug)]
struct Incoming {
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

/// Ciphertext that TCP hasn't taken yet.
#[derive(Debug, Default)]
struct Outgoing {
    ciphertext: Vec<u8>,
    sent: usize,
    /// How many bytes of plaintext are encrypted, and not reported to the caller of `write` yet.
    plaintext: usize,
}

impl TlsStream {
    /// Takes a TLS connection whose handshake is done, and the TCP connection that carries it.
    pub fn new(tls: impl Into<Connection>, tcp: TcpStream) -> Self {
        Self {
            tcp,
            tls: Mutex::new(tls.into()),
            incoming: Mutex::new(Incoming {
                buffer: vec![0; RECORD_SIZE].into(),
                start: 0,
                end: 0,
            }),
            outgoing: Mutex::default(),
        }
    }

    /// Decrypts what has arrived, and takes plaintext if there is some. `None` is not yet; 0 bytes are the peer's
    /// close_notify.
    // ANCHOR: decrypt
    fn decrypt(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let mut tls = lock(&self.tls);
        let outcome = tls.process_new_packets();
        let plaintext = tls.reader().read(buffer);
        let is_alert = tls.wants_write();
        drop(tls);
        if is_alert {
            self.send_alert();
        }
        match (plaintext, outcome) {
            // What came before a broken record is still good.
            (Ok(count), _) => Ok(Some(count)),
            (Err(_), Ok(_)) => Ok(None),
            (Err(_), Err(error)) => Err(io::Error::new(ErrorKind::InvalidData, error)),
        }
    }
    // ANCHOR_END: decrypt

    /// Reads from TCP if everything that it has delivered is with rustls, and hands rustls as much as it takes.
    // ANCHOR: receive
    fn receive(&self, incoming: &mut Incoming) -> io::Result<()> {
        // Task: TCP's end without a close_notify isn't the end of the stream, but a loss (RFC 8446 §6.1).
        // Lock `tls` only after TCP has answered.
        if incoming.is_empty() && incoming.fill(&self.tcp)? == 0 {
            return Err(truncated());
        }
        let mut ciphertext = &incoming.buffer[incoming.start..incoming.end];
        incoming.start += lock(&self.tls).read_tls(&mut ciphertext)?;
        Ok(())
    }
    // ANCHOR_END: receive

    /// Sends the alert that reading has led to, unless another thread is writing: then that thread sends it.
    fn send_alert(&self) {
        let Some(mut outgoing) = try_lock(&self.outgoing) else {
            return;
        };
        if outgoing.is_empty() {
            // If it fails, the next write does.
            _ = self.send(&mut outgoing);
        }
    }

    /// Writes to TCP until nothing is left of the ciphertext. If TCP makes it wait for too long, the rest stays.
    // ANCHOR: send
    fn send(&self, outgoing: &mut Outgoing) -> io::Result<()> {
        // Task: take the ciphertext from rustls under its lock; write it without.
        loop {
            outgoing.take_from(&mut lock(&self.tls))?;
            if outgoing.is_empty() {
                return Ok(());
            }
            while !outgoing.is_empty() {
                outgoing.write_once(&self.tcp)?;
            }
        }
    }
    // ANCHOR_END: send

    /// Says that no more will come, if the bytes before have gone out, and no other thread is still writing them.
    // ANCHOR: close_notify
    fn send_close_notify(&self) {
        let Some(mut outgoing) = try_lock(&self.outgoing) else {
            return;
        };
        if outgoing.is_empty() {
            lock(&self.tls).send_close_notify();
            // A peer that has gone needs no goodbye.
            _ = self.send(&mut outgoing);
        }
    }
    // ANCHOR_END: close_notify
}

impl Stream for TlsStream {
    // ANCHOR: read
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        // Task: plaintext that is there already comes first. Only if there is none, read from TCP.
        let mut incoming = lock(&self.incoming);
        loop {
            if let Some(count) = self.decrypt(buffer)? {
                return Ok(count);
            }
            self.receive(&mut incoming)?;
        }
    }
    // ANCHOR_END: read

    /// Writes once. After `WouldBlock` or `TimedOut`, the next call must begin with the same bytes, as after any write
    /// that has taken nothing: they are encrypted already, and go on where they stopped.
    // ANCHOR: write
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        // Task: encrypt one record, and send it. The records of two writers mustn't mix.
        let mut outgoing = lock(&self.outgoing);
        if outgoing.plaintext == 0 {
            let record = &bytes[..bytes.len().min(RECORD_SIZE)];
            outgoing.plaintext = lock(&self.tls).writer().write(record)?;
        }
        self.send(&mut outgoing)?;
        Ok(mem::take(&mut outgoing.plaintext).min(bytes.len()))
    }
    // ANCHOR_END: write

    /// Ends one direction, or both. Before the end of our direction, the peer gets a close_notify. `Both` waits for
    /// nothing and says nothing, because it is for a connection that has failed.
    // ANCHOR: shutdown
    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        // Task: the end of TLS comes before that of TCP.
        if how == Shutdown::Write {
            self.send_close_notify();
        }
        self.tcp.shutdown(how)
    }
    // ANCHOR_END: shutdown

    fn tcp(&self) -> &TcpStream {
        &self.tcp
    }
}

impl Incoming {
    fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Reads from TCP, which may wait.
    fn fill(&mut self, tcp: &TcpStream) -> io::Result<usize> {
        self.end = tcp.read(&mut self.buffer)?;
        self.start = 0;
        Ok(self.end)
    }
}

impl Outgoing {
    fn is_empty(&self) -> bool {
        self.sent == self.ciphertext.len()
    }

    /// Takes all ciphertext that rustls has ready.
    fn take_from(&mut self, tls: &mut Connection) -> io::Result<()> {
        if self.is_empty() {
            self.ciphertext.clear();
            self.sent = 0;
        }
        while tls.wants_write() {
            tls.write_tls(&mut self.ciphertext)?;
        }
        Ok(())
    }

    /// Writes to TCP, which may wait.
    fn write_once(&mut self, tcp: &TcpStream) -> io::Result<()> {
        let rest = &self.ciphertext[self.sent..];
        match uninterrupted(|| (&mut &*tcp).write(rest))? {
            0 => Err(ErrorKind::WriteZero.into()),
            count => {
                self.sent += count;
                Ok(())
            }
        }
    }
}

/// TCP has ended, and TLS hasn't.
fn truncated() -> io::Error {
    let sentence = "TCP ended without a close_notify: bytes may be missing (RFC 8446 §6.1)";
    io::Error::new(ErrorKind::UnexpectedEof, sentence)
}

/// Locks, even after a thread has panicked with the lock in its hands.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Locks, unless another thread has locked it.
fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}
