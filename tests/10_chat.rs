//! Step 10, `chat`: first its parts, each by itself; then one client on a real socket, in a room that
//! only takes notes; then the whole chat.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use chat::client::{self, ClientId, Limits, Room, Sink};
use chat::outbox::{Bytes, Full};
use chat::protocol::{self, Rejection, ServerMessage};
use chat::rate::Rate;
use chat::visible;
use chat::{Chat, Hub, Outbox, Pace, Server, Settings, Visitor};
use connection::Event;
use echo::Patience;
use polling::history::{Message, NewMessage};
use support::frame::{BINARY, CLOSE, PING, PONG, TEXT, header, masked, unmasked};
use support::http::{Client, exchange};
use support::machine::stretched;
use support::sign::{missing, never_finished, only, swapped, too_little, too_much, yours};
use support::wire::{Transcript, show};
use support::{check, program};

/// How long one read or write of a check may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// How long a check waits for what right code does at once. Several waits in vain fit into a check's time.
const LONG_ENOUGH: Duration = Duration::from_millis(1500);

/// More than any check puts into an outbox.
const ROOM_ENOUGH: usize = 64 << 20;

const AS_MUCH_AS_THEY_LIKE: Pace = Pace {
    messages: u64::MAX,
    deliveries: u64::MAX,
};

/// Nobody waits for as long as this.
const FOR_EVER: Duration = Duration::from_secs(600);
/// As short as a deadline can be without being over at once.
const SHORT: Duration = Duration::from_millis(20);
/// Enough for a thread to be woken and to write a few bytes.
const SOON: Duration = Duration::from_millis(60);

const PATIENT: Patience = Patience {
    ping_after: FOR_EVER,
    pong_within: FOR_EVER,
    close_within: DEADLINE,
};

// Frames.

fn text(payload: &str) -> Vec<u8> {
    masked(TEXT, payload.as_bytes())
}

/// One frame out of a stream. Empty where TCP ends instead.
fn frame_of(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut frame = some_of(stream, 2)?;
    let Some(second) = frame.get(1).copied() else {
        return Ok(frame);
    };
    // A server's frame has no masking key. If one has, the next frame is found all the same.
    let key = if second & 0x80 == 0 { 0 } else { 4 };
    let extended = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    frame.extend(some_of(stream, extended)?);
    let length = match extended {
        0 => usize::from(second & 0x7f),
        _ => frame[2..]
            .iter()
            .fold(0, |length, byte| length << 8 | usize::from(*byte)),
    };
    frame.extend(some_of(stream, key + length.min(16 << 20))?);
    Ok(frame)
}

