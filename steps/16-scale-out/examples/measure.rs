//! What things cost on this machine, and whether the simulation is right about it.
//!
//! ```sh
//! cargo run --release -p scale-out --example measure
//! cargo run --release -p scale-out --example measure -- redis://127.0.0.1:6379
//! ```
//!
//! The servers are in a process of their own, on a bus in memory, and the clients are threads here. Two runs with one
//! server give the costs; two more, one of them with two servers, are compared with what these costs predict.

use std::env;
use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use chat::Pace;
use cpu_time::ProcessTime;
use polling::history::NewMessage;
use scale_out::log::Ticket;
use scale_out::{Bus, MemoryBus, Node, RedisBus, Settings};

/// How long each run takes.
const SECONDS: u32 = 4;

/// The text that is said, again and again.
const TEXT: &str = "a message of about a hundred bytes, as the page gets it";

fn main() -> Result<(), Box<dyn Error>> {
    match env::args().nth(1).as_deref() {
        Some("serve") => serve(env::args().nth(2).unwrap_or_default().parse()?),
        Some(url) => redis(url),
        None => servers(),
    }
}

/// The process of the servers: prints where they listen, and its processor time whenever it reads a line.
fn serve(count: usize) -> Result<(), Box<dyn Error>> {
    let mut settings = Settings::default();
    settings.chat.pace = Pace {
        messages: u64::MAX,
        deliveries: u64::MAX,
    };
    settings.chat.max_connections = 100_000;
    let bus: Arc<dyn Bus> = Arc::new(MemoryBus::new(1000, 0, settings.lease));
    let mut servers = Vec::new();
    for _ in 0..count {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        servers.push(Node::serve(listener, Arc::clone(&bus), settings.clone())?);
        println!("{}", servers[servers.len() - 1].address());
    }
    for line in io::stdin().lines() {
        line?;
        println!("{}", ProcessTime::now().as_duration().as_nanos());
    }
    Ok(())
}

/// The servers, as the clients see them.
struct Servers {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    addresses: Vec<SocketAddr>,
}

