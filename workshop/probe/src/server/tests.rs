//! The probe against a small server that keeps every rule, and against the same one with a fault.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use flate2::{Compress, Compression, FlushCompress};
use workshop_terminal::text::columns;
use workshop_wire::close_code::may_be_sent;
use workshop_wire::deflate::{Agreement, Element, InflateError, Inflater, elements};

use super::*;
use crate::frame::{self, CLOSE, CONTINUATION, FIN, Frame, PING, PONG, RSV1, TEXT};
use crate::head::KEYS;
use crate::outcome::Mark;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    AnswersOneKeyOnly,
    TakesASubprotocol,
    TakesAnExtension,
    MindsCase,
    TakesPost,
    TakesOldHttp,
    TakesNoHost,
    TakesTwoHosts,
    TakesNoKey,
    TakesTwoKeys,
    TakesNoVersion,
    HidesItsVersion,
    HangsUpOnWrongHeads,
    MasksItsFrames,
    PongsWithNothing,
    TakesUnmasked,
    TakesReservedBits,
    TakesReservedOpcodes,
    TakesAnyText,
    ExpectsWholeFrames,
    DropsFragments,
    HangsUpOnClose,
    KeepsTcpOpen,
    SendsAnyCodeBack,
    SendsAnyReasonBack,
    DeclinesCompression,
    AgreesToAnything,
    AnswersMoreThanAsked,
    StopsAtBfinal,
    ForgetsItsContext,
    ExpectsCompression,
    LeavesTheTail,
    SetsRsv1OnPongs,
    NeverForgets,
    IgnoresItsWindow,
    TakesMisplacedBits,
    TakesAnyDeflate,
    DiesOfBombs,
}

/// Each fault, and the rule that must find it.
const FOUND_BY: [(Fault, &str); 37] = [
    (Fault::AnswersOneKeyOnly, "the accept key is the key's"),
    (Fault::TakesASubprotocol, "no subprotocol that wasn't asked"),
    (Fault::TakesAnExtension, "no extension that wasn't offered"),
    (Fault::MindsCase, "names and tokens in any case"),
    (Fault::TakesPost, "POST is refused"),
    (Fault::TakesOldHttp, "HTTP/1.0 is refused"),
    (Fault::TakesNoHost, "no Host is refused"),
    (Fault::TakesTwoHosts, "two Hosts are refused"),
    (Fault::TakesNoKey, "no key is refused"),
    (Fault::TakesTwoKeys, "two keys are refused"),
    (Fault::TakesNoVersion, "no version is refused"),
    (Fault::HidesItsVersion, "version 25 is told what there is"),
    (Fault::HangsUpOnWrongHeads, "no version is refused"),
    (Fault::MasksItsFrames, "its own frames are right"),
    (Fault::PongsWithNothing, "a ping is answered"),
    (Fault::TakesUnmasked, "an unmasked frame fails"),
    (Fault::TakesReservedBits, "RSV1, RSV2, RSV3 fail"),
    (Fault::TakesReservedOpcodes, "opcodes 3–7 and b–f fail"),
    (Fault::TakesAnyText, "text that isn't UTF-8 fails"),
    (Fault::ExpectsWholeFrames, "a stream cut at every byte"),
    (Fault::DropsFragments, "100,000 one-byte fragments"),
    (Fault::HangsUpOnClose, "Close, then Close, then FIN"),
    (Fault::KeepsTcpOpen, "Close and FIN at once: answered"),
    (Fault::SendsAnyCodeBack, "1005, 1006, 1015 aren't sent back"),
    (Fault::SendsAnyReasonBack, "a reason that isn't UTF-8 fails"),
    (Fault::AnswersMoreThanAsked, "its answer fits the offer"),
    (Fault::AgreesToAnything, "a bad offer is declined"),
    (Fault::StopsAtBfinal, "\"Hello\", compressed, is echoed"),
    (Fault::ForgetsItsContext, "… and one that refers back to it"),
    (Fault::ExpectsCompression, "… and one that isn't compressed"),
    (Fault::LeavesTheTail, "its own frames, compressed"),
    (Fault::SetsRsv1OnPongs, "its own frames, compressed"),
    (Fault::NeverForgets, "no_context_takeover is kept to"),
    (Fault::IgnoresItsWindow, "server_max_window_bits=9, too"),
    (Fault::TakesMisplacedBits, "RSV1 where no message begins"),
    (Fault::TakesAnyDeflate, "what isn't DEFLATE fails"),
    (Fault::TakesAnyText, "compressed, and not UTF-8: fails"),
];

