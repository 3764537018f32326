//! A hub without sockets: the outboxes hold all that clients get.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use chat::client::{ClientId, Room};
use chat::{Hub, Outbox, Pace, Visitor};
use support::check;
use support::sign::{missing, only, swapped, too_little, too_much, yours};

use super::shared::{
    ADA, AS_MUCH_AS_THEY_LIKE, BOB, ROOM_ENOUGH, ada_says, drain, ids, meaning, wrong_ids,
};

struct Seat {
    who: &'static str,
    id: ClientId,
    outbox: Arc<Outbox>,
    /// Whether it looks into its outbox after each thing that happens.
    reads: bool,
}

/// A hub, a few clients, and what each of them gets.
struct Scene {
    hub: Hub,
    seats: Vec<Seat>,
    text: String,
}

impl Scene {
    fn new() -> Self {
        Self {
            hub: Hub::new(3, 0, AS_MUCH_AS_THEY_LIKE),
            seats: Vec::new(),
            text: String::new(),
        }
    }

    fn note(&mut self, what: &str) {
        self.text += what;
        self.text += "\n";
    }

    fn joins(&mut self, who: &'static str) {
        self.note(&format!("{who} joins"));
        self.seat(who, ROOM_ENOUGH, true, Visitor::default());
    }

    fn comes(&mut self, who: &'static str, visitor: Visitor) {
        let tab = visitor.tab.as_deref().map(|tab| format!(", in tab {tab}"));
        let tab = tab.unwrap_or_default();
        self.note(&format!("{who} joins after {}{tab}", visitor.after));
        self.seat(who, ROOM_ENOUGH, true, visitor);
    }

    /// Joins, and never reads. So many bytes may wait for it.
    fn sleeps(&mut self, who: &'static str, most: usize) {
        self.note(&format!("{who} joins, and never reads"));
        self.seat(who, most, false, Visitor::default());
    }

    fn seat(&mut self, who: &'static str, most: usize, reads: bool, visitor: Visitor) {
        let outbox = Arc::new(Outbox::new(most));
        let id = self.hub.join(visitor, &outbox);
        self.seats.push(Seat {
            who,
            id,
            outbox,
            reads,
        });
        self.look();
    }

    fn id(&self, who: &str) -> ClientId {
        let mut seats = self.seats.iter().rev();
        seats.find(|seat| seat.who == who).expect("it joined").id
    }

    fn says(&mut self, who: &str, json: &str) {
        self.note(&format!("{who} says {json}"));
        if let Err(rejection) = self.hub.say(self.id(who), json) {
            self.note(&format!("  ✗ {rejection}"));
        }
        self.look();
    }

    fn leaves(&mut self, who: &str) {
        self.note(&format!("{who} leaves"));
        self.hub.leave(self.id(who));
        self.look();
    }

    fn stops(&mut self) {
        self.note("the server stops");
        self.hub.stop();
        self.look();
    }

    /// Writes down what everybody got.
    fn look(&mut self) {
        for seat in self.seats.iter().filter(|seat| seat.reads) {
            for frame in drain(&seat.outbox) {
                self.text += &format!("  {:<5} ← {}\n", seat.who, meaning(&frame));
            }
        }
    }

    /// Writes down what there is for one who didn't read before.
    fn wakes(&mut self, who: &str) {
        self.note(&format!("{who} reads, at last"));
        for seat in &mut self.seats {
            seat.reads |= seat.who == who;
        }
        self.look();
    }
}

