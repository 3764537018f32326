//! `cargo workshop compare`, or `cargo run -p workshop-compare -- --help`.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::process::{self, ExitCode};

use workshop_compare::bar::Bar;
use workshop_compare::crossing;
use workshop_compare::measure::measure;
use workshop_compare::options::{self, HELP, Options, Setup, Task};
use workshop_compare::plot;
use workshop_compare::table::Table;

fn main() -> ExitCode {
    // This fails only if there is a handler already.
    _ = ctrlc::set_handler(|| process::exit(2));
    let options = match options::parse(env::args_os().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{error}. `--help` lists the options.");
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    options.check_files()?;
    let table = match &options.task {
        Task::Measure(setup) => measure_all(setup)?,
        Task::Read(file) => {
            let text = fs::read_to_string(file)
                .map_err(|error| format!("{} can't be read: {error}.", file.display()))?;
            Table::read(&text).map_err(|why| format!("{}: {why}.", file.display()))?
        }
    };
    let mut text = table.write();
    for sentence in crossing::in_words(&table) {
        text.push('\n');
        text.push_str(&wrapped(&sentence));
        text.push('\n');
    }
    // Even if the output isn't read any more, the plot is written.
    _ = io::stdout().write_all(text.as_bytes());
    if let Some(file) = &options.svg {
        let svg = plot::svg(&table)
            .ok_or_else(|| "A plot takes two different rates at least.".to_string())?;
        fs::write(file, svg)
            .map_err(|error| format!("{} can't be written: {error}.", file.display()))?;
    }
    Ok(())
}

fn measure_all(setup: &Setup) -> Result<Table, String> {
    let mut table = Table::new(setup);
    let bar = Bar::begin(setup.window * setup.messages.len() as u32);
    for messages in &setup.messages {
        let what = format!("{} messages a minute", setup.rate(*messages));
        bar.say(&what);
        let rows = measure(setup, *messages, || bar.show(&what));
        table.rows.extend(rows.inspect_err(|_| bar.end())?);
    }
    bar.end();
    Ok(table)
}

/// The sentence, in lines of at most 80 columns.
fn wrapped(sentence: &str) -> String {
    let mut lines = vec![String::new()];
    for word in sentence.split(' ') {
        let last = lines.last_mut().expect("there is a first line");
        if last.is_empty() {
            last.push_str(word);
        } else if last.chars().count() + 1 + word.chars().count() > 80 {
            lines.push(word.to_string());
        } else {
            last.push(' ');
            last.push_str(word);
        }
    }
    lines.join("\n")
}
