//! Step 11b, `events`: first the whole without a socket, where a check says what every transport brings and when it
//! dies; then on real sockets.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use chat::client::{ClientId, Limits, Room};
use chat::outbox::{Bytes, Outbox};
use chat::server::Server;
use connection::Event;
use echo::Patience;
use events::events::Busy;
use events::guests::{Cursor, GuestId};
use events::{Events, Guests, Settings};
use serde_json::{Value, json};
use support::check;
use support::frame::{CLOSE, PONG, TEXT, masked};
use support::http::{Client, Response, exchange};
use support::machine::stretched;
use support::sign::{missing, never_finished, swapped, too_little, too_much, under, yours};
use support::wire::Transcript;

/// How long one read or write of a check may take.
const DEADLINE: Duration = Duration::from_secs(3);
/// Nobody waits for as long as this.
const FOR_EVER: Duration = Duration::from_secs(600);
/// As short as a deadline can be without being over at once.
const SHORT: Duration = Duration::from_millis(20);

/// More than any check puts into an outbox.
const ROOM_ENOUGH: usize = 64 << 20;

/// The number of the first session of every check.
const FIRST: GuestId = 41;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// Guests, without a socket: what is in the outboxes says it all.

/// Takes the frames out of a server's bytes. What is not whole yet stays.
fn frames_of(bytes: &mut Vec<u8>) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    loop {
        let (from, length) = match bytes[..] {
            [_, length @ 0..126, ..] => (2, u64::from(length)),
            [_, 126, a, b, ..] => (4, u64::from(u16::from_be_bytes([a, b]))),
            [_, 127, a, b, c, d, e, f, g, h, ..] => {
                (10, u64::from_be_bytes([a, b, c, d, e, f, g, h]))
            }
            _ => return frames,
        };
        let end = from + length as usize;
        if bytes.len() < end {
            return frames;
        }
        frames.push((bytes[0], bytes[from..end].to_vec()));
        bytes.drain(..end);
    }
}

/// What a frame of a server says.
fn meaning((first, payload): &(u8, Vec<u8>)) -> String {
    let words = |payload: &[u8]| String::from_utf8_lossy(payload).into_owned();
    match (*first, &payload[..]) {
        (TEXT, text) if text.len() > 150 => format!("{}…", words(&text[..50])),
        (TEXT, text) => words(text),
        (CLOSE, [high, low, reason @ ..]) => {
            let code = u16::from_be_bytes([*high, *low]);
            format!("Close {code} {}", words(reason))
        }
        (first, payload) => format!("{first:02x} {payload:02x?}"),
    }
}

/// Everything that is in an outbox.
fn drain(outbox: &Outbox) -> Vec<u8> {
    // Taking from an empty outbox would wait. So a piece of our own says where to stop.
    let mark: Bytes = [PONG, 10].iter().chain(b"the check's").copied().collect();
    let mut bytes = Vec::new();
    while outbox.push(Arc::clone(&mark)).is_err() {
        bytes.extend(outbox.take().unwrap_or_default());
    }
    while !bytes.ends_with(&mark) {
        match outbox.take() {
            Some(more) => bytes.extend(more),
            None => break,
        }
    }
    bytes
        .strip_suffix(&*mark)
        .map(<[u8]>::to_vec)
        .unwrap_or(bytes)
}

/// Answers nobody later than at once.
fn quick() -> Settings {
    Settings {
        hold: Duration::ZERO,
        last_session: FIRST - 1,
        ..Settings::default()
    }
}

/// A server that writes down what its handlers hear. `say` is told to everybody, and its reply is a count.
fn noting(settings: Settings, notes: &Arc<Mutex<Vec<String>>>) -> Events {
    let note = |what: &'static str| {
        let notes = Arc::clone(notes);
        move |who: GuestId, data: &Value| {
            let data = match data {
                Value::Null => String::new(),
                data => format!(" {data}"),
            };
            lock(&notes).push(format!("  {what} by {who}{data}"));
        }
    };
    let (open, say, quit, close) = (note("open"), note("say"), note("quit"), note("close"));
    let mut count = 0;
    Events::new(settings)
        .on("open", move |guests, who, data| {
            open(who, data);
            guests.join(who, "all");
            Value::Null
        })
        .on("say", move |guests, who, data| {
            say(who, data);
            guests.emit_to("all", "said", data);
            count += 1;
            json!(count)
        })
        .on("quit", move |guests, who, data| {
            quit(who, data);
            guests.end(who, "you wanted it");
            json!("goodbye")
        })
        .on("fail", |_, _, _| panic!("a handler of the check fails"))
        .on("close", move |guests, who, data| {
            close(who, data);
            guests.emit(who, "said", &json!("to one who is not there any more"));
            guests.emit_to("all", "left", &json!(who));
            Value::Null
        })
}

struct Seat {
    label: &'static str,
    socket: ClientId,
    outbox: Arc<Outbox>,
    /// Whether somebody looks into its outbox after each thing that happens.
    reads: bool,
}

/// A server, a few WebSockets, and what each of them gets.
struct Scene {
    events: Events,
    notes: Arc<Mutex<Vec<String>>>,
    seats: Vec<Seat>,
    text: String,
}

fn cursor(of: GuestId, after: u64) -> Cursor {
    Cursor { of, after }
}

const NEW: Cursor = Cursor { of: 0, after: 0 };

impl Scene {
    fn new() -> Self {
        Self::with(quick())
    }

    fn with(settings: Settings) -> Self {
        let notes = Arc::default();
        Self {
            events: noting(settings, &notes),
            notes,
            seats: Vec::new(),
            text: String::new(),
        }
    }

    fn note(&mut self, what: &str) {
        _ = writeln!(self.text, "{what}");
    }

    /// A WebSocket is opened. `label` is what the transcript calls it.
    fn opens(&mut self, label: &'static str, word: &str, cursor: Cursor) {
        self.seat(label, word, cursor, ROOM_ENOUGH, true);
    }

    fn seat(&mut self, label: &'static str, word: &str, cursor: Cursor, most: usize, reads: bool) {
        let of = known(cursor);
        let still = if reads { "" } else { ", and doesn't read" };
        self.note(&format!("{label} opens, session {word}{of}{still}"));
        let outbox = Arc::new(Outbox::new(most));
        match self.events.join(word, cursor, &outbox) {
            Ok(socket) => self.seats.push(Seat {
                label,
                socket,
                outbox,
                reads,
            }),
            Err(Busy) => self.note("  ✗ busy"),
        }
        self.look();
    }

    fn socket(&self, label: &str) -> ClientId {
        let mut seats = self.seats.iter().rev();
        let seat = seats.find(|seat| seat.label == label);
        seat.expect("it was opened").socket
    }

    /// A message comes over a WebSocket.
    fn says(&mut self, label: &str, lines: &str) {
        self.note(&format!("{label}: {}", lines.replace('\n', "\n  and ")));
        let message = Event::Text(lines.to_string());
        let answer = self.events.hear(self.socket(label), &message);
        self.look();
        if let Some(answer) = answer {
            self.answer(label, &answer);
        }
    }

    fn answer(&mut self, label: &str, answer: &str) {
        for line in answer.lines() {
            self.note(&format!("  {label} ← {line}"));
        }
    }

    /// The server learns that a WebSocket has ended.
    fn ends(&mut self, label: &str) {
        self.note(&format!("{label} has ended"));
        self.events.leave(self.socket(label));
        self.look();
    }

    fn polls(&mut self, word: &str, cursor: Cursor) {
        self.note(&format!("GET, session {word}{}", known(cursor)));
        let answer = self.events.poll(word, cursor);
        self.look();
        match answer {
            Ok(lines) => self.answer("GET", &lines),
            Err(Busy) => self.note("  ✗ busy"),
        }
    }

    fn posts(&mut self, word: &str, of: GuestId, lines: &str) {
        let shown = lines.replace('\n', "\n  and ");
        self.note(&format!("POST, session {word} of {of}: {shown}"));
        let answer = self.events.post(word, of, lines);
        self.look();
        self.answer("POST", &answer);
    }

    fn does(&mut self, what: &str, act: impl FnOnce(&mut Guests)) {
        self.note(what);
        self.events.with(act);
        self.look();
    }

    fn later(&mut self, seconds: u64) {
        self.note(&format!("{seconds} s later"));
        let now = Instant::now() + Duration::from_secs(seconds);
        self.events.keep_time(now);
        self.look();
    }

    /// Writes down what the handlers heard, and what everybody got.
    fn look(&mut self) {
        for note in lock(&self.notes).drain(..) {
            _ = writeln!(self.text, "{note}");
        }
        for seat in self.seats.iter().filter(|seat| seat.reads) {
            for frame in frames_of(&mut drain(&seat.outbox)) {
                _ = writeln!(self.text, "  {} ← {}", seat.label, meaning(&frame));
            }
        }
    }

    /// One that didn't read before does so now.
    fn reads(&mut self, label: &str) {
        self.note(&format!("{label} reads, at last"));
        for seat in &mut self.seats {
            seat.reads |= seat.label == label;
        }
        self.look();
    }
}

fn known(Cursor { of, after }: Cursor) -> String {
    match of {
        0 => String::new(),
        of => format!(" of {of} after {after}"),
    }
}

