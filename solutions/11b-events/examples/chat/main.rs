//! A chat on events. `cargo run -p events --example chat`, then open the address that it prints, in two tabs.
//!
//! To start something of your own: copy this folder beside itself, under another name. Cargo finds it there:
//! `cargo run -p events --example that-name`.
//!
//! | event | from | data | reply |
//! |---|---|---|---|
//! | `welcome` | server | `{"messages":[…],"people":[…]}` | |
//! | `name` | page | `"ada"` | `{"name":"ada"}`, or `{"error":"why"}` |
//! | `say` | page | `"Hello"` | `{"id":7}`, or `{"error":"why"}` |
//! | `said` | server | `{"id":7,"name":"ada","text":"Hello"}` | |
//! | `people` | server, offered | `["ada","bob"]` | |

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chat::protocol::visible_name;
use chat::rate::Rate;
use events_solution::{Events, GuestId, Guests, Settings};
use serde_json::{Value, json};

const ROOM: &str = "chat";
const MOST_MESSAGES: usize = 100;
/// The most bytes that the messages of a `welcome` may have, as JSON, and the most names. Together they are
/// far less than what is kept for a guest: a `welcome` that can't be kept ends the session. Every new session,
/// even one that is never used, takes that much memory for a few seconds.
const MOST_HISTORY: usize = 16 * 1024;
const MOST_NAMES: usize = 200;
const LONGEST_TEXT: usize = 1000;
/// The pause between two lists of names. If 900 people leave at once, each of the others gets one list.
const REDRAW: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    let mut rate = 10;
    let meaning = "names and messages that a guest may send in a second";
    let listen = launch::options(
        "A chat on events.",
        9011,
        &mut [("--rate", meaning, &mut rate)],
    );
    let settings = Settings::default();
    // Ids go on growing after a restart, because the first one is the time.
    let chat = Arc::new(Mutex::new(Chat::new(settings.last_session, rate)));
    let events = Events::new(settings)
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
        .file("/chat.js", "text/javascript", include_str!("chat.js"))
        .file("/chat.css", "text/css", include_str!("chat.css"))
        .on("open", with(&chat, Chat::open))
        .on("name", with(&chat, Chat::name))
        .on("say", with(&chat, Chat::say))
        .on("close", with(&chat, Chat::close))
        .every(REDRAW, move |guests| lock(&chat).redraw(guests));
    launch::serve(listen, |listener| events.start(listener))
}

/// A handler that uses what all handlers share.
fn with(
    chat: &Arc<Mutex<Chat>>,
    act: fn(&mut Chat, &mut Guests, GuestId, &Value) -> Value,
) -> impl FnMut(&mut Guests, GuestId, &Value) -> Value + Send + 'static {
    let chat = Arc::clone(chat);
    move |guests, who, data| act(&mut lock(&chat), guests, who, data)
}

fn lock(chat: &Mutex<Chat>) -> MutexGuard<'_, Chat> {
    chat.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Chat {
    names: BTreeMap<GuestId, String>,
    /// Whether the names have changed since they were last offered.
    has_changed: bool,
    /// How many names and messages a guest may send in a second, and each guest's bucket.
    rate: u64,
    rates: BTreeMap<GuestId, Rate>,
    messages: VecDeque<Value>,
    /// How many bytes all messages have.
    bytes: usize,
    last_id: u64,
}

impl Chat {
    fn new(last_id: u64, rate: u64) -> Self {
        Self {
            names: BTreeMap::new(),
            has_changed: false,
            rate,
            rates: BTreeMap::new(),
            messages: VecDeque::new(),
            bytes: 0,
            last_id,
        }
    }

    fn open(&mut self, guests: &mut Guests, who: GuestId, _: &Value) -> Value {
        guests.join(who, ROOM);
        let welcome = json!({ "messages": self.messages, "people": self.people() });
        guests.emit(who, "welcome", &welcome);
        Value::Null
    }

    fn name(&mut self, _: &mut Guests, who: GuestId, data: &Value) -> Value {
        if self.is_too_fast(who) {
            return too_fast();
        }
        let name = match visible_name(data.as_str().unwrap_or_default()) {
            Ok(name) => name,
            Err(sorry) => return error(sorry.to_string()),
        };
        let others = self.names.iter().filter(|(it, _)| **it != who);
        if others.map(|(_, other)| other).any(|other| *other == name) {
            return error(format!("The name {name} is taken."));
        }
        self.names.insert(who, name.clone());
        self.has_changed = true;
        json!({ "name": name })
    }

    fn say(&mut self, guests: &mut Guests, who: GuestId, data: &Value) -> Value {
        if self.is_too_fast(who) {
            return too_fast();
        }
        let Some(name) = self.names.get(&who) else {
            return error("Take a name first.".to_string());
        };
        let text = data.as_str().unwrap_or_default();
        if text.trim().is_empty() || text.chars().count() > LONGEST_TEXT {
            return error(format!("A message has 1 to {LONGEST_TEXT} characters."));
        }
        let is_harmless = |it| matches!(it, '\n' | '\t');
        if text.contains(|it: char| it.is_control() && !is_harmless(it)) {
            return error("The message has a control character in it.".to_string());
        }
        self.last_id += 1;
        let said = json!({ "id": self.last_id, "name": name, "text": text });
        guests.emit_to(ROOM, "said", &said);
        self.remember(said);
        json!({ "id": self.last_id })
    }

    fn close(&mut self, _: &mut Guests, who: GuestId, _: &Value) -> Value {
        self.rates.remove(&who);
        self.has_changed |= self.names.remove(&who).is_some();
        Value::Null
    }

    /// Offers the names to all guests, if they have changed.
    fn redraw(&mut self, guests: &mut Guests) {
        if mem::take(&mut self.has_changed) {
            guests.offer_to(ROOM, "people", &self.people());
        }
    }

    /// The names of the people who came first, if there are too many.
    fn people(&self) -> Value {
        self.names.values().take(MOST_NAMES).cloned().collect()
    }

    /// Keeps a message for people who come later, and forgets the oldest if there are too many.
    fn remember(&mut self, said: Value) {
        self.bytes += length(&said);
        self.messages.push_back(said);
        while self.messages.len() > MOST_MESSAGES || self.bytes > MOST_HISTORY {
            let oldest = self.messages.pop_front().expect("there is too much");
            self.bytes -= length(&oldest);
        }
    }

    /// Whether this guest says too much at once. That would end the sessions of the others.
    fn is_too_fast(&mut self, who: GuestId) -> bool {
        let now = Instant::now();
        let full = || Rate::new(self.rate, now);
        !self.rates.entry(who).or_insert_with(full).allows(now)
    }
}

fn length(message: &Value) -> usize {
    message.to_string().len()
}

fn too_fast() -> Value {
    error("That was too fast. Wait a second.".to_string())
}

fn error(sentence: String) -> Value {
    json!({ "error": sentence })
}
