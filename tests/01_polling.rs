//! Step 01, `polling`: messages, cursors, limits, and refusals.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use polling::body::{parse_message, read_limited};
use polling::history::{History, NewMessage, News};
use polling::routes::{Refusal, Reply, route};
use polling::{Limits, Polling, page};
use support::http::{Client, Response, exchange};
use support::sign::{panics, yours};
use support::wire::{Transcript, without_date};
use support::{check, program};

fn start(limits: Limits) -> Polling {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    Polling::start(listener, limits).expect("the server starts")
}

fn new_message(username: &str, message: &str) -> NewMessage {
    NewMessage {
        username: username.to_string(),
        message: message.to_string(),
    }
}

fn json(username: &str, message: &str) -> String {
    serde_json::to_string(&new_message(username, message)).expect("a message is JSON")
}

/// The news in one line: `1 ada: hi, 2 bob: hello; next 2`.
fn line(news: &News) -> String {
    let next = news.next;
    if news.messages.is_empty() {
        return format!("nothing; next {next}");
    }
    let messages = news.messages.iter().map(|message| {
        let content = &message.content;
        format!("{} {}: {}", message.id, content.username, content.message)
    });
    format!("{}; next {next}", Vec::from_iter(messages).join(", "))
}

/// The news after each of these cursors, one line for each.
fn cursors(history: &History, cursors: impl IntoIterator<Item = u64>) -> String {
    let row = |cursor| format!("after {cursor}: {}\n", line(&history.after(cursor)));
    cursors.into_iter().map(row).collect()
}

#[test]
fn every_message_gets_the_next_id() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Ids are 1, 2, 3 and so on, in the order in which the messages came.",
        signs: [
            yours(["ids 0, 1, 2"]).says(
                "The first message got the id 0. Then `after=0` can't mean \"I have seen nothing\".",
            ),
            yours(["ids 1, 1, 1"]).says("All messages got the same id: `last_id` isn't increased."),
        ],
        shows: || {
            let mut history = History::new(10);
            let ids = ["hi", "hello", "hi"].map(|text| history.post(new_message("ada", text)).to_string());
            format!("ids {}", ids.join(", "))
        },
    }
}

#[test]
fn only_newer_messages_come_after_a_cursor() {
    check! {
        rfc: "the workshop's own rule",
        rule: "The cursor is the last id that the page has seen. The answer has the newer ones, and `next` is the last \
               id of all.",
        signs: [
            yours(["after 3: nothing; next 0"]).says(
                "If nothing was new, `next` became 0: the page would ask for everything again.",
            ),
            yours(["after 3: nothing; next 4"]).says(
                "`next` is one too high, so the page never sees the next message. A cursor is the last id that was \
                 seen, not the first that is wanted.",
            ),
            yours(["after 0: 1 ada: hi, 2 bob: hello, 3 ada: tea?; next 0"]).says(
                "`next` is the cursor that was asked with. It should be the last id of all.",
            ),
            yours(["after 0: 3 ada: tea?, 2 bob"]).says(
                "The newest message comes first. A page appends the messages in their order, so the oldest has to be \
                 first.",
            ),
            yours(["after 2: 1 ada: hi"]).says("The cursor is ignored: all messages come each time."),
            yours(["after 3: 1 ada: hi"]).says(
                "The last id itself was taken for a cursor from the future: a page that has seen everything gets \
                 everything again.",
            ),
            yours(["after 3: 3 ada: tea?"]).says("`>=` instead of `>`: the last message comes again with each poll."),
        ],
        shows: || {
            let mut history = History::new(10);
            let empty = cursors(&history, [0]);
            history.post(new_message("ada", "hi"));
            history.post(new_message("bob", "hello"));
            history.post(new_message("ada", "tea?"));
            format!("{empty}\nada: hi, bob: hello, ada: tea?\n{}", cursors(&history, 0..=3))
        },
    }
}