fn say(n: u64, text: &str) -> String {
    format!(r#"{{"n":{n},"event":"say","data":"{text}"}}"#)
}

fn ask(n: u64, text: &str) -> String {
    format!(r#"{{"n":{n},"event":"say","data":"{text}","ask":true}}"#)
}

#[test]
fn an_event_reaches_its_handler_and_a_room() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Each event goes to the handler of its name, with the number of its guest, and is confirmed. Every \
               guest in a room gets what is told there, each with its own numbers.",
        signs: [
            yours(["← Close 1000 another transport"]).says(
                "The new transport was ended in place of the old one: the link had been changed before.",
            ),
            missing(["← {\"hello\""]).says(
                "`hello` never came. It was left out, or pushed before the transport was attached.",
            ),
            yours(["\"reply\":"]).says(
                "A reply went out that nobody had asked for: only a line with `ask` gets one.",
            ),
            missing(["ada ← {\"n\":1,"]).says(
                "What is sent is kept, but not pushed: it waits for the next transport.",
            ),
            missing(["say by 41 \"hi\""]).says("The handler wasn't called for a new event."),
        ],
        shows: || {
            let mut scene = Scene::new();
            scene.opens("ada", "a1", NEW);
            scene.opens("bob", "b1", NEW);
            scene.says("ada", &say(1, "hi"));
            scene.says("bob", &format!("{}\n{}", say(1, "hello"), say(2, "ada")));
            scene.says("bob", r#"{"got":3}"#);
            scene.does("bob leaves the room", |guests| guests.leave(42, "all"));
            scene.says("ada", &say(2, "are you there?"));
            scene.does("all are told, whatever room they are in", |guests| {
                guests.emit_to_all("news", &json!([1, 2]));
            });
            scene.does("nobody is told", |guests| {
                guests.emit(99, "said", &json!("?"));
                guests.emit_to("an empty room", "said", &json!("?"));
            });
            scene.text
        },
    }
}

#[test]
fn an_event_that_comes_twice_is_handled_once() {
    check! {
        rfc: "the workshop's own rule",
        rule: "An event whose number has come before is dropped without a word: no handler, no reply, no error. \
               It is confirmed again, because the first `got` may have been lost.",
        signs: [
            yours(["  say by 41 \"one\""]).says(
                "The handler was called before the number was looked at: a retry counts twice.",
            ),
            yours(["← {\"error\":"]).says(
                "A number that has come before was taken for an error. It is normal: the first `got` may have been \
                 lost.",
            ),
            yours(["\"reply\":3"]).says(
                "An event that came twice got two replies. The first one is kept until it is confirmed.",
            ),
            missing(["← {\"error\":"]).says(
                "The error of an event without `ask` was kept quiet. `take` returns it, and it is sent as `error`.",
            ),
            missing(["\"reply\":3"]).says("A line with `ask` got no reply."),
            missing(["ada ← {\"got\":"]).says("An event that came twice wasn't confirmed again."),
        ],
        shows: || {
            let mut scene = Scene::new();
            scene.opens("ada", "a1", NEW);
            scene.says("ada", &say(1, "one"));
            scene.says("ada", &say(1, "one"));
            scene.says("ada", &format!("{}\n{}\n{}", say(1, "one"), say(2, "two"), say(2, "two")));
            scene.says("ada", &ask(3, "three"));
            scene.says("ada", &ask(3, "three"));
            let fail = r#"{"n":4,"event":"fail"}"#;
            scene.says("ada", fail);
            scene.says("ada", fail);
            scene.text
        },
    }
}

#[test]
fn a_session_opens_once_and_closes_once() {
    check! {
        rfc: "the workshop's own rule",
        rule: "`open` is handled when a session begins, `close` when it is over; not when a transport comes \
               or goes. A session is over when its guest says so, or was away for too long.",
        signs: [
            under("59 s later", yours(["close by 41"])).says(
                "The session ended with its WebSocket: each reconnect is a new guest, which has missed something.",
            ),
            never_finished().says(
                "A GET got no answer: its hold has no end. `hold` says how long it may take.",
            ),
            too_little().and(missing(["ada, again ← {\"hello\":41"])).but_not(missing(["ada ← {\"hello\":"])).says(
                "A page that came back to its session got no `hello`. Every new WebSocket begins with one: it \
                 also says how far the page's own events have come.",
            ),
            missing(["close by 42"]).says("A session never ends, however long its guest is away."),
            missing(["close by 41"]).says("A session didn't end with `bye`."),
        ],
        shows: || {
            let mut scene = Scene::new();
            scene.opens("ada", "a1", NEW);
            scene.opens("bob", "b1", NEW);
            scene.says("ada", r#"{"got":0}"#);
            scene.says("bob", r#"{"got":0}"#);
            scene.ends("ada");
            scene.later(59);
            scene.polls("a1", cursor(41, 0));
            scene.opens("ada, again", "a1", cursor(41, 0));
            scene.says("ada, again", r#"{"bye":true}"#);
            scene.says("ada, again", &say(1, "too late"));
            scene.ends("ada, again");
            scene.ends("bob");
            scene.later(61);
            scene.later(62);
            scene.posts("b1", 42, &say(1, "too late"));
            let count = scene.events.with(|guests| guests.count());
            scene.note(&format!("sessions: {count}"));
            scene.text
        },
    }
}

#[test]
fn the_answer_to_a_request_may_be_lost() {
    check! {
        rfc: "the workshop's own rule",
        rule: "What was in an answer is kept until the next request confirms it.",
        signs: [
            missing(["GET ← {\"n\":3"]).says(
                "What was sent while there was no transport is lost. It has to be kept for the next one.",
            ),
            missing(["GET ← {\"n\":1"]).and(too_little()).says(
                "What was put into an answer counted as received. The answer may be lost; only the next cursor \
                 confirms it.",
            ),
            yours(["GET ← {\"n\":1"]).says(
                "The cursor of a request confirms nothing: a page that polls gets everything again and again.",
            ),
        ],
        shows: || {
            let mut scene = Scene::new();
            scene.polls("a1", NEW);
            scene.note("  (the answer is lost)");
            scene.polls("a1", NEW);
            scene.does("told: one, two", |guests| {
                guests.emit(FIRST, "said", &json!("one"));
                guests.emit(FIRST, "said", &json!("two"));
            });
            scene.polls("a1", cursor(41, 0));
            scene.note("  (the answer is lost)");
            scene.does("told: three", |guests| guests.emit(FIRST, "said", &json!("three")));
            scene.polls("a1", cursor(41, 0));
            scene.polls("a1", cursor(41, 3));
            scene.text
        },
    }
}

#[test]
fn a_new_transport_begins_with_what_is_not_confirmed() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A new WebSocket begins with `hello`, then everything that has not been confirmed, in order, then \
               the latest values. Being sent confirms nothing: the next one begins with the same.",
        signs: [
            missing(["ada ← Close 1000"]).says("Nothing ended the old transport when the new one took over."),
            swapped().and(missing(["hello"])).says(
                "`hello` came after other lines. The page needs it first: what follows is of the session that it \
                 names.",
            ),
            swapped().and(under("ada, again", missing(["← {\"now\""]))).says(
                "The latest values came before what has not been confirmed. They go last.",
            ),
            swapped().says("What has not been confirmed is replayed in another order. The page sees a gap."),
            under("ada, again", missing(["← {\"n\":1"])).says(
                "The new transport begins without what has not been confirmed: what the old one lost is lost.",
            ),
            under("ada, again", missing(["← {\"now\""])).says(
                "The new transport begins without the latest values. They wait for a `seen` that will never come.",
            ),
            under("ada, once more", missing(["← {\"n\":1"])).says(
                "What was replayed counted as received, and was forgotten. Only `got` or a cursor confirms it.",
            ),
            under("ada, at last", missing(["← {\"n\":2"])).says(
                "The replay left out a line that has not been confirmed. What the cursor confirms is not kept any \
                 longer, so there is nothing to skip.",
            ),
            under("ada, at last", yours(["← {\"n\":1"])).says(
                "The cursor confirms nothing, or too late: `after=1` says that number 1 has come. `attach` confirms it, and \
                 then what is kept is collected.",
            ),
        ],
        shows: || {
            let mut scene = Scene::new();
            scene.opens("ada", "a1", NEW);
            scene.does("told: one, two", |guests| {
                guests.emit(FIRST, "said", &json!("one"));
                guests.emit(FIRST, "said", &json!("two"));
            });
            scene.does("the price is 5", |guests| guests.offer_to("all", "price", &json!(5)));
            scene.note("  (all of this is lost)");
            scene.opens("ada, again", "a1", cursor(41, 0));
            scene.note("  (and this, too)");
            scene.opens("ada, once more", "a1", cursor(41, 0));
            scene.opens("ada, at last", "a1", cursor(41, 1));
            scene.text
        },
    }
}

#[test]
fn a_new_transport_takes_over() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A new transport takes over with all that has not been confirmed. From then on the one before gets \
               nothing but its Close; that it ends later means nothing.",
        signs: [
            missing(["ada, again ← {\"n\":5"]).says(
                "The end of the old WebSocket, which is noticed late, took the new one away from the guest.",
            ),
        ],
        shows: || {
            let mut scene = Scene::new();
            scene.opens("ada", "a1", NEW);
            scene.says("ada", &format!("{}\n{}\n{}", say(1, "one"), say(2, "two"), say(3, "three")));
            scene.opens("ada, again", "a1", cursor(41, 2));
            scene.says("ada, again", &say(4, "four"));
            scene.ends("ada");
            scene.says("ada, again", &say(5, "five"));
            scene.polls("a1", cursor(41, 4));
            scene.posts("a1", 41, &say(6, "six"));
            scene.polls("a1", cursor(41, 5));
            scene.opens("ada, once more", "a1", cursor(41, 5));
            scene.text
        },
    }
}

#[test]
fn a_number_counts_once_by_any_transport() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A number counts once, by whichever transport it comes: a request that is sent again, or an old \
               WebSocket from which the rest is read late.",
        signs: [],
        shows: || {
            let mut scene = Scene::new();
            scene.polls("a1", NEW);
            let both = format!("{}\n{}", say(1, "one"), ask(2, "two"));
            scene.posts("a1", 41, &both);
            scene.note("  (the answer is lost)");
            scene.posts("a1", 41, &both);
            scene.opens("ada", "a1", cursor(41, 3));
            scene.says("ada", &say(3, "three"));
            scene.note("  (the answer is lost, and four and five are on their way)");
            scene.opens("ada, again", "a1", cursor(41, 3));
            scene.says("ada", &say(4, "four"));
            scene.says("ada, again", &format!("{}\n{}", say(4, "four"), say(5, "five")));
            scene.says("ada", &say(5, "five"));
            scene.posts("a1", 41, &say(5, "five"));
            scene.text
        },
    }
}