/// So many bytes, or fewer where the stream ends before.
fn some_of(stream: &mut impl Read, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(count as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What a frame of a server says.
fn meaning(frame: &[u8]) -> String {
    let payload = match frame.get(1) {
        None => return "(TCP ends)".to_string(),
        Some(0..=125) => &frame[2..],
        Some(126) => &frame[4.min(frame.len())..],
        _ => return first_bytes(frame),
    };
    let words = |payload: &[u8]| String::from_utf8_lossy(payload).into_owned();
    match (frame[0], payload) {
        (TEXT, text) => words(text),
        (PING, payload) => format!("Ping {}", words(payload)),
        (PONG, payload) => format!("Pong {}", words(payload)),
        (CLOSE, []) => "Close, without a code".to_string(),
        (CLOSE, [high, low, reason @ ..]) => {
            let code = u16::from_be_bytes([*high, *low]);
            format!("Close {code} {}", words(reason))
                .trim_end()
                .to_string()
        }
        _ => first_bytes(frame),
    }
}

/// The bytes in hexadecimal, or the first of them.
fn first_bytes(bytes: &[u8]) -> String {
    let first = bytes.iter().take(16).map(|byte| format!("{byte:02x}"));
    let first: Vec<String> = first.collect();
    match bytes.len() {
        0..=16 => first.join(" "),
        length => format!("{} … ({length} bytes)", first.join(" ")),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// What pages may say.

#[test]
fn names_and_messages_are_checked() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A name has 1 to 32 characters that can be seen, a message 1 to 1000; neither is blank. Spaces \
               around a name are taken off. Of the control characters, a message may have \\n and \\t.",
        signs: [
            yours(["a message of 1001", "The name"]).says(
                "The sentence speaks of the name where the message is meant: the first argument of `check` is \
                 what it speaks of.",
            ),
            yours(["message of 1000", "may have 32"]).says(
                "The message was checked with the limit of names.",
            ),
            yours(["letters é", "✗"]).or(yours(["letters 😀", "✗"])).says(
                "Bytes were counted. In UTF-8 an é has two and a 😀 has four.",
            ),
            yours(["a name alone", "✗"]).says(
                "A message that is missing was taken for an empty one. It is `None`, and then nothing is said.",
            ),
            yours(["an empty message", "says"]).says(
                "The message isn't checked.",
            ),
            yours(["a name of 33", "says"]).says(
                "The name isn't checked: its length, and whether it shows anything.",
            ),
            yours(["spaces around the name", "\" ada \""]).says(
                "The name is checked as it is seen, and kept as it was typed. Keep what `visible_name` returns.",
            ),
            yours(["32 letters, and a space", "✗"]).says(
                "The length of the name was counted before the spaces around it were taken off.",
            ),
            yours(["in and around a message", "\"h  i\""]).says(
                "The message was trimmed. It is kept as it was typed.",
            ),
            yours(["in and around a message", "\"h i\""]).says(
                "The message was treated like a name. It is kept as it was typed, with its spaces and joiners.",
            ),
            yours(["lines and tabs in a message", "✗"]).says(
                "Line ends and tabs in a message were refused, as they are in a name.",
            ),
            yours(["an escape in a message", "says"]).says(
                "Every control character in a message was taken for harmless. Only `\\n` and `\\t` are.",
            ),
            yours(["a C1 control", "says"]).and(yours(["a \\r in a message", "says"])).says(
                "All white space was taken for harmless. `is_whitespace` is true for some control characters, \
                 too, such as `\\r` and U+0085.",
            ),
            yours(["a C1 control", "says"]).says(
                "Only the control characters of ASCII are refused. U+0080 to U+009F control a terminal, too.",
            ),
            yours(["a \\r in a message", "says"]).says(
                "`\\r` was taken for harmless. It sends a terminal to the beginning of its line, over what is \
                 there.",
            ),
            yours(["both fields", "message"]).says(
                "The message was checked before the name.",
            ),
            yours(["a tag and a quote", "&"]).says(
                "The server escaped the message for HTML. It sends text, and the page decides how to show it.",
            ),
        ],
        shows: || {
            let name = |name: &str| format!(r#"{{"username":"{name}"}}"#);
            let message = |text: &str| format!(r#"{{"username":"ada","message":"{text}"}}"#);
            let cases = [
                ("a name and a message", message("hi")),
                ("a name alone", name("ada")),
                ("a message that is null", r#"{"username":"ada","message":null}"#.to_string()),
                ("spaces around the name", name(" ada ")),
                ("spaces in and around a message", message("  h  i ")),
                ("a name of 32 letters é", name(&"é".repeat(32))),
                ("a name of 33", name(&"é".repeat(33))),
                ("32 letters, and a space", name(&format!("{} ", "n".repeat(32)))),
                ("a message of 1000 letters 😀", message(&"😀".repeat(1000))),
                ("a message of 1001", message(&"m".repeat(1001))),
                ("no name", name("")),
                ("a name of spaces", name("   ")),
                ("a name of no-break spaces", name("\u{a0}\u{2003}")),
                ("a message of spaces", message(r" \n ")),
                ("an empty message", message("")),
                ("lines and tabs in a message", message(r"one\n\ttwo")),
                ("a line's end in a name", name(r"a\nda")),
                ("a bell in a name", name(r"a\u0007da")),
                ("an escape in a message", message(r"\u001b[2J")),
                ("a \\r in a message", message(r"one\r\ntwo")),
                ("a C1 control in a message", message("one\u{85}two")),
                ("a tag and a quote in a message", message(r#"</b>\""#)),
                ("both fields are wrong", r#"{"username":"","message":""}"#.to_string()),
            ];
            let shown = |text: &str| match text.chars().count() {
                0..=20 => format!("{text:?}"),
                count => format!("{count} characters"),
            };
            let rows = cases.map(|(title, json)| {
                let verdict = match protocol::read(&json) {
                    Ok(said) => match &said.message {
                        Some(message) => format!("{} says {}", shown(&said.username), shown(message)),
                        None => format!("{} says nothing", shown(&said.username)),
                    },
                    Err(rejection) => format!("✗ {rejection}"),
                };
                format!("{title:<30} {verdict}")
            });
            rows.join("\n")
        },
    }
}

#[test]
fn only_the_visible_part_of_a_name_counts() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Characters that show nothing are taken off a name, and a text of nothing else is blank. In a \
               message they stay: emoji and many scripts need them.",
        signs: [
            missing(["4180 characters"]).says(
                "The given src/visible.rs was changed.",
            ),
            yours(["ada{200b} ", "\"ada{200b}\""]).says(
                "Only the spaces around the name were taken off. `visible_name` takes off every character that \
                 shows nothing.",
            ),
            only(["{200d}", "{202e}"]).and(yours(["\"{1f469}{1f4bb}\""])).says(
                "Characters that show nothing were taken off the message. Emoji and many scripts need them.",
            ),
        ],
        shows: || {
            let names = [
                "ada\u{200b}", "\u{feff}ada", "a\u{ad}da", "\u{202e}ada", "ada\u{2066}\u{2069}",
                "ada\u{e0041}", "ada\u{fe0f}", "ada\u{34f}", "ada\u{2800}", "ada  \u{2003}l.",
                "ada\u{2028}l.", "\u{3164}", "\u{ffa0}\u{115f}\u{1160}", "\u{200b} \u{200b}", "a\u{85}da",
                "a\u{9b}31mda", "👩\u{200d}💻", "ада", "José", "Jose\u{301}",
            ];
            let json = |field: &str, text: &str| match field {
                "name" => format!(r#"{{"username":"{text}"}}"#),
                _ => ada_says(text),
            };
            let mut shown = String::new();
            for name in names {
                let verdict = match protocol::read(&json("name", name)) {
                    Ok(said) => format!("{:?}", escaped(&said.username)),
                    Err(rejection) => format!("✗ {rejection}"),
                };
                shown += &format!("{:<30} {verdict}\n", escaped(name));
            }
            shown += "\nas a message\n";
            for text in ["\u{3164}", "\u{200b} \\n", "👩\u{200d}💻", "\u{202e}ada", "\u{9b}31m"] {
                let verdict = match protocol::read(&json("message", text)) {
                    Ok(said) => format!("{:?}", escaped(&said.message.unwrap_or_default())),
                    Err(rejection) => format!("✗ {rejection}"),
                };
                shown += &format!("{:<30} {verdict}\n", escaped(text));
            }
            let unseen = ('\0'..=char::MAX).filter(|it| visible::is_invisible(*it)).count();
            shown + &format!("\n{unseen} characters show nothing\n")
        },
    }
}

/// A text with what isn't ASCII as `{200b}`.
fn escaped(text: &str) -> String {
    let escape = |it: char| match it {
        ' '..='~' => it.to_string(),
        _ => format!("{{{:x}}}", u32::from(it)),
    };
    text.chars().map(escape).collect()
}

#[test]
fn each_rejection_is_a_sentence() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Anything that isn't a message of this chat is answered by a sentence that says what would be one.",
        signs: [],
        shows: || {
            let texts = [
                "hi",
                "",
                r#""hi""#,
                r#"{"message":"hi"}"#,
                r#"{"username":7,"message":"hi"}"#,
                r#"{"username":"ada","username":"bob"}"#,
            ];
            let mut shown = String::new();
            for text in texts {
                let verdict = match protocol::read(text) {
                    Ok(said) => format!("{said:?}"),
                    Err(rejection) => rejection.to_string(),
                };
                shown += &format!("{text}\n  {verdict}\n");
            }
            let taken = Rejection::NameTaken("ada".to_string());
            for rejection in [Rejection::Binary, taken, Rejection::TooFast, Rejection::Busy] {
                shown += &format!("{rejection}\n");
            }
            shown
        },
    }
}

#[test]
fn the_server_sends_json() {
    check! {
        rfc: "RFC 8259 §7",
        rule: "Each text message of the server is one JSON value. Quotes, backslashes and line ends in a text are \
               escaped; a tag is text like any other.",
        signs: [
            yours(["say \"hi\""]).says(
                "The JSON was put together by hand: a quote in a message ends its string. `serde_json` escapes it.",
            ),
            yours(["&lt;"]).says(
                "The server escaped a message for HTML. It sends text, and the page decides how to show it.",
            ),
        ],
        shows: || {
            let texts = ["say \"hi\"", "C:\\temp", "one\n\ttwo", "</script><b>&amp;", "é😀"];
            let mut shown = String::new();
            for message in texts.map(str::to_string) {
                let content = NewMessage { username: "ada".to_string(), message };
                let message = ServerMessage::Message(Message { id: 1, content });
                shown += &format!("{}\n", message.to_json());
            }
            let name = || r#"a"da"#.to_string();
            let others = [
                ServerMessage::People(vec![name(), "bob".to_string()]), ServerMessage::You(name()), ServerMessage::Joined(name()),
                ServerMessage::Left(name()), ServerMessage::Error(Rejection::NameTaken(name()).to_string()),
            ];
            shown + &others.map(|it| it.to_json() + "\n").concat()
        },
    }
}

#[test]
fn a_few_quick_messages_but_no_flood() {
    check! {
        rfc: "the workshop's own rule",
        rule: "2 messages a second: 4 tokens are in the bucket, 2 come back each second, and never more \
               than 4 are in it. A debt is paid first.",
        signs: [
            yours(["at  0.0 s  ✓ ✓ ✓ ✗"]).says(
                "One token has to be left over. Where there is exactly one, it can be taken.",
            ),
            yours(["at  0.0 s  ✓ ✓ ✓ ✓ ✓"]).says("No token is taken out, or there needn't be one."),
            yours(["at  0.4 s  ✓"]).says("A part of a token is enough. It has to be a whole one."),
            yours(["at  0.5 s  ✓ ✓"]).says(
                "`since` stays where it was, so the same time is counted again and again.",
            ),
            yours(["at  0.9 s  ✓"]).says(
                "`since` moves only when a token is taken: after a refusal, the same time is counted again.",
            ),
            yours(["at 60.0 s  ✓ ✓ ✓ ✓ ✓"]).says(
                "The bucket runs over in a long silence, and then lets a flood through. It never holds more than \
                 `capacity`.",
            ),
            yours(["at 60.0 s  ✗"]).says("Time puts nothing in."),
            yours(["at 62.0 s  ✗ ✗"]).says(
                "A refusal takes a token, too. After a few of them, nothing is allowed any more.",
            ),
            yours(["at  0.5 s  ✗ ✗"]).and(yours(["at 60.5 s  ✗ ✗"])).but_not(yours(["at  1.0 s"])).says(
                "A second brings one token, whatever the rate is: `per_second` is missing.",
            ),
            yours(["at  0.5 s  ✗ ✗"]).and(yours(["at 60.5 s  ✗ ✗"])).says(
                "Only whole seconds bring tokens. `as_secs` leaves out the rest, and a client that sends twice a second \
                 never gets one back.",
            ),
            yours(["at  1.0 s  ✗ ✗"]).says(
                "When there isn't a whole token, what time has brought is thrown away. It stays in the bucket.",
            ),
            only(["at 62.5", "at 64.5", "at 65."]).and(yours(["at 62.5 s  ✓"])).says(
                "What the bucket owes is forgotten when time puts tokens in. A debt is paid first.",
            ),
        ],
        shows: || {
            let start = Instant::now();
            let mut rate = Rate::new(2, start);
            let tries = [
                (0, 6), (400, 1), (500, 2), (900, 1), (1000, 2), (1100, 1), (1200, 1), (1300, 1),
                (1400, 1), (1500, 2), (60_000, 6), (60_500, 2), (62_000, 2),
            ];
            let mut shown = String::new();
            for (millis, times) in tries {
                let now = start + Duration::from_millis(millis);
                let verdicts = (0..times).map(|_| if rate.allows(now) { " ✓" } else { " ✗" });
                let verdicts: String = verdicts.collect();
                shown += &format!("at {:>4.1} s {verdicts}\n", millis as f64 / 1000.0);
            }
            rate.pay(7);
            shown += "pays 7 more\n";
            for millis in [62_500, 64_500, 65_000, 65_400, 65_500] {
                let verdict = if rate.allows(start + Duration::from_millis(millis)) { "✓" } else { "✗" };
                shown += &format!("at {:>4.1} s  {verdict}\n", millis as f64 / 1000.0);
            }
            shown
        },
    }
}

// An outbox.

fn piece(text: &str) -> Bytes {
    text.as_bytes().into()
}

/// What the next `take` gives. It must not have to wait.
fn taken(outbox: &Outbox) -> String {
    match outbox.take() {
        Some(bytes) => format!("{:?}", String::from_utf8_lossy(&bytes)),
        None => "nothing more".to_string(),
    }
}

#[test]
fn waiting_pieces_are_written_together_and_in_order() {
    check! {
        rfc: "RFC 6455 §5.4",
        rule: "All pieces that wait are taken together, in their order, each of them whole.",
        signs: [
            yours(["→ \"one \""]).says(
                "`take` gives one piece at a time: a system call for each frame.",
            ),
            yours(["→ \"one two \""]).says(
                "Only one more piece is taken: an `if` where pieces are taken *while* there are some.",
            ),
            yours(["→ \"three"]).says(
                "The newest piece comes first.",
            ),
            yours(["200000 bytes"]).says(
                "All that waits is taken for one write, however much it is. `AT_ONCE` bytes are enough.",
            ),
            yours(["20000 bytes"]).says(
                "A piece is left for the next write because it goes beyond `AT_ONCE`. Ask before each piece \
                 whether there is enough already, not whether it fits.",
            ),
            yours(["65546 bytes, 1 bytes"]).says(
                "With exactly `AT_ONCE` bytes there is enough: `<`, not `<=`.",
            ),
        ],
        shows: || {
            let outbox = Outbox::new(ROOM_ENOUGH);
            let mut shown = String::new();
            for pieces in [&["one ", "two ", "three"][..], &["four"]] {
                for it in pieces {
                    assert_eq!(outbox.push(piece(it)), Ok(()), "there is room for {it:?}");
                }
                shown += &format!("{pieces:?} → {}\n", taken(&outbox));
            }
            let length = 10_000;
            for digit in 0..20 {
                _ = outbox.push(vec![digit; length].into());
            }
            shown += "\n20 pieces of 10,000 bytes, about 65,536 at once\n";
            let mut next = 0;
            while next < 20 {
                let bytes = outbox.take().unwrap_or_default();
                let whole = bytes.chunks(length).zip(next..);
                let right = whole.filter(|(piece, digit)| **piece == vec![*digit; length]).count();
                shown += &format!("{} bytes, {right} pieces, whole and in order\n", bytes.len());
                if bytes.is_empty() {
                    break;
                }
                next += right.max(1) as u8;
            }
            let push = |length: usize| outbox.push(vec![0; length].into());
            let take = || outbox.take().unwrap_or_default().len();
            _ = (push(65_536), push(10));
            let first = take();
            // Something to take, also where the first one took all.
            _ = push(1);
            shown + &format!("\n65,536 bytes, and 10 more; then 1\n{first} bytes, {} bytes\n", take())
        },
    }
}

#[test]
fn an_outbox_has_a_limit() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "What waits takes no more memory than it may: each piece its length, and 64 bytes more. A \
               piece goes in whole or not at all.",
        signs: [
            yours(["may wait: 1000"]).says(
                "Nothing is refused. A client that doesn't read fills the server's memory.",
            ),
            yours(["push  400 bytes  ✗"]).says(
                "What was taken still counts. `pop` of the queue subtracts a piece's bytes; taking from `pieces` \
                 doesn't.",
            ),
            yours(["push  408 bytes  ✓"]).says(
                "It was asked whether the outbox is full already, not whether this piece still fits.",
            ),
            yours(["push  937 bytes  ✓"]).says(
                "The piece was counted with its length alone. Keeping it takes 64 bytes more: `memory` counts \
                 both.",
            ),
            yours(["push  936 bytes  ✗"]).and(yours(["push    1 bytes  ✓"])).says(
                "The limit itself was refused. What waits may take exactly that much.",
            ),
            yours(["push  936 bytes  ✗"]).says(
                "A piece that was refused is in the queue all the same.",
            ),
            never_finished().says(
                "`push` waits until there is space. Whoever calls it holds the room's lock, so everyone waits for \
                 one client.",
            ),
        ],
        shows: || {
            let outbox = Outbox::new(1000);
            let push = |length: usize| {
                let verdict = match outbox.push(vec![b'x'; length].into()) {
                    Ok(()) => "✓",
                    Err(Full) => "✗ full",
                };
                format!("push {length:>4} bytes  {verdict}\n")
            };
            let take = || format!("take {:>4} bytes\n", outbox.take().map_or(0, |bytes| bytes.len()));
            let mut shown = [push(937), push(936), push(0), push(1), take()].concat();
            let again = [push(400), push(409), push(408), push(0)].concat();
            shown += &again;
            // Where nothing went in, there is nothing to take.
            if !again.contains(" 409 bytes  ✓") {
                return shown;
            }
            shown += &take();
            // Many times what may wait goes through, but never at once.
            let goes_through = |_: &usize| outbox.push(vec![0; 900].into()).is_ok() && outbox.take().is_some();
            let through = (0..1000).take_while(goes_through).count();
            shown += &format!("900 bytes, one time after the other: {through} times\n");
            let mut pongs = 0;
            while outbox.push(vec![PONG, 0].into()).is_ok() && pongs < 1000 {
                pongs += 1;
            }
            shown += &format!("pieces of 2 bytes that may wait: {pongs}\n");
            // Room for two pieces, exactly. One take leaves the second.
            let outbox = Outbox::new(65_600 + 74);
            let push = |length: usize| outbox.push(vec![b'x'; length].into());
            let full = [push(65_536), push(10), push(1)];
            let taken = outbox.take().map_or(0, |bytes| bytes.len());
            let again = [push(65_536), push(1)];
            shown + &format!("{full:?}\ntake {taken} bytes, and again\n{again:?}\n")
        },
    }
}

/// Something that is done with an outbox.
type Ending = fn(&Outbox);

#[test]
fn nothing_goes_in_after_the_last_piece() {
    check! {
        rfc: "RFC 6455 §5.5.1",
        rule: "After a Close frame nothing is sent, not even a second one. `finish` lets what waits go first; \
               `finish_at_once` throws it away.",
        signs: [
            yours(["last.late"]).says(
                "`push` doesn't ask whether the last piece is in. A message then follows the Close frame.",
            ),
            yours(["later pushes: Err"]).says(
                "A piece that comes after the last one is an error. It should be dropped without one: the client \
                 isn't too slow.",
            ),
            yours(["taken: nothing more"]).says(
                "`take` ends as soon as the last piece is in. That piece, and what waits ahead of it, must still \
                 be taken.",
            ),
            never_finished().says(
                "`take` waits for a piece although the last one has been taken. `idle` is false then.",
            ),
        ],
        shows: || {
            let mut shown = String::new();
            let endings: [(&str, Ending); 5] = [
                ("finish", |outbox| outbox.finish(piece("last."))),
                ("finish_at_once", |outbox| outbox.finish_at_once(piece("last."))),
                ("finish with nothing", |outbox| outbox.finish(piece(""))),
                ("finish twice", |outbox| {
                    outbox.finish(piece("last."));
                    outbox.finish(piece("another"));
                }),
                ("finish, and then finish_at_once", |outbox| {
                    outbox.finish(piece("last."));
                    outbox.finish_at_once(piece("another"));
                }),
            ];
            for (title, end) in endings {
                let outbox = Outbox::new(200);
                _ = outbox.push(piece("waits "));
                let before = outbox.is_finished();
                end(&outbox);
                let late = outbox.push(piece("late"));
                let much = outbox.push(vec![0; 1000].into());
                shown += &format!(
                    "{title}\n  finished: {before}, then {}; later pushes: {late:?}, {much:?}\n  taken: {}, {}, {}\n",
                    outbox.is_finished(), taken(&outbox), taken(&outbox), taken(&outbox)
                );
            }
            shown
        },
    }
}

#[test]
fn a_writer_waits_and_is_woken() {
    check! {
        rfc: "the workshop's own rule",
        rule: "`take` waits until there is something. `push`, `finish` and `finish_at_once` wake it.",
        signs: [
            yours(["push: before it waits, after it still waits"]).says(
                "`push` wakes no one. The writer sleeps until something else wakes it.",
            ),
            yours(["push: before nothing more"]).says(
                "`take` doesn't wait: an empty queue was taken for the end.",
            ),
        ],
        shows: || {
            let mut shown = String::new();
            let wakers: [(&str, Ending); 4] = [
                ("push", |outbox| _ = outbox.push(piece("hi"))),
                ("finish", |outbox| outbox.finish(piece("bye"))),
                ("finish with nothing", |outbox| outbox.finish(piece(""))),
                ("finish_at_once", |outbox| outbox.finish_at_once(piece("bye"))),
            ];
            for (title, wake) in wakers {
                let outbox = Arc::new(Outbox::new(1000));
                let (say, said) = mpsc::channel();
                let writer = {
                    let outbox = Arc::clone(&outbox);
                    thread::spawn(move || say.send(taken(&outbox)))
                };
                let before = said.recv_timeout(SHORT).unwrap_or("it waits".to_string());
                wake(&outbox);
                let after = said.recv_timeout(stretched(DEADLINE)).unwrap_or("it still waits".to_string());
                shown += &format!("{title}: before {before}, after {after}\n");
                // One that waits for ever goes with the process.
                drop(writer);
            }
            shown
        },
    }
}

// A hub, without sockets: what is in the outboxes says it all.

/// Everything in an outbox, as frames.
fn drain(outbox: &Outbox) -> Vec<Vec<u8>> {
    // Taking from an empty outbox would wait. So a frame of our own says where to stop.
    let mark = unmasked(PONG, b"the check's own");
    let mut frames = Vec::new();
    while outbox.push(mark.as_slice().into()).is_err() {
        match outbox.take() {
            Some(bytes) => frames.extend(frames_in(&bytes)),
            None => return frames,
        }
    }
    while !frames.contains(&mark) {
        match outbox.take() {
            Some(bytes) => frames.extend(frames_in(&bytes)),
            None => break,
        }
    }
    frames.retain(|frame| *frame != mark);
    frames
}

fn frames_in(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        frames.push(frame_of(&mut bytes).expect("memory doesn't fail"));
    }
    frames
}

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

const ADA: &str = r#"{"username":"ada"}"#;
const BOB: &str = r#"{"username":"bob"}"#;

fn ada_says(text: &str) -> String {
    format!(r#"{{"username":"ada","message":"{text}"}}"#)
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

/// The ids of the messages among these frames.
fn ids(frames: &[Vec<u8>]) -> Vec<u64> {
    let id = |frame: &Vec<u8>| {
        let text = meaning(frame);
        let (id, _) = text.strip_prefix(r#"{"id":"#)?.split_once(',')?;
        id.parse().ok()
    };
    frames.iter().filter_map(id).collect()
}

/// What is wrong with ids that should be all those behind `after`, up to `last`.
fn wrong_ids(ids: &[u64], after: u64, last: u64) -> Option<String> {
    let expected = after + 1..=last;
    let lost = expected.clone().filter(|id| !ids.contains(id)).count();
    let doubled = ids.windows(2).filter(|pair| pair[0] == pair[1]).count();
    let in_order = ids.windows(2).all(|pair| pair[0] <= pair[1]);
    let right = ids.iter().copied().eq(expected);
    (!right).then(|| format!("{lost} lost, {doubled} doubled, in order: {in_order}"))
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

// One client on a real socket, in a room that only takes notes.

/// A client with a socket, and nothing that decides for it.
struct Peer {
    stream: BufReader<TcpStream>,
}

impl Peer {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, stretched(DEADLINE))
            .unwrap_or_else(|error| panic!("can't connect to your server at {address}: {error}"));
        for set in [TcpStream::set_read_timeout, TcpStream::set_write_timeout] {
            set(&stream, Some(stretched(LONG_ENOUGH))).expect("the deadline is not zero");
        }
        stream.set_nodelay(true).expect("TCP has that option");
        let stream = BufReader::new(stream);
        Self { stream }
    }

    fn send(&mut self, bytes: &[u8]) {
        // What a server that has closed already said before is still to be read.
        _ = self.stream.get_mut().write_all(bytes);
    }

    /// Ends TCP in this direction. The other one stays open.
    fn end(&mut self) {
        _ = self.stream.get_ref().shutdown(Shutdown::Write);
    }

    /// The head of a response, to the byte, and nothing behind it.
    fn head(&mut self) -> Vec<u8> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let byte = some_of(&mut self.stream, 1).unwrap_or_default();
            assert!(!byte.is_empty(), "no head came, only {:?}", show(&head));
            head.extend(byte);
        }
        head
    }

    /// One frame; or in its place that TCP ended, or that none came.
    fn frame(&mut self) -> Result<Vec<u8>, &'static str> {
        match frame_of(&mut self.stream) {
            Ok(frame) if frame.is_empty() => Err("(TCP ends)"),
            Ok(frame) => Ok(frame),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Err("(TCP is reset)"),
            Err(error) if client::is_transient(&error) => {
                // What comes after that is late, too: nobody waits as long for it.
                _ = self.stream.get_ref().set_read_timeout(Some(SHORT));
                Err("(no frame within 1.5 s)")
            }
            Err(error) => panic!("your server's frame can't be read: {error}"),
        }
    }

    /// What the next frame says.
    fn hears(&mut self) -> String {
        match self.frame() {
            Ok(frame) => meaning(&frame),
            Err(end) => end.to_string(),
        }
    }

    /// What all frames say, up to the end of TCP, or until no more come.
    fn hears_all(&mut self) -> String {
        let mut all = Vec::new();
        while all
            .last()
            .is_none_or(|last: &String| !last.starts_with('('))
        {
            all.push(self.hears());
        }
        all.join(" | ")
    }

    /// The first thing that begins like this. What comes before it is left out.
    fn waits_for(&mut self, start: &str) -> String {
        loop {
            let heard = self.hears();
            assert!(
                !heard.starts_with("(no frame"),
                "your server sent nothing that begins with {start} within 1.5 s"
            );
            if heard.starts_with(start) || heard.starts_with("(TCP") {
                return heard;
            }
        }
    }
}

/// A room that takes notes. Of those who leave, it takes one.
struct Notes {
    outbox: Arc<Outbox>,
    notes: Mutex<Vec<String>>,
    /// Whether the thread that holds the room's lock lets go of it.
    free: AtomicBool,
}

impl Notes {
    fn note(&self, what: &str) {
        let mut notes = lock(&self.notes);
        if what != "it leaves" || notes.iter().all(|note| note != what) {
            notes.push(what.to_string());
        }
    }
}

impl Room for Notes {
    /// `?` gets an answer, `!` is told to everybody (there is but one), `wait` waits for its turn, and
    /// `panic` is a mistake of ours.
    fn hear(&self, _: ClientId, message: &Event) -> Option<String> {
        let Event::Text(text) = message else {
            self.note("it sends something that is no text");
            return Some("text, please".to_string());
        };
        self.note(&format!("it says {text}"));
        match text.as_str() {
            "panic" => panic!("a mistake in the room"),
            "wait" => {
                let deadline = Instant::now() + stretched(DEADLINE);
                while !self.free.load(Ordering::Relaxed) && Instant::now() < deadline {
                    thread::yield_now();
                }
                None
            }
            text if text.ends_with('!') => {
                let frame = unmasked(TEXT, format!("all: {text}").as_bytes());
                _ = self.outbox.push(frame.into());
                None
            }
            text if text.ends_with('?') => Some(format!("you: {text}")),
            _ => None,
        }
    }

    fn leave(&self, _: ClientId) {
        self.note("it leaves");
    }

    fn too_slow(&self, _: ClientId) {
        self.note("it is too slow");
        let close = unmasked(CLOSE, b"\x03\xf5too slow");
        self.outbox.finish_at_once(close.into());
    }
}

/// One client, with a thread that runs it.
struct Table {
    peer: Peer,
    room: Arc<Notes>,
    running: JoinHandle<()>,
}

impl Table {
    /// `first` came with the handshake. So many bytes may wait.
    fn new(first: &[u8], most: usize, patience: Patience) -> Self {
        Self::with_tick(SHORT / 4, first, most, patience)
    }

    /// The same, with another time after which a read without a byte is over.
    fn with_tick(tick: Duration, first: &[u8], most: usize, patience: Patience) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let peer = Peer::connect(listener.local_addr().expect("it is bound"));
        let (stream, _) = listener.accept().expect("the peer has connected");
        stream.set_read_timeout(Some(tick)).expect("it is not zero");
        let outbox = Arc::new(Outbox::new(most));
        let room = Arc::new(Notes {
            outbox: Arc::clone(&outbox),
            notes: Mutex::default(),
            free: AtomicBool::new(false),
        });
        let running = {
            let (room, first) = (Arc::clone(&room), first.to_vec());
            let limits = Limits {
                max_message: 100_000,
                patience,
            };
            thread::spawn(move || {
                let room: &dyn Room = &*room;
                _ = client::run(&stream, &first, (room, ClientId::FIRST), outbox, limits);
            })
        };
        Self {
            peer,
            room,
            running,
        }
    }

    fn patient(first: &[u8]) -> Self {
        let close_within = stretched(PATIENT.close_within);
        Self::new(
            first,
            ROOM_ENOUGH,
            Patience {
                close_within,
                ..PATIENT
            },
        )
    }

    /// Waits for a note of the room, but not for long. Says whether it came.
    fn until(&self, what: &str) -> bool {
        let deadline = Instant::now() + stretched(Duration::from_secs(1));
        let came = || lock(&self.room.notes).iter().any(|note| note == what);
        while !came() && Instant::now() < deadline {
            thread::yield_now();
        }
        came()
    }

    /// Whether the room is left, soon, although we have not ended TCP.
    fn has_left(&self) -> bool {
        self.until("it leaves")
    }

    /// Whether the client is still run after a while.
    fn goes_on(&self, a_while: Duration) -> bool {
        let end = Instant::now() + a_while;
        while !self.running.is_finished() && Instant::now() < end {
            thread::yield_now();
        }
        !self.running.is_finished()
    }

    /// Whether the client is run to its end by itself, whatever its peer does meanwhile.
    fn is_cut_off(&self, meanwhile: impl Fn(&TcpStream)) -> bool {
        let deadline = Instant::now() + stretched(LONG_ENOUGH);
        while !self.running.is_finished() && Instant::now() < deadline {
            meanwhile(self.peer.stream.get_ref());
        }
        self.running.is_finished()
    }

    /// Waits until the client has been run to its end, and shows the room's notes.
    fn ends(self) -> String {
        drop(self.peer);
        let deadline = Instant::now() + stretched(LONG_ENOUGH);
        while !self.running.is_finished() && Instant::now() < deadline {
            thread::yield_now();
        }
        let ended = match self.running.is_finished() {
            true => "both threads have ended",
            false => "its threads go on for ever",
        };
        self.room.note(ended);
        let notes = lock(&self.room.notes);
        notes.join(", ")
    }
}