#[test]
fn the_oldest_messages_are_dropped_and_their_ids_not_reused() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Only the latest messages are kept. The id of a dropped message is never given again.",
        signs: [
            yours(["post \"four\" → 3"]).says(
                "The id was taken from the number of messages that are kept. Once a message has been dropped, an id is \
                 given twice.",
            ),
            yours(["3 ada: three; next 2"]).says(
                "`next` was taken from the number of messages that are kept. Once a message has been dropped, that \
                 number isn't the last id.",
            ),
            yours(["after 0: 1 ada: one, 2 ada: two; next 3"]).says(
                "The newest message was dropped. The oldest is at the front of the list, so `pop_front` takes it.",
            ),
            yours(["1 ada: one, 2 ada: two, 3 ada: three, 4 ada: four"]).says(
                "No message is ever dropped. Keep at most `max_messages`.",
            ),
            yours(["1 ada: one, 2 ada: two, 3 ada: three; next 3"]).says(
                "One message too many is kept. Count after the new one has been added.",
            ),
            yours(["after 0: 2 ada: two; next 2"]).says(
                "One message too few is kept: with exactly `max_messages` messages, none has to be dropped.",
            ),
            yours(["after 0: nothing; next 3"]).says("All messages were dropped at once. Drop only the oldest."),
            yours(["after 2: nothing; next 3"]).says(
                "The cursor was used as a position in the list. Once messages have been dropped, message 3 isn't in \
                 the third position.",
            ),
        ],
        shows: || {
            let mut history = History::new(2);
            let post = |history: &mut History, text: &str| {
                let id = history.post(new_message("ada", text));
                format!("post {text:?} → {id}\n{}\n", cursors(history, [0, id - 1, id]))
            };
            ["one", "two", "three", "four"].map(|text| post(&mut history, text)).concat()
        },
    }
}

#[test]
fn a_cursor_from_the_future_gets_everything() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A cursor beyond the last id was given before the server was restarted: it counts as 0.",
        signs: [
            yours(["after 57: nothing; next 57"]).says(
                "There was nothing to send, and the cursor from the future was sent back. `next` is the last id of \
                 this history: 0.",
            ),
            yours(["after 57: nothing"]).says(
                "Only newer ids were looked for. After a restart, a page with an old cursor then gets nothing until \
                 as many messages as before have come.",
            ),
        ],
        shows: || {
            let mut history = History::new(10);
            let empty = cursors(&history, [57]);
            history.post(new_message("ada", "new server, new history"));
            format!("{empty}\nada: new server, new history\n{}", cursors(&history, [1, 2, 57, u64::MAX]))
        },
    }
}

#[test]
fn every_refusal_has_its_status() {
    check! {
        rfc: "RFC 9110 §15.5, §15.6.4",
        rule: "An error of the client is a 4xx, one of the server a 5xx. A 405 says which methods are allowed, a 503 \
               when to try again.",
        signs: [
            yours(["200 "]).says("A refusal was sent with status 200: the client can't see that its request failed."),
        ],
        shows: || refusals().map(|refusal| {
            let reply = Reply::from(refusal.clone());
            let headers = reply.headers.iter().map(|(name, value)| format!("    {name}: {value}\n"));
            format!("{} {refusal}\n{}", refusal.status(), headers.collect::<String>())
        }).concat(),
    }
}

/// Each refusal that there is.
fn refusals() -> [Refusal; 8] {
    [
        Refusal::NoSuchPath,
        Refusal::WrongMethod { allow: "GET, HEAD" },
        Refusal::BadCursor,
        Refusal::BadLength,
        Refusal::BodyTooLarge { limit: 16_384 },
        Refusal::BodyCutShort,
        Refusal::BadMessage("missing field `message`".to_string()),
        Refusal::Busy,
    ]
}

/// A body that counts how many of its bytes are read; endless if it has no length.
struct Body {
    left: Option<u64>,
    read: u64,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self
            .left
            .map_or(buffer.len() as u64, |left| left.min(buffer.len() as u64));
        self.left = self.left.map(|all| all - left);
        self.read += left;
        if self.read > 1_000_000 {
            return Err(io::Error::other(
                "a million bytes were read of an endless body",
            ));
        }
        buffer[..left as usize].fill(b'x');
        Ok(left as usize)
    }
}

