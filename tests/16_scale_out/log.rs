//! The log by itself.

use polling::history::NewMessage;
use scale_out::log::{Log, Ticket};
use support::check;
use support::sign::yours;

fn publish(log: &mut Log, ticket: &str, text: &str) -> String {
    let message = NewMessage {
        username: "ada".to_string(),
        message: text.to_string(),
    };
    let id = log.publish(&Ticket(ticket.to_string()), message);
    let texts = log.after(0).into_iter();
    let texts: Vec<String> = texts
        .map(|it| format!("{} {}", it.id, it.content.message))
        .collect();
    format!(
        "ticket {ticket}, {text:<5} → {id}   log: {}\n",
        texts.join(", ")
    )
}

#[test]
fn a_ticket_has_one_id() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A publish that is tried again has the same ticket: it gets the same id, and the log has it once. \
               A different ticket is a different message, even with the same text.",
        signs: [
            yours(["ticket B/7, yes   → 2", "2 yes, "]).or(yours(["1 hi, 1 hi"]))
                .says("The old id is returned, but the message is added again."),
            yours(["ticket C/1, hi    → 1"]).says("The text was compared, not the ticket."),
            yours(["ticket B/7, yes   → 3", "log: 1 hi, 2 yes, 3 yes"])
                .says("The ticket is ignored: a publish that is tried again is a second message."),
            yours(["ticket A/1, hi    → 3", "3 hi"]).or(yours(["ticket A/1, hi    → 4"]))
                .says("Only the latest ticket is remembered."),
            yours(["ticket C/1, hi    → 4"]).or(yours(["ticket C/1, hi    → 5"]))
                .says("A publish that is tried again uses up an id. A page takes the missing id for a lost message."),
        ],
        shows: || {
            let mut log = Log::new(100, 0);
            let tries = [("A/1", "hi"), ("B/7", "yes"), ("B/7", "yes"), ("A/1", "hi"), ("C/1", "hi")];
            tries.map(|(ticket, text)| publish(&mut log, ticket, text)).concat()
        },
    }
}

#[test]
fn a_log_forgets_the_oldest() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A log that keeps two messages forgets the older ones, and their tickets. No id comes again.",
        signs: [
            yours(["ticket A/1, one   → 1 "]).says("An id isn't the number of messages in the log: it only ever grows."),
        ],
        shows: || {
            let mut log = Log::new(2, 40);
            let tries = [("A/1", "one"), ("B/1", "two"), ("C/1", "three"), ("B/1", "two"), ("A/1", "one"), ("E/1", "four")];
            tries.map(|(ticket, text)| publish(&mut log, ticket, text)).concat()
        },
    }
}
