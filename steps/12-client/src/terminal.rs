//! What a person types, and what a person sees. Nothing in here does I/O.

use std::ffi::OsStr;

use connection::{CloseCode, Event};

/// A line that a person has typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Any other line: a text message.
    Text(String),
    /// `/binary 00 ff`: a binary message.
    Binary(Vec<u8>),
    /// `/ping` or `/ping hello`.
    Ping(String),
    /// `/close`, `/close 1000` or `/close 1000 bye`.
    Close(CloseCode, String),
    /// `/help`
    Help,
    /// A line that begins like a command and isn't one: why not.
    Wrong(String),
}

/// The commands, for a person to read.
pub const HELP: &str = "\
/binary 00 ff      sends these bytes as a binary message
/ping [TEXT]       sends a ping; the pong is shown
/close [CODE [REASON]]
                   closes the connection; the code is 1000 unless you give one
//TEXT             sends /TEXT
/help              shows this
Any other line is sent as a text message. The arrow keys move in the line, and bring earlier lines back.
Ctrl-D closes the connection, and so does Ctrl-C.";

/// What is in front of the line that a person is typing.
pub const PROMPT: &str = "> ";

/// What a line on the screen is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A message of the server.
    Message,
    /// A line of a conversation: whoever speaks is named in it.
    Said,
    /// A line that the person in front of the screen has typed or said.
    Own,
    /// Something about the connection or the room.
    News,
    /// Something went wrong.
    Wrong,
}

impl Kind {
    /// The beginning of such a line. Colour alone would tell some people nothing.
    fn mark(self) -> &'static str {
        match self {
            Self::Message => "< ",
            Self::Said | Self::Own => "",
            Self::News => "· ",
            Self::Wrong => "! ",
        }
    }

    /// The number of the colour in `ESC [ … m`.
    fn colour(self) -> Option<u8> {
        match self {
            Self::Message | Self::Said => None,
            Self::Own => Some(32),
            Self::News => Some(36),
            Self::Wrong => Some(31),
        }
    }

    /// Returns the kind of an event's line.
    pub fn of(event: &Event) -> Self {
        match event {
            Event::Text(_) | Event::Binary(_) => Self::Message,
            Event::Error(_) => Self::Wrong,
            Event::Open | Event::Ping(_) | Event::Pong(_) | Event::Close { .. } => Self::News,
        }
    }
}

/// Returns whether a terminal is to show colours, by the values of `NO_COLOR` and `TERM`: see <https://no-color.org>.
pub fn wants_colours(no_color: Option<&OsStr>, term: Option<&OsStr>) -> bool {
    no_color.is_none_or(OsStr::is_empty) && !is_dumb(term)
}

/// Returns whether this value of `TERM` means that the cursor can't be moved.
pub fn is_dumb(term: Option<&OsStr>) -> bool {
    term.is_some_and(|term| term == "dumb")
}

/// Begins every command to a terminal.
const ESCAPE: char = '\u{1b}';

/// Erases the line in which the cursor is.
pub const ERASE_LINE: &str = "\r\u{1b}[K";

/// Marks lines for the screen, and colours them.
pub fn paint(kind: Kind, text: &str, colours: bool) -> String {
    let mark = kind.mark();
    let indent = " ".repeat(mark.chars().count());
    let text = format!("{mark}{}", text.replace('\n', &format!("\n{indent}")));
    match kind.colour() {
        Some(colour) if colours => format!("{ESCAPE}[{colour}m{text}{ESCAPE}[0m"),
        _ => text,
    }
}

/// Returns what to write to a terminal whose cursor is in the line that a person is typing. It erases that line,
/// writes what belongs above it, and writes the line again: its visible part, with the cursor in this column.
pub fn redraw(above: Option<&str>, (line, column): (String, usize), colours: bool) -> String {
    // While each key is read as it is pressed, a line feed alone only moves down.
    let above = above.map(|it| it.replace('\n', "\r\n") + "\r\n");
    let above = above.unwrap_or_default();
    let prompt = paint(Kind::Own, PROMPT, colours);
    let column = PROMPT.len() + column;
    format!("{ERASE_LINE}{above}{prompt}{line}\r{ESCAPE}[{column}C")
}