#[test]
fn no_more_than_the_limit_is_read() {
    check! {
        rfc: "RFC 9110 §15.5.14",
        rule: "A declared length over the limit is refused unread; without one, reading ends one byte over the limit.",
        signs: [
            yours(["-       64     0  0 bytes"]).says(
                "A body without a declared length was taken for an empty one. A body in chunks declares no length, but \
                 it has bytes.",
            ),
            yours(["99999999  endless  1"]).and(yours(["-  endless  1"])).says(
                "The body was read to its end before any length was checked. A declared length over the limit is \
                 refused first.",
            ),
            yours(["-  endless  1"]).says(
                "Only the declared length was checked. A body in chunks declares none, so its bytes are counted as \
                 they come.",
            ),
            yours(["99999999  endless    65"]).says(
                "Reading began although the declared length was over the limit. Refuse the body before its first byte.",
            ),
            yours(["-       65    64  64 bytes"]).says(
                "Reading stopped at the limit, so a body that is too long looks like one that just fits. One more byte \
                 tells them apart.",
            ),
            yours(["64       64    64  413"]).or(yours(["64       64     0  413"])).says(
                "A body of exactly the limit was refused. Only a longer one is too long.",
            ),
            yours(["10        9     9  9 bytes"]).says(
                "Fewer bytes came than were declared, and they were taken for the whole body.",
            ),
            yours(["413 The body may have 65"]).says(
                "The refusal names the length that was declared. It should name the limit: that is what a client may \
                 send.",
            ),
        ],
        shows: || {
            let rows = BODIES.map(|(declared, sent)| reading(declared, sent)).concat();
            format!("limit 64 bytes\ndeclared     sent  read  verdict\n{rows}")
        },
    }
}

/// Bodies: the declared length, and how many bytes come.
const BODIES: [(Option<u64>, Option<u64>); 10] = [
    (Some(0), Some(0)),
    (Some(10), Some(10)),
    (Some(64), Some(64)),
    (Some(65), Some(65)),
    (Some(99_999_999), None),
    (Some(10), Some(9)),
    (None, Some(0)),
    (None, Some(64)),
    (None, Some(65)),
    (None, None),
];

/// One row of the table: a body, how many of its bytes were read, and the verdict.
fn reading(declared: Option<u64>, sent: Option<u64>) -> String {
    let mut body = Body {
        left: sent,
        read: 0,
    };
    let verdict = length_or_refusal(read_limited(&mut body, declared, 64));
    let declared = declared.map_or("-".to_string(), |bytes| bytes.to_string());
    let sent = sent.map_or("endless".to_string(), |bytes| bytes.to_string());
    format!("{declared:>8}  {sent:>7}  {:>4}  {verdict}\n", body.read)
}

/// The length of a body that was read, or its refusal.
fn length_or_refusal(body: Result<Vec<u8>, Refusal>) -> String {
    match body {
        Ok(bytes) => format!("{} bytes", bytes.len()),
        Err(refusal) => format!("{} {refusal}", refusal.status()),
    }
}

/// A body that comes a few bytes at a time.
struct Pieces<'bytes>(&'bytes [u8]);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(3);
        self.0.read(&mut buffer[..length])
    }
}

#[test]
fn a_body_is_any_bytes_in_any_pieces() {
    check! {
        rfc: "RFC 9110 §6.4",
        rule: "A body may come in many pieces, and its bytes needn't be text.",
        signs: [
            yours(["in pieces", "3 bytes"]).says(
                "One `read` was taken for the whole body. A `read` may return less than there is: read on until the \
                 end.",
            ),
            yours(["ff fe", "400"]).says(
                "The body was read as text. `parse_message` decides whether it is text, and its refusal says more.",
            ),
        ],
        shows: || {
            let verdict = length_or_refusal;
            let text = &b"eleven byte"[..];
            let no_text = &[0xff, 0xfe][..];
            let declared = |bytes: &[u8]| Some(bytes.len() as u64);
            format!(
                "11 declared, at once     {}\n11 declared, in pieces   {}\nin chunks, in pieces     {}\nff fe, which \
                 isn't text  {}",
                verdict(read_limited(text, declared(text), 64)),
                verdict(read_limited(Pieces(text), declared(text), 64)),
                verdict(read_limited(Pieces(text), None, 64)),
                verdict(read_limited(no_text, declared(no_text), 64)),
            )
        },
    }
}

/// What can't be read.
struct Fails(io::ErrorKind);

impl Read for Fails {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(self.0.into())
    }
}

