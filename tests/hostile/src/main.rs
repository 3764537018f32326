//! `cargo run -p hostile` attacks every server of the workshop, from outside. README.md says how.

#[cfg(target_os = "linux")]
mod attacks;
#[cfg(target_os = "linux")]
mod churn;
#[cfg(target_os = "linux")]
mod client;
#[cfg(target_os = "linux")]
mod heads;
#[cfg(target_os = "linux")]
mod options;
#[cfg(target_os = "linux")]
mod plan;
#[cfg(target_os = "linux")]
mod process;
#[cfg(target_os = "linux")]
mod random;
#[cfg(target_os = "linux")]
mod run;
#[cfg(target_os = "linux")]
mod secure;
#[cfg(target_os = "linux")]
mod servers;
#[cfg(target_os = "linux")]
mod table;

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    run::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!(
        "The attacks need Linux: they look into /proc, and limit files and threads by prlimit."
    );
    ExitCode::from(3)
}
