//! A chat on events. `cargo run -p events --example chat`, then open the address that it prints.

use std::process::ExitCode;

use events_solution::{Events, Settings};
use serde_json::{Value, json};

fn main() -> ExitCode {
    let listen = launch::options("A chat on events.", 9011, &mut []);
    let events = Events::new(Settings::default())
        .on("open", |guests, who, _| {
            guests.join(who, "chat");
            Value::Null
        })
        .on("say", |guests, who, data| {
            guests.emit_to("chat", "said", &json!({ "who": who, "text": data }));
            json!("said")
        });
    launch::serve(listen, |listener| events.start(listener))
}