#[test]
fn a_missing_number_ends_the_session() {
    check! {
        rfc: "the workshop's own rule",
        rule: "If a number before this one has not come, the session is over, and both sides are told why. What \
               comes after it is not taken, and the next session begins at 1.",
        signs: [
            missing(["← {\"error\":\"Number 3"]).says(
                "The gap was kept quiet. It is an error like any other: `take` returns its sentence.",
            ),
            missing(["close by 41"]).says(
                "The session goes on, but everything after the gap is refused, forever.",
            ),
        ],
        shows: || {
            let mut scene = Scene::new();
            scene.opens("ada", "a1", NEW);
            scene.says("ada", &say(1, "one"));
            scene.says("ada", &format!("{}\n{}\n{}", say(3, "three"), say(2, "two"), say(3, "three")));
            scene.opens("ada, again", "a1", cursor(41, 1));
            scene.says("ada, again", &say(1, "one"));
            scene.polls("b1", NEW);
            scene.posts("b1", 43, &ask(2, "where is one?"));
            scene.polls("b1", cursor(43, 0));
            scene.text
        },
    }
}

#[test]
fn a_page_that_asks_gets_one_reply() {
    check! {
        rfc: "the workshop's own rule",
        rule: "What the handler returns is the reply, with a number like an event's, so that it isn't lost either. A \
               page that asks in vain gets a reply, too, which says why. What comes for the second time is not \
               handled again, and gets no second reply.",
        signs: [
            too_much().and(yours(["ada ← {\"error\":"])).says(
                "The error came twice: as the reply, and once more as an error. A page that asked gets it as its \
                 reply alone.",
            ),
            yours(["ada ← {\"error\":"]).says(
                "An error was returned, and is no reply. A page that asked waits for its reply forever.",
            ),
            yours(["\"n\":1,\"reply\":1"]).says(
                "The reply has the number of the event. It has one of the server's own.",
            ),
            missing(["\"reply\":1,\"data\":1"]).says("A line with `ask` got no reply."),
        ],
        shows: || {
            let mut scene = Scene::new();
            scene.opens("ada", "a1", NEW);
            scene.says("ada", &ask(1, "hi"));
            scene.says("ada", &say(2, "no question"));
            scene.says("ada", &format!("{}\n{}", ask(1, "hi"), ask(3, "again")));
            for (n, event) in [(4, "vote"), (5, "fail"), (6, "open")] {
                scene.says("ada", &format!(r#"{{"n":{n},"event":"{event}","ask":true}}"#));
            }
            scene.note("the transport dies, and with it whatever came");
            scene.opens("ada, again", "a1", cursor(41, 1));
            scene.text
        },
    }
}

#[test]
fn a_lost_hello_is_sent_again() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A page that doesn't know its number yet has lost the `hello`: the session goes on from its beginning.",
        signs: [],
        shows: || {
            let mut scene = Scene::new();
            scene.opens("ada", "a1", NEW);
            scene.note("  (all of this is lost)");
            scene.does("told: one", |guests| guests.emit(FIRST, "said", &json!("one")));
            scene.ends("ada");
            scene.opens("ada, again", "a1", NEW);
            scene.polls("a1", NEW);
            scene.polls("a1", cursor(41, 1));
            scene.text
        },
    }
}

#[test]
fn a_copied_token_is_refused() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A client that comes with the word of a session in use, and doesn't know its number, is sent away; the \
               session notices nothing.",
        signs: [
            yours(["POST ← {\"got\":"]).says(
                "The given src/events.rs was changed: a request is taken, whichever session it was sent in.",
            ),
        ],
        shows: || {
            let mut scene = Scene::new();
            scene.opens("ada", "a1", NEW);
            scene.says("ada", &say(1, "hi"));
            scene.opens("a copy of ada's tab", "a1", NEW);
            scene.polls("a1", NEW);
            scene.polls("a1", cursor(40, 7));
            scene.posts("a1", 0, &say(1, "me too"));
            scene.says("ada", &say(2, "still here"));
            scene.text
        },
    }
}

#[test]
fn after_a_restart_a_session_has_a_new_number() {
    check! {
        rfc: "the workshop's own rule",
        rule: "After a restart a word gets a session with another number. What the page has got of the one \
               before says nothing about this one, and what was sent in that is not taken.",
        signs: [
            missing(["GET ← {\"n\":1"]).says(
                "The cursor was believed, whichever session it is of: the first events of this one counted as \
                 confirmed, and are lost.",
            ),
        ],
        shows: || {
            let mut scene = Scene::new();
            scene.opens("ada", "a1", NEW);
            scene.says("ada", &say(1, "one"));
            scene.note("the server is started anew");
            scene = Scene {
                text: scene.text,
                ..Scene::with(Settings { last_session: 90, ..quick() })
            };
            scene.posts("a1", 41, &say(1, "one"));
            scene.does("nobody is here, and nobody is told", |guests| {
                guests.emit_to("all", "said", &json!("early"));
            });
            scene.opens("ada, again", "a1", cursor(41, 7));
            scene.does("told: one, two", |guests| {
                guests.emit(91, "said", &json!("one"));
                guests.emit(91, "said", &json!("two"));
            });
            scene.note("  (all of this is lost)");
            scene.posts("a1", 41, &say(2, "two"));
            scene.polls("a1", cursor(41, 7));
            scene.polls("a1", cursor(91, 1));
            scene.text
        },
    }
}

