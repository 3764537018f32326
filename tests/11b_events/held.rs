//! A request that is held.

use std::fmt::Write as _;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Instant;

use chat::client::Room;
use chat::outbox::Outbox;
use events::{Busy, Cursor, Events, GuestId, Settings};
use serde_json::json;
use support::check;
use support::machine::stretched;
use support::sign::{under, yours};

use super::shared::{
    DEADLINE, FIRST, FOREVER, NEW, ROOM_ENOUGH, SHORT, cursor, noting, quick, say,
};

/// Asks for news on a thread of its own. A WebSocket of the same session is there before: when it is
/// told that another transport has taken over, the request has the lock, and gives it up only to wait.
fn hold(events: &Arc<Events>, token: &'static str, at: Option<Cursor>) -> mpsc::Receiver<String> {
    let outbox = Arc::new(Outbox::new(ROOM_ENOUGH));
    assert!(events.join(token, at, &outbox).is_ok(), "there is room");
    let (say, said) = mpsc::channel();
    let asking = Arc::clone(events);
    thread::spawn(move || {
        let answer = asking.poll(token, at);
        let answer = answer.unwrap_or_else(|Busy| "✗ busy".to_string());
        _ = say.send(answer);
    });
    let begin = Instant::now();
    while !outbox.is_finished() && begin.elapsed() < stretched(DEADLINE) {
        thread::yield_now();
    }
    said
}

/// Whether a request is answered that has missed an event.
fn with_news(events: &Arc<Events>) -> &'static str {
    events.with_guests(|guests| guests.emit(FIRST, "said", &json!("hi")));
    let (say, said) = mpsc::channel();
    let asking = Arc::clone(events);
    thread::spawn(move || say.send(asking.poll("a1", cursor(FIRST.0, 0)).is_ok()));
    match said.recv_timeout(stretched(DEADLINE)) {
        Ok(_) => "it is answered",
        Err(_) => "it waits",
    }
}

fn patient() -> Settings {
    Settings {
        poll_timeout: FOREVER,
        ..quick()
    }
}