#[test]
fn a_body_that_cannot_be_read_was_cut_short() {
    check! {
        rfc: "RFC 9112 §8",
        rule: "If reading fails, the bytes that have come are refused like a body that was cut short.",
        signs: [
            panics("Kind(").says("The error was unwrapped, so a client's broken connection becomes your panic."),
            yours(["UnexpectedEof    2 bytes"]).says(
                "The error was ignored, and the two bytes that had come were taken for the whole body.",
            ),
        ],
        shows: || {
            let row = |(declared, kind): (Option<u64>, io::ErrorKind)| {
                let body = b"{}"[..].chain(Fails(kind));
                let verdict = length_or_refusal(read_limited(body, declared, 64));
                let declared = declared.map_or("in chunks".to_string(), |length| format!("{length} declared"));
                format!("{declared:<11} 2 bytes, then {:<16} {verdict}\n", format!("{kind:?}"))
            };
            [
                (Some(10), io::ErrorKind::ConnectionReset),
                (Some(10), io::ErrorKind::TimedOut),
                (None, io::ErrorKind::UnexpectedEof),
                (None, io::ErrorKind::InvalidInput),
            ].map(row).concat()
        },
    }
}

#[test]
fn the_largest_possible_limit_works() {
    check! {
        rfc: "the workshop's own rule",
        rule: "`--max-body` takes any whole number of 64 bits.",
        signs: [
            panics("add with overflow").says("One was added to the limit, and the sum doesn't fit into 64 bits."),
            yours(["0 bytes"]).says("One was added to the limit, and the sum wrapped around to 0: nothing was read."),
            panics("capacity overflow").says(
                "Memory for the whole limit was reserved at once. A `Vec` grows with the bytes that really come.",
            ),
        ],
        shows: || match read_limited(&b"hi"[..], None, u64::MAX) {
            Ok(bytes) => format!("{} bytes", bytes.len()),
            Err(refusal) => refusal.to_string(),
        },
    }
}

/// One row of a table: a request, and its route or refusal.
fn routing(method: &str, target: &str) -> String {
    let verdict = match route(method, target) {
        Ok(route) => format!("{route:?}"),
        Err(refusal) => format!("{} {refusal:?}", refusal.status()),
    };
    format!("{:<40} {verdict}\n", format!("{method} {target}"))
}

#[test]
fn every_path_and_method_has_its_answer() {
    check! {
        rfc: "RFC 9110 §15.5.5, §15.5.6",
        rule: "An unknown path is a 404. A known path with another method is a 405, with the methods that the path \
               takes.",
        signs: [
            yours(["GET /?from=mail", "404"]).says(
                "The query was left on the path. The path ends before the `?`.",
            ),
            yours(["HEAD /messages", "405"]).or(yours(["HEAD /messages", "404"])).says(
                "HEAD was forgotten. It takes the same route as GET.",
            ),
            yours(["PUT /messages ", "404"]).says(
                "A wrong method on a right path became a 404. There is something at this path, so it is a 405.",
            ),
            yours(["POST /nowhere", "405"]).says(
                "The method was checked first. A path that doesn't exist is a 404 with every method.",
            ),
            yours(["GET /messages ", "BadCursor"]).says("A missing `after` was refused. Without it, the cursor is 0."),
            yours(["GET /?after=x", "BadCursor"]).or(yours(["PUT /messages?after=x", "BadCursor"])).says(
                "The cursor was read before it was clear what the request asks for. Only a request for news has one.",
            ),
            yours(["POST /messages?after=x", "BadCursor"]).says(
                "The query of a POST was read as a cursor. Only a request for news has one.",
            ),
            yours(["POST / ", "GET, HEAD, POST"]).says("`Allow` names POST for a path that doesn't take it."),
            yours(["PUT /messages", "POST, "]).or(yours(["PUT /messages", "HEAD, GET"])).says(
                "`Allow` has the right methods in a different order. The task gives one: `GET, HEAD, POST`.",
            ),
            yours(["PUT /messages", "\"GET, POST\""]).says(
                "`Allow` leaves out HEAD. A path that takes GET takes HEAD, too.",
            ),
            yours(["GET /messages/1", "News"]).says(
                "The path was compared by its beginning only. /messages/1 is a different path.",
            ),
            yours(["GET /messages/ ", "News"]).says(
                "A slash at the end of the path was dropped. Here, /messages/ is a different path.",
            ),
            yours(["get /messages", "News"]).says(
                "The method was compared in any case. Methods are case-sensitive: `get` isn't GET.",
            ),
        ],
        shows: || REQUESTS.map(|(method, target)| routing(method, target)).concat(),
    }
}