#[test]
fn a_page_that_confirms_nothing_loses_its_session() {
    check! {
        rfc: "the workshop's own rule",
        rule: "When more would have to be kept than may be, the session is over: `over` says so where it can, \
               and another number where it can't. Nothing is left out in silence.",
        signs: [
            yours(["Close 1013"]).says(
                "Only the transport ended. What could not be kept is lost, so the session has to end.",
            ),
            missing(["close by 41"]).says(
                "What doesn't fit was dropped, and the session goes on with a hole in it.",
            ),
        ],
        shows: || {
            // Room for three lines.
            let mut scene = Scene::with(Settings { max_kept: 105, ..quick() });
            let tell = |guests: &mut Guests| guests.emit_to("all", "said", &Value::Null);
            scene.opens("ada", "a1", NEW);
            scene.opens("bob", "b1", NEW);
            for n in 1..=3 {
                scene.does("told", tell);
                scene.says("bob", &format!(r#"{{"got":{n}}}"#));
            }
            scene.does("told", tell);
            scene.says("ada", &say(1, "hello?"));
            scene.opens("ada, again", "a1", cursor(41, 3));
            scene.note("both are away");
            scene.ends("ada, again");
            scene.ends("bob");
            for _ in 0..4 {
                scene.does("told", tell);
            }
            scene.polls("b1", cursor(42, 4));
            scene.polls("a1", cursor(43, 3));
            scene.text
        },
    }
}

#[test]
fn a_slow_reader_loses_its_transport_not_its_session() {
    check! {
        rfc: "RFC 6455 §7.4.1",
        rule: "A client whose outbox is full gets a Close with 1013 (try again later). What it has missed is kept, and \
               comes with its next transport.",
        signs: [],
        shows: || {
            let mut scene = Scene::new();
            // Room for the hello, and for two long lines.
            scene.seat("sloth", "s1", NEW, 710, false);
            for count in 1..=4 {
                let what = format!("told: {count}");
                let long = "x".repeat(200);
                scene.does(&what, |guests| guests.emit_to("all", "said", &json!(long)));
            }
            scene.reads("sloth");
            scene.ends("sloth");
            scene.opens("sloth, again", "s1", cursor(41, 0));
            scene.seat("sloth, asleep", "s1", cursor(41, 4), 710, false);
            scene.note("more waits than may wait, and its own thread notices");
            scene.events.too_slow(scene.socket("sloth, asleep"));
            scene.does("told: 5", |guests| guests.emit_to("all", "said", &json!(5)));
            scene.reads("sloth, asleep");
            scene.polls("s1", cursor(41, 4));
            scene.text
        },
    }
}

#[test]
fn a_slow_page_gets_fewer_values() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A page that has used a value gets the newest. Values have no numbers, are not confirmed, and the newest \
               one arrives on any transport.",
        signs: [],
        shows: || {
            let mut scene = Scene::new();
            let price = |now: u64| move |guests: &mut Guests| guests.offer_to("all", "price", &json!(now));
            scene.opens("quick", "q1", NEW);
            scene.opens("slow", "s1", NEW);
            for now in 1..=3 {
                scene.does(&format!("the price is {now}"), price(now));
                scene.says("quick", r#"{"seen":"price"}"#);
            }
            scene.says("slow", r#"{"seen":"price"}"#);
            scene.opens("slow, again", "s1", cursor(42, 0));
            scene.says("slow, again", r#"{"seen":"price"}"#);
            scene.polls("q1", cursor(41, 0));
            scene.does("the price is 4", price(4));
            scene.polls("q1", cursor(41, 0));
            scene.does("the price is 5", price(5));
            scene.polls("q1", cursor(41, 0));
            scene.posts("q1", 41, r#"{"seen":"price"}"#);
            scene.polls("q1", cursor(41, 0));
            scene.text
        },
    }
}

#[test]
fn a_late_seen_does_not_count() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A `seen` that comes late, by a transport before, is not said of the value that is on its way now. If \
               that one is lost, it goes again.",
        signs: [],
        shows: || {
            let mut scene = Scene::new();
            let price = |now: u64| move |guests: &mut Guests| guests.offer_to("all", "price", &json!(now));
            scene.opens("ada", "a1", NEW);
            scene.does("the price is 1", price(1));
            scene.does("the price is 2", price(2));
            scene.opens("ada, again", "a1", cursor(41, 0));
            scene.note("  (this is lost)");
            scene.says("ada", r#"{"seen":"price"}"#);
            scene.posts("a1", 41, r#"{"seen":"price"}"#);
            scene.ends("ada, again");
            scene.opens("ada, once more", "a1", cursor(41, 0));
            scene.says("ada, once more", r#"{"seen":"price"}"#);
            scene.opens("ada, at last", "a1", cursor(41, 0));
            scene.text
        },
    }
}

#[test]
fn a_bad_line_gets_an_error() {
    check! {
        rfc: "the workshop's own rule",
        rule: "What can't be done is answered by a sentence, and the rest of the lines is done all the same. \
               `open` and `close` are the server's.",
        signs: [
            missing(["← {\"error\":\"There is no handler"]).says(
                "The error of an event without `ask` was kept quiet. `take` returns it, and it is sent as `error`.",
            ),
            missing(["say by 41 \"five\""]).says(
                "The given src/events.rs was changed: an error ends the reading of what came with it.",
            ),
        ],
        shows: || {
            let mut scene = Scene::new();
            scene.opens("ada", "a1", NEW);
            let event = |n: u64, name: &str| format!(r#"{{"n":{n},"event":"{name}"}}"#);
            scene.says("ada", "hi");
            scene.says("ada", "");
            scene.says("ada", &event(1, "vote"));
            scene.says("ada", &event(2, "open"));
            scene.says("ada", &event(3, "close"));
            scene.says("ada", r#"{"hello":41,"got":0}"#);
            scene.says("ada", r#"{"n":4,"reply":1,"data":0}"#);
            scene.says("ada", &event(4, "vote"));
            scene.says("ada", &format!("what?\n{}\nand this?\n{}", say(5, "five"), say(6, "six")));
            scene.says("ada", &event(7, "fail"));
            scene.says("ada", &format!("{}\n{}", event(7, "fail"), say(8, "I am still here")));
            scene.note("ada: (a binary message)");
            let answer = scene.events.hear(scene.socket("ada"), &Event::Binary(vec![1, 2]));
            scene.answer("ada", &answer.unwrap_or_default());
            let lines = "?\n".repeat(1000);
            let answer = scene.events.post("a1", 41, &lines);
            scene.note("POST: a thousand bad lines");
            scene.answer("POST", &answer);
            scene.text
        },
    }
}

#[test]
fn handlers_may_end_sessions() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A handler may end any session, even that of the guest that it hears. `close` is handled then, once \
               for each.",
        signs: [],
        shows: || {
            let mut scene = Scene::new();
            scene.opens("ada", "a1", NEW);
            scene.opens("bob", "b1", NEW);
            scene.says("ada", r#"{"n":1,"event":"quit","ask":true}"#);
            scene.does("everybody is sent home", |guests| {
                for who in guests.in_room("all") {
                    guests.end(who, "we close");
                    guests.end(who, "we close");
                }
            });
            scene.note("another server, which lets nobody in");
            let refuse = |guests: &mut Guests, who: GuestId, _: &Value| {
                guests.end(who, "only for members");
                Value::Null
            };
            scene = Scene {
                text: scene.text,
                ..Scene::new()
            };
            scene.events = Events::new(quick()).on("open", refuse);
            scene.opens("eve", "e1", NEW);
            scene.says("eve", &say(1, "hello?"));
            scene.polls("e1", NEW);
            let count = scene.events.with(|guests| guests.count());
            scene.note(&format!("sessions: {count}"));
            scene.text
        },
    }
}

#[test]
fn the_rooms_of_a_guest_are_limited() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A guest that is in as many rooms as it may be gets into no other, until it leaves one.",
        signs: [],
        shows: || {
            let mut scene = Scene::with(Settings { max_rooms: 3, ..quick() });
            scene.opens("ada", "a1", NEW);
            for (who, room) in [(41, "b"), (41, "c"), (41, "d"), (41, "b"), (42, "b")] {
                let is_in = scene.events.with(|guests| guests.join(who, room));
                scene.note(&format!("{who} joins {room}: {is_in}"));
            }
            scene.does("41 leaves c", |guests| guests.leave(41, "c"));
            let is_in = scene.events.with(|guests| guests.join(41, "d"));
            scene.note(&format!("41 joins d: {is_in}"));
            scene.does("all rooms are told", |guests| {
                for room in ["all", "b", "c", "d"] {
                    guests.emit_to(room, "said", &json!(room));
                }
            });
            scene.text
        },
    }
}

#[test]
fn the_number_of_sessions_is_limited() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A session counts while its guest is away, too. A guest that has one can always come back to it.",
        signs: [
            under("eve opens", yours(["close by 42"])).says(
                "The given src/guests.rs was changed: room was made at the cost of a session in use.",
            ),
        ],
        shows: || {
            let mut scene = Scene::with(Settings { max_sessions: 2, ..quick() });
            scene.opens("ada", "a1", NEW);
            scene.polls("b1", NEW);
            scene.polls("b1", cursor(42, 0));
            scene.opens("eve", "e1", NEW);
            scene.polls("e1", NEW);
            scene.posts("e1", 0, &say(1, "hello?"));
            scene.polls("b1", cursor(42, 0));
            scene.opens("ada, again", "a1", cursor(41, 0));
            scene.posts("b1", 42, r#"{"bye":true}"#);
            scene.opens("eve", "e1", NEW);
            scene.text
        },
    }
}

#[test]
fn an_unproven_session_ends_first() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Whoever asks once gets a session, and may never come back. Until a client says the session's number, \
               or sends something by a transport of it, the session is kept for 10 s instead of 60; and where \
               there is no room, the one that has been away for longest goes at once. A session in use never does.",
        signs: [],
        shows: || {
            let mut scene = Scene::with(Settings { max_sessions: 5, ..quick() });
            scene.opens("ada, who is connected", "a1", NEW);
            scene.polls("b1", NEW);
            scene.note("bob comes back with the number");
            scene.polls("b1", cursor(42, 0));
            scene.polls("c1", NEW);
            scene.note("cy says something");
            scene.posts("c1", 43, r#"{"seen":"price"}"#);
            scene.polls("d1", NEW);
            scene.polls("e1", NEW);
            scene.note("di asks again, and so has been away for less long than ed");
            scene.polls("d1", NEW);
            for (word, who) in [("f1", 46), ("g1", 47)] {
                scene.polls(word, NEW);
                scene.note("it comes back in time");
                scene.polls(word, cursor(who, 0));
            }
            scene.opens("eve", "h1", NEW);
            scene.ends("ada, who is connected");
            scene.opens("eve", "h1", NEW);
            scene.note("another server, with room enough");
            scene = Scene { text: scene.text, ..Scene::new() };
            scene.polls("a1", NEW);
            scene.polls("b1", NEW);
            scene.polls("b1", cursor(42, 0));
            scene.opens("cy", "c1", NEW);
            scene.later(9);
            scene.later(11);
            scene.later(59);
            scene.later(61);
            scene.text
        },
    }
}

#[test]
fn a_message_sends_each_value_once() {
    check! {
        rfc: "the workshop's own rule",
        rule: "However many lines of a message offer a value, and however many sessions end at once: the room is \
               told once, of the newest value.",
        signs: [
            yours(["\"price\",\"data\":1"]).says(
                "The given src/guests.rs was changed: each line that offers a value is work for everyone in the room, \
                 while all others wait.",
            ),
        ],
        shows: || {
            let mut scene = Scene::new();
            let offer = |guests: &mut Guests, _: GuestId, data: &Value| {
                guests.offer_to("all", "price", data);
                guests.offer_to("nobody's room", "price", data);
                Value::Null
            };
            let count = |guests: &mut Guests, _: GuestId, _: &Value| {
                guests.offer_to("all", "people", &json!(guests.in_room("all").len()));
                Value::Null
            };
            let enter = move |guests: &mut Guests, who: GuestId, data: &Value| {
                guests.join(who, "all");
                count(guests, who, data)
            };
            scene.events = Events::new(quick()).on("open", enter).on("set", offer).on("close", count);
            scene.opens("ada", "a1", NEW);
            for (label, word) in [("bob", "b1"), ("cy", "c1"), ("di", "d1")] {
                scene.opens(label, word, NEW);
            }
            for label in ["ada", "bob"] {
                scene.says(label, r#"{"seen":"people"}"#);
            }
            let set = |n: u64| format!(r#"{{"n":{n},"event":"set","data":{n}}}"#);
            scene.says("bob", &[set(1), set(2), set(3)].join("\n"));
            scene.says("ada", r#"{"seen":"people"}"#);
            for label in ["bob", "cy", "di"] {
                scene.ends(label);
            }
            scene.later(61);
            scene.text
        },
    }
}

#[test]
fn time_ends_sessions_and_sends_pings() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Every WebSocket hears a sign of life now and then. A guest that is away has a minute to come back; one \
               that is not away is never ended.",
        signs: [],
        shows: || {
            let mut scene = Scene::new();
            scene.opens("ada", "a1", NEW);
            scene.polls("b1", NEW);
            scene.polls("b1", cursor(42, 0));
            for seconds in [10, 19, 21, 22, 41, 59, 61, 3600] {
                scene.later(seconds);
            }
            scene.text
        },
    }
}

// A request that is held.

/// Asks for news on a thread of its own. A WebSocket of the same session is there before: when it is
/// told that another transport has taken over, the request has the lock, and gives it up only to wait.
fn hold(events: &Arc<Events>, word: &'static str, at: Cursor) -> mpsc::Receiver<String> {
    let outbox = Arc::new(Outbox::new(ROOM_ENOUGH));
    assert!(events.join(word, at, &outbox).is_ok(), "there is room");
    let (say, said) = mpsc::channel();
    let asking = Arc::clone(events);
    thread::spawn(move || {
        let answer = asking.poll(word, at);
        let answer = answer.unwrap_or_else(|Busy| "✗ busy".to_string());
        _ = say.send(answer);
    });
    let begin = Instant::now();
    while !outbox.is_finished() && begin.elapsed() < stretched(DEADLINE) {
        thread::yield_now();
    }
    said
}

/// Whether a request is answered that has missed an event.
fn with_news(events: &Arc<Events>) -> &'static str {
    events.with(|guests| guests.emit(FIRST, "said", &json!("hi")));
    let (say, said) = mpsc::channel();
    let asking = Arc::clone(events);
    thread::spawn(move || say.send(asking.poll("a1", cursor(FIRST, 0)).is_ok()));
    match said.recv_timeout(stretched(DEADLINE)) {
        Ok(_) => "it is answered",
        Err(_) => "it waits",
    }
}

fn patient() -> Settings {
    Settings {
        hold: FOR_EVER,
        ..quick()
    }
}

#[test]
fn a_request_is_held_until_there_is_news() {
    check! {
        rfc: "RFC 6202 §2.1",
        rule: "Where there is nothing to say, the answer waits for an event, a value, a reply, another \
               transport, the end of the session or that of the server.",
        signs: [
            yours(["and with news, it waits"]).says(
                "The condition is the wrong way round: `wait_timeout_while` waits for as long as it is true.",
            ),
            yours(["not held"]).says(
                "The request isn't held: with or without news, it is answered at once. That is polling.",
            ),
            yours(["it still waits"]).says(
                "A held request isn't woken by this change, or doesn't take it for news.",
            ),
        ],
        shows: || {
            type Wake = fn(&Arc<Events>);
            let wakers: [(&str, Wake); 8] = [
                ("an event is told", |events| {
                    events.with(|guests| guests.emit(FIRST, "said", &json!("hi")));
                }),
                ("somebody else says something", |events| {
                    let outbox = Arc::new(Outbox::new(ROOM_ENOUGH));
                    _ = events.join("b1", NEW, &outbox);
                    events.post("b1", 42, &say(1, "hello"));
                }),
                ("it asks for something itself", |events| {
                    events.post("a1", FIRST, r#"{"n":1,"event":"count","ask":true}"#);
                }),
                ("a value is offered", |events| {
                    events.with(|guests| guests.offer_to("all", "price", &json!(5)));
                }),
                ("a WebSocket takes over", |events| {
                    let outbox = Arc::new(Outbox::new(ROOM_ENOUGH));
                    _ = events.join("a1", cursor(FIRST, 0), &outbox);
                }),
                ("another request takes over", |events| {
                    let events = Arc::clone(events);
                    thread::spawn(move || _ = events.poll("a1", NEW));
                }),
                ("the session ends", |events| {
                    events.with(|guests| guests.end(FIRST, "we close"));
                }),
                ("the server stops", |events| chat::server::App::stop(&**events)),
            ];
            let mut shown = String::new();
            for (what, wake) in wakers {
                let notes = Arc::default();
                let events = noting(patient(), &notes).on("count", |_, _, _| json!(1));
                let events = Arc::new(events);
                let answer = hold(&events, "a1", cursor(FIRST, 0));
                if let Ok(lines) = answer.recv_timeout(SHORT / 2) {
                    return shown + &format!("not held, but answered: {lines}\nand with news, {}\n", with_news(&events));
                }
                wake(&events);
                let after = answer.recv_timeout(stretched(DEADLINE));
                let after = after.unwrap_or("it still waits".to_string());
                let after = after.replace('\n', "\n  ");
                _ = writeln!(shown, "held; {what}\n  {after}");
                if after == "it still waits" {
                    break;
                }
            }
            shown
        },
    }
}

#[test]
fn an_event_answers_every_request_in_its_room() {
    check! {
        rfc: "the workshop's own rule",
        rule: "An event for a room is for everyone in it: each of their requests is answered, and no other.",
        signs: [
            yours(["not all are answered"]).says(
                "`notify_one` wakes one request, which may be none of theirs. The others sleep on.",
            ),
            yours(["1 outside"]).says(
                "A request that is woken takes that for news. It has to look whether there is something for it, and \
                 wait on.",
            ),
        ],
        shows: || {
            let notes = Arc::default();
            let events = Arc::new(noting(patient(), &notes));
            let words = ["a1", "b1", "c1", "d1", "e1", "f1", "g1", "h1", "i1"];
            let hold_one = |(word, who)| hold(&events, word, cursor(who, 0));
            let held: Vec<_> = words.into_iter().zip(FIRST..).map(hold_one).collect();
            events.with(|guests| {
                guests.leave(FIRST, "all");
                guests.emit_to("all", "said", &json!("hi"));
            });
            let (outside, inside) = held.split_first().expect("there are nine");
            let is_told = |answer: &mpsc::Receiver<String>| {
                let answer = answer.recv_timeout(stretched(DEADLINE));
                answer.is_ok_and(|lines| lines.contains("hi"))
            };
            let inside = match inside.iter().all(is_told) {
                true => "all are answered",
                false => "not all are answered",
            };
            let outside = match outside.recv_timeout(SHORT) {
                Ok(lines) => lines,
                Err(_) => "held".to_string(),
            };
            format!("8 in the room: {inside}\n1 outside: {outside}\n")
        },
    }
}

#[test]
fn a_request_with_news_is_answered_at_once() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Look first, then wait. A client that doesn't know its session hears `hello` at once, and the hold has an \
               end.",
        signs: [
            under("an event was missed", yours(["it still waits"])).says(
                "The request waits without having looked: what is there already is found only when something more \
                 comes.",
            ),
            under("a client is new", yours(["it still waits"])).says(
                "A new client waits for news like the others. It has something to hear at once: its `hello`.",
            ),
            under("the server was restarted", yours(["it still waits"])).says(
                "The page knows a session, but not this one: it has to hear the new number at once, too.",
            ),
            under("a request has been held", yours(["it still waits"])).says("The hold has no end."),
        ],
        shows: || {
            let notes = Arc::default();
            let events = Arc::new(noting(patient(), &notes));
            let mut shown = String::new();
            let mut asks = |events: &Arc<Events>, word: &'static str, what: &str, at: Cursor| {
                let (say, said) = mpsc::channel();
                let asking = Arc::clone(events);
                thread::spawn(move || _ = say.send(asking.poll(word, at)));
                let answer = match said.recv_timeout(stretched(DEADLINE)) {
                    Ok(Ok(lines)) => lines,
                    Ok(Err(Busy)) => "✗ busy".to_string(),
                    Err(_) => "it still waits".to_string(),
                };
                let answer = answer.replace('\n', "\n  ");
                _ = writeln!(shown, "{what}\n  {answer}");
                answer == "it still waits"
            };
            _ = events.join("a1", NEW, &Arc::new(Outbox::new(1 << 16)));
            events.with(|guests| guests.emit(FIRST, "said", &json!("hi")));
            if asks(&events, "a1", "an event was missed", cursor(FIRST, 0)) {
                return shown;
            }
            if asks(&events, "b1", "a client is new", NEW) || asks(&events, "b1", "the answer was lost", NEW) {
                return shown;
            }
            if asks(&events, "c1", "the server was restarted, and the page knows its old session", cursor(7, 3)) {
                return shown;
            }
            events.with(|guests| guests.offer_to("all", "price", &json!(5)));
            if asks(&events, "a1", "a value was missed", cursor(FIRST, 1)) {
                return shown;
            }
            let outbox = Arc::new(Outbox::new(1 << 16));
            let socket = events.join("a1", cursor(FIRST, 1), &outbox).expect("there is room");
            events.with(|guests| guests.offer_to("all", "heat", &json!(6)));
            events.leave(socket);
            let what = "a value was sent by a WebSocket, and was not seen";
            if asks(&events, "a1", what, cursor(FIRST, 1)) {
                return shown;
            }
            let events = noting(Settings { hold: SHORT, ..quick() }, &notes);
            let events = Arc::new(events);
            _ = events.poll("a1", NEW);
            asks(&events, "a1", "a request has been held for as long as it may be", cursor(FIRST, 0));
            shown
        },
    }
}

#[test]
fn a_wake_without_news_does_not_extend_the_hold() {
    check! {
        rfc: "RFC 6202 §2.1",
        rule: "A request is held for as long as `hold` says at most, however often it is woken in vain.",
        signs: [
            yours(["still held"]).says(
                "Each wake starts the hold again. On a busy server, the request is never answered.",
            ),
        ],
        shows: || {
            let events = Arc::new(noting(Settings { hold: 10 * SHORT, ..quick() }, &Arc::default()));
            let answer = hold(&events, "a1", cursor(FIRST, 0));
            _ = events.join("b1", NEW, &Arc::new(Outbox::new(1 << 16)));
            let begin = Instant::now();
            while begin.elapsed() < stretched(DEADLINE) {
                // A request that takes over from another one wakes all that are held.
                let asking = Arc::clone(&events);
                thread::spawn(move || asking.poll("b1", cursor(42, 0)));
                if let Ok(lines) = answer.recv_timeout(2 * SHORT) {
                    return format!("woken in vain again and again, and answered in time: {lines}\n");
                }
            }
            "woken in vain again and again, and still held\n".to_string()
        },
    }
}

// However a transport dies.

/// A generator of numbers that are as good as random, and the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most
    }
}