#[test]
fn each_fault_is_found_by_its_rule() {
    let good = start(Fault::None);
    thread::scope(|scope| {
        for (fault, words) in FOUND_BY {
            scope.spawn(move || {
                let rule = rules().find(|rule| rule.words == words);
                let rule = rule.expect("the rule is one of the probe's");
                let outcome = outcome(rule, &start(fault), PATIENCE);
                assert_eq!(outcome.mark, Mark::Broken, "{fault:?}: {outcome:?}");
            });
        }
    });
    for (_, words) in FOUND_BY {
        let rule = rules().find(|rule| rule.words == words).expect("there");
        let outcome = outcome(rule, &good, Duration::from_secs(5));
        assert_eq!(outcome.mark, Mark::Kept, "{words}: {outcome:?}");
    }
}

#[test]
fn a_server_without_a_fault_keeps_every_rule() {
    let (end, said) = told(Fault::None);
    assert_eq!(end, Exit::Success, "{said}");
    assert!(!said.contains("\n✗") && !said.contains("\n!"), "{said}");
    assert!(said.lines().all(|line| columns(line) <= 80), "{said}");
    assert!(said.contains("431 after "), "{said}");
    assert!(said.contains("reads no more after "), "{said}");
}

#[test]
fn a_server_with_a_fault_is_red() {
    let (end, said) = told(Fault::AnswersOneKeyOnly);
    assert_eq!(end, Exit::Red, "{said}");
    assert!(said.contains("\n✗ the accept key is the key's"), "{said}");
    assert!(said.contains(" 1 broken"), "{said}");
}

#[test]
fn a_server_that_declines_compression_is_asked_nothing_about_it() {
    let (end, said) = told(Fault::DeclinesCompression);
    assert_eq!(end, Exit::Success, "{said}");
    let count = super::compression::RULES.len();
    let words: Vec<&str> = said.split_whitespace().collect();
    let line = format!("- {count} rules aren't asked the offer is declined");
    assert!(words.join(" ").contains(&line), "{said}");
    assert!(said.contains(&format!(" {count} not asked,")), "{said}");
}

#[test]
fn a_group_can_be_asked_for_by_its_title() {
    let url = format!("ws://{}/", address_of(&start(Fault::DeclinesCompression)));
    let terms = Terms {
        only: "compression",
        ..TERMS
    };
    let mut said = String::new();
    probe(&url, false, terms, &mut |line| {
        said.push_str(&format!("{line}\n"))
    })
    .expect("it echoes");
    let count = super::compression::RULES.len();
    assert!(
        said.contains(&format!("\n{count} rules: 0 kept,")),
        "{said}"
    );
}

#[test]
fn a_server_must_live_on_after_a_bomb() {
    let words = "64 MiB of zeros in 64 KiB";
    let rule = rules().find(|rule| rule.words == words).expect("there");
    let survived = outcome(rule, &start(Fault::None), DEADLINE);
    assert_eq!(survived, Outcome::chosen("Close 1009, FIN"));
    let dead = outcome(rule, &start(Fault::DiesOfBombs), DEADLINE);
    assert_eq!(dead.mark, Mark::Broken, "{dead:?}");
    assert!(dead.did.contains("; then "), "{dead:?}");
}

