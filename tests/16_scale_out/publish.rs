//! What becomes of a message while the bus fails.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use chat::client::ClientId;
use chat::{Outbox, Visitor};
use scale_out::follow::Follower;
use scale_out::room::Refused;
use scale_out::{Bus, LocalRoom};
use support::check;
use support::machine::stretched;
use support::sign::{missing, never_finished, too_much, yours};

use super::shared::{
    DEADLINE, FOREVER, Fate, Faulty, MAX_HISTORY, MAX_NOTES, ROOM_ENOUGH, SHORT, Scene, UNLIMITED,
    comes_true, drain, lock, meaning,
};

/// Longer than right code takes for what waits for nothing, even on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(1);

/// A server, and ada, who has taken her name. The check follows the log by hand.
struct Ada {
    bus: Arc<Faulty>,
    room: LocalRoom,
    id: ClientId,
    outbox: Arc<Outbox>,
    follower: Mutex<Follower>,
}

impl Ada {
    /// A message may be tried to be published for so long.
    fn new(publish_within: Duration) -> Self {
        let bus = Faulty::new();
        let room = LocalRoom::new(
            "A",
            Arc::clone(&bus) as Arc<dyn Bus>,
            MAX_HISTORY,
            UNLIMITED,
            publish_within,
        );
        let outbox = Arc::new(Outbox::new(ROOM_ENOUGH));
        let id = room.join(Visitor::default(), &outbox);
        room.say(id, r#"{"username":"ada"}"#)
            .expect("the name is free");
        drain(&outbox);
        bus.take_notes();
        Self {
            bus,
            room,
            id,
            outbox,
            follower: Mutex::new(Follower::new(MAX_HISTORY)),
        }
    }

    /// The server looks at the log once, on a connection of its own, which works.
    fn follows(&self) {
        let mut follower = lock(&self.follower);
        _ = follower.step(self.bus.memory(), &self.room, Duration::ZERO);
    }

    fn says_hi(&self) -> Result<(), Refused> {
        self.room
            .say(self.id, r#"{"username":"ada","message":"hi"}"#)
    }

    /// She says hi, and meanwhile, something happens. Then the server follows the log. Shows what became of her message.
    fn says_hi_while(&self, meanwhile: impl FnOnce()) -> String {
        let said = thread::scope(|scope| {
            let saying = scope.spawn(|| self.says_hi());
            meanwhile();
            while !saying.is_finished() {
                self.follows();
                thread::yield_now();
            }
            self.follows();
            saying.join().expect("saying something doesn't panic")
        });
        let answer = match said {
            Ok(()) => "no objection".to_string(),
            Err(refused) => refused.to_string(),
        };
        let mut got = drain(&self.outbox);
        got.retain(|frame| !meaning(frame).starts_with(r#"{"notice""#));
        let notes = self.bus.take_notes();
        let tries = match notes.iter().filter(|it| *it == "publish").count() {
            MAX_NOTES => "without a pause".to_string(),
            2.. => "more than 1".to_string(),
            tries => tries.to_string(),
        };
        format!(
            "tries {tries}, in the log [{}], frames for ada {}\n  {answer}\n",
            self.bus.texts().join(" "),
            got.len()
        )
    }
}

/// Ada says hi at a server whose bus fails like this. Shows what became of it.
fn say(fates: &[Fate], lasting: Option<Fate>, publish_within: Duration) -> String {
    let ada = Ada::new(publish_within);
    ada.bus.next(fates);
    ada.bus.goes(lasting);
    ada.says_hi_while(|| {})
}

/// The answer is lost, and the follower finds out that the bus is away. Later, the bus is back.
fn away_meanwhile() -> String {
    let ada = Ada::new(stretched(DEADLINE));
    ada.bus.next(&[Fate::AnswerLost]);
    ada.bus.goes(Some(Fate::Away));
    ada.says_hi_while(|| {
        comes_true(stretched(DEADLINE), || ada.bus.was_asked_to("publish", 1));
        ada.room.bus_is(false);
        // Right code may try again a few times meanwhile, or wait.
        comes_true(8 * SHORT, || ada.bus.was_asked_to("publish", MAX_NOTES));
        ada.bus.goes(None);
        ada.room.bus_is(true);
    })
}

/// The server stops while a publish is tried again and again.
fn stops_meanwhile() -> String {
    let ada = Ada::new(FOREVER);
    ada.bus.goes(Some(Fate::QuestionLost));
    thread::scope(|scope| {
        let saying = scope.spawn(|| _ = ada.says_hi());
        comes_true(stretched(DEADLINE), || ada.bus.was_asked_to("publish", 1));
        ada.room.stop();
        let ended = comes_true(stretched(AT_ONCE), || saying.is_finished());
        // Wrong code gets an answer, so that it ends, too.
        ada.bus.goes(None);
        format!("the server stops meanwhile: given up at once: {ended}\n")
    })
}

#[test]
fn all_servers_tell_the_same() {
    check! {
        rfc: "the workshop's own rule",
        rule: "What is said at one server is in the log once, and each server tells it when it reads the log: also the \
               server where it was said.",
        signs: [
            yours(["Try again later"]).says("The bus has taken the message. Even if it doesn't come back in time, nobody may be told that it wasn't sent."),
            too_much().says("The server where something was said tells it at once, and again when it reads the log."),
            missing([r#"← {"id":1,"#]).says("A message of the log isn't delivered."),
        ],
        shows: || {
            // Each publish waits for its message in vain: the log is read afterwards.
            let mut scene = Scene::with(&["A", "B"], 10 * SHORT);
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
            yours(["without a pause"]).says("Between two tries, there must be a pause. This is as many tries as the processor can make."),
            yours(["in the log [hi hi]"]).says("Each try has a ticket of its own, so the message is in the log twice."),
            yours(["Try again later"]).says("After a lost answer, *away* doesn't mean that nothing has happened: the earlier try may have succeeded."),
            yours(["tries 1", "in the log [hi]"]).says("One lost answer isn't the end: try again, until the deadline."),
            yours(["tries 1"]).says("One lost question isn't the end: try again, until the deadline."),
            yours(["any more"])
                .says("After a try without an answer, the bus may be away for a moment: that isn't the end. Try again, until the deadline."),
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
            shown + &format!("an answer is lost, and the server hears that the bus is away: {}", away_meanwhile())
        },
    }
}

/// Says something at a server that doesn't read the log.
fn never_read() -> String {
    let said = Ada::new(SHORT).says_hi();
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
            let ada = Ada::new(stretched(DEADLINE));
            thread::scope(|scope| {
                let saying = scope.spawn(|| ada.says_hi());
                let in_log = comes_true(stretched(DEADLINE), || !ada.bus.texts().is_empty());
                let early = comes_true(3 * SHORT, || saying.is_finished());
                let mut shown = format!("it is in the log: {in_log}; it is answered: {early}\n");
                ada.follows();
                let answered = saying.join().is_ok_and(|said| said.is_ok());
                shown += &format!("A reads the log; then it is answered: {answered}\n");
                shown
            }) + &never_read()
        },
    }
}

#[test]
fn nobody_else_waits_for_the_bus() {
    check! {
        rfc: "the workshop's own rule",
        rule: "While a client's message is on its way to the bus, the room isn't locked: others join, and hear what is said \
               elsewhere.",
        signs: [
            yours(["Meanwhile: false"]).says("The lock was held while the bus was asked: everyone at this server waits for one answer."),
            never_finished().says("The lock was held while the bus was asked, and is needed for the answer."),
        ],
        shows: || {
            let ada = Ada::new(stretched(DEADLINE));
            let hears = || {
                let outbox = Arc::new(Outbox::new(ROOM_ENOUGH));
                ada.room.join(Visitor::default(), &outbox);
                ada.bus.elsewhere(&["hello"]);
                ada.follows();
                drain(&outbox).iter().map(|it| format!("  bob ← {}\n", meaning(it))).collect::<String>()
            };
            let gate = ada.bus.keeps_waiting();
            let mut shown = String::new();
            let became = ada.says_hi_while(|| {
                comes_true(stretched(DEADLINE), || ada.bus.was_asked_to("publish", 1));
                thread::scope(|scope| {
                    let bob = scope.spawn(hears);
                    let meanwhile = comes_true(stretched(AT_ONCE), || bob.is_finished());
                    drop(gate);
                    let heard = bob.join().expect("joining doesn't panic");
                    shown = format!("ada's message is on its way. Meanwhile: {meanwhile}\n{heard}");
                });
            });
            shown + "the bus answers ada: " + &became
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
               client is told that nobody knows. There is a pause between two tries, and none after the room has stopped.",
        signs: [
            yours(["without a pause"]).says("Between two tries, there must be a pause. This is as many tries as the processor can make."),
            yours(["given up at once: false"]).says("The room has stopped, and the client's thread goes on trying: the server waits for it."),
            yours(["Try again later"]).says("After a lost answer, *away* doesn't mean that nothing has happened: the earlier try may have succeeded."),
            yours(["no objection"]).says("Nobody knows whether the message has arrived, and the client isn't told so."),
            missing(["tries more than 1"]).says("There was time to try again."),
            never_finished().says("There is a deadline: a client may not wait for ever."),
            too_much().says("A client is told once."),
        ],
        shows: || {
            let within = stretched(30 * SHORT);
            let lost = format!("the bus goes away in the middle: {}", say(&[Fate::AnswerLost], Some(Fate::Away), within));
            let lost = lost + &format!("no answer ever comes: {}", say(&[], Some(Fate::QuestionLost), within));
            lost + &stops_meanwhile()
        },
    }
}
