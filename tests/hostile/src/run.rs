//! Attacks several servers at a time, and says what has become of each.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::attacks::{Attack, Outcome, Stage};
use crate::churn::churn;
use crate::options::{self, HELP, Picked, Task};
use crate::process;
use crate::secure;
use crate::servers::Kind;
use crate::table;

/// What is missing, for a script.
const MISSING: u8 = 3;
/// Open files that this program needs for each server that it attacks: its clients.
const FILES: u64 = 1300;

/// Does what the command line says.
pub fn main() -> ExitCode {
    let task = match options::parse(lexopt::Parser::from_env()) {
        Ok(task) => task,
        Err(error) => {
            eprintln!("{error}. `--help` shows how this is used.");
            return ExitCode::from(2);
        }
    };
    match task {
        Task::Help => println!("{HELP}"),
        Task::List => {
            let servers = Vec::from_iter(Kind::ALL.iter().map(|kind| kind.name()));
            let attacks = Vec::from_iter(Attack::ALL.iter().map(|attack| attack.name()));
            println!("servers: {}", servers.join(", "));
            println!("attacks: {}", attacks.join(", "));
        }
        Task::Attack(picked) => return prepared(&picked, attack_all),
        Task::Churn(picked, lasts) => return prepared(&picked, |it| churn_all(it, lasts)),
    }
    ExitCode::SUCCESS
}

/// Looks whether everything is there, builds the servers, and goes on.
fn prepared(picked: &Picked, go_on: impl FnOnce(&Picked) -> ExitCode) -> ExitCode {
    if let Err(missing) = look_around(picked) {
        eprintln!("{missing}.");
        return ExitCode::from(MISSING);
    }
    if let Err(why) = process::build() {
        eprintln!("{why}.");
        return ExitCode::FAILURE;
    }
    let code = go_on(picked);
    secure::clean_up();
    code
}

fn look_around(picked: &Picked) -> Result<(), String> {
    for tool in ["prlimit", "setpriv"] {
        let mut command = Command::new(tool);
        command
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if !command.status().is_ok_and(|status| status.success()) {
            return Err(format!("`{tool}` (util-linux) isn't here"));
        }
    }
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(|error| error.to_string())?;
    let needed = FILES * picked.jobs.min(picked.servers.len()) as u64;
    if hard < needed {
        return Err(format!(
            "{needed} open files are needed and {hard} allowed: raise `ulimit -n`, or try `--jobs 1`"
        ));
    }
    let raised = setrlimit(Resource::RLIMIT_NOFILE, soft.max(needed), hard);
    raised.map_err(|error| format!("the limit of open files can't be raised: {error}"))
}

fn attack_all(picked: &Picked) -> ExitCode {
    println!("seed {}", picked.plan.seed);
    let began = Instant::now();
    let results = Mutex::new(Vec::new());
    at_a_time(picked.jobs, &picked.servers, |kind| {
        let mut stage = Stage::new(kind, &picked.plan);
        for attack in picked
            .attacks
            .iter()
            .filter(|attack| attack.applies_to(kind))
        {
            let began = Instant::now();
            let outcome = stage.attack(*attack);
            say(kind, attack.name(), &outcome, began.elapsed());
            let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
            results.push((kind, *attack, outcome));
        }
    });
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut tables = Vec::new();
    if picked.plan.full && picked.is_all() {
        tables.push(("survived.txt", table::table(&picked.plan, &results)));
    }
    for (kind, name) in table::OWN_TABLES {
        if picked.plan.full && picked.is_all_of(kind) {
            tables.push((name, table::table_of(kind, &picked.plan, &results)));
        }
    }
    for (name, table) in tables {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        print!("\n{table}");
        if let Err(error) = fs::write(&file, table) {
            eprintln!("{} can't be written: {error}.", file.display());
            return ExitCode::FAILURE;
        }
    }
    summed_up(results.iter().map(|result| &result.2), began.elapsed())
}

fn churn_all(picked: &Picked, lasts: Duration) -> ExitCode {
    println!("seed {}, {} s", picked.plan.seed, lasts.as_secs());
    let began = Instant::now();
    let outcomes = Mutex::new(Vec::new());
    // All at the same time: it takes as long for all as for one.
    at_a_time(picked.servers.len(), &picked.servers, |kind| {
        let began = Instant::now();
        let outcome = churn(kind, lasts, picked.plan.seed);
        say(kind, "churn", &outcome, began.elapsed());
        let mut outcomes = outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        outcomes.push(outcome);
    });
    let outcomes = outcomes
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    summed_up(outcomes.iter(), began.elapsed())
}

/// Does something with each server, with so many at a time.
fn at_a_time(jobs: usize, servers: &[Kind], act: impl Fn(Kind) + Sync) {
    let left = Mutex::new(servers.iter().copied());
    thread::scope(|scope| {
        for _ in 0..jobs.min(servers.len()) {
            scope.spawn(|| {
                let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
                while let Some(kind) = next() {
                    act(kind);
                }
            });
        }
    });
}

fn say(kind: Kind, attack: &str, outcome: &Outcome, took: Duration) {
    let name = format!("{:<14}{attack:<10}", kind.name());
    let took = took.as_secs_f64();
    match outcome {
        Outcome::Holds(_, says) => println!("✓ {name}holds: {says} ({took:.1} s)"),
        Outcome::NotTried(why) => println!("· {name}not tried: {why}"),
        Outcome::Fails(faults) => {
            let faults = Vec::from_iter(faults.iter().map(|fault| format!("\n    {fault}")));
            println!("✗ {name}fails ({took:.1} s){}", faults.concat());
        }
    }
}

/// Says how many hold. What could not be tried is missing only where nothing else was asked for.
fn summed_up<'a>(outcomes: impl Iterator<Item = &'a Outcome>, took: Duration) -> ExitCode {
    let (mut holds, mut fails, mut not_tried) = (0, 0, 0);
    for outcome in outcomes {
        match outcome {
            Outcome::Holds(..) => holds += 1,
            Outcome::Fails(_) => fails += 1,
            Outcome::NotTried(_) => not_tried += 1,
        }
    }
    println!(
        "\n{holds} hold, {fails} fail, {not_tried} not tried, after {} s",
        took.as_secs()
    );
    match (fails, holds) {
        (0, 0) if not_tried > 0 => ExitCode::from(MISSING),
        (0, _) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
