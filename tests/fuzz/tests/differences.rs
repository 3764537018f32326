//! Each difference between our reading and tungstenite's, with the bytes that show it. The book
//! includes the table, so it can't say what isn't so: `INSTA_UPDATE=always cargo test -p fuzz` writes
//! it.

use std::fs;

use fuzz::input::Input;
use fuzz::seeds::bytes_of;
use fuzz::targets::differential::Difference::{
    BadGateway, CloseCodeReplaced, LengthNotMinimal, LengthTopBit, TwoReasons,
};
use fuzz::targets::differential::{
    Comparison, Difference, Reading, Seen, compare, is_said_at_once,
};

/// Options of the target: both are servers, both are clients, clients with small limits.
const SERVERS: u8 = 0;
const CLIENTS: u8 = 1;
const SMALL: u8 = 3;

struct Row {
    options: u8,
    /// Bytes in hexadecimal, and how often they come.
    stream: &'static [(&'static str, usize)],
    what: &'static str,
    difference: Option<Difference>,
    /// Who is right, or what each has chosen.
    verdict: &'static str,
}

const ROWS: [Row; 13] = [
    Row {
        options: CLIENTS,
        stream: &[("81 7e 00 05 48 65 6c 6c 6f", 1)],
        what: "5 bytes, the length in 16 bits",
        difference: Some(LengthNotMinimal),
        verdict: "§5.2: the sender MUST use the fewest bytes; the receiver may refuse more or \
                  accept them",
    },
    Row {
        options: CLIENTS,
        stream: &[("89 7e 00 00", 1)],
        what: "the same in a ping",
        difference: Some(LengthNotMinimal),
        verdict: "as above",
    },
    Row {
        options: CLIENTS,
        stream: &[("82 7f 80 00 00 00 00 00 00 00", 1)],
        what: "a 64-bit length with its top bit set",
        difference: Some(LengthTopBit),
        verdict: "§5.2: the bit MUST be 0, so it is a broken rule, 1002. The length is too large as well",
    },
    Row {
        options: SMALL,
        stream: &[("c1 7e 00 c9", 1)],
        what: "RSV1, and a payload above the limit on frames",
        difference: Some(TwoReasons),
        verdict: "both are true; the RFC gives no order",
    },
    Row {
        options: SMALL,
        stream: &[
            ("01 7e 00 c8", 1),
            ("61", 200),
            ("80 7e 00 c8 ff", 1),
            ("61", 199),
        ],
        what: "a text of 400 bytes, 100 above the limit, and its 201st byte is wrong",
        difference: Some(TwoReasons),
        verdict: "both are true; ours goes by the byte that comes first",
    },
    Row {
        options: CLIENTS,
        stream: &[("88 03 03 ed ff", 1)],
        what: "Close 1005 with a reason that isn't UTF-8",
        difference: Some(TwoReasons),
        verdict: "both are true",
    },
    Row {
        options: CLIENTS,
        stream: &[("88 02 03 ed", 1)],
        what: "Close 1005",
        difference: Some(CloseCodeReplaced),
        verdict: "§7.4.1: it MUST NOT be on the wire. Both send 1002. Our application is told the \
                  error, tungstenite's a 1002 that never came",
    },
    Row {
        options: CLIENTS,
        stream: &[("88 02 03 f6", 1)],
        what: "Close 1014",
        difference: Some(BadGateway),
        verdict: "§7.4.2 keeps 1000–2999 for the protocol and additions to it. 1014 was added \
                  (§11.7, IANA's registry), and ours knows it",
    },
    Row {
        options: CLIENTS,
        stream: &[("81 05 ff", 1)],
        what: "the first byte of a text of 5 bytes, and it is wrong",
        difference: None,
        verdict: "§8.1 doesn't say when. Autobahn calls the later moment non-strict",
    },
    Row {
        options: CLIENTS,
        stream: &[("c1 05", 1)],
        what: "RSV1; the payload hasn't come yet",
        difference: None,
        verdict: "§5.2 doesn't say when",
    },
    Row {
        options: SERVERS,
        stream: &[("81 05", 1)],
        what: "a client's frame that isn't masked; its payload hasn't come yet",
        difference: None,
        verdict: "§5.1: \"upon receiving\" it. Both do",
    },
    Row {
        options: CLIENTS,
        stream: &[("01 01 61 81 05", 1)],
        what: "a message inside a message; its payload hasn't come yet",
        difference: None,
        verdict: "§5.4 doesn't say when",
    },
    Row {
        options: SMALL,
        stream: &[
            ("02 7e 00 c8", 1),
            ("00", 200),
            ("80 7e 00 c8", 1),
            ("00", 101),
        ],
        what: "byte 301 of a message with a limit of 300",
        difference: None,
        verdict: "§10.4 asks for a limit, and leaves the rest open",
    },
];

