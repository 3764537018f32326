//! Step 02, `long-polling`: a request is held until there is news; nothing is lost or doubled.

use std::collections::BTreeSet;
use std::hint;
use std::net::{SocketAddr, TcpListener};
use std::slice;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;
use long_polling::hub::Hub;
use long_polling::{Limits, LongPolling};
use polling::history::{Message, NewMessage, News};
use polling::routes::Refusal;
use support::http::{Client, Response, exchange};
use support::machine::stretched;
use support::sign::{never_finished, no_answer, panics, yours};
use support::wire::{Transcript, without_date};
use support::{check, program};

/// Longer than any check takes: under this timeout, no request is answered because time is up.
const FOREVER: Duration = Duration::from_secs(600);
/// How long a check waits for something that should happen at once. Twice as long is still within
/// a check's deadline, so that the check can report what it saw.
const AT_ONCE: Duration = Duration::from_secs(3);

/// What a check shows if no answer has come.
const NO_ANSWER: &str = "no answer, it still waits";

fn start(limits: Limits) -> LongPolling {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    LongPolling::start(listener, limits).expect("the server starts")
}

/// Limits under which no request is answered because time is up.
fn patient() -> Limits {
    Limits {
        poll_timeout: FOREVER,
        ..Limits::default()
    }
}

fn new_message(text: &str) -> NewMessage {
    NewMessage {
        username: "ada".to_string(),
        message: text.to_string(),
    }
}

fn post(address: SocketAddr, text: &str) -> Response {
    let message = serde_json::to_string(&new_message(text)).expect("a message is JSON");
    exchange(address, "POST", "/messages", Some(&message))
}

fn ask(client: &mut Client, cursor: u64) {
    client.request("GET", &format!("/messages?after={cursor}"), None);
}

fn news(response: &Response) -> News {
    serde_json::from_slice(&response.body)
        .unwrap_or_else(|error| panic!("no news in {:?}: {error}", response.text()))
}

/// The news in one line: `1 hi, 2 hello; next 2`.
fn line(news: &News) -> String {
    let next = news.next;
    if news.messages.is_empty() {
        return format!("nothing; next {next}");
    }
    let message = |message: &Message| format!("{} {}", message.id, message.content.message);
    let messages: Vec<_> = news.messages.iter().map(message).collect();
    format!("{}; next {next}", messages.join(", "))
}