/// The page's half, written here once more: whoever judges must not share a mistake.
#[derive(Default)]
struct Page {
    of: GuestId,
    got: u64,
    sent: u64,
    /// What has not been confirmed.
    kept: VecDeque<(u64, String)>,
    heard: Vec<u64>,
    trouble: Option<String>,
}

impl Page {
    fn counts(&mut self) {
        self.sent += 1;
        let n = self.sent;
        let line = format!(r#"{{"n":{n},"event":"count","data":{n}}}"#);
        self.kept.push_back((n, line));
    }

    fn hears(&mut self, line: &str) {
        let packet: Value = serde_json::from_str(line).unwrap_or_default();
        let number = |name: &str| packet.get(name).and_then(Value::as_u64);
        if let Some(hello) = number("hello") {
            if self.of != 0 && self.of != hello {
                self.trouble = Some(format!("the page knows session {}: {line}", self.of));
            }
            self.of = hello;
        }
        match (number("n"), number("got")) {
            (Some(n), _) if n <= self.got => {}
            (Some(n), _) if n == self.got + 1 => {
                self.got = n;
                self.heard.extend(number("data"));
            }
            (Some(_), _) => self.trouble = Some(format!("behind number {}: {line}", self.got)),
            (None, Some(got)) => self.kept.retain(|(n, _)| *n > got),
            (None, None) => self.trouble = Some(format!("the page can't use this: {line}")),
        }
    }

    fn cursor(&self) -> Cursor {
        cursor(self.of, self.got)
    }

    /// Everything that has not been confirmed.
    fn unconfirmed(&self) -> Vec<String> {
        self.behind(0)
    }

    /// The same, of what has a higher number than this.
    fn behind(&self, last: u64) -> Vec<String> {
        let lines = self.kept.iter().filter(|(n, _)| *n > last);
        lines.map(|(_, line)| line.clone()).collect()
    }
}

/// What an old transport still brings.
enum Late {
    Message(ClientId, String),
    Leave(ClientId),
    Post(GuestId, String),
}

/// A page, a server, and everything between them that may die.
struct World {
    events: Events,
    heard: Arc<Mutex<Vec<u64>>>,
    told: u64,
    page: Page,
    late: VecDeque<Late>,
    /// How much of what is late arrives while the next transport is there already.
    overlap: usize,
}

impl World {
    fn new() -> Self {
        let heard: Arc<Mutex<Vec<u64>>> = Arc::default();
        let hears = Arc::clone(&heard);
        let events = Events::new(quick()).on("count", move |_, _, data| {
            lock(&hears).extend(data.as_u64());
            Value::Null
        });
        Self {
            events,
            heard,
            told: 0,
            page: Page::default(),
            late: VecDeque::new(),
            overlap: 0,
        }
    }

