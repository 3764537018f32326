//! The program.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread;

use compression::{Inflater, samples};
use support::check;
use support::program;
use support::wire::hex;

use super::servers::Peer;
use super::shared::ALONE;

#[test]
fn the_table_shows_a_negotiation() {
    check! {
        rfc: "RFC 7692 §7.1",
        rule: "`table` shows which offer is chosen, the answer, and what each side will do.",
        signs: [],
        shows: || {
            program!().runs(&[
                &["table", "permessage-deflate; client_max_window_bits"],
                &["table", "permessage-deflate; server_max_window_bits=8, permessage-deflate; x, permessage-deflate, permessage-deflate"],
                &["--server-forgets", "--client-window", "10", "table", "permessage-deflate; client_max_window_bits"],
                &["table", "x-webkit-deflate-frame"],
                &["table", "permessage-deflate;"],
                &["--server-window", "7", "table", "permessage-deflate"],
                &["table"],
            ])
        },
    }
}

#[test]
fn the_program_serves() {
    check! {
        rfc: "RFC 7692 §5",
        rule: "`echo` is step 09 with the extension, `chat` step 10. Without a command, it is the chat.",
        signs: [],
        shows: || {
            let commands: [&[&str]; 4] = [
                &["echo"],
                &["--server-window", "10", "--client-forgets", "echo"],
                &["chat"],
                &[],
            ];
            let offer = "permessage-deflate; client_max_window_bits";
            let mut told = String::new();
            for command in commands {
                let server = program!().serve_as(command);
                let (mut peer, answer) = Peer::open(server.address, offer);
                peer.say(r#"{"username":"a name that goes on and on and on and on and on and on and on"}"#);
                let mut inflater = Inflater::new(ALONE);
                told += &format!("{command:?}: the answer is {answer}\n");
                told += &format!("  it hears {}\n", peer.hears(&mut inflater));
            }
            told
        },
    }
}

#[test]
fn the_program_connects() {
    check! {
        rfc: "RFC 7692 §5",
        rule: "`connect` is the client of step 12, which offers the extension.",
        signs: [],
        shows: || {
            let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
            let address = listener.local_addr().expect("it is bound");
            let server = thread::spawn(move || {
                let (client, _) = listener.accept().expect("the program connects");
                let lines = BufReader::new(&client).lines().map_while(Result::ok);
                let head = Vec::from_iter(lines.take_while(|line| !line.is_empty()));
                _ = (&client).write_all(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
                let offers = head.into_iter().filter(|line| line.starts_with("Sec-WebSocket-Extensions"));
                offers.collect::<String>()
            });
            let url = format!("ws://{address}/socket");
            let printed = program!().runs(&[&["--client-window", "12", "connect", &url]]);
            let offer = server.join().expect("it has no mistake");
            printed.replace(&address.to_string(), "127.0.0.1:9009") + &offer + "\n"
        },
    }
}

#[test]
fn the_program_measures() {
    check! {
        rfc: "the workshop's own rule",
        rule: "`measure` tells bytes, time and memory, for each kind of message and each window.",
        signs: [],
        shows: || {
            let printed = program!().runs(&[&["measure", "400"], &["measure", "0"], &["memory", "many"]]);
            printed.lines().map(|line| without_figures(line) + "\n").collect::<String>()
        },
    }
}

/// A line of `measure` that is the same on every machine: of a figure, only whether it is as large as it should be.
fn without_figures(line: &str) -> String {
    let Some((row, figures)) = line.split_at_checked(26) else {
        return line.to_string();
    };
    if !row.starts_with("  ") || row.trim().is_empty() {
        return line.to_string();
    }
    match figures.split_whitespace().collect::<Vec<_>>()[..] {
        [size, "kB"] => {
            let is_large = size.parse().is_ok_and(|size: usize| size > 150);
            format!(
                "{row} {} 150 kB",
                if is_large { "more than" } else { "less than" }
            )
        }
        [_, percent, "%", time, "µs"] => {
            let saves = percent.parse().is_ok_and(|percent: usize| percent < 100);
            // No message takes a second, or no time at all.
            let takes = time.parse().is_ok_and(|time: f64| time > 0.0 && time < 1e6);
            format!(
                "{row} {}, {}",
                if saves { "saves" } else { "saves nothing" },
                if takes {
                    "some µs"
                } else {
                    "a time that can't be right"
                }
            )
        }
        // Only Linux tells how much memory a process has.
        _ if !cfg!(target_os = "linux") => {
            let forgets = row.contains("own");
            format!(
                "{row} {} 150 kB",
                if forgets { "less than" } else { "more than" }
            )
        }
        _ => line.to_string(),
    }
}

#[test]
fn the_samples_are_always_the_same() {
    check! {
        rfc: "the workshop's own rule",
        rule: "`measure` compresses messages of a chat, values of a chart, and noise in place of a photograph.",
        signs: [],
        shows: || {
            let text = |messages: Vec<Vec<u8>>| {
                let lines = messages.iter().map(|message| format!("  {}\n", String::from_utf8_lossy(message)));
                lines.collect::<String>()
            };
            let photograph = samples::photograph();
            format!(
                "chat\n{}chart\n{}photograph, {} bytes\n  {} …\n",
                text(samples::chat(3)),
                text(samples::chart(3)),
                photograph.len(),
                hex(&photograph[..16])
            )
        },
    }
}
