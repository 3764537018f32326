//! Step 13's extension in step 08's connection, for any bytes of the other side's.
//!
//! Options: bit 0, we are the client; bit 1, nothing is taken over; bit 2, the smallest window; bits 3 and 4, the limit
//! on messages.

use compression::{Parameters, PermessageDeflate, WindowBits};
use connection::{CloseCode, Config, Connection, Event};
use frames::Role;

use crate::input::Input;

const LIMITS: [u64; 4] = [125, 1000, 4096, 1 << 16];
const KEY: [u8; 4] = [1, 2, 3, 4];

/// Panics where one of these doesn't hold:
/// - the same events and the same answers, however the stream is cut;
/// - no message is longer than the limit, whatever it was compressed to;
/// - a failure has one of three codes: a broken rule, invalid data, too big;
/// - an echo of the messages is understood by the other side's own extension.
pub fn judge(data: &[u8]) {
    let Some(input) = Input::new(data) else {
        return;
    };
    let whole = receive(&input, &[input.stream]);
    assert_eq!(receive(&input, &input.pieces()), whole, "cut in pieces");
    let bytewise = Vec::from_iter(input.stream.chunks(1));
    assert_eq!(receive(&input, &bytewise), whole, "cut at every byte");
    check_echoes(&input, &whole.0);
}

/// All events, and all that is sent.
fn receive(input: &Input, pieces: &[&[u8]]) -> (Vec<Event>, Vec<u8>) {
    let (role, _) = roles(input);
    let mut connection = connection(input, role);
    let mut events = connection.receive(&[]);
    let mut sent = Vec::new();
    for piece in pieces {
        events.extend(connection.receive(piece));
        sent.extend(connection.take_outgoing());
    }
    for event in &events {
        check_event(event, limit(input));
    }
    (events, sent)
}

fn check_event(event: &Event, limit: u64) {
    match event {
        Event::Text(text) => assert!(text.len() as u64 <= limit, "{} bytes", text.len()),
        Event::Binary(bytes) => assert!(bytes.len() as u64 <= limit, "{} bytes", bytes.len()),
        Event::Error(failure) => {
            let code = failure.close_code();
            let codes = [
                CloseCode::PROTOCOL_ERROR,
                CloseCode::INVALID_DATA,
                CloseCode::TOO_BIG,
            ];
            assert!(codes.contains(&code), "{failure}, {code}");
        }
        _ => {}
    }
}

/// What came goes back, and the other side understands it.
fn check_echoes(input: &Input, events: &[Event]) {
    let (ours, theirs) = roles(input);
    let (mut ours, mut theirs) = (connection(input, ours), connection(input, theirs));
    let is_message = |event: &&Event| matches!(event, Event::Text(_) | Event::Binary(_));
    let messages = Vec::from_iter(events.iter().filter(is_message).cloned());
    for message in &messages {
        let sent = match message {
            Event::Text(text) => ours.send_text(text),
            Event::Binary(bytes) => ours.send_binary(bytes),
            _ => Ok(()),
        };
        sent.expect("the connection is open");
    }
    let echoes = theirs.receive(&ours.take_outgoing());
    assert_eq!(echoes[0], Event::Open);
    assert_eq!(echoes[1..], messages, "the echoes");
}

/// Ours, and the other side's.
fn roles(input: &Input) -> (Role, Role) {
    match input.option(0, 1) {
        0 => (Role::Server, Role::Client),
        _ => (Role::Client, Role::Server),
    }
}

fn limit(input: &Input) -> u64 {
    LIMITS[input.option(3, 2)]
}

fn connection(input: &Input, role: Role) -> Connection {
    let forgets = input.option(1, 1) == 1;
    let window = (input.option(2, 1) == 1).then_some(WindowBits::MIN);
    let agreed = Parameters {
        server_no_context_takeover: forgets,
        client_no_context_takeover: forgets,
        server_max_window_bits: window,
        client_max_window_bits: window,
    };
    let config = Config {
        max_message: limit(input),
        extension: Box::new(PermessageDeflate::new(role, &agreed, 8)),
        ..Config::default()
    };
    match role {
        Role::Client => Connection::client(config, || KEY),
        Role::Server => Connection::server(config),
    }
}
