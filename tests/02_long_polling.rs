//! Step 02, `long-polling`: a request is held until there is news; nothing is lost or doubled.

use std::collections::BTreeSet;
use std::hint;
use std::net::{SocketAddr, TcpListener};
use std::slice;
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;
use long_polling::hub::Hub;
use long_polling::{Limits, LongPolling};
use polling::history::{NewMessage, News};
use support::http::{Client, Response, exchange};
use support::machine::stretched;
use support::wire::{Transcript, without_date};
use support::{check, program};

/// Longer than any check takes: who is answered was not answered because of the time.
const FOR_EVER: Duration = Duration::from_secs(600);
/// How long a check waits for something that should happen at once. Twice as long is still within
/// a check's deadline, so that what a check reports is what it saw.
const AT_ONCE: Duration = Duration::from_secs(3);

fn start(limits: Limits) -> LongPolling {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    LongPolling::start(listener, limits).expect("the server starts")
}

/// Limits under which nobody is answered because of the time.
fn patient() -> Limits {
    Limits {
        hold: FOR_EVER,
        ..Limits::default()
    }
}

fn says(text: &str) -> NewMessage {
    NewMessage {
        username: "ada".to_string(),
        message: text.to_string(),
    }
}

fn post(address: SocketAddr, text: &str) -> Response {
    let message = serde_json::to_string(&says(text)).expect("a message is JSON");
    exchange(address, "POST", "/messages", Some(&message))
}

fn ask(client: &mut Client, cursor: u64) {
    client.request("GET", &format!("/messages?after={cursor}"), None);
}

fn news(response: &Response) -> News {
    serde_json::from_slice(&response.body)
        .unwrap_or_else(|error| panic!("no news in {:?}: {error}", response.text()))
}

/// `1 hi, 2 hello; next 2`
fn line(news: &News) -> String {
    let message =
        |message: &polling::history::Message| format!("{} {}", message.id, message.content.message);
    let messages: Vec<_> = news.messages.iter().map(message).collect();
    let messages = match messages.is_empty() {
        true => "nothing".to_string(),
        false => messages.join(", "),
    };
    format!("{messages}; next {}", news.next)
}

/// Waits until so many requests wait, those of these clients among them.
fn until_waiting(server: &LongPolling, expected: u64, clients: &mut [Client]) {
    let begin = Instant::now();
    while server.waiting() != expected {
        if clients.iter_mut().any(Client::has_answer) {
            panic!(
                "a request should be held, but it has been answered already. Is the condition the \
                 wrong way round? `wait_timeout_while` waits *while* it is true"
            );
        }
        if begin.elapsed() > stretched(AT_ONCE) {
            panic!("{}", wrong_number(expected, server.waiting()));
        }
        thread::yield_now();
    }
}

fn wrong_number(expected: u64, waiting: u64) -> String {
    let should = match expected {
        0 => "no request should be waiting any more".to_string(),
        1 => "one request should be waiting by now".to_string(),
        _ => format!("{expected} requests should be waiting by now"),
    };
    let guess = match waiting > expected {
        true => ". Is a place that was taken never given back?",
        false => "",
    };
    format!("{should}, but `waiting` says {waiting}{guess}")
}

/// So many clients that wait for the first message.
///
/// They come one after the other: so the first that doesn't get to wait is known.
fn waiting_clients(server: &LongPolling, how_many: u64) -> Vec<Client> {
    let one_more = |before| {
        let mut client = Client::connect(server.address());
        ask(&mut client, 0);
        until_waiting(server, before + 1, slice::from_mut(&mut client));
        client
    };
    (0..how_many).map(one_more).collect()
}

/// The news in the answer to this client, `1 hi; next 1`, or that there is none.
fn answer(client: &mut Client) -> String {
    if answered(slice::from_mut(client)) == 0 {
        return "no answer, it still waits".to_string();
    }
    match client.response() {
        response if response.status == 200 => line(&news(&response)),
        response => format!("{} {}", response.status, response.text().trim()),
    }
}

/// How many of these clients have an answer, once all have one or it has taken too long.
fn answered(clients: &mut [Client]) -> usize {
    let begin = Instant::now();
    loop {
        let answered = clients
            .iter_mut()
            .filter_map(|client| client.has_answer().then_some(()))
            .count();
        if answered == clients.len() || begin.elapsed() > stretched(AT_ONCE) {
            return answered;
        }
        thread::yield_now();
    }
}

