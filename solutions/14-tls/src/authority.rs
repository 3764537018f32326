//! A certificate authority for this machine (RFC 5280): what it signs is trusted wherever it is trusted itself.
//!
//! ```text
//!   .workshop/tls/authority.pem   its key and its certificate, for you alone
//!   .workshop/tls/authority.crt   the certificate alone: what a browser is told to trust
//! ```
//!
//! Both are made at the first start. The certificates of servers are made at each start, and never written.

use std::error::Error;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    NameConstraints,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use time::OffsetDateTime;

/// The folder of the authority, unless an option names a different one.
pub const FOLDER: &str = ".workshop/tls";

/// The names of a local server.
pub const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long the authority lasts: you tell your browser about it once.
pub const AUTHORITY_LASTS: Duration = DAY.saturating_mul(3650);

/// How long the certificate of a server lasts.
pub const CERTIFICATE_LASTS: Duration = DAY.saturating_mul(90);

/// How long before its end a certificate is replaced.
pub const RENEWED_BEFORE: Duration = DAY.saturating_mul(30);

/// How long before it was made a certificate begins: clocks differ.
const CLOCKS_DIFFER_BY: Duration = Duration::from_secs(60 * 60);

/// Tells a person who opens the file with the key what it is.
const WARNING: &str =
    "Keep this file to yourself: whoever reads it can pretend to be localhost to your browser.";

/// A certificate authority.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    made: SystemTime,
    pem: String,
    certificate: CertificateDer<'static>,
}

/// A certificate for a server, and its key.
#[derive(Debug)]
pub struct Issued {
    /// The certificate. The authority's own isn't sent: a client has it already.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key of the certificate.
    pub key: PrivateKeyDer<'static>,
    /// The end of its validity.
    pub not_after: SystemTime,
}

/// Why there is no authority or no certificate.
#[derive(Debug)]
pub enum AuthorityError {
    /// A file can't be read or written.
    File(PathBuf, io::Error),
    /// The file isn't one that this module has written.
    NotAnAuthority(PathBuf),
    /// A certificate can't be made.
    Certificate(rcgen::Error),
}

impl Authority {
    /// Makes an authority that begins now, without writing it.
    ///
    /// # Errors
    /// Returns [`AuthorityError::Certificate`] if no key can be made.
    pub fn new(now: SystemTime) -> Result<Self, AuthorityError> {
        let key = KeyPair::generate()?;
        let pem = authority_params(now).self_signed(&key)?.pem();
        Self::from_parts(key, pem, now).ok_or(AuthorityError::Certificate(
            rcgen::Error::CouldNotParseCertificate,
        ))
    }

    /// Opens the authority in this folder. At the first start, and if its own time is almost over, makes a new one.
    ///
    /// # Errors
    /// Returns [`AuthorityError::File`] if a file can't be read or written, and [`AuthorityError::NotAnAuthority`] if
    /// it holds something else.
    // ANCHOR: open
    pub fn open(folder: &Path, now: SystemTime) -> Result<Self, AuthorityError> {
        let at = |path: &Path| {
            let path = path.to_path_buf();
            move |error| AuthorityError::File(path, error)
        };
        fs::create_dir_all(folder).map_err(at(folder))?;
        // The system unlocks it at the end of this function, even if the program is killed before.
        let lock = folder.join("authority.lock");
        let _lock = locked(&lock).map_err(at(&lock))?;
        let (private, public) = (folder.join("authority.pem"), folder.join("authority.crt"));
        let authority = match fs::read_to_string(&private) {
            Ok(text) => {
                Self::parse(&text).ok_or_else(|| AuthorityError::NotAnAuthority(private.clone()))?
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Self::new(now)?,
            Err(error) => return Err(AuthorityError::File(private, error)),
        };
        let authority = match authority.not_after().duration_since(now) {
            Ok(left) if left > CERTIFICATE_LASTS => authority,
            _ => Self::new(now)?,
        };
        write_if_different(&private, &authority.to_text(), only_for_its_owner())
            .map_err(at(&private))?;
        write_if_different(&public, &authority.pem, OpenOptions::new()).map_err(at(&public))?;
        Ok(authority)
    }
    // ANCHOR_END: open

    /// Makes a certificate for a server with these names, which begins now.
    ///
    /// # Errors
    /// Returns [`AuthorityError::Certificate`] if a name isn't one.
    pub fn issue(&self, names: &[&str], now: SystemTime) -> Result<Issued, AuthorityError> {
        let not_after = (now + CERTIFICATE_LASTS).min(self.not_after());
        let key = KeyPair::generate()?;
        let params = server_params(names, now, not_after)?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Issued {
            chain: vec![certificate.into()],
            key: key.into(),
            not_after,
        })
    }

