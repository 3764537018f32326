//! The attacks. Each ends with a good request, which must be answered by the same process on the same port.

mod compression;
mod flood;
mod heads;
mod hold;
mod limits;
mod stop;

use std::thread;
use std::time::{Duration, Instant};

use crate::plan::Plan;
use crate::process::{Limits, Running, Taken};
use crate::servers::Kind;

/// How long a good request may take after an attack. It says that an answer comes, not that it comes fast.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Which attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attack {
    /// Heads that are wrong in every way, one after another.
    Heads,
    /// Half heads, many at a time.
    Halves,
    /// Clients that connect and leave at once.
    Leave,
    /// Clients that send a byte now and then.
    Slow,
    /// Clients that fall silent for good.
    Silent,
    /// Ten times what a client may send.
    Flood,
    /// Sessions that are opened and never used.
    Sessions,
    /// Compressed messages that become far too large.
    Bombs,
    /// What isn't DEFLATE, and bits that mark it where they mean nothing.
    Garbage,
    /// Compressed messages whose large echoes nobody reads.
    Unread,
    /// After all that: memory, threads and open files.
    Back,
    /// Heads to a server that is too busy for any.
    Busy,
    /// No descriptor is left.
    Files,
    /// No thread is left.
    Threads,
    /// A signal, with clients connected.
    Stop,
}

impl Attack {
    /// All of them. Those that share a process come first.
    pub const ALL: [Self; 15] = [
        Self::Heads,
        Self::Halves,
        Self::Leave,
        Self::Slow,
        Self::Silent,
        Self::Flood,
        Self::Sessions,
        Self::Bombs,
        Self::Garbage,
        Self::Unread,
        Self::Back,
        Self::Busy,
        Self::Files,
        Self::Threads,
        Self::Stop,
    ];

    /// What it is called on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Heads => "heads",
            Self::Halves => "halves",
            Self::Leave => "leave",
            Self::Slow => "slow",
            Self::Silent => "silent",
            Self::Flood => "flood",
            Self::Sessions => "sessions",
            Self::Bombs => "bombs",
            Self::Garbage => "garbage",
            Self::Unread => "unread",
            Self::Back => "back",
            Self::Busy => "busy",
            Self::Files => "files",
            Self::Threads => "threads",
            Self::Stop => "stop",
        }
    }

    /// Whether there is such an attack on this server.
    pub fn applies_to(self, kind: Kind) -> bool {
        let is_compressed = kind == Kind::Compression;
        match self {
            Self::Bombs | Self::Garbage | Self::Unread => is_compressed,
            Self::Back | Self::Stop => true,
            // It is step 09, which has been through the others.
            _ if is_compressed => false,
            Self::Flood => kind.is_app() || kind.is_chat(),
            Self::Sessions => kind.is_app(),
            Self::Busy => kind.too_busy().is_some(),
            _ => true,
        }
    }

    /// Whether one process takes all of these attacks, one after another.
    fn shares(self) -> bool {
        !matches!(self, Self::Busy | Self::Files | Self::Threads | Self::Stop)
    }
}

/// What has become of a server under an attack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It holds. What it has held, for a table, and in words.
    Holds(String, String),
    /// It doesn't; every fault.
    Fails(Vec<String>),
    /// Why it could not be tried here.
    NotTried(String),
}

impl Outcome {
    /// It holds, unless there are faults.
    pub fn of(faults: Vec<String>, load: impl Into<String>, says: impl Into<String>) -> Self {
        if faults.is_empty() {
            Self::Holds(load.into(), says.into())
        } else {
            Self::Fails(faults)
        }
    }
}

/// A server under attack.
pub struct Stage<'a> {
    /// Which.
    pub kind: Kind,
    /// How much.
    pub plan: &'a Plan,
    running: Option<Running>,
    /// What the process took before anything happened.
    before: Taken,
    /// The most files and threads that were seen.
    most: Taken,
}

impl<'a> Stage<'a> {
    /// Nothing runs yet.
    pub fn new(kind: Kind, plan: &'a Plan) -> Self {
        Self {
            kind,
            plan,
            running: None,
            before: Taken::default(),
            most: Taken::default(),
        }
    }

    /// Attacks once.
    pub fn attack(&mut self, attack: Attack) -> Outcome {
        let outcome = self
            .try_attack(attack)
            .unwrap_or_else(|why| Outcome::Fails(vec![why]));
        let outcome = match (attack.shares(), outcome) {
            (true, outcome) => self.still_there(outcome),
            (false, outcome) => outcome,
        };
        if matches!(outcome, Outcome::Fails(_)) {
            self.running = None;
        }
        outcome
    }