/// What the writer writes to: it takes so many bytes at a time, and so many in all.
struct Trickle {
    at_a_time: usize,
    most: usize,
    taken: Arc<Mutex<Vec<u8>>>,
    /// How TCP was ended, each time.
    ended: Arc<Mutex<Vec<Shutdown>>>,
}

impl Write for Trickle {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut taken = lock(&self.taken);
        let count = bytes.len().min(self.at_a_time).min(self.most - taken.len());
        if count == 0 {
            return Err(ErrorKind::BrokenPipe.into());
        }
        taken.extend(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Trickle {
    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        lock(&self.ended).push(how);
        Ok(())
    }
}

#[test]
fn everything_is_written_and_then_tcp_ends() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "A write may take fewer bytes than it was given. After the last piece TCP ends in our direction; when a \
               write fails, in both, and nothing more is written.",
        signs: [
            yours(["\"one twofive"]).says(
                "`write` may take fewer bytes than it was given; here it takes seven at a time. `write_all` goes on \
                 until all are written.",
            ),
            yours(["ended: []"]).and(missing(["ended: [Write]"])).says(
                "The writer is done and doesn't end TCP. The client waits for that, and the server waits for the \
                 client.",
            ),
            missing(["ended: [Write]"]).and(yours(["ended: [Both]"])).says(
                "After the last piece TCP is ended in both directions. The client may still send; bytes that arrive now \
                 make the system reset the connection.",
            ),
            missing(["ended: [Both]"]).and(yours(["ended: [Both, Write]"])).says(
                "After a write has failed, there is nothing more to do: TCP has been ended in both directions.",
            ),
            missing(["ended: [Both]"]).and(yours(["still waiting: 0"])).says(
                "A failed write is ignored, and all that waits is still tried.",
            ),
            missing(["ended: [Both]"]).says(
                "After a failed write the reader still waits for a client that is gone. End TCP in both directions, and \
                 its read ends, too.",
            ),
        ],
        shows: || {
            let cases = [("it takes 7 bytes at a time", 7, usize::MAX), ("it fails after 10 bytes", 7, 10)];
            let rows = cases.map(|(title, at_a_time, most)| {
                let outbox = Outbox::new(ROOM_ENOUGH);
                let (taken, ended) = (Arc::default(), Arc::default());
                let sink = Trickle { at_a_time, most, taken: Arc::clone(&taken), ended: Arc::clone(&ended) };
                for it in ["one two three", &"four ".repeat(20_000), "five"] {
                    _ = outbox.push(piece(it));
                }
                outbox.finish(piece("last."));
                client::write_all(sink, &outbox);
                let taken = lock(&taken);
                let waits = std::iter::from_fn(|| outbox.take()).map(|bytes| bytes.len()).sum::<usize>();
                let text = String::from_utf8_lossy(&taken).into_owned();
                let shown = match text.len() {
                    0..=20 => format!("{text:?}"),
                    length => format!("{:?} … {:?}, {length} bytes", &text[..13], &text[length - 9..]),
                };
                format!("{title}\n  written: {shown}; still waiting: {waits} bytes\n  TCP ended: {:?}\n", lock(&ended))
            });
            rows.concat()
        },
    }
}

