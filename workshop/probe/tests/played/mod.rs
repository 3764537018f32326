//! An echo client that keeps every rule, or breaks one of them. It shares no code with the probe, but for what inflates
//! and for the parameters of an extension.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::{Compress, Compression, FlushCompress};
use sha1::{Digest, Sha1};
use workshop_wire::deflate::{Agreement, InflateError, Inflater, elements};

/// A rule that is broken. Some are broken only by tests of the library, some only by those of the program.
#[allow(dead_code, reason = "each of two test programs plays some of them")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Nothing,
    Posts,
    AsksForTheRoot,
    SpeaksOldHttp,
    SendsNoHost,
    AsksForNoUpgrade,
    HasNoConnectionField,
    SpeaksVersion8,
    HasAShortKey,
    HasOneKey,
    SendsTheFragment,
    ReadsTheHeadAtOnce,
    DropsWhatFollowsTheHead,
    MindsCase,
    MindsLists,
    StopsAt100,
    TakesAnyAccept,
    TakesAnAcceptInAnyCase,
    TakesHalfAnAccept,
    TakesNoAccept,
    TakesNoUpgrade,
    TakesNoConnection,
    TakesAnyStatus,
    TakesAnyProtocol,
    TakesASubprotocol,
    TakesAnExtension,
    EndsWithZero,
    EchoesNothing,
    ConnectsNowhere,
    MasksNothing,
    SetsAReservedBit,
    WritesLongLengths,
    MasksWithOneKey,
    Counts,
    MasksFromOneSeed,
    PongsWithNothing,
    ForgetsAtAPing,
    TakesMasked,
    TakesReservedBits,
    TakesReservedOpcodes,
    TakesControlInParts,
    TakesLongControl,
    TakesALoneContinuation,
    TakesTextInAMessage,
    TakesAnyText,
    ExpectsWholeFrames,
    DropsFragments,
    HangsUpOnClose,
    EndsTcpFirst,
    EchoesAfterClose,
    KeepsTcpOpen,
    SendsAnyCodeBack,
    SendsAnyReasonBack,
    EchoesHalfAFrame,
    OffersNoCompression,
    TakesAnyAgreement,
    StopsAtBfinal,
    ForgetsItsContext,
    ExpectsCompression,
    LeavesTheTail,
    NeverForgets,
    IgnoresItsWindow,
    TakesMisplacedBits,
    TakesAnyDeflate,
}

use Fault::*;

/// The longest that a played client waits for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// The longest head that it reads.
const MAX_HEAD: usize = 16 << 10;

/// The longest message that it echoes.
const MAX_MESSAGE: usize = 1 << 20;

/// Connects to this URL, and echoes until the connection ends. An error says that it didn't end well.
pub fn play(url: &str, fault: Fault) -> io::Result<()> {
    if fault == ConnectsNowhere {
        return Err(wrong("no wish to connect"));
    }
    let end = converse(url, fault);
    if fault == EndsWithZero { Ok(()) } else { end }
}

