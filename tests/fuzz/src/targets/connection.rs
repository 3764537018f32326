//! Step 08's connection, on either side, whatever is done with it in whatever order.

use std::fmt::Write;

use arbitrary::{Arbitrary, Unstructured};
use connection::send_error::{MAX_PING, MAX_REASON};
use connection::{CloseCode, Config, Connection, Event, State, close_frame};
use frames::{FrameDecoder, MaskingKey, Opcode, Part, ReservedBits, Role, encode_frame};

/// The most that a control frame takes on the wire.
const CONTROL_FRAME: usize = 2 + 4 + 125;
const LIMIT: u64 = 300;

/// What is done, in this order.
#[derive(Debug, Arbitrary)]
pub struct Script {
    is_client: bool,
    /// Small limits, or the default ones.
    is_small: bool,
    actions: Vec<Action>,
}

#[derive(Debug, Arbitrary)]
enum Action {
    /// The other side sends a frame, right but for what is in it.
    TheySend {
        kind: Kind,
        is_last: bool,
        payload: Vec<u8>,
    },
    /// The other side closes.
    TheyClose {
        code: u16,
        reason: String,
    },
    /// The other side sends any bytes.
    TheySendBytes(Vec<u8>),
    /// At most so many bytes of that arrive, and are received.
    Receive(u16),
    /// At most so many bytes of that arrive, and are fed.
    Feed(u16),
    /// One event is asked for.
    Poll,
    /// TCP ends.
    Eof,
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Close {
        code: u16,
        reason: String,
    },
    /// What is outgoing is written.
    Take,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Kind {
    Continuation,
    Text,
    Binary,
    Ping,
    Pong,
}

/// Panics where one of these doesn't hold:
/// - `Open` is the first event, `Close` the last, and there is one of each; an error is followed by
///   `Close` with 1006;
/// - no message is greater than the limit;
/// - the state only goes on, and something is sent exactly where it is open;
/// - what is outgoing is whole frames, masked as the side has to, each with a key of its own;
/// - a server closes TCP after the closing handshake, and who failed the connection; nobody earlier;
/// - there is one Close frame at most: what was said by `close`, the other side's own, or the code of
///   the failure. Behind it there are pongs only, where we closed first and pings still came;
/// - there is no pong without its ping, and the latest ping is answered, before a Close frame where it
///   came before;
/// - while nothing is taken, what is outgoing stays within what we sent and one answer to what came;
/// - `receive` does what `feed` and `poll` do.
pub fn judge(data: &[u8]) {
    let Ok(script) = Script::arbitrary_take_rest(Unstructured::new(data)) else {
        return;
    };
    let received = play(&script, false);
    let polled = play(&script, true);
    assert_eq!(received, polled, "receive, and feed with poll");
}

/// What the fuzzer's bytes mean, for a person.
pub fn explain(data: &[u8]) -> String {
    match Script::arbitrary_take_rest(Unstructured::new(data)) {
        Ok(script) => {
            let mut lines = format!("client: {}, small: {}\n", script.is_client, script.is_small);
            for action in &script.actions {
                _ = writeln!(lines, "  {action:?}");
            }
            lines
        }
        Err(error) => format!("{error}\n"),
    }
}

/// All events, and all that goes over the wire.
fn play(script: &Script, is_polled: bool) -> (Vec<Event>, Vec<u8>) {
    let mut player = Player::new(script, is_polled);
    for action in &script.actions {
        player.act(action);
        player.check();
    }
    player.take();
    player.drain();
    player.take();
    let events = player.connection.eof();
    player.saw(events);
    player.check();
    player.take();
    assert_eq!(player.connection.state(), State::Closed);
    assert!(player.closed, "no close event");
    player.check_wire();
    (player.events, player.wire)
}

struct Player {
    role: Role,
    connection: Connection,
    is_polled: bool,
    /// What the other side has sent, and has not arrived.
    on_its_way: Vec<u8>,
    events: Vec<Event>,
    closed: bool,
    wire: Vec<u8>,
    state: State,
    /// The data frames and pings that we sent, in order.
    sent: Vec<(Opcode, Vec<u8>)>,
    /// What the Close frame must say.
    close: Option<Vec<u8>>,
    /// How many pings had come when it was sent, and whether we were the first to close.
    pings_before: usize,
    is_first_to_close: bool,
    limit: u64,
    /// How much may be outgoing: what was sent since the last `take`…
    own: usize,
    /// … and what was fed since everything was looked at with nothing outgoing.
    fed: usize,
}

impl Player {
    fn new(script: &Script, is_polled: bool) -> Self {
        let config = match script.is_small {
            true => Config {
                max_frame: LIMIT - 100,
                max_message: LIMIT,
                ..Config::default()
            },
            false => Config::default(),
        };
        let limit = config.max_message;
        let mut count = 0;
        let keys = move || {
            count += 1;
            key(count)
        };
        Self {
            role: if script.is_client {
                Role::Client
            } else {
                Role::Server
            },
            connection: match script.is_client {
                true => Connection::client(config, keys),
                false => Connection::server(config),
            },
            is_polled,
            on_its_way: Vec::new(),
            events: Vec::new(),
            closed: false,
            wire: Vec::new(),
            state: State::Open,
            sent: Vec::new(),
            close: None,
            pings_before: 0,
            is_first_to_close: false,
            limit,
            own: 0,
            fed: 0,
        }
    }

