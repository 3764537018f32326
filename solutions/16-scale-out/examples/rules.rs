//! Both buses keep the same rules: the one in memory, which you have written, and the one through Redis.
//!
//! ```sh
//! cargo run -p scale-out --example rules -- redis://127.0.0.1:6390
//! ```
//!
//! It writes to that Redis, so take one that is empty. `python3 tests/scale/rules.py` starts one for it.

use std::env;
use std::error::Error;
use std::thread;
use std::time::Duration;

use polling::history::{Message, NewMessage};
use scale_out_solution::leases::Holder;
use scale_out_solution::log::Ticket;
use scale_out_solution::{Bus, BusError, MemoryBus, RedisBus};

/// How long a lease lasts here.
const LEASE: Duration = Duration::from_secs(2);

fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args()
        .nth(1)
        .ok_or("Which Redis? `--example rules -- redis://…`")?;
    let redis = RedisBus::new(&url, 100, LEASE)?;
    let (memory, redis) = thread::scope(|scope| {
        let memory = scope.spawn(|| story(&MemoryBus::new(100, 0, LEASE)));
        let redis = story(&redis);
        (memory.join().expect("it doesn't panic"), redis)
    });
    let (memory, redis) = (memory?, redis?);
    for (one, other) in memory.iter().zip(&redis) {
        println!("{} {one}", if one == other { "✓" } else { "✗" });
        if one != other {
            println!("  in Redis: {other}");
        }
    }
    if memory == redis {
        Ok(())
    } else {
        Err("The two differ.".into())
    }
}

/// What happens on a bus. Ids are told as their distance from the first one.
fn story(bus: &dyn Bus) -> Result<Vec<String>, BusError> {
    let mut told = Vec::new();
    let first = publish(bus, "A/1", "one")?;
    for (ticket, text) in [
        ("A/1", "one"),
        ("B/1", "two"),
        ("A/1", "one"),
        ("C/1", "two"),
    ] {
        told.push(format!(
            "ticket {ticket} has the id first + {}",
            publish(bus, ticket, text)? - first
        ));
    }
    let texts = |messages: Vec<Message>| {
        let texts = messages
            .into_iter()
            .map(|it| format!("{} {}", it.id - first, it.content.message));
        texts.collect::<Vec<_>>().join(", ")
    };
    told.push(format!(
        "after the first: {}",
        texts(bus.after(first, LEASE)?)
    ));
    told.push(format!(
        "after the last: {:?}",
        texts(bus.after(first + 2, Duration::from_millis(50))?)
    ));
    told.push(format!("the latest two: {}", texts(bus.latest(2)?)));
    for (name, server, tab) in [
        ("ada", "A", "1"),
        ("ada", "B", "2"),
        ("bob", "A", "3"),
        ("bob", "A", "4"),
        ("ada", "B", "1"),
    ] {
        told.push(format!(
            "tab {tab} at {server} claims {name}: {}",
            claim(bus, name, server, tab)?
        ));
    }
    told.push(renew(
        bus,
        "A",
        &[("ada", "1"), ("bob", "3"), ("zoë lou", "5")],
    )?);
    told.push(renew(bus, "B", &[("ada", "1")])?);
    told.push(renew(bus, "A", &[("zoë lou", "5")])?);
    thread::sleep(LEASE / 2);
    told.push(renew(bus, "B", &[("ada", "1")])?);
    thread::sleep(LEASE * 3 / 4);
    told.push(renew(bus, "C", &[])?);
    told.push(format!(
        "tab 9 at C claims zoë lou: {}",
        claim(bus, "zoë lou", "C", "9")?
    ));
    told.push(renew(bus, "A", &[("zoë lou", "5")])?);
    thread::sleep(LEASE * 3 / 2);
    told.push(renew(bus, "C", &[])?);
    Ok(told)
}

fn publish(bus: &dyn Bus, ticket: &str, text: &str) -> Result<u64, BusError> {
    let message = NewMessage {
        username: "ada".to_string(),
        message: text.to_string(),
    };
    bus.publish(&Ticket(ticket.to_string()), &message)
}

fn claim(bus: &dyn Bus, name: &str, server: &str, tab: &str) -> Result<bool, BusError> {
    let holder = Holder {
        server: server.to_string(),
        tab: tab.to_string(),
    };
    bus.claim(name, &holder)
}

fn renew(bus: &dyn Bus, server: &str, names: &[(&str, &str)]) -> Result<String, BusError> {
    let mine = names
        .iter()
        .map(|(name, tab)| (name.to_string(), tab.to_string()));
    let presence = bus.renew(server, &Vec::from_iter(mine))?;
    let names: Vec<&str> = names.iter().map(|(name, _)| *name).collect();
    Ok(format!(
        "{server} renews {names:?}: here {:?}, lost {:?}",
        presence.people, presence.lost
    ))
}
