//! A TCP connection: to which of the addresses, and when.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use client::dial::{DialError, connect_in_turn, connect_to_any};
use client::target::Target;
use client::turn::Turn;
use client::{Settings, connect};
use echo::{Connector, Stream};
use support::check;
use support::machine::stretched;
use support::sign::{missing, too_much, under, yours};

use super::shared::{FOREVER, LONG_ENOUGH, Played, SHORT, SOON, comes_true, right_answer};

/// Three addresses that are nobody's (RFC 5737). The checks don't connect to them.
fn addresses() -> Vec<SocketAddr> {
    let address = |last| SocketAddr::from(([192, 0, 2, last], 9012));
    (1..=3).map(address).collect()
}

/// A connection of which nothing is true but that it was accepted.
#[derive(Debug)]
struct Connected(SocketAddr);

/// Which addresses are tried, if each of them does this, and what comes of it.
fn tries(title: &str, answers: &[Result<(), ErrorKind>]) -> String {
    let addresses = addresses();
    let tried = RefCell::new(String::new());
    let connect = |address: SocketAddr, _: Duration| -> io::Result<Connected> {
        let index = addresses.iter().position(|known| *known == address);
        let answer = answers[index.expect("it is one of the list")];
        let says = answer.map_or_else(|kind| format!("{kind:?}"), |()| "accepts".to_string());
        tried
            .borrow_mut()
            .push_str(&format!("  {address}  {says}\n"));
        answer.map(|()| Connected(address)).map_err(io::Error::from)
    };
    let outcome = match connect_to_any(&addresses[..answers.len()], FOREVER, connect) {
        Ok(Connected(address)) => format!("  → {address}\n"),
        Err(DialError::NoneAccepts(reasons)) => {
            let reasons = reasons.iter();
            let reasons = reasons.map(|(address, error)| format!("{address} {:?}", error.kind()));
            let reasons = Vec::from_iter(reasons).join(", ");
            format!("  → none accepts: [{reasons}]\n")
        }
        Err(other) => format!("  → {other:?}\n"),
    };
    format!("{title}\n{}{outcome}", tried.into_inner())
}

#[test]
fn the_next_address_is_tried() {
    const REFUSED: Result<(), ErrorKind> = Err(ErrorKind::ConnectionRefused);
    check! {
        rfc: "RFC 6455 §4.1",
        rule: "A name's addresses are tried in order, until one accepts. If none does, each has its reason.",
        signs: [
            missing(["192.0.2.2:9012  accepts"]).says(
                "Only the first address is tried. `localhost` is often ::1 first, and a server may listen on \
                 127.0.0.1 alone.",
            ),
            missing(["192.0.2.3:9012  accepts"]).says(
                "Only a refusal leads to the next address. A network that can't be reached, or one that never \
                 answers, is as good a reason.",
            ),
            under("the first accepts", too_much().or(yours(["192.0.2.2:9012"]))).says(
                "The loop goes on after an address has accepted: a server gets connections that nothing uses.",
            ),
            missing(["none accepts: [192.0.2.1:9012 ConnectionRefused, 192.0.2.2:9012"]).says(
                "Not every reason is told. The last address may have failed for a different one.",
            ),
        ],
        shows: || [
            tries("the first accepts", &[Ok(()), Ok(()), Ok(())]),
            tries("the first refuses", &[REFUSED, Ok(())]),
            tries("two can't be reached", &[
                Err(ErrorKind::TimedOut), Err(ErrorKind::NetworkUnreachable), Ok(()),
            ]),
            tries("none accepts", &[REFUSED, Err(ErrorKind::TimedOut), Err(ErrorKind::HostUnreachable)]),
            format!("{}  as a sentence: {}\n", tries("there is none", &[]), DialError::NoneAccepts(Vec::new())),
        ].join("\n"),
    }
}

