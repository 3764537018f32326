//! `cargo workshop` alone, without a terminal.

use std::fs;

mod common;

use common::{ENDLESS, Fixture, RIGHT, TWICE, WRONG, eventually, get};

#[test]
fn a_save_leads_to_a_verdict_and_a_pass_to_the_next_step() {
    let fixture = Fixture::new();
    let mut watch = fixture.watch();
    watch.wait_for("Welcome.");
    watch.wait_for("00 twice: Twice (5 min), chapter book/src/twice.md");
    watch.wait_for("00 twice: ○ not written yet: 0 of 2 checks right");
    watch.wait_for("Task: double it");

    fixture.write(
        TWICE,
        "pub fn twice(number: u64) -> u64 {\n    number *\n}\n",
    );
    watch.wait_for("Changed: steps/00-twice/src/lib.rs");
    watch.wait_for("00 twice: ✗ doesn't compile");
    watch.wait_for("expected expression");

    fixture.write(TWICE, WRONG);
    watch.wait_for("00 twice: ✗ red: 1 of 2 checks right");
    watch.wait_for("expected 4, yours 6");

    fixture.write(TWICE, RIGHT);
    watch.wait_for("00 twice: ✓ passed: all 2 checks are right");
    watch.wait_for("See it run: `cargo workshop play` (or `cargo run -p twice`)");
    watch.wait_for("Next: 01 four-times");
    watch.wait_for("01 four-times: ✗ red: 0 of 1 checks right");
    assert_eq!(fixture.read(".workshop/progress"), "twice passed\n");

    // The second time there is no welcome, and it begins where you are.
    watch.type_line("q");
    assert_eq!(watch.exit_code(), 0);
    let mut watch = fixture.watch();
    assert!(watch.wait_for("(").starts_with("01 four-times"));
}

#[test]
fn keys_are_typed_as_lines() {
    let fixture = Fixture::new();
    fixture.write(TWICE, WRONG);
    let mut watch = fixture.watch();
    watch.wait_for("00 twice: ✗ red");
    watch.type_line("hint");
    watch.wait_for("Hint 1: where");
    watch.type_line("next");
    watch.wait_for("00 twice is not passed yet");
    watch.type_line("list");
    watch.wait_for("▸ 00 twice");
    watch.type_line("reset");
    watch.wait_for("y + Enter: yes");
    watch.type_line("no");
    watch.wait_for("Not reset.");
    assert_eq!(fixture.read(TWICE), WRONG);
    watch.type_line("skip");
    watch.wait_for("y + Enter: yes");
    watch.type_line("y");
    watch.wait_for("your files are in .workshop/backups/twice-");
    watch.wait_for("This brings them back: cargo workshop restore twice 2");
    watch.wait_for("01 four-times: ✗ red");
    watch.type_line("?");
    watch.wait_for("Keys: h hint, n next, b back, c check, l list");
    watch.type_line("x");
    watch.wait_for("`x` isn't a key here");
}

#[test]
fn when_all_steps_are_done_it_says_where_to_go() {
    let fixture = Fixture::new();
    fixture.write(".workshop/progress", "twice skipped\nfour-times passed\n");
    let mut watch = fixture.watch();
    watch.wait_for("All steps are done.");
    watch.wait_for("You have written 1 of 2 steps yourself.");
    watch.wait_for("cargo workshop probe ws://");
    watch.type_line("q");
    assert_eq!(watch.exit_code(), 0);
}

/// Editors write beside a file, and rename.
#[test]
fn only_files_that_count_are_named() {
    let fixture = Fixture::new();
    let mut watch = fixture.watch();
    watch.wait_for("00 twice: ○");
    let beside = fixture.root.join("steps/00-twice/src/sedSMjhzu");
    fs::write(&beside, WRONG).unwrap();
    fs::rename(&beside, fixture.root.join(TWICE)).unwrap();
    let line = watch.wait_for("Changed: ");
    assert_eq!(line, "Changed: steps/00-twice/src/lib.rs");
    watch.wait_for("00 twice: ✗ red");
    // One of the step's own that goes is named as well.
    fs::remove_file(fixture.root.join("steps/00-twice/src/main.rs")).unwrap();
    let line = watch.wait_for("Changed: ");
    assert_eq!(line, "Changed: steps/00-twice/src/main.rs");
}

#[test]
fn it_ends_when_its_input_ends() {
    let fixture = Fixture::new();
    let mut watch = fixture.watch();
    watch.wait_for("00 twice: ○");
    watch.close_input();
    assert_eq!(watch.exit_code(), 0);
}