/// Methods and targets.
const REQUESTS: [(&str, &str); 22] = [
    ("GET", "/"),
    ("HEAD", "/"),
    ("GET", "/?from=mail"),
    ("GET", "/?after=x"),
    ("GET", "/page.js"),
    ("GET", "/page.css"),
    ("POST", "/"),
    ("DELETE", "/page.css"),
    ("GET", "/messages"),
    ("HEAD", "/messages"),
    ("POST", "/messages"),
    ("POST", "/messages?after=1"),
    ("POST", "/messages?after=x"),
    ("PUT", "/messages"),
    ("PUT", "/messages?after=x"),
    ("get", "/messages"),
    ("BREW", "/messages"),
    ("GET", "/message"),
    ("GET", "/messages/"),
    ("GET", "/messages/1"),
    ("POST", "/nowhere"),
    ("GET", "messages"),
];

#[test]
fn a_cursor_is_a_whole_number() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Without `after`, the cursor is 0. If the value isn't digits, or doesn't fit into 64 bits, the request \
               is refused with a 400, never read as 0.",
        signs: [
            panics("unwrap()`").says("The number was unwrapped, so a cursor that isn't one becomes your panic."),
            yours(["?after=three", "after: 0"]).says(
                "A value that can't be parsed was taken for 0. Then everything is sent again, and the client never \
                 learns why.",
            ),
            yours(["?other=1 ", "after: 1"]).says(
                "The value of a different parameter was taken: check the name first.",
            ),
            yours(["?hereafter=3", "after: 3"]).and(yours(["?after=3&x=1", "400"])).says(
                "The query was cut at the text `after=`, wherever it is. Cut it at `&` first: `hereafter` and `x` \
                 are parameters of their own.",
            ),
            yours(["?hereafter=3", "after: 3"]).says(
                "The text `after=` was looked for anywhere. `hereafter` is a different parameter.",
            ),
            yours(["?other=1&after=3", "after: 0"]).says(
                "`after` was looked for only at the beginning of the query. Other parameters may come first.",
            ),
            yours(["?after=3&x=1", "400"]).says(
                "The text after the `&` was read as a part of the number. It is the next parameter.",
            ),
            yours(["?after=+3", "after: 3"]).says(
                "The value was left to `parse`, which takes `+3` as well. `whole_number` doesn't.",
            ),
            yours(["?after=  ", "after: 0"]).says("An empty value was taken for 0. It isn't a number, so it is a 400."),
            yours(["?after=18446744073709551615", "400"]).says("The number was read into fewer than 64 bits."),
        ],
        shows: || QUERIES.map(|query| routing("GET", &format!("/messages{query}"))).concat(),
    }
}

/// Queries, each with its `?`.
const QUERIES: [&str; 20] = [
    "",
    "?",
    "?other=1",
    "?after=0",
    "?after=3",
    "?after=007",
    "?other=1&after=3",
    "?after=3&x=1",
    "?hereafter=3",
    "?after=18446744073709551615",
    "?after=18446744073709551616",
    "?after=-1",
    "?after=+3",
    "?after=%2B3",
    "?after=3.0",
    "?after=0x3",
    "?after=three",
    "?after=",
    "?after= 3",
    "?after=٣",
];

#[test]
fn a_message_has_a_name_and_a_text() {
    check! {
        rfc: "RFC 8259 §4",
        rule: "A message is a JSON object in UTF-8 with two texts, `username` and `message`. Neither may be blank.",
        signs: [
            yours(["→ ada says \"hi\""]).says(
                "serde reads a struct from an array as well: `[\"ada\",\"hi\"]` isn't a message.",
            ),
        ],
        shows: || MESSAGES.map(parsing).concat(),
    }
}

/// Bodies that are messages, and bodies that aren't.
const MESSAGES: [&[u8]; 20] = [
    br#"{"username":"ada","message":"hi"}"#,
    br#" { "message" : "hi" , "username" : "ada" } "#,
    br#"{"username":"ada","message":"hi","colour":"green"}"#,
    br#"{"username":"ada","message":"<b>hi</b> & \"bye\""}"#,
    "{\"username\":\"Ädä\",\"message\":\"👋\"}".as_bytes(),
    br#"{"username":"ada","message":"\ud83d\udc4b"}"#,
    b"",
    b"hi",
    br#"{"username":"ada","message":"hi""#,
    br#"{"username":"ada","message":"hi"} {}"#,
    br#"["ada","hi"]"#,
    br#""hi""#,
    b"null",
    br#"{"username":"ada"}"#,
    br#"{"username":"ada","message":5}"#,
    br#"{"username":null,"message":"hi"}"#,
    br#"{"username":"","message":"hi"}"#,
    br#"{"username":"ada","message":" \n\t"}"#,
    b"{\"username\":\"ada\",\"message\":\"\xff\xfe\"}",
    br#"{"username":"ada","message":"\ud83d"}"#,
];

