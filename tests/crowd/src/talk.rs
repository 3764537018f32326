//! What 30, 100 and 300 people can say in a second, and how soon those who leave have left.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use lexopt::Arg;

use crate::client::{Client, Heard};
use crate::progress;
use crate::round::STACK;
use crate::server::{self, Running};

/// How many people there are, and how many messages each of them says in a second.
const PARTIES: [(usize, u32); 6] = [(30, 1), (30, 10), (100, 1), (100, 10), (300, 1), (300, 10)];

/// How long a message is, in bytes.
const BYTES: usize = 100;

/// The longest time until those who left have left.
const PATIENCE: Duration = Duration::from_secs(60);

const HELP: &str = "\
Measures what 30, 100 and 300 people can say in a second, and, while they all speak,
how soon a third of them is gone and a newcomer is let in.

Usage: cargo run --release -p crowd -- talk [OPTIONS]

  --seconds N  how long each party lasts (default 5)
  --room N     deliveries that the room pays for in a second (default: the chat's own)";

/// What came of a party.
#[derive(Debug, Default)]
struct Party {
    /// How many messages were sent.
    said: usize,
    /// How many of them each of those who were there has got.
    taken: usize,
    /// How many deliveries there were.
    delivered: usize,
    /// How long a delivery took, in milliseconds.
    delays: Vec<f64>,
    /// How long it took until those who left were gone for the server, and until a newcomer was let in.
    gone: Duration,
    let_in: Duration,
}

/// Measures, and prints a table.
pub fn main() -> ExitCode {
    let (seconds, room) = match options() {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{error}. `talk --help` shows how this is used.");
            return ExitCode::from(2);
        }
    };
    match measure(Duration::from_secs(seconds), room) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nThe measurement was given up: {error}.");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Option<(u64, Option<u64>)>, lexopt::Error> {
    let (mut seconds, mut room) = (5, None);
    let mut arguments = lexopt::Parser::from_args(std::env::args_os().skip(2));
    while let Some(argument) = arguments.next()? {
        let name = match argument {
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            Arg::Long(name @ ("seconds" | "room")) => name.to_string(),
            other => return Err(other.unexpected()),
        };
        let text = arguments.value()?.to_string_lossy().into_owned();
        let number = text.parse();
        let number = number.map_err(|_| format!("`--{name} {text}` isn't a whole number"))?;
        match name.as_str() {
            "seconds" => seconds = u64::max(number, 1),
            _ => room = Some(number),
        }
    }
    Ok(Some((seconds, room)))
}

fn measure(lasts: Duration, room: Option<u64>) -> io::Result<()> {
    let apart = server::keep_apart();
    let mut lines = Vec::new();
    for (number, (people, rate)) in PARTIES.into_iter().enumerate() {
        progress(&format!("party {} of {}", number + 1, PARTIES.len()));
        let party = party(people, rate, lasts, room, apart)?;
        lines.push(line(people, rate, lasts, party));
    }
    progress("");
    println!(
        "messages of {BYTES} bytes, all people at once, for {} s",
        lasts.as_secs()
    );
    println!("{}\n", server::where_they_run(apart));
    println!(
        "{:>6}{:>8}{:>9}{:>9}{:>12}{:>9}{:>9}{:>9}{:>11}",
        "people",
        "each/s",
        "said/s",
        "taken/s",
        "delivered/s",
        "p50 ms",
        "p99 ms",
        "gone ms",
        "let in ms"
    );
    lines.iter().for_each(|line| println!("{line}"));
    Ok(())
}

fn line(people: usize, rate: u32, lasts: Duration, party: Party) -> String {
    let per_second = |count: usize| count as f64 / lasts.as_secs_f64();
    let delays = crate::sorted(party.delays);
    let part = |percent: usize| {
        delays
            .get(delays.len() * percent / 100)
            .copied()
            .unwrap_or(f64::NAN)
    };
    format!(
        "{people:>6}{rate:>8}{:>9.0}{:>9.0}{:>12.0}{:>9.1}{:>9.1}{:>9}{:>11}",
        per_second(party.said),
        per_second(party.taken),
        per_second(party.delivered),
        part(50),
        part(99),
        party.gone.as_millis(),
        party.let_in.as_millis(),
    )
}

