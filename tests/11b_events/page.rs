//! The page's half, written here once more: a judge must not share a mistake with what it judges.

use std::collections::VecDeque;

use events::{Cursor, GuestId};
use serde_json::Value;

use super::shared::cursor;

/// A generator of numbers that are as good as random, and the same each time.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn below(&mut self, max: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % max
    }
}

/// The page's half of a session.
#[derive(Default)]
pub struct Page {
    /// The number of its session; 0 if it knows none.
    pub of: u64,
    pub got: u64,
    pub sent: u64,
    /// What has not been confirmed.
    pub kept: VecDeque<(u64, String)>,
    pub heard: Vec<u64>,
    pub trouble: Option<String>,
}

impl Page {
    pub fn counts(&mut self) {
        self.sent += 1;
        let n = self.sent;
        let line = format!(r#"{{"n":{n},"event":"count","data":{n}}}"#);
        self.kept.push_back((n, line));
    }

    pub fn hears(&mut self, line: &str) {
        let packet: Value = serde_json::from_str(line).unwrap_or_default();
        let number = |name: &str| packet.get(name).and_then(Value::as_u64);
        if let Some(hello) = number("hello") {
            if self.of != 0 && self.of != hello {
                self.trouble = Some(format!("the page knows session {}: {line}", self.of));
            }
            self.of = hello;
        }
        match (number("n"), number("got")) {
            (Some(n), _) if n <= self.got => {}
            (Some(n), _) if n == self.got + 1 => {
                self.got = n;
                self.heard.extend(number("data"));
            }
            (Some(_), _) => self.trouble = Some(format!("after number {}: {line}", self.got)),
            (None, Some(got)) => self.kept.retain(|(n, _)| *n > got),
            (None, None) => self.trouble = Some(format!("the page can't use this: {line}")),
        }
    }

    pub fn cursor(&self) -> Option<Cursor> {
        self.session().and_then(|_| cursor(self.of, self.got))
    }

    /// The session that it knows.
    pub fn session(&self) -> Option<GuestId> {
        (self.of > 0).then_some(GuestId(self.of))
    }

    /// Everything that has not been confirmed.
    pub fn unconfirmed(&self) -> Vec<String> {
        self.after(0)
    }

    /// The same, of what has a higher number than this.
    pub fn after(&self, last: u64) -> Vec<String> {
        let lines = self.kept.iter().filter(|(n, _)| *n > last);
        lines.map(|(_, line)| line.clone()).collect()
    }
}
