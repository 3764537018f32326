//! The program itself.

use support::frame::{TEXT, masked};
use support::{check, program};

use super::whole::Peer;

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
            &["simulate", "--clients", "0"],
            &["simulate", "--rooms", "0"],
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

#[test]
fn each_option_counts() {
    check! {
        rfc: "the workshop's own rule",
        rule: "`--help` names each option, with its default, and each one changes something.",
        signs: [],
        shows: || program!().runs(&[
            &["--help"],
            &["simulate", "--help"],
            &["simulate", "-h"],
            &["simulate", "--servers", "3", "--clients", "7"],
            &[
                "simulate", "--servers", "3", "--clients", "3000", "--rooms", "7", "--hot", "50", "--rate", "2",
                "--size", "70000", "--delivery", "100000", "--message", "2000000", "--join", "300000", "--publish", "4000000",
                "--read", "500000", "--name", "60000",
            ],
            &[
                "simulate", "--servers", "1", "--clients", "10", "--hot", "100", "--publish", "90000", "--read", "10000",
                "--name", "0",
            ],
        ]),
    }
}

#[test]
fn the_program_is_a_server_of_the_chat() {
    check! {
        rfc: "RFC 6455 §7.4.1",
        rule: "The options of step 10 count for each server.",
        signs: [],
        shows: || {
            let server = program!().serve(&["--servers", "1", "--max-message", "40"]);
            let mut ada = Peer::open(server.address, "");
            ada.says("ada", "hi");
            let mut shown = format!("ada hears {:?}\n", ada.texts_up_to("hi"));
            ada.send(&masked(TEXT, &[b'x'; 41]));
            shown += &format!("41 bytes: {}\n", ada.waits_for("Close"));
            shown
        },
    }
}