/// Waits until exactly this many requests wait, those of these clients among them.
fn until_waiting(server: &LongPolling, expected: u64, clients: &mut [Client]) {
    let begin = Instant::now();
    while server.waiting() != expected {
        if clients.iter_mut().any(Client::has_answer) {
            panic!("a request should be held, but it has been answered already");
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
    format!("{should}, but `waiting` says {waiting}")
}

/// Clients that wait for the first message.
///
/// They connect one after the other, so a check knows the first one that isn't held.
fn waiting_clients(server: &LongPolling, count: u64) -> Vec<Client> {
    let one_more = |before| {
        let mut client = Client::connect(server.address());
        ask(&mut client, 0);
        until_waiting(server, before + 1, slice::from_mut(&mut client));
        client
    };
    (0..count).map(one_more).collect()
}

/// The news in the answer to this client, `1 hi; next 1`, or [`NO_ANSWER`].
fn answer(client: &mut Client) -> String {
    if answered(slice::from_mut(client)) == 0 {
        return NO_ANSWER.to_string();
    }
    match client.response() {
        response if response.status == 200 => line(&news(&response)),
        response => format!("{} {}", response.status, response.text().trim()),
    }
}

/// How many of these clients have an answer. Waits until all have one, but not too long.
fn answered(clients: &mut [Client]) -> usize {
    let begin = Instant::now();
    loop {
        let answered = clients.iter_mut().map(Client::has_answer);
        let answered = answered.filter(|has_answer| *has_answer).count();
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
        rule: "If there is nothing new, the answer waits for the next message.",
        signs: [
            panics("answered already").says(
                "The condition is the wrong way round: `wait_timeout_while` waits *while* it is true, so it has to be \
                 *not due*.",
            ),
            panics("`waiting` says 0").says(
                "The request waits without a place. `take_place` takes one, and counts it in `waiting`.",
            ),
            panics("`waiting` says 2").says(
                "The request was counted twice: `take_place` has added one to `waiting` already.",
            ),
            yours(["no answer, it still waits"]).says(
                "`post` wakes no thread once the message is kept. The waiting threads sleep until they are notified.",
            ),
            yours(["\"messages\":[]"]).says(
                "The answer was looked up before the wait. Look it up when the wait is over: only then is the news \
                 known.",
            ),
            no_answer("your server took the request").says(
                "`post` takes the lock again while it has the guard, and waits for itself.",
            ),
            never_finished().says(
                "The lock is held when it has to be free: a thread sleeps with the guard, or takes the lock again \
                 while it has the guard.",
            ),
        ],
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
            transcript.note(&format!("another client posts {:?}: {} {}", "hi", posted.status, posted.text()));
            if answered(slice::from_mut(&mut waiting)) == 1 {
                transcript.server(&without_date(&waiting.response().bytes()));
            } else {
                transcript.note(NO_ANSWER);
            }
            transcript.to_string()
        },
    }
}

#[test]
fn after_the_timeout_the_answer_is_empty() {
    check! {
        rfc: "RFC 6202 §5.5",
        rule: "A request is held for a limited time. Then the answer is an empty list and the cursor.",
        signs: [
            yours(["no answer, it still waits"]).says(
                "The wait has no deadline. A proxy or a phone network between page and server gives up first, and the \
                 page sees an error.",
            ),
            yours(["503"]).says(
                "The timeout was taken for a refusal. When it is over, the answer is like any other: status 200, and \
                 an empty list.",
            ),
            yours(["\"next\":7"]).says(
                "The cursor was sent back as it came. This history has no id 7; `History::after` returns the right \
                 cursor.",
            ),
        ],
        shows: || {
            let server = start(timeout(Duration::from_millis(30)));
            let mut transcript = Transcript::new();
            let mut client = Client::connect(server.address());
            for cursor in [0, 7] {
                let request = format!("GET /messages?after={cursor} HTTP/1.1\r\nHost: localhost\r\n\r\n");
                client.send(request.as_bytes());
                transcript.client(request.as_bytes());
                if answered(slice::from_mut(&mut client)) == 0 {
                    transcript.note(NO_ANSWER);
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
fn existing_news_is_sent_at_once() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Look first, then wait: a message that came between two polls is sent at once.",
        signs: [
            panics("subtract with overflow").says(
                "A place was given back that wasn't taken: this request didn't wait. Subtract 1 only after a wait.",
            ),
            yours(["after 1: 3 three"]).says(
                "Only the newest message was sent, and the cursor skips the one before it. The page never sees that \
                 one.",
            ),
            yours(["no answer, it still waits"]).says(
                "There is a message that this page hasn't seen, but the request waits without having looked for it. \
                 Only the next message, or the timeout, ends the wait.",
            ),
        ],
        shows: || {
            let server = start(patient());
            let mut client = Client::connect(server.address());
            let mut shown = String::new();
            let mut poll = |cursor| {
                ask(&mut client, cursor);
                let answer = answer(&mut client);
                shown += &format!("after {cursor}: {answer}\n");
                answer == NO_ANSWER
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
fn a_place_is_held_only_during_the_wait() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A request takes a place to wait and gives it back afterwards. A request that needn't wait takes none.",
        signs: [
            panics("subtract with overflow").says(
                "A request was refused a place, waited anyway, and gave back a place that it never had. `?` passes the \
                 refusal on.",
            ),
            yours(["no place, news: 503"]).says(
                "The place was taken before looking. A request that finds news doesn't wait, so it needs no place.",
            ),
            yours(["no place, the server stops: 503"]).says(
                "Once the server stops, no request waits. Either `stop` doesn't set `stopped`, or `news_after` decides \
                 without `is_due`, which looks at `stopped`.",
            ),
            yours(["no place, nothing new: nothing"]).says(
                "A request waits although no place is left. `take_place` refuses it, and `?` passes the refusal on.",
            ),
            yours(["first wait: nothing", "waiting: 1"]).says(
                "The place isn't given back when the timeout is over. Give it back after every wait, whatever ended \
                 it.",
            ),
        ],
        shows: || {
            let two = hub_with_places(2);
            let mut shown = "two places, and each wait ends with the timeout\n".to_string();
            for wait in ["first", "second", "third"] {
                let outcome = outcome(ask_in_a_thread(&two));
                if outcome == NO_ANSWER {
                    return shown + &format!("{wait} wait: {outcome}");
                }
                shown += &format!("{wait} wait: {outcome}; then waiting: {}\n", two.waiting());
            }
            let none = hub_with_places(0);
            shown += &format!("no place, nothing new: {}\n", outcome(ask_in_a_thread(&none)));
            none.stop();
            shown += &format!("no place, the server stops: {}\n", outcome(ask_in_a_thread(&none)));
            let none = hub_with_places(0);
            none.post(new_message("hi"));
            shown + &format!("no place, news: {}", outcome(ask_in_a_thread(&none)))
        },
    }
}

/// A hub in which so many requests may wait, for 10 ms.
fn hub_with_places(max_waiting: u64) -> Arc<Hub> {
    Arc::new(Hub::new(&Limits {
        max_waiting,
        ..timeout(Duration::from_millis(10))
    }))
}

/// Limits with this timeout.
fn timeout(poll_timeout: Duration) -> Limits {
    Limits {
        poll_timeout,
        ..Limits::default()
    }
}

#[test]
fn no_message_falls_between_looking_and_waiting() {
    check! {
        rfc: "the workshop's own rule",
        rule: "The lock is held from looking until the wait has begun.",
        signs: [
            yours(["releases the lock"]).says(
                "The lock was released after looking and taken again for waiting. A message that comes in this gap \
                 wakes no thread: a lost wake-up.",
            ),
            yours(["sleeps on"]).says(
                "`post` wakes the threads before it keeps the message. A quick thread finds nothing and sleeps again.",
            ),
        ],
        shows: || {
            let hub = Hub::new(&timeout(Duration::from_millis(10)));
            _ = hub.news_after(0);
            if hub.gaps() > 0 {
                return "a request looks, releases the lock, and starts to wait".to_string();
            }
            let seen = five_hundred_messages_in_the_gap();
            format!("a request looks and starts to wait without releasing the lock\n{seen}")
        },
    }
}

/// Posts a message at each moment around the start of a wait, and says what the request saw.
fn five_hundred_messages_in_the_gap() -> &'static str {
    let at_once = stretched(AT_ONCE);
    let hub = Hub::new(&timeout(at_once));
    let (starts_to_wait, started) = mpsc::channel();
    thread::scope(|scope| {
        let hub = &hub;
        scope.spawn(move || {
            for round in started {
                // A little later each time, so that each moment is hit once.
                (0..round % 100).for_each(|_| hint::spin_loop());
                hub.post(new_message("hi"));
            }
        });
        // Moved in here: the other thread ends when it is dropped.
        let starts_to_wait = starts_to_wait;
        for round in 0..500 {
            _ = starts_to_wait.send(round);
            let begin = Instant::now();
            let news = hub.news_after(round);
            if begin.elapsed() >= at_once {
                return "a message comes, and the request sleeps on";
            }
            if !matches!(&news, Ok(news) if news.next == round + 1 && news.messages.len() == 1) {
                return "a message comes, and the answer is a different one";
            }
        }
        "500 messages come at that moment: each is seen at once"
    })
}

#[test]
fn a_message_wakes_every_request_that_waits() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A message is news to every request that waits: all are answered.",
        signs: [
            yours(["answered: 1"]).says(
                "`notify_one` wakes one thread, and the others sleep on. The message is news to all of them.",
            ),
        ],
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
        rule: "The answer has every message after the cursor, and `next` is the last id in it.",
        signs: [
            yours(["a request waits for a message"]).says(
                "`post` wakes the threads before it keeps the message. A quick thread finds nothing and sleeps again.",
            ),
            yours(["some are never seen"]).says(
                "A message that came together with others was left out of the answer. Every message after the cursor \
                 belongs in it.",
            ),
            yours(["some more than once"]).says(
                "`next` is smaller than the last id in the answer, so some messages come again.",
            ),
        ],
        shows: || {
            let server = start(patient());
            let address = server.address();
            let mut reader = Client::connect(address);
            let together = Arc::new(Barrier::new(9));
            for _ in 0..8 {
                post_in_each_round(address, &together);
            }
            let mut ids = Vec::new();
            let mut cursor = 0;
            for round in 1..=30 {
                ask(&mut reader, cursor);
                until_waiting(&server, 1, slice::from_mut(&mut reader));
                together.wait();
                loop {
                    if answered(slice::from_mut(&mut reader)) == 0 {
                        return "a request waits for a message that has already come".to_string();
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
            format!("30 times, eight messages come together\n{}", how_they_came(&ids, 240))
        },
    }
}

/// Connects a client that posts a message in each of 30 rounds. A round begins when all wait for it.
fn post_in_each_round(address: SocketAddr, together: &Arc<Barrier>) {
    let mut client = Client::connect(address);
    // Once it has had an answer, the connection has a thread of its own.
    client.request("GET", "/nowhere", None);
    client.response();
    let together = Arc::clone(together);
    thread::spawn(move || {
        let message = serde_json::to_string(&new_message("hi")).expect("a message is JSON");
        for _ in 0..30 {
            together.wait();
            client.request("POST", "/messages", Some(&message));
            client.response();
        }
    });
}

/// Whether the messages 1 to `count` were all seen, once each and in order.
fn how_they_came(ids: &[u64], count: u64) -> &'static str {
    let different = BTreeSet::from_iter(ids);
    if ids.iter().copied().eq(1..=count) {
        "all are seen, in order, each once"
    } else if (1..=count).any(|id| !different.contains(&id)) {
        "some are never seen"
    } else if different.len() < ids.len() {
        "all are seen, some more than once"
    } else {
        "all are seen, not in order"
    }
}

#[test]
fn a_request_woken_without_news_waits_on() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A thread may wake up for no reason. It looks again, and if there is no news, it waits on.",
        signs: [
            yours(["it waits no more"]).says(
                "`wait_timeout` without a loop around it returns at each wake-up, with or without news. \
                 `wait_timeout_while` is that loop.",
            ),
            yours(["it is counted twice"]).says(
                "Each wake-up takes another place. A request takes one, before it starts to wait.",
            ),
            yours(["doesn't look again"]).says(
                "The condition of the wait doesn't ask `is_due`, which is true if there is news or the server stops.",
            ),
        ],
        shows: || {
            let hub = Arc::new(Hub::new(&patient()));
            let waiter = ask_in_a_thread(&hub);
            until(|| hub.waiting() == 1 || waiter.is_finished());
            let looks = hub.looks();
            hub.wake_without_news();
            until(|| hub.looks() > looks || waiter.is_finished());
            let then = match hub.waiting() {
                1 if hub.looks() > looks => "it looks again, and waits on",
                1 => "it doesn't look again",
                2.. => "it looks again, and it is counted twice",
                0 => "it waits no more",
            };
            hub.post(new_message("hi"));
            format!("a request waits\nit is woken without news: {then}\na message comes: {}", outcome(waiter))
        },
    }
}

#[test]
fn waking_up_does_not_extend_the_timeout() {
    check! {
        rfc: "the workshop's own rule",
        rule: "The timeout starts once: a request that is woken without news waits only for the rest of it.",
        signs: [
            yours(["it waits on"]).says(
                "Each wake-up starts the timeout again. A loop around `wait_timeout` must wait only for the time that \
                 is left; `wait_timeout_while` does so.",
            ),
        ],
        shows: || {
            let poll_timeout = Duration::from_millis(100);
            let hub = Arc::new(Hub::new(&timeout(poll_timeout)));
            let waiter = ask_in_a_thread(&hub);
            // The sleep only sets the pace of the wake-ups. They go on until the request is answered.
            until(|| {
                thread::sleep(poll_timeout / 20);
                hub.wake_without_news();
                waiter.is_finished()
            });
            let then = if waiter.is_finished() { "it is answered" } else { "it waits on" };
            hub.stop();
            format!("a request is held for {poll_timeout:?}, and woken all the time\nafter the timeout, {then}")
        },
    }
}

/// Asks for news after 0, in a thread of its own.
fn ask_in_a_thread(hub: &Arc<Hub>) -> JoinHandle<Result<News, Refusal>> {
    let hub = Arc::clone(hub);
    thread::spawn(move || hub.news_after(0))
}

/// The news or the refusal that such a request gets.
fn outcome(waiter: JoinHandle<Result<News, Refusal>>) -> String {
    until(|| waiter.is_finished());
    if !waiter.is_finished() {
        return NO_ANSWER.to_string();
    }
    match waiter.join() {
        Ok(Ok(news)) => line(&news),
        Ok(Err(refusal)) => format!("{} {refusal}", refusal.status()),
        Err(_) => "a panic".to_string(),
    }
}

/// Waits until the condition holds, but not too long.
fn until(condition: impl Fn() -> bool) {
    let begin = Instant::now();
    while !condition() && begin.elapsed() < stretched(AT_ONCE) {
        thread::yield_now();
    }
}

#[test]
fn a_client_that_goes_away_loses_nothing() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A message counts as seen when the next request says so, not when it was sent.",
        signs: [],
        shows: || {
            let server = start(patient());
            let mut clients = waiting_clients(&server, 2);
            // One of the two goes away.
            clients.truncate(1);
            let posted = post(server.address(), "hi");
            let stayed = answer(&mut clients[0]);
            let mut shown = format!("two wait, one goes away, a message comes: {}\n", posted.status);
            shown += &format!("the one that stayed: {stayed}\n");
            if stayed == NO_ANSWER {
                return shown;
            }
            until_waiting(&server, 0, &mut []);
            let mut back = Client::connect(server.address());
            ask(&mut back, 0);
            shown += &format!("the other comes back: {}\n", answer(&mut back));
            shown + &format!("waiting: {}", server.waiting())
        },
    }
}

#[test]
fn waiting_costs_no_processor_time() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A request that waits sleeps until it is woken: it doesn't look again and again.",
        signs: [
            yours(["more than 5 times"]).says(
                "A loop looks again and again, with or without a pause in it. That is polling, only inside the server.",
            ),
        ],
        shows: || {
            let poll_timeout = Duration::from_millis(80);
            let hub = Hub::new(&timeout(poll_timeout));
            let looks = hub.looks();
            let begin = ThreadTime::now();
            let news = hub.news_after(0);
            let busy = begin.elapsed();
            let busy = if busy < poll_timeout / 10 { "less than a tenth of it" } else { "more than a tenth of it" };
            let looks = match hub.looks() - looks {
                0 => "never",
                1..=5 => "1 to 5 times",
                _ => "more than 5 times",
            };
            let news = news.map_or_else(|refusal| refusal.to_string(), |news| line(&news));
            format!("held for {poll_timeout:?}: {news}\nprocessor time: {busy}\nlooked for news: {looks}")
        },
    }
}

