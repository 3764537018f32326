//! How slow the machine is just now, and so how long a check waits before it gives up.
//!
//! A deadline says how long right code may take on a machine that has little else to do. On one that is busy (a
//! build, a video call, a hundred tabs), right code takes longer. There each second of a deadline lasts for
//! several. From the first check on, a thread measures now and then how long a small piece of work takes.

use std::hint;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Once, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use cpu_time::{ProcessTime, ThreadTime};

/// How many steps the piece of work has.
const STEPS: u32 = 1_000_000;
/// How long they take on a common machine of 2026 that does nothing else.
const USUAL: Duration = Duration::from_millis(10);
/// How long the machine is left alone between two measurements.
const PAUSE: Duration = Duration::from_millis(300);

/// Deadlines are ten times what right code takes, so a machine that is twice as slow needs no longer ones.
const SPARE: f64 = 2.0;
/// However slow the machine is: code that never ends must be reported some day.
const MOST: f64 = 6.0;
/// How much more patience the second try of a check has.
const MORE: f64 = 2.0;

/// By how much each second is stretched, in thousandths.
static STRETCH: AtomicU64 = AtomicU64::new(1000);
static HAS_MORE: AtomicBool = AtomicBool::new(false);

/// The time that a deadline has on this machine, with what else it does just now. At least `time`.
pub fn stretched(time: Duration) -> Duration {
    time.mul_f64(stretch())
}

/// By how much each second is stretched: 1 where the machine has little to do.
pub(crate) fn stretch() -> f64 {
    let more = if HAS_MORE.load(Ordering::Relaxed) {
        MORE
    } else {
        1.0
    };
    STRETCH.load(Ordering::Relaxed) as f64 / 1000.0 * more
}

/// Whether the machine has so much to do that times are stretched.
pub(crate) fn is_busy() -> bool {
    STRETCH.load(Ordering::Relaxed) > 1000
}

/// Stretches all times some more for as long as `work` takes.
pub(crate) fn with_more_patience<T>(work: impl FnOnce() -> T) -> T {
    HAS_MORE.store(true, Ordering::Relaxed);
    let done = work();
    HAS_MORE.store(false, Ordering::Relaxed);
    done
}

/// Waits for something, for so many of the machine's seconds: where it is busy, each of them takes longer.
/// `None` where it didn't come in time, or its sender has gone.
pub(crate) fn receive_within<T>(time: Duration, from: &mpsc::Receiver<T>) -> Option<T> {
    const LOOK: Duration = Duration::from_millis(100);
    let mut waited = Duration::ZERO;
    while waited < time {
        let begin = Instant::now();
        match from.recv_timeout(LOOK.min(time)) {
            Ok(it) => return Some(it),
            Err(mpsc::RecvTimeoutError::Disconnected) => return None,
            Err(mpsc::RecvTimeoutError::Timeout) => waited += begin.elapsed().div_f64(stretch()),
        }
    }
    None
}

/// From now on, measures how slow the machine is.
pub(crate) fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        thread::spawn(|| {
            let mut last = 1.0;
            loop {
                // Of a load that comes and goes, the next measurement may see nothing.
                last = measured().max(last / 2.0);
                STRETCH.store((last * 1000.0) as u64, Ordering::Relaxed);
                thread::sleep(PAUSE);
            }
        });
    });
}

fn measured() -> f64 {
    let (wall, thread, process) = (Instant::now(), ThreadTime::now(), ProcessTime::now());
    work();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    stretch_after(wall.elapsed(), thread.elapsed(), process.elapsed(), cores)
}

fn work() {
    let mut number = 1_u32;
    for step in 0..STEPS {
        number = hint::black_box(number.wrapping_mul(1_664_525).wrapping_add(step));
    }
}

/// By how much to stretch, after the work took so long by the clock, and the processor worked so long for its
/// thread, and so long for all threads of this process.
fn stretch_after(wall: Duration, thread: Duration, process: Duration, cores: usize) -> f64 {
    // Some systems count a thread's time in steps that are longer than the work.
    let (thread, process) = (thread.max(USUAL), process.max(USUAL));
    // A check that hung goes on in its thread. Where nothing but our own threads keeps the processor busy,
    // others needn't wait for longer.
    let not_ours = (cores as f64 * thread.div_duration_f64(process)).min(1.0);
    (wall.div_duration_f64(USUAL) * not_ours / SPARE).clamp(1.0, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_machine_at_rest_stretches_nothing() {
        assert_eq!(stretch_after(ms(10), ms(10), ms(10), 2), 1.0);
        // A clock that ticks 64 times a second.
        assert_eq!(stretch_after(ms(10), ms(0), ms(0), 2), 1.0);
        assert_eq!(stretch_after(ms(10), ms(16), ms(16), 2), 1.0);
    }

    #[test]
    fn a_busy_machine_and_a_slow_one_stretch() {
        assert_eq!(stretch_after(ms(100), ms(10), ms(20), 2), 5.0);
        assert_eq!(stretch_after(ms(100), ms(0), ms(0), 2), 5.0);
        assert_eq!(stretch_after(ms(40), ms(40), ms(40), 2), 2.0);
        assert_eq!(stretch_after(ms(10_000), ms(10), ms(10), 2), MOST);
    }

    #[test]
    fn threads_of_our_own_that_never_end_stretch_nothing() {
        assert_eq!(stretch_after(ms(60), ms(10), ms(120), 2), 1.0);
        assert_eq!(stretch_after(ms(60), ms(10), ms(60), 1), 1.0);
    }

    #[test]
    fn what_comes_in_time_is_received() {
        let (say, said) = mpsc::channel();
        assert_eq!(receive_within::<u8>(ms(1), &said), None);
        say.send(7).unwrap();
        assert_eq!(receive_within(ms(1), &said), Some(7));
    }
}
