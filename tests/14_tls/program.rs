//! The program itself.

use support::{check, program};

#[test]
fn the_program_explains_what_it_can_not_read() {
    check! {
        rfc: "the workshop's own rule",
        rule: "What the command line asks for in vain is said in a sentence, and the exit code is 2.",
        signs: [],
        shows: || program!().runs(&[&["measure", "more"], &["serve"], &["--port", "9009"], &["authority", "authority"]]),
    }
}

#[test]
fn the_program_says_how_to_trust_its_authority() {
    check! {
        rfc: "the workshop's own rule",
        rule: "`authority` says where the authority is, how to trust it, and how to take that back.",
        signs: [],
        shows: || {
            let folder = super::certificates::Folder::new("trust");
            let path = folder.path().canonicalize().expect("it is there");
            let path = path.display().to_string();
            let printed = program!().runs(&[&["--authority", &path, "authority"]]);
            let printed = printed.replace(&path, "/home/ada/tls");
            let name = printed.lines().find_map(|line| line.trim().strip_prefix("its name: "));
            let name = name.unwrap_or("no name").to_string();
            printed.replace(&name, "WebSocket workshop 2026-11-29 11:50:07")
        },
    }
}
