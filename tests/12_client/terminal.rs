//! What a person types, and what a person sees.

use std::ffi::OsStr;

use client::screen::key;
use client::terminal::{Kind, describe, paint, read_line, redraw, wants_colours};
use connection::{CloseCode, Event};
use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
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
fn a_close_code_is_told_in_words() {
    check! {
        rfc: "RFC 6455 §7.4.1",
        rule: "A person reads what a close code means, not only its number.",
        signs: [],
        shows: || {
            let codes = (1000..=1015).chain([2999, 3000, 3999, 4000, 4999, 5000]);
            let reason = String::new;
            let told = |code| describe(&Event::Close { code: CloseCode(code), reason: reason() }) + "\n";
            codes.map(told).collect()
        },
    }
}

#[test]
fn a_key_is_what_it_does() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Each key of a terminal does what people know it to do.",
        signs: [],
        shows: || {
            let pressed = |code, modifiers| key(KeyEvent::new(code, modifiers));
            let with_control = |letter: char| {
                let does = pressed(KeyCode::Char(letter), KeyModifiers::CONTROL);
                does.map(|it| format!("Ctrl-{letter:<4} {it:?}\n"))
            };
            let letters: String = ('a'..='z').filter_map(with_control).collect();
            let keys = [
                KeyCode::Char('a'), KeyCode::Char('Ä'), KeyCode::Enter, KeyCode::Backspace, KeyCode::Delete, KeyCode::Left,
                KeyCode::Right, KeyCode::Home, KeyCode::End, KeyCode::Up, KeyCode::Down, KeyCode::Tab, KeyCode::F(1),
            ];
            let keys = keys.map(|code| match pressed(code, KeyModifiers::NONE) {
                Some(does) => format!("{:<9} {does:?}\n", format!("{code:?}")),
                None => format!("{code:?} does nothing\n"),
            });
            let at = pressed(KeyCode::Char('@'), KeyModifiers::CONTROL | KeyModifiers::ALT);
            let released = KeyEvent::new_with_kind(KeyCode::Enter, KeyModifiers::NONE, KeyEventKind::Release);
            let others = format!("Alt Gr and @: {at:?}\nEnter, let go: {:?}\n", key(released));
            [letters, keys.concat(), others].join("\n")
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
