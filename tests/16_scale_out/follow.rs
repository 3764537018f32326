//! A follower, its room and one client who listens.

use scale_out::follow::Follower;
use std::sync::Arc;
use std::time::Duration;

use chat::{Outbox, Visitor};
use polling::history::{Message, NewMessage};
use scale_out::leases::{Holder, Presence};
use scale_out::log::Ticket;
use scale_out::{Bus, BusError, LocalRoom};
use support::check;
use support::sign::{missing, only, too_little, yours};

use super::shared::{Fate, Faulty, MAX_HISTORY, ROOM_ENOUGH, Scene, UNLIMITED, drain, meaning};

#[test]
fn a_new_server_begins_with_the_latest_messages() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A server that starts takes the latest messages of the log as its history, and goes on from there. Each look asks for what is after the \
               last message, and waits for it.",
        signs: [
            yours(["without a wait"]).says("The follower doesn't wait for news: it asks again and again, as fast as it can."),
            yours(["after 6, after 0"]).or(yours(["after 6, latest"])).says("An answer without messages moves nothing."),
            yours(["latest, after 0"]).says("The cursor isn't moved when the first messages come: the next look begins at the front."),
            yours([r#"ada ← {"id":1,"#]).says("A new server reads the whole log, from its beginning. Its history has room for three."),
            missing([r#"ada ← {"id":3,"#]).says("A new server begins at the end of the log: its history is empty, and a client that changes servers gets a gap."),
            yours(["latest, after 3"]).says("The cursor was counted. It is the id of the last message that was delivered."),
        ],
        shows: || {
            let mut scene = Scene::new(&["A"]);
            scene.bus.elsewhere(&["one", "two", "three", "four", "five"]);
            scene.joins("ada", "A", 0);
            scene.follows("A");
            scene.bus.elsewhere(&["six"]);
            for _ in 0..3 {
                scene.follows("A");
            }
            let asked = scene.bus.take_notes().join(", ");
            scene.text + &format!("A has asked: {asked}\n")
        },
    }
}

#[test]
fn an_empty_log_is_a_place_too() {
    check! {
        rfc: "the workshop's own rule",
        rule: "If the log is empty, the follower asks for what comes after 0.",
        signs: [
            yours(["latest, latest"]).says("An empty log was taken for one that hasn't been looked at. What is said between two looks may be more than the history holds."),
        ],
        shows: || {
            let mut scene = Scene::new(&["A"]);
            scene.joins("ada", "A", 0);
            scene.follows("A");
            scene.bus.elsewhere(&["one", "two", "three", "four"]);
            scene.follows("A");
            let asked = scene.bus.take_notes().join(", ");
            scene.text + &format!("A has asked: {asked}\n")
        },
    }
}

#[test]
fn a_failed_read_loses_nothing() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A read that fails moves nothing: the next one asks from the same place, however long the bus was away.",
        signs: [
            yours(["latest, after 1, after 1, latest"]).or(yours(["latest, after 1, latest"]))
                .says("After a failure, the follower begins as if it were new: more messages than the history holds are lost."),
            yours(["  ✗"]).or(missing(["  ✗"])).says("A read that fails is the caller's business: return its error."),
        ],
        shows: || {
            let mut scene = Scene::new(&["A"]);
            scene.bus.elsewhere(&["one"]);
            scene.joins("ada", "A", 0);
            scene.follows("A");
            scene.bus.next(&[Fate::AnswerLost, Fate::Away]);
            scene.follows("A");
            scene.bus.elsewhere(&["two", "three", "four", "five", "six"]);
            scene.follows("A");
            scene.follows("A");
            scene.follows("A");
            let asked = scene.bus.take_notes().join(", ");
            scene.text + &format!("A has asked: {asked}\n")
        },
    }
}

/// A log with ids that aren't consecutive: Redis was restarted.
struct Gaps;

impl Bus for Gaps {
    fn publish(&self, _: &Ticket, _: &NewMessage) -> Result<u64, BusError> {
        Err(BusError::Away)
    }

    fn latest(&self, _: u64) -> Result<Vec<Message>, BusError> {
        Ok(vec![message(7), message(8)])
    }

    fn after(&self, cursor: u64, _: Duration) -> Result<Vec<Message>, BusError> {
        let ids = [7, 8, 5000, 5001, 5002]
            .into_iter()
            .filter(|id| *id > cursor);
        Ok(ids.take(2).map(message).collect())
    }

    fn claim(&self, _: &str, _: &Holder) -> Result<bool, BusError> {
        Err(BusError::Away)
    }

    fn renew(&self, _: &str, _: &[(String, String)]) -> Result<Presence, BusError> {
        Err(BusError::Away)
    }
}

fn message(id: u64) -> Message {
    let content = NewMessage {
        username: "eve".to_string(),
        message: "hi".to_string(),
    };
    Message { id, content }
}

#[test]
fn a_cursor_is_an_id_not_a_count() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Ids only ever grow, but not always by one: after Redis has been restarted, they go on from its clock.",
        signs: [
            only(["5000", "5001", "5002", "look"]).says("The cursor was counted. It is the id of the last message that was delivered."),
            too_little().says("Some messages were never delivered."),
        ],
        shows: || {
            let bus: Arc<dyn Bus> = Faulty::new();
            let room = LocalRoom::new("A", bus, MAX_HISTORY, UNLIMITED, Duration::ZERO);
            let outbox = Arc::new(Outbox::new(ROOM_ENOUGH));
            room.join(Visitor::default(), &outbox);
            drain(&outbox);
            let mut follower = Follower::new(MAX_HISTORY);
            let mut shown = String::new();
            for look in 1..=4 {
                follower.step(&Gaps, &room, Duration::ZERO).expect("this bus answers");
                let got: Vec<String> = drain(&outbox).iter().map(|it| meaning(it)).collect();
                shown += &format!("look {look}: {}\n", got.join(" "));
            }
            shown
        },
    }
}
