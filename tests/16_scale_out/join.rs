//! Rooms of several servers on one bus: what is delivered, and to whom.

use std::sync::Arc;

use chat::client::Room;
use chat::{Outbox, Pace, Visitor};
use connection::Event;
use scale_out::{Bus, LocalRoom};
use support::check;
use support::sign::{missing, only, swapped, too_much, yours};

use super::shared::{Faulty, MAX_HISTORY, ROOM_ENOUGH, SHORT, Scene};

#[test]
fn a_newcomer_gets_the_history_and_then_what_is_new() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A client that joins gets the messages after its cursor, as far as this server has them, then the people at \
               all servers, then what is new.",
        signs: [
            swapped().says("The people come after the history: for a page, everything after them is live."),
            yours([r#"cy ← {"id":2,"#]).says("It gets messages again that it has seen."),
            missing([r#"cy ← {"id":3,"#]).says("It doesn't get what it has missed."),
            missing([r#"{"people":["ada"]}"#]).says("The people at other servers are people, too."),
        ],
        shows: || {
            let mut scene = Scene::new(&["A", "B"]);
            scene.joins("ada", "A", 0);
            scene.is_named("ada");
            scene.bus.elsewhere(&["one", "two", "three", "four"]);
            scene.renews("A");
            scene.renews("B");
            scene.follows("B");
            scene.joins("bob", "B", 0);
            scene.joins("cy", "B", 2);
            scene.bus.elsewhere(&["five"]);
            scene.follows("B");
            scene.text
        },
    }
}

#[test]
fn a_client_goes_on_at_a_server_that_is_behind() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A client may come from a server that is ahead of this one. Its cursor isn't nonsense: the server will \
               get there, and tells it only what it hasn't seen.",
        signs: [
            yours([r#"ada ← {"id":1,"#]).says("A cursor ahead of this server was taken for one from a different history, as in step 01."),
            yours([r#"ada ← {"id":2,"#]).or(yours([r#"ada ← {"id":3,"#]))
                .says("The client gets messages again that it has seen at the other server."),
            missing([r#"ada ← {"id":4,"#]).says("The client has seen 3. The next one is new to it."),
        ],
        shows: || {
            let mut scene = Scene::new(&["A", "B"]);
            scene.bus.elsewhere(&["one"]);
            scene.follows("A");
            scene.follows("B");
            scene.bus.elsewhere(&["two", "three"]);
            scene.follows("A");
            scene.joins("ada", "A", 0);
            scene.leaves("ada");
            scene.joins("ada", "B", 3);
            scene.joins("bob", "B", 0);
            scene.follows("B");
            scene.bus.elsewhere(&["four"]);
            scene.follows("B");
            scene.text
        },
    }
}

#[test]
fn a_slow_client_costs_the_others_nothing() {
    check! {
        rfc: "RFC 6455 §7.4.1",
        rule: "A client whose outbox is full is closed with 1013, and the others at this server get everything.",
        signs: [
            missing(["sloth ← Close 1013"]).says("A client whose outbox is full must be cut off: it would miss messages without knowing."),
            missing([r#"bob ← {"id":1,"#]).says("The others pay for a slow client."),
            too_much().says("A client that was cut off gets nothing more."),
        ],
        shows: || {
            let mut scene = Scene::new(&["A"]);
            scene.follows("A");
            // Room for the list of people, and not much more.
            scene.joins_with("sloth", "A", 0, 200);
            scene.joins("bob", "A", 0);
            scene.bus.elsewhere(&[&"x".repeat(120)]);
            scene.follows("A");
            scene.bus.elsewhere(&["two"]);
            scene.follows("A");
            scene.text
        },
    }
}

#[test]
fn a_name_is_taken_at_all_servers() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A name has one owner at all servers. A person who leaves one server is gone at the others with the next \
               renewals.",
        signs: [
            only(["ada", "bob"]).and(missing(["The name ada is taken"]).or(yours(["Try again later"])))
                .says("A name was claimed twice: see the checks of the leases."),
        ],
        shows: || {
            let mut scene = Scene::new(&["A", "B"]);
            scene.joins("ada", "A", 0);
            scene.joins("bob", "B", 0);
            scene.is_named("ada");
            scene.note("bob takes the name ada");
            scene.sends("bob", r#"{"username":"ada"}"#);
            scene.is_named("bob");
            scene.renews("A");
            scene.renews("B");
            scene.leaves("ada");
            scene.renews("B");
            scene.renews("A");
            scene.renews("B");
            scene.note("bob takes the name ada");
            scene.sends("bob", r#"{"username":"ada"}"#);
            scene.text
        },
    }
}

#[test]
fn a_lost_name_ends_the_connection() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A tab that has come back at a different server leaves a connection behind. The server that has lost the \
               name ends it. The others aren't told that anybody has left.",
        signs: [],
        shows: || {
            let mut scene = Scene::new(&["A", "B"]);
            scene.joins("ada", "A", 0);
            scene.joins("bob", "A", 0);
            scene.is_named("ada");
            scene.renews("A");
            scene.renews("B");
            scene.note("(ada's connection is dead, and A doesn't know it yet)");
            scene.joins("ada", "B", 0);
            scene.is_named("ada");
            scene.renews("B");
            scene.renews("A");
            scene.text
        },
    }
}

#[test]
fn an_answer_from_before_brings_nobody_back() {
    check! {
        rfc: "the workshop's own rule",
        rule: "The answer to a renewal may be older than what this server knows about its own people. A person who has left \
               since the question doesn't come back with the answer. A person who has come since stays on the list.",
        signs: [],
        shows: || {
            let mut scene = Scene::new(&["A"]);
            scene.joins("ada", "A", 0);
            scene.joins("bob", "A", 0);
            scene.is_named("ada");
            scene.note("A renews its leases, and the answer takes its time");
            let names = scene.room("A").names();
            let answer = scene.bus.memory().renew("A", &names).expect("memory doesn't fail");
            scene.leaves("ada");
            scene.is_named("bob");
            scene.note("the answer comes");
            scene.room("A").take_presence(answer);
            scene.look();
            scene.renews("A");
            scene.text
        },
    }
}

#[test]
fn a_room_keeps_the_rules_of_step_10() {
    check! {
        rfc: "the workshop's own rule",
        rule: "What was right for a hub is right for a room: a name has one owner, a tab has one connection, nonsense is \
               rejected, and a server that stops says goodbye, also to whoever joins later.",
        signs: [],
        shows: || {
            let mut scene = Scene::new(&["A"]);
            scene.follows("A");
            for name in ["ada", "bob", "cy"] {
                scene.joins(name, "A", 0);
            }
            scene.is_named("ada");
            scene.is_named("bob");
            for (name, says) in [
                ("ada", Event::Text(r#"{"username":"ada"}"#.into())),
                ("bob", Event::Text(r#"{"username":"ada"}"#.into())),
                ("bob", Event::Text(r#"{"username":"rob"}"#.into())),
                ("cy", Event::Text("hi".into())),
                ("cy", Event::Binary(b"hi".to_vec())),
            ] {
                scene.hears(name, &says);
            }
            scene.joins("ada", "A", 0);
            scene.is_named("ada");
            scene.note("bob reads too slowly");
            let bob = scene.seat("bob").id;
            scene.room("A").too_slow(bob);
            scene.look();
            scene.leaves("ada");
            scene.note("A stops");
            scene.room("A").stop();
            scene.look();
            scene.joins("dan", "A", 0);
            scene.text
        },
    }
}

/// Says two things in a room of this pace.
fn says_two_things(messages: u64, deliveries: u64) -> String {
    let pace = Pace {
        messages,
        deliveries,
    };
    let room = LocalRoom::new("A", Faulty::new(), MAX_HISTORY, pace, SHORT);
    let ada = room.join(Visitor::default(), &Arc::new(Outbox::new(ROOM_ENOUGH)));
    let says = |json: &str| match room.say(ada, json) {
        Ok(()) => format!("  {json}: no objection\n"),
        Err(refused) => format!("  {json}: {refused}\n"),
    };
    says(r#"{"username":"ada"}"#) + &says("nonsense")
}

#[test]
fn what_a_client_says_costs_tokens() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Whatever a client says takes a token from its bucket, and then one from the room's.",
        signs: [],
        shows: || {
            let mut shown = String::new();
            for (what, messages, deliveries) in [
                ("enough for all", u64::MAX, u64::MAX),
                ("nothing for the client", 0, u64::MAX),
                ("nothing for the room", u64::MAX, 0),
                ("nothing at all", 0, 0),
            ] {
                shown += &format!("{what}\n{}", says_two_things(messages, deliveries));
            }
            shown
        },
    }
}
