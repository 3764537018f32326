//! The chat on one thread: who is told, when, and in how many writes.

use std::io::{self, Write};
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use chat::Pace;
use echo::Patience;
use frames::Opcode;
use handshake::head::RequestHead;
use polling::routes::{Refusal, Reply};
use speed::{Answers, App, Chat, Server, Settings};
use support::check;
use support::frame::{CLOSE, PING, TEXT, masked};
use support::http::exchange;
use support::sign::{missing, under, yours};

use super::server::Rounds;
use super::shared::{FOREVER, Peer, comes_true, long_enough, settings, start};

/// Whatever a client sends is told to all. It notes what the loop asks for.
struct Notes {
    what: Arc<Mutex<Vec<String>>>,
    members: usize,
    news: Vec<u8>,
    has_news: bool,
    /// Whether the loop knows that there is news, and goes through its clients.
    is_told: bool,
    was_asked_in_vain: bool,
    waits: Sender<()>,
    go_on: Receiver<()>,
}

impl App for Notes {
    type Member = (usize, usize);

    fn get(&self, _path: &str, _query: &str) -> Reply {
        Refusal::NoSuchPath.into()
    }

    fn join(&mut self, _request: &RequestHead, _query: &str) -> Result<(usize, usize), Reply> {
        self.members += 1;
        Ok((self.members, self.news.len()))
    }

    fn hear<Stream: Write>(
        &mut self,
        member: &mut (usize, usize),
        _opcode: Opcode,
        payload: &[u8],
        _answers: &mut Answers<Stream>,
    ) -> io::Result<()> {
        if payload.starts_with(b"wait") {
            _ = self.waits.send(());
            _ = self.go_on.recv_timeout(long_enough());
        }
        if payload == b"wait" {
            return Ok(());
        }
        self.note(format!("{} speaks", member.0));
        self.news.extend(support::frame::unmasked(TEXT, payload));
        self.has_news = true;
        Ok(())
    }

    fn has_news(&mut self) -> bool {
        self.is_told = mem::take(&mut self.has_news);
        self.is_told
    }

    fn collect(&mut self, member: &mut (usize, usize), bytes: &mut Vec<u8>, _done: bool) -> bool {
        if !self.is_told {
            self.asked_in_vain();
            return true;
        }
        let new = &self.news[member.1..];
        if !new.is_empty() {
            bytes.extend_from_slice(new);
            self.note(format!("{} gets {} bytes", member.0, new.len()));
        }
        member.1 = self.news.len();
        true
    }

    fn leave(&mut self, member: &mut (usize, usize)) {
        self.note(format!("{} leaves", member.0));
        self.news.extend(support::frame::unmasked(TEXT, b"goodbye"));
        self.has_news = true;
    }
}

/// A server, and what is noted of it.
struct Noted {
    server: Server,
    what: Arc<Mutex<Vec<String>>>,
    is_waiting: Receiver<()>,
    go: Sender<()>,
}

impl Noted {
    fn start(settings: Settings) -> Self {
        let what = Arc::new(Mutex::new(Vec::new()));
        let (waits, is_waiting) = mpsc::channel();
        let (go, go_on) = mpsc::channel();
        let app = Notes {
            what: Arc::clone(&what),
            members: 0,
            news: Vec::new(),
            has_news: false,
            is_told: false,
            was_asked_in_vain: false,
            waits,
            go_on,
        };
        Self {
            server: start(settings, app),
            what,
            is_waiting,
            go,
        }
    }

    fn open_four(&self) -> Vec<Peer> {
        Vec::from_iter((0..4).map(|_| Peer::open(self.server.address())))
    }

    /// Keeps the thread busy with the first client, while the others do this. All of it is with the system before the
    /// thread looks again.
    fn meanwhile(&self, peers: &mut [Peer], act: impl FnMut(&mut Peer)) {
        peers[0].send(&masked(TEXT, b"wait"));
        _ = self.is_waiting.recv_timeout(long_enough());
        peers[1..].iter_mut().for_each(act);
        thread::sleep(Duration::from_millis(30));
        _ = self.go.send(());
    }

