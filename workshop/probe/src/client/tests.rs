//! The bad server against a small client that keeps every rule, and against the same one with a fault.

use std::io::Write;
use std::sync::mpsc::{self, Receiver, TryRecvError};

use workshop_terminal::text::columns;

use self::played::Fault;
use super::*;
use crate::outcome::Mark;

#[path = "../../tests/played/mod.rs"]
mod played;

/// Each fault, and the rule that must find it.
const FOUND_BY: [(Fault, &str); 63] = [
    (Fault::Posts, "GET, the URL's path, HTTP/1.1"),
    (Fault::AsksForTheRoot, "GET, the URL's path, HTTP/1.1"),
    (Fault::SpeaksOldHttp, "GET, the URL's path, HTTP/1.1"),
    (Fault::SendsNoHost, "one Host, with the port"),
    (Fault::AsksForNoUpgrade, "Upgrade: websocket"),
    (Fault::HasNoConnectionField, "Connection: Upgrade"),
    (Fault::SpeaksVersion8, "version 13"),
    (Fault::HasAShortKey, "one key, 16 bytes in base64"),
    (Fault::SendsTheFragment, "no fragment in the request"),
    (Fault::ReadsTheHeadAtOnce, "101 in two pieces"),
    (
        Fault::DropsWhatFollowsTheHead,
        "a frame in the 101's segment",
    ),
    (Fault::MindsCase, "names and tokens in any case"),
    (Fault::MindsLists, "Connection: keep-alive, Upgrade"),
    (Fault::StopsAt100, "100 and 103 before the 101"),
    (Fault::TakesAnyAccept, "a wrong accept key fails"),
    (Fault::TakesAnAcceptInAnyCase, "a wrong accept key fails"),
    (Fault::TakesHalfAnAccept, "a wrong accept key fails"),
    (Fault::TakesNoAccept, "no accept key fails"),
    (Fault::TakesNoUpgrade, "no Upgrade, or another, fails"),
    (Fault::TakesNoConnection, "no Connection, or another, fails"),
    (Fault::TakesAnyStatus, "200, 401, 426, 503 don't open it"),
    (Fault::TakesAnyProtocol, "SSH's greeting doesn't open it"),
    (
        Fault::TakesASubprotocol,
        "a subprotocol not asked for fails",
    ),
    (Fault::TakesAnExtension, "an extension not offered fails"),
    (Fault::EndsWithZero, "TCP ends before the answer"),
    (Fault::MasksNothing, "its own frames are right"),
    (Fault::SetsAReservedBit, "its own frames are right"),
    (Fault::WritesLongLengths, "its own frames are right"),
    (Fault::PongsWithNothing, "a ping is answered"),
    (Fault::ForgetsAtAPing, "a ping between two fragments"),
    (Fault::TakesMasked, "a masked frame fails"),
    (Fault::TakesReservedBits, "RSV1, RSV2, RSV3 fail"),
    (Fault::TakesReservedOpcodes, "opcodes 3–7 and b–f fail"),
    (Fault::TakesControlInParts, "a control frame in parts fails"),
    (Fault::TakesLongControl, "126 bytes in a control frame fail"),
    (
        Fault::TakesALoneContinuation,
        "a continuation of nothing fails",
    ),
    (Fault::TakesTextInAMessage, "text inside a message fails"),
    (Fault::TakesAnyText, "text that isn't UTF-8 fails"),
    (Fault::ExpectsWholeFrames, "a stream cut at every byte"),
    (Fault::DropsFragments, "100,000 one-byte fragments"),
    (Fault::HangsUpOnClose, "Close, then Close, then FIN"),
    (Fault::KeepsTcpOpen, "an empty Close is answered"),
    (Fault::KeepsTcpOpen, "Close 4999 is answered"),
    (Fault::EchoesAfterClose, "nothing is echoed after a Close"),
    (Fault::SendsAnyCodeBack, "1005, 1006, 1015, 999 fail"),
    (Fault::KeepsTcpOpen, "a Close of one byte"),
    (Fault::SendsAnyReasonBack, "a reason that isn't UTF-8 fails"),
    (Fault::EndsWithZero, "TCP ends without a Close"),
    (Fault::EchoesHalfAFrame, "TCP ends inside a frame"),
    (Fault::EndsWithZero, "TCP ends inside a message"),
    (
        Fault::TakesAnyAgreement,
        "a wrong answer to its offer fails",
    ),
    (Fault::StopsAtBfinal, "\"Hello\", compressed, is echoed"),
    (Fault::ForgetsItsContext, "… and one that refers back to it"),
    (Fault::ExpectsCompression, "… and one that isn't compressed"),
    (Fault::LeavesTheTail, "its own frames, compressed"),
    (Fault::NeverForgets, "no_context_takeover is kept to"),
    (Fault::IgnoresItsWindow, "client_max_window_bits=9, too"),
    (Fault::TakesMisplacedBits, "RSV1 where no message begins"),
    (Fault::TakesAnyDeflate, "what isn't DEFLATE fails"),
    (Fault::TakesAnyText, "compressed, and not UTF-8: fails"),
    (Fault::HasOneKey, "a new key in each handshake"),
    (Fault::MasksWithOneKey, "a new masking key in each frame"),
    (Fault::MasksFromOneSeed, "… and in each connection"),
];