/// Which part of the time each address gets, if all fail at once.
fn shares() -> String {
    let shares = RefCell::new(String::new());
    let connect = |address: SocketAddr, share: Duration| -> io::Result<()> {
        let share = match share.div_duration_f64(FOREVER) {
            0.0..0.01 => "nothing",
            0.32..0.34 => "a third",
            0.49..0.51 => "half",
            0.99..1.01 => "all",
            _ => "some",
        };
        let share = format!("  {address} may take {share} of the time\n");
        shares.borrow_mut().push_str(&share);
        Err(ErrorKind::ConnectionRefused.into())
    };
    _ = connect_to_any(&addresses(), FOREVER, connect);
    shares.into_inner()
}

/// Whether there is time for the others, if the first takes all of it.
fn nothing_is_left() -> String {
    let shares = RefCell::new(String::new());
    let connect = |address: SocketAddr, share: Duration| -> io::Result<()> {
        let has_time = if share > SHORT / 8 { "time" } else { "no time" };
        let share = format!("  {address} has {has_time}\n");
        shares.borrow_mut().push_str(&share);
        // This is the time that passes, and no wait for anything.
        thread::sleep(SHORT * 2);
        Err(ErrorKind::TimedOut.into())
    };
    _ = connect_to_any(&addresses()[..2], SHORT, connect);
    shares.into_inner()
}

#[test]
fn each_address_has_its_share_of_the_time() {
    check! {
        rfc: "RFC 6455 §4.1",
        rule: "Of three addresses, the first may take a third of the time. Those after it share what is left.",
        signs: [
            under("fail at once", yours(["192.0.2.1", "all of"])).and(under("takes all of it", yours(["has time"]))).says(
                "Each address may take the whole time: three that never answer take three times as long as allowed.",
            ),
            under("fail at once", yours(["192.0.2.1", "all of"])).says(
                "The first address may take all the time that is left: if it never answers, nothing is left for the \
                 others.",
            ),
            under("fail at once", yours(["192.0.2.2", "a third of"])).says(
                "Each address may take the same part of the whole. One that fails at once should leave its time to \
                 those after it.",
            ),
            under("all of it", yours(["has time"])).says(
                "The time that is left is never computed again: together, the addresses take longer than they may.",
            ),
        ],
        shows: || format!(
            "three fail at once\n{}\nthe first takes all of it\n{}",
            shares(),
            nothing_is_left(),
        ),
    }
}

/// A name of the loopback address, or of one that is nobody's.
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

#[test]
fn real_addresses_are_dialled() {
    check! {
        rfc: "RFC 6455 §4.1",
        rule: "An address that refuses, and one whose turn never comes, leave time for one that accepts.",
        signs: [],
        shows: dialled,
    }
}

fn dialled() -> String {
    let played = Played::listen();
    let refuses = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let refuses = refuses.expect("loopback has a free port");
    let never = SocketAddr::new(OTHER, 9012);
    let turn = Turn::wait(OTHER, Duration::ZERO);
    let found =
        |addresses: &[SocketAddr], within| match connect_to_any(addresses, within, connect_in_turn)
        {
            Ok((stream, _)) if stream.peer_addr().ok() == addresses.last().copied() => {
                "the last".to_string()
            }
            Ok(_) => "a different one".to_string(),
            Err(DialError::NoneAccepts(reasons)) => format!("none of {}", reasons.len()),
            Err(other) => format!("{other:?}"),
        };
    let right = played.address();
    // How long the system takes to refuse isn't the same everywhere.
    let long = stretched(LONG_ENOUGH) * 4;
    let rows = [
        ("one that accepts", found(&[right], long)),
        ("one that refuses", found(&[refuses], long)),
        (
            "one that refuses, one that accepts",
            found(&[refuses, right], long),
        ),
        ("two whose turn never comes", found(&[never, never], SHORT)),
    ];
    drop(turn);
    let row = |(title, found): (&str, String)| format!("{title:<36} → {found}\n");
    rows.map(row).concat()
}

#[test]
fn one_connection_at_a_time_is_opened() {
    check! {
        rfc: "RFC 6455 §4.1",
        rule: "While the handshake with an address goes on, the next connection to it waits. Other addresses don't.",
        signs: [
            missing(["held", "the second doesn't connect"]).says(
                "The second connection came while the handshake of the first went on. The turn ends when the opening \
                 handshake does, not when TCP is connected, and it is about the address, whatever the port.",
            ),
            missing(["ended", "the second connects"]).says(
                "The turn ends, and the one that waits for it isn't woken.",
            ),
        ],
        shows: turns,
    }
}

