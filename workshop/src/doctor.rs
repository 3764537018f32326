//! `doctor`: checks whether this machine has everything that the workshop needs, and prints a line for each thing.

use std::ffi::OsString;
use std::fs;
use std::process::Command;

use crate::browser;
use crate::cargo;
use crate::commands::{Exit, Session};
use crate::play::{default_port, is_free};
use crate::project::Project;
use crate::text::say;
use crate::{file_watcher, timestamp};

/// The result of one check.
struct Finding {
    kind: Kind,
    text: String,
}

/// From the best to the worst.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Good,
    /// It works all the same.
    Note,
    Bad,
}

fn good(text: impl Into<String>) -> Finding {
    Finding {
        kind: Kind::Good,
        text: text.into(),
    }
}

fn note(text: impl Into<String>) -> Finding {
    Finding {
        kind: Kind::Note,
        text: text.into(),
    }
}

fn bad(text: impl Into<String>) -> Finding {
    Finding {
        kind: Kind::Bad,
        text: text.into(),
    }
}

/// `doctor`
pub fn doctor(session: &Session) -> Exit {
    let project = &session.project;
    let looks: [fn(&Project) -> Vec<Finding>; 7] =
        [toolchain, packages, folder, steps, ports, watching, page];
    let mut worst = Kind::Good;
    for look in looks {
        for finding in look(project) {
            let mark = match finding.kind {
                Kind::Good => '✓',
                Kind::Note => '–',
                Kind::Bad => '✗',
            };
            worst = worst.max(finding.kind);
            say(&format!("{mark} {}", finding.text));
        }
    }
    say("");
    let (text, end) = match worst {
        Kind::Good => ("Everything is there.", Exit::Success),
        Kind::Note => (
            "The workshop works here; what is marked – is good to know.",
            Exit::Success,
        ),
        Kind::Bad => (
            "Fix what is marked ✗; what is marked – can stay as it is.",
            Exit::Red,
        ),
    };
    say(text);
    end
}

fn toolchain(project: &Project) -> Vec<Finding> {
    let needed = needed_version(project).unwrap_or_default();
    let output = Command::new(rustc())
        .arg("--version")
        .current_dir(&project.root)
        .output();
    let Ok(output) = output else {
        return vec![bad(
            "rustc is not found: install Rust from https://rustup.rs, and open a new terminal",
        )];
    };
    let text = String::from_utf8_lossy(&output.stdout).trim().to_string();
    let there = version(text.split_whitespace().nth(1).unwrap_or_default());
    let line = format!("{text} (the workshop needs {needed} or later)");
    if there >= version(&needed) {
        vec![good(line)]
    } else {
        vec![bad(format!("{line}: `rustup update stable` brings it"))]
    }
}

/// `rust-version` in the workspace's manifest.
pub fn needed_version(project: &Project) -> Option<String> {
    let text = fs::read_to_string(project.root.join("Cargo.toml")).ok()?;
    let table: toml::Table = text.parse().ok()?;
    let version = table
        .get("workspace")?
        .get("package")?
        .get("rust-version")?;
    Some(version.as_str()?.to_string())
}

fn version(text: &str) -> Vec<u32> {
    let numbers = text
        .split(['.', '-', '+'])
        .map_while(|part| part.parse().ok());
    numbers.collect()
}

/// Checks whether all crates that have to be compiled are on this machine. Crates for other systems don't count: only a
/// bare `cargo fetch` downloads those.
fn packages(project: &Project) -> Vec<Finding> {
    let mut command = cargo::command(project);
    command.args([
        "fetch",
        "--quiet",
        "--locked",
        "--offline",
        "--color",
        "never",
    ]);
    if let Some(host) = host(project) {
        command.args(["--target", &host]);
    }
    match command.output() {
        Ok(output) if output.status.success() => {
            vec![good("all crates are downloaded: no network is needed")]
        }
        Ok(output) => vec![missing(&String::from_utf8_lossy(&output.stderr))],
        Err(error) => vec![bad(format!("cargo can't be started: {error}"))],
    }
}

/// Explains an error of cargo's.
fn missing(complaint: &str) -> Finding {
    if complaint.contains("--locked") {
        return note(
            "the steps ask for crates that Cargo.lock doesn't list: the next build adds them, and may need a network",
        );
    }
    if complaint.contains("offline") {
        return note(
            "some crates are not downloaded yet: `cargo fetch --locked` does it now, while there is a network",
        );
    }
    let lines: Vec<&str> = complaint.lines().map(str::trim).collect();
    bad(format!("cargo stops: {}", lines.join(" ").trim()))
}

