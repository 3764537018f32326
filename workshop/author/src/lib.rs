//! `cargo workshop author …`: the commands for maintainers.

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use clap::{Arg, ArgAction, ArgMatches, Command};
use workshop::project::Project;
use workshop_terminal::command_line::Exit;

use self::mistakes::Selection;
use self::share::Share;

pub mod book;
pub mod ends;
pub mod figures;
pub mod mistakes;
pub mod new_step;
pub mod picture;
pub mod scratch;
pub mod share;
pub mod snapshots;
pub mod starters;
pub mod steady;
pub mod time;

/// The command line of `author`.
pub fn command() -> Command {
    let flag = |name: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .action(ArgAction::SetTrue)
            .help(help)
    };
    Command::new("author")
        .bin_name("cargo workshop author")
        .about("For maintainers: write what is generated, and prove what is promised")
        .disable_help_subcommand(true)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Command::new("starters")
                .about("Write steps/ out of solutions/ (what was in steps/ is replaced)")
                .arg(flag("check", "Write nothing; fail where steps/ differs")),
        )
        .subcommand(
            Command::new("book")
                .about("Write book/src/generated/ out of the steps' metadata")
                .arg(flag(
                    "check",
                    "Write nothing; fail where book and metadata differ",
                )),
        )
        .subcommand(
            Command::new("snapshots")
                .about("Write tests/snapshots/ out of the solutions")
                .arg(flag(
                    "check",
                    "Write nothing; fail where a check and its snapshot don't match",
                )),
        )
        .subcommand(
            Command::new("mistakes")
                .about("Prove that each wrong solution is caught")
                .arg(Arg::new("step").help("Try those of one step only"))
                .arg(Arg::new("name").help("Of these, only those whose name contains this"))
                .arg(share(
                    "Of the mistakes of each step, try one in N, by turns",
                ))
                .arg(flag("update", "Keep the reports as they are now")),
        )
        .subcommand(
            Command::new("try")
                .about("Show what a learner sees who has written this")
                .arg(
                    Arg::new("step")
                        .required(true)
                        .help("The step, by id or number"),
                )
                .arg(
                    Arg::new("diffs")
                        .required(true)
                        .num_args(1..)
                        .value_parser(clap::value_parser!(PathBuf))
                        .help("Diffs against the step with the reference in it"),
                ),
        )
        .subcommand(
            Command::new("new-step")
                .about("Write a new step that is small, whole and green")
                .arg(
                    Arg::new("id")
                        .required(true)
                        .help("Its package's name, such as `accept-key`"),
                )
                .arg(
                    Arg::new("title")
                        .required(true)
                        .help("Its chapter's title, such as \"The accept key\""),
                ),
        )
        .subcommand(
            Command::new("ends")
                .about("Prove that starters fail as intended, and finished steps pass"),
        )
        .subcommand(
            Command::new("steady")
                .about("Prove that every check says the same each time")
                .arg(Arg::new("step").help("Try the checks of one step only"))
                .arg(
                    Arg::new("times")
                        .long("times")
                        .default_value("100")
                        .value_parser(clap::value_parser!(u32))
                        .help("How many times"),
                )
                .arg(flag(
                    "busy",
                    "Keep the machine busy meanwhile: four endless loops for each core",
                )),
        )
        .subcommand(
            Command::new("time")
                .about("Measure how long a newcomer waits, in a fresh clone")
                .arg(share("Time the saves of one step in N, by turns")),
        )
        .subcommand(Command::new("verify").about("All of it").arg(share(
            "Of the mistakes of each step, try one in N, by turns",
        )))
}

fn share(help: &'static str) -> Arg {
    Arg::new("share")
        .long("share")
        .value_name("N")
        .value_parser(clap::value_parser!(u64).range(1..))
        .help(help)
}

fn shared(project: &Project, matches: &ArgMatches, things: &str) -> Option<Share> {
    let of: Option<&u64> = matches.get_one("share");
    of.map(|of| Share::one_in(*of as usize, things, project))
}

/// Runs an `author` command.
///
/// # Errors
/// Returns an error if the command fails, or what it checks isn't so.
pub fn run(matches: &ArgMatches) -> Result<Exit> {
    run_in(&Project::find()?, matches).map(|()| Exit::Success)
}

fn run_in(project: &Project, matches: &ArgMatches) -> Result<()> {
    match matches.subcommand() {
        Some(("starters", matches)) if matches.get_flag("check") => starters::check(project),
        Some(("starters", _)) => starters::write(project),
        Some(("book", matches)) if matches.get_flag("check") => book::check(project),
        Some(("book", _)) => book::write(project),
        Some(("snapshots", matches)) if matches.get_flag("check") => snapshots::check(project),
        Some(("snapshots", _)) => snapshots::write(project),
        Some(("mistakes", matches)) => {
            let text = |name| matches.get_one::<String>(name).map(String::as_str);
            let which = Selection {
                step: text("step"),
                name: text("name"),
                update: matches.get_flag("update"),
                share: shared(project, matches, "mistakes"),
            };
            mistakes::run(project, which)
        }
        Some(("new-step", matches)) => {
            new_step::run(project, required(matches, "id"), required(matches, "title"))
        }
        Some(("try", matches)) => {
            let step = required(matches, "step");
            let diffs = matches.get_many("diffs").unwrap_or_default();
            mistakes::attempt(project, step, &Vec::from_iter(diffs.cloned()))
        }
        Some(("ends", _)) => ends::run(project),
        Some(("steady", matches)) => {
            let times = matches.get_one("times").copied().unwrap_or(100);
            let step = matches.get_one::<String>("step").map(String::as_str);
            steady::run(project, step, times, matches.get_flag("busy"))
        }
        Some(("time", matches)) => time::run(project, shared(project, matches, "steps")),
        Some(("verify", matches)) => verify(project, shared(project, matches, "mistakes")),
        _ => Err(anyhow!(
            "`author` needs one of its commands; `author --help` lists them."
        )),
    }
}

/// Returns an argument that clap requires.
fn required<'a>(matches: &'a ArgMatches, name: &str) -> &'a str {
    matches.get_one::<String>(name).map_or("", String::as_str)
}

/// Proves everything that can be proved without a browser, the quick parts first.
fn verify(project: &Project, share: Option<Share>) -> Result<()> {
    starters::check(project)?;
    book::check(project)?;
    snapshots::check(project)?;
    ends::run(project)?;
    let which = Selection {
        share,
        ..Selection::default()
    };
    mistakes::run(project, which)
}

#[cfg(test)]
mod tests {
    use workshop_terminal::command_line::explain;

    use super::*;

    #[test]
    fn without_a_command_it_says_how_to_list_them() {
        let error = command().try_get_matches_from(["author"]).unwrap_err();
        assert_eq!(
            explain("cargo workshop author", &error).as_deref(),
            Some(
                "`cargo workshop author` needs a command: `cargo workshop author --help` lists them."
            )
        );
    }
}
