//! Visitors come, say something and leave, for as long as one likes; then everything must be back.

use std::thread;
use std::time::{Duration, Instant};

use crate::attacks::{Outcome, in_words, is_back, settled};
use crate::client::{Client, get, text_frame};
use crate::process::{Limits, Running, Taken};
use crate::random::Random;
use crate::servers::{Kind, Socket};

/// The pause between two visits. Most leave a session behind on an app on events, which has room for 1,000 of them,
/// and keeps each for a minute.
const PACE: Duration = Duration::from_millis(40);
/// How long one thing may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the server is given to forget: sessions of events are kept for a minute.
const FORGET: Duration = Duration::from_secs(120);
/// The most visitors that stay for a while.
const STAY: usize = 20;

/// Churns one server for a while.
pub fn churn(kind: Kind, lasts: Duration, seed: u64) -> Outcome {
    try_churn(kind, lasts, seed).unwrap_or_else(|why| Outcome::Fails(vec![why]))
}

fn try_churn(kind: Kind, lasts: Duration, seed: u64) -> Result<Outcome, String> {
    let mut running = Running::start(kind, kind.impatient(), Limits::default())?;
    let mut visits = Visits::default();
    let taken = come_and_go(kind, &running, &mut visits, lasts, seed);
    let mut faults = Vec::new();
    let taken = match taken {
        Ok((before, most, after)) => {
            let taken = in_words(before, most, after);
            if !is_back(before, after) {
                faults.push(format!("does not get back: {taken}"));
            }
            taken
        }
        Err(why) => {
            faults.push(format!("after {} visits {why}", visits.count));
            String::new()
        }
    };
    if !running.is_alive() {
        let status = running.ended(Duration::ZERO);
        let status = status.map_or(String::new(), |status| status.to_string());
        faults.push(format!("the process has ended ({status})"));
    }
    if !faults.is_empty() {
        faults.push(format!("it said: {}", running.said()));
    }
    let says = format!("{} visits: {taken}", visits.count);
    Ok(Outcome::of(faults, visits.count.to_string(), says))
}

/// What the process takes at the beginning, at the most, and at the end.
fn come_and_go(
    kind: Kind,
    running: &Running,
    visits: &mut Visits,
    lasts: Duration,
    seed: u64,
) -> Result<(Taken, Taken, Taken), String> {
    kind.answers(running.address, PATIENCE)?;
    let mut random = Random::of_case(seed, kind as usize);
    // What a server takes for its first visitors, it keeps: caches, an allocator's arenas.
    visits.go_on(kind, running, &mut random, lasts / 6)?;
    visits.staying.clear();
    let before = rested(running);
    let most = visits.go_on(kind, running, &mut random, lasts - lasts / 6)?;
    visits.staying.clear();
    kind.answers(running.address, PATIENCE)?;
    let after = settled(running, before, FORGET);
    Ok((before, most, after))
}

/// What the process takes when that doesn't change any more, or after ten seconds.
fn rested(running: &Running) -> Taken {
    let mut last = running.taken();
    for _ in 0..20 {
        thread::sleep(Duration::from_millis(500));
        let now = running.taken();
        if (now.threads, now.files) == (last.threads, last.files) {
            return now;
        }
        last = now;
    }
    last
}

#[derive(Default)]
struct Visits {
    count: usize,
    staying: Vec<Client>,
}

impl Visits {
    /// Returns the most that the process was seen to take.
    fn go_on(
        &mut self,
        kind: Kind,
        running: &Running,
        random: &mut Random,
        lasts: Duration,
    ) -> Result<Taken, String> {
        let until = Instant::now() + lasts;
        let mut most = running.taken();
        while Instant::now() < until {
            self.count += 1;
            if let Some(client) = visit(kind, running, self.count, random) {
                self.staying.push(client);
            }
            if self.staying.len() > STAY {
                self.staying.swap_remove(random.below(STAY));
            }
            if self.count.is_multiple_of(200) {
                let taken = running.taken();
                most.threads = most.threads.max(taken.threads);
                most.files = most.files.max(taken.files);
                kind.answers(running.address, PATIENCE)?;
            }
            thread::sleep(PACE);
        }
        Ok(most)
    }
}

/// One visit, of any kind. The visitor may stay.
fn visit(kind: Kind, running: &Running, number: usize, random: &mut Random) -> Option<Client> {
    let mut client = Client::connect(running.address, PATIENCE).ok()?;
    match random.below(if kind.socket() == Socket::None { 5 } else { 9 }) {
        0 => return Some(client),
        1 => {
            client.send(b"GET / HTTP/1.1\r\nHost: loc");
            return random.once_in(2).then_some(client);
        }
        2 => {
            client.send(b"GET / HTTP/9.9\r\n\xff\r\n\r\n");
            client.finish();
            _ = client.rest(PATIENCE);
        }
        3 => {
            client.send(&get("/messages?after=0", b""));
            _ = client.status(PATIENCE);
        }
        4 => {
            client.send(&get("/", b""));
            _ = client.rest(PATIENCE);
        }
        what => {
            drop(client);
            let target = kind.target(&format!("visit-{number}"));
            let mut client = Client::open(running.address, &target, b"", PATIENCE).ok()?;
            client.send(&text_frame(&greeting(kind, number)));
            match what {
                5 => return Some(client),
                // Step 04 has no frames yet, and doesn't answer a Close.
                _ if kind.socket() == Socket::Silent => {}
                6 => {}
                _ => {
                    // A Close without a code, masked; then all that still comes.
                    client.send(b"\x88\x80\0\0\0\0");
                    _ = client.rest(PATIENCE);
                }
            }
        }
    }
    None
}

fn greeting(kind: Kind, number: usize) -> String {
    match kind {
        Kind::Chat | Kind::SpeedChat => {
            format!("{{\"username\":\"visitor {number}\",\"message\":\"Hello\"}}")
        }
        _ if kind.is_app() => {
            format!("{{\"n\":1,\"event\":\"name\",\"data\":\"visitor {number}\"}}")
        }
        _ => "Hello".to_string(),
    }
}