    fn notes(&self) -> Vec<String> {
        self.what
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Sorts some of the lines, which may come in any order.
fn sort(notes: &mut [String], from: usize, to: usize) {
    let (from, to) = (from.min(notes.len()), to.min(notes.len()));
    notes[from..to].sort_unstable();
}

impl Notes {
    /// Notes it once.
    fn asked_in_vain(&mut self) {
        if !mem::replace(&mut self.was_asked_in_vain, true) {
            self.note("asked, though there is no news".to_string());
        }
    }

    fn note(&self, line: String) {
        self.what
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line);
    }
}

#[test]
fn news_is_told_once_for_all_turns() {
    check! {
        rfc: "the workshop's own rule",
        rule: "After the turns of all clients that are ready, each client gets all the news, in one write. Without news, nobody is asked.",
        signs: [
            yours(["though there is no news"]).says(
                "The loop went through all clients although there was no news: with ten thousand of them, each round \
                 would cost milliseconds. `has_news` comes first.",
            ),
            missing(["gets 21 bytes"]).and(yours(["gets 7 bytes"])).says(
                "News was told after each turn, in a write for each. Tell it once, after the last turn.",
            ),
            missing(["2 gets"]).or(missing(["1 gets"])).says(
                "There was news, and a client that said nothing itself wasn't told: give it to every client.",
            ),
        ],
        shows: || {
            let noted = Noted::start(settings());
            let mut peers = noted.open_four();
            noted.meanwhile(&mut peers, |peer| peer.send(&masked(TEXT, b"news!")));
            let mut hears = |_| peers.iter_mut().all(|peer| peer.hears() == "text \"news!\"");
            let all = (0..3).all(&mut hears);
            let mut notes = noted.notes();
            sort(&mut notes, 0, 3);
            format!("{}\n{}\n", notes.join("\n"), if all { "all four heard all three" } else { "not all heard all" })
        },
    }
}

#[test]
fn each_has_one_turn_in_a_round() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A client with more to do waits until all others have had their turn, and the loop has made a round.",
        signs: [
            missing(["gets 21 bytes"]).says(
                "One client had its second turn before another had its first one, or before the news was told. A round \
                 has as many turns as there are clients in the list at its beginning. Take from the front, and put back \
                 at the end.",
            ),
        ],
        shows: || {
            let noted = Noted::start(Settings { tick: FOREVER, ..settings() });
            let mut peers = noted.open_four();
            // The first turn brings these words, and only the second one shows that TCP has ended.
            noted.meanwhile(&mut peers, |peer| {
                peer.send(&masked(TEXT, b"news!"));
                peer.end();
            });
            let heard = (0..6).take_while(|_| peers[0].hears().starts_with("text")).count();
            let mut notes = noted.notes();
            sort(&mut notes, 0, 3);
            sort(&mut notes, 7, 10);
            format!("{}\nthe first one heard {heard} messages\n", notes.join("\n"))
        },
    }
}

#[test]
fn one_message_takes_one_round() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Where a short read shows that nothing is left, a message costs one read: Linux, macOS.",
        signs: [
            yours(["two rounds"]).says(
                "After each message, the client stays in the list, and its next read says `WouldBlock`: one system call \
                 more for each message. A read that brings less than it asked for was the last one.",
            ),
        ],
        shows: || {
            const MESSAGES: u64 = 10;
            let rounds = Arc::new(AtomicU64::new(0));
            let server = start(Settings { tick: FOREVER, ..settings() }, Rounds(Arc::clone(&rounds)));
            let mut peer = Peer::open(server.address());
            let before = rounds.load(Ordering::Relaxed);
            for _ in 0..MESSAGES {
                peer.send(&masked(TEXT, b"one"));
                _ = peer.hears();
                // A second round, if there is one, has to find nothing.
                thread::sleep(Duration::from_millis(5));
            }
            let rounds = rounds.load(Ordering::Relaxed) - before;
            let one_is_enough = cfg!(any(target_os = "linux", target_os = "android", target_os = "macos"));
            let enough = if one_is_enough { MESSAGES + MESSAGES / 2 } else { 3 * MESSAGES };
            let verdict = if rounds <= enough { "no more rounds than it needs" } else { "two rounds for each" };
            format!("{MESSAGES} messages, one after another\n  {verdict}\n")
        },
    }
}

#[test]
fn one_that_is_cut_off_is_news() {
    check! {
        rfc: "the workshop's own rule",
        rule: "If a client ends while news is told, that is news for the others.",
        signs: [
            missing(["1 gets 9 bytes"]).says(
                "The third client was cut off while the news was told, and those before it weren't told of that. No \
                 event will come for it: go on `while` there is news.",
            ),
        ],
        shows: || {
            let noted = Noted::start(Settings { tick: FOREVER, ..settings() });
            let mut peers = noted.open_four();
            peers[0].send(&masked(TEXT, b"hello"));
            let first = [0, 1, 3].map(|place| peers[place].hears());
            // While the thread is busy with the first client, the third one ends, with a reset: it hasn't read its news.
            peers[0].send(&masked(TEXT, b"wait, and tell"));
            _ = noted.is_waiting.recv_timeout(long_enough());
            drop(peers.remove(2));
            thread::sleep(Duration::from_millis(30));
            _ = noted.go.send(());
            let then = [0, 1].map(|place| [(); 2].map(|()| peers[place].hears()).join(", "));
            format!("{}\nwhat they hear\n  {}\n  {}\n", noted.notes().join("\n"), first.join(", "), then.join("\n  "))
        },
    }
}

