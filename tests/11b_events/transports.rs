//! One transport after the other.

use chat::client::Room;
use events::{GuestId, Guests, Settings};
use serde_json::{Value, json};
use support::check;
use support::sign::{missing, never_finished, swapped, too_little, too_much, under, yours};

use super::scene::Scene;
use super::shared::{FIRST, NEW, ask, cursor, quick, say};

#[test]
fn an_event_reaches_its_handler_and_a_room() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Each event goes to the handler of its name, with the number of its guest, and is confirmed. Every \
               guest in a room gets what is told there, each with numbers of its own.",
        signs: [
            yours(["← Close 1000 another transport"]).says(
                "The new transport was ended in place of the old one: the link had been changed before.",
            ),
            missing(["← {\"hello\""]).says(
                "`hello` never came. It was left out, or pushed before the transport was attached.",
            ),
            yours(["\"reply\":"]).says(
                "A line without `ask` got a reply: only a line with `ask` gets one.",
            ),
            missing(["ada ← {\"n\":1,"]).says(
                "A line that is sent is kept, but not pushed: it waits for the next transport.",
            ),
            missing(["say by 41 \"hi\""]).says("The handler wasn't called for a new event."),
        ],
        shows: || {
            let mut scene = Scene::new();
            scene.opens("ada", "a1", NEW);
            scene.opens("bob", "b1", NEW);
            scene.says("ada", &say(1, "hi"));
            scene.says("bob", &format!("{}\n{}", say(1, "hello"), say(2, "ada")));
            scene.says("bob", r#"{"got":3}"#);
            scene.does("bob leaves the room", |guests| guests.leave(GuestId(42), "all"));
            scene.says("ada", &say(2, "are you there?"));
            scene.does("all are told, whatever room they are in", |guests| {
                guests.emit_to_all("news", &json!([1, 2]));
            });
            scene.does("no guest is told", |guests| {
                guests.emit(GuestId(99), "said", &json!("?"));
                guests.emit_to("an empty room", "said", &json!("?"));
            });
            scene.text
        },
    }
}

#[test]
fn an_event_that_comes_twice_is_handled_once() {
    check! {
        rfc: "the workshop's own rule",
        rule: "An event whose number has come before is dropped: no handler, no reply, no error. It is confirmed \
               again, because the first `got` may have been lost.",
        signs: [
            yours(["  say by 41 \"one\""]).says(
                "The handler was called before the number was looked at: a retry counts twice.",
            ),
            yours(["← {\"error\":"]).says(
                "A number that has come before was taken for an error. It is normal: the first `got` may have been \
                 lost.",
            ),
            yours(["\"reply\":3"]).says(
                "An event that came twice got two replies. The first one is kept until it is confirmed.",
            ),
            missing(["← {\"error\":"]).says(
                "The error of an event without `ask` was kept quiet. `take_packet` returns it, and it is sent as \
                 `error`.",
            ),
            missing(["\"reply\":3"]).says("A line with `ask` got no reply."),
            missing(["ada ← {\"got\":"]).says("An event that came twice wasn't confirmed again."),
        ],
        shows: || {
            let mut scene = Scene::new();
            scene.opens("ada", "a1", NEW);
            scene.says("ada", &say(1, "one"));
            scene.says("ada", &say(1, "one"));
            scene.says("ada", &format!("{}\n{}\n{}", say(1, "one"), say(2, "two"), say(2, "two")));
            scene.says("ada", &ask(3, "three"));
            scene.says("ada", &ask(3, "three"));
            let fail = r#"{"n":4,"event":"fail"}"#;
            scene.says("ada", fail);
            scene.says("ada", fail);
            scene.text
        },
    }
}

