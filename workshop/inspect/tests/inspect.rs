//! `cargo workshop inspect`, as it is run.

use std::fs::File;
use std::process::{Command, Output, Stdio};

#[path = "../../tests/common/shown.rs"]
mod shown;

use shown::{root, shown};

fn inspect(arguments: &[&str], input: Stdio) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_workshop-inspect"));
    command
        .args(arguments)
        .current_dir(root())
        .stdin(input)
        .output()
        .expect("it runs")
}

#[test]
fn frames_after_one_another_are_drawn_one_below_the_other() {
    // "Hello" from a client, a ping, "Hello" compressed (RFC 7692 §7.2.3.1), a Close that is cut off.
    let hex = "81 85 37 fa 21 3d 7f 9f 4d 51 58 89 00 c1 07 f2 48 cd c9 c9 07 00 88 05 03 e8";
    let done = inspect(&hex.split(' ').collect::<Vec<_>>(), Stdio::null());
    assert_eq!(done.status.code(), Some(1), "RSV1 is set: {done:?}");
    shown("inspect", &String::from_utf8_lossy(&done.stdout));
}

/// The examples of RFC 7692 §7.2.3, in the order in which they are there.
#[test]
fn compressed_messages_are_drawn_and_inflated() {
    let hex = "c1 07 f2 48 cd c9 c9 07 00 c1 05 f2 00 11 00 00 41 03 f2 48 cd 80 04 c9 c9 07 00 \
               c1 0b 00 05 00 fa ff 48 65 6c 6c 6f 00 c1 08 f3 48 cd c9 c9 07 00 00 \
               c1 0d f2 48 05 00 00 00 ff ff ca c9 c9 07 00";
    let arguments: Vec<&str> = ["--deflate"].into_iter().chain(hex.split(' ')).collect();
    let done = inspect(&arguments, Stdio::null());
    assert!(done.status.success(), "{done:?}");
    let said = String::from_utf8_lossy(&done.stdout);
    assert_eq!(said.matches("\nInflated, 5 bytes: \"Hello\"\n").count(), 5);
    let parts = [
        "Inflated, 2 bytes: \"He\"\n",
        "Inflated, 3 bytes: \"llo\"\n",
    ];
    for part in parts {
        assert!(said.contains(part), "{said}");
    }
    let first: Vec<&str> = said.split("\nFrame 3").take(1).collect();
    shown("inspect_deflate", first[0]);
}

#[test]
fn a_file_and_the_input_are_drawn_alike() {
    let file = "tests/captures/chromium-156-126-bytes.hex";
    let by_name = inspect(&["--file", file], Stdio::null());
    let input = File::open(root().join(file)).expect("the capture is there");
    let piped = inspect(&["-"], input.into());
    assert!(by_name.status.success(), "{by_name:?}");
    assert_eq!(by_name, piped);
    shown("inspect_file", &String::from_utf8_lossy(&by_name.stdout));
}

#[test]
fn the_exit_code_says_whether_a_frame_breaks_a_rule() {
    for (hex, code, rule) in [
        ("81 05 48 65 6c 6c 6f", 0, ""),
        (
            "88 02 03 ed",
            1,
            "✗ code 1005 (no code was there) must not be sent",
        ),
        ("81 00 88 01 03 81 00", 1, "✗ one byte is half a code"),
        (
            "--from client 81 00",
            1,
            "✗ a client's frame must be masked",
        ),
        ("--from server 81 00", 0, ""),
        ("--deflate c1 07 f2 48 cd c9 c9 07 00", 0, "Inflated, 5"),
        ("c1 07 f2 48 cd c9 c9 07 00", 1, "Inflated, 5"),
        (
            "--deflate c1 05 f2 00 11 00 00",
            1,
            "✗ it can't be inflated",
        ),
        ("--deflate c1 03 ff ff ff c1 01 00", 1, "Not inflated: a"),
        ("--from somebody 81 00", 2, ""),
    ] {
        let done = inspect(&hex.split(' ').collect::<Vec<_>>(), Stdio::null());
        let said = String::from_utf8_lossy(&done.stdout);
        assert_eq!(done.status.code(), Some(code), "{hex}: {said}");
        assert!(said.contains(rule), "{hex}: {said}");
        assert_eq!(said.contains('✗'), code == 1, "{hex}: {said}");
    }
}

#[test]
fn nonsense_gets_a_sentence_and_exit_code_2() {
    for (arguments, sentence) in [
        (
            &["hello"][..],
            "'h' isn't a hexadecimal digit; a frame is given in hexadecimal, like 81 85 37 fa\n\
             21 3d 7f 9f 4d 51 58.\n",
        ),
        (
            &["-"],
            "There are no bytes to draw; a frame is given like 81 85 37 fa 21 3d 7f 9f 4d 51 58.\n",
        ),
        (
            &["--file", "no/such.hex"],
            "no/such.hex can't be read as text: ",
        ),
        (
            &[],
            "<HEX>... is missing: write `cargo workshop inspect <HEX>...`; `--help` says more.\n",
        ),
    ] {
        let done = inspect(arguments, Stdio::null());
        assert_eq!(done.status.code(), Some(2), "{arguments:?}");
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(said.starts_with(sentence), "{said}");
        assert!(done.stdout.is_empty(), "{arguments:?}");
    }
}