/// A chat without limits on how fast people speak.
fn chat(max_outbox_bytes: usize) -> Server {
    chat_with(max_outbox_bytes, settings())
}

/// The same, with other limits of the server.
fn chat_with(max_outbox_bytes: usize, limits: Settings) -> Server {
    let settings = chat::Settings {
        max_outbox_bytes,
        max_history: 5,
        last_id: 0,
        pace: Pace {
            messages: 1_000_000,
            deliveries: u64::MAX,
        },
        ..chat::Settings::default()
    };
    start(
        Settings {
            max_message: 16 << 10,
            ..limits
        },
        Chat::new(&settings),
    )
}

/// Lets a client say something long this many times, or until the client of this name, which reads nothing, has left.
/// Returns what the speaker hears instead, if it is no longer in the chat.
fn speaks(speaker: &mut Peer, times: usize, name: &str) -> Result<(), String> {
    // A thousand characters, four bytes each. The system's own buffers have to fill first.
    let long = "𝄞".repeat(1000);
    let left = format!(r#"{{"left":"{name}"}}"#);
    let mut has_left = false;
    for _ in 0..times {
        speaker.send(&says("ada", &long));
        while let heard = text(speaker)
            && !heard.contains(&long)
        {
            has_left |= heard.contains(&left);
            if !heard.starts_with('{') {
                return Err(heard);
            }
        }
        if has_left {
            break;
        }
    }
    Ok(())
}

/// The same, for as long as it takes until that client has left.
fn speaks_until_left(speaker: &mut Peer, name: &str) -> Result<(), String> {
    speaks(speaker, 20_000, name)
}

fn says(name: &str, text: &str) -> Vec<u8> {
    masked(
        TEXT,
        format!(r#"{{"username":"{name}","message":"{text}"}}"#).as_bytes(),
    )
}

/// The text of the next frame.
fn text(peer: &mut Peer) -> String {
    match peer.frame() {
        Ok(Some((TEXT, payload))) => String::from_utf8_lossy(&payload).into_owned(),
        Ok(Some((first, payload))) => super::shared::meaning(first, &payload),
        other => format!("{:?}", other.map(|_| ())),
    }
}

#[test]
fn the_rules_are_those_of_step_10() {
    check! {
        rfc: "the workshop's own rule",
        rule: "History, names, news and refusals are those of step 10, and an answer overtakes no message.",
        signs: [],
        shows: || {
            let server = chat(1 << 20);
            let mut ada = Peer::open(server.address());
            let mut shown = format!("ada joins\n  {}\n", text(&mut ada));
            ada.send(&says("ada", "hi"));
            shown += &format!("she speaks\n  {}\n  {}\n", text(&mut ada), text(&mut ada));
            let mut bob = Peer::open(server.address());
            shown += &format!("bob joins\n  {}\n  {}\n", text(&mut bob), text(&mut bob));
            bob.send(&[says("bob", "hello"), says("ada", "not me"), masked(0x82, b"?")].concat());
            for _ in 0..4 {
                shown += &format!("  bob: {}\n", text(&mut bob));
            }
            shown += &format!("  ada: {}\n  ada: {}\n", text(&mut ada), text(&mut ada));
            bob.send(&[says("bob", "and a ping"), masked(PING, b"?")].concat());
            shown += &format!("he speaks, and pings\n  bob: {}\n  bob: {}\n", text(&mut bob), text(&mut bob));
            bob.send(&masked(CLOSE, &[3, 232]));
            shown += &format!("he says goodbye\n  bob: {}\n  bob: {}\n", text(&mut bob), bob.hears());
            shown += &format!("  ada: {}\n  ada: {}\n", text(&mut ada), text(&mut ada));
            let mut eve = Peer::open(server.address());
            eve.send(&says("eve", "am I late?"));
            // What came before is the history.
            let mut heard = text(&mut eve);
            while heard.starts_with('{') && !heard.contains("late") {
                heard = text(&mut eve);
            }
            let stopping = thread::spawn(move || drop(server));
            shown += &format!("the server stops\n  eve: {}\n", text(&mut eve));
            drop(eve);
            drop(ada);
            _ = stopping.join();
            shown
        },
    }
}

#[test]
fn the_chat_asks_silent_clients() {
    check! {
        rfc: "RFC 6455 §5.5.2, §7.4.1",
        rule: "In the chat, too, a silent client gets a ping, then Close 1008, and then TCP ends.",
        signs: [],
        shows: || {
            let short = Duration::from_millis(60);
            let patience = Patience { ping_after: short, pong_within: short, close_within: short };
            let server = start(Settings { patience, ..settings() }, Chat::new(&chat::Settings::default()));
            let mut peer = Peer::open(server.address());
            [(); 4].map(|()| peer.hears() + "\n").concat()
        },
    }
}

#[test]
fn everyone_hears_everything_once() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Each message reaches each client once, in the same order.",
        signs: [
            missing(["30 of 30"]).says(
                "A message is missing, or came twice. Is the news told to every client, and again if there is more?",
            ),
        ],
        shows: || {
            const MESSAGES: usize = 40;
            let server = chat(1 << 20);
            let mut peers = Vec::from_iter((0..30).map(|_| Peer::open(server.address())));
            let mut ids = Vec::new();
            for (number, peer) in peers.iter_mut().enumerate().take(5) {
                let all = Vec::from_iter((0..MESSAGES).flat_map(|it| says(&format!("speaker {number}"), &it.to_string())));
                peer.send(&all);
            }
            for peer in &mut peers {
                let mut heard = Vec::new();
                while heard.len() < 5 * MESSAGES {
                    let text = text(peer);
                    if let Some((id, _)) = text.strip_prefix(r#"{"id":"#).and_then(|it| it.split_once(',')) {
                        heard.push(id.parse::<u64>().unwrap_or_default());
                    } else if !text.starts_with('{') {
                        break;
                    }
                }
                ids.push(heard);
            }
            let right = ids.iter().filter(|ids| ids.iter().copied().eq(1..=5 * MESSAGES as u64)).count();
            format!("{right} of 30 heard {} messages, each once and in order\n", 5 * MESSAGES)
        },
    }
}

