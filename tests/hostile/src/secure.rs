//! TLS, for the server that speaks it: its authority is made for this run, and only this run's clients trust it.

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::{Arc, OnceLock};

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

/// The folder of the authority. The first server that is started makes it.
pub fn authority() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| env::temp_dir().join(format!("hostile-{}-authority", process::id())))
}

/// Deletes the authority's folder, if there is one.
pub fn clean_up() {
    _ = std::fs::remove_dir_all(authority());
}

/// A client's side of a TLS connection that trusts the authority. Its first bytes are a ClientHello.
///
/// # Errors
/// Returns an error if there is no authority yet.
pub fn client() -> io::Result<ClientConnection> {
    let certificate = authority().join("authority.crt");
    let certificate = CertificateDer::from_pem_file(certificate).map_err(io::Error::other)?;
    let mut trusted = RootCertStore::empty();
    trusted.add(certificate).map_err(io::Error::other)?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("it is a name");
    ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)
}

/// The bytes of a ClientHello, in its record.
///
/// # Errors
/// Returns an error if there is no authority yet.
pub fn client_hello() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    client()?.write_tls(&mut bytes)?;
    Ok(bytes)
}
