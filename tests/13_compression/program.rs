//! The program.

use support::check;
use support::program;

#[test]
fn the_table_shows_a_negotiation() {
    check! {
        rfc: "RFC 7692 §7.1",
        rule: "`table` shows which offer is chosen, the answer, and what each side will do.",
        signs: [],
        shows: || {
            program!().runs(&[
                &["table", "permessage-deflate; client_max_window_bits"],
                &["table", "permessage-deflate; server_max_window_bits=8, permessage-deflate; x, permessage-deflate, permessage-deflate"],
                &["--server-forgets", "--client-window", "10", "table", "permessage-deflate; client_max_window_bits"],
                &["table", "x-webkit-deflate-frame"],
                &["table", "permessage-deflate;"],
                &["--server-window", "7", "table", "permessage-deflate"],
                &["table"],
            ])
        },
    }
}
