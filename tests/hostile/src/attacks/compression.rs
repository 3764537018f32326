//! What only a server with compression must hold out against: a little that becomes much, and what isn't DEFLATE at all.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use flate2::{Compress, Compression, FlushCompress};

use super::{Outcome, PATIENCE, Stage, mega};
use crate::client::{Client, Frame, frame};
use crate::process::Taken;
use crate::random::Random;

/// How long anything may take while the attack lasts.
const MEANWHILE: Duration = Duration::from_secs(60);
/// How long a server may keep a client that doesn't read.
const GONE: Duration = Duration::from_secs(90);
/// The longest message that the server takes, in bytes.
const LIMIT: usize = 1 << 20;
/// How many times this a bomb is.
const BOMB: usize = 64;
/// The memory that a client may cost, in kB: a message, which has doubled as it grew, and its copy; and what one read
/// brought with the echo of that, if the client doesn't read.
const OF_A_CLIENT: u64 = 4 * 1024;
const OF_A_CLIENT_THAT_DOES_NOT_READ: u64 = 8 * 1024;
/// The memory that is the server's own, in kB.
const OF_THE_SERVER: u64 = 64 * 1024;

/// First bytes of frames: FIN, RSV1 to RSV3 and the opcode.
const TEXT: u8 = 0x81;
const COMPRESSED_TEXT: u8 = 0xc1;
const COMPRESSED_BINARY: u8 = 0xc2;
const CLOSE: u8 = 0x88;
/// The same without FIN.
const FIRST: u8 = 0x42;
const MIDDLE: u8 = 0x00;

/// A client's offer: the server's largest window.
const OFFER: &[u8] = b"Sec-WebSocket-Extensions: permessage-deflate\r\n";
/// The server's smallest window: it can't compress what the client can.
const SMALL: &[u8] = b"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9\r\n";

/// Many clients at once: messages that become 64 MiB, in one frame and in many, and messages that are just as long as
/// they may be. Meanwhile others get answers.
pub fn bombs(stage: &mut Stage) -> Result<Outcome, String> {
    let (count, messages) = (stage.plan.bombers, stage.plan.large);
    let bombs = Bombs::new();
    let attack = |address, number| match number % 3 {
        0 => bombs.in_one_frame(address),
        1 => bombs.in_fragments(address),
        _ => bombs.in_messages(address, messages),
    };
    let seen = at_once(stage, count, attack)?;
    let says = format!(
        "{count} clients at once whose 64 kB become 64 MiB, or {messages} times 1 MiB; {}",
        seen.in_words()
    );
    let faults = seen.faults(OF_A_CLIENT, count);
    Ok(Outcome::of(faults, count.to_string(), says))
}

/// Many clients at once that never read what comes back, which is a hundred times what they send.
pub fn unread(stage: &mut Stage) -> Result<Outcome, String> {
    let count = stage.plan.unread;
    let messages = Messages::new();
    let sent = AtomicUsize::new(0);
    let seen = at_once(stage, count, |address, _| {
        sent.fetch_add(messages.send_unread(address)?, Ordering::Relaxed);
        Ok(())
    })?;
    let says = format!(
        "{count} clients at once that send {} messages of 1 MiB and read no echo; {}",
        sent.into_inner(),
        seen.in_words()
    );
    let faults = seen.faults(OF_A_CLIENT_THAT_DOES_NOT_READ, count);
    Ok(Outcome::of(faults, count.to_string(), says))
}

/// Frames that break a rule of compression, and payloads that are made up.
pub fn garbage(stage: &mut Stage) -> Result<Outcome, String> {
    let address = stage.running()?.address;
    let mut faults = Vec::new();
    let wrong = wrong();
    for (what, bytes, code) in &wrong {
        if let Err(why) = closes_with(address, bytes, *code) {
            faults.push(format!("{what}: {why}"));
        }
        faults.extend(stage.kind.answers(address, PATIENCE).err());
    }
    let made_up = stage.plan.heads;
    for number in 0..made_up {
        let bytes = payloads(stage.plan.seed, number);
        if let Err(why) = ends(address, &bytes) {
            faults.push(format!("made-up payloads {number}: {why}"));
        }
    }
    let count = wrong.len() + made_up;
    let says = format!(
        "{} broken rules, each with its code, and {made_up} made-up payloads",
        wrong.len()
    );
    Ok(Outcome::of(faults, count.to_string(), says))
}

/// What was seen during an attack.
struct Seen {
    /// What the clients complain about.
    faults: Vec<String>,
    before: Taken,
    after: Taken,
    /// The good requests, and how long the slowest of them took.
    answered: usize,
    slowest: Duration,
}