#[test]
fn a_name_belongs_to_one_client() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A name that another client has is refused. It is free again when that client leaves or takes \
               another one. Everyone is told who came and who went, once.",
        signs: [
            yours(["← 81 "]).says(
                "The server's frame is masked. Only a client masks; a browser fails the connection.",
            ),
            too_little().and(only(["\"people\""])).says("A newcomer isn't told who is here."),
            too_much().and(only(["\"people\""])).says("Who is here is told to everyone. Only the newcomer needs it."),
            too_little().and(only(["\"you\""])).says(
                "A name alone has no answer. `ServerMessage::You` tells this client that the name is its own.",
            ),
            too_much().and(only(["\"you\""])).says(
                "A message is answered by `ServerMessage::You`, too. That is the answer to a name alone; a message comes \
                 back itself.",
            ),
            swapped().and(only(["\"left\"", "\"joined\""])).says(
                "The new name is told ahead of the old one. The old one leaves first.",
            ),
            missing(["\"left\":\"Ada L.\""]).says(
                "A client that takes another name never leaves the old one: the others see it for ever.",
            ),
            too_little().and(only(["\"left\""])).says(
                "A client that leaves is taken out, and the others aren't told.",
            ),
            missing(["✗ The name ada is taken."]).says(
                "A client gets a name that another one has.",
            ),
            yours(["✗ The name ada is taken."]).says(
                "A name was looked for among all clients, the one that asks included: no one may say its own name \
                 again.",
            ),
            too_much().and(yours(["\"joined\""])).says(
                "A client that says its own name again is told as news. Nothing has changed, so there is nothing \
                 to tell.",
            ),
            yours(["\"left\":\"Ada L.\""]).says(
                "The name that is told to have left is the new one. `replace` returns the old one.",
            ),
            too_little().and(missing(["\"joined\""])).says(
                "A name alone isn't taken: with or without a message, the name is the client's from then on.",
            ),
            too_little().and(only(["ada   ← {\"id\""])).says(
                "The client that speaks doesn't get its own message. That is how its page learns that it was \
                 taken.",
            ),
            too_little().and(only(["eve   ← {\"id\""])).says(
                "A message goes to the client that sent it, and to no other.",
            ),
        ],
        shows: || {
            let mut scene = Scene::new();
            scene.joins("ada");
            scene.joins("eve");
            scene.says("ada", ADA);
            scene.says("eve", ADA);
            scene.says("ada", &ada_says("no"));
            scene.says("ada", r#"{"username":" ada "}"#);
            scene.says("ada", r#"{"username":"Ada L."}"#);
            scene.says("eve", ADA);
            scene.leaves("eve");
            scene.says("ada", ADA);
            let people = scene.hub.people();
            scene.note(&format!("here are {people:?}"));
            scene.text
        },
    }
}

#[test]
fn a_rejected_message_changes_nothing() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A message that is refused changes nothing: no name, no history, no word to the others.",
        signs: [
            yours(["messages kept: 1"]).says(
                "A message is kept before its name is taken. It was refused, and everyone who joins later reads \
                 it.",
            ),
            yours(["here are [\"ada\", \"bob\"]"]).says(
                "The name is taken before the message is looked at.",
            ),
        ],
        shows: || {
            let mut scene = Scene::new();
            scene.joins("ada");
            scene.joins("bob");
            scene.says("ada", ADA);
            for json in ["hi", r#"{"username":" "}"#, r#"{"username":"bob","message":""}"#, &ada_says("hi")] {
                scene.says("bob", json);
            }
            let people = scene.hub.people();
            let said = scene.hub.messages(0).messages.len();
            scene.note(&format!("here are {people:?}, messages kept: {said}"));
            scene.says("bob", BOB);
            scene.text
        },
    }
}

#[test]
fn a_newcomer_gets_the_history_and_then_what_is_new() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A newcomer gets what it hasn't seen yet, then who is here, then everything as it happens, its own \
               messages too.",
        signs: [
            yours(["\"id\":1,\"username\":\"ada\",\"message\":\"two\""]).says(
                "Messages are told and not kept: the history is empty, and no id is ever used up.",
            ),
            too_much().and(only(["bob   ← {\"id\""])).says(
                "All of the history is sent, whatever the client has seen. This one asked for what came after \
                 message 2.",
            ),
            swapped().says(
                "Who is here is told ahead of the history. For a page, all that follows it is new.",
            ),
            too_little().and(only(["bob   ← {\"id\""])).says(
                "A newcomer gets no history. Where the page has to ask for it elsewhere, what is said meanwhile \
                 is lost or comes twice.",
            ),
        ],
        shows: || {
            let mut scene = Scene::new();
            scene.joins("ada");
            scene.says("ada", &ada_says("one"));
            scene.says("ada", &ada_says("two"));
            scene.joins("bob");
            scene.says("bob", BOB);
            scene.says("bob", r#"{"username":"bob","message":"three"}"#);
            scene.leaves("bob");
            scene.comes("bob", Visitor { after: 2, tab: None });
            scene.text
        },
    }
}

