//! However a transport dies.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use chat::client::{ClientId, Room};
use chat::outbox::Outbox;
use connection::Event;
use events::{Busy, Events, GuestId};
use serde_json::{Value, json};
use support::check;
use support::frame::{TEXT, unmasked};

use super::page::{Dice, Page};
use super::shared::{FIRST, ROOM_ENOUGH, drain, frames_of, lock, quick};

/// What an old transport still brings.
enum Late {
    Message(ClientId, String),
    Leave(ClientId),
    Post(Option<GuestId>, String),
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
            let mut lines = self.page.after(said);
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
                    answers.extend(
                        answer
                            .iter()
                            .flat_map(|answer| unmasked(TEXT, answer.as_bytes())),
                    );
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
    fn arrive(&mut self, max: usize) {
        for _ in 0..max.min(self.late.len()) {
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
            let answer = self.events.post("a1", self.page.session(), &lines);
            if !is_lost {
                answer.lines().for_each(|line| self.page.hears(line));
            }
        }
    }

    /// From now on nothing dies any more. What is late arrives when the next transport is there.
    fn calm(&mut self, by_socket: bool) {
        self.overlap = usize::MAX;
        for _ in 0..2 {
            if by_socket {
                self.socket(usize::MAX, usize::MAX, false);
            } else {
                self.get(false);
                self.arrive(usize::MAX);
                self.post(1, false);
                self.get(false);
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

#[test]
fn nothing_is_lost_or_doubled_wherever_a_websocket_is_cut() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A WebSocket may die after any byte, in both directions. The next transport goes on where it ended: each \
               event arrives once, in order.",
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
                        _ = writeln!(shown, "cut after byte {cut} of the {side}, then {next}: {why}");
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
               or come late; answers are lost; old WebSockets still bring something. Each event arrives once, in \
               order.",
        signs: [],
        shows: || {
            let runs = 600;
            let mut shown = String::new();
            for run in 0..runs {
                let mut dice = Dice::new(run);
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
                                world.late.push_back(Late::Post(world.page.session(), lines));
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
