//! Clients that try to do harm, and what they get.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use doorkeeper::Server;
use support::http::{Client, Response, exchange};
use tiny_http::Request;

/// How long something may take that should happen at once.
const AT_ONCE: Duration = Duration::from_secs(5);

fn start_with(max: u64, answer: impl Fn(Request) + Send + Sync + 'static) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    Server::start(listener, max, answer).expect("the server starts")
}

/// A server that says what it was asked, and how long the body was.
fn start() -> Server {
    start_with(10, |mut request| {
        let mut body = Vec::new();
        let said = match request.as_reader().read_to_end(&mut body) {
            Ok(length) if request.body_length().is_none_or(|it| it == length) => {
                format!("{} {} {length}", request.method(), request.url())
            }
            _ => "the body was cut short".to_string(),
        };
        _ = request.respond(tiny_http::Response::from_string(said));
    })
}

/// A server that says the same to everything, and reads no body.
fn start_deaf(max: u64) -> Server {
    start_with(max, |request| {
        _ = request.respond(tiny_http::Response::from_string("GET / 0"));
    })
}

fn ask(address: SocketAddr, request: &[u8]) -> Response {
    let mut client = Client::connect(address);
    client.send(request);
    client.response()
}

/// A good request is answered, whatever came before it.
fn lives(server: &Server) {
    let response = exchange(server.address(), "GET", "/", None);
    assert_eq!((response.status, &*response.text()), (200, "GET / 0"));
}

#[test]
fn a_te_field_that_cannot_be_sorted_is_not_passed_on() {
    let server = start();
    let list = "x;q=2,x;q=nan,x;q=1,".repeat(7);
    let request = format!("GET /te HTTP/1.1\r\nHost: h\r\nTE: {list}\r\n\r\n");
    let response = ask(server.address(), request.as_bytes());
    assert_eq!(response.text(), "GET /te 0");
    lives(&server);
}

#[test]
fn a_panic_of_the_answer_is_not_the_end() {
    let server = start_with(10, |request| {
        assert_ne!(request.url(), "/panic", "this answer panics on purpose");
        _ = request.respond(tiny_http::Response::from_string("GET / 0"));
    });
    for _ in 0..20 {
        let response = exchange(server.address(), "GET", "/panic", None);
        assert_eq!(response.status, 500);
    }
    lives(&server);
}

#[test]
fn a_value_that_is_not_ascii_is_no_reason_to_refuse() {
    let server = start();
    for cookie in ["name=Zo\u{eb}".as_bytes(), b"name=Zo\xeb", b"\x80\xff"] {
        let (before, after) = (
            &b"GET / HTTP/1.1\r\nHost: h\r\nCookie: "[..],
            &b"\r\n\r\n"[..],
        );
        let request = [before, cookie, after].concat();
        assert_eq!(ask(server.address(), &request).status, 200, "{cookie:?}");
    }
}

