//! What clients are told while the bus is away.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;

use chat::{Outbox, Visitor};
use scale_out::{Bus, LocalRoom, presence};
use support::check;
use support::machine::stretched;
use support::sign::{missing, too_much, yours};

use super::shared::{
    DEADLINE, FOREVER, Fate, Faulty, MAX_HISTORY, ROOM_ENOUGH, SHORT, Scene, UNLIMITED, comes_true,
    drain, lock, meaning,
};

#[test]
fn people_are_told_once_that_the_bus_is_away() {
    check! {
        rfc: "the workshop's own rule",
        rule: "When the bus goes away, each client is told once; so is whoever joins meanwhile. When it is back, each is \
               told once. A client that joins while all is well isn't told anything.",
        signs: [
            missing([r#"cy ← {"notice":"You"#]).says("A client that joins while the bus is away isn't told so."),
            yours([r#"ada ← {"notice":""}"#]).and(too_much()).says("Nothing was wrong, and nothing has changed: there is no news."),
            too_much().says("The clients are told at each failure. Only the first one is news."),
            missing([r#"ada ← {"notice":"You"#]).says("Nobody is told that the bus is away."),
            missing([r#"ada ← {"notice":""}"#]).says("Pages go on saying that the servers can't be reached: nobody tells them that the bus is back."),
        ],
        shows: || {
            let mut scene = Scene::new(&["A"]);
            scene.joins("ada", "A", 0);
            for (reachable, what) in [(true, "the bus answers"), (false, "it doesn't"), (false, "it still doesn't")] {
                scene.note(what);
                scene.room("A").bus_is(reachable);
                scene.look();
            }
            scene.joins("cy", "A", 0);
            for what in ["it answers", "it answers"] {
                scene.note(what);
                scene.room("A").bus_is(true);
                scene.look();
            }
            scene.text
        },
    }
}

/// The bus is away, and the leases of the people at other servers haven't ended yet.
fn still_here() -> String {
    let bus = Faulty::new();
    bus.renew("B", &[("bob".to_string(), "2".to_string())])
        .expect("all is well");
    let room = LocalRoom::new("A", Arc::clone(&bus) as _, MAX_HISTORY, UNLIMITED, SHORT);
    let people = thread::scope(|scope| {
        scope.spawn(|| presence::keep(&*bus, &room, SHORT, FOREVER));
        comes_true(stretched(DEADLINE), || !room.people().is_empty());
        bus.goes(Some(Fate::Away));
        bus.take_notes();
        comes_true(stretched(DEADLINE), || bus.was_asked_to("renew", 3));
        let people = room.people();
        room.stop();
        people
    });
    format!("three renewals have failed, and the leases last. Here now: {people:?}\n")
}

#[test]
fn people_elsewhere_are_not_kept_for_ever() {
    check! {
        rfc: "the workshop's own rule",
        rule: "While the bus is away, nothing is heard of the people at other servers. After the time of a lease, they are \
               taken off the list, but not before; this server's own people stay. When the room stops, its leases are given back.",
        signs: [],
        shows: || {
            let bus = Faulty::new();
            bus.renew("B", &[("bob".to_string(), "2".to_string())]).expect("all is well");
            let room = LocalRoom::new("A", Arc::clone(&bus) as Arc<dyn Bus>, MAX_HISTORY, UNLIMITED, SHORT);
            let outbox = Arc::new(Outbox::new(ROOM_ENOUGH));
            let ada = room.join(Visitor::default(), &outbox);
            room.say(ada, r#"{"username":"ada"}"#).expect("the name is free");
            let frames = std::sync::Mutex::new(VecDeque::new());
            let gets = |words: &str| {
                comes_true(stretched(DEADLINE), || {
                    lock(&frames).extend(drain(&outbox).iter().map(|it| meaning(it)));
                    lock(&frames).iter().any(|it: &String| it == words)
                })
            };
            let mut shown = String::new();
            thread::scope(|scope| {
                scope.spawn(|| presence::keep(&*bus, &room, SHORT, 3 * SHORT));
                let came = gets(r#"{"joined":"bob"}"#);
                shown += &format!("bob came: {came}. Here now: {:?}\n", room.people());
                bus.goes(Some(Fate::Away));
                let left = gets(r#"{"left":"bob"}"#);
                shown += &format!("the bus is away. bob left: {left}. Here now: {:?}\n", room.people());
                bus.goes(None);
                lock(&frames).clear();
                let came = gets(r#"{"joined":"bob"}"#);
                shown += &format!("the bus is back. bob came: {came}. Here now: {:?}\n", room.people());
                room.stop();
            });
            let left = bus.renew("B", &[]).expect("all is well").people;
            shown + &format!("A has stopped. Its leases: {left:?}\n") + &still_here()
        },
    }
}

#[test]
fn a_new_name_is_told_at_once() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Leases are renewed from time to time. When a name has changed, they are renewed at once: the other servers \
               hear of it, and nobody asks the bus without a reason.",
        signs: [],
        shows: || {
            let bus = Faulty::new();
            let room = LocalRoom::new("A", Arc::clone(&bus) as _, MAX_HISTORY, UNLIMITED, SHORT);
            let ada = room.join(Visitor::default(), &Arc::new(Outbox::new(ROOM_ENOUGH)));
            let mut shown = String::new();
            thread::scope(|scope| {
                scope.spawn(|| presence::keep(&*bus, &room, FOREVER, FOREVER));
                let first = comes_true(stretched(DEADLINE), || bus.was_asked_to("renew", 1));
                let early = comes_true(3 * SHORT, || bus.was_asked_to("renew", 2));
                shown += &format!("at first: {first}; and again, without a reason: {early}\n");
                let said = room.say(ada, r#"{"username":"ada"}"#);
                let told = comes_true(stretched(DEADLINE), || bus.was_asked_to("renew", 2));
                shown += &format!("ada takes her name: {said:?}; and again: {told}\n");
                room.stop();
            });
            shown
        },
    }
}