impl Seen {
    fn in_words(&self) -> String {
        format!(
            "at most {:.0} MB, {} good requests meanwhile, the slowest in {} ms",
            mega(self.after.most_memory),
            self.answered,
            self.slowest.as_millis()
        )
    }

    /// All faults, too much memory among them.
    fn faults(self, of_a_client: u64, clients: usize) -> Vec<String> {
        let mut faults = self.faults;
        let most = self.before.memory + OF_THE_SERVER + of_a_client * clients as u64;
        if self.after.most_memory > most {
            faults.push(format!(
                "{:.0} MB for {clients} clients, and {:.0} before",
                mega(self.after.most_memory),
                mega(self.before.memory)
            ));
        }
        faults
    }
}

/// Lets many clients attack at once, and asks for something good until the last of them is done.
fn at_once(
    stage: &mut Stage,
    count: usize,
    attack: impl Fn(SocketAddr, usize) -> Result<(), String> + Sync,
) -> Result<Seen, String> {
    let kind = stage.kind;
    let (address, before) = (stage.running()?.address, stage.running()?.taken());
    let mut seen = Seen {
        faults: Vec::new(),
        before,
        after: before,
        answered: 0,
        slowest: Duration::ZERO,
    };
    thread::scope(|scope| {
        let attack = &attack;
        let clients = (0..count).map(|number| scope.spawn(move || attack(address, number)));
        let clients = Vec::from_iter(clients);
        loop {
            let is_over = clients.iter().all(|client| client.is_finished());
            let began = Instant::now();
            match kind.answers(address, MEANWHILE) {
                Ok(()) => seen.answered += 1,
                Err(why) => seen.faults.push(format!("during the attack {why}")),
            }
            seen.slowest = seen.slowest.max(began.elapsed());
            stage.note();
            if is_over || !seen.faults.is_empty() {
                break;
            }
        }
        for client in clients {
            let ended = client.join();
            let ended = ended.unwrap_or_else(|_| Err("a client has panicked".to_string()));
            seen.faults.extend(ended.err());
        }
    });
    seen.after = stage.running()?.taken();
    Ok(seen)
}

/// Compressed zeros.
struct Bombs {
    /// 1 MiB of them, with the four bytes at the end that a sender cuts off: so it can be repeated.
    large: Vec<u8>,
    /// 32 KiB of them.
    small: Vec<u8>,
}

impl Bombs {
    fn new() -> Self {
        let zeros = vec![0; LIMIT];
        Self {
            large: deflated(&mut compressor(), &zeros),
            small: deflated(&mut compressor(), &zeros[..LIMIT / 32]),
        }
    }

    fn in_one_frame(&self, address: SocketAddr) -> Result<(), String> {
        let bytes = frame(COMPRESSED_BINARY, &self.large.repeat(BOMB));
        closes_with(address, &bytes, 1009).map_err(|why| format!("a bomb in one frame: {why}"))
    }

    fn in_fragments(&self, address: SocketAddr) -> Result<(), String> {
        let mut bytes = frame(FIRST, &self.small);
        for _ in 0..32 * BOMB {
            bytes.extend(frame(MIDDLE, &self.small));
        }
        closes_with(address, &bytes, 1009).map_err(|why| format!("a bomb in fragments: {why}"))
    }

    /// Each message is just as long as it may be, so each comes back.
    fn in_messages(&self, address: SocketAddr, count: usize) -> Result<(), String> {
        let mut client = Client::open(address, "/socket", OFFER, MEANWHILE)?;
        for number in 0..count {
            client.send(&frame(COMPRESSED_BINARY, without_tail(&self.large)));
            let echo = client.frame(MEANWHILE);
            let echo = echo.map_err(|why| format!("message {number} of 1 MiB: {why}"))?;
            if echo.first != COMPRESSED_BINARY || echo.payload.len() > self.large.len() * 2 {
                return Err(format!(
                    "the echo of 1 MiB begins with {:#04x} and has {} bytes",
                    echo.first,
                    echo.payload.len()
                ));
            }
        }
        Ok(())
    }
}

/// Messages that a large window makes small, and a small one doesn't.
struct Messages {
    /// A block that looks random.
    first: Vec<u8>,
    /// 1 MiB, the same block again and again.
    again: Vec<u8>,
}

impl Messages {
    fn new() -> Self {
        let mut random = Random::of_case(7692, 0);
        let block = Vec::from_iter((0..1024).map(|_| random.below(256) as u8));
        let mut compressor = compressor();
        let mut packed = |message: &[u8]| {
            let payload = deflated(&mut compressor, message);
            frame(COMPRESSED_BINARY, without_tail(&payload))
        };
        Self {
            first: packed(&block),
            again: packed(&block.repeat(LIMIT / block.len())),
        }
    }

