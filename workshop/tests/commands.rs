//! The commands that do one thing and end.

use std::fs::{self, File};
use std::net::TcpListener;

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
fn check_shows_the_first_problem_and_records_a_pass() {
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
            .ends_with("\n\nSee it run: `cargo workshop play` (or `cargo run -p twice`)\nNext: 01 four-times, Four times (10 min)\n"),
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
    for command in [
        "check", "hint", "solution", "skip", "reset", "restore", "play",
    ] {
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
        all.contains(
            "Look at `src/lib.rs`.\n\nHint 2: how\n\nAdd it to itself.\n\nHint 3: the code\n"
        ),
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

    // A skipped step stays skipped when it is judged, until the learner's own code passes.
    assert_eq!(fixture.run(&["check", "twice"]).code, 0);
    assert_eq!(fixture.read(".workshop/progress"), "twice skipped\n");

    // The reference needs no backup.
    let done = fixture.run(&["reset", "twice"]);
    assert_eq!(
        done.stdout,
        "00 twice is reset to its starting point. Nothing to keep: the step held the reference.\n"
    );
    assert!(fixture.read(TWICE).contains("todo!(\"double it\")"));
    assert_eq!(fixture.names(".workshop/backups").len(), 1);
    assert_eq!(fixture.read(".workshop/progress"), "twice open\n");

    // Nor does a step that hasn't been touched.
    let done = fixture.run(&["skip", "0"]);
    assert!(
        done.stdout.starts_with(
            "00 twice is skipped: the reference is in its place. \
             Nothing to keep: the step was unchanged.\n"
        ),
        "{done:?}"
    );
    assert_eq!(fixture.names(".workshop/backups").len(), 1);
}

/// A clone with `core.autocrlf`, or an editor on Windows, writes other line ends.
#[test]
fn other_line_ends_do_not_make_a_step_yours() {
    let fixture = Fixture::new();
    let with_crlf = || {
        for path in [
            "steps/00-twice/Cargo.toml",
            "steps/00-twice/src/main.rs",
            TWICE,
        ] {
            let text = fixture.read(path).replace("\r\n", "\n");
            fixture.write(path, &text.replace('\n', "\r\n"));
        }
    };
    with_crlf();
    let done = fixture.run(&["skip", "twice"]);
    assert!(
        done.stdout
            .contains("Nothing to keep: the step was unchanged."),
        "{done:?}"
    );
    assert!(fixture.read(TWICE).contains("number + number"));
    with_crlf();
    assert_eq!(fixture.run(&["check", "twice"]).code, 0);
    assert_eq!(fixture.read(".workshop/progress"), "twice skipped\n");
    let done = fixture.run(&["reset", "twice"]);
    assert!(
        done.stdout
            .contains("Nothing to keep: the step held the reference."),
        "{done:?}"
    );
    assert!(fixture.names(".workshop/backups").is_empty());

    // One letter, and it is yours.
    with_crlf();
    fixture.write(TWICE, &fixture.read(TWICE).replace("todo", " todo"));
    assert_eq!(fixture.run(&["skip", "twice"]).code, 0);
    assert_eq!(fixture.names(".workshop/backups").len(), 1);
    assert_eq!(fixture.run(&["restore", "twice"]).code, 0);
    with_crlf();
    let done = fixture.run(&["restore", "twice"]);
    assert!(
        done.stdout
            .ends_with("Nothing to keep: the step held the same files already.\n"),
        "{done:?}"
    );
}

#[test]
fn a_backup_comes_back_and_is_judged_again() {
    let fixture = Fixture::new();
    let none = fixture.run(&["restore", "twice"]);
    assert_eq!(
        (none.code, none.stderr.as_str()),
        (2, "00 twice has no backup.\n")
    );

    fixture.write(TWICE, RIGHT);
    fixture.write("steps/00-twice/src/notes.txt", "mine");
    assert_eq!(fixture.run(&["check", "twice"]).code, 0);
    let done = fixture.run(&["reset", "twice"]);
    let command = done.stdout.lines().last().unwrap().to_string();
    let command = command.strip_prefix("This brings them back: cargo workshop ");
    let command: Vec<&str> = command.unwrap().split(' ').collect();
    assert_eq!(fixture.run(&["check", "twice"]).code, 1);

    let done = fixture.run(&command);
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(
        done.stdout,
        format!(
            "00 twice holds the files of .workshop/backups/twice-{} again.\n\
             `cargo workshop check twice` judges them.\n\
             Nothing to keep: the step was unchanged.\n",
            command[2]
        )
    );
    assert_eq!(fixture.read(TWICE), RIGHT);
    assert_eq!(fixture.read("steps/00-twice/src/notes.txt"), "mine");
    assert_eq!(fixture.read(".workshop/progress"), "twice open\n");
    assert_eq!(fixture.run(&["check", "twice"]).code, 0);
}

#[test]
fn files_that_a_backup_replaces_are_kept_too() {
    let fixture = Fixture::new();
    fixture.write(TWICE, WRONG);
    assert_eq!(fixture.run(&["reset", "twice"]).code, 0);
    fixture.write(TWICE, RIGHT);
    fixture.write("steps/00-twice/src/notes.txt", "mine");
    let done = fixture.run(&["restore", "twice"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(fixture.read(TWICE), WRONG);
    assert!(!fixture.root.join("steps/00-twice/src/notes.txt").exists());
    let way_back = done.stdout.lines().last().unwrap();
    let (_, newer) = way_back.rsplit_once(' ').unwrap();

    // Both are listed, the newest first, and each can be had by its name or its folder.
    let list = fixture.run(&["restore", "twice", "--list"]).stdout;
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(lines[0], "The backups of 00 twice, the newest first:");
    assert_eq!(
        lines[1],
        format!("  {newer}  .workshop/backups/twice-{newer}")
    );
    let older = lines[2].split_whitespace().next().unwrap();
    assert_eq!(lines[6], format!("  cargo workshop restore twice {older}"));
    assert_eq!(fixture.run(&["restore", "twice", newer]).code, 0);
    assert_eq!(fixture.read(TWICE), RIGHT);
    let folder = format!(".workshop/backups/twice-{older}/");
    let done = fixture.run(&["restore", "twice", &folder]);
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(fixture.read(TWICE), WRONG);

    // Nothing but a backup of this step is one.
    for given in ["2001-01-01T00-00-00Z", "..", "../../solutions/00-twice", ""] {
        let done = fixture.run(&["restore", "twice", given]);
        assert_eq!(done.code, 2, "{done:?}");
        assert!(
            done.stderr.starts_with(&format!(
                "There is no backup `{given}`. The backups of 00 twice"
            )),
            "{done:?}"
        );
        assert_eq!(fixture.read(TWICE), WRONG);
    }
    let other = fixture.run(&["restore", "four-times", older]);
    assert_eq!(other.stderr, "01 four-times has no backup.\n");
}

/// Cargo doesn't build what is older than its last build, as a copy with its old times is.
#[test]
fn files_that_were_copied_back_by_hand_are_written_again() {
    let fixture = Fixture::new();
    fixture.write(TWICE, WRONG);
    let file = fixture.root.join(TWICE);
    let long_ago =
        std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    assert_eq!(fixture.run(&["reset", "twice"]).code, 0);
    fixture.write(TWICE, RIGHT);
    assert_eq!(fixture.run(&["check", "twice"]).code, 0);
    fixture.write(TWICE, WRONG);
    let copied = fs::File::options().write(true).open(&file).unwrap();
    copied.set_modified(long_ago).unwrap();
    drop(copied);

    let done = fixture.run(&["restore", "twice"]);
    assert!(
        done.stdout
            .ends_with("Nothing to keep: the step held the same files already.\n"),
        "{done:?}"
    );
    assert!(fs::metadata(&file).unwrap().modified().unwrap() > long_ago);
    let done = fixture.run(&["check", "twice"]);
    assert!(done.stdout.contains("✗ red: 1 of 2"), "{done:?}");
}

#[test]
fn files_that_cannot_be_kept_are_not_touched() {
    let fixture = Fixture::new();
    fixture.write(TWICE, WRONG);
    // No backup can be written below a file.
    fixture.write(".workshop/backups", "in the way");
    for command in ["skip", "reset"] {
        let done = fixture.run(&[command, "twice"]);
        assert_eq!(done.code, 2, "{done:?}");
        assert!(
            done.stderr
                .contains("can't be kept, so nothing was touched"),
            "{done:?}"
        );
        assert_eq!(fixture.read(TWICE), WRONG);
    }
}

#[test]
fn a_missing_step_is_written_again() {
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
fn damaged_progress_is_put_aside_and_its_readable_lines_are_kept() {
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
fn progress_that_cannot_be_written_gets_a_notice_and_no_more() {
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
fn the_doctor_has_a_line_for_everything_and_a_conclusion() {
    let fixture = Fixture::new();
    // Cargo.lock is written by the first build.
    assert_eq!(fixture.run(&["check", "twice"]).code, 1);
    // So that one port is taken for certain, by us or by another program.
    let _held = std::net::TcpListener::bind("127.0.0.1:3000");
    let done = fixture.run(&["doctor"]);
    let said = format!(
        "The doctor ended with {} and said:\n{}{}",
        done.code, done.stdout, done.stderr
    );
    // Each line, or what takes its place if the machine is not ours alone: another program may
    // stop listening on a port, and a busy system takes more than two seconds to report a file.
    let expected = [
        ["✓ rustc 1.", "✓ rustc 1."],
        ["✓ all crates are downloaded", "✓ all crates are downloaded"],
        ["✓ ", "✓ "],
        ["✓ all 2 steps are there", "✓ all 2 steps are there"],
        [
            "– another program listens on 3000",
            "✓ the ports 3000 and 9000 to 9001 are free",
        ],
        [
            "✓ the system tells when a file is saved",
            "– this file system doesn't report changes",
        ],
        ["✓ `", "– nothing opens a browser"],
    ];
    let (lines, last) = done.stdout.trim_end().rsplit_once("\n\n").expect(&said);
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines.len(), expected.len(), "{said}");
    for (line, expected) in lines.iter().zip(expected) {
        let fits = expected.iter().any(|start| line.starts_with(start));
        assert!(fits, "{line:?} is none of {expected:?}. {said}");
    }
    assert!(lines[2].ends_with(" can be written"), "{said}");
    let follows = if lines.iter().any(|line| line.starts_with('–')) {
        "The workshop works here; what is marked – is good to know."
    } else {
        "Everything is there."
    };
    assert_eq!((done.code, last), (0, follows), "{said}");

    fixture.write("steps/01-four-times/Cargo.toml", "[package\n");
    let done = fixture.run(&["doctor"]);
    assert_eq!(done.code, 1, "{done:?}");
    assert!(done.stdout.contains("✗ cargo stops: "), "{done:?}");
    assert!(
        done.stdout.contains("steps/01-four-times/Cargo.toml")
            && done.stdout.contains("\n\nFix what is marked ✗"),
        "{done:?}"
    );
}

#[test]
fn play_runs_the_latest_solved_step_and_passes_its_failure_on() {
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

/// The last step of the course has no program of its own, but four applications.
#[test]
fn play_runs_an_example_if_the_latest_solved_step_has_no_program() {
    let fixture = Fixture::new();
    fs::remove_file(fixture.root.join("steps/01-four-times/src/main.rs")).unwrap();
    for (file, name) in [("chart/main.rs", "chart"), ("poker.rs", "poker")] {
        fixture.write(
            &format!("steps/01-four-times/examples/{file}"),
            &format!("fn main() {{\n    println!(\"this is the {name}\");\n}}\n"),
        );
    }
    fixture.write(TWICE, RIGHT);
    fixture.write(".workshop/progress", "twice passed\nfour-times passed\n");
    let done = fixture.run(&["play"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(
        done.stdout.contains("Building your 01 four-times: chart"),
        "{done:?}"
    );
    assert!(
        done.stdout.contains(
            "There is more: poker. `cargo workshop play four-times --example poker` runs one."
        ),
        "{done:?}"
    );
    assert!(done.stdout.ends_with("this is the chart\n"), "{done:?}");

    let done = fixture.run(&["play", "four-times", "--example", "poker"]);
    assert!(done.stdout.ends_with("this is the poker\n"), "{done:?}");
    let done = fixture.run(&["play", "--example", "whist"]);
    assert_eq!(
        (done.code, done.stderr.as_str()),
        (
            2,
            "`four-times` has no example `whist`: it has chart, poker.\n"
        )
    );
    let done = fixture.run(&["play", "twice", "--example", "whist"]);
    assert_eq!(
        (done.code, done.stderr.as_str()),
        (2, "`twice` has no example `whist`: it has none.\n")
    );

    let right = "pub fn four_times(number: u64) -> u64 {\n    number * 4\n}\n";
    fixture.write("steps/01-four-times/src/lib.rs", right);
    let done = fixture.run(&["check", "four-times"]);
    assert!(
        done.stdout.contains(
            "See it run: `cargo workshop play` (or `cargo run -p four-times --example chart`)"
        ),
        "{done:?}"
    );
}

#[test]
fn the_end_says_what_you_did_and_where_to_go() {
    let fixture = Fixture::new();
    fixture.write(TWICE, RIGHT);
    let right = "pub fn four_times(number: u64) -> u64 {\n    number * 4\n}\n";
    fixture.write("steps/01-four-times/src/lib.rs", right);
    assert_eq!(fixture.run(&["check", "twice"]).code, 0);
    let done = fixture.run(&["check", "four-times"]);
    assert!(
        done.stdout
            .contains("All steps are done.\nYou have written all 2 steps yourself.\n"),
        "{done:?}"
    );
    for next in [
        "workshop probe ws://",
        "workshop tap --to",
        "workshop compare",
        "The rules of RFC 6455",
    ] {
        assert!(done.stdout.contains(next), "{next}: {done:?}");
    }
    let widest = done.stdout.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(80), "{done:?}");

    assert_eq!(fixture.run(&["skip", "twice"]).code, 0);
    let done = fixture.run(&["check", "four-times"]);
    let words: Vec<&str> = done.stdout.split_whitespace().collect();
    assert!(
        words.join(" ").contains(
            "You have written 1 of 2 steps yourself. Skipped, with the reference in place: 00 twice. \
             `cargo workshop reset twice` takes you back to where that step starts."
        ),
        "{done:?}"
    );
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

/// The small workshop has no measurement to build: the mistake is found first.
#[test]
fn the_options_of_compare_are_read_before_anything_is_compiled() {
    let fixture = Fixture::new();
    for (arguments, sentence) in [
        (
            &["compare", "--rate", "fast"][..],
            "`--rate fast` isn't a number from 1 to 6000. `--help` lists the options.\n",
        ),
        (
            &["compare", "--from", "no-such-file"],
            "no-such-file can't be read: ",
        ),
    ] {
        let done = fixture.run(arguments);
        assert_eq!(done.code, 2, "{done:?}");
        assert!(done.stderr.starts_with(sentence), "{done:?}");
        assert_eq!(done.stderr.lines().count(), 1, "{done:?}");
    }
}

/// A program that stands in for the probe: it says what it was given, and from where.
const PROBE: &str = "use std::io::Read;\n\nfn main() {\n    \
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();\n    \
    let mut input = String::new();\n    std::io::stdin().read_to_string(&mut input).unwrap();\n    \
    let folder = std::env::current_dir().unwrap();\n    \
    println!(\"{arguments:?} {input:?} in {:?}\", folder.file_name().unwrap());\n    std::process::exit(1);\n}\n";

#[test]
fn a_tool_is_built_when_it_is_asked_for_and_takes_over() {
    let fixture = Fixture::new();
    fixture.write(
        "Cargo.toml",
        "[workspace]\nresolver = \"3\"\nmembers = [\"probe\"]\n",
    );
    fixture.write(
        "probe/Cargo.toml",
        "[package]\nname = \"workshop-probe\"\nedition = \"2024\"\n",
    );
    fixture.write("probe/src/main.rs", PROBE);
    fixture.write("input", "81 05");
    let run = |arguments: &[&str]| {
        let input = File::open(fixture.root.join("input")).unwrap();
        let mut command = fixture.command(arguments);
        command.current_dir(fixture.root.join("steps")).stdin(input);
        command.output().unwrap()
    };
    let first = run(&["probe", "-", "--help", "--", "--no-open", "é"]);
    assert_eq!(first.status.code(), Some(1), "{first:?}");
    assert_eq!(
        String::from_utf8_lossy(&first.stdout),
        "[\"-\", \"--help\", \"--\", \"--no-open\", \"é\"] \"81 05\" in \"steps\"\n"
    );
    let said = String::from_utf8_lossy(&first.stderr);
    assert!(said.starts_with("… probe: building"), "{said}");
    let second = run(&["probe"]);
    assert_eq!(String::from_utf8_lossy(&second.stderr), "", "built already");
    fixture.write("probe/src/main.rs", "fn main() { 1 }\n");
    let broken = run(&["probe"]);
    let said = String::from_utf8_lossy(&broken.stderr);
    assert_eq!(broken.status.code(), Some(2), "{said}");
    assert!(
        said.ends_with("`workshop-probe` can't be built.\n"),
        "{said}"
    );
}

#[test]
fn a_command_line_that_makes_no_sense_gets_one_sentence_and_code_2() {
    let fixture = Fixture::new();
    for arguments in [&["skip"][..], &["chek"], &["check", "--al"]] {
        let done = fixture.run(arguments);
        assert_eq!(done.code, 2, "{done:?}");
        assert_eq!(done.stderr.lines().count(), 1, "{done:?}");
        assert!(done.stderr.ends_with("`--help` says more.\n"), "{done:?}");
    }
}

/// In a pipe, it is a plain line.
#[test]
fn a_check_shows_its_activity_at_once() {
    let fixture = Fixture::new();
    let done = fixture.run(&["check"]);
    assert_eq!(done.code, 1, "{done:?}");
    assert!(
        done.stderr.starts_with("… 00 twice: building ("),
        "{done:?}"
    );
}

#[test]
fn play_says_that_the_usual_port_is_taken() {
    let fixture = Fixture::new();
    fixture.write(TWICE, RIGHT);
    // If another program has it, that is just as good.
    let taken = TcpListener::bind(("127.0.0.1", 9001));
    let mut play = fixture.start(&["play", "four-times", "--no-open"]);
    play.wait_for("Port 9001 is taken, so any free one is used.");
    play.wait_for("listening on");
    drop(taken);
}
