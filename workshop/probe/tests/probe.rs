//! `cargo workshop probe`, tried on the echo server of step 09.

use std::net::TcpListener;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use echo_solution::{Log, Server, Settings};
use workshop_probe::{Terms, probe};
use workshop_terminal::command_line::Exit;

#[test]
fn the_echo_of_step_09_breaks_no_rule_and_the_book_shows_it() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    // What the server says is shown only where the test fails.
    let (log, logged) = mpsc::channel();
    thread::spawn(move || logged.iter().for_each(|line: String| println!("{line}")));
    let settings = Settings {
        log: Log::Lines(log),
        ..Settings::default()
    };
    let _server = Server::start(listener, settings).expect("it starts");
    let mut said = String::new();
    let end = probe(
        &format!("ws://{address}/socket"),
        false,
        Terms {
            patience: Duration::from_secs(5),
            only: "",
        },
        &mut |line| said.push_str(&format!("{line}\n")),
    );
    assert_eq!(end.expect("it is probed"), Exit::Success, "{said}");
    assert!(!said.contains("\n!"), "{said}");
    // What two systems' buffers take, and how a connection is seen to end, is Linux's here.
    if cfg!(target_os = "linux") {
        let shown = include_str!("../../../tests/probe/echo.txt");
        let (_, shown) = shown.split_once("\n\n").expect("a title, then the report");
        assert_eq!(
            comparable(&said),
            comparable(shown),
            "tests/probe/echo.txt is out of date: run `cargo workshop probe` again"
        );
    }
}

#[test]
fn a_command_line_that_makes_no_sense_gets_one_sentence_and_code_2() {
    for (arguments, sentence) in [
        (
            &[][..],
            "<URL> is missing: write `cargo workshop probe <URL>`; `--help` says more.\n",
        ),
        (
            &["--deadline", "0", "ws://127.0.0.1:1/"],
            "invalid value '0' for '--deadline <SECONDS>': 0 is not in 1..=60; `--help` says more.\n",
        ),
        (
            &["wss://127.0.0.1:1/"],
            "`wss://127.0.0.1:1/` can't be probed: ",
        ),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_workshop-probe"));
        let done = command.args(arguments).output().expect("it runs");
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.starts_with(sentence), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

/// The lines without what differs from run to run: the port, sizes in MiB, the seconds.
fn comparable(report: &str) -> Vec<String> {
    let is_size = |word: &&str| word.parse::<f64>().is_ok() && word.contains('.');
    let lines = report.lines().map(|line| {
        let (line, _) = line.split_once("choice;").unwrap_or((line, ""));
        let words = line
            .split_whitespace()
            .filter(|word| !is_size(word) && !word.starts_with("ws://"));
        words.collect::<Vec<_>>().join(" ")
    });
    lines.collect()
}