    fn act(&mut self, action: &Action) {
        match action {
            Action::TheySend {
                kind,
                is_last,
                payload,
            } => {
                let (opcode, fin, most) = match kind {
                    Kind::Continuation => (Opcode::Continuation, *is_last, usize::MAX),
                    Kind::Text => (Opcode::Text, *is_last, usize::MAX),
                    Kind::Binary => (Opcode::Binary, *is_last, usize::MAX),
                    Kind::Ping => (Opcode::Ping, true, 125),
                    Kind::Pong => (Opcode::Pong, true, 125),
                };
                self.they_send(opcode, fin, &payload[..payload.len().min(most)]);
            }
            Action::TheyClose { code, reason } => {
                let payload = [&code.to_be_bytes(), reason.as_bytes()].concat();
                self.they_send(Opcode::Close, true, &payload[..payload.len().min(125)]);
            }
            Action::TheySendBytes(bytes) => self.on_its_way.extend_from_slice(bytes),
            Action::Receive(most) => {
                let piece = self.arrives(*most);
                if self.is_polled {
                    self.connection.feed(&piece);
                    self.drain();
                } else {
                    let events = self.connection.receive(&piece);
                    self.saw(events);
                    self.looked_at_all();
                }
            }
            Action::Feed(most) => {
                let piece = self.arrives(*most);
                self.connection.feed(&piece);
            }
            Action::Poll => {
                let event = self.connection.poll();
                let is_none = event.is_none();
                self.saw(event);
                if is_none {
                    self.looked_at_all();
                }
            }
            Action::Eof => {
                let events = self.connection.eof();
                self.saw(events);
                assert!(self.closed, "TCP has ended, and there is no close event");
                assert_eq!(self.connection.state(), State::Closed);
            }
            Action::Text(text) => {
                let sent = self.connection.send_text(text).is_ok();
                self.sent(Opcode::Text, text.as_bytes(), sent, true);
            }
            Action::Binary(bytes) => {
                let sent = self.connection.send_binary(bytes).is_ok();
                self.sent(Opcode::Binary, bytes, sent, true);
            }
            Action::Ping(bytes) => {
                let sent = self.connection.send_ping(bytes).is_ok();
                self.sent(Opcode::Ping, bytes, sent, bytes.len() <= MAX_PING);
            }
            Action::Close { code, reason } => self.close(CloseCode(*code), reason),
            Action::Take => self.take(),
        }
    }

    fn they_send(&mut self, opcode: Opcode, fin: bool, payload: &[u8]) {
        let key = (self.role == Role::Server).then_some([1, 2, 3, 4]);
        let none = ReservedBits::NONE;
        encode_frame(&mut self.on_its_way, fin, none, opcode, key, payload);
    }

    fn arrives(&mut self, most: u16) -> Vec<u8> {
        let length = self.on_its_way.len().min(usize::from(most));
        self.fed += length;
        self.on_its_way.drain(..length).collect()
    }

