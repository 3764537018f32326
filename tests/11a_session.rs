//! Step 11a, `session`: what both sides say, what a session keeps, values that go out of date, and then both sides with
//! a transport between them that dies.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Value, json};
use session::{Gap, Latest, Overrun, Packet, Session, script};
use support::check;
use support::program;
use support::sign::{missing, yours};

// What goes over the wire.

/// Lines that are packets, and then some that aren't.
const LINES: [&str; 24] = [
    r#"{"hello":41,"got":7}"#,
    r#"{"n":8,"event":"vote","data":5}"#,
    r#"{"n":8,"event":"vote"}"#,
    r#"{"event":"vote","ask":true,"data":{"of":[5]},"n":9}"#,
    r#"{"n":3,"reply":9,"data":"taken"}"#,
    r#"{"n":3,"reply":9}"#,
    r#"{"n":3,"reply":9,"error":"why"}"#,
    r#"{"n":3,"reply":9,"data":"taken","error":"why"}"#,
    r#"{"got":9}"#,
    r#"{"now":"price","data":41.5}"#,
    r#"{"seen":"price"}"#,
    r#"{"ping":true}"#,
    r#"{"over":"why"}"#,
    r#"{"bye":true}"#,
    r#"{"error":"why"}"#,
    r#"{"n":1,"event":"say","data":"two\nlines"}"#,
    r#"{"got":9,"more":1}"#,
    r#"{"got":-1}"#,
    r#"{"got":9.5}"#,
    r#"{"n":1,"data":5}"#,
    r#"{"event":"vote"}"#,
    "[]",
    "got 9",
    "",
];

#[test]
fn packets_are_lines_of_json() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A packet is one line of JSON, and its fields say which packet it is. Only `data` and `ask` may be left \
               out, and no field may be added.",
        signs: [],
        shows: || {
            let too_long = format!(r#"{{"shout":"{}"}}"#, "é".repeat(1000));
            let lines = LINES.into_iter().chain([&*too_long]);
            lines.map(row).collect()
        },
    }
}

/// A line, and what is read in it.
fn row(line: &str) -> String {
    let verdict = match Packet::parse(line) {
        Ok(packet) if packet.to_line() == line => "the same again".to_string(),
        Ok(packet) => packet.to_line(),
        Err(sentence) => format!("✗ {sentence}"),
    };
    let line: String = line.chars().take(60).collect();
    format!("{line}\n  {verdict}\n")
}

// A session, by itself.

fn event(n: u64, name: &str) -> Packet {
    Packet::Event {
        n,
        event: name.to_string(),
        data: Value::Null,
        ask: false,
    }
}

/// Writes down what a session does.
struct Notes {
    session: Session,
    text: String,
}

impl Notes {
    fn new(max_bytes: usize) -> Self {
        Self {
            session: Session::new(max_bytes),
            text: String::new(),
        }
    }

    fn send(&mut self, name: &str) {
        let sent = self.session.send(|n| event(n, name));
        let sent = match &sent {
            Ok(line) => line,
            Err(Overrun) => "✗ overrun",
        };
        _ = writeln!(self.text, "send {name}: {sent}");
    }

    fn confirm(&mut self, got: u64) {
        self.session.confirm(got);
        _ = writeln!(self.text, "confirm {got}");
        self.kept();
    }

    fn kept(&mut self) {
        let number = |line: &Arc<str>| match Packet::parse(line) {
            Ok(Packet::Event { n, event, .. }) => format!(" {n} {event}"),
            other => format!(" {other:?}"),
        };
        let mut kept: String = self.session.replay().map(number).collect();
        if kept.is_empty() {
            kept += " nothing";
        }
        let bytes = self.session.kept_bytes();
        _ = writeln!(self.text, "  kept:{kept} ({bytes} bytes)");
    }
}

