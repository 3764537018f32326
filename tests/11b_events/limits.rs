//! What has a limit: rooms, sessions, values, and time.

use events::{Events, GuestId, Guests, Settings};
use serde_json::{Value, json};
use support::check;
use support::sign::{under, yours};

use super::scene::Scene;
use super::shared::{NEW, cursor, quick, say};

#[test]
fn the_rooms_of_a_guest_are_limited() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A guest that is in as many rooms as are allowed can't join another until it leaves one.",
        signs: [],
        shows: || {
            let mut scene = Scene::with(Settings { max_rooms: 3, ..quick() });
            scene.opens("ada", "a1", NEW);
            for (who, room) in [(41, "b"), (41, "c"), (41, "d"), (41, "b"), (42, "b")] {
                let is_in = scene.events.with(|guests| guests.join(GuestId(who), room));
                scene.note(&format!("{who} joins {room}: {is_in}"));
            }
            scene.does("41 leaves c", |guests| guests.leave(GuestId(41), "c"));
            let is_in = scene.events.with(|guests| guests.join(GuestId(41), "d"));
            scene.note(&format!("41 joins d: {is_in}"));
            scene.does("all rooms are told", |guests| {
                for room in ["all", "b", "c", "d"] {
                    guests.emit_to(room, "said", &json!(room));
                }
            });
            scene.text
        },
    }
}

#[test]
fn the_number_of_sessions_is_limited() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A session counts even while its guest is away. A guest that has a session can always come back to it.",
        signs: [
            under("eve opens", yours(["close by 42"])).says(
                "The given src/guests/clock.rs was changed: room was made at the cost of a session in use.",
            ),
        ],
        shows: || {
            let mut scene = Scene::with(Settings { max_sessions: 2, ..quick() });
            scene.opens("ada", "a1", NEW);
            scene.polls("b1", NEW);
            scene.polls("b1", cursor(42, 0));
            scene.opens("eve", "e1", NEW);
            scene.polls("e1", NEW);
            scene.posts("e1", 0, &say(1, "hello?"));
            scene.polls("b1", cursor(42, 0));
            scene.opens("ada, again", "a1", cursor(41, 0));
            scene.posts("b1", 42, r#"{"bye":true}"#);
            scene.opens("eve", "e1", NEW);
            scene.text
        },
    }
}

#[test]
fn an_unproven_session_ends_first() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A client that asks once gets a session, and may never come back. Until it says the session's number, or \
               sends something, the session is kept for 10 s instead of 60. If there is no room, the unproven \
               session that has been away longest ends at once. A session in use never does.",
        signs: [],
        shows: || {
            let mut scene = Scene::with(Settings { max_sessions: 5, ..quick() });
            scene.opens("ada, who is connected", "a1", NEW);
            scene.polls("b1", NEW);
            scene.note("bob comes back with the number");
            scene.polls("b1", cursor(42, 0));
            scene.polls("c1", NEW);
            scene.note("cy says something");
            scene.posts("c1", 43, r#"{"seen":"price"}"#);
            scene.polls("d1", NEW);
            scene.polls("e1", NEW);
            scene.note("di asks again, and so has been away for less long than ed");
            scene.polls("d1", NEW);
            for (token, who) in [("f1", 46), ("g1", 47)] {
                scene.polls(token, NEW);
                scene.note("it comes back in time");
                scene.polls(token, cursor(who, 0));
            }
            scene.opens("eve", "h1", NEW);
            scene.ends("ada, who is connected");
            scene.opens("eve", "h1", NEW);
            scene.note("another server, with room enough");
            scene = scene.on_another_server(quick());
            scene.polls("a1", NEW);
            scene.polls("b1", NEW);
            scene.polls("b1", cursor(42, 0));
            scene.opens("cy", "c1", NEW);
            scene.later(9);
            scene.later(11);
            scene.later(59);
            scene.later(61);
            scene.text
        },
    }
}

#[test]
fn a_message_sends_each_value_once() {
    check! {
        rfc: "the workshop's own rule",
        rule: "However many lines of a message offer a value, and however many sessions end at once, the room gets one \
               value: the newest.",
        signs: [
            yours(["\"price\",\"data\":1"]).says(
                "The given src/guests/handlers.rs was changed: each line that offers a value is work for all guests in \
                 the room, while all others wait.",
            ),
        ],
        shows: || {
            let mut scene = Scene::new();
            let offer = |guests: &mut Guests, _: GuestId, data: &Value| {
                guests.offer_to("all", "price", data);
                guests.offer_to("an empty room", "price", data);
                Value::Null
            };
            let count = |guests: &mut Guests, _: GuestId, _: &Value| {
                guests.offer_to("all", "people", &json!(guests.in_room("all").len()));
                Value::Null
            };
            let enter = move |guests: &mut Guests, who: GuestId, data: &Value| {
                guests.join(who, "all");
                count(guests, who, data)
            };
            scene.events = Events::new(quick()).on("open", enter).on("set", offer).on("close", count);
            scene.opens("ada", "a1", NEW);
            for (label, word) in [("bob", "b1"), ("cy", "c1"), ("di", "d1")] {
                scene.opens(label, word, NEW);
            }
            for label in ["ada", "bob"] {
                scene.says(label, r#"{"seen":"people"}"#);
            }
            let set = |n: u64| format!(r#"{{"n":{n},"event":"set","data":{n}}}"#);
            scene.says("bob", &[set(1), set(2), set(3)].join("\n"));
            scene.says("ada", r#"{"seen":"people"}"#);
            for label in ["bob", "cy", "di"] {
                scene.ends(label);
            }
            scene.later(61);
            scene.text
        },
    }
}

#[test]
fn time_ends_sessions_and_sends_pings() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Every WebSocket gets a ping packet every 20 seconds. A guest that is away has a minute to come back. A \
               session whose guest isn't away never ends.",
        signs: [],
        shows: || {
            let mut scene = Scene::new();
            scene.opens("ada", "a1", NEW);
            scene.polls("b1", NEW);
            scene.polls("b1", cursor(42, 0));
            for seconds in [10, 19, 21, 22, 41, 59, 61, 3600] {
                scene.later(seconds);
            }
            scene.text
        },
    }
}