impl Servers {
    fn start(count: usize) -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["serve", &count.to_string()]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdin = child.stdin.take().ok_or("no stdin")?;
        let stdout = BufReader::new(child.stdout.take().ok_or("no stdout")?);
        let mut servers = Self {
            child,
            stdin,
            stdout,
            addresses: Vec::new(),
        };
        for _ in 0..count {
            let address = servers.line()?.parse()?;
            servers.addresses.push(address);
        }
        Ok(servers)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.stdout.read_line(&mut line)?;
        Ok(line.trim().to_string())
    }

    /// The processor time of all servers so far.
    fn cpu(&mut self) -> Result<Duration, Box<dyn Error>> {
        self.stdin.write_all(b"\n")?;
        Ok(Duration::from_nanos(self.line()?.parse()?))
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Opens a WebSocket.
fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.write_all(
        b"GET /socket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    )?;
    let mut answer = Vec::new();
    while !answer.windows(10).any(|it| it == b"\"people\":[") {
        let mut piece = [0; 1024];
        let count = stream.read(&mut piece)?;
        answer.extend_from_slice(&piece[..count]);
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(stream)
}

/// What a run has brought.
struct Run {
    join: Duration,
    seconds: f64,
    cpu: f64,
    messages: f64,
    deliveries: f64,
}

/// Lets so many clients listen, and one speak so many times a second.
fn run(count: usize, clients: usize, rate: u32) -> Result<Run, Box<dyn Error>> {
    let mut servers = Servers::start(count)?;
    let before = servers.cpu()?;
    let addresses = servers.addresses.clone();
    let streams: io::Result<Vec<TcpStream>> = (0..clients)
        .map(|number| open(addresses[number % count]))
        .collect();
    let join = (servers.cpu()? - before) / clients as u32;
    // The frame of each message has the same length: ids have the same number of digits, or nearly.
    let bytes = Arc::new(AtomicU64::new(0));
    for mut stream in streams? {
        let bytes = Arc::clone(&bytes);
        thread::spawn(move || {
            let mut piece = [0; 16 * 1024];
            while let Ok(count @ 1..) = stream.read(&mut piece) {
                bytes.fetch_add(count as u64, Ordering::Relaxed);
            }
        });
    }
    let mut speaker = open(addresses[0])?;
    let text = format!(r#"{{"username":"ada","message":"{TEXT}"}}"#);
    let mut frame = vec![0x81, 0x80 | text.len() as u8, 0, 0, 0, 0];
    frame.extend_from_slice(text.as_bytes());
    speaker.write_all(&frame)?;
    thread::sleep(Duration::from_millis(500));
    bytes.store(0, Ordering::Relaxed);
    let (begun, before) = (Instant::now(), servers.cpu()?);
    let mut listening = speaker.try_clone()?;
    thread::spawn(move || {
        let mut piece = [0; 16 * 1024];
        while let Ok(1..) = listening.read(&mut piece) {}
    });
    for number in 0..rate * SECONDS {
        let due = begun + Duration::from_secs(1) * number / rate;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        speaker.write_all(&frame)?;
    }
    thread::sleep(Duration::from_millis(200));
    let cpu = servers.cpu()? - before;
    let size = bytes.load(Ordering::Relaxed) as f64 / f64::from(rate * SECONDS) / clients as f64;
    let lost = !(80.0..130.0).contains(&size);
    if lost {
        return Err(
            format!("not every client heard every message ({size:.0} bytes for each)").into(),
        );
    }
    let seconds = begun.elapsed().as_secs_f64();
    let messages = f64::from(rate * SECONDS);
    Ok(Run {
        join,
        seconds,
        cpu: cpu.as_secs_f64(),
        messages: messages * count as f64,
        deliveries: messages * clients as f64,
    })
}

/// Measures the costs, and compares.
fn servers() -> Result<(), Box<dyn Error>> {
    let few = run(1, 10, 200)?;
    let many = run(1, 300, 50)?;
    // Two equations with two unknowns: the cost of a message, and that of a delivery.
    let determinant = few.messages * many.deliveries - many.messages * few.deliveries;
    let message = (few.cpu * many.deliveries - many.cpu * few.deliveries) / determinant;
    let delivery = (many.cpu * few.messages - few.cpu * many.messages) / determinant;
    println!(
        "a message {:.0} ns, a delivery {:.0} ns, a join {} ns",
        1e9 * message,
        1e9 * delivery,
        many.join.as_nanos()
    );
    println!("servers clients messages/s deliveries/s processors predicted");
    let show = |servers: usize, clients: usize, run: &Run, mark: &str| {
        let predicted = run.messages * message + run.deliveries * delivery;
        println!(
            "{servers:>7} {clients:>7} {:>10.0} {:>12.0} {:>10.2} {:>9.2}{mark}",
            run.messages / run.seconds / servers as f64,
            run.deliveries / run.seconds,
            run.cpu / run.seconds,
            predicted / run.seconds,
        );
    };
    show(1, 10, &few, "  (gave the costs)");
    show(1, 300, &many, "  (gave the costs)");
    show(1, 150, &run(1, 150, 50)?, "");
    show(2, 300, &run(2, 300, 50)?, "");
    Ok(())
}

/// Measures what Redis takes for a message that is added, one that is read, and a name, with the way there and back.
fn redis(url: &str) -> Result<(), Box<dyn Error>> {
    let bus = RedisBus::new(url, 1_000_000, Duration::from_secs(5))?;
    let message = NewMessage {
        username: "ada".to_string(),
        message: TEXT.to_string(),
    };
    let cursor = bus.publish(&Ticket("measure/begin".to_string()), &message)?;
    let begun = Instant::now();
    for number in 0..5000 {
        bus.publish(&Ticket(format!("measure/{}/{number}", cursor)), &message)?;
    }
    println!("publish {} ns", (begun.elapsed() / 5000).as_nanos());
    let (begun, mut cursor, mut count) = (Instant::now(), cursor, 0);
    while count < 5000 {
        let messages = bus.after(cursor, Duration::from_millis(100))?;
        count += messages.len() as u32;
        cursor = messages.last().ok_or("the log is shorter than it was")?.id;
    }
    println!("read {} ns", (begun.elapsed() / count).as_nanos());
    let names: Vec<_> = (0..10_000)
        .map(|it| (format!("person {it}"), format!("tab {it}")))
        .collect();
    bus.renew("measure", &names)?;
    let begun = Instant::now();
    for _ in 0..20 {
        bus.renew("somebody else", &[])?;
    }
    println!("name {} ns", (begun.elapsed() / 200_000).as_nanos());
    bus.renew("measure", &[])?;
    Ok(())
}