#[test]
fn a_request_is_held_until_there_is_news() {
    check! {
        rfc: "RFC 6202 §2.1",
        rule: "If there is nothing to say, the answer waits for an event, a value, a reply, another transport, the end \
               of the session, or the end of the server.",
        signs: [
            yours(["and with news, it waits"]).says(
                "The condition is the wrong way round: `wait_timeout_while` waits for as long as it is true.",
            ),
            yours(["not held"]).says(
                "The request isn't held: with or without news, it is answered at once. That is polling.",
            ),
            yours(["it still waits"]).says(
                "A held request isn't woken by this change, or doesn't take it for news.",
            ),
        ],
        shows: || {
            type Wake = fn(&Arc<Events>);
            let wakers: [(&str, Wake); 8] = [
                ("an event is told", |events| {
                    events.with_guests(|guests| guests.emit(FIRST, "said", &json!("hi")));
                }),
                ("another guest says something", |events| {
                    let outbox = Arc::new(Outbox::new(ROOM_ENOUGH));
                    _ = events.join("b1", NEW, &outbox);
                    events.post("b1", Some(GuestId(42)), &say(1, "hello"));
                }),
                ("it asks for something itself", |events| {
                    events.post("a1", Some(FIRST), r#"{"n":1,"event":"count","ask":true}"#);
                }),
                ("a value is offered", |events| {
                    events.with_guests(|guests| guests.offer_to("all", "price", &json!(5)));
                }),
                ("a WebSocket takes over", |events| {
                    let outbox = Arc::new(Outbox::new(ROOM_ENOUGH));
                    _ = events.join("a1", cursor(FIRST.0, 0), &outbox);
                }),
                ("another request takes over", |events| {
                    let events = Arc::clone(events);
                    thread::spawn(move || _ = events.poll("a1", NEW));
                }),
                ("the session ends", |events| {
                    events.with_guests(|guests| guests.end(FIRST, "we close"));
                }),
                ("the server stops", |events| chat::server::App::stop(&**events)),
            ];
            let mut shown = String::new();
            for (what, wake) in wakers {
                let notes = Arc::default();
                let events = noting(patient(), &notes).on("count", |_, _, _| json!(1));
                let events = Arc::new(events);
                let answer = hold(&events, "a1", cursor(FIRST.0, 0));
                if let Ok(lines) = answer.recv_timeout(SHORT / 2) {
                    return shown + &format!("not held, but answered: {lines}\nand with news, {}\n", with_news(&events));
                }
                wake(&events);
                let after = answer.recv_timeout(stretched(DEADLINE));
                let after = after.unwrap_or("it still waits".to_string());
                let after = after.replace('\n', "\n  ");
                _ = writeln!(shown, "held; {what}\n  {after}");
                if after == "it still waits" {
                    break;
                }
            }
            shown
        },
    }
}

#[test]
fn an_event_answers_every_request_in_its_room() {
    check! {
        rfc: "the workshop's own rule",
        rule: "An event for a room is for all guests in it. Each of their requests is answered, and no other request.",
        signs: [
            yours(["not all are answered"]).says(
                "`notify_one` wakes one request, which may be none of theirs. The others sleep on.",
            ),
            yours(["1 outside"]).says(
                "A request that is woken takes that for news. It has to look whether there is something for it, and \
                 wait on.",
            ),
        ],
        shows: || {
            let notes = Arc::default();
            let events = Arc::new(noting(patient(), &notes));
            let tokens = ["a1", "b1", "c1", "d1", "e1", "f1", "g1", "h1", "i1"];
            let hold_one = |(token, who)| hold(&events, token, cursor(who, 0));
            let held: Vec<_> = tokens.into_iter().zip(FIRST.0..).map(hold_one).collect();
            events.with_guests(|guests| {
                guests.leave(FIRST, "all");
                guests.emit_to("all", "said", &json!("hi"));
            });
            let (outside, inside) = held.split_first().expect("there are nine");
            let is_told = |answer: &mpsc::Receiver<String>| {
                let answer = answer.recv_timeout(stretched(DEADLINE));
                answer.is_ok_and(|lines| lines.contains("hi"))
            };
            let inside = if inside.iter().all(is_told) { "all are answered" } else { "not all are answered" };
            let outside = match outside.recv_timeout(SHORT) {
                Ok(lines) => lines,
                Err(_) => "held".to_string(),
            };
            format!("8 in the room: {inside}\n1 outside: {outside}\n")
        },
    }
}

#[test]
fn a_request_with_news_is_answered_at_once() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Look first, then wait. A client that doesn't know its session gets the `hello` at once, and the hold \
               has an end.",
        signs: [
            under("an event was missed", yours(["it still waits"])).says(
                "The request waits without having looked: it finds the news that is there already only when more \
                 comes.",
            ),
            under("a client is new", yours(["it still waits"])).says(
                "A new client waits for news like the others. It has something to hear at once: its `hello`.",
            ),
            under("the server was restarted", yours(["it still waits"])).says(
                "The page knows a session, but not this one: it has to hear the new number at once, too.",
            ),
            under("a request has been held", yours(["it still waits"])).says("The hold has no end."),
        ],
        shows: || {
            let notes = Arc::default();
            let events = Arc::new(noting(patient(), &notes));
            let mut shown = String::new();
            let mut asks = |events: &Arc<Events>, token: &'static str, what: &str, at: Option<Cursor>| {
                let (say, said) = mpsc::channel();
                let asking = Arc::clone(events);
                thread::spawn(move || _ = say.send(asking.poll(token, at)));
                let answer = match said.recv_timeout(stretched(DEADLINE)) {
                    Ok(Ok(lines)) => lines,
                    Ok(Err(Busy)) => "✗ busy".to_string(),
                    Err(_) => "it still waits".to_string(),
                };
                let answer = answer.replace('\n', "\n  ");
                _ = writeln!(shown, "{what}\n  {answer}");
                answer == "it still waits"
            };
            _ = events.join("a1", NEW, &Arc::new(Outbox::new(1 << 16)));
            events.with_guests(|guests| guests.emit(FIRST, "said", &json!("hi")));
            if asks(&events, "a1", "an event was missed", cursor(FIRST.0, 0)) {
                return shown;
            }
            if asks(&events, "b1", "a client is new", NEW) || asks(&events, "b1", "the answer was lost", NEW) {
                return shown;
            }
            if asks(&events, "c1", "the server was restarted, and the page knows its old session", cursor(7, 3)) {
                return shown;
            }
            events.with_guests(|guests| guests.offer_to("all", "price", &json!(5)));
            if asks(&events, "a1", "a value was missed", cursor(FIRST.0, 1)) {
                return shown;
            }
            let outbox = Arc::new(Outbox::new(1 << 16));
            let socket = events.join("a1", cursor(FIRST.0, 1), &outbox).expect("there is room");
            events.with_guests(|guests| guests.offer_to("all", "heat", &json!(6)));
            events.leave(socket);
            let what = "a value was sent by a WebSocket, and was not seen";
            if asks(&events, "a1", what, cursor(FIRST.0, 1)) {
                return shown;
            }
            let events = noting(Settings { poll_timeout: SHORT, ..quick() }, &notes);
            let events = Arc::new(events);
            _ = events.poll("a1", NEW);
            asks(&events, "a1", "a request has been held for as long as it may be", cursor(FIRST.0, 0));
            shown
        },
    }
}

#[test]
fn a_wake_without_news_does_not_extend_the_hold() {
    check! {
        rfc: "RFC 6202 §2.1",
        rule: "A request is held for at most as long as `poll_timeout` says, however often it is woken without news.",
        signs: [
            yours(["still held"]).says(
                "Each wake starts the hold again. On a busy server, the request is never answered.",
            ),
        ],
        shows: || {
            let events = Arc::new(noting(Settings { poll_timeout: 10 * SHORT, ..quick() }, &Arc::default()));
            let answer = hold(&events, "a1", cursor(FIRST.0, 0));
            _ = events.join("b1", NEW, &Arc::new(Outbox::new(1 << 16)));
            let begin = Instant::now();
            while begin.elapsed() < stretched(DEADLINE) {
                // A request that takes over from an earlier one wakes all that are held.
                let asking = Arc::clone(&events);
                thread::spawn(move || asking.poll("b1", cursor(42, 0)));
                if let Ok(lines) = answer.recv_timeout(2 * SHORT) {
                    return format!("woken in vain again and again, and answered in time: {lines}\n");
                }
            }
            "woken in vain again and again, and still held\n".to_string()
        },
    }
}
