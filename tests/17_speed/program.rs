//! The program.

use speed::measure::mixed;
use support::frame::{TEXT, masked};
use support::sign::yours;
use support::{check, program};

use super::shared::Peer;

#[test]
fn the_program_serves_both() {
    check! {
        rfc: "the workshop's own rule",
        rule: "`echo` and `chat` serve, with the options of steps 09 and 10. Without a command, it is the chat.",
        signs: [yours(["the handshake"]).says("The server doesn't let anyone in.")],
        shows: || {
            let program = program!();
            let mut shown = String::new();
            for command in [Some("echo"), Some("chat"), None] {
                let server = program.serve_as(&[command.as_slice(), &["--max-message", "1000"]].concat());
                let mut peer = Peer::open(server.address);
                if command == Some("echo") {
                    peer.send(&masked(TEXT, b"hello"));
                }
                shown += &format!("{}\n  {}\n", command.unwrap_or("(no command)"), peer.hears());
                peer.send(&masked(TEXT, &[b'x'; 2000]));
                shown += &format!("  a message over the limit: {}\n", peer.hears());
            }
            shown
                + &program.runs(&[
                    &["dance"],
                    &["echo", "--max-message", "lots"],
                    &["--dance"],
                    &["-d"],
                    &["measure", "long"],
                    &["measure", "1", "2"],
                    &["--help"],
                ])
        },
    }
}

#[test]
fn the_program_measures() {
    check! {
        rfc: "the workshop's own rule",
        rule: "`measure` tells what each change is worth, for short payloads and for long ones.",
        signs: [],
        shows: || {
            let printed = program!().runs(&[&["measure", "1"]]);
            printed.lines().map(|line| without_figures(line) + "\n").collect::<String>()
        },
    }
}

/// A figure, or -1 if it has too many digits, or too few. What is rounded may have either number of them.
fn figure(text: &str) -> f64 {
    let digits = text.split_once('.').map_or(0, |(_, digits)| digits.len());
    match (text.parse(), digits) {
        (Ok(large), 0) if large >= 99.0 => large,
        (Ok(middle), 1) if (0.99..101.0).contains(&middle) => middle,
        (Ok(small), 3) if small < 1.01 => small,
        _ => -1.0,
    }
}

/// A line of `measure` with `#` for each figure that can be right, also in a debug build and on a busy machine: nothing
/// does a million bytes in a nanosecond, a thousand times as slowly as usual, or takes ten seconds.
fn without_figures(line: &str) -> String {
    let Some((row, figures)) = line.split_once(", GB/s").or(line.split_once(", ns")) else {
        return line.to_string();
    };
    let is_rate = line.contains("GB/s");
    let right = if is_rate { 1e-3..1e3 } else { 1.0..1e10 };
    let figures = Vec::from_iter(figures.split_whitespace().map(figure));
    let shown = figures.iter().map(|it| {
        if right.contains(it) {
            "#"
        } else {
            "(can't be right)"
        }
    });
    let shown = format!("{row}: {}", Vec::from_iter(shown).join(" "));
    match figures[..] {
        // A call for each 16 bytes costs more than the bytes do.
        [short, _, long, _] if row.starts_with("copy") || row.starts_with("ASCII, std") => {
            shown
                + if short < long {
                    ", faster if long"
                } else {
                    ", as slow if long"
                }
        }
        [short, _, _, long] if !is_rate => {
            shown
                + if short < long {
                    ", longer if long"
                } else {
                    ", as fast if long"
                }
        }
        _ => shown,
    }
}

#[test]
fn the_sample_is_always_the_same() {
    check! {
        rfc: "the workshop's own rule",
        rule: "`measure` checks text in many scripts, of the length that it names.",
        signs: [],
        shows: || {
            let row = |size| {
                let text = String::from_utf8(mixed(size)).unwrap_or_default();
                let last = Vec::from_iter(text.chars().rev().take(9)).into_iter().rev();
                format!("{size}: {} bytes, and ends with {:?}\n", text.len(), last.collect::<String>())
            };
            [16, 60, 61, 1001].map(row).concat()
        },
    }
}