#[test]
fn the_room_hears_all_that_a_client_sends() {
    check! {
        rfc: "RFC 6455 §5.4",
        rule: "What came with the handshake counts. So does every message, text or binary, in whatever pieces it comes, \
               and whatever comes with it.",
        signs: [
            yours(["Close 1008"]).says(
                "The answer is in a Close frame, which ends the connection. What is refused gets a sentence, in a text \
                 message like any other.",
            ),
            yours(["Close 1002"]).says(
                "More was taken than the read has brought: the rest of the buffer isn't the client's. The bytes are \
                 `&buffer[..count]`.",
            ),
            yours(["binary", "you: one?"]).says(
                "Some events of a read wait for the next read. Poll until there are none, whatever they are.",
            ),
            yours(["with the handshake", "(no frame"]).says(
                "What was read along with the handshake is lost. It is in `first`, and it comes first.",
            ),
            yours(["a binary message", "(no frame"]).says(
                "Only text is given to the room. A client that sends binary never learns why nothing happens.",
            ),
            yours(["after a silence", "false"]).says(
                "A read that brought nothing in time was taken for the end of TCP. Its timeout is the tick of the \
                 clock.",
            ),
            yours(["go on for ever"]).says(
                "A read of 0 bytes was taken for silence. It is the end of TCP.",
            ),
        ],
        shows: || {
            let mut table = Table::patient(&text("one?"));
            let mut shown = format!("with the handshake    {}\n", table.peer.hears());
            let sent = [
                ("a binary message", masked(BINARY, b"\0")),
                ("a ping", masked(PING, b"p")),
                ("a pong and a message", [masked(PONG, b""), text("two?")].concat()),
            ];
            for (title, bytes) in sent {
                table.peer.send(&bytes);
                shown += &format!("{title:<21} {}\n", table.peer.hears());
            }
            text("three?").iter().for_each(|byte| table.peer.send(&[*byte]));
            shown += &format!("byte by byte          {}\n", table.peer.hears());
            // So long that a few reads bring nothing.
            shown += &format!("after a silence       its threads go on: {}\n\n", table.goes_on(SHORT));
            shown + &table.ends()
        },
    }
}

