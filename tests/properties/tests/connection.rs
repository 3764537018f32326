//! A connection, for any bytes, cut anywhere.

use connection::{CloseCode, Config, Connection, Event, State};
use frames::{Opcode, ReservedBits, encode_frame};
use proptest::collection::vec;
use proptest::prelude::*;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A frame as a client sends it, right or nearly.
fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let opcode = prop::sample::select(vec![
        Opcode::Text,
        Opcode::Text,
        Opcode::Binary,
        Opcode::Continuation,
        Opcode::Continuation,
        Opcode::Ping,
        Opcode::Pong,
        Opcode::Close,
    ]);
    let close = (any::<u16>(), any::<String>())
        .prop_map(|(code, reason)| [&(code % 5100).to_be_bytes(), reason.as_bytes()].concat());
    let payload = prop_oneof![
        4 => any::<String>().prop_map(String::into_bytes),
        2 => vec(any::<u8>(), 0..200),
        1 => close,
    ];
    let fin = prop::bool::weighted(0.7);
    let masked = prop::bool::weighted(0.98);
    (opcode, fin, masked, payload).prop_map(|(opcode, fin, masked, payload)| {
        let mut frame = Vec::new();
        let key = masked.then_some(KEY);
        encode_frame(
            &mut frame,
            fin || opcode.is_control(),
            ReservedBits::NONE,
            opcode,
            key,
            &payload,
        );
        frame
    })
}

/// Frames, now and then with a byte changed; or no frames at all.
fn any_stream() -> impl Strategy<Value = Vec<u8>> {
    let frames = vec(any_frame(), 0..10).prop_map(|frames| frames.concat());
    let wrong = (
        vec(any_frame(), 1..6),
        any::<prop::sample::Index>(),
        any::<u8>(),
    );
    let wrong = wrong.prop_map(|(frames, index, byte)| {
        let mut stream = frames.concat();
        let at = index.index(stream.len());
        stream[at] = byte;
        stream
    });
    prop_oneof![4 => frames, 3 => wrong, 1 => vec(any::<u8>(), 0..100)]
}

fn config() -> Config {
    Config {
        max_frame: 300,
        max_message: 400,
        ..Config::default()
    }
}

/// All events, and all that is sent, when the stream comes in pieces of these sizes and then ends.
fn receive(stream: &[u8], sizes: &[usize]) -> (Vec<Event>, Vec<u8>) {
    let mut server = Connection::server(config());
    let mut events = server.receive(&[]);
    let mut sent = Vec::new();
    let mut rest = stream;
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, behind) = rest.split_at((*size).min(rest.len()));
        events.extend(server.receive(piece));
        sent.extend(server.take_outgoing());
        rest = behind;
    }
    events.extend(server.eof());
    sent.extend(server.take_outgoing());
    (events, sent)
}

/// What both sides say about their connection when each does a few things, and what was said is
/// carried to and fro until there is nothing more.
fn talk(client: &mut Connection, server: &mut Connection) -> (Vec<Event>, Vec<Event>) {
    let (mut to_client, mut to_server) = (client.receive(&[]), server.receive(&[]));
    loop {
        let (from_client, from_server) = (client.take_outgoing(), server.take_outgoing());
        if from_client.is_empty() && from_server.is_empty() {
            return (to_client, to_server);
        }
        to_server.extend(server.receive(&from_client));
        to_client.extend(client.receive(&from_server));
    }
}