const PATIENCE: Duration = Duration::from_secs(1);
/// What a second try gets: a machine may be too busy for the first.
const MORE_PATIENCE: Duration = Duration::from_secs(12);
/// Longer than anything takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(20);

#[test]
fn each_fault_is_found_by_its_rule() {
    thread::scope(|scope| {
        for (fault, words) in FOUND_BY {
            scope.spawn(move || {
                let mut outcome = tried(fault, words, PATIENCE);
                if outcome.mark != Mark::Broken {
                    outcome = tried(fault, words, MORE_PATIENCE);
                }
                assert_eq!(outcome.mark, Mark::Broken, "{fault:?}: {outcome:?}");
            });
        }
    });
}

#[test]
fn a_masking_key_that_counts_is_found() {
    let outcome = tried(
        Fault::Counts,
        "a new masking key in each frame",
        MORE_PATIENCE,
    );
    assert_eq!(outcome.mark, Mark::Broken, "{outcome:?}");
    assert!(
        outcome.did.starts_with("they count, from 00 00 ff"),
        "{outcome:?}"
    );
}

#[test]
fn a_client_that_ends_tcp_first_does_not_follow_a_should() {
    let outcome = tried(
        Fault::EndsTcpFirst,
        "it lets the server end TCP first",
        MORE_PATIENCE,
    );
    assert_eq!(outcome.mark, Mark::NotFollowed, "{outcome:?}");
}

/// A rule that can end with ✗ has a fault that it finds; the others only tell what was chosen.
#[test]
fn every_rule_finds_a_fault_or_has_no_right_and_wrong() {
    const CHOICES: [&str; 17] = [
        "101 in one-byte pieces",
        "what it offers",
        "101 that drips, 10 ms a byte",
        "two accept keys, the second wrong",
        "HTTP/1.0 101",
        "301 elsewhere",
        "a head of 20 MB",
        "no answer at all",
        "a length with its top bit set",
        "1 GiB declared, nothing sent",
        "… in a first fragment alone",
        "… in 3 of 100 bytes",
        "fragments without end",
        "pings, and nobody reads",
        "1 KiB messages, and nobody reads",
        "Close, and TCP is left open",
        "64 MiB of zeros in 64 KiB",
    ];
    // A client that accepts them, or refuses them with the right code, is right.
    const EITHER: [&str; 3] = [
        "5 bytes, length in 16 bits",
        "5 bytes, length in 64 bits",
        "it lets the server end TCP first",
    ];
    for rule in rules() {
        let has_fault = FOUND_BY.iter().any(|(_, words)| *words == rule.words);
        let is_choice = CHOICES.contains(&rule.words) || EITHER.contains(&rule.words);
        assert!(has_fault != is_choice, "{}", rule.words);
    }
}

#[test]
fn a_client_without_a_fault_keeps_every_rule() {
    let (mut end, mut said) = told(Fault::Nothing, 2 * PATIENCE);
    if said.contains("\n✗") || end.is_err() {
        (end, said) = told(Fault::Nothing, MORE_PATIENCE);
    }
    assert_eq!(end.expect("it echoes"), Exit::Success, "{said}");
    assert!(!said.contains("\n✗") && !said.contains("\n!"), "{said}");
    assert!(said.lines().all(|line| columns(line) <= 80), "{said}");
    for (_, words) in FOUND_BY {
        assert!(said.contains(&format!("\n✓ {words}")), "{words}: {said}");
    }
}

#[test]
fn a_client_that_offers_no_compression_is_asked_nothing_about_it() {
    for rule in super::compression::RULES {
        let outcome = tried(Fault::OffersNoCompression, rule.words, DEADLINE);
        assert_eq!(outcome, Outcome::not_asked("not offered"), "{}", rule.words);
    }
    let words = "an extension not offered fails";
    let outcome = tried(Fault::OffersNoCompression, words, DEADLINE);
    assert_eq!(outcome.mark, Mark::Kept, "{outcome:?}");
}

/// On a machine with many servers, a port that was another's is soon the probe's.
#[test]
fn a_stranger_is_not_taken_for_the_client() {
    struct AfterAStranger(Played);

    impl Client for AfterAStranger {
        fn call(&self, words: &str, url: &str) -> Result<Box<dyn Call>, String> {
            let address = url.split('/').nth(2).expect("it has an address");
            let mut stranger = TcpStream::connect(address).expect("the probe listens");
            let request = format!("GET / HTTP/1.1\r\nHost: {address}\r\n\r\n");
            stranger.write_all(request.as_bytes()).expect("it is open");
            self.0.call(words, url)
        }

        fn name(&self) -> String {
            self.0.name()
        }

        fn time_to_connect(&self) -> Duration {
            self.0.time_to_connect()
        }
    }

    let listener = bind("127.0.0.1:0", false).expect("a port is free");
    let client = Box::new(AfterAStranger(Played(Fault::Nothing)));
    let session = Session::new(listener, client).expect("it can listen");
    assert_eq!(greet(&Rc::new(session), DEADLINE), Ok(()));
}