fn turns() -> String {
    let says = |is_there: bool| if is_there { "has its turn" } else { "waits" };
    let first = Turn::wait(LOOPBACK, Duration::ZERO);
    let mut table = format!("the first {}\n", says(first.is_some()));
    let again = Turn::wait(LOOPBACK, Duration::from_millis(1));
    table += &format!("the same address, meanwhile: {}\n", says(again.is_some()));
    let other = Turn::wait(OTHER, Duration::ZERO);
    table += &format!(
        "a different address, meanwhile: {}\n",
        says(other.is_some())
    );
    drop((first, again, other));
    let last = Turn::wait(LOOPBACK, Duration::ZERO);
    table += &format!("the same address, later: {}\n", says(last.is_some()));
    drop(last);
    table
        + "\n"
        + &held("101 and a right answer", |head| right_answer(head, ""))
        + "\n"
        + &held("403", |_| b"HTTP/1.1 403 Forbidden\r\n\r\n".to_vec())
}

/// Two connections to two ports of one address. The first has its answer late.
fn held(title: &str, answer: impl Fn(&str) -> Vec<u8>) -> String {
    let (first, second) = (Played::listen(), Arc::new(Played::listen()));
    let settings = Settings {
        tick: FOREVER,
        connect_within: FOREVER,
        answer_within: FOREVER,
        ..Settings::default()
    };
    let start = |played: &Played| {
        let (target, settings) = (played.target(), settings.clone());
        thread::spawn(move || connect(&target, &settings).map(drop).is_ok())
    };
    let one = start(&first);
    let peer = first.accept_while(stretched(LONG_ENOUGH), || !one.is_finished());
    let mut peer = peer.expect("your client didn't connect");
    let head = peer.head();
    let other = start(&second);
    let says = |is_there: bool| {
        if is_there {
            "connects"
        } else {
            "doesn't connect"
        }
    };
    let early = second.accept_while(SOON, || !other.is_finished());
    let mut held = format!(
        "the first gets {title}\n  while it is held: the second {}\n",
        says(early.is_some())
    );
    peer.send(&answer(&head));
    let late =
        early.or_else(|| second.accept_while(stretched(LONG_ENOUGH), || !other.is_finished()));
    held += &format!("  when it has ended: the second {}\n", says(late.is_some()));
    drop((peer, late, second));
    comes_true(stretched(LONG_ENOUGH), || {
        one.is_finished() && other.is_finished()
    });
    held
}

/// A connector that only says that it was asked.
#[derive(Debug)]
struct Asked;

impl Connector for Asked {
    fn connect(&self, name: &str, _: TcpStream) -> io::Result<Box<dyn Stream>> {
        Err(io::Error::other(format!("asked for {name}")))
    }
}

#[test]
fn only_wss_is_for_the_connector() {
    check! {
        rfc: "RFC 6455 §3",
        rule: "A connector makes the stream of a wss URL. A ws URL is for TCP alone, even if there is a connector.",
        signs: [],
        shows: || {
            let row = |secure: bool| {
                let played = Played::listen();
                let target = Target { secure, ..played.target() };
                let connecting = thread::spawn(move || {
                    let settings = Settings { connector: Some(Arc::new(Asked)), ..Settings::default() };
                    connect(&target, &settings).map(|_| ())
                });
                let server = played.accept_while(stretched(LONG_ENOUGH), || !connecting.is_finished());
                let server = server.map(|mut server| {
                    if !secure {
                        let answer = server.answer("");
                        server.send(&answer);
                    }
                    server
                });
                let outcome = connecting.join().expect("it has not panicked");
                drop(server);
                let scheme = if secure { "wss" } else { "ws" };
                outcome.map_or_else(|error| format!("{scheme}: {error}\n"), |()| format!("{scheme}: open\n"))
            };
            row(false) + &row(true)
        },
    }
}