proptest! {
    #![proptest_config(properties::config())]

    #[test]
    fn the_same_events_and_answers_however_the_stream_is_cut(
        stream in any_stream(),
        sizes in vec(1_usize..40, 1..8),
    ) {
        prop_assert_eq!(receive(&stream, &sizes), receive(&stream, &[usize::MAX]));
    }

    #[test]
    fn every_connection_opens_once_and_closes_once(stream in any_stream(), sizes in vec(1_usize..40, 1..8)) {
        let (events, _) = receive(&stream, &sizes);
        let is_open = |event: &&Event| matches!(event, Event::Open);
        let is_close = |event: &&Event| matches!(event, Event::Close { .. });
        prop_assert_eq!(events.iter().filter(is_open).count(), 1);
        prop_assert_eq!(events.iter().filter(is_close).count(), 1);
        prop_assert_eq!(events.first(), Some(&Event::Open));
        prop_assert!(events.last().is_some_and(|event| is_close(&event)));
    }

    #[test]
    fn what_is_sent_is_always_right(stream in any_stream(), sizes in vec(1_usize..40, 1..8)) {
        let (_, sent) = receive(&stream, &sizes);
        let mut client = Connection::client(config(), || KEY);
        let events = client.receive(&sent);
        let errors: Vec<&Event> = events.iter().filter(|event| matches!(event, Event::Error(_))).collect();
        prop_assert!(errors.is_empty(), "{errors:?} for {sent:02x?}");
        let close = events.iter().find_map(|event| match event {
            Event::Close { code, .. } => Some(*code),
            _ => None,
        });
        let right = close.is_none_or(|code| code.may_be_on_the_wire() || code == CloseCode::NO_STATUS);
        prop_assert!(right, "{close:?}");
    }

    #[test]
    fn nothing_is_kept_after_the_end(stream in any_stream(), more in vec(any::<u8>(), 0..100)) {
        let mut server = Connection::server(config());
        server.receive(&stream);
        server.eof();
        server.take_outgoing();
        prop_assert_eq!(server.receive(&more), Vec::new());
        prop_assert_eq!(server.eof(), Vec::new());
        prop_assert_eq!(server.take_outgoing(), Vec::<u8>::new());
        prop_assert_eq!(server.state(), State::Closed);
        prop_assert!(server.send_text("x").is_err());
    }

    #[test]
    fn two_connections_understand_each_other(
        texts in vec(any::<String>().prop_filter("fits", |text| text.len() <= 300), 0..6),
        binary in vec(any::<u8>(), 0..300),
        code in any::<u16>(),
        reason in any::<String>(),
    ) {
        let mut client = Connection::client(config(), || KEY);
        let mut server = Connection::server(config());
        for text in &texts {
            prop_assert!(client.send_text(text).is_ok());
        }
        prop_assert!(server.send_binary(&binary).is_ok());
        let (code, reason_fits) = (CloseCode(code), reason.len() <= 123);
        let closes = code.may_be_on_the_wire() && reason_fits;
        prop_assert_eq!(client.close(code, &reason).is_ok(), closes);
        let (to_client, to_server) = talk(&mut client, &mut server);
        let close = closes.then_some(Event::Close { code, reason });
        let expected = [Event::Open].into_iter().chain(texts.into_iter().map(Event::Text));
        prop_assert_eq!(to_server, expected.chain(close.clone()).collect::<Vec<_>>());
        let expected = [Event::Open, Event::Binary(binary)].into_iter().chain(close);
        prop_assert_eq!(to_client, expected.collect::<Vec<_>>());
        prop_assert_eq!(server.should_close_tcp(), closes);
        prop_assert!(!client.should_close_tcp());
    }

    #[test]
    fn who_never_reads_costs_no_memory(pings in vec(vec(any::<u8>(), 0..125), 1..50), reads in 1_usize..6) {
        let mut server = Connection::server(config());
        let mut first_read = 0;
        for (number, read) in pings.chunks(reads).enumerate() {
            let mut bytes = Vec::new();
            for ping in read {
                encode_frame(&mut bytes, true, ReservedBits::NONE, Opcode::Ping, Some(KEY), ping);
            }
            server.receive(&bytes);
            if number == 0 {
                first_read = server.outgoing_length();
            }
            prop_assert_eq!(server.outgoing_length(), first_read);
        }
        let more = server.take_outgoing().len() - first_read;
        prop_assert!(more <= 127, "{more}");
    }
}
