//! What handlers do, and what is wrong in a line.

use chat::client::Room;
use connection::Event;
use events::{Events, GuestId, Guests};
use serde_json::Value;
use support::check;
use support::sign::missing;

use super::scene::Scene;
use super::shared::{FIRST, NEW, quick, say};

#[test]
fn a_bad_line_gets_an_error() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A line that can't be handled is answered by an error, and the other lines are still handled. Only the \
               server may send `open` and `close`.",
        signs: [
            missing(["← {\"error\":\"There is no handler"]).says(
                "The error of an event without `ask` was kept quiet. `take_packet` returns it, and it is sent as \
                 `error`.",
            ),
            missing(["say by 41 \"five\""]).says(
                "The given src/events.rs was changed: an error ends the reading of the lines that came with it.",
            ),
        ],
        shows: || {
            let mut scene = Scene::new();
            scene.opens("ada", "a1", NEW);
            let event = |n: u64, name: &str| format!(r#"{{"n":{n},"event":"{name}"}}"#);
            scene.says("ada", "hi");
            scene.says("ada", "");
            scene.says("ada", &event(1, "vote"));
            scene.says("ada", &event(2, "open"));
            scene.says("ada", &event(3, "close"));
            scene.says("ada", r#"{"hello":41,"got":0}"#);
            scene.says("ada", r#"{"n":4,"reply":1,"data":0}"#);
            scene.says("ada", &event(4, "vote"));
            scene.says("ada", &format!("what?\n{}\nand this?\n{}", say(5, "five"), say(6, "six")));
            scene.says("ada", &event(7, "fail"));
            scene.says("ada", &format!("{}\n{}", event(7, "fail"), say(8, "I am still here")));
            scene.note("ada: (a binary message)");
            let answer = scene.events.hear(scene.socket("ada"), &Event::Binary(vec![1, 2]));
            scene.answer("ada", &answer.unwrap_or_default());
            let lines = "?\n".repeat(1000);
            let answer = scene.events.post("a1", Some(FIRST), &lines);
            scene.note("POST: a thousand bad lines");
            scene.answer("POST", &answer);
            scene.text
        },
    }
}

#[test]
fn handlers_may_end_sessions() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A handler may end any session, even that of the guest whose event it handles. Then `close` is handled, \
               once for each session.",
        signs: [],
        shows: || {
            let mut scene = Scene::new();
            scene.opens("ada", "a1", NEW);
            scene.opens("bob", "b1", NEW);
            scene.says("ada", r#"{"n":1,"event":"quit","ask":true}"#);
            scene.does("all guests are sent home", |guests| {
                for who in guests.in_room("all") {
                    guests.end(who, "we close");
                    guests.end(who, "we close");
                }
            });
            scene.note("another server, which admits no guest");
            let refuse = |guests: &mut Guests, who: GuestId, _: &Value| {
                guests.end(who, "only for members");
                Value::Null
            };
            scene = scene.on_another_server(quick());
            scene.events = Events::new(quick()).on("open", refuse);
            scene.opens("eve", "e1", NEW);
            scene.says("eve", &say(1, "hello?"));
            scene.polls("e1", NEW);
            let count = scene.events.with(|guests| guests.count());
            scene.note(&format!("sessions: {count}"));
            scene.text
        },
    }
}