#[test]
fn a_session_opens_once_and_closes_once() {
    check! {
        rfc: "the workshop's own rule",
        rule: "`open` is handled when a session begins, and `close` when it is over; not when a transport comes \
               or goes. A session is over when its guest says so, or has been away for too long.",
        signs: [
            under("59 s later", yours(["close by 41"])).says(
                "The session ended with its WebSocket: each reconnect is a new guest, which has missed something.",
            ),
            never_finished().says(
                "A GET got no answer: its hold has no end. `hold` says how long it may take.",
            ),
            too_little().and(missing(["ada, again ← {\"hello\":41"])).but_not(missing(["ada ← {\"hello\":"])).says(
                "A page that came back to its session got no `hello`. Every new WebSocket begins with one: it \
                 also says how far the page's own events have come.",
            ),
            missing(["close by 42"]).says("A session never ends, however long its guest is away."),
            missing(["close by 41"]).says("A session didn't end with `bye`."),
        ],
        shows: || {
            let mut scene = Scene::new();
            scene.opens("ada", "a1", NEW);
            scene.opens("bob", "b1", NEW);
            scene.says("ada", r#"{"got":0}"#);
            scene.says("bob", r#"{"got":0}"#);
            scene.ends("ada");
            scene.later(59);
            scene.polls("a1", cursor(41, 0));
            scene.opens("ada, again", "a1", cursor(41, 0));
            scene.says("ada, again", r#"{"bye":true}"#);
            scene.says("ada, again", &say(1, "too late"));
            scene.ends("ada, again");
            scene.ends("bob");
            scene.later(61);
            scene.later(62);
            scene.posts("b1", 42, &say(1, "too late"));
            let count = scene.events.with(|guests| guests.count());
            scene.note(&format!("sessions: {count}"));
            scene.text
        },
    }
}

#[test]
fn the_answer_to_a_request_may_be_lost() {
    check! {
        rfc: "the workshop's own rule",
        rule: "The lines of an answer are kept until the next request confirms them.",
        signs: [
            missing(["GET ← {\"n\":3"]).says(
                "What was sent while there was no transport is lost. It has to be kept for the next one.",
            ),
            missing(["GET ← {\"n\":1"]).and(too_little()).says(
                "The lines of an answer counted as received. The answer may be lost; only the next cursor \
                 confirms it.",
            ),
            yours(["GET ← {\"n\":1"]).says(
                "The cursor of a request confirms nothing: a page that polls gets everything again and again.",
            ),
        ],
        shows: || {
            let mut scene = Scene::new();
            scene.polls("a1", NEW);
            scene.note("  (the answer is lost)");
            scene.polls("a1", NEW);
            scene.does("told: one, two", |guests| {
                guests.emit(FIRST, "said", &json!("one"));
                guests.emit(FIRST, "said", &json!("two"));
            });
            scene.polls("a1", cursor(41, 0));
            scene.note("  (the answer is lost)");
            scene.does("told: three", |guests| guests.emit(FIRST, "said", &json!("three")));
            scene.polls("a1", cursor(41, 0));
            scene.polls("a1", cursor(41, 3));
            scene.text
        },
    }
}

#[test]
fn a_new_transport_begins_with_what_is_not_confirmed() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A new WebSocket begins with `hello`, then everything that has not been confirmed, in order, then \
               the latest values. Sending a line doesn't confirm it: the next WebSocket begins with the same lines.",
        signs: [
            missing(["ada ← Close 1000"]).says("Nothing ended the old transport when the new one took over."),
            swapped().and(missing(["hello"])).says(
                "`hello` came after other lines. The page needs it first: it names the session of the lines that \
                 follow.",
            ),
            swapped().and(under("ada, again", missing(["← {\"now\""]))).says(
                "The latest values came before the lines that have not been confirmed. Values go last.",
            ),
            swapped().says("What has not been confirmed is replayed in another order. The page sees a gap."),
            under("ada, again", missing(["← {\"n\":1"])).says(
                "The new transport begins without the lines that have not been confirmed: what the old one \
                 lost is lost.",
            ),
            under("ada, again", missing(["← {\"now\""])).says(
                "The new transport begins without the latest values. They wait for a `seen` that will never come.",
            ),
            under("ada, once more", missing(["← {\"n\":1"])).says(
                "The replayed lines counted as received, and were forgotten. Only `got` or a cursor confirms a line.",
            ),
            under("ada, at last", missing(["← {\"n\":2"])).says(
                "The replay left out a line that has not been confirmed. A confirmed line is not kept any longer, \
                 so there is nothing to skip.",
            ),
            under("ada, at last", yours(["← {\"n\":1"])).says(
                "The cursor confirms nothing, or too late: `after=1` says that number 1 has come. `attach` confirms \
                 it, and after that the lines that are kept are collected.",
            ),
        ],
        shows: || {
            let mut scene = Scene::new();
            scene.opens("ada", "a1", NEW);
            scene.does("told: one, two", |guests| {
                guests.emit(FIRST, "said", &json!("one"));
                guests.emit(FIRST, "said", &json!("two"));
            });
            scene.does("the price is 5", |guests| guests.offer_to("all", "price", &json!(5)));
            scene.note("  (all of this is lost)");
            scene.opens("ada, again", "a1", cursor(41, 0));
            scene.note("  (and this, too)");
            scene.opens("ada, once more", "a1", cursor(41, 0));
            scene.opens("ada, at last", "a1", cursor(41, 1));
            scene.text
        },
    }
}

#[test]
fn a_new_transport_takes_over() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A new transport takes over, and begins with everything that has not been confirmed. From then on, the \
               old one gets only a Close. When it ends, later, the new one is not affected.",
        signs: [
            missing(["ada, again ← {\"n\":5"]).says(
                "The end of the old WebSocket, which is noticed late, took the new one away from the guest.",
            ),
        ],
        shows: || {
            let mut scene = Scene::new();
            scene.opens("ada", "a1", NEW);
            scene.says("ada", &format!("{}\n{}\n{}", say(1, "one"), say(2, "two"), say(3, "three")));
            scene.opens("ada, again", "a1", cursor(41, 2));
            scene.says("ada, again", &say(4, "four"));
            scene.ends("ada");
            scene.says("ada, again", &say(5, "five"));
            scene.polls("a1", cursor(41, 4));
            scene.posts("a1", 41, &say(6, "six"));
            scene.polls("a1", cursor(41, 5));
            scene.opens("ada, once more", "a1", cursor(41, 5));
            scene.text
        },
    }
}