    /// Returns its name, which a browser shows.
    pub fn name(&self) -> String {
        name(self.made)
    }

    /// Returns its certificate.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Returns the end of its validity.
    pub fn not_after(&self) -> SystemTime {
        self.made + AUTHORITY_LASTS
    }

    fn from_parts(key: KeyPair, pem: String, made: SystemTime) -> Option<Self> {
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
        let issuer = Issuer::new(authority_params(made), key);
        Some(Self {
            issuer,
            made,
            pem,
            certificate,
        })
    }

    /// What the file holds: text for people, the time that everything else follows from, and two blocks of PEM.
    fn to_text(&self) -> String {
        let made = seconds(self.made);
        let key = self.issuer.key().serialize_pem();
        format!("{WARNING}\nMade: {made}\n{key}{}", self.pem)
    }

    fn parse(text: &str) -> Option<Self> {
        let made = text.lines().find_map(|line| line.strip_prefix("Made: "))?;
        let made = Duration::from_secs(made.trim().parse().ok()?);
        let key = PrivateKeyDer::from_pem_slice(text.as_bytes()).ok()?;
        let key = KeyPair::try_from(&key).ok()?;
        let pem = text[text.find("-----BEGIN CERTIFICATE-----")?..].to_string();
        Self::from_parts(key, pem, SystemTime::UNIX_EPOCH.checked_add(made)?)
    }
}

/// The authority's own certificate. All of it follows from the time.
// ANCHOR: authority_params
fn authority_params(made: SystemTime) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named(&name(made));
    params.not_before = (made - CLOCKS_DIFFER_BY).into();
    params.not_after = (made + AUTHORITY_LASTS).into();
    // It signs certificates of servers, and no other authority.
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // If its key is stolen, the thief can pretend to be this machine, and not your bank.
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::DnsName("localhost".to_string()),
            GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([127, 0, 0, 0], 8)),
            GeneralSubtree::IpAddress(CidrSubnet::from_v6_prefix(
                Ipv6Addr::LOCALHOST.octets(),
                128,
            )),
        ],
        excluded_subtrees: Vec::new(),
    });
    params
}
// ANCHOR_END: authority_params

// ANCHOR: server_params
fn server_params(
    names: &[&str],
    now: SystemTime,
    not_after: SystemTime,
) -> Result<CertificateParams, rcgen::Error> {
    let names = names.iter().map(ToString::to_string);
    let mut params = CertificateParams::new(Vec::from_iter(names))?;
    params.distinguished_name = named("a server of the WebSocket workshop");
    params.not_before = (now - CLOCKS_DIFFER_BY).into();
    params.not_after = not_after.into();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}
// ANCHOR_END: server_params

fn seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

/// The authority's name. Each authority on a machine has its own, or else a browser would mistake one for the other.
fn name(made: SystemTime) -> String {
    let time = OffsetDateTime::from(made);
    let (hour, minute, second) = time.to_hms();
    let date = time.date();
    format!("WebSocket workshop {date} {hour:02}:{minute:02}:{second:02}")
}

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

/// Waits until no other program holds the lock on this file, and takes it.
fn locked(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file = options
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)?;
    file.lock()?;
    Ok(file)
}

/// Writes a file whole or not at all: first under a different name, which then becomes the right one.
// ANCHOR: write
fn write_if_different(path: &Path, text: &str, mut options: OpenOptions) -> io::Result<()> {
    if fs::read_to_string(path).is_ok_and(|written| written == text) {
        return Ok(());
    }
    let unfinished = path.with_extension("unfinished");
    // One may be left from a start that was killed. If it can't be removed, no new one can be made.
    _ = fs::remove_file(&unfinished);
    let mut file = options.write(true).create_new(true).open(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, path)
}

/// Options for a file that only its owner can read, from its first moment on.
#[cfg(unix)]
fn only_for_its_owner() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// Options for a file. On this system, it gets the rights of its folder.
#[cfg(not(unix))]
fn only_for_its_owner() -> OpenOptions {
    OpenOptions::new()
}
// ANCHOR_END: write

impl From<rcgen::Error> for AuthorityError {
    fn from(error: rcgen::Error) -> Self {
        Self::Certificate(error)
    }
}

impl fmt::Display for AuthorityError {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::File(path, error) => write!(formatter, "{}: {error}", path.display()),
            Self::NotAnAuthority(path) => write!(
                formatter,
                "{} holds no certificate authority. Delete it, and the next start makes a new one",
                path.display()
            ),
            Self::Certificate(error) => write!(formatter, "no certificate can be made: {error}"),
        }
    }
}

impl Error for AuthorityError {}
