//! `cargo workshop probe`, tried on the echo server of step 09.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use echo_solution::{Log, Server, Settings};
use workshop_probe::{Terms, probe};
use workshop_terminal::command_line::Exit;

use self::played::Fault;

mod played;

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

/// Not a test: the client that other tests have the probe start, through this test program.
#[test]
#[ignore = "it needs a server"]
fn is_an_echo_client() {
    let url = std::env::args().next_back().expect("a URL");
    if let Err(error) = played::play(&url, Fault::Nothing) {
        panic!("{error}");
    }
}

/// Not a test either: a client that says so, and then never connects.
#[test]
#[ignore = "it never ends"]
fn never_connects() {
    // Past libtest, which keeps what a test prints.
    writeln!(std::io::stderr(), "waiting").expect("the probe shows it");
    loop {
        thread::park();
    }
}

/// Has the probe listen. Its client is this test program, which runs one of the above.
fn listening(options: &[&str], client: Option<&str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_workshop-probe"));
    command.args(["--listen", "127.0.0.1:0", "--deadline", "20"]);
    command.args(options);
    if let Some(client) = client {
        let this = std::env::current_exe().expect("this program has a path");
        command.arg("--").arg(this);
        command.args(["--exact", client, "--ignored", "--nocapture"]);
    }
    command
}

#[test]
fn a_program_is_started_for_each_connection() {
    let mut command = listening(&["--only", "TCP ends"], Some("is_an_echo_client"));
    let done = command.output().expect("it runs");
    let said = String::from_utf8_lossy(&done.stdout);
    assert_eq!(done.status.code(), Some(0), "{said}");
    assert!(said.starts_with("listening on ws://127.0.0.1:"), "{said}");
    // 101 is what a test program ends with if a test fails.
    assert_eq!(said.matches("exit code 101").count(), 4, "{said}");
    assert!(said.contains("4 rules: 4 kept, 0 broken"), "{said}");
}

/// Connects a played client to each URL that the probe shows, and returns what it said and its exit code.
fn by_hand(only: &str, fault: Fault) -> (String, Option<i32>) {
    let mut command = listening(&["--only", only], None);
    let mut probe = command.stdout(Stdio::piped()).spawn().expect("it runs");
    let stdout = BufReader::new(probe.stdout.take().expect("it has a pipe"));
    let mut said = String::new();
    for line in stdout.lines().map(|line| line.expect("text")) {
        said.push_str(&format!("{line}\n"));
        if let Some((_, url)) = line.split_once(": connect to ")
            && let Err(error) = played::play(url, fault)
        {
            said.push_str(&format!("(the client: {error})\n"));
        }
    }
    (said, probe.wait().expect("it ends").code())
}

#[test]
fn a_client_started_by_hand_is_told_where_to_connect() {
    let (said, code) = by_hand("fails", Fault::TakesMasked);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("… a masked frame fails: connect to ws://127"),
        "{said}"
    );
    assert!(said.contains("\n✗ a masked frame fails"), "{said}");
    assert!(said.contains(" 1 broken, 0 not followed"), "{said}");
}

/// A person's client that refuses a URL can't be told from one that isn't started yet.
#[test]
fn what_only_a_program_shows_is_not_asked_of_a_client_started_by_hand() {
    for (only, why) in [
        ("no fragment", "by hand, a refusal"),
        ("without a Close", "by hand, no exit code"),
    ] {
        let (said, code) = by_hand(only, Fault::Nothing);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains(why), "{said}");
        assert!(said.contains("1 rule: 0 kept, 0 broken"), "{said}");
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_the_probe_and_the_client() {
    let mut command = listening(&[], Some("never_connects"));
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut probe = command.spawn().expect("it runs");
    let mut stderr = BufReader::new(probe.stderr.take().expect("it has a pipe"));
    let mut line = String::new();
    stderr.read_line(&mut line).expect("the client says a word");
    assert_eq!(line, "waiting\n");
    let id = probe.id().to_string();
    let interrupted = Command::new("kill").args(["-INT", &id]).status();
    assert!(interrupted.expect("there is a `kill`").success());
    // The pipe has an end only when both have ended.
    stderr.read_to_string(&mut line).expect("its end");
    assert_eq!(probe.wait().expect("it ends").code(), Some(2), "{line}");
}

#[test]
fn a_command_line_that_makes_no_sense_gets_one_sentence_and_code_2() {
    for (arguments, sentence) in [
        (
            &[][..],
            "<URL> is missing: write `cargo workshop probe <URL | --listen ADDRESS [-- COMMAND...]>`; \
             `--help` says more.\n",
        ),
        (
            &["--deadline", "0", "ws://127.0.0.1:1/"],
            "invalid value '0' for '--deadline <SECONDS>': 0 is not in 1..=60; `--help` says more.\n",
        ),
        (
            &[
                "--listen",
                "127.0.0.1:0",
                "--",
                "./there-is-no-such-program",
            ],
            "There is no WebSocket echo client to probe: it can't be started: ",
        ),
        (
            &["--listen", "127.0.0.1:0", "ws://127.0.0.1:1/"],
            "the argument '--listen <ADDRESS>' cannot be used with '[URL]'; `--help` says more.\n",
        ),
        (
            &["--listen", "0.0.0.0:0"],
            "`0.0.0.0:0` can be reached from other machines: `--anywhere` listens there all the same, ",
        ),
        (
            &["--listen", "127.0.0.1:0", "--only", "no such rule"],
            "No rule has `no such rule` in its words.\n",
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
