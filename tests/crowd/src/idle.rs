//! How much a client costs that says nothing: memory and threads in the chats of steps 10 and 15, and how long a
//! message takes to reach all clients.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::runtime::Runtime;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::server::{self, Running, Step};
use crate::{median, progress};

/// How many clients, unless the command line says otherwise.
const CROWDS: [usize; 3] = [100, 1_000, 10_000];

/// More files than clients that each process may need.
const SPARE_FILES: u64 = 100;

/// How many clients connect at the same time.
const AT_ONCE: usize = 32;

/// How long a handshake may take, and a message to all.
const DEADLINE: Duration = Duration::from_secs(60);

/// How long a crowd may take to come in.
const JOINED_WITHIN: Duration = Duration::from_secs(240);

/// How many messages are sent, one after the other.
const MESSAGES: usize = 10;

/// How long a message is, in bytes.
const BYTES: usize = 100;

/// What was measured with one server and one crowd.
struct Measured {
    /// How many clients were let in.
    joined: usize,
    /// The server's threads.
    threads: Option<u64>,
    /// The memory that the server took more for the crowd, in bytes.
    memory: Option<u64>,
    /// How long each message took until the last client had it, in milliseconds.
    delays: Vec<f64>,
    /// Why not all clients were let in, if so.
    why: Option<String>,
}

/// Measures, and prints a table.
pub fn main(arguments: impl Iterator<Item = String>) -> ExitCode {
    let crowds = match crowds(arguments) {
        Ok(crowds) => crowds,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    match measure(&crowds) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nThe measurement was given up: {error}.");
            ExitCode::FAILURE
        }
    }
}

/// How many clients there are to be, each time.
fn crowds(arguments: impl Iterator<Item = String>) -> Result<Vec<usize>, String> {
    let number = |text: String| match text.parse() {
        Ok(number @ 1..=28_000) => Ok(number),
        _ => Err(format!(
            "`idle {text}` isn't a number of clients: write it like `idle 100 1000`. One address has 28,000 ports."
        )),
    };
    let mut crowds = arguments.map(number).collect::<Result<Vec<_>, _>>()?;
    if crowds.is_empty() {
        crowds = CROWDS.to_vec();
    }
    enough_room(crowds.iter().copied().max().unwrap_or_default())?;
    Ok(crowds)
}

/// Asks the system for the open files of a crowd.
pub fn enough_room(crowd: usize) -> Result<(), String> {
    enough_files(crowd as u64 + SPARE_FILES, rlimit::increase_nofile_limit)
}

/// Asks the system for this many open files. The server's process inherits them.
fn enough_files(needed: u64, increase: impl FnOnce(u64) -> io::Result<u64>) -> Result<(), String> {
    match increase(needed) {
        Ok(limit) if limit < needed => Err(format!(
            "Each client is an open file on both sides: {needed} are needed, and this system allows {limit}. Raise \
             `ulimit -Hn`, or name smaller crowds: `idle 100 1000`."
        )),
        // Where the system has no such limit, there is nothing to ask for.
        _ => Ok(()),
    }
}

fn measure(crowds: &[usize]) -> io::Result<()> {
    let apart = server::keep_apart();
    println!(
        "idle clients, and {MESSAGES} messages of {BYTES} bytes to all of them\n{}\n",
        server::where_they_run(apart)
    );
    println!(
        "{:<10}{:>8}{:>10}{:>12}{:>20}{:>18}",
        "", "clients", "threads", "kB each", "last has it, ms", "lowest–highest"
    );
    for crowd in crowds {
        for step in [Step::Ten, Step::Fifteen] {
            progress(&format!("{crowd} clients, {}", step.name()));
            let measured = with(step, *crowd, apart)?;
            progress("");
            print!("{}", row(step, *crowd, &measured));
        }
    }
    Ok(())
}

