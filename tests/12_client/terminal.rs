//! What a person types, and what a person sees.

use std::ffi::OsStr;

use client::terminal::{Kind, describe, paint, read_line, redraw, wants_colours};
use connection::{CloseCode, Event};
use support::check;
use support::sign::yours;

#[test]
fn a_typed_line_is_a_message_or_a_command() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A line is a text message unless it begins with a slash. Two slashes send one.",
        signs: [],
        shows: || {
            let lines = [
                "Hello", "", " /close", "//close", "/", "/binary 00 ff", "/binary 00FF", "/binary", "/binary 0",
                "/binary 0g", "/ping", "/ping a b", "/close", "/close 1000", "/close 4000 bye, bye", "/close bye",
                "/close 65536", "/help", "/shrug",
            ];
            let row = |line: &str| format!("{:<24} {:?}\n", format!("{line:?}"), read_line(line));
            lines.map(row).concat()
        },
    }
}

#[test]
fn a_server_can_not_write_on_the_terminal() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Control characters in what a server sends are shown, not obeyed.",
        signs: [
            yours(["\u{1b}"]).or(yours(["\u{9b}"])).or(yours(["\u{7}"])).says(
                "A control character goes to the terminal as it came. It could clear the screen, or type for you. \
                 `char::is_control` knows them all; ESC isn't the only one.",
            ),
        ],
        shows: || {
            let reason = "\u{1b}[1A".to_string();
            let events = [
                Event::Open,
                Event::Text("plain, Zoë, 漢字, a\ttab".to_string()),
                Event::Text("\u{1b}[2Jcleared".to_string()),
                Event::Text("\u{9b}2Jcleared by one character".to_string()),
                Event::Text("over\rwritten\u{8}\u{7f}\u{7}".to_string()),
                Event::Text("two\nlines".to_string()),
                Event::Binary(vec![0x1b, 0x5b, 0xff]),
                Event::Binary(Vec::new()),
                Event::Ping(b"\x1b[31mred".to_vec()),
                Event::Pong(b"\xff".to_vec()),
                Event::Close { code: CloseCode::GOING_AWAY, reason },
                Event::Close { code: CloseCode::NORMAL, reason: String::new() },
                Event::Close { code: CloseCode(4001), reason: "kicked".to_string() },
            ];
            events.map(|event| describe(&event) + "\n").concat()
        },
    }
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    check! {
        rfc: "the workshop's own rule",
        rule: "NO_COLOR and TERM=dumb turn colours off. Without them, marks tell lines apart.",
        signs: [],
        shows: || {
            let no_color = [None, Some(""), Some("1"), Some("0")];
            let term = [None, Some("xterm-256color"), Some("dumb")];
            let row = |no_color: Option<&'static str>| {
                let is_wanted = |term: &Option<&str>| {
                    wants_colours(no_color.map(OsStr::new), term.map(OsStr::new))
                };
                let wanted: Vec<bool> = term.iter().map(is_wanted).collect();
                format!("NO_COLOR {:<12} {wanted:?}\n", format!("{no_color:?}"))
            };
            let kinds = [Kind::Message, Kind::Said, Kind::Own, Kind::News, Kind::Wrong];
            let painted = |kind: Kind| {
                let [plain, coloured] = [false, true].map(|colours| paint(kind, "one\ntwo", colours));
                format!("{kind:?}: {plain:?} {coloured:?}\n")
            };
            let table = no_color.map(row).concat();
            format!("TERM                   {term:?}\n{table}\n{}", kinds.map(painted).concat())
        },
    }
}

#[test]
fn messages_come_above_the_line_that_is_typed() {
    check! {
        rfc: "the workshop's own rule",
        rule: "The line that is typed is erased, the message is written, and the line is written again.",
        signs: [],
        shows: || {
            let line = || ("hello".to_string(), 2);
            let drawn = [
                redraw(None, (String::new(), 0), false),
                redraw(None, line(), false),
                redraw(None, line(), true),
                redraw(Some("< a message"), line(), false),
                redraw(Some("two\nlines"), line(), false),
            ];
            drawn.map(|it| format!("{it:?}\n")).concat()
        },
    }
}
