//! The command line of `cargo workshop`.

use std::env;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use workshop_terminal::command_line;

use crate::commands::{self, Exit, Session};
use crate::compare;
use crate::doctor;
use crate::judge::PackageKind;
use crate::play;
use crate::project::Project;
use crate::signals;
use crate::tool::Tool;
use crate::watch;

const EXIT_CODES: &str = "Exit codes:
  0  fine; a check that was asked for is passed
  1  a check is red, or the doctor found something
  2  the command line makes no sense, there is something for you to solve first,
     or the command was stopped";

/// Reads the command line, does what it says, and returns the process's exit code.
pub fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    if let Some(tool) = arguments.next().and_then(|name| Tool::named(&name)) {
        signals::install();
        return command_line::exit_code(tool.run(arguments));
    }
    let project = Project::find();
    command_line::main(command(project.as_ref().ok()), run)
}

fn run(matches: &ArgMatches) -> Result<Exit> {
    let Some((command, matches)) = matches.subcommand() else {
        return watch::watch(Session::open()?, &options(matches));
    };
    if command == "compare" {
        return compare::run(matches);
    }
    let mut session = Session::open()?;
    commands::print_notice(session.notice.take());
    // Not every command takes one.
    let given = matches.try_get_one::<String>("id").ok().flatten().cloned();
    let required = given.as_deref().unwrap_or_default();
    let given = given.as_deref();
    match command {
        "list" => Ok(commands::list(&session)),
        "check" => {
            let kind = if matches.get_flag("solution") {
                PackageKind::Solution
            } else {
                PackageKind::Step
            };
            commands::check(&mut session, given, kind, matches.get_flag("all"))
        }
        "hint" => commands::hint(&mut session, given, matches.get_flag("all")),
        "solution" => commands::solution(
            &session,
            required,
            matches.get_flag("whole"),
            matches.get_flag("yes"),
        ),
        "skip" => commands::skip(&mut session, required),
        "reset" => commands::reset(&mut session, required),
        "restore" => {
            let backup = matches.get_one::<String>("backup").map(String::as_str);
            commands::restore(&mut session, required, backup, matches.get_flag("list"))
        }
        "doctor" => Ok(doctor::doctor(&session)),
        _ => {
            let arguments = matches.get_many::<String>("arguments");
            let arguments: Vec<String> = arguments.into_iter().flatten().cloned().collect();
            let example = matches.get_one::<String>("example").map(String::as_str);
            let opens = !matches.get_flag("no-open");
            play::play(&session, given, example, &arguments, opens)
        }
    }
}

fn options(matches: &ArgMatches) -> watch::Options {
    watch::Options {
        opens: !matches.get_flag("no-open"),
        book: !matches.get_flag("no-book"),
        port: matches.get_one::<u16>("port").copied(),
        polls: matches.get_flag("poll"),
        plain: matches.get_flag("plain"),
    }
}