#[test]
fn a_bad_request_gets_a_status_and_ends_the_connection() {
    let server = start();
    let with = |fields: &str| format!("GET / HTTP/1.1\r\n{fields}\r\n\r\n");
    for (status, head) in [
        (400, "nonsense\r\n\r\n".to_string()),
        (400, "GET /\u{eb} HTTP/1.1\r\n\r\n".to_string()),
        (400, with("A B: c")),
        // The head would end at the first empty line, or at the second.
        (400, "GET / HTTP/1.1\nHost: h\n\nA: b\r\n\r\n".to_string()),
        (400, with("Content-Length: 2\r\nContent-Length: 2")),
        (400, with("Content-Length: 2, 2")),
        (400, with("Content-Length: +2")),
        (400, with("Content-Length: 2\r\nTransfer-Encoding: chunked")),
        (
            400,
            "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n".to_string(),
        ),
        (413, with("Content-Length: 1099511627776")),
        (413, with("Content-Length: 99999999999999999999")),
        (417, with("Expect: a miracle")),
        (431, with(&format!("A: {}", "a".repeat(70_000)))),
        (431, with(&vec!["A: b"; 1_100].join("\r\n"))),
        (501, with("Transfer-Encoding: gzip, chunked")),
        (505, "GET / HTTP/2.0\r\n\r\n".to_string()),
    ] {
        let mut client = Client::connect(server.address());
        client.send(head.as_bytes());
        // This counts as a request only if the connection goes on.
        client.send(b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n");
        let response = client.response();
        let head = &head.escape_debug().to_string()[..head.len().min(60)];
        assert_eq!(response.status, status, "{head}");
        assert_eq!(response.header("Connection"), Some("close"), "{head}");
        assert!(client.rest().is_empty(), "{head}");
    }
    lives(&server);
}

/// Sends `request` to a server that reads 10 bytes of a body and no more. Returns the targets that the server
/// was asked for.
fn asked_for(request: &str) -> Vec<String> {
    let (asked, targets) = mpsc::channel();
    let server = start_with(10, move |mut request| {
        _ = asked.send(request.url().to_string());
        _ = request.as_reader().take(10).read_to_end(&mut Vec::new());
        _ = request.respond(tiny_http::Response::from_string("GET / 0"));
    });
    let mut client = Client::connect(server.address());
    client.send(request.as_bytes());
    _ = client.socket().shutdown(Shutdown::Write);
    assert_eq!(client.response().text(), "GET / 0", "{request:?}");
    client.rest();
    lives(&server);
    drop(server);
    targets.try_iter().collect()
}

#[test]
fn unread_chunks_are_not_a_request() {
    let smuggled = "GET /smuggled HTTP/1.1\r\n\r\n";
    let chunk =
        |extension: &str, content: &str| format!("{:x}{extension}\r\n{content}\r\n", content.len());
    for body in [
        // tiny_http would go on after the bytes that were read.
        chunk("", &format!("ten bytes.{smuggled}")),
        chunk("", "ten bytes.")
            + &chunk("; /smuggled HTTP/1.1", &format!("A: b\r\n\r\n{smuggled}")),
        // It takes any byte for the end of a line.
        format!("1\r\na{smuggled}"),
        // A trailer is a bad end.
        format!("0\r\nX{smuggled}"),
    ] {
        let head = "GET /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let request = format!("{head}{body}0\r\n\r\n");
        assert_eq!(asked_for(&request), ["/a", "/"], "{body:?}");
    }
}

#[test]
fn bytes_after_a_head_without_a_body_are_checked() {
    // tiny_http would let it pass.
    let bad = "GET /b HTTP/1.1\r\nContent-Length: 2, 2\r\n\r\n";
    for option in ["upgrade", "close"] {
        let fields = format!("Connection: keep-alive\r\nConnection: {option}");
        let request = format!("GET /a HTTP/1.1\r\n{fields}\r\n\r\n{bad}");
        assert_eq!(asked_for(&request), ["/a", "/"], "{option}");
    }
}

#[test]
fn no_method_is_answered_in_place_of_the_server() {
    let server = start();
    let response = ask(server.address(), b"KNOCK / HTTP/1.1\r\n\r\n");
    assert_eq!(response.text(), "KNOCK / 0");
    let response = ask(server.address(), b"(knock) / HTTP/1.1\r\n\r\n");
    assert_eq!(response.status, 400);
}

#[test]
fn http_1_0_gets_no_interim_response() {
    let server = start();
    let request = b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello";
    assert_eq!(ask(server.address(), request).text(), "POST / 5");
}

#[test]
fn a_connection_goes_on_after_a_body() {
    let server = start();
    let mut client = Client::connect(server.address());
    let chunked = "POST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    for (request, said) in [
        (
            "POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
            "POST /a 5",
        ),
        (chunked, "POST /b 3"),
        ("GET /c HTTP/1.1\r\n\r\n", "GET /c 0"),
    ] {
        client.send(request.as_bytes());
        assert_eq!(client.response().text(), said);
    }
    // All at once, after empty lines.
    client.send(format!("\r\n\r\n{chunked}GET /d HTTP/1.1\r\n\r\n").as_bytes());
    assert_eq!(client.response().text(), "POST /b 3");
    assert_eq!(client.response().text(), "GET /d 0");
}

#[test]
fn a_connection_goes_on_after_a_body_that_came_later_than_its_head() {
    let server = start();
    let mut client = Client::connect(server.address());
    for (length, body) in [
        ("Content-Length: 5", "hello"),
        ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"),
    ] {
        let head = format!("POST /e HTTP/1.1\r\n{length}\r\nExpect: 100-continue\r\n\r\n");
        client.send(head.as_bytes());
        // The answer has begun to read.
        assert_eq!(client.response().status, 100);
        client.send(format!("{body}GET /f HTTP/1.1\r\n\r\n").as_bytes());
        assert_eq!(client.response().text(), "POST /e 5");
        assert_eq!(client.response().text(), "GET /f 0");
    }
}

