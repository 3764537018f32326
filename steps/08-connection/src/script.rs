//! Plays a script with two connections, and writes a transcript.
//!
//! Each line of a script is an action of one side:
//!
//! ```text
//! client text Hello                 a message
//! server ping still there?          a ping
//! client close 1000 bye             begins the closing handshake
//! client raw 81 05 48 65 6c 6c 6f   bytes that its connection knows nothing about
//! client gone                       its TCP connection ends
//! ```
//!
//! Actions joined by ` & ` happen before anything arrives. Everything else comes from the connections.

use frame_header::hex;
use frames::{FrameDecoder, FrameHeader, Opcode, Part, ReservedBits, Role};

use crate::close_code::CloseCode;
use crate::close_frame;
use crate::connection::{Config, Connection};
use crate::event::Event;
use crate::phase::State;

/// The masking key in the examples of RFC 6455 §5.7. A key that never changes is good for a
/// transcript, and for nothing else.
const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The most bytes of one write that are shown.
const MAX_SHOWN: usize = 16;

/// The most rounds in which the two answer each other. Two are enough if both are right.
const MAX_ROUNDS: usize = 5;

/// Plays a script, and returns the transcript.
///
/// # Errors
/// Returns a sentence for a person if a line of the script makes no sense.
pub fn play(script: &[&str]) -> Result<String, String> {
    let mut stage = Stage::new();
    for line in script {
        for action in line.split(" & ") {
            stage.act(action)?;
        }
        stage.deliver();
    }
    Ok(stage.transcript)
}

/// Both endpoints, and the transcript so far.
struct Stage {
    client: Actor,
    server: Actor,
    transcript: String,
}

/// One endpoint.
struct Actor {
    name: &'static str,
    role: Role,
    connection: Connection,
    /// Bytes to send that its connection knows nothing about.
    raw: Vec<u8>,
    /// Whether its side of TCP has ended.
    gone: bool,
}

impl Actor {
    /// Creates an actor. Its connection has reported that it is open.
    fn new(name: &'static str, role: Role, mut connection: Connection) -> Self {
        connection.receive(&[]);
        Self {
            name,
            role,
            connection,
            raw: Vec::new(),
            gone: false,
        }
    }

    fn outgoing(&mut self) -> Vec<u8> {
        let mut bytes = self.connection.take_outgoing();
        bytes.append(&mut self.raw);
        bytes
    }
}

impl Stage {
    fn new() -> Self {
        let client = Connection::client(Config::default(), || KEY);
        let server = Connection::server(Config::default());
        Self {
            client: Actor::new("client", Role::Client, client),
            server: Actor::new("server", Role::Server, server),
            transcript: String::new(),
        }
    }

    fn say(&mut self, line: &str) {
        self.transcript += line;
        self.transcript += "\n";
    }