fn row(step: Step, crowd: usize, measured: &Measured) -> String {
    let mut row = format!("{:<10}{crowd:>8}", step.name());
    if !measured.delays.is_empty() {
        let unknown = || "not known".to_string();
        let threads = measured.threads.map_or_else(unknown, |it| it.to_string());
        let memory = measured.memory.map_or_else(unknown, |bytes| {
            format!(
                "{:.1}",
                bytes as f64 / 1000.0 / measured.joined.max(1) as f64
            )
        });
        let delays = measured.delays.iter().copied();
        let lowest = delays.clone().fold(f64::MAX, f64::min);
        let highest = delays.clone().fold(0.0, f64::max);
        let range = format!("{lowest:.1}–{highest:.1}");
        row += &format!(
            "{threads:>10}{memory:>12}{:>20.1}{range:>18}",
            median(delays)
        );
    }
    row += "\n";
    if let Some(why) = &measured.why {
        row += &format!("          {} were let in; then {why}\n", measured.joined);
    }
    row
}

/// Measures one server with one crowd.
fn with(step: Step, crowd: usize, apart: bool) -> io::Result<Measured> {
    let mut server = Running::start_step(step, apart)?;
    Runtime::new()?.block_on(async {
        let mut speaker = Speaker::join(server.address).await?;
        let before = server.memory();
        let (mut clients, why) = join_all(server.address, crowd).await;
        let joined = clients.len();
        let heard = Arc::new(Heard::default());
        let mut listening = JoinSet::new();
        for client in clients.drain(..) {
            listening.spawn(listen(client, Arc::clone(&heard)));
        }
        let mut delays = Vec::new();
        if let Some(end) = server.end() {
            let why = Some(format!("the server's process ended:\n          {end}"));
            return Ok(Measured {
                joined,
                threads: None,
                memory: None,
                delays,
                why,
            });
        }
        for number in 1..=MESSAGES {
            let Ok(delay) = timeout(DEADLINE, speaker.is_heard(&heard, number * joined)).await
            else {
                return Err(io::Error::other("a message didn't reach all clients"));
            };
            delays.push(delay?);
        }
        sleep(Duration::from_secs(1)).await;
        let after = server.memory();
        Ok(Measured {
            joined,
            threads: server.threads(),
            memory: after
                .zip(before)
                .map(|(after, before)| after.saturating_sub(before)),
            delays,
            why,
        })
    })
}

/// Lets a crowd in, a few at a time. If one of them isn't let in, also says why, and the others aren't tried.
pub async fn join_all(
    address: SocketAddr,
    crowd: usize,
) -> (
    Vec<(BufReader<OwnedReadHalf>, OwnedWriteHalf)>,
    Option<String>,
) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut joining = JoinSet::new();
    for _ in 0..crowd {
        let places = Arc::clone(&places);
        joining.spawn(async move {
            let _place = places.acquire().await.map_err(io::Error::other)?;
            match timeout(DEADLINE, join(address)).await {
                Ok(joined) => joined,
                Err(_) => Err(ErrorKind::TimedOut.into()),
            }
        });
    }
    let deadline = Instant::now() + JOINED_WITHIN;
    let mut clients = Vec::new();
    while let Some(joined) = joining.join_next().await {
        match joined.map_err(io::Error::other) {
            Ok(Ok(client)) => clients.push(client),
            Ok(Err(error)) | Err(error) => {
                // If the server's process is ending, give it time for that.
                sleep(Duration::from_secs(2)).await;
                return (clients, Some(error.to_string()));
            }
        }
        if Instant::now() > deadline {
            return (clients, Some("it took too long".to_string()));
        }
    }
    (clients, None)
}

/// Connects, and waits until the server says who is here.
async fn join(address: SocketAddr) -> io::Result<(BufReader<OwnedReadHalf>, OwnedWriteHalf)> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (reader, mut writer) = stream.into_split();
    let handshake = format!(
        "GET /socket HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Version: 13\r\n\r\n"
    );
    writer.write_all(handshake.as_bytes()).await?;
    let mut reader = BufReader::with_capacity(512, reader);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(reader.read_u8().await?);
    }
    if !head.starts_with(b"HTTP/1.1 101 ") {
        let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
        return Err(io::Error::other(String::from_utf8_lossy(line).into_owned()));
    }
    while !frame(&mut reader).await?.starts_with(br#"{"people""#) {}
    Ok((reader, writer))
}

