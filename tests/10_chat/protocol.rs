//! What pages may say, and what the server says to them.

use chat::protocol::{Rejection, ServerMessage};
use chat::{protocol, visible};
use polling::history::{Message, NewMessage};
use support::check;
use support::sign::{missing, only, yours};

use super::shared::ada_says;

#[test]
fn names_and_messages_are_checked() {
    check! {
        rfc: "the workshop's own rule",
        rule: "A name has 1 to 32 visible characters, a message 1 to 1000 characters; neither is blank. Spaces around \
               a name are removed. Of the control characters, a message may have only \\n and \\t.",
        signs: [
            yours(["a message of 1001", "The name"]).says(
                "The sentence speaks of the name, but the message is wrong. The first argument of `check` says which \
                 field it checks.",
            ),
            yours(["message of 1000", "may have 32"]).says(
                "The message was checked against the limit of names.",
            ),
            yours(["letters é", "✗"]).or(yours(["letters 😀", "✗"])).says(
                "Bytes were counted. In UTF-8 an é has two and a 😀 has four.",
            ),
            yours(["a name alone", "✗"]).says(
                "A missing message was taken for an empty one. It is `None`, and there is nothing to check.",
            ),
            yours(["an empty message", "says"]).says(
                "The message isn't checked.",
            ),
            yours(["a name of 33", "says"]).says(
                "The name isn't checked for its length, or for whether anything of it is visible.",
            ),
            yours(["spaces around the name", "\" ada \""]).says(
                "The visible part of the name was checked, but the name is kept as it was typed. Keep what \
                 `visible_name` returns.",
            ),
            yours(["32 letters, and a space", "✗"]).says(
                "The length of the name was counted before the spaces around it were removed.",
            ),
            yours(["in and around a message", "\"h  i\""]).says(
                "The message was trimmed. Keep it as it was typed.",
            ),
            yours(["in and around a message", "\"h i\""]).says(
                "The message was treated like a name. Keep it as it was typed, with its spaces and joiners.",
            ),
            yours(["lines and tabs in a message", "✗"]).says(
                "Line ends and tabs in a message were refused. Only a name may not have them.",
            ),
            yours(["an escape in a message", "says"]).says(
                "Every control character in a message was taken for harmless. Only `\\n` and `\\t` are.",
            ),
            yours(["a C1 control", "says"]).and(yours(["a \\r in a message", "says"])).says(
                "All white space was taken for harmless. `is_whitespace` is true for some control characters, \
                 too, such as `\\r` and U+0085.",
            ),
            yours(["a C1 control", "says"]).says(
                "Only the control characters of ASCII are refused. U+0080 to U+009F control a terminal, too.",
            ),
            yours(["a \\r in a message", "says"]).says(
                "`\\r` was taken for harmless. It sends a terminal to the beginning of its line, to write over what \
                 is there.",
            ),
            yours(["both fields", "message"]).says(
                "The message was checked before the name.",
            ),
            yours(["a tag and a quote", "&"]).says(
                "The server escaped the message for HTML. It sends text, and the page decides how to show it.",
            ),
        ],
        shows: || {
            let shown = |text: &str| match text.chars().count() {
                0..=20 => format!("{text:?}"),
                count => format!("{count} characters"),
            };
            let rows = cases().map(|(title, json)| {
                let verdict = match protocol::read(&json) {
                    Ok(said) => match &said.message {
                        Some(message) => format!("{} says {}", shown(&said.username), shown(message)),
                        None => format!("{} says nothing", shown(&said.username)),
                    },
                    Err(rejection) => format!("✗ {rejection}"),
                };
                format!("{title:<30} {verdict}")
            });
            rows.join("\n")
        },
    }
}

