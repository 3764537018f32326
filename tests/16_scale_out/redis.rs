//! The bus through Redis, without one: the check listens in its place. `tests/scale/` tries a real Redis.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use polling::history::{Message, NewMessage};
use scale_out::leases::Holder;
use scale_out::log::Ticket;
use scale_out::{Bus, BusError, RedisBus};
use support::check;

use super::shared::FOREVER;

fn bus(address: SocketAddr) -> RedisBus {
    RedisBus::new(&format!("redis://{address}"), 100, FOREVER).expect("it is a URL")
}

fn publish(bus: &RedisBus) -> Result<u64, BusError> {
    let message = NewMessage {
        username: "ada".to_string(),
        message: "hi".to_string(),
    };
    bus.publish(&Ticket("A/1".to_string()), &message)
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
            let mut shown = format!("nobody listens: {:?}\n", publish(&bus(closed)));
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
                shown += &format!("{what}: {:?}\n", publish(&redis));
                drop(redis);
                serving.join().expect("the check's own Redis doesn't panic");
            }
            shown
        },
    }
}

/// Texts and lists, as Redis sends them.
fn text(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

fn list(items: &[String]) -> String {
    format!("*{}\r\n{}", items.len(), items.concat())
}

fn texts(items: &[&str]) -> String {
    list(&Vec::from_iter(items.iter().map(|it| text(it))))
}

/// An entry of the log.
fn entry(id: &str, fields: &[&str]) -> String {
    list(&[text(id), texts(fields)])
}

/// Asks a Redis that gives this answer. Shows the question that reached it, and how its answer was read.
fn asks<T: std::fmt::Debug>(answer: String, ask: impl Fn(&RedisBus) -> T) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let redis = bus(listener.local_addr().expect("it has an address"));
    let (asked, questions) = mpsc::channel();
    let serving = thread::spawn(move || {
        serve(&listener, |command| {
            greets(command).or_else(|| {
                _ = asked.send(command.to_string());
                Some(answer.clone())
            })
        });
    });
    let read = ask(&redis);
    drop(redis);
    serving.join().expect("the check's own Redis doesn't panic");
    let mut shown = String::new();
    for question in questions {
        let mut words = Vec::from_iter(question.split(' '));
        if words[0] == "EVALSHA" {
            // The script's hash.
            words[1] = "…";
        }
        shown += &format!("{}\n", words.join(" "));
    }
    shown + &format!("  {read:?}\n")
}

#[test]
fn redis_is_asked_and_its_answers_are_read() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Each question to the bus is one command, and an entry that isn't a message of ours isn't taken for one.",
        signs: [],
        shows: || {
            let said = |messages: Result<Vec<Message>, BusError>| {
                let said = |it: Message| format!("{} {}: {}", it.id, it.content.username, it.content.message);
                messages.map(|it| Vec::from_iter(it.into_iter().map(said)))
            };
            let hi = entry("17-0", &["username", "ada", "message", "hi"]);
            let ho = entry("18-0", &["username", "bob", "message", "ho"]);
            let stream = |entries: &[String]| list(&[list(&[text("{chat}:log"), list(entries)])]);
            let holder = Holder { server: "A".to_string(), tab: "1".to_string() };
            let second = Duration::from_secs(1);
            asks(text("17"), publish)
                + &asks(list(&[ho.clone(), hi.clone()]), |bus| said(bus.latest(2)))
                + &asks(stream(&[hi, ho]), |bus| said(bus.after(16, second)))
                + &asks("*-1\r\n".to_string(), |bus| said(bus.after(18, Duration::ZERO)))
                + &asks(stream(&[entry("19-0", &["temperature", "7"])]), |bus| said(bus.after(18, second)))
                + &asks(list(&[entry("now", &["username", "ada", "message", "hi"])]), |bus| said(bus.latest(1)))
                + &asks(":1\r\n".to_string(), |bus| bus.claim("ada", &holder))
                + &asks(":0\r\n".to_string(), |bus| bus.claim("ada", &holder))
                + &asks(list(&[texts(&["ada", "bob"]), texts(&["bob"])]), |bus| {
                    bus.renew("A", &[("ada".to_string(), "1".to_string()), ("bob".to_string(), "2".to_string())])
                })
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
            let answers: Vec<_> = (0..1000).map(|_| publish(&redis)).collect();
            let few = connections.load(Ordering::Relaxed) < 50;
            let away = answers.iter().all(|it| *it == Err(BusError::Away));
            format!("all of 1000 are told that it is away: {away}; fewer than 50 connections: {few}\n")
        },
    }
}

#[test]
fn a_url_that_names_no_redis_is_refused() {
    check! {
        rfc: "the workshop's own rule",
        rule: "What isn't the URL of a Redis is an error before anything starts. A password doesn't get into a log.",
        signs: [],
        shows: || {
            let urls = ["redis://127.0.0.1:6379", "redis://:secret@localhost/2", "127.0.0.1:6379", "http://127.0.0.1", ""];
            let url = |url: &str| match RedisBus::new(url, 100, Duration::from_secs(5)) {
                Ok(bus) => format!("{url:?}: fine, {bus:?}\n"),
                Err(error) => format!("{url:?}: {error}\n"),
            };
            urls.map(url).concat()
        },
    }
}
