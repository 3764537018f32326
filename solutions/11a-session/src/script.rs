//! Two sides with a transport between them that dies, and the transcript of it.
//!
//! Each line of a script is something that happens:
//!
//! ```text
//! page emits vote           an event: numbered, kept and sent
//! server confirms           says what has been received
//! server offers price 41    a value that goes out of date
//! page uses price           asks for the next value
//! transport dies            what is on its way is lost
//! transport lags            what is on its way arrives late, after the next transport has opened
//! transport opens           a new one: each side says what it has got
//! ```
//!
//! What ` & ` joins happens before anything arrives. The sessions do the rest.

use std::collections::VecDeque;
use std::mem;

use serde_json::Value;

use crate::latest::Latest;
use crate::packet::Packet;
use crate::session::{Overrun, Session};

/// How many bytes each side keeps.
const MAX_KEPT: usize = 1000;

/// The server's number for the session.
const SESSION: u64 = 41;

/// Plays a script, and returns what was sent, what arrived, and what each side keeps.
///
/// # Errors
/// Returns a sentence about the first line that isn't one of those above.
pub fn play(script: &[&str]) -> Result<String, String> {
    let mut stage = Stage::new();
    for line in script {
        for action in line.split(" & ") {
            stage.act(action)?;
        }
        stage.deliver();
        stage.note_kept();
    }
    Ok(stage.transcript)
}

/// One side of the session.
struct Side {
    name: &'static str,
    session: Session,
    /// The values for the other side.
    latest: Latest,
    /// Whether there is a transport that this side may send by.
    can_send: bool,
    /// What is on its way to the other side.
    outgoing: VecDeque<String>,
}

/// Both sides, and what was seen of them.
struct Stage {
    page: Side,
    server: Side,
    /// Whether a transport is open.
    is_open: bool,
    /// What the page and the server sent by a transport that lags.
    late: [VecDeque<String>; 2],
    /// The last note about what is kept.
    kept: String,
    transcript: String,
}

impl Side {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            session: Session::new(MAX_KEPT),
            latest: Latest::default(),
            can_send: true,
            outgoing: VecDeque::new(),
        }
    }

    fn push(&mut self, line: impl ToString) {
        if self.can_send {
            self.outgoing.push_back(line.to_string());
        }
    }

    fn emit(&mut self, event: &str) -> Result<(), Overrun> {
        let (event, data, ask) = (event.to_string(), Value::Null, false);
        let packet = |n| Packet::Event {
            n,
            event,
            data,
            ask,
        };
        let line = self.session.send(packet)?;
        self.push(line);
        Ok(())
    }

    fn confirm(&mut self) {
        let got = self.session.received();
        self.push(Packet::Got { got }.to_line());
    }

    fn offer(&mut self, name: &str, value: &str) {
        let now = name.to_string();
        let data = serde_json::from_str(value).unwrap_or_else(|_| value.into());
        let line = Packet::Now { now, data }.to_line();
        self.latest.offer(name, line.into());
        self.push_latest();
    }

    fn push_latest(&mut self) {
        if self.can_send {
            for line in self.latest.take() {
                self.push(line);
            }
        }
    }

    /// Sends what the other side may not have. It has got everything up to this number.
    fn begin_again(&mut self, got: u64) {
        self.can_send = true;
        self.session.confirm(got);
        for line in Vec::from_iter(self.session.replay().cloned()) {
            self.push(line);
        }
        self.push_latest();
    }

    /// Takes a line from the other side. Returns what that led to, in words.
    fn take(&mut self, line: &str) -> String {
        match Packet::read(line) {
            Ok(Packet::Event { n, event, .. }) => match self.session.receive(n) {
                Ok(true) => format!("hears {event}"),
                Ok(false) => format!("drops it: number {n} is old"),
                Err(gap) => format!("✗ {gap}"),
            },
            Ok(Packet::Got { got }) => {
                self.session.confirm(got);
                String::new()
            }
            Ok(Packet::Hello { got, .. }) => {
                self.begin_again(got);
                String::new()
            }
            Ok(Packet::Now { now, data }) => format!("shows {now} {data}"),
            Ok(Packet::Seen { seen }) => {
                self.latest.seen(&seen);
                self.push_latest();
                String::new()
            }
            Ok(_) => "✗ doesn't know this packet".to_string(),
            Err(sentence) => format!("✗ {sentence}"),
        }
    }

    /// The numbers of what is kept.
    fn kept(&self) -> String {
        let number = |line: &str| match Packet::read(line) {
            Ok(Packet::Event { n, .. }) => format!(" {n}"),
            _ => " ?".to_string(),
        };
        let kept: String = self.session.replay().map(|line| number(line)).collect();
        if kept.is_empty() {
            " –".to_string()
        } else {
            kept
        }
    }
}

