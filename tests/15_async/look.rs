//! What the runtime is doing, in one line.

use std::future::pending;
use std::thread;
use std::time::Duration;

use async_chat::look::{Counters, Look};
use support::sign::missing;
use support::{check, program};
use tokio::runtime::{Builder, Handle};

/// How long a task blocks its thread.
const BLOCKED: Duration = Duration::from_millis(60);

/// Looks at a runtime of two threads with three tasks that wait, while one more blocks a thread.
fn looks() -> Look {
    let runtime = Builder::new_multi_thread().worker_threads(2).build();
    runtime.expect("a runtime of two threads").block_on(async {
        for _ in 0..3 {
            tokio::spawn(pending::<()>());
        }
        let metrics = Handle::current().metrics();
        let earlier = Counters::read(&metrics);
        let blocking = tokio::spawn(async { thread::sleep(BLOCKED) });
        blocking.await.expect("it sleeps");
        // A thread's time is counted when it goes to sleep.
        let busy = |thread| metrics.worker_total_busy_duration(thread);
        while busy(0) + busy(1) < BLOCKED {
            tokio::task::yield_now().await;
        }
        Look::since(&earlier, &Counters::read(&metrics), &metrics)
    })
}

#[test]
fn a_look_says_what_the_runtime_did() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A look counts the tasks that are alive, and says how much of their time all threads together were busy. \
               A server prints one as often as `--look-every` says.",
        signs: [
            missing(["one of two threads was blocked"]).says(
                "Busy is the threads' time at work, divided by all the time that all of them had.",
            ),
        ],
        shows: || {
            let fixed = Look { tasks: 1002, ready: 17, threads: 2, busy: 0.1234, naps: 346 };
            let mut shown = format!("{fixed}\n");
            // A machine that is busy itself may look late.
            let look = (0..5).map(|_| looks()).find(|look| (0.1..0.6).contains(&look.busy));
            shown += &match look.unwrap_or_else(looks) {
                Look { tasks: 3, threads: 2, busy: 0.1..0.6, naps: 1.., .. } => {
                    "one of two threads was blocked\n".to_string()
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
