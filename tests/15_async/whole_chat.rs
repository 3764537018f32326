//! The whole chat: several clients on real sockets, by the rules of step 10.

use std::sync::Arc;
use std::thread;
use std::time::Instant;

use async_chat::Server;
use chat::client::Room;
use chat::{Outbox, Settings, Visitor};
use echo::Patience;
use support::check;
use support::frame::{CLOSE, TEXT, masked};
use support::http::exchange;
use support::machine::stretched;

use super::shared::serve;
use super::shared::step_10::{
    DEADLINE, PATIENT, Peer, ROOM_ENOUGH, SHORT, SOON, ada_says, comes_true, drain, ids, meaning,
    settings, settings_with, text, wrong_ids,
};

#[test]
fn a_second_client_gets_what_the_first_one_said() {
    check! {
        rfc: "the workshop's own rule",
        rule: "All sockets share one room: the history, who is here, who joins and leaves.",
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
            bob.send(&text(r#"{"username":"bob","message":"hi"}"#));
            for _ in 0..2 {
                shown += &format!("bob ← {}\nada ← {}\n", bob.hears(), ada.hears());
            }
            // Without a Close, TCP ends: the system closes the sockets of a program that crashes.
            drop(bob);
            shown + &format!("ada ← {}\n", ada.hears())
        },
    }
}

#[test]
fn a_tab_that_reconnects_is_let_in() {
    check! {
        rfc: "RFC 6455 §7.4.1",
        rule: "A tab's earlier connection is closed with 1000.",
        signs: [],
        shows: || {
            let server = serve(settings());
            let mut earlier = Peer::open(server.address(), "?after=0&tab=x7");
            earlier.waits_for(r#"{"people""#);
            let mut again = Peer::open(server.address(), "?after=0&tab=x7");
            again.waits_for(r#"{"people""#);
            format!("{}\n", earlier.hears_all())
        },
    }
}

#[test]
fn many_join_while_others_speak() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A client that joins while others speak gets each message once, and in order.",
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
                while ids(&frames).last() != Some(&100) {
                    match peer.frame() {
                        Ok(frame) if frame.starts_with(&[TEXT]) => frames.push(frame),
                        Ok(_) => {}
                        Err(_) => break,
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

/// More messages of 4 KB than the system keeps for a connection, and few enough to keep them in memory.
const MANY: usize = 8000;

/// Lets a client without a socket speak until the client of this name, which doesn't read, has left. Returns what
/// the speaker has seen.
fn speak_until_left(server: &Server, name: &str) -> Vec<String> {
    let hub = server.site().hub();
    let outbox = Arc::new(Outbox::new(ROOM_ENOUGH));
    let speaker = hub.join(Visitor::default(), &outbox);
    let message = format!(
        r#"{{"username":"speaker","message":"{}"}}"#,
        "😀".repeat(1000)
    );
    let deadline = Instant::now() + stretched(DEADLINE);
    let mut spoken = 0;
    while hub.people().iter().any(|it| it == name) {
        let goes_on = spoken < MANY && Instant::now() < deadline;
        assert!(goes_on, "{name} was never cut off");
        assert_eq!(hub.say(speaker, &message), Ok(()), "no limit is reached");
        spoken += 1;
    }
    let seen = drain(&outbox);
    hub.leave(speaker);
    seen.iter().map(|frame| meaning(frame)).collect()
}

#[test]
fn a_client_that_never_reads_slows_no_other_and_is_closed() {
    check! {
        rfc: "RFC 6455 §7.4.1",
        rule: "What waits for a client that never reads has a limit; the others get everything, and then that it left. \
               If it reads after all, it finds whole frames, and then a Close with 1013.",
        signs: [],
        shows: || {
            let server = serve(Settings { max_outbox_bytes: 100_000, max_history: 1, ..settings() });
            let mut sloth = Peer::named(server.address(), "sloth");
            let seen = speak_until_left(&server, "sloth");
            let left = seen.iter().filter(|it| it.starts_with(r#"{"left":"sloth""#)).count();
            let mut shown = format!("how often the speaker hears that sloth left: {left}\n");
            let end = loop {
                match sloth.hears() {
                    it if it.starts_with(r#"{"id""#) || it.starts_with(r#"{"joined""#) => {}
                    it => break it,
                }
            };
            shown += &format!("sloth reads some of it late, then {end}\n");
            sloth.send(&masked(CLOSE, b"\x03\xf5"));
            shown + &format!("it answers: {}\n", sloth.hears())
        },
    }
}

#[test]
fn a_client_that_never_reads_is_cut_off_by_a_deadline() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "If a client doesn't even read the Close, the server ends TCP, and the client's place is free again.",
        signs: [],
        shows: || {
            let patience = Patience { close_within: SHORT, ..PATIENT };
            let server = serve(Settings { max_outbox_bytes: 100_000, max_connections: 1, ..settings_with(patience) });
            let mut sloth = Peer::named(server.address(), "sloth");
            let full = exchange(server.address(), "GET", "/people", None).status;
            let mut shown = format!("while sloth is here, a newcomer gets {full}\n");
            speak_until_left(&server, "sloth");
            let is_free = comes_true(stretched(DEADLINE), || {
                exchange(server.address(), "GET", "/people", None).status == 200
            });
            shown += &format!("when it was cut off, a newcomer gets 200: {is_free}\n");
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
        rule: "A client that is silent and doesn't answer a ping is cut off at a deadline, and the others are told.",
        signs: [],
        shows: || {
            // The ghost must also have time to say its name.
            let short = stretched(SHORT);
            let server = serve(settings_with(Patience { ping_after: short, pong_within: short, close_within: SOON }));
            let outbox = Arc::new(Outbox::new(ROOM_ENOUGH));
            server.site().hub().join(Visitor::default(), &outbox);
            let mut ghost = Peer::named(server.address(), "ghost");
            let heard = ghost.hears_all();
            let is_gone = comes_true(stretched(DEADLINE), || server.site().hub().people().is_empty());
            let seen: Vec<String> = drain(&outbox).iter().map(|frame| meaning(frame)).collect();
            format!("the ghost: {heard}\nit is gone: {is_gone}\nthe others: {}\n", seen.join(" | "))
        },
    }
}
