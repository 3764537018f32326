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

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Instant;

use chat::rate::Rate;
use events_solution::{Events, GuestId, Guests, Settings};
use serde_json::{Value, json};

const LONGEST_TOPIC: usize = 40;
const LONGEST_TEXT: usize = 200;
/// How often a guest may publish something, in a second.
const PER_SECOND: u64 = 10;

fn main() -> ExitCode {
    let listen = launch::options("Notifications on events.", 9012, &mut []);
    let mut rates = BTreeMap::new();
    let events = Events::new(Settings::default())
        .file("/", "text/html", include_str!("index.html"))
        .file(
            "/status.js",
            "text/javascript",
            include_str!("../../status/status.js"),
        )
        .file(
            "/status.css",
            "text/css",
            include_str!("../../status/status.css"),
        )
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
            Ok(topic) if guests.join(who, topic) => json!({ "topic": topic }),
            Ok(_) => error("You have too many topics. Leave one of them first.".to_string()),
            Err(error) => error,
        })
        .on("unsubscribe", |guests, who, data| {
            if let Ok(topic) = topic(data) {
                guests.leave(who, topic);
            }
            json!({})
        })
        .on("publish", move |guests, who, data| {
            if is_too_fast(&mut rates, guests, who) {
                return error("That was too fast. Wait a second.".to_string());
            }
            let (topic, text) = match (topic(&data["topic"]), text(&data["text"])) {
                (Ok(topic), Ok(text)) => (topic, text),
                (Err(error), _) | (_, Err(error)) => return error,
            };
            guests.emit_to(topic, "note", &json!({ "topic": topic, "text": text }));
            json!({ "told": guests.in_room(topic).len() })
        });
    launch::serve(listen, |listener| events.start(listener))
}

/// Whether this guest says too much at once. That would end the sessions of the others.
fn is_too_fast(rates: &mut BTreeMap<GuestId, Rate>, guests: &Guests, who: GuestId) -> bool {
    // Guests that have gone need no rate. Look for them only when there are some: checking all guests for each
    // line would be too much work for a message of a thousand lines.
    if rates.len() > guests.count() {
        rates.retain(|who, _| guests.has(*who));
    }
    let now = Instant::now();
    let full = || Rate::new(PER_SECOND, now);
    !rates.entry(who).or_insert_with(full).allows(now)
}

fn topic(data: &Value) -> Result<&str, Value> {
    short(data, LONGEST_TOPIC)
        .ok_or_else(|| error(format!("A topic has 1 to {LONGEST_TOPIC} characters.")))
}

fn text(data: &Value) -> Result<&str, Value> {
    short(data, LONGEST_TEXT).ok_or_else(|| {
        error(format!(
            "A notification has 1 to {LONGEST_TEXT} characters."
        ))
    })
}

fn short(data: &Value, most: usize) -> Option<&str> {
    let text = data.as_str()?.trim();
    (!text.is_empty() && text.chars().count() <= most).then_some(text)
}

fn error(sentence: String) -> Value {
    json!({ "error": sentence })
}