#[test]
fn a_request_is_held_until_there_is_news() {
    check! {
        rfc: "RFC 6202 §2.1",
        rule: "Where there is nothing new, the answer waits for the next message.",
        mistake: "`post` keeps the message and wakes nobody. Or the lock is kept while the request \
                  waits: then nobody can post what it waits for.",
        shows: || {
            let server = start(patient());
            let mut transcript = Transcript::new();
            let mut waiting = Client::connect(server.address());
            let request = "GET /messages?after=0 HTTP/1.1\r\nHost: localhost\r\n\r\n";
            waiting.send(request.as_bytes());
            transcript.client(request.as_bytes());
            until_waiting(&server, 1, slice::from_mut(&mut waiting));
            transcript.note(if waiting.has_answer() { "answered at once" } else { "held" });
            let posted = post(server.address(), "hi");
            transcript.note(&format!("somebody posts {:?}: {} {}", "hi", posted.status, posted.text()));
            match answered(slice::from_mut(&mut waiting)) {
                1 => transcript.server(&without_date(&waiting.response().bytes())),
                _ => transcript.note("no answer, it still waits"),
            }
            transcript.to_string()
        },
    }
}

#[test]
fn after_the_hold_comes_an_empty_answer() {
    check! {
        rfc: "RFC 6202 §5.5",
        rule: "A request is held for a limited time. Then the answer is an empty list and the cursor.",
        mistake: "`wait` instead of `wait_timeout`: whatever is between page and server (a proxy, a \
                  phone's network) gives up first, and what it does then is an error.",
        shows: || {
            let server = start(Limits { hold: Duration::from_millis(30), ..Limits::default() });
            let mut transcript = Transcript::new();
            let mut client = Client::connect(server.address());
            for cursor in [0, 7] {
                let request = format!("GET /messages?after={cursor} HTTP/1.1\r\nHost: localhost\r\n\r\n");
                client.send(request.as_bytes());
                transcript.client(request.as_bytes());
                if answered(slice::from_mut(&mut client)) == 0 {
                    transcript.note("no answer, it still waits");
                    break;
                }
                transcript.note("30 ms later");
                transcript.server(&without_date(&client.response().bytes()));
            }
            transcript.to_string()
        },
    }
}

#[test]
fn news_that_is_there_is_not_waited_for() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Look first, then wait: what came between two polls is sent at once.",
        mistake: "The request waits without having looked. What came before it is found only when \
                  the next message, or the end of the hold, wakes it.",
        shows: || {
            let server = start(patient());
            let mut client = Client::connect(server.address());
            let mut shown = String::new();
            let mut poll = |cursor| {
                ask(&mut client, cursor);
                let answer = answer(&mut client);
                shown += &format!("after {cursor}: {answer}\n");
                answer.starts_with("no answer")
            };
            post(server.address(), "one");
            if poll(0) {
                return shown;
            }
            post(server.address(), "two");
            post(server.address(), "three");
            if poll(1) {
                return shown;
            }
            ask(&mut client, 3);
            until_waiting(&server, 1, slice::from_mut(&mut client));
            let held = if client.has_answer() { "answered" } else { "held" };
            format!("{shown}after 3: {held}")
        },
    }
}

#[test]
fn all_that_wait_wake_at_once() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A message is news for everybody: all requests that wait are answered.",
        mistake: "`notify_one` wakes one of them, and the others sleep on. Or all are woken before \
                  the message is kept: who is quick finds nothing, and sleeps again.",
        shows: || {
            let server = start(patient());
            let mut clients = waiting_clients(&server, 20);
            post(server.address(), "hi");
            let answered = answered(&mut clients);
            if answered < 20 {
                return format!("20 requests wait, one message comes\nanswered: {answered}");
            }
            let all: Vec<_> = clients.iter_mut().map(|client| line(&news(&client.response()))).collect();
            let same = all.iter().all(|line| *line == all[0]);
            until_waiting(&server, 0, &mut []);
            format!(
                "20 requests wait, one message comes\nanswered: {answered}\n{} {}",
                if same { "each with" } else { "not all with" },
                all[0],
            )
        },
    }
}

