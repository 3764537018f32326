//! One round: a server, a crowd, and somebody who speaks.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::server::{Kind, Running};

/// How many messages of 1000 bytes fill what the system keeps for a connection (4.3 MB on Linux, both ends
/// together), and some of an outbox. Without them, it would take long until somebody who never reads is
/// noticed by the server at all.
const FILLING: usize = 4300;

/// How many of them are on their way at a time.
const AT_ONCE: usize = 50;

/// How much stack a client's thread needs at most.
pub const STACK: usize = 128 * 1024;

/// What happens in a round.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// How many clients read.
    pub readers: usize,
    /// How many never do.
    pub silent: usize,
    /// How many messages are sent.
    pub messages: usize,
    /// How long it is from one message to the next.
    pub pause: Duration,
    /// How long a message is, in bytes.
    pub bytes: usize,
    /// Whether server and clients have a core each.
    pub apart: bool,
}

/// What came of a round.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// Half of all deliveries took no longer, in milliseconds.
    pub p50: f64,
    /// 99 of 100 deliveries took no longer, in milliseconds.
    pub p99: f64,
    /// How many of those who never read were cut off.
    pub cut_off: usize,
    /// The most memory that the server was seen to take, in bytes.
    pub memory: Option<u64>,
}

/// Plays a round.
///
/// # Errors
/// TCP has failed, or a client that reads didn't get every message.
pub fn round(plan: &Plan) -> io::Result<Measured> {
    let server = Running::start(Kind::Chat, plan.apart)?;
    let join = |_| Client::join(server.address);
    let silent: Vec<Client> = (0..plan.silent).map(join).collect::<io::Result<_>>()?;
    let mut speaker = Client::join(server.address)?;
    let start = Instant::now();
    for _ in 0..FILLING / AT_ONCE {
        for _ in 0..AT_ONCE {
            say(&mut speaker, start, 1000)?;
        }
        speaker.listen(start, AT_ONCE)?;
    }
    let readers: Vec<Client> = (0..plan.readers).map(join).collect::<io::Result<_>>()?;
    let mut memory = server.memory();
    let mut delays = thread::scope(|scope| -> io::Result<Vec<f64>> {
        let mut listening = Vec::new();
        for mut reader in readers {
            let thread = thread::Builder::new().stack_size(STACK);
            listening
                .push(thread.spawn_scoped(scope, move || reader.listen(start, plan.messages))?);
        }
        for number in 0..plan.messages {
            thread::sleep(plan.pause);
            say(&mut speaker, start, plan.bytes)?;
            if number % 10 == 0 {
                memory = memory.max(server.memory());
            }
        }
        let mut delays = Vec::new();
        for reader in listening {
            delays.extend(reader.join().expect("a reader doesn't panic")?);
        }
        Ok(delays)
    })?;
    let memory = memory.max(server.memory());
    let cut_off = silent.into_iter().map(Client::was_cut_off);
    let cut_off = cut_off.filter(|cut_off| *cut_off).count();
    delays.sort_by(f64::total_cmp);
    Ok(Measured {
        p50: delays[delays.len() / 2],
        p99: delays[delays.len() * 99 / 100],
        cut_off,
        memory,
    })
}

/// Says when it is, and as much more as is wanted.
fn say(speaker: &mut Client, start: Instant, bytes: usize) -> io::Result<()> {
    let message = format!("{} {}", start.elapsed().as_micros(), "m".repeat(bytes));
    let message = &message[..bytes];
    speaker.say(&format!(
        r#"{{"username":"speaker","message":"{message}"}}"#
    ))
}
