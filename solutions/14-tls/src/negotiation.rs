//! The handshake of TLS, up to a deadline, and why it fails.
//!
//! ```text
//!   client                         server
//!   ClientHello     ─────────────▶
//!                   ◀───────────── ServerHello, certificate, Finished
//!   Finished        ─────────────▶
//! ```
//!
//! rustls says what it wants: to write, or to read. The deadline is for all of it together. A peer that sends one byte
//! at a time doesn't get a new one with each byte.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind, Read};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use rustls::{AlertDescription, CertificateError, Connection, InvalidMessage, PeerIncompatible};

/// How long a peer that has been told why it failed may take to read that.
const FAREWELL: Duration = Duration::from_secs(1);

/// How many of a certificate's names a sentence lists. It may have thousands.
const MOST_NAMES: usize = 5;

/// Why there is no TLS connection.
// ANCHOR: error
#[derive(Debug)]
pub enum HandshakeError {
    /// The deadline is over.
    TooLate,
    /// TCP ended in the middle.
    Ended,
    /// TCP has failed.
    Tcp(io::Error),
    /// What came isn't TLS.
    NotTls,
    /// The peer speaks only versions that are too old, such as TLS 1.1.
    NoCommonVersion,
    /// The two sides have no protocol in common that could be inside.
    NoCommonProtocol,
    /// The certificate is signed by an authority that isn't trusted, or by the server itself.
    UnknownAuthority,
    /// The certificate is for these names, and not for the one that was asked for.
    WrongName(Vec<String>),
    /// The certificate was valid in the past.
    Expired,
    /// The certificate will be valid in the future.
    NotYetValid,
    /// The host isn't a name that a certificate can have.
    NotAName,
    /// The peer has refused, with an alert.
    Refused(AlertDescription),
    /// As many handshakes as may run at once are running.
    TooMany,
    /// Anything else.
    Other(rustls::Error),
}
// ANCHOR_END: error

/// Shakes hands until the deadline.
///
/// # Errors
/// Returns the reason if there is no TLS connection. If TLS has an alert for it, the peer has been sent that.
// ANCHOR: shake_hands
pub fn shake_hands(
    tls: &mut Connection,
    tcp: &TcpStream,
    deadline: Instant,
) -> Result<(), HandshakeError> {
    // Task: write what it wants to write; then read once, unless it is done. Each wait has what is left of the time.
    loop {
        while tls.wants_write() {
            tcp.set_write_timeout(Some(left(deadline)?))?;
            uninterrupted(|| tls.write_tls(&mut &*tcp))?;
        }
        if !tls.is_handshaking() {
            return Ok(());
        }
        tcp.set_read_timeout(Some(left(deadline)?))?;
        if uninterrupted(|| tls.read_tls(&mut &*tcp))? == 0 {
            return Err(HandshakeError::Ended);
        }
        if let Err(error) = tls.process_new_packets() {
            // The alert that says why.
            _ = tls.write_tls(&mut &*tcp);
            return Err(error.into());
        }
    }
}
// ANCHOR_END: shake_hands

/// Reads or writes, again if a signal has interrupted it.
///
/// # Errors
/// Returns the error of TCP.
pub fn uninterrupted(mut once: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match once() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

/// Returns what is left until the deadline.
///
/// # Errors
/// Returns [`HandshakeError::TooLate`] if nothing is.
pub fn left(deadline: Instant) -> Result<Duration, HandshakeError> {
    let left = deadline.saturating_duration_since(Instant::now());
    // A timeout of zero isn't one.
    (left >= Duration::from_millis(1))
        .then_some(left)
        .ok_or(HandshakeError::TooLate)
}

/// Ends TCP after a handshake that failed for this reason, so that the peer hears it. If a connection is closed while
/// bytes are unread, it is reset, and the reset overtakes the last bytes. Step 09 has the same at its door.
// ANCHOR: hang_up
pub fn hang_up(tcp: &TcpStream, why: &HandshakeError) {
    if !why.is_told() {
        return;
    }
    let deadline = Instant::now() + FAREWELL;
    _ = tcp.shutdown(Shutdown::Write);
    let mut ignored = [0; 1024];
    while let Ok(left) = left(deadline) {
        _ = tcp.set_read_timeout(Some(left));
        match (&mut &*tcp).read(&mut ignored) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}
// ANCHOR_END: hang_up

impl From<io::Error> for HandshakeError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Self::TooLate,
            ErrorKind::UnexpectedEof => Self::Ended,
            _ => Self::Tcp(error),
        }
    }
}

