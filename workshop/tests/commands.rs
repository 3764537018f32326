//! The commands that do one thing and end.

use std::fs;

mod common;

use common::{Fixture, RIGHT, TWICE, WRONG};

#[test]
fn list_shows_every_step_and_where_you_are() {
    let fixture = Fixture::new();
    let done = fixture.run(&["list"]);
    assert_eq!(done.code, 0);
    assert_eq!(
        done.stdout,
        "▸ 00 twice       Twice         5 min  where you are\n\
         · 01 four-times  Four times   10 min\n\n\
         0 of 2 steps passed, about 15 minutes to go\n"
    );
    // Looking leaves nothing behind.
    assert!(!fixture.root.join(".workshop").exists());
}

#[test]
fn check_says_what_is_wrong_first_and_keeps_what_is_passed() {
    let fixture = Fixture::new();
    let done = fixture.run(&["check"]);
    assert_eq!(done.code, 1);
    assert_eq!(
        done.stdout,
        "00 twice: ○ not written yet: 0 of 2 checks right\n  ○ two_and_two\n  ○ nothing_at_all\n\n\
         ○ two_and_two: not written yet\n  Task: double it\n\n\
         (1 more: `cargo workshop check twice --all` shows everything)\n"
    );

    fixture.write(TWICE, WRONG);
    let done = fixture.run(&["check", "twice", "--all"]);
    assert_eq!(done.code, 1);
    assert!(
        done.stdout.contains("✗ red: 1 of 2 checks right"),
        "{done:?}"
    );
    assert!(done.stdout.contains("expected 4, yours 6"), "{done:?}");

    fixture.write(TWICE, RIGHT);
    let done = fixture.run(&["check"]);
    assert_eq!(done.code, 0);
    assert!(
        done.stdout.contains("✓ passed: all 2 checks are right"),
        "{done:?}"
    );
    assert!(
        done.stdout
            .contains("Next: 01 four-times, Four times (10 min)"),
        "{done:?}"
    );
    assert_eq!(fixture.read(".workshop/progress"), "twice passed\n");
}

#[test]
fn check_shows_the_first_compiler_error() {
    let fixture = Fixture::new();
    fixture.write(TWICE, "pub fn twice(number: u64) -> u64 {\n    nummer + \"2\"\n}\n\npub fn other() -> u8 {\n    \"\"\n}\n");
    let done = fixture.run(&["check"]);
    assert_eq!(done.code, 1);
    assert!(
        done.stdout.contains("doesn't compile: 2 errors"),
        "{done:?}"
    );
    assert!(
        done.stdout.contains("steps/00-twice/src/lib.rs:2:5"),
        "{done:?}"
    );
    assert!(!done.stdout.contains("mismatched types"), "{done:?}");
}

