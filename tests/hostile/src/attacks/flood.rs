//! More than there is room for: messages beyond the rate, sessions that nobody uses.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{Outcome, PATIENCE, Stage};
use crate::client::{Client, get, text_frame, unreached};
use crate::servers::Kind;

/// How long anything may take while the flood lasts.
const MEANWHILE: Duration = Duration::from_secs(60);
/// A client may send ten messages in a second, where there is a limit. A flooder sends ten in this time.
const BEAT: Duration = Duration::from_millis(100);
/// Lines in one message of events: the most that a message has room for.
const LINES: usize = 2000;

/// Clients that send ten times what they may. Others still get answers, and afterwards nobody is left.
pub fn flood(stage: &mut Stage) -> Result<Outcome, String> {
    let (kind, count) = (stage.kind, stage.plan.flooders);
    let address = stage.running()?.address;
    let is_over = AtomicBool::new(false);
    let sent = AtomicUsize::new(0);
    let mut answered = 0;
    let mut faults = Vec::new();
    thread::scope(|scope| {
        for number in 0..count {
            let (is_over, sent) = (&is_over, &sent);
            scope.spawn(move || flooder(kind, address, number, is_over, sent));
        }
        let began = Instant::now();
        while began.elapsed() < stage.plan.flood && faults.is_empty() {
            match kind.answers(address, MEANWHILE) {
                Ok(()) => answered += 1,
                Err(why) => faults.push(format!("during the flood {why}")),
            }
            stage.note();
            thread::sleep(BEAT / 5);
        }
        is_over.store(true, Ordering::Relaxed);
    });
    if kind.is_chat() {
        faults.extend(everybody_left(address).err());
    }
    let sent = sent.into_inner();
    let says = format!(
        "{sent} messages by {count} clients in {} s, {answered} good requests meanwhile",
        stage.plan.flood.as_secs()
    );
    Ok(Outcome::of(faults, sent.to_string(), says))
}

/// Sends ten times what is allowed. Where it is thrown out it comes back.
fn flooder(
    kind: Kind,
    address: SocketAddr,
    number: usize,
    is_over: &AtomicBool,
    sent: &AtomicUsize,
) {
    let mut client: Option<Client> = None;
    let (mut visit, mut n) = (0, 0);
    while !is_over.load(Ordering::Relaxed) {
        thread::sleep(BEAT);
        if client.as_mut().is_none_or(Client::has_ended) {
            let word = format!("flood-{number}-{visit}");
            client = Client::open(address, &kind.target(&word), b"", BEAT * 20).ok();
            (visit, n) = (visit + 1, 0);
        }
        let Some(client) = client.as_mut() else {
            continue;
        };
        for _ in 0..10 {
            n += 1;
            if client.send(&text_frame(&message(kind, number, n))) {
                sent.fetch_add(1, Ordering::Relaxed);
            }
        }
        if kind == Kind::Poker && n % 100 == 0 {
            let lines = (0..LINES).map(|_| {
                n += 1;
                format!("{{\"n\":{n},\"event\":\"reset\"}}")
            });
            let lines = Vec::from_iter(lines).join("\n");
            client.send(&text_frame(&lines));
        }
    }
}

/// The message with number `n` of a client: one that costs the server something.
fn message(kind: Kind, number: usize, n: usize) -> String {
    let event =
        |event: &str, data: &str| format!("{{\"n\":{n},\"event\":\"{event}\",\"data\":{data}}}");
    let name = format!("\"flood-{number}\"");
    match (kind, n) {
        (Kind::Chat | Kind::SpeedChat, _) => {
            format!("{{\"username\":{name},\"message\":\"number {n}\"}}")
        }
        (Kind::EventsChat | Kind::Poker, 1) => event("name", &name),
        (Kind::EventsChat, _) => event("say", "\"Hello\""),
        (Kind::Poker, _) => event("vote", r#"{"round":1,"card":"5"}"#),
        (Kind::Notifications, 1) => event("subscribe", "\"lunch\""),
        (Kind::Notifications, _) => event("publish", r#"{"topic":"lunch","text":"Soup"}"#),
        _ => event("nothing", "1"),
    }
}

/// Those who have left must not be told of as if they were there.
fn everybody_left(address: SocketAddr) -> Result<(), String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = Client::connect(address, PATIENCE)
            .map_err(|error| unreached(&error))
            .and_then(|mut client| {
                client.send(&get("/people", b""));
                client.rest(PATIENCE)
            });
        let answer = answer.map_err(|why| format!("after the flood GET /people: {why}"))?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let left = answer.matches("flood-").count();
        if left == 0 && answer.starts_with("HTTP/1.1 200") {
            return Ok(());
        }
        if Instant::now() >= deadline {
            let within = PATIENCE.as_secs();
            return Err(format!(
                "{within} s after all have left, /people names {left} of them"
            ));
        }
        thread::sleep(BEAT);
    }
}

/// Sessions that are opened, as a foreign page's pictures may do it, and never used.
pub fn sessions(stage: &mut Stage) -> Result<Outcome, String> {
    let count = stage.plan.sessions;
    let address = stage.running()?.address;
    for number in 0..count {
        let client = Client::connect(address, PATIENCE);
        let mut client =
            client.map_err(|error| format!("after {number} sessions, {}", unreached(&error)))?;
        client.send(&get(&format!("/events?session=unused-{number}"), b""));
    }
    stage.note();
    let answers = stage.kind.answers(address, PATIENCE);
    let answers = answers.map_err(|why| format!("after {count} sessions that nobody uses, {why}"));
    let says = format!("{count} sessions that nobody uses, and then a client gets in");
    Ok(Outcome::of(
        Vec::from_iter(answers.err()),
        count.to_string(),
        says,
    ))
}