#[test]
fn where_there_is_no_echo_server_one_sentence_says_so() {
    for (address, why) in [
        (refusing(), "takes no connection"),
        (address_of(&start(Fault::KeepsTcpOpen)), "404"),
    ] {
        let url = format!("ws://{address}/elsewhere");
        let error = probe(&url, false, TERMS, &mut |line| panic!("{line}"));
        let sentence = error.expect_err("there is none").to_string();
        assert!(sentence.contains(why), "{sentence}");
        assert_eq!(sentence.lines().count(), 1, "{sentence}");
    }
}

#[test]
fn a_rule_fits_into_its_line() {
    for rule in rules() {
        assert!(columns(rule.words) <= 33, "{}", rule.words);
        assert!(columns(rule.section) <= 9, "{}", rule.section);
    }
}

/// `localhost` is `::1` first on most machines, and most servers listen on 127.0.0.1 only.
#[test]
fn every_address_of_a_name_is_tried() {
    let good = start(Fault::None);
    let port = address_of(&good).port();
    let by_name = Target::find(&format!("ws://localhost:{port}/"), false).expect("it is known");
    assert_eq!(greet(&by_name, DEADLINE), Ok(address_of(&good)));

    let two = Target {
        addresses: vec![refusing(), address_of(&good)],
        ..good.clone()
    };
    assert_eq!(greet(&two, DEADLINE), Ok(address_of(&good)));

    let none = Target {
        addresses: vec![refusing(), refusing()],
        ..good
    };
    let said = greet(&none, DEADLINE).expect_err("nobody listens");
    for address in &none.addresses {
        assert!(said.contains(&address.to_string()), "{said}");
    }
}

/// An address that refuses: its listener is gone.
fn refusing() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it has an address")
}

fn address_of(target: &Target) -> SocketAddr {
    target.addresses[0]
}

const PATIENCE: Duration = Duration::from_secs(1);
const TERMS: Terms = Terms {
    patience: PATIENCE,
    only: "",
};
/// The longest message that is inflated.
const MAX_MESSAGE: u64 = 1 << 20;
/// Longer than anything takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(20);

fn rules() -> impl Iterator<Item = &'static Rule> {
    GROUPS.iter().flat_map(|(_, rules)| rules.iter())
}

fn told(fault: Fault) -> (Exit, String) {
    let url = format!("ws://{}/", address_of(&start(fault)));
    let mut said = String::new();
    let end = probe(&url, false, TERMS, &mut |line| {
        said.push_str(line);
        said.push('\n');
    });
    (end.expect("it echoes"), said)
}

/// A server on a free port, for as long as the tests run.
fn start(fault: Fault) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address: SocketAddr = listener.local_addr().expect("it has an address");
    let is_dead = Arc::new(AtomicBool::new(false));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let is_dead = Arc::clone(&is_dead);
            if !is_dead.load(Ordering::SeqCst) {
                thread::spawn(move || serve(stream, fault, &is_dead));
            }
        }
    });
    Target::find(&format!("ws://{address}/"), false).expect("it is on this machine")
}

fn serve(mut stream: TcpStream, fault: Fault, is_dead: &AtomicBool) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.set_write_timeout(Some(Duration::from_secs(20)))?;
    let mut input = Vec::new();
    let end = loop {
        match input.windows(4).position(|window| window == b"\r\n\r\n") {
            Some(end) => break end,
            None if input.len() > 64 << 10 => {
                stream.write_all(b"HTTP/1.1 431 Too Much\r\n\r\n")?;
                return linger(stream);
            }
            None if !more(&mut stream, &mut input)? => return Ok(()),
            None => {}
        }
    };
    let head: Vec<u8> = input.drain(..end + 4).collect();
    let head = String::from_utf8_lossy(&head).into_owned();
    let deflate = match judge(&head, fault) {
        Ok((response, deflate)) => {
            stream.write_all(response.as_bytes())?;
            deflate
        }
        Err(_) if fault == Fault::HangsUpOnWrongHeads => return Ok(()),
        Err(answer) => return stream.write_all(format!("HTTP/1.1 {answer}\r\n\r\n").as_bytes()),
    };
    talk(stream, input, deflate, fault, is_dead)
}

