//! The bus through Redis, without one: the check listens in its place. `tests/scale/` tries a real Redis.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use polling::history::NewMessage;
use scale_out::log::Ticket;
use scale_out::{Bus, RedisBus};
use support::check;

use super::shared::FOREVER;

fn bus(address: SocketAddr) -> RedisBus {
    RedisBus::new(&format!("redis://{address}"), 100, FOREVER).expect("it is a URL")
}

fn publish(bus: &RedisBus) -> String {
    let message = NewMessage {
        username: "ada".to_string(),
        message: "hi".to_string(),
    };
    format!("{:?}", bus.publish(&Ticket("A/1".to_string()), &message))
}

/// Reads the commands of a connection, and answers each. `None` ends the connection.
fn serve(listener: &TcpListener, answer: impl Fn(&str) -> Option<String>) {
    let Ok((stream, _)) = listener.accept() else {
        return;
    };
    let mut reader = BufReader::new(stream.try_clone().expect("a socket has a second handle"));
    loop {
        let mut words = Vec::new();
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let count = line.trim().trim_start_matches('*').parse().unwrap_or(0);
        for _ in 0..count {
            let mut length = String::new();
            let mut word = Vec::new();
            let read = reader.read_line(&mut length).and_then(|_| {
                let length: usize = length.trim().trim_start_matches('$').parse().unwrap_or(0);
                std::io::Read::take(&mut reader, length as u64 + 2).read_until(0, &mut word)
            });
            if read.is_err() {
                return;
            }
            words.push(String::from_utf8_lossy(&word).trim().to_string());
        }
        match answer(&words.join(" ")) {
            Some(text) => _ = (&stream).write_all(text.as_bytes()),
            None => return,
        }
    }
}

/// What a Redis says to the first commands of a connection.
fn greets(command: &str) -> Option<String> {
    let info = "# Server\r\nrun_id:0123\r\n";
    if command.starts_with("INFO") {
        Some(format!("${}\r\n{info}\r\n", info.len()))
    } else if command.starts_with("CLIENT") {
        Some("+OK\r\n".to_string())
    } else {
        None
    }
}

#[test]
fn a_redis_that_does_not_answer_is_away_or_uncertain() {
    check! {
        rfc: "the workshop's own rule",
        rule: "No connection, or a refusal by Redis: nothing has happened. A connection that ends, or is silent, after \
               the question: nobody knows.",
        signs: [],
        shows: || {
            let listen = || TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
            let address = |listener: &TcpListener| listener.local_addr().expect("it has an address");
            let closed = address(&listen());
            let mut shown = format!("nobody listens: {}\n", publish(&bus(closed)));
            for (what, answer) in [
                ("it ends the connection before any answer", None),
                ("it is loading its file", Some("-LOADING Redis is loading the dataset in memory\r\n")),
                ("it is full", Some("-OOM command not allowed when used memory > 'maxmemory'.\r\n")),
                ("it answers", Some("$2\r\n17\r\n")),
            ] {
                let listener = listen();
                let redis = bus(address(&listener));
                let answer = answer.map(str::to_string);
                let serving = thread::spawn(move || {
                    serve(&listener, |command| greets(command).or_else(|| answer.clone()));
                });
                shown += &format!("{what}: {}\n", publish(&redis));
                drop(redis);
                serving.join().expect("the check's own Redis doesn't panic");
            }
            shown
        },
    }
}

#[test]
fn while_redis_is_away_a_question_costs_nothing() {
    check! {
        rfc: "the workshop's own rule",
        rule: "After a connection has failed, there is a pause: a thousand questions don't make a thousand connections.",
        signs: [],
        shows: || {
            let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
            let redis = bus(listener.local_addr().expect("it has an address"));
            let connections = std::sync::Arc::new(AtomicUsize::new(0));
            let counted = std::sync::Arc::clone(&connections);
            thread::spawn(move || {
                while let Ok((stream, _)) = listener.accept() {
                    counted.fetch_add(1, Ordering::Relaxed);
                    drop(stream);
                }
            });
            let answers: Vec<String> = (0..1000).map(|_| publish(&redis)).collect();
            let few = connections.load(Ordering::Relaxed) < 50;
            let away = answers.iter().all(|it| it == "Err(Away)");
            format!("all of 1000 are told that it is away: {away}; fewer than 50 connections: {few}\n")
        },
    }
}

#[test]
fn a_url_that_names_no_redis_is_refused() {
    check! {
        rfc: "the workshop's own rule",
        rule: "What isn't the URL of a Redis is an error before anything starts.",
        signs: [],
        shows: || {
            let urls = ["redis://127.0.0.1:6379", "redis://:secret@localhost/2", "127.0.0.1:6379", "http://127.0.0.1", ""];
            let url = |url: &str| match RedisBus::new(url, 100, Duration::from_secs(5)) {
                Ok(_) => format!("{url:?}: fine\n"),
                Err(_) => format!("{url:?}: refused\n"),
            };
            urls.map(url).concat()
        },
    }
}