#[test]
fn a_line_is_kept_until_it_is_confirmed() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Numbers go up by one, from 1. A line is kept until its number, or a higher one, has been confirmed. The \
               replay is everything that is kept, in order.",
        signs: [
            yours(["send a: {\"n\":0"]).says(
                "The first number is 0. It has to be 1: a client that has got nothing says 0.",
            ),
            missing(["send b: "]).says("The numbers don't go up by one."),
            yours(["kept: nothing"]).and(missing(["kept: 1 a 2 b 3 c 4 d"])).says(
                "A line was sent and not kept. If its transport dies, it is lost.",
            ),
            yours(["kept: 3 c 4 d (124 bytes)"]).says(
                "Lines are forgotten, and their bytes still count: after a while there is no room for anything.",
            ),
            yours(["4 d 3 c"]).says(
                "The newest line is kept at the front. The replay would send it first, and the page would see a gap.",
            ),
            yours(["kept: 1 a 2 b 3 c 4 d"]).or(yours(["kept: 1 a 3 c 4 d"])).says(
                "`confirm` looked for the line with that very number. `got` says that everything up to it has come.",
            ),
            yours(["kept: 2 b 3 c 4 d"]).says(
                "`got` was taken for the number that is wanted next: the line with that number is still kept.",
            ),
        ],
        shows: || {
            let mut notes = Notes::new(1000);
            for name in ["a", "b", "c", "d"] {
                notes.send(name);
            }
            notes.kept();
            notes.kept();
            for got in [0, 2, 1, 2, 3] {
                notes.confirm(got);
            }
            notes.send("e");
            notes.kept();
            notes.confirm(5);
            notes.send("f");
            notes.kept();
            notes.text
        },
    }
}

#[test]
fn a_refused_line_uses_no_number() {
    check! {
        rfc: "the workshop's own rule",
        rule: "If there is no room for a line, in bytes, it is refused. That changes nothing: the next line gets the \
               number.",
        signs: [
            yours(["send c: ✗ overrun"]).says(
                "A line that fills the room exactly was taken for too much. It is allowed to be full.",
            ),
            yours(["send : {"]).says(
                "There is no end to what is kept: all its bytes count, together with those of the new line.",
            ),
            yours(["send d: {"]).says("A line was taken for which there is no room: its own bytes count, too."),
            yours(["send é: {"]).says("The limit is in bytes, and characters were counted: é is two bytes."),
            missing(["send e: {\"n\":4"]).and(yours(["send e: {\"n\":"])).says(
                "A line that was refused has used up a number. The other side would wait for it forever.",
            ),
            yours(["kept: 1 a 2 b 3 c 4 d"]).says("A line that was refused was kept all the same."),
        ],
        shows: || {
            // Room for three lines of 31 bytes, exactly.
            let mut notes = Notes::new(93);
            for name in ["a", "b", "c", "d", ""] {
                notes.send(name);
            }
            notes.kept();
            notes.confirm(1);
            notes.send("longer");
            notes.send("e");
            notes.kept();
            for _ in 0..1000 {
                notes.session.confirm(u64::MAX);
                _ = notes.session.send(|n| event(n, "x"));
            }
            notes.kept();
            // The line of `é` has 31 characters, too, and 32 bytes.
            let mut other = Notes::new(62);
            other.send("a");
            other.send("é");
            notes.text + &other.text
        },
    }
}

#[test]
fn only_the_next_number_is_new() {
    check! {
        rfc: "the workshop's own rule",
        rule: "The number after the last one is new. A lower one has come before; a higher one is a gap.",
        signs: [
            yours(["18446744073709551615", "new"]).says(
                "A number that is too high counts as new. What is missing before it would never come.",
            ),
            yours(["18446744073709551615", "old"]).says(
                "A number that is too high was taken for an old one. It means that one before it is lost: a `Gap`.",
            ),
            yours(["✗ 3 is missing before 2"]).says(
                "A number that has come before was taken for a gap. It is old, and that is normal.",
            ),
            yours(["0  ", "new"]).says(
                "A number that has come before counts as new: what is replayed is handled twice.",
            ),
            yours(["old", "got 1"]).says(
                "A lower number set the count back. Then what comes next looks like a gap.",
            ),
            yours(["1  ", "new", "got 0"]).says(
                "The number that came wasn't noted, so the next one looks like a gap.",
            ),
        ],
        shows: || {
            let mut session = Session::new(1000);
            let mut shown = String::new();
            for n in [2, 1, 2, 2, 1, 0, 3, 5, 3, 4, 5, u64::MAX] {
                let verdict = match session.receive(n) {
                    Ok(true) => "new".to_string(),
                    Ok(false) => "old".to_string(),
                    Err(Gap { expected, came }) => format!("✗ {expected} is missing before {came}"),
                };
                _ = writeln!(shown, "{n:<20} {verdict:<30} got {}", session.received());
            }
            shown
        },
    }
}

// Values that go out of date.

