//! What several parts of the checks use: settings, handlers that take notes, and what is in an outbox.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chat::outbox::{Bytes, Outbox};
use events::{Cursor, Events, GuestId, Settings};
use serde_json::{Value, json};
use support::frame::{CLOSE, PONG, TEXT};

/// How long one read or write of a check may take.
pub const DEADLINE: Duration = Duration::from_secs(3);
/// Longer than any check takes.
pub const FOREVER: Duration = Duration::from_secs(600);
/// As short as a deadline can be without being over at once.
pub const SHORT: Duration = Duration::from_millis(20);

/// More than any check puts into an outbox.
pub const ROOM_ENOUGH: usize = 64 << 20;

/// The number of the first session of every check.
pub const FIRST: GuestId = GuestId(41);

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes the frames out of a server's bytes. An incomplete frame stays.
pub fn frames_of(bytes: &mut Vec<u8>) -> Vec<(u8, Vec<u8>)> {
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
pub fn meaning((first, payload): &(u8, Vec<u8>)) -> String {
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
pub fn drain(outbox: &Outbox) -> Vec<u8> {
    // Taking from an empty outbox would wait, so a mark says where to stop.
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

/// Holds no request.
pub fn quick() -> Settings {
    Settings {
        hold: Duration::ZERO,
        last_session: FIRST.0 - 1,
        ..Settings::default()
    }
}

/// A server that writes down what its handlers hear. `say` is told to all, and its reply is a count.
pub fn noting(settings: Settings, notes: &Arc<Mutex<Vec<String>>>) -> Events {
    let note = |what: &'static str| {
        let notes = Arc::clone(notes);
        move |who: GuestId, data: &Value| {
            let data = if data.is_null() {
                String::new()
            } else {
                format!(" {data}")
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

/// The cursor of a client that has got everything of this session up to this number.
pub fn cursor(session: u64, after: u64) -> Option<Cursor> {
    let session = GuestId(session);
    Some(Cursor { session, after })
}

/// The cursor of a client that knows no session.
pub const NEW: Option<Cursor> = None;

/// What a transcript says of a cursor.
pub fn known(cursor: Option<Cursor>) -> String {
    cursor.map_or_else(String::new, |Cursor { session, after }| {
        format!(" of {session} after {after}")
    })
}

pub fn say(n: u64, text: &str) -> String {
    format!(r#"{{"n":{n},"event":"say","data":"{text}"}}"#)
}

pub fn ask(n: u64, text: &str) -> String {
    format!(r#"{{"n":{n},"event":"say","data":"{text}","ask":true}}"#)
}