    fn try_attack(&mut self, attack: Attack) -> Result<Outcome, String> {
        match attack {
            Attack::Heads => heads::heads(self),
            Attack::Halves => hold::halves(self),
            Attack::Leave => hold::leave(self),
            Attack::Slow => hold::slow(self),
            Attack::Silent => hold::silent(self),
            Attack::Flood => flood::flood(self),
            Attack::Sessions => flood::sessions(self),
            Attack::Bombs => compression::bombs(self),
            Attack::Garbage => compression::garbage(self),
            Attack::Unread => compression::unread(self),
            Attack::Back => self.back(),
            Attack::Busy => heads::busy(self),
            Attack::Files => limits::files(self),
            Attack::Threads => limits::threads(self),
            Attack::Stop => stop::stop(self),
        }
    }

    /// The process that shared attacks go to. It is started where there is none.
    fn running(&mut self) -> Result<&mut Running, String> {
        if self.running.is_none() {
            let running = self.start(Limits::default())?;
            self.before = running.taken();
            self.most = self.before;
            self.running = Some(running);
        }
        Ok(self.running.as_mut().expect("it was started"))
    }

    /// A process of its own, which has answered a good request.
    fn start(&self, limits: Limits) -> Result<Running, String> {
        let running = Running::start(self.kind, self.kind.impatient(), limits)?;
        let first = self.kind.answers(running.address, PATIENCE);
        first.map_err(|why| format!("before anything was done to it, {why}"))?;
        Ok(running)
    }

    /// Notes what the process takes now, under load.
    fn note(&mut self) {
        if let Some(taken) = self.running.as_ref().map(Running::taken) {
            self.most.files = self.most.files.max(taken.files);
            self.most.threads = self.most.threads.max(taken.threads);
        }
    }

    /// Whether the same process still answers.
    fn still_there(&mut self, outcome: Outcome) -> Outcome {
        let Some(running) = self.running.as_mut() else {
            return outcome;
        };
        let why = if running.is_alive() {
            match self.kind.answers(running.address, PATIENCE) {
                Ok(()) => return outcome,
                Err(why) => why,
            }
        } else {
            "the process has ended".to_string()
        };
        let why = format!("{why}; it said: {}", running.said());
        match outcome {
            Outcome::Fails(mut faults) => {
                faults.push(why);
                Outcome::Fails(faults)
            }
            _ => Outcome::Fails(vec![why]),
        }
    }

    /// Memory, threads and open files, once everyone has left.
    fn back(&mut self) -> Result<Outcome, String> {
        self.running()?;
        let (kind, before, most) = (self.kind, self.before, self.most);
        let running = self.running()?;
        let taken = settled(running, before, Duration::from_secs(90));
        let taken_in_words = in_words(before, most, taken);
        let mut faults = Vec::new();
        if !is_back(before, taken) {
            faults.push(format!(
                "{} does not get back: {taken_in_words}",
                kind.name()
            ));
        }
        Ok(Outcome::of(
            faults,
            megabytes(before, taken),
            taken_in_words,
        ))
    }
}

/// Threads and open files that may be there beyond those at the beginning: a timer, a pool's spare thread.
const MORE: u64 = 8;
/// Memory that may be there beyond that at the beginning, in kB. The allocator keeps what a thousand threads
/// had in pieces; how much it is doesn't grow when the same is done again.
const MORE_MEMORY: u64 = 64 * 1024;

/// What the process takes when it has settled, or when the time is over.
pub fn settled(running: &Running, before: Taken, within: Duration) -> Taken {
    let deadline = Instant::now() + within;
    loop {
        let taken = running.taken();
        if is_back(before, taken) || Instant::now() >= deadline {
            return taken;
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// Whether a process takes no more than before, within the tolerance that README.md states.
pub fn is_back(before: Taken, now: Taken) -> bool {
    now.threads <= before.threads + MORE
        && now.files <= before.files + MORE
        && now.memory <= before.memory + MORE_MEMORY
}

/// What a process has taken, in words.
pub fn in_words(before: Taken, most: Taken, now: Taken) -> String {
    format!(
        "{:.0} → {:.0} → {:.0} MB, {} → {} → {} threads, {} → {} → {} open files",
        mega(before.memory),
        mega(now.most_memory),
        mega(now.memory),
        before.threads,
        most.threads,
        now.threads,
        before.files,
        most.files,
        now.files
    )
}

fn megabytes(before: Taken, now: Taken) -> String {
    format!(
        "{:.0} → {:.0} → {:.0}",
        mega(before.memory),
        mega(now.most_memory),
        mega(now.memory)
    )
}

fn mega(kibibytes: u64) -> f64 {
    kibibytes as f64 * 1.024e-3
}