#[test]
fn messages_that_arrive_together_come_once_each() {
    check! {
        rfc: "the workshop's own rule",
        rule: "The answer holds all that is newer than the cursor, and `next` is the last id in it.",
        mistake: "Only the message that woke the request was sent, with a cursor beyond the other \
                  one. It is never seen.",
        shows: || {
            let server = start(patient());
            let address = server.address();
            let mut reader = Client::connect(address);
            let together = Arc::new(Barrier::new(9));
            for _ in 0..8 {
                let mut client = Client::connect(address);
                // Once it has had an answer, the connection has a thread of its own.
                client.request("GET", "/nowhere", None);
                client.response();
                let together = Arc::clone(&together);
                thread::spawn(move || {
                    let message = serde_json::to_string(&says("hi")).expect("a message is JSON");
                    for _ in 0..30 {
                        together.wait();
                        client.request("POST", "/messages", Some(&message));
                        client.response();
                    }
                });
            }
            let mut ids = Vec::new();
            let mut cursor = 0;
            for round in 1..=30 {
                ask(&mut reader, cursor);
                until_waiting(&server, 1, slice::from_mut(&mut reader));
                together.wait();
                loop {
                    if answered(slice::from_mut(&mut reader)) == 0 {
                        return "a request waits for a message that has come already".to_string();
                    }
                    let news = news(&reader.response());
                    ids.extend(news.messages.iter().map(|message| message.id));
                    cursor = news.next;
                    if cursor >= 8 * round {
                        break;
                    }
                    ask(&mut reader, cursor);
                }
            }
            match ids.iter().copied().eq(1..=240) {
                true => "30 times, eight messages come together\nall are seen, in order, each once",
                false => "30 times, eight messages come together\nnot all are seen, or not once, or not in order",
            }.to_string()
        },
    }
}

#[test]
fn no_message_falls_between_looking_and_waiting() {
    check! {
        rfc: "the workshop's own rule",
        rule: "The lock is held from looking until the wait has begun.",
        mistake: "The lock was let go after looking and taken again for waiting. A message that \
                  comes in this gap wakes nobody: a lost wake-up. Or `post` wakes all before it \
                  keeps the message.",
        shows: || {
            let short = Duration::from_millis(10);
            let hub = Hub::new(&Limits { hold: short, ..Limits::default() });
            _ = hub.news_after(0);
            if hub.gaps() > 0 {
                return "one looks, lets go of the lock, and begins to wait".to_string();
            }

            let at_once = stretched(AT_ONCE);
            let hub = Arc::new(Hub::new(&Limits { hold: at_once, ..Limits::default() }));
            let (begins_to_wait, begun) = mpsc::channel();
            thread::spawn({
                let hub = Arc::clone(&hub);
                move || for round in begun {
                    // A little later each time, so that each moment is hit once.
                    (0..round % 100).for_each(|_| hint::spin_loop());
                    hub.post(says("hi"));
                }
            });
            for round in 0..500 {
                _ = begins_to_wait.send(round);
                let begin = Instant::now();
                let news = hub.news_after(round);
                if begin.elapsed() >= at_once {
                    return "a message comes, and the request sleeps on".to_string();
                }
                if !matches!(&news, Ok(news) if news.next == round + 1 && news.messages.len() == 1) {
                    return "a message comes, and the answer is another one".to_string();
                }
            }
            "one looks and begins to wait in one go\n500 messages come meanwhile: each is seen at once".to_string()
        },
    }
}

#[test]
fn who_is_woken_without_news_waits_on() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A thread may wake up for no reason. It looks again, and where there is nothing it waits on.",
        mistake: "`wait_timeout` without a loop around it: it returns at each wake-up, with or \
                  without news. `wait_timeout_while` is that loop.",
        shows: || {
            let hub = Arc::new(Hub::new(&patient()));
            let waiter = thread::spawn({
                let hub = Arc::clone(&hub);
                move || hub.news_after(0)
            });
            until(|| hub.waiting() == 1 || waiter.is_finished());
            let looks = hub.looks();
            hub.wake_without_news();
            until(|| hub.looks() > looks || waiter.is_finished());
            let then = match hub.waiting() {
                1 if hub.looks() > looks => "it looks again, and waits on",
                1 => "it doesn't look again",
                _ => "it waits no more",
            };
            hub.post(says("hi"));
            until(|| waiter.is_finished());
            let answer = match waiter.is_finished().then(|| waiter.join()) {
                None => "no answer, it still waits".to_string(),
                Some(Ok(Ok(news))) => line(&news),
                Some(Ok(Err(refusal))) => refusal.to_string(),
                Some(Err(_)) => "a panic".to_string(),
            };
            format!("a request waits\nit is woken without news: {then}\na message comes: {answer}")
        },
    }
}

