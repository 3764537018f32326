//! What becomes of a message while the bus fails.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use chat::{Outbox, Visitor};
use scale_out::follow::Follower;
use scale_out::{Bus, LocalRoom};
use support::check;
use support::machine::stretched;
use support::sign::{missing, never_finished, too_much, yours};

use super::shared::{
    DEADLINE, Fate, Faulty, MAX_HISTORY, ROOM_ENOUGH, SHORT, Scene, UNLIMITED, comes_true, drain,
};

/// Says something at a server whose bus fails like this, while the server follows the log. Shows what became of it.
fn say(fates: &[Fate], lasting: Option<Fate>, publish_within: Duration) -> String {
    let bus = Faulty::new();
    let room = LocalRoom::new(
        "A",
        Arc::clone(&bus) as Arc<dyn Bus>,
        MAX_HISTORY,
        UNLIMITED,
        publish_within,
    );
    let outbox = Arc::new(Outbox::new(ROOM_ENOUGH));
    let ada = room.join(Visitor::default(), &outbox);
    room.say(ada, r#"{"username":"ada"}"#)
        .expect("the name is free");
    drain(&outbox);
    bus.take_notes();
    bus.next(fates);
    bus.goes(lasting);
    let said = thread::scope(|scope| {
        let saying = scope.spawn(|| room.say(ada, r#"{"username":"ada","message":"hi"}"#));
        let mut follower = Follower::new(MAX_HISTORY);
        while !saying.is_finished() {
            // The log is read on a connection of its own, which works.
            _ = follower.step(bus.memory(), &room, Duration::ZERO);
            thread::yield_now();
        }
        _ = follower.step(bus.memory(), &room, Duration::ZERO);
        saying.join().expect("saying something doesn't panic")
    });
    let answer = match said {
        Ok(()) => "no objection".to_string(),
        Err(refused) => refused.to_string(),
    };
    let got = drain(&outbox).len();
    let tries = bus
        .take_notes()
        .iter()
        .filter(|it| *it == "publish")
        .count();
    let tries = if tries > 1 {
        "more than 1".to_string()
    } else {
        tries.to_string()
    };
    format!(
        "tries {tries}, in the log [{}], frames for ada {got}\n  {answer}\n",
        bus.texts().join(" ")
    )
}

#[test]
fn all_servers_tell_the_same() {
    check! {
        rfc: "the workshop's own rule",
        rule: "What is said at one server is in the log once, and each server tells it when it reads the log: also the \
               server where it was said.",
        signs: [
            too_much().says("The server where something was said tells it at once, and again when it reads the log."),
            missing([r#"← {"id":1,"#]).says("A message of the log isn't delivered."),
        ],
        shows: || {
            let mut scene = Scene::new(&["A", "B"]);
            scene.joins("ada", "A", 0);
            scene.joins("bob", "B", 0);
            scene.is_named("ada");
            scene.follows("A");
            scene.follows("B");
            scene.says("ada", "hi");
            scene.follows("B");
            scene.says("bob", "hello");
            scene.follows("B");
            scene.follows("A");
            scene.text
        },
    }
}

#[test]
fn a_try_without_an_answer_is_tried_again() {
    check! {
        rfc: "the workshop's own rule",
        rule: "When the answer to a publish is lost, nobody knows whether the message is in the log. It is tried again, \
               with the same ticket, so it is there once.",
        signs: [
            yours(["in the log [hi hi]"]).says("Each try has a ticket of its own, so the message is in the log twice."),
            yours(["Try again later"]).says("After a lost answer, *away* doesn't mean that nothing has happened: the earlier try may have succeeded."),
            yours(["tries 1", "in the log [hi]"]).says("One lost answer isn't the end: try again, until the deadline."),
            yours(["tries 1"]).says("One lost question isn't the end: try again, until the deadline."),
            never_finished().says("When the bus has answered, the message is published."),
        ],
        shows: || {
            let mut shown = String::new();
            for (what, fates) in [
                ("all is well", vec![]),
                ("an answer is lost", vec![Fate::AnswerLost]),
                ("a question is lost", vec![Fate::QuestionLost]),
                ("an answer is lost, then the bus is away for a moment", vec![Fate::AnswerLost, Fate::Away]),
            ] {
                shown += &format!("{what}: {}", say(&fates, None, stretched(DEADLINE)));
            }
            shown
        },
    }
}

/// Says something at a server that doesn't read the log.
fn never_read() -> String {
    let bus: Arc<dyn Bus> = Faulty::new();
    let room = LocalRoom::new("A", bus, MAX_HISTORY, UNLIMITED, SHORT);
    let ada = room.join(Visitor::default(), &Arc::new(Outbox::new(ROOM_ENOUGH)));
    let said = room.say(ada, r#"{"username":"ada","message":"hi"}"#);
    format!("nobody reads the log: {said:?}\n")
}

#[test]
fn a_message_is_back_before_the_next_answer() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Everything that a client sends is answered, in order. So a publish ends when this server has delivered the \
               message. If that doesn't happen in time, nobody knows what became of it.",
        signs: [
            yours(["it is answered: true"]).says("The next thing that the client sends would be answered before this message comes back."),
            yours(["nobody reads the log: Ok"]).says("It was published, and can't be read. The client waits for an answer that never comes."),
        ],
        shows: || {
            let bus = Faulty::new();
            let room = LocalRoom::new("A", Arc::clone(&bus) as Arc<dyn Bus>, MAX_HISTORY, UNLIMITED, stretched(DEADLINE));
            let outbox = Arc::new(Outbox::new(ROOM_ENOUGH));
            let ada = room.join(Visitor::default(), &outbox);
            thread::scope(|scope| {
                let saying = scope.spawn(|| room.say(ada, r#"{"username":"ada","message":"hi"}"#));
                let in_log = comes_true(stretched(DEADLINE), || !bus.texts().is_empty());
                let early = comes_true(3 * SHORT, || saying.is_finished());
                let mut shown = format!("it is in the log: {in_log}; it is answered: {early}\n");
                let mut follower = Follower::new(MAX_HISTORY);
                _ = follower.step(bus.memory(), &room, Duration::ZERO);
                let answered = saying.join().is_ok_and(|said| said.is_ok());
                shown += &format!("A reads the log; then it is answered: {answered}\n");
                shown
            }) + &never_read()
        },
    }
}

#[test]
fn nothing_is_sent_while_the_bus_is_away() {
    check! {
        rfc: "the workshop's own rule",
        rule: "If the bus can't be reached, nothing has happened: the message is rejected at once, and nothing waits to be \
               sent later. While the server knows that the bus is away, it doesn't even try.",
        signs: [
            yours(["known to be away: tries 1"]).or(yours(["known to be away: tries more than 1"]))
                .says("The server knows that the bus is away. Each try may take as long as a connection."),
            yours(["found out: tries more than 1"]).says("Nothing has happened, and the client can be told so at once: it is not tried again."),
            yours(["If your message has arrived"]).says("It is certain that nothing has arrived. The client may be told so."),
            never_finished().says("Nothing has happened, and the client can be told so at once: it is not tried again."),
        ],
        shows: || {
            let mut shown = format!("found out: {}", say(&[], Some(Fate::Away), 10 * SHORT));
            let mut scene = Scene::with(&["A"], SHORT);
            scene.joins("ada", "A", 0);
            scene.is_named("ada");
            scene.bus.take_notes();
            scene.room("A").bus_is(false);
            scene.look();
            scene.text.clear();
            scene.says("ada", "hi");
            let tries = scene.bus.take_notes().len();
            shown += &format!("known to be away: tries {tries}\n{}", scene.text);
            shown
        },
    }
}

#[test]
fn a_bus_that_does_not_come_back_is_not_waited_for() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Once a try has had no answer, the message may be in the log. If the bus doesn't come back in time, the \
               client is told that nobody knows.",
        signs: [
            yours(["Try again later"]).says("After a lost answer, *away* doesn't mean that nothing has happened: the earlier try may have succeeded."),
            yours(["no objection"]).says("Nobody knows whether the message has arrived, and the client isn't told so."),
            missing(["tries more than 1"]).says("There was time to try again."),
            never_finished().says("There is a deadline: a client may not wait for ever."),
            too_much().says("A client is told once."),
        ],
        shows: || {
            let within = stretched(30 * SHORT);
            let lost = format!("the bus goes away in the middle: {}", say(&[Fate::AnswerLost], Some(Fate::Away), within));
            lost + &format!("no answer ever comes: {}", say(&[], Some(Fate::QuestionLost), within))
        },
    }
}