#[test]
fn the_reference_is_judged_without_being_kept_as_yours() {
    let fixture = Fixture::new();
    let done = fixture.run(&["check", "01", "--solution"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(
        done.stdout
            .starts_with("01 four-times, the reference: ✓ passed"),
        "{done:?}"
    );
    assert!(!fixture.root.join(".workshop/progress").exists());
}

#[test]
fn nonsense_gets_a_sentence_and_exit_code_2() {
    let fixture = Fixture::new();
    for command in ["check", "hint", "solution", "skip", "reset", "play"] {
        let done = fixture.run(&[command, "thrice"]);
        assert_eq!(done.code, 2, "{command}");
        assert_eq!(
            done.stderr,
            "There is no step `thrice`. The steps are: twice, four-times.\n"
        );
    }
    assert_eq!(fixture.run(&["dance"]).code, 2);
    assert_eq!(fixture.run(&["skip"]).code, 2);
    assert_eq!(fixture.run(&["--port", "lots"]).code, 2);
    assert_eq!(fixture.run(&["--help"]).code, 0);
}

#[test]
fn each_hint_is_stronger_and_then_there_are_no_more() {
    let fixture = Fixture::new();
    let hint = || fixture.run(&["hint"]).stdout;
    assert!(hint().starts_with("Hint 1: where\n\nLook at `src/lib.rs`.\n"));
    assert!(hint().starts_with("Hint 2: how\n\nAdd it to itself.\n"));
    let third = hint();
    assert!(third.contains("        number + number\n"), "{third}");
    assert!(!third.contains("ANCHOR"), "{third}");
    assert!(hint().starts_with("There are no more hints for 00 twice"));
    assert_eq!(fixture.read(".workshop/progress"), "twice open hints=3\n");

    let all = fixture.run(&["hint", "twice", "--all"]).stdout;
    assert!(
        all.contains("Hint 1: where") && all.contains("Hint 3: the code"),
        "{all}"
    );
    let none = fixture.run(&["hint", "four-times"]);
    assert_eq!(
        (none.code, none.stdout.as_str()),
        (
            0,
            "01 four-times has no hints. Its chapter says what to do.\n"
        )
    );
}

#[test]
fn a_solution_is_not_spoilt_by_accident() {
    let fixture = Fixture::new();
    let done = fixture.run(&["solution", "twice"]);
    assert_eq!((done.code, done.stdout.as_str()), (2, ""));
    assert!(
        done.stderr.contains("`--yes` shows its solution"),
        "{done:?}"
    );

    let done = fixture.run(&["solution", "twice", "--yes"]);
    assert_eq!(done.code, 0);
    assert_eq!(
        done.stdout,
        "── steps/00-twice/src/lib.rs, line 4\n\npub fn twice(number: u64) -> u64 {\n    // Task: double it.\n    number + number\n}\n"
    );
    let done = fixture.run(&["solution", "twice", "--yes", "--whole"]);
    assert!(done.stdout.contains("//! Doubles."), "{done:?}");
}

#[test]
fn skip_and_reset_keep_your_files() {
    let fixture = Fixture::new();
    fixture.write(TWICE, WRONG);
    fixture.write("steps/00-twice/src/notes.txt", "mine");
    let done = fixture.run(&["skip", "twice"]);
    assert_eq!(done.code, 0, "{done:?}");
    let backups = fixture.names(".workshop/backups");
    assert_eq!(backups.len(), 1);
    assert!(
        done.stdout
            .contains(&format!(".workshop/backups/{}", backups[0])),
        "{done:?}"
    );
    let kept = |path: &str| fixture.read(&format!(".workshop/backups/{}/{path}", backups[0]));
    assert_eq!(kept("src/lib.rs"), WRONG);
    assert_eq!(kept("src/notes.txt"), "mine");
    assert!(fixture.read(TWICE).contains("number + number"));
    assert_eq!(fixture.read(".workshop/progress"), "twice skipped\n");

    // What was skipped stays so when it is judged, until the learner's own code passes.
    assert_eq!(fixture.run(&["check", "twice"]).code, 0);
    assert_eq!(fixture.read(".workshop/progress"), "twice skipped\n");

    // The reference needs no backup.
    let done = fixture.run(&["reset", "twice"]);
    assert_eq!(done.stdout, "00 twice is as it was at the beginning.\n");
    assert!(fixture.read(TWICE).contains("todo!(\"double it\")"));
    assert_eq!(fixture.names(".workshop/backups").len(), 1);
    assert_eq!(fixture.read(".workshop/progress"), "twice open\n");
}

#[test]
fn what_cannot_be_kept_is_not_touched() {
    let fixture = Fixture::new();
    fixture.write(TWICE, WRONG);
    // No backup can be written below a file.
    fixture.write(".workshop/backups", "in the way");
    for command in ["skip", "reset"] {
        let done = fixture.run(&[command, "twice"]);
        assert_eq!(done.code, 2);
        assert!(
            done.stderr
                .contains("can't be kept, so nothing was touched"),
            "{done:?}"
        );
        assert_eq!(fixture.read(TWICE), WRONG);
    }
}

#[test]
fn a_step_that_is_gone_is_written_anew() {
    let fixture = Fixture::new();
    fs::remove_dir_all(fixture.root.join("steps/00-twice")).unwrap();
    let done = fixture.run(&["check", "twice"]);
    assert_eq!(done.code, 1, "{done:?}");
    assert!(done.stdout.contains("✗ cargo can't build it"), "{done:?}");
    assert!(
        done.stdout.contains("cargo workshop reset twice"),
        "{done:?}"
    );
    assert_eq!(fixture.run(&["doctor"]).code, 1);
    assert_eq!(fixture.run(&["reset", "twice"]).code, 0);
    assert!(
        fixture
            .run(&["check", "twice"])
            .stdout
            .contains("○ not written yet")
    );
}

#[test]
fn a_broken_manifest_is_named_with_the_way_out() {
    let fixture = Fixture::new();
    fixture.write("steps/01-four-times/Cargo.toml", "[package\n");
    let done = fixture.run(&["check", "twice"]);
    assert_eq!(done.code, 1, "{done:?}");
    // Cargo stops at it whichever step is judged.
    assert!(
        done.stdout.contains("steps/01-four-times/Cargo.toml"),
        "{done:?}"
    );
    assert!(
        done.stdout.contains("workshop reset four-times"),
        "{done:?}"
    );
    assert_eq!(fixture.run(&["reset", "four-times"]).code, 0);
    assert_eq!(fixture.names(".workshop/backups").len(), 1);
}

#[test]
fn damaged_progress_is_put_aside_and_what_can_be_read_goes_on() {
    let fixture = Fixture::new();
    fs::create_dir(fixture.root.join(".workshop")).unwrap();
    fs::write(
        fixture.root.join(".workshop/progress"),
        b"twice passed\n\xff\xfe\0garbage\n",
    )
    .unwrap();
    let done = fixture.run(&["list"]);
    assert_eq!(done.code, 0);
    assert!(done.stderr.contains("makes no sense in line 2"), "{done:?}");
    assert!(done.stdout.contains("✓ 00 twice"), "{done:?}");
    let names = fixture.names(".workshop");
    assert!(
        names
            .iter()
            .any(|name| name.starts_with("progress.damaged-")),
        "{names:?}"
    );
}

#[test]
fn progress_that_cannot_be_written_is_said_and_no_more() {
    let fixture = Fixture::new();
    fixture.write(".workshop", "a file where a folder should be");
    fixture.write(TWICE, RIGHT);
    let done = fixture.run(&["check"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(
        done.stderr.contains("lasts only as long as this command"),
        "{done:?}"
    );
}

#[test]
fn the_doctor_has_a_line_for_everything() {
    let fixture = Fixture::new();
    let done = fixture.run(&["doctor"]);
    let text = &done.stdout;
    assert_eq!(done.code, 0, "{done:?}");
    // Others may listen on the ports, or keep the machine busy, while this runs.
    for (good, other) in [
        ("rustc 1.", ""),
        (
            "all crates are downloaded",
            "some crates are not downloaded",
        ),
        ("can be written", ""),
        ("all 2 steps are there", ""),
        ("3000 and 9000 to 9001 are free", "somebody listens on"),
        ("tells when a file is saved", "looks at the files itself"),
        ("a browser opens by", "nothing opens a browser"),
    ] {
        let is_there = |words: &str| !words.is_empty() && text.contains(words);
        assert!(is_there(good) || is_there(other), "{good}: {text}");
    }
}

#[test]
fn play_runs_what_is_solved_last_and_passes_its_failure_on() {
    let fixture = Fixture::new();
    fixture.write(".workshop/progress", "twice passed\n");
    fixture.write(TWICE, RIGHT);
    let done = fixture.run(&["play"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.stdout.contains("Building your 00 twice"), "{done:?}");
    assert!(done.stdout.ends_with("twice 21 is 42\n"), "{done:?}");

    fixture.write(
        TWICE,
        "pub fn twice(_: u64) -> u64 {\n    panic!(\"over\")\n}\n",
    );
    let done = fixture.run(&["play"]);
    assert_eq!(done.code, 2, "{done:?}");
    assert!(done.stderr.contains("It ended with"), "{done:?}");
}

/// Where nothing is solved, the reference of the showcase runs; Ctrl-C ends it.
#[cfg(unix)]
#[test]
fn play_ends_with_ctrl_c_and_leaves_nothing_behind() {
    let fixture = Fixture::new();
    let mut play = fixture.start(&["play"]);
    play.wait_for("Building the finished 01 four-times");
    play.wait_for("listening on http://127.0.0.1:9");
    play.wait_for("Ctrl-C ends it");
    common::eventually("the server says who it is", || {
        fixture.root.join("pid").is_file() && !fixture.read("pid").is_empty()
    });
    common::signal(play.child.id(), "INT");
    assert_eq!(play.exit_code(), 0);
    assert!(!is_running(&fixture.read("pid")));
}

#[cfg(unix)]
fn is_running(id: &str) -> bool {
    let status = std::process::Command::new("kill")
        .args(["-0", id])
        .stderr(std::process::Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}