/// Reads what comes until the other side ends it.
fn linger(mut stream: TcpStream) -> io::Result<()> {
    stream.shutdown(std::net::Shutdown::Write)?;
    io::copy(&mut stream, &mut io::sink()).map(|_| ())
}

fn more(stream: &mut TcpStream, input: &mut Vec<u8>) -> io::Result<bool> {
    let mut buffer = [0; 4096];
    let count = stream.read(&mut buffer)?;
    input.extend(&buffer[..count]);
    Ok(count > 0)
}

fn judge(head: &str, fault: Fault) -> Result<(String, Option<Deflate>), &'static str> {
    let line = head.lines().next().unwrap_or_default();
    let all = |name: &str| -> Vec<&str> {
        let fields = head.lines().filter_map(|line| line.split_once(": "));
        let same = |found: &str| match fault {
            Fault::MindsCase => found == name,
            _ => found.eq_ignore_ascii_case(name),
        };
        fields
            .filter(|field| same(field.0))
            .map(|field| field.1)
            .collect()
    };
    let ok = |is_fine: bool, excuse: Fault| is_fine || fault == excuse;
    if !line.contains(" / ") {
        return Err("404 Not Found");
    }
    let upgrade = all("Upgrade");
    if !upgrade
        .iter()
        .any(|value| value.eq_ignore_ascii_case("websocket"))
    {
        return Err("426 Upgrade Required");
    }
    let keys = all("Sec-WebSocket-Key");
    let hosts = all("Host").len();
    let is_wrong = !ok(line.starts_with("GET "), Fault::TakesPost)
        || !ok(line.ends_with("HTTP/1.1"), Fault::TakesOldHttp)
        || !ok(hosts > 0, Fault::TakesNoHost)
        || !ok(hosts < 2, Fault::TakesTwoHosts)
        || !ok(!keys.is_empty(), Fault::TakesNoKey)
        || !ok(keys.len() < 2, Fault::TakesTwoKeys)
        || keys.first().is_some_and(|key| key.len() != 24);
    if is_wrong {
        return Err("400 Bad Request");
    }
    let versions = all("Sec-WebSocket-Version");
    if versions.is_empty() && fault != Fault::TakesNoVersion {
        return Err("400 Bad Request");
    }
    if versions.iter().any(|version| *version != "13") {
        return Err(match fault {
            Fault::HidesItsVersion => "426 Upgrade Required",
            _ => "426 Upgrade Required\r\nSec-WebSocket-Version: 13",
        });
    }
    let known = KEYS.iter().find(|known| Some(&known.0) == keys.first());
    let accept = match fault {
        Fault::AnswersOneKeyOnly => KEYS[0].1,
        _ => known.map_or("", |known| known.1),
    };
    let offers = elements(&all("Sec-WebSocket-Extensions").join(", "));
    let answer = match fault {
        Fault::DeclinesCompression => None,
        _ => offers.iter().find_map(|offer| accepted(offer, fault)),
    };
    let extra = match (fault, &answer) {
        (Fault::TakesASubprotocol, _) => "Sec-WebSocket-Protocol: chat\r\n".to_string(),
        (Fault::TakesAnExtension, _) => "Sec-WebSocket-Extensions: x\r\n".to_string(),
        (_, Some(answer)) => format!("Sec-WebSocket-Extensions: {answer}\r\n"),
        (_, None) => String::new(),
    };
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{extra}\r\n"
    );
    Ok((response, answer.map(|answer| Deflate::new(&answer, fault))))
}

