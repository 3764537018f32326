//! The program itself.

use support::{check, program};

#[test]
fn the_program_explains_what_it_can_not_read() {
    check! {
        rfc: "the workshop's own rule",
        rule: "What the command line asks for in vain is said in a sentence, and the exit code is 2.",
        signs: [],
        shows: || program!().runs(&[
            &["--bus", "http://127.0.0.1"],
            &["--bus"],
            &["--servers", "0"],
            &["--servers=many"],
            &["--port", "9016"],
            &["simulate", "--servers", "0"],
            &["simulate", "--people", "7"],
            &["simulate", "--hot", "101"],
        ]),
    }
}

#[test]
fn a_hundred_servers_on_paper() {
    check! {
        rfc: "the workshop's own rule",
        rule: "The simulation says what each server sends, receives and works, and what breaks first.",
        signs: [],
        shows: || program!().runs(&[
            &["simulate"],
            &["simulate", "--servers", "2", "--clients", "1000", "--rooms", "1", "--rate", "10"],
            &["simulate", "--rooms", "100", "--hot", "30"],
        ]),
    }
}
