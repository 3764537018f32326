//! Two of step 13's ends, with any settings, which negotiate and then talk.

use arbitrary::{Arbitrary, Unstructured};
use compression::negotiate::{check_answer, choose};
use compression::{Compression, Context, Parameters, PermessageDeflate, WindowBits};
use connection::{Config, Connection, Event};
use frames::Role;
use handshake::extensions;

/// The most that a message is made to have.
const MOST: usize = 1 << 17;
const KEY: [u8; 4] = [1, 2, 3, 4];

/// What both sides would like, and what they say.
#[derive(Debug, Arbitrary)]
struct Script {
    client: Settings,
    server: Settings,
    messages: Vec<Said>,
}

#[derive(Debug, Arbitrary)]
struct Settings {
    server: Side,
    client: Side,
    min_length: u8,
    for_many: bool,
}

#[derive(Debug, Arbitrary)]
struct Side {
    window: u8,
    is_taken_over: bool,
}

#[derive(Debug, Arbitrary)]
struct Said {
    by_client: bool,
    is_text: bool,
    bytes: Vec<u8>,
    /// How often the bytes are repeated.
    times: u16,
    /// The sizes of the pieces in which the frame arrives.
    size: u16,
}

/// Panics where one of these doesn't hold:
/// - a client accepts what a server of ours answers to its offer, and both then mean the same;
/// - the answer asks no more of either side than the offer and the server's settings do;
/// - every message arrives as it was sent, one event each, in pieces of any size.
pub fn judge(data: &[u8]) {
    let Ok(script) = Script::arbitrary_take_rest(Unstructured::new(data)) else {
        return;
    };
    let (wanted, server) = (compression(&script.client), compression(&script.server));
    let offer = wanted.offered();
    let field = offer.write(Role::Client);
    let offers = extensions::parse(&field).expect("our offer has the right form");
    assert_eq!(
        Parameters::read(&offers[0], Role::Client),
        Ok(offer),
        "{field}"
    );
    let Some(answer) = choose(&offers, &server) else {
        let window = wanted.server.window.min(server.server.window);
        assert!(
            window == WindowBits::MIN || server.for_many,
            "{field} is declined"
        );
        return;
    };
    let field = answer.write(Role::Server);
    let chosen = extensions::parse(&field).expect("our answer has the right form");
    let agreed = check_answer(&offer, &chosen);
    let agreed = agreed.expect("our answer suits").expect("it isn't empty");
    check_agreed(&wanted, &server, &agreed, &answer);
    talk(&script, &wanted, &server, &agreed, &answer);
}

fn compression(settings: &Settings) -> Compression {
    let context = |side: &Side| Context {
        window: WindowBits::new(8 + side.window % 8).expect("8 to 15 bits"),
        is_taken_over: side.is_taken_over,
    };
    Compression {
        server: context(&settings.server),
        client: context(&settings.client),
        min_length: settings.min_length.into(),
        for_many: settings.for_many,
    }
}

/// The server's side is understood in the same way by both. The client may do less than it is allowed to.
fn check_agreed(
    client: &Compression,
    server: &Compression,
    agreed: &Parameters,
    answer: &Parameters,
) {
    let both = [client, server];
    let side = answer.context_of(Role::Server);
    assert_eq!(agreed.context_of(Role::Server), side, "the server's side");
    assert!(both.iter().all(|it| side.window <= it.server.window));
    assert!(!side.is_taken_over || both.iter().all(|it| it.server.is_taken_over));
    let (does, may) = (
        agreed.context_of(Role::Client),
        answer.context_of(Role::Client),
    );
    assert!(does.window <= may.window, "the client's window");
    assert!(
        !does.is_taken_over || may.is_taken_over,
        "the client's context"
    );
    assert!(both.iter().all(|it| does.window <= it.client.window));
    assert!(!does.is_taken_over || both.iter().all(|it| it.client.is_taken_over));
}

fn talk(
    script: &Script,
    wanted: &Compression,
    settings: &Compression,
    agreed: &Parameters,
    answer: &Parameters,
) {
    let config = |role, parameters, min_length| Config {
        extension: Box::new(PermessageDeflate::new(role, parameters, min_length)),
        ..Config::default()
    };
    let mut client = Connection::client(config(Role::Client, agreed, wanted.min_length), || KEY);
    let mut server = Connection::server(config(Role::Server, answer, settings.min_length));
    for connection in [&mut client, &mut server] {
        assert_eq!(connection.receive(&[]), [Event::Open]);
    }
    for said in &script.messages {
        let (from, to) = match said.by_client {
            true => (&mut client, &mut server),
            false => (&mut server, &mut client),
        };
        let message = message(said);
        let sent = match &message {
            Event::Text(text) => from.send_text(text),
            Event::Binary(bytes) => from.send_binary(bytes),
            _ => Ok(()),
        };
        sent.expect("the connection is open");
        let wire = from.take_outgoing();
        let pieces = wire.chunks(usize::from(said.size).max(1));
        let events = Vec::from_iter(pieces.flat_map(|piece| to.receive(piece)));
        assert!(events == [message], "a message that isn't the same");
    }
}

/// What is said, as the event that it must become.
fn message(said: &Said) -> Event {
    let times = (MOST / said.bytes.len().max(1)).min(said.times.into());
    let bytes = said.bytes.repeat(times);
    match said.is_text {
        true => Event::Text(String::from_utf8_lossy(&bytes).into_owned()),
        false => Event::Binary(bytes),
    }
}
