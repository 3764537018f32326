//! Planning poker: each player puts down a card, and all are turned over at once.
//! `cargo run -p events --example poker`, then open the address that it prints, in two tabs.
//!
//! To start something of your own: copy this folder beside itself, under another name. Cargo finds it there:
//! `cargo run -p events --example that-name`.
//!
//! | event | from | data | reply |
//! |---|---|---|---|
//! | `name` | page | `"ada"` | `{"name":"ada"}`, or `{"error":"why"}` |
//! | `vote` | page | `{"round":7,"card":"5"}` | `{}`, or `{"error":"why"}` |
//! | `show` | page | | `{}` |
//! | `reset` | page | | `{}` |
//! | `table` | server, offered | `{"round":7,"shown":false,"people":[{"who":41,"name":"ada","voted":true}]}` | |
//!
//! On a table that is shown, people who have voted have a `card`, and the table may have an `average`. Before that, no
//! page gets to know any card: a card that isn't sent can't be looked up.
//!
//! The more people there are, the longer the table is, and the more copies of it are sent. So no event sends one: a
//! table that has changed is offered at most ten times a second, however many events have changed it.

use std::collections::BTreeMap;
use std::mem;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chat::protocol::visible_name;
use chat::rate::Rate;
use events::{Events, GuestId, Guests, Settings};
use serde_json::{Value, json};

const ROOM: &str = "poker";
/// The pause between two tables.
const REDRAW: Duration = Duration::from_millis(100);
/// The page has the same.
const CARDS: [&str; 8] = ["1", "2", "3", "5", "8", "13", "21", "?"];

fn main() -> ExitCode {
    let mut rate = 10;
    let meaning = "names, cards, turns and rounds that a guest may send in a second";
    let listen = launch::options(
        "Planning poker on events.",
        9014,
        &mut [("--rate", meaning, &mut rate)],
    );
    let settings = Settings::default();
    // Rounds go on growing after a restart, because the first one is the time.
    let table = Arc::new(Mutex::new(Table::new(settings.last_session, rate)));
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
        .file("/poker.js", "text/javascript", include_str!("poker.js"))
        .file("/poker.css", "text/css", include_str!("poker.css"))
        .on("open", with(&table, Table::open))
        .on("name", heard(&table, Table::name))
        .on("vote", heard(&table, Table::vote))
        .on("show", heard(&table, Table::show))
        .on("reset", heard(&table, Table::reset))
        .on("close", with(&table, Table::close))
        .every(REDRAW, move |guests| lock(&table).redraw(guests));
    launch::serve(listen, |listener| events.start(listener))
}

type Act = fn(&mut Table, &mut Guests, GuestId, &Value) -> Value;

/// A handler that uses what all handlers share.
fn with(
    table: &Arc<Mutex<Table>>,
    act: Act,
) -> impl FnMut(&mut Guests, GuestId, &Value) -> Value + Send + 'static {
    let table = Arc::clone(table);
    move |guests, who, data| act(&mut lock(&table), guests, who, data)
}

/// The same, for events from a page. If a page sends too many, they aren't heard.
fn heard(
    table: &Arc<Mutex<Table>>,
    act: Act,
) -> impl FnMut(&mut Guests, GuestId, &Value) -> Value + Send + 'static {
    let table = Arc::clone(table);
    move |guests, who, data| {
        let mut table = lock(&table);
        if table.is_too_fast(who) {
            return error("That was too fast. Wait a second.".to_string());
        }
        act(&mut table, guests, who, data)
    }
}

fn lock(table: &Mutex<Table>) -> MutexGuard<'_, Table> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Table {
    round: u64,
    shown: bool,
    people: BTreeMap<GuestId, Person>,
    /// Whether the table has changed since it was last offered.
    has_changed: bool,
    /// How many events a guest may send in a second, and each guest's bucket.
    rate: u64,
    rates: BTreeMap<GuestId, Rate>,
}

struct Person {
    name: String,
    card: Option<&'static str>,
}

impl Table {
    fn new(round: u64, rate: u64) -> Self {
        Self {
            round,
            shown: false,
            people: BTreeMap::new(),
            has_changed: false,
            rate,
            rates: BTreeMap::new(),
        }
    }

    /// Offers the table to all guests, if it has changed.
    fn redraw(&mut self, guests: &mut Guests) {
        if mem::take(&mut self.has_changed) {
            guests.offer_to(ROOM, "table", &self.as_seen());
        }
    }

    fn is_too_fast(&mut self, who: GuestId) -> bool {
        let now = Instant::now();
        let full = || Rate::new(self.rate, now);
        !self.rates.entry(who).or_insert_with(full).allows(now)
    }

    /// Notes that the table has changed.
    fn done(&mut self) -> Value {
        self.has_changed = true;
        json!({})
    }

    fn open(&mut self, guests: &mut Guests, who: GuestId, _: &Value) -> Value {
        guests.join(who, ROOM);
        self.done()
    }

    fn name(&mut self, _: &mut Guests, who: GuestId, data: &Value) -> Value {
        let name = match visible_name(data.as_str().unwrap_or_default()) {
            Ok(name) => name,
            Err(sorry) => return error(sorry.to_string()),
        };
        let card = self.people.get(&who).and_then(|person| person.card);
        let reply = json!({ "name": name });
        self.people.insert(who, Person { name, card });
        self.has_changed = true;
        reply
    }

    fn vote(&mut self, _: &mut Guests, who: GuestId, data: &Value) -> Value {
        let Some(person) = self.people.get_mut(&who) else {
            return error("Take a seat first.".to_string());
        };
        let card = CARDS.into_iter().find(|card| data["card"] == *card);
        if card.is_none() {
            return error("There is no such card.".to_string());
        }
        // It may have been sent before all cards were taken away, or turned over.
        if data["round"] != self.round || self.shown {
            return error("That was too late: this round is over.".to_string());
        }
        person.card = card;
        self.done()
    }

    fn show(&mut self, _: &mut Guests, _: GuestId, _: &Value) -> Value {
        self.shown = true;
        self.done()
    }

    fn reset(&mut self, _: &mut Guests, _: GuestId, _: &Value) -> Value {
        self.round += 1;
        self.shown = false;
        for person in self.people.values_mut() {
            person.card = None;
        }
        self.done()
    }

    fn close(&mut self, _: &mut Guests, who: GuestId, _: &Value) -> Value {
        self.rates.remove(&who);
        match self.people.remove(&who) {
            Some(_) => self.done(),
            None => Value::Null,
        }
    }

    /// The table as all pages may know it.
    fn as_seen(&self) -> Value {
        let seen = |(who, person): (&GuestId, &Person)| {
            let mut seen =
                json!({ "who": who, "name": person.name, "voted": person.card.is_some() });
            if self.shown {
                seen["card"] = json!(person.card);
            }
            seen
        };
        let people: Value = self.people.iter().map(seen).collect();
        let mut table = json!({ "round": self.round, "shown": self.shown, "people": people });
        if self.shown {
            table["average"] = json!(self.average());
        }
        table
    }

    /// Of the cards that have a number.
    fn average(&self) -> Option<f64> {
        let cards = self.people.values().filter_map(|person| person.card);
        let numbers = Vec::from_iter(cards.filter_map(|card| card.parse::<f64>().ok()));
        (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64)
    }
}

fn error(sentence: String) -> Value {
    json!({ "error": sentence })
}