#[test]
fn an_endless_loop_is_stopped_by_the_next_save() {
    let fixture = Fixture::new();
    fixture.write(TWICE, ENDLESS);
    let mut watch = fixture.watch();
    eventually("the endless check runs", || {
        fixture.root.join("pid").is_file() && !fixture.read("pid").is_empty()
    });
    let looping = fixture.read("pid");
    fixture.write(TWICE, RIGHT);
    watch.wait_for("00 twice: ✓ passed");
    assert!(!is_running(&looping));
}

/// Five checks, each of which waits longer than a check should, as if for a loop that never ends.
#[test]
fn only_one_check_that_hangs_is_waited_for() {
    let fixture = Fixture::new();
    let check = |name: &str| {
        format!(
            "#[test]\nfn {name}() {{\n    let (_sender, never) = std::sync::mpsc::channel::<()>();\n    \
             _ = never.recv_timeout(std::time::Duration::from_secs(4));\n    \
             println!(\"✗ {name}: never finished\\n  Rule: {name} ends\");\n    \
             std::panic::resume_unwind(Box::new(()));\n}}\n"
        )
    };
    // In another order than the one in which they run.
    let checks = ["c", "e", "b", "d", "f"].map(check).concat();
    let right = "#[test]\nfn a_right() {}\n";
    fixture.write("tests/00_twice.rs", &format!("{checks}{right}"));
    let mut watch = fixture.watch();
    watch.wait_for("00 twice: ✗ red: 1 of 6 checks right, 4 not judged: one hangs");
    watch.wait_for("✗ c: never finished");
    watch.wait_for("Rule: c ends");
    watch.type_line("q");
    assert_eq!(watch.exit_code(), 0);
}

#[test]
fn a_save_that_breaks_an_earlier_step_is_reported() {
    let fixture = Fixture::new();
    let mut watch = fixture.watch();
    watch.wait_for("00 twice: ○");
    fixture.write(TWICE, RIGHT);
    watch.wait_for("01 four-times: ✗ red");
    fixture.write(TWICE, WRONG);
    watch.wait_for("01 four-times: ✗ red");
    watch.wait_for("00 twice is red since your save there: ✗ red: 1 of 2 checks right. `b` goes");
    fixture.write(TWICE, RIGHT);
    watch.wait_for("You're working on 00 twice: it is judged now.");
    watch.wait_for("00 twice: ✓ passed");
    watch.wait_for("01 four-times: ✗ red");
    fixture.write(
        TWICE,
        "pub fn twice(number: u64) -> u64 {\n    number *\n}\n",
    );
    watch.wait_for("01 four-times: ✗ doesn't compile");
    watch.wait_for("This error is in another step, 00 twice:");
    watch.wait_for("00 twice is red since your save there: ✗ doesn't compile.");
    watch.type_line("b");
    watch.wait_for("00 twice: Twice (5 min)");
    watch.wait_for("00 twice: ✗ doesn't compile");
    watch.type_line("b");
    watch.wait_for("This is the first step.");
}

#[cfg(unix)]
#[test]
fn a_request_to_end_leaves_no_process_behind() {
    for signal in ["TERM", "INT", "HUP"] {
        let fixture = Fixture::new();
        fixture.write(TWICE, ENDLESS);
        let mut watch = fixture.watch();
        eventually("the endless check runs", || {
            fixture.root.join("pid").is_file() && !fixture.read("pid").is_empty()
        });
        let looping = fixture.read("pid");
        common::signal(watch.child.id(), signal);
        assert_eq!(watch.exit_code(), 0, "{signal}");
        eventually("the endless check is ended", || !is_running(&looping));
    }
}

#[test]
fn a_second_one_says_that_there_is_a_first_one() {
    let fixture = Fixture::new();
    let mut first = fixture.watch();
    first.wait_for("00 twice: ○");
    let second = fixture.run(&["--no-book"]);
    assert_eq!(second.code, 2);
    assert!(
        second.stderr.contains("already watches this folder"),
        "{second:?}"
    );
    // The other commands may be used all the same, and are noticed.
    fixture.write(TWICE, WRONG);
    first.wait_for("00 twice: ✗ red");
    assert_eq!(fixture.run(&["reset", "twice"]).code, 0);
    first.wait_for("00 twice: ○ not written yet");
    assert_eq!(fixture.run(&["skip", "twice"]).code, 0);
    first.wait_for("01 four-times: ✗ red");
    assert_eq!(fixture.read(".workshop/progress"), "twice skipped\n");
    assert_eq!(fixture.run(&["reset", "twice"]).code, 0);
    first.type_line("q");
    assert_eq!(first.exit_code(), 0);
    let mut third = fixture.watch();
    third.wait_for("00 twice: ○");
}

