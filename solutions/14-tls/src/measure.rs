//! What TLS costs: the handshake, and each message, beside TCP alone on loopback.

use std::error::Error;
use std::fmt::Write;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use cpu_time::ProcessTime;
use echo::stream::{Acceptor, Connector, Stream};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};
use tls_solution::acceptor::Limits;
use tls_solution::{Authority, Certificates, TlsAcceptor, TlsConnector, config, connector};

/// The sizes of the messages.
const SIZES: [usize; 4] = [16, 1 << 10, 1 << 14, 1 << 16];

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Measures, and returns a table. Each figure takes so long.
///
/// # Errors
/// Returns an error if there is no loopback, or no key can be made.
pub fn table(each: Duration) -> Outcome<String> {
    let now = SystemTime::now();
    let authority = Authority::new(now)?;
    let trusted = [authority.certificate().clone()];
    let certificates = Arc::new(Certificates::local(authority, now)?);
    let (client, server) = (
        Arc::new(config::client(&trusted)?),
        Arc::new(config::server(certificates.clone())?),
    );
    let mut table = String::from(
        "handshake, both sides, in memory   median time   client sends   server sends\n",
    );
    // The first one gives the client what it needs to resume.
    shake_hands(&client, &server)?;
    let fresh = || config::client(&trusted).map(Arc::new);
    handshakes(&mut table, "full", each, || shake_hands(&fresh()?, &server))?;
    handshakes(&mut table, "resumed", each, || {
        shake_hands(&client, &server)
    })?;
    let acceptor = Arc::new(TlsAcceptor::new(certificates, Limits::default())?);
    let connector = TlsConnector::new(&trusted, connector::WITHIN)?;
    table += "\na message and its echo on loopback       TCP          TLS\n";
    for size in SIZES {
        let (client, server) = tcp_pair()?;
        let plain = echo_for(each, Box::new(client), Box::new(server), size)?;
        let (client, server) = tls_pair(&connector, &acceptor)?;
        let tls = echo_for(each, client, server, size)?;
        let microseconds = |time: Duration| time.as_secs_f64() * 1e6;
        let (plain, tls) = (microseconds(plain), microseconds(tls));
        writeln!(
            table,
            "{size:>6} bytes, processor, both sides {plain:>7.1} µs {tls:>9.1} µs"
        )?;
    }
    Ok(table)
}

/// What one handshake took.
#[derive(Debug, Clone, Copy)]
struct Cost {
    time: Duration,
    client_sent: usize,
    server_sent: usize,
}

fn handshakes(
    table: &mut String,
    kind: &str,
    each: Duration,
    shake: impl Fn() -> Outcome<Cost>,
) -> Outcome<()> {
    let begin = Instant::now();
    let mut costs = vec![shake()?];
    while begin.elapsed() < each {
        costs.push(shake()?);
    }
    costs.sort_by_key(|cost| cost.time);
    let Cost {
        time,
        client_sent,
        server_sent,
    } = costs[costs.len() / 2];
    let time = time.as_secs_f64() * 1e6;
    writeln!(
        table,
        "{kind:<34} {time:>8.0} µs {client_sent:>8} bytes {server_sent:>8} bytes"
    )?;
    Ok(())
}

/// Shakes hands without a socket.
fn shake_hands(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Outcome<Cost> {
    let begin = Instant::now();
    let name = ServerName::try_from("localhost")?;
    let mut client: Connection = ClientConnection::new(client.clone(), name)?.into();
    let mut server: Connection = ServerConnection::new(server.clone())?.into();
    let (mut client_sent, mut server_sent) = (0, 0);
    while client.wants_write() || server.wants_write() {
        client_sent += pass(&mut client, &mut server)?;
        server_sent += pass(&mut server, &mut client)?;
    }
    Ok(Cost {
        time: begin.elapsed(),
        client_sent,
        server_sent,
    })
}

/// Hands everything that one side has to say to the other.
fn pass(from: &mut Connection, to: &mut Connection) -> Outcome<usize> {
    let mut bytes = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut bytes)?;
    }
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        to.read_tls(&mut rest)?;
        to.process_new_packets()?;
    }
    Ok(bytes.len())
}

fn tcp_pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    Ok((client, server))
}

type Ends = (Box<dyn Stream>, Box<dyn Stream>);

fn tls_pair(connector: &TlsConnector, acceptor: &Arc<TlsAcceptor>) -> Outcome<Ends> {
    let (client, server) = tcp_pair()?;
    let acceptor = acceptor.clone();
    let server = thread::spawn(move || acceptor.accept(server));
    let client = connector.connect("localhost", client)?;
    let server = server
        .join()
        .map_err(|_| "the server's thread panicked")??;
    Ok((client, server))
}

/// Sends messages of this size back and forth, one at a time, for so long. Returns what one costs the processor.
fn echo_for(
    each: Duration,
    client: Box<dyn Stream>,
    server: Box<dyn Stream>,
    size: usize,
) -> Outcome<Duration> {
    let echo = thread::spawn(move || {
        let mut buffer = vec![0; size];
        while read_all(&*server, &mut buffer).is_ok() {
            if write_all(&*server, &buffer).is_err() {
                return;
            }
        }
    });
    let mut buffer = vec![b'x'; size];
    let (begin, processor) = (Instant::now(), ProcessTime::now());
    let mut messages = 0;
    while messages == 0 || begin.elapsed() < each {
        write_all(&*client, &buffer)?;
        read_all(&*client, &mut buffer)?;
        messages += 1;
    }
    let cost = processor.elapsed() / messages;
    client.shutdown(std::net::Shutdown::Write)?;
    _ = echo.join();
    Ok(cost)
}

fn write_all(mut stream: &dyn Stream, bytes: &[u8]) -> io::Result<()> {
    io::Write::write_all(&mut stream, bytes)
}

fn read_all(mut stream: &dyn Stream, buffer: &mut [u8]) -> io::Result<()> {
    io::Read::read_exact(&mut stream, buffer)
}
