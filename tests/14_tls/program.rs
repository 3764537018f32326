//! The program itself.

use std::net::TcpStream;
use std::path::Path;
use std::sync::mpsc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use support::frame::{TEXT, masked};
use support::{check, program};

use super::certificates::{Folder, pair};
use super::shared::{Peer, client_end, played_client};

#[test]
fn the_program_explains_what_it_can_not_read() {
    check! {
        rfc: "the workshop's own rule",
        rule: "What the command line asks for in vain is said in a sentence, and the exit code is 2.",
        signs: [],
        shows: || program!().runs(&[&["measure", "more"], &["serve"], &["authority", "authority"],
            &["--certificate", "server.crt", "echo"], &["--trust", "Cargo.toml", "connect", "wss://localhost/socket"], &["measure", "1", "2"]]),
    }
}

#[test]
fn the_program_says_how_to_trust_its_authority() {
    check! {
        rfc: "the workshop's own rule",
        rule: "`authority` says where the authority is, how to trust it, and how to take that back.",
        signs: [],
        shows: || {
            let folder = Folder::new("trust");
            let path = folder.path().canonicalize().expect("it is there");
            let path = path.display().to_string();
            let printed = program!().runs(&[&["--authority", &path, "authority"]]);
            let printed = printed.replace(&path, "/home/ada/tls");
            let name = printed.lines().find_map(|line| line.trim().strip_prefix("its name: "));
            let name = name.unwrap_or("no name").to_string();
            printed.replace(&name, "WebSocket workshop 2026-11-29 11:50:07")
        },
    }
}

/// Opens a WebSocket over TLS, and says what comes back: the 101, the answer to an offer of compression, and the first
/// message after a text has been sent.
fn first_words(server: &program::Server, authority: &Path) -> String {
    let trusted = CertificateDer::from_pem_file(authority).expect("it is a certificate");
    let tls = client_end(played_client(&trusted, &["http/1.1"]));
    let tcp = TcpStream::connect(server.address).expect("it listens");
    let mut peer = match Peer::shake_hands(tls, tcp) {
        Ok(peer) => peer,
        Err(error) => return format!("no TLS: {error}"),
    };
    peer.sends(
        b"GET /socket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
          Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
    );
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match peer.reads_all(1) {
            Ok(byte) if !byte.is_empty() => head.extend(byte),
            _ => return format!("half a head: {}", head.escape_ascii()),
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let extension = head
        .lines()
        .find(|line| line.starts_with("Sec-WebSocket-Extensions"));
    peer.sends(&masked(TEXT, b"Hello"));
    let frame = peer.reads_all(2).unwrap_or_default();
    let length = frame.get(1).copied().unwrap_or(0);
    let payload = peer.reads_all(length.into()).unwrap_or_default();
    format!(
        "{}, {}, {:?}",
        head.lines().next().unwrap_or_default(),
        extension.unwrap_or("no extension"),
        String::from_utf8_lossy(&payload)
    )
}

#[test]
fn the_program_serves_over_tls() {
    check! {
        rfc: "RFC 6455 §11.1.2",
        rule: "`echo` is step 09 over TLS, `chat` step 10. Without a command, it is the chat. With --compress, messages may \
               be compressed.",
        signs: [],
        shows: || {
            let folder = Folder::new("served");
            let path = folder.path().display().to_string();
            let commands: [&[&str]; 5] = [&["echo"], &["chat"], &[], &["--compress", "echo"], &["--compress", "chat"]];
            let mut told = String::new();
            for command in commands {
                let server = program!().serve_as(&[&["--authority", &path], command].concat());
                let heard = first_words(&server, &folder.path().join("authority.crt"));
                told += &format!("{command:?}\n  {heard}\n");
            }
            let own = pair();
            let chain = folder.write("own.crt", &own.chain);
            let key = folder.write("own.key", &own.key).display().to_string();
            let certificate = chain.display().to_string();
            let server = program!().serve_as(&["--certificate", &certificate, "--key", &key, "echo"]);
            told + "a certificate and a key of its own\n  " + &first_words(&server, &chain) + "\n"
        },
    }
}

#[test]
fn the_program_connects_over_tls() {
    check! {
        rfc: "RFC 6455 §4.1",
        rule: "`connect` is the client of step 12 over TLS. It trusts the authority of its folder, or those of --trust.",
        signs: [],
        shows: || {
            let (here, elsewhere) = (Folder::new("here"), Folder::new("elsewhere"));
            let path = |folder: &Folder| folder.path().display().to_string();
            let (here, elsewhere) = (path(&here), path(&elsewhere));
            let trusted = format!("{here}/authority.crt");
            let server = program!().serve_as(&["--authority", &here, "--compress", "echo"]);
            let url = format!("wss://localhost:{}/socket", server.address.port());
            let lines: [&[&str]; 3] = [
                &["--authority", &here, "connect", &url],
                &["--authority", &elsewhere, "connect", &url],
                &["--authority", &elsewhere, "--trust", &trusted, "--compress", "connect", &url],
            ];
            let told = lines.map(|line| {
                let (sender, texts) = mpsc::channel();
                _ = sender.send("Hello\n".to_string());
                // The pipe ends with the channel.
                drop(sender);
                program!().reads_a_pipe(line, texts)
            });
            let port = format!("localhost:{}", server.address.port());
            let told = told.join("\n").replace(&port, "localhost:9014");
            told.replace(&elsewhere, "elsewhere").replace(&here, "here")
        },
    }
}

#[test]
fn the_program_measures_tls() {
    check! {
        rfc: "the workshop's own rule",
        rule: "`measure` tells what a handshake and a message take, with TLS and without.",
        signs: [],
        shows: || {
            let printed = program!().runs(&[&["measure", "1"]]);
            let server_sends = |row: &str| {
                let line = printed.lines().find(|line| line.starts_with(row))?;
                line.split_whitespace().rev().nth(1)?.parse::<usize>().ok()
            };
            let (full, resumed) = (server_sends("full"), server_sends("resumed"));
            let less = full > resumed && resumed > Some(0);
            let figures = printed.lines().map(|line| without_figures(line) + "\n").collect::<String>();
            figures + "a server sends less if a connection is resumed: " + if less { "yes\n" } else { "no\n" }
        },
    }
}

/// The line with `#` for each figure that is measured, if it can be right: nothing here takes a second, or no time at
/// all. The sizes of messages stay.
fn without_figures(line: &str) -> String {
    let (size, line) = line.split_once(" bytes, ").unwrap_or(("", line));
    let words = line.split_whitespace();
    let words = words.map(|word| match word.parse::<f64>() {
        Ok(figure) if figure > 0.0 && figure < 1e6 => "#",
        Ok(_) => "(can't be right)",
        Err(_) => word,
    });
    format!("{size} {}", Vec::from_iter(words).join(" "))
        .trim()
        .to_string()
}