#[test]
fn a_folder_that_goes_and_comes_back_is_followed() {
    let fixture = Fixture::new();
    let mut watch = fixture.watch();
    watch.wait_for("00 twice: ○");
    let (folder, away) = (
        fixture.root.join("steps/00-twice"),
        fixture.root.join("away"),
    );
    fs::rename(&folder, &away).unwrap();
    watch.wait_for("00 twice: ✗ cargo can't build it");
    watch.wait_for("cargo workshop reset twice");
    fs::rename(&away, &folder).unwrap();
    watch.wait_for("00 twice: ○");

    fs::remove_dir_all(&folder).unwrap();
    watch.wait_for("00 twice: ✗ cargo can't build it");
    assert_eq!(fixture.run(&["reset", "twice"]).code, 0);
    watch.wait_for("00 twice: ○");
    fixture.write(TWICE, WRONG);
    watch.wait_for("00 twice: ✗ red");
}

#[test]
fn the_folder_of_all_steps_may_go_and_come_back() {
    let fixture = Fixture::new();
    let mut watch = fixture.watch();
    watch.wait_for("00 twice: ○");
    fs::remove_dir_all(fixture.root.join("steps")).unwrap();
    watch.wait_for("00 twice: ✗ cargo can't build it");
    watch.wait_for("cargo workshop reset twice");
    for id in ["four-times", "twice"] {
        assert_eq!(fixture.run(&["reset", id]).code, 0);
    }
    watch.wait_for("00 twice: ○");
    fixture.write(TWICE, WRONG);
    watch.wait_for("00 twice: ✗ red");
}

#[test]
fn without_reports_from_the_system_the_files_are_polled() {
    let fixture = Fixture::new();
    let mut watch = fixture.start(&["--no-book", "--poll"]);
    watch.wait_for("The files are looked at twice a second");
    watch.wait_for("00 twice: ○");
    fixture.write(TWICE, WRONG);
    watch.wait_for("00 twice: ✗ red");
    fs::remove_dir_all(fixture.root.join("steps/00-twice")).unwrap();
    watch.wait_for("00 twice: ✗ cargo can't build it");
}

#[test]
fn a_save_in_a_later_step_shows_the_verdict_on_it() {
    let fixture = Fixture::new();
    let mut watch = fixture.watch();
    watch.wait_for("00 twice: ○");
    let ahead = "pub fn four_times(number: u64) -> u64 {\n    number * 4\n}\n";
    fixture.write("steps/01-four-times/src/lib.rs", ahead);
    watch.wait_for(
        "You're working on 01 four-times: it is judged now. The first open step is 00 twice.",
    );
    watch.wait_for("01 four-times: ✓ passed");
    watch.wait_for("Next: 00 twice");
}

#[test]
fn files_that_skip_writes_do_not_change_the_step() {
    let fixture = Fixture::new();
    let mut watch = fixture.watch();
    watch.wait_for("00 twice: ○");
    assert_eq!(fixture.run(&["skip", "four-times"]).code, 0);
    watch.wait_for("Changed: steps/01-four-times");
    let judged = watch.wait_for("checks ");
    assert!(judged.starts_with("00 twice: ○"), "{judged}");
}

#[test]
fn a_step_that_is_open_again_is_judged_before_one_that_uses_it() {
    let fixture = Fixture::new();
    let mut watch = fixture.watch();
    watch.wait_for("00 twice: ○");
    fixture.write(TWICE, RIGHT);
    watch.wait_for("01 four-times: ✗ red");
    assert_eq!(fixture.run(&["reset", "twice"]).code, 0);
    watch.wait_for("You're working on 00 twice: it is judged now.");
    watch.wait_for("00 twice: ○");
}

#[test]
fn the_book_is_served_and_loaded_again() {
    let fixture = Fixture::new();
    let mut watch = fixture.start(&["--no-open"]);
    let line = watch.wait_for("The book can be read at");
    let address = line.rsplit(' ').next().unwrap().to_string();
    assert!(address.starts_with("http://127.0.0.1:"), "{address}");

    let (head, body) = get(&address, "/");
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("text/html; charset=utf-8"));
    assert!(
        body.contains("edition 1") && body.contains("/__workshop/reload.js"),
        "{body}"
    );
    let (head, body) = get(&address, "/style.css?v=1");
    assert!(
        head.contains("text/css") && body.contains("color: red"),
        "{head} {body}"
    );
    let (head, _) = get(&address, "/__workshop/reload.js");
    assert!(head.contains("text/javascript"), "{head}");
    for path in [
        "/nothing.html",
        "/../../Cargo.toml",
        "/%2e%2e/%2e%2e/Cargo.toml",
        "/..%5c..%5cCargo.toml",
    ] {
        let (head, body) = get(&address, path);
        assert!(head.starts_with("HTTP/1.1 404 "), "{path}: {head}");
        assert!(!body.contains("[workspace]"), "{path}");
    }

    // A page waits for the next edition, and is told when it is there.
    let seen = version(&get(&address, "/").1);
    let waiting = std::thread::spawn({
        let (address, seen) = (address.clone(), seen.clone());
        move || get(&address, &format!("/__workshop/version?seen={seen}")).1
    });
    fixture.write(
        "book/src/page.html",
        "<!DOCTYPE html><html><body><p>edition 2</p></body></html>",
    );
    watch.wait_for("The book has been rebuilt.");
    assert_ne!(waiting.join().unwrap(), seen);
    assert!(get(&address, "/").1.contains("edition 2"));

    // One that can't be built leaves the one before.
    fixture.write("book/src/page.html", "BROKEN");
    watch.wait_for("The book can't be built: warning: the page is broken");
    assert!(get(&address, "/").1.contains("edition 2"));
}