/// A body, and the message in it or its refusal.
fn parsing(body: &[u8]) -> String {
    let verdict = match parse_message(body) {
        Ok(message) => format!("{} says {:?}", message.username, message.message),
        Err(ref refusal @ Refusal::BadMessage(ref why)) => format!("{} {why}", refusal.status()),
        Err(refusal) => format!("{} {refusal:?}", refusal.status()),
    };
    let body = String::from_utf8_lossy(body);
    format!("{body}\n  → {verdict}\n")
}

fn record(transcript: &mut Transcript, request: &str, response: &Response) {
    transcript.client(request.as_bytes());
    transcript.server(&without_date(&response.bytes()));
}

/// Sends requests on one connection, and shows them with their responses.
fn conversation(address: SocketAddr, requests: &[&str]) -> String {
    let mut client = Client::connect(address);
    let mut transcript = Transcript::new();
    for request in requests {
        client.send(request.as_bytes());
        let response = client.response();
        record(&mut transcript, request, &response);
    }
    transcript.to_string()
}

#[test]
fn a_message_is_posted_and_fetched() {
    check! {
        rfc: "RFC 9110 §9.3.1, §9.3.3",
        rule: "POST takes a message: 201 and its id. GET returns the new messages, and the cursor to ask with next.",
        signs: [
            yours(["HTTP/1.1 200 OK"]).says("A message that was kept is answered with 201, Created."),
        ],
        shows: || {
            let server = start(Limits::default());
            conversation(server.address(), &[
                "GET /messages?after=0 HTTP/1.1\r\nHost: localhost\r\n\r\n",
                "POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                 Content-Length: 33\r\n\r\n{\"username\":\"ada\",\"message\":\"hi\"}",
                "GET /messages?after=0 HTTP/1.1\r\nHost: localhost\r\n\r\n",
                "GET /messages?after=1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
            ])
        },
    }
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
            let server = start(Limits::default());
            TEXTS.map(|text| format!("{text:?}\n  → {}\n", comes_back(server.address(), text))).concat()
        },
    }
}

const TEXTS: [&str; 5] = [
    "say \"hi\"",
    "</script><script>alert(1)</script>",
    "C:\\new",
    "two\nlines\tand a tab",
    "👋 ü \u{0}",
];

/// Posts a text, and returns the text that a page then gets.
fn comes_back(address: SocketAddr, text: &str) -> String {
    let posted = exchange(address, "POST", "/messages", Some(&json("ada", text)));
    let id: serde_json::Value = serde_json::from_slice(&posted.body).unwrap_or_default();
    let before = id["id"].as_u64().unwrap_or(1).saturating_sub(1);
    let response = exchange(address, "GET", &format!("/messages?after={before}"), None);
    let Ok(news) = serde_json::from_slice::<News>(&response.body) else {
        return format!("the answer isn't JSON: {}", response.text());
    };
    let last = news.messages.last();
    let text = last.map_or("nothing", |message| &message.content.message);
    format!("{text:?}")
}

#[test]
fn every_refusal_has_a_sentence() {
    check! {
        rfc: "RFC 9110 §15.5",
        rule: "400, 404, 405 (with Allow) and 413 come with one sentence: what was wrong, or what would be right.",
        signs: [],
        shows: || {
            let server = start(Limits { max_body: 40, ..Limits::default() });
            conversation(server.address(), &[
                "POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi",
                "GET /messages?after=yesterday HTTP/1.1\r\nHost: localhost\r\n\r\n",
                "GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n",
                "PUT /messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi",
                "POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 41\r\n\r\n\
                 {\"username\":\"ada\",\"message\":\"hi, hi, hi\"}",
            ])
        },
    }
}

#[test]
fn a_body_that_is_too_long_is_refused_before_it_comes() {
    check! {
        rfc: "RFC 9110 §15.5.14",
        rule: "If `Content-Length` is over the limit, the 413 doesn't wait for the body.",
        signs: [],
        shows: || {
            let server = start(Limits { max_body: 2_000, ..Limits::default() });
            let mut transcript = Transcript::new();
            for length in ["2001", "1000000000000000000", "99999999999999999999"] {
                let head = format!("POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n");
                let mut client = Client::connect(server.address());
                client.send(head.as_bytes());
                record(&mut transcript, &head, &final_response(&mut client));
            }
            transcript.to_string()
        },
    }
}

