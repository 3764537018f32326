//! Close codes (RFC 6455 §7.4, and IANA's registry since).

/// The meaning of a close code, in words.
pub fn meaning(code: u16) -> &'static str {
    match code {
        1000 => "normal closure",
        1001 => "going away",
        1002 => "protocol error",
        1003 => "unsupported data",
        1005 => "no code was there",
        1006 => "no Close was there",
        1007 => "data that is not what it should be, text that is not UTF-8",
        1008 => "policy violation",
        1009 => "message too big",
        1010 => "an extension is missing",
        1011 => "internal error",
        1012 => "the service restarts",
        1013 => "try again later",
        1014 => "bad gateway",
        1015 => "TLS failed",
        3000..=3999 => "registered by a library",
        4000..=4999 => "the application's own",
        0..1000 | 5000.. => "no code at all",
        _ => "reserved",
    }
}

/// Whether a Close may carry this code. The others stand for what happens without a Close, are reserved, or aren't
/// codes.
pub fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