/// The payload of the next frame.
async fn frame(reader: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut head = [0; 2];
    reader.read_exact(&mut head).await?;
    let length = match head[1] {
        126 => usize::from(reader.read_u16().await?),
        127 => return Err(io::Error::other("a frame that this server never sends")),
        length => usize::from(length),
    };
    let mut payload = vec![0; length];
    reader.read_exact(&mut payload).await?;
    Ok(payload)
}

/// How many clients have heard a message, all messages together.
#[derive(Default)]
pub struct Heard {
    count: AtomicUsize,
    more: Notify,
}

impl Heard {
    async fn reaches(&self, count: usize) {
        while self.count.load(Ordering::Relaxed) < count {
            self.more.notified().await;
        }
    }
}

/// Reads for as long as there is something to read.
pub async fn listen(client: (BufReader<OwnedReadHalf>, OwnedWriteHalf), heard: Arc<Heard>) {
    let (mut reader, _writer) = client;
    while let Ok(payload) = frame(&mut reader).await {
        if payload.starts_with(br#"{"id""#) {
            heard.count.fetch_add(1, Ordering::Relaxed);
            heard.more.notify_one();
        }
    }
}

/// The one who speaks.
pub struct Speaker {
    writer: OwnedWriteHalf,
    _reading: JoinSet<()>,
}

impl Speaker {
    /// Lets the speaker in.
    ///
    /// # Errors
    /// Returns an error if the server doesn't let it in.
    pub async fn join(address: SocketAddr) -> io::Result<Self> {
        let (mut reader, writer) = join(address).await?;
        let mut reading = JoinSet::new();
        reading.spawn(async move { while frame(&mut reader).await.is_ok() {} });
        Ok(Self {
            writer,
            _reading: reading,
        })
    }

    /// Says something, and waits until the clients have heard so many messages. Returns the milliseconds.
    async fn is_heard(&mut self, heard: &Heard, count: usize) -> io::Result<f64> {
        // A little later, so that the server has nothing left to do.
        sleep(Duration::from_millis(200)).await;
        let start = Instant::now();
        self.says().await?;
        heard.reaches(count).await;
        Ok(start.elapsed().as_secs_f64() * 1000.0)
    }

    /// Says something.
    ///
    /// # Errors
    /// Returns an error if TCP has failed.
    pub async fn says(&mut self) -> io::Result<()> {
        let text = format!(
            r#"{{"username":"speaker","message":"{}"}}"#,
            "m".repeat(BYTES)
        );
        // A key of zeros changes nothing. A real client takes a random one each time (RFC 6455 §5.3).
        let length = text.len() as u16;
        let mut bytes = [&[0x81, 0xfe][..], &length.to_be_bytes(), &[0; 4]].concat();
        bytes.extend(text.bytes());
        self.writer.write_all(&bytes).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crowds_of(arguments: &[&str]) -> Result<Vec<usize>, String> {
        crowds(arguments.iter().map(|it| it.to_string()))
    }

    #[test]
    fn a_crowd_is_a_number() {
        assert_eq!(crowds_of(&["10", "20"]), Ok(vec![10, 20]));
        for wrong in ["0", "many", "30000", "-1"] {
            let error = crowds_of(&[wrong]).unwrap_err();
            assert!(error.contains("idle 100 1000"), "{error}");
        }
    }

    #[test]
    fn too_few_files_are_a_sentence() {
        let error = enough_files(10_100, |_| Ok(1024)).unwrap_err();
        assert!(error.contains("10100") && error.contains("1024"), "{error}");
        assert_eq!(enough_files(10_100, |_| Ok(10_100)), Ok(()));
        assert_eq!(
            enough_files(10_100, |_| Err(ErrorKind::Unsupported.into())),
            Ok(())
        );
    }

    #[test]
    fn a_row_says_who_was_left_out() {
        let measured = Measured {
            joined: 90,
            threads: None,
            memory: Some(180_000),
            delays: vec![1.0, 3.0, 2.0],
            why: Some("no thread".to_string()),
        };
        let row = row(Step::Ten, 100, &measured);
        assert!(row.contains("2.0") && row.contains("1.0–3.0"), "{row}");
        assert!(row.contains("90 were let in; then no thread"), "{row}");
    }
}
