//! The certificate that a server shows, and its replacement while the server runs.
//!
//! ```text
//!   a new handshake ──▶ resolve ──▶ the certificate of this moment
//!                                         ▲
//!   reload: a new one, or the old one stays if the new one is bad
//! ```
//!
//! An open connection no longer needs the certificate, so a new one closes nothing.

use std::error::Error;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::authority::{Authority, AuthorityError, Issued, LOCAL_NAMES, RENEWED_BEFORE};
use crate::config;

/// The certificate of a server.
#[derive(Debug)]
pub struct Certificates {
    source: Source,
    shown: Mutex<Shown>,
}

/// Where certificates come from.
#[derive(Debug)]
enum Source {
    /// From our own authority.
    Authority(Box<Authority>),
    /// From two files, which another program writes.
    Files { chain: PathBuf, key: PathBuf },
}

/// What is shown to the next client.
#[derive(Debug)]
struct Shown {
    key: Arc<CertifiedKey>,
    valid: Valid,
}

/// How long it is shown.
#[derive(Debug, PartialEq, Eq)]
enum Valid {
    /// Until then.
    Until(SystemTime),
    /// Until a file changes: when each was written last.
    UntilChanged([Option<SystemTime>; 2]),
}

/// Why a certificate can't be used.
#[derive(Debug)]
pub enum CertificateError {
    /// The authority can't make one.
    Authority(AuthorityError),
    /// A file can't be read, or isn't PEM of that kind.
    File(PathBuf, String),
    /// The certificate and the key don't belong together, or this isn't a certificate.
    Unusable(rustls::Error),
}

impl Certificates {
    /// Takes certificates for the names of this machine from an authority.
    ///
    /// # Errors
    /// Returns [`CertificateError::Authority`] if it can't make one.
    pub fn local(authority: Authority, now: SystemTime) -> Result<Self, CertificateError> {
        Self::from_source(Source::Authority(Box::new(authority)), now)
    }

    /// Takes the certificates in one file, the server's own first, and its key in another. Both are PEM.
    ///
    /// # Errors
    /// Returns [`CertificateError::File`] if one can't be read, and [`CertificateError::Unusable`] if they don't belong
    /// together.
    pub fn from_files(chain: &Path, key: &Path) -> Result<Self, CertificateError> {
        let (chain, key) = (chain.to_path_buf(), key.to_path_buf());
        Self::from_source(Source::Files { chain, key }, SystemTime::now())
    }

    fn from_source(source: Source, now: SystemTime) -> Result<Self, CertificateError> {
        let shown = Mutex::new(source.load(now)?);
        Ok(Self { source, shown })
    }

    /// Replaces the certificate by a new one. Open connections stay open.
    ///
    /// # Errors
    /// Returns an error if the new one can't be used. Then the old one stays.
    pub fn reload(&self, now: SystemTime) -> Result<(), CertificateError> {
        // Task: first everything that can fail, then the exchange.
        todo!("first everything that can fail, then the exchange")
    }

    /// Replaces the certificate if its time is almost over, or if its files have changed. The server calls this before
    /// each handshake. Returns whether it has replaced it.
    ///
    /// # Errors
    /// Returns an error if the new one can't be used, once for each change of the files. The old one stays.
    pub fn renew(&self, now: SystemTime) -> Result<bool, CertificateError> {
        let mut shown = self.lock();
        let is_due = match &shown.valid {
            Valid::Until(end) => now + RENEWED_BEFORE >= *end,
            changed => *changed != self.source.valid(),
        };
        if !is_due {
            return Ok(false);
        }
        if let Source::Files { .. } = self.source {
            shown.valid = self.source.valid();
        }
        drop(shown);
        self.reload(now).map(|()| true)
    }

    fn lock(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _hello: ClientHello) -> Option<Arc<CertifiedKey>> {
        // Task: the certificate of this moment.
        todo!("the certificate of this moment")
    }
}

impl Source {
    fn load(&self, now: SystemTime) -> Result<Shown, CertificateError> {
        match self {
            Self::Authority(authority) => {
                let issued = authority.issue(&LOCAL_NAMES, now)?;
                let valid = Valid::Until(issued.not_after);
                let key = certified(issued)?;
                Ok(Shown { key, valid })
            }
            Self::Files { chain, key } => {
                // A file that changes from here on is read again.
                let valid = self.valid();
                let (chain, key) = (read_chain(chain)?, read_key(key)?);
                let key = CertifiedKey::from_der(chain, key, &config::provider())?;
                Ok(Shown {
                    key: Arc::new(key),
                    valid,
                })
            }
        }
    }

    /// When each of the files was written last.
    fn valid(&self) -> Valid {
        match self {
            Self::Authority(authority) => Valid::Until(authority.not_after()),
            Self::Files { chain, key } => Valid::UntilChanged([chain, key].map(|path| {
                let about = fs::metadata(path);
                about.and_then(|about| about.modified()).ok()
            })),
        }
    }
}

/// Puts a certificate and its key together, for rustls.
///
/// # Errors
/// Returns [`CertificateError::Unusable`] if they don't belong together.
pub fn certified(issued: Issued) -> Result<Arc<CertifiedKey>, CertificateError> {
    let key = CertifiedKey::from_der(issued.chain, issued.key, &config::provider())?;
    Ok(Arc::new(key))
}

/// Reads the certificates of a file, at least one.
///
/// # Errors
/// Returns [`CertificateError::File`] if there is none.
pub fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let refused = |why: String| CertificateError::File(path.to_path_buf(), why);
    let text = fs::read(path).map_err(|error| refused(error.to_string()))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => {
            Err(refused("there is no certificate in it".to_string()))
        }
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(refused(error.to_string())),
    }
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, CertificateError> {
    let refused = |why: String| CertificateError::File(path.to_path_buf(), why);
    let text = fs::read(path).map_err(|error| refused(error.to_string()))?;
    PrivateKeyDer::from_pem_slice(&text)
        .map_err(|_| refused("there is no private key in it".to_string()))
}

impl From<AuthorityError> for CertificateError {
    fn from(error: AuthorityError) -> Self {
        Self::Authority(error)
    }
}

impl From<rustls::Error> for CertificateError {
    fn from(error: rustls::Error) -> Self {
        Self::Unusable(error)
    }
}

impl fmt::Display for CertificateError {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Authority(error) => error.fmt(formatter),
            Self::File(path, why) => write!(formatter, "{}: {why}", path.display()),
            Self::Unusable(rustls::Error::InconsistentKeys(_)) => {
                formatter.write_str("the certificate and the key don't belong together")
            }
            Self::Unusable(error) => write!(formatter, "the certificate can't be used: {error}"),
        }
    }
}

impl Error for CertificateError {}