#[test]
fn the_differences_are_those_in_the_book() {
    let mut table = format!(
        "| bytes | what they are | ours | tungstenite {} | RFC 6455 |\n|---|---|---|---|---|\n",
        version()
    );
    for row in &ROWS {
        table += &line(row);
    }
    let settings = {
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("../../snapshots/fuzz");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings
    };
    let shown = format!("ANCHOR: shown\n{table}ANCHOR_END: shown");
    settings.bind(|| insta::assert_snapshot!("differences", shown));
}

#[test]
fn every_name_of_a_difference_has_bytes_that_show_it() {
    let has = |name| ROWS.iter().any(|row| row.difference == Some(name));
    // A name that is added to the type is to be added here.
    let is_listed = |name| match name {
        LengthNotMinimal | LengthTopBit | TwoReasons | CloseCodeReplaced | BadGateway => has(name),
    };
    let names = [
        LengthNotMinimal,
        LengthTopBit,
        TwoReasons,
        CloseCodeReplaced,
        BadGateway,
    ];
    assert!(names.into_iter().all(is_listed));
}

fn line(row: &Row) -> String {
    let parts = row
        .stream
        .iter()
        .map(|(part, times)| bytes_of(part).expect(part).repeat(*times));
    let mut data = vec![row.options, 0xff, 0xff, 0xff];
    data.extend(parts.flatten());
    let input = Input::new(&data).expect("there are options");
    let Comparison {
        ours,
        theirs,
        difference,
    } = compare(&input);
    assert_eq!(difference, row.difference, "{}", row.what);
    let later = if is_said_at_once(&input, &theirs) {
        ""
    } else {
        ", once the frame is whole"
    };
    let shown: Vec<String> = row
        .stream
        .iter()
        .map(|(part, times)| shown(part, *times))
        .collect();
    format!(
        "| {} | {} | {} | {}{later} | {} |\n",
        shown.join(" "),
        row.what,
        described(&ours),
        described(&theirs),
        row.verdict
    )
}

fn shown(part: &str, times: usize) -> String {
    match times {
        1 => format!("`{part}`"),
        times => format!("`{part}` × {times}"),
    }
}

fn described(reading: &Reading) -> String {
    let seen = reading.seen.iter().map(|seen| match seen {
        Seen::Text(text) => format!("text {text:?}"),
        Seen::Binary(bytes) => format!("binary, {} bytes", bytes.len()),
        Seen::Ping(payload) => format!("ping, {} bytes", payload.len()),
        Seen::Pong(payload) => format!("pong, {} bytes", payload.len()),
        Seen::Close(None) => "Close".to_string(),
        Seen::Close(Some((code, reason))) => match reason.as_str() {
            "" => format!("Close {code}"),
            reason => format!("Close {code} {reason:?}"),
        },
        Seen::Failed(code) => format!("fails, {code}"),
    });
    seen.collect::<Vec<_>>().join(", ")
}

/// tungstenite's version, from the table of versions.
fn version() -> String {
    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
    let table = fs::read_to_string(table).expect("the workspace has a table");
    let line = table
        .lines()
        .find(|line| line.starts_with("tungstenite = "));
    let version = line.and_then(|line| line.split('"').nth(1));
    version
        .expect("tungstenite is in it")
        .trim_start_matches('=')
        .to_string()
}