    /// The server tells the page one more event, if there is a session.
    fn tells(&mut self) {
        let next = self.told + 1;
        let is_told = self.events.with(|guests| {
            guests.emit(FIRST, "count", &json!(next));
            guests.has(FIRST)
        });
        self.told += u64::from(is_told);
    }

    /// One WebSocket, from its beginning to its end. The page gets `down` bytes of it, and the server so
    /// many messages of the page as have whole frames in `up` bytes. What is cut off `is_late`, or is lost.
    /// Returns how many bytes there were for the page.
    fn socket(&mut self, mut down: usize, mut up: usize, is_late: bool) -> usize {
        let outbox = Arc::new(Outbox::new(ROOM_ENOUGH));
        let cursor = self.page.cursor();
        let Ok(socket) = self.events.join("a1", cursor, &outbox) else {
            self.page.trouble = Some("the server is busy".to_string());
            return 0;
        };
        let (mut whole, mut bytes, mut answers) = (0, Vec::new(), Vec::new());
        let (mut said, mut confirmed) = (0, self.page.got);
        for round in 0..3 {
            let mut came = drain(&outbox);
            came.append(&mut answers);
            whole += came.len();
            came.truncate(down);
            down -= came.len();
            bytes.append(&mut came);
            for (_, payload) in frames_of(&mut bytes) {
                let lines = String::from_utf8_lossy(&payload).into_owned();
                lines.lines().for_each(|line| self.page.hears(line));
            }
            self.arrive(self.overlap);
            // Before the hello a page doesn't know what to send.
            if self.page.of == 0 || down == 0 {
                break;
            }
            let mut lines = self.page.behind(said);
            said = self.page.sent;
            if self.page.got > confirmed {
                confirmed = self.page.got;
                lines.push(format!(r#"{{"got":{confirmed}}}"#));
            }
            for line in lines {
                // Six bytes before a payload that is as short as these.
                let length = line.len() + 6;
                if length <= up {
                    up -= length;
                    let answer = self.events.hear(socket, &Event::Text(line));
                    answers.extend(answer.iter().flat_map(|answer| plain(answer)));
                } else {
                    up = 0;
                    if is_late {
                        self.late.push_back(Late::Message(socket, line));
                    }
                }
            }
            if round == 0 {
                self.tells();
                self.page.counts();
            }
        }
        self.late.push_back(Late::Leave(socket));
        whole
    }

    /// Whatever is still on its way by old transports arrives, or the first part of it.
    fn arrive(&mut self, most: usize) {
        for _ in 0..most.min(self.late.len()) {
            match self.late.pop_front() {
                Some(Late::Message(socket, line)) => {
                    _ = self.events.hear(socket, &Event::Text(line));
                }
                Some(Late::Leave(socket)) => self.events.leave(socket),
                Some(Late::Post(of, lines)) => _ = self.events.post("a1", of, &lines),
                None => {}
            }
        }
    }

    /// A request for news. Its answer may be lost.
    fn get(&mut self, is_lost: bool) {
        match self.events.poll("a1", self.page.cursor()) {
            Err(Busy) => self.page.trouble = Some("the server is busy".to_string()),
            Ok(_) if is_lost => {}
            Ok(lines) => lines.lines().for_each(|line| self.page.hears(line)),
        }
    }

    /// A request that says something, sent so many times. The answer to the last one arrives, or none.
    fn post(&mut self, times: usize, is_lost: bool) {
        let lines = self.page.unconfirmed().join("\n");
        for _ in 0..times {
            let answer = self.events.post("a1", self.page.of, &lines);
            if !is_lost {
                answer.lines().for_each(|line| self.page.hears(line));
            }
        }
    }

    /// From now on nothing dies any more. What is late arrives when the next transport is there.
    fn calm(&mut self, by_socket: bool) {
        self.overlap = usize::MAX;
        for _ in 0..2 {
            match by_socket {
                true => _ = self.socket(usize::MAX, usize::MAX, false),
                false => {
                    self.get(false);
                    self.arrive(usize::MAX);
                    self.post(1, false);
                    self.get(false);
                }
            }
        }
        self.arrive(usize::MAX);
    }

    fn verdict(&self) -> Result<(), String> {
        let in_words = |numbers: &[u64]| {
            let numbers: Vec<_> = numbers.iter().map(u64::to_string).collect();
            numbers.join(" ")
        };
        let expected = |last: u64| Vec::from_iter(1..=last);
        let heard = lock(&self.heard);
        if let Some(trouble) = &self.page.trouble {
            Err(trouble.clone())
        } else if *heard != expected(self.page.sent) {
            let said = self.page.sent;
            Err(format!(
                "the page said 1 to {said}, and the server heard {}",
                in_words(&heard)
            ))
        } else if self.page.heard != expected(self.told) {
            let heard = in_words(&self.page.heard);
            Err(format!(
                "the server said 1 to {}, and the page heard {heard}",
                self.told
            ))
        } else if !self.page.kept.is_empty() {
            Err("what has been received is never confirmed".to_string())
        } else {
            Ok(())
        }
    }
}

/// A frame as a server sends it.
fn plain(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).ok().filter(|length| *length < 126);
    let head = [TEXT, length.expect("answers are short here")];
    [&head, text.as_bytes()].concat()
}

#[test]
fn nothing_is_lost_or_doubled_wherever_a_websocket_is_cut() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A WebSocket may die after any byte, in both directions. The next transport, whichever it is, goes on \
               where it ended: each event arrives once, in order.",
        signs: [],
        shows: || {
            let begin = || {
                let mut world = World::new();
                world.socket(usize::MAX, usize::MAX, false);
                for _ in 0..4 {
                    world.tells();
                    world.page.counts();
                }
                world
            };
            let down = begin().socket(usize::MAX, usize::MAX, false);
            let up: usize = begin().page.unconfirmed().iter().map(|line| line.len() + 6).sum();
            let mut shown = String::new();
            let cuts = (0..=down).map(|cut| (cut, usize::MAX)).chain((0..=up).map(|cut| (usize::MAX, cut)));
            for (down, up) in cuts {
                for (is_late, by_socket) in [(false, false), (false, true), (true, false), (true, true)] {
                    // What the server sends is never late.
                    if is_late && up == usize::MAX {
                        continue;
                    }
                    let mut world = begin();
                    world.socket(down, up, is_late);
                    world.calm(by_socket);
                    if let Err(why) = world.verdict() {
                        let (side, cut) = match up {
                            usize::MAX => ("server's", down),
                            up => ("page's", up),
                        };
                        let next = if by_socket { "a WebSocket" } else { "requests" };
                        _ = writeln!(shown, "cut behind byte {cut} of the {side}, then {next}: {why}");
                    }
                    if shown.lines().count() == 3 {
                        return shown;
                    }
                }
            }
            shown + "every event arrived once, in order, wherever it was cut\n"
        },
    }
}

#[test]
fn nothing_is_lost_or_doubled_however_transports_die() {
    check! {
        rfc: "the workshop's own rule",
        rule: "WebSockets and requests take turns, and each dies somewhere: requests are lost, or sent twice, \
               or come late; answers are lost; old WebSockets still bring something. Each event arrives once, in order.",
        signs: [],
        shows: || {
            let runs = 600;
            let mut shown = String::new();
            for run in 0..runs {
                let mut dice = Dice(run);
                let mut world = World::new();
                for _ in 0..3 + dice.below(8) {
                    (0..dice.below(4)).for_each(|_| world.tells());
                    (0..dice.below(4)).for_each(|_| world.page.counts());
                    world.arrive(dice.below(5));
                    world.overlap = dice.below(4);
                    match dice.below(5) {
                        0 => _ = world.socket(dice.below(800), usize::MAX, dice.below(2) == 0),
                        1 => _ = world.socket(usize::MAX, dice.below(500), dice.below(2) == 0),
                        2 => _ = world.socket(usize::MAX, usize::MAX, false),
                        3 => world.get(dice.below(3) == 0),
                        _ if world.page.of == 0 => {}
                        _ => match dice.below(4) {
                            0 => world.post(1, true),
                            1 => world.post(2, false),
                            2 => {
                                let lines = world.page.unconfirmed().join("\n");
                                world.late.push_back(Late::Post(world.page.of, lines));
                            }
                            _ => world.post(1, false),
                        },
                    }
                }
                world.calm(dice.below(2) == 0);
                if let Err(why) = world.verdict() {
                    _ = writeln!(shown, "run {run}: {why}");
                }
                if shown.lines().count() == 3 {
                    return shown;
                }
            }
            shown + &format!("{runs} runs: every event arrived once, in order\n")
        },
    }
}

// On real sockets.

fn serve(events: Events) -> Server<Events> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    events.start(listener).expect("the server starts")
}

fn on_sockets() -> Settings {
    Settings {
        tick: SHORT,
        // A busy machine may take minutes for a check. Nothing is over because of that.
        keep: FOR_EVER,
        keep_unproven: FOR_EVER,
        ping_every: FOR_EVER,
        request_within: FOR_EVER,
        hold: FOR_EVER,
        client: Limits {
            max_message: 2000,
            patience: Patience {
                ping_after: FOR_EVER,
                pong_within: FOR_EVER,
                close_within: stretched(DEADLINE),
            },
        },
        ..quick()
    }
}

/// Why nothing more comes, in words. A system has others for a wait that was in vain.
fn why(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            format!("nothing within {} s", DEADLINE.as_secs())
        }
        _ => error.to_string(),
    }
}

fn upgrade(query: &str, more: &str) -> String {
    format!(
        "GET /socket{query} HTTP/1.1\r\nHost: 127.0.0.1:9011\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Version: 13\r\n{more}\r\n"
    )
}

