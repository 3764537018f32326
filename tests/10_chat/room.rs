//! The whole chat: several clients on real sockets.

use std::sync::Arc;
use std::thread;
use std::time::Instant;

use chat::client::{Limits, Room};
use chat::{Chat, Outbox, Server, Settings, Visitor};
use echo::Patience;
use support::check;
use support::frame::{CLOSE, TEXT, masked};
use support::http::exchange;
use support::machine::stretched;

use super::shared::{
    DEADLINE, PATIENT, Peer, ROOM_ENOUGH, SHORT, SOON, ada_says, drain, ids, meaning, serve,
    settings, text, wrong_ids,
};

/// Someone in the room who is never slow, and never silent for too long: it has no socket.
fn observer(server: &Server<Chat>) -> Arc<Outbox> {
    let outbox = Arc::new(Outbox::new(ROOM_ENOUGH));
    server.app().hub().join(Visitor::default(), &outbox);
    outbox
}

/// What an observer sees up to something that begins like this.
fn sees(outbox: &Outbox, last: &str) -> Vec<String> {
    let deadline = Instant::now() + stretched(DEADLINE);
    let mut seen: Vec<String> = Vec::new();
    while seen.last().is_none_or(|it| !it.starts_with(last)) {
        assert!(
            Instant::now() < deadline,
            "{last} did not come; {} things did",
            seen.len()
        );
        seen.extend(drain(outbox).iter().map(|frame| meaning(frame)));
        thread::yield_now();
    }
    seen
}

