//! The commands that do one thing and end: `list`, `check`, `hint`, `solution`, `skip`, `reset`,
//! `restore`.

use std::io::{self, IsTerminal, Write};

use crate::backup::{self, Backup, Kept};
use crate::chapter::{self, Hint};
use crate::judge::{Side, Stop, judge_all, judge_soon};
use crate::play::{self, Game};
use crate::progress::{Progress, State};
use crate::project::{Explain, Problem, Project, Step};
use crate::solution;
use crate::text::{columns, say, wrap};
use crate::verdict;
use crate::waiting::Waiting;

/// How a command ended, for the process's exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Fine.
    Fine,
    /// A check is red.
    Red,
    /// It failed, and has said why already.
    Said,
}

/// What every command needs: the workshop, and how far the learner has come.
#[derive(Debug)]
pub struct Session {
    /// The workshop.
    pub project: Project,
    /// How far the learner has come.
    pub progress: Progress,
    /// What is to be said before anything else.
    pub notice: Option<String>,
}

impl Session {
    /// Opens the workshop that the current folder belongs to.
    ///
    /// # Errors
    /// There is none.
    pub fn open() -> Result<Self, Problem> {
        let project = Project::find()?;
        let (progress, notice) = Progress::load(&project);
        Ok(Self {
            project,
            progress,
            notice,
        })
    }

    /// The step with this id, or the current one; the last one where all are done.
    ///
    /// # Errors
    /// There is no such step.
    pub fn step(&self, id: Option<&str>) -> Result<Step, Problem> {
        if let Some(id) = id {
            return self.project.step(id).cloned();
        }
        let current = self.progress.current(&self.project);
        let step = current.or(self.project.steps.last());
        step.cloned()
            .ok_or_else(|| Problem("`solutions` holds no step.".to_string()))
    }
}

/// Prints a notice where there is one.
pub fn tell(notice: Option<String>) {
    if let Some(notice) = notice {
        eprintln!("Note: {notice}");
    }
}

/// The step as a person knows it: `03 accept-key`.
pub fn name(step: &Step) -> String {
    format!("{} {}", step.number, step.id)
}

/// A line for each step: what has become of it, how long it takes.
pub fn list_lines(project: &Project, progress: &Progress, current: Option<&Step>) -> Vec<String> {
    let longest = |text: &dyn Fn(&Step) -> usize| project.steps.iter().map(text).max();
    let number_width = longest(&|step| columns(&step.number)).unwrap_or(0);
    let id_width = longest(&|step| columns(&step.id)).unwrap_or(0);
    let title_width = longest(&|step| columns(&step.title)).unwrap_or(0);
    let line = |step: &Step| {
        let is_current = current.is_some_and(|current| current.id == step.id);
        let (mark, word) = match (progress.state(step), is_current) {
            (State::Passed, false) => ('✓', "passed"),
            (State::Passed, true) => ('✓', "passed, and where you are"),
            (State::Skipped, false) => ('–', "skipped"),
            (State::Skipped, true) => ('–', "skipped, and where you are"),
            (State::Open, true) => ('▸', "where you are"),
            (State::Open, false) => ('·', ""),
        };
        let (number, id, title) = (&step.number, &step.id, &step.title);
        let line = format!(
            "{mark} {number:<number_width$} {id:<id_width$}  {title:<title_width$}  {:>3} min  {word}",
            step.minutes
        );
        line.trim_end().to_string()
    };
    project.steps.iter().map(line).collect()
}

/// How far the learner has come, in one line.
pub fn count_line(project: &Project, progress: &Progress) -> String {
    let (passed, skipped) = progress.count(project);
    let open = project
        .steps
        .iter()
        .filter(|step| progress.state(step) == State::Open);
    let minutes: u32 = open.map(|step| step.minutes).sum();
    let all = project.steps.len();
    let skipped = match skipped {
        0 => String::new(),
        skipped => format!(", {skipped} skipped"),
    };
    let left = match minutes {
        0 => String::new(),
        minutes => format!(", about {minutes} minutes to go"),
    };
    format!("{passed} of {all} steps passed{skipped}{left}")
}

/// `list`
pub fn list(session: &Session) -> End {
    let Session {
        project, progress, ..
    } = session;
    for line in list_lines(project, progress, progress.current(project)) {
        say(&line);
    }
    say("");
    say(&count_line(project, progress));
    End::Fine
}

