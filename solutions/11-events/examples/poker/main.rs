//! Planning poker: everybody puts down a card, and all are turned over at once.
//! `cargo run -p events --example poker`, then open the address that it prints, in two tabs.
//!
//! To start something of your own: copy this folder beside itself, under another name. Cargo finds it there:
//! `cargo run -p events --example that-name`.
//!
//! | event | from | data | reply |
//! |---|---|---|---|
//! | `name` | page | `"ada"` | `{}`, or `{"error":"why"}` |
//! | `vote` | page | `{"round":7,"card":"5"}` | `{}`, or `{"error":"why"}` |
//! | `show` | page | | `{}` |
//! | `reset` | page | | `{}` |
//! | `table` | server, offered | `{"round":7,"shown":false,"people":[{"who":41,"name":"ada","voted":true}]}` | |
//!
//! On a table that is shown, those who have voted have a `card`, and the table may have an `average`. Before, no page gets to
//! know any card: what isn't sent can't be looked up.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use events_solution::guests::GuestId;
use events_solution::{Events, Guests, Settings};
use serde_json::{Value, json};

const EVERYBODY: &str = "poker";
const LONGEST_NAME: usize = 32;
/// The page has the same.
const CARDS: [&str; 8] = ["1", "2", "3", "5", "8", "13", "21", "?"];

fn main() -> ExitCode {
    let listen = launch::options("Planning poker on events.", 9014, &mut []);
    let settings = Settings::default();
    // Rounds only ever grow, also when the server is started anew.
    let table = Arc::new(Mutex::new(Table::new(settings.last_session)));
    let events = Events::new(settings)
        .file("/", "text/html", include_str!("index.html"))
        .file("/poker.js", "text/javascript", include_str!("poker.js"))
        .file("/poker.css", "text/css", include_str!("poker.css"))
        .on("open", with(&table, Table::open))
        .on("name", with(&table, Table::name))
        .on("vote", with(&table, Table::vote))
        .on("show", with(&table, Table::show))
        .on("reset", with(&table, Table::reset))
        .on("close", with(&table, Table::close));
    launch::serve(listen, |listener| events.start(listener))
}

/// A handler that uses what all handlers share. Everybody then gets the table as it is.
fn with(
    table: &Arc<Mutex<Table>>,
    act: fn(&mut Table, &mut Guests, GuestId, &Value) -> Value,
) -> impl FnMut(&mut Guests, GuestId, &Value) -> Value + Send + 'static {
    let table = Arc::clone(table);
    move |guests, who, data| {
        let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
        let reply = act(&mut table, guests, who, data);
        guests.offer_to(EVERYBODY, "table", &table.as_seen());
        reply
    }
}

struct Table {
    round: u64,
    shown: bool,
    people: BTreeMap<GuestId, Person>,
}

struct Person {
    name: String,
    card: Option<&'static str>,
}

impl Table {
    fn new(round: u64) -> Self {
        Self {
            round,
            shown: false,
            people: BTreeMap::new(),
        }
    }

    fn open(&mut self, guests: &mut Guests, who: GuestId, _: &Value) -> Value {
        guests.join(who, EVERYBODY);
        Value::Null
    }

    fn name(&mut self, _: &mut Guests, who: GuestId, data: &Value) -> Value {
        let name = data.as_str().unwrap_or_default().trim();
        if name.is_empty() || name.chars().count() > LONGEST_NAME {
            return error(format!("A name has 1 to {LONGEST_NAME} characters."));
        }
        let name = name.to_string();
        let card = self.people.get(&who).and_then(|person| person.card);
        self.people.insert(who, Person { name, card });
        json!({})
    }

    // ANCHOR: vote
    fn vote(&mut self, _: &mut Guests, who: GuestId, data: &Value) -> Value {
        let Some(person) = self.people.get_mut(&who) else {
            return error("Take a seat first.".to_string());
        };
        let card = CARDS.into_iter().find(|card| data["card"] == *card);
        if card.is_none() {
            return error("There is no such card.".to_string());
        }
        // It may have been sent before everybody's cards were taken away, or turned over.
        if data["round"] != self.round || self.shown {
            return error("That was too late: this round is over.".to_string());
        }
        person.card = card;
        json!({})
    }
    // ANCHOR_END: vote

    fn show(&mut self, _: &mut Guests, _: GuestId, _: &Value) -> Value {
        self.shown = true;
        json!({})
    }

    fn reset(&mut self, _: &mut Guests, _: GuestId, _: &Value) -> Value {
        self.round += 1;
        self.shown = false;
        for person in self.people.values_mut() {
            person.card = None;
        }
        json!({})
    }

    fn close(&mut self, _: &mut Guests, who: GuestId, _: &Value) -> Value {
        self.people.remove(&who);
        Value::Null
    }

    /// What everybody may know.
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