    fn drain(&mut self) {
        while let Some(event) = self.connection.poll() {
            self.saw([event]);
        }
        self.looked_at_all();
    }

    fn looked_at_all(&mut self) {
        if self.connection.outgoing_length() == 0 {
            self.fed = 0;
        }
    }

    /// The order of events, and what each of them says.
    fn saw(&mut self, events: impl IntoIterator<Item = Event>) {
        for event in events {
            assert!(!self.closed, "{event:?} after the close event");
            let is_first = self.events.is_empty();
            assert_eq!(event == Event::Open, is_first, "Open is first: {event:?}");
            let failed = matches!(self.events.last(), Some(Event::Error(_)));
            match &event {
                Event::Open => {}
                Event::Text(text) => assert!(text.len() as u64 <= self.limit),
                Event::Binary(bytes) => assert!(bytes.len() as u64 <= self.limit),
                Event::Ping(payload) | Event::Pong(payload) => assert!(payload.len() <= 125),
                Event::Error(failure) => {
                    let code = failure.close_code().0;
                    assert!(matches!(code, 1002 | 1007 | 1009), "{failure:?} is {code}");
                    self.closes(code.to_be_bytes().to_vec());
                }
                Event::Close { code, reason } => {
                    self.closed = true;
                    assert!(reason.len() <= MAX_REASON);
                    match *code {
                        CloseCode::ABNORMAL => assert_eq!(reason, ""),
                        CloseCode::NO_STATUS => {
                            assert_eq!(reason, "");
                            self.closes(Vec::new());
                        }
                        code => {
                            assert!(code.may_be_on_the_wire(), "{code} came");
                            let theirs = [&code.0.to_be_bytes(), reason.as_bytes()].concat();
                            self.closes(theirs);
                        }
                    }
                }
            }
            if failed {
                let (code, reason) = (CloseCode::ABNORMAL, String::new());
                assert_eq!(event, Event::Close { code, reason }, "behind an error");
            }
            self.events.push(event);
        }
    }

    fn sent(&mut self, opcode: Opcode, payload: &[u8], sent: bool, may_be: bool) {
        assert_eq!(sent, self.state == State::Open && may_be, "{opcode} sent");
        if sent {
            self.sent.push((opcode, payload.to_vec()));
            self.own += payload.len() + 14;
        }
    }

    fn close(&mut self, code: CloseCode, reason: &str) {
        let closed = self.connection.close(code, reason);
        let may_be = code.may_be_on_the_wire() && reason.len() <= MAX_REASON;
        assert_eq!(closed.is_ok(), self.state == State::Open && may_be, "close");
        if closed.is_ok() {
            assert_eq!(self.close, None, "closed twice");
            self.closes([&code.0.to_be_bytes(), reason.as_bytes()].concat());
            self.is_first_to_close = true;
        }
    }

    /// A Close frame with this payload is sent, if none has been.
    fn closes(&mut self, payload: Vec<u8>) {
        if self.close.is_none() {
            self.pings_before = self.pings().len();
            self.close = Some(payload);
        }
    }

    fn pings(&self) -> Vec<&[u8]> {
        let pings = self.events.iter().filter_map(|event| match event {
            Event::Ping(payload) => Some(payload.as_slice()),
            _ => None,
        });
        pings.collect()
    }

    fn take(&mut self) {
        self.wire.extend(self.connection.take_outgoing());
        assert_eq!(self.connection.outgoing_length(), 0);
        self.own = 0;
    }

    /// What holds at any time.
    fn check(&mut self) {
        let state = self.connection.state();
        let order = |state| match state {
            State::Open => 0,
            State::Closing => 1,
            State::Closed => 2,
        };
        assert!(
            order(self.state) <= order(state),
            "{:?}, then {state:?}",
            self.state
        );
        self.state = state;
        if self.close.is_some() {
            assert_ne!(state, State::Open, "open, and closing");
        }
        let closes_tcp = self.connection.should_close_tcp();
        match state {
            State::Open => assert!(!closes_tcp, "closes TCP while it is open"),
            State::Closing => {
                let failed = self
                    .events
                    .iter()
                    .any(|event| matches!(event, Event::Error(_)));
                let is_ours = failed || self.closed && self.role == Role::Server;
                assert_eq!(closes_tcp, is_ours, "who closes TCP");
            }
            State::Closed => assert!(closes_tcp, "keeps a socket that has ended"),
        }
        // The smallest masked pong takes three times as much as the smallest ping.
        let most = self.own + 3 * self.fed + 3 * CONTROL_FRAME;
        let outgoing = self.connection.outgoing_length();
        assert!(
            outgoing <= most,
            "{outgoing} bytes wait: {} sent, {} fed",
            self.own,
            self.fed
        );
    }