/// `check [id]`: judges once.
///
/// # Errors
/// There is no such step, or it can't be judged.
pub fn check(
    session: &mut Session,
    id: Option<&str>,
    side: Side,
    all: bool,
) -> Result<End, Problem> {
    let step = session.step(id)?;
    let Session {
        project, progress, ..
    } = session;
    let what = match side {
        Side::Step => name(&step),
        Side::Solution => format!("{}, the reference", name(&step)),
    };
    let waiting = Waiting::begin(&what);
    let verdict = match all {
        true => judge_all(project, &step, side, &Stop::default(), &waiting.tell()),
        false => judge_soon(project, &step, side, &Stop::default(), &waiting.tell()),
    };
    drop(waiting);
    let verdict = verdict?;
    let notice = match side {
        Side::Step => verdict::record(project, progress, &step, &verdict),
        Side::Solution => None,
    };
    say(&format!("{what}: {}", verdict::summary(&verdict)));
    verdict::table(&verdict).iter().for_each(|line| say(line));
    if !verdict.is_passed() {
        say("");
        let text = match all {
            true => verdict::everything(project, &step, &verdict),
            false => verdict::first_thing(project, &step, &verdict),
        };
        say(&text);
        let further = verdict::further(&verdict);
        let more = match (further, verdict.not_judged()) {
            (0, 0) => None,
            (0, left) => Some(format!("{left} not judged")),
            (further, 0) => Some(format!("{further} more")),
            (further, left) => Some(format!("{further} more, {left} not judged")),
        };
        if let Some(more) = more.filter(|_| !all) {
            let all = match side {
                Side::Step => "--all",
                Side::Solution => "--solution --all",
            };
            say("");
            say(&format!(
                "({more}: `cargo workshop check {} {all}` shows everything)",
                step.id
            ));
        }
    } else if side == Side::Step {
        say("");
        if let Some(text) = see_it_run(project, progress, &step, "`cargo workshop play`") {
            say(&text);
        }
        let next = progress.current(project);
        say(&next.map_or(ending(project, progress), |next| {
            format!(
                "Next: {}, {} ({} min)",
                name(next),
                next.title,
                next.minutes
            )
        }));
    }
    tell(notice);
    Ok(if verdict.is_passed() {
        End::Fine
    } else {
        End::Red
    })
}

/// How to see a step run that is passed; `None` where it has no program. `play` says how to play
/// with the last solved one.
pub fn see_it_run(
    project: &Project,
    progress: &Progress,
    step: &Step,
    play: &str,
) -> Option<String> {
    let game = Game::of(project, step, Side::Step).ok()?;
    let is_played = play::choose(project, progress).is_ok_and(|played| played == game);
    let play = match is_played {
        true => play.to_string(),
        false => format!("`cargo workshop play {}`", step.id),
    };
    Some(format!("See it run: {play} (or `{}`)", game.command()))
}

/// The end of the course: what the learner did, what was skipped, and where to go next.
pub fn ending(project: &Project, progress: &Progress) -> String {
    let (passed, skipped) = progress.count(project);
    let done = match skipped {
        0 => format!("You have written all {passed} steps yourself."),
        _ => {
            let all = project.steps.iter();
            let skipped: Vec<&Step> = all
                .filter(|step| progress.state(step) == State::Skipped)
                .collect();
            let names: Vec<String> = skipped.iter().map(|step| name(step)).collect();
            format!(
                "You have written {passed} of {} steps yourself. Skipped, with the reference in place: {}. \
                 `cargo workshop reset {}` takes you back to where that step starts.",
                project.steps.len(),
                names.join(", "),
                skipped[0].id
            )
        }
    };
    let done = wrap(&done, 80, 0);
    format!(
        "All steps are done.\n{done}\n\n\
         Where to go from here:\n\
         - Try a server of your own, in any language, against the rules (the book's\n  \
           \"Past Autobahn\"): cargo workshop probe ws://127.0.0.1:PORT/socket\n\
         - Watch what a page and its server say to each other (\"Watching the wire\"):\n  \
           cargo workshop tap --to 127.0.0.1:PORT\n\
         - Count what polling, long polling and WebSocket cost (\"What it costs\"):\n  \
           cargo workshop compare\n\
         - Read which check holds which rule in \"The rules of RFC 6455\", and what a\n  \
           fuzzer asks of your code in \"Any bytes at all\"."
    )
}

