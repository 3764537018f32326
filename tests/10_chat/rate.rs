//! How fast a client may send.

use std::time::{Duration, Instant};

use chat::rate::Rate;
use support::check;
use support::sign::{only, yours};

#[test]
fn a_few_quick_messages_but_no_flood() {
    check! {
        rfc: "the workshop's own rule",
        rule: "2 messages a second: the bucket begins with 4 tokens, and never holds more. Each second brings 2. A \
               debt is paid first.",
        signs: [
            yours(["at  0.0 s  ✓ ✓ ✓ ✗"]).says(
                "The last token can't be taken. A bucket with exactly one token allows a message.",
            ),
            yours(["at  0.0 s  ✓ ✓ ✓ ✓ ✓"]).says("No token is taken out, or none is needed."),
            yours(["at  0.4 s  ✓"]).says("A part of a token is enough. A message takes a whole one."),
            yours(["at  0.5 s  ✓ ✓"]).says(
                "`since` isn't set, so the same time is counted again and again.",
            ),
            yours(["at  0.9 s  ✓"]).says(
                "`since` moves only when a token is taken: after a refusal, the same time is counted again.",
            ),
            yours(["at 60.0 s  ✓ ✓ ✓ ✓ ✓"]).says(
                "The bucket runs over in a long silence, and then lets a flood through. It must never hold more than \
                 `capacity`.",
            ),
            yours(["at 60.0 s  ✗"]).says("Time puts nothing in."),
            yours(["at 62.0 s  ✗ ✗"]).says(
                "A refusal takes a token, too. After a few refusals, nothing is allowed any more.",
            ),
            yours(["at  0.5 s  ✗ ✗"]).and(yours(["at 60.5 s  ✗ ✗"])).but_not(yours(["at  1.0 s"])).says(
                "A second brings one token, whatever the rate is: `per_second` is missing.",
            ),
            yours(["at  0.5 s  ✗ ✗"]).and(yours(["at 60.5 s  ✗ ✗"])).says(
                "Only whole seconds bring tokens. `as_secs` leaves out the rest, so a client that sends twice a second \
                 never gets a token back.",
            ),
            yours(["at  1.0 s  ✗ ✗"]).says(
                "When there isn't a whole token, what time has brought is thrown away. It must stay in the bucket.",
            ),
            only(["at 62.5", "at 64.5", "at 65."]).and(yours(["at 62.5 s  ✓"])).says(
                "What the bucket owes is forgotten when time puts tokens in. Time must pay the debt first.",
            ),
        ],
        shows: || {
            let start = Instant::now();
            let mut rate = Rate::new(2, start);
            let tries = [
                (0, 6), (400, 1), (500, 2), (900, 1), (1000, 2), (1100, 1), (1200, 1), (1300, 1),
                (1400, 1), (1500, 2), (60_000, 6), (60_500, 2), (62_000, 2),
            ];
            let mut shown = String::new();
            for (millis, times) in tries {
                let now = start + Duration::from_millis(millis);
                let verdicts = (0..times).map(|_| if rate.allows(now) { " ✓" } else { " ✗" });
                let verdicts: String = verdicts.collect();
                shown += &format!("at {:>4.1} s {verdicts}\n", millis as f64 / 1000.0);
            }
            rate.pay(7);
            shown += "pays 7 more\n";
            for millis in [62_500, 64_500, 65_000, 65_400, 65_500] {
                let verdict = if rate.allows(start + Duration::from_millis(millis)) { "✓" } else { "✗" };
                shown += &format!("at {:>4.1} s  {verdict}\n", millis as f64 / 1000.0);
            }
            shown
        },
    }
}
