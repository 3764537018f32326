//! `cargo run -p long-polling --example measure`: the costs of polling and of long polling.
//!
//! Four pages wait for the same messages: three poll, each with a different pause, and one uses long
//! polling. Your own servers answer. A proxy between page and server counts the bytes that pass.

use std::env;
use std::io::{self, IsTerminal, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use long_polling_solution::LongPolling;
use polling::Polling;
use polling::history::News;
use support::http::{Client, exchange};

/// How long the measurement takes.
const DURATION: Duration = Duration::from_secs(20);
/// The times at which the messages come, in milliseconds after the start.
const MESSAGES: [u64; 6] = [1_300, 4_100, 4_400, 9_700, 13_200, 17_900];
/// The header fields that Chromium 156 sends when a page calls `fetch`, in addition to `Host`.
const BROWSER: &str = concat!(
    "Connection: keep-alive\r\n",
    "Pragma: no-cache\r\n",
    "Cache-Control: no-cache\r\n",
    "sec-ch-ua-platform: \"Linux\"\r\n",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) ",
    "Chrome/156.0.0.0 Safari/537.36\r\n",
    "sec-ch-ua: \"Not:A-Brand\";v=\"8\", \"Chromium\";v=\"156\"\r\n",
    "sec-ch-ua-mobile: ?0\r\n",
    "Accept: */*\r\n",
    "Sec-Fetch-Site: same-origin\r\n",
    "Sec-Fetch-Mode: cors\r\n",
    "Sec-Fetch-Dest: empty\r\n",
    "Accept-Encoding: gzip, deflate, br, zstd\r\n",
    "Accept-Language: en-US,en;q=0.9\r\n",
);

/// One way to wait for messages.
struct Way {
    name: &'static str,
    /// The page's pause between two requests.
    pause: Duration,
    server: SocketAddr,
    requests: Arc<AtomicU64>,
    bytes: Arc<AtomicU64>,
    /// The time at which each message was posted. Message 1 is at index 0.
    posted: Vec<Instant>,
    /// The id of each message that the page has seen, and the time.
    seen: Receiver<(u64, Instant)>,
}

fn main() -> ExitCode {
    if env::args().len() > 1 {
        eprintln!(
            "`measure` takes no options: it starts your servers itself, and is done after 20 s."
        );
        return ExitCode::from(2);
    }
    match measure() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nNothing was measured: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure() -> io::Result<()> {
    let polling = Polling::start(any_port()?, polling::Limits::default())?;
    // Each server has its own history; one polling server for each pause keeps them apart.
    let polling_1 = Polling::start(any_port()?, polling::Limits::default())?;
    let polling_5 = Polling::start(any_port()?, polling::Limits::default())?;
    let long_polling = LongPolling::start(any_port()?, long_polling_solution::Limits::default())?;
    let stopped = Arc::new(AtomicBool::new(false));
    let mut ways = Vec::new();
    for (name, pause, server) in [
        ("polling, every 0.5 s", 500, polling.address()),
        ("polling, every 1 s", 1_000, polling_1.address()),
        ("polling, every 5 s", 5_000, polling_5.address()),
        ("long polling", 0, long_polling.address()),
    ] {
        ways.push(open_page(
            name,
            Duration::from_millis(pause),
            server,
            &stopped,
        )?);
    }

    let begin = Instant::now();
    for at in MESSAGES {
        wait_until(begin, Duration::from_millis(at));
        for way in &mut ways {
            way.posted.push(Instant::now());
            let message = r#"{"username":"ada","message":"Is the kettle on?"}"#;
            let response = exchange(way.server, "POST", "/messages", Some(message));
            if response.status != 201 {
                return Err(unexpected(way.name, response.status));
            }
        }
    }
    wait_until(begin, DURATION);
    stopped.store(true, Ordering::Release);
    eprintln!();
    print_table(&ways)
    // The servers are dropped here; the long-polling one answers the request that still waits.
}

fn any_port() -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
}

fn unexpected(name: &str, status: u16) -> io::Error {
    io::Error::other(format!(
        "{name}: your server answered {status}. `cargo test -p polling` and \
         `cargo test -p long-polling` say what is missing."
    ))
}

/// Opens a page: a thread that asks for messages, through a proxy that counts.
fn open_page(
    name: &'static str,
    pause: Duration,
    server: SocketAddr,
    stopped: &Arc<AtomicBool>,
) -> io::Result<Way> {
    let bytes = Arc::new(AtomicU64::new(0));
    let requests = Arc::new(AtomicU64::new(0));
    let proxy = count_bytes(server, Arc::clone(&bytes))?;
    let (see, seen) = mpsc::channel();
    thread::spawn({
        let (requests, stopped) = (Arc::clone(&requests), Arc::clone(stopped));
        move || poll(proxy, pause, &requests, &stopped, &see)
    });
    Ok(Way {
        name,
        pause,
        server,
        requests,
        bytes,
        posted: Vec::new(),
        seen,
    })
}