#[test]
fn a_trailer_is_dropped() {
    let server = start();
    let chunks = "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n";
    let rest = "A: b\r\nC: d\r\n\r\nGET /b HTTP/1.1\r\n\r\n";
    for cut in 0..rest.len() {
        let mut client = Client::connect(server.address());
        client.send(format!("{chunks}{}", &rest[..cut]).as_bytes());
        client.send(&rest.as_bytes()[cut..]);
        assert_eq!(client.response().text(), "POST /a 3", "cut at {cut}");
        assert_eq!(client.response().text(), "GET /b 0", "cut at {cut}");
    }
}

#[test]
fn a_body_that_ends_too_early_is_cut_short() {
    let server = start();
    let mut client = Client::connect(server.address());
    client.send(b"POST / HTTP/1.1\r\nContent-Length: 2000\r\n\r\nno more than this");
    _ = client.socket().shutdown(Shutdown::Write);
    assert_eq!(client.response().text(), "the body was cut short");
    // tiny_http reads a short one before it hands the request over, so nothing is answered.
    for connection in ["keep-alive", "close"] {
        let mut client = Client::connect(server.address());
        let fields = format!("Connection: {connection}\r\nContent-Length: 20");
        client.send(format!("POST / HTTP/1.1\r\n{fields}\r\n\r\nno more").as_bytes());
        _ = client.socket().shutdown(Shutdown::Write);
        assert_eq!(client.response().status, 400, "{connection}");
    }
    let bad = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n";
    assert_eq!(ask(server.address(), bad).text(), "the body was cut short");
    lives(&server);
}

#[test]
fn an_unread_body_is_not_waited_for() {
    let server = start_deaf(10);
    let mut client = Client::connect(server.address());
    client.send(b"POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\nno more than this");
    assert_eq!(client.response().status, 200);
    assert!(client.rest().is_empty());
    lives(&server);
}

/// Whether a client that goes on sending its body, although the response has said the last word, is reset.
fn is_reset_while_sending(server: &Server) -> bool {
    let mut client = Client::connect(server.address());
    client.send(b"POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n");
    assert_eq!(client.response().status, 200);
    let mut socket = client.socket().try_clone().unwrap();
    assert!(client.rest().is_empty());
    let mut send_slowly = (0..20).map(|_| {
        thread::sleep(Duration::from_millis(10));
        socket.write_all(b"more of it")
    });
    send_slowly.any(|sent| sent.is_err())
}

#[test]
fn a_client_that_still_sends_can_read_the_response() {
    let server = start_deaf(10);
    // On a busy machine, all of this may take longer than the server's patience.
    assert!((0..10).any(|_| !is_reset_while_sending(&server)));
}

#[test]
fn idle_connections_do_not_keep_a_server_from_stopping() {
    let server = start();
    let silent = TcpStream::connect(server.address()).unwrap();
    let mut half = TcpStream::connect(server.address()).unwrap();
    half.write_all(b"GET / HTTP/1.1\r\nHo").unwrap();
    let mut kept = Client::connect(server.address());
    kept.request("GET", "/", None);
    assert_eq!(kept.response().status, 200);
    let begin = Instant::now();
    drop(server);
    assert!(begin.elapsed() < AT_ONCE, "{:?}", begin.elapsed());
    for mut stream in [&silent, &half, kept.socket()] {
        stream.set_read_timeout(Some(AT_ONCE)).unwrap();
        assert!(matches!(stream.read(&mut [0]), Ok(0)));
    }
}

#[test]
fn a_server_that_stops_sends_what_is_being_answered() {
    let (begun, has_begun) = mpsc::channel();
    let (go_on, until_told) = mpsc::channel::<()>();
    let until_told = Mutex::new(until_told);
    let server = start_with(10, move |request| {
        _ = begun.send(());
        _ = until_told.lock().unwrap().recv();
        _ = request.respond(tiny_http::Response::from_string("done"));
    });
    let mut client = Client::connect(server.address());
    client.request("GET", "/", None);
    has_begun.recv_timeout(AT_ONCE).unwrap();
    go_on.send(()).unwrap();
    drop(server);
    assert_eq!(client.response().text(), "done");
}

#[test]
fn connections_that_come_at_the_same_moment_are_all_served() {
    let server = start_deaf(100);
    for _ in 0..10 {
        let mut clients: Vec<_> = (0..20).map(|_| Client::connect(server.address())).collect();
        for client in &mut clients {
            client.request("GET", "/", None);
        }
        for client in &mut clients {
            assert_eq!(client.response().status, 200);
        }
    }
}