#[test]
fn one_that_reads_nothing_is_cut_off() {
    check! {
        rfc: "RFC 6455 §7.4.1",
        rule: "A client whose outbox is full is closed with 1013. The others go on.",
        signs: [
            under("the one that reads nothing", missing(["Close 1013"])).says(
                "It wasn't told why. Once its socket is writable again, it gets what its outbox has: the Close frame.",
            ),
        ],
        shows: || {
            let patience = Patience { close_within: long_enough(), ..settings().patience };
            let server = chat_with(100_000, Settings { patience, ..settings() });
            let mut silent = Peer::open(server.address());
            silent.send(&masked(TEXT, br#"{"username":"silent"}"#));
            let mut ada = Peer::open(server.address());
            if let Err(heard) = speaks_until_left(&mut ada, "silent") {
                return format!("ada hears {heard}\n");
            }
            // Meanwhile, the server looks at the clock. There is time left.
            thread::sleep(3 * settings().tick);
            let mut last = text(&mut silent);
            while last.starts_with('{') {
                last = text(&mut silent);
            }
            ada.send(&says("ada", "still there?"));
            let heard = text(&mut ada);
            let heard = if heard.contains("still there?") { "goes on".to_string() } else { heard };
            format!("the one that reads nothing\n  {last}\nada\n  {heard}\n")
        },
    }
}

#[test]
fn one_that_is_cut_off_makes_room() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "A client that was cut off and doesn't even read the Close has as much time as for its answer. Then there \
               is room for another. A client that is only slow has no such deadline.",
        signs: [],
        shows: || {
            let patience = Patience { close_within: Duration::from_millis(60), ..settings().patience };
            let server = chat_with(100_000, Settings { max_connections: 2, patience, ..settings() });
            let newcomer = || exchange(server.address(), "GET", "/people", None).status;
            let mut silent = Peer::open(server.address());
            silent.send(&masked(TEXT, br#"{"username":"silent"}"#));
            let mut ada = Peer::open(server.address());
            let mut shown = format!("while it is here, a newcomer gets {}\n", newcomer());
            if let Err(heard) = speaks_until_left(&mut ada, "silent") {
                return format!("ada hears {heard}\n");
            }
            let has_room = comes_true(|| newcomer() == 200);
            shown += &format!("it is cut off; there is room again: {has_room}\n");
            // Six megabytes: more than the system takes, and less than the outbox has room for.
            let server = chat_with(64 << 20, Settings { patience, ..settings() });
            let mut slow = Peer::open(server.address());
            slow.send(&masked(TEXT, br#"{"username":"slow"}"#));
            let mut ada = Peer::open(server.address());
            if let Err(heard) = speaks(&mut ada, 1500, "slow") {
                return format!("ada hears {heard}\n");
            }
            thread::sleep(5 * patience.close_within);
            let people = exchange(server.address(), "GET", "/people", None).body;
            shown + &format!("one is only slow; the people: {}\n", String::from_utf8_lossy(&people))
        },
    }
}
