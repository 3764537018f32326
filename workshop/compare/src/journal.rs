//! Records when each message was sent and seen, from which the delays follow.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The journal of one transport. Messages are numbered from 0.
#[derive(Debug)]
pub struct Journal {
    notes: Mutex<Notes>,
    changed: Condvar,
}

#[derive(Debug)]
struct Notes {
    /// When each message was sent.
    said: Vec<Instant>,
    /// When each page saw each message: by page, then by number.
    seen: Vec<Vec<Option<Instant>>>,
    /// The number of messages that are still to be seen, over all pages.
    missing: usize,
    /// The first thing that went wrong.
    failure: Option<String>,
}

impl Journal {
    /// An empty journal for this many pages, each of which is to see this many messages.
    pub fn new(pages: usize, messages: usize) -> Self {
        Self {
            notes: Mutex::new(Notes {
                said: Vec::new(),
                seen: vec![vec![None; messages]; pages],
                missing: pages * messages,
                failure: None,
            }),
            changed: Condvar::new(),
        }
    }

    /// Records that the next message is sent now.
    pub fn say(&self) {
        self.lock().said.push(Instant::now());
    }

    /// Records that a page sees a message now. Its first word is its number.
    pub fn see(&self, page: usize, text: &str) {
        let now = Instant::now();
        let number = text.split(' ').next().and_then(|word| word.parse().ok());
        let mut notes = self.lock();
        let place = number.and_then(|number: usize| notes.seen[page].get_mut(number));
        match place {
            None => notes.fail(format!("page {page} saw {text:?}, which nobody has said")),
            Some(Some(_)) => notes.fail(format!("page {page} saw {text:?} twice")),
            Some(place) => {
                *place = Some(now);
                notes.missing -= 1;
            }
        }
        self.changed.notify_all();
    }

    /// Records that something went wrong.
    pub fn fail(&self, why: String) {
        self.lock().fail(why);
        self.changed.notify_all();
    }

    /// Waits until every page has seen every message, and returns how long that took, for each message and page.
    ///
    /// # Errors
    /// Returns an error if it takes longer than `patience`, or something went wrong.
    pub fn delays(&self, patience: Duration) -> Result<Vec<Duration>, String> {
        let goes_on = |notes: &mut Notes| notes.missing > 0 && notes.failure.is_none();
        let (notes, _) = self
            .changed
            .wait_timeout_while(self.lock(), patience, goes_on)
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(failure) = &notes.failure {
            return Err(failure.clone());
        }
        if notes.missing > 0 {
            let missing = notes.missing;
            return Err(format!("{missing} messages have not come in time"));
        }
        let seen = notes.seen.iter().flat_map(|page| page.iter().flatten());
        let said = notes.said.iter().cycle();
        Ok(seen
            .zip(said)
            .map(|(seen, said)| seen.saturating_duration_since(*said))
            .collect())
    }

    /// Takes the lock, even if another thread panicked while it held it.
    fn lock(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notes {
    fn fail(&mut self, why: String) {
        self.failure.get_or_insert(why);
    }
}

/// A summary of delays, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Delays {
    /// The average.
    pub mean: f64,
    /// Half of them took no longer than this.
    pub p50: f64,
    /// 99 in a hundred took no longer than this.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

impl Delays {
    /// Summarizes delays, of which there must be at least one.
    ///
    /// A percentile is the smallest measured delay that this many in a hundred don't exceed (*nearest rank*). With
    /// fewer than 100 delays, `p99` is the longest.
    pub fn of(mut delays: Vec<Duration>) -> Self {
        delays.sort_unstable();
        let rank = |percent: usize| (delays.len() * percent).div_ceil(100).max(1);
        let at = |percent: usize| milliseconds(delays[rank(percent) - 1]);
        Self {
            mean: milliseconds(delays.iter().sum::<Duration>() / delays.len() as u32),
            p50: at(50),
            p99: at(99),
            max: at(100),
        }
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(milliseconds: impl Iterator<Item = u64>) -> [f64; 4] {
        let Delays {
            mean,
            p50,
            p99,
            max,
        } = Delays::of(milliseconds.map(Duration::from_millis).collect());
        [mean, p50, p99, max]
    }

    #[test]
    fn a_percentile_is_a_delay_that_was_measured() {
        assert_eq!(of(1..=100), [50.5, 50.0, 99.0, 100.0]);
        assert_eq!(of((1..=999).rev()), [500.0, 500.0, 990.0, 999.0]);
        assert_eq!(of([7].into_iter()), [7.0, 7.0, 7.0, 7.0]);
        assert_eq!(of([1, 9].into_iter()), [5.0, 1.0, 9.0, 9.0]);
        assert_eq!(of([1, 2, 9].into_iter()), [4.0, 2.0, 9.0, 9.0]);
    }

    #[test]
    fn every_page_must_see_every_message_once() {
        let journal = Journal::new(2, 2);
        journal.say();
        journal.say();
        for (page, text) in [(0, "0000 hi"), (1, "0000 hi"), (1, "0001 hi")] {
            journal.see(page, text);
        }
        let early = journal.delays(Duration::ZERO);
        assert_eq!(early, Err("1 messages have not come in time".to_string()));
        journal.see(0, "0001 hi");
        assert_eq!(journal.delays(Duration::ZERO).unwrap().len(), 4);
        journal.see(0, "0001 hi");
        let twice = journal.delays(Duration::ZERO).unwrap_err();
        assert_eq!(twice, "page 0 saw \"0001 hi\" twice");
    }

    #[test]
    fn a_delay_goes_from_saying_to_seeing() {
        let journal = Journal::new(2, 2);
        {
            let mut notes = journal.lock();
            let begin = Instant::now();
            let at = |milliseconds| begin + Duration::from_millis(milliseconds);
            notes.said = vec![at(0), at(100)];
            notes.seen = vec![
                vec![Some(at(1)), Some(at(120))],
                vec![Some(at(3)), Some(at(140))],
            ];
            notes.missing = 0;
        }
        let delays = journal.delays(Duration::ZERO).unwrap();
        assert_eq!(delays, [1, 20, 3, 40].map(Duration::from_millis));
    }
}
