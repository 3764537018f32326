//! The program.

use support::frame::{TEXT, masked};
use support::sign::yours;
use support::{check, program};

use super::shared::Peer;

#[test]
fn the_program_serves_both() {
    check! {
        rfc: "the workshop's own rule",
        rule: "`echo` and `chat` serve, with the options of steps 09 and 10. Without a command, it is the chat.",
        signs: [yours(["the handshake"]).says("The server doesn't let anyone in.")],
        shows: || {
            let program = program!();
            let mut shown = String::new();
            for command in [Some("echo"), Some("chat"), None] {
                let server = program.serve_as(&[command.as_slice(), &["--max-message", "1000"]].concat());
                let mut peer = Peer::open(server.address);
                if command == Some("echo") {
                    peer.send(&masked(TEXT, b"hello"));
                }
                shown += &format!("{}\n  {}\n", command.unwrap_or("(no command)"), peer.hears());
                peer.send(&masked(TEXT, &[b'x'; 2000]));
                shown += &format!("  a message over the limit: {}\n", peer.hears());
            }
            shown + &program.runs(&[&["dance"], &["echo", "--max-message", "lots"]])
        },
    }
}