#[test]
fn a_client_with_a_fault_is_red() {
    let terms = Terms {
        patience: DEADLINE,
        only: "MASKED frame",
    };
    let mut said = String::new();
    let end = judge(session(Fault::TakesMasked), terms, &mut |line| {
        said.push_str(&format!("{line}\n"));
    });
    assert_eq!(end.expect("it echoes"), Exit::Red, "{said}");
    assert!(said.contains("\n✗ a masked frame fails"), "{said}");
    assert!(said.contains("1 rule: 0 kept, 1 broken"), "{said}");
}

#[test]
fn where_there_is_no_echo_client_one_sentence_says_so() {
    for (fault, why) in [
        (Fault::HangsUpOnClose, "FIN, no Close, exit code 0"),
        (
            Fault::KeepsTcpOpen,
            "Close 1000, stays open, the program doesn't end",
        ),
        (Fault::EchoesNothing, "no echo, stays open"),
        (Fault::ConnectsNowhere, "doesn't connect, exit code 1"),
    ] {
        let sentence_within = |patience| {
            let (end, said) = told(fault, patience);
            assert_eq!(said, "", "{fault:?}");
            end.expect_err("there is none").to_string()
        };
        let mut sentence = sentence_within(2 * PATIENCE);
        if !sentence.contains(why) {
            sentence = sentence_within(MORE_PATIENCE);
        }
        assert!(sentence.contains(why), "{sentence}");
        assert_eq!(sentence.lines().count(), 1, "{sentence}");
    }
}

#[test]
fn a_rule_fits_into_its_line() {
    for rule in rules() {
        assert!(columns(rule.words) <= 33, "{}", rule.words);
        assert!(columns(rule.section) <= 9, "{}", rule.section);
    }
}

#[test]
fn other_machines_are_let_in_only_if_that_is_asked_for() {
    let error = bind("0.0.0.0:0", false).expect_err("it is everywhere");
    assert!(error.to_string().contains("--anywhere"), "{error}");
    assert!(bind("0.0.0.0:0", true).is_ok());
    assert!(bind("127.0.0.1:0", false).is_ok());
    assert!(bind("127.0.0.1", true).is_err(), "it has no port");
}

fn rules() -> impl Iterator<Item = &'static Rule> {
    GROUPS.iter().flat_map(|(_, rules)| rules.iter())
}

fn session(fault: Fault) -> Session {
    let listener = bind("127.0.0.1:0", false).expect("a port is free");
    Session::new(listener, Box::new(Played(fault))).expect("it can listen")
}

/// Tries one rule, after two requests have been seen.
fn tried(fault: Fault, words: &str, patience: Duration) -> Outcome {
    let session = Rc::new(session(fault));
    for _ in 0..2 {
        let trial = Trial {
            session: Rc::clone(&session),
            words: "a look at the request",
            patience: DEADLINE,
        };
        trial.visit().expect("it connects");
    }
    let rule = rules().find(|rule| rule.words == words);
    outcome(
        rule.expect("the rule is one of the probe's"),
        &session,
        patience,
    )
}

fn told(fault: Fault, patience: Duration) -> (Result<Exit>, String) {
    let terms = Terms { patience, only: "" };
    let mut said = String::new();
    let end = judge(session(fault), terms, &mut |line| {
        said.push_str(&format!("{line}\n"));
    });
    (end, said)
}

/// A client that is played in a thread of its own for each connection.
struct Played(Fault);

impl Client for Played {
    fn call(&self, _words: &str, url: &str) -> Result<Box<dyn Call>, String> {
        let (sender, receiver) = mpsc::channel();
        let (fault, url) = (self.0, url.to_string());
        thread::spawn(move || {
            let end = played::play(&url, fault);
            _ = sender.send(Fate::Ended(i32::from(end.is_err())));
        });
        Ok(Box::new(Playing {
            end: receiver,
            fate: Fate::Runs,
        }))
    }

    fn name(&self) -> String {
        format!("a played client, {:?}", self.0)
    }

    fn time_to_connect(&self) -> Duration {
        DEADLINE
    }
}

struct Playing {
    end: Receiver<Fate>,
    fate: Fate,
}

impl Call for Playing {
    fn fate(&mut self) -> Fate {
        match self.end.try_recv() {
            Ok(fate) => self.fate = fate,
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) if self.fate != Fate::Runs => {}
            Err(TryRecvError::Disconnected) => self.fate = Fate::Crashed,
        }
        self.fate
    }
}