#[test]
fn too_many_messages_get_a_sentence() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Each client has a bucket of its own, which is asked before the room's. A client that is too fast \
               is told so, and stays.",
        signs: [
            yours(["\"id\":1,\"username\":\"ada\",\"message\":\"hi\""]).says(
                "The client's bucket isn't asked.",
            ),
            yours(["ada   ← {\"joined\""]).says(
                "A name alone takes no token. Whatever a client says takes one.",
            ),
            yours(["✗ The chat is busy"]).says(
                "The room's bucket is asked first. A client that is too fast would empty it for everyone.",
            ),
            yours(["✗ A message must be like"]).says(
                "Nonsense takes no token. The bucket is asked before anything else, or a client may send it \
                 without an end.",
            ),
            missing(["\"joined\":\"eve\""]).says(
                "There is one bucket for all: the flood of one client keeps everyone silent.",
            ),
        ],
        shows: || {
            let mut scene = Scene { hub: Hub::new(3, 0, Pace { messages: 0, ..AS_MUCH_AS_THEY_LIKE }), ..Scene::new() };
            scene.joins("ada");
            for json in [ADA, &ada_says("hi"), "even nonsense costs a token"] {
                scene.says("ada", json);
            }
            scene.note("nor has the room a token");
            scene.hub = Hub::new(3, 0, Pace { messages: 0, deliveries: 0 });
            scene.joins("ada");
            scene.says("ada", ADA);
            scene.note("another room");
            // A bucket with so few tokens that none comes back within this check.
            scene.hub = Hub::new(100, 0, Pace { messages: 1, ..AS_MUCH_AS_THEY_LIKE });
            scene.joins("bob");
            scene.joins("eve");
            for _ in 0..2 {
                scene.says("bob", BOB);
            }
            for _ in 0..2 {
                scene.says("bob", "even nonsense costs a token");
            }
            scene.says("eve", r#"{"username":"eve"}"#);
            scene.text
        },
    }
}

#[test]
fn a_busy_room_says_so() {
    check! {
        rfc: "the workshop's own rule",
        rule: "The room pays a token for each message and one for each delivery. While it has none, a message is \
               refused with a sentence. That a client has left is told all the same, and paid for.",
        signs: [
            yours(["\"message\":\"hi\""]).says(
                "The room's bucket isn't asked.",
            ),
            yours(["✗ A message must be like"]).says(
                "Nonsense takes no token from the room.",
            ),
            missing(["\"left\":\"ada\""]).says(
                "A busy room isn't told that someone left. That can't be refused; it is paid for afterwards.",
            ),
        ],
        shows: || {
            let mut scene = Scene::new();
            // Two tokens, and one more each second: too few to pay for anything within this check.
            scene.hub = Hub::new(3, 0, Pace { deliveries: 1, ..AS_MUCH_AS_THEY_LIKE });
            scene.joins("ada");
            scene.joins("bob");
            scene.note("ten more join, and only listen");
            for _ in 0..10 {
                scene.hub.join(Visitor::default(), &Arc::new(Outbox::new(ROOM_ENOUGH)));
            }
            scene.says("ada", ADA);
            scene.note("the room has paid 13 tokens");
            scene.says("ada", &ada_says("hi"));
            scene.says("bob", BOB);
            scene.says("bob", "even nonsense");
            scene.leaves("ada");
            scene.text
        },
    }
}

