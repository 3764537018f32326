//! A line that is being typed.

use client::editor::{Editor, Key, Typed};
use support::check;
use support::sign::yours;

/// `←` is a key, and so are these.
const NAMED: [(char, Key); 13] = [
    ('⏎', Key::Enter),
    ('⌫', Key::Backspace),
    ('⌦', Key::Delete),
    ('←', Key::Left),
    ('→', Key::Right),
    ('↑', Key::Up),
    ('↓', Key::Down),
    ('⇤', Key::Home),
    ('⇥', Key::End),
    ('Ⓒ', Key::Leave),
    ('Ⓓ', Key::LeaveIfEmpty),
    ('Ⓤ', Key::EraseStart),
    ('Ⓦ', Key::EraseWord),
];

/// Presses these keys. Shows the lines that they led to, and the line as it is then, with the cursor in it.
fn pressed(keys: &str, columns: usize) -> String {
    let mut editor = Editor::default();
    let mut shown = String::new();
    for character in keys.chars() {
        let named = NAMED.iter().find(|(name, _)| *name == character);
        match editor.press(named.map_or(Key::Character(character), |(_, key)| *key)) {
            Typed::Change => {}
            Typed::Line(line) => shown += &format!("{line:?} "),
            Typed::Leave => shown += "leaves ",
        }
    }
    let (line, column) = editor.view(columns);
    format!("{keys:<26} {shown}▏{line}▕ cursor at {column}\n")
}

/// The oldest line that comes back after so many.
fn oldest_of(count: usize) -> String {
    let mut editor = Editor::default();
    for number in 1..=count {
        number
            .to_string()
            .chars()
            .for_each(|digit| _ = editor.press(Key::Character(digit)));
        editor.press(Key::Enter);
    }
    (0..=count).for_each(|_| _ = editor.press(Key::Up));
    format!(
        "after lines 1 to {count}, the oldest is {}",
        editor.view(20).0
    )
}

#[test]
fn a_line_can_be_edited() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Keys change the line at the cursor, and a line that was typed can be brought back.",
        signs: [],
        shows: || {
            let edits = [
                "hello", "hello⌫⌫", "⌫", "hello←←←X", "←←a→→b",
                "hello⇤X", "hello⇤→⌦⌦", "hello⇤XY⇥Z", "one twoⓌ", "one two  Ⓦ", "one twoⓌⓌⓌ",
                "hello←←Ⓤ", "Zoë⌫漢字←⌫", "hello←←⏎", "⏎",
            ];
            let history = [
                "one⏎two⏎↑", "one⏎two⏎↑↑", "one⏎two⏎↑↑↑", "one⏎two⏎new↑↑↓", "one⏎two⏎new↑↑↓↓",
                "one⏎↑↓↓↓", "↑↓", "one⏎one⏎↑↑", "one⏎⏎↑", "one⏎↑!⏎↑↑", "one⏎↑!↓↑",
            ];
            let leaving = ["Ⓒ", "helloⒸ", "Ⓓ", "helloⒹ", "hello⇤Ⓓ", "helloⓊⒹ"];
            let row = |keys: &&str| pressed(keys, 20);
            let table = |keys: &[&str]| keys.iter().map(row).collect::<String>();
            [table(&edits), table(&history), table(&leaving), oldest_of(500), oldest_of(501)].join("\n")
        },
    }
}

#[test]
fn a_long_line_is_seen_around_its_cursor() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Of a line that is longer than the screen is wide, the part around the cursor is visible.",
        signs: [
            yours(["漢字漢字漢"]).says("A Chinese character takes two columns: count columns, not characters."),
        ],
        shows: || {
            let keys = ["abcdefg", "abcdefgh", "abcdefgh←←←", "abcdefghijklm⇤", "abcdefghij⇤→→", "漢字漢字漢字", "漢字漢字漢字⇤"];
            let rows = keys.map(|keys| pressed(keys, 8)).concat();
            rows + &pressed("hello", 1) + &pressed("hello", 0)
        },
    }
}
