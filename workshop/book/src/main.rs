//! Builds the book into a folder: `workshop-book BOOK OUTPUT`.
//!
//! This program fails where mdBook only warns (about a key that it doesn't know, or HTML that is never closed). The
//! exit code is 1 if there was a warning or an error, and 2 for a command line that makes no sense.

use std::env;
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

use mdbook_driver::MDBook;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [book, output] = arguments.as_slice() else {
        eprintln!("`workshop-book` takes two folders: the book's, and the one to write to.");
        return ExitCode::from(2);
    };
    tracing::subscriber::set_global_default(Complaints).expect("nobody else listens");
    if let Err(error) = build(book, output) {
        eprintln!("error: {error}");
        return ExitCode::FAILURE;
    }
    match COMPLAINTS.load(Ordering::Relaxed) {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// Builds the book. If that fails, the error is a single line.
fn build(book: &Path, output: &Path) -> Result<(), String> {
    let chain = |error: mdbook_driver::errors::Error| {
        let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
        causes.join(": ")
    };
    let mut book = MDBook::load(book).map_err(chain)?;
    book.config.build.build_dir = output.to_path_buf();
    book.build().map_err(chain)
}

/// The number of warnings and errors that mdBook has logged.
static COMPLAINTS: AtomicUsize = AtomicUsize::new(0);

/// Prints mdBook's warnings and errors, and counts them. Everything else is left out.
struct Complaints;

impl Subscriber for Complaints {
    fn enabled(&self, metadata: &Metadata) -> bool {
        *metadata.level() <= Level::WARN && metadata.is_event()
    }

    fn event(&self, event: &Event) {
        let word = match *event.metadata().level() {
            Level::ERROR => "error",
            _ => "warning",
        };
        let mut text = Text::default();
        event.record(&mut text);
        eprintln!("{word}: {}", text.0);
        COMPLAINTS.fetch_add(1, Ordering::Relaxed);
    }

    fn new_span(&self, _span: &Attributes) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

/// The words of a log message, followed by its fields.
#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let written = match field.name() {
            "message" => write!(self.0, "{value:?}"),
            name => write!(self.0, " ({name}: {value:?})"),
        };
        written.expect("a String takes all text");
    }
}
