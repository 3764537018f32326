//! The certificate that a server shows, and a new one while it runs.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::SystemTime;

use echo::stream::{Acceptor, Stream};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::CertificateDer;
use support::check;
use support::sign::{missing, under, yours};
use tls::acceptor::Limits;
use tls::{Authority, Certificates, TlsAcceptor};

use super::shared::{DAY, FOREVER, Peer, client_end, played_client, tcp_pair};

/// A folder that is gone at the end of the check.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("there is room");
        Self(folder)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).expect("there is room");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}

/// A certificate that signs itself, and its key.
pub struct Pair {
    certificate: CertificateDer<'static>,
    pub chain: String,
    pub key: String,
}

pub fn pair() -> Pair {
    let key = KeyPair::generate().expect("there are random numbers");
    let params = CertificateParams::new(vec!["localhost".to_string()]).expect("it is a name");
    let certificate = params.self_signed(&key).expect("it can sign");
    Pair {
        certificate: certificate.der().clone(),
        chain: certificate.pem(),
        key: key.serialize_pem(),
    }
}

/// A client that has shaken hands with the learner's server, and the stream there.
fn connect(
    acceptor: &Arc<TlsAcceptor>,
    trusted: &CertificateDer<'static>,
) -> Option<(Peer, Box<dyn Stream>)> {
    let (ours, theirs): (TcpStream, TcpStream) = tcp_pair();
    let acceptor = acceptor.clone();
    let accepted = thread::spawn(move || acceptor.accept(ours));
    let peer = Peer::shake_hands(client_end(played_client(trusted, &[])), theirs).ok();
    let stream = accepted.join().ok()?.ok();
    peer.zip(stream)
}

/// Whether this peer still has its connection.
fn is_open(connection: &mut Option<(Peer, Box<dyn Stream>)>) -> &'static str {
    let Some((peer, stream)) = connection else {
        return "there is none";
    };
    let written = super::shared::write_all(&**stream, b"still here");
    match written.is_ok() && peer.hears() == "\"still here\"" {
        true => "open",
        false => "closed",
    }
}

#[test]
fn a_new_certificate_closes_nothing() {
    check! {
        rfc: "RFC 8446 §4.4.2",
        rule: "After a reload, the next client sees the new certificate, and the connections that are open stay.",
        signs: [
            under("a client after that", yours(["the old one"])).says(
                "The certificate of the beginning is shown for ever. Ask for the current one at each handshake.",
            ),
            under("a bad file", yours(["taken"])).says(
                "A pair is taken that doesn't belong together. Then no handshake succeeds any more.",
            ),
            under("a bad file", missing(["the new one"])).says(
                "After a bad file, the old certificate isn't there any more: first load, then exchange.",
            ),
        ],
        shows: reloads,
    }
}

fn reloads() -> String {
    let folder = Folder::new("certificates");
    let [old, new] = [pair(), pair()];
    let (chain, key) = (
        folder.write("chain.pem", &old.chain),
        folder.write("key.pem", &old.key),
    );
    let certificates = Certificates::from_files(&chain, &key);
    let certificates = Arc::new(certificates.expect("they belong together"));
    let limits = Limits {
        within: FOREVER,
        ..Limits::default()
    };
    let acceptor = TlsAcceptor::new(certificates.clone(), limits);
    let acceptor = Arc::new(acceptor.expect("it can be configured"));
    let seen = || {
        let sees = |pair: &Pair| connect(&acceptor, &pair.certificate).is_some();
        match (sees(&old), sees(&new)) {
            (true, false) => "the old one",
            (false, true) => "the new one",
            (false, false) => "none that is trusted",
            (true, true) => "both",
        }
    };
    let mut first = connect(&acceptor, &old.certificate);
    let mut shown = format!("a client before\n  → {}\n", is_open(&mut first));
    folder.write("chain.pem", &new.chain);
    folder.write("key.pem", &new.key);
    let taken = |outcome: Result<(), tls::certificates::CertificateError>| match outcome {
        Ok(()) => "taken".to_string(),
        Err(error) => {
            let error = error.to_string();
            error.replace(&folder.path().display().to_string(), "…")
        }
    };
    let now = SystemTime::now();
    shown += &format!("new files\n  → {}\n", taken(certificates.reload(now)));
    shown += &format!("the client before\n  → {}\n", is_open(&mut first));
    shown += &format!("a client after that\n  → sees {}\n", seen());
    for (title, text) in [
        ("of a different pair", old.key.as_str()),
        ("that isn't PEM", "oops"),
    ] {
        folder.write("key.pem", text);
        let outcome = taken(certificates.reload(now));
        shown += &format!(
            "a bad file: a key {title}\n  → {outcome}\n  → the next client sees {}\n",
            seen()
        );
    }
    shown
}

#[test]
fn a_certificate_is_renewed_in_time() {
    check! {
        rfc: "RFC 5280 §4.1.2.5",
        rule: "A local certificate is replaced 30 days before its end, and files are read when they change.",
        signs: [
            under("the next client", yours(["the old one"])).says(
                "The server asks for a new certificate after the handshake, or never: `renew` comes before.",
            ),
        ],
        shows: || {
            let now = SystemTime::now();
            let authority = Authority::new(now).expect("there are random numbers");
            let certificates = Certificates::local(authority, now).expect("it can make one");
            let row = |days: u32| match certificates.renew(now + DAY * days) {
                Ok(true) => format!("after {days} days: replaced\n"),
                Ok(false) => format!("after {days} days: stays\n"),
                Err(error) => format!("after {days} days: {error}\n"),
            };
            let folder = Folder::new("renewed");
            let pair = pair();
            let (chain, key) = (folder.write("chain.pem", &pair.chain), folder.write("key.pem", &pair.key));
            let files = Certificates::from_files(&chain, &key).expect("they belong together");
            let renewed = || match files.renew(now) {
                Ok(true) => "replaced",
                Ok(false) => "stays",
                Err(_) => "an error, and stays",
            };
            let same = renewed();
            fs::remove_file(&key).expect("it is there");
            [0, 59, 60, 119, 120].map(row).concat()
                + &format!("the files are the same: {same}\none is gone: {}, then {}\n", renewed(), renewed())
                + &format!("they change, and the next client\n  → sees {}\n", changed(&folder))
        },
    }
}

/// What a client sees after the files have changed, if nobody has asked for a reload.
fn changed(folder: &Folder) -> &'static str {
    let [old, new] = [pair(), pair()];
    let (chain, key) = (
        folder.write("chain.pem", &old.chain),
        folder.write("key.pem", &old.key),
    );
    let certificates = Certificates::from_files(&chain, &key).expect("they belong together");
    let acceptor = TlsAcceptor::new(Arc::new(certificates), Limits::default());
    let acceptor = Arc::new(acceptor.expect("it can be configured"));
    folder.write("chain.pem", &new.chain);
    folder.write("key.pem", &new.key);
    // Some file systems have a coarse clock.
    let file = fs::File::options().write(true).open(&key);
    let later = SystemTime::now() + super::shared::DAY;
    file.and_then(|file| file.set_modified(later))
        .expect("it is there");
    let sees = |pair: &Pair| connect(&acceptor, &pair.certificate).is_some();
    match (sees(&new), sees(&old)) {
        (true, _) => "the new one",
        (false, true) => "the old one",
        (false, false) => "none that is trusted",
    }
}