/// The final response, after any interim one (RFC 9110 §15.2).
fn final_response(client: &mut Client) -> Response {
    match client.response() {
        interim if interim.status == 100 => client.response(),
        response => response,
    }
}

#[test]
fn a_chunked_body_is_read_to_the_limit() {
    check! {
        rfc: "RFC 9112 §7.1",
        rule: "A body in chunks declares no length: it is counted while it comes, and refused over the limit.",
        signs: [],
        shows: || {
            let server = start(Limits { max_body: 40, ..Limits::default() });
            let head = "POST /messages HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
            let whole = format!("{head}11\r\n{{\"username\":\"ada\"\r\n10\r\n,\"message\":\"hi\"}}\r\n0\r\n\r\n");
            let endless = format!("{head}29\r\n{{\"username\":\"ada\",\"message\":\"hi, hi, hi, \r\n");
            let mut transcript = Transcript::new();
            for request in [whole, endless] {
                let mut client = Client::connect(server.address());
                client.send(request.as_bytes());
                let response = client.response();
                record(&mut transcript, &request, &response);
            }
            transcript.note("the second body has not ended");
            transcript.to_string()
        },
    }
}

#[test]
fn an_unclear_length_is_refused() {
    check! {
        rfc: "RFC 9112 §6.3",
        rule: "If a body's length isn't a number, or is given twice, the server can't know where the next request \
               begins: 400, and the connection is closed.",
        signs: [],
        shows: || {
            let server = start(Limits::default());
            UNCLEAR_LENGTHS.map(|length| answer_to_length(server.address(), length)).concat()
        },
    }
}

/// Values of `Content-Length`, some with a second header field that contradicts them.
const UNCLEAR_LENGTHS: [&str; 6] = [
    "ten",
    "+2",
    "-1",
    "2\r\nContent-Length: 2",
    "2\r\nContent-Length: 3",
    "2\r\nTransfer-Encoding: chunked",
];

/// The answer to a request with this length, and what happens to the connection.
fn answer_to_length(address: SocketAddr, length: &str) -> String {
    let head =
        format!("POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n");
    let mut client = Client::connect(address);
    client.send(head.as_bytes());
    client.send(b"GET /messages HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let response = client.response();
    let after = match &client.rest()[..] {
        [] => "the connection is closed".to_string(),
        more => format!("{} bytes follow", more.len()),
    };
    let length = length.replace("\r\n", "\n");
    let (status, text) = (response.status, response.text());
    format!("Content-Length: {length}\n  → {status} {text}  → {after}\n")
}

#[test]
fn head_is_get_without_the_body() {
    check! {
        rfc: "RFC 9110 §9.3.2",
        rule: "HEAD gets the header fields that GET would get, and no body.",
        signs: [],
        shows: || {
            let server = start(Limits::default());
            let request = "HEAD /messages?after=0 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
            let mut client = Client::connect(server.address());
            client.send(request.as_bytes());
            let mut transcript = Transcript::new();
            transcript.client(request.as_bytes());
            transcript.server(&without_date(&client.rest()));
            transcript.note("the server closes the connection");
            transcript.to_string()
        },
    }
}

#[test]
fn no_message_is_lost_or_doubled_between_two_polls() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A page that asks each time with the `next` of the last answer gets every message once, in order.",
        signs: [],
        shows: || {
            let server = start(Limits { max_history: 3, ..Limits::default() });
            let mut cursor = 0;
            let mut shown = String::new();
            let mut poll = || {
                let news = get(server.address(), cursor);
                shown += &format!("after {cursor}: {}\n", line(&news));
                cursor = news.next;
            };
            let post = |texts: &[&str]| {
                for text in texts {
                    exchange(server.address(), "POST", "/messages", Some(&json("ada", text)));
                }
            };
            poll();
            post(&["one"]);
            poll();
            poll();
            post(&["two", "three"]);
            poll();
            post(&["four"]);
            poll();
            post(&["five", "six", "seven", "eight"]);
            poll();
            shown + "(three messages are kept: the fifth was dropped before the page asked for it)"
        },
    }
}