impl From<rustls::Error> for HandshakeError {
    fn from(error: rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => Self::NotTls,
            rustls::Error::InvalidCertificate(error) => Self::from_certificate(error),
            rustls::Error::NoApplicationProtocol
            | rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol) => {
                Self::NoCommonProtocol
            }
            rustls::Error::PeerIncompatible(
                PeerIncompatible::Tls12NotOffered
                | PeerIncompatible::ServerDoesNotSupportTls12Or13
                // TLS 1.1 has no such extension.
                | PeerIncompatible::SignatureAlgorithmsExtensionRequired,
            )
            | rustls::Error::AlertReceived(AlertDescription::ProtocolVersion) => {
                Self::NoCommonVersion
            }
            rustls::Error::AlertReceived(alert) => Self::Refused(alert),
            error => Self::Other(error),
        }
    }
}

impl HandshakeError {
    /// Whether the peer has been sent the reason: in an alert, or in a sentence.
    fn is_told(&self) -> bool {
        !matches!(
            self,
            Self::TooLate | Self::Ended | Self::Tcp(_) | Self::TooMany | Self::NotAName
        )
    }

    fn from_certificate(error: CertificateError) -> Self {
        match error {
            // A bad signature is that of an authority with the same name and a different key.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                Self::UnknownAuthority
            }
            CertificateError::NotValidForName => Self::WrongName(Vec::new()),
            CertificateError::NotValidForNameContext { presented, .. } => Self::WrongName(
                presented
                    .iter()
                    .take(MOST_NAMES)
                    .map(|name| bare(name))
                    .collect(),
            ),
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Self::NotYetValid
            }
            error => Self::Other(error.into()),
        }
    }
}

/// rustls writes a name as `DnsName("localhost")`, and an address as `IpAddress(127.0.0.1)`.
fn bare(name: &str) -> String {
    let name = name.trim_end_matches(')');
    let name = name.split_once('(').map_or(name, |(_, name)| name);
    name.trim_matches('"').to_string()
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let sentence = match self {
            Self::TooLate => "the TLS handshake took too long",
            Self::Ended => "TCP ended in the middle of the TLS handshake",
            Self::Tcp(error) => {
                return write!(formatter, "TCP failed in the TLS handshake: {error}");
            }
            Self::NotTls => "the other side doesn't speak TLS: is it ws:// instead of wss://?",
            Self::NoCommonVersion => {
                "the other side speaks no version of TLS that is allowed here: 1.2 or 1.3"
            }
            Self::NoCommonProtocol => {
                "the two sides have no protocol in common: a WebSocket needs `http/1.1`, and the other side may want \
                 `h2` only"
            }
            Self::UnknownAuthority => {
                "the certificate is signed by an authority that isn't trusted here, or by the server itself"
            }
            Self::WrongName(names) if names.is_empty() => "the certificate is for a different name",
            Self::WrongName(names) => {
                return write!(
                    formatter,
                    "the certificate is for other names: {}",
                    names.join(", ")
                );
            }
            Self::Expired => "the certificate has expired, or this machine's clock is wrong",
            Self::NotYetValid => {
                "the certificate isn't valid yet, or this machine's clock is wrong"
            }
            Self::Refused(alert) => {
                return write!(
                    formatter,
                    "the other side refused the TLS handshake: {alert:?}"
                );
            }
            Self::NotAName => "the host isn't a name that a certificate can have",
            Self::TooMany => "too many TLS handshakes are running",
            Self::Other(error) => return write!(formatter, "the TLS handshake failed: {error}"),
        };
        formatter.write_str(sentence)
    }
}

impl Error for HandshakeError {}

impl From<HandshakeError> for io::Error {
    fn from(error: HandshakeError) -> Self {
        let kind = match &error {
            HandshakeError::TooLate => ErrorKind::TimedOut,
            HandshakeError::Ended => ErrorKind::UnexpectedEof,
            HandshakeError::Tcp(error) => error.kind(),
            _ => ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}
