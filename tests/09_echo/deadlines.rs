//! How long the server waits for a silent peer.

use std::time::{Duration, Instant};

use echo::Deadlines;
use echo::Patience;
use support::check;
use support::sign::{missing, under, yours};

/// Deadlines of 30, 10 and 5 seconds, and a function that gives the time so many seconds later.
fn deadlines_from_now() -> (Deadlines, impl Fn(u64) -> Instant) {
    let patience = Patience {
        ping_after: Duration::from_secs(30),
        pong_within: Duration::from_secs(10),
        close_within: Duration::from_secs(5),
    };
    let start = Instant::now();
    let at = move |second| start + Duration::from_secs(second);
    (Deadlines::new(patience, start), at)
}

/// The actions that are due, second by second, if these things happen at these times.
fn diary(happens: &[(u64, &str)], until: u64) -> String {
    let (mut deadlines, at) = deadlines_from_now();
    let mut diary = String::new();
    for second in 0..=until {
        for (_, what) in happens.iter().filter(|(when, _)| *when == second) {
            diary += &format!("{second:>3} s  {what}\n");
            match *what {
                "bytes come" => deadlines.received(at(second)),
                _ => deadlines.close_sent(at(second)),
            }
        }
        if let Some(due) = deadlines.due(at(second)) {
            diary += &format!("{second:>3} s  → {due:?}\n");
            match due {
                echo::Due::Close => deadlines.close_sent(at(second)),
                echo::Due::End => return diary,
                echo::Due::Ping => {}
            }
        }
    }
    diary + &format!("{until:>3} s  nothing is due\n")
}

/// The actions that are due if they are done late: the Close long after it was due, the end never.
fn close_waits() -> String {
    let (mut deadlines, at) = deadlines_from_now();
    let row = |second| {
        if second == 51 {
            deadlines.close_sent(at(second));
        }
        match deadlines.due(at(second)) {
            Some(due) => format!("{second:>3} s  → {due:?}\n"),
            None => format!("{second:>3} s  nothing is due\n"),
        }
    };
    [30, 40, 41, 50, 51, 56, 57].map(row).concat()
}

#[test]
fn a_silent_peer_gets_a_ping_then_a_close_then_the_end() {
    check! {
        rfc: "RFC 6455 §5.5.2",
        rule: "After 30 s of silence a ping is due, 10 s later a Close, 5 s later the end. Bytes that come start \
               the wait again.",
        signs: [
            under("nothing ever comes", yours(["42 s  → Close"])).says(
                "Each deadline is a second late: a wait of exactly 30 s is over. Compare with `<`, not with `<=`.",
            ),
            under("nothing ever comes", yours(["35 s  → Close"]).or(yours(["50 s  → End"]))).says(
                "Two patiences are swapped: 10 s are for the answer to a ping, 5 s for the answer to a Close.",
            ),
            under("nothing ever comes", yours(["31 s  → Close"])).says(
                "The wait for the pong began with the last bytes, not with the ping: `since` is still the old time.",
            ),
            under("nothing ever comes", yours(["31 s  → Ping"])).says(
                "A ping is due each time the clock is looked at: it changed neither `waiting_for` nor `since`.",
            ),
            under("nothing ever comes", yours(["60 s  → Ping"])).says(
                "After a ping, the wait isn't for its answer. A silent peer gets a ping every 30 s, and is never given \
                 up.",
            ),
            under("it answers", yours(["63 s  → Ping"])).says(
                "Bytes counted only while a pong was awaited. A client that talks all the time gets a ping, too.",
            ),
            under("it answers late", yours(["30 s  → Ping"])).says(
                "The bytes that came at 29 s changed nothing: the silence still counts from the beginning.",
            ),
            under("it answers", yours(["40 s  → Close"])).says(
                "Bytes counted only until a ping was due. Its answer changed nothing.",
            ),
            under("it answers", yours(["43 s  → Close"])).says(
                "Bytes that come after a ping prolong the wait for a pong, but don't end it. Any bytes are an \
                 answer.",
            ),
            under("Close goes out at 51 s", yours(["41 s  nothing"])).says(
                "A Close was due only once. It stays due until `close_sent` is called, which the driver does when it \
                 sends the Close.",
            ),
            under("Close goes out at 51 s", yours(["57 s  nothing"])).says(
                "The end was due only once. It stays due.",
            ),
        ],
        shows: diaries_of_silence,
    }
}

fn diaries_of_silence() -> String {
    let silent = diary(&[], 60);
    let answers = diary(
        &[(33, "bytes come"), (63, "bytes come"), (70, "bytes come")],
        99,
    );
    let late = diary(
        &[(29, "bytes come"), (68, "bytes come"), (69, "bytes come")],
        90,
    );
    let waits = close_waits();
    format!(
        "nothing ever comes\n{silent}\nit answers\n{answers}\nit answers late\n{late}\n\
         it is silent, and our Close goes out at 51 s\n{waits}"
    )
}

#[test]
fn only_a_close_answers_a_close() {
    check! {
        rfc: "RFC 6455 §7.1.1",
        rule: "A peer has 5 s to answer our Close, whatever else it sends.",
        signs: [
            missing(["7 s  → End"]).says(
                "Bytes that came after our Close prolonged the wait. A client that sends a byte now and then would \
                 never be closed.",
            ),
        ],
        shows: diary_of_a_dripping_peer,
    }
}

fn diary_of_a_dripping_peer() -> String {
    let drips: Vec<(u64, &str)> = [(2, "we close")]
        .into_iter()
        .chain((3..20).map(|second| (second, "bytes come")))
        .collect();
    diary(&drips, 20)
}
