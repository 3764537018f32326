//! Notifications: rooms are topics. `cargo run -p events --example notifications`, then open the address that it
//! prints, in two tabs.
//!
//! To start something of your own: copy this folder beside itself, under another name. Cargo finds it there:
//! `cargo run -p events --example that-name`.
//!
//! | event | from | data | reply |
//! |---|---|---|---|
//! | `subscribe` | page | `"lunch"` | `{"topic":"lunch"}`, or `{"error":"why"}` |
//! | `unsubscribe` | page | `"lunch"` | `{}` |
//! | `publish` | page | `{"topic":"lunch","text":"Soup"}` | `{"told":2}`, or `{"error":"why"}` |
//! | `note` | server | `{"topic":"lunch","text":"Soup"}` | |

use std::process::ExitCode;

use events::{Events, Settings};
use serde_json::{Value, json};

const LONGEST_TOPIC: usize = 40;
const LONGEST_TEXT: usize = 200;

fn main() -> ExitCode {
    let listen = launch::options("Notifications on events.", 9012, &mut []);
    let events = Events::new(Settings::default())
        .file("/", "text/html", include_str!("index.html"))
        .file(
            "/notifications.js",
            "text/javascript",
            include_str!("notifications.js"),
        )
        .file(
            "/notifications.css",
            "text/css",
            include_str!("notifications.css"),
        )
        .on("subscribe", |guests, who, data| match topic(data) {
            Ok(topic) => {
                guests.join(who, topic);
                json!({ "topic": topic })
            }
            Err(error) => error,
        })
        .on("unsubscribe", |guests, who, data| {
            if let Ok(topic) = topic(data) {
                guests.leave(who, topic);
            }
            json!({})
        })
        .on("publish", |guests, _, data| {
            let (topic, text) = match (topic(&data["topic"]), text(&data["text"])) {
                (Ok(topic), Ok(text)) => (topic, text),
                (Err(error), _) | (_, Err(error)) => return error,
            };
            guests.emit_to(topic, "note", &json!({ "topic": topic, "text": text }));
            json!({ "told": guests.in_room(topic).len() })
        });
    launch::serve(listen, |listener| events.start(listener))
}

fn topic(data: &Value) -> Result<&str, Value> {
    short(data, LONGEST_TOPIC).ok_or_else(|| {
        let sentence = format!("A topic has 1 to {LONGEST_TOPIC} characters.");
        json!({ "error": sentence })
    })
}

fn text(data: &Value) -> Result<&str, Value> {
    short(data, LONGEST_TEXT).ok_or_else(|| {
        let sentence = format!("A notification has 1 to {LONGEST_TEXT} characters.");
        json!({ "error": sentence })
    })
}

fn short(data: &Value, most: usize) -> Option<&str> {
    let text = data.as_str()?.trim();
    (!text.is_empty() && text.chars().count() <= most).then_some(text)
}