fn command(project: Option<&Project>) -> Command {
    let no_open = flag("no-open", "Don't open a browser; print the address");
    Command::new("workshop")
        .bin_name("cargo workshop")
        .about("WebSocket, bit by bit.\n\nAlone, it serves the book, opens it, watches steps/, and shows where you are.")
        .after_help(after_help(project))
        .disable_help_subcommand(true)
        .args_conflicts_with_subcommands(true)
        .subcommand_help_heading("Commands")
        .arg(no_open.clone())
        .arg(flag("no-book", "Neither build nor serve the book"))
        .arg(
            Arg::new("port")
                .long("port")
                .value_name("PORT")
                .value_parser(value_parser!(u16))
                .help("Serve the book on this port (default: 3000, or any free one)"),
        )
        .arg(flag("poll", "Look at the files twice a second, instead of being told by the system"))
        .arg(flag("plain", "Plain lines instead of a screen; type a key's letter and Enter"))
        .subcommand(
            Command::new("list")
                .about("All steps, what has become of them, how long they take")
                .after_help("Example:\n  cargo workshop list"),
        )
        .subcommand(
            Command::new("check")
                .about("Judge a step once (the current one, unless you name one)")
                .arg(step_id(false))
                .arg(flag("all", "Show everything that is wrong, not only what comes first"))
                .arg(flag("solution", "Judge the reference instead of your step"))
                .after_help("Example:\n  cargo workshop check hello"),
        )
        .subcommand(
            Command::new("hint")
                .about("The next hint for a step, each stronger than the one before")
                .arg(step_id(false))
                .arg(flag("all", "All of them"))
                .after_help("Example:\n  cargo workshop hint accept-key"),
        )
        .subcommand(
            Command::new("solution")
                .about("The reference for a step (asks before it spoils an unfinished one)")
                .arg(step_id(true))
                .arg(flag("whole", "Whole files instead of the functions with a task in them"))
                .arg(flag("yes", "Don't ask").short('y'))
                .after_help("Example:\n  cargo workshop solution accept-key"),
        )
        .subcommand(
            Command::new("skip")
                .about("Put the reference in a step's place; your files are kept")
                .arg(step_id(true))
                .after_help("Your files are kept first; `cargo workshop restore hello` brings them back.\n\nExample:\n  cargo workshop skip hello"),
        )
        .subcommand(
            Command::new("reset")
                .about("Reset a step to its starting point; your files are kept")
                .arg(step_id(true))
                .after_help("Your files are kept first; `cargo workshop restore hello` brings them back.\n\nExample:\n  cargo workshop reset hello"),
        )
        .subcommand(
            Command::new("restore")
                .about("Bring back the files that `skip` or `reset` kept")
                .arg(step_id(true))
                .arg(
                    Arg::new("backup")
                        .value_name("BACKUP")
                        .help("Which of its backups, as --list names them (default: the newest)"),
                )
                .arg(flag("list", "List the backups of the step, and change nothing"))
                .after_help(
                    "What is in the step now goes to .workshop/backups/ first.\nWhat comes back is not judged yet: `cargo workshop check hello` does that.\n\n\
                     Examples:\n  cargo workshop restore hello --list\n  cargo workshop restore hello\n  \
                     cargo workshop restore hello 2026-11-21T05-43-10Z",
                ),
        )
        .subcommand(
            Command::new("play")
                .about("Run the finished thing of your last solved step")
                .arg(step_id(false).help("The step to run (default: your last solved one; at first, ours)"))
                .arg(no_open)
                .arg(
                    Arg::new("example")
                        .long("example")
                        .value_name("NAME")
                        .help("Which of the step's examples, if it has some (default: the first)"),
                )
                .arg(
                    Arg::new("arguments")
                        .last(true)
                        .num_args(0..)
                        .value_name("OPTIONS")
                        .help("Options for the program"),
                )
                .after_help(
                    "Examples:\n  cargo workshop play\n  cargo workshop play hello -- --listen 127.0.0.1:0\n  cargo workshop play events --example poker",
                ),
        )
        .subcommand(
            Command::new("doctor")
                .about("Whether this machine has what the workshop needs")
                .after_help("Example:\n  cargo workshop doctor"),
        )
        .subcommand(compare::command())
        .subcommands(Tool::ALL.map(|tool| Command::new(tool.name).about(tool.about)))
}

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .action(ArgAction::SetTrue)
        .help(help)
}

fn step_id(required: bool) -> Arg {
    Arg::new("id")
        .value_name("ID")
        .required(required)
        .help("The step's id, like `accept-key`; its number, `03` or `3`, will do")
}

fn after_help(project: Option<&Project>) -> String {
    let examples = "Examples:
  cargo workshop                  the book, and a screen that follows your work
  cargo workshop check            judge the current step once
  cargo workshop hint             a hint for it
  cargo workshop skip polling     let the reference take a step's place
  cargo workshop restore polling  bring your own files back";
    let steps = project.map(|project| {
        let ids: Vec<&str> = project.steps.iter().map(|step| step.id.as_str()).collect();
        crate::text::wrap(&format!("Steps: {}", ids.join(", ")), 80, 7)
    });
    let parts = [examples.to_string()]
        .into_iter()
        .chain(steps)
        .chain([EXIT_CODES.to_string()]);
    parts.collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use workshop_terminal::command_line::explain;

    use super::*;

    #[test]
    fn the_command_line_makes_sense() {
        command(None).debug_assert();
    }

    #[test]
    fn a_wrong_command_line_gets_one_sentence() {
        for (line, sentence) in [
            (
                "skip",
                "<ID> is missing: write `cargo workshop skip <ID>`; `--help` says more.",
            ),
            (
                "chek",
                "unrecognized subcommand 'chek': a similar subcommand exists: 'check'; `--help` says more.",
            ),
            (
                "list --al",
                "unexpected argument '--al' found; `--help` says more.",
            ),
            (
                "--port 70000",
                "invalid value '70000' for '--port <PORT>': 70000 is not in 0..=65535; `--help` says more.",
            ),
        ] {
            let words = ["workshop"].into_iter().chain(line.split(' '));
            let error = command(None).try_get_matches_from(words).expect_err(line);
            assert_eq!(
                explain("cargo workshop", &error).as_deref(),
                Some(sentence),
                "{line}"
            );
        }
        for line in ["--help", "skip --help"] {
            let words = ["workshop"].into_iter().chain(line.split(' '));
            let error = command(None).try_get_matches_from(words).expect_err(line);
            assert_eq!(explain("cargo workshop", &error), None, "{line}");
        }
    }

    #[test]
    fn each_command_has_an_example() {
        let command = command(None);
        for command in command
            .get_subcommands()
            .filter(|command| Tool::named(command.get_name().as_ref()).is_none())
        {
            let help = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(
                help.contains(&format!("cargo workshop {}", command.get_name())),
                "{}",
                command.get_name()
            );
        }
    }
}