fn query(word: &str, Cursor { of, after }: Cursor) -> String {
    format!("?session={word}&of={of}&after={after}")
}

/// A WebSocket on TCP.
struct Peer {
    stream: TcpStream,
    head: Vec<u8>,
    bytes: Vec<u8>,
    frames: VecDeque<(u8, Vec<u8>)>,
}

impl Peer {
    fn connect(address: SocketAddr, request: &str) -> Self {
        let mut stream =
            TcpStream::connect_timeout(&address, stretched(DEADLINE)).expect("it listens");
        let timeout = stream.set_read_timeout(Some(stretched(DEADLINE)));
        timeout.expect("the deadline is not zero");
        _ = stream.write_all(request.as_bytes());
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
            head.extend(byte);
        }
        Self {
            stream,
            head,
            bytes: Vec::new(),
            frames: VecDeque::new(),
        }
    }

    fn open(address: SocketAddr, word: &str, cursor: Cursor) -> Self {
        Self::connect(address, &upgrade(&query(word, cursor), ""))
    }

    fn says(&mut self, lines: &str) {
        _ = self.stream.write_all(&masked(TEXT, lines.as_bytes()));
    }

    /// What the next frame says, or that there is none.
    fn hears(&mut self) -> String {
        let mut piece = [0; 4096];
        while self.frames.is_empty() {
            match self.stream.read(&mut piece) {
                Ok(0) => return "(TCP ends)".to_string(),
                Ok(count) => self.bytes.extend(&piece[..count]),
                Err(error) => return format!("({})", why(&error)),
            }
            self.frames.extend(frames_of(&mut self.bytes));
        }
        self.frames
            .pop_front()
            .as_ref()
            .map(meaning)
            .unwrap_or_default()
    }

    /// Everything that comes until TCP ends, unless that would take long.
    fn rest_unless(mut self, is_long: bool) -> String {
        let mut rest = Vec::new();
        if !is_long {
            _ = self.stream.read_to_end(&mut rest);
        }
        String::from_utf8_lossy(&rest).into_owned()
    }

    /// Kills TCP both ways: no Close frame, and nobody is asked.
    fn dies(self) {
        _ = self.stream.shutdown(Shutdown::Both);
    }
}

fn get(address: SocketAddr, word: &str, cursor: Cursor) -> Response {
    exchange(
        address,
        "GET",
        &format!("/events{}", query(word, cursor)),
        None,
    )
}

fn post(address: SocketAddr, word: &str, of: GuestId, lines: &str) -> Response {
    let target = format!("/events{}", query(word, cursor(of, 0)));
    exchange(address, "POST", &target, Some(lines))
}

#[test]
fn one_session_over_a_websocket_and_over_requests() {
    check! {
        rfc: "RFC 6455 §1.7, RFC 6202 §2.1",
        rule: "One port, one session: begun by a WebSocket, gone on with by requests when that dies, and by a \
               WebSocket again when there can be one.",
        signs: [],
        shows: || {
            let notes = Arc::default();
            let server = serve(noting(on_sockets(), &notes));
            let address = server.address();
            let mut transcript = Transcript::new();
            let request = upgrade("?session=a1", "");
            let mut ada = Peer::connect(address, &request);
            transcript.client(request.as_bytes());
            transcript.server(&ada.head);
            let says = |peer: &mut Peer, transcript: &mut Transcript, lines: &str, answers: usize| {
                peer.says(lines);
                transcript.note(&format!("WebSocket → {lines}"));
                for _ in 0..answers {
                    transcript.note(&format!("WebSocket ← {}", peer.hears()));
                }
            };
            transcript.note(&format!("WebSocket ← {}", ada.hears()));
            says(&mut ada, &mut transcript, &ask(1, "hi"), 3);
            ada.dies();
            transcript.note("TCP is killed");
            let response = get(address, "a1", cursor(FIRST, 1));
            transcript.server(&response.bytes());
            let response = post(address, "a1", FIRST, &format!("{}\n{}", ask(1, "hi"), say(2, "hello")));
            transcript.server(&response.bytes());
            let mut again = Peer::open(address, "a1", cursor(FIRST, 2));
            for _ in 0..2 {
                transcript.note(&format!("WebSocket ← {}", again.hears()));
            }
            says(&mut again, &mut transcript, r#"{"bye":true}"#, 2);
            // Who has the lock comes behind the handler of `close`.
            server.app().with(|_| ());
            transcript.note(&lock(&notes).join("\n"));
            transcript.to_string()
        },
    }
}

#[test]
fn a_wrong_request_gets_its_status() {
    check! {
        rfc: "RFC 9110 §15, RFC 6455 §10.2",
        rule: "A page of another host may do nothing here, by whichever transport. A body has a length, and \
               one that is short enough; a session has a word.",
        signs: [
            under("GET /events?session=a1  Origin", yours(["200 "])).says(
                "The given src/front.rs was changed: Origin is checked for WebSockets only, and then any page may \
                 take part by requests.",
            ),
        ],
        shows: || {
            let notes = Arc::default();
            let events = noting(on_sockets(), &notes).file("/", "text/html", "<!doctype html>");
            let server = serve(events);
            let address = server.address();
            let long = format!("POST /events?session=a1 HTTP/1.1\r\nHost: h\r\nContent-Length: 2001\r\n\r\n{}", "x".repeat(2001));
            let word = "w".repeat(65);
            let requests = [
                "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
                "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n",
                "GET /nothing HTTP/1.1\r\nHost: h\r\n\r\n",
                "PUT /events HTTP/1.1\r\nHost: h\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: h\r\n\r\n",
                "GET /events HTTP/1.1\r\nHost: h\r\n\r\n",
                "GET /events?session= HTTP/1.1\r\nHost: h\r\n\r\n",
                "GET /events?session=a%201 HTTP/1.1\r\nHost: h\r\n\r\n",
                &format!("GET /events?session={word} HTTP/1.1\r\nHost: h\r\n\r\n"),
                "GET /events?session=a1&of=x HTTP/1.1\r\nHost: h\r\n\r\n",
                "GET /events?session=a1&of=1&after=-1 HTTP/1.1\r\nHost: h\r\n\r\n",
                "GET /events?session=a1 HTTP/1.1\r\n\r\n",
                "GET /events?session=a1 HTTP/1.1\r\nHost: h\r\nOrigin: http://evil.example\r\n\r\n",
                "GET /events?session=a1 HTTP/1.1\r\nHost: h\r\nOrigin: null\r\n\r\n",
                "GET /events?session=a1 HTTP/1.1\r\nHost: h\r\nSec-Fetch-Site: cross-site\r\n\r\n",
                "POST /events?session=a1&of=41 HTTP/1.1\r\nHost: h\r\nOrigin: http://evil.example\r\nContent-Length: 2\r\n\r\n{}",
                &upgrade("?session=a1", "Origin: http://evil.example\r\n"),
                &upgrade("?session=a1", "Origin: http://127.0.0.1:9011\r\n"),
                &upgrade("", ""),
                "GET /socket?session=a1 HTTP/1.1\r\nHost: h\r\n\r\n",
                "GET /events?session=b1 HTTP/1.1\r\nHost: h\r\nOrigin: http://h\r\n\r\n",
                "POST /events?session=b1&of=42 HTTP/1.1\r\nHost: h\r\n\r\n",
                "POST /events?session=b1&of=42 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "POST /events?session=b1&of=42 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
                &long,
                "POST /events?session=b1&of=42 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n\u{fe}",
                "POST /events?session=b1&of=42 HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
                "POST /events?session=b1&of=42 HTTP/1.1\r\nHost: h\r\nContent-Length: 32\r\n\r\n{\"n\":1,\"event\":\"say\",\"data\":\"h\"}",
                "POST /events?session=b-1_&of=42 HTTP/1.1\r\nHost: h\r\nContent-Length: 13\r\n\r\n{\"ping\":true}",
            ];
            let mut shown = String::new();
            for request in requests {
                let (line, rest) = request.split_once("\r\n").unwrap_or((request, ""));
                let (head, body) = rest.split_once("\r\n\r\n").unwrap_or((rest, ""));
                let more: Vec<_> = head.lines().filter(|line| !line.starts_with("Host: h")).collect();
                let more = match more.first() {
                    Some(line) if line.starts_with("Host: 127") => more.get(5).copied().unwrap_or("a handshake"),
                    _ => &more.join(", "),
                };
                let body: String = body.chars().take(40).collect();
                let line = line.strip_suffix(" HTTP/1.1").unwrap_or(line).replace(&word, "(65 letters)");
                _ = writeln!(shown, "{}", [&line, more, &body].join("  ").trim_end().replace("\r\n", "␍␊"));
                let peer = Peer::connect(address, request);
                let head = String::from_utf8_lossy(&peer.head).into_owned();
                let status = head.get(9..12).unwrap_or("(no answer)");
                let mut body = peer.rest_unless(status == "101" || head.is_empty());
                body.truncate(body.trim_end().len());
                _ = writeln!(shown, "  {status} {}", body.replace('\n', " "));
            }
            let notes = lock(&notes).join("\n");
            shown + &notes
        },
    }
}

#[test]
fn stopping_ends_every_transport() {
    check! {
        rfc: "RFC 6455 §7.4.1",
        rule: "Requests that are held are answered, WebSockets get a Close with 1001, and a request that \
               comes too late gets nothing that it could wait for.",
        signs: [],
        shows: || {
            let notes = Arc::default();
            let server = serve(noting(on_sockets(), &notes));
            let address = server.address();
            let mut ada = Peer::open(address, "a1", NEW);
            let mut shown = format!("WebSocket ← {}\n", ada.hears());
            // Each request takes over from a WebSocket. When that is told so, the request is held.
            let mut held = Vec::new();
            for (word, of) in [("b1", 42), ("b2", 43), ("b3", 44)] {
                let mut before = Peer::open(address, word, NEW);
                before.hears();
                let mut client = Client::connect(address);
                client.request("GET", &format!("/events{}", query(word, cursor(of, 0))), None);
                _ = writeln!(shown, "the WebSocket before ← {}", before.hears());
                before.dies();
                held.push(client);
            }
            let (say, said) = mpsc::channel();
            let stopping = thread::spawn(move || {
                drop(server);
                _ = say.send(());
            });
            for client in &mut held {
                let answer = client.try_response();
                let is_late = answer.is_err();
                let answer = answer.map_or_else(|error| why(&error), |it| it.text());
                _ = writeln!(shown, "GET ← {answer}");
                if is_late {
                    return shown;
                }
            }
            drop(held);
            _ = writeln!(shown, "WebSocket ← {}", ada.hears());
            let waits = said.recv_timeout(SHORT).is_err();
            _ = writeln!(shown, "it has not ended, and the server waits for it: {waits}");
            ada.dies();
            let ended = said.recv_timeout(stretched(DEADLINE)).is_ok();
            drop(stopping);
            shown + if ended { "the server has ended\n" } else { "the server doesn't end\n" }
        },
    }
}

#[test]
fn a_full_server_answers_503() {
    check! {
        rfc: "RFC 9110 §15.6.4",
        rule: "One session too many gets 503, by either transport, and in place of a 101.",
        signs: [],
        shows: || {
            let notes = Arc::default();
            let server = serve(noting(Settings { max_sessions: 1, ..on_sockets() }, &notes));
            let address = server.address();
            let mut ada = Peer::open(address, "a1", NEW);
            let mut shown = format!("WebSocket ← {}\n", ada.hears());
            let response = get(address, "b1", NEW);
            _ = writeln!(shown, "GET ← {} {}", response.status, response.text().trim_end());
            let bob = Peer::open(address, "b1", NEW);
            let head = String::from_utf8_lossy(&bob.head).into_owned();
            _ = writeln!(shown, "WebSocket ← {}", head.lines().next().unwrap_or_default());
            ada.dies();
            shown
        },
    }
}

#[test]
fn a_thousand_requests_keep_no_client_out() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A thousand requests with a thousand words, none of which comes back: whoever comes then gets in by \
               either transport, and whoever was there before still is.",
        signs: [],
        shows: || {
            let notes = Arc::default();
            let server = serve(noting(on_sockets(), &notes));
            let address = server.address();
            let mut ada = Peer::open(address, "a1", NEW);
            let mut shown = format!("WebSocket ← {}\n", ada.hears());
            _ = writeln!(shown, "GET ← {}", get(address, "b1", NEW).text().trim_end());
            let known = cursor(42, 0);
            server.app().with(|guests| guests.emit(42, "said", &json!("hi")));
            _ = writeln!(shown, "GET ← {}", get(address, "b1", known).text().trim_end().replace('\n', "\n  "));
            // One in ten comes over TCP, the others straight to where all of them go.
            let is_taken = |word: &str, n| match n % 10 {
                0 => get(address, word, NEW).status == 200,
                _ => server.app().poll(word, NEW).is_ok(),
            };
            let refused = (0..1000).filter(|n| !is_taken(&format!("x{n}"), *n)).count();
            let sessions = server.app().with(|guests| guests.count());
            _ = writeln!(shown, "1000 GETs: {refused} refused; sessions: {sessions}");
            let mut cy = Peer::open(address, "c1", NEW);
            _ = writeln!(shown, "a new WebSocket ← {}", cy.hears());
            _ = writeln!(shown, "a new GET ← {}", get(address, "d1", NEW).text().trim_end());
            _ = writeln!(shown, "the GET from before ← {}", get(address, "b1", known).text().trim_end().replace('\n', "\n  "));
            ada.says(&say(1, "still here"));
            let heard = std::iter::repeat_with(|| ada.hears()).take(1000);
            let heard = heard.into_iter().find(|it| it.contains("still here") || !it.contains("left"));
            _ = writeln!(shown, "the WebSocket from before ← {}", heard.unwrap_or_default());
            ada.dies();
            cy.dies();
            shown
        },
    }
}

