//! The command line.

use std::time::Duration;

use lexopt::Arg;

use crate::attacks::Attack;
use crate::plan::Plan;
use crate::servers::Kind;

/// `--help`.
pub const HELP: &str = "\
Attacks every server of the workshop, each started by its own command on a free
port of this machine. After each attack a good request must be answered, by the
same process.

Usage: cargo run -p hostile -- [OPTIONS]
       cargo run --release -p hostile -- --full
       cargo run --release -p hostile -- churn [--minutes N]

  --full           20,000 connects, 1,200 half heads and so on; writes the table
                   that the book shows
  --server NAME    this server only; may be given several times
  --attack NAME    this attack only; may be given several times
  --seed NUMBER    of the heads that are made up (default 6455)
  --case NUMBER    of all heads, send this one only
  --jobs NUMBER    servers that are attacked at the same time (default 4)
  --minutes N      how long churn lasts (default 30)
  --seconds N      the same, in seconds
  --list           the names of servers and attacks
  -h, --help       this text

Exit code 1: a server doesn't hold. 2: the command line makes no sense. 3: something
that it needs is missing: Linux, prlimit and setpriv, enough open files.

Examples:
  cargo run -p hostile
  cargo run -p hostile -- --server echo --attack heads --case 17
  cargo run --release -p hostile -- churn --seconds 60";

/// What is to be done.
#[derive(Debug, Clone)]
pub enum Task {
    /// `--help`.
    Help,
    /// `--list`.
    List,
    /// Attack.
    Attack(Picked),
    /// Churn, for this long.
    Churn(Picked, Duration),
}

/// Who is attacked, and how.
#[derive(Debug, Clone)]
pub struct Picked {
    /// How much.
    pub plan: Plan,
    /// The servers.
    pub servers: Vec<Kind>,
    /// The attacks.
    pub attacks: Vec<Attack>,
    /// How many servers at the same time.
    pub jobs: usize,
}

impl Picked {
    /// Whether nothing is left out.
    pub fn is_all(&self) -> bool {
        self.servers.len() == Kind::ALL.len()
            && self.attacks.len() == Attack::ALL.len()
            && self.plan.case.is_none()
    }

    /// Whether nothing of this server is left out.
    pub fn is_all_of(&self, kind: Kind) -> bool {
        self.servers.contains(&kind) && self.attacks.len() == Attack::ALL.len()
    }
}

/// Reads the command line.
///
/// # Errors
/// Returns a sentence if it makes no sense.
pub fn parse(mut arguments: lexopt::Parser) -> Result<Task, lexopt::Error> {
    let mut picked = Picked {
        plan: Plan::gate(),
        servers: Vec::new(),
        attacks: Vec::new(),
        jobs: 4,
    };
    let (mut is_churn, mut is_full, mut lasts) = (false, false, None);
    let (mut seed, mut case) = (None, None);
    while let Some(argument) = arguments.next()? {
        let name = match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(Task::Help),
            Arg::Long("list") => return Ok(Task::List),
            Arg::Long("full") => {
                is_full = true;
                continue;
            }
            Arg::Value(word) if word == "churn" && !is_churn => {
                is_churn = true;
                continue;
            }
            Arg::Long(
                name @ ("server" | "attack" | "seed" | "case" | "jobs" | "minutes" | "seconds"),
            ) => name.to_string(),
            other => return Err(other.unexpected()),
        };
        let text = arguments.value()?.to_string_lossy().into_owned();
        let number = || {
            let number = text.parse::<u64>();
            number.map_err(|_| format!("`--{name} {text}` isn't a whole number"))
        };
        match name.as_str() {
            "server" => picked.servers.push(named(&text, &Kind::ALL, Kind::name)?),
            "attack" => picked
                .attacks
                .push(named(&text, &Attack::ALL, Attack::name)?),
            "seed" => seed = Some(number()?),
            "case" => case = Some(usize::try_from(number()?).unwrap_or(usize::MAX)),
            "jobs" => picked.jobs = usize::try_from(number()?).unwrap_or(1).clamp(1, 64),
            "minutes" => lasts = Some(Duration::from_secs(number()?.saturating_mul(60))),
            _ => lasts = Some(Duration::from_secs(number()?)),
        }
    }
    if is_full {
        picked.plan = Plan::full();
    }
    picked.plan.seed = seed.unwrap_or(picked.plan.seed);
    picked.plan.case = case;
    if picked.servers.is_empty() {
        picked.servers = Kind::ALL.to_vec();
    }
    if is_churn {
        return if picked.attacks.is_empty() && !is_full && case.is_none() {
            Ok(Task::Churn(
                picked,
                lasts.unwrap_or(Duration::from_secs(30 * 60)),
            ))
        } else {
            Err("`churn` takes `--server`, `--seed` and its length".into())
        };
    }
    if lasts.is_some() {
        return Err("`--minutes` and `--seconds` are for `churn`".into());
    }
    if picked.attacks.is_empty() {
        picked.attacks = Attack::ALL.to_vec();
    }
    if case.is_some() {
        picked.attacks = vec![Attack::Heads];
    }
    let applies = |attack: &Attack| picked.servers.iter().any(|kind| attack.applies_to(*kind));
    if !picked.attacks.iter().any(applies) {
        return Err("none of these attacks is one on these servers".into());
    }
    Ok(Task::Attack(picked))
}

fn named<T: Copy>(text: &str, all: &[T], name: fn(T) -> &'static str) -> Result<T, String> {
    let found = all.iter().copied().find(|it| name(*it) == text);
    found.ok_or_else(|| {
        let names = Vec::from_iter(all.iter().map(|it| name(*it))).join(", ");
        format!("`{text}` isn't one of {names}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Task, String> {
        let words = line.split_whitespace().map(str::to_string);
        parse(lexopt::Parser::from_args(words)).map_err(|error| error.to_string())
    }

    #[test]
    fn one_server_and_one_attack() {
        let Ok(Task::Attack(picked)) = parsed("--server echo --attack heads --seed 7") else {
            panic!("it makes sense");
        };
        assert_eq!((picked.servers.len(), picked.attacks.len()), (1, 1));
        assert_eq!(picked.plan.seed, 7);
        assert!(!picked.is_all());
    }

    #[test]
    fn a_case_means_heads() {
        let Ok(Task::Attack(picked)) = parsed("--case 3") else {
            panic!("it makes sense");
        };
        assert_eq!(picked.attacks, [Attack::Heads]);
    }

    #[test]
    fn nonsense_gets_a_sentence() {
        for (line, sentence) in [
            ("--server ecko", "`ecko` isn't one of hello, polling"),
            ("--attack", "--attack"),
            ("--seed x", "`--seed x` isn't a whole number"),
            ("churn --full", "`churn` takes"),
            ("--server hello --attack flood", "none of these attacks"),
            ("--minutes 3", "are for `churn`"),
            ("chrun", "chrun"),
        ] {
            let error = parsed(line).unwrap_err();
            assert!(error.contains(sentence), "{line}: {error}");
        }
    }
}
