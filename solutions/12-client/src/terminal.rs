//! What a person types, and what a person sees. Nothing in here does I/O.

use connection::{CloseCode, Event};

/// A line that a person has typed.
// ANCHOR: line
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
// ANCHOR_END: line

/// The commands, for a person to read.
pub const HELP: &str = "\
/binary 00 ff      sends these bytes as a binary message
/ping [TEXT]       sends a ping; the pong is shown
/close [CODE [REASON]]
                   closes the connection; the code is 1000 unless you give one
//TEXT             sends /TEXT
/help              shows this
Any other line is sent as a text message. Ctrl-D closes the connection.";

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