#[test]
fn a_number_counts_once_by_any_transport() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A number counts once, whichever transport brings it: a request that is sent again, or an old \
               WebSocket from which the rest is read late.",
        signs: [],
        shows: || {
            let mut scene = Scene::new();
            scene.polls("a1", NEW);
            let both = format!("{}\n{}", say(1, "one"), ask(2, "two"));
            scene.posts("a1", 41, &both);
            scene.note("  (the answer is lost)");
            scene.posts("a1", 41, &both);
            scene.opens("ada", "a1", cursor(41, 3));
            scene.says("ada", &say(3, "three"));
            scene.note("  (the answer is lost, and four and five are on their way)");
            scene.opens("ada, again", "a1", cursor(41, 3));
            scene.says("ada", &say(4, "four"));
            scene.says("ada, again", &format!("{}\n{}", say(4, "four"), say(5, "five")));
            scene.says("ada", &say(5, "five"));
            scene.posts("a1", 41, &say(5, "five"));
            scene.text
        },
    }
}

#[test]
fn a_missing_number_ends_the_session() {
    check! {
        rfc: "the workshop's own rule",
        rule: "If an earlier number is missing, the session is over, and both sides are told why. Later lines are \
               not taken, and the next session begins at 1.",
        signs: [
            missing(["← {\"error\":\"Number 3"]).says(
                "The gap was kept quiet. It is an error like any other: `take_packet` returns its sentence.",
            ),
            missing(["close by 41"]).says(
                "The session goes on, but everything after the gap is refused, forever.",
            ),
        ],
        shows: || {
            let mut scene = Scene::new();
            scene.opens("ada", "a1", NEW);
            scene.says("ada", &say(1, "one"));
            scene.says("ada", &format!("{}\n{}\n{}", say(3, "three"), say(2, "two"), say(3, "three")));
            scene.opens("ada, again", "a1", cursor(41, 1));
            scene.says("ada, again", &say(1, "one"));
            scene.polls("b1", NEW);
            scene.posts("b1", 43, &ask(2, "where is one?"));
            scene.polls("b1", cursor(43, 0));
            scene.text
        },
    }
}

