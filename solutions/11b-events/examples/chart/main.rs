//! A live chart: four samples a second, and a page that can't keep up gets fewer, not older ones.
//! `cargo run -p events --example chart`, then open the address that it prints, in two tabs.
//!
//! To start something of your own: copy this folder beside itself, under another name. Cargo finds it there:
//! `cargo run -p events --example that-name`.
//!
//! | event | from | data |
//! |---|---|---|
//! | `sample` | server, offered | `{"number":7,"at":1795253757591,"value":51.2}`; `at` is in milliseconds since 1970 |

use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use events_solution::{Events, Settings};
use serde_json::{Value, json};

const ROOM: &str = "chart";
const EVERY: Duration = Duration::from_millis(250);

fn main() -> ExitCode {
    let listen = launch::options("A live chart on events.", 9013, &mut []);
    let mut number = 0_u64;
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
        .file("/chart.js", "text/javascript", include_str!("chart.js"))
        .file("/chart.css", "text/css", include_str!("chart.css"))
        .on("open", |guests, who, _| {
            guests.join(who, ROOM);
            Value::Null
        })
        .every(EVERY, move |guests| {
            number += 1;
            let sample = json!({ "number": number, "at": now(), "value": value(number) });
            guests.offer_to(ROOM, "sample", &sample);
        });
    launch::serve(listen, |listener| events.start(listener))
}

/// In milliseconds since 1970, as a page counts.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}

/// Something that looks alive: three waves of different lengths, between 0 and 100.
fn value(number: u64) -> f64 {
    let wave = |length: f64| (number as f64 / length).sin();
    let value = 50.0 + 28.0 * wave(17.0) + 12.0 * wave(5.3) + 6.0 * wave(1.7);
    (value * 10.0).round() / 10.0
}