impl Stage {
    fn new() -> Self {
        Self {
            page: Side::new("page"),
            server: Side::new("server"),
            is_open: true,
            late: Default::default(),
            kept: String::new(),
            transcript: String::new(),
        }
    }

    fn say(&mut self, line: &str) {
        self.transcript += line;
        self.transcript += "\n";
    }

    fn act(&mut self, action: &str) -> Result<(), String> {
        self.say(action);
        let words = Vec::from_iter(action.split(' '));
        match words[..] {
            [name @ ("page" | "server"), "emits", event] => {
                if let Err(overrun) = self.side(name).emit(event) {
                    self.say(&format!("  ✗ {overrun}"));
                }
            }
            [name @ ("page" | "server"), "confirms"] => self.side(name).confirm(),
            ["server", "offers", name, value] => self.server.offer(name, value),
            ["page", "uses", name] => {
                let seen = name.to_string();
                self.page.push(Packet::Seen { seen }.to_line());
            }
            ["transport", "dies"] => self.lose(),
            ["transport", "lags"] => self.lag(),
            ["transport", "opens"] => self.open(),
            _ => return Err(format!("{action:?} makes no sense here")),
        }
        Ok(())
    }

    fn side(&mut self, name: &str) -> &mut Side {
        match name {
            "page" => &mut self.page,
            _ => &mut self.server,
        }
    }

    /// The transport dies, and what is on its way is lost.
    fn lose(&mut self) {
        for line in mem::take(&mut self.page.outgoing) {
            self.say(&format!("  page → lost      {line}"));
        }
        for line in mem::take(&mut self.server.outgoing) {
            self.say(&format!("  server → lost    {line}"));
        }
        self.end();
    }

    /// The transport can't be used any more, but what is on its way will arrive.
    fn lag(&mut self) {
        let sides = [&mut self.page, &mut self.server];
        self.late = sides.map(|side| mem::take(&mut side.outgoing));
        self.end();
    }

    fn end(&mut self) {
        self.is_open = false;
        self.page.can_send = false;
        self.server.can_send = false;
        self.server.latest.restart_unseen();
    }

    /// A new transport opens. The page asks for it by its address, and sends nothing else before the `hello`.
    fn open(&mut self) {
        if self.is_open {
            self.lose();
        }
        self.is_open = true;
        let after = self.page.session.received();
        self.say(&format!(
            "  page → server    /socket?session=x7&of={SESSION}&after={after}"
        ));
        let got = self.server.session.received();
        let hello = Packet::Hello {
            hello: SESSION,
            got,
        };
        self.server.can_send = true;
        self.server.push(hello.to_line());
        self.server.begin_again(after);
    }

    /// What is on its way arrives, and what it leads to, and then whatever is late.
    fn deliver(&mut self) {
        while !(self.page.outgoing.is_empty() && self.server.outgoing.is_empty()) {
            let lines = mem::take(&mut self.page.outgoing);
            carry(lines, "page", &mut self.server, &mut self.transcript);
            let lines = mem::take(&mut self.server.outgoing);
            carry(lines, "server", &mut self.page, &mut self.transcript);
        }
        if self.is_open {
            let [from_page, from_server] = mem::take(&mut self.late);
            carry(from_page, "late", &mut self.server, &mut self.transcript);
            carry(from_server, "late", &mut self.page, &mut self.transcript);
        }
    }

    /// Notes what each side keeps, if that has changed.
    fn note_kept(&mut self) {
        let kept = format!(
            "  kept: page{}, server{}",
            self.page.kept(),
            self.server.kept()
        );
        if kept != self.kept {
            self.say(&kept);
            self.kept = kept;
        }
    }
}

/// Brings lines to a side, and writes down what they lead to.
fn carry(lines: VecDeque<String>, from: &str, to: &mut Side, transcript: &mut String) {
    for line in lines {
        let way = format!("{from} → {}", to.name);
        *transcript += &format!("  {way:<16} {line}\n");
        let led_to = to.take(&line);
        if !led_to.is_empty() {
            *transcript += &format!("  {:<16} {led_to}\n", to.name);
        }
    }
}
