//! The program, from its command line to its figures.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use workshop_compare::plot;
use workshop_compare::table::{Table, Transport};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_workshop-compare"))
        .args(arguments)
        .output()
        .expect("the program starts")
}

fn scratch(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

#[test]
fn a_web_socket_takes_the_fewest_bytes_and_polling_the_most_if_little_is_said() {
    let svg = scratch("quick.svg");
    let output = run(&["--quick", "--svg", svg.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    let table = Table::read(&text).unwrap();
    assert_eq!(table.rates(), [75, 600]);
    let [polling, long_polling, socket] = &table.rows[..3] else {
        panic!("{text}");
    };
    assert!(socket.then < long_polling.then, "{text}");
    assert!(long_polling.then < polling.then, "{text}");

    // Two pages, one message: each page waits, is answered, and waits again; and one posts.
    assert_eq!(long_polling.requests, 2 * 2 + 1, "{text}");
    assert_eq!(socket.requests, 2, "{text}");

    // One message of 47 bytes with a masked header of 6 goes in; the same with an id of 16 digits and a
    // header of 2 goes out twice.
    let said = r#"{"message":"00000 Is the kettle on?","username":"user00"}"#.len() as u64;
    let heard = said + r#""id":1234567890123456,"#.len() as u64;
    assert_eq!(socket.then, 6 + said + 2 * (2 + heard), "{text}");

    let drawn = fs::read_to_string(&svg).unwrap();
    assert_eq!(plot::svg(&table), Some(drawn.clone()));

    // A table that was kept says the same.
    let kept = scratch("quick.txt");
    fs::write(&kept, &text).unwrap();
    let again = scratch("again.svg");
    let paths = [&kept, &again].map(|path| path.to_str().unwrap());
    let output = run(&["--from", paths[0], "--svg", paths[1]]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), text);
    assert_eq!(fs::read_to_string(&again).unwrap(), drawn);
    assert!(table.bytes(Transport::Polling).len() == 2);
}

#[test]
fn nonsense_gets_one_sentence_and_code_2() {
    for (arguments, sentence) in [
        (
            &["--rate", "fast"][..],
            "`--rate fast` isn't a number from 1 to 6000. `--help` lists the options.",
        ),
        (
            &["--clients", "0"],
            "`--clients 0` isn't a number from 1 to 100.",
        ),
        (&["--nonsense"], "--nonsense"),
        (&["--from", "no-such-file"], "no-such-file can't be read: "),
        (
            &["--quick", "--svg", "no/such/folder/plot.svg"],
            "plot.svg can't be written: ",
        ),
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(sentence), "{arguments:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{arguments:?}: {said}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn help_has_an_example() {
    let output = run(&["--help"]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("\n  cargo workshop compare --rate 60"),
        "{text}"
    );
    assert!(text.lines().all(|line| line.chars().count() <= 80));
}
