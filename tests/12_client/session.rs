//! The program, when its connection is lost.

use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use support::frame::{CLOSE, TEXT, unmasked};
use support::machine::stretched;
use support::sign::missing;
use support::{check, program};

use super::shared::{Peer, Played, right_answer};

/// Longer than the first wait before a try can be, and than a program needs to start.
const LONG: Duration = Duration::from_secs(3);

/// A server that the check plays, what is typed into the program, and a diary of what the server hears.
struct Scene {
    played: Played,
    typed: Option<Sender<String>>,
    diary: String,
}

impl Scene {
    /// Takes the next connection, and notes what it asks for.
    fn accepts(&mut self) -> Peer {
        let peer = self.played.accept_while(stretched(LONG), || true);
        let mut peer = peer.expect("your client didn't connect");
        peer.patience = LONG;
        let head = peer.head();
        let request = head.lines().next().unwrap_or_default();
        self.diary += &format!("{request}\n");
        peer.send(&right_answer(&head, ""));
        peer
    }

    fn types(&self, line: &str) {
        let typed = self.typed.as_ref();
        // If the program has ended, the server will hear that.
        _ = typed.map(|typed| typed.send(format!("{line}\n")));
    }

    fn ends_typing(&mut self) {
        self.typed = None;
    }

    fn hears(&mut self, peer: &mut Peer) {
        let heard = peer.hears();
        self.diary += &format!("  hears {heard}\n");
    }

    fn says(&mut self, peer: &mut Peer, text: &str) {
        peer.send(&unmasked(TEXT, text.as_bytes()));
        self.diary += &format!("  says {text}\n");
    }

    fn ends_without_a_close(&mut self, peer: Peer) {
        drop(peer);
        self.diary += "  ends TCP without a Close\n";
    }

    /// The server closes with this code, and TCP ends.
    fn goes_away(&mut self, mut peer: Peer, code: u16) {
        peer.send(&unmasked(CLOSE, &code.to_be_bytes()));
        self.diary += &format!("  closes with {code}\n");
        self.hears(&mut peer);
        peer.end();
    }

    /// Nothing more is typed. The server answers the Close.
    fn closes(mut self, mut peer: Peer) -> String {
        self.ends_typing();
        self.hears(&mut peer);
        peer.send(&unmasked(CLOSE, &1000_u16.to_be_bytes()));
        peer.end();
        peer.hears();
        self.diary
    }
}

/// Runs the program with these options, and shows what the server hears and what the program prints. How long it waits
/// before the next try is up to chance, and left out.
fn visits(options: &[&str], server_does: impl FnOnce(Scene) -> String + Send + 'static) -> String {
    let played = Played::listen();
    let port = played.address().port();
    let (typed, texts) = mpsc::channel();
    let diary = String::new();
    let scene = Scene {
        played,
        typed: Some(typed),
        diary,
    };
    let serving = thread::spawn(move || server_does(scene));
    let url = format!("ws://127.0.0.1:{port}/socket");
    let arguments = [options, &[&url]].concat();
    let printed = program!().reads_a_pipe(&arguments, texts);
    let diary = serving.join().unwrap_or_default();
    let printed = printed.replace(&format!(":{port}"), ":9012");
    format!("{}\n{}", without_tokens(&diary), without_waits(&printed))
}

/// Replaces the seconds in "next try in 0.6 s".
fn without_waits(printed: &str) -> String {
    let line = |line: &str| match line.split_once("next try in ") {
        Some((start, _)) => format!("{start}next try in … s\n"),
        None => format!("{line}\n"),
    };
    printed.lines().map(line).collect()
}

/// Replaces the token of the tab, and says whether it was the same in all requests.
fn without_tokens(diary: &str) -> String {
    let mut tokens = Vec::new();
    for line in diary.lines() {
        let token = line.split_once("tab=").map(|(_, rest)| rest);
        tokens.extend(token.and_then(|token| token.split_whitespace().next()));
    }
    let Some(first) = tokens.first() else {
        return diary.to_string();
    };
    let is_good = first.len() > 16 && tokens.iter().all(|token| token == first);
    let name = if is_good {
        "(a token)"
    } else {
        "(a bad token)"
    };
    diary.replace(first, name)
}