/// The answer to an offer of compression. `None` if it is declined.
fn accepted(offer: &Element, fault: Fault) -> Option<String> {
    let mut answer = "permessage-deflate".to_string();
    if fault == Fault::AgreesToAnything {
        return Some(answer);
    }
    if fault == Fault::AnswersMoreThanAsked {
        answer += "; client_max_window_bits=10";
    }
    // An offer may have all that an answer may, and one more.
    let mut asked = offer.clone();
    let bare = ("client_max_window_bits".to_string(), None);
    asked.parameters.retain(|parameter| *parameter != bare);
    let agreement = Agreement::of_answer(&asked).ok()?;
    if !agreement.server.takes_over {
        answer += "; server_no_context_takeover";
    }
    if !agreement.client.takes_over {
        answer += "; client_no_context_takeover";
    }
    match agreement.server.window_bits {
        8 => return None,
        15 => {}
        bits => answer += &format!("; server_max_window_bits={bits}"),
    }
    Some(answer)
}

/// One connection's compression.
struct Deflate {
    agreement: Agreement,
    inflater: Inflater,
    compress: Compress,
}

impl Deflate {
    fn new(answer: &str, fault: Fault) -> Self {
        let agreement = Agreement::of_answer(&elements(answer)[0]).expect("it is its own");
        let bits = match fault {
            Fault::IgnoresItsWindow => 15,
            _ => agreement.server.window_bits,
        };
        Self {
            agreement,
            inflater: Inflater::new(agreement.client, MAX_MESSAGE),
            compress: Compress::new_with_window_bits(Compression::best(), false, bits),
        }
    }

    /// Inflates a message, or says with which code it fails the connection.
    fn inflated(&mut self, message: &[u8], fault: Fault) -> Result<Vec<u8>, u16> {
        if fault == Fault::ForgetsItsContext {
            self.inflater = Inflater::new(self.agreement.client, MAX_MESSAGE);
        }
        let is_last = message.first().is_some_and(|first| first & 1 != 0);
        if fault == Fault::StopsAtBfinal && is_last {
            return Err(1007);
        }
        let mut bytes = Vec::new();
        let inflated = self
            .inflater
            .inflate(message, |piece| bytes.extend(piece))
            .and_then(|()| self.inflater.finish(|piece| bytes.extend(piece)));
        match inflated {
            Ok(()) => Ok(bytes),
            Err(InflateError::TooLong) => Err(1009),
            Err(_) if fault == Fault::TakesAnyDeflate => Ok(message.to_vec()),
            Err(_) => Err(1007),
        }
    }

    fn deflated(&mut self, message: &[u8], fault: Fault) -> Vec<u8> {
        if !self.agreement.server.takes_over && fault != Fault::NeverForgets {
            self.compress.reset();
        }
        let mut bytes = Vec::with_capacity(message.len() + 1000);
        let done = self
            .compress
            .compress_vec(message, &mut bytes, FlushCompress::Sync);
        done.expect("there is room for it");
        if fault != Fault::LeavesTheTail {
            bytes.truncate(bytes.len().saturating_sub(4));
        }
        if bytes.is_empty() { vec![0] } else { bytes }
    }
}