#[test]
fn a_client_that_does_not_read_is_cut_off() {
    check! {
        rfc: "RFC 6455 §7.4.1",
        rule: "A client that has no space for the next frame gets a Close with 1013 (try again later) in place of \
               all that waits. The others get everything, and then that it left.",
        signs: [
            yours(["sloth ← Close"]).but_not(yours(["Close 1013"])).says(
                "The Close has a different code: 1013 says that the client may come again later.",
            ),
            yours(["sloth ← {\"people\""]).and(missing(["ada   ← {\"left\":\"sloth\"}"])).says(
                "The frame is left out for a client that has no space for it, and the connection goes on: no one \
                 ever knows what is missing.",
            ),
            yours(["sloth ← {\"people\""]).but_not(missing(["sloth ← Close"])).says(
                "The Close waits after all that the client doesn't read. It takes the place of that.",
            ),
            missing(["sloth ← Close 1013"]).says(
                "A client without space is taken off the list and isn't told. Its TCP stays open, and silent.",
            ),
            yours(["here are [\"ada\", \"sloth\"]"]).says(
                "A client that was cut off is still on the list.",
            ),
            too_little().and(only(["\"left\""])).says(
                "The others aren't told that it left: `push_to_all` returns the names of those that it cuts off.",
            ),
            only(["snail"]).says(
                "A client without a name isn't cut off. Whether one has said its name has nothing to do with \
                 that.",
            ),
            missing(["bob   ← {\"id\""]).says(
                "The walk over the clients ends at the first that has no space. Those after it miss the message.",
            ),
        ],
        shows: || {
            let mut scene = Scene::new();
            scene.joins("ada");
            // It has room for who is here, for the answer to its name, and for one thing more.
            scene.sleeps("sloth", 331);
            scene.joins("bob");
            scene.says("sloth", r#"{"username":"sloth"}"#);
            scene.says("ada", &ada_says("are you awake?"));
            scene.says("sloth", r#"{"username":"sloth","message":"what?"}"#);
            let people = scene.hub.people();
            scene.note(&format!("here are {people:?}"));
            scene.wakes("sloth");
            // It has said nothing, and so has no name. It has room for the history, and for who is here.
            scene.sleeps("snail", 250);
            scene.says("ada", &ada_says("and you?"));
            scene.wakes("snail");
            scene.text
        },
    }
}

#[test]
fn cutting_off_one_client_may_cut_off_the_next() {
    check! {
        rfc: "the workshop's own rule",
        rule: "The others are told that a client was cut off after the message that it had no space for. That may \
               cut off the next one. Names that left and joined are told in this order.",
        signs: [
            missing(["\"left\":\"snake\""]).or(swapped()).says(
                "The old name and the new one are told in two pieces. A client that the first one cuts off has left \
                 before it joins, and is here for ever.",
            ),
            too_little().and(only(["\"left\""])).says(
                "The news that a client left is lost where it fills another one's outbox.",
            ),
        ],
        shows: || {
            let mut scene = Scene::new();
            scene.joins("ada");
            scene.sleeps("sloth", 431);
            scene.says("sloth", r#"{"username":"sloth"}"#);
            scene.sleeps("snail", 481);
            scene.says("snail", r#"{"username":"snail"}"#);
            scene.says("ada", &ada_says("one"));
            scene.joins("bob");
            scene.sleeps("slug", 380);
            scene.says("slug", r#"{"username":"slug"}"#);
            // Its new name is what it has no room for.
            scene.says("slug", r#"{"username":"snake"}"#);
            let people = scene.hub.people();
            scene.note(&format!("here are {people:?}"));
            scene.text
        },
    }
}

#[test]
fn a_client_leaves_only_once() {
    check! {
        rfc: "the workshop's own rule",
        rule: "That a client left is told once, however often it is noticed, and only if it had a name.",
        signs: [
            too_much().and(yours(["\"left\""])).says(
                "That a client left is told more than once, or of one without a name.",
            ),
        ],
        shows: || {
            let mut scene = Scene::new();
            scene.joins("ada");
            scene.joins("bob");
            scene.says("bob", BOB);
            scene.leaves("bob");
            scene.leaves("bob");
            scene.note("more waits for bob than may wait");
            scene.hub.too_slow(scene.id("bob"));
            scene.look();
            scene.says("bob", r#"{"username":"bob","message":"I am still here"}"#);
            scene.joins("eve");
            scene.leaves("eve");
            scene.note("more waits for ada than may wait");
            scene.hub.too_slow(scene.id("ada"));
            scene.look();
            scene.text
        },
    }
}

#[test]
fn a_tab_that_reconnects_ends_its_earlier_connection() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A tab that has lost its connection may know it before the server does. When it comes again, \
               its name is free, and its earlier connection is over.",
        signs: [
            missing(["Close 1000"]).and(yours(["✗ The name bob is taken"])).says(
                "The tab's earlier connection isn't ended, so its name is taken: by itself. `join` ends it, and adds \
                 the newcomer with its tab.",
            ),
            yours(["bob   ← Close 1000"]).and(missing(["bob   ← {\"people\":[]}"])).says(
                "The newcomer was added first, and then taken for the tab's earlier connection: it ended itself. End \
                 the earlier one before.",
            ),
            yours(["bob   ← {\"people\":[\"bob\"]}"]).says(
                "The tab's earlier connection is ended too late: the name is still among the people.",
            ),
        ],
        shows: || {
            let mut scene = Scene::new();
            let tab = |after| Visitor { after, tab: Some("x7".to_string()) };
            scene.joins("ada");
            scene.comes("bob", tab(0));
            scene.says("bob", BOB);
            scene.says("bob", r#"{"username":"bob","message":"one"}"#);
            scene.comes("bob", tab(1));
            scene.says("bob", BOB);
            scene.joins("eve");
            scene.text
        },
    }
}

#[test]
fn the_last_frame_says_that_the_server_stops() {
    check! {
        rfc: "RFC 6455 §7.4.1",
        rule: "When the server stops, everyone gets a Close with 1001 (going away) after what waits. A client \
               that joins later gets it, too.",
        signs: [],
        shows: || {
            let mut scene = Scene::new();
            scene.joins("ada");
            scene.sleeps("sloth", ROOM_ENOUGH);
            scene.says("ada", &ada_says("one"));
            scene.stops();
            scene.wakes("sloth");
            scene.joins("late");
            scene.says("ada", &ada_says("two"));
            scene.leaves("ada");
            scene.text
        },
    }
}

#[test]
fn joining_while_others_speak_loses_and_doubles_nothing() {
    check! {
        rfc: "the workshop's own rule",
        rule: "There is no gap between the history and what is new: a client that joins while others speak gets \
               each message once, and in order.",
        signs: [
            yours([" 0 doubled"]).says(
                "A message that is said between the history and the list is lost.",
            ),
            yours(["0 lost"]).says(
                "A message that is said between the list and the history comes twice.",
            ),
        ],
        shows: || {
            let hub = Hub::new(u64::MAX, 0, AS_MUCH_AS_THEY_LIKE);
            let speaking = AtomicBool::new(true);
            let wrong = thread::scope(|scope| {
                let joining = [(); 2].map(|()| scope.spawn(|| wrong_join(&hub, &speaking)));
                let speakers = ["ada", "bob"].map(|name| scope.spawn(|| speak(&hub, name, 600)));
                let spoke = speakers.map(|speaker| speaker.join().is_ok());
                speaking.store(false, Ordering::Relaxed);
                assert_eq!(spoke, [true, true], "everybody speaks");
                joining.map(|it| it.join().expect("clients join"))
            });
            let wrong = wrong.into_iter().flatten().next();
            wrong.unwrap_or("everybody got each message once, and in order".to_string())
        },
    }
}

fn speak(hub: &Hub, name: &str, messages: usize) {
    let outbox = Arc::new(Outbox::new(ROOM_ENOUGH));
    let id = hub.join(Visitor::default(), &outbox);
    for _ in 0..messages {
        let said = hub.say(id, &format!(r#"{{"username":"{name}","message":"m"}}"#));
        assert_eq!(said, Ok(()), "a message is taken");
    }
}

/// Joins and leaves for as long as others speak, and says what was wrong once, if anything was.
fn wrong_join(hub: &Hub, speaking: &AtomicBool) -> Option<String> {
    let mut after = 0;
    while speaking.load(Ordering::Relaxed) {
        let outbox = Arc::new(Outbox::new(ROOM_ENOUGH));
        let id = hub.join(Visitor { after, tab: None }, &outbox);
        let mut ids = Vec::new();
        // Until something is new, so that a gap before it shows.
        while ids.len() < 3 && speaking.load(Ordering::Relaxed) {
            ids.extend(self::ids(&drain(&outbox)));
        }
        hub.leave(id);
        ids.extend(self::ids(&drain(&outbox)));
        let last = ids.last().copied().unwrap_or(after);
        let wrong = wrong_ids(&ids, after, last);
        if wrong.is_some() {
            return wrong;
        }
        // What it has seen, but for the latest: that is history for whoever comes next.
        after = last.saturating_sub(1);
    }
    None
}
