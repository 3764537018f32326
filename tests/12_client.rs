//! Step 12, `client`: the side that connects.

use client::Target;
use support::check;

#[test]
fn a_url_has_a_host_and_a_resource_name() {
    check! {
        rfc: "RFC 6455 §3",
        rule: "A URL says where to connect and what to ask for. The default port is 80, and isn't in Host.",
        signs: [],
        shows: || {
            let urls = ["ws://example.org", "ws://example.org:8080/socket?room=1"];
            let rows = urls.map(|url| format!("{url} → {:?}\n", url.parse::<Target>()));
            rows.concat()
        },
    }
}