/// `hint [id]`: the next hint, or all of them.
///
/// # Errors
/// There is no such step, or its chapter can't be read.
pub fn hint(session: &mut Session, id: Option<&str>, all: bool) -> Result<End, Problem> {
    let step = session.step(id)?;
    let hints = chapter::hints(&session.project, &step)?;
    let shown = session.progress.mark(&step).hints;
    if hints.is_empty() {
        say(&no_hints(&step));
        return Ok(End::Fine);
    }
    if all {
        let texts: Vec<String> = hints.iter().map(|hint| hint_text(hint, 80)).collect();
        say(&texts.join("\n\n"));
        tell(session.progress.set_hints(&step, hints.len()));
        return Ok(End::Fine);
    }
    let Some(hint) = hints.get(shown) else {
        say(&no_more_hints(&step, hints.len()));
        return Ok(End::Fine);
    };
    say(&hint_text(hint, 80));
    say("");
    say(&what_follows(&step, shown + 1, hints.len()));
    tell(session.progress.set_hints(&step, shown + 1));
    Ok(End::Fine)
}

/// A hint as it is shown.
pub fn hint_text(hint: &Hint, width: usize) -> String {
    format!(
        "{}\n\n{}",
        hint.title,
        chapter::plain(&hint.markdown, width)
    )
}

/// What is said of a step without hints.
pub fn no_hints(step: &Step) -> String {
    format!("{} has no hints. Its chapter says what to do.", name(step))
}

/// What is said when all hints have been shown.
pub fn no_more_hints(step: &Step, count: usize) -> String {
    let text = format!(
        "There are no more hints for {}: you have seen all {count}. `cargo workshop hint {id} --all` \
         shows them again, `cargo workshop solution {id}` shows the reference.",
        name(step),
        id = step.id
    );
    wrap(&text, 80, 0)
}

fn what_follows(step: &Step, shown: usize, count: usize) -> String {
    match count - shown {
        0 => format!(
            "That was the last hint. `cargo workshop solution {}` shows the reference.",
            step.id
        ),
        1 => "(one more hint, a stronger one: the same command again)".to_string(),
        more => format!("({more} more hints, each stronger: the same command again)"),
    }
}

/// `solution id`: the reference.
///
/// # Errors
/// There is no such step, its reference can't be read, or nobody said that it may be spoilt.
pub fn solution(session: &Session, id: &str, whole: bool, yes: bool) -> Result<End, Problem> {
    let step = session.step(Some(id))?;
    let is_open = session.progress.state(&step) == State::Open;
    let question = format!(
        "{} is not finished yet. Show its solution all the same?",
        name(&step)
    );
    if is_open && !yes && !confirm(&question)? {
        say("Then not. `cargo workshop hint` helps with less.");
        return Ok(End::Fine);
    }
    let text = match whole {
        true => solution::whole_files(&session.project, &step)?,
        false => solution::tasks(&session.project, &step)?,
    };
    say(&text);
    Ok(End::Fine)
}

/// Asks; only `y` and `yes` mean yes.
fn confirm(question: &str) -> Result<bool, Problem> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(Problem(
            "The step is not finished yet, and nobody is there to ask whether to spoil it: `--yes` shows its solution."
                .to_string(),
        ));
    }
    print!("{question} [y/N] ");
    _ = io::stdout().flush();
    let mut answer = String::new();
    io::stdin()
        .read_line(&mut answer)
        .explain(|| "Your answer can't be read".to_string())?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// `skip id`: the reference takes the place of the learner's files.
///
/// # Errors
/// There is no such step, or its files can't be kept or written.
pub fn skip(session: &mut Session, id: &str) -> Result<End, Problem> {
    let step = session.step(Some(id))?;
    let (text, notice) = skip_step(&session.project, &mut session.progress, &step)?;
    say(&text);
    if let Some(next) = session.progress.current(&session.project) {
        say(&format!("Next: {}, {}.", name(next), next.title));
    }
    tell(notice);
    Ok(End::Fine)
}

/// `reset id`: the step as it was at the beginning.
///
/// # Errors
/// There is no such step, or its files can't be kept or written.
pub fn reset(session: &mut Session, id: &str) -> Result<End, Problem> {
    let step = session.step(Some(id))?;
    let (text, notice) = reset_step(&session.project, &mut session.progress, &step)?;
    say(&text);
    tell(notice);
    Ok(End::Fine)
}