#[test]
fn a_page_that_asks_gets_one_reply() {
    check! {
        rfc: "the workshop's own rule",
        rule: "The handler's result is the reply. It has a number, so that it isn't lost either. If there is an error, \
               the reply says which. An event that comes for the second time gets no second reply.",
        signs: [
            too_much().and(yours(["ada ← {\"error\":"])).says(
                "The error came twice: as the reply, and once more as an error. A page that asked gets it as its \
                 reply alone.",
            ),
            yours(["ada ← {\"error\":"]).says(
                "An error was returned, and not sent as a reply. A page that asked waits for its reply forever.",
            ),
            yours(["\"n\":1,\"reply\":1"]).says(
                "The reply has the number of the event. It needs a number of the server's own.",
            ),
            missing(["\"reply\":1,\"data\":1"]).says("A line with `ask` got no reply."),
        ],
        shows: || {
            let mut scene = Scene::new();
            scene.opens("ada", "a1", NEW);
            scene.says("ada", &ask(1, "hi"));
            scene.says("ada", &say(2, "no question"));
            scene.says("ada", &format!("{}\n{}", ask(1, "hi"), ask(3, "again")));
            for (n, event) in [(4, "vote"), (5, "fail"), (6, "open")] {
                scene.says("ada", &format!(r#"{{"n":{n},"event":"{event}","ask":true}}"#));
            }
            scene.note("the transport dies, and with it whatever came");
            scene.opens("ada, again", "a1", cursor(41, 1));
            scene.text
        },
    }
}

#[test]
fn a_lost_hello_is_sent_again() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A page that doesn't know its session's number has lost the `hello`. It gets the session from its \
               beginning.",
        signs: [],
        shows: || {
            let mut scene = Scene::new();
            scene.opens("ada", "a1", NEW);
            scene.note("  (all of this is lost)");
            scene.does("told: one", |guests| guests.emit(FIRST, "said", &json!("one")));
            scene.ends("ada");
            scene.opens("ada, again", "a1", NEW);
            scene.polls("a1", NEW);
            scene.polls("a1", cursor(41, 1));
            scene.text
        },
    }
}

#[test]
fn a_copied_token_is_refused() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A client that has the token of a session in use, but not its number, is sent away. The session is not \
               affected.",
        signs: [
            yours(["POST ← {\"got\":"]).says(
                "The given src/events.rs was changed: a request is taken, whichever session it was sent in.",
            ),
        ],
        shows: || {
            let mut scene = Scene::new();
            scene.opens("ada", "a1", NEW);
            scene.says("ada", &say(1, "hi"));
            scene.opens("a copy of ada's tab", "a1", NEW);
            scene.polls("a1", NEW);
            scene.polls("a1", cursor(40, 7));
            scene.posts("a1", 0, &say(1, "me too"));
            scene.says("ada", &say(2, "still here"));
            scene.text
        },
    }
}

#[test]
fn after_a_restart_a_session_has_a_new_number() {
    check! {
        rfc: "the workshop's own rule",
        rule: "After a restart, the same token gets a session with a different number. A cursor of the old session \
               confirms nothing in the new one, and lines that were sent in the old one are not taken.",
        signs: [
            missing(["GET ← {\"n\":1"]).says(
                "A cursor of a different session was believed: the first events of this session counted as \
                 confirmed, and are lost.",
            ),
        ],
        shows: || {
            let mut scene = Scene::new();
            scene.opens("ada", "a1", NEW);
            scene.says("ada", &say(1, "one"));
            scene.note("the server restarts");
            scene = scene.on_another_server(Settings { last_session: 90, ..quick() });
            scene.posts("a1", 41, &say(1, "one"));
            scene.does("no guest is here, and no guest is told", |guests| {
                guests.emit_to("all", "said", &json!("early"));
            });
            scene.opens("ada, again", "a1", cursor(41, 7));
            scene.does("told: one, two", |guests| {
                guests.emit(GuestId(91), "said", &json!("one"));
                guests.emit(GuestId(91), "said", &json!("two"));
            });
            scene.note("  (all of this is lost)");
            scene.posts("a1", 41, &say(2, "two"));
            scene.polls("a1", cursor(41, 7));
            scene.polls("a1", cursor(91, 1));
            scene.text
        },
    }
}

