//! What the runtime is doing, in one line.

use std::future::pending;
use std::thread;
use std::time::{Duration, Instant};

use async_chat::look::{Counters, Look};
use support::sign::missing;
use support::{check, program};
use tokio::runtime::{Builder, Handle};

/// How long a task blocks its thread.
const BLOCKED: Duration = Duration::from_millis(60);

/// Looks at a runtime of two threads with three tasks that wait, while one more blocks a thread. Also returns the share
/// of the threads' time that they were busy, as the check computes it.
fn looks() -> (Look, f64) {
    let runtime = Builder::new_multi_thread().worker_threads(2).build();
    runtime.expect("a runtime of two threads").block_on(async {
        for _ in 0..3 {
            tokio::spawn(pending::<()>());
        }
        let metrics = Handle::current().metrics();
        let busy = || {
            let threads = (0..2).map(|thread| metrics.worker_total_busy_duration(thread));
            threads.sum::<Duration>()
        };
        let (begin, busy_before) = (Instant::now(), busy());
        let earlier = Counters::read(&metrics);
        let blocking = tokio::spawn(async { thread::sleep(BLOCKED) });
        blocking.await.expect("it sleeps");
        // A thread's time is counted when it goes to sleep.
        while busy() < BLOCKED {
            tokio::task::yield_now().await;
        }
        let look = Look::since(&earlier, &Counters::read(&metrics), &metrics);
        let busy = (busy() - busy_before).as_secs_f64();
        (look, busy / (2.0 * begin.elapsed().as_secs_f64()))
    })
}

#[test]
fn a_look_says_what_the_runtime_did() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A look counts the tasks that are alive, and says how much of their time all threads together were busy. \
               A server prints one as often as `--look-every` says.",
        signs: [
            missing(["the share of its time"]).says(
                "Busy is the threads' time at work, divided by all the time that all of them had.",
            ),
        ],
        shows: || {
            let fixed = Look { tasks: 1002, ready: 17, threads: 2, busy: 0.1234, naps: 346 };
            let mut shown = format!("{fixed}\n");
            // A machine that is busy itself may stop the check between two of its looks.
            let is_right = |(look, busy): &(Look, f64)| (0.8..1.2).contains(&(look.busy / busy));
            let looked = (0..5).map(|_| looks()).find(is_right);
            shown += &match looked.map_or_else(|| looks().0, |(look, _)| look) {
                Look { tasks: 3, threads: 2, naps: 1.., .. } if looked.is_some() => {
                    "one of two threads was blocked: the share of its time is right\n".to_string()
                }
                look => format!("{look}\n"),
            };
            let server = program!().serve(&["--look-every", "1"]);
            let line = server.complains().unwrap_or("(no line)\n".to_string());
            // The two tasks are there from the start; all other figures vary.
            let line: Vec<&str> = line.split_whitespace().collect();
            let [tasks, rest @ ..] = &line[..] else { return shown };
            let rest = rest.iter().map(|word| if word.parse::<f64>().is_ok() { "…" } else { word });
            shown + &format!("--look-every 1\n{tasks} {}\n", rest.collect::<Vec<_>>().join(" "))
        },
    }
}