fn converse(url: &str, fault: Fault) -> io::Result<()> {
    let rest = url.strip_prefix("ws://").ok_or(wrong("not a ws:// URL"))?;
    if rest.contains('#') && fault != SendsTheFragment {
        return Err(wrong("a fragment"));
    }
    let at = rest.find('/').unwrap_or(rest.len());
    let (host, resource) = rest.split_at(at);
    let stream = TcpStream::connect(host)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut client = Played {
        stream,
        input: Vec::new(),
        frames: 0,
        has_closed: false,
        deflate: None,
        fault,
    };
    client.open(host, resource)?;
    client.echo()
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Numbers that look random, and are the same in each connection.
fn mixed(number: u32) -> u32 {
    let mixed = number.wrapping_mul(0x9e37_79b1);
    (mixed ^ mixed >> 15).wrapping_mul(0x85eb_ca77)
}

struct Played {
    stream: TcpStream,
    input: Vec<u8>,
    frames: u32,
    has_closed: bool,
    deflate: Option<Deflate>,
    fault: Fault,
}

/// What is needed where compression was agreed on.
struct Deflate {
    agreement: Agreement,
    inflater: Inflater,
    compress: Compress,
}

struct Frame {
    first: u8,
    payload: Vec<u8>,
}

/// What a broken rule leads to: the code of a Close.
type Checked<T> = Result<T, u16>;

impl Played {
    fn more(&mut self) -> io::Result<()> {
        let mut buffer = [0; 64 << 10];
        match self.stream.read(&mut buffer)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            count => {
                self.input.extend(&buffer[..count]);
                Ok(())
            }
        }
    }

    fn open(&mut self, host: &str, resource: &str) -> io::Result<()> {
        let mut nonce = [0; 16];
        if self.fault != HasOneKey {
            nonce[..8].copy_from_slice(&random().to_be_bytes());
            nonce[8..].copy_from_slice(&random().to_be_bytes());
        }
        let length = if self.fault == HasAShortKey { 15 } else { 16 };
        let key = STANDARD.encode(&nonce[..length]);
        let method = if self.fault == Posts { "POST" } else { "GET" };
        let resource = if self.fault == AsksForTheRoot {
            "/"
        } else {
            resource
        };
        let minor = if self.fault == SpeaksOldHttp { 0 } else { 1 };
        let version = if self.fault == SpeaksVersion8 { 8 } else { 13 };
        let mut head = format!(
            "{method} {resource} HTTP/1.{minor}\r\nHost: {host}\r\nUpgrade: websocket\r\n\
             Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n\
             Sec-WebSocket-Version: {version}\r\n\
             Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n"
        );
        for (fault, line) in [
            (SendsNoHost, "Host: "),
            (AsksForNoUpgrade, "Upgrade: "),
            (HasNoConnectionField, "Connection: "),
            (OffersNoCompression, "Sec-WebSocket-Extensions: "),
        ] {
            if self.fault == fault {
                let lines = head.split_inclusive("\r\n");
                head = lines.filter(|found| !found.starts_with(line)).collect();
            }
        }
        self.stream.write_all(head.as_bytes())?;
        loop {
            let answer = self.head()?;
            let line = answer.lines().next().unwrap_or_default();
            let is_interim = line.starts_with("HTTP/1.1 10") && !line.starts_with("HTTP/1.1 101");
            if !is_interim || self.fault == StopsAt100 {
                self.deflate = self.accept(&answer, &key)?;
                return Ok(());
            }
        }
    }

    fn head(&mut self) -> io::Result<String> {
        loop {
            let end = self.input.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(end) = end {
                let head: Vec<u8> = self.input.drain(..end + 4).collect();
                if self.fault == DropsWhatFollowsTheHead {
                    self.input.clear();
                }
                return Ok(String::from_utf8_lossy(&head).into_owned());
            }
            if self.input.len() > MAX_HEAD {
                return Err(wrong("a long head"));
            }
            if self.fault == ReadsTheHeadAtOnce && !self.input.is_empty() {
                return Err(wrong("half a head"));
            }
            self.more()?;
        }
    }

    fn accept(&self, head: &str, key: &str) -> io::Result<Option<Deflate>> {
        let fault = self.fault;
        let all = |name: &str| -> Vec<&str> {
            let fields = head.lines().filter_map(|line| line.split_once(": "));
            let fields = fields.filter(|field| match fault {
                MindsCase => field.0 == name,
                _ => field.0.eq_ignore_ascii_case(name),
            });
            fields.map(|field| field.1).collect()
        };
        let lists = |name: &str, element: &str| match fault {
            MindsLists => all(name) == [element],
            _ => all(name)
                .iter()
                .flat_map(|value| value.split(", "))
                .any(|found| found.eq_ignore_ascii_case(element)),
        };
        let line = head.lines().next().unwrap_or_default();
        let is_http = line.starts_with("HTTP/1.1 ") || fault == TakesAnyProtocol;
        let is_101 = line.contains(" 101 ") || !line.contains("HTTP") || fault == TakesAnyStatus;
        let text = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
        let right = STANDARD.encode(Sha1::digest(text.as_bytes()));
        let is_ours = match (&all("Sec-WebSocket-Accept")[..], fault) {
            ([], TakesNoAccept) | ([_], TakesAnyAccept) => true,
            ([given], TakesAnAcceptInAnyCase) => given.eq_ignore_ascii_case(&right),
            ([given], TakesHalfAnAccept) => right.starts_with(&given[..14]),
            ([given], _) => *given == right,
            _ => false,
        };
        let is_plain = all("Sec-WebSocket-Protocol").is_empty() || fault == TakesASubprotocol;
        let deflate = match &elements(&all("Sec-WebSocket-Extensions").join(", "))[..] {
            [] => None,
            [answer, ..] if fault == TakesAnyAgreement && answer.is_deflate() => {
                let agreement = Agreement::of_answer(answer).unwrap_or_default();
                Some(Deflate::new(agreement, fault))
            }
            [answer] if answer.is_deflate() && fault != OffersNoCompression => {
                let agreement = Agreement::of_answer(answer);
                let agreement = agreement.map_err(|why| wrong(&why))?;
                Some(Deflate::new(agreement, fault))
            }
            _ if fault == TakesAnExtension => None,
            _ => return Err(wrong("an extension")),
        };
        let is_upgrade = (lists("Upgrade", "websocket") || fault == TakesNoUpgrade)
            && (lists("Connection", "Upgrade") || fault == TakesNoConnection);
        if is_http && is_101 && is_ours && is_plain && is_upgrade {
            Ok(deflate)
        } else {
            Err(wrong("refused"))
        }
    }

    fn echo(&mut self) -> io::Result<()> {
        let mut message: Option<(u8, Vec<u8>)> = None;
        loop {
            let frame = match self.frame()? {
                Ok(frame) => frame,
                Err(code) => return self.fail(code),
            };
            let opcode = frame.first & 0x0f;
            match opcode {
                0x8 => return self.answer(&frame.payload),
                0x9 => {
                    if self.fault == ForgetsAtAPing {
                        message = None;
                    }
                    let payload: &[u8] = match self.fault {
                        PongsWithNothing => b"",
                        _ => &frame.payload,
                    };
                    self.send(0x8a, payload)?;
                    continue;
                }
                0xa => continue,
                0 if message.is_some() && self.fault == DropsFragments => {}
                0 => match &mut message {
                    Some((_, so_far)) => so_far.extend(&frame.payload),
                    None if matches!(self.fault, TakesALoneContinuation | ForgetsAtAPing) => {
                        message = Some((1, frame.payload));
                    }
                    None => return self.fail(1002),
                },
                _ if message.is_some() && self.fault != TakesTextInAMessage => {
                    return self.fail(1002);
                }
                _ => message = Some((frame.first & 0x4f, frame.payload)),
            }
            let Some((opcode, so_far)) = &message else {
                continue;
            };
            if so_far.len() > MAX_MESSAGE {
                return self.fail(1009);
            }
            let is_final = frame.first & 0x80 != 0;
            let is_text = *opcode != 1 || is_text(so_far, is_final);
            if !is_text && self.fault != TakesAnyText {
                return self.fail(1007);
            }
            if is_final && self.fault != EchoesNothing {
                let (kind, whole) = message.take().unwrap_or_default();
                if let Err(code) = self.send_back(kind, whole)? {
                    return self.fail(code);
                }
            }
        }
    }

    /// Echoes a message of this opcode, perhaps with RSV1.
    fn send_back(&mut self, kind: u8, mut message: Vec<u8>) -> io::Result<Checked<()>> {
        let Some(deflate) = &mut self.deflate else {
            return self.send(0x80 | kind, &message).map(Ok);
        };
        if kind & 0x40 != 0 || self.fault == ExpectsCompression {
            message = match deflate.inflated(&message, self.fault) {
                Ok(message) => message,
                Err(code) => return Ok(Err(code)),
            };
        }
        if kind == 0x41 && !is_text(&message, true) && self.fault != TakesAnyText {
            return Ok(Err(1007));
        }
        let bytes = deflate.deflated(&message, self.fault);
        self.send(0xc0 | kind, &bytes).map(Ok)
    }

    /// Reads a frame, or says with which code it fails the connection.
    fn frame(&mut self) -> io::Result<Checked<Frame>> {
        loop {
            match self.parsed() {
                Ok(Some((frame, used))) => {
                    self.input.drain(..used);
                    return Ok(Ok(frame));
                }
                Ok(None) => {
                    if self.fault == ExpectsWholeFrames {
                        self.input.clear();
                    }
                    match self.more() {
                        Err(_) if self.fault == EchoesHalfAFrame && self.input.len() > 2 => {
                            let payload = self.input[2..].to_vec();
                            self.send(0x81, &payload)?;
                            return Err(wrong("half a frame"));
                        }
                        read => read?,
                    }
                }
                Err(code) => return Ok(Err(code)),
            }
        }
    }

    fn parsed(&self) -> Checked<Option<(Frame, usize)>> {
        let [first, second, rest @ ..] = &self.input[..] else {
            return Ok(None);
        };
        let opcode = first & 0x0f;
        let is_control = opcode >= 8;
        let is_known = matches!(opcode, 0..=2 | 8..=10) || self.fault == TakesReservedOpcodes;
        let begins = matches!(opcode, 1..=2) || self.fault == TakesMisplacedBits;
        let allowed = if self.deflate.is_some() && begins {
            0x40
        } else {
            0
        };
        let is_plain = first & 0x70 & !allowed == 0 || self.fault == TakesReservedBits;
        let is_masked = second & 0x80 != 0;
        let is_whole = first & 0x80 != 0 || !is_control || self.fault == TakesControlInParts;
        if !is_known || !is_plain || !is_whole || (is_masked && self.fault != TakesMasked) {
            return Err(1002);
        }
        let wide = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if rest.len() < wide {
            return Ok(None);
        }
        let length = match wide {
            0 => u64::from(second & 0x7f),
            _ => rest[..wide]
                .iter()
                .fold(0, |length, byte| length << 8 | u64::from(*byte)),
        };
        let is_minimal = match wide {
            0 => true,
            2 => length > 125,
            _ => length > 0xffff && length < 1 << 63,
        };
        let is_long_control = is_control && length > 125 && opcode <= 10;
        if !is_minimal || (is_long_control && self.fault != TakesLongControl) {
            return Err(1002);
        }
        if length > MAX_MESSAGE as u64 {
            return Err(1009);
        }
        let start = wide + if is_masked { 4 } else { 0 };
        let length = length as usize;
        let payload = rest.get(start..start + length);
        Ok(payload.map(|payload| {
            let frame = Frame {
                first: *first,
                payload: payload.to_vec(),
            };
            (frame, 2 + start + length)
        }))
    }

    fn send(&mut self, first: u8, payload: &[u8]) -> io::Result<()> {
        let mask_bit = if self.fault == MasksNothing { 0 } else { 0x80 };
        let bit = if self.fault == SetsAReservedBit {
            0x10
        } else {
            0
        };
        let mut bytes = vec![first | bit];
        match payload.len() {
            length @ 0..=125 if self.fault != WritesLongLengths => {
                bytes.push(mask_bit | length as u8);
            }
            length @ ..=0xffff => {
                bytes.push(mask_bit | 126);
                bytes.extend((length as u16).to_be_bytes());
            }
            length => {
                bytes.push(mask_bit | 127);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        self.frames += 1;
        let key = match self.fault {
            MasksNothing => [0; 4],
            MasksWithOneKey => [0x37, 0xfa, 0x21, 0x3d],
            Counts => (0xff00 + self.frames).to_be_bytes(),
            MasksFromOneSeed => mixed(self.frames).to_be_bytes(),
            _ => (random() as u32).to_be_bytes(),
        };
        if self.fault != MasksNothing {
            bytes.extend(key);
        }
        let masked = payload.iter().zip(key.iter().cycle());
        bytes.extend(masked.map(|(byte, key)| byte ^ key));
        self.stream.write_all(&bytes)
    }

    fn close(&mut self, code: u16, reason: &[u8]) -> io::Result<()> {
        self.has_closed = true;
        let mut payload = code.to_be_bytes().to_vec();
        payload.extend(reason);
        self.send(0x88, &payload)
    }

    /// Fails the connection.
    fn fail(&mut self, code: u16) -> io::Result<()> {
        self.close(code, b"")?;
        self.linger()?;
        Err(wrong("a rule was broken"))
    }

    /// Answers a Close.
    fn answer(&mut self, payload: &[u8]) -> io::Result<()> {
        if self.fault == HangsUpOnClose {
            return Ok(());
        }
        match payload {
            [] => self.send(0x88, b"")?,
            [_] => return self.fail(1002),
            [first, second, reason @ ..] => {
                let code = u16::from_be_bytes([*first, *second]);
                let is_known = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
                if !is_known && self.fault != SendsAnyCodeBack {
                    return self.fail(1002);
                }
                let is_text = std::str::from_utf8(reason).is_ok();
                if !is_text && self.fault != SendsAnyReasonBack {
                    return self.fail(1007);
                }
                self.close(code, reason)?;
            }
        }
        if self.fault == EchoesAfterClose
            && let Ok(Ok(frame)) = self.frame()
        {
            self.send(frame.first, &frame.payload)?;
        }
        self.linger()
    }

    /// Reads until the server ends TCP.
    fn linger(&mut self) -> io::Result<()> {
        match self.fault {
            EndsTcpFirst => return Ok(()),
            KeepsTcpOpen => std::thread::park_timeout(PATIENCE),
            _ => {}
        }
        io::copy(&mut self.stream, &mut io::sink()).map(|_| ())
    }
}

impl Deflate {
    fn new(agreement: Agreement, fault: Fault) -> Self {
        let bits = match fault {
            IgnoresItsWindow => 15,
            _ => agreement.client.window_bits.max(9),
        };
        Self {
            agreement,
            inflater: Inflater::new(agreement.server, MAX_MESSAGE as u64),
            compress: Compress::new_with_window_bits(Compression::best(), false, bits),
        }
    }

    /// Inflates a message, or says with which code it fails the connection.
    fn inflated(&mut self, message: &[u8], fault: Fault) -> Checked<Vec<u8>> {
        if fault == ForgetsItsContext {
            self.inflater = Inflater::new(self.agreement.server, MAX_MESSAGE as u64);
        }
        let is_last = message.first().is_some_and(|first| first & 1 != 0);
        if fault == StopsAtBfinal && is_last {
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
            Err(_) if fault == TakesAnyDeflate => Ok(message.to_vec()),
            Err(_) => Err(1007),
        }
    }

    fn deflated(&mut self, message: &[u8], fault: Fault) -> Vec<u8> {
        if !self.agreement.client.takes_over && fault != NeverForgets {
            self.compress.reset();
        }
        let mut bytes = Vec::with_capacity(message.len() + 1000);
        let done = self
            .compress
            .compress_vec(message, &mut bytes, FlushCompress::Sync);
        done.expect("there is room for it");
        if fault != LeavesTheTail {
            bytes.truncate(bytes.len().saturating_sub(4));
        }
        if bytes.is_empty() { vec![0] } else { bytes }
    }
}

/// Whether these bytes are UTF-8. If they are only the beginning, a character's end may still come.
fn is_text(bytes: &[u8], is_whole: bool) -> bool {
    match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) => !is_whole && error.error_len().is_none(),
    }
}
