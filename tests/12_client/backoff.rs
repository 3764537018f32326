//! When to try again. Time and chance are told.

use std::time::Duration;

use client::Backoff;
use support::check;
use support::sign::{missing, only, panics, under, yours};

/// Chance in the middle.
const HALF: u64 = u64::MAX / 2;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Times to the millisecond: `1.5 s`.
fn shown(time: Duration) -> String {
    let milliseconds = (time.as_secs_f64() * 1000.0).round();
    format!("{} s", milliseconds / 1000.0)
}

#[test]
fn the_ceiling_doubles() {
    check! {
        rfc: "RFC 6455 §7.2.3",
        rule: "A wait is any time up to a ceiling: 1 s, 2 s, 4 s, 8 s, 16 s, and then always 30 s.",
        signs: [
            panics("overflow").says(
                "The power of two overflows after so many failures. `checked_pow` and `saturating_mul` stop instead.",
            ),
            missing(["try  1", "0 s to 1 s"]).and(yours(["try  1", "0 s to 2 s"])).says(
                "The failure is counted before the wait is computed: the first wait has the ceiling of the second.",
            ),
            yours(["try  6", "to 32 s"]).says("The ceiling has no ceiling: after an hour, the next try is a day away."),
            missing(["try  1", "0 s to 1 s"]).and(yours(["try  1", "1 s to 1 s"])).says(
                "The wait is the ceiling itself. All clients that a restart has cut off come back in the same moment.",
            ),
            missing(["try  1", "0 s to 1 s"]).and(yours(["try  1", "0.5 s to 1 s"])).says(
                "Chance decides only half of the wait. The whole of it spreads a crowd over twice the time.",
            ),
            yours(["try  3", "to 3 s"]).says("The ceiling grows by a second each time. It should double."),
            yours(["try  2", "0 s to 1 s"]).says("The ceiling stays where it was: the failures aren't counted."),
        ],
        shows: ceilings,
    }
}

fn ceilings() -> String {
    let mut waits = [0, HALF, u64::MAX].map(|chance| (Backoff::default(), chance));
    let mut row = |number: u32| {
        let waits = waits.each_mut();
        let [least, half, most] = waits.map(|(backoff, chance)| shown(backoff.next_wait(*chance)));
        format!("try {number:>2}: {least} to {most}, half-way {half}\n")
    };
    let rows: Vec<String> = (1..=5000).map(&mut row).collect();
    [&rows[..8], &rows[31..34], &rows[4999..]].concat().concat()
}

/// The ceiling of the wait after each of these connections, which lasted for so long. `None` never opened.
fn diary(connections: &[Option<u64>]) -> String {
    let mut backoff = Backoff::default();
    let mut diary = String::new();
    for connection in connections {
        if let Some(lasted) = connection {
            backoff.ended(seconds(*lasted));
        }
        let what = match connection {
            Some(lasted) => format!("open for {lasted} s"),
            None => "not opened".to_string(),
        };
        let wait = shown(backoff.next_wait(u64::MAX));
        diary += &format!("{what:<16} → up to {wait}\n");
    }
    diary
}

#[test]
fn a_connection_that_lasted_begins_again() {
    check! {
        rfc: "RFC 6455 §7.2.3",
        rule: "A connection that was open for 10 s or longer forgets the failures before it. A shorter one doesn't.",
        signs: [
            only(["open for 0 s", "open for 1 s"]).and(yours(["open for 0 s", "up to 16 s"])).says(
                "A connection that was too short counts as two failures: `next_wait` counts it, so `ended` needn't.",
            ),
            yours(["open for 1 s", "up to 1 s"]).says(
                "Any connection forgets the failures. A server that accepts and hangs up at once is then asked about \
                 twice a second, by all its clients.",
            ),
            missing(["open for 10 s", "up to 1 s"]).and(missing(["open for 11 s", "up to 1 s"])).says(
                "No connection forgets the failures. A client that has been fine for a week waits for half a minute.",
            ),
            missing(["open for 10 s", "up to 1 s"]).says("A connection of exactly 10 s has lasted, too: compare with `>=`."),
        ],
        shows: || diary(&[
            None, None, None, Some(0), Some(1), Some(9), Some(10), None, Some(11), Some(86_400), None, Some(0),
        ]),
    }
}

/// Numbers that look random, the same ones each time (SplitMix64, by Sebastiano Vigna).
fn chances() -> impl Iterator<Item = u64> {
    let mut state = 12_u64;
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = state;
        number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^ number >> 31
    })
}

#[test]
fn a_herd_comes_back_one_by_one() {
    check! {
        rfc: "RFC 6455 §7.2.3",
        rule: "If a server restarts, its clients' first tries are spread over a second: about as many in each tenth.",
        signs: [
            under("0.9 s", yours(["all of them"])).says(
                "All clients wait for the same time, and come back in the same moment.",
            ),
            under("0.0 s", yours(["all of them"])).says(
                "All clients come back at once: the server that has just started gets every handshake together.",
            ),
            only(["0.", "none of them"]).and(yours(["0.0 s", "none of them"])).says(
                "The waits begin at some time above 0: a part of the second is left out.",
            ),
        ],
        shows: first_tries,
    }
}

fn first_tries() -> String {
    let mut tenths = [0; 10];
    for chance in chances().take(1000) {
        let wait = Backoff::default().next_wait(chance);
        tenths[((wait.as_secs_f64() * 10.0) as usize).min(9)] += 1;
    }
    let row = |(tenth, count): (usize, &usize)| {
        let count = match count {
            0 => "none of them".to_string(),
            1000 => "all of them".to_string(),
            60..=140 => "about 100".to_string(),
            other => other.to_string(),
        };
        format!("0.{tenth} s  {count}\n")
    };
    let rows: String = tenths.iter().enumerate().map(row).collect();
    format!("of 1000 clients, so many try again after\n{rows}")
}