/// All speak at the same time. When it is over, all still speak, and a third of them leaves in the same
/// moment.
fn party(
    people: usize,
    rate: u32,
    lasts: Duration,
    room: Option<u64>,
    apart: bool,
) -> io::Result<Party> {
    let server = Running::start_as_it_is(room, apart)?;
    let address = server.address;
    let mut guests = Vec::new();
    for number in 0..people {
        guests.push(Client::named(address, &format!("guest {number}"))?);
    }
    let start = Instant::now();
    let (speaking, stays) = (AtomicBool::new(true), people - people / 3);
    thread::scope(|scope| {
        let mut threads = Vec::new();
        let mut sockets = Vec::new();
        for (number, mut guest) in guests.into_iter().enumerate() {
            sockets.push(guest.socket()?);
            let (voice, speaking) = (guest.socket()?, &speaking);
            let pause = Duration::from_secs(1) / rate;
            let thread = || thread::Builder::new().stack_size(STACK);
            let offset = pause * number as u32 / people as u32;
            let speaks = thread().spawn_scoped(scope, move || {
                speak(&voice, number, start, offset, pause, lasts, speaking)
            })?;
            let hears = thread().spawn_scoped(scope, move || hear(&mut guest, start, lasts))?;
            threads.push((speaks, hears));
        }
        thread::sleep(lasts);
        let leave = Instant::now();
        for socket in sockets.drain(stays..) {
            _ = socket.shutdown(Shutdown::Both);
        }
        let mut party = Party {
            gone: until_gone(address, stays)?,
            ..Party::default()
        };
        let newcomer = Instant::now();
        let joined = Client::join(address);
        party.let_in = newcomer.elapsed();
        joined?;
        debug_assert!(leave.elapsed() >= party.gone);
        speaking.store(false, Ordering::Relaxed);
        for socket in &sockets {
            _ = socket.shutdown(Shutdown::Both);
        }
        for (speaks, hears) in threads {
            party.said += speaks.join().expect("a speaker doesn't panic");
            let heard = hears.join().expect("a listener doesn't panic");
            party.taken = party.taken.max(heard.len());
            party.delivered += heard.len();
            party.delays.extend(heard);
        }
        Ok(party)
    })
}

/// Speaks as often as it may, for as long as it may. How many messages were said while it counted.
fn speak(
    voice: &TcpStream,
    number: usize,
    start: Instant,
    offset: Duration,
    pause: Duration,
    lasts: Duration,
    speaking: &AtomicBool,
) -> usize {
    let mut said = 0;
    let mut next = start + offset;
    while speaking.load(Ordering::Relaxed) {
        thread::sleep(next.saturating_duration_since(Instant::now()));
        next += pause;
        let message = format!("{} {}", start.elapsed().as_micros(), "m".repeat(BYTES));
        let json = format!(
            r#"{{"username":"guest {number}","message":"{}"}}"#,
            &message[..BYTES]
        );
        if crate::client::say(voice, &json).is_err() {
            break;
        }
        said += usize::from(start.elapsed() < lasts);
    }
    said
}

/// How long each message was on its way that came while it counted.
fn hear(guest: &mut Client, start: Instant, lasts: Duration) -> Vec<f64> {
    let mut delays = Vec::new();
    while let Ok(heard) = guest.hears() {
        let now = start.elapsed();
        if let Heard::Message { sent } = heard
            && now < lasts
        {
            delays.push((now.as_micros() as u64).saturating_sub(sent) as f64 / 1000.0);
        }
    }
    delays
}

/// How long it takes until so many are left.
fn until_gone(address: SocketAddr, stays: usize) -> io::Result<Duration> {
    let begin = Instant::now();
    while people(address).is_none_or(|people| people > stays) {
        if begin.elapsed() > PATIENCE {
            return Err(io::Error::other("those who left are still there"));
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(begin.elapsed())
}

/// How many people are there, where the server says so.
fn people(address: SocketAddr) -> Option<usize> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let request = format!("GET /people HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.starts_with("HTTP/1.1 200 ")
        .then(|| body.matches("\"guest ").count())
}