const MIXED: &str = "a pong went into the middle of a frame, or its reader waits to put it there";

#[test]
fn frames_of_two_senders_never_mix() {
    check! {
        rfc: "RFC 6455 §5.4",
        rule: "Two clients send much at a time, with pongs in between: each frame comes whole.",
        signs: [
            yours(["middle of a frame"]).says(
                "The reader writes its pongs itself. As soon as the writer has to wait, they land in the middle \
                 of its frame, or the reader waits, too.",
            ),
        ],
        shows: || {
            let mut table = Table::patient(b"");
            // More than the system keeps: a write has to wait in the middle of a frame.
            let sizes = [8_000_000, 60_000];
            let frame = |letter: u8, size: usize| unmasked(BINARY, &vec![letter; size]);
            let senders = [b'a', b'b'].map(|letter| {
                let outbox = Arc::clone(&table.room.outbox);
                thread::spawn(move || sizes.map(|size| outbox.push(frame(letter, size).into())))
            });
            for sender in senders {
                assert_eq!(sender.join().expect("it sends"), [Ok(()); 2], "there is room");
            }
            // As soon as a frame begins to come, the writer is in the middle of it.
            _ = table.peer.stream.fill_buf();
            for number in 0..100 {
                table.peer.send(&masked(PING, &[number]));
            }
            table.peer.send(&text("that was a hundred"));
            // Nothing is read until they are heard: who writes its pongs itself waits here, or writes them
            // into the frame.
            if !table.until("it says that was a hundred") {
                let has_left = table.until("it leaves");
                return if has_left { "its connection failed".to_string() } else { MIXED.to_string() };
            }
            let mut expected = [b'a', b'b'].map(|letter| VecDeque::from(sizes.map(|size| frame(letter, size))));
            let mut pongs = 0;
            while pongs < 100 || expected.iter().any(|frames| !frames.is_empty()) {
                let it = match table.peer.frame() {
                    Ok(it) => it,
                    Err(end) => return format!("{end}, before everything had come"),
                };
                let sender = expected.iter_mut().find(|frames| frames.front() == Some(&it));
                match sender {
                    Some(frames) => _ = frames.pop_front(),
                    None if it == [PONG, 1, pongs] => pongs += 1,
                    None => return MIXED.to_string(),
                }
            }
            "each frame came whole, and each pong between two frames".to_string()
        },
    }
}

#[test]
fn a_client_hears_answers_in_the_order_of_its_messages() {
    check! {
        rfc: "RFC 6455 §5.4",
        rule: "What each message leads to comes after what the one before it led to.",
        signs: [
            swapped().says(
                "Answers are put into the outbox together, at the end of a read: what later messages led to has \
                 overtaken them.",
            ),
        ],
        shows: || {
            let first = [
                text("one?"), text("two!"), masked(PONG, b""), masked(PING, b"p"), masked(BINARY, b"\0"),
                text("three!"),
            ];
            let mut table = Table::patient(&first.concat());
            let mut shown = String::new();
            for _ in 0..5 {
                shown += &format!("{}\n", table.peer.hears());
            }
            shown + "\n" + &table.ends()
        },
    }
}

#[test]
fn the_closing_handshake_in_every_order() {
    check! {
        rfc: "RFC 6455 §7.1.1, §7.1.7",
        rule: "Nothing but the end of TCP follows a Close. What is still on its way is read, so that no reset \
               overtakes the Close. The client leaves the room.",
        signs: [
            yours(["Close 1000 bye | (no frame"]).says(
                "The Close goes into the outbox like any frame, so the writer waits for more. `finish` makes it \
                 the last.",
            ),
            yours(["left before TCP has ended: false"]).says(
                "A client that has said goodbye is in the room until its TCP has ended.",
            ),
            yours(["until it ends TCP, too: false"]).says(
                "Reading ends with the closing handshake. Bytes that are unread when the socket is closed make \
                 the system reset the connection, and the Close may be lost.",
            ),
        ],
        shows: || {
            let close = masked(CLOSE, b"\x03\xe8bye");
            let much = masked(BINARY, &[0; 60_000]);
            let cases = [
                ("it closes", close.clone(), false),
                ("it closes, without a code", masked(CLOSE, b""), false),
                ("it closes and ends TCP", close.clone(), true),
                ("a message, a ping, a Close", [text("hi!"), masked(PING, b"?"), close.clone()].concat(), false),
                ("more behind the Close", [close.clone(), text("more!"), close, much.clone()].concat(), false),
                ("it ends TCP, without a Close", text("bye!"), true),
                ("no mask", unmasked(TEXT, b"hi"), false),
                ("text that is no UTF-8", masked(TEXT, b"\xff"), false),
                ("more than 100,000 bytes", [header(BINARY, 100_001), much].concat(), false),
                ("as many in two frames, and it ends TCP", [masked(0x02, &[0; 60_000]), masked(0x80, &[0; 60_000])].concat(), true),
            ];
            let mut shown = String::new();
            for (title, bytes, end) in cases {
                let mut bytes = bytes;
                if title.starts_with("more than") {
                    bytes[1] |= 0x80;
                }
                let mut table = Table::patient(b"");
                table.peer.send(&bytes);
                if end {
                    table.peer.end();
                }
                let heard = table.peer.hears_all();
                shown += &format!("{title}\n  {heard}\n");
                // What one client waits for in vain, the others would, too.
                if heard.contains("(no frame") {
                    return shown;
                }
                if !end && !table.has_left() {
                    return shown + "  left before TCP has ended: false\n";
                }
                if !end {
                    shown += "  left before TCP has ended: true\n";
                }
                if title == "it closes" {
                    shown += &format!("  read until it ends TCP, too: {}\n", table.goes_on(SOON));
                }
                shown += &format!("  {}\n", table.ends());
            }
            shown
        },
    }
}

#[test]
fn a_close_from_the_room_waits_for_its_answer() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "When the room has said goodbye, the client's Close isn't answered by a second one. The client has \
               some time for it, whatever it sends meanwhile; the room doesn't hear that any more.",
        signs: [
            yours(["silent, it is cut off: false"]).says(
                "The clock is asked only when something was read. A client that is silent is waited for without \
                 an end.",
            ),
            yours(["talking, it is cut off: false"]).says(
                "The clock is asked only when nothing came. A client that goes on talking is waited for without \
                 an end.",
            ),
        ],
        shows: || {
            let goodbye = |table: &Table| {
                let close = unmasked(CLOSE, b"\x03\xe9the server stops");
                table.room.outbox.finish(close.into());
            };
            let mut answers = Table::patient(b"");
            goodbye(&answers);
            let mut shown = format!("it answers\n  {} | ", answers.peer.hears());
            answers.peer.send(&[text("on its way!"), text("is it?"), masked(CLOSE, b"\x03\xe9")].concat());
            shown += &format!("{}\n", answers.peer.hears_all());
            shown += &format!("  {}\n", answers.ends());

            let short = Patience { close_within: SOON, ..PATIENT };
            let mut silent = Table::new(b"", ROOM_ENOUGH, short);
            goodbye(&silent);
            shown += &format!("it is silent\n  {}\n", silent.peer.hears_all());
            if !silent.is_cut_off(|_| thread::yield_now()) {
                return shown + "  silent, it is cut off: false\n";
            }
            shown += &format!("  {}\n", silent.ends());

            // Its reader never waits until a read is over without a byte.
            let talks = Table::with_tick(FOR_EVER, b"", ROOM_ENOUGH, short);
            goodbye(&talks);
            let talk = |mut stream: &TcpStream| _ = stream.write_all(&masked(PONG, b""));
            if !talks.is_cut_off(talk) {
                return shown + "it goes on to talk\n  talking, it is cut off: false\n";
            }
            shown + &format!("it goes on to talk\n  {}\n", talks.ends())
        },
    }
}

#[test]
fn a_peer_that_vanished_is_noticed() {
    check! {
        rfc: "RFC 6455 §5.5.2",
        rule: "A silent client is sent a ping, then a Close with 1008, and leaves the room; later its TCP ends. \
               One that answers stays.",
        signs: [
            yours(["it is waited for: false"]).says(
                "The loop ends when the Close is sent. Only `Due::End` ends it: until then the client may answer.",
            ),
        ],
        shows: || {
            let hasty = Patience { ping_after: SHORT, pong_within: SHORT, close_within: SOON };
            let mut vanished = Table::new(b"", ROOM_ENOUGH, hasty);
            let mut shown = format!("it vanished\n  {}\n", vanished.peer.hears_all());
            shown += &format!("  {}\n", vanished.ends());

            let mut late = Table::new(b"", ROOM_ENOUGH, Patience { close_within: DEADLINE, ..hasty });
            shown += &format!("it answers late\n  {}\n", late.peer.hears_all());
            // Where it isn't waited for, its threads have ended by now, or are about to.
            shown += &format!("  it is waited for: {}\n", late.goes_on(SHORT));
            late.peer.send(&masked(CLOSE, b"\x03\xf0"));
            shown += &format!("  {}\n", late.ends());

            let mut answers = Table::new(b"", ROOM_ENOUGH, Patience { ping_after: SHORT, ..PATIENT });
            shown += "it answers\n";
            for _ in 0..3 {
                shown += &format!("  {}\n", answers.peer.hears());
                answers.peer.send(&masked(PONG, b"still there?"));
            }
            answers.peer.send(&text("here!"));
            shown += &format!("  {}\n", answers.peer.waits_for("all"));
            shown + &format!("  {}\n", answers.ends())
        },
    }
}