/// The name of this system, as rustc has it.
fn host(project: &Project) -> Option<String> {
    let output = Command::new(rustc())
        .arg("-vV")
        .current_dir(&project.root)
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "))?;
    Some(host.trim().to_string())
}

fn rustc() -> OsString {
    std::env::var_os("RUSTC").unwrap_or("rustc".into())
}

fn folder(project: &Project) -> Vec<Finding> {
    let places = [
        (project.state_folder(), "your progress and backups"),
        (project.root.join("target"), "what is built"),
        (project.root.join("steps"), "what you write"),
    ];
    let mut findings = Vec::new();
    for (place, what) in places {
        // As large as a verdict's worth of output: a disk that is full has no room for it.
        let probe = place.join(format!(".doctor-{}", timestamp::now()));
        let written = fs::create_dir_all(&place).and_then(|()| fs::write(&probe, [b' '; 100_000]));
        _ = fs::remove_file(&probe);
        if let Err(error) = written {
            findings.push(bad(format!(
                "{} can't be written ({what}): {error}; change its owner or its rights, or make room",
                place.display()
            )));
        }
    }
    if findings.is_empty() {
        findings.push(good(format!("{} can be written", project.root.display())));
    }
    findings
}

fn steps(project: &Project) -> Vec<Finding> {
    let is_missing = |folder: &std::path::Path| !folder.join("Cargo.toml").is_file();
    let missing = project
        .steps
        .iter()
        .filter(|step| is_missing(&project.step_folder(step)));
    let findings: Vec<Finding> = missing
        .map(|step| {
            bad(format!(
                "steps/{} is not there: `cargo workshop reset {}` writes it",
                step.folder(),
                step.id
            ))
        })
        .collect();
    if findings.is_empty() {
        vec![good(format!("all {} steps are there", project.steps.len()))]
    } else {
        findings
    }
}

fn ports(project: &Project) -> Vec<Finding> {
    let mut taken = Vec::new();
    let ports = std::iter::once(3000).chain(project.steps.iter().map(default_port));
    for port in ports.clone() {
        if !is_free(port) {
            taken.push(port.to_string());
        }
    }
    let last = ports.last().unwrap_or(9000);
    if taken.is_empty() {
        vec![good(format!("the ports 3000 and 9000 to {last} are free"))]
    } else {
        vec![note(format!(
            "another program listens on {}: the workshop takes other ports; a server of your own takes any with `-- --listen 127.0.0.1:0`",
            taken.join(", ")
        ))]
    }
}

fn watching(project: &Project) -> Vec<Finding> {
    match file_watcher::try_out(&project.state_folder()) {
        Ok(()) => vec![good("the system tells when a file is saved")],
        Err(why) => vec![note(format!(
            "{why}: `cargo workshop` looks at the files itself, twice a second"
        ))],
    }
}

fn page(_project: &Project) -> Vec<Finding> {
    match browser::name() {
        Some(name) => vec![good(format!("`{name}` opens a browser"))],
        None => vec![note(
            "nothing opens a browser here: open the addresses that are printed (or set BROWSER to a program that opens them)",
        )],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_cargo_are_explained() {
        let kind_of = |complaint| missing(complaint).kind;
        let offline = "error: failed to download `a v1.0.0`\n\nCaused by:\n  attempting to make an HTTP request, but --offline was specified";
        assert!(kind_of(offline) == Kind::Note);
        let locked = "error: cannot update the lock file /w/Cargo.lock because --locked was passed";
        assert!(kind_of(locked) == Kind::Note);
        let broken = missing("error: invalid table header\n --> steps/00-hello/Cargo.toml:1:9\n");
        assert!(broken.kind == Kind::Bad && broken.text.contains("steps/00-hello/Cargo.toml"));
    }

    #[test]
    fn versions_are_compared_by_number() {
        assert!(version("1.95.0") >= version("1.95"));
        assert!(version("1.100.0") >= version("1.95"));
        assert!(version("1.94.1") < version("1.95"));
        assert!(version("1.96.0-nightly") >= version("1.95"));
        assert!(version("") < version("1.95"));
    }
}