/// Does what the page does: asks, notes the messages that came, pauses, and asks again.
fn poll(
    proxy: SocketAddr,
    pause: Duration,
    requests: &AtomicU64,
    stopped: &AtomicBool,
    see: &Sender<(u64, Instant)>,
) {
    let mut client = Client::connect(proxy);
    let patience = DURATION + Duration::from_secs(20);
    client
        .socket()
        .set_read_timeout(Some(patience))
        .expect("the patience is not zero");
    let mut cursor = 0;
    while !stopped.load(Ordering::Acquire) {
        let request = format!(
            "GET /messages?after={cursor} HTTP/1.1\r\nHost: {proxy}\r\n{BROWSER}Referer: http://{proxy}/\r\n\r\n"
        );
        client.send(request.as_bytes());
        requests.fetch_add(1, Ordering::Relaxed);
        let Ok(response) = client.try_response() else {
            return;
        };
        let Ok(news) = serde_json::from_slice::<News>(&response.body) else {
            return;
        };
        let now = Instant::now();
        for message in &news.messages {
            _ = see.send((message.id, now));
        }
        cursor = news.next;
        thread::sleep(pause);
    }
}

/// Starts a proxy for one connection, and returns its address.
fn count_bytes(server: SocketAddr, bytes: Arc<AtomicU64>) -> io::Result<SocketAddr> {
    let listener = any_port()?;
    let address = listener.local_addr()?;
    thread::spawn(move || -> io::Result<()> {
        let (page, _) = listener.accept()?;
        let server = TcpStream::connect(server)?;
        for stream in [&page, &server] {
            stream.set_nodelay(true)?;
        }
        let (from, to) = (page.try_clone()?, server.try_clone()?);
        let counter = Arc::clone(&bytes);
        thread::spawn(move || pass_on(from, to, &counter));
        pass_on(server, page, &bytes);
        Ok(())
    });
    Ok(address)
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, bytes: &AtomicU64) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        bytes.fetch_add(length as u64, Ordering::Relaxed);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    _ = to.shutdown(Shutdown::Write);
}

/// Waits, and shows how much of the measurement is over.
fn wait_until(begin: Instant, moment: Duration) {
    loop {
        let over = begin.elapsed();
        if io::stderr().is_terminal() {
            let (seconds, all) = (over.as_secs(), DURATION.as_secs());
            eprint!("\rmeasuring: {seconds} s of {all} s ");
        }
        let Some(left) = moment.checked_sub(over).filter(|left| !left.is_zero()) else {
            return;
        };
        thread::sleep(left.min(Duration::from_millis(250)));
    }
}

fn print_table(ways: &[Way]) -> io::Result<()> {
    let seconds = DURATION.as_secs();
    println!("{} messages in {seconds} s, to one page\n", MESSAGES.len());
    println!("                      requests    bytes   seen  bytes per   average   longest");
    println!("                                                  message     delay     delay");
    for way in ways {
        let delays = delays(way)?;
        let average = delays.iter().sum::<Duration>() / delays.len() as u32;
        let longest = delays.iter().max().copied().unwrap_or_default();
        let bytes = way.bytes.load(Ordering::Relaxed);
        println!(
            "{:<20}{:>10}{bytes:>9}{:>7}{:>11}{:>8.3} s{:>8.3} s",
            way.name,
            way.requests.load(Ordering::Relaxed),
            delays.len(),
            bytes / delays.len() as u64,
            average.as_secs_f64(),
            longest.as_secs_f64(),
        );
    }
    Ok(())
}

/// The time from posting a message to seeing it, for each message that could be seen in time.
fn delays(way: &Way) -> io::Result<Vec<Duration>> {
    let seen = way.seen.try_iter();
    let delays: Vec<_> = seen
        .filter_map(|(id, when)| {
            let posted = way.posted.get(usize::try_from(id).ok()? - 1)?;
            Some(when.duration_since(*posted))
        })
        .collect();
    let due = MESSAGES
        .iter()
        .filter(|at| Duration::from_millis(**at) + way.pause < DURATION);
    if delays.len() < due.count() {
        return Err(io::Error::other(format!(
            "{}: {} of {} messages came. `cargo test -p polling` and `cargo test -p long-polling` \
             say what is missing.",
            way.name,
            delays.len(),
            MESSAGES.len(),
        )));
    }
    Ok(delays)
}