#[test]
fn a_reset_or_a_panic_ends_both_threads() {
    check! {
        rfc: "RFC 6455 §7.1.4",
        rule: "When TCP is reset or a thread panics, the client leaves the room, and no thread waits any more.",
        signs: [
            yours(["go on for ever"]).says(
                "An error of a read was taken for silence, or the writer still waits for something to write.",
            ),
        ],
        shows: || {
            let reset = Table::patient(b"");
            // Who closes a socket with bytes unread resets it.
            let frame: Bytes = unmasked(TEXT, b"unread").into();
            _ = reset.room.outbox.push(frame);
            _ = reset.peer.stream.get_ref().peek(&mut [0]);
            let mut shown = format!("a reset\n  {}\n", reset.ends());
            let mut panics = Table::patient(&text("panic"));
            shown += &format!("a panic\n  {}\n", panics.peer.hears_all());
            shown + &format!("  {}\n", panics.ends())
        },
    }
}

#[test]
fn a_client_that_has_gone_leaves_at_once() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A client whose TCP has failed leaves at once. What it sent before, and what waits for the \
               room's lock, is for nobody.",
        signs: [
            yours(["it says message"]).says(
                "The room hears all that a client sent before it was gone. In a busy room, a crowd that has left \
                 keeps the others waiting.",
            ),
        ],
        shows: || {
            let messages: Vec<Vec<u8>> = (1..=50).map(|number| text(&format!("message {number}"))).collect();
            let table = Table::patient(&[text("wait"), messages.concat()].concat());
            let waits = table.until("it says wait");
            let mut shown = format!("it says 51 things, and waits for the first to be heard: {waits}\n");
            // Unread data makes the system reset the connection.
            let frame: Bytes = unmasked(TEXT, b"unread").into();
            _ = table.room.outbox.push(Arc::clone(&frame));
            let Table { peer, room, running } = table;
            _ = peer.stream.get_ref().peek(&mut [0]);
            drop(peer);
            let left = || lock(&room.notes).iter().any(|note| note == "it leaves");
            let deadline = Instant::now() + stretched(Duration::from_secs(1));
            while !left() && Instant::now() < deadline {
                _ = room.outbox.push(Arc::clone(&frame));
                thread::yield_now();
            }
            shown += &format!("TCP is reset; it has left while it still waits: {}\n", left());
            room.free.store(true, Ordering::Relaxed);
            let deadline = Instant::now() + stretched(DEADLINE);
            while !running.is_finished() && Instant::now() < deadline {
                thread::yield_now();
            }
            let notes = lock(&room.notes);
            shown + &format!("the room's notes: {}\n", notes.join(", "))
        },
    }
}

#[test]
fn a_client_that_pings_and_does_not_read_is_too_slow() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "Pongs wait in the outbox like everything else, and no more of them than there is room for.",
        signs: [
            yours(["(no frame"]).says(
                "There is no space for a pong, and the room doesn't learn it: `too_slow`. So the client is never cut off.",
            ),
        ],
        shows: || {
            let pings = masked(PING, &[b'p'; 125]).repeat(20);
            let mut table = Table::new(&pings, 1000, PATIENT);
            let shown = format!("20 pings of 125 bytes at once, 1000 may wait\n{}\n", table.peer.hears_all());
            shown + &table.ends()
        },
    }
}

#[test]
fn a_stuck_writer_holds_up_no_other_thread() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "A client that doesn't read is still heard, and nothing that is meant for it ever waits. Once it is \
               cut off, its time is short: then TCP ends, and both threads.",
        signs: [
            yours(["each push takes as long as a write"]).says("`push` waits for the writer."),
            yours(["it is heard: false"]).says(
                "The reader waits for the writer. What it has to send goes into the outbox, and it reads on.",
            ),
        ],
        shows: || {
            let mut table = Table::new(b"", ROOM_ENOUGH, Patience { close_within: SHORT, ..PATIENT });
            // More than the system keeps for one connection.
            let frame: Bytes = unmasked(BINARY, &[7; 60_000]).into();
            let begin = Instant::now();
            for _ in 0..1000 {
                _ = table.room.outbox.push(Arc::clone(&frame));
            }
            let mut shown = match begin.elapsed() < stretched(Duration::from_secs(1)) {
                true => "60 MB are pushed at once\n".to_string(),
                false => "each push takes as long as a write\n".to_string(),
            };
            table.peer.send(&[text("I don't read"), masked(PING, b"?")].concat());
            let is_heard = table.until("it says I don't read");
            shown += &format!("it is heard: {is_heard}\n");
            table.room.too_slow(ClientId::FIRST);
            let is_cut_off = table.is_cut_off(|_| thread::yield_now());
            shown += &format!("its threads end, although it has not read a byte: {is_cut_off}\n");
            shown + &table.ends()
        },
    }
}

// The whole chat.

fn settings() -> Settings {
    let settings = Settings::default();
    Settings {
        last_id: 0,
        pace: AS_MUCH_AS_THEY_LIKE,
        tick: SHORT,
        // On a busy machine a check may take longer than until the first ping.
        client: Limits {
            patience: PATIENT,
            ..settings.client
        },
        ..settings
    }
}

fn serve(settings: Settings) -> Server<Chat> {
    serve_on(TcpListener::bind("127.0.0.1:0"), settings)
}

fn serve_on(listener: io::Result<TcpListener>, settings: Settings) -> Server<Chat> {
    let listener = listener.expect("loopback has a free port");
    Server::start(listener, Arc::new(Chat::new(settings))).expect("the server starts")
}

/// A handshake that keeps every rule, with more lines in it.
fn handshake(query: &str, more: &str) -> Vec<u8> {
    format!(
        "GET /socket{query} HTTP/1.1\r\nHost: 127.0.0.1:9010\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Version: 13\r\n{more}\r\n"
    )
    .into_bytes()
}

impl Peer {
    /// A peer whose handshake is done. `query` may say what it has seen.
    fn open(address: SocketAddr, query: &str) -> Self {
        let mut peer = Self::connect(address);
        peer.send(&handshake(query, ""));
        let head = peer.head();
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", show(&head));
        peer
    }

