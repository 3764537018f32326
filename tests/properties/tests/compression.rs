//! Compression, for any messages and any bytes, cut anywhere.

use compression::{Context, Inflater, NotDeflate, Parameters, PermessageDeflate, WindowBits};
use connection::{Config, Connection, Event};
use frames::{Opcode, ReservedBits, Role, encode_frame};
use properties::{config, hostile, pieces};
use proptest::collection::vec;
use proptest::prelude::*;

const KEY: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
const MIN_LENGTH: usize = 4;

/// What two endpoints may have agreed on.
fn any_parameters() -> impl Strategy<Value = Parameters> {
    let window =
        || prop::option::of((8..=15_u8).prop_map(|bits| WindowBits::new(bits).expect("8 to 15")));
    let fields = (any::<bool>(), any::<bool>(), window(), window());
    fields.prop_map(
        |(server_forgets, client_forgets, server_window, client_window)| Parameters {
            server_no_context_takeover: server_forgets,
            client_no_context_takeover: client_forgets,
            server_max_window_bits: server_window,
            client_max_window_bits: client_window,
        },
    )
}

/// A message that compresses well, or not at all, or in parts.
fn any_message() -> impl Strategy<Value = Vec<u8>> {
    let repeated =
        (vec(any::<u8>(), 0..40), 0..60_usize).prop_map(|(bytes, times)| bytes.repeat(times));
    let noise = vec(any::<u8>(), 0..700);
    let both = (vec(any::<u8>(), 0..300), vec(0..4_u8, 0..300))
        .prop_map(|(noise, plain)| [noise, plain].concat());
    prop_oneof![3 => repeated, 2 => noise, 3 => both, 1 => any::<String>().prop_map(String::into_bytes)]
}

/// A client's frame, right or nearly, with a payload that is often DEFLATE.
fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let opcode = prop::sample::select(vec![
        Opcode::Text,
        Opcode::Binary,
        Opcode::Binary,
        Opcode::Continuation,
        Opcode::Continuation,
        Opcode::Ping,
    ]);
    let payload = prop_oneof![
        3 => Just(b"\xf2\x48\xcd\xc9\xc9\x07\x00".to_vec()),
        3 => Just(b"\xf2\x00\x11\x00\x00".to_vec()),
        2 => Just(b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00".to_vec()),
        1 => Just(b"\x03\x00".to_vec()),
        1 => Just(vec![0x00]),
        3 => vec(any::<u8>(), 0..60),
    ];
    let rsv1 = prop::bool::weighted(0.6);
    let fin = prop::bool::weighted(0.7);
    (opcode, fin, rsv1, payload).prop_map(|(opcode, fin, rsv1, payload)| {
        let reserved = ReservedBits {
            rsv1,
            ..ReservedBits::NONE
        };
        let fin = fin || opcode.is_control();
        let mut frame = Vec::new();
        encode_frame(&mut frame, fin, reserved, opcode, Some(KEY), &payload);
        frame
    })
}

fn any_stream() -> impl Strategy<Value = Vec<u8>> {
    let frames = vec(any_frame(), 0..10).prop_map(|frames| frames.concat());
    prop_oneof![4 => frames, 1 => hostile()]
}

fn with_compression(role: Role, agreed: &Parameters) -> Config {
    Config {
        max_frame: 300,
        max_message: 4000,
        extension: Box::new(PermessageDeflate::new(role, agreed, MIN_LENGTH)),
    }
}

/// All events of a server that reads these pieces.
fn events(agreed: &Parameters, pieces: &[&[u8]]) -> Vec<Event> {
    let mut server = Connection::server(with_compression(Role::Server, agreed));
    let mut events = Vec::new();
    for piece in pieces {
        events.extend(server.receive(piece));
    }
    events.extend(server.eof());
    events
}

/// Everything that the payload of one message becomes, when it arrives in these fragments.
fn inflated(context: Context, fragments: &[&[u8]]) -> Result<Vec<u8>, NotDeflate> {
    let mut inflater = Inflater::new(context);
    let mut message = Vec::new();
    let mut take = |inflater: &mut Inflater| -> Result<(), NotDeflate> {
        while let Some(piece) = inflater.next_piece()? {
            assert!(!piece.is_empty() && piece.len() <= 4096);
            message.extend(piece);
        }
        Ok(())
    };
    for fragment in fragments {
        inflater.receive(fragment.to_vec());
        take(&mut inflater)?;
    }
    inflater.finish();
    take(&mut inflater)?;
    Ok(message)
}

proptest! {
    #![proptest_config(config())]

    /// Whatever was agreed on, each message arrives as it was sent, in both directions, however the bytes are cut.
    #[test]
    fn messages_arrive_as_they_were_sent(
        agreed in any_parameters(),
        messages in vec((any::<bool>(), any_message()), 0..12),
        sizes in vec(1..500_usize, 0..20),
    ) {
        let mut server = Connection::server(Config { max_frame: 1 << 20, ..with_compression(Role::Server, &agreed) });
        let config = Config { max_frame: 1 << 20, ..with_compression(Role::Client, &agreed) };
        let mut client = Connection::client(config, || KEY);
        server.receive(&[]);
        client.receive(&[]);
        for (from_server, message) in messages {
            let (sender, receiver) = match from_server {
                true => (&mut server, &mut client),
                false => (&mut client, &mut server),
            };
            sender.send_binary(&message).expect("it is open");
            let bytes = sender.take_outgoing();
            prop_assert!(bytes.len() <= message.len() + 14, "no message gets longer");
            let pieces = pieces(&bytes, &sizes);
            let events: Vec<Event> = pieces.iter().flat_map(|piece| receiver.receive(piece)).collect();
            prop_assert_eq!(events, [Event::Binary(message)]);
        }
    }

    /// Any bytes lead to the same events, however they are cut, and never to a panic.
    #[test]
    fn a_cut_changes_nothing(
        agreed in any_parameters(),
        stream in any_stream(),
        sizes in vec(1..40_usize, 0..30),
    ) {
        prop_assert_eq!(events(&agreed, &[&stream]), events(&agreed, &pieces(&stream, &sizes)));
    }

    /// A payload becomes the same message, or none, in whatever fragments it arrives.
    #[test]
    fn fragments_change_nothing(
        payload in vec(any::<u8>(), 0..200),
        sizes in vec(1..40_usize, 0..30),
    ) {
        let context = Context::default();
        prop_assert_eq!(inflated(context, &[&payload]), inflated(context, &pieces(&payload, &sizes)));
    }
}
