//! The certificate authority of this machine, in a folder.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, SystemTime};

use support::check;
use support::sign::{missing, yours};
use tls::Authority;
use tls::authority::LOCAL_NAMES;

use super::certificates::Folder;
use super::config::outcome;
use super::shared::{DAY, client_end, played_client, played_server, server_end};

/// A moment that is always the same.
fn moment() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_953_007)
}

fn files(folder: &Path) -> String {
    let entries = fs::read_dir(folder).expect("it is there");
    let names = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names = Vec::from_iter(names);
    names.sort();
    names.join(", ")
}

#[test]
fn an_authority_stays_the_same() {
    check! {
        rfc: "RFC 5280 §4.2.1.9",
        rule: "The first start makes an authority, and the next ones use it, until its time is almost over.",
        signs: [
            yours(["the next start", "a different one"]).says(
                "Each start makes an authority of its own. Then your browser trusts none of them.",
            ),
        ],
        shows: || {
            let folder = Folder::new("authority");
            let open = |now| Authority::open(folder.path(), now).expect("there is room");
            let first = open(moment());
            let says = |authority: &Authority| match authority.certificate() == first.certificate() {
                true => "the same",
                false => "a different one",
            };
            let mut shown = format!("its name: {}\nits files: {}\n", first.name(), files(folder.path()));
            shown += &format!("the next start: {}\n", says(&open(moment() + DAY)));
            // A start that was killed left this.
            fs::write(folder.path().join("authority.unfinished"), "half").expect("there is room");
            shown += &format!("after a start that was killed: {}\n", says(&open(moment())));
            shown += &format!("after nine years: {}\n", says(&open(moment() + DAY * 3285)));
            let last = moment() + DAY * (3650 - 90);
            let second = Duration::from_secs(1);
            shown += &format!("90 days and a second before its end: {}\n", says(&open(last - second)));
            shown += &format!("90 days before its end: {}\n", says(&open(last)));
            let second = open(moment() + DAY * 3650);
            let third = open(moment() + DAY * 3651);
            shown += &format!("after ten years: {}\n", says(&second));
            let stays = third.certificate() == second.certificate();
            shown += &format!("the next start: {}\n", if stays { "the same as that" } else { "a different one" });
            for text in [&b"something else"[..], b"\xff\xfe"] {
                let private = folder.path().join("authority.pem");
                fs::write(&private, text).expect("there is room");
                let error = Authority::open(folder.path(), moment()).map(|_| "an authority".to_string());
                let error = error.unwrap_or_else(|error| error.to_string());
                let error = error.replace(&folder.path().join("").display().to_string(), "");
                let stays = fs::read(&private).is_ok_and(|bytes| bytes == text);
                shown += &format!("a file that is none: {error}\n  it is {}\n", if stays { "still there" } else { "gone" });
            }
            shown
        },
    }
}

/// The times in a certificate: from when and until when it is valid (RFC 5280 §4.1.2.5).
fn validity(certificate: &[u8]) -> String {
    let is_time = |bytes: &&[u8]| {
        bytes.starts_with(b"\x17\x0d") && bytes[2..14].iter().all(u8::is_ascii_digit)
    };
    let times = certificate.windows(15).filter(is_time);
    let times = times.map(|bytes| String::from_utf8_lossy(&bytes[2..]).into_owned());
    Vec::from_iter(times.take(2)).join(" to ")
}

#[test]
fn certificates_begin_an_hour_early() {
    check! {
        rfc: "RFC 5280 §4.1.2.5",
        rule: "A certificate is valid from an hour before it was made, because clocks differ. An authority lasts ten years, and \
               a server's certificate 90 days, but never longer than the authority.",
        signs: [],
        shows: || {
            let authority = Authority::new(moment()).expect("there are random numbers");
            let issue = |now| authority.issue(&LOCAL_NAMES, now).expect("these are names");
            let mut shown = format!("made at 261129115007Z\nauthority {}\n", validity(authority.certificate()));
            for name in ["WebSocket workshop 2026-11-29 11:50:07", "a server of the WebSocket workshop"] {
                let has = |der: &[u8]| der.windows(name.len()).any(|bytes| bytes == name.as_bytes());
                let (theirs, its) = (issue(moment()), authority.certificate());
                shown += &format!("{name:?}: in the authority's own {}, in a server's {}\n", has(its), has(&theirs.chain[0]));
            }
            for (when, now) in [("at once", moment()), ("in its last month", moment() + DAY * 3620)] {
                shown += &format!("{when:<18}{}\n", validity(&issue(now).chain[0]));
            }
            shown
        },
    }
}

#[test]
fn what_it_signs_is_trusted() {
    check! {
        rfc: "RFC 5280 §6.1",
        rule: "A certificate of an authority that was read from its file is trusted like one of the first start.",
        signs: [],
        shows: || {
            let folder = Folder::new("signs");
            let now = SystemTime::now();
            let row = |title: &str| {
                let authority = Authority::open(folder.path(), now).expect("there is room");
                let issued = authority.issue(&LOCAL_NAMES, now).expect("these are names");
                let mut client = client_end(played_client(authority.certificate(), &[]));
                let mut server = server_end(played_server(issued, &[]));
                format!("{title}: {}\n", outcome(&mut client, &mut server))
            };
            row("the first start") + &row("the next start")
        },
    }
}

#[test]
fn two_first_starts_agree() {
    check! {
        rfc: "the workshop's own rule",
        rule: "If several programs start for the first time at once, all of them have the same authority.",
        signs: [
            missing(["1 authority"]).says(
                "Two starts each make an authority, and one overwrites the other's: look and write under one lock.",
            ),
        ],
        shows: || {
            let folder = Folder::new("at-once");
            let barrier = Arc::new(Barrier::new(4));
            let threads = [(); 4].map(|()| {
                let (barrier, path) = (barrier.clone(), folder.path().to_path_buf());
                thread::spawn(move || {
                    barrier.wait();
                    Authority::open(&path, moment()).map(|authority| authority.certificate().clone())
                })
            });
            let mut certificates = Vec::new();
            for thread in threads {
                match thread.join().expect("it has not panicked") {
                    Ok(certificate) => certificates.push(certificate.to_vec()),
                    Err(error) => return format!("an error: {error}\n"),
                }
            }
            certificates.sort();
            certificates.dedup();
            format!("4 starts, {} authority\nits files: {}\n", certificates.len(), files(folder.path()))
        },
    }
}

#[cfg(unix)]
#[test]
fn only_its_owner_reads_the_key() {
    check! {
        rfc: "the workshop's own rule",
        rule: "The file with the key can be read by its owner alone, from its first moment on.",
        signs: [
            yours(["authority.pem", "6"]).says("Others can read the key, and pretend to be localhost to your browser."),
        ],
        shows: || {
            use std::os::unix::fs::PermissionsExt;
            let folder = Folder::new("owner");
            Authority::open(folder.path(), moment()).expect("there is room");
            let about = fs::metadata(folder.path().join("authority.pem")).expect("it is there");
            format!("authority.pem: {:o}\n", about.permissions().mode() & 0o777)
        },
    }
}