/// Waits until something is the case, or has taken too long.
fn until(is_so: impl Fn() -> bool) {
    let begin = Instant::now();
    while !is_so() && begin.elapsed() < stretched(AT_ONCE) {
        thread::yield_now();
    }
}

#[test]
fn a_client_that_goes_away_takes_nothing_along() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A message counts as seen when the next request says so, not when it was sent.",
        mistake: "The server remembered for each client what it had sent. An answer to a client \
                  that has gone away is lost.",
        shows: || {
            let server = start(patient());
            let [goes, mut stays] = waiting_clients(&server, 2).try_into().unwrap_or_else(|_| unreachable!("there are two"));
            drop(goes);
            let posted = post(server.address(), "hi");
            let stayed = answer(&mut stays);
            if stayed.starts_with("no answer") {
                return format!("two wait, one goes away, a message comes: {}\nwho stayed:    {stayed}", posted.status);
            }
            until_waiting(&server, 0, &mut []);
            let mut back = Client::connect(server.address());
            ask(&mut back, 0);
            let came_back = answer(&mut back);
            format!(
                "two wait, one goes away, a message comes: {}\nwho stayed:    {stayed}\nwho came back: {came_back}\nwaiting: {}",
                posted.status, server.waiting(),
            )
        },
    }
}

#[test]
fn waiting_costs_no_processor_time() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Who waits sleeps until woken: it doesn't look again and again.",
        mistake: "A loop that looks, unlocks and looks again, with or without a short sleep in it.",
        shows: || {
            let hold = Duration::from_millis(80);
            let hub = Hub::new(&Limits { hold, ..Limits::default() });
            let looks = hub.looks();
            let begin = ThreadTime::now();
            let news = hub.news_after(0);
            let busy = begin.elapsed();
            let looks = hub.looks() - looks;
            let busy = match busy < hold / 10 {
                true => "less than a tenth of it".to_string(),
                false => "more than a tenth of it".to_string(),
            };
            let looks = match looks {
                0 => "never".to_string(),
                1..=5 => "1 to 5 times".to_string(),
                _ => "more than 5 times".to_string(),
            };
            let news = news.map_or_else(|refusal| refusal.to_string(), |news| line(&news));
            format!("held for {hold:?}: {news}\nprocessor time: {busy}\nlooked whether there is news: {looks}")
        },
    }
}

#[test]
fn one_request_too_many_is_told_to_come_back() {
    check! {
        rfc: "RFC 9110 §15.6.4, §10.2.3",
        rule: "So many may wait, and no more: 503 with Retry-After. Posting goes on, and frees the places.",
        mistake: "The places are counted up and never down again, or there is no limit at all.",
        shows: || {
            let server = start(Limits { max_waiting: 2, ..patient() });
            let mut clients = [0, 1].map(|_| Client::connect(server.address()));
            let mut transcript = Transcript::new();
            for round in 0..2 {
                for client in &mut clients {
                    ask(client, round);
                }
                until_waiting(&server, 2, &mut clients);
                transcript.note(&format!("two wait with the cursor {round}"));
                let request = format!("GET /messages?after={round} HTTP/1.1\r\nHost: localhost\r\n\r\n");
                let mut third = Client::connect(server.address());
                third.send(request.as_bytes());
                transcript.client(request.as_bytes());
                transcript.server(&without_date(&third.response().bytes()));
                let posted = post(server.address(), "hi");
                transcript.note(&format!("somebody posts: {} {}", posted.status, posted.text()));
                let answered = answered(&mut clients);
                if answered < 2 {
                    transcript.note(&format!("of the two, {answered} get an answer"));
                    break;
                }
                let lines = clients.each_mut().map(answer);
                transcript.note(&format!("the two get {}", lines.join(" and ")));
            }
            transcript.to_string()
        },
    }
}

