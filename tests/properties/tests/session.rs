//! Two halves of a session, and transports between them that die at any time and are read late.

use std::collections::VecDeque;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;
use session::{Overrun, Packet, Session};

/// The most bytes that a half keeps: five or six lines.
const MAX_BYTES: usize = 200;

#[derive(Debug, Clone)]
enum Step {
    /// A half has an event for the other.
    Send(usize),
    /// A half says what it has got.
    Confirm(usize),
    /// The other half reads so many lines of this one.
    Carry(usize, usize),
    /// The transport dies. What was on its way may still be read, later.
    Die,
    /// So many lines are read of what a half sent by a transport that has died.
    CarryLate(usize, prop::sample::Index, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let half = || 0..2_usize;
    prop_oneof![
        4 => half().prop_map(Step::Send),
        2 => half().prop_map(Step::Confirm),
        4 => (half(), 1..6_usize).prop_map(|(half, count)| Step::Carry(half, count)),
        1 => Just(Step::Die),
        2 => (half(), any::<prop::sample::Index>(), 1..6_usize)
            .prop_map(|(half, which, count)| Step::CarryLate(half, which, count)),
    ]
}

struct Half {
    session: Session,
    sent: u64,
    heard: Vec<u64>,
    /// What is on its way to the other half.
    line: VecDeque<String>,
    /// What was on its way by each transport that has died.
    late: Vec<VecDeque<String>>,
}

impl Half {
    fn new() -> Self {
        Self {
            session: Session::new(MAX_BYTES),
            sent: 0,
            heard: Vec::new(),
            line: VecDeque::new(),
            late: Vec::new(),
        }
    }

    fn send(&mut self) {
        let data = json!(self.sent + 1);
        let packet = |n| Packet::Event {
            n,
            event: "count".to_string(),
            data,
            ask: false,
        };
        match self.session.send(packet) {
            Ok(line) => {
                self.sent += 1;
                self.line.push_back(line.to_string());
            }
            Err(Overrun) => assert!(self.session.kept_bytes() > MAX_BYTES / 2, "there was room"),
        }
    }

    fn confirm(&mut self) {
        let got = self.session.received();
        self.line.push_back(Packet::Got { got }.to_line());
    }

    fn hear(&mut self, line: &str) {
        match Packet::read(line) {
            Ok(Packet::Event { n, data, .. }) => {
                if self
                    .session
                    .receive(n)
                    .expect("a transport keeps the order")
                {
                    self.heard.extend(data.as_u64());
                }
            }
            Ok(Packet::Got { got }) => self.session.confirm(got),
            other => panic!("{other:?}"),
        }
    }

    /// A new transport: the other half says what it has got, and this one replays the rest.
    fn begin_again(&mut self, got: u64) {
        self.session.confirm(got);
        let replay = self.session.replay().map(ToString::to_string).collect();
        let before = std::mem::replace(&mut self.line, replay);
        self.late.push(before);
    }
}

fn carry(halves: &mut [Half; 2], from: usize, count: usize) {
    for _ in 0..count {
        if let Some(line) = halves[from].line.pop_front() {
            halves[1 - from].hear(&line);
        }
    }
}

fn die(halves: &mut [Half; 2]) {
    let got = [0, 1].map(|half| halves[half].session.received());
    halves[0].begin_again(got[1]);
    halves[1].begin_again(got[0]);
}

fn take(halves: &mut [Half; 2], step: &Step) {
    match step {
        Step::Send(half) => halves[*half].send(),
        Step::Confirm(half) => halves[*half].confirm(),
        Step::Carry(half, count) => carry(halves, *half, *count),
        Step::Die => die(halves),
        Step::CarryLate(half, which, count) => {
            if halves[*half].late.is_empty() {
                return;
            }
            let which = which.index(halves[*half].late.len());
            for _ in 0..*count {
                if let Some(line) = halves[*half].late[which].pop_front() {
                    halves[1 - *half].hear(&line);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(properties::config())]

    #[test]
    fn every_event_arrives_once_and_in_order(steps in vec(step(), 0..200)) {
        let mut halves = [Half::new(), Half::new()];
        for step in &steps {
            take(&mut halves, step);
            for (half, other) in [(0, 1), (1, 0)] {
                let heard = halves[half].heard.len() as u64;
                prop_assert!(heard <= halves[other].sent);
                prop_assert!(halves[half].heard.iter().copied().eq(1..=heard));
                prop_assert!(halves[half].session.kept_bytes() <= MAX_BYTES);
            }
        }
        die(&mut halves);
        for half in [0, 1] {
            carry(&mut halves, half, usize::from(u16::MAX));
        }
        for half in [0, 1] {
            halves[half].confirm();
            carry(&mut halves, half, 1);
        }
        for (half, other) in [(0, 1), (1, 0)] {
            prop_assert!(halves[half].heard.iter().copied().eq(1..=halves[other].sent));
            prop_assert_eq!(halves[half].session.kept_bytes(), 0);
        }
    }
}
