//! What both sides of TLS allow: versions 1.2 and 1.3, and HTTP/1.1 inside.
//!
//! A certificate is always checked. No option turns that off: you trust a server of your own by trusting its authority.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::server::ResolvesServerCert;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

/// The protocol inside, as ALPN names it (RFC 7301 §6). A WebSocket begins as HTTP/1.1; with `h2`, it would begin
/// differently (RFC 8441).
pub const HTTP_1_1: &[u8] = b"http/1.1";

/// Returns the cryptography, which is that of the crate ring.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Returns the configuration of a server.
///
/// # Errors
/// Returns an error if the provider has no cryptography for TLS 1.2 and 1.3.
// ANCHOR: server
pub fn server(certificates: Arc<dyn ResolvesServerCert>) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.alpn_protocols = protocols();
    Ok(config)
}
// ANCHOR_END: server

/// Returns the configuration of a client that trusts these authorities, and no others.
///
/// # Errors
/// Returns an error if one of them isn't a certificate.
// ANCHOR: client
pub fn client(trusted: &[CertificateDer<'static>]) -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    for certificate in trusted {
        roots.add(certificate.clone())?;
    }
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols();
    Ok(config)
}
// ANCHOR_END: client

/// The protocols that may be inside.
// ANCHOR: alpn
fn protocols() -> Vec<Vec<u8>> {
    // Task: only the one that your next bytes are in.
    vec![HTTP_1_1.to_vec()]
}
// ANCHOR_END: alpn