/// Reads a line that a person has typed.
pub fn read_line(line: &str) -> Line {
    let Some(command) = line.strip_prefix('/') else {
        return Line::Text(line.to_string());
    };
    if command.starts_with('/') {
        return Line::Text(command.to_string());
    }
    let (word, rest) = command.split_once(' ').unwrap_or((command, ""));
    match word {
        "binary" => read_bytes(rest),
        "ping" => Line::Ping(rest.to_string()),
        "close" => read_close(rest),
        "help" => Line::Help,
        _ => Line::Wrong(format!(
            "/{word} isn't a command; /help lists them, and //{word} sends it"
        )),
    }
}

fn read_bytes(text: &str) -> Line {
    let digits: Vec<char> = text.chars().filter(|character| *character != ' ').collect();
    let pairs = digits.chunks(2);
    let byte = |pair: &[char]| match pair {
        [high, low] => Some((high.to_digit(16)? << 4 | low.to_digit(16)?) as u8),
        _ => None,
    };
    match pairs.map(byte).collect() {
        Some(bytes) => Line::Binary(bytes),
        None => Line::Wrong("bytes are pairs of hexadecimal digits: /binary 00 ff".to_string()),
    }
}

fn read_close(text: &str) -> Line {
    if text.is_empty() {
        return Line::Close(CloseCode::NORMAL, String::new());
    }
    let (code, reason) = text.split_once(' ').unwrap_or((text, ""));
    match code.parse() {
        Ok(code) => Line::Close(CloseCode(code), reason.to_string()),
        Err(_) => Line::Wrong(format!("{code} isn't a close code: /close 1000 bye")),
    }
}

/// Describes an event in a line. Its text can't move the cursor or colour the terminal, whatever the server sends.
pub fn describe(event: &Event) -> String {
    match event {
        Event::Open => "open".to_string(),
        Event::Text(text) => escape_controls(text),
        Event::Binary(bytes) => format!("binary, {} bytes: {}", bytes.len(), hex(bytes)),
        Event::Ping(payload) => format!("ping {}", payload_text(payload)),
        Event::Pong(payload) => format!("pong {}", payload_text(payload)),
        Event::Error(failure) => format!("the server broke a rule: {failure}"),
        Event::Close { code, reason } => {
            let words = meaning(*code);
            let reason = escape_controls(reason);
            format!("closed with {code} ({words}) {reason}")
                .trim_end()
                .to_string()
        }
    }
}

/// Returns the meaning of a close code in words (RFC 6455 §7.4.1, and the registry at IANA).
pub fn meaning(code: CloseCode) -> &'static str {
    match code {
        CloseCode::NORMAL => "done",
        CloseCode::GOING_AWAY => "going away",
        CloseCode::PROTOCOL_ERROR => "protocol error",
        CloseCode::UNSUPPORTED_DATA => "wrong kind of message",
        CloseCode::NO_STATUS => "no code",
        CloseCode::ABNORMAL => "no Close frame came",
        CloseCode::INVALID_DATA => "text that isn't UTF-8",
        CloseCode::POLICY_VIOLATION => "against the rules of the application",
        CloseCode::TOO_BIG => "message too big",
        CloseCode::EXTENSION_MISSING => "extension missing",
        CloseCode::INTERNAL_ERROR => "error in the server",
        CloseCode::SERVICE_RESTART => "restarting",
        CloseCode::TRY_AGAIN_LATER => "try again later",
        CloseCode::BAD_GATEWAY => "bad gateway",
        CloseCode(3000..=3999) => "a library's own code",
        CloseCode(4000..=4999) => "an application's own code",
        _ => "no known meaning",
    }
}

fn payload_text(payload: &[u8]) -> String {
    escape_controls(&String::from_utf8_lossy(payload))
}

/// Writes every control character but the tab as an escape: `\u{1b}`. Whatever comes from a server goes through this
/// before it is shown.
pub fn escape_controls(text: &str) -> String {
    let escape = |character: char| match character {
        '\t' => character.to_string(),
        _ if character.is_control() => character.escape_default().to_string(),
        _ => character.to_string(),
    };
    text.chars().map(escape).collect()
}

fn hex(bytes: &[u8]) -> String {
    let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}