#[test]
fn a_server_that_stops_answers_those_who_wait() {
    check! {
        rfc: "the workshop's own rule",
        rule: "On Ctrl-C all requests that wait are answered at once, and the server ends.",
        mistake: "Nobody was woken. Then the server ends when the last hold ends, or breaks the \
                  connections off.",
        shows: || {
            let server = start(patient());
            let mut clients = waiting_clients(&server, 3);
            let begin = Instant::now();
            drop(server);
            let stopped = match begin.elapsed() < stretched(AT_ONCE) {
                true => "at once",
                false => "after a long time",
            };
            let answered = answered(&mut clients);
            if answered < 3 {
                return format!("three wait, the server is stopped\n{answered} are answered");
            }
            let answers = clients.iter_mut().map(|client| {
                let response = client.response();
                format!("{} {}\n", response.status, response.text())
            });
            let answers: String = answers.collect();
            format!("three wait, the server is stopped\n{answers}it ends {stopped}")
        },
    }
}

#[test]
fn a_server_that_stops_waits_for_its_last_answer() {
    check! {
        rfc: "the workshop's own rule",
        rule: "The process ends when the last answer has been sent, not while somebody is at it.",
        mistake: "The given `answering` or `wait_for_the_last_answer` was changed; or `stop` doesn't \
                  note that the server stops.",
        shows: || {
            let rounds: BTreeSet<String> = (0..20).map(|_| last_answer()).collect();
            let rounds = rounds.into_iter().collect::<Vec<_>>();
            format!("20 times, the server is told to stop while somebody is being answered\n{}", rounds.join("\n"))
        },
    }
}

/// In which order the last answer is sent and the server ends.
fn last_answer() -> String {
    let hub = Hub::new(&patient());
    let log = Mutex::new(Vec::new());
    let note = |what| log.lock().expect("nobody panics with it").push(what);
    let note = &note;
    let (begin, at_once) = (Instant::now(), stretched(AT_ONCE));
    thread::scope(|scope| {
        let answering = hub.answering();
        hub.stop();
        scope.spawn(move || {
            note("the last answer is sent");
            drop(answering);
        });
        hub.wait_for_the_last_answer(at_once);
        note("the server ends");
    });
    assert!(
        begin.elapsed() < at_once,
        "the last answer was sent, and the server waited on"
    );
    log.into_inner().unwrap_or_default().join(", ")
}

#[test]
fn what_is_wrong_is_refused_and_not_held() {
    check! {
        rfc: "RFC 9110 §15.5",
        rule: "400, 404, 405 and 413 as with polling, at once: what is refused doesn't wait.",
        mistake: "The routes of the step before were not used, and some of them are missing.",
        shows: || {
            let server = start(Limits { max_body: 40, ..patient() });
            let long = "x".repeat(41);
            let requests = [
                ("GET", "/messages?after=soon", None),
                ("POST", "/messages", Some("hi")),
                ("POST", "/messages", Some(long.as_str())),
                ("GET", "/nowhere", None),
                ("PUT", "/messages", None),
            ];
            requests.map(|(method, target, body)| {
                let response = exchange(server.address(), method, target, body);
                format!("{method} {target} {}\n  → {} {}", body.unwrap_or_default(), response.status, response.text())
            }).concat()
        },
    }
}

#[test]
fn the_page_is_told_how_long_a_request_is_held() {
    check! {
        rfc: "the workshop's own rule",
        rule: "The page is the one of the step before: only `data-hold` says who does the waiting.",
        mistake: "The page was served without the hold: it then makes pauses, as with polling.",
        shows: || {
            let server = start(Limits { hold: Duration::from_millis(1_500), ..Limits::default() });
            let page = exchange(server.address(), "GET", "/", None).text();
            let lines = page.lines().filter(|line| line.contains("data-hold") || line.contains("<h1>"));
            lines.map(|line| format!("{}\n", line.trim())).collect()
        },
    }
}

#[test]
fn the_program_serves() {
    check! {
        rfc: "the workshop's own rule",
        rule: "`cargo run -p long-polling` says where it listens, and its options are its limits.",
        mistake: "The given src/main.rs was changed. Where another check is red too, begin there.",
        shows: || {
            let server = program!().serve(&["--hold", "600", "--max-waiting", "0"]);
            let page = exchange(server.address, "GET", "/", None).text();
            let hold = page.lines().find(|line| line.contains("data-hold")).unwrap_or_default().trim();
            let poll = exchange(server.address, "GET", "/messages?after=0", None);
            format!(
                "a hold of 600 s, and nobody may wait\nGET /\n  → {hold}\nGET /messages?after=0\n  → {} {}",
                poll.status, poll.text(),
            )
        },
    }
}