/// What happens to the values of one client.
enum Step {
    Nothing,
    Offer(&'static str, u64),
    Seen(&'static str),
    Dies,
}

use Step::{Dies, Nothing, Offer, Seen};

/// What happens, and what a row of the table calls it.
const STEPS: [(&str, Step); 16] = [
    ("nothing", Nothing),
    ("price 1", Offer("price", 1)),
    ("price 2", Offer("price", 2)),
    ("price 3", Offer("price", 3)),
    ("heat 7", Offer("heat", 7)),
    ("seen price", Seen("price")),
    ("seen price", Seen("price")),
    ("seen price, once more", Seen("price")),
    ("seen what never was", Seen("weight")),
    ("price 4", Offer("price", 4)),
    ("the transport dies", Dies),
    ("price 5", Offer("price", 5)),
    ("the transport dies", Dies),
    ("seen price", Seen("price")),
    ("seen heat", Seen("heat")),
    ("the transport dies", Dies),
];

fn take_step(latest: &mut Latest, step: &Step) {
    match *step {
        Nothing => {}
        Offer(name, value) => {
            let (now, data) = (name.to_string(), json!(value));
            latest.offer(name, Packet::Now { now, data }.to_line().into());
        }
        Seen(name) => latest.seen(name),
        Dies => latest.requeue(),
    }
}

#[test]
fn the_newest_value_replaces_the_one_that_waits() {
    check! {
        rfc: "the workshop's own rule",
        rule: "At most one value of a name is on its way. When it has been seen, the newest goes, and those in \
               between never do. When the transport has died, the newest goes again.",
        signs: [
            yours(["price 1", "not due", "data"]).says(
                "A value that was offered isn't marked as new, so no request is answered for it.",
            ),
            missing(["price 1", "data"]).says(
                "The first value never goes: nothing of its name is on its way yet.",
            ),
            yours(["price 2", "data"]).says(
                "A value went while another was on its way. A slow page then has a queue of them to work off.",
            ),
            missing(["seen price", "\"data\":3"]).says(
                "A value that was offered while another was on its way is lost: the page goes on showing the \
                 oldest.",
            ),
            yours(["seen price  ", "not due", "\"data\":3"]).or(yours(["seen price  ", "due", "\"data\":3"])).says(
                "A value that the page has used was sent again. When there is no newer one, nothing is left to send.",
            ),
            missing(["the transport dies", "\"data\":4"]).says(
                "The transport died with a value on its way, and it isn't sent again: the page goes on showing an \
                 older one.",
            ),
            yours(["the transport dies", "due", "\"data\":4"]).says(
                "A value that has been sent still counts as new, so a held request is answered for it again and again.",
            ),
        ],
        shows: || {
            let mut latest = Latest::default();
            let mut shown = String::new();
            for (name, step) in &STEPS {
                take_step(&mut latest, step);
                let due = if latest.is_due() { "due" } else { "not due" };
                let taken = latest.take().join(" ");
                let taken = if taken.is_empty() { "-" } else { &taken };
                _ = writeln!(shown, "{name:<22} {due:<8} {taken}");
            }
            shown
        },
    }
}

// Both sides, and a transport between them.

fn played(script: &[&str]) -> String {
    script::play(script).unwrap_or_else(|error| error)
}

#[test]
fn a_session_outlives_its_transports() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Whatever a transport loses is sent again by the next one, and what comes late is dropped. Each event is \
               heard once, in order.",
        signs: [],
        shows: || played(&[
            "page emits one",
            "server confirms & server emits hello",
            "page confirms",
            "page emits two & server emits news & transport dies",
            "page emits three",
            "transport opens",
            "page emits four & transport lags",
            "transport opens",
            "server confirms & page confirms",
        ]),
    }
}

#[test]
fn a_slow_page_skips_values() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A page that has used a value gets the newest. The newest value arrives in the end, by whichever \
               transport.",
        signs: [],
        shows: || played(&[
            "server offers price 1 & server offers price 2 & server offers price 3",
            "page uses price",
            "server offers price 4 & server offers price 5 & transport dies",
            "transport opens",
            "page uses price",
            "page uses price",
            "server offers price 6",
        ]),
    }
}

#[test]
fn the_program_plays_a_script() {
    check! {
        rfc: "the workshop's own rule",
        rule: "What you wrote, as a program: two sessions that follow a script.",
        signs: [],
        shows: || program!().runs(&[
            &[],
            &["server offers heat hot & transport dies", "transport opens", "page uses heat"],
            &["page emits vote", "page offers price 5"],
        ]),
    }
}
