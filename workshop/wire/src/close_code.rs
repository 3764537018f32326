//! Close codes, in words.

/// What a close code says, and whether it may be sent (RFC 6455 §7.4, and IANA's registry since).
pub fn meaning(code: u16) -> (&'static str, bool) {
    match code {
        1000 => ("normal closure", true),
        1001 => ("going away", true),
        1002 => ("protocol error", true),
        1003 => ("unsupported data", true),
        1005 => ("no code was there", false),
        1006 => ("no Close was there", false),
        1007 => (
            "data that is not what it should be, text that is not UTF-8",
            true,
        ),
        1008 => ("policy violation", true),
        1009 => ("message too big", true),
        1010 => ("an extension is missing", true),
        1011 => ("internal error", true),
        1012 => ("the service restarts", true),
        1013 => ("try again later", true),
        1014 => ("bad gateway", true),
        1015 => ("TLS failed", false),
        3000..=3999 => ("registered by a library", true),
        4000..=4999 => ("the application's own", true),
        0..1000 | 5000.. => ("no code at all", false),
        _ => ("reserved", false),
    }
}