    /// A peer that is here under this name.
    fn named(address: SocketAddr, name: &str) -> Self {
        let mut peer = Self::open(address, "");
        peer.send(&text(&format!(r#"{{"username":"{name}"}}"#)));
        peer.waits_for(&format!(r#"{{"you":"{name}""#));
        peer
    }

    /// Sends bytes, and writes them down.
    fn says(&mut self, bytes: &[u8], transcript: &mut Transcript) {
        transcript.client(bytes);
        self.send(bytes);
    }

    /// Reads one frame, or the end of TCP, and writes it down.
    fn shows(&mut self, transcript: &mut Transcript) {
        match self.frame() {
            Ok(frame) => transcript.server(&frame),
            Err(end) => transcript.note(end.trim_matches(['(', ')'])),
        }
    }
}

/// Someone in the room who is never slow, and never silent for too long: it has no socket.
fn observer(server: &Server<Chat>) -> Arc<Outbox> {
    let outbox = Arc::new(Outbox::new(ROOM_ENOUGH));
    server.app().hub().join(Visitor::default(), &outbox);
    outbox
}

/// What an observer sees up to something that begins like this.
fn sees(outbox: &Outbox, last: &str) -> Vec<String> {
    let deadline = Instant::now() + stretched(DEADLINE);
    let mut seen: Vec<String> = Vec::new();
    while seen.last().is_none_or(|it| !it.starts_with(last)) {
        assert!(
            Instant::now() < deadline,
            "{last} did not come; {} things did",
            seen.len()
        );
        seen.extend(drain(outbox).iter().map(|frame| meaning(frame)));
        thread::yield_now();
    }
    seen
}

#[test]
fn a_chat_on_a_real_socket() {
    check! {
        rfc: "RFC 6455 §1.2",
        rule: "Handshake, who is here, messages, sentences, and the closing handshake.",
        signs: [],
        shows: || {
            let server = serve(settings());
            let mut transcript = Transcript::new();
            let mut peer = Peer::connect(server.address());
            peer.says(&handshake("", ""), &mut transcript);
            let head = peer.head();
            transcript.server(&head);
            peer.shows(&mut transcript);
            peer.says(&text(&ada_says("hi")), &mut transcript);
            peer.shows(&mut transcript);
            peer.shows(&mut transcript);
            peer.says(&masked(BINARY, b"hi"), &mut transcript);
            peer.shows(&mut transcript);
            peer.says(&masked(CLOSE, b"\x03\xe8"), &mut transcript);
            peer.shows(&mut transcript);
            peer.shows(&mut transcript);
            transcript.to_string()
        },
    }
}

#[test]
fn one_port_for_everything() {
    check! {
        rfc: "RFC 6455 §1.7",
        rule: "The page, two lists and the WebSocket are on one port. Every other request gets an answer that \
               says why, and then TCP ends.",
        signs: [
            yours(["a page of another host", "101"]).says(
                "Pages of any origin may open the WebSocket: any page on the web can read along, and speak in its \
                 visitor's name.",
            ),
        ],
        shows: || {
            let server = serve(settings());
            let mut ada = Peer::named(server.address(), "ada");
            for word in ["one", "two"] {
                ada.send(&text(&ada_says(word)));
                ada.waits_for(r#"{"id""#);
            }
            let plain = |line: &str| format!("{line} HTTP/1.1\r\nHost: 127.0.0.1:9010\r\n\r\n").into_bytes();
            let long = format!("Cookie: {}\r\n", "c".repeat(20_000));
            let many = "A: b\r\n".repeat(200);
            let requests = [
                ("GET /", plain("GET /")),
                ("HEAD /", plain("HEAD /")),
                ("GET /chat.js", plain("GET /chat.js")),
                ("GET /frames.js", plain("GET /frames.js")),
                ("GET /chat.css", plain("GET /chat.css")),
                ("GET /people", plain("GET /people")),
                ("GET /messages", plain("GET /messages")),
                ("GET /messages?after=1", plain("GET /messages?after=1")),
                ("GET /messages?x=1&after=2", plain("GET /messages?x=1&after=2")),
                ("GET /messages?after=+1", plain("GET /messages?after=+1")),
                ("GET /nowhere", plain("GET /nowhere")),
                ("POST /messages", plain("POST /messages")),
                ("GET http://127.0.0.1:9010/people", plain("GET http://127.0.0.1:9010/people")),
                ("GET /socket, no handshake", plain("GET /socket")),
                ("a handshake with after=x", handshake("?after=x", "")),
                ("a line of 20,000 bytes", handshake("", &long)),
                ("200 lines", handshake("", &many)),
                ("no HTTP", b"hello\r\n\r\n".to_vec()),
            ];
            let mut shown = String::new();
            for (title, request) in requests {
                let mut client = Client::connect(server.address());
                client.send(&request);
                let answer = String::from_utf8_lossy(&client.rest()).into_owned();
                let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
                let status = head.get(9..12).unwrap_or("(nothing)");
                let body = match body.lines().next().unwrap_or_default() {
                    _ if title.contains("GET /") && (title.len() == 5 || title.contains(".js") || title.contains(".css")) => "(a file)",
                    line => line,
                };
                shown += format!("{title:<33} {status} {body}").trim_end();
                shown += "\n";
            }
            let pages = [("a page of another host", "http://evil.example"), ("its own page", "http://127.0.0.1:9010")];
            for (title, origin) in pages {
                let mut peer = Peer::connect(server.address());
                peer.send(&handshake("", &format!("Origin: {origin}\r\n")));
                let head = String::from_utf8_lossy(&peer.head()).into_owned();
                let why = match &head[9..12] {
                    "101" => Vec::new(),
                    _ => some_of(&mut peer.stream, 1000).unwrap_or_default(),
                };
                shown += format!("{title:<33} {} {}", &head[9..12], String::from_utf8_lossy(&why)).trim_end();
                shown += "\n";
            }
            shown
        },
    }
}

#[test]
fn the_exact_bytes_of_an_answer() {
    check! {
        rfc: "RFC 9112 §9.6",
        rule: "An answer has a length, and says that the connection ends with it.",
        signs: [],
        shows: || {
            let server = serve(settings());
            let answer = |method: &str, target: &str| {
                let mut client = Client::connect(server.address());
                client.request(method, target, None);
                show(&client.rest())
            };
            let people = answer("GET", "/people");
            let head = answer("HEAD", "/people");
            let refused = answer("DELETE", "/");
            let no_upgrade = answer("GET", "/socket");
            let wrong_method = answer("HEAD", "/socket");
            format!(
                "GET /people\n\n{people}\n\nHEAD /people\n\n{head}\nDELETE /\n\n{refused}\n\
                 GET /socket\n\n{no_upgrade}\nHEAD /socket\n\n{wrong_method}"
            )
        },
    }
}

#[test]
fn a_request_head_has_a_deadline() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "A client that doesn't send a whole head in time is left alone, even one that sends a byte now and \
               then.",
        signs: [],
        shows: || {
            let server = serve(Settings { head_within: SHORT, tick: SHORT / 4, ..settings() });
            let silent = Peer::connect(server.address()).hears();
            let mut drips = Peer::connect(server.address());
            let stream = drips.stream.get_ref();
            stream.set_read_timeout(Some(SHORT / 4)).expect("it is not zero");
            let deadline = Instant::now() + stretched(DEADLINE);
            let mut ended = "never";
            for byte in handshake("", &"A: b\r\n".repeat(20)).into_iter().cycle() {
                drips.send(&[byte]);
                match drips.stream.get_mut().read(&mut [0]) {
                    Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                    _ => ended = "in time",
                }
                if ended != "never" || Instant::now() > deadline {
                    break;
                }
            }
            let mut shown = format!("one who says nothing: {silent}\none who drips: TCP ends {ended}\n");
            // Ten ticks of one server are the clock for what the other one waits for.
            let patient = serve(Settings { tick: SHORT / 10, ..settings() });
            let ten_ticks = || {
                Peer::connect(server.address()).hears();
            };
            let late = || {
                let begin = Instant::now();
                let mut late = Client::connect(patient.address());
                late.send(b"GET /people HTTP/1.1\r\n");
                ten_ticks();
                late.send(b"Host: 127.0.0.1:9010\r\n\r\n");
                let status = late.response().status;
                // Its answer has come. What it sends now would make a closed socket reset the connection.
                ten_ticks();
                let sent = [(); 2].map(|()| late.socket().write(b"x").is_ok());
                (status, sent, begin.elapsed())
            };
            // The server waits for it for half a second. A busy machine may take longer for so many ticks.
            let mut tries = 20;
            let (status, sent) = loop {
                let (status, sent, took) = late();
                tries -= 1;
                if took < Duration::from_millis(400) || tries == 0 {
                    break (status, sent);
                }
            };
            shown += &format!("one who thinks in between: {status}\n");
            shown + &format!("the same, when it has its answer: may still send: {sent:?}\n")
        },
    }
}

#[test]
fn a_second_client_gets_what_the_first_one_said() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Many sockets, one room: history, who is here, who comes and goes.",
        signs: [],
        shows: || {
            let server = serve(settings());
            let mut ada = Peer::named(server.address(), "ada");
            ada.send(&[text(&ada_says("one")), text(&ada_says("two"))].concat());
            ada.waits_for(r#"{"id":2"#);
            let mut bob = Peer::open(server.address(), "?after=1");
            let mut shown = format!("bob ← {}\nbob ← {}\n", bob.hears(), bob.hears());
            bob.send(&text(r#"{"username":"ada","message":"me too"}"#));
            shown += &format!("bob ← {}\n", bob.hears());
            bob.send(&text(r#"{"username":"bob","message":"<img src=x onerror=alert(1)>"}"#));
            for _ in 0..2 {
                shown += &format!("bob ← {}\nada ← {}\n", bob.hears(), ada.hears());
            }
            // No Close, no goodbye: its machine has lost power, and says so when it is up again.
            drop(bob);
            shown + &format!("ada ← {}\n", ada.hears())
        },
    }
}

#[test]
fn a_tab_that_reconnects_is_let_in() {
    check! {
        rfc: "RFC 6455 §7.4.1",
        rule: "The earlier connection of a tab is closed with 1000. A word that is empty or too long isn't a \
               tab's.",
        signs: [],
        shows: || {
            let server = serve(settings());
            let mut shown = String::new();
            for word in ["x7", "", &"x".repeat(65)] {
                let query = format!("?after=0&tab={word}");
                let mut before = Peer::open(server.address(), &query);
                before.waits_for(r#"{"people""#);
                let mut again = Peer::open(server.address(), &query);
                again.waits_for(r#"{"people""#);
                again.send(&text(&ada_says("here")));
                again.waits_for(r#"{"joined""#);
                let heard = before.hears();
                shown += &format!("{:<10} {heard}\n", format!("{} bytes", word.len()));
                drop(again);
                before.send(&masked(CLOSE, b""));
                if before.hears_all().contains("(no frame") {
                    return shown + "its Close isn't answered\n";
                }
                let deadline = Instant::now() + stretched(DEADLINE);
                while !server.app().hub().people().is_empty() && Instant::now() < deadline {
                    thread::yield_now();
                }
            }
            shown
        },
    }
}

#[test]
fn many_join_while_others_speak() {
    check! {
        rfc: "the workshop's own rule",
        rule: "On real sockets, too, a client that joins while others speak gets each message once, and in order.",
        signs: [],
        shows: || {
            let server = serve(Settings { max_history: 1000, ..settings() });
            let address = server.address();
            let speakers = ["ada", "bob"].map(|name| {
                let mut peer = Peer::named(address, name);
                thread::spawn(move || {
                    for _ in 0..50 {
                        peer.send(&text(&format!(r#"{{"username":"{name}","message":"hi"}}"#)));
                    }
                    peer
                })
            });
            let join = || {
                let mut peer = Peer::open(address, "");
                let mut frames = Vec::new();
                while ids(&frames).len() < 100 {
                    match peer.frame() {
                        Ok(frame) => frames.push(frame),
                        Err(_) => break,
                    }
                    frames.retain(|frame| frame.starts_with(&[TEXT]));
                    if ids(&frames[frames.len().saturating_sub(1)..]) == [100] {
                        break;
                    }
                }
                ids(&frames)
            };
            let joined: Vec<Vec<u64>> = thread::scope(|scope| {
                let joining: Vec<_> = (0..10).map(|_| scope.spawn(join)).collect();
                joining.into_iter().map(|it| it.join().expect("it joins")).collect()
            });
            let speakers = speakers.map(|it| it.join().expect("it speaks"));
            let wrong = joined.iter().find_map(|ids| wrong_ids(ids, 0, 100));
            drop(speakers);
            wrong.unwrap_or("10 of 10 got each of 100 messages once, and in order".to_string())
        },
    }
}

/// Lets somebody without a socket speak until the one who doesn't read has left. Returns the observer's
/// news.
fn speak_until_left(server: &Server<Chat>, who: &str) -> Vec<String> {
    let hub = server.app().hub();
    let outbox = Arc::new(Outbox::new(ROOM_ENOUGH));
    let speaker = hub.join(Visitor::default(), &outbox);
    let message = format!(
        r#"{{"username":"speaker","message":"{}"}}"#,
        "😀".repeat(1000)
    );
    let deadline = Instant::now() + stretched(DEADLINE);
    while hub.people().iter().any(|name| name == who) {
        assert!(Instant::now() < deadline, "{who} was never cut off");
        assert_eq!(hub.say(speaker, &message), Ok(()), "it is taken");
    }
    let seen = drain(&outbox);
    hub.leave(speaker);
    seen.iter().map(|frame| meaning(frame)).collect()
}

#[test]
fn a_client_that_never_reads_slows_no_other_and_is_closed() {
    check! {
        rfc: "RFC 6455 §7.4.1",
        rule: "The others get everything, and hear that the one that never reads has left. What waits for it is \
               bounded. If it reads after all, it finds whole frames, and then a Close with 1013.",
        signs: [],
        shows: || {
            let limits = Limits { patience: PATIENT, ..settings().client };
            let server = serve(Settings { max_waiting: 100_000, max_history: 1, client: limits, ..settings() });
            let mut sloth = Peer::named(server.address(), "sloth");
            let seen = speak_until_left(&server, "sloth");
            let spoken: Vec<&String> = seen.iter().filter(|it| it.starts_with(r#"{"id""#)).collect();
            let first = spoken.first().and_then(|it| it.strip_prefix(r#"{"id":1,"#)).is_some();
            let left = seen.iter().filter(|it| it.starts_with(r#"{"left":"sloth""#)).count();
            let mut shown = format!("the speaker hears itself from the first message on: {first}\n");
            shown += &format!("it hears {left} time that sloth left\n");
            let mut late = 0;
            let end = loop {
                match sloth.hears() {
                    it if it.starts_with(r#"{"id""#) => late += 1,
                    it if it.starts_with(r#"{"joined""#) => {}
                    it => break it,
                }
            };
            shown += &format!("sloth reads some of it late: {}, then {end}\n", late < spoken.len());
            sloth.send(&masked(CLOSE, b"\x03\xf5"));
            shown + &format!("it answers: {}\n", sloth.hears())
        },
    }
}

#[test]
fn a_client_that_never_reads_is_cut_off_by_a_deadline() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "TCP is ended for a client that doesn't even read the Close, and its place is free again.",
        signs: [],
        shows: || {
            let patience = Patience { close_within: SHORT, ..PATIENT };
            let limits = Limits { patience, ..settings().client };
            let server = serve(Settings { max_waiting: 100_000, max_connections: 1, client: limits, ..settings() });
            let mut sloth = Peer::named(server.address(), "sloth");
            let full = exchange(server.address(), "GET", "/people", None).status;
            let mut shown = format!("while sloth is here, another one gets {full}\n");
            speak_until_left(&server, "sloth");
            let deadline = Instant::now() + stretched(DEADLINE);
            let mut status = full;
            while status != 200 && Instant::now() < deadline {
                status = exchange(server.address(), "GET", "/people", None).status;
            }
            shown += &format!("when it was cut off, another one gets {status}\n");
            let end = loop {
                match sloth.frame() {
                    Ok(_) => {}
                    Err(end) => break end,
                }
            };
            let has_end = end.starts_with("(TCP");
            shown + &format!("what sloth reads has an end: {has_end}\n")
        },
    }
}

#[test]
fn a_vanished_client_is_announced() {
    check! {
        rfc: "RFC 6455 §5.5.2",
        rule: "A peer that is silent and doesn't answer a ping is gone by its deadline, and the others are \
               told.",
        signs: [],
        shows: || {
            // The ghost has this long to say its name, too.
            let patience = Patience { ping_after: stretched(SHORT), pong_within: stretched(SHORT), close_within: SOON };
            let limits = Limits { patience, ..settings().client };
            let server = serve(Settings { client: limits, ..settings() });
            let observer = observer(&server);
            let mut ghost = Peer::named(server.address(), "ghost");
            let seen = sees(&observer, r#"{"left"#);
            format!("the others: {}\nthe ghost: {}\n", seen.join(" | "), ghost.hears_all())
        },
    }
}

#[test]
fn too_many_connections_get_503() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "The number of connections is bounded, and there is room again when one leaves.",
        signs: [],
        shows: || {
            let server = serve(Settings { max_connections: 2, ..settings() });
            let status = || {
                let mut client = Client::connect(server.address());
                client.send(&handshake("", ""));
                client.response().status
            };
            let peers = [(); 2].map(|()| Peer::open(server.address(), ""));
            let mut shown = format!("two are open; the third gets {}\n", status());
            drop(peers);
            let deadline = Instant::now() + stretched(DEADLINE);
            while status() != 101 {
                assert!(Instant::now() < deadline, "no room was made in time");
            }
            shown += "they have left; the next one gets 101\n";
            shown
        },
    }
}

#[test]
fn a_stop_is_announced_to_everyone() {
    check! {
        rfc: "RFC 6455 §7.4.1",
        rule: "A server that stops says 1001 to everyone, reads until they have answered and ended TCP, and \
               is gone within its time, whatever they do.",
        signs: [],
        shows: || {
            let patience = Patience { close_within: stretched(2 * SOON), ..PATIENT };
            let limits = Limits { patience, ..settings().client };
            // Where loopback has more than one address, the server is woken at its own.
            let other = TcpListener::bind("127.0.0.2:0").or_else(|_| TcpListener::bind("127.0.0.1:0"));
            let server = serve_on(other, Settings { client: limits, ..settings() });
            let address = server.address();
            let mut answer = [(); 2].map(|()| Peer::open(address, ""));
            let mut silent = Peer::open(address, "");
            for peer in answer.iter_mut().chain([&mut silent]) {
                peer.waits_for(r#"{"people""#);
            }
            let mut half = Peer::connect(address);
            half.send(b"GET /socket HTTP/1.1\r\n");
            let begin = Instant::now();
            let stopping = thread::spawn(move || {
                drop(server);
                begin.elapsed()
            });
            let mut shown = String::new();
            for peer in &mut answer {
                shown += &format!("one who answers: {}", peer.hears());
                peer.send(&[text(&ada_says("on its way")), masked(CLOSE, b"\x03\xe9")].concat());
                shown += &format!(" | {}\n", peer.hears());
                peer.end();
            }
            shown += &format!("one who doesn't: {}\n", silent.hears_all());
            let over = half.hears().starts_with("(TCP");
            shown += &format!("one in the middle of its head: TCP is over: {over}\n");
            let took = stopping.join().expect("the server stops");
            shown += &format!("the one who doesn't is waited for: {}\n", took >= patience.close_within);
            let longest = 2 * SHORT + 2 * patience.close_within + stretched(DEADLINE) / 5;
            shown += &format!("within its time: {}\n", took < longest);
            let late = TcpStream::connect_timeout(&address, stretched(DEADLINE)).is_err();
            shown + &format!("nobody listens any more: {late}\n")
        },
    }
}

#[test]
fn a_stop_does_not_wait_for_idle_connections() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "Connections on which nothing was ever sent, and clients that keep TCP open after their answer, \
               don't hold up a stop. Whoever has a WebSocket gets its 1001.",
        signs: [],
        shows: || {
            // The clock of a thread that reads ticks once in ten minutes.
            let server = serve(Settings { tick: FOR_EVER, head_within: FOR_EVER, ..settings() });
            let idle = [(); 5].map(|()| Peer::connect(server.address()));
            let mut answered = Client::connect(server.address());
            answered.request("GET", "/people", None);
            let mut shown = format!("one has its answer, {}, and stays\n", answered.response().status);
            let mut ada = Peer::named(server.address(), "ada");
            let (stopped, has_stopped) = mpsc::channel();
            thread::spawn(move || {
                drop(server);
                stopped.send(())
            });
            shown += &format!("a WebSocket: {}", ada.hears());
            ada.send(&masked(CLOSE, b"\x03\xe9"));
            shown += &format!(" | {}\n", ada.hears());
            ada.end();
            let in_time = has_stopped.recv_timeout(stretched(DEADLINE)).is_ok();
            drop(idle);
            shown + &format!("the server has stopped: {in_time}\n")
        },
    }
}

/// A server with so few descriptors that some of its clients are never accepted.
#[cfg(target_os = "linux")]
#[test]
fn a_full_file_table_pauses_the_server() {
    check! {
        rfc: "RFC 6455 §10.4",
        rule: "When no descriptor is left, a newcomer waits until there is one. Even then, Ctrl-C ends the \
               server, with a goodbye to everyone.",
        signs: [],
        shows: || {
            let server = program!().serve_with_files(40);
            let (address, pid) = (server.address, server.id());
            let files = || std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);
            let at_first = files();
            let mut ada = Peer::named(address, "ada");
            // Without a chat that works, there is no use in filling it.
            ada.send(&text(&ada_says("here")));
            let heard = ada.waits_for(r#"{"id"#);
            assert!(heard.starts_with('{'), "her own message doesn't come back: {heard}");
            let mut others: Vec<Peer> = (0..45).map(|_| Peer::connect(address)).collect();
            // The last one is in the queue of the system until others leave.
            let mut last = others.pop().expect("there are 45");
            last.send(&handshake("", ""));
            others.truncate(5);
            let head = last.head();
            let mut shown = format!("when there is room again: {}\n", String::from_utf8_lossy(&head[..12]));
            // Now WebSockets, up to the last descriptor: there is none left for a connection that wakes.
            others.clear();
            let deadline = Instant::now() + stretched(DEADLINE);
            while files() > at_first + 2 && Instant::now() < deadline {
                thread::yield_now();
            }
            while files() < 40 && Instant::now() < deadline {
                others.push(Peer::open(address, ""));
            }
            ada.send(&text(&ada_says("still here")));
            shown += &format!("{}\n", ada.waits_for(r#"{"id"#).split_once(',').map_or("", |it| it.1));
            let interrupt = std::process::Command::new("kill").args(["-INT", &pid.to_string()]).status();
            shown += &format!("Ctrl-C: {}", interrupt.is_ok_and(|it| it.success()));
            for peer in &mut others {
                peer.waits_for("Close");
                peer.send(&masked(CLOSE, b"\x03\xe9"));
                peer.end();
            }
            for peer in [&mut ada, &mut last] {
                shown += &format!(" | {}", peer.waits_for("Close"));
                peer.send(&masked(CLOSE, b"\x03\xe9"));
                peer.hears_all();
                peer.end();
            }
            let ended = server.end(DEADLINE / 2);
            let ended = ended.map_or("not in time".to_string(), |it| it.to_string());
            shown + &format!("\nended: {ended}\n")
        },
    }
}

#[test]
fn the_program_serves() {
    check! {
        rfc: "the workshop's own rule",
        rule: "`cargo run -p chat` says where it listens, and its options are its limits. The first id is a time, \
               which no earlier server has given.",
        signs: [],
        shows: || {
            let server = program!().serve(&[]);
            let get = |path: &str| exchange(server.address, "GET", path, None).text();
            let messages = get("/messages");
            let next = messages.strip_prefix(r#"{"messages":[],"next":"#).and_then(|it| it.strip_suffix('}'));
            let next: u64 = next.and_then(|it| it.parse().ok()).unwrap_or_default();
            // Microseconds: later than 2025, and exact in a browser.
            let is_time = (1_735_689_600_000_000..1 << 53).contains(&next);
            let full = program!().serve(&["--max-connections", "0"]);
            let status = exchange(full.address, "GET", "/people", None).status;
            format!(
                "GET /people\n  → {}\nGET /messages: the last id is a time: {is_time}\nno room for anybody\n  → {status}\n",
                get("/people"),
            )
        },
    }
}
