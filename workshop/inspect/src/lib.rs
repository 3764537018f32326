//! `cargo workshop inspect`: any frame, drawn as RFC 6455 §5.2 draws it.
//!
//! Step 05 draws. This package reads the bytes from a command line or a file, and says which rules they break: a
//! drawing refuses nothing. It also shows what compressed messages inflate to (RFC 7692).

mod rules;

use std::fs;
use std::io::{self, Read};

use anyhow::{Context, Result, anyhow, bail};
use clap::{Arg, ArgAction, ArgMatches, Command};
use frame_header::draw::draw_first;
use frame_header::hex;
use frame_header::{Decoded, Opcode, ReservedBits, decode};
use workshop_terminal::command_line::Exit;
use workshop_terminal::text::{fold, say, wrap};
use workshop_wire::deflate::InflateError;
use workshop_wire::side::Side;

use self::rules::{Inflated, Rules, Verdict};

/// A text up to this length is in the drawing already, in quotes.
const MAX_QUOTED: usize = 40;
/// The number of characters of a text that are shown.
const MAX_SHOWN: usize = 2000;
/// The number of inflated bytes that are shown in hexadecimal.
const MAX_BYTES: usize = 18;
const WIDTH: usize = 80;
const EXAMPLE: &str = "81 85 37 fa 21 3d 7f 9f 4d 51 58";

/// The command line.
pub fn command() -> Command {
    Command::new("inspect")
        .bin_name("cargo workshop inspect")
        .about("Draw frames, given in hexadecimal, bit by bit")
        .arg(
            Arg::new("hex")
                .value_name("HEX")
                .num_args(1..)
                .required_unless_present("file")
                .help("One frame or several after one another; `-` reads them from the input"),
        )
        .arg(
            Arg::new("file")
                .long("file")
                .value_name("FILE")
                .conflicts_with("hex")
                .help("Read the hexadecimal from a file; lines that begin with # are left out"),
        )
        .arg(
            Arg::new("from")
                .long("from")
                .value_name("SIDE")
                .value_parser(["client", "server"])
                .help("Who sent the frames; a client's must be masked, a server's must not"),
        )
        .arg(
            Arg::new("deflate")
                .long("deflate")
                .action(ArgAction::SetTrue)
                .help("permessage-deflate was negotiated, so RSV1 says: compressed"),
        )
        .after_help(format!(
            "8185, 81 85, 81:85, 0x81, 0x85 and \\x81\\x85 are all the same two bytes.\n\n\
             Exit codes: 0 no rule is broken, 1 a frame breaks one, 2 there is nothing to draw.\n\n\
             Examples:\n  cargo workshop inspect {EXAMPLE}\n  cargo workshop inspect --file tests/captures/chromium-156-close.hex\n  \
             cargo workshop inspect --deflate c1 07 f2 48 cd c9 c9 07 00"
        ))
}

/// Does what the command line says.
///
/// # Errors
/// Returns an error if the file can't be read, or the text isn't hexadecimal.
pub fn run(matches: &ArgMatches) -> Result<Exit> {
    let given: Vec<&str> = matches
        .get_many::<String>("hex")
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    let text = match (matches.get_one::<String>("file"), &given[..]) {
        (Some(file), _) => {
            fs::read_to_string(file).with_context(|| format!("{file} can't be read as text"))?
        }
        (None, ["-"]) => {
            let mut text = String::new();
            let read = io::stdin().read_to_string(&mut text);
            read.context("The input can't be read as text")?;
            text
        }
        (None, words) => words.join(" "),
    };
    let from = matches
        .get_one::<String>("from")
        .map(|side| match side.as_str() {
            "client" => Side::Client,
            _ => Side::Server,
        });
    let inspected = inspect(&text, from, matches.get_flag("deflate"))?;
    say(&inspected.drawing);
    Ok(if inspected.is_broken {
        Exit::Red
    } else {
        Exit::Success
    })
}

/// The result of [`inspect`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// The drawing of each frame, with the rules that it breaks.
    pub drawing: String,
    /// Whether a frame breaks a rule.
    pub is_broken: bool,
}

/// Draws and judges the frames in a hexadecimal text. `from` is the side that sent them all, if that is known. If
/// `deflates`, permessage-deflate was negotiated.
///
/// # Errors
/// Returns an error if the text is empty or isn't hexadecimal.
pub fn inspect(text: &str, from: Option<Side>, deflates: bool) -> Result<Inspected> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let bytes = hex::parse(&lines.collect::<Vec<_>>().join("\n")).map_err(|error| {
        let why = error.to_string();
        let why = why.trim_end_matches('.');
        anyhow!(wrap(
            &format!("{why}; a frame is given in hexadecimal, like {EXAMPLE}."),
            WIDTH,
            0,
        ))
    })?;
    if bytes.is_empty() {
        bail!("There are no bytes to draw; a frame is given like {EXAMPLE}.");
    }
    let mut frames = Vec::new();
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let (drawing, length) = draw_first(rest);
        frames.push((rest, drawing, length));
        rest = &rest[length..];
    }
    let is_one = frames.len() == 1;
    let mut rules = Rules::new(from, deflates);
    let mut at = 0;
    let mut is_broken = false;
    let mut shown = Vec::new();
    for (number, (bytes, drawing, length)) in frames.into_iter().enumerate() {
        let title = if is_one {
            String::new()
        } else {
            format!(
                "Frame {}, bytes {at} to {}\n\n",
                number + 1,
                at + length - 1
            )
        };
        let frame = &bytes[..length];
        let Verdict { faults, inflated } = rules.judge(frame);
        is_broken |= !faults.is_empty();
        let faults: String = faults
            .iter()
            .map(|fault| verdict(fault, deflates))
            .collect();
        let remarks = match inflated {
            Some(inflated) => inflated_to(&inflated, deflates),
            None => remarks(frame),
        };
        shown.push(title + &drawing + &faults + &remarks);
        at += length;
    }
    Ok(Inspected {
        drawing: shown.join("\n"),
        is_broken,
    })
}