#[test]
fn until_the_book_is_built_its_plain_text_is_served() {
    let fixture = Fixture::new();
    // A builder that never ends.
    fixture.write(
        "book-builder/src/main.rs",
        "fn main() {\n    loop {\n        std::thread::park();\n    }\n}\n",
    );
    let mut watch = fixture.start(&["--no-open"]);
    let line = watch.wait_for("Its plain text, and later the book, is at");
    let address = line.split(' ').find(|word| word.starts_with("http"));
    let address = address.expect("it is said").to_string();
    let (_, page) = get(&address, "/twice.html");
    assert!(page.contains("here is its plain text"), "{page}");
    assert!(page.contains("▸ Hint 3: the code"), "{page}");
    assert!(
        !page.contains("number + number"),
        "a hint is unfolded: {page}"
    );
    assert!(page.contains("/__workshop/reload.js"), "{page}");
    watch.type_line("o");
    watch.wait_for(&format!("{address}twice.html"));
    watch.type_line("q");
    assert_eq!(watch.exit_code(), 0);
}

/// The first time it opens at its beginning, later at the chapter of the current step.
#[cfg(unix)]
#[test]
fn the_book_opens_in_a_browser() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new();
    fixture.write("browser", "#!/bin/sh\necho \"$@\" >> opened\n");
    let program = fixture.root.join("browser");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let browser = [("BROWSER", program.to_str().unwrap())];
    let opened = |number: usize| {
        eventually("the browser is started", || {
            fs::read_to_string(fixture.root.join("opened"))
                .is_ok_and(|text| text.lines().count() == number)
        });
        fixture.read("opened").lines().last().unwrap().to_string()
    };

    let mut watch = fixture.start_with(&[], &browser);
    let line = watch.wait_for("The book can be read at");
    let address = line.rsplit(' ').next().unwrap();
    assert_eq!(opened(1), address);
    watch.type_line("o");
    watch.wait_for("opens in your browser");
    assert_eq!(opened(2), format!("{address}twice.html"));
    watch.type_line("q");
    assert_eq!(watch.exit_code(), 0);

    let mut watch = fixture.start_with(&[], &browser);
    watch.wait_for("The book can be read at");
    assert!(opened(3).ends_with("/twice.html"));
    watch.type_line("q");
    assert_eq!(watch.exit_code(), 0);

    let mut watch = fixture.start_with(&["--no-open"], &browser);
    watch.wait_for("The book can be read at");
    watch.type_line("q");
    assert_eq!(watch.exit_code(), 0);
    assert_eq!(fixture.read("opened").lines().count(), 3);
}

fn version(page: &str) -> String {
    let (_, rest) = page.split_once("data-version=\"").unwrap();
    rest.split('"').next().unwrap().to_string()
}

#[test]
fn a_usual_port_that_is_taken_is_reported() {
    let fixture = Fixture::new();
    // If another program has it, that is just as good.
    let taken = std::net::TcpListener::bind("127.0.0.1:3000");
    let mut watch = fixture.start(&["--no-open"]);
    watch.wait_for("Port 3000 is taken: the book is at http://127.0.0.1:");
    watch.type_line("q");
    assert_eq!(watch.exit_code(), 0);
    drop(taken);
}

#[test]
fn a_port_that_is_taken_is_an_error() {
    let fixture = Fixture::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let done = fixture.run(&["--port", &port]);
    assert_eq!(done.code, 2);
    assert!(
        done.stderr
            .contains(&format!("can't be served on port {port}")),
        "{done:?}"
    );
}

#[cfg(unix)]
fn is_running(id: &str) -> bool {
    let status = std::process::Command::new("kill")
        .args(["-0", id])
        .stderr(std::process::Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

#[cfg(not(unix))]
fn is_running(_id: &str) -> bool {
    false
}
