//! What several parts of the checks use: virtual time, a room that takes notes, one client and its page, and the peers
//! of step 10 for real sockets.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_chat::{Client, Mailbox, Server};
use chat::client::{ClientId, Limits, Room};
use chat::{Outbox, Settings};
use connection::{Event, NoExtension};
use echo::Patience;
use support::frame::{CLOSE, TEXT, unmasked};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, split};
use tokio::runtime::Builder;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, sleep, timeout};

use self::step_10::{ROOM_ENOUGH, lock, meaning};

/// The sockets, deadlines and settings of step 10's checks.
#[allow(dead_code, reason = "step 10 uses more of it")]
#[path = "../10_chat/shared.rs"]
pub mod step_10;

/// How patient a client is by default.
pub const PATIENCE: Patience = Patience {
    ping_after: Duration::from_secs(30),
    pong_within: Duration::from_secs(10),
    close_within: Duration::from_secs(5),
};

/// Longer than any wait in here, in virtual time.
const LONG: Duration = Duration::from_secs(3600);

/// As long as a task could need for what it can do at once, in virtual time.
const MOMENT: Duration = Duration::from_millis(1);

/// Runs a future in virtual time: if all tasks wait, the clock jumps to the next alarm.
pub fn in_virtual_time<T>(future: impl Future<Output = T>) -> T {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime.expect("a runtime of one thread").block_on(future)
}

/// Lets every task do what it can do now.
pub async fn settle() {
    sleep(MOMENT).await;
}

/// Polls a future once, and drops it.
pub fn poll_once<T>(future: impl Future<Output = T>) -> Poll<T> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// A room that takes notes. However often a client leaves, that is one note.
pub struct Notes {
    outbox: Arc<Outbox>,
    notes: Mutex<Vec<String>>,
}

impl Notes {
    pub fn note(&self, what: &str) {
        let mut notes = lock(&self.notes);
        if what != "it leaves" || notes.iter().all(|note| note != what) {
            notes.push(what.to_string());
        }
    }

    /// All notes, in order.
    pub fn all(&self) -> String {
        lock(&self.notes).join(", ")
    }
}

impl Room for Notes {
    /// A text with `?` gets an answer. One with `!` is told to all clients, of which there is one. `panic` stands for a
    /// mistake in the room.
    fn hear(&self, _: ClientId, message: &Event) -> Option<String> {
        let Event::Text(text) = message else {
            self.note("it sends something that isn't text");
            return Some("text, please".to_string());
        };
        self.note(&format!("it says {}", shortened(text)));
        match text.as_str() {
            "panic" => panic!("a mistake in the room"),
            text if text.ends_with('!') => {
                let frame = unmasked(TEXT, format!("all: {text}").as_bytes());
                _ = self.outbox.push(frame.into());
                None
            }
            text if text.ends_with('?') => Some(format!("you: {text}")),
            _ => None,
        }
    }

    fn leave(&self, _: ClientId) {
        self.note("it leaves");
    }

    fn too_slow(&self, _: ClientId) {
        self.note("it is too slow");
        let close = unmasked(CLOSE, b"\x03\xf5too slow");
        self.outbox.clear_and_finish(close.into());
    }
}

/// Long texts by their beginning and their length.
pub fn shortened(text: &str) -> String {
    match text.len() {
        0..=60 => text.to_string(),
        length => format!("{}… ({length} bytes)", &text[..10]),
    }
}

/// One client in virtual time, and the page at the other end of its socket.
pub struct Rig {
    pub page: DuplexStream,
    pub room: Arc<Notes>,
    pub outbox: Arc<Outbox>,
    pub running: JoinHandle<()>,
    polls: Polls,
    begin: Instant,
}

/// More polls of a task and its socket than right code needs before the clock goes on.
const MANY_POLLS: usize = 5_000;

/// Counts polls. A task that never waits would make virtual time stand still, so it is stopped.
#[derive(Clone)]
struct Polls(Arc<Mutex<(usize, Instant)>>);