fn name(name: &str) -> String {
    format!(r#"{{"username":"{name}"}}"#)
}

/// What pages say, each with its title.
fn cases() -> [(&'static str, String); 23] {
    let message = ada_says;
    [
        ("a name and a message", message("hi")),
        ("a name alone", name("ada")),
        (
            "a message that is null",
            r#"{"username":"ada","message":null}"#.to_string(),
        ),
        ("spaces around the name", name(" ada ")),
        ("spaces in and around a message", message("  h  i ")),
        ("a name of 32 letters é", name(&"é".repeat(32))),
        ("a name of 33", name(&"é".repeat(33))),
        ("32 letters, and a space", name(&("n".repeat(32) + " "))),
        ("a message of 1000 letters 😀", message(&"😀".repeat(1000))),
        ("a message of 1001", message(&"m".repeat(1001))),
        ("no name", name("")),
        ("a name of spaces", name("   ")),
        ("a name of no-break spaces", name("\u{a0}\u{2003}")),
        ("a message of spaces", message(r" \n ")),
        ("an empty message", message("")),
        ("lines and tabs in a message", message(r"one\n\ttwo")),
        ("a line's end in a name", name(r"a\nda")),
        ("a bell in a name", name(r"a\u0007da")),
        ("an escape in a message", message(r"\u001b[2J")),
        ("a \\r in a message", message(r"one\r\ntwo")),
        ("a C1 control in a message", message("one\u{85}two")),
        ("a tag and a quote in a message", message(r#"</b>\""#)),
        (
            "both fields are wrong",
            r#"{"username":"","message":""}"#.to_string(),
        ),
    ]
}

#[test]
fn only_the_visible_part_of_a_name_counts() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Invisible characters are removed from a name, and a text without a visible one is blank. In a message \
               they stay: emoji and many scripts need them.",
        signs: [
            missing(["4180 characters"]).says(
                "src/visible.rs was changed. It was right as it was given.",
            ),
            yours(["ada{200b} ", "\"ada{200b}\""]).says(
                "Only the spaces around the name were removed. `visible_name` removes every invisible character.",
            ),
            only(["{200d}", "{202e}"]).and(yours(["\"{1f469}{1f4bb}\""])).says(
                "Invisible characters were removed from the message. Emoji and many scripts need them.",
            ),
        ],
        shows: || {
            let row = |text: &str, verdict: Result<String, Rejection>| {
                let verdict = verdict.map_or_else(|rejection| format!("✗ {rejection}"), |it| format!("{it:?}"));
                format!("{:<30} {verdict}\n", escaped(text))
            };
            let names = NAMES.iter().map(|text| {
                let said = protocol::read(&name(text));
                row(text, said.map(|said| escaped(&said.username)))
            });
            let messages = MESSAGES.iter().map(|text| {
                let said = protocol::read(&ada_says(text));
                row(text, said.map(|said| escaped(&said.message.unwrap_or_default())))
            });
            let (names, messages) = (String::from_iter(names), String::from_iter(messages));
            let invisible = ('\0'..=char::MAX).filter(|it| visible::is_invisible(*it)).count();
            format!("{names}\nas a message\n{messages}\n{invisible} characters show nothing\n")
        },
    }
}

const NAMES: [&str; 20] = [
    "ada\u{200b}",
    "\u{feff}ada",
    "a\u{ad}da",
    "\u{202e}ada",
    "ada\u{2066}\u{2069}",
    "ada\u{e0041}",
    "ada\u{fe0f}",
    "ada\u{34f}",
    "ada\u{2800}",
    "ada  \u{2003}l.",
    "ada\u{2028}l.",
    "\u{3164}",
    "\u{ffa0}\u{115f}\u{1160}",
    "\u{200b} \u{200b}",
    "a\u{85}da",
    "a\u{9b}31mda",
    "👩\u{200d}💻",
    "ада",
    "José",
    "Jose\u{301}",
];

const MESSAGES: [&str; 5] = [
    "\u{3164}",
    "\u{200b} \\n",
    "👩\u{200d}💻",
    "\u{202e}ada",
    "\u{9b}31m",
];

/// A text in which each character that isn't ASCII is written like `{200b}`.
fn escaped(text: &str) -> String {
    let escape = |it: char| match it {
        ' '..='~' => it.to_string(),
        _ => format!("{{{:x}}}", u32::from(it)),
    };
    text.chars().map(escape).collect()
}

#[test]
fn each_rejection_is_a_sentence() {
    check! {
        rfc: "the workshop's own rule",
        rule: "Each rejection is a sentence that says what was wrong. If a text isn't a message of this chat, the \
               sentence shows what such a message is like.",
        signs: [],
        shows: || {
            let mut shown = String::new();
            for text in NO_MESSAGES {
                let verdict = match protocol::read(text) {
                    Ok(said) => format!("{said:?}"),
                    Err(rejection) => rejection.to_string(),
                };
                shown += &format!("{text}\n  {verdict}\n");
            }
            let taken = Rejection::NameTaken("ada".to_string());
            for rejection in [Rejection::Binary, taken, Rejection::TooFast, Rejection::Busy] {
                shown += &format!("{rejection}\n");
            }
            shown
        },
    }
}

const NO_MESSAGES: [&str; 6] = [
    "hi",
    "",
    r#""hi""#,
    r#"{"message":"hi"}"#,
    r#"{"username":7,"message":"hi"}"#,
    r#"{"username":"ada","username":"bob"}"#,
];

#[test]
fn the_server_sends_json() {
    check! {
        rfc: "RFC 8259 §7",
        rule: "Each text message of the server is one JSON value. Quotes, backslashes and line ends in a text are \
               escaped; a tag is ordinary text.",
        signs: [
            yours(["say \"hi\""]).says(
                "The JSON was put together by hand: a quote in a message ends its string. `serde_json` escapes it.",
            ),
            yours(["&lt;"]).says(
                "The server escaped a message for HTML. It sends text, and the page decides how to show it.",
            ),
        ],
        shows: || {
            let texts = ["say \"hi\"", "C:\\temp", "one\n\ttwo", "</script><b>&amp;", "é😀"];
            let messages = texts.map(|text| {
                let content = NewMessage { username: "ada".to_string(), message: text.to_string() };
                ServerMessage::Message(Message { id: 1, content })
            });
            let name = || r#"a"da"#.to_string();
            let others = [
                ServerMessage::People(vec![name(), "bob".to_string()]),
                ServerMessage::You(name()),
                ServerMessage::Joined(name()),
                ServerMessage::Left(name()),
                ServerMessage::Error(Rejection::NameTaken(name()).to_string()),
            ];
            let lines = messages.iter().chain(&others).map(ServerMessage::to_json);
            Vec::from_iter(lines).join("\n")
        },
    }
}