#[test]
fn a_page_that_confirms_nothing_loses_its_session() {
    check! {
        rfc: "the workshop's own rule",
        rule: "When there is no room to keep one more line, the session is over. The page learns that from `over`, or \
               from a new number in the next `hello`. No line is left out silently.",
        signs: [
            yours(["Close 1013"]).says(
                "Only the transport ended. What could not be kept is lost, so the session has to end.",
            ),
            missing(["close by 41"]).says(
                "What doesn't fit was dropped, and the session goes on with a hole in it.",
            ),
        ],
        shows: || {
            // Room for three lines.
            let mut scene = Scene::with(Settings { max_kept: 105, ..quick() });
            let tell = |guests: &mut Guests| guests.emit_to("all", "said", &Value::Null);
            scene.opens("ada", "a1", NEW);
            scene.opens("bob", "b1", NEW);
            for n in 1..=3 {
                scene.does("told", tell);
                scene.says("bob", &format!(r#"{{"got":{n}}}"#));
            }
            scene.does("told", tell);
            scene.says("ada", &say(1, "hello?"));
            scene.opens("ada, again", "a1", cursor(41, 3));
            scene.note("both are away");
            scene.ends("ada, again");
            scene.ends("bob");
            for _ in 0..4 {
                scene.does("told", tell);
            }
            scene.polls("b1", cursor(42, 4));
            scene.polls("a1", cursor(43, 3));
            scene.text
        },
    }
}

#[test]
fn a_slow_reader_loses_its_transport_not_its_session() {
    check! {
        rfc: "RFC 6455 §7.4.1",
        rule: "A client whose outbox is full gets a Close with 1013 (try again later). The lines that it has missed \
               are kept, and come with its next transport.",
        signs: [],
        shows: || {
            let mut scene = Scene::new();
            // Room for the hello, and for two long lines.
            scene.seat("sloth", "s1", NEW, 710, false);
            for count in 1..=4 {
                let what = format!("told: {count}");
                let long = "x".repeat(200);
                scene.does(&what, |guests| guests.emit_to("all", "said", &json!(long)));
            }
            scene.reads("sloth");
            scene.ends("sloth");
            scene.opens("sloth, again", "s1", cursor(41, 0));
            scene.seat("sloth, asleep", "s1", cursor(41, 4), 710, false);
            scene.note("more waits than may wait, and its own thread notices");
            scene.events.too_slow(scene.socket("sloth, asleep"));
            scene.does("told: 5", |guests| guests.emit_to("all", "said", &json!(5)));
            scene.reads("sloth, asleep");
            scene.polls("s1", cursor(41, 4));
            scene.text
        },
    }
}

#[test]
fn a_slow_page_gets_fewer_values() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A page that has used a value gets the newest. Values have no numbers and are not confirmed, and the \
               newest one arrives by any transport.",
        signs: [],
        shows: || {
            let mut scene = Scene::new();
            let price = |now: u64| move |guests: &mut Guests| guests.offer_to("all", "price", &json!(now));
            scene.opens("quick", "q1", NEW);
            scene.opens("slow", "s1", NEW);
            for now in 1..=3 {
                scene.does(&format!("the price is {now}"), price(now));
                scene.says("quick", r#"{"seen":"price"}"#);
            }
            scene.says("slow", r#"{"seen":"price"}"#);
            scene.opens("slow, again", "s1", cursor(42, 0));
            scene.says("slow, again", r#"{"seen":"price"}"#);
            scene.polls("q1", cursor(41, 0));
            scene.does("the price is 4", price(4));
            scene.polls("q1", cursor(41, 0));
            scene.does("the price is 5", price(5));
            scene.polls("q1", cursor(41, 0));
            scene.posts("q1", 41, r#"{"seen":"price"}"#);
            scene.polls("q1", cursor(41, 0));
            scene.text
        },
    }
}

#[test]
fn a_late_seen_does_not_count() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A `seen` that comes late, by an earlier transport, doesn't count for the value that is on its way now. \
               If that value is lost, it is sent again.",
        signs: [],
        shows: || {
            let mut scene = Scene::new();
            let price = |now: u64| move |guests: &mut Guests| guests.offer_to("all", "price", &json!(now));
            scene.opens("ada", "a1", NEW);
            scene.does("the price is 1", price(1));
            scene.does("the price is 2", price(2));
            scene.opens("ada, again", "a1", cursor(41, 0));
            scene.note("  (this is lost)");
            scene.says("ada", r#"{"seen":"price"}"#);
            scene.posts("a1", 41, r#"{"seen":"price"}"#);
            scene.ends("ada, again");
            scene.opens("ada, once more", "a1", cursor(41, 0));
            scene.says("ada, once more", r#"{"seen":"price"}"#);
            scene.opens("ada, at last", "a1", cursor(41, 0));
            scene.text
        },
    }
}