/// Returns the whole of a long text, which the drawing cuts short.
fn remarks(frame: &[u8]) -> String {
    match decode(frame, ReservedBits::NONE) {
        Err(_) | Ok(Decoded::Incomplete { .. }) => String::new(),
        Ok(Decoded::Header { header, length }) => {
            let payload = &frame[length..];
            let key = header.masking_key.unwrap_or_default();
            let plain = payload.iter().zip(key.iter().cycle());
            let plain: Vec<u8> = plain.map(|(byte, key)| byte ^ key).collect();
            match header.opcode {
                Opcode::Text | Opcode::Continuation => whole_text(&plain),
                _ => String::new(),
            }
        }
    }
}

/// Returns what a payload inflates to. If compression wasn't negotiated, a payload that doesn't inflate is nothing to
/// speak of.
fn inflated_to(inflated: &Inflated, deflates: bool) -> String {
    match inflated {
        Inflated::Bytes { bytes, is_text } => {
            let title = match bytes.len() {
                1 => "Inflated, 1 byte".to_string(),
                count => format!("Inflated, {count} bytes"),
            };
            match str::from_utf8(bytes) {
                _ if bytes.is_empty() => format!("{title}\n"),
                Ok(text) if *is_text => titled(&title, text),
                _ => in_hex(&title, bytes),
            }
        }
        Inflated::Nothing(error @ (InflateError::Lost | InflateError::TooLong)) if deflates => {
            wrap(&format!("Not inflated: {error}"), WIDTH, 2) + "\n"
        }
        Inflated::Nothing(_) => String::new(),
    }
}

fn in_hex(title: &str, bytes: &[u8]) -> String {
    let shown = bytes.iter().take(MAX_BYTES);
    let mut hex: Vec<String> = shown.map(|byte| format!("{byte:02x}")).collect();
    if bytes.len() > MAX_BYTES {
        hex.push("…".to_string());
    }
    format!("{title}: {}\n", hex.join(" "))
}

fn verdict(fault: &str, deflates: bool) -> String {
    let mut text = wrap(&format!("✗ {fault}"), WIDTH, 2) + "\n";
    if fault.starts_with("RSV1") && !deflates {
        text += "  Where permessage-deflate is negotiated, RSV1 says: this message is compressed.\n  \
                 `--deflate` judges it as one.\n";
    }
    text
}

fn whole_text(plain: &[u8]) -> String {
    match std::str::from_utf8(plain) {
        Ok(text) if text.chars().count() > MAX_QUOTED => titled("All of its text", text),
        _ => String::new(),
    }
}

/// A text with its title: on the same line if it is short, else below.
fn titled(title: &str, text: &str) -> String {
    let count = text.chars().count();
    if count <= MAX_QUOTED {
        return format!("{title}: \"{}\"\n", text.escape_debug());
    }
    let start: String = text.chars().take(MAX_SHOWN).collect();
    let start = start.escape_debug().to_string();
    let mut shown = format!("{title}:\n");
    for line in fold(&format!("  {start}"), WIDTH) {
        shown += &format!("{line}\n");
    }
    if count > MAX_SHOWN {
        shown += &format!("  ({} more characters, not shown)\n", count - MAX_SHOWN);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(text: &str) -> Result<String> {
        inspect(text, None, false).map(|inspected| inspected.drawing)
    }

    #[test]
    fn bytes_are_taken_as_people_copy_them() {
        let example = drawn(EXAMPLE).expect("it is hexadecimal");
        for text in [
            "8185 37fa213d 7f9f4d5158",
            "81:85:37:FA:21:3D:7F:9F:4D:51:58",
            "[0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]",
            r"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
            "# what the RFC shows\n81 85 37 fa\n21 3d\n7f 9f 4d 51 58\n",
        ] {
            assert_eq!(drawn(text).expect(text), example, "{text}");
        }
    }

    #[test]
    fn text_that_is_not_hexadecimal_gets_one_sentence() {
        for text in ["", "# nothing", "hello", "[129, 133]", "8", "0x", "81 8"] {
            let sentence = drawn(text).expect_err(text).to_string();
            assert!(
                sentence.ends_with('.') && !sentence.contains(". "),
                "{sentence}"
            );
        }
    }

    #[test]
    fn nothing_is_wider_than_a_terminal() {
        let mut bytes = "817e0400".to_string();
        bytes += &"c3a9".repeat(512);
        for text in [
            EXAMPLE,
            "ffffffffffffffffffff",
            "f3",
            "8900 8a00 c1 05 48",
            "c1 07 f2 48 cd c9 c9 07 00 c2 05 f2 00 11 00 00",
            &bytes,
        ] {
            let drawn = drawn(text).expect(text);
            let widest = drawn.lines().map(workshop_terminal::text::columns).max();
            assert!(widest <= Some(WIDTH), "{drawn}");
        }
    }
}
