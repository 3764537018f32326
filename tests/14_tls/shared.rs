//! What several parts of the checks use: deadlines, sockets, and the other side of a TLS connection, which is rustls
//! alone.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use echo::stream::Stream;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, Connection, RootCertStore, ServerConfig, ServerConnection,
};
use socket2::SockRef;
use support::machine::stretched;
use tls::authority::{Issued, LOCAL_NAMES};
use tls::{Authority, TlsStream, config};

/// Longer than any check takes, and than any deadline, however busy the machine is.
pub const FOREVER: Duration = Duration::from_secs(600);

/// How long a check waits for what right code does at once.
pub const LONG_ENOUGH: Duration = Duration::from_millis(1500);

/// As short as a deadline can be without being over at once.
pub const SHORT: Duration = Duration::from_millis(50);

/// How many bytes the system keeps for a played peer that doesn't read, in each direction.
const SMALL: usize = 1 << 14;

pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Waits until the condition is true, and says whether that was in time.
pub fn comes_true(within: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + within;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Both ends of a TCP connection. Nothing on them waits for longer than a check may.
pub fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let socket = SockRef::from(&listener);
    let small = socket.set_recv_buffer_size(SMALL);
    small
        .and(socket.set_send_buffer_size(SMALL))
        .expect("a socket has buffers");
    let address = listener.local_addr().expect("it is bound");
    let ours = TcpStream::connect(address).expect("it listens");
    let (theirs, _) = listener.accept().expect("one has connected");
    for end in [&ours, &theirs] {
        let within = Some(stretched(LONG_ENOUGH));
        let options = end.set_read_timeout(within);
        let options = options.and(end.set_write_timeout(within));
        options
            .and(end.set_nodelay(true))
            .expect("a socket has options");
    }
    (ours, theirs)
}

/// The authority that the played sides trust.
pub fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(|| Authority::new(SystemTime::now()).expect("there are random numbers"))
}

/// A certificate of that authority.
pub fn issued(names: &[&str]) -> Issued {
    let issued = authority().issue(names, SystemTime::now());
    issued.expect("these are names")
}

fn names(alpn: &[&str]) -> Vec<Vec<u8>> {
    alpn.iter().map(|name| name.as_bytes().to_vec()).collect()
}

/// A played server that shows this certificate.
pub fn played_server(issued: Issued, alpn: &[&str]) -> ServerConfig {
    let mut played = ServerConfig::builder_with_provider(config::provider())
        .with_safe_default_protocol_versions()
        .expect("ring has TLS 1.3")
        .with_no_client_auth()
        .with_single_cert(issued.chain, issued.key)
        .expect("they belong together");
    played.alpn_protocols = names(alpn);
    played
}

/// A played client that trusts one authority.
pub fn played_client(trusted: &CertificateDer<'static>, alpn: &[&str]) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).expect("it is a certificate");
    let mut played = ClientConfig::builder_with_provider(config::provider())
        .with_safe_default_protocol_versions()
        .expect("ring has TLS 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    played.alpn_protocols = names(alpn);
    played
}

/// The client's end of a connection to localhost.
pub fn client_end(played: ClientConfig) -> Connection {
    let name = ServerName::try_from("localhost").expect("it is a name");
    let client = ClientConnection::new(Arc::new(played), name);
    client.expect("it can be configured").into()
}

/// The server's end of a connection.
pub fn server_end(played: ServerConfig) -> Connection {
    let server = ServerConnection::new(Arc::new(played));
    server.expect("it can be configured").into()
}

/// The other side: rustls on a socket, which does what it is told, right or wrong.
pub struct Peer {
    pub tls: Connection,
    pub tcp: TcpStream,
}

impl Peer {
    /// Shakes hands.
    pub fn shake_hands(mut tls: Connection, mut tcp: TcpStream) -> io::Result<Self> {
        while tls.is_handshaking() || tls.wants_write() {
            tls.complete_io(&mut tcp)?;
        }
        Ok(Self { tls, tcp })
    }

    /// Encrypts, without sending.
    pub fn encrypts(&mut self, bytes: &[u8]) -> Vec<u8> {
        let taken = self.tls.writer().write(bytes);
        assert_eq!(taken.ok(), Some(bytes.len()), "rustls has room for them");
        self.ciphertext()
    }

    /// What rustls has to send.
    pub fn ciphertext(&mut self) -> Vec<u8> {
        let mut ciphertext = Vec::new();
        while self.tls.wants_write() {
            self.tls
                .write_tls(&mut ciphertext)
                .expect("a Vec takes it all");
        }
        ciphertext
    }

    pub fn sends_raw(&self, bytes: &[u8]) {
        // What comes of it is what the other side shows.
        _ = (&self.tcp).write_all(bytes);
    }

    pub fn sends(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(1 << 14) {
            let ciphertext = self.encrypts(piece);
            self.sends_raw(&ciphertext);
        }
    }

    /// Sends a close_notify, and nothing else.
    pub fn sends_close_notify(&mut self) {
        self.tls.send_close_notify();
        let ciphertext = self.ciphertext();
        self.sends_raw(&ciphertext);
    }

    /// Ends TCP's direction to the other side.
    pub fn ends_tcp(&self) {
        _ = self.tcp.shutdown(Shutdown::Write);
    }

    /// Reads plaintext once. 0 bytes are a close_notify.
    pub fn reads(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.tls.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                done => return done,
            }
            self.tls.read_tls(&mut self.tcp)?;
            self.tls.process_new_packets().map_err(io::Error::other)?;
        }
    }

    /// Reads so many bytes, or up to the end.
    pub fn reads_all(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        let mut start = 0;
        while start < count {
            match self.reads(&mut bytes[start..])? {
                0 => break,
                count => start += count,
            }
        }
        bytes.truncate(start);
        Ok(bytes)
    }

    /// Says what it hears next: text, the end, or what went wrong.
    pub fn hears(&mut self) -> String {
        let mut buffer = [0; 256];
        let count = self.reads(&mut buffer);
        heard(count, &buffer)
    }
}

/// A stream whose handshake rustls has done alone, and its peer, the server.
pub fn opened() -> (TlsStream, Peer) {
    let (ours, theirs) = tcp_pair();
    let served = thread::spawn(move || {
        let tls = server_end(played_server(issued(&LOCAL_NAMES), &[]));
        Peer::shake_hands(tls, theirs)
    });
    let tls = client_end(played_client(authority().certificate(), &[]));
    let us = Peer::shake_hands(tls, ours).expect("rustls understands itself");
    let peer = served.join().expect("it has not panicked");
    let peer = peer.expect("rustls understands itself");
    (TlsStream::new(us.tls, us.tcp), peer)
}

/// Says what a read of the learner's stream returns.
pub fn read(stream: &dyn Stream) -> String {
    let mut buffer = [0; 256];
    let count = stream.read(&mut buffer);
    heard(count, &buffer)
}

fn heard(count: io::Result<usize>, buffer: &[u8]) -> String {
    match count {
        Ok(0) => "the end".to_string(),
        Ok(count) => format!("{:?}", String::from_utf8_lossy(&buffer[..count])),
        Err(error) => kind(&error).to_string(),
    }
}

/// The kind of an error, the same on all systems.
pub fn kind(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => "nothing yet",
        ErrorKind::UnexpectedEof => "error: cut off",
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => "error: reset",
        ErrorKind::BrokenPipe => "error: ended",
        ErrorKind::InvalidData => "error: not TLS",
        _ => "error: a different one",
    }
}

/// Writes all of it to the learner's stream.
pub fn write_all(mut stream: &dyn Stream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)
}