impl Polls {
    fn new() -> Self {
        Self(Arc::new(Mutex::new((0, Instant::now()))))
    }

    /// Counts one more. Returns whether there were too many, now or earlier.
    fn are_too_many(&self) -> bool {
        let (count, since) = &mut *lock(&self.0);
        if *count <= MANY_POLLS && Instant::now() > *since {
            (*count, *since) = (0, Instant::now());
        }
        *count += 1;
        *count > MANY_POLLS
    }

    /// Whether there were too many.
    fn were_too_many(&self) -> bool {
        lock(&self.0).0 > MANY_POLLS
    }
}

/// Runs a future until it ends, or has been polled too often.
async fn unless_restless(future: impl Future<Output = ()>, polls: Polls) {
    let mut future = pin!(future);
    poll_fn(|context| match polls.are_too_many() {
        true => Poll::Ready(()),
        false => future.as_mut().poll(context),
    })
    .await;
}

/// A client's socket, which fails when it has been polled too often: a loop in one poll of the task ends, too.
struct Counted {
    socket: DuplexStream,
    polls: Polls,
}

impl Counted {
    fn socket(&mut self) -> io::Result<Pin<&mut DuplexStream>> {
        match self.polls.are_too_many() {
            true => Err(io::Error::other("the task never waits")),
            false => Ok(Pin::new(&mut self.socket)),
        }
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.socket()?.poll_read(context, buffer)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.socket()?.poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket()?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket()?.poll_shutdown(context)
    }
}

/// What a rig is made of.
pub struct Made {
    /// What came with the handshake.
    pub first: Vec<u8>,
    /// How many bytes a socket keeps, in each direction.
    pub socket: usize,
    /// How many bytes the outbox keeps.
    pub outbox: usize,
    pub patience: Patience,
}

impl Default for Made {
    fn default() -> Self {
        Self {
            first: Vec::new(),
            socket: 1 << 16,
            outbox: ROOM_ENOUGH,
            patience: PATIENCE,
        }
    }
}

impl Rig {
    /// A client with nothing special.
    pub fn new() -> Self {
        Self::of(Made::default())
    }

    pub fn of(made: Made) -> Self {
        let (page, socket) = tokio::io::duplex(made.socket);
        let polls = Polls::new();
        let socket = Counted {
            socket,
            polls: polls.clone(),
        };
        let (client, room, outbox) = client_on(split(socket), made.outbox, made.patience);
        let first = made.first;
        let running = {
            let polls = polls.clone();
            tokio::spawn(async move { unless_restless(client.run(&first), polls).await })
        };
        Self {
            polls,
            page,
            room,
            outbox,
            running,
            begin: Instant::now(),
        }
    }

    /// Sends bytes. A client that has gone doesn't read them.
    pub async fn send(&mut self, bytes: &[u8]) {
        _ = self.page.write_all(bytes).await;
        settle().await;
    }

    /// Ends TCP in the page's direction.
    pub async fn end(&mut self) {
        _ = self.page.shutdown().await;
        settle().await;
    }

    /// What comes next, and when.
    pub async fn hears(&mut self) -> String {
        let heard = match timeout(LONG, frame_of(&mut self.page)).await {
            Ok(Ok(frame)) => shortened(&meaning(&frame)),
            Ok(Err(error)) => format!("({error})"),
            Err(_) => return "(nothing for an hour)".to_string(),
        };
        if self.polls.were_too_many() && heard.starts_with('(') {
            return "(the task never waits)".to_string();
        }
        format!("{:>3} s  {heard}", self.begin.elapsed().as_secs())
    }

    /// What comes, up to the end of TCP.
    pub async fn hears_all(&mut self) -> String {
        let mut all = String::new();
        loop {
            let heard = self.hears().await;
            all += &format!("{heard}\n");
            if heard.contains('(') && !heard.contains(" bytes)") {
                return all;
            }
        }
    }