#[test]
fn one_request_too_many_is_told_to_come_back() {
    check! {
        rfc: "RFC 9110 §15.6.4, §10.2.3",
        rule: "If every place is taken, the next request gets a 503 with Retry-After. Posting still works, and frees \
               the places.",
        signs: [],
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
                transcript.note(&format!("another client posts: {} {}", posted.status, posted.text()));
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
fn every_request_is_due_once_the_server_stops() {
    check! {
        rfc: "the workshop's own rule",
        rule: "`stop` sets `stopped` and wakes all requests that wait. From then on, no request waits.",
        signs: [
            yours(["the hub stops, and it sleeps on"]).says(
                "`stop` wakes the threads before it sets `stopped`. A quick thread finds nothing and sleeps again.",
            ),
            yours(["three wait, the hub stops: 0 are"]).says(
                "`stop` sets `stopped` and wakes no thread. A thread that sleeps doesn't look by itself.",
            ),
            yours(["three wait, the hub stops: 1 "]).says(
                "`stop` wakes one of the threads that wait, and the others sleep on.",
            ),
        ],
        shows: || {
            let hub = Arc::new(Hub::new(&patient()));
            let waiters = [0, 1, 2].map(|_| ask_in_a_thread(&hub));
            until(|| hub.waiting() == 3 || waiters.iter().all(|waiter| waiter.is_finished()));
            let before = hub.looks();
            hub.stop();
            until(|| waiters.iter().all(|waiter| waiter.is_finished()));
            let answered = waiters.iter().filter(|waiter| waiter.is_finished()).count();
            let in_vain = answered < 3 && hub.looks() - before > answered as u64;
            let more = outcome(ask_in_a_thread(&hub));
            let three = format!("three wait, the hub stops: {answered} are answered\none more comes: {more}");
            if more == NO_ANSWER || answered < 3 && !in_vain {
                return three;
            }
            if in_vain || one_sleeps_on_as_the_hub_stops() {
                return "a request waits, the hub stops, and it sleeps on".to_string();
            }
            format!("{three}\n500 start to wait at that moment: all are answered")
        },
    }
}

/// Whether a request sleeps on if it starts to wait at the moment at which the hub stops.
///
/// Each round has a hub of its own, which stops a little later than the previous one, so that each moment is hit.
fn one_sleeps_on_as_the_hub_stops() -> bool {
    let (begin, at_once) = (Instant::now(), stretched(AT_ONCE));
    let limits = timeout(at_once);
    let hubs: Vec<Hub> = (0..500).map(|_| Hub::new(&limits)).collect();
    let started = AtomicUsize::new(0);
    let stops = |round: usize| {
        until(|| started.load(Ordering::Acquire) > round);
        (0..round % 100).for_each(|_| hint::spin_loop());
        hubs[round].stop();
    };
    let sleeps_on = |round: usize| {
        let begin = Instant::now();
        started.store(round + 1, Ordering::Release);
        _ = hubs[round].news_after(0);
        begin.elapsed() >= at_once
    };
    thread::scope(|scope| {
        scope.spawn(|| (0..hubs.len()).for_each(stops));
        let mut rounds = (0..hubs.len()).take_while(|_| begin.elapsed() < at_once);
        let one_sleeps_on = rounds.any(sleeps_on);
        started.store(hubs.len(), Ordering::Release);
        one_sleeps_on
    })
}

#[test]
fn a_server_that_stops_answers_the_requests_that_wait() {
    check! {
        rfc: "the workshop's own rule",
        rule: "On Ctrl-C all requests that wait are answered at once, and the server ends.",
        signs: [],
        shows: || {
            let server = start(patient());
            let mut clients = waiting_clients(&server, 3);
            let begin = Instant::now();
            drop(server);
            let stopped = if begin.elapsed() < stretched(AT_ONCE) { "at once" } else { "after a long time" };
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
        rule: "The process ends when the last answer has been sent, not while one is being sent.",
        signs: [],
        shows: || {
            let rounds: BTreeSet<String> = (0..20).map(|_| last_answer()).collect();
            let rounds = rounds.into_iter().collect::<Vec<_>>();
            format!("20 times, the server is told to stop while a request is being answered\n{}", rounds.join("\n"))
        },
    }
}

/// The order in which the last answer is sent and the server ends.
fn last_answer() -> String {
    let hub = Hub::new(&patient());
    let log = Mutex::new(Vec::new());
    let note = |entry| log.lock().expect("no thread panics with it").push(entry);
    let note = &note;
    let (begin, at_once) = (Instant::now(), stretched(AT_ONCE));
    thread::scope(|scope| {
        let answering = hub.answering();
        hub.stop();
        scope.spawn(move || {
            note("the last answer is sent");
            drop(answering);
        });
        hub.wait_for_last_answer(at_once);
        note("the server ends");
    });
    assert!(
        begin.elapsed() < at_once,
        "the last answer was sent, and the server waited on"
    );
    log.into_inner().unwrap_or_default().join(", ")
}

#[test]
fn any_text_comes_back_as_it_was_posted() {
    check! {
        rfc: "RFC 8259 §7",
        rule: "A text may contain characters that JSON uses itself. They are escaped, so the text comes back \
               unchanged.",
        signs: [
            yours(["isn't JSON"]).says(
                "The JSON was put together by hand. A quotation mark in a text ends it there: let serde_json write it.",
            ),
        ],
        shows: || {
            let server = start(patient());
            let mut client = Client::connect(server.address());
            let texts = ["say \"hi\"", "</script><script>alert(1)</script>", "C:\\new", "two\nlines"];
            let mut row = |cursor, text| match comes_back(&server, &mut client, cursor, text) {
                Ok(back) => Ok(format!("{text:?}\n  → {back:?}\n")),
                Err(problem) => Err(format!("{text:?}\n  → {problem}")),
            };
            let rows: Result<String, String> = (0..).zip(texts).map(|(cursor, text)| row(cursor, text)).collect();
            rows.unwrap_or_else(|first_wrong| first_wrong)
        },
    }
}

/// Posts a text while the client waits for it, and returns the text that the client gets.
fn comes_back(
    server: &LongPolling,
    client: &mut Client,
    cursor: u64,
    text: &str,
) -> Result<String, String> {
    ask(client, cursor);
    until_waiting(server, 1, slice::from_mut(client));
    post(server.address(), text);
    if answered(slice::from_mut(client)) == 0 {
        return Err(NO_ANSWER.to_string());
    }
    let response = client.response();
    let news: News = serde_json::from_slice(&response.body)
        .map_err(|_| format!("the answer isn't JSON: {}", response.text()))?;
    let last = news.messages.into_iter().next_back();
    Ok(last.map_or("nothing".to_string(), |message| message.content.message))
}

#[test]
fn an_invalid_request_is_refused_and_not_held() {
    check! {
        rfc: "RFC 9110 §15.5",
        rule: "400, 404, 405 and 413 as with polling, and at once: a refusal doesn't wait.",
        signs: [],
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
        rule: "The page is that of the previous step. `data-hold` tells it whether the page or the server does the \
               waiting.",
        signs: [],
        shows: || {
            let server = start(timeout(Duration::from_millis(1_500)));
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
        signs: [],
        shows: || {
            let server = program!().serve(&["--hold", "600", "--max-waiting", "0"]);
            let page = exchange(server.address, "GET", "/", None).text();
            let hold = page.lines().find(|line| line.contains("data-hold")).unwrap_or_default().trim();
            let poll = exchange(server.address, "GET", "/messages?after=0", None);
            format!(
                "--hold 600, and no request may wait\nGET /\n  → {hold}\nGET /messages?after=0\n  → {} {}",
                poll.status, poll.text(),
            )
        },
    }
}