#[test]
fn the_program_comes_back() {
    check! {
        rfc: "RFC 6455 §7.2.3",
        rule: "With --reconnect, the program opens a lost connection again, and so it does if the server stops. Without it, \
               it ends, with exit code 1 for a lost one.",
        signs: [],
        shows: || {
            let again = visits(&["--reconnect"], |mut scene| {
                let mut peer = scene.accepts();
                scene.types("one");
                scene.hears(&mut peer);
                scene.says(&mut peer, "you said one");
                scene.ends_without_a_close(peer);
                let mut peer = scene.accepts();
                scene.types("two");
                scene.hears(&mut peer);
                scene.says(&mut peer, "you said two");
                scene.closes(peer)
            });
            let once = visits(&[], |mut scene| {
                let peer = scene.accepts();
                scene.ends_without_a_close(peer);
                scene.diary
            });
            let restarted = [1001, 1012, 1013].map(|code| {
                visits(&["--reconnect"], move |mut scene| {
                    let peer = scene.accepts();
                    scene.goes_away(peer, code);
                    let peer = scene.accepts();
                    scene.closes(peer)
                })
            });
            let restarted = restarted.join("\n");
            let stopped = visits(&[], |mut scene| {
                let peer = scene.accepts();
                scene.goes_away(peer, 1001);
                scene.diary
            });
            let refused = visits(&["--reconnect"], |mut scene| {
                let peer = scene.accepts();
                scene.goes_away(peer, 1008);
                scene.diary
            });
            [again, once, restarted, stopped, refused].join("\n")
        },
    }
}

/// The first connection of a chat: a name, a message, and one that gets no answer.
fn loses_a_message(scene: &mut Scene) {
    let mut peer = scene.accepts();
    scene.says(&mut peer, r#"{"id":7,"username":"bob","message":"hi"}"#);
    scene.says(&mut peer, r#"{"people":["bob"]}"#);
    scene.hears(&mut peer);
    scene.says(&mut peer, r#"{"you":"ada"}"#);
    scene.types("hello");
    scene.hears(&mut peer);
    scene.says(&mut peer, r#"{"id":8,"username":"ada","message":"hello"}"#);
    scene.types("are you there?");
    scene.hears(&mut peer);
    scene.ends_without_a_close(peer);
}

#[test]
fn a_chat_goes_on_where_it_was() {
    check! {
        rfc: "the workshop's own rule",
        rule: "After a lost connection, the chat goes on: no message is lost, and none comes twice.",
        signs: [
            missing(["after=8"]).says("The second connection doesn't ask for what came after message 8."),
        ],
        shows: || {
            let options = ["--chat", "ada", "--reconnect"];
            let not_said = visits(&options, |mut scene| {
                loses_a_message(&mut scene);
                let mut peer = scene.accepts();
                scene.hears(&mut peer);
                scene.says(&mut peer, r#"{"id":9,"username":"bob","message":"I was away"}"#);
                scene.says(&mut peer, r#"{"people":["bob"]}"#);
                scene.says(&mut peer, r#"{"you":"ada"}"#);
                scene.hears(&mut peer);
                scene.says(&mut peer, r#"{"id":10,"username":"ada","message":"are you there?"}"#);
                scene.closes(peer)
            });
            let said = visits(&options, |mut scene| {
                loses_a_message(&mut scene);
                let mut peer = scene.accepts();
                scene.hears(&mut peer);
                scene.says(&mut peer, r#"{"id":9,"username":"ada","message":"are you there?"}"#);
                scene.says(&mut peer, r#"{"people":["bob"]}"#);
                scene.says(&mut peer, r#"{"you":"ada"}"#);
                scene.closes(peer)
            });
            [not_said, said].join("\n")
        },
    }
}

#[test]
fn the_program_waits_for_the_chat() {
    check! {
        rfc: "the workshop's own rule",
        rule: "At the end of a pipe, the program closes when every line has its answer.",
        signs: [],
        shows: || {
            let answered = visits(&["--chat", "ada"], |mut scene| {
                let mut peer = scene.accepts();
                scene.types("hello\n ");
                scene.ends_typing();
                scene.hears(&mut peer);
                scene.says(&mut peer, r#"{"people":[]}"#);
                scene.says(&mut peer, r#"{"you":"ada"}"#);
                scene.hears(&mut peer);
                scene.hears(&mut peer);
                scene.says(&mut peer, r#"{"id":1,"username":"ada","message":"hello"}"#);
                scene.says(&mut peer, r#"{"error":"The message is blank."}"#);
                scene.closes(peer)
            });
            let lost = visits(&["--chat", "ada"], |mut scene| {
                let mut peer = scene.accepts();
                scene.hears(&mut peer);
                scene.says(&mut peer, r#"{"people":[]}"#);
                scene.types("hello");
                scene.hears(&mut peer);
                scene.ends_without_a_close(peer);
                scene.diary
            });
            [answered, lost].join("\n")
        },
    }
}
