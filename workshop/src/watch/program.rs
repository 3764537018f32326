//! Runs a step's program while the checks go on.

use std::thread::{self, JoinHandle};
use std::time::Instant;

use anyhow::Result;

use super::view::Mode;
use super::{Event, Watch};
use crate::browser;
use crate::play;
use crate::supervisor::Stop;

/// The program of a step, while it is built and while it runs.
pub(super) struct RunningProgram {
    pub(super) stop: Stop,
    pub(super) name: String,
    /// How to run the step's other examples.
    pub(super) others: Option<String>,
    pub(super) since: Instant,
    pub(super) address: Option<String>,
    /// The usual port, if another program has it.
    pub(super) taken: Option<u16>,
    pub(super) output: Vec<String>,
    pub(super) thread: JoinHandle<()>,
}

impl RunningProgram {
    /// One line: the program's name and address, and how to end it.
    pub(super) fn line(&self) -> String {
        let name = capital(&self.name);
        let seconds = self.since.elapsed().as_secs();
        match &self.address {
            Some(address) => format!("{name} runs at {address}. `p` ends it."),
            None if !self.output.is_empty() => format!("{name} runs. `p` ends it."),
            None => format!("{name} is being built ({seconds} s). `p` ends it."),
        }
    }

    /// Whether it hasn't printed anything yet.
    pub(super) fn is_being_built(&self) -> bool {
        self.address.is_none() && self.output.is_empty()
    }
}

impl Watch {
    pub(super) fn play(&mut self) {
        if let Some(program) = &self.program {
            program.stop.ask();
            return self.note(format!("{} is ended.", capital(&program.name)));
        }
        let program = match play::choose(&self.session.project, &self.session.progress) {
            Ok(program) => program,
            Err(error) => return self.note(format!("{error:#}")),
        };
        let (stop, name) = (Stop::default(), program.name());
        let others = program.others(&self.session.project);
        let thread = thread::spawn({
            let (project, sender, stop) = (
                self.session.project.clone(),
                self.sender.clone(),
                stop.clone(),
            );
            move || {
                let lines = sender.clone();
                let tell = move |line| _ = lines.send(Event::ProgramLine(line));
                let outcome = play::run(&project, &program, &[], &stop, tell);
                _ = sender.send(Event::ProgramEnded(outcome));
            }
        });
        self.log(&format!(
            "{} is being built. `p` again ends it.",
            capital(&name)
        ));
        self.program = Some(RunningProgram {
            stop,
            name,
            others,
            since: Instant::now(),
            address: None,
            taken: None,
            output: Vec::new(),
            thread,
        });
    }

    pub(super) fn take_line(&mut self, line: play::Line) {
        let Some(program) = &mut self.program else {
            return;
        };
        match line {
            play::Line::Text(text) => {
                program.output.push(text.clone());
                self.log(&text);
            }
            play::Line::PortTaken(port) => program.taken = Some(port),
            play::Line::Ready(address) => {
                program.address = Some(address.clone());
                let line = program.line();
                let taken = program.taken.map(|port| format!("Port {port} is taken."));
                let others = program.others.clone();
                let open = self.opens && browser::open(&address);
                let how = if open {
                    "It opens in your browser."
                } else {
                    "Open that address in a browser."
                };
                self.log(&line);
                let parts = [taken, Some(how.to_string()), others];
                self.note(parts.into_iter().flatten().collect::<Vec<_>>().join("\n"));
            }
        }
    }

    pub(super) fn program_ended(&mut self, outcome: Result<()>) {
        let Some(program) = self.program.take() else {
            return;
        };
        match outcome {
            Err(error) => {
                let output = program.output.join("\n");
                self.show(
                    format!("{output}\n{error:#}").trim().to_string(),
                    Mode::Text,
                );
            }
            // A program that prints something and ends.
            Ok(()) if program.address.is_none() && !program.output.is_empty() => {
                if self.screen.is_some() {
                    let text = format!(
                        "{} printed:\n\n{}",
                        capital(&program.name),
                        program.output.join("\n")
                    );
                    self.show(text, Mode::Text);
                }
                self.notice.text = None;
            }
            Ok(()) => self.notice.text = None,
        }
    }
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters
        .next()
        .map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + characters.as_str()
}
