//! A TCP proxy that counts the bytes that go by, in both directions, and changes none.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long the proxy pauses after a connection that failed.
const PAUSE: Duration = Duration::from_millis(100);

/// A running proxy. After it is dropped, it accepts no more connections, but keeps those that it has.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    counted: Arc<AtomicU64>,
    stopped: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Starts a proxy in front of a server.
    ///
    /// # Errors
    /// Returns an error if there is no free port or no thread can be started.
    pub fn start(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let counted = Arc::new(AtomicU64::new(0));
        let stopped = Arc::new(AtomicBool::new(false));
        let accepting = thread::Builder::new().spawn({
            let (counted, stopped) = (Arc::clone(&counted), Arc::clone(&stopped));
            move || {
                for page in listener.incoming() {
                    if stopped.load(Ordering::Relaxed) {
                        return;
                    }
                    // A connection that fails is closed by being dropped, which its page notices.
                    if page
                        .and_then(|page| connect(page, server, &counted))
                        .is_err()
                    {
                        // Perhaps too many files are open. There may be room later.
                        thread::sleep(PAUSE);
                    }
                }
            }
        })?;
        Ok(Self {
            address,
            counted,
            stopped,
            accepting: Some(accepting),
        })
    }

    /// The address to which pages connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The bytes so far, both directions together. Bytes are counted before they are passed on, so
    /// whatever has been read is included.
    pub fn bytes(&self) -> u64 {
        self.counted.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        let is_woken = TcpStream::connect(self.address).is_ok();
        if let Some(accepting) = self.accepting.take().filter(|_| is_woken) {
            _ = accepting.join();
        }
    }
}

fn connect(page: TcpStream, server: SocketAddr, counted: &Arc<AtomicU64>) -> io::Result<()> {
    let server = TcpStream::connect(server)?;
    for stream in [&page, &server] {
        // Small pieces are sent at once, as without a proxy.
        stream.set_nodelay(true)?;
    }
    let back = (server.try_clone()?, page.try_clone()?);
    for (from, to) in [(page, server), back] {
        let counted = Arc::clone(counted);
        thread::Builder::new().spawn(move || pass_on(from, to, &counted))?;
    }
    Ok(())
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, counted: &AtomicU64) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        counted.fetch_add(length as u64, Ordering::SeqCst);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    _ = to.shutdown(Shutdown::Write);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_counted_in_both_directions_and_arrives() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let proxy = Proxy::start(listener.local_addr().unwrap()).unwrap();
        // This server sends everything back twice.
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut heard = Vec::new();
            stream.read_to_end(&mut heard).unwrap();
            stream.write_all(&[&heard[..], &heard].concat()).unwrap();
            heard.len()
        });
        let mut page = TcpStream::connect(proxy.address()).unwrap();
        let sent: Vec<u8> = (0..10_007_u32).map(|it| it as u8).collect();
        page.write_all(&sent).unwrap();
        page.shutdown(Shutdown::Write).unwrap();
        let mut got = Vec::new();
        page.read_to_end(&mut got).unwrap();
        assert_eq!(server.join().unwrap(), sent.len());
        assert_eq!(got, [&sent[..], &sent].concat());
        assert_eq!(proxy.bytes(), 3 * sent.len() as u64);
    }
}