#[test]
fn a_replay_fits_into_an_outbox() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Whatever is kept can be replayed: many short lines, or one long one.",
        signs: [
            yours(["heard "]).says(
                "The given src/events.rs was changed: the replay is cut off as too much, each time, and the session \
                 can't go on.",
            ),
        ],
        shows: || {
            let max_kept = 60_000;
            let server = serve(Events::new(Settings { max_kept, ..on_sockets() }));
            let address = server.address();
            let mut shown = String::new();
            let long = "x".repeat(max_kept - 50);
            for (word, who, what) in [("a1", 41, ""), ("b1", 42, &*long)] {
                Peer::open(address, word, NEW).dies();
                let begin = Instant::now();
                while !server.app().with(|guests| guests.has(who)) && begin.elapsed() < stretched(DEADLINE) {
                    thread::yield_now();
                }
                let mut count = 0;
                let mut length = 30;
                let full = max_kept - 40 - what.len();
                let mut kept = 0;
                while kept < full {
                    server.app().with(|guests| guests.emit(who, "", &json!(what)));
                    count += 1;
                    length = format!(r#"{{"n":{count},"event":"","data":{}}}"#, json!(what)).len();
                    kept += length;
                }
                let mut peer = Peer::open(address, word, cursor(who, 0));
                peer.hears();
                let heard = (1..=count).take_while(|n| peer.hears().starts_with(&format!("{{\"n\":{n},"))).count();
                _ = writeln!(shown, "{count} lines, the last one of {length} bytes: heard {heard}");
                peer.dies();
            }
            let server = serve(Events::new(Settings { max_kept: 31, ..on_sockets() }));
            let mut peer = Peer::open(server.address(), "a1", NEW);
            _ = writeln!(shown, "room for one short line: {}", peer.hears());
            server.app().with(|guests| guests.emit(FIRST, "", &json!("")));
            _ = writeln!(shown, "  {}", peer.hears());
            // What may wait is four times as much, and 4096 bytes.
            server.app().with(|guests| {
                guests.join(FIRST, "all");
                guests.offer_to("all", "long", &json!("x".repeat(5000)));
            });
            _ = writeln!(shown, "  a value of 5000 bytes: {}", peer.hears());
            peer.dies();
            shown
        },
    }
}

#[test]
fn a_body_has_a_deadline() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A body has to be there within its time as a whole. One that comes byte by byte gains nothing.",
        signs: [],
        shows: || {
            let mut settings = on_sockets();
            settings.request_within = SHORT;
            settings.client.max_message = 1 << 40;
            let server = serve(Events::new(settings));
            let patient = serve(Events::new(on_sockets()));
            let mut late = Client::connect(patient.address());
            late.send(b"POST /events?session=a1&of=41 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n");
            let mut shown = String::new();
            for is_slow in [false, true] {
                let mut client = Client::connect(server.address());
                let length = 1_u64 << 40;
                let request = format!("POST /events?session=a1&of=41 HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n");
                client.send(request.as_bytes());
                let begin = Instant::now();
                while is_slow && !client.has_answer() && begin.elapsed() < stretched(DEADLINE) {
                    client.send(b"x");
                }
                let how = if is_slow { "byte by byte" } else { "nothing at all" };
                let answer = client.try_response();
                let answer = answer.map_or_else(|error| why(&error), |it| it.text());
                _ = writeln!(shown, "{how}: {}", answer.trim_end());
            }
            // Its head came long ago, and its server has all the time that there is.
            late.send(b"{}");
            _ = writeln!(shown, "late, but in time: {}", late.response().text().replace('\n', " "));
            shown
        },
    }
}

#[test]
fn a_feed_goes_on_after_a_panic() {
    check! {
        rfc: "the workshop's own rule",
        rule: "What is done `every` so often is done for as long as there is a server, also where it panics.",
        signs: [],
        shows: || {
            let events = Events::new(on_sockets());
            let mut count = 0;
            let events = events.every(SHORT / 4, move |guests| {
                count += 1;
                assert!(count != 2, "a feed of the check fails");
                guests.emit_to_all("beat", &Value::Null);
            });
            let server = serve(events);
            let mut ada = Peer::open(server.address(), "a1", NEW);
            let heard = [(); 4].map(|()| ada.hears());
            ada.dies();
            heard.join("\n")
        },
    }
}

#[test]
fn killed_for_real() {
    check! {
        rfc: "the workshop's own rule",
        rule: "The same on TCP: WebSockets are killed without a word while both sides speak, and requests \
               take over. Each event arrives once, in order.",
        signs: [],
        shows: || {
            let heard: Arc<Mutex<Vec<u64>>> = Arc::default();
            let hears = Arc::clone(&heard);
            let events = Events::new(Settings { hold: Duration::ZERO, ..on_sockets() });
            let events = events.on("count", move |guests, who, data| {
                lock(&hears).extend(data.as_u64());
                guests.emit(who, "count", data);
                Value::Null
            });
            let server = serve(events);
            let address = server.address();
            let mut page = Page::default();
            let mut dice = Dice(7);
            for round in 0..30 {
                (0..3).for_each(|_| page.counts());
                if round % 3 == 2 {
                    let response = get(address, "a1", page.cursor());
                    response.text().lines().for_each(|line| page.hears(line));
                    let response = post(address, "a1", page.of, &page.unconfirmed().join("\n"));
                    response.text().lines().for_each(|line| page.hears(line));
                    continue;
                }
                let mut peer = Peer::open(address, "a1", page.cursor());
                peer.hears().lines().for_each(|line| page.hears(line));
                for line in page.unconfirmed() {
                    peer.says(&line);
                }
                // There is an answer to each, at least.
                for _ in 0..dice.below(page.kept.len() + 1) {
                    let lines = peer.hears();
                    lines.lines().for_each(|line| page.hears(line));
                }
                peer.dies();
            }
            let mut peer = Peer::open(address, "a1", page.cursor());
            page.unconfirmed().iter().for_each(|line| peer.says(line));
            while page.trouble.is_none() && (page.heard.len() as u64) < page.sent {
                let lines = peer.hears();
                lines.lines().for_each(|line| page.hears(line));
            }
            peer.dies();
            let expected = Vec::from_iter(1..=page.sent);
            if let Some(trouble) = page.trouble {
                return trouble;
            }
            let verdict = |heard: &[u64]| if *heard == expected { "once and in order" } else { "wrong" };
            let (there, back) = (verdict(&lock(&heard)), verdict(&page.heard));
            format!("{} events there: {there}\nand back again: {back}\n", page.sent)
        },
    }
}
