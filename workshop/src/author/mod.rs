//! What the maintainers run: `cargo workshop author …`.

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::project::{Problem, Project};

pub mod starters;

/// The command line of `author`.
pub fn command() -> Command {
    let check = Arg::new("check").long("check").action(ArgAction::SetTrue);
    Command::new("author")
        .about("For maintainers: write what is generated, and prove that the checks catch mistakes")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Command::new("starters")
                .about("Write steps/ out of solutions/ (what was in steps/ is replaced)")
                .arg(
                    check
                        .clone()
                        .help("Write nothing; fail where steps/ differs"),
                ),
        )
}

/// Runs an `author` command.
///
/// # Errors
/// The command failed, or what it checks is not so.
pub fn run(project: &Project, matches: &ArgMatches) -> Result<(), Problem> {
    match matches.subcommand() {
        Some(("starters", matches)) if matches.get_flag("check") => starters::check(project),
        Some(("starters", _)) => starters::write(project),
        _ => Err(Problem(
            "`author` needs one of its commands; `author --help` lists them.".to_string(),
        )),
    }
}
