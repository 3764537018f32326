//! What each server has survived, in a table for the book.

use std::fs;
use std::process::Command;
use std::thread;

use crate::attacks::{Attack, Outcome};
use crate::plan::Plan;
use crate::servers::Kind;

/// What has come of an attack on a server.
pub type Result = (Kind, Attack, Outcome);

/// The columns: an attack, what stands above it, how wide it is.
const COLUMNS: [(Attack, &str, usize); 12] = [
    (Attack::Heads, "heads", 7),
    (Attack::Halves, "halves", 8),
    (Attack::Leave, "leave", 7),
    (Attack::Slow, "slow", 6),
    (Attack::Silent, "silent", 8),
    (Attack::Flood, "flood", 8),
    (Attack::Sessions, "sessions", 10),
    (Attack::Busy, "busy", 6),
    (Attack::Files, "files", 7),
    (Attack::Threads, "threads", 9),
    (Attack::Stop, "stop", 6),
    (Attack::Back, "MB", 18),
];

/// The servers of Part V, which are attacked with what only they have. Each has a table of its own.
pub const OWN_TABLES: [(Kind, &str); 2] = [
    (Kind::Compression, "survived-compression.txt"),
    (Kind::Tls, "survived-tls.txt"),
];

/// The table of one server: a line for each attack.
pub fn table_of(kind: Kind, plan: &Plan, results: &[Result]) -> String {
    let mut text = format!("{}\nseed {}\n\n", machine(), plan.seed);
    let attacks = Attack::ALL.into_iter();
    for attack in attacks.filter(|attack| attack.applies_to(kind)) {
        let (key, name) = ((kind, attack), attack.name());
        let found = results.iter().find(|result| (result.0, result.1) == key);
        let (mark, says) = match found.map(|(_, _, outcome)| outcome) {
            Some(Outcome::Holds(_, says)) => ("✓", says.as_str()),
            Some(Outcome::NotTried(why)) => ("?", why.as_str()),
            Some(Outcome::Fails(_)) => ("✗", "fails"),
            None => ("·", "not tried"),
        };
        for (number, part) in says.split("; ").enumerate() {
            let first = if number == 0 {
                format!("{mark} {name}")
            } else {
                String::new()
            };
            text += format!("{first:<10}  {part}").trim_end();
            text.push('\n');
        }
    }
    text
}

/// The table of all other servers.
pub fn table(plan: &Plan, results: &[Result]) -> String {
    let mut text = format!("{}\nseed {}\n\n{:<14}", machine(), plan.seed, "");
    for (_, title, width) in COLUMNS {
        text += &format!("{title:>width$}");
    }
    text = text.trim_end().to_string() + "\n";
    for kind in Kind::ALL
        .into_iter()
        .filter(|kind| OWN_TABLES.iter().all(|(own, _)| own != kind))
    {
        let mut line = format!("{:<14}", kind.name());
        for (attack, _, width) in COLUMNS {
            let found = results
                .iter()
                .find(|result| (result.0, result.1) == (kind, attack));
            let cell = found.map_or("·", |(_, _, outcome)| cell(attack, outcome));
            line += &format!("{cell:>width$}");
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

fn cell(attack: Attack, outcome: &Outcome) -> &str {
    match outcome {
        // How full it was, the line of the run says.
        Outcome::Holds(..) if matches!(attack, Attack::Files | Attack::Threads) => "✓",
        Outcome::Holds(load, _) => load,
        Outcome::Fails(_) => "✗",
        Outcome::NotTried(_) => "?",
    }
}

/// The day, the machine and the profile.
fn machine() -> String {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let linux = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("unknown processor", |model| {
        model.trim_start_matches([' ', '\t', ':'])
    });
    let profile = if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    };
    let date = Command::new("date")
        .args(["+%-d %B %Y"])
        .env("LC_ALL", "C")
        .output();
    let date = date.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_string());
    format!(
        "{}; {cores} cores ({model}), Linux {}; {profile} build",
        date.unwrap_or_default(),
        linux.trim()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_seen_in_the_table() {
        let results = [
            (
                Kind::Echo,
                Attack::Heads,
                Outcome::Fails(vec!["why".to_string()]),
            ),
            (
                Kind::Echo,
                Attack::Leave,
                Outcome::Holds("20000".to_string(), String::new()),
            ),
        ];
        let table = table(&Plan::full(), &results);
        let line = table.lines().find(|line| line.starts_with("echo")).unwrap();
        assert!(line.contains('✗') && line.contains("20000"), "{line}");
    }

    #[test]
    fn what_an_attack_on_compression_says_has_lines_of_its_own() {
        let holds = Outcome::Holds("50".to_string(), "50 clients; at most 9 MB".to_string());
        let results = [(Kind::Compression, Attack::Bombs, holds)];
        let table = table_of(Kind::Compression, &Plan::full(), &results);
        let lines = Vec::from_iter(table.lines().skip(3));
        assert_eq!(lines[0], "✓ bombs     50 clients");
        assert_eq!(lines[1], "            at most 9 MB");
        assert_eq!(lines[2], "· garbage   not tried");
    }
}
