//! A hub without sockets: the outboxes hold all that clients get.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use chat::client::{ClientId, Room};
use chat::{Hub, Outbox, Pace, Visitor};
use support::check;
use support::sign::{missing, only, swapped, too_little, too_much, yours};

use super::shared::{ADA, BOB, ROOM_ENOUGH, UNLIMITED, ada_says, drain, ids, meaning, wrong_ids};

/// A client in a scene.
struct Seat {
    name: &'static str,
    id: ClientId,
    outbox: Arc<Outbox>,
    /// Whether it reads: then its outbox is emptied after each thing that happens.
    reads: bool,
}

/// A hub, a few clients, and the text of what happens and of what each client gets.
struct Scene {
    hub: Hub,
    seats: Vec<Seat>,
    text: String,
}

impl Scene {
    fn new() -> Self {
        Self {
            hub: Hub::new(3, 0, UNLIMITED),
            seats: Vec::new(),
            text: String::new(),
        }
    }

    /// Writes down what happens.
    fn note(&mut self, what: &str) {
        self.text += what;
        self.text += "\n";
    }

    /// Joins, and reads everything at once.
    fn joins(&mut self, name: &'static str) {
        self.note(&format!("{name} joins"));
        self.seat(name, ROOM_ENOUGH, true, Visitor::default());
    }

    /// The same, after it has seen some messages, or in a tab.
    fn comes(&mut self, name: &'static str, visitor: Visitor) {
        let tab = visitor.tab.as_deref().map(|tab| format!(", in tab {tab}"));
        let tab = tab.unwrap_or_default();
        self.note(&format!("{name} joins after {}{tab}", visitor.after));
        self.seat(name, ROOM_ENOUGH, true, visitor);
    }

    /// Joins, and never reads. This many bytes may wait for it.
    fn sleeps(&mut self, name: &'static str, max_outbox_bytes: usize) {
        self.note(&format!("{name} joins, and never reads"));
        self.seat(name, max_outbox_bytes, false, Visitor::default());
    }

    fn seat(&mut self, name: &'static str, max_outbox_bytes: usize, reads: bool, visitor: Visitor) {
        let outbox = Arc::new(Outbox::new(max_outbox_bytes));
        let id = self.hub.join(visitor, &outbox);
        self.seats.push(Seat {
            name,
            id,
            outbox,
            reads,
        });
        self.look();
    }

    fn id(&self, name: &str) -> ClientId {
        let mut seats = self.seats.iter().rev();
        seats.find(|seat| seat.name == name).expect("it joined").id
    }

    fn says(&mut self, name: &str, json: &str) {
        self.note(&format!("{name} says {json}"));
        if let Err(rejection) = self.hub.say(self.id(name), json) {
            self.note(&format!("  ✗ {rejection}"));
        }
        self.look();
    }

    fn leaves(&mut self, name: &str) {
        self.note(&format!("{name} leaves"));
        self.hub.leave(self.id(name));
        self.look();
    }

    fn stops(&mut self) {
        self.note("the server stops");
        self.hub.stop();
        self.look();
    }

    /// Writes down what the clients that read got.
    fn look(&mut self) {
        for seat in self.seats.iter().filter(|seat| seat.reads) {
            for frame in drain(&seat.outbox) {
                self.text += &format!("  {:<5} ← {}\n", seat.name, meaning(&frame));
            }
        }
    }

    /// Writes down what waits for a client that didn't read before.
    fn wakes(&mut self, name: &str) {
        self.note(&format!("{name} reads, at last"));
        for seat in &mut self.seats {
            seat.reads |= seat.name == name;
        }
        self.look();
    }

    /// Writes down the names of the people in the room.
    fn people(&mut self) {
        let people = self.hub.people();
        self.note(&format!("here are {people:?}"));
    }
}