fn talk(
    mut stream: TcpStream,
    mut input: Vec<u8>,
    mut deflate: Option<Deflate>,
    fault: Fault,
    is_dead: &AtomicBool,
) -> io::Result<()> {
    let mut message = Vec::new();
    // The opcode and RSV1 of the message.
    let mut kind = TEXT;
    loop {
        let frame = match frame::read(&input) {
            Ok(None) => {
                if fault == Fault::ExpectsWholeFrames {
                    input.clear();
                }
                if !more(&mut stream, &mut input)? {
                    return Ok(());
                }
                continue;
            }
            Ok(Some((frame, used))) => {
                input.drain(..used);
                frame
            }
            Err(_) => return close(stream, 1009, b""),
        };
        if let Some(code) = wrong(&frame, deflate.is_some(), fault) {
            return close(stream, code, b"");
        }
        match frame.opcode() {
            PING if fault == Fault::PongsWithNothing => send(&mut stream, FIN | PONG, b"", fault)?,
            PING if fault == Fault::SetsRsv1OnPongs => {
                send(&mut stream, FIN | RSV1 | PONG, &frame.payload, fault)?;
            }
            PING => send(&mut stream, FIN | PONG, &frame.payload, fault)?,
            CLOSE => return answer(stream, &frame.payload, fault),
            CONTINUATION if fault == Fault::DropsFragments => {}
            opcode => {
                message.extend(&frame.payload);
                if opcode != CONTINUATION {
                    kind = frame.first & !FIN;
                }
                if kind == TEXT && !is_text(&message) && fault != Fault::TakesAnyText {
                    return close(stream, 1007, b"");
                }
            }
        }
        if frame.opcode() >= CLOSE || !frame.is_final() {
            continue;
        }
        let Some(deflate) = &mut deflate else {
            send(&mut stream, FIN | TEXT, &message, fault)?;
            message.clear();
            continue;
        };
        if kind & RSV1 != 0 || fault == Fault::ExpectsCompression {
            message = match deflate.inflated(&message, fault) {
                Ok(message) => message,
                Err(1009) if fault == Fault::DiesOfBombs => {
                    is_dead.store(true, Ordering::SeqCst);
                    return Ok(());
                }
                Err(code) => return close(stream, code, b""),
            };
        }
        if kind == RSV1 | TEXT && !is_text(&message) && fault != Fault::TakesAnyText {
            return close(stream, 1007, b"");
        }
        let bytes = deflate.deflated(&message, fault);
        send(&mut stream, FIN | RSV1 | TEXT, &bytes, fault)?;
        message.clear();
    }
}

fn wrong(frame: &Frame, deflates: bool, fault: Fault) -> Option<u16> {
    let is_masked = frame.is_masked() || fault == Fault::TakesUnmasked;
    let begins = matches!(frame.opcode(), 1..=2) || fault == Fault::TakesMisplacedBits;
    let allowed = if deflates && begins { RSV1 } else { 0 };
    let is_plain = frame.first & 0x70 & !allowed == 0 || fault == Fault::TakesReservedBits;
    let is_known = matches!(frame.opcode(), 0..=2 | 8..=10) || fault == Fault::TakesReservedOpcodes;
    (!is_masked || !is_plain || !is_known || !frame.minimal).then_some(1002)
}

fn is_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok()
}

fn answer(mut stream: TcpStream, payload: &[u8], fault: Fault) -> io::Result<()> {
    if fault == Fault::HangsUpOnClose {
        return Ok(());
    }
    let [first, second, reason @ ..] = payload else {
        return match payload {
            [] => send(&mut stream, FIN | CLOSE, b"", fault),
            _ => close(stream, 1002, b""),
        };
    };
    let code = u16::from_be_bytes([*first, *second]);
    if !may_be_sent(code) && fault != Fault::SendsAnyCodeBack {
        return close(stream, 1002, b"");
    }
    if !is_text(reason) && fault != Fault::SendsAnyReasonBack {
        return close(stream, 1007, b"");
    }
    if fault == Fault::KeepsTcpOpen {
        send(&mut stream, FIN | CLOSE, payload, fault)?;
        thread::sleep(PATIENCE * 3);
    }
    close(stream, code, reason)
}

fn close(mut stream: TcpStream, code: u16, reason: &[u8]) -> io::Result<()> {
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend(reason);
    send(&mut stream, FIN | CLOSE, &payload, Fault::None)?;
    linger(stream)
}

fn send(stream: &mut TcpStream, first: u8, payload: &[u8], fault: Fault) -> io::Result<()> {
    let draft = frame::Draft {
        first,
        masked: fault == Fault::MasksItsFrames,
        length: frame::Length::Minimal,
        payload,
    };
    stream.write_all(&draft.bytes())
}