    /// What went over the wire, as the other side reads it.
    fn check_wire(&self) {
        let receiver = match self.role {
            Role::Client => Role::Server,
            Role::Server => Role::Client,
        };
        let mut decoder = FrameDecoder::new(receiver, u64::MAX, ReservedBits::NONE);
        decoder.receive(&self.wire);
        let mut frames: Vec<(Opcode, Vec<u8>)> = Vec::new();
        let mut is_whole = true;
        while let Some(part) = decoder.next_part().expect("what we send is right") {
            match part {
                Part::Header(header) => {
                    assert!(header.fin, "we send no fragments");
                    frames.push((header.opcode, Vec::new()));
                    let expected = (self.role == Role::Client).then(|| key(frames.len() as u32));
                    assert_eq!(
                        header.masking_key, expected,
                        "one key for each frame, in order"
                    );
                    is_whole = false;
                }
                Part::Payload(bytes) => frames.last_mut().expect("a header came").1.extend(bytes),
                Part::End => is_whole = true,
            }
        }
        assert!(is_whole, "half a frame");
        self.check_frames(&frames);
    }

    fn check_frames(&self, frames: &[(Opcode, Vec<u8>)]) {
        let of = |opcode| frames.iter().filter(move |(other, _)| *other == opcode);
        let closes: Vec<&Vec<u8>> = of(Opcode::Close).map(|(_, payload)| payload).collect();
        let expected: Vec<&Vec<u8>> = self.close.iter().collect();
        assert_eq!(closes, expected, "the Close frame");
        if let Some(payload) = closes.first() {
            close_frame::read(payload).expect("our Close frame is right");
        }
        let is_sent = |frame: &&(Opcode, Vec<u8>)| {
            matches!(frame.0, Opcode::Text | Opcode::Binary | Opcode::Ping)
        };
        let sent: Vec<_> = frames.iter().filter(is_sent).cloned().collect();
        assert_eq!(sent, self.sent, "what we sent is what goes over the wire");

        // Pings that came before the Close frame are answered before it.
        let is_close = |(opcode, _): &(Opcode, Vec<u8>)| *opcode == Opcode::Close;
        let end = frames.iter().position(is_close).unwrap_or(frames.len());
        let behind = frames.get(end + 1..).unwrap_or_default();
        let is_pong = |(opcode, _): &(Opcode, Vec<u8>)| *opcode == Opcode::Pong;
        assert!(behind.iter().all(is_pong), "behind the Close frame");
        let pings = self.pings();
        if closes.is_empty() {
            check_pongs(frames, &pings);
        } else {
            let (before, after) = pings.split_at(self.pings_before);
            check_pongs(&frames[..end], before);
            check_pongs(behind, after);
            let may_be = behind.is_empty() || self.is_first_to_close;
            assert!(may_be, "a pong behind the answer to their Close");
        }
    }
}

/// No pong is without its ping, and the latest ping has its pong.
fn check_pongs(frames: &[(Opcode, Vec<u8>)], pings: &[&[u8]]) {
    let pongs = frames.iter().filter(|(opcode, _)| *opcode == Opcode::Pong);
    let pongs: Vec<&[u8]> = pongs.map(|(_, payload)| payload.as_slice()).collect();
    let mut unanswered = pings.iter();
    for pong in &pongs {
        assert!(
            unanswered.any(|ping| ping == pong),
            "a pong without its ping"
        );
    }
    assert_eq!(pongs.last(), pings.last(), "the latest ping is answered");
}

/// The key of the frame with this number.
fn key(number: u32) -> MaskingKey {
    number.wrapping_mul(0x9e37_79b9).to_be_bytes()
}