fn get(address: SocketAddr, cursor: u64) -> News {
    let response = exchange(address, "GET", &format!("/messages?after={cursor}"), None);
    serde_json::from_slice(&response.body)
        .unwrap_or_else(|error| panic!("no news in {:?}: {error}", response.text()))
}

#[test]
fn many_clients_may_post_at_once() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Messages that arrive at the same time get different ids, and none is lost.",
        signs: [],
        shows: || {
            let server = start(Limits::default());
            let address = server.address();
            thread::scope(|scope| {
                for client in 0..8 {
                    scope.spawn(move || {
                        for number in 0..10 {
                            let text = format!("{client}-{number}");
                            exchange(address, "POST", "/messages", Some(&json("ada", &text)));
                        }
                    });
                }
            });
            let news = get(address, 0);
            let ids: BTreeSet<_> = news.messages.iter().map(|message| message.id).collect();
            let texts: BTreeSet<_> = news.messages.iter().map(|message| &message.content.message).collect();
            format!(
                "8 clients posted 10 messages each\n{} messages, {} ids from {} to {}, {} texts; next {}",
                news.messages.len(),
                ids.len(),
                ids.first().unwrap_or(&0),
                ids.last().unwrap_or(&0),
                texts.len(),
                news.next,
            )
        },
    }
}

#[test]
fn the_page_is_told_how_long_its_requests_were() {
    check! {
        rfc: "RFC 9112 §2.1, §3, §5",
        rule: "`X-Request-Bytes` is the length of the request: request line, header lines, empty line, body.",
        signs: [],
        shows: || {
            let server = start(Limits::default());
            let message = json("Ädä", "👋");
            let requests = [
                "GET /messages?after=0 HTTP/1.1\r\nHost: localhost\r\n\r\n".to_string(),
                "GET /messages HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nUser-Agent: a page\r\n\r\n".to_string(),
                format!(
                    "POST /messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{message}",
                    message.len(),
                ),
            ];
            let mut client = Client::connect(server.address());
            requests.map(|request| {
                client.send(request.as_bytes());
                let response = client.response();
                let reported = response.header("X-Request-Bytes").unwrap_or("nothing");
                let first_line = request.lines().next().unwrap_or_default();
                format!("{} bytes sent, {reported} reported: {first_line}\n", request.len())
            }).concat()
        },
    }
}

#[test]
fn text_from_a_user_reaches_the_page_only_as_text() {
    check! {
        rfc: "HTML Standard, DOM parsing",
        rule: "The page never turns a string into HTML or code, and has a policy that forbids it as well.",
        signs: [
            yours(["HTML"]).says(
                "`innerHTML` is short and works, until a name is <img src=x onerror=…>. `textContent` and \
                 `append` take strings as text.",
            ),
        ],
        shows: || {
            let html = page::html("Polling", Duration::ZERO);
            let sources = [page::SCRIPT, page::STYLE, &html];
            let times = |way: &str| sources.iter().map(|source| source.matches(way).count()).sum::<usize>();
            let rows = WAYS_TO_RUN_TEXT.map(|way| format!("{way:<24} {} times\n", times(way)));
            let policy = html.lines().find(|line| line.contains("Content-Security-Policy"));
            format!("{}\n{}", rows.concat(), policy.unwrap_or("no policy").trim())
        },
    }
}

/// Ways in which a page can turn a string into HTML or code.
const WAYS_TO_RUN_TEXT: [&str; 11] = [
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "document.write",
    "setHTMLUnsafe",
    "createContextualFragment",
    "DOMParser",
    "srcdoc",
    "eval(",
    "new Function",
    "javascript:",
];

#[test]
fn the_program_serves() {
    check! {
        rfc: "the workshop's own rule",
        rule: "`cargo run -p polling` says where it listens, and its options are its limits.",
        signs: [],
        shows: || {
            let server = program!().serve(&["--max-body", "40", "--max-history", "1"]);
            let post = |text: &str| {
                let body = json("ada", text);
                let response = exchange(server.address, "POST", "/messages", Some(&body));
                format!("POST /messages {body}\n  → {} {}\n", response.status, response.text().trim())
            };
            let posts = ["one", "two", "a longer one"].map(post).concat();
            let news = line(&get(server.address, 0));
            format!("a body may have 40 bytes, and one message is kept\n{posts}after 0: {news}")
        },
    }
}