/// `restore id [backup]`: the files of a backup are in the step again.
///
/// # Errors
/// There is no such step or backup, or the files can't be kept or written.
pub fn restore(
    session: &mut Session,
    id: &str,
    backup: Option<&str>,
    list: bool,
) -> Result<End, Problem> {
    let step = session.step(Some(id))?;
    let project = &session.project;
    let backups = backup::backups(project, &step);
    if list {
        say(&backup_list(project, &step, &backups));
        return Ok(End::Fine);
    }
    let chosen = match backup {
        // The folder's name, or a path to it, is what somebody may have at hand.
        Some(given) => {
            let name = given.trim_end_matches(['/', '\\']);
            let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
            let is_it = |backup: &&Backup| {
                backup.when == name || format!("{}-{}", step.id, backup.when) == name
            };
            backups.iter().find(is_it)
        }
        None => backups.first(),
    };
    let Some(chosen) = chosen else {
        let what = match (backup, backups.is_empty()) {
            (Some(given), false) => format!("There is no backup `{given}`. "),
            _ => String::new(),
        };
        return Err(Problem(what + &backup_list(project, &step, &backups)));
    };
    let kept = backup::restore(project, &step, chosen)?;
    let notice = session.progress.set_state(&step, State::Open);
    say(&format!(
        "{} holds the files of {} again.\n`cargo workshop check {}` judges them.",
        name(&step),
        backup::shown(project, &chosen.place),
        step.id
    ));
    say(&match kept {
        Kept::In(now) => format!(
            "What was there is in {}.\n{}",
            backup::shown(project, &now.place),
            way_back(&step, &now)
        ),
        Kept::Nothing(why) => format!("Nothing to keep: {why}."),
    });
    tell(notice);
    Ok(End::Fine)
}

fn backup_list(project: &Project, step: &Step, backups: &[Backup]) -> String {
    let line = |backup: &Backup| {
        format!(
            "  {}  {}",
            backup.when,
            backup::shown(project, &backup.place)
        )
    };
    match backups {
        [] => format!("{} has no backup.", name(step)),
        [only] => format!(
            "{} has one backup:\n{}\n\n`cargo workshop restore {}` brings it back.",
            name(step),
            line(only),
            step.id
        ),
        [newest, older, ..] => format!(
            "The backups of {}, the newest first:\n{}\n\nThis brings back the newest, or any of them:\n  cargo workshop restore {id} {}\n  cargo workshop restore {id} {}",
            name(step),
            backups.iter().map(line).collect::<Vec<_>>().join("\n"),
            newest.when,
            older.when,
            id = step.id
        ),
    }
}

fn way_back(step: &Step, backup: &Backup) -> String {
    format!(
        "This brings them back: cargo workshop restore {} {}",
        step.id, backup.when
    )
}

/// Skips a step. Returns what to say, and whether the progress can't be kept.
///
/// # Errors
/// Its files can't be kept or written.
pub fn skip_step(
    project: &Project,
    progress: &mut Progress,
    step: &Step,
) -> Result<(String, Option<String>), Problem> {
    let kept = backup::skip(project, step)?;
    let notice = progress.set_state(step, State::Skipped);
    let what = format!("{} is skipped: the reference is in its place", name(step));
    let text = match kept {
        Kept::In(backup) => format!(
            "{what}, and your files are in {}.\n{}",
            backup::shown(project, &backup.place),
            way_back(step, &backup)
        ),
        Kept::Nothing(why) => format!("{what}. Nothing to keep: {why}."),
    };
    Ok((text, notice))
}

/// Resets a step. Returns what to say, and whether the progress can't be kept.
///
/// # Errors
/// Its files can't be kept or written.
pub fn reset_step(
    project: &Project,
    progress: &mut Progress,
    step: &Step,
) -> Result<(String, Option<String>), Problem> {
    let kept = backup::reset(project, step)?;
    let notice = progress.clear(step);
    let what = format!("{} is as it was at the beginning", name(step));
    let text = match kept {
        Kept::In(backup) => format!(
            "{what}. Your files are in {}.\n{}",
            backup::shown(project, &backup.place),
            way_back(step, &backup)
        ),
        Kept::Nothing(why) => format!("{what}. Nothing to keep: {why}."),
    };
    Ok((text, notice))
}