    /// Waits for the end of the client's task, and says when that is, and what the room has noted.
    pub async fn ends(mut self) -> String {
        let ended = match timeout(LONG, &mut self.running).await {
            Ok(_) if self.polls.were_too_many() => "the task never waits".to_string(),
            Ok(Ok(())) => "the task has ended".to_string(),
            Ok(Err(error)) => why_it_ended(error),
            Err(_) => "the task goes on for hours".to_string(),
        };
        let at = self.begin.elapsed().as_secs();
        let notes = self.room.all();
        match &*ended {
            "the task goes on for hours" => format!("the room: {notes}\n{ended}\n"),
            _ => format!("the room: {notes}\n{at:>3} s  {ended}\n"),
        }
    }
}

/// Why a task has ended before its future did.
fn why_it_ended(error: JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else {
        return "the task has been dropped".to_string();
    };
    let message = panic.downcast_ref::<&str>().map(|it| (*it).to_string());
    let message = message.or_else(|| panic.downcast_ref::<String>().cloned());
    let message = message.unwrap_or_default();
    // The first line of an `assert_eq!` has its message; the others have the two values.
    let line = message.lines().next().unwrap_or_default();
    format!("the task has panicked: {line}")
}

/// A client on these two halves of a stream, its room and its outbox.
pub fn client_on<Reader, Writer>(
    halves: (Reader, Writer),
    max_outbox_bytes: usize,
    patience: Patience,
) -> (Client<Reader, Writer>, Arc<Notes>, Arc<Outbox>)
where
    Reader: AsyncRead + Unpin,
    Writer: AsyncWrite + Unpin,
{
    let mailbox = Mailbox::new(Outbox::new(max_outbox_bytes));
    let outbox = Arc::clone(mailbox.outbox());
    let room = Arc::new(Notes {
        outbox: Arc::clone(&outbox),
        notes: Mutex::default(),
    });
    let limits = Limits {
        max_message: 100_000,
        patience,
    };
    let shared = Arc::clone(&room);
    let none = Box::new(NoExtension::default());
    let client = Client::new(halves, (shared, ClientId::FIRST), mailbox, limits, none);
    (client, room, outbox)
}

/// One frame out of a stream. It is empty if TCP ends instead.
async fn frame_of(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut frame = some_of(stream, 2).await?;
    let Some(second) = frame.get(1).copied() else {
        return Ok(frame);
    };
    let extended = match second & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    frame.extend(some_of(stream, extended).await?);
    let length = if extended == 0 {
        usize::from(second & 0x7f)
    } else {
        let bytes = frame[2..].iter();
        bytes.fold(0, |length, byte| length << 8 | usize::from(*byte))
    };
    frame.extend(some_of(stream, length.min(1 << 20)).await?);
    Ok(frame)
}

async fn some_of(stream: &mut (impl AsyncRead + Unpin), count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(count as u64).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

/// A writer that takes some bytes at a time, and only at every other poll; after `in_all` it fails.
#[derive(Default)]
pub struct Trickle {
    pub at_a_time: usize,
    pub in_all: usize,
    pub taken: Vec<u8>,
    pub ended: bool,
    is_ready: bool,
}

impl Trickle {
    pub fn new(at_a_time: usize, in_all: usize) -> Self {
        Self {
            at_a_time,
            in_all,
            ..Self::default()
        }
    }
}

impl AsyncWrite for Trickle {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.is_ready = !self.is_ready;
        if !self.is_ready {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if self.taken.len() >= self.in_all {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let left = self.in_all - self.taken.len();
        let count = bytes.len().min(self.at_a_time).min(left);
        self.taken.extend(&bytes[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.ended = true;
        Poll::Ready(Ok(()))
    }
}

/// Starts a chat on a free port.
pub fn serve(settings: Settings) -> Server {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    Server::start(listener, settings, Duration::ZERO).expect("the server starts")
}