#[test]
fn a_second_client_gets_what_the_first_one_said() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Many sockets, one room: history, who is here, who comes and goes.",
        signs: [],
        shows: || {
            let server = serve(settings());
            let mut ada = Peer::named(server.address(), "ada");
            ada.send(&[text(&ada_says("one")), text(&ada_says("two"))].concat());
            ada.waits_for(r#"{"id":2"#);
            let mut bob = Peer::open(server.address(), "?after=1");
            let mut shown = format!("bob ← {}\nbob ← {}\n", bob.hears(), bob.hears());
            bob.send(&text(r#"{"username":"ada","message":"me too"}"#));
            shown += &format!("bob ← {}\n", bob.hears());
            bob.send(&text(r#"{"username":"bob","message":"<img src=x onerror=alert(1)>"}"#));
            for _ in 0..2 {
                shown += &format!("bob ← {}\nada ← {}\n", bob.hears(), ada.hears());
            }
            // No Close, no goodbye: its machine has lost power, and says so when it is up again.
            drop(bob);
            shown + &format!("ada ← {}\n", ada.hears())
        },
    }
}

#[test]
fn a_tab_that_reconnects_is_let_in() {
    check! {
        rfc: "RFC 6455 §7.4.1",
        rule: "The earlier connection of a tab is closed with 1000. A word that is empty or too long isn't a \
               tab's.",
        signs: [],
        shows: || {
            let server = serve(settings());
            let mut shown = String::new();
            for word in ["x7", "", &"x".repeat(65)] {
                let query = format!("?after=0&tab={word}");
                let mut before = Peer::open(server.address(), &query);
                before.waits_for(r#"{"people""#);
                let mut again = Peer::open(server.address(), &query);
                again.waits_for(r#"{"people""#);
                again.send(&text(&ada_says("here")));
                again.waits_for(r#"{"joined""#);
                let heard = before.hears();
                shown += &format!("{:<10} {heard}\n", format!("{} bytes", word.len()));
                drop(again);
                before.send(&masked(CLOSE, b""));
                if before.hears_all().contains("(no frame") {
                    return shown + "its Close isn't answered\n";
                }
                let deadline = Instant::now() + stretched(DEADLINE);
                while !server.app().hub().people().is_empty() && Instant::now() < deadline {
                    thread::yield_now();
                }
            }
            shown
        },
    }
}

#[test]
fn many_join_while_others_speak() {
    check! {
        rfc: "the workshop's own rule",
        rule: "On real sockets, too, a client that joins while others speak gets each message once, and in order.",
        signs: [],
        shows: || {
            let server = serve(Settings { max_history: 1000, ..settings() });
            let address = server.address();
            let speakers = ["ada", "bob"].map(|name| {
                let mut peer = Peer::named(address, name);
                thread::spawn(move || {
                    for _ in 0..50 {
                        peer.send(&text(&format!(r#"{{"username":"{name}","message":"hi"}}"#)));
                    }
                    peer
                })
            });
            let join = || {
                let mut peer = Peer::open(address, "");
                let mut frames = Vec::new();
                while ids(&frames).len() < 100 {
                    match peer.frame() {
                        Ok(frame) => frames.push(frame),
                        Err(_) => break,
                    }
                    frames.retain(|frame| frame.starts_with(&[TEXT]));
                    if ids(&frames[frames.len().saturating_sub(1)..]) == [100] {
                        break;
                    }
                }
                ids(&frames)
            };
            let joined: Vec<Vec<u64>> = thread::scope(|scope| {
                let joining: Vec<_> = (0..10).map(|_| scope.spawn(join)).collect();
                joining.into_iter().map(|it| it.join().expect("it joins")).collect()
            });
            let speakers = speakers.map(|it| it.join().expect("it speaks"));
            let wrong = joined.iter().find_map(|ids| wrong_ids(ids, 0, 100));
            drop(speakers);
            wrong.unwrap_or("10 of 10 got each of 100 messages once, and in order".to_string())
        },
    }
}

/// Lets somebody without a socket speak until the one who doesn't read has left. Returns the observer's
/// news.
fn speak_until_left(server: &Server<Chat>, who: &str) -> Vec<String> {
    let hub = server.app().hub();
    let outbox = Arc::new(Outbox::new(ROOM_ENOUGH));
    let speaker = hub.join(Visitor::default(), &outbox);
    let message = format!(
        r#"{{"username":"speaker","message":"{}"}}"#,
        "😀".repeat(1000)
    );
    let deadline = Instant::now() + stretched(DEADLINE);
    while hub.people().iter().any(|name| name == who) {
        assert!(Instant::now() < deadline, "{who} was never cut off");
        assert_eq!(hub.say(speaker, &message), Ok(()), "it is taken");
    }
    let seen = drain(&outbox);
    hub.leave(speaker);
    seen.iter().map(|frame| meaning(frame)).collect()
}

#[test]
fn a_client_that_never_reads_slows_no_other_and_is_closed() {
    check! {
        rfc: "RFC 6455 §7.4.1",
        rule: "The others get everything, and hear that the one that never reads has left. What waits for it is \
               bounded. If it reads after all, it finds whole frames, and then a Close with 1013.",
        signs: [],
        shows: || {
            let limits = Limits { patience: PATIENT, ..settings().client };
            let server = serve(Settings { max_waiting: 100_000, max_history: 1, client: limits, ..settings() });
            let mut sloth = Peer::named(server.address(), "sloth");
            let seen = speak_until_left(&server, "sloth");
            let spoken: Vec<&String> = seen.iter().filter(|it| it.starts_with(r#"{"id""#)).collect();
            let first = spoken.first().and_then(|it| it.strip_prefix(r#"{"id":1,"#)).is_some();
            let left = seen.iter().filter(|it| it.starts_with(r#"{"left":"sloth""#)).count();
            let mut shown = format!("the speaker hears itself from the first message on: {first}\n");
            shown += &format!("it hears {left} time that sloth left\n");
            let mut late = 0;
            let end = loop {
                match sloth.hears() {
                    it if it.starts_with(r#"{"id""#) => late += 1,
                    it if it.starts_with(r#"{"joined""#) => {}
                    it => break it,
                }
            };
            shown += &format!("sloth reads some of it late: {}, then {end}\n", late < spoken.len());
            sloth.send(&masked(CLOSE, b"\x03\xf5"));
            shown + &format!("it answers: {}\n", sloth.hears())
        },
    }
}

#[test]
fn a_client_that_never_reads_is_cut_off_by_a_deadline() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "TCP is ended for a client that doesn't even read the Close, and its place is free again.",
        signs: [],
        shows: || {
            let patience = Patience { close_within: SHORT, ..PATIENT };
            let limits = Limits { patience, ..settings().client };
            let server = serve(Settings { max_waiting: 100_000, max_connections: 1, client: limits, ..settings() });
            let mut sloth = Peer::named(server.address(), "sloth");
            let full = exchange(server.address(), "GET", "/people", None).status;
            let mut shown = format!("while sloth is here, another one gets {full}\n");
            speak_until_left(&server, "sloth");
            let deadline = Instant::now() + stretched(DEADLINE);
            let mut status = full;
            while status != 200 && Instant::now() < deadline {
                status = exchange(server.address(), "GET", "/people", None).status;
            }
            shown += &format!("when it was cut off, another one gets {status}\n");
            let end = loop {
                match sloth.frame() {
                    Ok(_) => {}
                    Err(end) => break end,
                }
            };
            let has_end = end.starts_with("(TCP");
            shown + &format!("what sloth reads has an end: {has_end}\n")
        },
    }
}

#[test]
fn a_vanished_client_is_announced() {
    check! {
        rfc: "RFC 6455 §5.5.2",
        rule: "A peer that is silent and doesn't answer a ping is gone by its deadline, and the others are \
               told.",
        signs: [],
        shows: || {
            // The ghost has this long to say its name, too.
            let patience = Patience { ping_after: stretched(SHORT), pong_within: stretched(SHORT), close_within: SOON };
            let limits = Limits { patience, ..settings().client };
            let server = serve(Settings { client: limits, ..settings() });
            let observer = observer(&server);
            let mut ghost = Peer::named(server.address(), "ghost");
            let seen = sees(&observer, r#"{"left"#);
            format!("the others: {}\nthe ghost: {}\n", seen.join(" | "), ghost.hears_all())
        },
    }
}