    /// Sends until the server has had enough. Returns how many messages that were.
    fn send_unread(&self, address: SocketAddr) -> Result<usize, String> {
        let mut client = Client::open(address, "/socket", SMALL, MEANWHILE)?;
        let mut sent = 0;
        if !client.send(&self.first) {
            return Err("the first message isn't taken".to_string());
        }
        let began = Instant::now();
        while client.send(&self.again) {
            sent += 1;
            if began.elapsed() > GONE {
                return Err(format!("{sent} messages of 1 MiB, and none of them read"));
            }
        }
        Ok(sent)
    }
}

fn compressor() -> Compress {
    Compress::new(Compression::default(), false)
}

/// All of a message, flushed.
fn deflated(compressor: &mut Compress, message: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(message.len() + 1024);
    compressor
        .compress_vec(message, &mut output, FlushCompress::Sync)
        .expect("there is room");
    output
}

fn without_tail(flushed: &[u8]) -> &[u8] {
    &flushed[..flushed.len() - 4]
}

/// What breaks a rule, and the code that it must be answered with.
fn wrong() -> Vec<(&'static str, Vec<u8>, u16)> {
    let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let again = [0xf2, 0x00, 0x11, 0x00, 0x00];
    let half = deflated(&mut compressor(), &[b'a', 0xc3]);
    vec![
        ("RSV1 on a ping", frame(0xc9, b""), 1002),
        ("RSV1 on a Close", frame(0xc8, &[0x03, 0xe8]), 1002),
        (
            "RSV1 on a continuation",
            [frame(0x41, &hello[..3]), frame(0xc0, &hello[3..])].concat(),
            1002,
        ),
        ("RSV2 as well", frame(0xe1, &hello), 1002),
        ("RSV1 with a reserved opcode", frame(0xc3, &hello), 1002),
        (
            "a block of a type that doesn't exist",
            frame(COMPRESSED_TEXT, &[0x07, 0xff]),
            1007,
        ),
        (
            "text as it is, with RSV1",
            frame(COMPRESSED_TEXT, b"Hello"),
            1007,
        ),
        (
            "a reference to nothing",
            frame(COMPRESSED_TEXT, &again),
            1007,
        ),
        (
            "half a character, compressed",
            frame(COMPRESSED_TEXT, without_tail(&half)),
            1007,
        ),
    ]
}

/// A few frames with RSV1 whose payloads are made up, or right but for a byte.
fn payloads(seed: u64, number: usize) -> Vec<u8> {
    let mut random = Random::of_case(seed, number);
    let mut bytes = Vec::new();
    for _ in 0..=random.below(4) {
        let length = random.below(600);
        let payload = match random.once_in(2) {
            true => Vec::from_iter((0..length).map(|_| random.below(256) as u8)),
            false => {
                let text = "it rains, and it rains, ".repeat(length / 24 + 1);
                let mut payload = deflated(&mut compressor(), text.as_bytes());
                let at = random.below(payload.len());
                payload[at] = random.below(256) as u8;
                payload
            }
        };
        bytes.extend(frame(
            random.one_of(&[COMPRESSED_TEXT, COMPRESSED_BINARY]),
            &payload,
        ));
    }
    bytes
}

/// Sends this, and looks for the code of the Close frame that must be the only answer.
fn closes_with(address: SocketAddr, bytes: &[u8], code: u16) -> Result<(), String> {
    let mut client = Client::open(address, "/socket", OFFER, MEANWHILE)?;
    client.send(bytes);
    match client.frame(MEANWHILE)? {
        Frame {
            first: CLOSE,
            payload,
        } if payload.starts_with(&code.to_be_bytes()) => Ok(()),
        Frame { first, payload } => Err(format!(
            "a frame that begins with {first:#04x}, and {:02x?}, instead of a Close with {code}",
            &payload[..payload.len().min(8)]
        )),
    }
}

/// Sends this and a Close. Whatever the server makes of it, a Close is the last that it says.
fn ends(address: SocketAddr, bytes: &[u8]) -> Result<(), String> {
    let mut client = Client::open(address, "/socket", OFFER, MEANWHILE)?;
    client.send(&[bytes, &frame(CLOSE, &[0x03, 0xe8])].concat());
    loop {
        match client.frame(MEANWHILE)? {
            Frame { first: CLOSE, .. } => return Ok(()),
            Frame {
                first: TEXT | COMPRESSED_TEXT | 0x82 | COMPRESSED_BINARY,
                ..
            } => {}
            Frame { first, .. } => return Err(format!("a frame that begins with {first:#04x}")),
        }
    }
}