#[test]
fn a_name_belongs_to_one_client() {
    check! {
        rfc: "the workshop's own rule",
        rule: "No two clients have the same name at a time. A name is free again when its client leaves or takes a \
               different one. Everyone is told, once, who joined and who left.",
        signs: [
            yours(["← 81 "]).says(
                "The server's frame is masked. Only a client masks: a browser would fail the connection.",
            ),
            too_little().and(only(["\"people\""])).says("A newcomer isn't told who is here."),
            too_much().and(only(["\"people\""])).says(
                "The list of people goes to everyone. Only the newcomer needs it.",
            ),
            too_little().and(only(["\"you\""])).says(
                "A name alone has no answer. `ServerMessage::You` tells this client that the name is its own.",
            ),
            too_much().and(only(["\"you\""])).says(
                "A message is answered by `ServerMessage::You`, too. That is the answer to a name alone. The answer \
                 to a message is the message itself.",
            ),
            swapped().and(only(["\"left\"", "\"joined\""])).says(
                "The new name is told ahead of the old one. First the old name leaves, then the new one joins.",
            ),
            missing(["\"left\":\"Ada L.\""]).says(
                "A client that takes a different name never leaves the old one: the others see the old name forever.",
            ),
            too_little().and(only(["\"left\""])).says(
                "A client that leaves is taken out of the room, and the others aren't told.",
            ),
            missing(["✗ The name ada is taken."]).says(
                "A client gets a name that another client has.",
            ),
            yours(["✗ The name ada is taken."]).says(
                "The name was looked for among all clients, the one that asks included: no client may say its own name \
                 again.",
            ),
            too_much().and(yours(["\"joined\""])).says(
                "A client says its own name again, and everyone is told. Nothing has changed, so there is nothing to \
                 tell.",
            ),
            yours(["\"left\":\"Ada L.\""]).says(
                "The name that has left should be the old one, not the new one. `replace` returns the old one.",
            ),
            too_little().and(missing(["\"joined\""])).says(
                "A name alone has no effect. With or without a message, the name belongs to the client from then on.",
            ),
            too_little().and(only(["ada   ← {\"id\""])).says(
                "The client that speaks doesn't get its own message. That is how its page learns that the message \
                 has arrived.",
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
            scene.people();
            scene.text
        },
    }
}

#[test]
fn a_rejected_message_changes_nothing() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A rejected message changes nothing: the name isn't taken, the history doesn't have it, and the others \
               aren't told.",
        signs: [
            yours(["messages kept: 1"]).says(
                "A message is kept before its name is taken. It was rejected, and still every newcomer reads it.",
            ),
            yours(["here are [\"ada\", \"bob\"]"]).says(
                "The name is taken before the message is checked.",
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
        rule: "A newcomer gets the messages that it hasn't seen, then who is here, then everything as it happens, its \
               own messages included.",
        signs: [
            yours(["\"id\":1,\"username\":\"ada\",\"message\":\"two\""]).says(
                "Messages are delivered and not kept: the history stays empty, and all messages have the same id.",
            ),
            too_much().and(only(["bob   ← {\"id\""])).says(
                "All of the history is sent, whatever the client has seen. This client asked for what came after \
                 message 2.",
            ),
            swapped().says(
                "Who is here is told ahead of the history. The page takes everything after the list for live.",
            ),
            too_little().and(only(["bob   ← {\"id\""])).says(
                "A newcomer gets no history. If the page has to fetch it elsewhere, what is said meanwhile is lost or \
                 comes twice.",
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
        rule: "Each client has a bucket of its own, which is asked before the room's. A client that is too fast gets a \
               sentence, and stays.",
        signs: [
            yours(["\"id\":1,\"username\":\"ada\",\"message\":\"hi\""]).says(
                "The client's bucket isn't asked.",
            ),
            yours(["ada   ← {\"joined\""]).says(
                "A name alone takes no token. Whatever a client says must take one.",
            ),
            yours(["✗ The chat is busy"]).says(
                "The room's bucket is asked first. A client that is too fast would empty it for everyone.",
            ),
            yours(["✗ A message must be like"]).says(
                "Nonsense takes no token. Ask the bucket before anything else, or a client can send nonsense without \
                 end.",
            ),
            missing(["\"joined\":\"eve\""]).says(
                "All clients share one bucket: the flood of one keeps the others silent.",
            ),
        ],
        shows: || {
            let mut scene = Scene::new();
            scene.hub = Hub::new(3, 0, Pace { messages: 0, ..UNLIMITED });
            scene.joins("ada");
            for json in [ADA, &ada_says("hi"), "even nonsense costs a token"] {
                scene.says("ada", json);
            }
            scene.note("the room has no token either");
            scene.hub = Hub::new(3, 0, Pace { messages: 0, deliveries: 0 });
            scene.joins("ada");
            scene.says("ada", ADA);
            scene.note("a different room");
            // A bucket with so few tokens that none comes back within this check.
            scene.hub = Hub::new(100, 0, Pace { messages: 1, ..UNLIMITED });
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
               rejected with a sentence. The others are still told that a client has left, and the room pays for that.",
        signs: [
            yours(["\"message\":\"hi\""]).says(
                "The room's bucket isn't asked.",
            ),
            yours(["✗ A message must be like"]).says(
                "Nonsense takes no token from the room's bucket.",
            ),
            missing(["\"left\":\"ada\""]).says(
                "A busy room isn't told that someone has left. That can't be rejected: the room pays for it \
                 afterwards.",
            ),
        ],
        shows: || {
            let mut scene = Scene::new();
            // Two tokens, and one more each second: too few to pay for anything within this check.
            scene.hub = Hub::new(3, 0, Pace { deliveries: 1, ..UNLIMITED });
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
        rule: "If a client's outbox has no space for the next frame, a Close with 1013 (try again later) takes the \
               place of all that waits. The others get everything, and then that the client left.",
        signs: [
            yours(["sloth ← Close"]).but_not(yours(["Close 1013"])).says(
                "The Close has the wrong code: 1013 says that the client may try again later.",
            ),
            yours(["sloth ← {\"people\""]).and(missing(["ada   ← {\"left\":\"sloth\"}"])).says(
                "The frame is left out for a client that has no space for it, and the connection goes on: the client \
                 never knows that something is missing.",
            ),
            yours(["sloth ← {\"people\""]).but_not(missing(["sloth ← Close"])).says(
                "The Close waits after all that the client doesn't read. It should take the place of all that.",
            ),
            missing(["sloth ← Close 1013"]).says(
                "A client without space is taken off the list and isn't told. Its TCP stays open, and silent.",
            ),
            yours(["here are [\"ada\", \"sloth\"]"]).says(
                "A client that was cut off is still on the list of people.",
            ),
            too_little().and(only(["\"left\""])).says(
                "The others aren't told that it left: `push_to_all` must return the names of the clients that it cuts \
                 off.",
            ),
            only(["snail"]).says(
                "A client without a name isn't cut off. It makes no difference whether a client has a name.",
            ),
            missing(["bob   ← {\"id\""]).says(
                "The walk over the clients ends at the first one that has no space. The clients after it miss the \
                 message.",
            ),
        ],
        shows: || {
            let mut scene = Scene::new();
            scene.joins("ada");
            // It has room for the people, for the answer to its name, and for one more frame.
            scene.sleeps("sloth", 331);
            scene.joins("bob");
            scene.says("sloth", r#"{"username":"sloth"}"#);
            scene.says("ada", &ada_says("are you awake?"));
            scene.says("sloth", r#"{"username":"sloth","message":"what?"}"#);
            scene.people();
            scene.wakes("sloth");
            // It has said nothing, so it has no name. It has room for the history and for the people.
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
        rule: "After the message that a client had no space for, the others are told that it left. That may cut off \
               the next client. A change of name is told as left, then joined.",
        signs: [
            missing(["\"left\":\"snake\""]).or(swapped()).says(
                "The old name and the new one are told in two pieces. If the first piece cuts the client off, its new \
                 name joins after the client has left, and never leaves again.",
            ),
            too_little().and(only(["\"left\""])).says(
                "When the news that a client left cuts off another client, the others aren't told of the second.",
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
            // It has no room for the news of its own new name.
            scene.says("slug", r#"{"username":"snake"}"#);
            scene.people();
            scene.text
        },
    }
}

#[test]
fn a_client_leaves_only_once() {
    check! {
        rfc: "the workshop's own rule",
        rule: "The others are told once that a client left, however often the server notices it, and only if it had a \
               name.",
        signs: [
            too_much().and(yours(["\"left\""])).says(
                "The others are told more than once that a client left, or they are told of a client without a name.",
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
        rule: "A tab may know that its connection is lost before the server does. When the tab connects again, its \
               earlier connection ends, and its name is free.",
        signs: [
            missing(["Close 1000"]).and(yours(["✗ The name bob is taken"])).says(
                "The tab's earlier connection isn't ended, so its name is taken: by itself. `join` must end it, and \
                 add the newcomer with its tab.",
            ),
            yours(["bob   ← Close 1000"]).and(missing(["bob   ← {\"people\":[]}"])).says(
                "The newcomer was added first, and then taken for the tab's earlier connection: it ended itself. End \
                 the earlier connection first.",
            ),
            yours(["bob   ← {\"people\":[\"bob\"]}"]).says(
                "The tab's earlier connection is ended too late: its name is still among the people.",
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
        rule: "When the server stops, everyone gets a Close with 1001 (going away), after what already waits. A client \
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
        rule: "There is no gap between the history and the live messages: a client that joins while others speak gets \
               each message once, and in order.",
        signs: [
            yours([" 0 doubled"]).says(
                "A message that is said after the history is queued, and before the client is on the list, is lost.",
            ),
            yours(["0 lost"]).says(
                "A message that is said after the client is on the list, and before the history is queued, comes \
                 twice.",
            ),
        ],
        shows: || {
            let hub = Hub::new(u64::MAX, 0, UNLIMITED);
            let speaking = AtomicBool::new(true);
            let wrong = thread::scope(|scope| {
                let joining = [(); 2].map(|()| scope.spawn(|| wrong_join(&hub, &speaking)));
                let speakers = ["ada", "bob"].map(|name| scope.spawn(|| speak(&hub, name, 600)));
                let spoke = speakers.map(|speaker| speaker.join().is_ok());
                speaking.store(false, Ordering::Relaxed);
                assert_eq!(spoke, [true, true], "both speakers end well");
                joining.map(|it| it.join().expect("clients join"))
            });
            let wrong = wrong.into_iter().flatten().next();
            wrong.unwrap_or("each client got each message once, and in order".to_string())
        },
    }
}

/// Joins, and says something this often.
fn speak(hub: &Hub, name: &str, messages: usize) {
    let outbox = Arc::new(Outbox::new(ROOM_ENOUGH));
    let id = hub.join(Visitor::default(), &outbox);
    for _ in 0..messages {
        let said = hub.say(id, &format!(r#"{{"username":"{name}","message":"m"}}"#));
        assert_eq!(said, Ok(()), "no limit is reached");
    }
}

/// Joins and leaves while others speak, and says what was wrong with the messages of one visit, if anything was.
fn wrong_join(hub: &Hub, speaking: &AtomicBool) -> Option<String> {
    let mut after = 0;
    while speaking.load(Ordering::Relaxed) {
        let outbox = Arc::new(Outbox::new(ROOM_ENOUGH));
        let id = hub.join(Visitor { after, tab: None }, &outbox);
        let mut ids = Vec::new();
        // It stays until it has heard live messages, so that a gap before them shows.
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
        // The next visit asks for the latest message again, so that it gets some history.
        after = last.saturating_sub(1);
    }
    None
}