    /// Does one action of one side.
    fn act(&mut self, action: &str) -> Result<(), String> {
        let (name, rest) = action.split_once(' ').unwrap_or((action, ""));
        let (what, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let actor = match name {
            "client" => &mut self.client,
            "server" => &mut self.server,
            _ => return Err(format!("{action:?}: it begins with `client` or `server`")),
        };
        let connection = &mut actor.connection;
        let sent = match what {
            "text" => connection.send_text(rest),
            "binary" => connection.send_binary(&bytes_of(rest)?),
            "ping" => connection.send_ping(rest.as_bytes()),
            "close" => {
                let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
                let code: u16 = code
                    .parse()
                    .map_err(|_| format!("{code:?} is no close code"))?;
                connection.close(CloseCode(code), reason)
            }
            "raw" => {
                actor.raw.extend(bytes_of(rest)?);
                Ok(())
            }
            "gone" => {
                actor.gone = true;
                Ok(())
            }
            _ => {
                return Err(format!(
                    "{action:?}: text, binary, ping, close, raw or gone?"
                ));
            }
        };
        self.say(&brief(action.trim_end(), 72));
        if let Err(error) = sent {
            self.say(&format!("  ✗ {error}"));
        }
        Ok(())
    }

    /// Delivers what both sides have sent, and the answers to it, until nothing more is sent.
    fn deliver(&mut self) {
        for round in 0.. {
            let from_client = self.client.outgoing();
            let from_server = self.server.outgoing();
            if from_client.is_empty() && from_server.is_empty() {
                break;
            }
            if round == MAX_ROUNDS {
                self.say("  … and so on, without end");
                break;
            }
            self.carry(Role::Client, &from_client);
            self.carry(Role::Server, &from_server);
        }
        for role in [Role::Server, Role::Client] {
            self.end_tcp(role);
        }
    }

    /// Carries bytes from one side to the other.
    fn carry(&mut self, from: Role, bytes: &[u8]) {
        let (from, to) = self.pair(from);
        if bytes.is_empty() || to.gone {
            return;
        }
        let mut lines = format!("  {} → {}  {}\n", from.name, to.name, shown(bytes));
        for frame in meanings(bytes, to.role) {
            lines += &format!("                   {frame}\n");
        }
        for event in to.connection.receive(bytes) {
            lines += &format!("  {} event     {}\n", to.name, describe(&event));
        }
        self.transcript += &lines;
    }

    /// Lets one side close TCP, if it is that side's turn. Both connections are told.
    fn end_tcp(&mut self, role: Role) {
        let (one, other) = self.pair(role);
        let over = other.connection.state() == State::Closed;
        if over || !(one.gone || one.connection.should_close_tcp()) {
            return;
        }
        let mut lines = format!("  {} closes TCP\n", one.name);
        for actor in [one, other] {
            for event in actor.connection.eof() {
                lines += &format!("  {} event     {}\n", actor.name, describe(&event));
            }
            lines += &format!(
                "  {} is        {:?}\n",
                actor.name,
                actor.connection.state()
            );
        }
        self.transcript += &lines;
    }

    fn pair(&mut self, one: Role) -> (&mut Actor, &mut Actor) {
        match one {
            Role::Client => (&mut self.client, &mut self.server),
            Role::Server => (&mut self.server, &mut self.client),
        }
    }
}

fn bytes_of(text: &str) -> Result<Vec<u8>, String> {
    hex::parse(text).map_err(|error| error.to_string())
}

/// Bytes in hexadecimal: all of them, or the first few.
fn shown(bytes: &[u8]) -> String {
    let first = bytes.iter().take(MAX_SHOWN);
    let text: Vec<String> = first.map(|byte| format!("{byte:02x}")).collect();
    match bytes.len() {
        0..=MAX_SHOWN => text.join(" "),
        length => format!("{} … ({length} bytes)", text.join(" ")),
    }
}

/// A line for each whole frame in these bytes.
fn meanings(bytes: &[u8], receiver: Role) -> Vec<String> {
    let mut decoder = FrameDecoder::new(receiver, u64::MAX, ReservedBits::NONE);
    decoder.receive(bytes);
    let mut meanings = Vec::new();
    let mut frame: Option<(FrameHeader, Vec<u8>)> = None;
    while let Ok(Some(part)) = decoder.next_part() {
        match (part, &mut frame) {
            (Part::Header(header), _) => frame = Some((header, Vec::new())),
            (Part::Payload(bytes), Some((_, payload))) => payload.extend(bytes),
            (Part::End, Some((header, payload))) => meanings.push(meaning(header, payload)),
            (_, None) => {}
        }
    }
    meanings
}

/// A line about one frame.
fn meaning(header: &FrameHeader, payload: &[u8]) -> String {
    let mut meaning = header.opcode.to_string();
    match (header.opcode, close_frame::read(payload)) {
        (Opcode::Close, Ok((CloseCode::NO_STATUS, _))) => meaning += ", empty",
        (Opcode::Close, Ok((code, reason))) => {
            meaning += &format!(" {code} {}", quoted(reason.as_bytes()));
        }
        (Opcode::Close, Err(_)) => meaning += &format!(" {}", shown(payload)),
        _ => meaning += &format!(" {}", quoted(payload)),
    }
    if !header.fin {
        meaning += ", no FIN";
    }
    if header.masking_key.is_some() {
        meaning += ", masked";
    }
    meaning
}

fn describe(event: &Event) -> String {
    match event {
        Event::Open => "open".to_string(),
        Event::Text(text) => format!("text {}", quoted(text.as_bytes())),
        Event::Binary(bytes) => format!("binary {}", quoted(bytes)),
        Event::Ping(payload) => format!("ping {}", quoted(payload)),
        Event::Pong(payload) => format!("pong {}", quoted(payload)),
        Event::Error(failure) => format!("error: {failure}"),
        Event::Close { code, reason } => format!("close {code} {}", quoted(reason.as_bytes())),
    }
}

/// Text in quotation marks, or bytes in hexadecimal if they aren't text.
fn quoted(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok(text) => format!("{:?}", brief(text, 40)),
        Err(_) => shown(bytes),
    }
}

/// The text, cut after so many characters.
fn brief(text: &str, room: usize) -> String {
    match text.char_indices().nth(room) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}
